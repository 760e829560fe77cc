"""A run beside the training study, figure by figure, without crying wolf over few photographs.

How far apart two distributions are is told by the distance of Kolmogorov and Smirnov, whether chance explains it by the
statistic of Anderson and Darling, which sees more of their ends (Scholz and Stephens, JASA 82 (1987) 918-924). Every
subject weighs the same, however many photographs it has. What chance gives is found by permuting whole subjects between
run and study, since photographs of one subject are not independent; that several figures are looked at is corrected for
by the largest of all in each permutation (Westfall and Young, Resampling-Based Multiple Testing, Wiley 1993: maxT).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.watch.figures import FIGURES, Figure, StudyFigures

LEVEL = 0.01  # of runs of the same kind as the study are called unlike it
LEAST_DISTANCE = 0.2  # a fifth of the subjects lie where the study's do not: less is no matter, however sure
_PERMUTATIONS = 1999
_BLOCK = 250  # of them at a time
_PLACES = 200  # at which distributions are compared,
_ENDS = 5  # chosen from so many photographs a subject
_MOST_SUBJECTS = 4000  # of run or study; more are thinned at random, and tell nothing more

NO_FIGURES = (
    "the model keeps no figures of its training photographs; train it again to have runs compared with them"
)
NOT_MEASURED = "no photograph was measured"

Matrix = NDArray[np.float64]
Three = tuple[float, float, float]


@dataclass(frozen=True)
class Difference:
    """One figure in run and study: its 5th, 50th and 95th percentile over the photographs of each; ``distance`` of
    both distributions, 0 to 1, or of how far photographs lie from the middle, where that is larger; ``shift``: 1 where the run's lies higher throughout, -1 lower, near 0 where it is wider or
    narrower; ``p`` that chance explains it, corrected for all figures."""

    figure: Figure
    run: Three
    study: Three
    distance: float
    shift: float
    p: float

    @property
    def unlike(self) -> bool:
        """Whether it differs beyond chance, and by enough to matter."""
        return self.p <= LEVEL and self.distance >= LEAST_DISTANCE


@dataclass(frozen=True)
class Watched:
    """What a run is beside the training study: a ``line`` a figure, and the number of subjects of both; ``reason``: why
    nothing could be compared, else ""."""

    lines: tuple[Difference, ...] = ()
    subjects: int = 0
    study_subjects: int = 0
    reason: str = ""

    @property
    def unlike(self) -> tuple[Difference, ...]:
        """The figures in which the run is unlike the study, the farthest first."""
        return tuple(sorted((one for one in self.lines if one.unlike), key=lambda one: -one.distance))


def compare(run: StudyFigures, study: StudyFigures | None, seed: int = 0) -> Watched:
    """Compare a run with the training study; None: the model keeps no figures of it."""
    if study is None:
        return Watched(reason=NO_FIGURES)
    wanted = run.known & study.known
    run, study = run.with_all(wanted), study.with_all(wanted)
    if not (wanted.any() and len(run.subjects) and len(study.subjects)):
        return Watched(reason=NOT_MEASURED)
    rng = np.random.default_rng(seed)
    run, study = (_thinned(one, rng) for one in (run, study))
    ours, theirs = (len(np.unique(one.subjects)) for one in (run, study))
    if math.comb(ours + theirs, ours) < 1 / LEVEL:
        return Watched((), ours, theirs, f"{ours} beside {theirs} subjects are too few to tell")
    places = np.flatnonzero(wanted).tolist()
    spread = [_Spread.of(run, study, n) for n in places]
    chance = _against_chance([shares for one in spread for shares in (one.shares, one.outlying)], ours, rng)
    lines = [
        Difference(FIGURES[n], _three(run.values[:, n]), _three(study.values[:, n]), *one.apart(ours), p=p)
        for n, one, p in zip(places, spread, chance.reshape(-1, 2).min(axis=1).tolist(), strict=True)
    ]
    return Watched(tuple(lines), ours, theirs)


def _thinned(figures: StudyFigures, rng: np.random.Generator) -> StudyFigures:
    everybody = np.unique(figures.subjects)
    if len(everybody) <= _MOST_SUBJECTS:
        return figures
    kept = np.isin(figures.subjects, rng.choice(everybody, _MOST_SUBJECTS, replace=False))
    return StudyFigures(figures.subjects[kept], figures.values[kept])


def _three(values: Matrix) -> Three:
    low, middle, high = np.percentile(values, (5, 50, 95)).tolist()
    return low, middle, high


@dataclass(frozen=True, eq=False)
class _Spread:
    """The distribution of one figure: ``shares`` (subjects, k) of each subject's photographs at or under ``places`` (k,),
    the run's subjects first. ``outlying``: the same of how far photographs lie from the middle of all, by which a wider
    distribution is seen."""

    places: Matrix
    shares: NDArray[np.float32]
    outlying: NDArray[np.float32]

    @classmethod
    def of(cls, run: StudyFigures, study: StudyFigures, figure: int) -> _Spread:
        values = [*_by_subject(run, figure), *_by_subject(study, figure)]
        middle = np.median([np.median(one) for one in values])
        return cls(*_shares(values), _shares([np.abs(one - middle) for one in values])[1])

    def apart(self, ours: int) -> tuple[float, float]:
        """The distance of the first ``ours`` subjects from the rest, and the area between both distributions with its
        sign over the area without."""
        apart, outlying = (
            one[ours:].mean(axis=0) - one[:ours].mean(axis=0) for one in (self.shares, self.outlying)
        )
        areas = apart[:-1] * np.diff(self.places)
        distance = max(np.abs(apart).max(), np.abs(outlying).max())
        return float(distance), float(areas.sum() / max(np.abs(areas).sum(), 1e-12))


def _by_subject(figures: StudyFigures, figure: int) -> list[Matrix]:
    """The sorted values of one figure, an array a subject."""
    order = np.lexsort((figures.values[:, figure], figures.subjects))
    _, firsts = np.unique(figures.subjects[order], return_index=True)
    return np.split(figures.values[order, figure], firsts[1:])


def _shares(values: Sequence[Matrix]) -> tuple[Matrix, NDArray[np.float32]]:
    """Places (k,) over the range of all values, and the share (subjects, k) of each subject's at or under them. Every
    subject has the same say in where places lie: else who has many photographs would be seen more sharply."""
    ends = [one[np.linspace(0, len(one) - 1, _ENDS).astype(int)] for one in map(np.sort, values)]
    every = np.unique(np.concatenate(ends))
    places = every[np.unique(np.linspace(0, len(every) - 1, _PLACES).astype(int))]
    shares = [np.searchsorted(one, places, side="right") / len(one) for one in map(np.sort, values)]
    return places, np.array(shares, np.float32)


def _against_chance(shares: Sequence[NDArray[np.float32]], ours: int, rng: np.random.Generator) -> Matrix:
    """p (figures,) that the first ``ours`` of each figure's ``shares`` (subjects, k) are like the rest: by the largest
    standardised difference of each permutation of subjects."""
    everybody = len(shares[0])
    first = np.arange(everybody)[None] < ours
    found = [_differences(first, shares)]
    for done in range(0, _PERMUTATIONS, _BLOCK):
        order = rng.random((min(_BLOCK, _PERMUTATIONS - done), everybody)).argsort(axis=1)
        found.append(_differences(order < ours, shares))
    every = np.concatenate(found)
    standard = (every - every.mean(axis=0)) / np.maximum(every.std(axis=0), 1e-12)
    # The study as it is counts as one permutation.
    return np.asarray((standard.max(axis=1)[:, None] >= standard[0] - 1e-6).mean(axis=0))


def _differences(chosen: NDArray[np.bool_], shares: Sequence[NDArray[np.float32]]) -> Matrix:
    """Of those ``chosen`` (permutations, subjects) from the others, by figure (permutations, figures): squared differences
    of the distributions, each against its variance, averaged over their places."""
    inside, count = chosen.astype(np.float32), chosen.sum(axis=1, keepdims=True)
    columns = []
    for of_figure in shares:
        under = of_figure.mean(axis=0)
        within = (under > 0) & (under < 1)
        of_figure, under = of_figure[:, within], under[within]
        sums = inside @ of_figure
        apart = sums / count - (of_figure.sum(axis=0) - sums) / (len(of_figure) - count)
        columns.append((apart**2 / (under * (1 - under))).sum(axis=1) / max(within.sum(), 1))
    return np.column_stack(columns).astype(np.float64)
