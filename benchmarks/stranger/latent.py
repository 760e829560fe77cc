"""What painted pigment is worth by a grade that is not the phantoms' own (``toolkit.phantom.latent``).

    grade = m (.5 f(load) + .2 f(pieces) + .3 f(spread)),  at most 9
    f(x) = 9 (1 - exp(-(x / K) ** p)), through 3 and 6 at two anchors of each figure
    m = (contrast / .13) ** .4, within .7 to 1.25

Where ``toolkit.phantom.latent`` knows one figure, the load, this one also asks how many pieces are seen, over how
much of the side they spread and how dark they are. All figures are of pigment that is seen in the saved photograph.

Its weakness: no expert has graded a photograph for it. Weights and anchors are one hand's reading of the words of the
scale (1-3 few, small or faint; 4-6 obvious; 7-9 severe) and of two published half faces of grades 3 and 6, which also
anchor ``toolkit.phantom.latent``. By the words alone a grade is uncertain by about .7, and load weighs half in both: an
error here has part of the formula in it, and agreement does not say that experts would agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.phantom.optics import Float
from toolkit.pigment.maps import smooth_over

MOST_GRADE: Final = 9.0
_WEIGHTS: Final = {"load": 0.5, "pieces": 0.2, "spread": 0.3}
_ANCHORS: Final = {"load": (0.0013, 0.0143), "pieces": (11, 80), "spread": (0.25, 0.88)}  # of grades 3 and 6
_CONTRAST: Final = (0.13, 0.4, 0.7, 1.25)  # usual, power, and what m is at least and at most
_AT_3, _AT_6 = np.log(9 / (9 - 3)), np.log(9 / (9 - 6))
_CELL_MM: Final = 15.0
_FINE_MM, _AROUND_MM = 0.4, 4.0
_PIECE_OD, _PIECE_MM2 = 0.02, 0.3  # a piece exceeds its surroundings by so much, on at least so much
_ON_OD: Final = 0.025  # green OD from which skin counts as covered
_FULL_CELL: Final = 0.03  # share of a cell that is covered where it counts whole


@dataclass(frozen=True)
class Figures:
    """What is seen on one side: ``load`` the mean green OD over its skin; ``pieces`` their number; ``spread`` 0-1, over
    cells of 15 mm; ``contrast`` the green OD of what is covered, weighted by itself."""

    load: float = 0.0
    pieces: int = 0
    spread: float = 0.0
    contrast: float = 0.0


def grade_of(figures: Figures) -> float:
    """The latent grade, 0-9."""
    if figures.load <= 0:
        return 0.0
    usual, power, least, most = _CONTRAST
    m = np.clip((figures.contrast / usual) ** power, least, most)
    parts = (much * _curve(getattr(figures, name), *_ANCHORS[name]) for name, much in _WEIGHTS.items())
    return float(min(MOST_GRADE, m * sum(parts)))


def figures_of(
    pigment: Float, skin: NDArray[np.bool_], across: Float, down: Float, *, px_per_mm: float
) -> Figures:
    """The figures of a map (h, w) of green OD on the ``skin`` (h, w) that counts; ``across`` and ``down`` (h, w): mm."""
    pigment = (pigment * skin).astype(np.float32)
    load = float(pigment[skin].mean()) if skin.any() else 0.0
    if load < 2e-5:
        return Figures()
    fine = smooth_over(pigment, skin, _FINE_MM * px_per_mm) * skin
    above = fine - smooth_over(pigment, skin, _AROUND_MM * px_per_mm)
    _, _, pieces, _ = cv2.connectedComponentsWithStats(((above > _PIECE_OD) & skin).astype(np.uint8))
    large = pieces[1:, cv2.CC_STAT_AREA] >= _PIECE_MM2 * px_per_mm**2
    on = (fine > _ON_OD) & skin
    contrast = float((fine[on] ** 2).sum() / fine[on].sum()) if on.any() else 0.03
    spread = _spread(on[skin], across[skin], down[skin], (_CELL_MM * px_per_mm) ** 2)
    return Figures(load, int(large.sum()), spread, contrast)


def _spread(on: NDArray[np.bool_], across: Float, down: Float, whole: float) -> float:
    """The share of cells with pigment, each by how much it has; ``whole``: pixels of a whole cell."""
    cells = np.floor(np.stack([across, down + 90]) / _CELL_MM).astype(int)
    _, cell = np.unique(cells[0] * 100 + cells[1], return_inverse=True)
    count = np.bincount(cell)
    covered = np.bincount(cell, on) / count
    weight = np.minimum(count / whole, 1)
    return float((np.minimum(1, np.sqrt(covered / _FULL_CELL)) * weight).sum() / weight.sum())


def _curve(x: float, at_3: float, at_6: float) -> float:
    power = np.log(_AT_6 / _AT_3) / np.log(at_6 / at_3)
    return float(9 * (1 - np.exp(-((x / at_6) ** power) * _AT_6)))
