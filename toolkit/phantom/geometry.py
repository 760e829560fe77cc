"""The shape of a face: 68 landmarks in dlib's order, and what of the picture lies where.

Canonical coordinates: origin midway between the outer eye corners, 1 = the distance between them,
x to the right of the picture, y down.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

SPAN_MM: Final = 88.0  # outer eye corner to outer eye corner, adults
SIDE_WEIGHTS: Final = {"forehead": 0.3, "cheek": 0.6, "chin": 0.1}

# Mean landmarks (right half of the face, and the midline) that dlib's shape predictor finds on frontal
# photographs of 76 faces, made symmetric: index -> (x, y).
_HALF: Final = {
    0: (-0.816, 0.049), 1: (-0.799, 0.263), 2: (-0.766, 0.471), 3: (-0.729, 0.679), 4: (-0.668, 0.877),
    5: (-0.558, 1.045), 6: (-0.401, 1.179), 7: (-0.214, 1.272), 8: (0.0, 1.301),
    17: (-0.677, -0.143), 18: (-0.58, -0.252), 19: (-0.433, -0.295), 20: (-0.282, -0.279),
    21: (-0.137, -0.225), 27: (0.0, -0.053), 28: (0.0, 0.075), 29: (0.0, 0.201), 30: (0.0, 0.333),
    31: (-0.147, 0.459), 32: (-0.076, 0.481), 33: (0.0, 0.498),
    36: (-0.5, 0.0), 37: (-0.414, -0.063), 38: (-0.305, -0.062), 39: (-0.211, 0.009),
    40: (-0.31, 0.035), 41: (-0.419, 0.039),
    48: (-0.29, 0.767), 49: (-0.18, 0.695), 50: (-0.077, 0.655), 51: (0.0, 0.676),
    57: (0.0, 0.862), 58: (-0.081, 0.856), 59: (-0.182, 0.831),
    60: (-0.237, 0.766), 61: (-0.078, 0.741), 62: (0.0, 0.747), 66: (0.0, 0.753), 67: (-0.078, 0.745),
}  # fmt: skip
# The landmark that each landmark becomes in a mirror.
MIRROR: Final = np.array(
    [
        *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1), 45, 44, 43, 42, 47, 46,
        39, 38, 37, 36, 41, 40, *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65,
    ]
)  # fmt: skip
JAW, NOSE = slice(0, 17), slice(27, 36)
BROWS: Final = (slice(17, 22), slice(22, 27))
EYES: Final = (slice(36, 42), slice(42, 48))


def mean_points() -> Points:
    """The mean face (68, 2) in canonical coordinates."""
    points = np.full((68, 2), np.nan)
    for index, (x, y) in _HALF.items():
        points[index] = x, y
        points[MIRROR[index]] = -x, y
    return points


def draw_points(rng: np.random.Generator) -> Points:
    """A person's 68 landmarks in canonical coordinates: the mean face, varied within human bounds."""
    p = mean_points()

    def varied(sd: float) -> float:
        return 1 + sd * float(np.clip(rng.standard_normal(), -2, 2))

    lower, width, jaw = varied(0.035), varied(0.03), 0.05 * (varied(0.6) - 1)
    p[JAW, 0] *= width * (1 + jaw * np.clip(p[JAW, 1] - 0.3, 0, 0.8))
    p[p[:, 1] > 0, 1] *= lower
    p[NOSE, 0] *= varied(0.1)
    p[28:36, 1] *= varied(0.04)
    mouth, lips = varied(0.06), varied(0.13)
    line = p[62, 1]
    p[48:, 0] *= mouth
    p[48:, 1] = line + (p[48:, 1] - line) * lips
    for brow in BROWS:
        p[brow, 1] = p[brow, 1] * varied(0.02) + 0.015 * (lower - 1) / 0.035
    opening = varied(0.12)
    for eye in EYES:
        p[eye, 1] *= opening
    p += 0.004 * rng.standard_normal(p.shape)
    return p


def span_of(points: Points) -> float:
    """The distance between the outer eye corners, in the points' unit."""
    return float(np.hypot(*(points[45] - points[36])))


def to_canonical(points: Points) -> NDArray[np.float64]:
    """The similarity (2, 3) that takes pixels to canonical coordinates."""
    x, y = (points[45] - points[36]) / span_of(points) ** 2
    turn = np.array([[x, y], [-y, x]])
    return np.hstack([turn, -turn @ ((points[36] + points[45]) / 2)[:, None]])


def from_canonical(points: Points, canonical: NDArray) -> Points:
    """Canonical coordinates (n, 2) as pixels of the face whose landmarks are ``points``."""
    across = points[45] - points[36]
    down = np.array([-across[1], across[0]])
    canonical = np.asarray(canonical, np.float64)
    return (points[36] + points[45]) / 2 + canonical[:, :1] * across + canonical[:, 1:] * down


def canonical_grid(
    points: Points, shape: tuple[int, int], step: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Canonical x and y (h, w) float32 of every ``step``-th pixel."""
    y, x = (step * np.mgrid[: shape[0], : shape[1]]).astype(np.float32)
    to_face = to_canonical(points).astype(np.float32)
    across, down = (row[0] * x + row[1] * y + row[2] for row in to_face)
    return across, down


def mirror_map(
    points: Points, shape: tuple[int, int], step: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """For cv2.remap: where each cell of a ``canonical_grid`` lies in the mirror of the midline."""
    across, _ = canonical_grid(points, shape, step)
    x, y = points[45] - points[36]
    column, row = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    mirrored = column - 2 * across * x / step, row - 2 * across * y / step
    return mirrored[0].astype(np.float32), mirrored[1].astype(np.float32)


def curve(points: NDArray, closed: bool = False, steps: int = 8) -> Points:
    """A Catmull-Rom curve (m, 2) through ``points`` (n, 2)."""
    points = np.asarray(points, np.float64)
    ends = (points[-1:], points[:2]) if closed else (points[:1], points[-1:])
    p = np.concatenate([ends[0], points, ends[1]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None, None]
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    cubic = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    line = (cubic / 2).transpose(1, 0, 2).reshape(-1, 2)
    return line if closed else np.concatenate([line, points[-1:]])


def polygon_mask(shape: tuple[int, int], *polygons: NDArray) -> NDArray[Any]:
    """(H, W) uint8: 255 inside any of the polygons (n, 2) of pixels, anti-aliased."""
    mask = np.zeros(shape, np.uint8)
    for polygon in polygons:
        cv2.fillPoly(mask, [np.round(polygon * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask


def grown(polygon: NDArray, factor: float, extra: float = 0.0) -> Points:
    """A polygon scaled about its centre, and moved outward by ``extra`` pixels."""
    centre = polygon.mean(axis=0)
    away = polygon - centre
    length = np.maximum(np.hypot(*away.T)[:, None], 1e-6)
    return centre + away * (factor + extra / length)


def holes(points: Points) -> dict[str, list[Points]]:
    """What is no skin, as polygons in pixels: brows, eyes (with the lids), nostrils and mouth."""
    unit = span_of(points)
    brows = []
    for brow in BROWS:
        line = points[brow]
        down = np.array([0, 0.035 * unit])
        brows.append(grown(np.concatenate([line - down, (line + 2.0 * down)[::-1]]), 1.1))
    eyes = [grown(points[eye], 1.12, 0.02 * unit) for eye in EYES]
    base = points[31:36]
    low, high = np.array([0, 0.025 * unit]), np.array([0, 0.045 * unit])
    nostrils = [np.concatenate([base + low, (base - high)[::-1]])]
    return {"brow": brows, "eye": eyes, "nostril": nostrils, "mouth": [grown(points[48:60], 1.05)]}


def default_forehead(points: Points) -> Points:
    """The hairline (9, 2) in pixels, from the right temple over the middle to the left, as guessed."""
    angle = np.linspace(-1, 1, 9)
    height = -0.30 - 0.42 * np.sqrt(np.maximum(1 - angle**2, 0))
    return from_canonical(points, np.column_stack([0.74 * angle, height]))


def face_outline(points: Points, forehead: Points) -> Points:
    """The face as a polygon in pixels: the jaw and the hairline."""
    return np.concatenate([points[JAW], forehead[::-1]])


def region_masks(
    shape: tuple[int, int], points: Points, forehead: Points, skin: NDArray
) -> dict[str, NDArray[np.bool_]]:
    """Where pigment is weighed: (H, W) bool masks of skin for each region of each side.

    Keys are ``right_forehead``, ``right_cheek``, ``right_chin`` and the same with ``left`` (the
    subject's own sides); ``skin`` (H, W) is above 0.5 on skin.
    """
    middle = from_canonical(points, np.array([[0.0, -1.5], [0.0, 0.0], [0.0, 2.0]]))
    far = span_of(points) * 4
    half = np.concatenate([middle, middle[::-1] - [far, 0]])
    right = polygon_mask(shape, half) > 127
    top = from_canonical(
        points, np.array([[0.75, -0.12], [0.55, -0.2], [0.0, -0.12], [-0.55, -0.2], [-0.75, -0.12]])
    )
    brow_line = np.concatenate([points[17:18], top[::-1], points[26:27]])
    areas = {"forehead": [np.concatenate([forehead, brow_line[::-1]])], "cheek": [], "chin": []}
    for jaw, eye, nose, mouth in (
        (points[0:7], points[[36, 41, 40, 39]], points[31:32], points[48:49]),
        (points[16:9:-1], points[[45, 46, 47, 42]], points[35:36], points[54:55]),
    ):
        socket = np.add(eye, [0, 0.07 * span_of(points)])
        areas["cheek"].append(np.concatenate([jaw, mouth, nose, socket[::-1]]))
    lip = points[[48, 59, 58, 57, 56, 55, 54]] + np.array([0, 0.03 * span_of(points)])
    areas["chin"].append(np.concatenate([lip, points[10:5:-1]]))
    masks, taken = {}, ~(np.asarray(skin) > 0.5)
    for name, polygons in areas.items():
        area = (polygon_mask(shape, *polygons) > 127) & ~taken
        taken |= area
        masks[f"right_{name}"], masks[f"left_{name}"] = area & right, area & ~right
    return masks
