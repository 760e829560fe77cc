"""The threshold image of the 2020 capstone that this package started from, kept as a named baseline."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.records import Patch
from toolkit.settings import PigmentSettings


def seed_threshold_image(pixels: NDArray[np.uint8], threshold: float) -> NDArray[np.float32]:
    """The 2020 capstone's threshold image, kept as a named baseline.

    HSV brightness V minus grey (both 0-1), True over ``threshold``, times V: (h, w) float32, 0-1. On skin
    V - grey = 0.701 R - 0.587 G - 0.114 B, a redness map: blood and exposure raise it more than melanin.
    """
    value = pixels.max(axis=-1).astype(np.float32) / 255
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    return np.where(value - grey > threshold, value, 0.0).astype(np.float32)


def seed_features(patch: Patch, settings: PigmentSettings) -> dict[str, float]:
    """Area fraction and mean brightness of the seed's threshold image over skin."""
    image = seed_threshold_image(patch.pixels, settings.seed_threshold)[patch.skin]
    return {"seed_area_fraction": float((image > 0).mean()), "seed_mean": float(image.mean())}
