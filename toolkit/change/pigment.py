"""What became of the pigment between two visits: each spot gone, fainter, same, darker or new, and how much skin that is.

Where spots are, the network's predicted map says, at either visit. What became of one, the darkness of its skin against
the skin around says: it is linear in pigment, where the predicted map drops to nothing at a threshold. With
``change_limit`` 97 % of 5800 spots of the same pigment in two sessions are called the same, and of spots that kept under
30 % of their pigment 97 % gone or fainter, of 30 to 60 % 71 %, of 60 to 80 % 32 % (90 phantoms, drawn and painted on
photographs; ``python -m benchmarks.change --spots``). What differs less is called the same: two photographs cannot tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.change.register import Mask, Registration, warped
from toolkit.pigment import components, deviations, predicted_spots
from toolkit.records import FaceChart
from toolkit.settings import PigmentSettings

KINDS = ("gone", "fainter", "same", "darker", "new")
_LEAST_SPOTS_MM2 = 20.0
_LIMIT_OD, _LIMIT_OF_SMALL = 0.026, 0.015  # the second falls with the root of a spot's area in mm2

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class VisitChart:
    """A chart and what the network predicted on it: ``pigment`` (h, w) float32, added green OD, 0 off the skin."""

    chart: FaceChart
    pigment: Array


@dataclass(frozen=True, eq=False)
class SpotChanges:
    """``labels`` (h, w) int32 on the baseline chart: 1 + a spot's place in ``kinds`` (n,), places in KINDS, and in
    ``areas_mm2`` (n,). ``common`` (h, w) bool: the skin that both show; ``baseline_od`` and ``later_od``: predicted
    pigment on it, mean green OD. ``difference`` (h, w) float32: by how much OD the skin is darker against the skin around
    than at baseline, 0 where not both show it. ``darkness_change``: by which share the spots, all together, are darker against the skin
    around than at baseline; None where they cover too little skin. Of the same pigment in two sessions its standard
    deviation was 0.09 (phantoms), that of the predicted pigment's 0.24: it tells a change sooner."""

    labels: NDArray[np.int32]
    kinds: NDArray[np.int64]
    areas_mm2: NDArray[np.float64]
    common: Mask
    baseline_od: float
    later_od: float
    darkness_change: float | None
    difference: Array

    def mask(self, kind: str) -> Mask:
        """(h, w): the spots of a kind."""
        chosen = np.concatenate([[False], self.kinds == KINDS.index(kind)])
        return np.asarray(chosen[self.labels])


def change_limit(areas_mm2: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how much a spot's darkness (n,), OD, may differ between two photographs of the same pigment."""
    return _LIMIT_OD + _LIMIT_OF_SMALL / np.sqrt(np.maximum(areas_mm2, 0.25))


def compare_spots(
    baseline: VisitChart, later: VisitChart, registration: Registration, settings: PigmentSettings
) -> SpotChanges:
    """A spot is a connected piece of what either visit's predicted map holds for one, on skin that both show."""
    places = registration.places(baseline.chart, later.chart)
    common = registration.valid(baseline.chart, later.chart)
    scale = baseline.chart.px_per_mm
    maps = baseline.pigment, warped(later.pigment, places)
    darkness = _darkness(baseline.chart, settings), warped(_darkness(later.chart, settings), places)
    seen = [predicted_spots(one, common, scale)[0] > 0 for one in maps]
    _, found = cv2.connectedComponents((seen[0] | seen[1]).astype(np.uint8), connectivity=8)
    labels = np.asarray(found, np.int32)
    pixels = np.bincount(labels.ravel())
    mean_of = [_mean_in(labels, one, pixels) for one in (*seen, *maps, *darkness)]
    areas = pixels[1:] / scale**2
    kinds = _kinds(mean_of, change_limit(areas))
    levels = [float(one[common].mean()) if common.any() else 0.0 for one in maps]
    total, total_later = (float((mean_of[n] * areas).sum()) for n in (4, 5))
    known = areas.sum() >= _LEAST_SPOTS_MM2 and total > 0
    change = total_later / total - 1 if known else None
    difference = np.where(common, darkness[1] - darkness[0], 0).astype(np.float32)
    return SpotChanges(
        labels, kinds, areas, common, levels[0], levels[1], darkness_change=change, difference=difference
    )


def _darkness(chart: FaceChart, settings: PigmentSettings) -> Array:
    return deviations(components(chart, settings), chart, settings.fine_background_mm).darkness


def _mean_in(labels: NDArray[np.int32], values: NDArray, pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean (n,) over each spot."""
    total = np.bincount(labels.ravel(), weights=values.ravel().astype(np.float64), minlength=len(pixels))
    return total[1:] / np.maximum(pixels[1:], 1)


def _kinds(mean_of: list[NDArray[np.float64]], limit: NDArray[np.float64]) -> NDArray[np.int64]:
    """The place in KINDS (n,) of each spot. Only what both the darkness and the predicted map call more, or less, is."""
    was, still, first, second, dark, dark_later = mean_of
    change = dark_later - dark
    more = (change > limit) & (second > first)
    less = (change < -limit) & (second < first)
    kinds = np.full(len(was), KINDS.index("same"))
    kinds[less] = np.where(still[less] > 0, KINDS.index("fainter"), KINDS.index("gone"))
    kinds[more] = np.where(was[more] > 0, KINDS.index("darker"), KINDS.index("new"))
    return kinds
