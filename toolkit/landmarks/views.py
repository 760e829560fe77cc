"""The pictures that the detector is given: reduced, turned, bordered, or one half completed by its mirror image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.geometry import apply_affine, compose_affine, invert_affine, warp
from toolkit.landmarks.midline import Midline
from toolkit.records import Photo

_WHOLE_FOLD = 4  # from this reduction on it is a whole number


@dataclass(frozen=True, eq=False)
class View:
    """A picture to search, and the (2, 3) map from the photograph's pixels to its own."""

    pixels: NDArray[np.uint8]
    from_photo: NDArray[np.float64]
    midline: Midline | None = None


def reduced(photo: Photo, area: float) -> View:
    """The photograph on about ``area`` pixels or fewer, what is painted out turned black.

    A large one is reduced by a whole number, two and a half times as fast; a few pixels along its right and
    lower edge may then be left out.
    """
    height, width = photo.pixels.shape[:2]
    scale = min(1.0, float(np.sqrt(area / (width * height))))
    fold = round(1 / scale)
    whole = fold >= _WHOLE_FOLD and min(width, height) >= fold
    if whole:
        height, width = height // fold * fold, width // fold * fold
        scale = 1 / fold
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if whole:
        pixels: Any = _folded(photo, fold, size)
    else:
        pixels = cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA)
    if not photo.skin.all():
        skin = photo.skin[:height, :width].view(np.uint8)
        seen: Any = cv2.resize(skin, size, interpolation=cv2.INTER_NEAREST)
        reach = 2 * round(photo.halo_px * scale) + 1
        seen = cv2.dilate(seen, np.ones((reach, reach), np.uint8))
        pixels = pixels * seen[..., None]
    sx, sy = size[0] / width, size[1] / height
    return View(pixels, np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2]]))


def _folded(photo: Photo, fold: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The photograph reduced by a whole number to ``size``, where anything is shown; what is painted out turns black."""
    rows, columns = (
        slice(max(shown.start // fold - 2, 0), min(shown.stop // fold + 2, most))
        for shown, most in zip(photo.shown, size[::-1], strict=True)
    )
    part = photo.pixels[rows.start * fold : rows.stop * fold, columns.start * fold : columns.stop * fold]
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[rows, columns] = cv2.resize(part, None, fx=1 / fold, fy=1 / fold, interpolation=cv2.INTER_AREA)
    return pixels


def turned(small: View, degrees: float, border: float, area: float) -> View:
    """The reduced picture turned about its centre, with a black border, scaled to ``area`` pixels."""
    height, width = small.pixels.shape[:2]
    wide, high = width * (1 + 2 * border), height * (1 + 2 * border)
    scale = float(np.sqrt(area / (wide * high)))
    turn: Any = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, scale)
    size = max(1, round(wide * scale)), max(1, round(high * scale))
    turn[:, 2] += np.array([(size[0] - 1) / 2, (size[1] - 1) / 2]) - [(width - 1) / 2, (height - 1) / 2]
    return View(warp(small.pixels, turn, size), compose_affine(small.from_photo, turn))


def mirrored(photo: Photo, small: View, line: Midline, border: float, *, area: float) -> View:
    """A whole face made of one half: the midline upright in the centre, the visible half mirrored."""
    upright = midline_frame(line)
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
    pixels = mirror_half(warp(small.pixels, from_small, (2 * half, tall)), line.face_side)
    return View(pixels, from_photo, line)


def midline_frame(line: Midline) -> NDArray[np.float64]:
    """The rotation (2, 3) that puts the midline on x = 0, upright, at the photograph's scale."""
    angle = np.arctan(line.slope)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, -cos * line.x0], [sin, cos, -sin * line.x0]])


def mirror_half(picture: Any, face_side: int) -> Any:
    """The picture with the half that is not on ``face_side`` replaced by the other's mirror image."""
    half = picture.shape[1] // 2
    if face_side == 1:
        picture[:, :half] = picture[:, : half - 1 : -1]
    else:
        picture[:, half:] = picture[:, half - 1 :: -1]
    return picture
