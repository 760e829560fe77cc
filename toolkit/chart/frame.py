"""Where the chart lies: the face frame of ``toolkit.meanface``, in pixels, cut to what is visible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.geometry import apply_affine, axes_mm, compose_affine, invert_affine
from toolkit.meanface import fit_similarity
from toolkit.records import Face, Photo

# The whole frame (mm): ears, hairline and jaw of any face lie inside it.
LEFT_MM, TOP_MM, WIDTH_MM, HEIGHT_MM = -92, -96, 184, 224
_STEP_MM = 8  # a chart's corner and sides are whole multiples of it, so that the network's cells fit
_DILATED_PX = 4  # up to here a dilation is faster than a distance transform


@dataclass(frozen=True, eq=False)
class Frame:
    """A chart's place: ``to_chart`` (2, 3) from pixels of the photograph, ``corner_mm`` its upper left corner in the
    face frame, ``size`` (width, height) in pixels, ``points`` (68, 2) the landmarks in its pixels."""

    to_chart: NDArray[np.float64]
    corner_mm: tuple[float, float]
    size: tuple[int, int]
    px_per_mm: float
    points: NDArray[np.float64]

    def face_mm(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """x (1, w) and y (h, 1) in the face frame, mm, of every column and row."""
        return axes_mm(self.corner_mm, self.size, self.px_per_mm)

    def warped(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """A mask (H, W) of the photograph seen on the chart; False beyond the picture."""
        seen = cv2.warpAffine(mask.view(np.uint8), self.to_chart, self.size, flags=cv2.INTER_NEAREST)
        return np.asarray(seen > 0)


def whole_frame(face: Face, px_per_mm: float) -> Frame:
    """The frame before it is cut to what is visible."""
    return _frame(face, (LEFT_MM, TOP_MM), (WIDTH_MM, HEIGHT_MM), px_per_mm)


def cut_to(frame: Frame, face: Face, visible: NDArray[np.bool_]) -> Frame:
    """The part of a frame that holds all of ``visible`` (h, w); the whole of it where there is none."""
    left, top, width, height = cv2.boundingRect(visible.view(np.uint8))
    if not width:
        return frame
    step = _STEP_MM * frame.px_per_mm
    first = np.floor(np.array([left, top]) / step) * _STEP_MM
    last = np.ceil(np.array([left + width, top + height]) / step) * _STEP_MM
    corner = np.add(frame.corner_mm, first)
    return _frame(face, tuple(corner.tolist()), tuple((last - first).tolist()), frame.px_per_mm)


def _frame(
    face: Face, corner_mm: tuple[float, float], size_mm: tuple[float, float], px_per_mm: float
) -> Frame:
    # The corner is that of the first pixel, half a pixel before that pixel's centre.
    shift = -np.array(corner_mm) * px_per_mm - 0.5
    place = np.array([[px_per_mm, 0.0, shift[0]], [0.0, px_per_mm, shift[1]]])
    to_chart = compose_affine(invert_affine(fit_similarity(face.points)), place)
    size = round(size_mm[0] * px_per_mm), round(size_mm[1] * px_per_mm)
    return Frame(to_chart, corner_mm, size, px_per_mm, apply_affine(to_chart, face.points))


def unpainted(photo: Photo) -> NDArray[np.bool_]:
    """(H, W) bool: where the photograph is not painted out, the halo that ``Photo.skin`` leaves off given back."""
    if photo.halo_px == 0 or photo.skin.all():
        return photo.skin
    square = np.ones((2 * photo.halo_px + 1,) * 2, np.uint8)
    seen = np.zeros_like(photo.skin)
    seen[photo.shown] = cv2.dilate(photo.skin[photo.shown].view(np.uint8), square) > 0
    return seen


def polygon(points: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """(h, w) bool: inside a polygon (n, 2) of chart pixels, which may reach beyond the chart."""
    canvas = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillPoly(canvas, [np.round(points * 16).astype(np.int32)], 1, lineType=cv2.LINE_8, shift=4)
    return canvas.view(np.bool_)


def hull(points: NDArray[np.float64], size: tuple[int, int], reach: float = 0.0) -> NDArray[np.bool_]:
    """(h, w) bool: inside the convex hull of points (n, 2), or within ``reach`` pixels of it."""
    outline = cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)
    if not reach:
        return polygon(outline, size)
    # Drawn on a canvas of its own, as large as it can reach, of which the chart may show a part.
    pad = int(np.ceil(reach)) + 2
    left, top = np.maximum(np.floor(outline.min(axis=0)) - pad, -pad).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(outline.max(axis=0)) + pad + 1, np.add(size, pad)).astype(int).tolist()
    inside = np.zeros((size[1], size[0]), np.bool_)
    rows, columns = slice(max(top, 0), min(bottom, size[1])), slice(max(left, 0), min(right, size[0]))
    if rows.start < rows.stop and columns.start < columns.stop:  # else it lies beside the chart
        own = near(polygon(outline - [left, top], (right - left, bottom - top)), reach)
        inside[rows, columns] = own[
            rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
        ]
    return inside


def near(mask: NDArray, distance: float) -> NDArray[np.bool_]:
    """Within ``distance`` pixels of the mask (bool, or uint8 0-1)."""
    if not mask.any():
        return mask.astype(np.bool_)
    if distance <= _DILATED_PX:
        return np.asarray(cv2.dilate(mask.astype(np.uint8), _disc(distance)) > 0)
    return np.asarray(cv2.distanceTransform((mask == 0).astype(np.uint8), cv2.DIST_L2, 3) <= distance)


@lru_cache(maxsize=32)
def _disc(distance: float) -> NDArray[np.uint8]:
    """What lies within ``distance`` of the middle, as the distance transform has it."""
    reach = int(distance) + 1
    beside = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    beside[reach, reach] = 0
    return np.asarray(cv2.distanceTransform(beside, cv2.DIST_L2, 3) <= distance).astype(np.uint8)


def mean_around(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """The Gaussian mean (h, w) over ``sigma`` pixels, from a reduced picture where that is wide."""
    return enlarged(reduced_mean(values, sigma), values.shape)


def reduced_mean(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """``mean_around`` as it is computed, on a picture reduced as far as ``sigma`` allows."""
    shrink = max(1, int(sigma / 3))
    small = cv2.resize(values, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), sigma / shrink), np.float32)


def enlarged(small: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A reduced picture at full size (h, w)."""
    return np.asarray(cv2.resize(small, shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def halved_means(
    planes: Sequence[NDArray[np.float32]], weight: NDArray[np.float32], sigma: float
) -> list[NDArray[np.float32]]:
    """The Gaussian means of planes (h, w) over a weight (h, w) 0-1, from pictures of half the size; 0 far from any."""
    half = weight.shape[1] // 2, weight.shape[0] // 2
    # To halve and to enlarge is to blur as well, by a variance of 1/12 + 1/6 of the larger pixels.
    narrow = float(np.sqrt(max(sigma**2 / 4 - 0.25, 0.1)))

    def smoothed(values: NDArray[np.float32]) -> NDArray[np.float32]:
        small = cv2.resize(values, half, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.GaussianBlur(small, (0, 0), narrow), np.float32)

    mass = np.maximum(smoothed(weight), np.float32(1e-3))
    means: list[Any] = [smoothed(values * weight) / mass for values in planes]
    return [enlarged(mean, weight.shape) for mean in means]


def pieces(mask: NDArray) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The connected pieces of a mask (h, w), bool or uint8 0-1: labels (h, w), 0 outside, and how many pixels each label
    has, 0 of them outside. Counted here, since OpenCV takes longer for it."""
    count, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    inside = np.take(labels, np.flatnonzero(mask))
    return np.asarray(labels, np.int32), np.bincount(inside, minlength=count)


def pieces_over(mask: NDArray[np.bool_], area: float) -> NDArray[np.bool_]:
    """The connected pieces of a mask that cover at least ``area`` pixels."""
    if np.count_nonzero(mask) < area:
        return np.zeros_like(mask)
    labels, counts = pieces(mask)
    return np.take((counts >= area) & (counts > 0), labels)


def pieces_with(mask: NDArray[np.bool_], core: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The connected pieces of a mask that some of ``core`` lies in."""
    core = core & mask
    if not core.any():
        return core
    labels, counts = pieces(mask)
    reached = np.zeros(len(counts), np.bool_)
    reached[labels[core]] = True
    return np.take(reached, labels)
