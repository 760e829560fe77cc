"""A picture to look at: landmarks, patch outlines, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.geometry import apply_affine, invert_affine
from toolkit.records import Face, Patch, Photo

_OUTLINE = {
    "forehead": (90, 170, 255),
    "left_cheek": (255, 190, 60),
    "right_cheek": (120, 220, 120),
    "chin": (230, 130, 255),
}
_TINT = np.array((200, 30, 60), np.float32)
_MAX_SIDE = 1200


def draw_overlay(photo: Photo, face: Face, patches: Sequence[Patch]) -> NDArray[np.uint8]:
    """RGB uint8 picture of the photo, its longer side at most 1200 px.

    Landmarks as dots, every patch outlined in its colour, and tinted red what is not measured inside it.
    """
    height, width = photo.pixels.shape[:2]
    scale = min(1.0, _MAX_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    canvas: Any = cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA)
    shrink = np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2]])
    for patch in patches:
        _tint_excluded(canvas, patch, shrink)
    thick = max(1, round(max(size) / 600))
    for patch in patches:
        h, w = patch.skin.shape
        corners = np.array([(-0.5, -0.5), (w - 0.5, -0.5), (w - 0.5, h - 0.5), (-0.5, h - 0.5)])
        outline = apply_affine(shrink, apply_affine(invert_affine(patch.to_patch), corners))
        cv2.polylines(
            canvas,
            [np.round(outline * 16).astype(np.int32)],
            True,
            _OUTLINE[patch.region],
            thick,
            cv2.LINE_AA,
            4,
        )
    for x, y in np.round(apply_affine(shrink, face.points) * 16).astype(int):
        cv2.circle(canvas, (int(x), int(y)), thick * 24, (255, 255, 255), -1, cv2.LINE_AA, 4)
    return canvas


def _tint_excluded(canvas: NDArray[np.uint8], patch: Patch, shrink: NDArray[np.float64]) -> None:
    to_canvas = invert_affine(patch.to_patch)
    to_canvas = np.column_stack(
        [shrink[:, :2] @ to_canvas[:, :2], shrink[:, :2] @ to_canvas[:, 2] + shrink[:, 2]]
    )
    size = canvas.shape[1], canvas.shape[0]
    excluded = cv2.warpAffine((~patch.skin).astype(np.uint8), to_canvas, size, flags=cv2.INTER_NEAREST) > 0
    canvas[excluded] = (0.6 * canvas[excluded] + 0.4 * _TINT).astype(np.uint8)
