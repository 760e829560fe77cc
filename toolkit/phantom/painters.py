"""Three painters that share no recipe of spots, so that what learns from one can be tried on another.

``stamps``: discs with a wobbling rim, one by one. ``fields``: what of random fields exceeds a threshold; pigment covers
a share of the skin. ``dots``: lesions grown of small dots by random walks, each a colony round a parent; the more dots,
the darker, up to a bound.

A painter yields maps of green OD (H, W) float32 on one side of a face whose pigment grows from one to the next; what it
yields may be changed by its next step. Where spots may lie, and how they gather, comes as ``density``, (h, w) at a
quarter of the size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import cv2
import numpy as np

from toolkit.phantom import optics
from toolkit.phantom.draw import Canvas
from toolkit.phantom.optics import Float
from toolkit.phantom.stamps import Kinds, Spots, stamp

_MAX_SPOTS: Final = 8000
_GROWTH: Final = 1.1  # of the number of spots from one map to the next
_FIELDS: Final = ((0.3, 0.85), (0.6, 1.0), (1.5, 0.75))  # smoothness (mm) and relative contrast
_LEVELS: Final = np.arange(4.4, -0.6, -0.08)  # thresholds in standard deviations
_DOT_MM: Final = (0.22, 0.4)
_PER_LESION: Final = 24.0

Painter = Callable[[Canvas, Kinds, np.random.Generator, Float], Iterator[Float]]


def stamps(canvas: Canvas, kinds: Kinds, rng: np.random.Generator, density: Float) -> Iterator[Float]:
    """Spots of the person's kinds, stamped one by one."""
    spots = Spots.draw(rng, kinds, density, canvas.px_per_mm, count=_MAX_SPOTS)
    pigment = np.zeros(canvas.skin.shape, np.float32)
    done = 0
    while done < _MAX_SPOTS:
        until = min(int(done * _GROWTH) + 1, _MAX_SPOTS)
        for index in range(done, until):
            stamp(pigment, spots, index, kinds.edge)
        done = until
        yield pigment


def fields(canvas: Canvas, kinds: Kinds, rng: np.random.Generator, density: Float) -> Iterator[Float]:
    """Irregular spots: where smooth random fields of three scales, raised where spots gather, exceed a threshold.

    The pigment of a spot covers a share of each small piece of skin: its OD is -ln(1 - c + c exp(-d)).
    """
    shrink = max(1, round(canvas.px_per_mm / 2.5))
    size = tuple(-(-n // shrink) for n in canvas.skin.shape)
    unit = canvas.px_per_mm / shrink
    chance = cv2.resize(density, size[::-1], interpolation=cv2.INTER_LINEAR)
    gather = np.log(np.maximum(chance, 1e-3))
    share = np.array([kinds.freckles, kinds.lentigines, kinds.patches]) + 0.05
    heights, depths = [], []
    for (smooth, strength), part in zip(_FIELDS, share, strict=True):
        height = optics.smooth_noise(rng, (size[0], size[1]), max(kinds.size * smooth * unit, 0.8))
        heights.append(height + 0.45 * np.maximum(gather, -6) + 0.4 * np.log(part))
        uneven = np.exp(0.4 * optics.smooth_noise(rng, (size[0], size[1]), 2.5 * smooth * unit))
        depths.append(1.5 * kinds.contrast * strength * uneven * (chance > 0))
    softness = 0.25 + 1.5 * kinds.edge
    for level in _LEVELS:
        total = np.zeros(size, np.float32)
        for height, depth in zip(heights, depths, strict=True):
            there = np.flatnonzero(height > level)
            covered = np.minimum((height.ravel()[there] - level) / softness, 1)
            deep = -np.log1p(covered * np.expm1(-depth.ravel()[there]))
            total.ravel()[there] = np.maximum(total.ravel()[there], deep)
        yield cv2.resize(total, canvas.skin.shape[::-1], interpolation=cv2.INTER_LINEAR)


def dots(canvas: Canvas, kinds: Kinds, rng: np.random.Generator, density: Float) -> Iterator[Float]:
    """Lesions of small dots: round each of a falling number of parents a colony spreads by a random walk."""
    shrink = max(1, round(canvas.px_per_mm / 2.5))
    height, width = (-(-n // shrink) for n in canvas.skin.shape)
    unit = canvas.px_per_mm / shrink
    chance = np.cumsum(density.ravel(), dtype=np.float64)
    bound = 2.2 * kinds.contrast
    impulses = [np.zeros((height, width), np.float32) for _ in _DOT_MM]
    done = 0.0
    while done < 4 * _MAX_SPOTS:
        for _ in range(max(1, int(done * (_GROWTH - 1)))):
            cell = np.searchsorted(chance, rng.random() * chance[-1])
            row, column = np.divmod(min(int(cell), density.size - 1), density.shape[1])
            start = (np.array([row, column]) * 4.0 + rng.uniform(0, 4, 2)) / shrink
            count = int(np.clip(rng.exponential(_PER_LESION) * (0.3 + kinds.lentigines), 2, 150))
            spread = kinds.size * rng.uniform(0.12, 0.35) * unit
            walk = start + np.cumsum(spread * rng.standard_normal((count, 2)), axis=0)
            # A colony keeps together: each dot is drawn half-way back to where it began.
            places = np.round(0.5 * walk + 0.5 * start + 0.2 * unit * rng.standard_normal((count, 2))).astype(
                int
            )
            inside = ((places >= 0) & (places < [height, width])).all(axis=1)
            strength = kinds.contrast * np.exp(0.4 * rng.standard_normal()) * rng.uniform(0.3, 0.8)
            np.add.at(
                impulses[int(rng.integers(len(_DOT_MM)))], tuple(places[inside].T), np.float32(strength)
            )
            done += 1
        total = np.zeros((height, width), np.float32)
        for size_mm, points in zip(_DOT_MM, impulses, strict=True):
            sigma = max(size_mm * unit, 0.6)
            total += cv2.GaussianBlur(points, (0, 0), sigma) * np.float32(2 * np.pi * sigma**2)
        bounded = np.float32(bound) * -np.expm1(-total / np.float32(bound))
        yield cv2.resize(bounded, canvas.skin.shape[::-1], interpolation=cv2.INTER_LINEAR)


PAINTERS: Final[dict[str, Painter]] = {"stamps": stamps, "fields": fields, "dots": dots}
