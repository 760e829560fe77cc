"""The product's 68 points made of the 189 points that people set by hand (DeBruine & Jones 2017, CC BY 4.0).

The 68 lie in dlib's order. Where the 189 hold a point of that name it is taken; the others lie on lines
through the 189 at fixed shares of their length. Nothing here comes from a landmark model.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

CONTOUR = [134, 109, 185, 110, 186, 111, *range(125, 134), 114, 188, 113, 187, 112, 144]
OUTLINE = [*CONTOUR, *range(143, 134, -1)]  # and the hairline
BROWS = ([71, 72, 73, 74, 75, 76, 84, 83], [77, 78, 79, 80, 81, 82, 86, 85])
EYES = (
    [*range(18, 23), *range(28, 31), *range(34, 39)],
    [*range(23, 28), *range(31, 34), *range(39, 44)],
)
NOSTRILS = ([63, 64, 65, 179, 180, 170], [68, 69, 70, 182, 181, 172])
MOUTH = [*range(87, 94), *range(104, 109)]
# What a clinical mask paints over within the outline, and how far (mm) beyond it.
HOLES = [*((one, 2.0) for one in (*BROWS, *EYES)), *((one, 1.0) for one in NOSTRILS), (MOUTH, 2.0)]

# The face's contour from the right eye's height over the chin to the left eye's; the chin is 129.
_RIGHT_CONTOUR = [134, 109, 185, 110, 186, 111, 125, 126, 127, 128, 129]
_LEFT_CONTOUR = [144, 112, 187, 113, 188, 114, 133, 132, 131, 130, 129]
_JAW_STARTS = 0.05  # of the eye span below the outer corners of the eyes
_BROW_LINES = ([72, 73, 74, 75], [81, 80, 79, 78])
_LIDS = ([18, 19, 20, 21, 22], [22, 30, 29, 28, 18], [23, 24, 25, 26, 27], [27, 33, 32, 31, 23])
_BRIDGE = ([50, 51, 52, 53, 54], [56, 57, 58, 59, 60])


def read_points(path: Path) -> Points:
    """(189, 2) points of a .tem file: a count, then x and y a line."""
    lines = path.read_text().split("\n")
    return np.array([[float(v) for v in line.split()[:2]] for line in lines[1 : int(lines[0]) + 1]])


def sixty_eight(known: Points) -> Points:
    """(68, 2) of (189, 2), in the same pixels."""
    points = np.full((68, 2), np.nan)
    right, left = _jaw(known, _RIGHT_CONTOUR), _jaw(known, _LEFT_CONTOUR)
    points[0:8], points[8], points[16:8:-1] = right, known[129], left
    points[17], points[26] = known[71], known[82]
    points[18:22] = _along(known[_BROW_LINES[0]], np.linspace(0, 1, 4))
    points[25:21:-1] = _along(known[_BROW_LINES[1]], np.linspace(0, 1, 4))
    middle = (known[_BRIDGE[0]] + known[_BRIDGE[1]]) / 2
    points[27:31] = _along(middle, np.linspace(0, 1, 4))
    points[31], points[35] = known[[64, 65]].mean(axis=0), known[[69, 70]].mean(axis=0)
    points[33] = known[55]
    points[32], points[34] = (points[31] + points[33]) / 2, (points[35] + points[33]) / 2
    third = np.array([1, 2]) / 3
    points[36], points[39], points[42], points[45] = known[[18, 22, 23, 27]]
    for first, line in zip((37, 40, 43, 46), _LIDS, strict=True):
        points[first : first + 2] = _along(known[line], third)
    points[48:55] = known[87:94]
    points[55:60] = known[[108, 107, 106, 105, 104]]
    points[60], points[64] = known[[87, 94]].mean(axis=0), known[[93, 98]].mean(axis=0)
    points[61:64], points[65:68] = known[95:98], known[[102, 101, 100]]
    return points


def _jaw(known: Points, contour: list[int]) -> Points:
    """Eight points at equal distances along the contour, from the eyes' height to before the chin."""
    across = known[27] - known[18]
    span = float(np.linalg.norm(across))
    down = np.array([-across[1], across[0]]) / span
    line = _along(known[contour], np.linspace(0, 1, 400))
    depth = (line - known[18]) @ down
    start = int(np.argmax(depth > _JAW_STARTS * span))
    return _along(line[start:], np.arange(8) / 8)


def _along(line: Points, shares: NDArray[np.float64]) -> Points:
    """Points at shares (0 to 1) of a polyline's length."""
    steps = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    return np.column_stack([np.interp(shares * steps[-1], steps, line[:, axis]) for axis in (0, 1)])
