"""Single hairs against spots: a hair is a fine dark line, a spot is not, however small and however many they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.chart.colour import Colours
from toolkit.chart.frame import (
    Frame,
    enlarged,
    halved_means,
    mean_around,
    near,
    pieces_over,
    pieces_with,
    reduced_mean,
)
from toolkit.settings import ChartSettings

Array = NDArray[np.float32]

_STEP_OD = 0.01  # of the grey levels on which lines are sought
_BEARD_TOP_MM = 40.0  # of the face frame: the level of the nostrils
_LEAST_DENSITY_OD = 0.005  # a blurred or painted face has no pores to compare with
_LINES_OF_SPOTS = (
    0.36  # what dense freckles raise the density of lines by, of what they raise the coarser band by
)
_WITHIN_MM = 4.0
_BETWEEN_MM = 2.0


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


def strands(
    found: Colours, visible: NDArray[np.bool_], scale: float, settings: ChartSettings
) -> NDArray[np.bool_]:
    """Single strands of hair on the skin: dark lines longer than any spot or pore."""
    dark = _filled(found.dark, visible, scale)
    lines = fine_lines(dark, 1.5 * scale, settings.strand_mm * scale, 16)
    return near((lines > settings.strand_od) & visible, 0.4 * scale) & visible


@dataclass(frozen=True, eq=False)
class Lines:
    """Fine dark lines: ``od`` (h, w) how much darker than both of its sides the skin is on one, ``density`` (h, w) how
    much they darken the skin around on the mean, less what spots add to it, ``usual`` that of the upper cheeks."""

    od: Array
    density: Array
    usual: float


def find_lines(found: Colours, bare: NDArray[np.bool_], frame: Frame) -> Lines:
    """Lines under a millimetre wide and over 1.3 mm long, and their mean over about 5 mm of skin.

    Spots add to that mean ``_LINES_OF_SPOTS`` times what the band of 0.5 to 1.2 mm exceeds that of the upper cheeks by
    (RMS). All in OD of skin as light as the cheeks; ``usual`` is 0 where too little of them is seen.
    """
    scale, cheeks = frame.px_per_mm, upper_cheeks(bare, frame)
    dark = _filled(found.dark, bare, scale)
    lines = fine_lines(dark, scale, 4 / 3 * scale, 8) * bare
    band = (cv2.GaussianBlur(dark, (0, 0), 0.5 * scale) - cv2.GaussianBlur(dark, (0, 0), 1.2 * scale)) * bare
    share = np.maximum(_around(bare, scale), np.float32(0.05))
    means: Any = [_around(one, scale) / share for one in (lines, band * band)]
    density, power = means
    some = cv2.resize(cheeks.view(np.uint8), share.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    if np.count_nonzero(cheeks) < 100 * scale**2 or not some.any():
        return Lines(lines, enlarged(density, bare.shape), 0.0)
    # A camera's noise is greater in OD where it is darker: by exp(D / 2.2) of sRGB levels.
    level = _around(found.density * bare, scale) / share
    noisier: Any = np.exp(np.clip(level - np.median(level[some]), 0, 1) / np.float32(2.2))
    spotted = np.sqrt(power) / noisier
    density /= noisier
    density -= np.float32(_LINES_OF_SPOTS) * np.maximum(spotted - np.median(spotted[some]), 0)
    usual = max(float(np.median(density[some])), _LEAST_DENSITY_OD)
    return Lines(lines / enlarged(noisier, bare.shape), enlarged(density, bare.shape), usual)


def _around(values: NDArray, scale: float) -> Array:
    """The mean over about 5 mm, on a reduced picture."""
    return reduced_mean(values.astype(np.float32), _WITHIN_MM * scale)


def upper_cheeks(bare: NDArray[np.bool_], frame: Frame) -> NDArray[np.bool_]:
    """Where nobody has a beard."""
    x, y = frame.face_mm()
    return bare & (y > 8) & (y < 36) & (np.abs(x) < 60)


def stubbled(
    lines: Lines, bare: NDArray[np.bool_], frame: Frame, settings: ChartSettings
) -> NDArray[np.bool_]:
    """Where a beard or stubble grows, below the nose: fine lines ``beard_lines`` times as dense as on the same face's
    upper cheeks, and what around is ``beard_fringe`` times as dense.

    Freckles and moles do not raise the density, pores raise it on the whole face.
    """
    if not lines.usual:
        return np.zeros_like(bare)
    _, y = frame.face_mm()
    below = bare & (y > _BEARD_TOP_MM)
    least = settings.beard_mm2 * frame.px_per_mm**2
    core = pieces_over(below & (lines.density > settings.beard_lines * lines.usual), least)
    around = pieces_over(below & (lines.density > settings.beard_fringe * lines.usual), least)
    return near(pieces_with(around, core), frame.px_per_mm) & bare


def single_hairs(
    lines: Lines, stubble: NDArray[np.bool_], scale: float, settings: ChartSettings
) -> NDArray[np.bool_]:
    """The hairs of stubble one by one; the skin between them can be seen."""
    return near(stubble & (lines.od > settings.single_od), scale / 3) & stubble


def beard(
    hairs: NDArray[np.bool_], bare: NDArray[np.bool_], scale: float, settings: ChartSettings
) -> NDArray[np.bool_]:
    """Where single hairs cover so much of the skin that nothing is told between them."""
    if not hairs.any():
        return np.zeros_like(bare)
    covered, seen = (mean_around(one.astype(np.float32), _BETWEEN_MM * scale) for one in (hairs, bare))
    dense = bare & (covered > settings.dense_share * seen)
    return near(pieces_over(dense, settings.dense_mm2 * scale**2), scale / 3) & bare


def combed_hair(
    lines: Lines, visible: NDArray[np.bool_], frame: Frame, settings: ChartSettings
) -> NDArray[np.bool_]:
    """Hair as light as skin, at the rim of an unmasked face: far denser lines than on the upper cheeks."""
    if not lines.usual:
        return np.zeros_like(visible)
    x, y = frame.face_mm()
    rim = visible & ((np.abs(x) > 56) | (y < -58))
    hairy = rim & (lines.density > settings.hair_lines * lines.usual)
    return near(pieces_over(hairy, settings.hair_mm2 * frame.px_per_mm**2), frame.px_per_mm) & visible


def _filled(values: Array, bare: NDArray[np.bool_], scale: float) -> Array:
    """Filled up off the skin with the level around, so that its edge is taken for no line."""
    (level,) = halved_means([values], bare.astype(np.float32), scale)
    cv2.copyTo(values, bare.view(np.uint8), level)
    return level
