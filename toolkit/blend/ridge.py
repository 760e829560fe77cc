"""A ridge regression as plain numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
RIDGE_TUPLES = ("fill", "knee", "centre", "scale", "weights")
_LINEAR = 1e6  # a knee far beyond any value: the column stays as it is


@dataclass(frozen=True)
class Ridge:
    """A ridge regression on standardised columns as plain numbers, so that it can be saved as text.

    Skewed columns (areas, loads: the grade rises ever more slowly with them) are compressed first, by the
    inverse hyperbolic sine: linear up to about their ``knee``, logarithmic beyond.
    """

    fill: tuple[float, ...]
    knee: tuple[float, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    @classmethod
    def fit(cls, table: Matrix, grades: NDArray, groups: NDArray) -> Ridge:
        """The penalty is chosen by cross-validation over subjects (``groups``)."""
        from scipy.stats import skew

        fill = np.nan_to_num(_column_medians(table))
        filled = np.where(np.isnan(table), fill, table)
        varied = filled.std(axis=0) > 1e-9
        skewed = np.zeros(filled.shape[1], bool)
        skewed[varied] = skew(filled[:, varied]) > 0.5
        knee = np.where(skewed, np.median(np.abs(filled), axis=0) + 1e-6, _LINEAR)
        filled = _compressed(filled, knee)
        centre, scale = filled.mean(axis=0), filled.std(axis=0)
        scale[scale < 1e-9] = 1.0
        standard = np.clip((filled - centre) / scale, -4, 4)
        weights, intercept = _fit_weights(standard, grades, groups)
        return cls(
            floats(fill), floats(knee), floats(centre), floats(scale), floats(weights), intercept,
        )  # fmt: skip

    def predict(self, table: Matrix) -> Matrix:
        """Grades (n,) of a table (n, p), not clipped."""
        return self.contributions(table).sum(axis=1) + self.intercept

    def contributions(self, table: Matrix) -> Matrix:
        """What each column (n, p) adds to the grade of the average row, in grades."""
        filled = _compressed(np.where(np.isnan(table), self.fill, table), np.array(self.knee))
        # Clipped as in fitting: one wild figure must not carry the grade away.
        standard = np.clip((filled - np.array(self.centre)) / np.array(self.scale), -4, 4)
        return standard * np.array(self.weights)


def _fit_weights(standard: Matrix, grades: NDArray, groups: NDArray) -> tuple[NDArray, float]:
    """Weights (p,) and intercept, with the penalty that does best on subjects left out."""
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import GroupKFold

    if len(grades) < 2:  # nothing to choose a penalty by, nor any weight
        return np.zeros(standard.shape[1]), float(grades[0])
    parts = min(5, len(np.unique(groups)))
    splits = list(GroupKFold(parts).split(standard, grades, groups)) if parts > 1 else []
    # One photo alone has no R2: where a fold is one, no penalties could be compared, and the least would be taken.
    alone = any(len(held) < 2 for _, held in splits)
    model = RidgeCV(
        alphas=np.logspace(0, 4, 13), cv=splits or None, scoring="neg_mean_squared_error" if alone else None
    ).fit(standard, grades)
    return model.coef_, float(model.intercept_)


def _compressed(table: Matrix, knee: Matrix) -> Matrix:
    return knee * np.arcsinh(table / knee)


def floats(values: Iterable[float]) -> tuple[float, ...]:
    """The values as plain numbers."""
    return tuple(map(float, values))


def _column_medians(table: Matrix) -> Matrix:
    """Medians that pass over NaN; NaN for a column of nothing else, without a warning."""
    return np.array([np.median(c[np.isfinite(c)]) if np.isfinite(c).any() else np.nan for c in table.T])
