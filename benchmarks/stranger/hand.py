"""What a hand that took no part in training paints: its own spots, mottling, patches, places and colours.

One side of a face is one list of spots in the order in which they come, and two fields of broad pigment. A severity
says how much of all that is there: more of it adds spots and deepens and spreads what is there already. Nothing here is
shared with the painters of ``toolkit.phantom``.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.stranger.habits import (
    EVERYWHERE,
    INFLAMED,
    KINDS,
    MELASMA,
    Habit,
    across_and_down,
    density,
    two_scales,
)
from toolkit.phantom import Canvas, geometry
from toolkit.phantom.optics import Float

MOST: Final = 2.35  # severity beyond which nothing more comes
_LISTED: Final = 2.4  # severity up to which spots are listed
_SOFT_MM: Final = 0.6  # over which paint ends at the skin's rim
_OVER_MIDLINE_MM: Final = 4.0  # painted beyond it, as the half face may be cut a little askew


@dataclass(frozen=True, eq=False)
class Spots:
    """Spots in the order in which they come, arrays (n,): ``onset`` the severity from which each is there, ``kind`` its
    place in KINDS, ``x`` and ``y`` pixels of the canvas, ``area`` mm2, ``od`` green, ``soft``, ``length`` and ``seed`` of
    its shape."""

    onset: NDArray[np.float64]
    kind: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    area: NDArray[np.float64]
    od: NDArray[np.float64]
    soft: NDArray[np.float64]
    length: NDArray[np.float64]
    seed: NDArray[np.int64]


class Painting:
    """All that this hand would paint on one ``side`` ("left" or "right") of a canvas for one ``archetype``."""

    def __init__(self, canvas: Canvas, side: str, archetype: str, rng: np.random.Generator) -> None:
        person, places, spots, broad = rng.spawn(4)
        self.canvas, self.side, self.habit = canvas, side, Habit.draw(archetype, person)
        self.across, self.down = across_and_down(canvas.points, canvas.skin.shape, side)
        self.skin: NDArray[np.bool_] = (canvas.skin > 0.5) & (self.across > -_OVER_MIDLINE_MM)
        whole = self.skin.astype(np.float32)
        self._soft = cv2.GaussianBlur(whole, (0, 0), max(_SOFT_MM * canvas.px_per_mm, 0.5)) * whole
        own = {name: much * np.exp(places.normal(0, 0.2)) for name, much in self.habit.places.items()}
        self.spots = self._listed(own, spots)
        self._shapes: dict[int, Float] = {}
        self._mottling(own, broad)
        self._melasma(own, broad)

    def light(self, layers: Float) -> Float:
        """The canvas's linear light (H, W, 3) under ``layers`` (3, H, W) of green OD."""
        return self.canvas.light * np.exp(-np.tensordot(layers, self.habit.colours, (0, 0)))

    def layers(
        self, severity: float, kept: Container[int] | None = None, gate: Float | None = None
    ) -> tuple[Float, NDArray[np.intp]]:
        """Green OD (3, H, W) of brown spots, marks of inflammation and broad pigment, and which spots are there, as
        places in ``spots``. ``kept``: only these of them; ``gate`` (H, W) 0-1: what is left of the broad pigment."""
        layers = np.zeros((3, *self.skin.shape), np.float32)
        there = np.flatnonzero(self.spots.onset < severity)
        if kept is not None:
            there = np.array([index for index in there if index in kept], np.intp)
        strength = 0.72 + 0.36 * min(severity, 1.6)
        for index in there:
            come = min(1.0, 0.55 + (severity - self.spots.onset[index]) / 0.25)
            layer = layers[int(self.spots.kind[index] == INFLAMED)]
            self._put(layer, int(index), float(self.spots.od[index] * strength * come))
        if severity > 0:
            layers[2] = self._broad(severity) * (1 if gate is None else gate)
        return layers * self._soft, there

    def _listed(self, own: Mapping[str, float], rng: np.random.Generator) -> Spots:
        """The spots that lie on the skin, of all kinds."""
        drawn = [self._of_kind(number, own, rng) for number in range(len(KINDS))]
        table = np.concatenate(drawn, axis=1)
        column, row = np.round(table[2:4]).astype(int)
        height, width = self.skin.shape
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        table, column, row = table[:, inside], column[inside], row[inside]
        table = table[:, self.skin[row, column]]
        onset, kind, x, y, area, od, soft, length, seed = table[:, np.argsort(table[0], kind="stable")]
        return Spots(onset, kind.astype(int), x, y, area, od, soft, length, seed.astype(int))

    def _of_kind(
        self, number: int, own: Mapping[str, float], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Spots of one kind as (9, n), in the order of the fields of ``Spots``."""
        kind, habit = KINDS[number], self.habit
        n = int(kind.count * habit.weights[number] * _LISTED**kind.power)
        densities = {name: own[name] * kind.times.get(name, 1) + kind.plus.get(name, 0) for name in own}
        across, down = np.meshgrid(np.arange(80.0), np.arange(-90.0, 115.0))
        chance = density(across, down, densities)
        chance = chance * np.exp(0.8 * two_scales(rng, chance.shape, 7))
        cell = rng.choice(chance.size, n, p=chance.ravel() / chance.sum())
        places = np.column_stack([across.ravel()[cell], down.ravel()[cell]]) + rng.uniform(-0.5, 0.5, (n, 2))
        sign = 1 if self.side == "left" else -1
        x, y = geometry.from_canonical(self.canvas.points, places * [sign, 1] / geometry.SPAN_MM).T
        expected = kind.count * max(habit.weights[number], 0.02)
        onset = ((np.arange(n) + rng.random(n)) / expected) ** (1 / kind.power)
        area = kind.area[0] * np.exp(rng.normal(0, kind.area[1], n)) * (0.6 + 0.65 * np.minimum(onset, 1.2))
        od = kind.od[0] * np.exp(rng.normal(0, kind.od[1], n)) * habit.gain * self._on_dark_skin()
        soft, length = rng.uniform(*kind.soft, n), rng.uniform(1, kind.longest, n)
        area = np.clip(area * habit.size, 0.4, 55)
        return np.stack(
            [onset, np.full(n, number), x, y, area, od, soft, length, rng.integers(1 << 30, size=n)]
        )

    def _on_dark_skin(self) -> float:
        """How much darker spots are on dark skin."""
        tone = float(np.median(-np.log(np.maximum(self.canvas.light[..., 1][self.skin], 1e-3))))
        return 1 + 0.25 * float(np.clip(tone - 0.9, 0, 1.5))

    def _put(self, layer: Float, index: int, od: float) -> None:
        """Lays one spot over what is there; where spots overlap the darker wins."""
        x, y = self.spots.x[index], self.spots.y[index]
        column, row = round(x), round(y)
        if index not in self._shapes:
            self._shapes[index] = shape_of(self.spots, index, self.canvas.px_per_mm)
        shape = self._shapes[index]
        left, top = column - len(shape) // 2, row - len(shape) // 2
        skip_y, skip_x = max(0, -top), max(0, -left)
        window = layer[top + skip_y : max(0, top + len(shape)), left + skip_x : max(0, left + len(shape))]
        part = shape[skip_y : skip_y + window.shape[0], skip_x : skip_x + window.shape[1]]
        np.maximum(window, part * np.float32(od), out=window)

    def _mottling(self, own: Mapping[str, float], rng: np.random.Generator) -> None:
        """The height whose top is mottled, and how much of it where."""
        unit, shape = self.canvas.px_per_mm, self.skin.shape
        hills = density(self.across, self.down, {**own, EVERYWHERE: own[EVERYWHERE] + 0.12})
        self._mottled = np.sqrt(np.clip(hills / np.percentile(hills[self.skin], 90), 0, 1.2))
        height = 0.6 * two_scales(rng, shape, 2.2 * unit) + 0.6 * two_scales(rng, shape, 5 * unit)
        self._mottles = height + 0.9 * (self._mottled - 0.6)

    def _melasma(self, own: Mapping[str, float], rng: np.random.Generator) -> None:
        """The height whose top is a reticulate patch, its places warped, and the patch's texture."""
        unit, shape = self.canvas.px_per_mm, self.skin.shape
        places = {name: own[name] * rng.uniform(0.2, 1) for name in MELASMA}
        places["malar"] += 0.5
        across, down = (axis + 4 * two_scales(rng, shape, 9 * unit) for axis in (self.across, self.down))
        hills = density(across, down, places)
        self._patches = hills / hills[self.skin].max() + 0.1 * two_scales(rng, shape, 4 * unit)
        self._net = np.clip(1 + 0.22 * two_scales(rng, shape, 1.6 * unit), 0.3, 1.6)

    def _broad(self, severity: float) -> Float:
        """Green OD (H, W) of mottling and of melasma, the darker of them."""
        melasma, mottling = self.habit.weights[3:]
        deep = self.habit.gain * (0.45 + 0.5 * severity)
        over = self._over(self._mottles, (0.02 + 0.42 * severity) * min(mottling, 1.3), 0.75) / 0.9
        broad = 0.11 * min(mottling, 1.4) ** 0.5 * deep * np.clip(over, 0, 1) * np.clip(self._mottled, 0.3, 1)
        if melasma > 0.02:
            over = self._over(self._patches, (0.03 + 0.42 * severity) * min(melasma, 1.2), 0.6) / 0.13
            broad = np.maximum(
                broad, 0.15 * min(melasma, 1.3) ** 0.5 * deep * np.clip(over, 0, 1) * self._net
            )
        return broad

    def _over(self, height: Float, share: float, most: float) -> Float:
        """How far ``height`` exceeds what covers a ``share`` of the skin, at most ``most``."""
        return height - np.quantile(height[self.skin], 1 - np.clip(share, 0, most))


def shape_of(spots: Spots, index: int, px_per_mm: float) -> Float:
    """One spot (n, n), n odd, 0 to about 1: an ellipse with a wandering rim about the pixel nearest its middle."""
    rng = np.random.default_rng(spots.seed[index])
    radius = np.sqrt(spots.area[index] / np.pi) * px_per_mm
    stretch, rough = np.sqrt(spots.length[index]), KINDS[spots.kind[index]].rough
    half, finer = int(np.ceil(radius * stretch * 1.7 + 2)), 3 if radius < 8 else 1
    axis = (np.arange((2 * half + 1) * finer) + 0.5) / finer - half - 0.5
    x, y = np.meshgrid(*(axis - (at - round(at)) for at in (spots.x[index], spots.y[index])))
    turn = rng.uniform(0, np.pi)
    long = (x * np.cos(turn) + y * np.sin(turn)) / (radius * stretch)
    short = (y * np.cos(turn) - x * np.sin(turn)) / (radius / stretch)
    angle, rim = np.arctan2(short, long), np.ones_like(x)
    for order in (2, 3, 4, 5, 7):
        wave = np.cos(order * angle + rng.uniform(0, 2 * np.pi))
        rim += rough / order**0.8 * rng.standard_normal() * wave
    out = (np.hypot(long, short) / np.clip(rim, 0.45, 1.6) - 1) / (0.55 * spots.soft[index])
    shape = (1 / (1 + np.exp(np.minimum(out, 50)))).astype(np.float32)
    return cv2.resize(shape, (2 * half + 1, 2 * half + 1), interpolation=cv2.INTER_AREA)
