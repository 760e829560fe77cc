"""How sure a grade is: conformal intervals, wider where grading is harder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.blend.crossfit import Folds, out_of_fold
from toolkit.blend.ridge import floats

Matrix = NDArray[np.float64]
DIFFICULTY = (  # new ones go last: models of before have the first of them
    "reference_distance",
    "reference_spread",
    "disagreement",
    "region_spread",
    "grade",
    "ita_deg",
    "measured_cm2",
)
_LEAST, _MOST = 0.5, 2.5  # an interval is never further from the usual width than by these factors
FEW_PHOTOS = 40  # fewer do not tell which photos are harder: all their intervals are of one width


@dataclass(frozen=True)
class Interval:
    """Half-widths of prediction intervals: ``factor`` times the error that is expected of a photo.

    The expected absolute error is ``usual`` times exp(standardised ``DIFFICULTY`` figures . ``weights``), held
    within 0.5 to 2.5 times ``usual``. ``far``: the distance to its nearest references beyond which a photo is
    unlike anything known (the 99th percentile of leave-subject-out distances).
    """

    factor: float
    usual: float
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    far: float

    def expected_error(self, difficulty: Matrix) -> Matrix:
        """Expected absolute errors (n,) in grades of ``difficulty`` (n, len(DIFFICULTY)), NaN for unknown."""
        standard = (difficulty[:, : len(self.centre)] - np.array(self.centre)) / np.array(self.scale)
        exponent = np.clip(np.nan_to_num(standard), -3, 3) @ np.array(self.weights)
        return self.usual * np.clip(np.exp(exponent), _LEAST, _MOST)

    def half_width(self, difficulty: Matrix) -> Matrix:
        """Half-widths (n,) in grades."""
        return self.factor * self.expected_error(difficulty)

    @property
    def of_one_width(self) -> bool:
        """Whether no photo is known to be harder to grade than another."""
        return not any(self.weights)

    @classmethod
    def fit(
        cls, residuals: Matrix, difficulty: Matrix, subjects: NDArray, coverage: float, *, seed: int = 0
    ) -> Interval:
        """From out-of-fold residuals (n,): the expected error is itself fitted out of fold, by subject, before
        the factor is read off (normalised conformal prediction, Papadopoulos et al. 2008)."""

        def expect(learn: NDArray, held: NDArray) -> Matrix:
            return cls._fit_error(residuals[learn], difficulty[learn]).expected_error(difficulty[held])

        everybody = np.arange(len(residuals))
        folds = _folds(subjects)
        expected = out_of_fold(folds, expect) if folds else expect(everybody, everybody)
        factor = conformal_half_width(residuals / expected, subjects, coverage, seed=seed)
        model = cls._fit_error(residuals, difficulty)
        distance = difficulty[:, DIFFICULTY.index("reference_distance")]
        known = distance[np.isfinite(distance)]
        far = float(np.percentile(known, 99)) if len(known) else float("inf")
        return cls(factor, model.usual, model.centre, model.scale, model.weights, far)

    @classmethod
    def _fit_error(cls, residuals: Matrix, difficulty: Matrix) -> Interval:
        """The expected absolute error alone (factor 1): a ridge on its logarithm."""
        from sklearn.linear_model import Ridge

        size = np.abs(residuals)
        usual = max(float(size.mean()), 0.05)
        known = np.isfinite(difficulty)
        counts = np.maximum(known.sum(axis=0), 1)
        centre = np.where(known, difficulty, 0).sum(axis=0) / counts
        scale = np.sqrt((np.where(known, difficulty - centre, 0) ** 2).sum(axis=0) / counts)
        scale[scale < 1e-9] = 1.0
        weights = np.zeros(difficulty.shape[1])
        if len(size) >= FEW_PHOTOS:
            standard = np.clip(np.nan_to_num((difficulty - centre) / scale), -3, 3)
            logs = np.log(np.maximum(size / usual, 0.1))
            weights = Ridge(alpha=len(size) / 2).fit(standard, logs).coef_
        return cls(1.0, usual, floats(centre), floats(scale), floats(weights), float("inf"))


def _folds(subjects: NDArray) -> Folds:
    """By subject; none of one subject alone."""
    from sklearn.model_selection import GroupKFold

    parts = min(5, len(np.unique(subjects)))
    return list(GroupKFold(parts).split(subjects, groups=subjects)) if parts > 1 else []


def conformal_half_width(residuals: NDArray, subjects: NDArray, coverage: float, *, seed: int = 0) -> float:
    """Half-width of a prediction interval from out-of-fold residuals (split conformal, Vovk et al. 2005).

    The ceil(coverage (n + 1))-th smallest absolute residual, over n subjects of whom one photograph each is
    drawn; the mean of 200 such draws, because photographs of one subject are not exchangeable. With too few
    subjects for the coverage, the largest residual.
    """
    rng = np.random.default_rng(seed)
    _, number, counts = np.unique(subjects, return_inverse=True, return_counts=True)
    size = np.abs(residuals)[np.argsort(number, kind="stable")]
    n = len(counts)
    rank = min(int(np.ceil(coverage * (n + 1))), n) - 1
    one_each = np.cumsum(counts) - counts + (rng.random((200, n)) * counts).astype(np.int64)
    return float(np.sort(size[one_each], axis=1)[:, rank].mean())
