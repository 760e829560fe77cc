"""The grade as a smooth rising function of one figure of the predicted pigment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.settings import BlendSettings

Matrix = NDArray[np.float64]
_LIGHT_ITA, _TO_DARK = 41.0, 50.0  # degrees
POWER = 2 / 3  # of the predicted load in the figure
_PRIOR_SD = (0.5, 0.2)  # of ln scale and ln power: how far a study may bend the starter's curve
_ERROR = 0.8  # grades: the error of a photo that the prior is weighed against


@dataclass(frozen=True)
class RisingCurve:
    """g = 9 (1 - exp(-(x / ``scale``)^``power``)), of a side or a region alike.

    x: the mean of the predicted map to the power 2/3 over the skin (OD^2/3), but for nose, eyelids and upper lip, raised ``for_tone`` by
    ``tone_gain``. ``usual``: the mean grade that it gives to the photographs it was fitted on.
    """

    scale: float
    power: float
    usual: float = 0.0
    tone_gain: float = 0.0

    @classmethod
    def fit(cls, figures: Matrix, ita: Matrix, grades: NDArray, settings: BlendSettings) -> RisingCurve:
        """The curve through ``figures`` (n,) and ``grades`` (n,) of skin tones ``ita`` (n,), degrees: least squares with a
        soft loss, and a prior about the starter's own curve, so that a small study bends it and no more."""
        from scipy.optimize import least_squares

        prior = np.log([settings.curve_scale, settings.curve_power])
        x = for_tone(figures, ita, settings.tone_gain)

        def off(at: Matrix) -> Matrix:
            return np.concatenate([(_curve(x, *np.exp(at)) - grades) / _ERROR, (at - prior) / _PRIOR_SD])

        scale, power = np.exp(least_squares(off, prior, loss="soft_l1").x)
        fitted = cls(float(scale), float(power), 0.0, settings.tone_gain)
        usual = float(np.mean(fitted.predict(figures, ita))) if len(figures) else 0.0
        return cls(fitted.scale, fitted.power, usual, settings.tone_gain)

    def predict(self, figures: Matrix, ita: Matrix) -> Matrix:
        """Grades (n,) of figures ``figures`` (n,) of skin of tone ``ita`` (n,); NaN for NaN."""
        return _curve(for_tone(figures, ita, self.tone_gain), self.scale, self.power)


def _curve(x: Matrix, scale: float, power: float) -> Matrix:
    return np.asarray(9 * -np.expm1(-((np.maximum(x, 0) / scale) ** power)))


def for_tone(figures: Matrix, ita: Matrix, gain: float) -> Matrix:
    """Powers of predicted loads (n,) of faces of skin tone ``ita`` (n,) degrees, raised where skin is darker than light
    (ITA 41, Chardon et al. 1991): a load by the factor e^gain at ITA -9, its power by the power of that. Pigment shows
    less on dark skin, and a network that is unsure of it predicts less."""
    return figures * np.exp(POWER * gain * np.clip((_LIGHT_ITA - ita) / _TO_DARK, 0, 1.5))


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
