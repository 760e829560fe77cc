"""Light, optical density and skin colour.

Optical density (OD) is the negative natural logarithm of linear light; melanin and blood add to it.
A *chromophore vector* is its OD in (R, G, B), scaled so that green is 1: a map of added green OD times
the vector is the OD added to each channel.
"""

from __future__ import annotations

import functools
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[Any]  # float32; OpenCV's own annotations know no more
Bytes = NDArray[Any]  # uint8

# Ranges of the two absorbers' colours in the literature on skin (Tsumura et al. 2003 and others).
_MELANIN: Final = (np.array([0.23, 0.45, 0.86]), np.array([0.44, 0.61, 0.66]))
_BLOOD: Final = (np.array([0.175, 0.65, 0.74]), np.array([0.2988, 0.6838, 0.6657]))
# Bloodless, melanin-free skin under studio light, and what constitutive melanin adds to it.
_PALE_OD: Final = np.array([0.26, 0.45, 0.58])
_TONE: Final = np.array([0.71, 1.0, 1.19])
_DARK_FROM: Final = 0.7  # green OD from which further melanin absorbs more evenly:
_DARK_TONE: Final = np.array([0.84, 1.0, 1.07])
_SURFACE: Final = (
    0.012  # share of the light that any skin's surface scatters back: dark skin is less chromatic
)


def melanin_vector(t: float) -> Float:
    """OD of melanin in (R, G, B) for 1 of green; ``t`` 0 (reddish brown) to 1 (grey brown)."""
    return _mixed(_MELANIN, t)


def draw_melanin(rng: np.random.Generator) -> Float:
    """One person's ``melanin_vector``: blue 1.05 to 1.9 and red .8 to .35 for 1 of green, as spots are on published
    clinical photographs and, in the middle of that range, on 60 light faces (DeBruine & Jones 2017)."""
    reddish = float(rng.uniform(0, 1))
    red = 0.78 - 0.36 * reddish + 0.06 * float(rng.standard_normal())
    return np.array([np.clip(red, 0.35, 0.8), 1.0, 1.05 + 0.85 * reddish], np.float32)


def blood_vector(t: float) -> Float:
    """OD of haemoglobin in (R, G, B) for 1 of green; ``t`` 0 to 1 between two published mixtures."""
    return _mixed(_BLOOD, t)


def _mixed(ends: tuple[NDArray, NDArray], t: float) -> Float:
    vector = (1 - t) * ends[0] + t * ends[1]
    return (vector / vector[1]).astype(np.float32)


def skin_od(tone: NDArray | float, blood: NDArray | float) -> Float:
    """OD (..., 3) of lit skin with ``tone`` (constitutive melanin) and ``blood``, both in green OD.

    What the surface scatters back is counted in.
    """
    tone, blood = np.asarray(tone, np.float32)[..., None], np.asarray(blood, np.float32)[..., None]
    od = _PALE_OD.astype(np.float32) + tone * _TONE.astype(np.float32) + blood * blood_vector(0.5)
    od += np.maximum(tone - _DARK_FROM, 0) * (_DARK_TONE - _TONE).astype(np.float32)
    return -np.log(np.exp(-od) + np.float32(_SURFACE))


def individual_typology_angle(light: NDArray) -> NDArray:
    """ITA in degrees, atan2(L* - 50, b*) 180/pi, of linear RGB (..., 3) (Chardon et al. 1991)."""
    xyz = np.asarray(light, np.float64) @ _RGB_TO_XYZ.T / _WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.degrees(np.arctan2(116 * f[..., 1] - 66, 200 * (f[..., 1] - f[..., 2])))


_RGB_TO_XYZ: Final = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
_WHITE: Final = np.array([0.95047, 1.0, 1.08883])


def tone_for_ita(ita: float, blood: float) -> float:
    """The constitutive melanin (green OD) at which lit skin with ``blood`` has the angle ``ita``."""
    tones = np.linspace(-0.1, 3.6, 371)
    angles = individual_typology_angle(np.exp(-skin_od(tones, np.full_like(tones, blood))))
    return float(np.interp(-ita, -angles, tones))


def to_light(pixels: Bytes) -> Float:
    """Linear light, 0 to 1, of sRGB uint8 (IEC 61966-2-1)."""
    return np.take(_decode_table(), pixels)


def to_srgb(light: Float) -> Bytes:
    """SRGB uint8 of linear light; clipped to 0-1."""
    codes = np.clip(light * np.float32(4095) + np.float32(0.5), 0, 4095).astype(np.uint16)
    return np.take(_encode_table(), codes)


@functools.cache
def _decode_table() -> Float:
    s = np.arange(256) / 255
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4).astype(np.float32)


@functools.cache
def _encode_table() -> Bytes:
    c = np.arange(4096) / 4095
    s = np.where(c <= 0.0031308, 12.92 * c, 1.055 * c ** (1 / 2.4) - 0.055)
    return np.round(255 * s).astype(np.uint8)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], sigma_px: float) -> Float:
    """Gaussian noise (H, W) float32, mean 0 and deviation about 1, smooth at ``sigma_px`` pixels.

    Made on a coarse grid (a third of sigma) and enlarged, so that its cost falls as sigma grows.
    """
    step = max(1.0, sigma_px / 3)
    height, width = (max(4, round(n / step) + 2) for n in shape)
    noise: Float = rng.standard_normal((height, width), dtype=np.float32)
    sigma = sigma_px / step
    noise = cv2.GaussianBlur(noise, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    noise *= 2 * np.sqrt(np.pi) * sigma  # the blur's own loss of deviation
    return (
        noise[: shape[0], : shape[1]]
        if step == 1
        else cv2.resize(noise, shape[::-1], interpolation=cv2.INTER_CUBIC)
    )
