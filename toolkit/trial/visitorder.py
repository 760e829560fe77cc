"""Visits in order of time, and the days that their names tell."""

from __future__ import annotations

import re
from collections.abc import Sequence

from toolkit.errors import GradesError
from toolkit.study.names import visit_label

_WEEK = re.compile(r"Week (\d+)(?: Day (\d+))?")
_DAY = re.compile(r"Day (\d+)")
_MONTH = re.compile(r"Month (\d+)")
_NUMBER = re.compile(r"Visit (\d+)")
_DAYS_A_MONTH = 365.25 / 12


def days_of(visit: str) -> float | None:
    """Days since baseline, as the visit's name tells: Week 4 is 28, Month 1 30.4; None where it tells none."""
    if visit == "Baseline":
        return 0.0
    if found := _WEEK.fullmatch(visit):
        return float(found[2]) if found[2] else 7.0 * int(found[1])
    if found := _DAY.fullmatch(visit):
        return float(found[1])
    if found := _MONTH.fullmatch(visit):
        return _DAYS_A_MONTH * int(found[1])
    return None


def planned_day(visit: str) -> int | None:
    """The planned study day by CDISC's count, in which baseline is day 1 and there is no day 0; None for months, whose
    days are not known, and for other names."""
    days = days_of(visit)
    return None if days is None or visit.startswith("Month ") else int(days) + 1


def number_of(visit: str) -> int | None:
    """The number of a visit that is named by its number ("Visit 3")."""
    found = _NUMBER.fullmatch(visit)
    return int(found[1]) if found else None


def in_order(visits: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The visits, given as they appear, in order of time; and a remark where that had to be guessed.

    Screening comes before Baseline; then weeks, days and months by their days, or visits by their numbers. Others are
    taken to come after all these, as they appear.
    """
    unique = list(dict.fromkeys(visits))
    timed = sorted((visit for visit in unique if days_of(visit) is not None), key=lambda v: days_of(v) or 0.0)
    numbered = sorted(
        (visit for visit in unique if number_of(visit) is not None), key=lambda v: number_of(v) or 0
    )
    first = [visit for visit in unique if visit == "Screening"]
    others = [visit for visit in unique if visit not in {*first, *timed, *numbered}]
    if (
        not set(timed) <= {"Baseline"} and numbered
    ):  # which of a week and a visit number comes first is not known
        others, numbered = [visit for visit in unique if visit in {*others, *numbered}], []
    remark = ""
    if others:
        remark = f"the time of {', '.join(others)} is not known: taken to come last, in this order"
    return (*first, *timed, *numbered, *others), remark


def baseline_of(visits: Sequence[str], wanted: str | None) -> str:
    """The visit that changes count from: the one ``wanted``, else Baseline, else the first. Raises GradesError."""
    if wanted is None:
        return "Baseline" if "Baseline" in visits else visits[0]
    label = visit_label(wanted)
    found = [visit for visit in visits if visit == label or visit.casefold() == label.casefold()]
    if not found:
        raise GradesError(f"--baseline {wanted}: there is no such visit: use one of {', '.join(visits)}")
    return found[0]
