"""Maps of melanin, darkness and erythema in optical density, and how they deviate from the skin around.

Light is decoded to linear and turned into optical density O = -ln(c), where pigments add up (Tsumura et
al. 2003). On skin M = O_B - O_G rises with melanin and E = O_G - O_R with blood, and neither moves with
neutral shadow or exposure. Every length is in millimetres and every contrast in natural-log OD.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.colours import LINEAR_OF_LEVEL
from toolkit.records import NO_MARGINS, FaceChart, Margins, Patch, PigmentMaps
from toolkit.settings import PigmentSettings

Array = NDArray[np.float32]

_LINEAR = LINEAR_OF_LEVEL.astype(np.float32)


def optical_density(pixels: NDArray[np.uint8], skin: NDArray[np.bool_], sigma_px: float) -> Array:
    """Optical density -ln(c) of linear light c in 0-1, smoothed over skin only.

    ``pixels`` (h, w, 3) uint8 sRGB, ``skin`` (h, w) bool; returns (h, w, 3) float32 in R, G, B order,
    0 (fully lit) to about 9.2 (c at or under 1e-4). Off the skin the values carry no meaning.
    """
    linear: Any = cv2.LUT(pixels, _LINEAR)
    if sigma_px > 0:
        linear = smooth_over(linear, skin, sigma_px)
    return -np.log(np.maximum(linear, 1e-4))


def smooth_over(values: Array, weight: NDArray, sigma_px: float, margins: Margins = NO_MARGINS) -> Array:
    """Normalised convolution: the Gaussian mean of ``values`` under ``weight`` (Knutsson & Westin 1993).

    ``values`` (h, w) or (h, w, c) float32, c at most 3, ``weight`` (h, w) bool or float 0-1. Wide Gaussians are
    computed on a reduced picture, the same whatever ``margins`` were cut off. 0 where no weight is near.
    """
    planes: Any = cv2.split(values)
    means: Any = smooth_planes(planes, weight, sigma_px, margins)[0]
    return means[0] if values.ndim == 2 else cv2.merge(means)


def smooth_planes(
    planes: Sequence[Array], weight: NDArray, sigma_px: float, margins: Margins = NO_MARGINS
) -> tuple[Sequence[Array], Array]:
    """``smooth_over`` of each plane (h, w), and the Gaussian mean of the weight itself (h, w)."""
    shrink = max(1, int(sigma_px / 4))
    weight = weight.astype(np.float32)
    stack: Any = cv2.merge([*(plane * weight for plane in planes), weight])
    if shrink > 1:
        stack = np.pad(stack, (*margins, (0, 0))[: stack.ndim])
        height, width = stack.shape[:2]
        small = (max(1, round(width / shrink)), max(1, round(height / shrink)))
        stack = cv2.resize(stack, small, interpolation=cv2.INTER_AREA)
    stack = cv2.GaussianBlur(stack, (0, 0), sigma_px / shrink, borderType=cv2.BORDER_CONSTANT)
    *totals, mass = cv2.split(stack)
    inverse = np.where(mass > 1e-4, 1 / np.maximum(mass, 1e-4), 0)
    means: Any = [total * inverse for total in totals]
    if shrink == 1:
        return means, mass
    (top, below), (left, right) = margins
    whole = cv2.resize(cv2.merge([*means, mass]), (width, height), interpolation=cv2.INTER_LINEAR)
    *means, mass = cv2.split(whole[top : height - below, left : width - right])
    return means, mass


def median(values: NDArray) -> float:
    """The median (n,) of finite values. ``numpy.median`` also looks for NaN, and takes ten times as long."""
    middle = values.size // 2
    halves = np.partition(values, middle)
    return float(halves[middle] if values.size % 2 else (halves[:middle].max() + halves[middle]) / 2)


def percentile(values: NDArray, percent: float) -> float:
    """A percentile (n,) of finite values by linear interpolation; see ``median``."""
    ordered = np.sort(values)
    place = percent / 100 * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return float(ordered[below] + (ordered[above] - ordered[below]) * (place - below))


def robust_scale(values: NDArray) -> float:
    """1.4826 times the median absolute deviation: the standard deviation, were the values normal."""
    return 1.4826 * median(np.abs(values - median(values))) if values.size else 0.0


def lower_scale(values: NDArray) -> float:
    """Robust standard deviation of deviations from their lower half alone: 1.4826 times the median of what
    lies under zero. Pigment only adds, so that it moves this far less than ``robust_scale``."""
    under = values[values < 0]
    return 1.4826 * median(-under) if under.size else 0.0


def components(patch: Patch | FaceChart, settings: PigmentSettings) -> Array:
    """The (h, w, 3) float32 maps M (melanin), D (darkness), E (erythema) of a patch, in OD."""
    density = optical_density(patch.pixels, patch.skin, settings.smooth_mm * patch.px_per_mm)
    red, green, blue = density[..., 0], density[..., 1], density[..., 2]
    return np.stack([blue - green, green, green - red], axis=-1)


def deviations(
    maps: Array, patch: Patch | FaceChart, background_mm: float, margins: Margins = NO_MARGINS
) -> PigmentMaps:
    """What stands out of its surroundings at a scale of ``background_mm``; ``maps`` from ``components``;
    ``margins`` were cut off the patch.

    The background is a normalised convolution over skin in two passes, the second without what the first
    found to stand out, so that spots do not lift their own background.
    """
    sigma = background_mm * patch.px_per_mm
    skin = patch.skin
    planes: Any = cv2.split(maps)
    places = np.flatnonzero(skin)
    around, _ = smooth_planes(planes[:2], skin, sigma, margins)
    plain = skin.copy()
    for values, level in zip(planes, around, strict=False):
        first = values - level
        plain &= first <= max(robust_scale(np.take(first, places)), 0.005)
    backgrounds, mass = smooth_planes(planes, plain, sigma, margins)
    # Inside a sheet of pigment wider than the Gaussian no plain skin is near: use the patch's own median.
    far = (mass <= 0.02 * _inside(skin.shape, sigma, margins)) & skin
    middle = np.median(maps[plain if plain.any() else skin], axis=0) if far.any() else np.zeros(3)
    melanin, darkness, erythema = (
        np.where(skin, values - np.where(far, level, background), 0).astype(np.float32)
        for values, background, level in zip(planes, backgrounds, middle, strict=True)
    )
    return PigmentMaps(melanin, darkness, erythema, skin, patch.px_per_mm, margins)


def _inside(shape: tuple[int, int], sigma_px: float, margins: Margins) -> Array:
    """The share (h, w) of a Gaussian that lies inside the patch that ``margins`` were cut off."""
    (above, below), (left, right) = margins
    whole = _inside_whole((above + shape[0] + below, left + shape[1] + right), sigma_px)
    return whole[above : above + shape[0], left : left + shape[1]]


@lru_cache(maxsize=16)
def _inside_whole(shape: tuple[int, int], sigma_px: float) -> Array:
    return smooth_planes((), np.ones(shape, np.bool_), sigma_px)[1]
