"""How much of a map of pigment can be seen.

Seen is what stands out of its surroundings, and of a broad field what exceeds the face's own variation:

    visible = max(m - b, 0) + max(b - 0.03, 0),  b the Gaussian mean of m over skin, sigma 8 mm

in green optical density (OD).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_SURROUNDINGS_MM = 8.0
_UNSEEN_OD = 0.03  # a broad field under it is lost in the face's own variation


def visible_pigment(pigment: NDArray, skin: NDArray, px_per_mm: float) -> NDArray[np.float32]:
    """What of a map (h, w) of green OD, at least 0, can be seen on ``skin`` (h, w) bool or 0-1; 0 off it."""
    skin = skin.astype(np.float32)
    sigma = _SURROUNDINGS_MM * px_per_mm
    pigment = pigment * skin
    around = _smooth(pigment, sigma) / np.maximum(_smooth(skin, sigma), np.float32(1e-3))
    return (np.maximum(pigment - around, 0) + np.maximum(around - np.float32(_UNSEEN_OD), 0)) * skin


def _smooth(values: NDArray, sigma_px: float) -> Any:
    """The Gaussian mean (h, w), computed on a reduced picture."""
    step = max(1.0, sigma_px / 4)
    size = [max(1, round(n / step)) for n in values.shape[::-1]]
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma_px / step)
    return cv2.resize(small, values.shape[::-1], interpolation=cv2.INTER_LINEAR)
