"""Whether eyes and mouth show where the landmarks have them, and whether both cheeks get about as much light.

A hand or a patch of skin over one eye leaves the landmarks where they belong, so that they do not tell of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.colours import DENSITY_OF_LEVEL
from toolkit.geometry import apply_affine, axes_mm
from toolkit.records import Face, FaceChart

COVERED, ONE_SIDED = "face partly covered", "one-sided light"

_EYES, _MOUTH = (range(36, 42), range(42, 48)), range(48, 60)
_ROUND_MM = 2.0
# Of 128 good photographs (four collections) the eye with less contrast has 0.80 of the other's and more, but for one
# in very one-sided light, and a mouth spans 1.16 OD and more; a hand over an eye leaves 0.5 at most, a flat patch 0.
_LEAST_EYE_SHARE = 0.6
_LEAST_MOUTH_OD = 0.8
# Under 0.97 on all of them but that one; a lamp from one side, the other lit a fifth as much, gives 0.9 to 1.9.
_MOST_BETWEEN_CHEEKS_OD = 1.0
_CHEEK_MM = (18.0, 55.0), (5.0, 60.0)  # away from the midline, down
_LEAST_CHEEK_MM2 = 300.0
_LEAST_CHEEK_SHARE = 0.7  # that is visible, where more of the other is


def face_faults(face: Face, chart: FaceChart) -> list[str]:
    """COVERED or ONE_SIDED, if one of them holds. Of a half face, and of eyes that a study painted out, nothing is
    known: there is nothing to compare with."""
    if face.side != "both":
        # No cut was found, and no mask of a study: the other cheek is painted over.
        whole = not face.found_by.startswith("half") and not chart.masked
        return [COVERED] if whole else []
    darkness, cheeks = _darkness(chart), [_cheek(chart, sign) for sign in (-1, 1)]
    if _between_cheeks(chart, darkness, cheeks) > _MOST_BETWEEN_CHEEKS_OD:
        return [ONE_SIDED]  # an eye in the dark is not covered
    low, high = sorted(float(chart.visible[cheek].mean()) if cheek.any() else 0.0 for cheek in cheeks)
    painted = not chart.masked and low < _LEAST_CHEEK_SHARE < high
    return [COVERED] if painted or _is_covered(face, chart, darkness) else []


def _is_covered(face: Face, chart: FaceChart, darkness: NDArray[np.float32]) -> bool:
    eyes = [_seen_and_span(face, chart, darkness, eye) for eye in _EYES]
    if max(seen for seen, _ in eyes) > 0.9 and min(seen for seen, _ in eyes) < 0.5:
        return True  # painted over, and the other is not
    if min(seen for seen, _ in eyes) < 0.9:
        return False  # a study's mask
    low, high = sorted(span for _, span in eyes)
    mouth_seen, mouth = _seen_and_span(face, chart, darkness, _MOUTH)
    return low < _LEAST_EYE_SHARE * high or mouth_seen < 0.5 or (mouth_seen > 0.9 and mouth < _LEAST_MOUTH_OD)


def _darkness(chart: FaceChart) -> NDArray[np.float32]:
    """Green optical density (h, w) of the chart, over about a millimetre."""
    density: Any = cv2.LUT(np.ascontiguousarray(chart.pixels[..., 1]), DENSITY_OF_LEVEL)
    return np.asarray(cv2.GaussianBlur(density, (0, 0), chart.px_per_mm / 3))


def _seen_and_span(
    face: Face, chart: FaceChart, darkness: NDArray[np.float32], which: range
) -> tuple[float, float]:
    """Of what some landmarks enclose: the share that is visible, and how far its light and dark lie apart (OD)."""
    points = apply_affine(chart.to_chart, face.points[list(which)])
    mask = np.zeros(darkness.shape, np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(points).astype(np.int32)), 1)
    reach = round(_ROUND_MM * chart.px_per_mm)
    inside = cv2.dilate(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0
    if not inside.any():
        return 0.0, 0.0
    low, high = np.percentile(darkness[inside], (5, 95))
    return float(chart.visible[inside].mean()), float(high - low)


def _cheek(chart: FaceChart, sign: int) -> NDArray[np.bool_]:
    """(h, w) bool: a cheek, on the subject's right with ``sign`` -1."""
    x, y = axes_mm(chart.corner_mm, chart.skin.shape[::-1], chart.px_per_mm)
    (near, far), (top, bottom) = _CHEEK_MM
    return np.asarray((x * sign > near) & (x * sign < far) & (y > top) & (y < bottom))


def _between_cheeks(
    chart: FaceChart, darkness: NDArray[np.float32], cheeks: Sequence[NDArray[np.bool_]]
) -> float:
    """How much darker one cheek's skin is than the other's, OD; 0 where one of them is not seen."""
    skins = [cheek & chart.skin for cheek in cheeks]
    if min(skin.sum() for skin in skins) < _LEAST_CHEEK_MM2 * chart.px_per_mm**2:
        return 0.0
    one, other = (float(np.median(darkness[skin])) for skin in skins)
    return abs(one - other)
