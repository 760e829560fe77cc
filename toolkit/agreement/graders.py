"""The model of graders on ratings as they were read: what time is, which photos count, grades combined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.agreement.gradermodel import GraderModel, NotToldApartError, fit_graders
from toolkit.agreement.ratings import Ratings
from toolkit.study import CLINICAL_SCALE, Scale
from toolkit.study.visits import visit_order

Float = NDArray[np.float64]

VISITS, ROWS = "visits", "rows"  # by what drift is told
_SAYS = {
    VISITS: "from the first to the last visit, visits taken as evenly spaced",
    ROWS: "from the first to the last row of the grader's file",
}


@dataclass(frozen=True, eq=False)
class GraderStudy:
    """How each grader grades, and the photos' grades made of it.

    ``model`` is None where there is none, and ``no_model`` says why. ``drift``: how its time runs, in words; "" where the
    time of photos is not known. ``mean`` (N,): the plain mean of each photo's grades; ``combined`` and ``error`` (N,):
    its combined grade and standard error, NaN without a model.
    """

    model: GraderModel | None
    no_model: str
    drift: str
    mean: Float
    combined: Float
    error: Float


def study_graders(ratings: Ratings, drift: str = VISITS, scale: Scale = CLINICAL_SCALE) -> GraderStudy:
    """Fit the model to ratings; ``drift`` over "visits", or over "rows", where these stand in the order of grading.
    Combined grades stay within the ``scale``."""
    grades, time = ratings.grades, times_of(ratings, drift)
    counts = np.isfinite(grades).sum(axis=1)
    mean = np.nansum(grades, axis=1) / np.maximum(counts, 1)
    photos = ratings.common_to(1)
    some = time[photos] if time is not None else None
    try:
        model = fit_graders(grades[photos], ratings.subjects[photos], ratings.graders, some)
    except NotToldApartError as why:
        unknown = np.full(len(grades), np.nan)
        return GraderStudy(None, str(why), "", mean, unknown, unknown)
    told = _SAYS[drift] if model.graders[0].drift is not None else ""
    combined, error = model.calibration.combined(grades, time)
    return GraderStudy(model, "", told, mean, np.clip(combined, scale.low, scale.high), error)


def times_of(ratings: Ratings, drift: str) -> Float | None:
    """(N, k) where each photo stands in each grader's time, 0 to 1, NaN where that is not known; None where it is known
    of no two times."""
    if drift == ROWS:
        return np.column_stack([_places(ratings, j) for j in range(len(ratings.graders))])
    visits = sorted({facts.visit for facts in ratings.facts if facts.visit}, key=visit_order)
    if len(visits) < 2:
        return None
    place = {visit: at / (len(visits) - 1) for at, visit in enumerate(visits)}
    of_photo = [place[facts.visit] if facts.visit else np.nan for facts in ratings.facts]
    return np.repeat(np.array(of_photo)[:, None], len(ratings.graders), axis=1)


def _places(ratings: Ratings, grader: int) -> Float:
    """(N,) the place of each photo's row among the rows of its grader."""
    entries = ratings.entries[:, grader]
    rows = np.array([row.row for row in ratings.tables[grader].rows], float)
    found = np.where(entries >= 0, rows[entries], np.nan)
    first, last = np.nanmin(found), np.nanmax(found)
    return (found - first) / max(last - first, 1.0)
