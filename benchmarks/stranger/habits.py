"""How people's skin marks, by a hand that took no part in training: what kinds of spots, where, how many, what colour.

Lengths are millimetres, places millimetres across from the midline and down from the line of the eyes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from toolkit.phantom import geometry
from toolkit.phantom.optics import Float, smooth_noise

# Weights of freckles, sun spots, marks of inflammation, melasma and mottling.
ARCHETYPES: Final = {
    "freckled": (1, 0.2, 0.1, 0, 0.35),
    "solar": (0.45, 1, 0.1, 0.1, 0.55),
    "mottled": (0.35, 0.35, 0.1, 0.1, 1),
    "melasma": (0.2, 0.25, 0.1, 1, 0.4),
    "postinflammatory": (0.15, 0.3, 1, 0, 0.4),
    "mixed": (0.6, 0.6, 0.4, 0.35, 0.5),
}
# Hills of density: where across and down, how wide and how high.
_PLACES: Final = {
    "forehead": [(18, -50, 20, 14), (40, -40, 14, 14)],
    "temple": [(58, -12, 9, 16)],
    "malar": [(36, 30, 15, 10), (50, 22, 10, 12)],
    "nose": [(6, 28, 7, 18)],
    "lip": [(12, 58, 10, 5)],
    "lower cheek": [(45, 62, 14, 16)],
    "jaw": [(48, 82, 14, 8)],
    "chin": [(10, 95, 12, 9)],
    "ear side": [(64, 30, 7, 20)],
}
EVERYWHERE: Final = "all"  # the density everywhere, beside the hills
MELASMA: Final = {"malar": 1.5, "forehead": 0.9, "lip": 0.9, "jaw": 0.5, "temple": 0.0}
_FAVOURED: Final = {
    "freckled": {"malar": 1.3, "nose": 1.0},
    "postinflammatory": {"lower cheek": 1.0, "jaw": 0.8, "chin": 0.8},
}


@dataclass(frozen=True)
class Kind:
    """One kind of spot. ``count`` of them at severity 1, as severity ** ``power``; ``area`` (mm2) and ``od`` (green):
    median, and standard deviation of the logarithm; ``soft``: range of the rim's width relative to the radius;
    ``longest``: length by width; ``rough``: how the rim wanders; ``times`` and ``plus``: what becomes of densities."""

    count: int
    power: float
    area: tuple[float, float]
    od: tuple[float, float]
    soft: tuple[float, float]
    longest: float
    rough: float
    times: Mapping[str, float]
    plus: Mapping[str, float]


KINDS: Final = (
    Kind(600, 1.6, (1.6, 0.6), (0.105, 0.42), (0.25, 0.45), 1.7, 0.12, {}, {}),
    Kind(
        110, 1.5, (4.4, 0.75), (0.135, 0.42), (0.12, 0.28), 1.9, 0.17,
        {"temple": 1.6, "forehead": 1.3, EVERYWHERE: 1.3}, {},
    ),
    Kind(
        48, 1.3, (6.5, 0.55), (0.12, 0.35), (0.3, 0.55), 1.4, 0.08,
        {}, {"lower cheek": 0.5, "jaw": 0.4, "forehead": 0.1},
    ),
)  # fmt: skip
INFLAMED: Final = 2  # the kind of spot that has a colour of its own
_INFLAMED_COLOUR: Final = (0.66, 1.0, 1.38)


@dataclass(frozen=True, eq=False)
class Habit:
    """How one person's skin marks. ``weights`` (5,) as in ARCHETYPES; ``gain`` of OD, ``size`` of areas; ``places``:
    density of each hill and everywhere; ``colours`` (3, 3): OD in (R, G, B) for 1 of green of brown spots, of marks of
    inflammation and of broad pigment."""

    weights: NDArray[np.float64]
    gain: float
    size: float
    places: dict[str, float]
    colours: NDArray[np.float32]

    @classmethod
    def draw(cls, archetype: str, rng: np.random.Generator) -> Habit:
        """A random person of an archetype."""
        weights = np.array(ARCHETYPES[archetype]) * np.exp(rng.normal(0, 0.25, 5))
        gain, size = np.exp(rng.normal(0, (0.18, 0.2)))
        places = {name: rng.gamma(1.1) + 0.08 for name in _PLACES}
        places[EVERYWHERE] = rng.choice([0.08, 0.25, 0.8], p=[0.3, 0.4, 0.3])
        for name, more in _FAVOURED.get(archetype, {}).items():
            places[name] += more
        if archetype == "melasma":
            for name, more in MELASMA.items():
                places[name] += more * rng.uniform(0.2, 1)
        blue, red = np.clip(rng.normal((1.68, 0.58), (0.13, 0.06)), (1.42, 0.45), (1.95, 0.7))
        broad = np.clip(blue - 0.15 + rng.normal(0, 0.04), 1.35, 1.8)
        colours = np.array([(red, 1, blue), _INFLAMED_COLOUR, (0.6, 1, broad)], np.float32)
        return cls(weights, float(gain), float(size), places, colours)


def across_and_down(points: NDArray[np.float64], shape: tuple[int, ...], side: str) -> tuple[Float, Float]:
    """Where each pixel of a picture of ``shape`` (h, w) lies: millimetres from the midline, positive on ``side``, and down
    from the line of the eyes."""
    x, y = geometry.canonical_grid(points, (shape[0], shape[1]), 1)
    across = x if side == "left" else -x
    return across * np.float32(geometry.SPAN_MM), y * np.float32(geometry.SPAN_MM)


def density(across: Float, down: Float, places: Mapping[str, float]) -> Float:
    """How densely pigment lies at places (h, w): the hills of ``places``, and what is everywhere."""
    found = np.full(across.shape, places.get(EVERYWHERE, 0.0))
    for name, hills in _PLACES.items():
        for x, y, wide, high in hills if places.get(name) else ():
            hill = ((across - x) / wide) ** 2 + ((down - y) / high) ** 2
            found += places[name] * np.exp(-hill / 2)
    return found


def two_scales(rng: np.random.Generator, shape: tuple[int, ...], scale_px: float) -> Float:
    """Smooth noise (h, w) of deviation 1: of ``scale_px`` pixels, and half as much of .45 of that."""
    size = shape[0], shape[1]
    noise = smooth_noise(rng, size, scale_px) + 0.5 * smooth_noise(rng, size, 0.45 * scale_px)
    return noise / noise.std()
