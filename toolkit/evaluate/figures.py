"""What the answers of every method come to, with intervals over subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.agreement.reliability import Estimate
from toolkit.agreement.resample import (
    RESAMPLES,
    difference_statistics,
    estimates,
    icc_statistics,
    kappa_statistic,
    spearman_statistic,
)
from toolkit.evaluate.methods import PARTS, Outcome
from toolkit.evaluate.study import MeasuredStudy
from toolkit.tones import TONES, tone_name

Float = NDArray[np.float64]
GROUPINGS = ("grade", "side", "visit", "skin tone")
_ROUNDING = 0.5


@dataclass(frozen=True, eq=False)
class Tested:
    """The answers of a method for photographs that it never saw, pooled over folds, in the study's order."""

    grades: Float
    classes: NDArray[np.intp]


def pool_tests(study: MeasuredStudy, outcomes: Sequence[Outcome]) -> Tested:
    """Test answers of all folds side by side; every photograph is tested once."""
    grades, classes = np.full(len(study.grades), np.nan), np.zeros(len(study.grades), np.intp)
    for outcome in outcomes:
        answers = outcome.answers["test"]
        grades[answers.photos], classes[answers.photos] = answers.grades, answers.classes
    if not np.isfinite(grades).all():
        raise ValueError("a photograph was tested in no fold")
    return Tested(grades, classes)


def scores(
    study: MeasuredStudy, answers: Tested, reference: Tested, resamples: int = RESAMPLES, *, seed: int = 0
) -> dict[str, Estimate]:
    """Agreement with the experts' grades, 95 % intervals by resampling subjects: accuracy on the classes, rmse,
    mae, bias (predicted - graded), within_half, within_one, kappa (quadratic weights, half steps), icc_2_1,
    icc_3_1, spearman, loa_lower, loa_upper, and rmse_gain: how much lower the RMSE is than ``reference``'s on
    the same resamples."""
    count, subjects = _numbered(study.subjects)
    truth, right = study.grades, (answers.classes == study.classes).astype(float)

    def statistics(counts: Float) -> dict[str, Float]:
        differences = difference_statistics(truth, answers.grades, subjects, counts)
        other = difference_statistics(truth, reference.grades, subjects, counts)["rmse"]
        return {
            "accuracy": _mean(right, subjects, counts),
            **differences,
            "kappa": kappa_statistic(truth, answers.grades, _ROUNDING, subjects, counts=counts),
            **icc_statistics(np.column_stack([truth, answers.grades]), subjects, counts),
            "spearman": spearman_statistic(truth, answers.grades, subjects, counts),
            "rmse_gain": other - differences["rmse"],
        }

    return estimates(statistics, count, resamples, seed)


def accuracies(
    study: MeasuredStudy, outcomes: Sequence[Outcome], resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Estimate]:
    """Accuracy on the classes by part of the folds: "training", "validation", "test"."""
    found: dict[str, Estimate] = {}
    for part in PARTS:
        photos = np.concatenate([outcome.answers[part].photos for outcome in outcomes])
        classes = np.concatenate([outcome.answers[part].classes for outcome in outcomes])
        right = (classes == study.classes[photos]).astype(float)
        found[part] = _mean_estimate(right, study.subjects[photos], resamples, seed)
    return found


def _mean_estimate(values: Float, subjects: NDArray[np.str_], resamples: int, seed: int) -> Estimate:
    count, numbers = _numbered(subjects)
    return estimates(lambda counts: {"mean": _mean(values, numbers, counts)}, count, resamples, seed)["mean"]


@dataclass(frozen=True)
class GroupScore:
    """Errors (predicted - graded) on the photographs of one level of a grouping."""

    grouping: str
    level: str
    photos: int
    subjects: int
    bias: Estimate
    mae: Estimate
    rmse: Estimate


def by_group(
    study: MeasuredStudy, answers: Tested, resamples: int = RESAMPLES, seed: int = 0
) -> list[GroupScore]:
    """Errors by grade, side, visit and skin tone; what is not known of a photograph is a level "not known"."""
    found = []
    for grouping in GROUPINGS:
        levels, of_photo = levels_of(study, grouping)
        for number, level in enumerate(levels):
            photos = np.flatnonzero(of_photo == number)
            made = _error_estimates(study, answers, photos, resamples, seed=seed)
            subjects = len(np.unique(study.subjects[photos]))
            found.append(GroupScore(grouping, level, len(photos), subjects, *made))
    return found


def _error_estimates(
    study: MeasuredStudy, answers: Tested, photos: NDArray[np.intp], resamples: int, *, seed: int
) -> tuple[Estimate, Estimate, Estimate]:
    """Bias, mean absolute error and RMSE of some photographs."""
    count, subjects = _numbered(study.subjects[photos])
    truth, given = study.grades[photos], answers.grades[photos]
    found = estimates(
        lambda counts: difference_statistics(truth, given, subjects, counts), count, resamples, seed
    )
    return found["bias"], found["mae"], found["rmse"]


def levels_of(study: MeasuredStudy, grouping: str) -> tuple[list[str], NDArray[np.intp]]:
    """The levels of a grouping, in their order, and each photograph's by number (n,)."""
    values: list[tuple[float, str]]
    if grouping == "grade":
        values = [(grade, f"{grade:g}") for grade in study.grades.tolist()]
    elif grouping == "skin tone":
        names = [tone_name(ita) for ita in study.tones.tolist()]
        values = [(TONES.index(name), name) for name in names]
    elif grouping == "side":
        values = [(0.0, facts.side or "not known") for facts in study.facts]
    else:
        values = [_visit_order(facts.visit) for facts in study.facts]
    levels = sorted(set(values))
    number = {value: place for place, value in enumerate(levels)}
    return [name for _, name in levels], np.array([number[value] for value in values], np.intp)


def _visit_order(visit: str | None) -> tuple[float, str]:
    """Baseline first, then by the visit's number, what is not known last."""
    if visit is None:
        return np.inf, "not known"
    digits = "".join(c for c in visit if c.isdigit())
    return (0.0 if visit == "Baseline" else float(digits[:9] or 1e9)), visit


def confusion(study: MeasuredStudy, answers: Tested) -> NDArray[np.intp]:
    """Photographs by class given (rows) and predicted (columns)."""
    size = len(study.settings.index.class_edges)
    counts = np.zeros((size, size), np.intp)
    np.add.at(counts, (study.classes, answers.classes), 1)
    return counts


def pair_scores(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """The pair network's figures, the mean over folds; empty for other methods."""
    told: list[Mapping[str, float]] = [outcome.figures for outcome in outcomes if outcome.figures]
    return {name: float(np.mean([figures[name] for figures in told])) for name in told[0]} if told else {}


def _mean(values: Float, subjects: NDArray[np.intp], counts: Float) -> Float:
    return difference_statistics(np.zeros_like(values), values, subjects, counts)["bias"]


def _numbered(subjects: NDArray[np.str_]) -> tuple[int, NDArray[np.intp]]:
    unique, numbers = np.unique(subjects, return_inverse=True)
    return len(unique), numbers.astype(np.intp)
