"""What a trial can show: the error of a measurement, the sample size for an effect, and the effect for a sample size."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.trial.model import VISIT, Model
from toolkit.trial.records import TrialTable
from toolkit.trial.visits import changes_of

_ALPHA = 0.05  # two-sided
_MOST = 100_000  # subjects per arm beyond which nobody wants to know the number


@dataclass(frozen=True)
class MeasurementLine:
    """The standard error of measurement ``sem`` of one side at one visit, in grades, by its ``source``.

    ``detectable_side``: 1.96 sqrt(2) SEM, the smallest change of one side between two visits that is beyond error with
    95 % confidence (Weir, J Strength Cond Res 19 (2005) 231-240); ``detectable_mean``: of the mean of two sides, whose
    errors are independent but for what they share at a visit.
    """

    source: str
    sem: float
    detectable_side: float
    detectable_mean: float | None


@dataclass(frozen=True)
class SampleSize:
    """The sample size of a two-sided t-test of two arms' changes at ``visit``, at 5 %.

    ``sd``: of subjects' changes, pooled over arms. ``per_arm`` subjects show a difference of ``effect`` grades with
    ``power``; None where not defined, or over 100,000. ``shown``: by arm, the smallest difference that its number of
    subjects and the reference's could have shown with this power; of a single arm, the smallest change from baseline.
    """

    visit: str
    effect: float
    power: float
    sd: float
    per_arm: int | None
    shown: tuple[tuple[str, float], ...]


def measurement_lines(table: TrialTable, model: Model | None) -> tuple[MeasurementLine, ...]:
    """What the data tell of the error of measurement: from the residual of the mixed model where sides were graded at
    several visits after baseline, and from photographs of one side and visit where there are several."""
    lines = []
    two_sides = len({one.side for one in table.grades}) > 1
    if model is not None and len(model.visits) > 1 and model.log_likelihood is not None:
        residual = model.sds["residual"]
        shared = model.sds.get(VISIT, 0.0)
        if shared:
            lines.append(
                _line("mixed model: residual and what the sides of a subject share at a visit", math.hypot(residual, shared),
                      math.sqrt(shared**2 + residual**2 / 2))
            )  # fmt: skip
        lines.append(_line("mixed model: residual", residual, residual / math.sqrt(2) if two_sides else None))
    if len(table.retakes) > 1:
        squares = sum(float(np.var(grades)) * len(grades) for grades in table.retakes)
        sem = math.sqrt(squares / sum(len(grades) - 1 for grades in table.retakes))
        lines.append(_line(f"repeated photographs of {len(table.retakes)} sides at a visit", sem, None))
    return tuple(lines)


def _line(source: str, sem: float, of_mean: float | None) -> MeasurementLine:
    factor = 1.96 * math.sqrt(2)
    return MeasurementLine(source, sem, factor * sem, None if of_mean is None else factor * of_mean)


def sample_size(table: TrialTable, visit: str | None, effect: float, power: float) -> SampleSize | None:
    """The sample size for ``effect`` (grades) at the SD of change at ``visit``; None where no SD is known or it is 0."""
    if visit is None:
        return None
    arms = {arm: changes_of(table, visit, arm) for arm in table.arms}
    freedom = sum(max(len(changes) - 1, 0) for changes in arms.values())
    if not freedom:
        return None
    sd = math.sqrt(
        sum(float(changes.var()) * len(changes) for changes in arms.values() if len(changes)) / freedom
    )
    if sd < 1e-9:
        return None
    counts = {arm: len(changes) for arm, changes in arms.items()}
    return SampleSize(
        visit, effect, power, sd, _per_arm(effect / sd, power), tuple(_shown(table.arms, counts, sd, power))
    )


def _per_arm(standardised: float, power: float) -> int | None:
    """Subjects per arm, at least 2, for a difference in units of the SD."""
    from statsmodels.stats.power import TTestIndPower

    test = TTestIndPower()
    # The bounds first, by the effect that they show: far beyond them the power itself is no longer computed.
    largest, smallest = (_solved(test, power, nobs1=count, ratio=1.0) for count in (2, _MOST))
    if largest is None or smallest is None or standardised < smallest:
        return None
    if standardised >= largest:
        return 2
    found = _solved(test, power, effect_size=standardised)
    return None if found is None else math.ceil(found - 1e-6)


def _shown(arms: Sequence[str], counts: dict[str, int], sd: float, power: float) -> list[tuple[str, float]]:
    from statsmodels.stats.power import TTestIndPower, TTestPower

    reference = counts[arms[0]]
    if len(arms) == 1:
        found = _solved(TTestPower(), power, nobs=reference) if reference > 1 else None
        return [] if found is None else [(arms[0], found * sd)]
    shown = []
    for arm in arms[1:]:
        if min(reference, counts[arm]) > 1:
            found = _solved(TTestIndPower(), power, nobs1=reference, ratio=counts[arm] / reference)
            shown += [] if found is None else [(arm, found * sd)]
    return shown


def _solved(test: Any, power: float, **known: float) -> float | None:
    """What ``solve_power`` finds for what is not ``known``; None where it finds nothing."""
    with warnings.catch_warnings():  # of no solution, which is told by a value that is none
        warnings.simplefilter("ignore")
        found = float(np.squeeze(test.solve_power(alpha=_ALPHA, power=power, **known)))
    return found if math.isfinite(found) else None
