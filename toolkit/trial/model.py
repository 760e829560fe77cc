"""The mixed model for repeated measures of a trial: change from baseline by arm and visit, adjusted for baseline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.agreement.reliability import Estimate
from toolkit.trial.mixed import MixedFit, NotFittedError, fit_mixed, fit_plain
from toolkit.trial.records import Change, Contrast, TrialTable
from toolkit.trial.visits import changes_of

Float = NDArray[np.float64]

_LEAST = 2  # subjects of an arm at a visit, and degrees of freedom, for the model to speak of them
_NO_VARIATION = 1e-6  # grades, of the residual
SIDE, VISIT = "side within subject", "visit within subject"


@dataclass(frozen=True)
class ModelLine:
    """The least-squares mean of an arm at a visit: the change from baseline, in grades, of subjects at the mean
    baseline. ``difference``: this arm less the reference; None for the reference."""

    visit: str
    arm: str
    subjects: int
    mean: Estimate
    se: float
    difference: Contrast | None


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted model. ``method`` in words; ``sds``: standard deviations of the random parts, in grades, "residual" last.
    ``slopes``: change a grade of baseline, by visit or for all. ``df``: degrees of freedom of all t.

    ``base``: the mean baseline, over the model's rows. ``subjects``, ``observations`` and ``visits`` in the model;
    ``notes``: what is not as usual about it.
    """

    method: str
    lines: tuple[ModelLine, ...]
    slopes: Mapping[str, Contrast]
    sds: Mapping[str, float]
    df: int
    base: float
    subjects: int
    observations: int
    visits: tuple[str, ...]
    notes: tuple[str, ...]
    log_likelihood: float | None


def fit_model(table: TrialTable) -> Model:
    """Fit the model; raises NotFittedError with the reason where the data do not allow it.

    Change ~ arm x visit + baseline x visit, with a random intercept of the subject, of the side within the subject and of
    the visit within the subject (what both sides share at a visit); REML. It is written with a mean a cell of arm and
    visit and the baseline centred, so that these means are the least-squares means. Intervals and p by t with subjects -
    arms - 1 degrees of freedom, those between subjects: the normal distribution is too narrow in small trials, and
    statsmodels has neither Satterthwaite's nor Kenward and Roger's. Missing visits have no row; nothing is imputed.
    """
    visits, notes = _model_visits(table)
    rows = [row for row in table.changes if row.visit in visits]
    if not rows:
        raise NotFittedError(f"at no visit do all arms have {_LEAST} subjects with a change from baseline")
    if np.ptp([row.change for row in rows]) == 0:
        raise NotFittedError("every change from baseline is the same")
    subjects = len({row.subject for row in rows})
    base = float(np.mean([row.base for row in rows]))
    fit, slopes, more = _fit_with_baseline(table, rows, visits, base)
    if fit.sds["residual"] < _NO_VARIATION:
        raise NotFittedError("the changes of an arm do not vary")
    plain = fit.log_likelihood is None
    df = fit.residual_df if plain else subjects - len(table.arms) - bool(slopes)
    if df < _LEAST:
        raise NotFittedError(f"{subjects} subjects are too few for {len(table.arms)} arms and the baseline")
    return Model(
        "analysis of covariance, by least squares" if plain else "mixed model for repeated measures, by REML",
        _lines(table, rows, visits, fit, df=df),
        {title: _contrast(fit, {name: 1.0}, df) for title, name in slopes.items()},
        fit.sds, df, base, subjects, len(rows), visits, (*notes, *more), fit.log_likelihood,
    )  # fmt: skip


def _model_visits(table: TrialTable) -> tuple[tuple[str, ...], list[str]]:
    """The visits at which every arm has subjects enough, and a note on the others."""
    enough = tuple(
        visit
        for visit in table.after
        if all(len(changes_of(table, visit, arm)) >= _LEAST for arm in table.arms)
    )
    others = [visit for visit in table.after if visit not in enough]
    notes = []
    if others:
        notes.append(
            f"{', '.join(others)} not in the model: fewer than {_LEAST} subjects of an arm have a change there"
        )
    return enough, notes


def _fit_with_baseline(
    table: TrialTable, rows: Sequence[Change], visits: Sequence[str], base: float
) -> tuple[MixedFit, dict[str, str], list[str]]:
    """The fit with a slope of baseline for each visit, with one for all where these cannot be told apart, and without
    where baselines do not differ; the slopes' effects by title, and what is to be said."""
    cells = {
        f"a{i}v{j}": np.array([float(row.arm == arm and row.visit == visit) for row in rows])
        for i, arm in enumerate(table.arms)
        for j, visit in enumerate(visits)
    }
    centred = np.array([row.base - base for row in rows])
    by_visit = {
        f"b{j}": centred * np.array([float(row.visit == visit) for row in rows])
        for j, visit in enumerate(visits)
    }
    named = {f"slope of baseline at {visit}": f"b{j}" for j, visit in enumerate(visits)}
    ways: list[tuple[Mapping[str, Float], dict[str, str], str]] = [
        (by_visit, named, ""),
        (
            {"b": centred},
            {"slope of baseline": "b"},
            "baseline has one slope for all visits: too few data for one each",
        ),
        ({}, {}, "not adjusted for baseline, which does not vary enough"),
    ]
    for place, (covariate, slopes, note) in enumerate(ways):
        try:
            fit, notes = _fit(rows, {**cells, **covariate})
        except NotFittedError:
            if place == len(ways) - 1:
                raise
            continue
        return fit, slopes, [*([note] if note else []), *notes]
    raise AssertionError("one of the ways is taken or raises")


def _fit(rows: Sequence[Change], effects: Mapping[str, Float]) -> tuple[MixedFit, list[str]]:
    values = np.array([row.change for row in rows])
    subjects = [row.subject for row in rows]
    if len(set(subjects)) == len(rows):
        note = "each subject has one change: no random effect can be told from the residual"
        return fit_plain(values, effects, len(rows)), [note]
    fit = fit_mixed(values, effects, ("subject", subjects), _components(rows))
    return fit, [f"variance of {name} estimated as 0: left out" for name in fit.dropped]


def _components(rows: Sequence[Change]) -> dict[str, list[str]]:
    """The components that these rows can tell: sides need several visits, visits several sides."""
    visits_of, sides_of = defaultdict(set), defaultdict(set)
    for row in rows:
        visits_of[row.subject, row.side].add(row.visit)
        sides_of[row.subject, row.visit].add(row.side)
    two_sides = {subject for (subject, _), sides in sides_of.items() if len(sides) > 1}
    two_visits = {subject for (subject, _), visits in visits_of.items() if len(visits) > 1}
    both = len(two_sides & two_visits) > 1
    return {SIDE: [row.side for row in rows], VISIT: [row.visit for row in rows]} if both else {}


def _lines(
    table: TrialTable, rows: Sequence[Change], visits: Sequence[str], fit: MixedFit, *, df: int
) -> tuple[ModelLine, ...]:
    lines = []
    for j, visit in enumerate(visits):
        for i, arm in enumerate(table.arms):
            mean = _contrast(fit, {f"a{i}v{j}": 1.0}, df)
            compared = _contrast(fit, {f"a{i}v{j}": 1.0, f"a0v{j}": -1.0}, df) if i else None
            subjects = len({row.subject for row in rows if row.visit == visit and row.arm == arm})
            lines.append(ModelLine(visit, arm, subjects, mean.estimate, mean.se or 0.0, compared))
    return tuple(lines)


def _contrast(fit: MixedFit, weights: Mapping[str, float], df: int) -> Contrast:
    """A sum of effects with its interval and p by t."""
    from scipy.stats import t

    value, se = fit.linear(weights)
    half = float(t.ppf(0.975, df)) * se
    return Contrast(value, value - half, value + half, float(2 * t.sf(abs(value) / se, df)), se)
