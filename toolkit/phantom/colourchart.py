"""A ColorChecker of 24 patches, drawn: by itself, or beside a face."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import cv2
import numpy as np

from toolkit.colourtarget import COLUMNS, ROWS, patch_light
from toolkit.phantom.draw import Canvas
from toolkit.phantom.optics import Float

_GAP: Final = 0.15  # between patches, of a patch's side
_FRAME: Final = 0.03  # linear light of the black frame
_LEAST_LIGHT: Final = 1e-3


def draw_colour_chart(patch_px: int) -> Float:
    """Linear light (h, w, 3) of the chart; ``patch_px``: side of a patch."""
    gap = round(_GAP * patch_px)
    step = patch_px + gap
    light = np.full((ROWS * step + gap, COLUMNS * step + gap, 3), _FRAME, np.float32)
    for number, colour in enumerate(patch_light()):
        row, column = divmod(number, COLUMNS)
        top, left = gap + row * step, gap + column * step
        light[top : top + patch_px, left : left + patch_px] = np.maximum(colour, _LEAST_LIGHT)
    return light


def with_colour_chart(
    canvas: Canvas, centre: tuple[float, float], patch_px: int, degrees: float = 0.0
) -> Canvas:
    """The canvas with a chart in front of what it shows, about ``centre`` (x, y) in pixels, turned counter-clockwise."""
    chart: Any = draw_colour_chart(patch_px)
    high, wide = chart.shape[:2]
    turn = cv2.getRotationMatrix2D(((wide - 1) / 2, (high - 1) / 2), degrees, 1.0)
    turn[:, 2] += np.array(centre) - [(wide - 1) / 2, (high - 1) / 2]
    size = (canvas.light.shape[1], canvas.light.shape[0])
    shown: Any = cv2.warpAffine(np.ones((high, wide), np.float32), turn, size)
    light = (
        canvas.light * (1 - shown[..., None])
        + cv2.warpAffine(chart, turn, size, borderMode=cv2.BORDER_REPLICATE) * shown[..., None]
    )
    return dataclasses.replace(canvas, light=light.astype(np.float32), skin=canvas.skin * (1 - shown))
