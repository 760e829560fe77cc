"""Maps of melanin, darkness and erythema in optical density, and how they deviate from the skin around.

Light is decoded to linear and turned into optical density O = -ln(c), where pigments add up (Tsumura et
al. 2003). On skin M = O_B - O_G rises with melanin and E = O_G - O_R with blood, and neither moves with
neutral shadow or exposure. Every length is in millimetres and every contrast in natural-log OD.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.records import Patch, PigmentMaps
from toolkit.settings import PigmentSettings

Array = NDArray[np.float32]

_LEVELS = np.arange(256) / 255.0
_LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)


def optical_density(pixels: NDArray[np.uint8], skin: NDArray[np.bool_], sigma_px: float) -> Array:
    """Optical density -ln(c) of linear light c in 0-1, smoothed over skin only.

    ``pixels`` (h, w, 3) uint8 sRGB, ``skin`` (h, w) bool; returns (h, w, 3) float32 in R, G, B order,
    0 (fully lit) to about 9.2 (c at or under 1e-4). Off the skin the values carry no meaning.
    """
    linear = _LINEAR[pixels]
    if sigma_px > 0:
        linear = smooth_over(linear, skin, sigma_px)
    return -np.log(np.maximum(linear, 1e-4))


def smooth_over(values: Array, weight: NDArray, sigma_px: float) -> Array:
    """Normalised convolution: the Gaussian mean of ``values`` under ``weight`` (Knutsson & Westin 1993).

    ``values`` (h, w) or (h, w, c) float32, ``weight`` (h, w) bool or float 0-1. Wide Gaussians are
    computed on a reduced picture. 0 where no weight is near.
    """
    shrink = max(1, int(sigma_px / 4))
    height, width = weight.shape
    small = (max(1, round(width / shrink)), max(1, round(height / shrink)))
    weight = weight.astype(np.float32)
    weighted = values * (weight if values.ndim == 2 else weight[..., None])
    if shrink > 1:
        weighted = cv2.resize(weighted, small, interpolation=cv2.INTER_AREA)
        weight = cv2.resize(weight, small, interpolation=cv2.INTER_AREA)
    sigma = sigma_px / shrink
    total = cv2.GaussianBlur(weighted, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    mass = cv2.GaussianBlur(weight, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    mass = mass if total.ndim == 2 else mass[..., None]
    mean = np.where(mass > 1e-4, total / np.maximum(mass, 1e-4), 0.0)
    if shrink > 1:
        mean = cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR)
    return mean.astype(np.float32, copy=False)


def robust_scale(values: NDArray) -> float:
    """1.4826 times the median absolute deviation: the standard deviation, were the values normal."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values)))) if values.size else 0.0


def lower_scale(values: NDArray) -> float:
    """Robust standard deviation of deviations from their lower half alone: 1.4826 times the median of what
    lies under zero. Pigment only adds, so that it moves this far less than ``robust_scale``."""
    under = values[values < 0]
    return 1.4826 * float(np.median(-under)) if under.size else 0.0


def components(patch: Patch, settings: PigmentSettings) -> Array:
    """The (h, w, 3) float32 maps M (melanin), D (darkness), E (erythema) of a patch, in OD."""
    density = optical_density(patch.pixels, patch.skin, settings.smooth_mm * patch.px_per_mm)
    red, green, blue = density[..., 0], density[..., 1], density[..., 2]
    return np.stack([blue - green, green, green - red], axis=-1)


def deviations(maps: Array, patch: Patch, background_mm: float) -> PigmentMaps:
    """What stands out of its surroundings at a scale of ``background_mm``; ``maps`` from ``components``.

    The background is a normalised convolution over skin in two passes, the second without what the first
    found to stand out, so that spots do not lift their own background.
    """
    sigma = background_mm * patch.px_per_mm
    first = maps[..., :2] - smooth_over(maps[..., :2], patch.skin, sigma)
    plain = patch.skin.copy()
    for channel in np.moveaxis(first, -1, 0):
        plain &= channel <= max(robust_scale(channel[patch.skin]), 0.005)
    background = smooth_over(maps, plain, sigma)
    # Inside a sheet of pigment wider than the Gaussian no plain skin is near: use the patch's own median.
    near = smooth_over(plain.astype(np.float32), np.ones_like(plain), sigma) > 0.02
    background[~near] = np.median(maps[plain if plain.any() else patch.skin], axis=0)
    deviation = np.where(patch.skin[..., None], maps - background, 0.0).astype(np.float32)
    melanin, darkness, erythema = np.ascontiguousarray(np.moveaxis(deviation, -1, 0))
    return PigmentMaps(melanin, darkness, erythema, patch.skin, patch.px_per_mm)
