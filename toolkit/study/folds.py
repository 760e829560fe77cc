"""Cross-validation folds that never split a subject."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toolkit.errors import TrainingError

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


def subject_folds(subjects: Sequence[str], grades: ArrayLike, folds: int, seed: int) -> list[Fold]:
    """Split photos into ``folds`` pairs (train indices, test indices) without splitting a subject.

    All photos of a subject (both sides, every visit) are tested in the same fold; every photo is tested
    once; no fold is empty. Grades are balanced: subjects are sorted by their mean grade and dealt out, the
    next ``folds`` of them to as many folds in random order. (scikit-learn's StratifiedGroupKFold can leave
    a fold empty.) The same arguments give the same folds.

    Raises TrainingError when there are fewer than two folds or fewer subjects than folds.
    """
    values = np.asarray(grades, dtype=float)
    if len(subjects) != len(values):
        raise ValueError(f"subjects and grades must be of one length, got {len(subjects)} and {len(values)}")
    if not np.isfinite(values).all():
        raise ValueError("grades must be finite: leave out photos without a grade")
    unique, owner = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)
    if folds < 2:
        raise TrainingError(f"{folds} folds are too few to cross-validate: use at least 2")
    if len(unique) == 1:
        raise TrainingError("all graded photographs are of one subject: add subjects, no fold may split one")
    if len(unique) < folds:
        raise TrainingError(
            f"{len(unique)} graded subjects cannot be split into {folds} folds: "
            f"add subjects, or use at most --folds {len(unique)}"
        )
    fold_of_photo = _deal(owner, values, folds, seed)[owner]
    indices = np.arange(len(values))
    return [(indices[fold_of_photo != fold], indices[fold_of_photo == fold]) for fold in range(folds)]


def _deal(owner: NDArray[np.intp], grades: NDArray[np.float64], folds: int, seed: int) -> NDArray[np.intp]:
    """The fold (S,) of each subject; ``owner`` (N,) is each photo's subject index."""
    rng = np.random.default_rng(seed)
    photos = np.bincount(owner)
    mean_grade = np.bincount(owner, weights=grades) / photos
    order = np.lexsort((rng.random(len(photos)), mean_grade))
    fold_of = np.empty(len(photos), dtype=np.intp)
    size = np.zeros(folds, dtype=np.intp)
    for start in range(0, len(order), folds):
        hand = order[start : start + folds]
        takers = rng.permutation(folds)
        if len(hand) < folds:  # the rest goes to the smallest folds
            takers = takers[np.argsort(size[takers], kind="stable")][: len(hand)]
        fold_of[hand] = takers
        size[takers] += photos[hand]
    return fold_of
