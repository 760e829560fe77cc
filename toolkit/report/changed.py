"""What the report draws of a change from baseline: both skin charts at the same place, and outlines of what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.change import PairChange, PairJob, Registration, VisitChart, compare_spots, read_again, warped
from toolkit.colours import LINEAR_OF_LEVEL
from toolkit.errors import ToolkitError
from toolkit.geometry import warp
from toolkit.report.outlines import Affine, jpeg, mask_outlines, svg_path
from toolkit.settings import ReportSettings, Settings

SHOWN_KINDS = ("gone", "fainter", "darker", "new")
_GROWN_PX = 3  # of the chart: outlines keep a millimetre from the spot, so that it stays in view
_MOST_GAIN = 2.0  # of a channel: two photographs of a study differ by less
_SMOOTH_MM = 0.5
DIFFERENCE_OD = 0.03, 0.1  # two photographs of the same spot differ by less than the first (change.pigment)
_ALIKE, _DARKER, _PALER = (
    np.array(one, np.float32) for one in ((245, 245, 245), (178, 24, 43), (33, 102, 172))
)

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class ChangeJob:
    """A pair to draw, and what came of it."""

    pair: PairJob
    change: PairChange


@dataclass(frozen=True)
class DrawnChange:
    """``baseline`` and ``later``: the charts as JPEGs of one size, the later one moved to where the baseline's skin lies
    and matched to it in overall colour. ``difference``: of one size with them, what became darker (red) and paler (blue)
    against the skin around. ``layers`` JSON-ready: ``width``, ``height``, a path of each of SHOWN_KINDS in half
    pixels, and how many outlines are ``hidden``. ``problem`` says why there is no picture."""

    baseline: bytes = b""
    later: bytes = b""
    difference: bytes = b""
    layers: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


def draw_change(job: ChangeJob, settings: Settings, shown: ReportSettings) -> DrawnChange:
    """The pictures of a pair; whatever goes wrong is told as its ``problem``."""
    if not job.change.found:
        return DrawnChange(problem=job.change.note)
    try:
        baseline, later = read_again(job.pair, settings)
        return _draw(baseline, later, job.change.registration, settings=settings, shown=shown)
    except ToolkitError as error:
        return DrawnChange(problem=str(error))
    except Exception as error:  # one odd pair must not end a report
        return DrawnChange(problem=f"it cannot be drawn (unexpected {type(error).__name__})")


def _draw(
    baseline: VisitChart,
    later: VisitChart,
    registration: Registration,
    *,
    settings: Settings,
    shown: ReportSettings,
) -> DrawnChange:
    changes = compare_spots(baseline, later, registration, settings.pigment)
    moved = warped(later.chart.pixels, registration.places(baseline.chart, later.chart))
    first = np.where(baseline.chart.visible[..., None], baseline.chart.pixels, 0).astype(np.uint8)
    second = matched(moved, first, changes.common)
    to_view, size = _view(baseline.chart.visible, shown)
    pictures = [
        jpeg(_seen(one, to_view, size), replace(shown, max_picture_bytes=shown.max_change_bytes))
        for one in (
            first,
            second,
            difference_picture(changes.difference, changes.common, baseline.chart.px_per_mm),
        )
    ]
    paths = {
        kind: svg_path(mask_outlines(changes.mask(kind), to_view, grow=_GROWN_PX), shown.max_path_letters)
        for kind in SHOWN_KINDS
    }
    layers = {
        "width": size[0],
        "height": size[1],
        **{kind: path for kind, (path, _) in paths.items()},
        "hidden": sum(hidden for _, hidden in paths.values()),
    }
    return DrawnChange(pictures[0], pictures[1], pictures[2], layers)


def difference_picture(
    difference: NDArray[np.float32], common: NDArray[np.bool_], px_per_mm: float
) -> Pixels:
    """A picture (h, w, 3) of a difference in darkness (h, w), OD: nearly white up to the first of DIFFERENCE_OD, then blue
    where it is paler and red where it is darker, full from the second on; black off the skin that both show. Smoothed by
    half a millimetre, as single pixels are noise."""
    weight = cv2.GaussianBlur(common.astype(np.float32), (0, 0), _SMOOTH_MM * px_per_mm)
    smooth = cv2.GaussianBlur(difference, (0, 0), _SMOOTH_MM * px_per_mm) / np.maximum(weight, 1e-3)
    none, full = DIFFERENCE_OD
    share = np.sign(smooth) * np.clip((np.abs(smooth) - none) / (full - none), 0, 1)
    share = share[..., None]
    end = np.where(share > 0, _DARKER, _PALER)
    picture = (1 - np.abs(share)) * _ALIKE + np.abs(share) * end
    return np.where(common[..., None], np.round(picture), 0).astype(np.uint8)


def matched(picture: Pixels, like: Pixels, common: NDArray[np.bool_]) -> Pixels:
    """A picture (h, w, 3) in the light of another: one gain a channel of linear light, by the median of the skin that
    both show, so that what flickers between the two is not exposure or white balance."""
    if not common.any():
        return picture
    gains = [
        float(np.median(LINEAR_OF_LEVEL[like[..., n][common]]))
        / max(float(np.median(LINEAR_OF_LEVEL[picture[..., n][common]])), 1e-4)
        for n in range(3)
    ]
    tables = [_table(float(np.clip(gain, 1 / _MOST_GAIN, _MOST_GAIN))) for gain in gains]
    return np.stack([tables[n][picture[..., n]] for n in range(3)], axis=-1)


def _table(gain: float) -> NDArray[np.uint8]:
    """The level (256,) uint8 of each level's light times a gain."""
    light = np.clip(LINEAR_OF_LEVEL * gain, 0, 1)
    return np.round(np.interp(light, LINEAR_OF_LEVEL, np.arange(256))).astype(np.uint8)


def _view(visible: NDArray[np.bool_], shown: ReportSettings) -> tuple[Affine, tuple[int, int]]:
    """The map from the chart to the small picture, and its (width, height): all that is visible."""
    left, top, wide, high = cv2.boundingRect(visible.astype(np.uint8))
    wide, high = max(wide, 1), max(high, 1)
    scale = min(1.0, float(np.sqrt(shown.change_pixels / (wide * high))))
    shift = (scale - 1) / 2 - scale * np.array([left, top])
    size = max(1, round(wide * scale)), max(1, round(high * scale))
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]), size


def _seen(chart: Pixels, to_view: Affine, size: tuple[int, int]) -> Pixels:
    return np.asarray(warp(chart, to_view, size), np.uint8)
