"""The facial midline of a half face: the straight edge along which the other half was cut away."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

_MAX_SLOPE = 0.75  # 37 degrees from upright
_NEAR_PX = 1.5


@dataclass(frozen=True)
class Midline:
    """The line x = ``x0`` + ``slope`` * y, in pixels; the face lies to its left (-1) or right (1)."""

    x0: float
    slope: float
    face_side: int
    length: float = 1.0  # share of the visible rows whose outermost pixel lies on the line
    at_frame: bool = False  # the line is the picture's own edge: nothing is painted out beyond it

    def moved_in(self, distance: float) -> Midline:
        """The line ``distance`` pixels farther into the face."""
        return replace(self, x0=self.x0 + self.face_side * distance * float(np.hypot(1, self.slope)))


def find_midlines(visible: NDArray[np.bool_], halo_px: int, min_length: float = 0.3) -> list[Midline]:
    """Straight, steep edges of the visible area that may be the midline: likeliest first.

    ``visible`` (H, W): True where the picture is neither painted out nor within ``halo_px`` of it. The
    outermost visible pixel of every row, on the left and on the right, votes for the line that most of
    them lie on. Edges of the picture itself come last.
    """
    rows = np.flatnonzero(visible.any(axis=1))
    rows = rows[:: max(1, len(rows) // 500)]
    if len(rows) < 20:
        return []
    width, columns = visible.shape[1], np.flatnonzero(visible.any(axis=0))
    first, last = int(columns[0]), int(columns[-1])
    seen = visible[rows, first : last + 1]
    lines = []
    for face_side, edge in ((1, first + seen.argmax(axis=1)), (-1, last - seen[:, ::-1].argmax(axis=1))):
        fitted = _steep_line(rows.astype(np.float64), edge.astype(np.float64))
        if fitted is None or fitted[2] < min_length:
            continue
        x0, slope, length = fitted
        middle = x0 + slope * rows[len(rows) // 2]
        at_frame = abs(slope) < 0.01 and (middle < 1.5 if face_side == 1 else middle > width - 2.5)
        # The halo was taken off with a square; the cut itself lies half a pixel outside the last pixel.
        outward = 0.5 if at_frame else 0.5 + halo_px * (1 + abs(slope))
        lines.append(Midline(x0 - outward * face_side, slope, face_side, length, at_frame))
    return sorted(lines, key=lambda line: (line.at_frame, -line.length))


def _steep_line(y: NDArray[np.float64], x: NDArray[np.float64]) -> tuple[float, float, float] | None:
    """Intercept, slope and share of the points within 1.5 px of the best line x(y), or None."""
    chosen = np.linspace(0, len(y) - 1, min(len(y), 60)).astype(int)
    first, second = (pairs.ravel() for pairs in np.meshgrid(chosen, chosen))
    apart = y[second] - y[first] > 0.15 * (y[-1] - y[0])
    first, second = first[apart], second[apart]
    slope = (x[second] - x[first]) / (y[second] - y[first])
    first, slope = first[np.abs(slope) < _MAX_SLOPE], slope[np.abs(slope) < _MAX_SLOPE]
    if not len(first):
        return None
    x0 = x[first] - slope * y[first]
    votes = (np.abs(x[chosen] - x0[:, None] - slope[:, None] * y[chosen]) < _NEAR_PX).sum(axis=1)
    best = int(votes.argmax())
    on_line = np.abs(x - x0[best] - slope[best] * y) < _NEAR_PX
    if on_line.sum() < 10:
        return None
    points = np.column_stack([x[on_line], y[on_line]]).astype(np.float32)
    dx, dy, cx, cy = map(float, cv2.fitLine(points, cv2.DIST_HUBER, 0, 0.01, 0.01).ravel())
    return cx - dx / dy * cy, dx / dy, float(on_line.mean())
