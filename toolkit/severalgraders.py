"""What a model learns where several graders graded: the plain mean of their grades, or a grade combined from them by
each one's bias, slope and noise.

Both are tried, in the same folds by subject: held-out grades take no part in what is told of the graders. Both are
compared on held-out photos, against two grades of these: their combined grade, by graders as the other folds tell them,
which has less noise; and their plain mean, which owes nothing to the model. The combined grade is learnt where its mean
squared error over subjects is lower against the first by more than a standard error (the rule of Breiman et al.,
Classification and Regression Trees, 1984), and not higher against the second. The grade of a held-out photo comes from
the training that is chosen on the other folds, so that the choice does not flatter the scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.agreement.graderlikelihood import graded_by_two
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
                known[key] = np.clip(self.calibration(photos).combined(self.grades)[0], 0, 9)
            return known[key]

        return combined

    def calibration(self, photos: NDArray) -> Calibration:
        """How the graders grade, by these photos. Raises NotToldApartError."""
        check_told_apart(self.grades[photos], np.unique(self.subjects[photos], return_inverse=True)[1])
        return calibrate(self.grades[photos])


@dataclass(frozen=True)
class Compared:
    """RMSE on subjects never seen of learning the ``plain`` mean and the ``combined`` grade, against one grade of theirs;
    ``gain``: by how much the second lowers the mean squared error over subjects, and its standard error, ``doubt``."""

    plain: float
    combined: float
    gain: float
    doubt: float


@dataclass(frozen=True)
class Choice:
    """Which grades a model learnt, ``used``, and ``why``; how both did against the plain mean, and against the combined
    grade, of held-out photos: None where combined grades were not tried."""

    used: str
    why: str
    by_mean: Compared | None = None
    by_combined: Compared | None = None

    def told(self) -> str:
        """In a line."""
        lines = [f"learnt their {self.used}: {self.why}"]
        for name, one in ((PLAIN, self.by_mean), (COMBINED, self.by_combined)):
            if one is not None:
                lines.append(
                    f"RMSE on subjects never seen against their {name}: {one.plain:.3f} learning the plain mean, "
                    f"{one.combined:.3f} the combined grade"
                )
        return "; ".join(lines)


def graders_of(
    by_grader: Mapping[str, Mapping[str, float]], photos: Sequence[str], subjects: Sequence[str]
) -> SeveralGraders | None:
    """The graders of some photos; None where no more than one graded any."""
    given = {name: grades for name, grades in by_grader.items() if not grades.keys().isdisjoint(photos)}
    if len(given) < 2:
        return None
    grades = np.array([[one.get(photo, np.nan) for one in given.values()] for photo in photos])
    return SeveralGraders(tuple(given), grades, np.asarray(subjects, str))


def train_on_graders(graders: SeveralGraders, train: Callable[..., Trained]) -> tuple[Trained, Choice | None]:
    """Train on plain means and on combined grades, and give what is chosen; there is nothing to choose where no photo was
    graded by two. ``train`` () learns the plain mean, and with ``labels`` those, in the same folds."""
    plain, labels = train(), graders.labels()
    if not graded_by_two(graders.grades).any():
        return plain, None
    try:
        labels(np.arange(len(graders.grades)))  # says why, where even all photos are too few
        combined = train(labels=labels)
    except NotToldApartError as error:
        return plain, Choice(PLAIN, f"how graders differ cannot be told: {error}")
    return _chosen(graders, plain, combined)


def _chosen(graders: SeveralGraders, plain: Trained, combined: Trained) -> tuple[Trained, Choice]:
    labels, against = graders.labels(), np.zeros(len(graders.mean))
    for learn, held in plain.folds:
        against[held] = labels(learn)[held]
    everybody = np.arange(len(against))

    def compared(photos: NDArray) -> tuple[Compared, Compared]:
        """Against plain means and against combined grades."""
        found = (
            _compared(plain, combined, truth, subjects=graders.subjects, photos=photos)
            for truth in (graders.mean, against)
        )
        return next(found), next(found)

    by_mean, by_combined = compared(everybody)
    used, why = _verdict(by_mean, by_combined)
    merged: dict[str, Any] = {name: np.array(getattr(plain, name)) for name in _MERGED}
    for learn, held in plain.folds:
        source = combined if _verdict(*compared(learn))[0] == COMBINED else plain
        for name, values in merged.items():
            values[held] = getattr(source, name)[held]
    return replace(combined if used == COMBINED else plain, **merged), Choice(used, why, by_mean, by_combined)


def _verdict(by_mean: Compared, by_combined: Compared) -> tuple[str, str]:
    """What to learn, and why."""
    gain, doubt = by_combined.gain, by_combined.doubt
    lower = f"combining them lowers the squared error on held-out subjects by {gain:.3f}, standard error {doubt:.3f}"
    if gain <= 0:
        return PLAIN, "combining them does not lower the error on held-out subjects"
    if gain <= doubt:
        return PLAIN, f"{lower}, not clearly"
    if by_mean.gain < 0:
        return PLAIN, f"{lower}, but raises it against their plain mean"
    return COMBINED, lower


def _compared(
    plain: Trained, combined: Trained, truth: Float, *, subjects: NDArray[np.str_], photos: NDArray
) -> Compared:
    off = np.column_stack([(one.predicted[photos] - truth[photos]) ** 2 for one in (plain, combined)])
    _, owner, counts = np.unique(subjects[photos], return_inverse=True, return_counts=True)
    by_subject = np.bincount(owner, off[:, 0] - off[:, 1]) / counts
    doubt = float(by_subject.std(ddof=1) / np.sqrt(len(counts))) if len(counts) > 1 else float("inf")
    rmse = np.sqrt(off.mean(axis=0)).tolist()
    return Compared(rmse[0], rmse[1], float(by_subject.mean()), doubt)
