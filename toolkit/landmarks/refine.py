"""Landmarks predicted again in an upright crop of fixed scale, so that they depend on the face alone."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.geometry import apply_affine, compose_affine, invert_affine, warp
from toolkit.landmarks.holes import mend_by_holes
from toolkit.landmarks.midline import Midline
from toolkit.landmarks.models import LandmarkModel
from toolkit.landmarks.views import View, midline_frame, mirror_half
from toolkit.meanface import LANDMARK_TRUST, MEAN_FACE_MM, MIRROR, fit_similarity, similarity_scale
from toolkit.records import Photo

_ROUNDS = 2
_FINE_ENOUGH = 1.25  # how far the reduced picture may be enlarged for the crop
# How far the place of eye, brow, cheek and mouth on a half face decides where the midline is, against the
# cut: a cut 3 mm off then shifts the patches by less than half of that, and an exact one costs 0.2 mm.
_SHARE_OF_FEATURES = 0.7
# On half faces cut within 3 mm of the midline the features lie no more than 3 mm farther in than the cut says; on those
# that show 10 mm and more of the other half, more than 4 (docs/explanation/landmarks.md).
_CUT_BESIDE_MM = 4.0
_SETTLED_MM = 1.0
_MOST_MOVES = 3
_ON_MIDLINE = np.flatnonzero(np.abs(MEAN_FACE_MM[:, 0]) < 0.5)


def refine(
    photo: Photo, small: View, points: NDArray[np.float64], midline: Midline | None, *, model: LandmarkModel
) -> tuple[NDArray[np.float64], float, float]:
    """Landmarks (68, 2) in the photo's pixels from first guesses of them, the model's belief in them, 0 to 1, and how
    far (mm) the cut of a half face lies beyond its midline, 0 where they agree.

    The crop is cut by the fit of the mean face to the last landmarks, upright, twice: the detector's box and
    the head's roll no longer matter. It is cut from the picture reduced for the detector, ``small``, where that
    is fine enough. A half face is completed by its mirror image in the crop, its landmarks
    are made symmetrical. Mirrored at a cut beyond the midline a face is too broad: there the cut is moved in.
    """
    points, belief = _predict(photo, small, points, midline, model=model)
    if midline is None:
        return points, belief, 0.0
    beside = 0.0
    for _ in range(0 if model.slips_to_holes else _MOST_MOVES):
        inward = _inward_px(points, midline)
        scale = similarity_scale(fit_similarity(points))
        if inward < (_SETTLED_MM if beside else _CUT_BESIDE_MM) * scale:
            break
        beside += inward / scale
        midline = midline.moved_in(inward)
        points, belief = _predict(photo, small, _complete_half(points, midline), midline, model=model)
    return _complete_half(points, midline), belief, beside


def _predict(
    photo: Photo, small: View, points: NDArray[np.float64], midline: Midline | None, *, model: LandmarkModel
) -> tuple[NDArray[np.float64], float]:
    """Landmarks and belief after ``_ROUNDS`` rounds; of a half face symmetrical."""
    belief = 0.0
    for _ in range(_ROUNDS):
        if midline:
            points = _symmetrical(points, midline)
        points, belief = _predict_upright(photo, small, fit_similarity(points), midline, model=model)
    return (_symmetrical(points, midline) if midline else points), belief


def _inward_px(points: NDArray[np.float64], midline: Midline) -> float:
    """How far into the visible half its features say that the face's midline lies."""
    frame = apply_affine(midline_frame(midline), points)
    return _sideways_shift(frame, _of_half(midline)) * midline.face_side


def _of_half(midline: Midline) -> NDArray[np.intp]:
    return np.flatnonzero(MEAN_FACE_MM[:, 0] * midline.face_side > 0.5)


def _symmetrical(points: NDArray[np.float64], midline: Midline) -> NDArray[np.float64]:
    upright = midline_frame(midline)
    frame = apply_affine(upright, points)
    return apply_affine(invert_affine(upright), (frame + frame[MIRROR] * [-1.0, 1.0]) / 2)


def _predict_upright(
    photo: Photo, small: View, frame: NDArray[np.float64], midline: Midline | None, *, model: LandmarkModel
) -> tuple[NDArray[np.float64], float]:
    to_crop = model.crop.from_photo(frame)
    from_small = compose_affine(invert_affine(small.from_photo), to_crop)
    if similarity_scale(from_small) <= _FINE_ENOUGH:
        crop: Any = warp(small.pixels, from_small, model.crop.shape)
    else:
        crop = warp(photo.pixels, to_crop, model.crop.shape)
    seen = None
    if not photo.skin.all():
        seen = _seen(photo, to_crop, model.crop.shape)
        crop = crop * seen[..., None]
    if midline:
        crop = mirror_half(crop, midline.face_side)
        seen = seen if seen is None else mirror_half(seen, midline.face_side)
    points, belief = model.points(crop)
    if seen is not None and model.slips_to_holes:
        points = mend_by_holes(points, 1 - seen, model.crop.px_per_mm)
    return apply_affine(invert_affine(to_crop), points), belief


def _seen(photo: Photo, to_crop: NDArray[np.float64], size: tuple[int, int]) -> Any:
    """(h, w) uint8: 1 where the crop is not painted out, the halo given back."""
    skin: Any = cv2.warpAffine(photo.skin.astype(np.uint8), to_crop, size, flags=cv2.INTER_NEAREST)
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
    own = _of_half(midline)
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
