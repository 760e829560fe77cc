"""Hair of nearly the skin's own colour at the top of an unmasked face: cut off along an edge, not by its colour alone."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.chart.frame import Frame, near
from toolkit.settings import ChartSettings

Mask = NDArray[np.bool_]

_PX_PER_MM = 0.7  # hair is larger than spots; a finer picture only takes longer
# Of the face frame: below the middle of the forehead, and so far from the midline.
_SURELY_SKIN_MM = -40.0, 58.0
_TOP_MM = -10.0  # beyond the outline above this level there is hair, or what is behind the head
_LEAST_MM2 = 50.0  # less to learn a colour from
_ROUNDS = 2
_BESIDE_MM = 10.0
_LEAST_DIFFERENCE = 4.0  # of L*a*b* in 8 bits


def fair_hair(
    pixels: NDArray[np.uint8], skin: Mask, beyond: Mask, *, frame: Frame, settings: ChartSettings
) -> Mask:
    """(h, w) bool: what of ``skin`` looks more like what lies ``beyond`` the outline of forehead and temples, or was
    recognised as hair there, than like the middle of the face, and hangs together with it.

    GrabCut (Rother, Kolmogorov, Blake 2004) on ``pixels`` (h, w, 3) RGB reduced to about a millimetre: colour mixtures of both, and
    a border along edges. On a bald head both are skin, and nothing is cut off without an edge.
    """
    shrink = _PX_PER_MM / frame.px_per_mm
    x, y = (
        cv2.resize(axis, None, fx=across, fy=down, interpolation=cv2.INTER_AREA)
        for axis, across, down in zip(frame.face_mm(), (shrink, 1), (1, shrink), strict=True)
    )
    soft = cv2.GaussianBlur(pixels, (0, 0), 0.7 * frame.px_per_mm)
    colour = cv2.cvtColor(_reduced(soft, shrink), cv2.COLOR_RGB2LAB)
    mine, rim = (_reduced(mask.astype(np.float32), shrink) > 0.5 for mask in (skin, beyond))
    rim &= y < _TOP_MM
    sure = mine & (((y > _SURELY_SKIN_MM[0]) & (np.abs(x) < _SURELY_SKIN_MM[1])) | (y > 0))
    if min(rim.sum(), sure.sum(), (mine & ~sure).sum()) < _LEAST_MM2 * _PX_PER_MM**2:
        return np.zeros_like(skin)
    colour[~mine & ~rim] = np.median(colour[rim], axis=0)  # says nothing new of what lies beyond
    labels = np.full(mine.shape, cv2.GC_BGD, np.uint8)
    labels[mine], labels[sure] = cv2.GC_PR_FGD, cv2.GC_FGD
    cv2.setRNGSeed(1)  # the mixtures start from random centres
    mixture: Any = np.zeros((1, 65))
    cv2.grabCut(colour, labels, (0, 0, 0, 0), mixture, mixture.copy(), _ROUNDS, cv2.GC_INIT_WITH_MASK)
    hair = (labels == cv2.GC_PR_BGD) & mine
    hair = cv2.morphologyEx(hair.view(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)) > 0
    _, pieces = cv2.connectedComponents((hair | rim).view(np.uint8))
    large = np.bincount(pieces[hair], minlength=pieces.max() + 1) >= settings.fair_hair_mm2 * _PX_PER_MM**2
    hair &= large[pieces]
    if not hair.any() or not _differs(colour, hair, mine & ~hair):
        return np.zeros_like(skin)
    shape = skin.shape[::-1]
    return np.asarray(cv2.resize(hair.view(np.uint8), shape, interpolation=cv2.INTER_NEAREST) > 0) & skin


def _differs(colour: NDArray, hair: Mask, skin: Mask) -> bool:
    """Whether hair differs from the skin beside it: where one colour is cut in two, the border means nothing."""
    beside = near(hair, _BESIDE_MM * _PX_PER_MM) & skin
    if not beside.any():
        return True
    inner, outer = (np.median(colour[one], axis=0) for one in (hair, beside))
    return bool(np.linalg.norm(inner - outer) > _LEAST_DIFFERENCE)


def _reduced(values: NDArray, shrink: float) -> NDArray:
    return np.asarray(cv2.resize(values, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA))
