"""How this face's bare skin looks from place to place, and what does not look like it: hair, objects, highlights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.chart.frame import Frame, halved_means, near, pieces_over
from toolkit.colours import DENSITY_OF_LEVEL
from toolkit.quantiles import median
from toolkit.settings import ChartSettings

Array = NDArray[np.float32]

_CHEEKS_MM = -8.0, 40.0  # of the face frame, from below the brows to above the mouth
_LEAST_SAMPLES = 30
_SETTLED_OD = 5e-4


@dataclass(frozen=True, eq=False)
class Colours:
    """How the chart differs from the skin that is expected in each place, in OD: ``dark``, ``brown``, ``red`` (h, w)
    float32 (deviations of D, M and E of ``toolkit.pigment``, not smoothed); ``density``, ``melanin``, ``erythema``
    (h, w) float32: D, M and E themselves. ``level`` (3,): D, M, E of this face's skin."""

    dark: Array
    brown: Array
    red: Array
    density: Array
    melanin: Array
    erythema: Array
    level: NDArray[np.float64]


def colours(
    pixels: NDArray[np.uint8], bare: NDArray[np.bool_], frame: Frame, settings: ChartSettings
) -> Colours:
    """``bare`` (h, w): visible, and skin by its place. The skin expected in a place is a surface of second order
    (1, x, y, x^2, y^2 of the face frame), fitted robustly: light falls off towards the sides of a face by as much as hair
    is darker than skin. A fringe may cover all of a forehead: what looks like hair beside the cheeks has no say."""
    red, green, blue = (cv2.LUT(levels, DENSITY_OF_LEVEL) for levels in cv2.split(pixels))
    x, y = (axis / 100 for axis in frame.face_mm())
    rows, columns = (one * 6 + 2 for one in np.nonzero(bare[2::6, 2::6]))
    maps: tuple[Any, Any, Any] = (green, blue - green, green - red)
    samples = [cv2.blur(values, (3, 3))[rows, columns].astype(np.float64) for values in maps]
    across, down = x[0, columns], y[rows, 0]
    cheeks = (down > _CHEEKS_MM[0] / 100) & (down < _CHEEKS_MM[1] / 100)
    if cheeks.sum() >= _LEAST_SAMPLES:
        dark, redder = (samples[n] - np.median(samples[n][cheeks]) for n in (0, 2))
        hairy = _hairy(dark, redder, float(np.median(samples[2][cheeks])), settings)
        keep = (down > _CHEEKS_MM[0] / 100) | ~hairy
        across, down, samples = across[keep], down[keep], [one[keep] for one in samples]
    off = []
    for values, sample in zip(maps, samples, strict=True):
        c = _fit(across, down, sample)
        of_columns, of_rows = c[0] + c[1] * x + c[3] * x**2, c[2] * y + c[4] * y**2
        off.append(values - (of_columns.astype(np.float32) + of_rows.astype(np.float32)))
    levels = [float(np.median(sample)) if len(sample) else 0.0 for sample in samples]
    return Colours(off[0], off[1], off[2], *maps, np.array(levels))


def _fit(x: NDArray, y: NDArray, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients (5,) of the surface; Cauchy weights, so that hair among the samples counts
    for little. Nearly flat where little is seen."""
    if len(values) < _LEAST_SAMPLES:
        return np.array([float(np.median(values)) if len(values) else 0.0, 0, 0, 0, 0])
    terms = np.column_stack([np.ones(len(x)), x, y, x**2, y**2]).astype(np.float64)
    start = np.array([np.median(values), 0.0, 0.0, 0.0, 0.0])
    steady = np.diag([1e-3, 1.0, 1.0, 1.0, 1.0]) * 0.01 * len(x)
    c = start
    for _ in range(10):
        off = values - terms @ c
        spread = float(np.clip(1.48 * median(np.abs(off)), 0.05, 0.3))
        weight = 1.0 / (1.0 + (off / (2 * spread)) ** 2)
        normal = terms.T @ (terms * weight[:, None]) + steady
        before, c = c, np.linalg.solve(normal, terms.T @ (values * weight) + steady @ start)
        if np.abs(c - before).max() < _SETTLED_OD:
            break
    return c


def dark_hair(
    found: Colours, visible: NDArray[np.bool_], scale: float, settings: ChartSettings
) -> NDArray[np.bool_]:
    """Much darker than bare skin in this place, over about a millimetre and over an area that no spot has, and not
    as red as skin in shadow is; or twice as dark and less red than skin, over a smaller area: black print and thin frames."""
    dark, red = _soft((found.dark, found.red), visible, scale)
    hairy = visible & _hairy(dark, red, float(found.level[2]), settings)
    black = hairy & (dark > 2 * settings.hair_od) & (red < 0)  # a spot is browner and redder than skin
    large = pieces_over(hairy, settings.hair_mm2 * scale**2)
    return near(large | pieces_over(black, settings.object_mm2 * scale**2), scale) & visible


def _hairy(dark: NDArray, redder: NDArray, redness: float, settings: ChartSettings) -> NDArray[np.bool_]:
    """Much darker than skin whose erythema is ``redness``, and not as red as skin in shadow is, or darker still."""
    paler = redder < -0.25 * max(redness, 0.2)
    return (dark > 2 * settings.hair_od) | ((dark > settings.hair_od) & paler)


def objects(
    found: Colours, visible: NDArray[np.bool_], scale: float, settings: ChartSettings
) -> NDArray[np.bool_]:
    """Of a colour that no skin has: hardly red or yellow at all, or far too much so."""
    brown, red = _soft((found.brown, found.red), visible, 0.7 * scale)
    _, m, e = found.level
    grey = (e + red < 0.3 * max(e, 0.15)) | (m + brown < -0.15)
    gaudy = (red > 0.9) | (brown > 1.2)
    return near(pieces_over(visible & (grey | gaudy), settings.object_mm2 * scale**2), 0.7 * scale) & visible


def highlights(pixels: NDArray[np.uint8], scale: float, settings: ChartSettings) -> NDArray[np.bool_]:
    """Green or blue is clipped, and half a millimetre round it. Red clips first on light skin, and hides no pigment:
    melanin and darkness are measured in the other two."""
    below = cv2.inRange(pixels, (0, 0, 0), (255, *(settings.glare_level - 1,) * 2))
    return near(below == 0, 0.5 * scale)


def _soft(planes: Sequence[Array], visible: NDArray[np.bool_], sigma: float) -> list[Array]:
    """The Gaussian mean of planes (h, w) over what is visible, 0 elsewhere."""
    weight = visible.astype(np.float32)
    return [mean * weight for mean in halved_means(planes, weight, sigma)]
