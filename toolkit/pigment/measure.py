"""All features of a patch, and of a photograph."""

from __future__ import annotations

import numpy as np

from toolkit.pigment.features import field_features, spot_features, texture_features, tone_features
from toolkit.pigment.maps import components, deviations
from toolkit.pigment.regions import spots
from toolkit.pigment.seed import seed_features
from toolkit.records import Patch, PigmentMaps
from toolkit.settings import PigmentSettings


def measure(patch: Patch, settings: PigmentSettings) -> tuple[dict[str, float], PigmentMaps]:
    """Every feature of a patch as one row of named columns, all finite, and the maps for the network.

    Names end in ``_near`` where skin is compared with its surroundings at ``background_mm``, in ``_wide``
    at ``wide_background_mm``, the scale of the returned maps. Raises ValueError when there is no skin.
    """
    if not patch.skin.any():
        raise ValueError(f"the {patch.region} patch holds no skin")
    maps = components(patch, settings)
    row = {**tone_features(patch), **seed_features(patch, settings)}
    median = np.median(maps[patch.skin], axis=0)
    row |= {"melanin_index": float(median[0]), "erythema_index": float(median[2])}
    near = deviations(maps, patch, settings.background_mm)
    wide = deviations(maps, patch, settings.wide_background_mm)
    for scale, at_scale in (("near", near), ("wide", wide)):
        found = spot_features(at_scale, spots(at_scale, settings)) | field_features(at_scale)
        row |= {f"{name}_{scale}": value for name, value in found.items()}
    return row | texture_features(near), wide
