"""Single hairs against spots: strands by their length, stubble by its fine dark lines without colour.

A hair is thinner than a spot and longer; and being thinner than a pixel of the chart it darkens all channels alike,
while a freckle takes more blue than green (D against M, see ``toolkit.pigment.maps``).
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.chart.colour import Colours
from toolkit.chart.frame import Frame, near, pieces_over
from toolkit.settings import ChartSettings

Array = NDArray[np.float32]

_STEP_OD = 0.01  # of the grey levels on which lines are sought
_BEARD_TOP_MM = 40.0  # of the face frame: the level of the nostrils
_LEAST_ROUGH_OD = 0.01  # a blurred or painted face has no pores to compare with


def fine_lines(dark: Array, width: float, length: float, turns: int) -> Array:
    """(h, w) float32, OD: how much darker than both of its sides a line of at least ``length`` pixels is that is
    narrower than ``width`` pixels, in the best of ``turns`` directions; 0 elsewhere.

    Morphology with line segments (Soille, Talbot 2001): the white top-hat across the line, opened along it. A round
    spot, or a row of them, leaves nothing.
    """
    levels = np.clip(dark / _STEP_OD + 60, 0, 255).astype(np.uint8)
    best = np.zeros_like(levels)
    for turn in range(turns):
        angle = np.pi * turn / turns
        narrow = cv2.morphologyEx(levels, cv2.MORPH_TOPHAT, _segment(width, angle + np.pi / 2))
        np.maximum(best, cv2.morphologyEx(narrow, cv2.MORPH_OPEN, _segment(length, angle)), out=best)
    return best.astype(np.float32) * np.float32(_STEP_OD)


@lru_cache(maxsize=128)
def _segment(length: float, angle: float) -> NDArray[np.uint8]:
    """A structuring element: a segment of so many pixels."""
    reach = max(1, round((length - 1) / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.uint8)
    tip = np.round(reach * np.array([np.cos(angle), np.sin(angle)])).astype(int)
    cv2.line(kernel, tuple((reach - tip).tolist()), tuple((reach + tip).tolist()), 1)
    return kernel


def strands(found: Colours, visible: NDArray[np.bool_], scale: float, settings: ChartSettings) -> NDArray[np.bool_]:
    """Single strands of hair on the skin: dark lines longer than any spot or pore."""
    dark = _filled(found.dark, visible, scale)
    lines = fine_lines(dark, 1.5 * scale, settings.strand_mm * scale, 16)
    return near((lines > settings.strand_od) & visible, 0.4 * scale) & visible


def beard(
    found: Colours, bare: NDArray[np.bool_], frame: Frame, settings: ChartSettings
) -> NDArray[np.bool_]:
    """Stubble and beard below the nose: rougher, hair by hair, than the same face's upper cheeks, and without colour.

    Roughness: RMS of the band of D from 0.3 to 0.8 mm over 2.5 mm of skin, in units of the upper cheeks'. Colour: the
    slope of the band of M on that of D in the same place; pigment has .5 to .9, hair about 0. In one piece over
    ``settings.beard_mm2``: a cluster of moles is smaller.
    """
    scale = frame.px_per_mm
    _, y = frame.face_mm()
    below = np.broadcast_to(y > _BEARD_TOP_MM, bare.shape)
    dark, brown = (_band(values, bare, scale) for values in (found.dark, found.brown))
    reference = dark[bare & ~below & (y > 8)]
    if len(reference) < 100 * scale**2:
        return np.zeros_like(bare)
    smooth = max(1.48 * float(np.median(np.abs(reference))), _LEAST_ROUGH_OD)
    rough, slope = roughness(dark, brown, bare, smooth, scale)
    hairy = (rough > settings.beard_roughness) & (slope < settings.beard_brownness) & below & bare
    return near(pieces_over(hairy, settings.beard_mm2 * scale**2), scale) & bare


def roughness(dark: Array, brown: Array, bare: NDArray[np.bool_], smooth: float, scale: float) -> tuple[Array, Array]:
    """Roughness of the band of D, as a multiple of ``smooth``, and the slope of the band of M on it, (h, w) each."""
    sigma = 2.5 * scale
    # Clipped, so that one dark mole does not make its whole surroundings rough.
    dark, brown = np.clip(dark, -3 * smooth, 3 * smooth), np.clip(brown, -3 * smooth, 3 * smooth)
    share = np.maximum(cv2.GaussianBlur(bare.astype(np.float32), (0, 0), sigma), 0.05)
    power = cv2.GaussianBlur(dark * dark, (0, 0), sigma) / share
    shared = cv2.GaussianBlur(dark * brown, (0, 0), sigma) / share
    return np.sqrt(power) / np.float32(smooth), shared / np.maximum(power, 1e-6)


def _band(values: Array, bare: NDArray[np.bool_], scale: float) -> Array:
    """The band between 0.3 and 0.8 mm on bare skin, 0 elsewhere."""
    filled = _filled(values, bare, scale)
    band = cv2.GaussianBlur(filled, (0, 0), 0.33 * scale) - cv2.GaussianBlur(filled, (0, 0), 0.8 * scale)
    return np.asarray(band * bare)


def _filled(values: Array, bare: NDArray[np.bool_], scale: float) -> Array:
    """Filled up off the skin with the level around, so that its edge is taken for no line."""
    weight = bare.astype(np.float32)
    share = cv2.GaussianBlur(weight, (0, 0), scale)
    level = cv2.GaussianBlur(values * weight, (0, 0), scale) / np.maximum(share, 1e-3)
    return np.where(bare, values, level).astype(np.float32)
