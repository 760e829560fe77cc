"""The sheet By visit: one row per subject and side, a grade for each visit, and the change from the baseline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean

from toolkit.records import PhotoGrade
from toolkit.study.dates import visits_in_days
from toolkit.study.visits import baseline_of, visit_order
from toolkit.tables import Value

BY_VISIT = "By visit"
WHO = ("subject", "side", "baseline_visit")  # its first columns
CHANGE_TO = "change to "

_Given = dict[str, list[float]]  # grades by visit


def visit_rows(grades: Iterable[PhotoGrade]) -> list[dict[str, Value]]:
    """The rows, in order of first appearance; none where all photos are of one visit.

    Photos of one subject, side and visit count with the mean of their grades (0-9); a change is that of the visit less
    that of the baseline: Baseline, or where a side has none its earliest visit. Empty where there is no grade.
    Visits that are dates are told as days since the subject's first.
    """
    sides: dict[tuple[str, str | None], _Given] = {}
    found = list(grades)
    for one, visit in zip(found, visits_in_days([one.facts for one in found]), strict=True):
        if visit:
            given = sides.setdefault((one.facts.subject, one.facts.side), {})
            given.setdefault(visit, []).extend([] if one.grade is None else [one.grade])
    visits = sorted({visit for given in sides.values() for visit in given}, key=visit_order)
    if len(visits) < 2:
        return []
    rows = [_row(subject, side, given) for (subject, side), given in sides.items()]
    changes = [f"{CHANGE_TO}{visit}" for visit in visits if any(f"{CHANGE_TO}{visit}" in row for row in rows)]
    columns = [*WHO, *map(_column, visits), *changes]
    return [{column: row.get(column) for column in columns} for row in rows]


def _row(subject: str, side: str | None, given: _Given) -> Mapping[str, Value]:
    baseline = baseline_of(given)
    means = {visit: fmean(here) for visit, here in given.items() if here}
    row: dict[str, Value] = {"subject": subject, "side": side, "baseline_visit": baseline}
    row |= {_column(visit): mean for visit, mean in means.items()}
    if baseline in means:
        later = [visit for visit in means if visit_order(visit) > visit_order(baseline)]
        row |= {f"{CHANGE_TO}{visit}": means[visit] - means[baseline] for visit in later}
    return row


def _column(visit: str) -> str:
    """The heading of a visit's grades, which is none of the others."""
    return f"visit {visit}" if visit in WHO or visit.startswith(CHANGE_TO) else visit
