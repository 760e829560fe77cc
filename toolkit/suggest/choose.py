"""Which photographs to have graded next: those that stand for much that the model is not sure of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ungraded:
    """n photographs without an expert's grade: where they lie, ``places`` (n, k), in units of what is usual among graded
    ones; how unsure the model is of each, ``half_widths`` (n,); whose they are, ``subjects`` (n,)."""

    places: Matrix
    half_widths: Matrix
    subjects: NDArray[np.str_]


def k_centre(pool: Ungraded, known: Matrix, most: int) -> Iterator[int]:
    """Numbers of the photographs, the most wanted first: each is the one whose distance to the nearest graded or chosen
    place, times its half-width, is largest. At most ``most`` of a subject. Core-set selection by greedy k-centre: Sener
    and Savarese, Active learning for convolutional neural networks (ICLR 2018)."""
    near = _nearest(pool.places, known)
    counts: dict[str, int] = {}
    open_ = np.ones(len(near), bool)
    while open_.any():
        i = int(np.argmax(np.where(open_, near * pool.half_widths, -1)))
        yield i
        near = np.minimum(near, np.linalg.norm(pool.places - pool.places[i], axis=1))
        open_[i] = False
        subject = str(pool.subjects[i])
        counts[subject] = counts.get(subject, 0) + 1
        if counts[subject] >= most:
            open_ &= pool.subjects != subject


def facility(pool: Ungraded, known: Matrix, most: int) -> Iterator[int]:
    """The same by facility location: each is the one that brings the pool's half-width-weighted distances to the nearest graded or
    chosen place down most. Wei, Iyer and Bilmes, Submodularity in data subset selection and active learning (ICML
    2015)."""
    near = _nearest(pool.places, known)
    apart = np.linalg.norm(pool.places[:, None] - pool.places[None], axis=2)
    counts: dict[str, int] = {}
    open_ = np.ones(len(near), bool)
    while open_.any():
        gain = (np.maximum(near[None] - apart, 0) * pool.half_widths[None]).sum(axis=1)
        i = int(np.argmax(np.where(open_, gain, -1)))
        yield i
        near = np.minimum(near, apart[i])
        open_[i] = False
        subject = str(pool.subjects[i])
        counts[subject] = counts.get(subject, 0) + 1
        if counts[subject] >= most:
            open_ &= pool.subjects != subject


def _nearest(places: Matrix, known: Matrix) -> Matrix:
    if not len(known):
        return np.full(len(places), 1.0)
    from scipy.spatial import cKDTree

    return np.asarray(cKDTree(known).query(places)[0])
