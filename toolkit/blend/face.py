"""From patch grades to the grade of a face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.blend.ridge import floats

Matrix = NDArray[np.float64]
_LIGHT_ITA, _TO_DARK = 41.0, 50.0  # degrees
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class LoadCurve:
    """The grade of a face as a rising function of its predicted load of pigment: straight between the knots
    ``loads`` (green OD) and ``grades``. ``share`` (0-1) is its part in the grade of the face, the rest is the patch
    grades'; ``usual``: the mean grade of the faces it was fitted on; ``tone_gain``: see ``for_tone``."""

    loads: tuple[float, ...]
    grades: tuple[float, ...]
    usual: float
    share: float = 0.0
    tone_gain: float = 0.0

    @classmethod
    def fit(cls, loads: Matrix, grades: NDArray) -> LoadCurve:
        """Isotonic regression (Barlow et al. 1972) of ``grades`` (n,) on ``loads`` (n,)."""
        from sklearn.isotonic import IsotonicRegression

        rising = IsotonicRegression().fit(loads, grades)
        return cls(floats(rising.X_thresholds_), floats(rising.y_thresholds_), float(np.mean(grades)))

    def predict(self, loads: Matrix) -> Matrix:
        """Grades (n,) of loads (n,); beyond the knots as at the last."""
        return np.interp(loads, self.loads, self.grades)

    def mixed(self, loads: Matrix, patchwise: Matrix) -> Matrix:
        """Grades (n,) of faces from their loads and from what their patches say, (n,) each."""
        return self.share * self.predict(loads) + (1 - self.share) * patchwise


def for_tone(loads: Matrix, ita: Matrix, gain: float) -> Matrix:
    """Predicted loads (n,), green OD, of faces of skin tone ``ita`` (n,) degrees, raised where skin is
    darker than light (ITA 41, Chardon et al. 1991): by the factor e^gain at ITA -9. Pigment shows less on dark skin, and a network
    that is unsure of it predicts less."""
    return loads * np.exp(gain * np.clip((_LIGHT_ITA - ita) / _TO_DARK, 0, 1.5))


NO_CURVE = LoadCurve((0.0,), (0.0,), 0.0)


def best_curve_share(by_load: Matrix, patchwise: Matrix, grades: NDArray) -> float:
    """The curve's share that grades faces best, of ``SHARES``; predictions (n,) must be out of fold."""
    errors = [float(np.square(share * by_load + (1 - share) * patchwise - grades).mean()) for share in SHARES]
    return SHARES[int(np.argmin(errors))]


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
