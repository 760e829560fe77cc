"""What of the face is no measurable skin because of where it lies: eyelids, nostrils, the red of the lips."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.chart.frame import Frame, hull, near, polygon
from toolkit.geometry import apply_affine
from toolkit.records import Side
from toolkit.settings import ChartSettings

_EYES, _BROWS = (range(36, 42), range(42, 48)), (range(17, 22), range(22, 27))
_NOSTRILS = (range(31, 34), range(33, 36))
_LIPS = range(48, 60)
# The outline of forehead and temples in the face frame (mm), from the subject's left ear over the top: hair begins
# below it on every face, so that colour decides.
_TOP_MM = np.array(
    [
        *((76, -12), (74, -34), (68, -56), (54, -76), (28, -90), (0, -94)),
        *((-28, -90), (-54, -76), (-68, -56), (-74, -34), (-76, -12)),
    ],
    np.float64,
)


def eyelids(frame: Frame, settings: ChartSettings, brows: bool) -> NDArray[np.bool_]:
    """Both eyes with their lids, and ``lower_lid_mm`` below the lower one; with ``brows`` these and what lies between."""
    scale = frame.px_per_mm
    mask = np.zeros((frame.size[1], frame.size[0]), np.bool_)
    for eye, brow in zip(_EYES, _BROWS, strict=True):
        points = frame.points[list(eye)]
        upper = points - [0, settings.upper_lid_mm * scale]
        lower = points + np.array([0, settings.lower_lid_mm * scale])
        mask |= hull(np.concatenate([upper, lower]), frame.size, 1.0 * scale)
        if brows:
            hairs = frame.points[list(brow)]
            mask |= hull(np.concatenate([hairs, hairs + np.array([0, 5 * scale])]), frame.size, 3.0 * scale)
            mask |= hull(np.concatenate([hairs, points]), frame.size)
    return mask


def nostrils(frame: Frame, settings: ChartSettings) -> NDArray[np.bool_]:
    """The nostrils and the wings' lower edge."""
    mask = np.zeros((frame.size[1], frame.size[0]), np.bool_)
    for wing in _NOSTRILS:
        low = frame.points[list(wing)]
        mask |= hull(
            np.concatenate([low, low - [0, 3.5 * frame.px_per_mm]]),
            frame.size,
            settings.nostril_mm * frame.px_per_mm,
        )
    return mask


def lips(frame: Frame, redness: NDArray[np.float32], settings: ChartSettings) -> NDArray[np.bool_]:
    """The red of the lips: where the landmarks have them, and what beside them is as red.

    ``redness`` (h, w): erythema over what is expected there, OD.
    """
    scale = frame.px_per_mm
    points = frame.points[list(_LIPS)]
    red = (redness > settings.lip_od) & hull(points, frame.size, 6.0 * scale)
    return hull(points, frame.size, settings.lips_mm * scale) | near(red, 0.5 * scale)


def inside_face(frame: Frame, settings: ChartSettings) -> NDArray[np.bool_]:
    """Within the jaw of the landmarks, less ``contour_mm``, and the widest forehead that a face may have."""
    top = apply_affine(_mm_to_px(frame), _TOP_MM)
    outline = np.concatenate([frame.points[:17], top])
    reach = settings.contour_mm * frame.px_per_mm
    pad = int(np.ceil(reach)) + 2
    padded = polygon(outline + pad, (frame.size[0] + 2 * pad, frame.size[1] + 2 * pad))
    return (~near(~padded, reach))[pad:-pad, pad:-pad]


def _mm_to_px(frame: Frame) -> NDArray[np.float64]:
    scale = frame.px_per_mm
    return np.array(
        [[scale, 0, -frame.corner_mm[0] * scale - 0.5], [0, scale, -frame.corner_mm[1] * scale - 0.5]]
    )


def on_side(frame: Frame, side: Side) -> NDArray[np.bool_]:
    """(1, w) bool: the columns of the side that the picture shows."""
    x, _ = frame.face_mm()
    return (x >= 0) if side == "left" else (x <= 0) if side == "right" else np.ones_like(x, np.bool_)


def is_study_mask(frame: Frame, visible: NDArray[np.bool_], shown: NDArray[np.bool_], side: Side) -> bool:
    """Whether a study painted out what is no skin: the eyes are covered, or all that lies round the face.

    ``visible`` (h, w): not painted out, ``shown`` (h, w): inside the picture. A black backdrop alone is no mask.
    """
    if visible[shown].all():
        return False
    mine = np.broadcast_to(on_side(frame, side), visible.shape)
    eyes = hull(frame.points[36:42], frame.size) | hull(frame.points[42:48], frame.size)
    eyes &= mine & shown
    if eyes.any() and visible[eyes].mean() < 0.5:
        return True
    x, y = frame.face_mm()
    around = ((y > 122) | (y < -92) | (np.abs(x) > 86)) & mine & shown
    return bool(around.sum() > 300 * frame.px_per_mm**2 and visible[around].mean() < 0.03)
