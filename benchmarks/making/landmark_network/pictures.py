"""Training pictures: people with known points, whole or cut in half, plain or painted out as a study does it.

A picture is what the product's second pass sees: upright, ``SIDE_MM`` wide and high, ``SIZE`` pixels, what is
painted out black, a half face completed by its mirror image about the crop's middle column.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.changed import Affine, Pixels
from benchmarks.making.landmark_network.handmade import (
    BROWS,
    HOLES,
    OUTLINE,
    Points,
    read_points,
    sixty_eight,
)
from toolkit.geometry import apply_affine, compose_affine, invert_affine, warp
from toolkit.landmarks.network import CROP_MM, SIZE
from toolkit.meanface import MEAN_FACE_MM, MIRROR, fit_similarity
from toolkit.phantom.study import read_rgb

PX_PER_MM = SIZE / CROP_MM[2]
_CENTRE_MM = np.array([CROP_MM[0], CROP_MM[1]]) + CROP_MM[2] / 2
# The canvas that a person's photograph is kept on: left, top, side in mm, pixels a mm.
_CANVAS_MM = (-170.0, -150.0, 340.0)
_CANVAS_PX_PER_MM = 1.1
_CANVAS_SIZE = round(_CANVAS_MM[2] * _CANVAS_PX_PER_MM)


@dataclass(frozen=True)
class Sitter:
    """A person on the canvas: ``picture`` RGB uint8, the 189 and the 68 points in its pixels; ``exact``: set
    by hand, not transferred by Face Mesh."""

    person: str
    picture: Pixels
    known: Points
    points: Points
    exact: bool


def people(faces: Path) -> list[Path]:
    """Photographs with points set by hand: neutral, canada, average."""
    return sorted(
        path.with_suffix(".jpg")
        for group in ("neutral", "canada", "average")
        for path in (faces / group).glob("*.tem")
    )


def training_photos(faces: Path) -> list[Path]:
    """The same, and those without points: smiling, congress."""
    return people(faces) + [
        p for group in ("smiling", "congress") for p in sorted((faces / group).glob("*.jpg"))
    ]


def fold_of(photos: list[Path], folds: int) -> dict[Path, int]:
    """Which fold leaves out each photograph: all of a person's in one."""
    names = {name: place % folds for place, name in enumerate(sorted({person_of(path) for path in photos}))}
    return {path: names[person_of(path)] for path in photos}


def person_of(path: Path) -> str:
    """Who a photograph shows: the same for 001_03 (neutral) and 001_08 (smiling)."""
    group = path.parent.name
    return f"london/{path.stem[:3]}" if group in ("neutral", "smiling") else f"{group}/{path.stem}"


def sitter(path: Path, known: Points | None = None) -> Sitter:
    """A photograph laid on the canvas by its points: ``known`` (189, 2), or those of its .tem file."""
    exact = known is None
    known = read_points(path.with_suffix(".tem")) if known is None else known
    points = sixty_eight(known)
    left, top, _ = _CANVAS_MM
    scale = _CANVAS_PX_PER_MM
    place = np.array([[scale, 0, -left * scale - 0.5], [0, scale, -top * scale - 0.5]])
    to_canvas = compose_affine(invert_affine(fit_similarity(points)), place)
    picture = warp(read_rgb(path), to_canvas, (_CANVAS_SIZE, _CANVAS_SIZE))
    return Sitter(
        person_of(path), picture, apply_affine(to_canvas, known), apply_affine(to_canvas, points), exact
    )


# ---- one training picture


def training_picture(one: Sitter, rng: np.random.Generator) -> tuple[Pixels, Points, bool]:
    """(SIZE, SIZE, 3) uint8, its 68 points in pixels, and whether the face shows well enough."""
    half = int(rng.choice([0, 1, -1], p=[0.45, 0.275, 0.275]))  # 1: the subject's left half is seen
    masked = rng.random() < (0.65 if half else 0.4)
    rough = rng.random() < 0.3  # as the detector's box gives it, not as a first pass does
    to_crop, bend = _view(rng, half != 0, rough)
    seen = _painted(one, rng, half) if masked else np.ones(one.picture.shape[:2], np.uint8)
    picture, shown, points = _bent(one, seen, to_crop, bend)
    picture = _lit(picture, rng)
    good = True
    if not masked and rng.random() < 0.08:
        picture, good = _covered(picture, points, rng), False
    picture = picture * shown[..., None]
    if half:
        picture, points = _completed(picture, points, half)
    if not half and rng.random() < 0.5:
        picture = picture[:, ::-1]
        points = points[MIRROR] * [-1, 1] + [SIZE - 1, 0]
    return np.ascontiguousarray(picture), points, good


def no_face(one: Sitter, rng: np.random.Generator) -> Pixels:
    """A picture (SIZE, SIZE, 3) of no face where it should be: far off, upside down, a corner."""
    kind = rng.integers(4)
    scale = PX_PER_MM / _CANVAS_PX_PER_MM * float(np.exp(rng.normal(0, 0.2)))
    turn, shift = rng.normal(0, 10), rng.normal(0, 8, 2)
    if kind == 0:
        turn += rng.choice([180.0, 90.0, -90.0])
    elif kind == 1:
        angle = rng.uniform(0, 2 * np.pi)
        shift = rng.uniform(70, 120) * np.array([np.cos(angle), np.sin(angle)])
    elif kind == 2:
        scale *= rng.uniform(2.2, 4.0)
    else:
        scale *= rng.uniform(0.2, 0.45)
    picture = cv2.warpAffine(
        one.picture, _similarity(scale, turn, shift), (SIZE, SIZE), borderMode=cv2.BORDER_REFLECT
    )
    return _lit(picture, rng)


def _similarity(scale: float, degrees: float, shift_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Canvas -> crop: the crop's centre lies ``shift_mm`` beside the face frame's usual centre."""
    angle = np.radians(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = (_CENTRE_MM + shift_mm - _CANVAS_MM[:2]) * _CANVAS_PX_PER_MM - 0.5
    return np.column_stack([turn, (SIZE - 1) / 2 - turn @ centre])


def _view(rng: np.random.Generator, half: bool, rough: bool) -> tuple[Affine, NDArray[Any]]:
    """Canvas -> crop (2, 3), and a smooth displacement (SIZE, SIZE, 2), canvas pixels: another's shape."""
    wide = 2.5 if rough else 1.0
    scale = PX_PER_MM / _CANVAS_PX_PER_MM * float(np.exp(rng.normal(0, 0.04 * wide)))
    shift = rng.normal(0, 4.0 * wide, 2)
    degrees = float(rng.normal(0, 3.0 * wide))
    if half:  # the cut is the crop's middle: a few millimetres and a degree off the midline
        shift[0], degrees = rng.normal(0, 1.5), float(rng.normal(0, 1.2))
    to_crop = _similarity(scale, degrees, shift)
    narrow = np.eye(3)
    narrow[0, 0], narrow[1, 1] = np.exp(rng.normal(0, 0.04, 2))
    middle = (SIZE - 1) / 2
    narrow[:2, 2] = middle - np.diag(narrow)[:2] * middle
    to_crop = (narrow @ np.vstack([to_crop, [0, 0, 1]]))[:2]
    grid = rng.normal(0, 2.2 * _CANVAS_PX_PER_MM, (5, 5, 2)).astype(np.float32)
    return to_crop, cv2.resize(grid, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)


def _bent(one: Sitter, seen: Pixels, to_crop: Affine, bend: NDArray[Any]) -> tuple[Pixels, Pixels, Points]:
    """The canvas seen through ``to_crop`` and ``bend``: picture, what is not painted out, points."""
    back = invert_affine(to_crop)
    xs, ys = np.meshgrid(np.arange(SIZE, dtype=np.float32), np.arange(SIZE, dtype=np.float32))
    at = [back[i, 0] * xs + back[i, 1] * ys + back[i, 2] + bend[..., i] for i in (0, 1)]
    map_x, map_y = at[0].astype(np.float32), at[1].astype(np.float32)
    picture = cv2.remap(one.picture, map_x, map_y, cv2.INTER_LINEAR)
    shown = cv2.remap(seen, map_x, map_y, cv2.INTER_NEAREST)
    points = apply_affine(to_crop, one.points)
    for _ in range(6):
        place = np.clip(points, 0, SIZE - 1).astype(np.float32)[None]
        moved = cv2.remap(bend, place[..., 0], place[..., 1], cv2.INTER_LINEAR)[0]
        points = apply_affine(to_crop, one.points - moved)
    return picture, shown, points


def _completed(picture: Pixels, points: Points, half: int) -> tuple[Pixels, Points]:
    """The seen half and its mirror image; on the midline only the height is the face's own."""
    middle = SIZE // 2
    picture = picture.copy()
    if half == 1:
        picture[:, :middle] = picture[:, : middle - 1 : -1]
    else:
        picture[:, middle:] = picture[:, middle - 1 :: -1]
    own = np.flatnonzero(MEAN_FACE_MM[:, 0] * half > 0.5)
    points = points.copy()
    points[MIRROR[own]] = points[own] * [-1, 1] + [SIZE - 1, 0]
    points[np.abs(MEAN_FACE_MM[:, 0]) <= 0.5, 0] = (SIZE - 1) / 2
    return picture, points


# ---- what a study paints out


def _painted(one: Sitter, rng: np.random.Generator, half: int) -> Pixels:
    """(h, w) uint8 on the canvas, 1 where skin is left: polygons drawn by a hand of varying care."""
    scale = _CANVAS_PX_PER_MM
    kept = np.zeros(one.picture.shape[:2], np.uint8)
    outline = one.known[OUTLINE]
    middle = outline.mean(axis=0)
    outline = middle + (outline - middle) * (1 + rng.normal(0, 0.03, (1, 2)))
    outline = _by_hand(outline, 2.5 * scale, rng)
    cv2.fillPoly(kept, [np.round(outline).astype(np.int32)], 1)
    loose = rng.uniform(0.0, 5.0)
    for hole, margin in HOLES:
        if rng.random() < 0.04:
            continue
        area = np.zeros_like(kept)
        hull = cv2.convexHull(one.known[hole].astype(np.float32))
        hull = cv2.approxPolyDP(hull, rng.uniform(0.3, 1.5) * scale, True)[:, 0]
        cv2.fillPoly(area, [np.round(_by_hand(hull, 0.8 * scale, rng)).astype(np.int32)], 1)
        reach = 2 * max(0, round((margin + loose * rng.uniform(0.5, 1.0)) * scale)) + 1
        kept[cv2.dilate(area, np.ones((reach, reach), np.uint8)) > 0] = 0
    if rng.random() < 0.25:  # cut off by the frame
        kept[: round(one.known[BROWS[0]][:, 1].min() - rng.uniform(3, 40) * scale)] = 0
    if rng.random() < 0.25:
        kept[round(one.known[129, 1] - rng.uniform(-5, 25) * scale) :] = 0
    return kept


def _by_hand(polygon: NDArray, spread: float, rng: np.random.Generator) -> NDArray:
    return polygon + rng.normal(0, spread, polygon.shape)


# ---- light, camera, things before the face


def _lit(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Other exposure, white balance, light from a side, tone, sharpness and noise."""
    light = (picture.astype(np.float32) / 255) ** 2.2
    light *= np.exp(rng.normal(0, 0.15, 3) + rng.normal(-0.2, 0.5)).astype(np.float32)
    if rng.random() < 0.35:
        angle, strength = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.9)
        xs = np.linspace(-1, 1, SIZE, dtype=np.float32)
        light *= np.exp(strength * (np.cos(angle) * xs[None] + np.sin(angle) * xs[:, None]))[..., None]
    if rng.random() < 0.3:  # darker skin: more of everything that skin already takes away
        light **= float(rng.uniform(1.0, 1.8))
    picture = 255 * np.clip(light, 0, 1) ** (1 / 2.2)
    if rng.random() < 0.15:
        picture[:] = picture.mean(axis=2, keepdims=True)
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.5))
    noise = rng.uniform(0, 6)
    picture += rng.normal(0, noise, (SIZE, SIZE, 1)).astype(np.float32)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _covered(picture: Pixels, points: Points, rng: np.random.Generator) -> Pixels:
    """A bar over both eyes, or a block over a third of the face."""
    picture = picture.copy()
    colour = tuple(int(v) for v in rng.choice([0, 255, int(rng.integers(256))]) * np.ones(3))
    if rng.random() < 0.6:
        (x0, y0), (x1, y1) = points[36:48].min(axis=0), points[36:48].max(axis=0)
        x0, x1 = x0 - rng.uniform(3, 30), x1 + rng.uniform(3, 30)
        y0, y1 = y0 - rng.uniform(4, 20), y1 + rng.uniform(4, 14)
    else:
        x0, y0 = points[:27].min(axis=0) + rng.uniform(-5, 60, 2)
        x1, y1 = np.array([x0, y0]) + rng.uniform(60, 110, 2)
    cv2.rectangle(picture, (round(x0), round(y0)), (round(x1), round(y1)), colour, -1)
    return picture
