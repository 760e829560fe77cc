"""Agreement between graders: each pair, all together, and their changes from baseline."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.agreement.ratings import Ratings
from toolkit.agreement.reliability import (
    Estimate,
    MeasurementError,
    icc_absolute,
    icc_consistency,
    koo_li,
    krippendorff_alpha,
    measurement_error,
)
from toolkit.agreement.resample import (
    RESAMPLES,
    alpha_statistic,
    difference_statistics,
    estimates,
    icc_statistics,
    kappa_statistic,
    spearman_statistic,
)
from toolkit.outputs import counted
from toolkit.records import Side
from toolkit.scores import Scores, score
from toolkit.study import CLINICAL_SCALE, Scale
from toolkit.study.names import folded

Float = NDArray[np.float64]


@dataclass(frozen=True)
class PairAgreement:
    """How the ``second`` grader agrees with the ``first`` on the photos that both graded.

    ``estimates``: icc_2_1, icc_3_1, kappa, spearman, rmse, mae, bias (second - first), within_half,
    within_one (shares, 0 to 1), loa_lower, loa_upper (limits of agreement), with 95 % intervals by
    resampling subjects, for these two graders. ``icc_by_f``: both ICCs with their 95 % interval by F, which
    treats photos as independent, and in ICC(2,1) the graders as a sample of all graders. ``verdict``: ICC(2,1) in
    words, by the outermost bounds of its two intervals; "" also where both are results of toolkit, which share errors.
    ``trivial``: what always answering with the first grader's mean or commonest grade would score.
    """

    first: str
    second: str
    photos: int
    subjects: int
    estimates: Mapping[str, Estimate]
    icc_by_f: Mapping[str, Estimate]
    verdict: str
    trivial: Mapping[str, Scores]


@dataclass(frozen=True)
class GroupAgreement:
    """How all graders agree.

    ``photos`` that all graded, for the ICCs and the error of measurement; ``alpha`` is Krippendorff's with
    the interval metric on the ``alpha_photos`` that two or more graded, ``alpha_ordinal`` the same with the
    ordinal metric on rounded grades. Intervals by resampling subjects; ``icc_by_f`` and ``verdict`` as for
    pairs.
    """

    graders: int
    photos: int
    subjects: int
    estimates: Mapping[str, Estimate]
    icc_by_f: Mapping[str, Estimate]
    verdict: str
    alpha_photos: int
    alpha: Estimate
    alpha_ordinal: float | None
    error: MeasurementError | None


@dataclass(frozen=True)
class ChangeAgreement:
    """How two graders agree on the change from ``baseline`` to later visits, a subject and side.

    ``changes`` counts subject, side and visit; ``estimates``: rmse, mae, bias (second - first), spearman,
    icc_2_1, and the mean change of each, mean_first and mean_second. ``trivial``: RMSE of always answering
    "no change", and of the first grader's mean change.
    """

    first: str
    second: str
    baseline: str
    changes: int
    subjects: int
    estimates: Mapping[str, Estimate]
    trivial: Mapping[str, float]

    @property
    def no_better(self) -> str:
        """A sentence where the second grader errs no less on changes than a trivial answer; else ""."""
        own = self.estimates["rmse"].value
        answer, best = min(self.trivial.items(), key=lambda one: one[1])
        if not own or own < best:
            return ""
        return (
            f"the changes by {self.second} are no closer to those by {self.first} than an answer that needs no "
            f"photograph ({answer}): RMSE {own:.2f} against {best:.2f}. They cannot stand for them here: "
            f"{counted(self.subjects, 'subject')} may be too few, or the changes smaller than the graders' own error"
        )


def compare_pair(
    ratings: Ratings,
    first: int,
    second: int,
    scale: Scale = CLINICAL_SCALE,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    weights: str = "quadratic",
) -> PairAgreement:
    """Agreement of two graders, by their number; with nothing to say where no photo is graded by both. ``weights`` of
    kappa: quadratic or linear."""
    photos = ratings.common((first, second))
    names = (ratings.graders[first], ratings.graders[second])
    if not len(photos):
        return PairAgreement(*names, 0, 0, {}, {}, "", {})
    a, b = ratings.grades[photos, first], ratings.grades[photos, second]
    both = np.column_stack([a, b])
    count, subjects = _renumbered(ratings.subjects[photos])

    def statistics(counts: Float) -> dict[str, Float]:
        return {
            **icc_statistics(both, subjects, counts),
            "kappa": kappa_statistic(a, b, scale.rounding, subjects, counts=counts, weights=weights),
            "spearman": spearman_statistic(a, b, subjects, counts),
            **difference_statistics(a, b, subjects, counts),
        }

    found = estimates(statistics, count, resamples, seed)
    by_f = {"icc_2_1": icc_absolute(both), "icc_3_1": icc_consistency(both)}
    verdict = "" if ratings.confer((first, second)) else _verdict(found, by_f)
    return PairAgreement(*names, len(photos), count, found, by_f, verdict, _trivial(names[0], a, scale))


def compare_all(
    ratings: Ratings, scale: Scale = CLINICAL_SCALE, resamples: int = RESAMPLES, seed: int = 0
) -> GroupAgreement:
    """Agreement of all graders together."""
    photos = ratings.common(range(len(ratings.graders)))
    complete = ratings.grades[photos]
    count, subjects = _renumbered(ratings.subjects[photos])
    found: dict[str, Estimate] = {}
    if count:
        found = estimates(lambda counts: icc_statistics(complete, subjects, counts), count, resamples, seed)
    by_f = {"icc_2_1": icc_absolute(complete), "icc_3_1": icc_consistency(complete)}
    alpha_photos = ratings.common_to(2)
    given = ratings.grades[alpha_photos]
    alpha_count, owners = _renumbered(ratings.subjects[alpha_photos])
    alpha = Estimate(None)
    if alpha_count:
        alpha = estimates(
            lambda counts: {"alpha": alpha_statistic(given, owners, counts)}, alpha_count, resamples, seed
        )["alpha"]
    return GroupAgreement(
        graders=len(ratings.graders),
        photos=len(photos),
        subjects=count,
        estimates=found,
        icc_by_f=by_f,
        verdict="" if ratings.confer() else _verdict(found, by_f),
        alpha_photos=len(alpha_photos),
        alpha=alpha,
        alpha_ordinal=krippendorff_alpha(np.round(given / scale.rounding), "ordinal"),
        error=measurement_error(complete),
    )


def compare_changes(ratings: Ratings, resamples: int = RESAMPLES, seed: int = 0) -> list[ChangeAgreement]:
    """Agreement of the changes from baseline of each pair of graders; empty where visits are not known.

    The baseline is the visit so named, or else the lowest visit number. Several photos of a subject, side
    and visit are averaged first.
    """
    grades = _grades_by_visit(ratings)
    baseline = _baseline({visit for _, _, visit in grades})
    if baseline is None:
        return []
    later = [key for key in grades if key[2] != baseline and (*key[:2], baseline) in grades]
    found = []
    for first, second in itertools.combinations(range(len(ratings.graders)), 2):
        rows = [(key[0], grades[key] - grades[*key[:2], baseline]) for key in later]
        usable = [(subject, change[[first, second]]) for subject, change in rows
                  if np.isfinite(change[[first, second]]).all()]  # fmt: skip
        if usable:
            names = (ratings.graders[first], ratings.graders[second])
            found.append(_compare_changes(names, baseline, usable, resamples, seed=seed))
    return found


def _compare_changes(
    names: tuple[str, str], baseline: str, rows: Sequence[tuple[str, Float]], resamples: int, *, seed: int
) -> ChangeAgreement:
    count, subjects = _renumbered(np.unique([subject for subject, _ in rows], return_inverse=True)[1])
    both = np.array([change for _, change in rows])
    a, b = both.T

    def statistics(counts: Float) -> dict[str, Float]:
        differences = difference_statistics(a, b, subjects, counts)
        return {
            **{name: differences[name] for name in ("rmse", "mae", "bias")},
            "spearman": spearman_statistic(a, b, subjects, counts),
            "icc_2_1": icc_statistics(both, subjects, counts)["icc_2_1"],
            "mean_first": difference_statistics(np.zeros_like(a), a, subjects, counts)["bias"],
            "mean_second": difference_statistics(np.zeros_like(b), b, subjects, counts)["bias"],
        }

    return ChangeAgreement(
        *names,
        baseline,
        len(rows),
        count,
        estimates(statistics, count, resamples, seed),
        {"always no change": score(a, np.zeros_like(a)).rmse,
         f"always {names[0]}'s mean change": score(a, np.full_like(a, a.mean())).rmse},
    )  # fmt: skip


def _grades_by_visit(ratings: Ratings) -> dict[tuple[str, Side | None, str], Float]:
    """The graders' grades (k,) by subject, side and visit: the mean of retakes, each grade once."""
    entries: dict[tuple[str, Side | None, str], list[dict[int, float]]] = {}
    for photo, facts in enumerate(ratings.facts):
        if facts.visit is None:
            continue
        key = (folded(facts.subject), facts.side, facts.visit)
        given = entries.setdefault(key, [{} for _ in ratings.graders])
        for grader in np.flatnonzero(ratings.entries[photo] >= 0):
            given[grader][int(ratings.entries[photo, grader])] = float(ratings.grades[photo, grader])
    return {
        key: np.array([np.mean(list(grades.values())) if grades else np.nan for grades in given])
        for key, given in entries.items()
    }


def _baseline(visits: set[str]) -> str | None:
    """The visit named Baseline, else the lowest visit number, if there is a later one."""
    if "Baseline" in visits:
        return "Baseline" if len(visits) > 1 else None
    numbered = sorted(int(found[1]) for visit in visits if (found := re.fullmatch(r"Visit (\d+)", visit)))
    return f"Visit {numbered[0]}" if len(numbered) > 1 else None


def _renumbered(subjects: NDArray[np.intp]) -> tuple[int, NDArray[np.intp]]:
    """How many subjects there are, and their numbers (N,) from 0 without gaps."""
    unique, numbers = np.unique(subjects, return_inverse=True)
    return len(unique), numbers.astype(np.intp)


def _verdict(found: Mapping[str, Estimate], by_f: Mapping[str, Estimate]) -> str:
    both = [figures["icc_2_1"] for figures in (found, by_f) if "icc_2_1" in figures]
    lower = [estimate.lower for estimate in both if estimate.lower is not None]
    upper = [estimate.upper for estimate in both if estimate.upper is not None]
    return koo_li(min(lower), max(upper)) if lower and upper else ""


def _trivial(name: str, grades: Float, scale: Scale) -> dict[str, Scores]:
    """Scores of two constant answers; of equally common grades the lowest is meant."""
    steps, counts = np.unique(np.round(grades / scale.rounding), return_counts=True)
    commonest = steps[counts.argmax()] * scale.rounding
    return {
        f"always {name}'s mean": score(grades, np.full_like(grades, grades.mean())),
        f"always {name}'s commonest": score(grades, np.full_like(grades, commonest)),
    }
