"""Statistics of many resamples of subjects at once.

A resample draws subjects with replacement and takes all photos of each, so that photos of one subject are
never taken for independent. It is a row of counts: how often each subject was drawn. Every statistic here
is a function of sums over photos, so that a matrix of counts times the sums of each subject gives it for
all resamples; the first row holds 1 for every subject, which is the study itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toolkit.agreement.reliability import Estimate
from toolkit.scores import NO_VARIANCE

Float = NDArray[np.float64]
Whole = NDArray[np.intp]

RESAMPLES = 1000
_CELLS = 1_000_000  # resamples times photos that are held at a time
_LIMIT = 1.96
_SMALL = 1e-9  # a difference of exactly 0.5 counts, whatever its rounding


def draw_counts(subjects: int, resamples: int = RESAMPLES, seed: int = 0) -> Float:
    """How often each subject is drawn (resamples + 1, subjects); the first row is 1 for all."""
    drawn = np.random.default_rng(seed).multinomial(subjects, np.full(subjects, 1 / subjects), resamples)
    return np.vstack([np.ones(subjects), drawn]).astype(float)


def estimates(
    statistics: Callable[[Float], Mapping[str, Float]],
    subjects: int,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Each statistic with its 95 % percentile interval over resamples of subjects.

    ``statistics`` takes counts (R, subjects) and gives arrays (R,), NaN where undefined. There is no
    interval for a single subject, nor where a statistic is undefined in one of ten resamples or more.
    """
    values = statistics(draw_counts(subjects, resamples if subjects > 1 else 0, seed))
    return {name: _estimate(found) for name, found in values.items()}


def _estimate(values: Float) -> Estimate:
    first, drawn = float(values[0]), values[1:]
    if not np.isfinite(first):
        return Estimate(None)
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn) or len(drawn) < 0.9 * (len(values) - 1):
        return Estimate(first)
    lower, upper = np.percentile(drawn, (2.5, 97.5))
    return Estimate(first, float(lower), float(upper))


def difference_statistics(
    first: ArrayLike, second: ArrayLike, subjects: Whole, counts: Float
) -> dict[str, Float]:
    """RMSE, MAE, bias, shares within 0.5 and 1, and limits of agreement, of ``second`` - ``first`` (N,).

    ``subjects`` (N,) numbers from 0, ``counts`` (R, subjects); arrays (R,). Limits of agreement: bias
    +- 1.96 standard deviations; the variance is that between subjects plus that within them, from a
    one-way analysis of variance of the differences with unequal numbers of photos, for a true value that
    varies: Bland and Altman, Journal of Biopharmaceutical Statistics 17 (2007) 571-582.
    """
    d = np.asarray(second, dtype=float) - np.asarray(first, dtype=float)
    size = np.abs(d) - _SMALL
    per_photo = [np.ones_like(d), d, d**2, np.abs(d), size <= 0.5, size <= 1.0]
    n, total, squares, absolute, half, one = _sums(per_photo, subjects, counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        bias = total / n
        spread = _LIMIT * np.sqrt(_variance_of_differences(d, subjects, counts))
        return {
            "rmse": np.sqrt(squares / n),
            "mae": absolute / n,
            "bias": bias,
            "within_half": half / n,
            "within_one": one / n,
            "loa_lower": bias - spread,
            "loa_upper": bias + spread,
        }


def _variance_of_differences(d: Float, subjects: Whole, counts: Float) -> Float:
    """Variance between plus within subjects (R,); NaN for a single subject."""
    centred = d - d.mean()
    photos = np.bincount(subjects, minlength=counts.shape[1]).astype(float)
    means = np.bincount(subjects, centred, counts.shape[1]) / np.maximum(photos, 1)
    inside = np.bincount(subjects, (centred - means[subjects]) ** 2, counts.shape[1])
    of_subject = np.column_stack([photos > 0, photos, photos**2, photos * means, photos * means**2, inside])
    groups, n, n_squares, total, squares, within = (counts @ of_subject).T
    between_mean = (squares - total**2 / n) / (groups - 1)
    within_mean = np.where(n > groups, within / np.maximum(n - groups, 1), 0)
    size = (n - n_squares / n) / (groups - 1)  # photos a subject, where they differ in number
    between = np.maximum((between_mean - within_mean) / size, 0)
    return np.where(groups > 1, between + within_mean, np.nan)


def icc_statistics(ratings: ArrayLike, subjects: Whole, counts: Float) -> dict[str, Float]:
    """ICC(2,1) and ICC(3,1) of ``ratings`` (N, k), none missing; the formulas of ``reliability``. Arrays (R,)."""
    x = np.asarray(ratings, dtype=float)
    x = x - x.mean()
    k = x.shape[1]
    mean = x.mean(axis=1)
    apart = x - mean[:, None]
    per_photo = [np.ones(len(x)), mean, mean**2, (apart**2).sum(axis=1), *apart.T]
    n, total, squares, within, *raters = _sums(per_photo, subjects, counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_raters = sum(rater**2 for rater in raters) / n
        targets = k * np.maximum(squares - total**2 / n, 0) / (n - 1)
        between = of_raters / (k - 1)
        residual = np.maximum(within - of_raters, 0) / ((n - 1) * (k - 1))
        alike = targets <= NO_VARIANCE * np.maximum(targets + between + residual, NO_VARIANCE)
        error = (k - 1) * residual
        absolute = (targets - residual) / (targets + error + k * (between - residual) / n)
        consistent = (targets - residual) / (targets + error)
        return {
            "icc_2_1": np.where(alike, np.nan, absolute),
            "icc_3_1": np.where(alike, np.nan, consistent),
        }


def kappa_statistic(
    first: ArrayLike,
    second: ArrayLike,
    rounding: float,
    subjects: Whole,
    *,
    counts: Float,
    weights: str = "quadratic",
) -> Float:
    """Cohen's kappa with ``quadratic`` or ``linear`` weights (R,), of grades rounded to multiples of ``rounding``.

    1 - the mean squared (or absolute) difference / that of independent gradings of the same frequencies: Fleiss and
    Cohen, Educational and Psychological Measurement 33 (1973) 613-619.
    """
    a, b = (np.round(np.asarray(grades, dtype=float) / rounding) for grades in (first, second))
    if weights == "linear":
        n, apart = _sums([np.ones_like(a), np.abs(a - b)], subjects, counts)
        chance = _mean_distance(a, b, subjects, counts)
    elif weights == "quadratic":
        n, apart = _sums([np.ones_like(a), (a - b) ** 2], subjects, counts)
        chance = _mean_square(a, b, subjects, counts)
    else:
        raise ValueError(f"weights must be quadratic or linear, got {weights!r}")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((chance > 1e-9) & (n > 1), 1 - apart / n / chance, np.nan)


def _mean_square(a: Float, b: Float, subjects: Whole, counts: Float) -> Float:
    """Mean squared difference of independent draws of ``a`` and ``b`` (R,): both variances and the squared difference
    of means."""
    middle = np.round(np.concatenate([a, b]).mean())
    a, b = a - middle, b - middle
    n, sum_a, sum_b, squares_a, squares_b = _sums([np.ones_like(a), a, b, a**2, b**2], subjects, counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_a, mean_b = sum_a / n, sum_b / n
        return squares_a / n - mean_a**2 + squares_b / n - mean_b**2 + (mean_a - mean_b) ** 2


def _mean_distance(a: Float, b: Float, subjects: Whole, counts: Float) -> Float:
    """Mean absolute difference of independent draws of ``a`` and ``b`` (R,): the chance, for each step between two
    values, that they lie on its two sides."""
    values = np.unique(np.concatenate([a, b]))[:, None]
    n, *below = _sums([np.ones_like(a), *(a <= values), *(b <= values)], subjects, counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        under_a, under_b = np.array(below).reshape(2, len(values), -1) / n
    apart = under_a * (1 - under_b) + under_b * (1 - under_a)
    return (apart[:-1] * np.diff(values, axis=0)).sum(axis=0)


def spearman_statistic(first: ArrayLike, second: ArrayLike, subjects: Whole, counts: Float) -> Float:
    """Spearman's rank correlation (R,), ties at their mean rank; NaN where either is constant."""
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    parts = np.array_split(counts, min(len(counts), 1 + len(counts) * len(a) // _CELLS))
    return np.concatenate([_spearman(a, b, subjects, part) for part in parts])


def _spearman(first: Float, second: Float, subjects: Whole, counts: Float) -> Float:
    weights = counts[:, subjects]
    (a, spread_a), (b, spread_b) = (_ranks(x, subjects, counts) for x in (first, second))
    with np.errstate(divide="ignore", invalid="ignore"):
        together = np.einsum("rn,rn,rn->r", weights, a, b)
        spread = np.sqrt(spread_a * spread_b)
        return np.where(spread > 1e-9, together / spread, np.nan)


def _ranks(x: Float, subjects: Whole, counts: Float) -> tuple[Float, Float]:
    """Each photo's mean rank less the mean of all (R, N), and the sum of squares of these (R,)."""
    from scipy.sparse import csr_array

    values, code = np.unique(x, return_inverse=True)
    shape = (len(values), counts.shape[1])  # photos with each value, of each subject: nearly all cells are 0
    tied = (csr_array((np.ones(len(x)), (code, subjects)), shape) @ counts.T).T
    rank = np.cumsum(tied, axis=1) - tied / 2 - tied.sum(axis=1, keepdims=True) / 2
    return rank[:, code], (tied * rank**2).sum(axis=1)


def alpha_statistic(ratings: ArrayLike, subjects: Whole, counts: Float) -> Float:
    """Krippendorff's alpha (R,) with the interval metric of ``ratings`` (N, k), NaN where missing.

    As ``krippendorff_alpha``, from sums: the squared differences within m ratings add up to
    2 (m sum x^2 - (sum x)^2).
    """
    x = np.asarray(ratings, dtype=float)
    usable = np.isfinite(x).sum(axis=1) >= 2
    x, subjects = x[usable], subjects[usable]
    if not len(x):
        return np.full(len(counts), np.nan)
    x = x - np.nanmean(x)
    m, total, squares = np.isfinite(x).sum(axis=1), np.nansum(x, axis=1), np.nansum(x**2, axis=1)
    inside = 2 * (m * squares - total**2) / (m - 1)
    n, sums, sums_of_squares, within = _sums([m, total, squares, inside], subjects, counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = 2 * (n * sums_of_squares - sums**2) / (n - 1)
        return np.where(chance > 1e-9, 1 - within / chance, np.nan)


def _sums(per_photo: list[NDArray], subjects: Whole, counts: Float) -> Float:
    """Sums over the photos of each resample (len(per_photo), R)."""
    of_subject = [np.bincount(subjects, values.astype(float), counts.shape[1]) for values in per_photo]
    return (counts @ np.column_stack(of_subject)).T
