"""The mean face in millimetres: the frame in which every patch is cut, and the fit that finds it in a photo.

The *face frame* is upright: its origin lies midway between the outer corners of the eyes, x runs to the
right of the picture, y down, in millimetres of skin seen from the front.

The table is the symmetrised Procrustes mean of the landmarks of 66 adult frontal faces (Face Research Lab
London Set, DeBruine & Jones 2017, CC BY 4.0), scaled so that the outer corners of the eyes lie 89.5 mm
apart: the mean of the biocular widths (ex-ex) of young men, 91.2 mm, and women, 87.8 mm, in Farkas,
Anthropometry of the Head and Face (2nd ed., 1994). Other lengths then come out as they should: mouth
51.7 mm, nasion to chin 121 mm. A face's own size is not known from a photograph without a ruler: a
millimetre here is one on a face of mean size (standard deviation between adults about 3.5 percent).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# fmt: off
MEAN_FACE_MM: NDArray[np.float64] = np.array(
    [
        (-73.1, 4.5), (-71.5, 23.7), (-68.6, 42.3), (-65.1, 60.8), (-59.6, 78.5), (-49.7, 93.6),
        (-35.7, 105.5), (-19.0, 113.8), (0.0, 116.3), (19.0, 113.8), (35.7, 105.5), (49.7, 93.6),
        (59.6, 78.5), (65.1, 60.8), (68.6, 42.3), (71.5, 23.7), (73.1, 4.5), (-60.7, -12.2),
        (-52.1, -22.3), (-38.8, -26.2), (-25.1, -24.8), (-12.0, -19.9), (12.0, -19.9), (25.1, -24.8),
        (38.8, -26.2), (52.1, -22.3), (60.7, -12.2), (0.0, -4.7), (0.0, 6.8), (0.0, 18.1),
        (0.0, 29.9), (-13.2, 41.1), (-6.8, 43.1), (0.0, 44.6), (6.8, 43.1), (13.2, 41.1),
        (-44.8, 0.0), (-37.1, -5.7), (-27.3, -5.6), (-18.7, 0.9), (-27.6, 3.1), (-37.5, 3.5),
        (18.7, 0.9), (27.3, -5.6), (37.1, -5.7), (44.8, 0.0), (37.5, 3.5), (27.6, 3.1),
        (-25.8, 68.6), (-16.0, 62.3), (-6.8, 58.7), (0.0, 60.6), (6.8, 58.7), (16.0, 62.3),
        (25.8, 68.6), (16.1, 74.1), (7.2, 76.3), (0.0, 76.8), (-7.2, 76.3), (-16.1, 74.1),
        (-21.2, 68.4), (-6.9, 66.3), (0.0, 66.8), (6.9, 66.3), (21.2, 68.4), (6.9, 66.6),
        (0.0, 67.3), (-6.9, 66.6),
    ],
    dtype=np.float64,
)
# fmt: on

# Landmark i of a mirrored face is landmark MIRROR[i] of the face itself.
MIRROR: NDArray[np.intp] = np.array(
    [
        *range(16, -1, -1),
        *range(26, 16, -1),
        *range(27, 31),
        *range(35, 30, -1),
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65),
    ]
)

# How far each landmark is to be trusted in the fit: the contour slides along the jaw and hides under hair,
# brows and mouth move with the expression; the chin, far from the eyes, steadies the scale.
LANDMARK_TRUST = np.ones(68)
LANDMARK_TRUST[0:17] = 0.25
LANDMARK_TRUST[5:12] = 0.7
LANDMARK_TRUST[17:27] = 0.5
LANDMARK_TRUST[48:68] = 0.3

_AS_COMPLEX = np.array([1, 1j])
_MEAN_FACE = MEAN_FACE_MM @ _AS_COMPLEX


def fit_similarity(points: ArrayLike, weights: ArrayLike | None = None) -> NDArray[np.float64]:
    """The similarity (2, 3) that carries the face frame (mm) onto landmarks (68, 2), in pixels.

    Weighted least squares, repeated with Cauchy weights so that landmarks that slipped count for little
    (P. W. Holland, R. E. Welsch, 1977). ``weights`` (68,) multiply the built-in trust. The scale,
    ``similarity_scale(...)``, is in pixels a millimetre. Raises ValueError when the points coincide.
    """
    target = np.asarray(points, np.float64)
    if target.shape != (68, 2):
        raise ValueError(f"points must have shape (68, 2), got {target.shape}")
    prior = LANDMARK_TRUST if weights is None else LANDMARK_TRUST * np.asarray(weights, np.float64)
    weight, goal = prior, target @ _AS_COMPLEX
    for _ in range(8):
        turn, shift = _weighted_similarity(_MEAN_FACE, goal, weight)
        if not abs(turn) > 1e-6:
            raise ValueError("the landmarks coincide")
        off_mm = np.abs(turn * _MEAN_FACE + shift - goal) / abs(turn)
        weight = prior / (1.0 + (off_mm / 4.0) ** 2)
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def similarity_scale(transform: NDArray[np.float64]) -> float:
    """Pixels a millimetre of a similarity made by ``fit_similarity``."""
    return float(np.hypot(transform[0, 0], transform[1, 0]))


def _weighted_similarity(
    source: NDArray[np.complex128], target: NDArray[np.complex128], weight: NDArray[np.float64]
) -> tuple[complex, complex]:
    """Least-squares similarity without reflection (S. Umeyama, 1991), target = turn * source + shift."""
    share = weight / weight.sum()
    source_mean, target_mean = share @ source, share @ target
    a, b = source - source_mean, target - target_mean
    turn = (share @ (b * a.conj())) / (share @ (a.real**2 + a.imag**2))
    return turn, target_mean - turn * source_mean
