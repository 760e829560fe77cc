"""The chart as a picture: what is measured, what is left out and why, and the regions' borders."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.records import REASONS, FaceChart

# A colour a reason, in the order of REASONS.
_COLOURS = np.array(
    [
        (0, 0, 0), (90, 90, 90), (150, 60, 200), (60, 90, 220), (40, 40, 160), (220, 40, 90), (255, 220, 60),
        (0, 200, 200), (60, 160, 60), (0, 90, 60), (200, 120, 40), (255, 0, 255),
    ],
    np.uint8,
)  # fmt: skip


def draw_chart(chart: FaceChart) -> NDArray[np.uint8]:
    """RGB uint8 (h, w, 3): the chart, tinted where it is left out by the reason, regions outlined in white."""
    canvas = chart.pixels.copy()
    canvas[~chart.visible] = 0
    out = chart.visible & ~chart.skin
    tint = _COLOURS[chart.reasons[out]].astype(np.float32)
    canvas[out] = (0.5 * canvas[out] + 0.5 * tint).astype(np.uint8)
    borders = cv2.morphologyEx(chart.regions, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)) > 0
    canvas[borders & chart.visible] = 255
    if len(_COLOURS) != len(REASONS):
        raise ValueError("a reason lacks its colour")
    return canvas
