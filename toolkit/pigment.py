"""Threshold regions of interest: maps of melanin, darkness and erythema, and what is measured on them.

Light is decoded to linear and turned into optical density O = -ln(c), where pigments add up (Tsumura et
al. 2003). On skin M = O_B - O_G rises with melanin and E = O_G - O_R with blood, and neither moves with
neutral shadow or exposure. Every length is in millimetres and every contrast in natural-log OD.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.records import Patch, PigmentMaps
from toolkit.settings import PigmentSettings

Array = NDArray[np.float32]

_LEVELS = np.arange(256) / 255.0
_LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)


def optical_density(pixels: NDArray[np.uint8], skin: NDArray[np.bool_], sigma_px: float) -> Array:
    """Optical density -ln(c) of linear light c in 0-1, smoothed over skin only.

    ``pixels`` (h, w, 3) uint8 sRGB, ``skin`` (h, w) bool; returns (h, w, 3) float32 in R, G, B order,
    0 (fully lit) to about 9.2 (c at or under 1e-4). Off the skin the values carry no meaning.
    """
    linear = _LINEAR[pixels]
    if sigma_px > 0:
        linear = smooth_over(linear, skin, sigma_px)
    return -np.log(np.maximum(linear, 1e-4))


def smooth_over(values: Array, weight: NDArray, sigma_px: float) -> Array:
    """Normalised convolution: the Gaussian mean of ``values`` under ``weight`` (Knutsson & Westin 1993).

    ``values`` (h, w) or (h, w, c) float32, ``weight`` (h, w) bool or float 0-1. Wide Gaussians are
    computed on a reduced picture. 0 where no weight is near.
    """
    shrink = max(1, int(sigma_px / 4))
    height, width = weight.shape
    small = (max(1, round(width / shrink)), max(1, round(height / shrink)))
    weight = weight.astype(np.float32)
    weighted = values * (weight if values.ndim == 2 else weight[..., None])
    if shrink > 1:
        weighted = cv2.resize(weighted, small, interpolation=cv2.INTER_AREA)
        weight = cv2.resize(weight, small, interpolation=cv2.INTER_AREA)
    sigma = sigma_px / shrink
    total = cv2.GaussianBlur(weighted, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    mass = cv2.GaussianBlur(weight, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    mass = mass if total.ndim == 2 else mass[..., None]
    mean = np.where(mass > 1e-4, total / np.maximum(mass, 1e-4), 0.0)
    if shrink > 1:
        mean = cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR)
    return mean.astype(np.float32, copy=False)


def robust_scale(values: NDArray) -> float:
    """1.4826 times the median absolute deviation: the standard deviation, were the values normal."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values)))) if values.size else 0.0


def components(patch: Patch, settings: PigmentSettings) -> Array:
    """The (h, w, 3) float32 maps M (melanin), D (darkness), E (erythema) of a patch, in OD."""
    density = optical_density(patch.pixels, patch.skin, settings.smooth_mm * patch.px_per_mm)
    red, green, blue = density[..., 0], density[..., 1], density[..., 2]
    return np.stack([blue - green, green, green - red], axis=-1)


def deviations(maps: Array, patch: Patch, background_mm: float) -> PigmentMaps:
    """What stands out of its surroundings at a scale of ``background_mm``; ``maps`` from ``components``.

    The background is a normalised convolution over skin in two passes, the second without what the first
    found to stand out, so that spots do not lift their own background.
    """
    sigma = background_mm * patch.px_per_mm
    first = maps[..., :2] - smooth_over(maps[..., :2], patch.skin, sigma)
    plain = patch.skin.copy()
    for channel in np.moveaxis(first, -1, 0):
        plain &= channel <= max(robust_scale(channel[patch.skin]), 0.005)
    background = smooth_over(maps, plain, sigma)
    # Inside a sheet of pigment wider than the Gaussian no plain skin is near: use the patch's own median.
    near = smooth_over(plain.astype(np.float32), np.ones_like(plain), sigma) > 0.02
    background[~near] = np.median(maps[plain if plain.any() else patch.skin], axis=0)
    deviation = np.where(patch.skin[..., None], maps - background, 0.0).astype(np.float32)
    melanin, darkness, erythema = np.ascontiguousarray(np.moveaxis(deviation, -1, 0))
    return PigmentMaps(melanin, darkness, erythema, patch.skin, patch.px_per_mm)


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


def seed_threshold_image(pixels: NDArray[np.uint8], threshold: float) -> Array:
    """The 2020 capstone's threshold image, kept as a named baseline.

    HSV brightness V minus grey (both 0-1), True over ``threshold``, times V: (h, w) float32, 0-1. On skin
    V - grey = 0.701 R - 0.587 G - 0.114 B, a redness map: blood and exposure raise it more than melanin.
    """
    value = pixels.max(axis=-1).astype(np.float32) / 255
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    return np.where(value - grey > threshold, value, 0.0).astype(np.float32)


def seed_features(patch: Patch, settings: PigmentSettings) -> dict[str, float]:
    """Area fraction and mean brightness of the seed's threshold image over skin."""
    image = seed_threshold_image(patch.pixels, settings.seed_threshold)[patch.skin]
    return {"seed_area_fraction": float((image > 0).mean()), "seed_mean": float(image.mean())}


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
