"""Find the face: a chain of steps, cheapest first, then landmarks refined in an upright, mean-sized crop.

Steps (``Face.found_by`` names the one that found the face):

* ``half``: the picture was cut along a straight edge: mirrored along it and bordered in black;
* ``whole``: dlib's HOG detector on the reduced picture, painted-out fill turned black;
* ``whole, bordered``: the same with a black border, for faces without a margin;
* ``rolled``: the same, turned by 25 degrees either way;
* ``half at frame``: mirrored along the left or right edge of the picture itself;
* ``small``: on a picture of twice the size, for a face far away;
* ``cnn``: dlib's mmod network, when switched on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.errors import FaceError
from toolkit.geometry import apply_affine, compose_affine, invert_affine, warp
from toolkit.landmarks.midline import Midline, find_midlines
from toolkit.landmarks.models import (
    cnn_detector,
    default_landmark_model,
    hog_detector,
    predict_points,
    shape_predictor,
)
from toolkit.meanface import MIRROR, fit_similarity, similarity_scale
from toolkit.records import Face, Photo, Side
from toolkit.settings import FaceSettings

Box = tuple[float, float, float, float]

# The predictor's own box in the face frame (mm): the mean over frontal faces, made symmetrical.
_BOX_MM = (-74.5, -43.6, 74.5, 105.3)
# The upright crop in which landmarks are refined: left, top and side in mm of the face frame, pixels a mm.
_CROP_MM = (-105.0, -75.0, 210.0)
_CROP_PX_PER_MM = 2.0
# Boxes round the mean one whose predictions are averaged: shift x, shift y, growth, in mm.
_JITTER_MM = ((0.0, 0.0, 0.0), (-4.0, -3.0, 0.0), (4.0, 3.0, 0.0), (-2.0, 3.0, 4.0), (2.0, -3.0, -4.0))


@dataclass(frozen=True, eq=False)
class _View:
    """A picture to search, and the (2, 3) map from the photograph's pixels to its own."""

    pixels: NDArray[np.uint8]
    from_photo: NDArray[np.float64]
    midline: Midline | None = None


@dataclass(frozen=True, eq=False)
class _Found:
    """A detected face: first landmarks in the photograph, the detector's score, faces in view."""

    points: NDArray[np.float64]
    score: float
    count: int
    step: str
    midline: Midline | None


class FaceFinder:
    """Finds the largest face of a photograph; dlib's models are loaded at the first call."""

    def __init__(self, landmark_model: Path | None, settings: FaceSettings) -> None:
        """``landmark_model``: a 68-point dlib shape predictor; None takes the packaged one."""
        self._model = landmark_model
        self._settings = settings

    def find(self, photo: Photo, expected_side: Side | None = None, midline: Midline | None = None) -> Face:
        """The face's landmarks, side and scale; FaceError when no step of the chain finds one.

        ``expected_side`` is what a file name or workbook says: when the picture shows another, the
        picture's is kept and a note says so. ``midline`` gives the cut of a half face instead of having
        it found from the mask.
        """
        if not photo.skin.any():
            raise FaceError(
                f"{photo.path}: the whole picture is painted out or of one colour; take another photo"
            )
        predictor = shape_predictor(self._model or default_landmark_model())
        small = _reduced(photo, self._settings)
        found = next(
            (
                found
                for step, view in self._views(photo, small, midline)
                if (found := self._search(step, view, predictor)) is not None
            ),
            None,
        )
        if found is None:
            raise FaceError(
                f"{photo.path}: no face found; check that it shows a face from the front, or mark it as unusable"
            )
        points, transform = _refine(photo, small, found, predictor)
        return _describe(photo, found, points, transform, expected_side)

    def _views(self, photo: Photo, small: _View, given: Midline | None) -> Iterator[tuple[str, _View]]:
        border = self._settings.border_fraction
        area = self._settings.detect_width_px**2
        lines = [given] if given else find_midlines(photo.skin, photo.halo_px)
        for line in lines:
            if not line.at_frame:
                yield "half", _mirrored(photo, small, line, border, area)
        yield "whole", small
        yield "whole, bordered", _turned(small, 0.0, border, area)
        for angle in (25.0, -25.0):
            yield "rolled", _turned(small, angle, border, area)
        for line in lines:
            if line.at_frame:
                yield "half at frame", _mirrored(photo, small, line, border, area)
        yield "small", _turned(small, 0.0, 0.0, 4 * area)
        if self._settings.use_cnn:
            yield "cnn", small

    def _search(self, step: str, view: _View, predictor: Any) -> _Found | None:
        if step == "cnn":
            faces = [(face.confidence, face.rect) for face in cnn_detector()(view.pixels, 1)]
        else:
            lowest = self._settings.half_threshold if view.midline else self._settings.whole_threshold
            boxes, scores, _ = hog_detector().run(view.pixels, 0, lowest)
            faces = list(zip(scores, boxes, strict=True))
        if view.midline:
            middle = view.pixels.shape[1] / 2
            faces = [face for face in faces if abs(face[1].center().x - middle) < 0.1 * face[1].width()]
        if not faces:
            return None
        score, box = max(faces, key=lambda face: face[1].width())
        first = predict_points(predictor, view.pixels, (box.left(), box.top(), box.right(), box.bottom()))
        points = apply_affine(invert_affine(view.from_photo), first)
        return _Found(points, float(score), 1 if view.midline else len(faces), step, view.midline)


def _reduced(photo: Photo, settings: FaceSettings) -> _View:
    """The photograph at the detector's size, what is painted out turned black."""
    height, width = photo.pixels.shape[:2]
    scale = min(1.0, settings.detect_width_px / np.sqrt(width * height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    pixels = cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA)
    if not photo.skin.all():
        seen = cv2.resize(photo.skin.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        reach = 2 * round(photo.halo_px * scale) + 1
        seen = cv2.dilate(seen, np.ones((reach, reach), np.uint8))
        pixels = pixels * seen[..., None]
    sx, sy = size[0] / width, size[1] / height
    return _View(pixels, np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2]]))


def _turned(small: _View, degrees: float, border: float, area: float) -> _View:
    """The reduced picture turned about its centre, with a black border, scaled to ``area`` pixels."""
    height, width = small.pixels.shape[:2]
    wide, high = width * (1 + 2 * border), height * (1 + 2 * border)
    scale = float(np.sqrt(area / (wide * high)))
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, scale)
    size = max(1, round(wide * scale)), max(1, round(high * scale))
    turn[:, 2] += np.array([(size[0] - 1) / 2, (size[1] - 1) / 2]) - [(width - 1) / 2, (height - 1) / 2]
    return _View(warp(small.pixels, turn, size), compose_affine(small.from_photo, turn))


def _mirrored(photo: Photo, small: _View, line: Midline, border: float, area: float) -> _View:
    """A whole face made of one half: the midline upright in the centre, the visible half mirrored."""
    upright = _midline_frame(line)
    rows, columns = (np.flatnonzero(photo.skin.any(axis=axis)) for axis in (1, 0))
    corners = np.array([(x, y) for x in columns[[0, -1]] for y in rows[[0, -1]]], np.float64)
    frame = apply_affine(upright, corners)
    reach = max(1.0, float((frame[:, 0] * line.face_side).max()))
    top, bottom = float(frame[:, 1].min()), float(frame[:, 1].max())
    margin = border * 2 * reach
    wide, high = 2 * reach + 2 * margin, bottom - top + 2 * margin
    scale = min(float(np.sqrt(area / (wide * high))), 1.0)
    half, tall = max(1, round(wide * scale / 2)), max(1, round(high * scale))
    place = np.array([[scale, 0, half - 0.5], [0, scale, (margin - top) * scale]])
    from_photo = compose_affine(upright, place)
    from_small = compose_affine(invert_affine(small.from_photo), from_photo)
    pixels = _mirror_half(warp(small.pixels, from_small, (2 * half, tall)), line.face_side)
    return _View(pixels, from_photo, line)


def _midline_frame(line: Midline) -> NDArray[np.float64]:
    """The rotation (2, 3) that puts the midline on x = 0, upright, at the photograph's scale."""
    angle = np.arctan(line.slope)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, -cos * line.x0], [sin, cos, -sin * line.x0]])


def _mirror_half(picture: NDArray[np.uint8], face_side: int) -> NDArray[np.uint8]:
    """The picture with the half that is not on ``face_side`` replaced by the other's mirror image."""
    half = picture.shape[1] // 2
    if face_side == 1:
        picture[:, :half] = picture[:, : half - 1 : -1]
    else:
        picture[:, half:] = picture[:, half - 1 :: -1]
    return picture


def _refine(
    photo: Photo, small: _View, found: _Found, predictor: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Landmarks (68, 2) and their fit, predicted again in an upright crop at a fixed scale, twice.

    What the detector made of the picture, its box and the head's roll, then no longer matters: the crop
    depends on the landmarks alone.
    """
    constrain = _symmetrical(found.midline) if found.midline else lambda points: points
    points = constrain(found.points)
    for _ in range(2):
        transform = fit_similarity(points)
        points = constrain(_predict_upright(photo, small, transform, found.midline, predictor))
    return points, fit_similarity(points)


def _symmetrical(line: Midline) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    upright = _midline_frame(line)
    back = invert_affine(upright)

    def constrain(points: NDArray[np.float64]) -> NDArray[np.float64]:
        frame = apply_affine(upright, points)
        return apply_affine(back, (frame + frame[MIRROR] * [-1.0, 1.0]) / 2)

    return constrain


def _predict_upright(
    photo: Photo, small: _View, transform: NDArray[np.float64], midline: Midline | None, predictor: Any
) -> NDArray[np.float64]:
    left, top, side = _CROP_MM
    scale = _CROP_PX_PER_MM
    place = np.array([[scale, 0, -left * scale - 0.5], [0, scale, -top * scale - 0.5]])
    to_crop = compose_affine(invert_affine(transform), place)
    size = round(side * scale), round(side * scale)
    crop = warp(photo.pixels, to_crop, size)
    if not photo.skin.all():
        crop = _blacken(crop, photo, to_crop, size)
    if midline:
        crop = _mirror_half(crop, midline.face_side)
    predictions = []
    for dx, dy, grow in _JITTER_MM:
        box_mm = np.add(_BOX_MM, (dx - grow, dy - grow, dx + grow, dy + grow))
        x0, y0, x1, y1 = apply_affine(place, box_mm.reshape(2, 2)).ravel()
        predictions.append(predict_points(predictor, crop, (x0, y0, x1, y1)))
    return apply_affine(invert_affine(to_crop), np.mean(predictions, axis=0))


def _blacken(
    crop: NDArray[np.uint8], photo: Photo, to_crop: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.uint8]:
    seen = cv2.warpAffine(photo.skin.astype(np.uint8), to_crop, size, flags=cv2.INTER_NEAREST)
    reach = 2 * round(photo.halo_px * similarity_scale(to_crop)) + 1
    return crop * cv2.dilate(seen, np.ones((reach, reach), np.uint8))[..., None]


def _describe(
    photo: Photo,
    found: _Found,
    points: NDArray[np.float64],
    transform: NDArray[np.float64],
    expected_side: Side | None,
) -> Face:
    notes = []
    side = _side_shown(photo, found, transform)
    if found.count > 1:
        notes.append(f"{found.count} faces: the largest was taken")
    if expected_side and side != expected_side:
        shown = "both sides" if side == "both" else f"the {side} side"
        notes.append(f"said to be {expected_side}, but the picture shows {shown}")
    return Face(
        points=points,
        side=side,
        found_by=found.step,
        score=found.score,
        px_per_mm=similarity_scale(transform),
        notes=tuple(notes),
    )


def _side_shown(photo: Photo, found: _Found, transform: NDArray[np.float64]) -> Side:
    """The subject's side that the picture shows, from the midline or from the cheeks left unpainted."""
    if found.midline:
        return "left" if found.midline.face_side == 1 else "right"
    grid = np.stack(np.meshgrid(np.linspace(15, 55, 9), np.linspace(20, 70, 11)), axis=-1).reshape(-1, 2)
    seen = {}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        x, y = np.round(apply_affine(transform, grid * [sign, 1.0])).astype(int).T
        inside = (x >= 0) & (y >= 0) & (x < photo.skin.shape[1]) & (y < photo.skin.shape[0])
        seen[side] = photo.skin[y[inside], x[inside]].sum() / len(grid)
    if seen["left"] > 0.4 and seen["right"] < 0.15:
        return "left"
    if seen["right"] > 0.4 and seen["left"] < 0.15:
        return "right"
    return "both"
