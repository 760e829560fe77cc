"""All features of a patch, of a window on a chart, and of a photograph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.pigment.features import (
    band_features,
    colour_features,
    field_features,
    look_alike_features,
    shape_features,
    spot_features,
    spread_features,
    texture_features,
    tone_features,
)
from toolkit.pigment.maps import components, deviations
from toolkit.pigment.regions import Regions, find_regions
from toolkit.pigment.seed import seed_features
from toolkit.records import FaceChart, Margins, Patch, PigmentMaps, Window
from toolkit.settings import PigmentSettings

CHEEKS = ("left_cheek", "right_cheek")
_RIM_PX = 2  # of what lies off the skin, for filters that look at neighbours
WEIGHTS = {"forehead": 0.3, "cheeks": 0.6, "chin": 0.1}


@dataclass(frozen=True, eq=False)
class SkinMaps:
    """The maps of a chart, a patch, or a window on a chart's: ``components`` (h, w, 3) in OD, deviations from
    surroundings of three sizes, the regions found on two of them; all cut to the skin by the maps' margins."""

    components: NDArray[np.float32]
    fine: PigmentMaps
    near: PigmentMaps
    wide: PigmentMaps
    fine_regions: Regions
    near_regions: Regions


def map_skin(picture: Patch | FaceChart, settings: PigmentSettings) -> SkinMaps:
    """The maps of all that is measurable. Raises ValueError when there is no skin."""
    part, margins = _cut_to_skin(picture)
    maps = components(part, settings)
    fine = deviations(maps, part, settings.fine_background_mm, margins)
    near = deviations(maps, part, settings.background_mm, margins)
    wide = deviations(maps, part, settings.wide_background_mm, margins)
    return SkinMaps(maps, fine, near, wide, find_regions(fine, settings), find_regions(near, settings))


def measure(patch: Patch, settings: PigmentSettings) -> tuple[dict[str, float], PigmentMaps]:
    """Every feature of a patch as one row of named columns, all finite, and the maps for the network.

    Names end in ``_fine``, ``_near`` or ``_wide`` where skin is compared with its surroundings at
    ``fine_background_mm``, ``background_mm`` or ``wide_background_mm``, the scale of the returned maps.
    Raises ValueError when there is no skin.
    """
    if not patch.skin.any():
        raise ValueError(f"the {patch.region} patch holds no skin")
    maps = map_skin(patch, settings)
    return patch_features(patch, maps, settings), whole(maps.wide)


def measure_window(
    patch: Patch, window: Window, chart: SkinMaps, settings: PigmentSettings
) -> dict[str, float]:
    """``measure`` of a patch that is a ``window`` on a chart whose maps are known."""
    return patch_features(patch, _windowed(chart, window, patch.skin), settings)


def patch_features(patch: Patch, maps: SkinMaps, settings: PigmentSettings) -> dict[str, float]:
    """The features of a patch whose ``maps`` are known."""
    row = {**tone_features(patch), **seed_features(patch, settings)}
    margins = maps.near.margins
    part = _without(patch, margins)
    median = np.median(maps.components[part.skin], axis=0)
    row |= {"melanin_index": float(median[0]), "erythema_index": float(median[2])}
    for scale, at_scale, regions in (
        ("fine", maps.fine, maps.fine_regions),
        ("near", maps.near, maps.near_regions),
    ):
        found = spot_features(at_scale, regions) | look_alike_features(at_scale, regions)
        if scale == "near":
            found |= spread_features(at_scale, regions) | shape_features(at_scale, regions)
            found |= colour_features(part, regions, settings.background_mm, margins)
        row |= _named(found, scale)
    for scale, at_scale in (("fine", maps.fine), ("near", maps.near), ("wide", maps.wide)):
        row |= _named(field_features(at_scale), scale)
    return row | band_features(maps.near) | texture_features(maps.near)


def _windowed(chart: SkinMaps, window: Window, skin: NDArray[np.bool_]) -> SkinMaps:
    """What of a chart's maps a window shows, cut to the window's ``skin`` (h, w)."""
    (top, _), (left, _) = chart.near.margins
    rows, columns = _skin_box(skin)
    high, wide = chart.near.skin.shape
    first_row, first_column = window.top - top, window.left - left  # of the window on the maps
    rows = slice(max(rows.start, -first_row), min(rows.stop, high - first_row))
    columns = slice(max(columns.start, -first_column), min(columns.stop, wide - first_column))
    view = (
        slice(rows.start + first_row, rows.stop + first_row),
        slice(columns.start + first_column, columns.stop + first_column),
    )
    margins = (
        (rows.start, skin.shape[0] - rows.stop),
        (columns.start, skin.shape[1] - columns.stop),
    )

    def cut(maps: PigmentMaps) -> PigmentMaps:
        return PigmentMaps(
            np.ascontiguousarray(maps.melanin[view]),
            np.ascontiguousarray(maps.darkness[view]),
            np.ascontiguousarray(maps.erythema[view]),
            np.ascontiguousarray(maps.skin[view]),
            maps.px_per_mm,
            margins,
        )

    return SkinMaps(
        np.ascontiguousarray(chart.components[view]),
        cut(chart.fine),
        cut(chart.near),
        cut(chart.wide),
        chart.fine_regions.within(view),
        chart.near_regions.within(view),
    )


def _skin_box(skin: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns that hold skin, and a rim."""
    left, top, width, height = cv2.boundingRect(skin.view(np.uint8))
    rows, columns = (
        slice(max(start - _RIM_PX, 0), min(start + extent + _RIM_PX, size))
        for start, extent, size in zip((top, left), (height, width), skin.shape, strict=True)
    )
    return rows, columns


def _cut_to_skin(picture: Patch | FaceChart) -> tuple[Patch, Margins]:
    """The part of a picture that holds skin, and what was cut off: half a forehead of half a face, for example."""
    if not picture.skin.any():
        raise ValueError("there is no skin to measure")
    rows, columns = _skin_box(picture.skin)
    high, wide = picture.skin.shape
    margins = (rows.start, high - rows.stop), (columns.start, wide - columns.stop)
    return _without(picture, margins), margins


def _without(picture: Patch | FaceChart, margins: Margins) -> Patch:
    """A picture without its margins, as a patch."""
    (above, below), (left, right) = margins
    high, wide = picture.skin.shape
    part = slice(above, high - below), slice(left, wide - right)
    region = picture.region if isinstance(picture, Patch) else "forehead"
    return Patch(
        region, picture.pixels[part].copy(), picture.skin[part].copy(), picture.px_per_mm, np.eye(2, 3)
    )


def whole(maps: PigmentMaps) -> PigmentMaps:
    """Maps with the margins given back."""
    parts: list[Any] = [maps.melanin, maps.darkness, maps.erythema, maps.skin]
    melanin, darkness, erythema, skin = (np.pad(part, maps.margins) for part in parts)
    return PigmentMaps(melanin, darkness, erythema, skin, maps.px_per_mm)


def _named(features: Mapping[str, float], scale: str) -> dict[str, float]:
    return {f"{name}_{scale}": value for name, value in features.items()}


def weigh_regions(rows: Sequence[Mapping[str, float]], regions: Sequence[str]) -> dict[str, float]:
    """The features of a photograph: those of its patches, weighed as in the mMASI: forehead .3, cheeks .6
    between them, chin .1; missing regions share out. ``rows`` from ``measure``, one a region; raises ValueError
    without any."""
    if not rows:
        raise ValueError("a photograph without patches has no features")
    cheeks = max(1, sum(region in CHEEKS for region in regions))
    weights = np.array([WEIGHTS.get(region, WEIGHTS["cheeks"] / cheeks) for region in regions])
    values = np.array([list(row.values()) for row in rows])
    return dict(zip(rows[0], (weights @ values / weights.sum()).tolist(), strict=True))
