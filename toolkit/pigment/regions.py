"""Threshold regions of interest: spots of pigment, told from blood and shadow by their colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.pigment.maps import robust_scale
from toolkit.records import PigmentMaps
from toolkit.settings import PigmentSettings


def spots(maps: PigmentMaps, settings: PigmentSettings) -> NDArray[np.int32]:
    """Threshold regions of interest: (h, w) int32 labels of pigmented spots, 0 elsewhere.

    Hysteresis on the melanin deviation in robust standard deviations (over the low threshold and joined
    to a pixel over the high one), where darkness also exceeds ``min_deviation_od``. Regions that
    are too small, or whose colour says shadow or blood rather than melanin, are dropped.
    """
    from skimage.filters import apply_hysteresis_threshold
    from skimage.measure import label

    if not maps.skin.any():
        return np.zeros(maps.skin.shape, np.int32)
    unit = max(robust_scale(maps.melanin[maps.skin]), settings.min_scale_od)
    z = np.where(maps.darkness > settings.min_deviation_od, maps.melanin / unit, 0.0)
    found = apply_hysteresis_threshold(z, settings.hysteresis_low, settings.hysteresis_high) & maps.skin
    labels = label(found, connectivity=2).astype(np.int32)
    keep = _is_melanin(labels, maps)
    keep &= np.bincount(labels.ravel()) >= settings.min_spot_mm2 * maps.px_per_mm**2
    keep[0] = False
    return np.where(keep[labels], labels, 0)


def _is_melanin(labels: NDArray[np.int32], maps: PigmentMaps) -> NDArray[np.bool_]:
    """For each label: neither shadow (no colour of its own) nor blood (red, little melanin)."""
    flat = labels.ravel()
    melanin, darkness, erythema = (
        np.bincount(flat, weights=values.ravel()) for values in (maps.melanin, maps.darkness, maps.erythema)
    )
    redness = erythema / np.maximum(darkness, 1e-6)
    brownness = melanin / np.maximum(darkness, 1e-6)
    shadow = (redness < 0.2) & (np.abs(brownness) < 0.12)
    blood = (redness > 0.5) & (brownness < 0.4)
    return ~(shadow | blood)
