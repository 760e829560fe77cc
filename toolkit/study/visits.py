"""The order of a study's visits, and which of them is the baseline of a subject's side."""

from __future__ import annotations

import re
from collections.abc import Iterable

_DAYS = {"Day": 1, "Week": 7, "Month": 365.25 / 12}
BASELINE, SCREENING = "Baseline", "Screening"


def visit_order(visit: str) -> tuple[float, str, list[tuple[int, str]], str]:
    """Screening, Baseline, then by time as far as visits tell, then by their names and numbers."""
    days = {SCREENING: -1.0}.get(visit, visit_days(visit))
    # A longer number is a larger one: names come from others, and Python refuses to read thousands of digits.
    numbers = [(len(digits), digits) for digits in re.findall(r"0*(\d+)", visit)]
    return (float("inf") if days is None else days), re.sub(r"\d+", "", visit), numbers, visit


def visit_days(visit: str) -> float | None:
    """Days since baseline; None where the visit does not tell."""
    if visit == BASELINE:
        return 0.0
    if both := re.fullmatch(r"Week \d+ Day (\d{1,4})", visit):
        return float(both[1])
    found = re.fullmatch(r"(Day|Week|Month) (\d{1,4})", visit)
    return _DAYS[found[1]] * int(found[2]) if found else None


def visit_number(visit: str) -> int | None:
    """The number of a visit that is named by its number ("Visit 3")."""
    found = re.fullmatch(r"Visit (\d{1,4})", visit)
    return int(found[1]) if found else None


def baseline_of(visits: Iterable[str]) -> str:
    """The visit that the others are compared with: Baseline where there is one, else the earliest."""
    known = set(visits)
    return BASELINE if BASELINE in known else min(known, key=visit_order)
