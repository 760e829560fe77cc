"""A user's photograph as a canvas to paint on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from toolkit.phantom import geometry, optics
from toolkit.phantom.cleaning import without_spots
from toolkit.phantom.draw import Canvas
from toolkit.phantom.geometry import Points
from toolkit.phantom.optics import Bytes, Float

_MAX_SIDE: Final = 1600
_LIKE_SKIN_OD: Final = (0.5, 0.35)  # as dark and as red as cheeks or forehead, to within so much
_HOLE_MM: Final = 4.0


@dataclass(frozen=True, eq=False)
class Sitter:
    """A photograph on disk and its 68 landmarks (68, 2) in pixels."""

    path: Path
    points: Points


def canvas_of_photograph(pixels: Bytes, points: Points, rng: np.random.Generator) -> Canvas:
    """The face of an RGB photograph (H, W, 3) as a canvas: cropped round the head, at most 1600 px.

    Skin is what lies within the face outline and neither in a hole (eyes, brows, nostrils, lips) nor
    much darker than the cheeks (hair, beard). Its own spots are filled, also on what looks like skin beyond, so that paint
    is all the pigment there is.
    """
    pixels, points = _crop(pixels, np.asarray(points, np.float64))
    light = np.maximum(optics.to_light(pixels), np.float32(1e-3))
    px_per_mm = geometry.span_of(points) / geometry.SPAN_MM
    smooth = cv2.GaussianBlur(light, (0, 0), max(px_per_mm, 0.5))
    cheeks = _median_at(
        smooth, geometry.from_canonical(points, np.array([[-0.42, 0.38], [0.42, 0.38]])), px_per_mm
    )
    forehead = _find_hairline(smooth, points, cheeks)
    skin = _skin(smooth, points, forehead, cheeks, px_per_mm=px_per_mm)
    beyond = _beyond(smooth, points, cheeks, px_per_mm)
    light = without_spots(light, np.maximum(skin, beyond), px_per_mm)
    ita = float(optics.individual_typology_angle(cheeks))
    return Canvas(
        light, points, skin, forehead, ita,
        optics.draw_melanin(rng), optics.blood_vector(float(rng.uniform(0, 1))),
    )  # fmt: skip


def _crop(pixels: Bytes, points: Points) -> tuple[Bytes, Points]:
    corners = geometry.from_canonical(
        points, np.array([[-1.3, -1.35], [1.3, -1.35], [-1.3, 1.65], [1.3, 1.65]])
    )
    low = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int), pixels.shape[1::-1])
    cut, points = pixels[low[1] : high[1], low[0] : high[0]], points - low
    scale = min(1.0, _MAX_SIDE / max(cut.shape[:2]))
    if scale < 1:
        cut = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        points = (points + 0.5) * scale - 0.5
    return np.ascontiguousarray(cut), points


def _median_at(light: Float, places: Points, px_per_mm: float) -> Float:
    """Median light (3,) over squares of 12 mm about the places."""
    reach = max(1, round(6 * px_per_mm))
    height, width = light.shape[:2]
    found = []
    for x, y in np.round(places).astype(int):
        x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
        found.append(light[max(y - reach, 0) : y + reach, max(x - reach, 0) : x + reach].reshape(-1, 3))
    return np.median(np.concatenate(found), axis=0)


def _of_forehead(light: Float, points: Points) -> Float:
    """Median light (3,) in the middle of the forehead."""
    return _median_at(light, geometry.from_canonical(points, np.array([[0.0, -0.38]])), 0.5)


def _find_hairline(light: Float, points: Points, cheeks: Float) -> Points:
    """Climbs from the brows in nine columns until the colour is no longer the forehead's own."""
    height, width = light.shape[:2]
    columns = np.linspace(-0.7, 0.7, 9)
    climb = np.linspace(-0.32, -1.0, 69)
    own = np.log(_of_forehead(light, points))
    face, tops = np.log(cheeks), np.empty(len(columns))
    for index, x in enumerate(columns):
        ground = geometry.from_canonical(points, np.column_stack([np.full(len(climb), x), climb]))
        column, row = np.round(ground).astype(int).T
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        od = np.log(light[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)])
        dark = (min(own[1], face[1]) - od[:, 1]) > 0.9  # a highlight must not make the rest look dark
        hue = od[:, 0] - od[:, 2]
        odd = np.minimum(abs(hue - (own[0] - own[2])), abs(hue - (face[0] - face[2]))) > 0.5
        stop = np.flatnonzero(dark | odd | ~inside)
        tops[index] = climb[stop[0]] if len(stop) else -0.95
    arch = -0.30 - 0.55 * np.sqrt(np.maximum(1 - (columns / 0.74) ** 2, 0))
    line = np.maximum(tops, arch) + 0.03
    return geometry.from_canonical(points, np.column_stack([columns, np.minimum(line, -0.27)]))


def _skin(light: Float, points: Points, forehead: Points, cheeks: Float, *, px_per_mm: float) -> Float:
    """(H, W) float32, 1 on skin."""
    shape = light.shape[:2]
    mask = geometry.polygon_mask(shape, geometry.face_outline(points, forehead))
    _cut_holes(mask, points)
    darkness = np.log(cheeks[1]) - np.log(light[..., 1])
    mask[darkness > 1.3] = 0
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.8 * px_per_mm, 0.5))
    return cv2.min(soft, mask).astype(np.float32) / 255


def _beyond(light: Float, points: Points, cheeks: Float, px_per_mm: float) -> Float:
    """(H, W) float32, 1 where linear light (H, W, 3) has the colour of the cheeks (3,) or the forehead, and in small holes
    of that, which may be spots: neck, ears and the skin beyond the outline."""
    like = np.zeros(light.shape[:2], bool)
    for own in (_of_forehead(light, points), cheeks):
        off = np.log(light) - np.log(own)
        dark, red = abs(off[..., 1]), abs(off[..., 0] - off[..., 2])
        like |= (dark < _LIKE_SKIN_OD[0]) & (red < _LIKE_SKIN_OD[1])
    reach = 2 * round(_HOLE_MM / 2 * px_per_mm) + 1
    mask = cv2.morphologyEx(like.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    mask = cv2.morphologyEx(
        mask, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    )
    _cut_holes(mask, points)
    return mask.astype(np.float32)


def _cut_holes(mask: Bytes, points: Points) -> None:
    """Eyes, brows, nostrils and lips of a mask become 0, in place."""
    for polygons in geometry.holes(points).values():
        for polygon in polygons:
            cv2.fillPoly(mask, [np.round(polygon).astype(np.int32)], 0)
