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
from toolkit.pigment.maps import components, deviations_at
from toolkit.pigment.regions import Regions, find_regions
from toolkit.pigment.seed import seed_features
from toolkit.quantiles import median
from toolkit.records import FaceChart, Margins, Patch, PigmentMaps, Window
from toolkit.settings import PigmentSettings

CHEEKS = ("left_cheek", "right_cheek")
_RIM_PX = 2  # of what lies off the skin, for filters that look at neighbours
_GRID_PX = 6  # on which the part that holds skin begins and ends, so that it can be reduced by whole numbers
WEIGHTS = {"forehead": 0.3, "cheeks": 0.6, "chin": 0.1}


@dataclass(frozen=True, eq=False)
class SkinMaps:
    """The maps of a chart, a patch, or a window on a chart's: ``components`` (h, w, 3) in OD, deviations from
    surroundings of three sizes, and the regions found on two of them; all cut to the skin by the maps' margins.
    ``fine_regions`` is None where the figures that a grade is made of are enough."""

    components: NDArray[np.float32]
    fine: PigmentMaps
    near: PigmentMaps
    wide: PigmentMaps
    near_regions: Regions
    fine_regions: Regions | None


def map_skin(picture: Patch | FaceChart, settings: PigmentSettings, every_figure: bool = True) -> SkinMaps:
    """The maps of all that is measurable; ``every_figure``: also what no grade needs. Raises ValueError when there is no
    skin."""
    part, margins = _cut_to_skin(picture)
    maps = components(part, settings)
    scales = settings.fine_background_mm, settings.background_mm, settings.wide_background_mm
    fine, near, wide = deviations_at(maps, part, scales, margins)
    fine_regions = find_regions(fine, settings) if every_figure else None
    return SkinMaps(maps, fine, near, wide, find_regions(near, settings), fine_regions)


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
    """``patch_features`` of a patch that is a ``window`` on a chart whose maps are known."""
    view, margins = _view(chart, window, patch.skin)
    near, regions = _cut(chart.near, view, margins), chart.near_regions.within(view)
    row = _main_features(patch, chart.components[view], near, regions)
    if chart.fine_regions is None:
        return row
    fine, wide = _cut(chart.fine, view, margins), _cut(chart.wide, view, margins)
    maps = SkinMaps(chart.components[view], fine, near, wide, regions, chart.fine_regions.within(view))
    return row | _other_features(patch, maps, maps.fine_regions or regions, settings)


def patch_features(patch: Patch, maps: SkinMaps, settings: PigmentSettings) -> dict[str, float]:
    """The features of a patch whose ``maps`` are known: every one where these hold ``fine_regions``, else those that a
    grade is shown with."""
    row = _main_features(patch, maps.components, maps.near, maps.near_regions)
    if maps.fine_regions is None:
        return row
    return row | _other_features(patch, maps, maps.fine_regions, settings)


def _main_features(
    patch: Patch, components: NDArray[np.float32], near: PigmentMaps, regions: Regions
) -> dict[str, float]:
    """Skin tone, and at 4 mm spots and what looks like them."""
    melanin, erythema = (median(components[..., n][near.skin]) for n in (0, 2))
    found = spot_features(near, regions) | look_alike_features(near, regions)
    return {
        **tone_features(patch),
        "melanin_index": melanin,
        "erythema_index": erythema,
        **_named(found, "near"),
    }


def _other_features(
    patch: Patch, maps: SkinMaps, fine_regions: Regions, settings: PigmentSettings
) -> dict[str, float]:
    """The other scales, how spots are spread, their shape and colour, the maps without regions, texture, and an earlier
    study's figures."""
    margins, near, regions = maps.near.margins, maps.near, maps.near_regions
    found = spread_features(near, regions) | shape_features(near, regions) | field_features(near)
    found |= colour_features(_without(patch, margins), regions, settings.background_mm, margins)
    fine = spot_features(maps.fine, fine_regions) | look_alike_features(maps.fine, fine_regions)
    return {
        **seed_features(patch, settings),
        **_named(found, "near"),
        **_named(fine | field_features(maps.fine), "fine"),
        **_named(field_features(maps.wide), "wide"),
        **band_features(near),
        **texture_features(near),
    }


def _view(chart: SkinMaps, window: Window, skin: NDArray[np.bool_]) -> tuple[tuple[slice, slice], Margins]:
    """The part of a chart's maps that a window shows, cut to the window's ``skin`` (h, w); and what of the window is cut
    off."""
    (top, _), (left, _) = chart.near.margins
    rows, columns = skin_box(skin)
    high, wide = chart.near.skin.shape
    first_row, first_column = window.top - top, window.left - left  # of the window on the maps
    rows = slice(max(rows.start, -first_row), min(rows.stop, high - first_row))
    columns = slice(max(columns.start, -first_column), min(columns.stop, wide - first_column))
    view = (
        slice(rows.start + first_row, rows.stop + first_row),
        slice(columns.start + first_column, columns.stop + first_column),
    )
    margins = (rows.start, skin.shape[0] - rows.stop), (columns.start, skin.shape[1] - columns.stop)
    return view, margins


def _cut(maps: PigmentMaps, view: tuple[slice, slice], margins: Margins) -> PigmentMaps:
    planes: list[Any] = [maps.melanin, maps.darkness, maps.erythema, maps.skin]
    melanin, darkness, erythema, skin = (np.ascontiguousarray(plane[view]) for plane in planes)
    return PigmentMaps(melanin, darkness, erythema, skin, maps.px_per_mm, margins)


def skin_box(skin: NDArray[np.bool_], grid: int = 1) -> tuple[slice, slice]:
    """Rows and columns that hold skin, and a rim; they begin and end on multiples of ``grid``, or with the picture."""
    left, top, width, height = cv2.boundingRect(skin.view(np.uint8))
    ranges = []
    for first, extent, size in zip((top, left), (height, width), skin.shape, strict=True):
        start, stop = max(first - _RIM_PX, 0) // grid * grid, first + extent + _RIM_PX
        ranges.append(slice(start, min(-(-stop // grid) * grid, size)))
    return ranges[0], ranges[1]


def _cut_to_skin(picture: Patch | FaceChart) -> tuple[Patch, Margins]:
    """The part of a picture that holds skin, and what was cut off: half a forehead of half a face, for example."""
    if not picture.skin.any():
        raise ValueError("there is no skin to measure")
    rows, columns = skin_box(picture.skin, _GRID_PX)
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
