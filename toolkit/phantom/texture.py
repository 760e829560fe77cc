"""The fine structure of skin: furrows, pores, blotches of colour, and highlights broken up by them.

The strengths are those of bare skin in 66 studio photographs (DeBruine & Jones 2017, see the package's
documentation): standard deviations of ln(G/B), ln(R/G) and -ln G in bands of .5 to 8 mm. Skin that
lacks this unrest is far easier to grade than a real face.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from toolkit.phantom import geometry, optics
from toolkit.phantom.geometry import Points
from toolkit.phantom.optics import Float

# Smoothness (sigma, mm) -> deviation (OD) on fair skin.
_RELIEF: Final = {0.25: 0.036, 0.5: 0.014, 1.0: 0.018, 2.0: 0.013, 4.0: 0.022, 8.0: 0.024}
_BROWNS: Final = {0.25: 0.0070, 1.0: 0.018, 2.0: 0.022}
_REDS: Final = {0.25: 0.0055, 1.0: 0.014, 2.0: 0.019, 8.0: 0.013}
_WARMS: Final = {8.0: 0.031}
# OD in (R, G, B): light leaves a furrow tinted by the skin; small blotches from brown to blue and from red
# to pale, each for itself; broad ones from warm to cold, in which the two go together.
_FURROW: Final = np.array([0.78, 1.0, 1.1], np.float32)
_BROWN: Final = np.array([0.16, 0.0, 1.0], np.float32)
_PINK: Final = np.array([-0.8, 0.2, 0.2], np.float32)
_WARM: Final = np.array([-0.3, 0.1, 1.0], np.float32)
_SKEW: Final = 0.15  # pores and furrows are narrow and dark, the skin between them broad and light


@dataclass(frozen=True)
class Grain:
    """How rough and how blotchy one person's skin is; 1 is the median of adults."""

    rough: float = 1.0
    blotchy: float = 1.0

    @classmethod
    def draw(cls, rng: np.random.Generator, age: float) -> Grain:
        """A random person's; ``age`` 0 to 1 roughens."""
        rough = np.exp(0.25 * rng.standard_normal() + 0.5 * (age - 0.5))
        return cls(
            float(np.clip(rough, 0.6, 1.6)), float(np.clip(np.exp(0.22 * rng.standard_normal()), 0.6, 1.7))
        )


def lay(
    rng: np.random.Generator,
    light: Float,
    gloss: Float,
    skin: Float,
    *,
    points: Points,
    tone: float,
    grain: Grain,
    beard: float = 0.0,
) -> None:
    """Textures the skin of ``light`` (H, W, 3) and adds ``gloss`` (h, w), both linear, in place.

    ``skin`` (H, W) 0-1; ``points`` (68, 2) pixels; ``tone``: constitutive melanin, green OD: darker
    skin shows the same unrest more strongly, as it does in the photographs. ``beard``: OD of stubble.
    """
    rows, columns = np.flatnonzero(skin.any(axis=1)), np.flatnonzero(skin.any(axis=0))
    if not len(rows):
        return
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    here, unit = skin[window], geometry.span_of(points) / geometry.SPAN_MM
    size = here.shape
    blotchy = np.float32(grain.blotchy * (0.55 + 0.82 * max(tone, 0.0)))
    rough = np.float32(min(grain.rough * (1 + 0.38 * tone**2), 2.2))
    relief = _relief(rng, size, unit, 1 / float(rough)) * _zones(
        rng, size, points - [columns[0], rows[0]], unit
    )
    half = ((size[0] + 1) // 2, (size[1] + 1) // 2)
    blotches = np.zeros((*half, 3), np.float32)
    for table, colour in ((_BROWNS, _BROWN), (_REDS, _PINK), (_WARMS, _WARM)):
        blotches += _sum(rng, half, unit / 2, table)[..., None] * (blotchy * colour)
    od: Float = cv2.resize(blotches, size[::-1], interpolation=cv2.INTER_LINEAR)
    od += (rough * relief)[..., None] * _FURROW
    if beard:
        od += _stubble(rng, size, points - [columns[0], rows[0]], unit, od=beard)[..., None]
    od *= here[..., None]
    light[window] *= cv2.exp(-od)
    # A furrow has no highlight: the shine breaks up along the relief.
    shine = cv2.resize(gloss, skin.shape[::-1], interpolation=cv2.INTER_LINEAR)
    shine[window] *= cv2.exp(np.clip(-5 * np.float32(grain.rough) * relief, -3, 1)) * here + (1 - here)
    light += shine[..., None]


def _sum(rng: np.random.Generator, size: tuple[int, int], unit: float, table: dict[float, float]) -> Float:
    """Noise (h, w) of the given deviation at each smoothness."""
    total = np.zeros(size, np.float32)
    for sigma, strength in table.items():
        total += np.float32(strength) * optics.smooth_noise(rng, size, max(sigma * unit, 0.5))
    return total


def _relief(rng: np.random.Generator, size: tuple[int, int], unit: float, swell: float) -> Float:
    """Furrows and pores (H, W), neutral OD, skewed to the dark; ``swell``: factor of the broadest."""
    fine = {sigma: strength for sigma, strength in _RELIEF.items() if sigma < 1}
    broad = {s: (swell if s > 2 else 1) * strength for s, strength in _RELIEF.items() if s >= 1}
    half = (-(-size[0] // 2), -(-size[1] // 2))
    total = cv2.resize(_sum(rng, half, unit / 2, broad), size[::-1], interpolation=cv2.INTER_LINEAR)
    total += _sum(rng, size, unit, fine)
    deviation = np.float32(np.sqrt(sum(strength**2 for strength in _RELIEF.values())))
    bent = cv2.exp(np.float32(_SKEW) / deviation * total) - np.float32(np.exp(_SKEW**2 / 2))
    return bent * np.float32(deviation / np.sqrt(np.exp(_SKEW**2) * np.expm1(_SKEW**2)))


def _zones(rng: np.random.Generator, size: tuple[int, int], points: Points, unit: float) -> Float:
    """How strongly furrows show (H, W): pores beside the nose and on it, less toward the ears."""
    small = (-(-size[0] // 8), -(-size[1] // 8))
    u, v = geometry.canonical_grid(points, small, 8)
    zone = 0.9 + 0.18 * optics.smooth_noise(rng, small, 12 * unit / 8)
    for x, y, wide in ((-0.3, 0.35, 0.2), (0.3, 0.35, 0.2), (0.0, 0.3, 0.12), (0.0, 1.05, 0.15)):
        zone += 0.3 * np.exp(-(((u - x) / wide) ** 2 + ((v - y) / wide) ** 2) / 2)
    return cv2.resize(np.clip(zone, 0.4, 1.8), size[::-1], interpolation=cv2.INTER_LINEAR)


def _stubble(
    rng: np.random.Generator, size: tuple[int, int], points: Points, unit: float, *, od: float
) -> Float:
    """Shaven hair (H, W), neutral OD: a shade of ``od`` on jaw, chin and upper lip, made of short dashes."""
    small = (-(-size[0] // 8), -(-size[1] // 8))
    u, v = geometry.canonical_grid(points, small, 8)
    places = geometry.to_canonical(points)
    mouth, base, chin = (places[1] @ [*points[index], 1.0] for index in (62, 33, 8))
    jaw = np.exp(-(((v - chin + 0.12) / 0.26) ** 2) / 2 - (u / 0.42) ** 4)
    for sign in (-1, 1):
        jaw = np.maximum(jaw, 0.9 * np.exp(-(((u - sign * 0.6) / 0.14) ** 2 + ((v - mouth) / 0.28) ** 2) / 2))
    lip = 0.9 * np.exp(-((u / 0.24) ** 4) - ((v - (mouth + base) / 2) / 0.07) ** 2 / 2)
    where = np.maximum(jaw, lip) * np.clip(1 + 0.35 * optics.smooth_noise(rng, small, 6 * unit / 8), 0, 2)
    dashes: Float = rng.standard_normal(size, dtype=np.float32)
    dashes = cv2.GaussianBlur(dashes, (0, 0), sigmaX=max(0.09 * unit, 0.5), sigmaY=max(0.3 * unit, 0.5))
    dashes = np.clip(0.45 + 0.8 * dashes / max(float(dashes[::4, ::4].std()), 1e-6), 0, 3)
    return np.float32(od) * dashes * cv2.resize(where.astype(np.float32), size[::-1])
