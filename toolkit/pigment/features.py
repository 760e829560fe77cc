"""What is measured on the maps of a patch: one function a family of features, named columns out.

Areas are in mm2, contrasts in natural-log OD, fractions are shares of the measurable skin.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.pigment.maps import robust_scale, smooth_over
from toolkit.records import Patch, PigmentMaps


def spot_features(maps: PigmentMaps, labels: NDArray[np.int32]) -> dict[str, float]:
    """Number, size, contrast and spread of the spots; areas in mm2, contrasts in OD.

    ``load`` is the darkness added over all skin (OD), the quantity that the grade follows most closely.
    """
    inside = labels > 0
    skin_mm2 = float(maps.skin.sum()) / maps.px_per_mm**2
    pixels = np.bincount(labels[inside])
    areas = pixels[pixels > 0] / maps.px_per_mm**2
    features = {
        "area_fraction": float(inside.sum() / maps.skin.sum()),
        "spots_per_cm2": 100.0 * len(areas) / skin_mm2,
        "large_spots_per_cm2": 100.0 * float((areas > 28).sum()) / skin_mm2,
        "load": float(np.maximum(maps.darkness[inside], 0).sum() / maps.skin.sum()),
        "cells": _occupied_cells(inside, maps.skin),
    }
    for name, percent in (("median", 50), ("p90", 90), ("max", 100)):
        features[f"spot_area_{name}"] = float(np.percentile(areas, percent)) if len(areas) else 0.0
    for name in ("melanin", "darkness"):
        values = getattr(maps, name)[inside]
        features[f"spot_{name}"] = float(values.mean()) if values.size else 0.0
    return features


def _occupied_cells(inside: NDArray[np.bool_], skin: NDArray[np.bool_]) -> float:
    """Share of an 8 x 8 grid's skin cells that hold any spot."""
    cells = [cv2.resize(a.astype(np.float32), (8, 8), interpolation=cv2.INTER_AREA) for a in (inside, skin)]
    on_skin = cells[1] > 0.25
    return float((cells[0][on_skin] > 0.02).mean()) if on_skin.any() else 0.0


def field_features(maps: PigmentMaps) -> dict[str, float]:
    """Statistics of the whole deviation maps, without any region of interest, in OD."""
    melanin, darkness, erythema = (m[maps.skin] for m in (maps.melanin, maps.darkness, maps.erythema))
    both = np.sqrt(np.maximum(melanin, 0) * np.maximum(darkness, 0))
    unit = max(robust_scale(melanin), 0.01)
    return {
        "root_melanin_darkness": float(both.mean()),
        "root_melanin_darkness_p95": float(np.percentile(both, 95)),
        "melanin_sd": float(melanin.std()),
        "darkness_sd": float(darkness.std()),
        "melanin_mad": robust_scale(melanin),
        "darkness_mad": robust_scale(darkness),
        "darkness_p95": float(np.percentile(darkness, 95)),
        "melanin_p95": float(np.percentile(melanin, 95)),
        "flecks_fraction": float((melanin < -2.5 * unit).mean()),
        "erythema_p95": float(np.percentile(erythema, 95)),
        **{f"over_z{z:g}".replace(".", "_"): float((melanin > z * unit).mean()) for z in (2.5, 4, 6)},
    }


def texture_features(maps: PigmentMaps) -> dict[str, float]:
    """Band-pass standard deviation of the melanin deviation (OD) at 0.5, 1 and 2 mm, and mottling seen
    from afar: that of the darkness blurred by 2.5 mm."""
    features = {}
    for size in (0.5, 1.0, 2.0):
        fine, coarse = (smooth_over(maps.melanin, maps.skin, k * size * maps.px_per_mm) for k in (1.0, 1.6))
        features[f"melanin_band_{size:g}mm".replace(".", "_")] = float((fine - coarse)[maps.skin].std())
    far = smooth_over(maps.darkness, maps.skin, 2.5 * maps.px_per_mm)
    features["visibility"] = float(far[maps.skin].std())
    return features


def tone_features(patch: Patch) -> dict[str, float]:
    """Skin tone of the patch: individual typology angle (degrees), L* (0-100), both of its median colour."""
    from skimage.color import rgb2lab

    median = np.median(patch.pixels[patch.skin], axis=0)
    lightness, _, yellow = rgb2lab(median[None, None] / 255.0)[0, 0]
    return {
        "ita_deg": float(np.degrees(np.arctan2(lightness - 50, yellow))),
        "lightness": float(lightness),
        "skin_fraction": patch.skin_fraction,
    }
