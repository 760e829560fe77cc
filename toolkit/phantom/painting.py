"""Melanin painted on a face, with a known map and load, and distractors that must not move a grade.

A map holds the green optical density (OD) that melanin adds to each pixel. The *load* of a side is the
mean of that map over its forehead, cheek and chin, weighed .3, .6, .1 (the areas of the mMASI); the
grade is 9 (1 - exp(-(load / .0276)^.66)). Spots keep their contrast whatever the load: a heavier load
means more of them, as it does on skin.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.phantom import geometry, optics
from toolkit.phantom.draw import Canvas
from toolkit.phantom.optics import Float

LOAD_SCALE: Final = 0.0276  # load at which the grade is 63 % of 9
LOAD_POWER: Final = 0.66
MAX_GRADE: Final = 8.8  # beyond it the load grows without bound
_STAMPS, _STAMP_PX = 48, 96
_MAX_SPOTS: Final = 8000
_MAX_MOLES: Final = 64


def grade_of_load(load: float) -> float:
    """The latent grade, 0-9, of a load (mean added green OD)."""
    return float(9 * (1 - np.exp(-((max(load, 0.0) / LOAD_SCALE) ** LOAD_POWER))))


def load_of_grade(grade: float) -> float:
    """The load whose grade is ``grade``; grades above 8.8 are taken as 8.8."""
    share = min(max(grade, 0.0), MAX_GRADE) / 9
    return float(LOAD_SCALE * (-np.log1p(-share)) ** (1 / LOAD_POWER))


def load_of_map(pigment: Float, regions: Mapping[str, NDArray[np.bool_]], side: str) -> float:
    """The load of a map (H, W) on ``side`` "left", "right" or "both" (the mean of the two)."""
    sides = ("left", "right") if side == "both" else (side,)
    return float(np.mean([np.vdot(_weights(regions, one), np.maximum(pigment, 0)) for one in sides]))


def _weights(regions: Mapping[str, NDArray[np.bool_]], side: str) -> Float:
    """(H, W) float32 whose product with a map sums to the side's load; missing regions share out."""
    shape = next(iter(regions.values())).shape
    weights = np.zeros(shape, np.float32)
    for name, share in geometry.SIDE_WEIGHTS.items():
        area = regions[f"{side}_{name}"]
        count = int(np.count_nonzero(area))
        if count:
            weights[area] = share / count
    total = float(weights.sum())
    return weights / total if total else weights


@dataclass(frozen=True)
class Kinds:
    """The mixture of lesions of one person; shares of the spots' number, but ``sheet`` of the load."""

    freckles: float = 0.3  # 1-2 mm
    lentigines: float = 0.64  # lognormal, median 2.6 mm
    patches: float = 0.06  # median 8 mm, fainter
    sheet: float = 0.2  # melasma: broad fields on cheeks, forehead and upper lip
    flecks: float = 0.3  # whitish spots between, at severe grades (number relative to full severity)
    contrast: float = 0.28  # median green OD of a lentigo
    edge: float = 0.12  # width of a spot's edge relative to its diameter
    clustering: float = 0.6
    field_mm: float = 14.0  # size of the clusters

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Kinds:
        """A random person's mixture."""
        freckles, lentigines, patches = rng.dirichlet([1.5, 4.0, 0.4])
        sheet = rng.uniform(0.2, 0.5) if rng.random() < 0.35 else 0.0
        return cls(
            float(freckles), float(lentigines), float(patches), float(sheet),
            flecks=float(rng.uniform(0, 1) if rng.random() < 0.5 else 0.0),
            contrast=float(np.clip(0.28 * np.exp(0.35 * rng.standard_normal()), 0.2, 0.5)),
            edge=float(rng.uniform(0.09, 0.22)), clustering=float(rng.uniform(0, 1.2)),
            field_mm=float(rng.uniform(8, 20)),
        )  # fmt: skip


@functools.cache
def _stamps(edge: float) -> Float:
    """Shapes of spots (n, 96, 96), about 0-1, of diameter half the stamp; ``edge`` as in Kinds.

    Wobbly discs whose rim is sharp here and washed out there, and whose tone is uneven.
    """
    rng = np.random.default_rng(20240)
    axis = (np.arange(_STAMP_PX) + 0.5) / _STAMP_PX * 4 - 2
    x, y = np.meshgrid(axis, axis)
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    stamps = np.empty((_STAMPS, _STAMP_PX, _STAMP_PX), np.float32)
    for index in range(_STAMPS):
        rim = np.ones_like(angle)
        for order in range(2, 8):
            rim += 0.22 / order * rng.standard_normal() * np.cos(order * angle + rng.uniform(0, 7))
        ragged = 0.07 * optics.smooth_noise(rng, x.shape, 2.5) + 0.07 * optics.smooth_noise(rng, x.shape, 5)
        softness = (edge / 0.12) * 0.1 * np.exp(0.5 * optics.smooth_noise(rng, x.shape, 12))
        inside = (np.clip(rim, 0.45, 1.6) + ragged - radius) / softness
        mottle = (
            1 + 0.16 * optics.smooth_noise(rng, x.shape, 9) + 0.14 * optics.smooth_noise(rng, x.shape, 3.5)
        )
        stamps[index] = np.clip(mottle, 0.3, 1.6) / (1 + np.exp(-np.clip(inside, -30, 30)))
    stamps *= (radius < 1.95).astype(np.float32)
    return stamps


@dataclass(frozen=True, eq=False)
class Spots:
    """Spots in the order in which they come: pixels, OD, radians; arrays of one length."""

    xy: NDArray[np.float64]
    diameter: NDArray[np.float64]
    contrast: NDArray[np.float64]
    roundness: NDArray[np.float64]
    angle: NDArray[np.float64]

    @classmethod
    def draw(
        cls, rng: np.random.Generator, kinds: Kinds, density: Float, px_per_mm: float, count: int
    ) -> Spots:
        """``count`` spots placed by ``density`` (an (h, w) map at a quarter of the picture's size)."""
        kind = rng.choice(3, count, p=_shares(kinds))
        median = np.array([1.4, 2.6, 8.0])[kind]
        diameter = median * np.exp(np.array([0.25, 0.55, 0.4])[kind] * rng.standard_normal(count))
        contrast = (
            kinds.contrast * np.array([0.85, 1.0, 0.6])[kind] * np.exp(0.35 * rng.standard_normal(count))
        )
        chance = np.cumsum(density.ravel(), dtype=np.float64)
        cell = np.searchsorted(chance, rng.random(count) * chance[-1])
        row, column = np.divmod(np.minimum(cell, density.size - 1), density.shape[1])
        xy = np.column_stack([column, row]) * 4.0 + rng.uniform(0, 4, (count, 2))
        size = np.clip(diameter, 0.6, 30) * px_per_mm
        return cls(xy, size, contrast, rng.uniform(0.6, 1, count), rng.uniform(0, np.pi, count))


def _shares(kinds: Kinds) -> NDArray[np.float64]:
    shares = np.array([kinds.freckles, kinds.lentigines, kinds.patches], np.float64)
    return shares / shares.sum()


def paint(
    canvas: Canvas,
    grades: Mapping[str, Sequence[float]],
    rng: np.random.Generator,
    kinds: Kinds | None = None,
) -> list[Float]:
    """Maps of added green OD (H, W) float32, one a visit, whose loads give the wanted grades.

    ``grades`` maps "left" and "right" to the latent grade at each visit (equally many). Every visit
    shows the same spots: a better one has fewer of them and a little less contrast. Where the two
    sides meet a spot may cross the midline, so measure the outcome with ``load_of_map``. Whitish
    flecks are negative and no part of the load.
    """
    kinds = kinds or Kinds.draw(rng)
    regions = canvas.regions()
    visits = len(next(iter(grades.values())))
    maps = [np.zeros(canvas.skin.shape, np.float32) for _ in range(visits)]
    # A stream of its own for each ingredient: one more or less of it leaves the others as they are.
    places, broad, whitish, *by_side = rng.spawn(5)
    slow = _placement(canvas, kinds, places)
    height = _sheet_height(canvas, broad)
    for side, stream in zip(("right", "left"), by_side, strict=True):
        targets = np.array([load_of_grade(grade) for grade in grades[side]])
        weights = _weights(regions, side)
        if not weights.any():
            continue
        density = slow * _coverage(canvas, regions, side)
        for visit, pigment in _paint_side(canvas, kinds, stream, density, height[side], weights, targets):
            np.maximum(maps[visit], pigment, out=maps[visit])
    flecks = _flecks(canvas, kinds, whitish, max(max(one) for one in grades.values()), slow)
    return [_finish(one, flecks, canvas) for one in maps]


def _placement(canvas: Canvas, kinds: Kinds, rng: np.random.Generator) -> Float:
    """exp(c GP) over the quarter-size picture: where on the face spots gather."""
    quarter = tuple(-(-n // 4) for n in canvas.skin.shape)
    field = optics.smooth_noise(rng, (quarter[0], quarter[1]), kinds.field_mm * canvas.px_per_mm / 4)
    return np.exp(kinds.clustering * field)


def _coverage(canvas: Canvas, regions: Mapping[str, NDArray[np.bool_]], side: str) -> Float:
    """Where spots of the side may come, (h, w) at a quarter of the size: 1 in its regions, .5 on nose etc."""
    small = canvas.skin[::4, ::4]
    u, _ = geometry.canonical_grid(canvas.points, small.shape, 4)
    area = 0.5 * small * (u > 0 if side == "left" else u <= 0)
    for name in geometry.SIDE_WEIGHTS:
        area[regions[f"{side}_{name}"][::4, ::4]] = 1
    return area


def _paint_side(
    canvas: Canvas,
    kinds: Kinds,
    rng: np.random.Generator,
    density: Float,
    height: Float,
    weights: Float,
    targets: NDArray[np.float64],
) -> list[tuple[int, Float]]:
    """Each visit's map of one side: spots are added until the visit's load is met, lightest first."""
    fade = np.where(targets < targets.max(), 0.93 + 0.07 * targets / max(targets.max(), 1e-9), 1.0)
    order = np.argsort(targets / fade, kind="stable")
    pigment = np.zeros(weights.shape, np.float32)
    sheet_load = kinds.sheet * targets.min()
    if sheet_load > 1e-5:
        pigment = _sheet(canvas, kinds, rng.spawn(1)[0], height, weights, sheet_load)
    spots = Spots.draw(rng, kinds, density, canvas.px_per_mm, _MAX_SPOTS)
    load, used, done = float(np.vdot(weights, pigment)), 0, []
    for visit in order:
        wanted = targets[visit] / fade[visit]
        while load < wanted and used < _MAX_SPOTS:
            load += _stamp(pigment, spots, used, weights, kinds.edge)
            used += 1
        done.append((int(visit), pigment * np.float32(targets[visit] / max(load, 1e-9))))
    return done


def _stamp(pigment: Float, spots: Spots, index: int, weights: Float, edge: float = 0.12) -> float:
    """Adds one spot to the map (the darker of the two wins); gives back the load that it adds."""
    size, (x, y) = spots.diameter[index], spots.xy[index]
    reach = int(np.ceil(size)) + 1
    left, top = int(x) - reach, int(y) - reach
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + 2 * reach + 1, pigment.shape[1]), min(top + 2 * reach + 1, pigment.shape[0])
    if x1 <= x0 or y1 <= y0:
        return 0.0
    scale = _STAMP_PX / 2 / size
    cos, sin, squeeze = np.cos(spots.angle[index]), np.sin(spots.angle[index]), 1 / spots.roundness[index]
    turn = scale * np.array([[cos, sin], [-sin * squeeze, cos * squeeze]])
    shift = _STAMP_PX / 2 - 0.5 + turn @ np.array([x0 - x, y0 - y])
    stamp = cv2.warpAffine(
        _stamps(round(edge, 2))[index % _STAMPS], np.column_stack([turn, shift]), (x1 - x0, y1 - y0),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )  # fmt: skip
    window = pigment[y0:y1, x0:x1]
    darker = np.maximum(window, stamp * np.float32(spots.contrast[index]))
    added = float(np.vdot(weights[y0:y1, x0:x1], darker - window))
    window[:] = darker
    return added


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
    canvas: Canvas, kinds: Kinds, rng: np.random.Generator, height: Float, weights: Float, wanted: float
) -> Float:
    """A melasma-like field (H, W) of the wanted load: where ``height`` exceeds a threshold."""
    small = weights[::4, ::4]
    scale = float(weights.sum()) / max(float(small.sum()), 1e-12)
    contrast = kinds.contrast * 0.85
    unit = canvas.px_per_mm / 4
    net = 0.22 * optics.smooth_noise(rng, small.shape, 2 * unit)
    net += 0.16 * optics.smooth_noise(rng, small.shape, max(0.7 * unit, 0.5))
    texture = contrast * np.clip(1 + net, 0.2, 2)
    low, high = -8.0, 8.0
    for _ in range(18):
        middle = (low + high) / 2
        sheet = texture / (1 + np.exp(np.clip((middle - height) / 0.16, -30, 30)))
        over = scale * float(np.vdot(small, sheet)) > wanted
        low, high = (middle, high) if over else (low, middle)
    return cv2.resize(np.maximum(sheet, 0), weights.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _flecks(
    canvas: Canvas, kinds: Kinds, rng: np.random.Generator, grade: float, density: Float
) -> Float | None:
    """Whitish flecks (H, W), negative OD, or None: only beside marked pigment."""
    count = int(90 * kinds.flecks * np.clip((grade - 3.5) / 4, 0, 1))
    if not count:
        return None
    unit = canvas.px_per_mm
    skin = cv2.resize(canvas.skin, density.shape[::-1], interpolation=cv2.INTER_AREA)
    spots = Spots.draw(rng, Kinds(1, 0, 0, contrast=0.18), density * skin, unit, count)
    spots = dataclasses.replace(spots, diameter=rng.uniform(1, 3, count) * unit)
    flecks = np.zeros(canvas.skin.shape, np.float32)
    for index in range(count):
        _stamp(flecks, spots, index, flecks)
    return -flecks


def _finish(pigment: Float, flecks: Float | None, canvas: Canvas) -> Float:
    """Softened by .25 mm as by scatter, kept to skin."""
    if flecks is not None:
        pigment = np.where(flecks < -0.02, flecks, pigment)
    return cv2.GaussianBlur(pigment, (0, 0), max(0.25 * canvas.px_per_mm, 0.5)) * canvas.skin


@dataclass(frozen=True)
class Distractors:
    """What must not move a grade. Redness, vessels and moles belong to the person, the rest to a photo.

    ``redness`` peak blood (green OD) of diffuse fields; ``vessels`` and ``moles`` counts; ``shadow``
    share of light that a soft shadow takes; ``gradient`` fall of light across the face (ln);
    ``exposure`` gain of light; ``white_balance`` gains of R and B; ``noise`` deviation (sRGB, 0-1);
    ``jpeg_quality`` 1-100.
    """

    redness: float = 0.0
    vessels: int = 0
    moles: int = 0
    shadow: float = 0.0
    gradient: float = 0.0
    exposure: float = 1.0
    white_balance: tuple[float, float] = (1.0, 1.0)
    noise: float = 0.0
    jpeg_quality: int = 92

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Distractors:
        """A random person's, in a random session."""
        red = rng.random() < 0.45
        person = cls(
            redness=float(rng.uniform(0.1, 0.28)) if red else float(rng.uniform(0, 0.06)),
            vessels=int(rng.poisson(12)) if red else int(rng.poisson(1)),
            moles=int(rng.poisson(1.5)),
        )
        return person.new_session(rng)

    def new_session(self, rng: np.random.Generator) -> Distractors:
        """The same person before the camera another day."""
        return dataclasses.replace(
            self,
            redness=self.redness * float(rng.uniform(0.8, 1.2)),
            shadow=float(rng.uniform(0.1, 0.5)) if rng.random() < 0.35 else 0.0,
            gradient=float(np.clip(0.13 * rng.standard_normal(), -0.35, 0.35)),
            exposure=float(np.exp(0.08 * rng.standard_normal())),
            white_balance=(1 + 0.03 * float(rng.standard_normal()), 1 + 0.03 * float(rng.standard_normal())),
            noise=float(rng.uniform(0.005, 0.010)),
            # Most clinical photographs are compressed little; some have been through a mail program.
            jpeg_quality=int(rng.integers(85, 96) if rng.random() < 0.75 else rng.integers(55, 85)),
        )


@dataclass(frozen=True, eq=False)
class Blemishes:
    """What a person carries beside pigment: (H, W) maps of added green OD."""

    redness: Float  # diffuse, of peak 1: to be scaled by ``Distractors.redness``
    vessels: Float
    moles: Float

    @classmethod
    def draw(cls, canvas: Canvas, distractors: Distractors, rng: np.random.Generator) -> Blemishes:
        """Fields of redness on cheeks, nose and chin; fine vessels beside the nose; a few moles."""
        red, vessels, moles = rng.spawn(3)  # one mole more leaves all else as it was
        return cls(
            _redness(canvas, red),
            _vessels(canvas, vessels, distractors.vessels),
            _moles(canvas, moles, distractors.moles),
        )


def _redness(canvas: Canvas, rng: np.random.Generator) -> Float:
    shape = canvas.skin.shape
    quarter = (-(-shape[0] // 4), -(-shape[1] // 4))
    u, v = geometry.canonical_grid(canvas.points, quarter, 4)
    field = np.zeros(quarter, np.float32)
    places = [
        (-0.42, 0.36, 0.2, 0.18),
        (0.42, 0.36, 0.2, 0.18),
        (0, 0.36, 0.1, 0.14),
        (0, 1.1, 0.2, 0.12),
        (0, -0.5, 0.4, 0.15),
    ]
    for cx, cy, sx, sy in places:
        hill = np.exp(-(((u - cx) / sx) ** 2 + ((v - cy) / sy) ** 2) / 2)
        field = np.maximum(field, rng.uniform(0.3, 1.0) * hill.astype(np.float32))
    ragged = 1 + 0.5 * optics.smooth_noise(rng, quarter, 5 * canvas.px_per_mm / 4)
    field = np.clip(field * ragged, 0, 1.2)
    return cv2.resize(field, shape[::-1], interpolation=cv2.INTER_LINEAR) * canvas.skin


def _vessels(canvas: Canvas, rng: np.random.Generator, count: int) -> Float:
    drawn = np.zeros(canvas.skin.shape, np.uint8)
    unit = canvas.px_per_mm
    for _ in range(count):
        side = rng.choice([-1, 1])
        start = np.array([[side * rng.uniform(0.15, 0.6), rng.uniform(0.2, 0.6)]])
        heading = np.cumsum(0.5 * rng.standard_normal(14)) + rng.uniform(0, 2 * np.pi)
        steps = np.column_stack([np.cos(heading), np.sin(heading)]) * rng.uniform(0.3, 0.9) * unit
        path = geometry.from_canonical(canvas.points, start) + np.cumsum(steps, axis=0)
        cv2.polylines(
            drawn,
            [np.round(path * 16).astype(np.int32)],
            False,
            255,
            max(1, round(0.15 * unit)),
            cv2.LINE_AA,
            4,
        )
    if not count:
        return np.zeros(canvas.skin.shape, np.float32)
    soft = cv2.GaussianBlur(drawn, (0, 0), max(0.2 * unit, 0.5))
    return soft.astype(np.float32) * np.float32(0.35 / 255) * canvas.skin


def _moles(canvas: Canvas, rng: np.random.Generator, count: int) -> Float:
    moles = np.zeros(canvas.skin.shape, np.float32)
    if not count:
        return moles
    density = cv2.resize(
        canvas.skin, (canvas.skin.shape[1] // 4, canvas.skin.shape[0] // 4), interpolation=cv2.INTER_AREA
    )
    drawn = max(count, _MAX_MOLES)  # always as many, so that the first ones stay where they are
    spots = Spots.draw(rng, Kinds(0, 1, 0, contrast=1.1), density, canvas.px_per_mm, drawn)
    size = np.clip(2.0 * np.exp(0.4 * rng.standard_normal(drawn)), 1.0, 4.5) * canvas.px_per_mm
    spots = dataclasses.replace(spots, diameter=size, roundness=rng.uniform(0.85, 1, drawn))
    for index in range(count):
        _stamp(moles, spots, index, moles)
    return cv2.GaussianBlur(moles, (0, 0), max(0.15 * canvas.px_per_mm, 0.5)) * canvas.skin


def render(
    canvas: Canvas, pigment: Float, blemishes: Blemishes, distractors: Distractors, rng: np.random.Generator
) -> Float:
    """The canvas's linear light (H, W, 3) with pigment and blemishes, under the session's light."""
    brown = (pigment + blemishes.moles)[..., None] * canvas.melanin
    red = (np.float32(distractors.redness) * blemishes.redness + blemishes.vessels)[..., None]
    od = brown + red * canvas.blood
    od += _illumination(canvas, distractors, rng.spawn(1)[0])[..., None]
    gains = np.array([distractors.white_balance[0], 1.0, distractors.white_balance[1]]) * distractors.exposure
    return canvas.light * cv2.exp(-od) * gains.astype(np.float32)


def _illumination(canvas: Canvas, distractors: Distractors, rng: np.random.Generator) -> Float:
    """(H, W) neutral OD of a gradient across the face and of a soft shadow from one side."""
    height, width = canvas.skin.shape
    coarse = (height // 16 + 1, width // 16 + 1)
    u, v = geometry.canonical_grid(canvas.points, coarse, 16)
    od = distractors.gradient * np.clip(u, -1.2, 1.2)
    if distractors.shadow:
        angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.6)
        depth = (np.cos(angle) * u + np.sin(angle) * (v - 0.3) - offset) / rng.uniform(0.08, 0.3)
        od = od - np.log(1 - distractors.shadow / (1 + np.exp(-np.clip(depth, -30, 30))))
    return cv2.resize(od.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
