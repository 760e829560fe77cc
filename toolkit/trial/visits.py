"""What was seen at each visit, by arm: means of subjects, their changes from baseline, and differences of these."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.agreement.reliability import Estimate
from toolkit.trial.records import Contrast, TrialTable

Float = NDArray[np.float64]


@dataclass(frozen=True)
class VisitLine:
    """A visit of an arm, in grades; the sides of a subject are averaged first.

    ``mean`` and ``sd`` over ``subjects``; ``change`` and ``change_sd`` over the ``changed``, who have a grade of the same
    side at baseline. ``difference``: of change, this arm less the reference; None for the reference, at baseline and before.
    Intervals of 95 %: by t; of differences by Welch's t.
    """

    visit: str
    arm: str
    subjects: int
    sides: int
    mean: Estimate
    sd: float | None
    changed: int
    change: Estimate
    change_sd: float | None
    difference: Contrast | None


def visit_lines(table: TrialTable) -> tuple[VisitLine, ...]:
    """A line a visit and arm, visits in order, the reference first."""
    return tuple(_line(table, visit, arm) for visit in table.visits for arm in table.arms)


def _line(table: TrialTable, visit: str, arm: str) -> VisitLine:
    grades = np.array(list(table.means.get((visit, arm), {}).values()))
    changes = changes_of(table, visit, arm)
    compared = visit in table.after and arm != table.reference
    return VisitLine(
        visit,
        arm,
        len(grades),
        sum(one.visit == visit and one.arm == arm for one in table.grades),
        mean_of(grades),
        _sd(grades),
        len(changes),
        mean_of(changes),
        _sd(changes),
        difference_of(changes_of(table, visit, table.reference), changes) if compared else None,
    )


def changes_of(table: TrialTable, visit: str, arm: str) -> Float:
    """The changes from baseline of an arm's subjects at a visit."""
    return np.array(list(table.subject_changes.get((visit, arm), {}).values()))


def mean_of(values: Sequence[float] | Float) -> Estimate:
    """The mean with its 95 % interval by Student's t; without one for fewer than two values."""
    x = np.asarray(values, float)
    if not len(x):
        return Estimate(None)
    if len(x) < 2 or np.ptp(x) == 0:
        return Estimate(float(x.mean()))

    from scipy.stats import ttest_1samp

    interval = ttest_1samp(x, 0.0).confidence_interval(0.95)
    return Estimate(float(x.mean()), float(interval.low), float(interval.high))


def difference_of(reference: Float, other: Float) -> Contrast:
    """The mean of ``other`` less that of ``reference``, by Welch's t, which lets the arms' variances differ."""
    if not len(reference) or not len(other):
        return Contrast(None)
    value = float(other.mean() - reference.mean())
    if min(len(reference), len(other)) < 2 or np.ptp(reference) == np.ptp(other) == 0:
        return Contrast(value)

    from scipy.stats import ttest_ind

    with warnings.catch_warnings():  # an arm whose changes are all the same has its mean for certain
        warnings.simplefilter("ignore", RuntimeWarning)
        found = ttest_ind(other, reference, equal_var=False)
    interval = found.confidence_interval(0.95)
    return Contrast(value, float(interval.low), float(interval.high), float(found.pvalue))


def _sd(values: Float) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None


def last_visit(table: TrialTable) -> str | None:
    """The last visit at which every arm has two subjects with a change, else one, else any has; None without one."""
    counts = {visit: [len(changes_of(table, visit, arm)) for arm in table.arms] for visit in table.after}
    for enough in (
        [visit for visit, here in counts.items() if min(here) > 1],
        [visit for visit, here in counts.items() if min(here) > 0],
        [visit for visit, here in counts.items() if max(here) > 0],
    ):
        if enough:
            return enough[-1]
    return None
