"""Landmarks predicted again in an upright crop of fixed scale, so that they depend on the face alone."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.geometry import apply_affine, compose_affine, invert_affine, warp
from toolkit.landmarks.holes import mend_by_holes
from toolkit.landmarks.midline import Midline
from toolkit.landmarks.models import predict_points
from toolkit.landmarks.views import midline_frame, mirror_half
from toolkit.meanface import LANDMARK_TRUST, MEAN_FACE_MM, MIRROR, fit_similarity, similarity_scale
from toolkit.records import Photo

# The predictor's own box in the face frame (mm): the detector's mean over frontal faces, made symmetrical.
_BOX_MM = (-74.5, -43.6, 74.5, 105.3)
# Boxes round the mean one whose predictions are averaged: shift x, shift y, growth, in mm.
_JITTER_MM = ((0.0, 0.0, 0.0), (-4.0, -3.0, 0.0), (4.0, 3.0, 0.0), (-2.0, 3.0, 4.0), (2.0, -3.0, -4.0))
# The upright crop: left, top and side in mm of the face frame, pixels a mm.
_CROP_MM = (-105.0, -75.0, 210.0)
_CROP_PX_PER_MM = 2.0
_CROP_SIZE = (420, 420)
_ROUNDS = 2
# How far the place of eye, brow, cheek and mouth on a half face decides where the midline is, against the
# cut: a cut 3 mm off then shifts the patches by less than half of that, and an exact one costs 0.2 mm.
_SHARE_OF_FEATURES = 0.7
_ON_MIDLINE = np.flatnonzero(np.abs(MEAN_FACE_MM[:, 0]) < 0.5)


def refine(
    photo: Photo, points: NDArray[np.float64], midline: Midline | None, predictor: Any
) -> NDArray[np.float64]:
    """Landmarks (68, 2) in the photo's pixels from first guesses of them.

    The crop is cut by the fit of the mean face to the last landmarks, upright at 2 px/mm, twice: the
    detector's box and the head's roll no longer matter. The prediction is the mean over five boxes. A
    half face is completed by its mirror image in the crop, its landmarks are made symmetrical.
    """
    for _ in range(_ROUNDS):
        if midline:
            points = _symmetrical(points, midline)
        points = _predict_upright(photo, fit_similarity(points), midline, predictor)
    return _complete_half(_symmetrical(points, midline), midline) if midline else points


def _symmetrical(points: NDArray[np.float64], midline: Midline) -> NDArray[np.float64]:
    upright = midline_frame(midline)
    frame = apply_affine(upright, points)
    return apply_affine(invert_affine(upright), (frame + frame[MIRROR] * [-1.0, 1.0]) / 2)


def _predict_upright(
    photo: Photo, transform: NDArray[np.float64], midline: Midline | None, predictor: Any
) -> NDArray[np.float64]:
    left, top, _ = _CROP_MM
    scale = _CROP_PX_PER_MM
    place = np.array([[scale, 0, -left * scale - 0.5], [0, scale, -top * scale - 0.5]])
    to_crop = compose_affine(invert_affine(transform), place)
    crop: Any = warp(photo.pixels, to_crop, _CROP_SIZE)
    seen = None
    if not photo.skin.all():
        seen = _seen(photo, to_crop)
        crop = crop * seen[..., None]
    if midline:
        crop = mirror_half(crop, midline.face_side)
        seen = seen if seen is None else mirror_half(seen, midline.face_side)
    predictions = []
    for dx, dy, grow in _JITTER_MM:
        box_mm = np.add(_BOX_MM, (dx - grow, dy - grow, dx + grow, dy + grow))
        x0, y0, x1, y1 = apply_affine(place, box_mm.reshape(2, 2)).ravel()
        predictions.append(predict_points(predictor, crop, (x0, y0, x1, y1)))
    points = np.mean(predictions, axis=0)
    if seen is not None:
        points = mend_by_holes(points, 1 - seen, scale)
    return apply_affine(invert_affine(to_crop), points)


def _seen(photo: Photo, to_crop: NDArray[np.float64]) -> Any:
    """(h, w) uint8: 1 where the crop is not painted out, the halo given back."""
    skin: Any = cv2.warpAffine(photo.skin.astype(np.uint8), to_crop, _CROP_SIZE, flags=cv2.INTER_NEAREST)
    reach = 2 * round(photo.halo_px * similarity_scale(to_crop)) + 1
    return cv2.dilate(skin, np.ones((reach, reach), np.uint8))


def _complete_half(points: NDArray[np.float64], midline: Midline) -> NDArray[np.float64]:
    """The visible half's landmarks kept, the others mirrored at the midline that cut and features agree on.

    A cut a few millimetres off the true midline makes the mirrored face too narrow or too wide. The mean
    face's half, free to slide sideways, is fitted to the visible landmarks; the midline lies between where
    that puts it and the cut.
    """
    upright = midline_frame(midline)
    frame = apply_affine(upright, points)
    own = np.flatnonzero(MEAN_FACE_MM[:, 0] * midline.face_side > 0.5)
    shift = _SHARE_OF_FEATURES * _sideways_shift(frame, own)
    completed = frame.copy()
    completed[MIRROR[own]] = frame[own] * [-1.0, 1.0] + [2 * shift, 0.0]
    completed[_ON_MIDLINE, 0] = shift
    return apply_affine(invert_affine(upright), completed)


def _sideways_shift(frame: NDArray[np.float64], own: NDArray[np.intp]) -> float:
    """x (px) of the mean face's midline, fitted in scale and shift to one half's landmarks, robustly."""
    mean_x, mean_y = MEAN_FACE_MM.T
    zeros, ones = np.zeros(len(own)), np.ones(len(own))
    # Unknown: scale, shift in x, shift in y. Landmarks on the midline tell nothing of x.
    lines = np.concatenate(
        [
            np.column_stack([mean_x[own], ones, zeros]),
            np.column_stack([mean_y[own], zeros, ones]),
            np.column_stack([mean_y[_ON_MIDLINE], np.zeros(len(_ON_MIDLINE)), np.ones(len(_ON_MIDLINE))]),
        ]
    )
    values = np.concatenate([frame[own, 0], frame[own, 1], frame[_ON_MIDLINE, 1]])
    index = np.concatenate([own, own, _ON_MIDLINE])
    weight = LANDMARK_TRUST[index]
    for _ in range(6):
        root = np.sqrt(weight)
        scale, shift, down = np.linalg.lstsq(lines * root[:, None], values * root, rcond=None)[0]
        off = np.zeros(68)
        np.add.at(off, index, ((lines @ [scale, shift, down] - values) / max(scale, 1e-6)) ** 2)
        weight = (LANDMARK_TRUST / (1.0 + off / 16.0))[index]
    return float(shift)
