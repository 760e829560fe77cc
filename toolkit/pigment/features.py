"""What is measured on the maps of a patch: one function a family of features, named columns out.

Areas are in mm2, contrasts in natural-log OD, fractions are shares of the measurable skin. Every feature is
finite whatever the patch; where there is no spot, sizes and contrasts are 0.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.colours import level_counts, middle_level
from toolkit.pigment.maps import lower_scale, robust_scale, smooth_over, smooth_planes
from toolkit.pigment.regions import BLOOD, MOLE, PIGMENT, SHADOW, Regions
from toolkit.quantiles import median, percentile
from toolkit.records import NO_MARGINS, Margins, Patch, PigmentMaps

SMALL_MM2, LARGE_MM2 = 7.0, 28.0  # discs of 3 and 6 mm
BANDS_MM = (0.5, 1.0, 2.0)


def spot_features(maps: PigmentMaps, regions: Regions) -> dict[str, float]:
    """Number, size and contrast of the pigmented spots.

    ``load`` is the darkness that spots add, averaged over all skin (OD): the quantity that the grade follows
    most closely.
    """
    inside, _ = regions.pixels(PIGMENT)
    skin = float(np.count_nonzero(maps.skin))
    cm2 = skin / maps.px_per_mm**2 / 100
    areas = regions.area_mm2[regions.kind == PIGMENT]
    darkness, melanin = maps.darkness.ravel()[inside], maps.melanin.ravel()[inside]
    features = {
        "area_fraction": len(inside) / skin,
        "load": float(np.maximum(darkness, 0).sum()) / skin,
        "melanin_load": float(np.maximum(melanin, 0).sum()) / skin,
        "spots_per_cm2": len(areas) / cm2,
        "small_spots_per_cm2": float((areas < SMALL_MM2).sum()) / cm2,
        "large_spots_per_cm2": float((areas > LARGE_MM2).sum()) / cm2,
        "spot_melanin": float(melanin.mean()) if melanin.size else 0.0,
        "spot_darkness": float(darkness.mean()) if darkness.size else 0.0,
        "spot_darkness_p90": percentile(darkness, 90) if darkness.size else 0.0,
    }
    for name, percent in (("median", 50), ("p90", 90), ("max", 100)):
        features[f"spot_area_{name}"] = percentile(areas, percent) if len(areas) else 0.0
    return features


def spread_features(maps: PigmentMaps, regions: Regions) -> dict[str, float]:
    """How the spots lie on the skin.

    ``cells``: share of the patch's 8 x 8 grid's skin cells that hold any spot. ``cell_entropy``: evenness of their
    area over those cells, 0 (all in one) to 1. ``nearest_neighbour_index`` of the spots' centres (Clark and
    Evans, Ecology 35 (1954) 445-453): under 1 clustered, over 1 spaced out; 1 for fewer than two spots.
    """
    inside = regions.mask(PIGMENT).astype(np.float32)
    spots, skin = (
        cv2.resize(
            np.pad(values.astype(np.float32), maps.margins), (8, 8), interpolation=cv2.INTER_AREA
        ).ravel()
        for values in (inside, maps.skin)
    )
    spots, skin = spots[skin > 0.25], skin[skin > 0.25]
    share = spots[spots > 0] / max(float(spots.sum()), 1e-9)
    return {
        "cells": float((spots > 0.02).mean()) if len(spots) else 0.0,
        "cell_entropy": float(-(share * np.log(share)).sum() / np.log(max(len(skin), 2))),
        "nearest_neighbour_index": _nearest_neighbour_index(maps, regions),
    }


def _nearest_neighbour_index(maps: PigmentMaps, regions: Regions) -> float:
    from scipy.spatial import cKDTree

    found, labels = regions.pixels(PIGMENT)
    counts = np.bincount(labels)
    own = counts > 0
    if own.sum() < 2:
        return 1.0
    row, column = np.divmod(found, maps.skin.shape[1])
    sums = np.column_stack([np.bincount(labels, weights=at)[own] for at in (row, column)])
    centres = sums / counts[own, None]
    nearest = cKDTree(centres).query(centres, k=2)[0][:, 1]
    at_random = 0.5 / np.sqrt(len(centres) / np.count_nonzero(maps.skin))
    return float(nearest.mean() / at_random)


def shape_features(maps: PigmentMaps, regions: Regions) -> dict[str, float]:
    """``solidity``: area of the spots over the area of their convex hulls, 0 to 1, 1 for round ones.
    ``border_gradient``: mean slope of darkness along their borders, OD/mm; where the mask cuts a spot there
    is no border."""
    inside = regions.mask(PIGMENT).astype(np.uint8)
    outlines, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hulls = sum(cv2.contourArea(cv2.convexHull(outline)) for outline in outlines)
    solid = sum(cv2.contourArea(outline) for outline in outlines)
    inner, measured = (
        cv2.erode(mask, np.ones((3, 3), np.uint8)) for mask in (inside, maps.skin.astype(np.uint8))
    )
    border = (inside > 0) & (inner == 0) & (measured > 0)
    slope = np.hypot(cv2.Scharr(maps.darkness, cv2.CV_32F, 1, 0), cv2.Scharr(maps.darkness, cv2.CV_32F, 0, 1))
    return {
        "solidity": float(solid / hulls) if hulls else 0.0,
        "border_gradient": float(slope[border].mean() / 32 * maps.px_per_mm) if border.any() else 0.0,
    }


def look_alike_features(maps: PigmentMaps, regions: Regions) -> dict[str, float]:
    """What is dark but not mottled pigment: moles (counted apart), blood and shadow; and redness."""
    skin = float(np.count_nonzero(maps.skin))
    erythema = maps.on_skin(maps.erythema)
    return {
        "moles_per_cm2": 100 * maps.px_per_mm**2 * float((regions.kind == MOLE).sum()) / skin,
        "mole_fraction": len(regions.pixels(MOLE)[0]) / skin,
        "blood_fraction": len(regions.pixels(BLOOD)[0]) / skin,
        "shadow_fraction": len(regions.pixels(SHADOW)[0]) / skin,
        "erythema_p95": percentile(erythema, 95) - median(erythema),
    }


def field_features(maps: PigmentMaps) -> dict[str, float]:
    """Statistics of the whole deviation maps, without any region of interest, in OD."""
    melanin, darkness = (maps.on_skin(values) for values in (maps.melanin, maps.darkness))
    both = np.sqrt(np.maximum(melanin, 0) * np.maximum(darkness, 0))
    unit = max(lower_scale(melanin), 0.01)

    def share(which: NDArray[np.bool_]) -> float:
        return np.count_nonzero(which) / which.size

    return {
        "root_melanin_darkness": float(both.mean()),
        "root_melanin_darkness_p95": percentile(both, 95),
        "stained_fraction": share(both > 0.04),
        "melanin_sd": float(melanin.std()),
        "darkness_sd": float(darkness.std()),
        "melanin_mad": robust_scale(melanin),
        "darkness_mad": robust_scale(darkness),
        "darkness_p95": percentile(darkness, 95),
        "melanin_p95": percentile(melanin, 95),
        "flecks_fraction": share(melanin < -2.5 * unit),
        **{f"over_z{z:g}".replace(".", "_"): share(melanin > z * unit) for z in (2.5, 4, 6)},
    }


def band_features(maps: PigmentMaps) -> dict[str, float]:
    """Bands of the maps round 0.5, 1 and 2 mm (differences of Gaussians), in OD, and their shape.

    ``melanin_darkness``: the root of the covariance of melanin and darkness: noise of the camera moves
    either, pigment both. ``darkness_skew``: positive where few dark spots stand on even skin.
    ``visibility``: deviation of the darkness seen from afar, blurred by 2.5 mm.
    """
    features = {}
    planes = (maps.melanin, maps.darkness)
    for size in BANDS_MM:
        fine, coarse = (
            smooth_planes(planes, maps.skin, k * size * maps.px_per_mm, maps.margins) for k in (1.0, 1.6)
        )
        melanin, darkness = (maps.on_skin(a - b) for a, b in zip(fine, coarse, strict=True))
        covariance = float(np.mean(melanin * darkness))
        spread = float(darkness.std())
        name = f"{size:g}mm".replace(".", "_")
        features[f"melanin_band_{name}"] = float(melanin.std())
        features[f"darkness_band_{name}"] = spread
        features[f"melanin_darkness_{name}"] = float(np.sign(covariance) * np.sqrt(abs(covariance)))
        features[f"darkness_skew_{name}"] = (
            float(np.mean(darkness * darkness * darkness)) / max(spread, 1e-3) ** 3
        )
    far = smooth_over(maps.darkness, maps.skin, 2.5 * maps.px_per_mm, maps.margins)
    return features | {"visibility": float(maps.on_skin(far).std())}


def texture_features(maps: PigmentMaps) -> dict[str, float]:
    """Texture of the melanin map: grey-level co-occurrence at 1 mm (Haralick et al. 1973) over 16 levels of
    +-0.15 OD, and the entropy (bits) of uniform local binary patterns (Ojala et al. 2002) of the darkness."""
    from skimage.feature import graycomatrix, graycoprops, local_binary_pattern

    levels = np.clip((maps.melanin + 0.15) / 0.3 * 15, 0, 15).astype(np.uint8) + 1
    levels[~maps.skin] = 0
    step = max(1, round(maps.px_per_mm))
    pairs = graycomatrix(levels, [step], [0, np.pi / 2], levels=17, symmetric=True)[1:, 1:].astype(np.float64)
    pairs = pairs.sum(axis=3, keepdims=True)
    pairs /= max(float(pairs.sum()), 1.0)
    fine = np.round(maps.darkness * 500).astype(np.int16)
    patterns = local_binary_pattern(fine, 8, max(1.0, 0.5 * maps.px_per_mm), "uniform")
    patterns = maps.on_skin(patterns)
    share = np.bincount(patterns.astype(int), minlength=10) / len(patterns)
    return {
        **{f"glcm_{name}": float(graycoprops(pairs, name)[0, 0]) for name in ("contrast", "homogeneity")},
        "glcm_correlation": float(graycoprops(pairs, "correlation")[0, 0]) if pairs.any() else 1.0,
        "lbp_entropy": float(-(share[share > 0] * np.log2(share[share > 0])).sum()),
    }


def colour_features(
    patch: Patch, regions: Regions, background_mm: float, margins: Margins = NO_MARGINS
) -> dict[str, float]:
    """CIEDE2000 colour difference between spots and the skin around them: mean over spots by area, and the
    90th percentile of the spots; 0 where there is none."""
    from skimage.color import deltaE_ciede2000

    labels = regions.only(PIGMENT)
    if not labels.any():
        return {"spot_colour_difference": 0.0, "spot_colour_difference_p90": 0.0}
    pixels = patch.pixels.astype(np.float32) / 255
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB).astype(np.float32, copy=False)
    plain = patch.skin & (regions.labels == 0)
    around = smooth_over(lab, plain if plain.any() else patch.skin, background_mm * patch.px_per_mm, margins)
    inside = np.flatnonzero(labels)
    pieces = labels.ravel()[inside]
    counts = np.bincount(pieces)
    own = np.flatnonzero(counts)
    spot, skin = (
        np.column_stack([np.bincount(pieces, weights=c)[own] for c in colours.reshape(-1, 3)[inside].T])
        / counts[own, None]
        for colours in (lab, around)
    )
    difference = deltaE_ciede2000(spot, skin)
    return {
        "spot_colour_difference": float(np.average(difference, weights=counts[own])),
        "spot_colour_difference_p90": percentile(difference, 90),
    }


def tone_features(patch: Patch) -> dict[str, float]:
    """Skin tone of the patch: individual typology angle (degrees), L* (0-100), both of its median colour."""
    ita, lightness = tone_of(level_counts(patch.pixels, patch.skin))
    return {"ita_deg": ita, "lightness": lightness, "skin_fraction": patch.skin_fraction}


def tone_of(counts: NDArray[np.int64]) -> tuple[float, float]:
    """Individual typology angle (degrees) and L* (0-100) of the median colour of skin whose grey levels have these
    ``counts`` (3, 256)."""
    from skimage.color import rgb2lab

    middle = np.array([middle_level(channel) for channel in counts])
    lightness, _, yellow = rgb2lab(middle[None, None] / 255.0)[0, 0]
    return float(np.degrees(np.arctan2(lightness - 50, yellow))), float(lightness)
