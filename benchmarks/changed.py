"""The same photograph as another visit's may be: dark, small, turned, strongly compressed."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]  # uint8; OpenCV's own annotations know no more
Affine = NDArray[np.float64]
IDENTITY: Affine = np.array([[1.0, 0, 0], [0, 1, 0]])
VERSIONS = {"dark": 92, "small": 92, "rotated": 92, "jpeg60": 60}  # and the quality each is saved with


def version(pixels: Pixels, name: str) -> tuple[Pixels, Affine]:
    """A changed photograph, and the map (2, 3) from the plain one's pixels to its own."""
    if name == "dark":
        level = np.arange(256) / 255.0
        return cv2.LUT(pixels, np.round(255 * (level**2.2 * 0.4) ** (1 / 2.2)).astype(np.uint8)), IDENTITY
    if name == "small":
        return reduced(pixels, 0.6)
    if name == "rotated":
        return turned(pixels, 8.0, 0.95)
    return pixels, IDENTITY


def reduced(pixels: Pixels, scale: float) -> tuple[Pixels, Affine]:
    """A smaller picture and the map to it."""
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    shift = (scale - 1) / 2
    return small, np.array([[scale, 0, shift], [0, scale, shift]])


def turned(
    pixels: Pixels, degrees: float, scale: float = 1.0, how: int = cv2.INTER_LINEAR
) -> tuple[Pixels, Affine]:
    """A picture turned about its middle and the map to it."""
    high, wide = pixels.shape[:2]
    turn: Any = cv2.getRotationMatrix2D(((wide - 1) / 2, (high - 1) / 2), degrees, scale)
    return cv2.warpAffine(pixels, turn, (wide, high), flags=how), turn


def compressed(pixels: Pixels, quality: int) -> Pixels:
    """What is left of an RGB picture after a JPEG file."""
    bgr = np.ascontiguousarray(pixels[..., ::-1])
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    back: Any = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return np.ascontiguousarray(back[..., ::-1])
