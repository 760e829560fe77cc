"""Outlines as SVG paths, and pictures as JPEGs of a bounded size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.geometry import apply_affine, compose_affine
from toolkit.outputs import marked_jpeg
from toolkit.settings import ReportSettings

MARK = "report"  # of every picture, as ``outputs.marked_jpeg`` takes it
_QUALITY_STEP = 5
_LEAST_QUALITY = 40
_SCALES = (1.0, 0.7, 0.5, 0.35)

Affine = NDArray[np.float64]
Outline = NDArray[np.float64]


def mask_outlines(mask: NDArray[np.bool_], from_chart: Affine, grow: int = 0) -> list[Outline]:
    """Outlines of a mask of the chart in the small picture; ``grow``: so many pixels outside it."""
    padded: Any = np.pad(mask.astype(np.uint8), 1)
    if grow:
        padded = cv2.dilate(
            padded, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grow + 1, 2 * grow + 1))
        )
    off, _ = cv2.findContours(padded, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [apply_affine(from_chart, outline[:, 0].astype(np.float64) - 1) for outline in off]


def svg_path(found: Sequence[Outline], most: int) -> tuple[str, int]:
    """Closed outlines as one SVG path of at most about ``most`` letters, the largest first, and how many did not
    fit."""
    areas = [cv2.contourArea(np.asarray(outline, np.float32)) for outline in found]
    parts: list[str] = []
    letters = 0
    for rank, place in enumerate(np.argsort(np.negative(areas), kind="stable").tolist()):
        slim: Any = cv2.approxPolyDP(np.asarray(found[place], np.float32), 0.4, True)
        text = _closed(halves(slim[:, 0] if len(slim) > 2 else found[place]))
        letters += len(text)
        if letters > most and parts:
            return "".join(parts), len(found) - rank
        parts.append(text)
    return "".join(parts), 0


def _closed(points: NDArray[np.int64]) -> str:
    """A closed path: where it begins, then step by step."""
    steps = np.diff(points, axis=0)
    steps = steps[(steps != 0).any(axis=1)]
    numbers = "".join(f" {n}" if n >= 0 else str(n) for n in steps.ravel().tolist())
    return f"M{points[0, 0]} {points[0, 1]}l{numbers.lstrip()}z" if len(steps) else ""


def halves(points: Outline) -> NDArray[np.int64]:
    """Points in half pixels, from the edge of the first pixel as SVG counts."""
    return np.round(2 * (np.asarray(points) + 0.5)).astype(np.int64)


def finer_view(to_view: Affine, size: tuple[int, int], times: float) -> tuple[Affine, tuple[int, int]]:
    """A map to a view and its (width, height) at up to ``times`` as many pixels a side, never more than there are in what
    is looked at."""
    times = max(1.0, min(times, 1 / float(np.sqrt(abs(np.linalg.det(to_view[:, :2]))))))
    finer = max(1, round(size[0] * times)), max(1, round(size[1] * times))
    x, y = finer[0] / size[0], finer[1] / size[1]
    # A pixel's centre has whole-numbered coordinates, so its edge lies half a pixel before it.
    return compose_affine(to_view, np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2]])), finer


def jpeg(picture: NDArray[np.uint8], shown: ReportSettings) -> bytes:
    """A JPEG as good as ``jpeg_quality`` that does not exceed ``max_picture_bytes``: of less quality and then of
    fewer pixels where the picture is full of detail. It is shown at the same size."""
    qualities = range(shown.jpeg_quality, _LEAST_QUALITY - 1, -_QUALITY_STEP)
    for scale in _SCALES:
        size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
        small: Any = picture if scale == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        for quality in qualities if scale == 1 else qualities[-1:]:
            data = encoded(small[..., ::-1], quality)
            if len(data) <= shown.max_picture_bytes:
                return data
    return data


def encoded(picture: NDArray[np.uint8], quality: int) -> bytes:
    """A picture (BGR or grey) as a JPEG, marked as the report's."""
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} cannot be written")
    return marked_jpeg(data.tobytes(), MARK)
