"""Landmarks set right by the holes that a clinical mask leaves over brows and eyes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.geometry import apply_affine
from toolkit.meanface import MEAN_FACE_MM, fit_similarity

_GROUPS = (range(17, 22), range(22, 27), range(36, 42), range(42, 48))
_BROW = range(17, 27)  # its landmarks follow its upper edge, a quarter down the hole
_REACH_MM = (
    9.0  # less than half the way from eye to brow: the hole nearest to where a feature should be is its own
)
_TRUSTED_MM = 3.0  # a hole is drawn by hand: below this the predictor is believed,
_MENDED_MM = 6.0  # beyond this the hole is


def mend_by_holes(
    points: NDArray[np.float64], painted: NDArray[np.uint8], px_per_mm: float
) -> NDArray[np.float64]:
    """Landmarks (68, 2) with brows and eyes moved up or down onto their holes where they slipped.

    Under a mask the predictor takes one dark hole for another: eyes slip up to the brow's, brows down to
    the eye's. Where each feature should be follows from nose, jaw and mouth alone (a fit without eyes and
    brows); a hole near that place, of a fitting width, is the feature's own. Nose and mouth do not slip:
    nothing as dark lies near them. ``painted`` (h, w) uint8: 1
    where the upright picture is painted out.
    """
    count, _, stats, centres = cv2.connectedComponentsWithStats(painted, connectivity=4)
    if count < 2:
        return points
    h, w = painted.shape
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    wide, high = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    inside = (left > 0) & (top > 0) & (left + wide < w) & (top + high < h)
    inside[0] = False
    if not inside.any():
        return points
    unsure = np.ones(68)
    unsure[17:27] = unsure[36:48] = 1e-3
    anchor = fit_similarity(points, unsure)
    mended = points.copy()
    for group in map(list, _GROUPS):
        expected = apply_affine(anchor, MEAN_FACE_MM[group])
        width = np.ptp(expected[:, 0])
        off = np.linalg.norm(centres - expected.mean(axis=0), axis=1) / px_per_mm
        off[~inside | (wide < 0.5 * width) | (wide > 2.0 * width)] = np.inf
        hole = int(off.argmin())
        if off[hole] > _REACH_MM:
            continue
        aim = top[hole] + (0.25 if group[0] in _BROW else 0.5) * high[hole]
        down = float(aim - (points[group, 1].min() + points[group, 1].max()) / 2)
        share = np.clip((abs(down) / px_per_mm - _TRUSTED_MM) / (_MENDED_MM - _TRUSTED_MM), 0.0, 1.0)
        mended[group, 1] += share * down
    return mended
