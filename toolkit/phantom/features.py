"""Eyes, brows, mouth, nostrils and hair of a drawn face; each changes the picture in place."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from toolkit.phantom import geometry, optics
from toolkit.phantom.geometry import Points
from toolkit.phantom.looks import Looks
from toolkit.phantom.optics import Float


class _Window:
    """A rectangle of the picture round some points, to draw in without touching the rest."""

    def __init__(self, light: Float, points: NDArray, margin: float) -> None:
        low = np.maximum(np.floor(points.min(axis=0) - margin), 0).astype(int)
        high = np.maximum(np.ceil(points.max(axis=0) + margin), 0).astype(int)
        self.light = light[low[1] : high[1], low[0] : high[0]]
        self.origin = low.astype(np.float64)
        self.shape = self.light.shape[:2]

    def mask(self, polygon: NDArray, soft: float = 0.7) -> Float:
        filled = geometry.polygon_mask(self.shape, polygon - self.origin)
        return cv2.GaussianBlur(filled, (0, 0), soft).astype(np.float32) / 255

    def lines(self, lines: list[NDArray], thickness: int, soft: float = 0.7) -> Float:
        drawn = np.zeros(self.shape, np.uint8)
        paths = [np.round((line - self.origin) * 16).astype(np.int32) for line in lines]
        cv2.polylines(drawn, paths, False, 255, max(1, thickness), cv2.LINE_AA, 4)
        return cv2.GaussianBlur(drawn, (0, 0), soft).astype(np.float32) / 255

    def over(self, colour: ArrayLike, alpha: Float) -> None:
        self.light += (np.asarray(colour, np.float32) - self.light) * alpha[..., None]

    def darken(self, od: ArrayLike, alpha: Float) -> None:
        self.light *= np.exp(-alpha[..., None] * np.asarray(od, np.float32))


def _circle(centre: NDArray, radius: float) -> Points:
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return centre + radius * np.column_stack([np.cos(angle), np.sin(angle)])


def draw_eyes(rng: np.random.Generator, light: Float, points: Points, tone: float) -> None:
    """Eyeball, iris, lids and lashes of both eyes."""
    unit = geometry.span_of(points)
    brown, depth = rng.random() < 0.5, rng.random()
    if tone > 0.6 or brown:
        iris = np.array([0.075, 0.035, 0.018]) * (0.4 + depth)
    else:
        iris = np.array([0.13, 0.18, 0.22]) * (0.6 + 0.7 * depth)
    gaze = 0.004 * rng.standard_normal(2) * unit
    crease = rng.uniform(0.018, 0.04) * unit
    for eye in geometry.EYES:
        _draw_eye(light, points[eye], unit, iris, gaze=gaze, crease=crease)


def _draw_eye(light: Float, eye: Points, unit: float, iris: NDArray, *, gaze: NDArray, crease: float) -> None:
    window = _Window(light, eye, 0.14 * unit)
    upper, lower = geometry.curve(eye[:4]), geometry.curve(eye[[3, 4, 5, 0]])
    opening = window.mask(np.concatenate([upper, lower]), 0.003 * unit)
    centre = eye.mean(axis=0) + gaze - [0, 0.006 * unit]
    window.over([0.52, 0.47, 0.45], opening)
    window.over(0.35 * iris, opening * window.mask(_circle(centre, 0.068 * unit), 0.005 * unit))
    window.over(iris, opening * window.mask(_circle(centre, 0.060 * unit), 0.008 * unit))
    window.over([0.004, 0.004, 0.004], opening * window.mask(_circle(centre, 0.026 * unit), 0.003 * unit))
    glint = centre + np.array([-0.02, -0.022]) * unit
    window.over([0.9, 0.9, 0.9], opening * window.mask(_circle(glint, 0.009 * unit), 0.002 * unit))
    down = np.array([0, 1.0])
    lid = window.lines([upper + 0.012 * unit * down], round(0.03 * unit), 0.012 * unit)
    window.darken([1.0, 1.1, 1.1], opening * lid)  # the lid's shadow on the eyeball
    window.darken([1.6, 1.7, 1.8], window.lines([upper], round(0.012 * unit), 0.004 * unit))
    window.darken([0.35, 0.5, 0.5], window.lines([lower], round(0.008 * unit), 0.004 * unit))
    arch = upper - [0, crease]
    window.darken([0.5, 0.6, 0.65], window.lines([arch[2:-2]], round(0.008 * unit), 0.008 * unit))


def draw_brows(
    rng: np.random.Generator, light: Float, points: Points, hair_od: Float, *, strength: float
) -> None:
    """Brow hairs: a few hundred strokes along each brow, leaning outward and up."""
    unit = geometry.span_of(points)
    count = round(220 + 330 * strength)
    for brow, outward in ((points[17:22], -1), (points[22:27][::-1], 1)):
        window = _Window(light, brow, 0.12 * unit)
        spine = geometry.curve(brow, steps=16)
        place = rng.beta(1.3, 1.1, count)  # 0 at the tail, 1 at the nose
        at = spine[np.minimum((place * (len(spine) - 1)).astype(int), len(spine) - 1)]
        thick = unit * (0.008 + 0.034 * place) * (0.6 + 0.5 * strength)
        at = at + np.column_stack([np.zeros(count), rng.uniform(-0.6, 1.0, count) * thick])
        lean = np.clip(rng.normal(0.25 + 1.0 * place**3, 0.25, count), -0.4, 1.5)
        length = unit * rng.uniform(0.03, 0.06, count) * (1.1 - 0.4 * place)
        tip = at + length[:, None] * np.column_stack([outward * np.cos(lean), -np.sin(lean)])
        mid = (at + tip) / 2 - [0, 0.004 * unit]
        strokes = window.lines(list(np.stack([at, mid, tip], axis=1)), max(1, round(unit / 400)), 0.9)
        shadow = window.lines([spine[6:]], round(0.035 * unit), 0.018 * unit)
        od = np.minimum(hair_od, 2.4) * strength
        window.darken(0.35 * od, shadow)
        window.darken(0.8 * od, np.minimum(strokes, 1))


def draw_mouth(rng: np.random.Generator, light: Float, points: Points) -> None:
    """Lips (more blood), the line between them, and the nostrils."""
    unit = geometry.span_of(points)
    outer, top, bottom = points[48:60], points[48:55], points[[54, 55, 56, 57, 58, 59, 48]]
    middle = points[[60, 61, 62, 63, 64]]
    window = _Window(light, outer, 0.1 * unit)
    lips = window.mask(np.concatenate([geometry.curve(top), geometry.curve(bottom)]), 0.008 * unit)
    blood = rng.uniform(0.25, 0.6) * optics.blood_vector(0.5) + rng.uniform(0.0, 0.15)
    streaks: Float = rng.standard_normal((4, window.shape[1]), dtype=np.float32)
    streaks = cv2.GaussianBlur(streaks, (0, 0), max(0.006 * unit, 1))
    streaks = cv2.resize(streaks, window.shape[::-1], interpolation=cv2.INTER_CUBIC)
    window.darken(blood, lips * (1 + 0.1 * streaks / max(float(streaks.std()), 1e-6)))
    line = geometry.curve(np.concatenate([points[48:49], middle, points[54:55]]))
    window.darken([0.5, 0.6, 0.6], window.lines([line], round(0.025 * unit), 0.012 * unit))
    window.darken([1.2, 1.5, 1.5], window.lines([line[3:-3]], round(0.009 * unit), 0.004 * unit))
    nose = _Window(light, points[31:36], 0.12 * unit)
    for wing, inner in ((points[31], points[32]), (points[35], points[34])):
        centre = 0.45 * wing + 0.55 * inner - [0, 0.012 * unit]
        axis = (wing - inner) * [1, 0] * 0.42
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        oval = centre + np.outer(np.cos(angle), axis) + np.outer(np.sin(angle), [0, 0.020 * unit])
        nose.darken([1.5, 1.9, 1.9], 0.8 * nose.mask(oval, 0.009 * unit))
    under = geometry.curve(points[31:36])
    nose.darken([0.25, 0.35, 0.35], nose.lines([under], round(0.03 * unit), 0.018 * unit))


def lay_hair(
    rng: np.random.Generator, light: Float, mask: Float, u: Float, *, v: Float, looks: Looks
) -> Float:
    """Lays strands where ``mask`` says, combed as the style wants; gives back the hair's alpha (h, w)."""
    size = mask.shape
    pixel = float(u[0, 1] - u[0, 0])
    if looks.hair == "parted":  # strands run round the head and fall beside the face
        across = np.hypot(u, np.minimum(v + 0.1, 0)) / (2.5 * pixel)
        along = (v + 2) / (60 * pixel) + 0 * u
    else:  # combed back: strands run away from the face
        across = np.arctan2(u, 0.35 - v) / (2.2 * pixel)
        along = np.hypot(u, v - 0.35) / ((9 if looks.hair == "cropped" else 40) * pixel)
    table: Float = rng.standard_normal((256, 1024), dtype=np.float32)
    table = cv2.GaussianBlur(table, (0, 0), 1.0)
    table = 0.6 * table / table.std() + 0.6 * optics.smooth_noise(rng, table.shape, 9)
    wave = 3 * optics.smooth_noise(rng, size, 0.12 / pixel)
    strands = cv2.remap(
        table,
        np.mod(across + wave + 512, 1023).astype(np.float32),
        np.mod(along + 0.6 * wave + 128, 255).astype(np.float32),
        cv2.INTER_LINEAR,
    )
    ragged = cv2.GaussianBlur(mask, (0, 0), 0.02 / pixel)
    alpha = np.clip((ragged - 0.5 + 0.16 * strands) * 2.4 + 0.5, 0, 1)
    alpha *= np.clip(6 * ragged, 0, 1)
    alpha *= 0.8 if looks.hair == "cropped" else 0.97
    sheen = 0.5 * np.exp(-(((np.hypot(u, v - 0.1) - 1.15) / 0.12) ** 2))
    od = looks.hair_od * (1 - 0.25 * sheen)[..., None] + 0.28 * strands[..., None]
    light += (np.exp(-np.maximum(od, 0.2)) * 0.8 - light) * alpha[..., None]
    return alpha.astype(np.float32)
