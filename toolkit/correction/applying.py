"""A photograph's colours corrected before anything is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.colours import srgb_codes
from toolkit.correction.finding import FoundChart, find_charts
from toolkit.correction.fitting import fit_correction
from toolkit.correction.tone import curved, light_of_codes
from toolkit.errors import PhotoError
from toolkit.records import Colour, ColourCorrection, Photo

NOT_FOUND = "no colour chart found in the picture: its colours are as they came"
_CLIPPED = 250  # what a camera has clipped stays as bright: nobody knows what it was
_STEPS, _ROWS = 16384, 256  # of linear light; of the picture at a time
_RIM = 0.06  # of a chart's width, round the outline of its patches: its frame, and the fingers that hold it


def corrected(photo: Photo, colour: Colour | None) -> Photo:
    """The photograph with its colours corrected, and what was done as its ``colour``; None leaves it as it is. A chart in the frame is no skin from
    then on. Where no chart is found that can be used, the colours stay as they are, and a note says so."""
    if colour is None:
        return photo
    if isinstance(colour, ColourCorrection):
        return _applied(photo, colour)
    charts = find_charts(photo.pixels)
    outlines = tuple(_with_rim(chart.outline) for chart in charts)
    if not charts:
        return replace(photo, notes=(*photo.notes, NOT_FOUND))
    try:
        found, notes = correction_by(charts, "chart in the frame")
    except PhotoError as error:
        note = f"{error}; its colours are as they came"
        return replace(photo, notes=(*photo.notes, note), skin=without(photo.skin, outlines, photo.halo_px))
    found = replace(found, outlines=outlines)
    return _applied(replace(photo, notes=(*photo.notes, *notes)), found)


def correction_by(charts: Sequence[FoundChart], source: str) -> tuple[ColourCorrection, tuple[str, ...]]:
    """The correction by the chart that fits best, and what to note; raises PhotoError where none of them can be used, in
    words that follow a file's name."""
    fits, errors = [], []
    for chart in charts:
        try:
            fits.append(fit_correction(chart, source))
        except PhotoError as error:
            errors.append(error)
    if not fits:
        raise errors[0]
    best = min(fits, key=lambda fit: fit.after or 0.0)
    several = [f"{len(charts)} colour charts: the one that fits best was used"] if len(charts) > 1 else []
    return best, (*several, *([best.note] if best.note else []))


def _applied(photo: Photo, colour: ColourCorrection) -> Photo:
    pixels = corrected_pixels(photo.pixels, colour)
    return replace(
        photo, pixels=pixels, skin=without(photo.skin, colour.outlines, photo.halo_px), colour=colour
    )


def corrected_pixels(pixels: NDArray[np.uint8], colour: ColourCorrection) -> NDArray[np.uint8]:
    """Pixels (H, W, 3) uint8 after the correction; a channel that was clipped stays at least as bright."""
    codes = np.repeat(np.arange(256.0)[:, None], 3, axis=1)
    light_of_code = curved(light_of_codes(codes), colour.tone).astype(np.float32)[None]
    code_of_light = srgb_codes(np.linspace(0, 1, _STEPS + 1))
    matrix = np.array(colour.matrix, np.float32)
    made = np.empty_like(pixels)
    for top in range(
        0, len(pixels), _ROWS
    ):  # as numbers with fractions a large picture takes twelve times its memory
        strip = pixels[top : top + _ROWS]
        light: Any = cv2.transform(cv2.LUT(strip, light_of_code), matrix)
        fitted = code_of_light[np.round(_STEPS * np.clip(light, 0, 1)).astype(np.intp)]
        made[top : top + _ROWS] = np.where(strip >= _CLIPPED, np.maximum(fitted, strip), fitted)
    return made


def without(
    skin: NDArray[np.bool_], outlines: tuple[tuple[tuple[float, float], ...], ...], halo_px: int
) -> NDArray[np.bool_]:
    """The mask (H, W) without what lies inside the outlines; ``halo_px`` more, which the chart of a face gives back to
    what is painted out."""
    if not outlines:
        return skin
    covered = np.zeros(skin.shape, np.uint8)
    for outline in outlines:
        cv2.fillPoly(covered, [np.round(np.array(outline)).astype(np.int32)], 1)
    square = np.ones((2 * halo_px + 1, 2 * halo_px + 1), np.uint8)
    return np.asarray(skin & (cv2.dilate(covered, square) == 0))


def _with_rim(outline: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    middle = outline.mean(axis=0)
    reach = _RIM * float(np.linalg.norm(outline[0] - outline[1]))
    away = outline - middle
    grown = outline + reach * np.sqrt(2) * away / np.linalg.norm(away, axis=1, keepdims=True)
    return tuple((round(x, 1), round(y, 1)) for x, y in grown.tolist())
