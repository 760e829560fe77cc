"""What colours a picture really has: grey or of one hue whatever its file says, and colour spaces told beside the pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

_LEVELS = np.arange(256) / 255.0
# Linear light (256,) float64, 0-1, of an 8-bit sRGB level (IEC 61966-2-1), for cv2.LUT; and its optical density -ln,
# float32, 0 (fully lit) to 6.9.
LINEAR_OF_LEVEL = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4)
DENSITY_OF_LEVEL = -np.log(np.maximum(LINEAR_OF_LEVEL, 1e-3)).astype(np.float32)

_STEP_PIXELS = 40_000  # that are looked at, evenly spread
_FEWEST = 500
_GREY = 3.0  # grey levels that channels of a grey picture differ by; JPEG leaves as much
_ONE_HUE = (
    2.5  # grey levels of colour that pixels of one brightness vary by in a tinted picture; in colour over 4
)
_BINS = 32  # of brightness
_BLUE = 30.0  # grey levels by which blue lies over red, as no skin does in white light

GREY_NOTE = "greyscale picture: pigment and redness cannot be distinguished"
ONE_HUE_NOTE = "picture of one hue (sepia, ultraviolet or tinted), stored as colour: pigment and redness cannot be distinguished"
_EXIF_IFD, _INTEROP_IFD, _COLOUR_SPACE, _INTEROP_INDEX = 0x8769, 0xA005, 0xA001, 1
_ADOBE, _UNCALIBRATED = 2, 65535
_SRGB_GAMMA, _SRGB_CHROMATICITY = 0.45455, (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
_ADOBE_GAMMA = 563 / 256
# Linear Adobe RGB (1998) to linear sRGB; both have the white of D65.
_ADOBE_TO_SRGB = np.array([[1.39836, -0.39836, 0.0], [0.0, 1.0, 0.0], [0.0, -0.04293, 1.04293]], np.float32)


def hue_note(pixels: NDArray[np.uint8], skin: NDArray[np.bool_]) -> str:
    """What to note of a picture (H, W, 3) whose visible pixels (``skin``, (H, W)) are grey or of one hue; else ""."""
    step = max(int(np.sqrt(skin.size / _STEP_PIXELS)), 1)
    seen = pixels[::step, ::step][skin[::step, ::step]].astype(np.int16)
    if len(seen) < _FEWEST:
        return ""
    reds, blues = (seen[:, channel] - seen[:, 1] for channel in (0, 2))
    if all(_most_within(colour, _GREY, 98) for colour in (reds, blues)):
        return GREY_NOTE
    bluer = blues - reds
    if 2 * np.count_nonzero(bluer > _BLUE) >= len(seen) and np.median(bluer) > _BLUE and np.median(blues) > 0:
        return ONE_HUE_NOTE
    bins = seen.sum(axis=1) * _BINS // (3 * 256)
    counts = np.maximum(np.bincount(bins, minlength=_BINS), 1)
    means = (np.bincount(bins, colour, _BINS) / counts for colour in (reds, blues))
    off = (colour - mean[bins] for colour, mean in zip((reds, blues), means, strict=True))
    return ONE_HUE_NOTE if all(_most_within(one, _ONE_HUE, 90) for one in off) else ""


def _most_within(values: NDArray, limit: float, percent: int) -> bool:
    """Whether this percentile of the sizes of ``values`` (n,) is at most ``limit``; by counting, which is quicker than to
    look for it."""
    place = percent / 100 * (len(values) - 1)
    return int(np.count_nonzero(np.abs(values) <= limit)) > np.ceil(place)


def level_counts(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many pixels of a mask (h, w) have each grey level: (c, 256) of a picture (h, w) or (h, w, c)."""
    inside = mask.view(np.uint8)
    counts = [
        cv2.calcHist([plane], [0], inside, [256], [0, 256]) for plane in cv2.split(pixels)
    ]  # fmt: skip
    return np.rint(counts).astype(np.int64).reshape(-1, 256)


def middle_level(counts: NDArray[np.int64]) -> float:
    """The median of grey levels, from how often each of them occurs (256,)."""
    below = np.cumsum(counts)
    n = below[-1]
    return float(np.searchsorted(below, [(n - 1) // 2 + 1, n // 2 + 1]).mean())


def space_told_by_exif(image: Image.Image) -> str:
    """ "adobe" where EXIF tells Adobe RGB, "unknown" where it tells of no known space, else ""."""
    try:
        exif = image.getexif()
        space = exif.get_ifd(_EXIF_IFD).get(_COLOUR_SPACE)
        index = exif.get_ifd(_INTEROP_IFD).get(_INTEROP_INDEX)
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, AttributeError, ZeroDivisionError):
        return ""  # damaged EXIF is told where the orientation is read
    if space == _ADOBE or (space == _UNCALIBRATED and str(index).strip("\0 b'") == "R03"):
        return "adobe"
    return "unknown" if space == _UNCALIBRATED else ""


def adobe_to_srgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (H, W, 3) in Adobe RGB as sRGB."""
    levels = np.arange(256, dtype=np.float32) / 255
    linear = (levels**_ADOBE_GAMMA).astype(np.float32)[pixels]
    return srgb_codes(linear @ _ADOBE_TO_SRGB.T)


def srgb_codes(light: NDArray) -> NDArray[np.uint8]:
    """Linear light as sRGB codes 0-255 (IEC 61966-2-1); what is under 0 or over 1 is clipped."""
    linear = np.clip(light, 0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * curved).astype(np.uint8)


def png_tells_another_space(image: Image.Image, data: bytes) -> bool:
    """Whether a PNG without profile tells in its chunks of other colours than sRGB's."""
    info: dict[Any, Any] = image.info
    if image.format != "PNG" or "srgb" in info:
        return False
    place = data.find(b"cICP", 0, 4096)
    if place > 0:
        return data[place + 4 : place + 6] != b"\x01\x0d"
    gamma, points = info.get("gamma"), info.get("chromaticity")
    other_gamma = gamma is not None and abs(gamma - _SRGB_GAMMA) > 0.01
    return other_gamma or (points is not None and not np.allclose(points, _SRGB_CHROMATICITY, atol=0.005))
