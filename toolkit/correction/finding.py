"""Colour charts in a picture: where they lie, and the colours of their patches as the camera gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_SIDE_PX = 1600  # of the picture that is searched: charts are large, and noise is averaged
_MOST = 3  # charts that are looked for: one more than the two of which a note tells
_DARKEST, _LIGHTEST = 3.0, 248.0  # codes beyond which a channel is clipped
_BEYOND = 0.05  # of the picture's longer side, that a corner may lie outside
_OPPOSITE, _ASPECT = (
    1.5,
    (1.1, 2.0),
)  # ratio of opposite sides, and of width to height: 1.4 of the patches' outline
_SPREAD = 10.0  # standard deviation (codes) of a patch that something lies on


@dataclass(frozen=True, eq=False)
class FoundChart:
    """A chart of 24 patches. ``codes`` (24, 3) float64: mean sRGB code of each patch, 0-255. ``usable`` (24,) bool: neither
    clipped nor uneven. ``outline`` (4, 2): its corners in pixels of the picture. ``cost``: how unlike a chart it looks."""

    codes: NDArray[np.float64]
    usable: NDArray[np.bool_]
    outline: NDArray[np.float64]
    cost: float


def find_charts(pixels: NDArray[np.uint8]) -> list[FoundChart]:
    """The charts in a picture (H, W, 3) uint8 RGB, in any position, the likeliest first; by OpenCV's mcc module."""
    scale = min(1.0, _SIDE_PX / max(pixels.shape[:2]))
    small: Any = (
        cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else pixels
    )
    detector: Any = cv2.mcc.CCheckerDetector_create()  # type: ignore[attr-defined]
    detector.setColorChartType(cv2.mcc.MCC24)  # type: ignore[attr-defined]
    if not detector.process(np.ascontiguousarray(small[..., ::-1]), _MOST):
        return []
    charts = [_read(checker, scale) for checker in detector.getListColorChecker()]
    found: list[FoundChart] = []
    for chart in sorted(charts, key=lambda one: one.cost):
        # Beside the chart the detector may tell it again, or something in no shape that a chart can have.
        if may_be_chart(chart.outline, pixels.shape) and not any(_is_inside(chart, other) for other in found):
            found.append(chart)
    return found


def may_be_chart(outline: NDArray[np.float64], shape: tuple[int, ...]) -> bool:
    """Whether four corners are those of a chart in the picture, seen from the front or somewhat from the side."""
    beyond = _BEYOND * max(shape[:2])
    inside = (outline > -beyond).all() and (outline < np.array(shape[1::-1]) + beyond).all()
    sides = np.linalg.norm(outline - np.roll(outline, -1, axis=0), axis=1)
    top, right, bottom, left = np.maximum(sides, 1e-9)
    alike = all(1 / _OPPOSITE < a / b < _OPPOSITE for a, b in ((top, bottom), (left, right)))
    wide = (top + bottom) / (left + right)
    return bool(
        inside
        and alike
        and _ASPECT[0] < wide < _ASPECT[1]
        and cv2.isContourConvex(outline.astype(np.float32))
    )


def _is_inside(chart: FoundChart, other: FoundChart) -> bool:
    x, y = chart.outline.mean(axis=0).tolist()
    return cv2.pointPolygonTest(other.outline.astype(np.float32), (x, y), False) >= 0


def _read(checker: Any, scale: float) -> FoundChart:
    """The detector's own figures: count, mean, deviation, lowest and highest of each channel of each patch."""
    figures = np.asarray(checker.getChartsRGB(), np.float64).reshape(24, 3, 5)
    codes, spread = figures[..., 1], figures[..., 2]
    usable = ((codes > _DARKEST) & (codes < _LIGHTEST) & (spread < _SPREAD)).all(axis=1)
    outline = (np.asarray(checker.getBox(), np.float64) + 0.5) / scale - 0.5
    return FoundChart(codes, np.asarray(usable), outline, float(checker.getCost()))
