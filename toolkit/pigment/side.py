"""What is measured on the whole visible side of a face: one row of named figures, classical and of the predicted map.

Figures of several pictures (patches without a chart) are those of all their skin together. Areas are in mm2, loads and
contrasts in natural-log OD, fractions shares of the measured skin. A part of the face that is not seen has NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.pigment.learnt import mean_power
from toolkit.pigment.maps import percentile
from toolkit.pigment.measure import SkinMaps
from toolkit.pigment.regions import PIGMENT, Regions
from toolkit.records import CHART_REGIONS, PigmentMaps
from toolkit.visible import visible_pigment

# Parts of the face whose load is a figure of its own, by the names of CHART_PARTS that they join.
PARTS: dict[str, tuple[str, ...]] = {
    "forehead": ("forehead",),
    "temple": ("temple",),
    "cheek": ("cheek", "eyelids"),
    "nose": ("nose",),
    "mouth": ("upper_lip", "chin"),
    "jaw": ("jaw",),
}
# Where folds, nostrils and stubble are taken for pigment more often than elsewhere: they count in all figures but
# net_core_power, which the curve grades by.
_SHADY = ("nose", "eyelids", "upper_lip")
_LEAST_PART_MM2 = 200.0
_CELL_MM = 10.0
_SPOT_OD = 0.04  # of the predicted map: a spot is over it, a stronger part over the next
_SHARES_OD = (0.02, 0.05, 0.1, 0.2)
_LEAST_SPOT_MM2 = 0.5
_PERCENTS = (10, 50, 90)

CLASSICAL_COLUMNS = (
    "measured_cm2",
    "ita_deg",
    "lightness",
    "area_fraction",
    "load",
    "melanin_load",
    "spots_per_cm2",
    "small_spots_per_cm2",
    "large_spots_per_cm2",
    "spot_darkness",
    "spot_melanin",
    *(f"spot_area_p{percent}" for percent in _PERCENTS),
    "cells",
    "nearest_neighbour_index",
    "root_melanin_darkness_fine",
    "root_melanin_darkness_near",
    "root_melanin_darkness_wide",
    "stained_fraction_near",
    "melanin_p95_near",
    "darkness_p95_near",
    "melanin_sd_near",
    "darkness_sd_near",
    *(f"{part}_root_melanin_darkness" for part in PARTS),
)
# Figures of a predicted map, of a side or of any window on it;
MAP_COLUMNS = (
    "net_mean",
    "net_mean_root",
    "net_core_power",
    "net_visible",
    *(f"net_share_{round(1000 * od):03}" for od in _SHARES_OD),
    "net_p95",
    "net_p99",
    "net_spots_per_cm2",
    *(f"net_spot_area_p{percent}" for percent in _PERCENTS),
    *(f"net_spot_peak_p{percent}" for percent in _PERCENTS),
)
# what else is known of a side: where its spots lie, and how severe it looks, which the network says (see siamese.severity).
NET_COLUMNS = (
    *MAP_COLUMNS,
    "net_cells",
    "net_nearest_neighbour_index",
    *(f"{part}_net_mean_root" for part in PARTS),
    "net_severity",
)


@dataclass(frozen=True, eq=False)
class Skin:
    """One picture of a side's skin: its maps, ``parts`` (h, w) uint8 as ``FaceChart.regions`` (all 0 where unknown) on
    the maps' own rectangle, and the colours (n, 3) uint8 of its skin."""

    maps: SkinMaps
    parts: NDArray[np.uint8]
    colours: NDArray[np.uint8]


def side_features(pictures: Sequence[Skin]) -> dict[str, float]:
    """The classical figures of a side: a row of CLASSICAL_COLUMNS."""
    from skimage.color import rgb2lab

    maps = [one.maps for one in pictures]
    area_mm2 = sum(float(one.near.skin.sum()) / one.near.px_per_mm**2 for one in maps)
    middle = np.median(np.concatenate([one.colours for one in pictures]), axis=0)
    lightness, _, yellow = rgb2lab(middle[None, None] / 255.0)[0, 0]
    row = {
        "measured_cm2": area_mm2 / 100,
        "ita_deg": float(np.degrees(np.arctan2(lightness - 50, yellow))),
        "lightness": float(lightness),
    }
    row |= _spots([(one.near, one.near_regions) for one in maps], area_mm2)
    for scale in ("fine", "near", "wide"):
        both = np.concatenate([_root(getattr(one, scale)) for one in maps])
        row[f"root_melanin_darkness_{scale}"] = float(both.mean())
        if scale == "near":
            row["stained_fraction_near"] = float((both > 0.04).mean())
    for name in ("melanin", "darkness"):
        values = np.concatenate([one.near.on_skin(getattr(one.near, name)) for one in maps])
        row[f"{name}_p95_near"], row[f"{name}_sd_near"] = percentile(values, 95), float(values.std())
    roots = [np.zeros(one.near.skin.shape, np.float32) for one in maps]
    for values, one in zip(roots, maps, strict=True):
        values[one.near.skin] = _root(one.near)
    shown = [(one.maps.near.skin, one.parts) for one in pictures]
    by_part = _by_part(roots, shown, maps[0].near.px_per_mm)
    row |= {f"{part}_root_melanin_darkness": value for part, value in by_part.items()}
    return {name: row[name] for name in CLASSICAL_COLUMNS}


def _root(maps: PigmentMaps) -> NDArray[np.float32]:
    """The root of melanin times darkness on skin (n,): what is both brown and dark."""
    melanin, darkness = maps.on_skin(maps.melanin), maps.on_skin(maps.darkness)
    return np.asarray(np.sqrt(np.maximum(melanin, 0) * np.maximum(darkness, 0)))


def _spots(found: Sequence[tuple[PigmentMaps, Regions]], area_mm2: float) -> dict[str, float]:
    inside = [regions.mask(PIGMENT) for _, regions in found]
    areas = np.concatenate([regions.area_mm2[regions.kind == PIGMENT] for _, regions in found])
    skin = sum(int(maps.skin.sum()) for maps, _ in found)
    darkness, melanin = (
        np.concatenate([getattr(maps, name)[mask] for (maps, _), mask in zip(found, inside, strict=True)])
        for name in ("darkness", "melanin")
    )
    scale = found[0][0].px_per_mm
    labels = [regions.only(PIGMENT) for _, regions in found]
    return {
        "area_fraction": darkness.size / max(skin, 1),
        "load": float(np.maximum(darkness, 0).sum()) / max(skin, 1),
        "melanin_load": float(np.maximum(melanin, 0).sum()) / max(skin, 1),
        "spots_per_cm2": 100 * len(areas) / area_mm2,
        "small_spots_per_cm2": 100 * float((areas < 7.0).sum()) / area_mm2,
        "large_spots_per_cm2": 100 * float((areas > 28.0).sum()) / area_mm2,
        "spot_darkness": float(darkness.mean()) if darkness.size else 0.0,
        "spot_melanin": float(melanin.mean()) if melanin.size else 0.0,
        **{f"spot_area_p{p}": float(np.percentile(areas, p)) if len(areas) else 0.0 for p in _PERCENTS},
        "cells": _cells([label > 0 for label in labels], [maps.skin for maps, _ in found], scale),
        "nearest_neighbour_index": _spacing(labels, area_mm2, scale),
    }


def side_figures(
    pigment: Sequence[NDArray[np.float32]],
    shown: Sequence[tuple[NDArray[np.bool_], NDArray[np.uint8]]],
    px_per_mm: float,
) -> NDArray[np.float64]:
    """Figures (len(NET_COLUMNS),) of a side's predicted maps (h, w) of added green OD; ``shown``: each one's skin (h, w)
    bool and parts (h, w) uint8. All 0 without skin; the last, the severity, is left NaN."""
    row, labels = _map_figures(pigment, shown, px_per_mm)
    if labels:
        area_mm2 = sum(int(skin.sum()) for skin, _ in shown) / px_per_mm**2
        row["net_cells"] = _cells([found > 0 for found in labels], [skin for skin, _ in shown], px_per_mm)
        row["net_nearest_neighbour_index"] = _spacing(labels, area_mm2, px_per_mm)
        roots = [np.sqrt(np.maximum(one, 0)) for one in pigment]
        row |= {f"{part}_net_mean_root": v for part, v in _by_part(roots, shown, px_per_mm).items()}
    row["net_severity"] = np.nan
    return np.array([row.get(name, 0.0) for name in NET_COLUMNS])


def map_figures(
    pigment: NDArray[np.float32], skin: NDArray[np.bool_], parts: NDArray[np.uint8], px_per_mm: float
) -> NDArray[np.float64]:
    """Figures (len(MAP_COLUMNS),) of one predicted map (h, w), as ``side_figures``; all 0 without skin."""
    row, _ = _map_figures([pigment], [(skin, parts)], px_per_mm)
    return np.array([row.get(name, 0.0) for name in MAP_COLUMNS])


def _map_figures(
    pigment: Sequence[NDArray[np.float32]],
    shown: Sequence[tuple[NDArray[np.bool_], NDArray[np.uint8]]],
    px_per_mm: float,
) -> tuple[dict[str, float], list[NDArray[np.int32]]]:
    """Figures by name, and the labels (h, w) of each map's spots; nothing without skin."""
    values = np.concatenate([one[skin] for one, (skin, _) in zip(pigment, shown, strict=True)])
    if not values.size:
        return {}, []
    seen = [visible_pigment(one, skin, px_per_mm) for one, (skin, _) in zip(pigment, shown, strict=True)]
    all_seen = np.concatenate([one[skin] for one, (skin, _) in zip(seen, shown, strict=True)])
    row = {
        "net_mean": float(values.mean()),
        "net_mean_root": mean_root(values),
        "net_core_power": mean_power(_core(pigment, shown, values)),
        "net_visible": float(_core(seen, shown, all_seen).mean()),
        **{f"net_share_{round(1000 * od):03}": float((values > od).mean()) for od in _SHARES_OD},
        "net_p95": percentile(values, 95),
        "net_p99": percentile(values, 99),
    }
    found = [predicted_spots(one, skin, px_per_mm) for one, (skin, _) in zip(pigment, shown, strict=True)]
    areas, peaks = (np.concatenate([one[at] for one in found]) for at in (1, 2))
    row["net_spots_per_cm2"] = 100 * len(areas) / (values.size / px_per_mm**2)
    for p in _PERCENTS:
        row[f"net_spot_area_p{p}"] = float(np.percentile(areas, p)) if len(areas) else 0.0
        row[f"net_spot_peak_p{p}"] = float(np.percentile(peaks, p)) if len(peaks) else 0.0
    return row, [one[0] for one in found]


def mean_root(values: NDArray[np.float32]) -> float:
    """The mean of the square root of predicted pigment (n,) on skin: faint spots count, which the mean drowns."""
    return float(np.sqrt(np.maximum(values, 0)).mean()) if values.size else 0.0


def _core(
    pigment: Sequence[NDArray[np.float32]],
    shown: Sequence[tuple[NDArray[np.bool_], NDArray[np.uint8]]],
    everywhere: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Predicted pigment (n,) on the skin that is neither nose, eyelids nor upper lip; ``everywhere`` where little of it
    is seen."""
    shady = [1 + i for i, name in enumerate(CHART_REGIONS) if name.split("_", 1)[1] in _SHADY]
    values = np.concatenate(
        [one[skin & ~np.isin(parts, shady)] for one, (skin, parts) in zip(pigment, shown, strict=True)]
    )
    return values if values.size > everywhere.size / 4 else everywhere


def predicted_spots(
    pigment: NDArray[np.float32], skin: NDArray[np.bool_], px_per_mm: float
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """Spots of a predicted map (h, w): pieces over 0.04 OD of at least 0.5 mm2. Labels (h, w), each one's area in mm2
    and its darkest OD."""
    shown = ((pigment > _SPOT_OD) & skin).astype(np.uint8)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(shown, connectivity=8)
    sizes = stats[:, cv2.CC_STAT_AREA].astype(np.float64) / px_per_mm**2
    keep = sizes >= _LEAST_SPOT_MM2
    keep[0] = False
    labels = np.where(keep, np.cumsum(keep), 0).astype(np.int32)[pieces]
    peaks = np.zeros(int(keep.sum()) + 1)
    np.maximum.at(peaks, labels.ravel(), pigment.ravel())
    return labels, sizes[keep], peaks[1:]


def _by_part(
    values: Sequence[NDArray[np.float32]],
    shown: Sequence[tuple[NDArray[np.bool_], NDArray[np.uint8]]],
    px_per_mm: float,
) -> dict[str, float]:
    """The mean over each part's skin; NaN where too little of it is seen."""
    totals, counts = np.zeros(len(CHART_REGIONS) + 1), np.zeros(len(CHART_REGIONS) + 1)
    for one, (skin, parts) in zip(values, shown, strict=True):
        owner = parts[skin]
        counts += np.bincount(owner, minlength=len(counts))
        totals += np.bincount(owner, weights=one[skin], minlength=len(counts))
    means = {}
    for part, names in PARTS.items():
        mine = [1 + i for i, name in enumerate(CHART_REGIONS) if name.split("_", 1)[1] in names]
        seen = counts[mine].sum()
        means[part] = float(totals[mine].sum() / seen) if seen > _LEAST_PART_MM2 * px_per_mm**2 else np.nan
    return means


def _cells(spots: Sequence[NDArray[np.bool_]], skins: Sequence[NDArray[np.bool_]], px_per_mm: float) -> float:
    """Share of the side's cells of 10 mm that hold any spot, of those that are mostly skin."""
    step = _CELL_MM * px_per_mm
    held = cells = 0
    for spot, skin in zip(spots, skins, strict=True):
        size = max(1, round(skin.shape[1] / step)), max(1, round(skin.shape[0] / step))
        spotted, covered = (
            cv2.resize(one.astype(np.float32), size, interpolation=cv2.INTER_AREA) for one in (spot, skin)
        )
        held += int(((spotted > 0.01) & (covered > 0.4)).sum())
        cells += int((covered > 0.4).sum())
    return held / cells if cells else 0.0


def _spacing(labels: Sequence[NDArray[np.int32]], area_mm2: float, px_per_mm: float) -> float:
    """The nearest-neighbour index of the spots' centres (Clark and Evans 1954): under 1 clustered; 1 for fewer than
    two."""
    from scipy.spatial import cKDTree

    centres, offset = [], 0.0
    for one in labels:
        found = np.flatnonzero(one)
        own = one.ravel()[found]
        counts = np.bincount(own)
        present = counts > 0
        row, column = np.divmod(found, one.shape[1])
        sums = np.column_stack([np.bincount(own, weights=at)[present] for at in (row, column)])
        # Pictures lie far from each other, so that no spot is another picture's neighbour.
        centres.append(sums / counts[present, None] / px_per_mm + [0, offset])
        offset += 1e4
    places = np.concatenate(centres)
    if len(places) < 2:
        return 1.0
    nearest = np.minimum(cKDTree(places).query(places, k=2)[0][:, 1], 100.0)
    return float(nearest.mean() / (0.5 / np.sqrt(len(places) / area_mm2)))
