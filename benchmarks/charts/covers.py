"""Hair against spots, and objects on the skin: what of them a chart takes for skin."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.changed import Pixels, compressed, version
from benchmarks.charts.coverage import chart_of, on_chart
from benchmarks.people import Person
from toolkit.landmarks import FaceFinder
from toolkit.phantom import Kinds, Scene, geometry, shoot
from toolkit.records import REASONS

FRECKLES = Kinds(1.0, 0.0, 0.0, sheet=0.0, flecks=0.0, contrast=0.25, edge=0.15, clustering=0.4)
LOWER_MM = 46.0  # of the face frame: below it beards are sought
SPECTACLES = {"thin black": (1.2, (25, 22, 20)), "thick black": (4.0, (25, 22, 20)),
              "thin grey": (1.2, (120, 120, 125)), "thick grey": (4.0, (120, 120, 125)),
              "thick brown": (4.0, (70, 45, 30))}  # fmt: skip
MARKS = {"orange date": (255, 150, 0), "white date": (250, 250, 250), "black date": (15, 15, 15),
         "white sticker": (235, 235, 230), "grey sticker": (128, 128, 128),
         "green sticker": (60, 160, 80)}  # fmt: skip


def lower_face(pixels: Pixels, quality: int, finder: FaceFinder) -> float:
    """Share of the lower face's visible skin that is taken for beard or hair."""
    chart = chart_of(compressed(pixels, quality), finder)
    if chart is None:
        return np.nan
    y = chart.corner_mm[1] + (np.arange(chart.skin.shape[0]) + 0.5) / chart.px_per_mm
    below = chart.visible & (y > LOWER_MM)[:, None]
    hairy = np.isin(chart.reasons, [REASONS.index("beard"), REASONS.index("hair")])
    return float(hairy[below].mean()) if below.any() else 0.0


def hair_figures(person: Person, finder: FaceFinder) -> dict[str, float]:
    """The lower face with no pigment to speak of, and with dense freckles; plain and compressed."""
    found = {}
    canvas, scene = person.canvas, person.painted(8.0, FRECKLES)
    _, down = geometry.canonical_grid(canvas.points, canvas.skin.shape, 1)
    jaw = np.clip((down - 0.5) / 0.05, 0, 1)  # freckles below the nose alone: the cheeks tell nothing of them
    for name, share in (("plain", 0.0), ("freckled", 1.0)):
        pixels = shoot(replace(scene, pigment=scene.pigment * jaw * np.float32(share)), "left").pixels
        for quality in (92, 60):
            found[f"{name}, quality {quality}"] = lower_face(pixels, quality, finder)
        found[f"{name}, small"] = lower_face(version(pixels, "small")[0], 92, finder)
    return found


# Objects on the skin ----------------------------------------------------------------------------------------


def spectacles(points: NDArray, shape: tuple[int, int], width_mm: float) -> Pixels:
    """(H, W) 0-255: two rims, what joins them, and the arms towards the ears."""
    unit = geometry.span_of(points) / geometry.SPAN_MM
    canvas, width = np.zeros(shape, np.uint8), max(1, round(width_mm * unit))
    middles = [points[eye].mean(axis=0) + np.array([0, 3 * unit]) for eye in (range(36, 42), range(42, 48))]
    reach, rise = np.array([24 * unit, 0]), np.array([0, 4 * unit])
    for middle in middles:
        axes = round(24 * unit), round(18 * unit)
        cv2.ellipse(canvas, pixel(middle), axes, 0, 0, 360, 255, width, cv2.LINE_AA)
    right, left = middles
    for first, last in (
        (right + reach, left - reach),
        (right - reach, points[0]),
        (left + reach, points[16]),
    ):
        cv2.line(canvas, pixel(first - rise), pixel(last - rise), 255, width, cv2.LINE_AA)
    return canvas


def mark(points: NDArray, shape: tuple[int, int], side: str, what: str) -> Pixels:
    """(H, W) 0-255: a printed date or a round sticker on the cheek."""
    unit = geometry.span_of(points) / geometry.SPAN_MM
    canvas = np.zeros(shape, np.uint8)
    place = 0.45 * points[33] + 0.55 * points[13 if side == "left" else 3]
    if "sticker" in what:
        return cv2.circle(canvas, pixel(place), round(4 * unit), 255, -1, cv2.LINE_AA)
    text, font = "2024-03-01", cv2.FONT_HERSHEY_SIMPLEX
    (wide, _), _ = cv2.getTextSize(text, font, 1, 1)
    start = pixel(place - np.array([19 * unit, 0]))
    return cv2.putText(
        canvas, text, start, font, 38 * unit / wide, 255, max(1, round(0.8 * unit)), cv2.LINE_AA
    )


def pixel(point: NDArray) -> tuple[int, int]:
    """The nearest one, as OpenCV takes it."""
    x, y = np.round(point).astype(int).tolist()
    return x, y


def object_figures(scene: Scene, side: str, finder: FaceFinder) -> dict[str, float]:
    """The share of each object's pixels measured as skin: spectacles on a whole face, marks on a half."""
    whole, half = shoot(scene, "both"), shoot(scene, side)
    shape = whole.pixels.shape[:2]
    worn = {f"spectacles, {name}": (whole, spectacles(whole.points, shape, width), colour)
            for name, (width, colour) in SPECTACLES.items()}  # fmt: skip
    worn |= {
        name: (half, mark(half.points, shape, side, name) * half.mask, colour)
        for name, colour in MARKS.items()
    }
    found = {}
    for name, (shot, mask, colour) in worn.items():
        share = mask[..., None] / 255
        pixels = np.round(shot.pixels * (1 - share) + np.array(colour) * share).astype(np.uint8)
        chart = chart_of(compressed(pixels, 92), finder)
        there = (on_chart(chart, mask) > 128) & chart.visible if chart else np.zeros(1, np.bool_)
        found[name] = float(chart.skin[there].mean()) if chart and there.any() else np.nan
    return found
