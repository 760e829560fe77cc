"""How much spots stand out of the skin around, and skin out of itself, in a band of the size of spots.

The band is the difference of two Gaussian means, sigma .5 and 2 mm, on a picture of 2.5 pixels a millimetre.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.phantom import geometry
from toolkit.phantom.draw import Canvas
from toolkit.phantom.optics import Float

_BAND_MM: Final = (0.5, 2.0)
_PX_PER_MM: Final = 2.5
_FAINT: Final = 0.01  # green OD in the band under which nothing is a spot


def skin_unrest(canvas: Canvas) -> float:
    """How much darkness (green OD) wanders over a canvas's bare skin: the robust standard deviation of the band."""
    darkness = -np.log(np.maximum(canvas.light[..., 1], 1e-3))
    inner = _inner(canvas)
    if not inner.any():
        return 0.0
    band = _band(darkness, canvas)[inner]
    return max(float(1.48 * np.median(np.abs(band - np.median(band)))), 1e-3)


def typical_contrast(maps: Sequence[Float], canvas: Canvas) -> float:
    """Green OD by which the spots of maps (H, W) stand out in the band, on the fainter of the two sides: the mean
    where it is over half of its 95th percentile; 0 without spots."""
    inner, found = _inner(canvas), []
    band = _band(np.maximum(np.maximum.reduce(list(maps)), 0), canvas)
    u, _ = geometry.canonical_grid(canvas.points * (band.shape[1] / canvas.skin.shape[1]), band.shape, 1)
    for side in (u > 0, u <= 0):
        spots = band[inner & side & (band > _FAINT)]
        if len(spots):
            found.append(float(spots[spots > 0.5 * np.percentile(spots, 95)].mean()))
    return min(found, default=0.0)


def _band(values: Float, canvas: Canvas) -> Float:
    """The band (h, w) of values (H, W) on the canvas, reduced."""
    small = _reduced(values, canvas)
    unit = canvas.px_per_mm * small.shape[1] / values.shape[1]
    fine, coarse = (cv2.GaussianBlur(small, (0, 0), max(sigma * unit, 0.5)) for sigma in _BAND_MM)
    return fine - coarse


def _inner(canvas: Canvas) -> NDArray[np.bool_]:
    """Skin (h, w) away from its rim, reduced."""
    return cv2.erode(_reduced(canvas.skin, canvas), np.ones((7, 7), np.uint8)) > 0.9


def _reduced(values: Float, canvas: Canvas) -> Float:
    shrink = min(1.0, _PX_PER_MM / canvas.px_per_mm)
    return cv2.resize(values, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
