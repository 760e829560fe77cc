"""What a model learns where several graders graded: the plain mean of their grades, or a grade combined from them by
each one's bias, slope and noise.

Both are tried, in the same folds by subject: held-out grades take no part in what is told of the graders. The two are
compared on the plain mean of the held-out photos, whose noise is the same for both. The combined grade is taken where
its mean squared error over subjects is lower by more than a standard error (the rule of Breiman et al., Classification
and Regression Trees, 1984). The grade of a held-out photo comes from the one that is chosen on the other folds, so that
the choice does not flatter the scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from toolkit.agreement.gradermodel import Calibration, NotToldApartError, calibrate, check_told_apart
from toolkit.training import Labels, Trained

Float = NDArray[np.float64]
PLAIN, COMBINED = "plain mean", "combined grade"
_MERGED = ("predicted", "half_widths", "argmax", "embedding", "parts", "by_region", "labels")


@dataclass(frozen=True, eq=False)
class SeveralGraders:
    """The grades (N, k) of k graders by ``names``, NaN where missing, of photos of ``subjects`` (N,)."""

    names: tuple[str, ...]
    grades: Float
    subjects: NDArray[np.str_]

    @cached_property
    def mean(self) -> Float:
        """(N,) the plain mean of each photo's grades."""
        return np.asarray(np.nanmean(self.grades, axis=1))

    def labels(self) -> Labels:
        """Combined grades of all photos, by how graders graded some of them."""
        known: dict[bytes, Float] = {}

        def combined(photos: NDArray) -> Float:
            key = photos.tobytes()
            if key not in known:
                known[key] = self.calibration(photos).combined(self.grades)[0]
            return known[key]

        return combined

    def calibration(self, photos: NDArray) -> Calibration:
        """How the graders grade, by these photos. Raises NotToldApartError."""
        check_told_apart(self.grades[photos], np.unique(self.subjects[photos], return_inverse=True)[1])
        return calibrate(self.grades[photos])


@dataclass(frozen=True)
class Choice:
    """Which grades a model learnt, ``used``, and ``why``; RMSE on subjects never seen, by the plain mean of their grades,
    of learning either: None where combined grades were not tried."""

    used: str
    why: str
    rmse_plain: float | None = None
    rmse_combined: float | None = None

    def told(self) -> str:
        """In a line."""
        if self.rmse_plain is None or self.rmse_combined is None:
            return f"learnt their {self.used}: {self.why}"
        return (
            f"learnt their {self.used}: {self.why} (RMSE on subjects never seen, against the plain mean: "
            f"{self.rmse_plain:.3f} learning the plain mean, {self.rmse_combined:.3f} the combined grade)"
        )


def graders_of(
    by_grader: Mapping[str, Mapping[str, float]], photos: Sequence[str], subjects: Sequence[str]
) -> SeveralGraders | None:
    """The graders of some photos; None where no more than one graded any."""
    given = {name: grades for name, grades in by_grader.items() if not grades.keys().isdisjoint(photos)}
    if len(given) < 2:
        return None
    grades = np.array([[one.get(photo, np.nan) for one in given.values()] for photo in photos])
    return SeveralGraders(tuple(given), grades, np.asarray(subjects, str))


def train_on_graders(graders: SeveralGraders, train: Callable[..., Trained]) -> tuple[Trained, Choice]:
    """Train on plain means and on combined grades, and give what is chosen. ``train`` () learns the plain mean, and with
    ``labels`` those, in the same folds."""
    plain = train()
    try:
        combined = train(labels=graders.labels())
    except NotToldApartError as error:
        return plain, Choice(PLAIN, f"how graders differ cannot be told: {error}")
    return _chosen(graders, plain, combined)


def _chosen(graders: SeveralGraders, plain: Trained, combined: Trained) -> tuple[Trained, Choice]:
    off = np.column_stack([(one.predicted - graders.mean) ** 2 for one in (plain, combined)])
    gain, doubt = _gain(off, graders.subjects)
    helps = gain > doubt
    lower = f"combining them lowers the squared error by {gain:.3f}, standard error over subjects {doubt:.3f}"
    why = lower if helps else f"{lower}, not clearly" if gain > 0 else "combining them does not lower the error"
    rmse_plain, rmse_combined = np.sqrt(off.mean(axis=0)).tolist()
    choice = Choice(COMBINED if helps else PLAIN, why, rmse_plain, rmse_combined)
    merged = {name: np.array(getattr(plain, name)) for name in _MERGED}
    for learn, held in plain.folds:
        mine, other = _gain(off[learn], graders.subjects[learn])
        source = combined if mine > other else plain
        for name, values in merged.items():
            values[held] = getattr(source, name)[held]
    return replace(combined if helps else plain, **merged), choice


def _gain(off: Float, subjects: NDArray[np.str_]) -> tuple[float, float]:
    """By how much the second of squared errors ``off`` (n, 2) is lower, mean over subjects, and its standard error."""
    _, owner, counts = np.unique(subjects, return_inverse=True, return_counts=True)
    by_subject = np.bincount(owner, off[:, 0] - off[:, 1]) / counts
    if len(counts) < 2:
        return 0.0, 0.0
    return float(by_subject.mean()), float(by_subject.std(ddof=1) / np.sqrt(len(counts)))
