"""Spots stamped one by one: discs with a wobbling rim, each with its size, contrast and place."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.phantom import optics
from toolkit.phantom.optics import Float

_STAMPS, _STAMP_PX = 48, 96


@dataclass(frozen=True)
class Kinds:
    """The mixture of lesions of one person; shares of the spots' number, but ``sheet`` of the load.

    Sizes, numbers and contrasts are those of spots on published clinical half faces with grades 3 and 6.
    """

    freckles: float = 0.4  # median 1.0 mm
    lentigines: float = 0.55  # lognormal, median 1.8 mm
    patches: float = 0.05  # median 5 mm, fainter
    sheet: float = 0.2  # melasma: broad fields on cheeks, forehead and upper lip
    flecks: float = 0.3  # whitish spots between, at severe grades (number relative to full severity)
    contrast: float = 0.15  # median green OD of a lentigo
    size: float = 1.0  # factor of all diameters
    edge: float = 0.12  # width of a spot's edge relative to its diameter
    clustering: float = 0.6
    field_mm: float = 14.0  # size of the clusters

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Kinds:
        """A random person's mixture."""
        freckles, lentigines, patches = rng.dirichlet([2.5, 4.0, 0.35])
        sheet = rng.uniform(0.2, 0.5) if rng.random() < 0.35 else 0.0
        return cls(
            float(freckles), float(lentigines), float(patches), float(sheet),
            flecks=float(rng.uniform(0, 1) if rng.random() < 0.5 else 0.0),
            contrast=float(np.clip(0.15 * np.exp(0.4 * rng.standard_normal()), 0.07, 0.35)),
            size=float(np.clip(np.exp(0.25 * rng.standard_normal()), 0.65, 1.6)),
            edge=float(rng.uniform(0.09, 0.22)), clustering=float(rng.uniform(0, 1.2)),
            field_mm=float(rng.uniform(8, 20)),
        )  # fmt: skip


@functools.cache
def _stamps(edge: float) -> Float:
    """Shapes of spots (n, 96, 96), about 0-1, of diameter half the stamp; ``edge`` as in Kinds.

    Wobbly discs whose rim is sharp here and washed out there, and whose tone is uneven.
    """
    rng = np.random.default_rng(20240)
    axis = (np.arange(_STAMP_PX) + 0.5) / _STAMP_PX * 4 - 2
    x, y = np.meshgrid(axis, axis)
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    stamps = np.empty((_STAMPS, _STAMP_PX, _STAMP_PX), np.float32)
    for index in range(_STAMPS):
        rim = np.ones_like(angle)
        for order in range(2, 8):
            rim += 0.22 / order * rng.standard_normal() * np.cos(order * angle + rng.uniform(0, 7))
        ragged = 0.07 * optics.smooth_noise(rng, x.shape, 2.5) + 0.07 * optics.smooth_noise(rng, x.shape, 5)
        softness = (edge / 0.12) * 0.1 * np.exp(0.5 * optics.smooth_noise(rng, x.shape, 12))
        inside = (np.clip(rim, 0.45, 1.6) + ragged - radius) / softness
        mottle = (
            1 + 0.16 * optics.smooth_noise(rng, x.shape, 9) + 0.14 * optics.smooth_noise(rng, x.shape, 3.5)
        )
        stamps[index] = np.clip(mottle, 0.3, 1.6) / (1 + np.exp(-np.clip(inside, -30, 30)))
    stamps *= (radius < 1.95).astype(np.float32)
    return stamps


@dataclass(frozen=True, eq=False)
class Spots:
    """Spots in the order in which they come: pixels, OD, radians; arrays of one length."""

    xy: NDArray[np.float64]
    diameter: NDArray[np.float64]
    contrast: NDArray[np.float64]
    roundness: NDArray[np.float64]
    angle: NDArray[np.float64]

    @classmethod
    def draw(
        cls, rng: np.random.Generator, kinds: Kinds, density: Float, px_per_mm: float, *, count: int
    ) -> Spots:
        """``count`` spots placed by ``density`` (an (h, w) map at a quarter of the picture's size)."""
        kind = rng.choice(3, count, p=_shares(kinds))
        median = kinds.size * np.array([1.0, 1.8, 5.0])[kind]
        diameter = median * np.exp(np.array([0.25, 0.45, 0.4])[kind] * rng.standard_normal(count))
        contrast = kinds.contrast * np.array([0.9, 1.0, 0.6])[kind] * np.exp(0.4 * rng.standard_normal(count))
        chance = np.cumsum(density.ravel(), dtype=np.float64)
        cell = np.searchsorted(chance, rng.random(count) * chance[-1])
        row, column = np.divmod(np.minimum(cell, density.size - 1), density.shape[1])
        xy = np.column_stack([column, row]) * 4.0 + rng.uniform(0, 4, (count, 2))
        size = np.clip(diameter, 0.6, 30) * px_per_mm
        return cls(xy, size, contrast, rng.uniform(0.6, 1, count), rng.uniform(0, np.pi, count))


def _shares(kinds: Kinds) -> NDArray[np.float64]:
    shares = np.array([kinds.freckles, kinds.lentigines, kinds.patches], np.float64)
    return shares / shares.sum()


def stamp(pigment: Float, spots: Spots, index: int, edge: float = 0.12) -> None:
    """Adds one spot to the map, in place; where spots overlap the darker wins."""
    size, (x, y) = spots.diameter[index], spots.xy[index]
    reach = int(np.ceil(size)) + 1
    left, top = int(x) - reach, int(y) - reach
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + 2 * reach + 1, pigment.shape[1]), min(top + 2 * reach + 1, pigment.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    scale = _STAMP_PX / 2 / size
    cos, sin, squeeze = np.cos(spots.angle[index]), np.sin(spots.angle[index]), 1 / spots.roundness[index]
    turn = scale * np.array([[cos, sin], [-sin * squeeze, cos * squeeze]])
    shift = _STAMP_PX / 2 - 0.5 + turn @ np.array([x0 - x, y0 - y])
    shape = cv2.warpAffine(
        _stamps(round(edge, 2))[index % _STAMPS], np.column_stack([turn, shift]), (x1 - x0, y1 - y0),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )  # fmt: skip
    window = pigment[y0:y1, x0:x1]
    np.maximum(window, shape * np.float32(spots.contrast[index]), out=window)
