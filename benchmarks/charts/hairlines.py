"""Photographs whose hairline was set by hand: how much of what is measured lies beyond it, and what is lost before it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from benchmarks.charts.coverage import chart_of, on_chart
from benchmarks.making.landmark_network.handmade import read_points
from toolkit.images import find_photos
from toolkit.landmarks import FaceFinder
from toolkit.phantom.study import read_rgb
from toolkit.records import REASONS

_LINE = slice(134, 145)  # of the 189 points, from one temple over the forehead to the other
_CLOSE_MM = 2.0  # to the line: no hand is more exact


def hairline_figures(faces: Path, finder: FaceFinder) -> list[dict[str, float]]:
    """A row a photograph (unmasked) of ``faces`` that has points beside it (.tem)."""
    rows = []
    for path in find_photos([faces]):
        points = path.with_suffix(".tem")
        if not points.exists():
            continue
        pixels = read_rgb(path)
        chart = chart_of(pixels, finder)
        if chart is None:
            continue
        line = read_points(points)[_LINE]
        above = np.concatenate([line, [[line[-1, 0], 0], [line[0, 0], 0]]])
        close = np.ones((2 * round(_CLOSE_MM * chart.px_per_mm) + 1,) * 2, np.uint8)
        hair, forehead = np.zeros((2, *pixels.shape[:2]), np.uint8)
        cv2.fillPoly(hair, [np.round(above).astype(np.int32)], 1)
        cv2.fillPoly(forehead, [np.round(line).astype(np.int32)], 1)
        hair, forehead = (
            cv2.erode(on_chart(chart, one), close, borderValue=0) > 0.5 for one in (hair, forehead)
        )
        forehead &= chart.visible & (chart.reasons != REASONS.index("eyelid or brow"))
        lost = (forehead & ~chart.skin).sum() / max(forehead.sum(), 1)
        rows.append(
            {
                "of measured: beyond the hairline": float((chart.skin & hair).sum() / chart.skin.sum()),
                "of the forehead: left out": float(lost),
            }
        )
    return rows
