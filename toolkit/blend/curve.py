"""The grade as a smooth rising function of one figure of the predicted pigment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.settings import BlendSettings

Matrix = NDArray[np.float64]
_PRIOR_SD = (0.5, 0.2)  # of ln scale and ln power: how far a study may bend the phantoms' curve
_ERROR = 0.8  # grades: the error of a photo that the prior is weighed against


@dataclass(frozen=True)
class RisingCurve:
    """g = 9 (1 - exp(-(x / ``scale``)^``power``)), of a side or a region alike.

    x: how severe it looks to the network; scale and power 1 give the grade on the phantoms' scale. ``usual``: the mean grade
    that it gives to the photographs it was fitted on.
    """

    scale: float
    power: float
    usual: float = 0.0

    @classmethod
    def fit(cls, figures: Matrix, grades: NDArray, settings: BlendSettings) -> RisingCurve:
        """The curve through ``figures`` (n,) and ``grades`` (n,): least squares with a soft loss, and a prior about the
        phantoms' own curve, so that a small study bends it and no more."""
        from scipy.optimize import least_squares

        prior = np.log([settings.curve_scale, settings.curve_power])

        def off(at: Matrix) -> Matrix:
            return np.concatenate(
                [(_curve(figures, *np.exp(at)) - grades) / _ERROR, (at - prior) / _PRIOR_SD]
            )

        scale, power = (float(value) for value in np.exp(least_squares(off, prior, loss="soft_l1").x))
        usual = float(np.mean(_curve(figures, scale, power))) if len(figures) else 0.0
        return cls(scale, power, usual)

    def predict(self, figures: Matrix) -> Matrix:
        """Grades (n,) of figures (n,); NaN for NaN."""
        return _curve(figures, self.scale, self.power)


def _curve(x: Matrix, scale: float, power: float) -> Matrix:
    return np.asarray(9 * -np.expm1(-((np.maximum(x, 0) / scale) ** power)))


def best_shares(predictions: Matrix, grades: NDArray, subjects: int) -> tuple[float, float, float]:
    """The shares, summing to 1, of curve, LightGBM and ridge that grade best; ``predictions`` (n, 3), in this order,
    must be out of fold. A step away from the curve has to pay for what it can gain by chance in so many ``subjects``.
    """
    steps = np.arange(5) / 4
    best, least = (1.0, 0.0, 0.0), np.inf
    for boosted in steps:
        for ridge in steps[: 5 - round(4 * boosted)]:
            shares = (1 - boosted - ridge, boosted, ridge)
            error = np.square(np.clip(predictions @ shares, 0, 9) - grades).mean()
            error += (boosted + ridge) * _ERROR**2 / max(subjects, 1)
            if error < least - 1e-12:
                best, least = (float(shares[0]), float(shares[1]), float(shares[2])), error
    return best
