"""The grade that a map of pigment deserves: what an expert can see of it on the whole visible side.

A map holds the green optical density (OD) that melanin adds to each pixel. Of that counts what can be seen
(``toolkit.visible``): what stands out of its surroundings, and of a broad field what exceeds the face's own
variation. The *load* of a side is the mean of it over all its skin, forehead, temple, cheek, nose, chin and jaw alike, as the
criterion asks for ("entire side of face"); whitish flecks are no part of it. The grade is 9 (1 - exp(-(load / K)^p)).

K and p are anchored at two published clinical half faces with experts' grades 3 and 6: a network taught on phantoms finds
mean green OD of .0019 and .0143 on them, and so it does, with as many and as strong spots, on phantoms of loads of about
.002 and .015. Two photographs are an anchor and no calibration: between and beyond them the scale follows the curve's
shape alone, experts of another study may stand elsewhere, and the network sees .002 on plain skin as well.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from toolkit.phantom import geometry
from toolkit.phantom.draw import Canvas
from toolkit.phantom.optics import Float
from toolkit.visible import visible_pigment

LOAD_SCALE: Final = 0.0125  # K: load at which the grade is 63 % of 9
LOAD_POWER: Final = 0.50  # p
MAX_GRADE: Final = 8.6  # beyond it the load grows without bound
_PX_PER_MM: Final = 2.0  # at which a map is weighed


def grade_of_load(load: float) -> float:
    """The latent grade, 0-9, of a load (mean visible green OD)."""
    return float(9 * (1 - np.exp(-((max(load, 0.0) / LOAD_SCALE) ** LOAD_POWER))))


def load_of_grade(grade: float) -> float:
    """The load whose grade is ``grade``; grades above 8.6 are taken as 8.6."""
    share = min(max(grade, 0.0), MAX_GRADE) / 9
    return float(LOAD_SCALE * (-np.log1p(-share)) ** (1 / LOAD_POWER))


class Scales:
    """Weighs maps of one canvas."""

    def __init__(self, canvas: Canvas) -> None:
        self._shrink = min(1.0, _PX_PER_MM / canvas.px_per_mm)
        self._px_per_mm = canvas.px_per_mm * self._shrink
        skin = self._small(canvas.skin)
        self._skin = (skin > 0.5).astype(np.float32)
        step = canvas.skin.shape[1] / skin.shape[1]
        u, _ = geometry.canonical_grid(canvas.points / step, skin.shape, 1)
        self._side = {"left": (self._skin > 0) & (u > 0), "right": (self._skin > 0) & (u <= 0)}

    def _small(self, values: Float) -> Float:
        if self._shrink == 1:
            return values
        return cv2.resize(values, None, fx=self._shrink, fy=self._shrink, interpolation=cv2.INTER_AREA)

    def load(self, pigment: Float, side: str, soft_mm: float = 0.0) -> float:
        """The load of a map (H, W) on ``side`` "left", "right" or "both" (the mean of the two); 0 without skin.
        ``soft_mm``: sigma by which the map is still going to be softened."""
        small = np.maximum(self._small(pigment), 0)
        if soft_mm:
            small = cv2.GaussianBlur(small, (0, 0), soft_mm * self._px_per_mm)
        return self._mean(visible_pigment(small, self._skin, self._px_per_mm), side)

    def mean(self, values: Float, side: str) -> float:
        """The mean of values (H, W) over the skin of a side, as ``load``."""
        return self._mean(self._small(values), side)

    def _mean(self, small: Float, side: str) -> float:
        sides = ("left", "right") if side == "both" else (side,)
        means = [small[self._side[one]].mean() if self._side[one].any() else 0.0 for one in sides]
        return float(np.mean(means))


def load_of_map(pigment: Float, canvas: Canvas, side: str) -> float:
    """The load of a map (H, W) on ``side`` "left", "right" or "both" of a canvas."""
    return Scales(canvas).load(pigment, side)
