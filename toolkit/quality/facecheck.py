"""Whether eyes and mouth show where the landmarks have them, whether both cheeks get about as much light, and whether
the head looks at the camera.

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

COVERED, ONE_SIDED, TURNED = "face partly covered", "one-sided light", "head turned"

_EYES, _MOUTH = (range(36, 42), range(42, 48)), range(48, 60)
_ROUND_MM = 2.0
# Of 128 good photographs (four collections) the eye with less contrast has 0.80 of the other's and more, but for one
# in very one-sided light, and a mouth spans 1.16 OD and more; a hand over an eye leaves 0.5 at most, a flat patch 0.
_LEAST_EYE_SHARE = 0.6
_LEAST_MOUTH_OD = 0.8
# By how much the lightest of an eye is darker than the cheeks: 0.55 at most on the lighter eye of 278 photographs.
_MOST_EYE_OD = 0.8
# Logarithm of the ratio of distances from the tip of the nose to both ends of the jaw: 0.43 at most on 170 frontal
# photographs; of 100 portraits 11 exceed it, turned all of them. A head turned by 24 degrees has 0.7 to 1.2.
_MOST_TURN = 0.65
# Under 0.97 on all of them but that one; a lamp from one side, the other lit a fifth as much, gives 0.9 to 1.9.
_MOST_BETWEEN_CHEEKS_OD = 1.0
_CHEEK_MM = (18.0, 55.0), (5.0, 60.0)  # away from the midline, down
_LEAST_CHEEK_MM2 = 300.0
_LEAST_CHEEK_SHARE = 0.7  # that is visible, where more of the other is
Rectangle = tuple[slice, slice]  # rows and columns


def face_faults(face: Face, chart: FaceChart) -> list[str]:
    """TURNED, and COVERED or ONE_SIDED, as far as they hold. Of a half face, and of eyes that a study painted out, nothing
    is known: there is nothing to compare with."""
    turned = face.side == "both" and _turn(face) > _MOST_TURN
    return [*([TURNED] if turned else []), *_covers_and_light(face, chart)]


def _turn(face: Face) -> float:
    """How unequal the distances from the tip of the nose to both ends of the jaw are, along the line of the eyes; 0 for a
    head that looks at the camera."""
    across = face.points[45] - face.points[36]
    ends = np.abs((face.points[[0, 16]] - face.points[30]) @ across / np.hypot(*across))
    return float(abs(np.log(np.maximum(ends[0], 1.0) / np.maximum(ends[1], 1.0))))


def _covers_and_light(face: Face, chart: FaceChart) -> list[str]:
    if face.side != "both":
        # No cut was found, and no mask of a study: the other cheek is painted over.
        whole = not face.found_by.startswith("half") and not chart.masked
        return [COVERED] if whole else []
    darkness, cheeks = _darkness(chart), [_cheek(chart, sign) for sign in (-1, 1)]
    if _between_cheeks(chart, darkness, cheeks) > _MOST_BETWEEN_CHEEKS_OD:
        return [ONE_SIDED]  # an eye in the dark is not covered
    low, high = sorted(
        float(seen.mean()) if seen.size else 0.0 for seen in (chart.visible[c] for c in cheeks)
    )
    painted = not chart.masked and low < _LEAST_CHEEK_SHARE < high
    dark = _are_eyes_dark(face, chart, darkness, cheeks)
    return [COVERED] if painted or dark or _is_covered(face, chart, darkness) else []


def _are_eyes_dark(
    face: Face, chart: FaceChart, darkness: NDArray[np.float32], cheeks: Sequence[Rectangle]
) -> bool:
    """Whether even the lightest of both eyes is much darker than the cheeks, as behind dark glasses."""
    skin = np.concatenate([darkness[cheek][chart.skin[cheek]] for cheek in cheeks])
    if not len(skin):
        return False
    usual = float(np.median(skin))
    eyes = [_around(face, chart, eye) for eye in _EYES]
    return all(
        len(eye)
        and chart.visible.ravel()[eye].mean() > 0.9
        and np.percentile(darkness.ravel()[eye], 5) - usual > _MOST_EYE_OD
        for eye in eyes
    )


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
    inside = _around(face, chart, which)
    if not len(inside):
        return 0.0, 0.0
    low, high = np.percentile(darkness.ravel()[inside], (5, 95))
    return float(chart.visible.ravel()[inside].mean()), float(high - low)


def _around(face: Face, chart: FaceChart, which: range) -> NDArray[np.intp]:
    """Flat places (n,) on the chart of what some landmarks enclose, and of a little more."""
    points = np.round(apply_affine(chart.to_chart, face.points[list(which)])).astype(np.int32)
    reach = round(_ROUND_MM * chart.px_per_mm)
    corner = points.min(axis=0) - reach
    wide, high = (np.ptp(points, axis=0) + 2 * reach + 1).tolist()
    mask = np.zeros((high, wide), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(points - corner), 1)
    x, y = np.nonzero(cv2.dilate(mask, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)))[::-1]
    x, y = x + corner[0], y + corner[1]
    inside = (x >= 0) & (y >= 0) & (x < chart.skin.shape[1]) & (y < chart.skin.shape[0])
    return np.asarray(y[inside] * chart.skin.shape[1] + x[inside])


def _cheek(chart: FaceChart, sign: int) -> Rectangle:
    """Rows and columns of a cheek, on the subject's right with ``sign`` -1."""
    x, y = axes_mm(chart.corner_mm, chart.skin.shape[::-1], chart.px_per_mm)
    (near, far), (top, bottom) = _CHEEK_MM
    columns = np.flatnonzero((x[0] * sign > near) & (x[0] * sign < far))
    rows = np.flatnonzero((y[:, 0] > top) & (y[:, 0] < bottom))
    return _run(rows), _run(columns)


def _run(places: NDArray[np.intp]) -> slice:
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0)


def _between_cheeks(chart: FaceChart, darkness: NDArray[np.float32], cheeks: Sequence[Rectangle]) -> float:
    """How much darker one cheek's skin is than the other's, OD; 0 where one of them is not seen."""
    skins = [darkness[cheek][chart.skin[cheek]] for cheek in cheeks]
    if min(map(len, skins)) < _LEAST_CHEEK_MM2 * chart.px_per_mm**2:
        return 0.0
    one, other = (float(np.median(skin)) for skin in skins)
    return abs(one - other)
