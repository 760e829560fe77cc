"""Affine maps of points and pictures. A pixel's centre has whole-numbered coordinates."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray


def apply_affine(transform: NDArray[np.float64], points: ArrayLike) -> NDArray[np.float64]:
    """Points (n, 2) mapped by a (2, 3) affine transform."""
    return np.asarray(points, np.float64) @ transform[:, :2].T + transform[:, 2]


def axes_mm(
    corner_mm: tuple[float, float], size: tuple[int, int], px_per_mm: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """x (1, w) and y (h, 1), mm, of the middle of every column and row of a picture of ``size`` (w, h) whose upper left
    corner lies at ``corner_mm``."""
    x, y = (
        first + (np.arange(count, dtype=np.float32) + 0.5) / px_per_mm
        for first, count in zip(corner_mm, size, strict=True)
    )
    return x[None, :], y[:, None]


def invert_affine(transform: NDArray[np.float64]) -> NDArray[np.float64]:
    """The (2, 3) inverse of a (2, 3) affine transform; raises numpy's LinAlgError when there is none."""
    linear = np.linalg.inv(transform[:, :2])
    return np.column_stack([linear, -linear @ transform[:, 2]])


def compose_affine(first: NDArray[np.float64], then: NDArray[np.float64]) -> NDArray[np.float64]:
    """The (2, 3) transform that applies ``first``, then ``then``."""
    return np.column_stack([then[:, :2] @ first[:, :2], then[:, :2] @ first[:, 2] + then[:, 2]])


def warp(picture: NDArray[np.uint8], transform: NDArray[np.float64], size: tuple[int, int]) -> Any:
    """``picture`` seen through ``transform`` (picture to output pixels) in an output of (width, height).

    Sub-pixel; where the output is smaller, every output pixel is the mean of the picture's pixels it
    covers (bilinear samples on an n-fold finer grid, averaged), so nothing aliases. Beyond the picture: 0.
    """
    shrink = 1.0 / np.sqrt(abs(np.linalg.det(transform[:, :2])))
    fold = max(1, round(shrink))
    if fold == 1:
        return cv2.warpAffine(picture, transform, size, flags=cv2.INTER_CUBIC)
    finer = np.column_stack([transform[:, :2] * fold, transform[:, 2] * fold + (fold - 1) / 2])
    wide = size[0] * fold, size[1] * fold
    rows, columns = _source(picture, finer, wide)
    finer[:, 2] += finer[:, :2] @ [columns.start, rows.start]
    part: Any = picture[rows, columns]
    # OpenCV takes half the time for four channels that it takes for three, with the same result.
    part = cv2.cvtColor(part, cv2.COLOR_RGB2RGBA) if part.ndim == 3 else part
    sampled = cv2.warpAffine(part, finer, wide, flags=cv2.INTER_LINEAR)
    smaller = cv2.resize(sampled, size, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(smaller, cv2.COLOR_RGBA2RGB) if smaller.ndim == 3 else smaller


def _source(
    picture: NDArray[np.uint8], transform: NDArray[np.float64], size: tuple[int, int]
) -> tuple[slice, slice]:
    """Rows and columns of a picture that are seen through ``transform`` in an output of ``size``; one at least."""
    corners = np.array([(x, y) for x in (0, size[0]) for y in (0, size[1])], np.float64)
    seen = apply_affine(invert_affine(transform), corners)
    first, last = (seen.min(axis=0).astype(int) - 2).tolist(), (seen.max(axis=0).astype(int) + 3).tolist()
    columns, rows = (
        slice(min(max(start, 0), most - 1), min(max(stop, 1), most))
        for start, stop, most in zip(first, last, picture.shape[1::-1], strict=True)
    )
    return rows, columns
