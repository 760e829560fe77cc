"""From grades of regions to the grade of a face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def fit_weights(
    patch_grades: Matrix, grades: NDArray, prior: Sequence[float], strength: float = 20.0
) -> Matrix:
    """Region weights, non-negative and summing to one, that bring whole-face grades nearest.

    ``patch_grades`` (n, 4) in the order of REGIONS with NaN where a patch is missing; ``grades`` (n,);
    ``prior`` (4,) towards which ``strength`` photographs' worth of evidence pulls. The two cheeks share one
    weight: the grade of a face does not depend on which side is which.
    """
    from scipy.optimize import minimize

    prior_three = np.array([prior[0], (prior[1] + prior[2]) / 2, prior[3]])

    def spread(three: Matrix) -> Matrix:
        four = np.maximum(three[[0, 1, 1, 2]], 0)
        return four / four.sum()

    def loss(three: Matrix) -> float:
        residual = combine(patch_grades, spread(three)) - grades
        return float(np.nansum(residual**2) + strength * ((three - prior_three) ** 2).sum())

    best = minimize(loss, prior_three, method="L-BFGS-B", bounds=[(1e-3, 1.0)] * 3)
    return spread(best.x)


def combine(patch_grades: Matrix, weights: NDArray) -> Matrix:
    """Whole-face grades (n,): the weighted mean of the patches there are; NaN where there is none.

    ``patch_grades`` (n, 4) with NaN for missing patches, whose weight the others share.
    """
    present = np.isfinite(patch_grades) * np.asarray(weights)
    total = present.sum(axis=1)
    weighted = (np.nan_to_num(patch_grades) * present).sum(axis=1)
    return np.where(total > 0, weighted / np.maximum(total, 1e-9), np.nan)
