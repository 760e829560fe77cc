"""What must not move a grade: redness, vessels and moles of the person; light, camera and file of the photograph."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from toolkit.phantom import geometry, optics
from toolkit.phantom.draw import Canvas
from toolkit.phantom.optics import Float
from toolkit.phantom.stamps import Kinds, Spots, stamp

_MAX_MOLES: Final = 64
_LEAST_PX_PER_MM: Final = 2.5
_TINT: Final = np.array([-0.04, 0.0, 0.1], np.float32)  # (R, G, B) from grey brown to reddish brown


@dataclass(frozen=True)
class Distractors:
    """What must not move a grade. Redness, vessels and moles belong to the person, the rest to a photo.

    ``redness`` peak blood (green OD) of diffuse fields; ``vessels`` and ``moles`` counts; ``shadow``
    share of light that a soft shadow takes; ``gradient`` fall of light across the face (ln);
    ``exposure`` gain of light; ``white_balance`` gains of R and B; ``noise`` deviation (sRGB, 0-1); ``tone``: contrast
    that the camera's curve adds in the middle tones; ``saturation`` of its colours; ``sharpen`` share of what differs
    from a picture blurred by a pixel that is added to it; ``scale`` of the saved picture, 0-1; ``jpeg_quality`` 1-100;
    ``subsampled``: colour at half the resolution (4:2:0); ``crosstalk``: share of its light that each channel takes from
    its neighbours, as the filters on a sensor let it.
    """

    redness: float = 0.0
    vessels: int = 0
    moles: int = 0
    shadow: float = 0.0
    gradient: float = 0.0
    exposure: float = 1.0
    white_balance: tuple[float, float] = (1.0, 1.0)
    noise: float = 0.0
    tone: float = 0.0
    saturation: float = 1.0
    sharpen: float = 0.0
    scale: float = 1.0
    jpeg_quality: int = 92
    subsampled: bool = True
    crosstalk: float = 0.0

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
            tone=float(np.clip(0.07 * rng.standard_normal(), -0.15, 0.2)),
            saturation=float(np.clip(1 + 0.07 * rng.standard_normal(), 0.85, 1.2)),
            sharpen=float(rng.uniform(0, 0.8)) if rng.random() < 0.5 else 0.0,
            scale=float(rng.uniform(0.45, 1)) if rng.random() < 0.35 else 1.0,
            # Most clinical photographs are compressed little; some have been through a mail program.
            jpeg_quality=int(rng.integers(85, 99) if rng.random() < 0.75 else rng.integers(50, 85)),
            subsampled=bool(rng.random() < 0.6),
        )

    def scale_on(self, px_per_mm: float) -> float:
        """``scale``, but no less than what leaves _LEAST_PX_PER_MM of a picture that has ``px_per_mm``."""
        return min(1.0, max(self.scale, _LEAST_PX_PER_MM / px_per_mm))


@dataclass(frozen=True, eq=False)
class Blemishes:
    """What a person carries beside pigment: (H, W) maps of added green OD."""

    redness: Float  # diffuse, of peak 1: to be scaled by ``Distractors.redness``
    vessels: Float
    moles: Float
    tint: Float  # of deviation 1: how the colour of pigment wanders over a face

    @classmethod
    def draw(cls, canvas: Canvas, distractors: Distractors, rng: np.random.Generator) -> Blemishes:
        """Fields of redness on cheeks, nose and chin; fine vessels beside the nose; a few moles."""
        red, vessels, moles, tint = rng.spawn(4)  # one mole more leaves all else as it was
        return cls(
            _redness(canvas, red),
            _vessels(canvas, vessels, distractors.vessels),
            _moles(canvas, moles, distractors.moles),
            _wandering(canvas, tint),
        )


def _wandering(canvas: Canvas, rng: np.random.Generator) -> Float:
    shape = canvas.skin.shape
    quarter = (-(-shape[0] // 4), -(-shape[1] // 4))
    field = optics.smooth_noise(rng, quarter, 3 * canvas.px_per_mm / 4)
    return cv2.resize(field, shape[::-1], interpolation=cv2.INTER_LINEAR)


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
    spots = Spots.draw(rng, Kinds(0, 1, 0, contrast=1.1), density, canvas.px_per_mm, count=drawn)
    size = np.clip(2.0 * np.exp(0.4 * rng.standard_normal(drawn)), 1.0, 4.5) * canvas.px_per_mm
    spots = dataclasses.replace(spots, diameter=size, roundness=rng.uniform(0.85, 1, drawn))
    for index in range(count):
        stamp(moles, spots, index)
    return cv2.GaussianBlur(moles, (0, 0), max(0.15 * canvas.px_per_mm, 0.5)) * canvas.skin


def render(
    canvas: Canvas,
    pigment: Float,
    blemishes: Blemishes,
    distractors: Distractors,
    *,
    rng: np.random.Generator,
) -> Float:
    """The canvas's linear light (H, W, 3) with pigment and blemishes, under the session's light."""
    brown = (pigment + blemishes.moles)[..., None] * (canvas.melanin + blemishes.tint[..., None] * _TINT)
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
