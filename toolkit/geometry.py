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
    finer = np.column_stack([transform[:, :2] * fold, transform[:, 2] * fold + (fold - 1) / 2])
    method = cv2.INTER_LINEAR if fold > 1 else cv2.INTER_CUBIC
    sampled = cv2.warpAffine(picture, finer, (size[0] * fold, size[1] * fold), flags=method)
    return sampled if fold == 1 else cv2.resize(sampled, size, interpolation=cv2.INTER_AREA)
