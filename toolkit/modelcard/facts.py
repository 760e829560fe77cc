"""What a model's card tells of its data and of its scores on subjects that it never saw, as JSON-ready values."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.agreement.resample import difference_statistics, estimates
from toolkit.records import SEVERITY_WORDS, PhotoFacts, half_step, severity_of
from toolkit.scores import Fold, noise_floor, score, trivial_baselines, trivial_predictions
from toolkit.study.visits import visit_order
from toolkit.tones import TONES, tone_name

DATA, SCORES = "data", "scores"  # in the card
UNKNOWN = "not known"
MEAN = "always the mean"
_SIDES = ("left", "right", "both")
_ORDERS: Mapping[str, Sequence[str]] = {"skin tone": TONES, "side": _SIDES, "severity": SEVERITY_WORDS}
Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """n photographs that a model was trained on, and what it says of each without having seen its subject: experts'
    grades ``truth``, ``predicted`` grades, ``half_widths`` of their intervals, all (n,); ``folds`` as they were; who is
    on each, ``subjects`` and ``facts``; skin ``tones`` (ITA, degrees); ``sexes`` by subject, where a workbook says it;
    ``graders`` (n, k): the grades of k graders, NaN where one did not grade, where there are several."""

    truth: Float
    predicted: Float
    half_widths: Float
    folds: Sequence[Fold]
    subjects: NDArray[np.str_]
    facts: Sequence[PhotoFacts]
    tones: Sequence[float]
    sexes: Mapping[str, str] = field(default_factory=dict)
    graders: Float | None = None


def card_facts(photos: OutOfFold, methods: Mapping[str, Float]) -> dict[str, Any]:
    """``data``: how many photographs by grade, side, visit, tone and sex. ``scores``: of the model and of other
    ``methods`` (grades (n,) out of fold, by name), beside trivial answers and the noise floor; of the model by group."""
    levels = _levels(photos)
    baseline = trivial_predictions(photos.truth, photos.folds)[MEAN]
    whole = np.arange(len(photos.truth))
    scores = {
        "methods": {name: asdict(score(photos.truth, grades)) for name, grades in methods.items()}
        | {name: asdict(one) for name, one in trivial_baselines(photos.truth, photos.folds).items()},
        "all": _group(photos, baseline, whole),
        "groups": [
            {"by": by, "level": level, **_group(photos, baseline, np.flatnonzero(of == level))}
            for by, of in levels.items()
            if by != "grade"
            for level in _in_order(by, of)
        ],
        **_of_graders(photos),
    }
    return {DATA: {by: _counts(by, of) for by, of in levels.items()}, SCORES: scores}


def _of_graders(photos: OutOfFold) -> dict[str, Any]:
    """``graders``: how many there are. ``floor`` and ``between``, the noise floor and scores of one grader against another;
    None where no photograph was graded by two."""
    graders = photos.graders
    one, other = _pairs(graders)
    if graders is None or not len(one):
        return {"graders": 1 if graders is None else graders.shape[1], "floor": None, "between": None}
    floor, between = noise_floor(graders), score(one, other)
    return {"graders": graders.shape[1], "floor": asdict(floor), "between": asdict(between)}


def _pairs(graders: Float | None) -> tuple[Float, Float]:
    """The grades of every two graders of one photograph, each taken once as the first and once as the second: (m,) each."""
    if graders is None:
        return np.empty(0), np.empty(0)
    found = [graders[:, [a, b]] for a, b in itertools.permutations(range(graders.shape[1]), 2)]
    pairs = np.concatenate(found)
    both = pairs[np.isfinite(pairs).all(axis=1)]
    return both[:, 0], both[:, 1]


def is_clearly_better(scores: Mapping[str, Any]) -> bool:
    """Whether the error that ``scores`` of a card tell is smaller than that of always the mean, to the upper end of its
    interval over subjects."""
    upper = scores["all"]["rmse"]["upper"]
    return upper is not None and upper < scores["methods"][MEAN]["rmse"]


def _levels(photos: OutOfFold) -> dict[str, NDArray[np.str_]]:
    """What photographs are counted by, and the level of each (n,)."""
    found = {
        "grade": [f"{half_step(grade):g}" for grade in photos.truth.tolist()],
        "severity": [severity_of(grade) for grade in photos.truth.tolist()],
        "skin tone": [tone_name(ita) if ita == ita else UNKNOWN for ita in photos.tones],
        "side": [one.side or UNKNOWN for one in photos.facts],
        "visit": [one.visit or UNKNOWN for one in photos.facts],
    }
    if photos.sexes:
        found["sex"] = [photos.sexes.get(one.subject, UNKNOWN) for one in photos.facts]
    return {by: np.array(of, str) for by, of in found.items()}


def _in_order(by: str, of: NDArray[np.str_]) -> Iterator[str]:
    """The levels that there are, what is not known last."""
    there = set(of.tolist())
    known = sorted(there - {UNKNOWN})
    if by == "visit":
        known.sort(key=visit_order)
    elif by == "grade":
        known.sort(key=float)
    elif by in _ORDERS:
        known.sort(key=list(_ORDERS[by]).index)
    yield from known
    yield from there & {UNKNOWN}


def _counts(by: str, of: NDArray[np.str_]) -> dict[str, int]:
    counts = Counter(of.tolist())
    return {level: counts[level] for level in _in_order(by, of)}


def _group(photos: OutOfFold, baseline: Float, rows: NDArray[np.intp]) -> dict[str, Any]:
    """Errors on some photographs: RMSE with its 95 % interval over subjects, bias, the RMSE of always answering the mean
    of the others (``baseline``) and of one grader against another, None where that is not known, and the share inside
    their intervals."""
    everybody, owner = np.unique(photos.subjects[rows], return_inverse=True)
    truth, predicted = photos.truth[rows], photos.predicted[rows]
    found = estimates(lambda counts: difference_statistics(truth, predicted, owner, counts), len(everybody))
    one, other = _pairs(None if photos.graders is None else photos.graders[rows])
    return {
        "photos": len(rows),
        "subjects": len(everybody),
        "rmse": asdict(found["rmse"]),
        "bias": found["bias"].value,
        "rmse_of_mean": float(np.sqrt(np.mean((baseline[rows] - truth) ** 2))),
        "rmse_of_graders": float(np.sqrt(np.mean((one - other) ** 2))) if len(one) else None,
        "inside": float(np.mean(np.abs(predicted - truth) <= photos.half_widths[rows])),
        "half_width": float(photos.half_widths[rows].mean()),
    }
