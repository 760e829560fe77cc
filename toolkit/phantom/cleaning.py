"""A photograph's own spots, found at its full size and filled with the texture around: what is painted on it afterwards
is then all the pigment there is."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.phantom.optics import Float

_FINE_MM, _LEVEL_MM = 0.3, 1.5
_AROUND_MM: Final = (2.2, 4.0)  # near: freckles of a cluster are told apart; far: large spots stand out
_SEED_OD, _RIM_OD = 0.055, 0.025  # darker and browner than around: a spot's middle, and what belongs to it
_SHADE_OD = 0.08  # what is not brown must be darker by so much more: a mole, and no pore or fold
_RIM: Final = 0.75  # of what is around: so near to the skin's rim hair, lips and shade begin
_MAX_LENGTH_MM: Final = 9.0
_GROWN_MM: Final = 0.4
_STEPS_MM: Final = (3.0, 4.5, 6.5)  # how far away texture is fetched from, nearest first
_DIRECTIONS: Final = 8


def without_spots(light: Float, skin: Float, px_per_mm: float) -> Float:
    """The light (H, W, 3) float32 with spots on ``skin`` (H, W) 0-1 filled.

    A spot is both darker (green OD) and browner (OD of blue less green, or of all channels where it is very dark) than
    the skin 2 or 4 mm around. It gets the OD of the clear skin around it and the fine texture of clear skin beside it.
    """
    od = -np.log(np.maximum(light, np.float32(1e-3)))
    whole = (skin > 0.5).astype(np.float32)
    spots = found_spots(od, whole, px_per_mm)
    if not spots.any():
        return light
    clear = whole * ~spots
    level = _mean_over(od, clear, _LEVEL_MM * px_per_mm)
    texture = (od - level) * clear[..., None]
    fill, open_ = np.zeros_like(od), spots.copy()
    for step in _STEPS_MM:
        for angle in np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS:
            move = np.round(step * px_per_mm * np.array([np.sin(angle), np.cos(angle)])).astype(int)
            there = _moved(clear, move) > 0
            taken = open_ & there
            fill[taken] = _moved(texture, move)[taken]
            open_ &= ~there
    soft = cv2.GaussianBlur(spots.astype(np.float32), (0, 0), max(0.2 * px_per_mm, 0.5))[..., None]
    filled = np.exp(-(level + fill))
    return light + (filled - light) * soft


def found_spots(od: Float, skin: Float, px_per_mm: float) -> NDArray[np.bool_]:
    """(H, W) bool: spots of a picture of optical density (H, W, 3) on ``skin`` (H, W) 0 or 1."""
    smooth = _mean_over(od, skin, max(_FINE_MM * px_per_mm, 0.6))
    found = [_standing_out(smooth, skin, px_per_mm, around) for around in _AROUND_MM]
    reach = 2 * max(1, round(_GROWN_MM * px_per_mm)) + 1
    round_ = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    return cv2.dilate(np.any(found, axis=0).astype(np.uint8), round_) > 0


def _standing_out(smooth: Float, skin: Float, px_per_mm: float, around_mm: float) -> NDArray[np.bool_]:
    """(H, W) bool: compact pieces of smoothed OD (H, W, 3) darker and browner than the mean ``around_mm`` (sigma) around."""
    above = smooth - _mean_over(smooth, skin, around_mm * px_per_mm)
    dark, brown = above[..., 1], above[..., 2] - above[..., 1]
    inner = cv2.distanceTransform((skin > 0).astype(np.uint8), cv2.DIST_L2, 3) > _RIM * around_mm * px_per_mm
    strength = np.where(brown > 0.3 * dark, dark, dark - _SHADE_OD) * inner
    rims = (strength > _RIM_OD).astype(np.uint8)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(rims, connectivity=8)
    seeded = np.bincount(pieces.ravel(), (strength > _SEED_OD).ravel(), len(stats)) > 0
    length = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) / px_per_mm
    area = stats[:, cv2.CC_STAT_AREA] / px_per_mm**2
    # Folds, stubble and the shade of the nose are long, or one large piece.
    spot = seeded & (length < _MAX_LENGTH_MM) & (area > 0.25 * length**2)
    spot[0] = False
    return spot[pieces]


def _mean_over(values: Float, weight: Float, sigma: float) -> Float:
    """The Gaussian mean of values (H, W, 3) over what has weight (H, W); the values themselves where nothing has."""
    total = cv2.GaussianBlur(values * weight[..., None], (0, 0), sigma)
    mass = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    return np.where(mass > 1e-3, total / np.maximum(mass, 1e-3), values)


def _moved(values: Float, move: NDArray) -> Float:
    return np.roll(values, tuple(move.tolist()), axis=(0, 1))
