"""Half faces as clinical studies show them: everything but the skin of one half is black."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.phantom import geometry
from toolkit.phantom.geometry import Points
from toolkit.phantom.optics import Bytes


def to_clinical_half(
    pixels: Bytes,
    points: Points,
    side: str,
    rng: np.random.Generator,
    *,
    forehead: Points | None = None,
) -> Bytes:
    """The picture (H, W, 3) uint8 with all black but the skin of one half of the face.

    Cut straight along the facial midline; polygon holes over brow, eye, nostrils and mouth; hair, ears
    and background cut off along a polygon of straight edges. ``side`` is the subject's own: "left" keeps
    the right half of the picture. ``forehead`` (n, 2): the hairline, guessed from the points where None.
    """
    if side not in ("left", "right"):
        raise ValueError(f"side must be left or right, got {side!r}")
    keep = half_mask(pixels.shape[:2], points, side, rng, forehead=forehead)
    return cv2.bitwise_and(pixels, pixels, mask=keep)


def half_mask(
    shape: tuple[int, int],
    points: Points,
    side: str,
    rng: np.random.Generator,
    *,
    forehead: Points | None = None,
) -> Bytes:
    """(H, W) uint8: 255 where a clinical half face shows skin, else 0."""
    forehead = geometry.default_forehead(points) if forehead is None else forehead
    keep = np.zeros(shape, np.uint8)
    _fill(keep, _outline(points, forehead, rng), 255)
    for name, polygons in geometry.holes(points).items():
        for polygon in polygons:
            _fill(keep, _rough(polygon, name, geometry.span_of(points), rng), 0)
    _fill(keep, _other_half(points, side), 0)
    return keep


def _fill(mask: Bytes, polygon: NDArray, value: int) -> None:
    cv2.fillPoly(mask, [np.round(polygon).astype(np.int32)], value)


def _outline(points: Points, forehead: Points, rng: np.random.Generator) -> Points:
    """The jaw and the hairline, drawn a little inside and cut to few corners as by hand."""
    unit = geometry.span_of(points)
    corners = np.concatenate([points[geometry.JAW][::2], forehead[::-1][::2]])
    centre = geometry.from_canonical(points, np.array([[0.0, 0.25]]))
    toward = centre - corners
    inset = rng.uniform(0.03, 0.07) * unit + 0.015 * unit * rng.standard_normal((len(corners), 1))
    return corners + toward / np.hypot(*toward.T)[:, None] * inset


def _rough(polygon: NDArray, name: str, unit: float, rng: np.random.Generator) -> Points:
    """A hole as a hand would cut it: larger, with few corners."""
    extra = {"brow": 0.055, "eye": 0.06, "nostril": 0.025, "mouth": 0.03}[name]
    few = polygon[[0, 2, 4, 5, 7, 9]] if name == "brow" else polygon[:: 2 if len(polygon) > 8 else 1]
    bigger = geometry.grown(few, 1.0, rng.uniform(0.7, 1.3) * extra * unit)
    return bigger + 0.008 * unit * rng.standard_normal(bigger.shape)


def _other_half(points: Points, side: str) -> Points:
    """All of the picture beyond the midline, which runs along the ridge of the nose to the chin."""
    middle = points[[27, 28, 29, 30, 33, 51, 57, 8]]
    centre = middle.mean(axis=0)
    along = np.linalg.svd(middle - centre)[2][0]
    along = along * np.sign(along[1])
    far = 6 * geometry.span_of(points)
    ends = np.array([centre - far * along, centre + far * along])
    sideways = far * np.array([along[1], -along[0]]) * (-1 if side == "left" else 1)
    return np.array([ends[0], ends[1], ends[1] + sideways, ends[0] + sideways])
