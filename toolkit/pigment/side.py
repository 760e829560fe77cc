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

from toolkit.pigment.features import tone_of
from toolkit.pigment.learnt import mean_power
from toolkit.pigment.measure import SkinMaps, skin_box
from toolkit.pigment.regions import PIGMENT, Regions
from toolkit.quantiles import percentile
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
_IS_SHADY = np.array([False, *(name.split("_", 1)[1] in _SHADY for name in CHART_REGIONS)])
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
    the maps' own rectangle, and how many pixels of its skin have each grey level, (3, 256)."""

    maps: SkinMaps
    parts: NDArray[np.uint8]
    level_counts: NDArray[np.int64]


def side_features(pictures: Sequence[Skin]) -> dict[str, float]:
    """The classical figures of a side: a row of CLASSICAL_COLUMNS."""
    maps = [one.maps for one in pictures]
    near = [one.near for one in maps]
    area_mm2 = sum(float(np.count_nonzero(one.skin)) / one.px_per_mm**2 for one in near)
    counts = np.sum([one.level_counts for one in pictures], axis=0)
    ita, lightness = tone_of(counts)
    row = {"measured_cm2": area_mm2 / 100, "ita_deg": ita, "lightness": lightness}
    row |= _spots([(one.near, one.near_regions) for one in maps], area_mm2)
    roots = {scale: [_root(getattr(one, scale)) for one in maps] for scale in ("fine", "near", "wide")}
    for scale, found in roots.items():
        row[f"root_melanin_darkness_{scale}"] = float(_joined(found).mean())
    both = _joined(roots["near"])
    row["stained_fraction_near"] = np.count_nonzero(both > 0.04) / both.size
    for name in ("melanin", "darkness"):
        values = _joined([one.on_skin(getattr(one, name)) for one in near])
        row[f"{name}_p95_near"], row[f"{name}_sd_near"] = percentile(values, 95), float(values.std())
    owners = [one.maps.near.on_skin(one.parts) for one in pictures]
    by_part = _by_part(roots["near"], owners, near[0].px_per_mm)
    row |= {f"{part}_root_melanin_darkness": value for part, value in by_part.items()}
    return {name: row[name] for name in CLASSICAL_COLUMNS}


def _joined(parts: Sequence[NDArray]) -> NDArray:
    """All values (n,) in one array; one part alone is not copied."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _root(maps: PigmentMaps) -> NDArray[np.float32]:
    """The root of melanin times darkness on skin (n,): what is both brown and dark."""
    melanin, darkness = maps.on_skin(maps.melanin), maps.on_skin(maps.darkness)
    return np.asarray(np.sqrt(np.maximum(melanin, 0) * np.maximum(darkness, 0)))


def _spots(found: Sequence[tuple[PigmentMaps, Regions]], area_mm2: float) -> dict[str, float]:
    areas = np.concatenate([regions.area_mm2[regions.kind == PIGMENT] for _, regions in found])
    skin = max(sum(np.count_nonzero(maps.skin) for maps, _ in found), 1)
    spots = [Spots(*regions.pixels(PIGMENT), maps.skin.shape) for maps, regions in found]
    darkness, melanin = (
        np.concatenate(
            [getattr(maps, name).ravel()[one.places] for (maps, _), one in zip(found, spots, strict=True)]
        )
        for name in ("darkness", "melanin")
    )
    scale = found[0][0].px_per_mm
    return {
        "area_fraction": darkness.size / skin,
        "load": float(np.maximum(darkness, 0).sum()) / skin,
        "melanin_load": float(np.maximum(melanin, 0).sum()) / skin,
        "spots_per_cm2": 100 * len(areas) / area_mm2,
        "small_spots_per_cm2": 100 * float((areas < 7.0).sum()) / area_mm2,
        "large_spots_per_cm2": 100 * float((areas > 28.0).sum()) / area_mm2,
        "spot_darkness": float(darkness.mean()) if darkness.size else 0.0,
        "spot_melanin": float(melanin.mean()) if melanin.size else 0.0,
        **_percentiles("spot_area", areas),
        "cells": _cells(*_in_boxes(spots, [maps.skin for maps, _ in found]), scale),
        "nearest_neighbour_index": _spacing(spots, area_mm2, scale),
    }


def _in_boxes(
    spots: Sequence[Spots], skins: Sequence[NDArray[np.bool_]]
) -> tuple[list[Spots], list[NDArray[np.bool_]]]:
    """Spots and skin on the rectangles that hold skin: cells are counted from their corners."""
    boxes = [skin_box(skin) for skin in skins]
    cut = []
    for one, (rows, columns) in zip(spots, boxes, strict=True):
        row, column = np.divmod(one.places, one.shape[1])
        shape = rows.stop - rows.start, columns.stop - columns.start
        cut.append(Spots((row - rows.start) * shape[1] + column - columns.start, one.labels, shape))
    return cut, [skin[box] for skin, box in zip(skins, boxes, strict=True)]


def _percentiles(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    return {f"{name}_p{p}": percentile(values, p) if len(values) else 0.0 for p in _PERCENTS}


@dataclass(frozen=True, eq=False)
class Spots:
    """The spots of a picture of ``shape`` (h, w): flat ``places`` (n,) of their pixels, and the ``labels`` (n,) that tell
    the spots apart."""

    places: NDArray[np.intp]
    labels: NDArray[np.int32]
    shape: tuple[int, ...]


def side_figures(
    pigment: Sequence[NDArray[np.float32]],
    shown: Sequence[tuple[NDArray[np.bool_], NDArray[np.uint8]]],
    px_per_mm: float,
) -> NDArray[np.float64]:
    """Figures (len(NET_COLUMNS),) of a side's predicted maps (h, w) of added green OD; ``shown``: each one's skin (h, w)
    bool and parts (h, w) uint8. All 0 without skin; the last, the severity, is left NaN."""
    row, spots = _map_figures(pigment, shown, px_per_mm)
    if spots:
        area_mm2 = sum(np.count_nonzero(skin) for skin, _ in shown) / px_per_mm**2
        row["net_cells"] = _cells(spots, [skin for skin, _ in shown], px_per_mm)
        row["net_nearest_neighbour_index"] = _spacing(spots, area_mm2, px_per_mm)
        roots = [np.sqrt(np.maximum(one[skin], 0)) for one, (skin, _) in zip(pigment, shown, strict=True)]
        by_part = _by_part(roots, [parts[skin] for skin, parts in shown], px_per_mm)
        row |= {f"{part}_net_mean_root": value for part, value in by_part.items()}
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
) -> tuple[dict[str, float], list[Spots]]:
    """Figures by name, and the spots of each map; nothing without skin."""
    values = _joined([one[skin] for one, (skin, _) in zip(pigment, shown, strict=True)])
    if not values.size:
        return {}, []
    seen = [visible_pigment(one, skin, px_per_mm) for one, (skin, _) in zip(pigment, shown, strict=True)]
    all_seen = _joined([one[skin] for one, (skin, _) in zip(seen, shown, strict=True)])
    core = _joined([~_IS_SHADY[parts[skin]] for skin, parts in shown])
    if np.count_nonzero(core) <= values.size / 4:  # little is seen of what counts: all of it counts
        core[:] = True
    found = [predicted_spots(one, skin, px_per_mm) for one, (skin, _) in zip(pigment, shown, strict=True)]
    areas, peaks = (np.concatenate([one[at] for one in found]) for at in (1, 2))
    row = {
        "net_mean": float(values.mean()),
        "net_mean_root": mean_root(values),
        "net_core_power": mean_power(values[core]),
        "net_visible": float(all_seen[core].mean()),
        **{
            f"net_share_{round(1000 * od):03}": np.count_nonzero(values > od) / values.size
            for od in _SHARES_OD
        },
        "net_p95": percentile(values, 95),
        "net_p99": percentile(values, 99),
        "net_spots_per_cm2": 100 * len(areas) / (values.size / px_per_mm**2),
        **_percentiles("net_spot_area", areas),
        **_percentiles("net_spot_peak", peaks),
    }
    return row, [_spots_of(labels) for labels, _, _ in found]


def _spots_of(labels: NDArray[np.int32]) -> Spots:
    places = np.flatnonzero(labels > 0)
    return Spots(places, labels.ravel()[places], labels.shape)


def mean_root(values: NDArray[np.float32]) -> float:
    """The mean of the square root of predicted pigment (n,) on skin: faint spots count, which the mean drowns."""
    return float(np.sqrt(np.maximum(values, 0)).mean()) if values.size else 0.0


def predicted_spots(
    pigment: NDArray[np.float32], skin: NDArray[np.bool_], px_per_mm: float
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """Spots of a predicted map (h, w): pieces over 0.04 OD of at least 0.5 mm2. Labels (h, w), each one's area in mm2
    and its darkest OD."""
    shown = ((pigment > _SPOT_OD) & skin).astype(np.uint8)
    _, pieces = cv2.connectedComponents(shown, connectivity=8)
    places = np.flatnonzero(shown)
    found = pieces.ravel()[places]
    sizes = np.bincount(found, minlength=1) / px_per_mm**2
    keep = sizes >= _LEAST_SPOT_MM2
    keep[0] = False
    own = np.where(keep, np.cumsum(keep), 0).astype(np.int32)[found]
    labels = np.zeros(shown.shape, np.int32)
    labels.ravel()[places] = own
    peaks = np.zeros(int(keep.sum()) + 1)
    np.maximum.at(peaks, own, pigment.ravel()[places])
    return labels, sizes[keep], peaks[1:]


def _by_part(
    values: Sequence[NDArray[np.float32]], owners: Sequence[NDArray[np.uint8]], px_per_mm: float
) -> dict[str, float]:
    """The mean of ``values`` (n,) of each picture's skin over each part, which ``owners`` (n,) name; NaN where too little
    of it is seen."""
    totals, counts = np.zeros(len(CHART_REGIONS) + 1), np.zeros(len(CHART_REGIONS) + 1)
    for one, owner in zip(values, owners, strict=True):
        counts += np.bincount(owner, minlength=len(counts))
        totals += np.bincount(owner, weights=one, minlength=len(counts))
    means = {}
    for part, names in PARTS.items():
        mine = [1 + i for i, name in enumerate(CHART_REGIONS) if name.split("_", 1)[1] in names]
        seen = counts[mine].sum()
        means[part] = float(totals[mine].sum() / seen) if seen > _LEAST_PART_MM2 * px_per_mm**2 else np.nan
    return means


def _cells(spots: Sequence[Spots], skins: Sequence[NDArray[np.bool_]], px_per_mm: float) -> float:
    """Share of the side's cells of 10 mm that hold any spot, of those that are mostly skin."""
    step = _CELL_MM * px_per_mm
    held = cells = 0
    for one, skin in zip(spots, skins, strict=True):
        size = max(1, round(skin.shape[1] / step)), max(1, round(skin.shape[0] / step))
        spots_at = np.zeros(skin.shape, np.float32)
        spots_at.ravel()[one.places] = 1
        spotted, covered = (
            cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
            for mask in (spots_at, skin.astype(np.float32))
        )
        held += int(((spotted > 0.01) & (covered > 0.4)).sum())
        cells += int((covered > 0.4).sum())
    return held / cells if cells else 0.0


def _spacing(spots: Sequence[Spots], area_mm2: float, px_per_mm: float) -> float:
    """The nearest-neighbour index of the spots' centres (Clark and Evans 1954): under 1 clustered; 1 for fewer than
    two."""
    from scipy.spatial import cKDTree

    centres, offset = [], 0.0
    for one in spots:
        counts = np.bincount(one.labels)
        present = counts > 0
        row, column = np.divmod(one.places, one.shape[1])
        sums = np.column_stack([np.bincount(one.labels, weights=at)[present] for at in (row, column)])
        # Pictures lie far from each other, so that no spot is another picture's neighbour.
        centres.append(sums / counts[present, None] / px_per_mm + [0, offset])
        offset += 1e4
    places = np.concatenate(centres)
    if len(places) < 2:
        return 1.0
    nearest = np.minimum(cKDTree(places).query(places, k=2)[0][:, 1], 100.0)
    return float(nearest.mean() / (0.5 / np.sqrt(len(places) / area_mm2)))
