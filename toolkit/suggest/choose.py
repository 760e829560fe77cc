"""Which photographs to have graded next: unsure ones, far from all that are graded, few of a subject.

Greedy k-centre selection of a core-set (Sener and Savarese, Active learning for convolutional neural networks: a
core-set approach, ICLR 2018), in a space that people can follow: a photograph lies where its automatic grade, its skin
tone and its distance to the references put it, each against the spread of the training photographs. How unsure the
model is of a photograph, the half-width of its interval, weighs its distance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.watch import StudyFigures

AXES = ("grade", "ita_deg", "reference_distance")  # of the figures that are watched
Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ungraded:
    """n photographs without an expert's grade: ``places`` (n, k), those of the photographs that the model was trained on,
    ``known`` (m, k), ``half_widths`` (n,) of their intervals, and whose they are, ``subjects`` (n,)."""

    places: Matrix
    known: Matrix
    half_widths: Matrix
    subjects: NDArray[np.str_]

    @classmethod
    def beside(
        cls, study: StudyFigures, figures: Matrix, half_widths: Matrix, subjects: NDArray[np.str_]
    ) -> Ungraded:
        """Photographs whose ``figures`` (n, len(AXES)) are known, beside those of the training ``study``; an axis that is
        not known of either is left out."""
        known = np.column_stack([study.column(name) for name in AXES])
        used = np.isfinite(known).any(axis=0) & np.isfinite(figures).all(axis=0)
        known = known[:, used][np.isfinite(known[:, used]).all(axis=1)]
        scale = np.maximum(known.std(axis=0), 1e-9)
        return cls(figures[:, used] / scale, known / scale, half_widths, subjects)


def next_photos(pool: Ungraded, most: int) -> Iterator[int]:
    """Numbers of the photographs, the most wanted first, at most ``most`` of a subject: each is the one whose distance to
    the nearest graded or chosen place, times its half-width, is largest."""
    from scipy.spatial import KDTree

    near = np.asarray(KDTree(pool.known).query(pool.places)[0], np.float64)
    waiting, taken = np.ones(len(near), bool), Counter[str]()
    while waiting.any():
        chosen = int(np.where(waiting, near * pool.half_widths, -1).argmax())
        yield chosen
        near = np.minimum(near, np.linalg.norm(pool.places - pool.places[chosen], axis=1))
        waiting[chosen] = False
        subject = str(pool.subjects[chosen])
        taken[subject] += 1
        if taken[subject] >= most:
            waiting &= pool.subjects != subject
