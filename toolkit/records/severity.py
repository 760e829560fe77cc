"""Grades in words: one rule for the workbook, the report page, its bars and the help."""

from __future__ import annotations

import math
from dataclasses import dataclass

TOP_GRADE = 9.0


@dataclass(frozen=True)
class Severity:
    """A word for the half steps from ``first`` to ``last``, both included, and the grades from ``low`` up to ``high`` that
    round to them."""

    name: str
    first: float
    last: float

    @property
    def low(self) -> float:
        """The lowest grade that rounds to ``first``."""
        return max(self.first - 0.25, 0.0)

    @property
    def high(self) -> float:
        """The grade from which on the next word holds, or the end of the scale."""
        return min(self.last + 0.25, TOP_GRADE)


# The clinical scale names whole grades: 0 none, 1-3 mild, 4-6 moderate, 7-9 severe. A half step between two words goes to
# the milder one, but 0.5 is not none.
SEVERITIES = (
    Severity("none", 0.0, 0.0),
    Severity("mild", 0.5, 3.5),
    Severity("moderate", 4.0, 6.5),
    Severity("severe", 7.0, TOP_GRADE),
)
SEVERITY_WORDS = tuple(one.name for one in SEVERITIES)
# As help, dictionary and documents say it.
SEVERITY_TOLD = ", ".join(
    f"{one.name} {one.first:g}" + (f" to {one.last:g}" if one.last > one.first else "") for one in SEVERITIES
)


def half_step(grade: float) -> float:
    """A grade (0-9) rounded to half steps; 0.25 and the like are rounded up, as they are printed."""
    return math.floor(2 * grade + 0.5) / 2


def severity_of(grade: float) -> str:
    """The word for a grade (0-9), by its half step; raises ValueError off the scale."""
    step = half_step(grade)
    for one in SEVERITIES:
        if one.first <= step <= one.last:
            return one.name
    raise ValueError(f"a grade lies in 0-9, got {grade}")
