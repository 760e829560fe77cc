"""The sheets of how each grader grades, and of grades combined from all graders."""

from __future__ import annotations

import numpy as np

from toolkit.agreement.graders import GraderStudy
from toolkit.agreement.ratings import Ratings
from toolkit.agreement.reliability import Estimate
from toolkit.workbook import Value

Row = dict[str, Value]

_INTERVAL = "of its 95 % interval, robust to what photos of one subject share"
GRADERS: dict[str, str] = {
    "grader": "the grader; a line without one says why there is no model",
    "photos": "photos that it graded together with others",
    "bias": "its grade less the true one, in grades, where grades are at their mean; the scale is the graders' mean, each "
    "weighted by its number of grades, so that biases average 0",
    "slope": "rise of its grades for one grade of the true scale; slopes average 1",
    "noise_sd": "SD of the error that is left, in grades: of a photo, and of how it sees a person",
    "drift": "rise of its bias from the first to the last visit (with --drift rows, row of its file) against the other "
    "graders; drifts average 0: what all do alike cannot be seen",
    "drift_p": "two-sided p of no drift, for this grader alone",
    "weight": "its share, 0 to 1, of what the combined grade of a photo rests on, where all graded it",
    "note": "what cannot be told",
}  # fmt: skip
_ESTIMATES = ("bias", "slope", "noise_sd", "drift")
COMBINED: dict[str, str] = {
    "photo": "the photo's file name, or subject, side and visit",
    "subject": "its subject",
    "side": "its side, the subject's own left or right",
    "visit": "its visit",
    "graders": "how many graded it",
    "plain_mean": "the plain mean of their grades",
    "combined": "the combined grade, 0-9: each grade freed of its grader's bias, slope and drift, then weighted by "
    "1 / noise^2; not drawn to the mean of all photos",
    "standard_error": "SD of the combined grade's error, in grades, by the model",
}


def columns_of_graders() -> dict[str, str]:
    """The columns of the sheet Graders and their meanings."""
    columns: dict[str, str] = {}
    for name, meaning in GRADERS.items():
        columns[name] = meaning
        if name in _ESTIMATES:
            columns |= {f"{name}_low": f"lower bound {_INTERVAL}", f"{name}_high": f"upper bound {_INTERVAL}"}
    return columns


def grader_rows(study: GraderStudy) -> list[Row]:
    """One row per grader; where there is no model, one that says why."""
    if study.model is None:
        return [{"note": f"not told apart: {study.no_model}"}]
    note = (
        None
        if study.model.told_apart
        else "slope and noise cannot be told apart: slope 1, noise of all graders together"
    )
    return [
        {
            "grader": line.name,
            "photos": line.photos,
            **_cells("bias", line.bias),
            **_cells("slope", line.slope),
            **_cells("noise_sd", line.noise),
            **_cells("drift", line.drift or Estimate(None)),
            "drift_p": line.drift_p,
            "weight": line.weight,
            "note": note,
        }
        for line in study.model.graders
    ]


def combined_rows(ratings: Ratings, study: GraderStudy) -> list[Row]:
    """One row per photo with a grade; none without a model."""
    if study.model is None:
        return []
    counts = (ratings.entries >= 0).sum(axis=1)
    return [
        {
            "photo": ratings.photos[i],
            "subject": ratings.facts[i].subject,
            "side": ratings.facts[i].side,
            "visit": ratings.facts[i].visit,
            "graders": int(counts[i]),
            "plain_mean": float(study.mean[i]),
            "combined": float(study.combined[i]),
            "standard_error": float(study.error[i]),
        }
        for i in np.flatnonzero(counts)
    ]


def _cells(name: str, estimate: Estimate) -> Row:
    return {name: estimate.value, f"{name}_low": estimate.lower, f"{name}_high": estimate.upper}
