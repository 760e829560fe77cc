"""The upright crop that a landmark model is shown, and the detector's box in the face frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.geometry import compose_affine, invert_affine

# The detector's box in the face frame (mm): its mean over frontal faces, made symmetrical.
BOX_MM = (-74.5, -43.6, 74.5, 105.3)


@dataclass(frozen=True)
class Crop:
    """A square crop: ``place_mm`` is its left, top and side in the face frame, ``size`` its pixels a side."""

    place_mm: tuple[float, float, float]
    size: int

    @property
    def px_per_mm(self) -> float:
        """Its scale."""
        return self.size / self.place_mm[2]

    @property
    def shape(self) -> tuple[int, int]:
        """(width, height)."""
        return self.size, self.size

    @property
    def from_face(self) -> NDArray[np.float64]:
        """(2, 3): the face frame's millimetres -> pixels of the crop."""
        left, top, _ = self.place_mm
        scale = self.px_per_mm
        return np.array([[scale, 0, -left * scale - 0.5], [0, scale, -top * scale - 0.5]])

    def from_photo(self, frame: NDArray[np.float64]) -> NDArray[np.float64]:
        """(2, 3): pixels of the photograph -> pixels of the crop, from the fit of the mean face to it."""
        return compose_affine(invert_affine(frame), self.from_face)
