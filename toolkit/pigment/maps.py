"""Maps of melanin, darkness and erythema in optical density, and how they deviate from the skin around.

Light is decoded to linear and turned into optical density O = -ln(c), where pigments add up (Tsumura et
al. 2003). On skin M = O_B - O_G rises with melanin and E = O_G - O_R with blood, and neither moves with
neutral shadow or exposure. Every length is in millimetres and every contrast in natural-log OD.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.colours import LINEAR_OF_LEVEL
from toolkit.quantiles import median
from toolkit.records import NO_MARGINS, FaceChart, Margins, Patch, PigmentMaps
from toolkit.settings import PigmentSettings

Array = NDArray[np.float32]

_LINEAR = LINEAR_OF_LEVEL.astype(np.float32)
_REDUCED_SIGMA = 4  # pixels: about so wide is a Gaussian on its reduced picture
_FAR = 0.02  # of a Gaussian: a mean over less than that says nothing


def optical_density(pixels: NDArray[np.uint8], skin: NDArray[np.bool_], sigma_px: float) -> Array:
    """Optical density -ln(c) of linear light c in 0-1, smoothed over skin only.

    ``pixels`` (h, w, 3) uint8 sRGB, ``skin`` (h, w) bool; returns (h, w, 3) float32 in R, G, B order,
    0 (fully lit) to about 9.2 (c at or under 1e-4). Off the skin the values carry no meaning.
    """
    return np.asarray(cv2.merge(_densities(pixels, skin, sigma_px)), np.float32)


def _densities(pixels: NDArray[np.uint8], skin: NDArray[np.bool_], sigma_px: float) -> list[Array]:
    """``optical_density`` as planes (h, w)."""
    light: Any = [cv2.LUT(levels, _LINEAR) for levels in cv2.split(pixels)]
    if sigma_px > 0:
        light = smooth_planes(light, skin, sigma_px)
    return [-np.log(np.maximum(plane, 1e-4)) for plane in light]


def smooth_over(values: Array, weight: NDArray, sigma_px: float, margins: Margins = NO_MARGINS) -> Array:
    """Normalised convolution: the Gaussian mean of ``values`` under ``weight`` (Knutsson & Westin 1993).

    ``values`` (h, w) or (h, w, c) float32, c at most 3, ``weight`` (h, w) bool or float 0-1. Wide Gaussians are
    computed on a reduced picture, the same whatever ``margins`` were cut off. 0 where no weight is near.
    """
    planes: Any = cv2.split(values)
    means: Any = smooth_planes(planes, weight, sigma_px, margins)
    return means[0] if values.ndim == 2 else cv2.merge(means)


def smooth_planes(
    planes: Sequence[Array], weight: NDArray, sigma_px: float, margins: Margins = NO_MARGINS
) -> list[Array]:
    """``smooth_over`` of each plane (h, w)."""
    return Smoothed.of(planes, weight, sigma_px, margins).planes()


@dataclass(frozen=True, eq=False)
class Smoothed:
    """Gaussian means of planes (h, w) over a weight, as they are computed: on the whole picture of ``shape``, of which
    ``margins`` were cut off, reduced where the Gaussian is wide. ``mass``: the weight's own mean."""

    means: list[Array]
    mass: Array
    shape: tuple[int, int]
    margins: Margins

    @classmethod
    def of(
        cls, planes: Sequence[Array], weight: NDArray, sigma_px: float, margins: Margins = NO_MARGINS
    ) -> Smoothed:
        """Of ``planes`` (h, w) float32 under a ``weight`` (h, w) bool or 0-1."""
        (top, below), (left, right) = margins
        shape = top + weight.shape[0] + below, left + weight.shape[1] + right
        step = max(1, round(sigma_px / _REDUCED_SIGMA))
        weight = weight.astype(np.float32)
        sigma = sigma_px / step
        if (
            step > 1 and sigma < _REDUCED_SIGMA
        ):  # then it shows that to reduce and enlarge blurs, by 1/12 + 1/6
            sigma = float(np.sqrt(sigma**2 - 0.25))

        def smoothed(plane: Array) -> Array:
            small = _reduced(plane, shape, margins, step) if step > 1 else plane
            return np.asarray(cv2.GaussianBlur(small, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT))

        mass = smoothed(weight)
        inverse = (mass > 1e-4) / np.maximum(mass, np.float32(1e-4))
        means: list[Any] = [smoothed(plane * weight) * inverse for plane in planes]
        return cls(means, mass, shape, margins)

    def planes(self) -> list[Array]:
        """The means (h, w)."""
        return [self.enlarged(mean) for mean in self.means]

    def enlarged(self, small: Array) -> Array:
        """A plane of the reduced picture at full size, without the margins (h, w)."""
        (top, below), (left, right) = self.margins
        high, wide = self.shape
        if small.shape == (high - top - below, wide - left - right):
            return small
        whole = cv2.resize(small, (wide, high), interpolation=cv2.INTER_LINEAR)
        return np.asarray(whole[top : high - below, left : wide - right], np.float32)


def _reduced(plane: Array, shape: tuple[int, int], margins: Margins, step: int) -> Array:
    """A plane (h, w) with its margins given back, reduced ``step`` times; first by a whole number, if one fits, since
    that takes a tenth of the time."""
    fold = next(
        (n for n in (3, 2) if not any(one % n for one in (step, *plane.shape, margins[0][0], margins[1][0]))),
        1,
    )
    if fold > 1:
        size = plane.shape[1] // fold, plane.shape[0] // fold
        plane = _resized(plane, size)
    top, left = margins[0][0] // fold, margins[1][0] // fold
    below, right = shape[0] // fold - top - plane.shape[0], shape[1] // fold - left - plane.shape[1]
    wide: Any = cv2.copyMakeBorder(plane, top, below, left, right, cv2.BORDER_CONSTANT, value=0)
    size = max(1, round(shape[1] / step)), max(1, round(shape[0] / step))
    return wide if wide.shape[1::-1] == size else _resized(wide, size)


def _resized(plane: Array, size: tuple[int, int]) -> Array:
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


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
    red, green, blue = _densities(patch.pixels, patch.skin, settings.smooth_mm * patch.px_per_mm)
    return np.asarray(cv2.merge([blue - green, green, green - red]), np.float32)


def deviations(
    maps: Array, patch: Patch | FaceChart, background_mm: float, margins: Margins = NO_MARGINS
) -> PigmentMaps:
    """What stands out of its surroundings at a scale of ``background_mm``; ``maps`` from ``components``;
    ``margins`` were cut off the patch.

    The background is a normalised convolution over skin in two passes, the second without what the first
    found to stand out, so that spots do not lift their own background.
    """
    (found,) = deviations_at(maps, patch, (background_mm,), margins)
    return found


def deviations_at(
    maps: Array, patch: Patch | FaceChart, backgrounds_mm: Sequence[float], margins: Margins = NO_MARGINS
) -> list[PigmentMaps]:
    """``deviations`` at several scales."""
    planes: Any = cv2.split(maps)
    places = np.flatnonzero(patch.skin)
    return [
        _deviations(planes, patch, background, places=places, margins=margins)
        for background in backgrounds_mm
    ]


def _deviations(
    planes: Sequence[Array],
    patch: Patch | FaceChart,
    background_mm: float,
    *,
    places: NDArray[np.intp],
    margins: Margins,
) -> PigmentMaps:
    sigma = background_mm * patch.px_per_mm
    skin = patch.skin
    plain = skin.copy()
    for values, level in zip(planes, smooth_planes(planes[:2], skin, sigma, margins), strict=False):
        first = values - level
        plain &= first <= max(robust_scale(np.take(first, places)), 0.005)
    around = Smoothed.of(planes, plain, sigma, margins)
    backgrounds = around.planes()
    if (far := _far(around, skin, sigma, margins)) is not None:
        # Inside a sheet of pigment wider than the Gaussian no plain skin is near: use the patch's own median.
        usual = plain if plain.any() else skin
        for values, background in zip(planes, backgrounds, strict=True):
            background[far] = median(values[usual])
    melanin, darkness, erythema = (
        np.asarray(cv2.subtract(values, background, mask=skin.view(np.uint8)), np.float32)
        for values, background in zip(planes, backgrounds, strict=True)
    )
    return PigmentMaps(melanin, darkness, erythema, skin, patch.px_per_mm, margins, places)


def _far(
    around: Smoothed, skin: NDArray[np.bool_], sigma_px: float, margins: Margins
) -> NDArray[np.bool_] | None:
    """Where on ``skin`` (h, w) hardly any weight is within the Gaussian, for what of it lies inside the patch; None where
    that is nowhere."""
    mass = around.enlarged(around.mass)
    low = (mass <= _FAR) & skin
    if not low.any():
        return None
    far = low & (mass <= _FAR * _inside(skin.shape, sigma_px, margins))
    return far if far.any() else None


def _inside(shape: tuple[int, ...], sigma_px: float, margins: Margins) -> Array:
    """The share (h, w) of a Gaussian that lies inside the patch that ``margins`` were cut off."""
    (above, below), (left, right) = margins
    whole = _inside_whole((above + shape[0] + below, left + shape[1] + right), sigma_px)
    return whole[above : above + shape[0], left : left + shape[1]]


@lru_cache(maxsize=16)
def _inside_whole(shape: tuple[int, int], sigma_px: float) -> Array:
    around = Smoothed.of((), np.ones(shape, np.bool_), sigma_px)
    return around.enlarged(around.mass)
