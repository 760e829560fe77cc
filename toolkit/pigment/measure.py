"""All features of a patch, and of a photograph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

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
from toolkit.pigment.regions import find_regions
from toolkit.pigment.seed import seed_features
from toolkit.records import Margins, Patch, PigmentMaps
from toolkit.settings import PigmentSettings

CHEEKS = ("left_cheek", "right_cheek")
_RIM_PX = 2  # of what lies off the skin, for filters that look at neighbours
WEIGHTS = {"forehead": 0.3, "cheeks": 0.6, "chin": 0.1}


def measure(patch: Patch, settings: PigmentSettings) -> tuple[dict[str, float], PigmentMaps]:
    """Every feature of a patch as one row of named columns, all finite, and the maps for the network.

    Names end in ``_fine``, ``_near`` or ``_wide`` where skin is compared with its surroundings at
    ``fine_background_mm``, ``background_mm`` or ``wide_background_mm``, the scale of the returned maps.
    Raises ValueError when there is no skin.
    """
    if not patch.skin.any():
        raise ValueError(f"the {patch.region} patch holds no skin")
    row = {**tone_features(patch), **seed_features(patch, settings)}
    patch, margins = _cut_to_skin(patch)
    maps = components(patch, settings)
    median = np.median(maps[patch.skin], axis=0)
    row |= {"melanin_index": float(median[0]), "erythema_index": float(median[2])}
    fine = deviations(maps, patch, settings.fine_background_mm, margins)
    near = deviations(maps, patch, settings.background_mm, margins)
    wide = deviations(maps, patch, settings.wide_background_mm, margins)
    for scale, at_scale in (("fine", fine), ("near", near)):
        regions = find_regions(at_scale, settings)
        found = spot_features(at_scale, regions) | look_alike_features(at_scale, regions)
        if scale == "near":
            found |= spread_features(at_scale, regions) | shape_features(at_scale, regions)
            found |= colour_features(patch, regions, settings.background_mm, margins)
        row |= _named(found, scale)
    for scale, at_scale in (("fine", fine), ("near", near), ("wide", wide)):
        row |= _named(field_features(at_scale), scale)
    return row | band_features(near) | texture_features(near), _with_margins(wide)


def _cut_to_skin(patch: Patch) -> tuple[Patch, Margins]:
    """The part of the patch that holds skin, and what was cut off: half a forehead of half a face, for example."""
    left, top, width, height = cv2.boundingRect(patch.skin.view(np.uint8))
    rows, columns = (
        slice(max(start - _RIM_PX, 0), min(start + extent + _RIM_PX, size))
        for start, extent, size in zip((top, left), (height, width), patch.skin.shape, strict=True)
    )
    part = replace(patch, pixels=patch.pixels[rows, columns].copy(), skin=patch.skin[rows, columns].copy())
    high, wide = patch.skin.shape
    return part, ((rows.start, high - rows.stop), (columns.start, wide - columns.stop))


def _with_margins(maps: PigmentMaps) -> PigmentMaps:
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
