"""Responders: how many subjects of each arm are better than at baseline by so many grades."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.agreement.reliability import Estimate
from toolkit.trial.records import Contrast, TrialTable
from toolkit.trial.visits import changes_of

_TOLERANCE = 1e-9  # of a change that is a grade by its decimals, such as 0.1 + 0.2


@dataclass(frozen=True)
class ResponderLine:
    """A visit of an arm: ``responders`` among ``subjects`` that have a change, as a ``share`` (0-1) with Wilson's 95 %
    interval. ``difference``: of shares, this arm less the reference, with Newcombe's interval and the p of Fisher's exact
    test; None for the reference."""

    visit: str
    arm: str
    subjects: int
    responders: int
    share: Estimate
    difference: Contrast | None


def responder_lines(table: TrialTable, threshold: float = 1.0) -> tuple[ResponderLine, ...]:
    """A line a visit after baseline and arm. A subject responds whose change, the mean of its sides, is at least
    ``threshold`` grades down."""
    lines = []
    for visit in table.after:
        counts = {}
        for arm in table.arms:
            changes = changes_of(table, visit, arm)
            counts[arm] = (int((changes <= -threshold + _TOLERANCE).sum()), len(changes))
        for arm in table.arms:
            compared = (
                None if arm == table.reference else share_difference(counts[table.reference], counts[arm])
            )
            lines.append(
                ResponderLine(visit, arm, counts[arm][1], counts[arm][0], share_of(*counts[arm]), compared)
            )
    return tuple(lines)


def share_of(count: int, total: int) -> Estimate:
    """A share with its 95 % interval (Wilson 1927; Newcombe, Statistics in Medicine 17 (1998) 857-872, method 3)."""
    if not total:
        return Estimate(None)

    from statsmodels.stats.proportion import proportion_confint

    lower, upper = proportion_confint(count, total, alpha=0.05, method="wilson")
    return Estimate(count / total, float(lower), float(upper))


def share_difference(reference: tuple[int, int], other: tuple[int, int]) -> Contrast:
    """The share of ``other`` (count, total) less that of ``reference``, with the 95 % interval of Newcombe (Statistics in
    Medicine 17 (1998) 873-890, method 10) and the two-sided p of Fisher's exact test."""
    if not reference[1] or not other[1]:
        return Contrast(None)

    from scipy.stats import fisher_exact
    from statsmodels.stats.proportion import confint_proportions_2indep

    lower, upper = confint_proportions_2indep(
        *other, *reference, method="newcomb", compare="diff", alpha=0.05
    )
    p = fisher_exact([[count, total - count] for count, total in (other, reference)])[1]
    return Contrast(other[0] / other[1] - reference[0] / reference[1], float(lower), float(upper), float(p))
