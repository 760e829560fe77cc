"""The four regions as windows on the chart of a face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.records import HIDDEN_CHEEK, REASONS, REGIONS, FaceChart, Patch, Region, Side, Window
from toolkit.settings import PatchSettings

# Where the patches are hung up in the face frame (mm): the forehead stands on the line just above the brows,
# the cheeks hang from below the lower lids and start beside the nose, the chin hangs from below the lips.
_FOREHEAD_BOTTOM_MM = -26.0
_CHEEK_TOP_MM = 12.0
_CHEEK_INNER_MM = 12.0
_CHIN_TOP_MM = 78.0


def region_origin_mm(region: Region, settings: PatchSettings) -> tuple[float, float]:
    """The upper left corner (x, y) of a region's patch in the face frame, mm; left is the subject's left."""
    if region == "forehead":
        width, height = settings.forehead_mm
        return -width / 2, _FOREHEAD_BOTTOM_MM - height
    if region == "chin":
        return -settings.chin_mm[0] / 2, _CHIN_TOP_MM
    inner = _CHEEK_INNER_MM
    return (inner if region == "left_cheek" else -inner - settings.cheek_mm[0]), _CHEEK_TOP_MM


def region_window(chart: FaceChart, region: Region, settings: PatchSettings) -> Window:
    """Where a region's patch lies on the chart, in its pixels."""
    x, y = region_origin_mm(region, settings)
    left, top = (
        round((at - corner) * chart.px_per_mm) for at, corner in zip((x, y), chart.corner_mm, strict=True)
    )
    width, height = settings.size_px(region)
    return Window(0, top, left, height, width)


def cut_patches(
    chart: FaceChart, side: Side, settings: PatchSettings
) -> tuple[tuple[Patch, ...], dict[str, str]]:
    """The patches of a chart in the order of REGIONS, and for every region without one the reason.

    A region has the same size in pixels in every photo. One with less measurable skin than ``settings.min_skin_cm2`` is
    not graded by itself and has no patch; the chart counts it all the same. ``side``: what the picture shows.
    """
    patches: list[Patch] = []
    dropped: dict[str, str] = {}
    for region in REGIONS:
        window = region_window(chart, region, settings)
        skin = window.cut(chart.skin)
        area_cm2 = float(skin.sum()) / chart.px_per_mm**2 / 100
        if region == HIDDEN_CHEEK.get(side):
            dropped[region] = f"the picture shows the {side} side only"
        elif area_cm2 < settings.min_skin_cm2:
            dropped[region] = f"too little skin ({area_cm2:.1f} cm2): mostly {_lost(chart, window)}"
        else:
            to_patch = chart.to_chart - np.array([[0, 0, window.left], [0, 0, window.top]])
            patches.append(Patch(region, window.cut(chart.pixels), skin, chart.px_per_mm, to_patch))
    return tuple(patches), dropped


def _lost(chart: FaceChart, window: Window) -> str:
    """What took most of a window."""
    unseen = int((~window.cut(chart.visible)).sum())
    counts: NDArray[np.int64] = np.bincount(window.cut(chart.reasons).ravel(), minlength=len(REASONS))
    counts[0] = 0
    return "painted out or beyond the picture" if unseen >= counts.max() else REASONS[int(counts.argmax())]
