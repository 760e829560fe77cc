"""Visits in order of time, the days that CDISC counts, and the visit that changes count from."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.errors import GradesError
from toolkit.study.names import visit_label
from toolkit.study.visits import BASELINE, SCREENING, visit_days, visit_number


def planned_day(visit: str) -> int | None:
    """The planned study day by CDISC's count, in which baseline is day 1 and there is no day 0; None for months, whose
    days are not known, and for other names."""
    days = visit_days(visit)
    return None if days is None or visit.startswith("Month ") else int(days) + 1


def in_order(visits: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The visits, given as they appear, in order of time; and a remark where that had to be guessed.

    Screening comes before Baseline; then weeks, days and months by their days, or visits by their numbers. Others are
    taken to come after all these, as they appear.
    """
    unique = list(dict.fromkeys(visits))
    timed = sorted(
        (visit for visit in unique if visit_days(visit) is not None), key=lambda v: visit_days(v) or 0.0
    )
    numbered = sorted(
        (visit for visit in unique if visit_number(visit) is not None), key=lambda v: visit_number(v) or 0
    )
    first = [visit for visit in unique if visit == SCREENING]
    others = [visit for visit in unique if visit not in {*first, *timed, *numbered}]
    if numbered and not set(timed) <= {
        BASELINE
    }:  # which of a week and a visit number comes first is not known
        others, numbered = [visit for visit in unique if visit in {*others, *numbered}], []
    remark = ""
    if others:
        remark = f"the time of {', '.join(others)} is not known: taken to come last, in this order"
    return (*first, *timed, *numbered, *others), remark


def chosen_baseline(visits: Sequence[str], wanted: str | None) -> str:
    """The visit that changes count from: the one ``wanted``, else Baseline, else the first. Raises GradesError."""
    if wanted is None:
        return BASELINE if BASELINE in visits else visits[0]
    label = visit_label(wanted)
    found = [visit for visit in visits if visit == label or visit.casefold() == label.casefold()]
    if not found:
        raise GradesError(f"--baseline {wanted}: there is no such visit: use one of {', '.join(visits)}")
    return found[0]
