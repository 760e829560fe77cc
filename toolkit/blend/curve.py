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

    @property
    def usual_figure(self) -> float:
        """The x that gets the grade ``usual``; of a usual grade of 9, which no x gets, that of 8.99."""
        return float(self.scale * (-np.log1p(-min(self.usual, 8.99) / 9)) ** (1 / self.power))

    def predict(self, figures: Matrix) -> Matrix:
        """Grades (n,) of figures (n,); NaN for NaN."""
        return _curve(figures, self.scale, self.power)


def _curve(x: Matrix, scale: float, power: float) -> Matrix:
    return np.asarray(9 * -np.expm1(-((np.maximum(x, 0) / scale) ** power)))


def best_shares(predictions: Matrix, grades: NDArray, subjects: NDArray) -> tuple[float, float, float]:
    """The shares, summing to 1, of curve, LightGBM and ridge that grade best; ``predictions`` (n, 3), in this order,
    must be out of fold; ``subjects`` (n,).

    A step away from the curve must have gained at a level of 1 % (one-sided t-test over subjects; so strict because
    fourteen mixtures are tried): a few people on whom curve and grader disagree are no reason to leave it.
    """
    from scipy.stats import t as student

    _, owner, photos = np.unique(subjects, return_inverse=True, return_counts=True)
    steps = np.arange(5) / 4

    def errors(shares: tuple[float, float, float]) -> Matrix:
        """Mean squared error of each subject."""
        off = np.square(np.clip(predictions @ shares, 0, 9) - grades)
        return np.bincount(owner, off) / photos

    best, most = (1.0, 0.0, 0.0), 0.0
    if len(photos) < 2:  # one subject tells nothing
        return best
    by_curve, least_t = errors(best), float(student.ppf(0.99, len(photos) - 1))
    for boosted in steps.tolist():
        for ridge in steps[: 5 - round(4 * boosted)].tolist():
            shares = (1 - boosted - ridge, boosted, ridge)
            gain = by_curve - errors(shares)
            if gain.mean() > max(most + 1e-12, least_t * gain.std(ddof=1) / np.sqrt(len(photos))):
                best, most = shares, float(gain.mean())
    return best
