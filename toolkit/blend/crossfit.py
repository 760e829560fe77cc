"""Cross-fitting: every row's answer from what was learnt without the row's own fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Folds = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]


def out_of_fold(folds: Folds, answer: Callable[[NDArray, NDArray], NDArray]) -> NDArray[np.float64]:
    """Answers (n, ...) of the n rows that the folds hold out, each row once.

    ``folds``: (rows to learn from, rows held out). ``answer`` (learn, held) learns from the first and returns what it
    says of the second, (len(held), ...). Raises ValueError where a row is in both parts of a fold, or is not held out
    exactly once.
    """
    held_out = np.concatenate([held for _, held in folds])
    if not np.array_equal(np.sort(held_out), np.arange(len(held_out))):
        raise ValueError("every row must be held out by one fold")
    if any(np.intersect1d(learn, held).size for learn, held in folds):
        raise ValueError("no row may be learnt from by the fold that holds it out")
    answers = np.concatenate([np.asarray(answer(learn, held), float) for learn, held in folds])
    return answers[np.argsort(held_out)]
