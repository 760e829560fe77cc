"""The mean face in millimetres: the frame in which every patch is cut, and the fit that finds it in a photo.

The *face frame* is upright: its origin lies midway between the outer corners of the eyes and 1 mm below
them, x runs to the right of the picture, y down, in millimetres of skin seen from the front.

The table is the symmetrised Procrustes mean of 68 points of 66 adult frontal faces, made of the 189 points
that people set on them by hand (Face Research Lab London Set, DeBruine & Jones 2017, CC BY 4.0;
``benchmarks/making/landmark_network/handmade.py``), with the outer corners of the eyes 90.1 mm apart: between the
biocular widths (ex-ex) of young men, 91.2 mm, and women, 87.8 mm, in Farkas, Anthropometry of the Head and
Face (2nd ed., 1994). The frame's origin and scale are those of earlier versions, whose points were dlib's:
patches hold the same skin. A face's own size is not known from a photograph without a ruler: a millimetre
here is one on a face of mean size (standard deviation between adults about 3.5 percent).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# fmt: off
MEAN_FACE_MM: NDArray[np.float64] = np.array(
    [
        (-71.8, 3.7), (-71.7, 22.3), (-69.2, 40.9), (-65.8, 59.3), (-59.9, 76.9), (-49.6, 92.3),
        (-35.2, 103.9), (-18.4, 111.5), (0.0, 114.9), (18.4, 111.5), (35.2, 103.9), (49.6, 92.3),
        (59.9, 76.9), (65.8, 59.3), (69.2, 40.9), (71.7, 22.3), (71.8, 3.7), (-59.8, -10.9),
        (-53.6, -21.4), (-40.9, -26.1), (-27.4, -24.4), (-14.4, -19.8), (14.4, -19.8), (27.4, -24.4),
        (40.9, -26.1), (53.6, -21.4), (59.8, -10.9), (0.0, -7.9), (0.0, 4.0), (0.0, 16.0),
        (0.0, 27.9), (-13.0, 40.2), (-6.5, 41.5), (0.0, 42.8), (6.5, 41.5), (13.0, 40.2),
        (-45.1, -1.0), (-36.1, -6.2), (-26.0, -5.3), (-17.4, 0.8), (-26.9, 2.2), (-36.4, 2.5),
        (17.4, 0.8), (26.0, -5.3), (36.1, -6.2), (45.1, -1.0), (36.4, 2.5), (26.9, 2.2),
        (-25.8, 67.6), (-16.3, 61.6), (-7.6, 57.9), (0.0, 59.5), (7.6, 57.9), (16.3, 61.6),
        (25.8, 67.6), (18.5, 72.6), (10.4, 75.8), (0.0, 76.8), (-10.4, 75.8), (-18.5, 72.6),
        (-20.9, 67.1), (-8.2, 65.6), (0.0, 66.3), (8.2, 65.6), (20.9, 67.1), (8.2, 65.7),
        (0.0, 66.4), (-8.2, 65.7),
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


def fit_similarity(
    points: ArrayLike, weights: ArrayLike | None = None, mean: NDArray[np.float64] = MEAN_FACE_MM
) -> NDArray[np.float64]:
    """The similarity (2, 3) that carries the face frame (mm) onto landmarks (68, 2), in pixels.

    Weighted least squares, repeated with Cauchy weights so that landmarks that slipped count for little
    (P. W. Holland, R. E. Welsch, 1977). ``weights`` (68,) multiply the built-in trust. The scale,
    ``similarity_scale(...)``, is in pixels a millimetre. ``mean`` (68, 2): another mean face, for points of
    another definition. Raises ValueError when the points coincide.
    """
    target = np.asarray(points, np.float64)
    if target.shape != (68, 2):
        raise ValueError(f"points must have shape (68, 2), got {target.shape}")
    prior = LANDMARK_TRUST if weights is None else LANDMARK_TRUST * np.asarray(weights, np.float64)
    weight, goal, source = prior, target @ _AS_COMPLEX, mean @ _AS_COMPLEX
    for _ in range(8):
        turn, shift = _weighted_similarity(source, goal, weight)
        if not abs(turn) > 1e-6:
            raise ValueError("the landmarks coincide")
        off_mm = np.abs(turn * source + shift - goal) / abs(turn)
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
