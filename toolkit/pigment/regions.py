"""Threshold regions of interest: spots of pigment, and what only looks like them: moles, blood, shadow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

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

    @cached_property
    def _pixels(self) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        """The flat places of all regions' pixels, and the label of each: few of a picture's pixels are in a region."""
        places = np.flatnonzero(self.labels > 0)
        return places, self.labels.ravel()[places]

    def pixels(self, kind: str) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        """Flat places (n,) of the pixels of a kind of regions, and the label of each."""
        places, labels = self._pixels
        wanted = (self.kind == kind)[labels - 1]
        return places[wanted], labels[wanted]

    def mask(self, kind: str) -> NDArray[np.bool_]:
        """(h, w) bool: where regions of a kind lie."""
        inside = np.zeros(self.labels.shape, np.bool_)
        inside.ravel()[self.pixels(kind)[0]] = True
        return inside

    def within(self, view: tuple[slice, slice]) -> Regions:
        """What of the regions lies in a rectangle; areas stay those of the whole regions."""
        labels = np.ascontiguousarray(self.labels[view])
        places = np.flatnonzero(labels > 0)
        found, own = np.unique(labels.ravel()[places], return_inverse=True)
        labels.ravel()[places] = own + 1
        return Regions(labels, self.kind[found - 1], self.area_mm2[found - 1])

    def only(self, kind: str) -> NDArray[np.int32]:
        """(h, w) int32: the labels of one kind, 0 elsewhere."""
        only = np.zeros_like(self.labels)
        places, labels = self.pixels(kind)
        only.ravel()[places] = labels
        return only


def find_regions(maps: PigmentMaps, settings: PigmentSettings) -> Regions:
    """All regions that are darker than the skin around them, told apart by colour, contrast and size.

    Spots: hysteresis on the melanin deviation in robust standard deviations, where darkness also exceeds
    ``min_deviation_od``. Moles: far darker than mottled pigment, and small. What is dark without being brown
    is found on the darkness map. The blurred rim that a region leaves outside its own threshold belongs to
    it. Regions under ``min_spot_mm2`` are dropped.
    """
    moles = _moles(maps, settings)
    dark = maps.darkness
    if moles.any():
        dark = np.where(cv2.dilate((moles > 0).astype(np.uint8), np.ones((3, 3), np.uint8)), 0, dark)
    unit = _unit(maps.melanin, maps, settings)
    shows = dark > settings.min_deviation_od
    brown = _hysteresis(
        shows & (maps.melanin > settings.hysteresis_low * unit),
        maps.melanin > settings.hysteresis_high * unit,
    )
    unit = _unit(maps.darkness, maps, settings)
    other = _hysteresis(
        (dark > settings.dark_low * unit) & (brown == 0), dark > settings.dark_high * unit
    )  # fmt: skip
    labels = moles
    for weaker in (brown, other):
        labels = _joined(labels, weaker, maps, settings)
    kind = _kinds(labels, maps, settings)
    kind[: moles.max()] = MOLE
    return _kept(labels, kind, maps, settings)


def _kept(
    labels: NDArray[np.int32], kind: NDArray[np.str_], maps: PigmentMaps, settings: PigmentSettings
) -> Regions:
    """Regions that are large enough and of a kind, numbered anew."""
    pixel = 1 / maps.px_per_mm**2
    places = np.flatnonzero(labels > 0)
    own = labels.ravel()[places]
    counts = np.bincount(own, minlength=len(kind) + 1)[1:]
    keep = (counts * pixel >= settings.min_spot_mm2) & (kind != "")
    number = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    labels = np.zeros_like(labels)
    labels.ravel()[places] = number[own - 1]
    return Regions(labels, kind[keep], _half_height_areas(labels, maps) * pixel)


def _unit(values: NDArray[np.float32], maps: PigmentMaps, settings: PigmentSettings) -> float:
    return max(lower_scale(maps.on_skin(values)), settings.min_scale_od)


def _hysteresis(over_low: NDArray[np.bool_], over_high: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Labels of the 8-connected pieces of one mask that reach into the other."""
    count, labels = cv2.connectedComponents(over_low.view(np.uint8), connectivity=8)
    reached = np.zeros(count, np.bool_)
    reached[labels[over_high]] = True
    reached[0] = False
    number = np.where(reached, np.cumsum(reached), 0).astype(np.int32)
    places = np.flatnonzero(over_low)
    labels.ravel()[places] = number[labels.ravel()[places]]
    return np.asarray(labels, np.int32)


def _joined(
    found: NDArray[np.int32], weaker: NDArray[np.int32], maps: PigmentMaps, settings: PigmentSettings
) -> NDArray[np.int32]:
    """Labels of ``found`` and then of ``weaker``. A weaker piece that lies mostly within the blurred rim of a
    region found before is no region of its own: it takes that region's number."""
    inside = np.flatnonzero(weaker > 0)
    if not len(inside) or not found.any():
        return weaker if len(inside) else found
    rim_px = max(1, round(_RIM_SIGMAS * settings.smooth_mm * maps.px_per_mm))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim_px + 1, 2 * rim_px + 1))
    pieces = weaker.ravel()[inside]
    number: Any = found.astype(np.uint16 if found.max() < 1 << 16 else np.float32)
    near = cv2.dilate(number, disc).ravel()[inside].astype(np.int32)
    counts = np.bincount(pieces)
    own = np.bincount(pieces, weights=near > 0) <= counts / 2
    own[:1] = False
    owner = np.zeros(len(counts), np.int32)
    np.maximum.at(owner, pieces, near)
    numbers = np.where(own, found.max() + np.cumsum(own), owner).astype(np.int32)
    joined = found.copy()
    joined.ravel()[inside] = numbers[pieces]
    return joined


def _moles(maps: PigmentMaps, settings: PigmentSettings) -> NDArray[np.int32]:
    """Labels of small round pieces far darker than mottled pigment, away from the edge of the skin: what
    touches the edge is rather hair or a fold."""
    found = np.zeros(maps.skin.shape, np.int32)
    over_high = maps.darkness > settings.mole_od
    if not over_high.any():
        return found
    labels = _hysteresis(maps.darkness > settings.mole_od / 2, over_high)
    inner = cv2.erode(maps.skin.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0)
    most = settings.mole_mm2 * maps.px_per_mm**2
    places = np.flatnonzero(labels > 0)
    order = np.argsort(labels.ravel()[places], kind="stable")
    pieces = np.split(places[order], np.cumsum(np.bincount(labels.ravel()[places])[1:])[:-1])
    for piece in pieces:
        if len(piece) > most or not inner.ravel()[piece].all():
            continue
        rows, columns = np.divmod(piece, labels.shape[1])
        radius = cv2.minEnclosingCircle(np.column_stack([columns, rows]).astype(np.int32))[1] + 0.5
        if len(piece) >= settings.mole_roundness * np.pi * radius**2:
            found.ravel()[piece] = found.max() + 1
    return found


def _kinds(labels: NDArray[np.int32], maps: PigmentMaps, settings: PigmentSettings) -> NDArray[np.str_]:
    """Kind of each region by the ratios of what it adds in melanin, blood and darkness; "" for a bluish one."""
    inside, size = np.flatnonzero(labels > 0), int(labels.max()) + 1
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
    flat, count = labels.ravel(), int(labels.max(initial=0))
    inside = np.flatnonzero(flat > 0)
    own, dark = flat[inside] - 1, maps.darkness.ravel()[inside]
    peak = np.zeros(count, np.float32)
    np.maximum.at(peak, own, dark)
    return np.bincount(own[dark >= peak[own] / 2], minlength=count).astype(np.float64)


def spots(maps: PigmentMaps, settings: PigmentSettings) -> NDArray[np.int32]:
    """(h, w) int32 labels of the pigmented spots alone, 0 elsewhere: see ``find_regions``."""
    return find_regions(maps, settings).only(PIGMENT)
