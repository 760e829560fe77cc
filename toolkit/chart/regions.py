"""Which part of the face a pixel of the chart belongs to, from the landmarks in the face frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from toolkit.chart.frame import Frame, hull, polygon
from toolkit.geometry import apply_affine
from toolkit.records import CHART_PARTS, CHART_REGIONS

# Landmarks of the subject's right side (on the left of the picture) and of the left.
_BROWS = (range(17, 22), range(22, 27))
_EYES = (range(36, 42), range(42, 48))
_OUTER_CORNER, _INNER_CORNER = (36, 45), (39, 42)
_WING, _MOUTH_CORNER = (31, 35), (48, 54)
_ABOVE_BROW_MM = 3.0
_EAR_LOBE_MM = (74.0, 44.0)  # the jaw begins below the line from the mouth's corner to here


def label_regions(frame: Frame) -> NDArray[np.uint8]:
    """(h, w) uint8: 1 + the index in CHART_REGIONS of every pixel, also beyond the face's outline.

    The side is that of the face's midline, x = 0 of its frame. Parts by the face's own landmarks: eyelids the hull of
    eye and brow; above the brows the forehead, beside their tails and the eye's corner the temple; the nose a polygon
    from the nasion to the wings; below it, between the corners of the mouth, upper lip and chin; beside these, below
    the line from the corner to the ear lobe, the jaw; all else is cheek.
    """
    labels = np.zeros((frame.size[1], frame.size[0]), np.uint8)
    x, _ = frame.face_mm()
    points, (left, top), (wide, high) = _in_mm(frame), frame.corner_mm, frame.size
    middle = int((x < 0).sum())
    halves = ("right", 0, middle), ("left", middle, wide)
    for side, (name, first, last) in enumerate(halves):
        half = replace(frame, corner_mm=(left + first / frame.px_per_mm, top), size=(last - first, high))
        if first < last:
            first_label = 1 + CHART_REGIONS.index(f"{name}_{CHART_PARTS[0]}")
            labels[:, first:last] = first_label + _parts(half, points, side, (-1.0, 1.0)[side])
    return labels


def _in_mm(frame: Frame) -> NDArray[np.float64]:
    """The landmarks (68, 2) in the face frame, mm."""
    return (frame.points + 0.5) / frame.px_per_mm + frame.corner_mm


def _parts(frame: Frame, points: NDArray[np.float64], side: int, sign: float) -> NDArray[np.uint8]:
    """(h, w) index in CHART_PARTS, as one side's landmarks have it."""
    x, y = frame.face_mm()
    out = x * sign  # away from the midline
    brow, eye = points[list(_BROWS[side])], points[list(_EYES[side])]
    order = np.argsort(brow[:, 0] * sign)
    brow_line = np.interp(out, brow[order, 0] * sign, brow[order, 1]) - _ABOVE_BROW_MM
    tail = float(brow[order[-1], 0] * sign)
    corner, wing, mouth = (points[one[side]] for one in (_OUTER_CORNER, _WING, _MOUTH_CORNER))
    mouth_out = float(mouth[0] * sign)
    lip_middle = float(points[62, 1])
    slope = (_EAR_LOBE_MM[1] - mouth[1]) / max(_EAR_LOBE_MM[0] - mouth_out, 1.0)
    jaw_line = mouth[1] + slope * np.maximum(out - mouth_out, 0)
    temple_foot = corner[1] + 0.35 * (wing[1] - corner[1])
    part = np.full((frame.size[1], frame.size[0]), CHART_PARTS.index("cheek"), np.uint8)
    part[(out > corner[0] * sign + 4) & (y < temple_foot)] = CHART_PARTS.index("temple")
    part[(y < brow_line) & (out <= tail)] = CHART_PARTS.index("forehead")
    part[(y < brow_line) & (out > tail)] = CHART_PARTS.index("temple")
    part[(out >= mouth_out) & (y > jaw_line)] = CHART_PARTS.index("jaw")
    inner = (out < mouth_out) & (y > wing[1] + 2)
    part[inner & (y <= lip_middle)] = CHART_PARTS.index("upper_lip")
    part[inner & (y > lip_middle)] = CHART_PARTS.index("chin")
    both = np.concatenate([brow, eye])
    to_px = np.array([[frame.px_per_mm, 0.0, 0.0], [0.0, frame.px_per_mm, 0.0]])
    to_px[:, 2] = -np.array(frame.corner_mm) * frame.px_per_mm - 0.5
    part[hull(apply_affine(to_px, both), frame.size)] = CHART_PARTS.index("eyelids")
    part[polygon(apply_affine(to_px, _nose(points, side, sign)), frame.size)] = CHART_PARTS.index("nose")
    return part


def _nose(points: NDArray[np.float64], side: int, sign: float) -> NDArray[np.float64]:
    """The outline (n, 2) of one half of the nose, mm: nasion, beside the inner corner, round the wing, its base."""
    inner, wing, base = points[_INNER_CORNER[side]], points[_WING[side]], points[33]
    beside = np.array([0.55 * inner[0], inner[1]])
    flank = np.array([wing[0] + 1.0 * sign, wing[1] - 16])
    outside = wing + np.array([5.0 * sign, -3.0])
    far = np.array([-3.0 * sign, 0.0])
    up, down = np.array([0.0, -6.0]), np.array([2.0 * sign, 3.0])
    foot = base + np.array([0.0, 2.0])
    return np.array(
        [points[27] + far + up, beside + up, beside, flank, outside, wing + down, foot, base + far],
        np.float64,
    )
