"""How well grades agree: with an expert, beside the trivial answers, and beside what graders do themselves."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toolkit.errors import TrainingError
from toolkit.texttable import aligned

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]
_TOP_HALF_STEP = 18  # grade 9
NO_VARIANCE = 1e-9  # a variance smaller than this share of all variances is rounding


@dataclass(frozen=True)
class Scores:
    """Agreement of predicted with true grades on ``n`` photos; grades are 0-9.

    ``rmse``, ``mae`` and ``bias`` (mean of predicted minus true) are in grades; ``within_half`` and
    ``within_one`` are shares of photos, 0 to 1. ``kappa`` is Cohen's with quadratic weights on half steps,
    ``spearman`` the rank correlation, ``icc`` ICC(2,1). These three are None where they are undefined:
    kappa and icc where truth and prediction are one and the same constant, spearman where either is
    constant, all three for a single photo.
    """

    n: int
    rmse: float
    mae: float
    bias: float
    within_half: float
    within_one: float
    kappa: float | None
    spearman: float | None
    icc: float | None


@dataclass(frozen=True)
class NoiseFloor:
    """What graders' own disagreement does to any score: nothing can be expected to do better.

    ``between_graders``: RMSE between two graders, over all pairs. ``truth_vs_one`` and ``truth_vs_mean``:
    RMSE of the true grade against one grader and against the mean of all. ``icc``: ICC(2,1) on the photos
    that all graded; None where undefined. ``measured``: whether the truth was known, or these two were
    reckoned from the disagreement.
    """

    graders: int
    between_graders: float
    truth_vs_one: float
    truth_vs_mean: float
    icc: float | None
    measured: bool


def score(truth: ArrayLike, predicted: ArrayLike) -> Scores:
    """Compare predicted with true grades, two sequences (N,) of finite numbers, N at least 1.

    Raises ValueError on anything else: leave out photos without a grade first.
    """
    y, p = _checked(truth, "truth"), _checked(predicted, "predicted")
    if y.shape != p.shape:
        raise ValueError(f"truth and predicted must be of one length, got {len(y)} and {len(p)}")
    error = p - y
    size = np.abs(error) - 1e-9  # a difference of exactly 0.5 counts, whatever its rounding
    return Scores(
        n=len(y),
        rmse=_rms(error),
        mae=float(np.abs(error).mean()),
        bias=float(error.mean()),
        within_half=float((size <= 0.5).mean()),
        within_one=float((size <= 1.0).mean()),
        kappa=_kappa(y, p),
        spearman=_spearman(y, p),
        icc=icc_2_1(np.column_stack([y, p])),
    )


def icc_2_1(ratings: ArrayLike) -> float | None:
    """ICC(2,1): two-way random effects, absolute agreement, a single rater.

    ``ratings`` (targets, raters). Formula: Shrout and Fleiss, Psychological Bulletin 86 (1979) 420-428.
    None for fewer than two targets or raters, and where targets do not differ: their mean ratings are all one.
    """
    x = np.asarray(ratings, dtype=float)
    if x.ndim != 2:
        raise ValueError(f"ratings must have shape (targets, raters), got {x.shape}")
    n, k = x.shape
    if n < 2 or k < 2 or np.ptp(x) == 0:
        return None
    x = x - x.mean()
    targets, raters = x.mean(axis=1), x.mean(axis=0)
    between_targets = k * (targets**2).sum() / (n - 1)
    between_raters = n * (raters**2).sum() / (k - 1)
    residual = ((x - targets[:, None] - raters) ** 2).sum() / ((n - 1) * (k - 1))
    if between_targets <= NO_VARIANCE * (between_targets + between_raters + residual):
        return None
    spread = between_targets + (k - 1) * residual + k * (between_raters - residual) / n
    return float((between_targets - residual) / spread)


def trivial_predictions(truth: ArrayLike, folds: Sequence[Fold]) -> dict[str, NDArray[np.float64]]:
    """What needs no photograph: the mean and the commonest grade of each fold's training photos.

    ``truth`` (N,), ``folds`` as from ``subject_folds``. Arrays (N,); NaN for photos that no fold tests.
    Grades count by half steps; of equally common ones the lowest is meant.
    """
    y = _checked(truth, "truth")
    mean, commonest = np.full(len(y), np.nan), np.full(len(y), np.nan)
    for train, test in folds:
        if not len(train):
            raise TrainingError("a fold has no photos to train on: use fewer folds or add subjects")
        mean[test] = y[train].mean()
        commonest[test] = np.bincount(_half_steps(y[train])).argmax() / 2
    return {"always the mean": mean, "always the commonest": commonest}


def trivial_baselines(truth: ArrayLike, folds: Sequence[Fold]) -> dict[str, Scores]:
    """``score`` of the ``trivial_predictions`` on the photos that the folds test, by name."""
    y = _checked(truth, "truth")
    tested = np.unique(np.concatenate([np.asarray(test, dtype=np.intp) for _, test in folds]))
    return {name: score(y[tested], p[tested]) for name, p in trivial_predictions(y, folds).items()}


def noise_floor(graders: ArrayLike, latent: ArrayLike | None = None) -> NoiseFloor:
    """How far graders differ, and so how far a perfect method would seem to err.

    ``graders`` (N, k): the grades of k graders, k at least 2, NaN where one did not grade. ``latent`` (N,):
    the true grades where they are known, as for phantoms. Without them the errors of graders are taken to
    be independent and alike, so that truth against one grader is the RMSE between graders / sqrt(2), and
    against the mean of k graders / sqrt(2 k); what all graders get wrong together stays unseen.
    """
    x = np.asarray(graders, dtype=float)
    if x.ndim != 2 or x.shape[1] < 2:
        raise ValueError(f"graders must have shape (photos, at least 2 graders), got {x.shape}")
    differences = np.concatenate([x[:, a] - x[:, b] for a, b in itertools.combinations(range(x.shape[1]), 2)])
    differences = differences[np.isfinite(differences)]
    if not len(differences):
        raise ValueError("no photo is graded by two graders")
    between = _rms(differences)
    if latent is None:
        one, mean = between / math.sqrt(2), between / math.sqrt(2 * x.shape[1])
    else:
        error = x - _checked(latent, "latent")[:, None]
        error = error[np.isfinite(error).any(axis=1)]
        one, mean = _rms(error[np.isfinite(error)]), _rms(np.nanmean(error, axis=1))
    complete = x[np.isfinite(x).all(axis=1)]
    return NoiseFloor(x.shape[1], between, one, mean, icc_2_1(complete), latent is not None)


# What a row of scores tells, in every table.
HEADINGS = ("RMSE", "MAE", "bias", "within 0.5", "within 1.0", "quadratic kappa", "Spearman", "ICC(2,1)")


def supported_coverage(wanted: float, subjects: int | None) -> float:
    """The coverage, at most ``wanted``, that split conformal intervals of so many calibration subjects can promise: the
    largest of n residuals covers a new one with probability n / (n + 1). None: their number is not known."""
    return wanted if subjects is None else min(wanted, subjects / (subjects + 1))


def score_table(rows: Mapping[str, Scores], floor: NoiseFloor | None = None) -> str:
    """The scores as aligned plain text, one line per method; the noise floor, where given, as the last line."""
    cells = [("", "n", *HEADINGS), *((name, *_score_cells(scores)) for name, scores in rows.items())]
    lines = aligned(cells, rule=True)
    if floor is not None:
        how = "measured" if floor.measured else "reckoned"
        lines.append(
            f"noise floor: {floor.graders} graders differ by RMSE {floor.between_graders:.2f} "
            f"(ICC(2,1) {_figure(floor.icc)}); truth against one of them {floor.truth_vs_one:.2f}, {how}"
        )
    return "\n".join(lines)


def _score_cells(scores: Scores) -> tuple[str, ...]:
    shares = (f"{scores.within_half:.0%}", f"{scores.within_one:.0%}")
    figures = (scores.kappa, scores.spearman, scores.icc)
    errors = (f"{scores.rmse:.2f}", f"{scores.mae:.2f}", f"{scores.bias:+.2f}")
    return (str(scores.n), *errors, *shares, *map(_figure, figures))


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _checked(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        raise ValueError(f"{name} must be a row of at least one finite number, got shape {array.shape}")
    return array


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _half_steps(grades: NDArray[np.float64]) -> NDArray[np.intp]:
    """Grades as whole half steps, 0 to 18, rounded as ``PhotoGrade.half_step`` rounds."""
    return np.clip(np.floor(grades * 2 + 0.5), 0, _TOP_HALF_STEP).astype(np.intp)


def _kappa(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> float | None:
    from sklearn.metrics import cohen_kappa_score

    a, b = _half_steps(truth), _half_steps(predicted)
    if len(a) < 2 or (np.ptp(a) == 0 and np.ptp(b) == 0 and a[0] == b[0]):
        return None
    return float(cohen_kappa_score(a, b, weights="quadratic", labels=range(_TOP_HALF_STEP + 1)))


def _spearman(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> float | None:
    from scipy.stats import spearmanr

    if np.ptp(truth) == 0 or np.ptp(predicted) == 0:
        return None
    return float(spearmanr(truth, predicted).statistic)
