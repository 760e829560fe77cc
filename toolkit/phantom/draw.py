"""Faces from formulas: a height map under soft light, with eyes, brows, nostrils, lips and hair.

Everything smooth is worked out at half of the picture's size (the shading at a quarter) and enlarged;
skin texture, highlights, brows and eyes are drawn at full size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.phantom import features, geometry, optics, texture
from toolkit.phantom.geometry import Points
from toolkit.phantom.looks import Looks
from toolkit.phantom.optics import Float

# What 1 of shade becomes in (R, G, B): a shaded place is lit by skin more than by lamps, and cameras
# show more contrast than there is.
_SHADE_TINT: Final = 1.2 * np.array([0.84, 1.0, 1.1], np.float32)
Mask = Callable[..., Float]  # (canonical polygon, softness) -> (h, w), 0-1


@dataclass(frozen=True, eq=False)
class Canvas:
    """A face to paint on, drawn or photographed.

    ``light`` (H, W, 3) float32 linear light, 0-1. ``points`` (68, 2) float64 pixels, dlib's order.
    ``skin`` (H, W) float32, 1 on skin, 0 on hair, eyes, brows, lips, nostrils and all else.
    ``forehead`` (n, 2): the hairline in pixels, from the right temple to the left. ``ita``: skin tone,
    degrees. ``melanin`` and ``blood`` (3,): OD in (R, G, B) for 1 of added green OD. ``hair`` (H, W)
    float32, 1 under the hair of a drawn head; None of a photograph, where nobody knows.
    """

    light: Float
    points: Points
    skin: Float
    forehead: Points
    ita: float
    melanin: Float
    blood: Float
    hair: Float | None = None

    @property
    def px_per_mm(self) -> float:
        """Pixels a millimetre of skin, taking the outer eye corners as 88 mm apart."""
        return geometry.span_of(self.points) / geometry.SPAN_MM

    def regions(self) -> dict[str, NDArray[np.bool_]]:
        """Where pigment is weighed; see ``geometry.region_masks``."""
        return geometry.region_masks(self.skin.shape[:2], self.points, self.forehead, self.skin)


def draw_face(
    rng: np.random.Generator,
    size: tuple[int, int] = (1600, 1570),
    *,
    span_px: float | None = None,
    ita: float | None = None,
) -> Canvas:
    """A drawn frontal face on a plain background.

    ``size`` is (width, height) in pixels; ``span_px`` the distance between the outer eye corners
    (a random share of the size where None); ``ita`` the skin tone in degrees (random where None). The
    landmarks lie where dlib's shape predictor puts them, to a few percent of the span.
    """
    width, height = size
    looks = Looks.draw(rng, ita)
    span = float(span_px or min(width * rng.uniform(0.3, 0.36), height * rng.uniform(0.3, 0.36)))
    shape = geometry.draw_points(rng)
    origin = np.array([width / 2 + 0.01 * width * rng.standard_normal(), height * rng.uniform(0.40, 0.43)])
    points = origin + span * shape
    half = _compose(
        rng, looks, shape, (origin - 0.5) / 2, unit=span / 2, size=((height + 1) // 2, (width + 1) // 2)
    )
    light = cv2.resize(half.light, (width, height), interpolation=cv2.INTER_LINEAR)
    skin = cv2.resize(half.skin, (width, height), interpolation=cv2.INTER_LINEAR)
    forehead = origin + span * half.forehead
    grain = texture.Grain.draw(rng, looks.age)
    bare = cv2.resize(half.bare, (width, height), interpolation=cv2.INTER_LINEAR)
    texture.lay(rng, light, half.gloss, bare, points=points, tone=looks.tone, grain=grain, beard=looks.beard)
    features.draw_eyes(rng, light, points, looks.tone)
    features.draw_brows(rng, light, points, looks.hair_od, strength=looks.brow_strength)
    features.draw_mouth(rng, light, points)
    for polygons in geometry.holes(points).values():
        for polygon in polygons:
            cv2.fillPoly(skin, [np.round(polygon).astype(np.int32)], 0)
    melanin, blood = optics.draw_melanin(rng), optics.blood_vector(looks.blood_t)
    hair = cv2.resize(half.hair, (width, height), interpolation=cv2.INTER_LINEAR)
    return Canvas(light, points, skin, forehead, looks.ita, melanin, blood, hair)


@dataclass(frozen=True, eq=False)
class _Half:
    light: Float
    gloss: Float  # light that the skin's surface throws back, to be added
    bare: Float  # the head without its hair, scalp included
    hair: Float
    skin: Float
    forehead: Points  # canonical


def _compose(
    rng: np.random.Generator,
    looks: Looks,
    shape: Points,
    origin: NDArray,
    *,
    unit: float,
    size: tuple[int, int],
) -> _Half:
    """The picture at half size: backdrop, body, hair and lit skin, one over the other."""
    u = ((np.arange(size[1], dtype=np.float32) - origin[0]) / unit)[None, :]
    v = ((np.arange(size[0], dtype=np.float32) - origin[1]) / unit)[:, None]

    def mask(polygon: NDArray, soft: float = 0.008) -> Float:
        filled = geometry.polygon_mask(size, origin + unit * np.asarray(polygon))
        return cv2.GaussianBlur(filled, (0, 0), max(soft * unit, 0.4)).astype(np.float32) / 255

    light = _backdrop(rng, u, v)
    skin_light, gloss = _lit_skin(rng, looks, shape, u, v=v)
    _body(rng, light, looks, shape, mask=mask)
    head = mask(_head_outline(shape))
    forehead = _hairline(rng, shape, looks.hairline)
    if looks.hair == "parted":
        features.lay_hair(
            rng,
            light,
            _hair_mask(rng, mask, shape, forehead, style=looks.hair, behind=True),
            u,
            v=v,
            looks=looks,
        )
    _over(light, skin_light, head)
    if looks.hair != "bald":
        front = _hair_mask(rng, mask, shape, forehead, style=looks.hair, behind=False)
        hair = features.lay_hair(rng, light, front, u, v=v, looks=looks)
    else:
        hair = np.zeros(size, np.float32)
    face = mask(np.concatenate([shape[geometry.JAW], forehead[::-1]]))
    bare = head * (1 - hair)
    return _Half(light, gloss * bare, bare, hair, np.minimum(face, head) * (1 - hair), forehead)


def _over(light: Float, layer: Float, alpha: Float) -> None:
    light += (layer - light) * alpha[..., None]


def _backdrop(rng: np.random.Generator, u: Float, v: Float) -> Float:
    level = rng.uniform(0.15, 0.6) * (1 - 0.08 * v - 0.05 * (u**2 + v**2))
    tint = 1 + 0.04 * rng.standard_normal(3)
    return (np.clip(level, 0.05, 1)[..., None] * tint).astype(np.float32)


def _head_outline(shape: Points) -> Points:
    """Jaw as landmarked, skull above it."""
    jaw = shape[geometry.JAW]
    angle = np.linspace(0, np.pi, 17)[1:-1]
    side = (jaw[16, 0] - jaw[0, 0]) / 2
    skull = np.column_stack([jaw[8, 0] + 1.0 * side * np.cos(angle), -0.02 - 1.2 * np.sin(angle) ** 0.85])
    return geometry.curve(np.concatenate([jaw, skull]), closed=True)


def _hairline(rng: np.random.Generator, shape: Points, top: float) -> Points:
    """Eleven points from the right temple over the forehead to the left one, canonical."""
    x = np.linspace(-1, 1, 11)
    squareness = rng.uniform(0.28, 0.5)
    y = -0.22 + (top + 0.22) * np.maximum(1 - np.abs(x) ** 2.4, 0) ** squareness
    y += rng.uniform(0, 0.05) * np.exp(-((x / 0.15) ** 2)) + 0.012 * rng.standard_normal(11)
    half_width = (shape[16, 0] - shape[0, 0]) / 2 - 0.055
    return np.column_stack([half_width * x * (1 - 0.05 * np.abs(x)), y])


def _hair_mask(
    rng: np.random.Generator, mask: Mask, shape: Points, forehead: Points, *, style: str, behind: bool
) -> Float:
    """Where hair lies (h, w), 0-1: the ring over the hairline, or what falls ``behind`` the face."""
    side = (shape[16, 0] - shape[0, 0]) / 2
    rise = {"back": 0.14, "parted": 0.2, "cropped": 0.08}[style] + 0.04 * rng.random()
    if behind:
        fall = rng.uniform(1.0, 2.2)
        x = side * np.array([0.98, 1.13, 1.22, 1.2, 1.1, 0.6])
        y = np.array([-0.5, 0.0, 0.5 * fall, 0.9 * fall, fall, 1.05 * fall])
        right = np.column_stack([x, y])
        return mask(geometry.curve(np.concatenate([right, right[::-1] * [-1, 1]]), closed=True), 0.02)
    angle = np.linspace(0, np.pi, 19)
    spread = {"back": 1.03, "parted": 1.16, "cropped": 1.0}[style]
    outer = np.column_stack([-side * spread * np.cos(angle), 0.12 - (1.28 + rise) * np.sin(angle) ** 0.8])
    inner = forehead.copy()
    low = {"back": 0.0, "parted": 0.75, "cropped": 0.3}[style]
    strip = {"back": 0.98, "parted": 0.96, "cropped": 0.97}[style] * side
    foot = np.array([[strip, low]])
    ring = np.concatenate([outer, foot, inner[::-1], foot * [-1, 1]])
    return mask(ring, 0.012)


def _body(rng: np.random.Generator, light: Float, looks: Looks, shape: Points, *, mask: Mask) -> None:
    """Neck, ears and a shirt, in plain shades."""
    skin = np.exp(-optics.skin_od(looks.tone, looks.flush))
    shirt = np.array(rng.uniform(0.03, 0.75, 3) if rng.random() < 0.4 else np.full(3, rng.uniform(0.3, 0.8)))
    side = (shape[16, 0] - shape[0, 0]) / 2
    neck = np.array(
        [[-0.55, 0.6], [0.55, 0.6], [0.56, 1.5], [1.2, 1.85], [1.2, 4], [-1.2, 4], [-1.2, 1.85], [-0.56, 1.5]]
    )
    chin = np.add(shape[geometry.JAW], [0, 0.12])
    body = mask(geometry.curve(neck, closed=True), 0.012)
    _over(light, (skin * 0.72).astype(np.float32), body)
    light *= 1 - 0.55 * (body * mask(chin, 0.09))[..., None]  # the shadow that the chin casts
    collar = np.array(
        [
            [-3, 2.3],
            [-0.85, 1.72],
            [-0.5, 2.0],
            [0, 2.25],
            [0.5, 2.0],
            [0.85, 1.72],
            [3, 2.3],
            [3, 5],
            [-3, 5],
        ]
    )
    _over(light, shirt.astype(np.float32), mask(collar, 0.015))
    for sign in (-1, 1):
        ear = np.array(
            [[0.95, -0.08], [1.06, -0.14], [1.13, 0.0], [1.09, 0.25], [1.0, 0.42], [0.94, 0.4]]
        ) * [side, 1]
        outline = geometry.curve(ear * [sign, 1], closed=True)
        _over(light, (skin * [0.72, 0.62, 0.6]).astype(np.float32), mask(outline))
        inner = geometry.grown(outline, 0.55)
        _over(light, (skin * [0.42, 0.34, 0.33]).astype(np.float32), 0.7 * mask(inner, 0.025))


def _lit_skin(
    rng: np.random.Generator, looks: Looks, shape: Points, u: Float, *, v: Float
) -> tuple[Float, Float]:
    """Skin's light (h, w, 3) and its gloss (h, w) at half size, worked out at a quarter."""
    size = (v.shape[0], u.shape[1])
    uq, vq = np.ascontiguousarray(u[:, ::2]), np.ascontiguousarray(v[::2])
    pixel = float(uq[0, 1] - uq[0, 0])
    z = _relief(looks, shape, uq, vq)
    for wide, high in ((0.1, 0.010), (0.05, 0.0034)):  # no face is as even as its formula
        z += high * optics.smooth_noise(rng, z.shape, wide / pixel)
    shade, gloss = _shade(rng, z, pixel)
    cheeks = (abs(abs(uq) - 0.42) < 0.22) & (abs(vq - 0.42) < 0.22)
    shade /= np.percentile(shade[cheeks], 30)  # all but the darkest of the cheeks is lit as 1 or more
    tone, blood = _colour(rng, looks, shape, uq, v=vq)
    od = optics.skin_od(tone, blood)
    lit = np.exp(np.log(np.maximum(shade, 1e-3))[..., None] * _SHADE_TINT - od)
    enlarged = [cv2.resize(one, size[::-1], interpolation=cv2.INTER_LINEAR) for one in (lit, gloss)]
    return enlarged[0], enlarged[1]


def _bump(u: Float, v: Float, x: float, y: float, *, sx: float, sy: float) -> Float:
    """A Gaussian hill of height 1."""
    return np.exp(-(((v - y) / sy) ** 2) / 2) * np.exp(-(((u - x) / sx) ** 2) / 2)


def _relief(looks: Looks, shape: Points, u: Float, v: Float) -> Float:
    """Height of the face toward the camera, in canonical units."""
    side = (shape[16, 0] - shape[0, 0]) / 2
    chin, tip, base = shape[8, 1], shape[30, 1], shape[33, 1]
    mouth, lower = shape[62, 1], shape[57, 1]
    down = np.where(v > 0.1, (v - 0.1) / (chin + 0.12 - 0.1), (v - 0.1) / 1.35)
    narrowing = 1.04 * side * (1 - 0.16 * np.clip(v - 0.45, 0, 1) ** 1.3)
    radius = np.clip(np.abs(u / narrowing) ** 2.05 + np.abs(down) ** 2.5, 0, 1.2)
    z = 0.8 * np.sqrt(np.maximum(1.06 - radius, 0.004))
    ramp = np.clip((v + 0.08) / (tip + 0.08), 0, 1)
    fall = 1 / (1 + np.exp((v - base + 0.035) / 0.022))
    ridge = (0.035 + 0.17 * ramp**1.4) * fall * np.clip((v + 0.32) / 0.24, 0, 1)
    width = 0.062 + 0.035 * ramp
    bumps = ridge * np.exp(-((u / width) ** 2) / 2)
    bumps += 0.05 * _bump(u, v, 0, tip + 0.05, sx=0.08, sy=0.06)
    wing = shape[35, 0] - 0.02
    for sign in (-1, 1):
        bumps += 0.035 * _bump(u, v, sign * 0.30, -0.2, sx=0.2, sy=0.07)
        bumps -= 0.075 * _bump(u, v, sign * 0.29, -0.03, sx=0.15, sy=0.08)
        bumps -= 0.04 * _bump(u, v, sign * 0.15, -0.02, sx=0.045, sy=0.07)
        bumps += 0.055 * _bump(u, v, sign * 0.355, -0.01, sx=0.1, sy=0.055)
        bumps += 0.065 * _bump(u, v, sign * wing, base - 0.045, sx=0.042, sy=0.05)
        bumps += 0.05 * _bump(u, v, sign * 0.46, 0.33, sx=0.19, sy=0.17)
        bumps -= 0.03 * _bump(u, v, sign * 0.74, -0.2, sx=0.09, sy=0.18)
        bumps -= (0.01 + 0.02 * looks.age) * _fold(
            u, v, sign, (wing + 0.05, base - 0.06), end=(0.33, mouth + 0.02)
        )
        bumps -= (0.004 + 0.02 * looks.age) * _bump(u, v, sign * 0.31, 0.115, sx=0.11, sy=0.02)
        bumps -= 0.018 * _bump(u, v, sign * (shape[54, 0] + 0.02), mouth, sx=0.03, sy=0.03)
    for row, bend in ((-0.42, 0.05), (-0.52, 0.03), (-0.62, 0.04)):  # lines of the forehead
        wave = row + bend * u**2 + 0.006 * np.sin(9 * u + 40 * row)
        bumps -= 0.007 * max(looks.age - 0.35, 0) * np.exp(-(((v - wave) / 0.011) ** 2) - (u / 0.42) ** 6)
    bumps -= 0.008 * _bump(u, v, 0, (base + shape[51, 1]) / 2, sx=0.022, sy=0.06)
    bumps += 0.022 * _bump(u, v, 0, shape[51, 1] + 0.02, sx=0.17, sy=0.03)
    bumps += 0.03 * _bump(u, v, 0, (mouth + lower) / 2 + 0.01, sx=0.13, sy=0.032)
    bumps -= 0.022 * _bump(u, v, 0, lower + 0.06, sx=0.14, sy=0.035)
    bumps += 0.06 * _bump(u, v, 0, chin - 0.2, sx=0.15, sy=0.11)
    return (z + looks.relief * bumps).astype(np.float32)


def _fold(u: Float, v: Float, sign: int, start: tuple[float, float], *, end: tuple[float, float]) -> Float:
    """A groove of depth 1 along a line, fading at both ends."""
    t = (v - start[1]) / (end[1] - start[1])
    x = sign * (start[0] + (end[0] - start[0]) * np.clip(t, 0, 1.2))
    return np.exp(-(((t - 0.45) / 0.32) ** 2)) * np.exp(-(((u - x) / 0.022) ** 2) / 2)


def _shade(rng: np.random.Generator, z: Float, pixel: float) -> tuple[Float, Float]:
    """Lambertian light of two soft boxes, one lamp and the room, less of it in hollows; and the gloss.

    Both (h, w): a factor of the skin's light, and light to add.
    """
    zy, zx = np.gradient(cv2.GaussianBlur(z, (0, 0), 1.2), pixel)
    norm = 1 / np.sqrt(zx**2 + zy**2 + 1)
    turn, lean = rng.uniform(-0.25, 0.25), rng.uniform(-0.1, 0.1)
    shade, gloss = 0.18 + 0.14 * norm, np.zeros_like(norm)
    for x, share in ((-0.6 + turn, 0.28 - lean), (0.6 + turn, 0.28 + lean), (turn, 0.18)):
        lamp = np.array([x, -0.2 + 0.1 * rng.standard_normal(), 1.0])
        lamp /= np.linalg.norm(lamp)
        shade += share * np.maximum((-zx * lamp[0] - zy * lamp[1] + lamp[2]) * norm, 0)
        middle = np.add(lamp, [0, 0, 1])
        middle /= np.linalg.norm(middle)
        facing = np.maximum((-zx * middle[0] - zy * middle[1] + middle[2]) * norm, 0)
        gloss += share * (1.2 * facing**14 + facing**90)
    gloss *= np.exp(0.4 * optics.smooth_noise(rng, z.shape, 0.09 / pixel))  # oilier here than there
    hollow = cv2.GaussianBlur(z, (0, 0), 0.06 / pixel) - z
    shade *= np.exp(-6.0 * np.clip(hollow, -0.004, 0.08))
    return shade.astype(np.float32), (rng.uniform(0.03, 0.12) * gloss).astype(np.float32)


def _colour(
    rng: np.random.Generator, looks: Looks, shape: Points, u: Float, *, v: Float
) -> tuple[Float, Float]:
    """Constitutive melanin and blood (h, w), green OD: zones of the face and slow variation."""
    size = (v.shape[0], u.shape[1])
    pixel = float(u[0, 1] - u[0, 0])
    mouth, tip, chin = shape[62, 1], shape[30, 1], shape[8, 1]
    tone = looks.tone + 0.05 * optics.smooth_noise(rng, size, 0.16 / pixel)
    blood = looks.flush + 0.03 * optics.smooth_noise(rng, size, 0.06 / pixel)
    blood += 0.10 * _bump(u, v, 0, tip + 0.06, sx=0.11, sy=0.1) + 0.05 * _bump(
        u, v, 0, chin - 0.18, sx=0.15, sy=0.1
    )
    tone += 0.06 * _bump(u, v, 0, -0.55, sx=0.5, sy=0.25)
    dark = 0.1 + 0.08 * looks.age
    for sign in (-1, 1):
        blood += 0.09 * _bump(u, v, sign * 0.45, 0.38, sx=0.15, sy=0.15)
        tone += dark * _bump(u, v, sign * 0.27, 0.1, sx=0.12, sy=0.045)
        tone += 0.6 * dark * _bump(u, v, sign * 0.33, -0.11, sx=0.14, sy=0.05)
        blood += 0.1 * _bump(u, v, sign * 0.2, 0.02, sx=0.04, sy=0.04)
    lower = _bump(u, v, 0, mouth + 0.3, sx=0.42, sy=0.2)
    tone += (0.4 * looks.beard + 0.05 * max(0.0, looks.tone)) * lower
    return tone.astype(np.float32), blood.astype(np.float32)
