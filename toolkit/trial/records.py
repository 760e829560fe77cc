"""The joined rows of a trial: grades by subject, arm, side and visit, and what is missing of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from toolkit.agreement.reliability import Estimate

ALL = "all subjects"  # the arm of a study without arms


@dataclass(frozen=True)
class SideGrade:
    """The grade (0-9) of one side of a subject at a visit: the mean of its ``photos``. ``side`` is "" where not told."""

    subject: str
    arm: str
    side: str
    visit: str
    grade: float
    photos: int = 1


@dataclass(frozen=True)
class Change:
    """What a side changed by, in grades, from its ``base`` at the baseline visit to a later ``visit``; negative is
    better."""

    subject: str
    arm: str
    side: str
    visit: str
    base: float
    change: float


@dataclass(frozen=True)
class Gap:
    """Something that is not in the analysis, and why."""

    kind: str
    reason: str
    subject: str | None = None
    arm: str | None = None
    side: str | None = None
    visit: str | None = None


@dataclass(frozen=True)
class Contrast:
    """A difference, other arm less reference, with its 95 % interval and two-sided p; None where undefined."""

    value: float | None
    lower: float | None = None
    upper: float | None = None
    p: float | None = None
    se: float | None = None

    @property
    def estimate(self) -> Estimate:
        """The difference without its p."""
        return Estimate(self.value, self.lower, self.upper)


@dataclass(frozen=True, eq=False)
class TrialTable:
    """The grades of a trial.

    ``arms``: the reference first, then by name; ``(ALL,)`` without arms. ``visits`` in order of time, ``baseline`` one of
    them. ``grades``: one a subject, side and visit. ``gaps``: what is missing or left out. ``notes``: what a reader
    should know of the rows. ``machine``: ``toolkit grade`` wrote the grades. ``retakes``: by subject, side and visit the
    grades of several photographs.
    """

    source: Path
    grader: str
    arms: tuple[str, ...]
    visits: tuple[str, ...]
    baseline: str
    grades: tuple[SideGrade, ...]
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()
    machine: bool = False
    retakes: tuple[tuple[float, ...], ...] = field(default=())

    @property
    def reference(self) -> str:
        """The arm that others are compared with."""
        return self.arms[0]

    @property
    def after(self) -> tuple[str, ...]:
        """The visits after baseline."""
        return self.visits[self.visits.index(self.baseline) + 1 :]

    @cached_property
    def arm_of(self) -> Mapping[str, str]:
        """The arm of each subject."""
        return {grade.subject: grade.arm for grade in self.grades}

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """What each side that has a baseline changed by, at every later visit that has a grade."""
        base = {(one.subject, one.side): one.grade for one in self.grades if one.visit == self.baseline}
        later = set(self.after)
        return tuple(
            Change(one.subject, one.arm, one.side, one.visit, start, one.grade - start)
            for one in self.grades
            if one.visit in later and (start := base.get((one.subject, one.side))) is not None
        )

    @cached_property
    def means(self) -> Mapping[tuple[str, str], Mapping[str, float]]:
        """By visit and arm: the grade of each subject, the mean of its sides."""
        return _by_subject((one.visit, one.arm, one.subject, one.grade) for one in self.grades)

    @cached_property
    def subject_changes(self) -> Mapping[tuple[str, str], Mapping[str, float]]:
        """By visit and arm: the change of each subject from baseline, the mean of its sides."""
        return _by_subject((one.visit, one.arm, one.subject, one.change) for one in self.changes)


def _by_subject(rows: Iterable[tuple[str, str, str, float]]) -> Mapping[tuple[str, str], Mapping[str, float]]:
    found: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for visit, arm, subject, value in rows:
        found[visit, arm][subject].append(value)
    return {
        key: {subject: float(np.mean(values)) for subject, values in here.items()}
        for key, here in found.items()
    }
