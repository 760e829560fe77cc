"""A photograph ready to be graded, and what the network sees of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.colours import level_counts
from toolkit.patches import region_window
from toolkit.pigment import (
    MAP_COLUMNS,
    NET_COLUMNS,
    Skin,
    learnt_table,
    map_figures,
    map_skin,
    measure_window,
    patch_features,
    side_features,
    side_figures,
)
from toolkit.records import FaceChart, FacePatches, PhotoFacts, Quality, Window
from toolkit.settings import Settings
from toolkit.siamese import Encoder, encoder_input

_USUAL_POWER = 0.065  # of a map, OD^2/3
_USUAL_ITA = 35.0


@dataclass(frozen=True, eq=False)
class TrunkOutput:
    """What a trunk sees of m photos with n patches: ``pooled`` (n, p) float32 for the head, ``figures`` (n, q) of the
    map on each patch and ``sides`` (m, s) of each photo's, a row of NET_COLUMNS; the predicted ``maps`` of pigment, one a
    picture."""

    pooled: NDArray[np.float32]
    figures: NDArray[np.float64]
    sides: NDArray[np.float64]
    maps: tuple[NDArray[np.float32], ...]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A photograph ready to be graded: one row of ``features`` a patch and one of its ``side``; ``inputs``, what the
    network looks at: the chart, or each patch where there is no chart; ``parts``, one (h, w) uint8 an input as
    ``FaceChart.regions``; ``windows``, where each patch lies on them. ``trunk_output``: of a trunk that has looked
    at it already.

    ``error`` says why there is nothing, when the photo could not be used. ``known_facts``: who is on it, None
    where nobody has told.
    """

    name: str
    face: FacePatches | None = None
    features: tuple[Mapping[str, float], ...] = ()
    inputs: tuple[NDArray[np.float16], ...] = ()
    quality: Quality | None = None
    error: str = ""
    trunk_output: TrunkOutput | None = None
    side: Mapping[str, float] | None = None
    parts: tuple[NDArray[np.uint8], ...] = ()
    windows: tuple[Window, ...] = ()
    known_facts: PhotoFacts | None = None

    @property
    def facts(self) -> PhotoFacts:
        """Who is on the photograph; one of whom nothing is known is a subject of its own."""
        return self.known_facts or PhotoFacts(self.name)

    @property
    def tone(self) -> float:
        """The skin's ITA, degrees."""
        return float((self.side or {}).get("ita_deg", _USUAL_ITA))

    def patch_inputs(self) -> list[NDArray[np.float16]]:
        """The network's view of each patch alone."""
        return [window.cut(self.inputs[window.picture]) for window in self.windows]


def prepare(
    face: FacePatches, settings: Settings, quality: Quality | None = None, every_figure: bool = False
) -> Prepared:
    """Chart and patches -> pigment features of both, and the network's input; ``every_figure``: also those features of
    patches that no grade is made of or shown with."""
    if not face.patches:
        reasons = "; ".join(f"{region}: {reason}" for region, reason in face.dropped.items())
        error = "; ".join((*face.notes, f"no patch holds enough skin ({reasons})"))
        return Prepared(face.name, face, known_facts=face.facts, error=error)
    prepared = (
        _of_patches(face, settings, every_figure)
        if face.chart is None
        else _of_chart(face, face.chart, settings, every_figure)
    )
    return replace(prepared, quality=quality, known_facts=face.facts)


def _of_chart(face: FacePatches, chart: FaceChart, settings: Settings, every_figure: bool) -> Prepared:
    """Maps once, on the chart; patches are windows on them."""
    maps = map_skin(chart, settings.pigment, every_figure)
    windows = [region_window(chart, patch.region, settings.patch) for patch in face.patches]
    rows = tuple(
        measure_window(patch, window, maps, settings.pigment)
        for patch, window in zip(face.patches, windows, strict=True)
    )
    (above, below), (left, right) = maps.near.margins
    high, wide = chart.skin.shape
    parts = chart.regions[above : high - below, left : wide - right]
    side = side_features([Skin(maps, parts, level_counts(chart.pixels, chart.skin))])
    picture = encoder_input(maps.wide, maps.components, settings.encoder)
    small: Any = cv2.resize(chart.regions, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return Prepared(
        face.name,
        face,
        rows,
        (picture,),
        side=side,
        parts=(small,),
        windows=tuple(_scaled(window, settings.encoder.px_per_mm / chart.px_per_mm) for window in windows),
    )


def _scaled(window: Window, scale: float) -> Window:
    top, left, height, width = (
        round(value * scale) for value in (window.top, window.left, window.height, window.width)
    )
    return Window(window.picture, top, left, height, width)


def _of_patches(face: FacePatches, settings: Settings, every_figure: bool) -> Prepared:
    """Patches that came without their chart: each is a picture of its own, and all their skin is the side."""
    rows, inputs, skins = [], [], []
    for patch in face.patches:
        found = map_skin(patch, settings.pigment, every_figure)
        rows.append(patch_features(patch, found, settings.pigment))
        inputs.append(encoder_input(found.wide, found.components, settings.encoder))
        nowhere = np.zeros(found.near.skin.shape, np.uint8)
        skins.append(Skin(found, nowhere, level_counts(patch.pixels, patch.skin)))
    return Prepared(
        face.name,
        face,
        tuple(rows),
        tuple(inputs),
        side=side_features(skins),
        parts=tuple(np.zeros(picture.shape[:2], np.uint8) for picture in inputs),
        windows=tuple(Window(n, 0, 0, *picture.shape[:2]) for n, picture in enumerate(inputs)),
    )


def through_trunk(encoder: Encoder, photos: Sequence[Prepared]) -> TrunkOutput:
    """Photographs through the trunk, each picture once."""
    pictures = [picture for photo in photos for picture in photo.inputs]
    firsts = np.cumsum([0, *(len(photo.inputs) for photo in photos)]).tolist()
    windows = [
        replace(window, picture=window.picture + first)
        for photo, first in zip(photos, firsts, strict=False)
        for window in photo.windows
    ]
    pooled, maps = encoder.look_through(pictures, windows)
    skins = [picture[..., -1] > 0.5 for picture in pictures]
    parts = [one for photo in photos for one in photo.parts]
    scale = encoder.settings.px_per_mm
    shown = [(maps[window.picture], skins[window.picture], parts[window.picture]) for window in windows]
    cuts = [tuple(window.cut(one) for one in of) for window, of in zip(windows, shown, strict=True)]
    figures = learnt_table([own for own, _, _ in cuts], [skin for _, skin, _ in cuts], scale)
    by_window = np.array([map_figures(own, skin, part, scale) for own, skin, part in cuts])
    by_window = by_window.reshape(len(windows), len(MAP_COLUMNS))
    tones = np.array([photo.tone for photo in photos for _ in photo.windows])
    figures[:, -1] = _severity(encoder, by_window, tones)
    sides = np.zeros((len(photos), len(NET_COLUMNS)))
    for row, (photo, first) in enumerate(zip(photos, firsts, strict=False)):
        mine = range(first, first + len(photo.inputs))
        if mine:
            sides[row] = side_figures([maps[n] for n in mine], [(skins[n], parts[n]) for n in mine], scale)
    tones = np.array([photo.tone for photo in photos])
    sides[:, -1] = _severity(encoder, sides[:, : len(MAP_COLUMNS)], tones)
    return TrunkOutput(pooled, figures, sides, maps)


def severity_inputs_of(encoder: Encoder, photos: Sequence[Prepared]) -> NDArray[np.float32]:
    """What the severity of each photograph's side is told from, (n, q)."""
    outputs = [through_trunk(encoder, [photo]) for photo in photos]
    tones = np.array([photo.tone for photo in photos])
    sides = np.concatenate([one.sides for one in outputs])[:, : len(MAP_COLUMNS)]
    return severity_inputs(sides, tones)


def _severity(encoder: Encoder, figures: NDArray, tones: NDArray) -> NDArray[np.float64]:
    """How severe n sides or patches look: x of which 9 (1 - exp(-x)) is the grade on the phantoms' scale. A trunk that was
    not taught by phantoms knows no severity: there x is the mean power of its map, over the usual scale."""
    if encoder.severity is None:
        return figures[:, MAP_COLUMNS.index("net_core_power")] / _USUAL_POWER
    return encoder.severity.figures(severity_inputs(figures, tones))


def severity_inputs(figures: NDArray, tones: NDArray) -> NDArray[np.float32]:
    """What severity is told from, (n, q): roots of the map's figures (n, len(MAP_COLUMNS)), and skin tones (n,), ITA in
    degrees."""
    return np.column_stack([np.sqrt(np.maximum(figures, 0)), tones / 50]).astype(np.float32)
