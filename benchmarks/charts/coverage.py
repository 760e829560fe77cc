"""How much of the skin that is truly visible a chart measures, and whether it is the same skin every time."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.changed import IDENTITY, VERSIONS, Pixels, compressed, version
from benchmarks.people import SETTINGS, record
from toolkit.chart import make_chart
from toolkit.errors import ToolkitError
from toolkit.geometry import apply_affine
from toolkit.landmarks import FaceFinder
from toolkit.phantom import Scene, geometry, shoot
from toolkit.records import REASONS, FaceChart

PIGMENT_OD = 0.05  # planted: what of it counts as pigment


def chart_of(pixels: Pixels, finder: FaceFinder) -> FaceChart | None:
    """The chart of a picture; None, and the reason on standard error, where there is none."""
    photo = record(pixels)
    try:
        return make_chart(photo, finder.find(photo), SETTINGS.chart)
    except ToolkitError as error:
        print(error, file=sys.stderr)
        return None


# What is true -----------------------------------------------------------------------------------------------


def on_chart(chart: FaceChart, picture: NDArray) -> NDArray[Any]:
    """A picture of the photograph's size as the chart sees it."""
    return cv2.warpAffine(picture.astype(np.float32), chart.to_chart, chart.skin.shape[::-1])


def no_skin(points: NDArray, forehead: NDArray, shape: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
    """Masks (H, W) of what must not be measured: the middle of each."""
    far = np.ones(shape, np.uint8)
    cv2.fillPoly(far, [np.round(geometry.face_outline(points, forehead)).astype(np.int32)], 0)
    reach = 2 * round(5 * geometry.span_of(points) / geometry.SPAN_MM) + 1
    mouth = np.concatenate([points[48:55], points[54:60]])
    return {
        "eyes": geometry.polygon_mask(shape, points[36:42], points[42:48]) > 127,
        "lips": geometry.polygon_mask(shape, mouth) > 127,
        "beyond the outline": cv2.erode(far, np.ones((reach, reach), np.uint8)) > 0,
    }


@dataclass(frozen=True, eq=False)
class Truth:
    """On a chart: ``skin`` that is visible, ``pigment`` planted (green OD), ``other``: what is no skin."""

    skin: NDArray[np.bool_]
    pigment: NDArray[np.float32]
    other: dict[str, NDArray[np.bool_]]


def truth_on(chart: FaceChart, scene: Scene, style: str) -> Truth:
    """What is known of a photograph of the scene."""
    shot = shoot(scene, style)
    skin = shoot(replace(scene, pigment=scene.canvas.skin), style).melanin
    on_canvas = np.column_stack([scene.canvas.points, np.ones(68)])
    pose: Any = np.linalg.lstsq(on_canvas, shot.points, rcond=None)[0].T
    forehead = apply_affine(pose, scene.canvas.forehead)
    other = no_skin(shot.points, forehead, skin.shape)
    if style != "both":  # the study's mask is the word on hair, ears and neck
        other.pop("beyond the outline")
    if scene.canvas.hair is not None:
        other["hair"] = shoot(replace(scene, pigment=scene.canvas.hair), style).melanin > 0.5
    shown = on_chart(chart, shot.mask) > 0.5
    seen = {name: (on_chart(chart, mask) > 0.5) & shown for name, mask in other.items()}
    return Truth(on_chart(chart, skin) > 0.5, on_chart(chart, shot.melanin), seen)


def coverage(chart: FaceChart, truth: Truth) -> dict[str, float]:
    """Shares of one photograph."""
    left_out = truth.skin & ~chart.skin
    lid = left_out & (chart.reasons == REASONS.index("eyelid or brow"))
    pigment = truth.pigment > PIGMENT_OD
    measured, skin = max(int(chart.skin.sum()), 1), max(int(truth.skin.sum()), 1)
    figures = {
        "measured": float(chart.skin[truth.skin].mean()) if truth.skin.any() else 0.0,
        "measured, lids apart": float(chart.skin[truth.skin & ~lid].mean()) if truth.skin.any() else 0.0,
        "pigment in what is left out": float(pigment[left_out].mean()) if left_out.any() else 0.0,
        "pigment in all skin": float(pigment[truth.skin].mean()) if truth.skin.any() else 0.0,
        "pigment that is measured": float(chart.skin[pigment & truth.skin].mean()) if pigment.any() else 1.0,
    }
    for name, mask in truth.other.items():
        figures[f"of measured: {name}"] = float((chart.skin & mask).sum()) / measured
    for number, reason in enumerate(REASONS[1:], 1):
        figures[f"left out: {reason}"] = float((left_out & (chart.reasons == number)).sum()) / skin
    return figures


# The same skin every time -----------------------------------------------------------------------------------


def on_plain(chart: FaceChart, from_plain: NDArray, size: tuple[int, int]) -> NDArray[np.bool_]:
    """A chart's mask, carried back to the plain photograph."""
    whole = np.vstack([chart.to_chart, [0, 0, 1]]) @ np.vstack([from_plain, [0, 0, 1]])
    mask = chart.skin.astype(np.uint8)
    return cv2.warpAffine(mask, whole[:2], size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP) > 0


def overlaps(pixels: Pixels, plain: FaceChart, finder: FaceFinder) -> dict[str, float]:
    """Intersection over union of the mask with that of each version."""
    size = pixels.shape[1], pixels.shape[0]
    mine, found = on_plain(plain, IDENTITY, size), {}
    for name, quality in VERSIONS.items():
        changed, from_plain = version(pixels, name)
        chart = chart_of(compressed(changed, quality), finder)
        other = on_plain(chart, from_plain, size) if chart else np.zeros_like(mine)
        found[name] = float((mine & other).sum() / max((mine | other).sum(), 1))
    return found
