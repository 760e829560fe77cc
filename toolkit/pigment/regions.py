"""Threshold regions of interest: spots of pigment, and what only looks like them: moles, blood, shadow."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.pigment.maps import lower_scale
from toolkit.records import PigmentMaps
from toolkit.settings import PigmentSettings

PIGMENT, MOLE, BLOOD, SHADOW = "pigment", "mole", "blood", "shadow"
_RIM_SIGMAS = 2.5  # of the smoothing: how far a region's blurred edge reaches beyond it


@dataclass(frozen=True, eq=False)
class Regions:
    """Dark regions of a patch. Region i carries the number i + 1 in ``labels`` (h, w) int32, 0 is plain skin.

    ``kind`` (n,) str: "pigment", "mole", "blood" or "shadow". ``area_mm2`` (n,) float64: the area over half
    of the region's own peak, so that the same spot measures the same however faint it is.
    """

    labels: NDArray[np.int32]
    kind: NDArray[np.str_]
    area_mm2: NDArray[np.float64]

    def mask(self, kind: str) -> NDArray[np.bool_]:
        """(h, w) bool: where regions of a kind lie."""
        return np.concatenate([[False], self.kind == kind])[self.labels]

    def within(self, view: tuple[slice, slice]) -> Regions:
        """What of the regions lies in a rectangle; areas stay those of the whole regions."""
        labels = self.labels[view]
        inside = np.zeros(len(self.kind) + 1, np.bool_)
        inside[labels.ravel()] = True
        inside[0] = False
        number = np.where(inside, np.cumsum(inside), 0).astype(np.int32)
        return Regions(number[labels], self.kind[inside[1:]], self.area_mm2[inside[1:]])

    def only(self, kind: str) -> NDArray[np.int32]:
        """(h, w) int32: the labels of one kind, 0 elsewhere."""
        return np.where(self.mask(kind), self.labels, 0)


def find_regions(maps: PigmentMaps, settings: PigmentSettings) -> Regions:
    """All regions that are darker than the skin around them, told apart by colour, contrast and size.

    Spots: hysteresis on the melanin deviation in robust standard deviations, where darkness also exceeds
    ``min_deviation_od``. Moles: far darker than mottled pigment, and small. What is dark without being brown
    is found on the darkness map. The blurred rim that a region leaves outside its own threshold belongs to
    it. Regions under ``min_spot_mm2`` are dropped.
    """
    pixel = 1 / maps.px_per_mm**2
    moles = _moles(maps, settings)
    taken = cv2.dilate((moles > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    dark = np.where(maps.skin & ~taken, maps.darkness, 0)
    z = np.where(dark > settings.min_deviation_od, maps.melanin, 0) / _unit(maps.melanin, maps, settings)
    brown = _hysteresis(z, settings.hysteresis_low, settings.hysteresis_high)
    dark = np.where(brown > 0, 0, dark) / _unit(maps.darkness, maps, settings)
    other = _hysteresis(dark, settings.dark_low, settings.dark_high)

    labels = moles
    for weaker in (brown, other):
        labels = _joined(labels, weaker, maps, settings)
    kind = _kinds(labels, maps, settings)
    kind[: moles.max()] = MOLE
    counts = np.bincount(labels.ravel(), minlength=labels.max() + 1)[1:]
    keep = (counts * pixel >= settings.min_spot_mm2) & (kind != "")
    renumber = np.concatenate([[0], np.where(keep, np.cumsum(keep), 0)]).astype(np.int32)
    labels = renumber[labels]
    return Regions(labels, kind[keep], _half_height_areas(labels, maps) * pixel)


def _unit(values: NDArray[np.float32], maps: PigmentMaps, settings: PigmentSettings) -> float:
    return max(lower_scale(maps.on_skin(values)), settings.min_scale_od)


def _hysteresis(z: NDArray, low: float, high: float) -> NDArray[np.int32]:
    """Labels of the 8-connected pieces of z > ``low`` that reach over ``high``."""
    _, labels = cv2.connectedComponents((z > low).astype(np.uint8), connectivity=8)
    reached = np.zeros(int(labels.max()) + 1, bool)
    reached[labels[z > high]] = True
    reached[0] = False
    renumber = np.where(reached, np.cumsum(reached), 0).astype(np.int32)
    return renumber[labels]


def _joined(
    found: NDArray[np.int32], weaker: NDArray[np.int32], maps: PigmentMaps, settings: PigmentSettings
) -> NDArray[np.int32]:
    """Labels of ``found`` and then of ``weaker``. A weaker piece that lies mostly within the blurred rim of a
    region found before is no region of its own: it takes that region's number."""
    rim_px = max(1, round(_RIM_SIGMAS * settings.smooth_mm * maps.px_per_mm))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim_px + 1, 2 * rim_px + 1))
    inside = np.flatnonzero(weaker)
    pieces = weaker.ravel()[inside]
    near = cv2.dilate(found.astype(np.float32), disc).astype(np.int32).ravel()[inside]
    counts = np.bincount(pieces)
    own = np.bincount(pieces, weights=near > 0) <= counts / 2
    own[:1] = False
    owner = np.zeros(len(counts), np.int32)
    np.maximum.at(owner, pieces, near)
    number = np.where(own, found.max() + np.cumsum(own), owner).astype(np.int32)
    joined = found.copy()
    joined.ravel()[inside] = number[pieces]
    return joined


def _moles(maps: PigmentMaps, settings: PigmentSettings) -> NDArray[np.int32]:
    """Labels of small round pieces far darker than mottled pigment, away from the edge of the skin: what
    touches the edge is rather hair or a fold."""
    labels = _hysteresis(maps.darkness, settings.mole_od / 2, settings.mole_od)
    inner = cv2.erode(maps.skin.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0)
    most = settings.mole_mm2 * maps.px_per_mm**2
    found = np.zeros_like(labels)
    for number in range(1, int(labels.max()) + 1):
        piece = labels == number
        pixels = cv2.findNonZero(piece.astype(np.uint8))
        radius = cv2.minEnclosingCircle(pixels)[1] + 0.5
        round_ = len(pixels) >= settings.mole_roundness * np.pi * radius**2
        if len(pixels) <= most and round_ and inner[piece].all():
            found[piece] = found.max() + 1
    return found


def _kinds(labels: NDArray[np.int32], maps: PigmentMaps, settings: PigmentSettings) -> NDArray[np.str_]:
    """Kind of each region by the ratios of what it adds in melanin, blood and darkness; "" for a bluish one."""
    inside, size = np.flatnonzero(labels), int(labels.max()) + 1
    pieces = labels.ravel()[inside]
    melanin, darkness, erythema = (
        np.bincount(pieces, weights=values.ravel()[inside], minlength=size)[1:]
        for values in (maps.melanin, maps.darkness, maps.erythema)
    )
    redness = erythema / np.maximum(darkness, 1e-6)
    brownness = melanin / np.maximum(darkness, 1e-6)
    kind = np.where(brownness > 0, PIGMENT, "").astype("<U7")
    kind[(redness > 0.5) & (brownness < 0.4)] = BLOOD
    kind[(redness < 0.2) & (np.abs(brownness) < 0.12)] = SHADOW
    return kind


def _half_height_areas(labels: NDArray[np.int32], maps: PigmentMaps) -> NDArray[np.float64]:
    """Pixels (n,) of each region over half of its own darkest deviation."""
    flat, count = labels.ravel(), int(labels.max())
    inside = np.flatnonzero(flat)
    own, dark = flat[inside] - 1, maps.darkness.ravel()[inside]
    peak = np.zeros(count, np.float32)
    np.maximum.at(peak, own, dark)
    return np.bincount(own[dark >= peak[own] / 2], minlength=count).astype(np.float64)


def spots(maps: PigmentMaps, settings: PigmentSettings) -> NDArray[np.int32]:
    """(h, w) int32 labels of the pigmented spots alone, 0 elsewhere: see ``find_regions``."""
    return find_regions(maps, settings).only(PIGMENT)
