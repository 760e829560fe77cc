"""Which pixels of a patch are no measurable skin because of where they lie on the face."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.geometry import apply_affine, compose_affine
from toolkit.meanface import fit_similarity
from toolkit.records import Face
from toolkit.settings import PatchSettings

# The outline of forehead and temples in the face frame (mm), from the subject's left ear over the top.
_FOREHEAD_OUTLINE_MM = np.array(
    [
        *((72, -12), (68, -32), (61, -52), (48, -68), (26, -79), (0, -82)),
        *((-26, -79), (-48, -68), (-61, -52), (-68, -32), (-72, -12)),
    ],
    np.float64,
)
_NASOLABIAL = ((31, 48), (35, 54))
_EYES = ((range(36, 42), range(17, 22)), (range(42, 48), range(22, 27)))


def exclusions_by_place(
    shape: tuple[int, int], to_patch: NDArray[np.float64], face: Face, settings: PatchSettings
) -> dict[str, NDArray[np.bool_]]:
    """What the landmarks say is not measurable skin, by reason: (h, w) bool masks, True where excluded."""
    points = apply_affine(to_patch, face.points)
    frame = compose_affine(fit_similarity(face.points), to_patch)
    return {
        "outside the face": ~_face_area(points, frame, shape, settings),
        "eye socket and brow": _eye_sockets(points, shape),
        "lips and nose": _lips_and_nose(points, shape, settings),
    }


def _polygon(points: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.uint8]:
    canvas = np.zeros(shape, np.uint8)
    sixteenths = np.round(points * 16).astype(np.int32)
    cv2.fillPoly(canvas, [sixteenths], 1, lineType=cv2.LINE_8, shift=4)
    return canvas


def _hull(points: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.uint8]:
    return _polygon(cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64), shape)


def near(mask: NDArray, distance: float) -> NDArray[np.bool_]:
    """Within ``distance`` pixels of the mask (bool, or uint8 0-1)."""
    if not mask.any():
        return mask.astype(np.bool_)
    return cv2.distanceTransform((mask == 0).astype(np.uint8), cv2.DIST_L2, 3) <= distance


def _face_area(
    points: NDArray[np.float64], frame: NDArray[np.float64], shape: tuple[int, int], settings: PatchSettings
) -> NDArray[np.bool_]:
    """Inside jaw and forehead outline, by at least the contour's width."""
    outline = np.concatenate([points[:17], apply_affine(frame, _FOREHEAD_OUTLINE_MM)])
    reach = settings.contour_mm * settings.px_per_mm
    pad = int(np.ceil(reach)) + 2  # so that the patch's own edge is not taken for the outline
    padded = _polygon(outline + pad, (shape[0] + 2 * pad, shape[1] + 2 * pad))
    inside = cv2.distanceTransform(padded, cv2.DIST_L2, 3) > reach
    return inside[pad:-pad, pad:-pad]


def _eye_sockets(points: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Hull of brow and eye, wider by a quarter of the eye's width and lower by 0.6 of it."""
    sockets = np.zeros(shape, np.bool_)
    for eye, brow in _EYES:
        eye_points, brow_points = points[list(eye)], points[list(brow)]
        width = float(np.linalg.norm(eye_points[3] - eye_points[0]))
        lower = eye_points + np.array([0.0, (0.6 - 0.25) * width])
        pad = int(np.ceil(0.25 * width)) + 2
        hull = _hull(
            np.concatenate([eye_points, brow_points, lower]) + pad, (shape[0] + 2 * pad, shape[1] + 2 * pad)
        )
        sockets |= near(hull, 0.25 * width)[pad:-pad, pad:-pad]
    return sockets


def _lips_and_nose(
    points: NDArray[np.float64], shape: tuple[int, int], settings: PatchSettings
) -> NDArray[np.bool_]:
    """Lips, nose down to the nostril wings, and the lines from the wings to the corners of the mouth."""
    reach = settings.lips_nostrils_mm * settings.px_per_mm
    pad = int(np.ceil(reach)) + 2
    moved = points + pad
    padded = (shape[0] + 2 * pad, shape[1] + 2 * pad)
    features = _hull(moved[48:60], padded) | _hull(moved[27:36], padded)
    lines = np.zeros(padded, np.uint8)
    for wing, corner in _NASOLABIAL:
        ends = np.round(moved[[wing, corner]] * 16).astype(np.int32)
        cv2.polylines(lines, [ends], False, 1, 1, cv2.LINE_8, 4)
    excluded = near(features, reach) | near(lines, reach / 2)
    return excluded[pad:-pad, pad:-pad]
