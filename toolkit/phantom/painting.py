"""Melanin painted on a face, with a known map and load.

Spots keep their contrast whatever the load: a heavier load means more of them, as it does on skin.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.phantom import geometry, optics
from toolkit.phantom.contrast import skin_unrest, typical_contrast
from toolkit.phantom.draw import Canvas
from toolkit.phantom.latent import Scales, load_of_grade
from toolkit.phantom.optics import Float
from toolkit.phantom.painters import PAINTERS, Painter
from toolkit.phantom.stamps import Kinds, Spots, stamp

_SOFT_MM: Final = 0.25  # scatter in the skin
_ON_NOSE: Final = 0.5  # chance of a spot there relative to elsewhere
# Standard deviations of the skin's own unrest; on light skin about .1 OD, as on published clinical photographs.
_STANDS_OUT: Final = 2.5
_ROUNDS: Final = 5  # of painting, each darker, until the paint stands out
_DARKEST: Final = 0.6


def paint(
    canvas: Canvas,
    grades: Mapping[str, Sequence[float]],
    rng: np.random.Generator,
    kinds: Kinds | None = None,
    *,
    painter: str = "stamps",
) -> list[Float]:
    """Maps of added green OD (H, W) float32, one a visit, whose loads give the wanted grades.

    ``grades`` maps "left" and "right" to the latent grade at each visit (equally many); ``painter`` is one of
    ``painters.PAINTERS``. Every visit shows the same spots: a better one has fewer of them and a little less contrast.
    Where the two sides meet a spot may cross the midline, so measure the outcome with ``load_of_map``. Whitish
    flecks are negative and no part of the load. Raises KeyError on an unknown painter.
    """
    kinds, draw = kinds or Kinds.draw(rng), PAINTERS[painter]
    heaviest = load_of_grade(max(max(one) for one in grades.values()))
    contrast = max(kinds.contrast, float(np.sqrt(heaviest)))  # severe is never faint
    # A stream of its own for each ingredient: one more or less of it leaves the others as they are.
    places, broad, whitish, *by_side = rng.spawn(5)
    slow, unrest = _placement(canvas, kinds, places), skin_unrest(canvas)
    for _ in range(_ROUNDS):
        kinds = dataclasses.replace(kinds, contrast=contrast)
        maps = _painted(canvas, grades, kinds, draw, slow=slow, streams=copy.deepcopy((broad, *by_side)))
        # What is lost in the unrest of rough or dark skin is no spot: nobody could see it.
        contrast_shown = typical_contrast([_finish(one, None, canvas) for one in maps], canvas)
        short = _STANDS_OUT * unrest / max(contrast_shown, 1e-6)
        if short <= 1.03 or heaviest == 0 or contrast >= _DARKEST:
            break
        contrast = min(contrast * min(short, 2.0), _DARKEST)
    flecks = _flecks(canvas, kinds, whitish, max(max(one) for one in grades.values()), density=slow)
    return [_finish(one, flecks, canvas) for one in maps]


def _painted(
    canvas: Canvas,
    grades: Mapping[str, Sequence[float]],
    kinds: Kinds,
    draw: Painter,
    *,
    slow: Float,
    streams: Sequence[np.random.Generator],
) -> list[Float]:
    """Maps of green OD (H, W), one a visit, of spots and sheets as dark as ``kinds`` says, not yet softened; spots gather
    where ``slow`` (h, w), at a quarter of the size, is high."""
    visits = len(next(iter(grades.values())))
    maps = [np.zeros(canvas.skin.shape, np.float32) for _ in range(visits)]
    broad, *by_side = streams
    height, scales = _sheet_height(canvas, broad), Scales(canvas)
    for side, stream in zip(("right", "left"), by_side, strict=True):
        targets = np.array([load_of_grade(grade) for grade in grades[side]])
        density = slow * _coverage(canvas, side)
        if not density.any():
            continue
        sheets, spots = stream.spawn(2)
        sheet = _sheet(
            canvas, kinds, sheets, height[side], scales=scales, side=side, wanted=kinds.sheet * targets.min()
        )
        growing = draw(canvas, kinds, spots, density)
        for visit, pigment in _met(growing, sheet, scales, side, targets=targets):
            np.maximum(maps[visit], pigment, out=maps[visit])
    return maps


def _placement(canvas: Canvas, kinds: Kinds, rng: np.random.Generator) -> Float:
    """exp(c GP) over the quarter-size picture: where on the face spots gather."""
    quarter = tuple(-(-n // 4) for n in canvas.skin.shape)
    field = optics.smooth_noise(rng, (quarter[0], quarter[1]), kinds.field_mm * canvas.px_per_mm / 4)
    return np.exp(kinds.clustering * field)


def _coverage(canvas: Canvas, side: str) -> Float:
    """Where spots of the side may come, (h, w) at a quarter of the size: all its skin, the nose less."""
    small = canvas.skin[::4, ::4]
    u, v = geometry.canonical_grid(canvas.points, small.shape, 4)
    area = small * (u > 0 if side == "left" else u <= 0)
    area[(abs(u) < 0.17) & (v > 0) & (v < 0.5)] *= _ON_NOSE
    return area


def _met(
    growing: Iterator[Float], sheet: Float, scales: Scales, side: str, *, targets: NDArray[np.float64]
) -> Iterator[tuple[int, Float]]:
    """Each visit's map of one side: pigment grows until the visit's load is met, the lightest visit first."""
    fade = np.where(targets < targets.max(), 0.93 + 0.07 * targets / max(targets.max(), 1e-9), 1.0)
    order = np.argsort(targets / fade, kind="stable")
    pigment, load = sheet, scales.load(sheet, side, _SOFT_MM)
    for visit in order:
        while load < targets[visit] / fade[visit]:
            more = next(growing, None)
            if more is None:
                break
            pigment = np.maximum(sheet, more)
            load = scales.load(pigment, side, _SOFT_MM)
        yield int(visit), pigment * np.float32(targets[visit] / max(load, 1e-9))


def _sheet_height(canvas: Canvas, rng: np.random.Generator) -> dict[str, Float]:
    """Smooth noise at a quarter of the size, alike on both sides, sinking beyond each side's midline."""
    height, width = (-(-n // 4) for n in canvas.skin.shape)
    unit = canvas.px_per_mm / 4
    broad = optics.smooth_noise(rng, (height, width), 9 * unit)
    mirror = geometry.mirror_map(canvas.points, (height, width), 4)
    broad = 0.55 * broad + 0.8 * cv2.remap(broad, *mirror, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    broad += 0.45 * optics.smooth_noise(rng, (height, width), 2.5 * unit)
    u, v = geometry.canonical_grid(canvas.points, (height, width), 4)
    for x, y, wide, high in ((0.45, 0.27, 0.2, 0.13), (0.25, -0.45, 0.25, 0.1), (0.12, 0.6, 0.12, 0.06)):
        hill = ((abs(u) - x) / wide) ** 2 + ((v - y) / high) ** 2  # cheekbone, forehead, upper lip
        broad += 1.8 * np.exp(-hill / 2)
    return {"left": broad + 30 * np.minimum(u, 0), "right": broad - 30 * np.maximum(u, 0)}


def _sheet(
    canvas: Canvas,
    kinds: Kinds,
    rng: np.random.Generator,
    height: Float,
    *,
    scales: Scales,
    side: str,
    wanted: float,
) -> Float:
    """A melasma-like field (H, W) of the wanted load on a side: where ``height`` exceeds a threshold."""
    if wanted <= 1e-5:
        return np.zeros(canvas.skin.shape, np.float32)
    unit = canvas.px_per_mm / 4
    net = 0.22 * optics.smooth_noise(rng, height.shape, 2 * unit)
    net += 0.16 * optics.smooth_noise(rng, height.shape, max(0.7 * unit, 0.5))
    texture = 0.85 * kinds.contrast * np.clip(1 + net, 0.2, 2)

    def over(threshold: float) -> Float:
        sheet = texture / (1 + np.exp(np.clip((threshold - height) / 0.16, -30, 30)))
        return cv2.resize(np.maximum(sheet, 0), canvas.skin.shape[::-1], interpolation=cv2.INTER_LINEAR)

    low, high = -8.0, 8.0
    for _ in range(14):
        middle = (low + high) / 2
        more = scales.load(over(middle), side, _SOFT_MM) > wanted
        low, high = (middle, high) if more else (low, middle)
    return over(high)


def _flecks(
    canvas: Canvas, kinds: Kinds, rng: np.random.Generator, grade: float, *, density: Float
) -> Float | None:
    """Whitish flecks (H, W), negative OD, or None: only beside marked pigment."""
    count = int(90 * kinds.flecks * np.clip((grade - 3.5) / 4, 0, 1))
    if not count:
        return None
    unit = canvas.px_per_mm
    skin = cv2.resize(canvas.skin, density.shape[::-1], interpolation=cv2.INTER_AREA)
    spots = Spots.draw(rng, Kinds(1, 0, 0, contrast=0.18), density * skin, unit, count=count)
    spots = dataclasses.replace(spots, diameter=rng.uniform(1, 3, count) * unit)
    flecks = np.zeros(canvas.skin.shape, np.float32)
    for index in range(count):
        stamp(flecks, spots, index)
    return -flecks


def _finish(pigment: Float, flecks: Float | None, canvas: Canvas) -> Float:
    """Softened as by scatter, with flecks, kept to skin."""
    if flecks is not None:
        pigment = np.where(flecks < -0.02, flecks, pigment)
    return cv2.GaussianBlur(pigment, (0, 0), max(_SOFT_MM * canvas.px_per_mm, 0.5)) * canvas.skin
