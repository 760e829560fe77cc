"""How often a trial like this one would find its effect, told in two ways.

Resampled: whole subjects, with all their photographs, are drawn from their own arm. The errors of measurement and how
subjects differ come from the trial as they are, and so does the effect: luck of this trial is in it. Drawn from both
arms together there is no effect: a test at 5 % should then find one in 5 %.

Simulated: new trials are planned with the planned effect, and graded as this one was: a grade is the known grade times a
slope, which is that of grades on known grades within a side, and the errors of a subject drawn from this trial, all
sides and visits of it together. Of what is known of changes on the skin alone, the straight line on the known change of
a subject, and one of the errors about it. That leaves the luck out, and takes errors for alike at all grades.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.trial.outcomes import Grades, Outcome, table_of
from benchmarks.trial.plan import SEED, TREATED, plan_trial
from toolkit.trial.mixed import NotFittedError
from toolkit.trial.model import fit_model
from toolkit.trial.records import Contrast

Float = NDArray[np.float64]
Arms = NDArray[np.bool_]
ALPHA = 0.05


def resampled(treated: Arms, per_arm: int, count: int, *, together: bool = False) -> list[NDArray[np.intp]]:
    """``count`` draws of subjects with replacement, (2 per_arm,): first the control arm's, then the treated arm's;
    ``together``: all of them of both arms."""
    rng = np.random.default_rng([91, per_arm, together])
    everybody = np.arange(len(treated))
    arms = [everybody] * 2 if together else [np.flatnonzero(~treated), np.flatnonzero(treated)]
    return [np.concatenate([rng.choice(arm, per_arm) for arm in arms]) for _ in range(count)]


def second_half(per_arm: int) -> Arms:
    """Who is treated in a resampled or simulated trial."""
    return np.repeat([False, True], per_arm)


@cache
def planned(per_arm: int, count: int) -> Float:
    """Known grades (count, 2 per_arm, 2, visits) of newly planned trials, the control arm first."""
    trials = []
    for number in range(count):
        plan = plan_trial(2 * per_arm, SEED + 1 + number, centred=False)
        grades = np.array([[course["left"], course["right"]] for course in plan.courses])
        trials.append(grades[np.argsort([arm == TREATED for arm in plan.arms], kind="stable")])
    return np.array(trials)


def graded_anew(grades: Grades, known: Grades, per_arm: int, count: int) -> Iterator[Grades]:
    """The planned trials, graded as ``grades`` did."""
    seen, true = (one.values - one.values.mean(axis=2, keepdims=True) for one in (grades, known))
    slope = float((seen * true).sum() / (true**2).sum())
    errors = grades.values - slope * known.values
    rng = np.random.default_rng([92, per_arm])
    for trial in planned(per_arm, count):
        drawn = errors[rng.integers(len(errors), size=len(trial))]
        yield Grades(grades.title, np.clip(slope * trial + drawn, 0, 9))


def seen_anew(outcome: Outcome, known: Outcome, per_arm: int, count: int) -> Iterator[Outcome]:
    """The outcome in the planned trials, by its line on the change of known grades."""
    there = np.isfinite(outcome.values)
    line = np.polynomial.Polynomial.fit(known.values[there], outcome.values[there], 1)
    errors = outcome.values[there] - line(known.values[there])
    rng = np.random.default_rng([93, per_arm])
    for trial in planned(per_arm, count):
        change = Grades("", trial).change().values
        yield Outcome(outcome.title, line(change) + rng.choice(errors, len(change)))


def power_of_test(trials: Iterable[Float], per_arm: int) -> float:
    """The share of trials, each (2 per_arm,), the control arm first, in which Welch's t-test finds a difference; missing
    values are left out."""
    from scipy.stats import ttest_ind

    values = np.array(list(trials))
    with warnings.catch_warnings():  # of draws of nearly one subject, whose variance is next to nothing
        warnings.simplefilter("ignore", RuntimeWarning)
        p = ttest_ind(
            values[:, per_arm:], values[:, :per_arm], axis=1, equal_var=False, nan_policy="omit"
        ).pvalue
    return float(np.mean(np.asarray(p) < ALPHA))


def power_of_model(trials: Iterable[Float], per_arm: int, visits: Sequence[str]) -> float:
    """The share of trials, each (2 per_arm, 2, visits), in which the mixed model of ``toolkit trial`` finds a difference at
    the last visit; a model that cannot be fitted finds none."""
    found = [model_difference(values, second_half(per_arm), visits) for values in trials]
    return float(np.mean([one is not None and (one.p or 1.0) < ALPHA for one in found]))


def model_difference(values: Float, treated: Arms, visits: Sequence[str]) -> Contrast | None:
    """The difference of the arms at the last visit by the mixed model; None where it cannot be fitted."""
    try:
        lines = fit_model(table_of(values, treated, visits)).lines
    except NotFittedError:
        return None
    return next((line.difference for line in lines if line.visit == visits[-1] and line.difference), None)
