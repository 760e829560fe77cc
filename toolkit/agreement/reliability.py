"""Reliability of graders: intraclass correlation, Krippendorff's alpha, error of measurement."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toolkit.scores import NO_VARIANCE, icc_2_1

_BOUNDS = ((0.5, "poor"), (0.75, "moderate"), (0.9, "good"))  # Koo and Li 2016


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval; None where undefined."""

    value: float | None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class MeanSquares:
    """The two-way analysis of variance, without replication, of ratings (n targets, k raters)."""

    n: int
    k: int
    targets: float
    raters: float
    residual: float

    @property
    def targets_differ(self) -> bool:
        """Whether there is any variance between targets, beyond rounding."""
        return self.targets > NO_VARIANCE * (self.targets + self.raters + self.residual)


def mean_squares(ratings: ArrayLike) -> MeanSquares | None:
    """Mean squares between targets (n - 1 degrees of freedom), between raters (k - 1) and of the residual.

    ``ratings`` (targets, raters), all finite. None for fewer than two targets or raters, and where all
    ratings are equal.
    """
    x = np.asarray(ratings, dtype=float)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise ValueError(f"ratings must be finite numbers (targets, raters), got shape {x.shape}")
    n, k = x.shape
    if n < 2 or k < 2 or np.ptp(x) == 0:
        return None
    x = x - x.mean()
    targets, raters = x.mean(axis=1), x.mean(axis=0)
    residual = x - targets[:, None] - raters
    return MeanSquares(
        n,
        k,
        float(k * (targets**2).sum() / (n - 1)),
        float(n * (raters**2).sum() / (k - 1)),
        float((residual**2).sum() / ((n - 1) * (k - 1))),
    )


def icc_absolute(ratings: ArrayLike, confidence: float = 0.95) -> Estimate:
    """ICC(2,1): two-way random effects, absolute agreement, a single rater; with its interval by F.

    ``ratings`` (targets, raters). Value: Shrout and Fleiss, Psychological Bulletin 86 (1979) 420-428.
    Interval: McGraw and Wong, Psychological Methods 1 (1996) 30-46, ICC(A,1), with Satterthwaite's degrees
    of freedom; it takes targets for independent. No interval where raters agree perfectly; nothing where targets do
    not differ.
    """
    ms, value = mean_squares(ratings), icc_2_1(ratings)
    if ms is None or value is None:
        return Estimate(None)
    if ms.residual <= NO_VARIANCE * (ms.targets + ms.raters) or abs(1 - value) <= NO_VARIANCE:
        return Estimate(value)

    from scipy.stats import f

    n, k = ms.n, ms.k
    a = k * value / (n * (1 - value))
    b = 1 + k * value * (n - 1) / (n * (1 - value))
    freedom = (a * ms.raters + b * ms.residual) ** 2 / (
        (a * ms.raters) ** 2 / (k - 1) + (b * ms.residual) ** 2 / ((n - 1) * (k - 1))
    )
    below = f.ppf((1 + confidence) / 2, n - 1, freedom)
    above = f.ppf((1 + confidence) / 2, freedom, n - 1)
    rest = k * ms.raters + (k * n - k - n) * ms.residual
    lower = n * (ms.targets - below * ms.residual) / (below * rest + n * ms.targets)
    upper = n * (above * ms.targets - ms.residual) / (rest + n * above * ms.targets)
    return _finite(value, float(lower), float(upper))


def _finite(value: float, lower: float, upper: float) -> Estimate:
    """The estimate, without an interval where that has no finite bounds."""
    return Estimate(value, lower, upper) if math.isfinite(lower) and math.isfinite(upper) else Estimate(value)


def icc_consistency(ratings: ArrayLike, confidence: float = 0.95) -> Estimate:
    """ICC(3,1): two-way mixed effects, consistency, a single rater; with its interval by F.

    A constant difference between raters does not lower it. Formulas of value and interval: Shrout and
    Fleiss 1979. No interval where raters are consistent without error; nothing where targets do not differ.
    """
    ms = mean_squares(ratings)
    if ms is None or not ms.targets_differ:
        return Estimate(None)
    value = (ms.targets - ms.residual) / (ms.targets + (ms.k - 1) * ms.residual)
    if ms.residual <= NO_VARIANCE * (ms.targets + ms.raters):
        return Estimate(value)

    from scipy.stats import f

    within, between = (ms.n - 1) * (ms.k - 1), ms.n - 1
    ratio = ms.targets / ms.residual
    low = ratio / f.ppf((1 + confidence) / 2, between, within)
    high = ratio * f.ppf((1 + confidence) / 2, within, between)
    return _finite(value, float((low - 1) / (low + ms.k - 1)), float((high - 1) / (high + ms.k - 1)))


@dataclass(frozen=True)
class MeasurementError:
    """Standard errors of measurement, in grades, and the smallest changes that are not error.

    ``agreement`` counts constant differences between graders, as where another may grade next time;
    ``consistency`` sets them aside, as where one grader stays. De Vet et al., Journal of Clinical Epidemiology 59 (2006) 1033-1039.
    """

    agreement: float
    consistency: float

    @property
    def detectable_agreement(self) -> float:
        """1.96 sqrt(2) SEM: two grades of unchanged skin by two graders differ by less, 95 times of 100."""
        return 1.96 * math.sqrt(2) * self.agreement

    @property
    def detectable_consistency(self) -> float:
        """1.96 sqrt(2) SEM: the same, constant differences between graders set aside."""
        return 1.96 * math.sqrt(2) * self.consistency


def measurement_error(ratings: ArrayLike) -> MeasurementError | None:
    """Standard errors of measurement from variance components of ``ratings`` (targets, raters).

    The variance between raters is taken for 0 where its estimate is negative. None where ``mean_squares`` is.
    """
    ms = mean_squares(ratings)
    if ms is None:
        return None
    raters = max((ms.raters - ms.residual) / ms.n, 0.0)
    return MeasurementError(math.sqrt(raters + ms.residual), math.sqrt(ms.residual))


def krippendorff_alpha(ratings: ArrayLike, metric: str = "interval") -> float | None:
    """Krippendorff's alpha: 1 - disagreement within units / disagreement expected by chance.

    ``ratings`` (units, raters), NaN where missing; units with fewer than two ratings do not count.
    ``metric``: "nominal", "ordinal", "interval" or "ratio" (numbers not below 0). None where no unit has
    two ratings, or all ratings are equal. Source: Krippendorff, Computing Krippendorff's Alpha-Reliability
    (2011), from the matrix of coincidences.
    """
    x = np.asarray(ratings, dtype=float)
    x = x[np.isfinite(x).sum(axis=1) >= 2]
    values, code = np.unique(x[np.isfinite(x)], return_inverse=True)
    if len(values) < 2:
        return None
    counts = np.zeros((len(x), len(values)))  # how often each value was given to each unit
    np.add.at(counts, (np.nonzero(np.isfinite(x))[0], code), 1)
    others = counts.sum(axis=1) - 1
    coincidences = (counts / others[:, None]).T @ counts - np.diag((counts / others[:, None]).sum(axis=0))
    totals = coincidences.sum(axis=0)
    difference = _differences(values, totals, metric)
    expected = totals @ difference @ totals / (totals.sum() - 1)
    return float(1 - (coincidences * difference).sum() / expected)


def _differences(
    values: NDArray[np.float64], totals: NDArray[np.float64], metric: str
) -> NDArray[np.float64]:
    """Squared differences (V, V) between values as the metric counts them."""
    one, other = values[:, None], values[None, :]
    if metric == "nominal":
        return (one != other).astype(float)
    if metric == "ordinal":
        rank = np.cumsum(totals) - totals / 2
        return (rank[:, None] - rank[None, :]) ** 2
    if metric == "interval":
        return (one - other) ** 2
    if metric == "ratio":
        return np.divide(one - other, one + other, out=np.zeros((len(values),) * 2), where=one != other) ** 2
    raise ValueError(f"metric must be nominal, ordinal, interval or ratio, got {metric!r}")


def koo_li(lower: float | None, upper: float | None) -> str:
    """An ICC in words, by the bounds of its interval: "good", or "moderate to good" where they differ.

    Under 0.5 poor, to 0.75 moderate, to 0.9 good, over it excellent: Koo and Li, Journal of Chiropractic
    Medicine 15 (2016) 155-163. "" without bounds.
    """
    if lower is None or upper is None or not (math.isfinite(lower) and math.isfinite(upper)):
        return ""
    low, high = _word(lower), _word(upper)
    return low if low == high else f"{low} to {high}"


def _word(icc: float) -> str:
    return next((word for bound, word in _BOUNDS if icc < bound), "excellent" if icc > 0.9 else "good")
