"""How each of several graders grades: bias, slope, noise and drift, from the photos that they have in common.

    y_ij = c + b_j + d_j z_ij + k_j (t_i - c) + e_ij,   e_ij ~ N(0, s_j^2),   t_i ~ N(m, tau^2)

Grader j gives photo i, whose true grade is t_i, the grade y_ij; c is the mean of all grades, z_ij the photo's place in
time, from 0 to 1, less its mean. This is the congeneric model of test theory (Joreskog, Psychometrika 36 (1971) 109-133),
which for instruments goes back to Grubbs (Journal of the American Statistical Association 43 (1948) 243-264) and Barnett
(Biometrika 56 (1969) 129-142). It is fitted by marginal maximum likelihood, the true grades integrated out, which takes
missing grades as they are.

What the data cannot tell is fixed. Nobody knows the true grades, so that their scale is the graders' mean: the means of
b, of k - 1 and of d, weighted by the number of grades, are 0. What all graders do alike, a drift of all of them
included, cannot be seen. With two graders a steeper slope cannot be told from more noise: only their biases are told
apart, slopes are held at 1, and both have the same noise.
Weak priors keep a grader of few photos near the others: they count like a handful of photos. No noise is under 4 % of
the SD of all grades.

Intervals rest on a covariance that is robust to errors that photos of one subject share (sandwich with subjects as
clusters), never narrower than that of the likelihood itself, and on Student's t with subjects - 1 degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.agreement.graderlikelihood import (
    Likelihood,
    NotToldApartError,
    centred_time,
    graded_by_two,
    shared,
)
from toolkit.agreement.reliability import Estimate

Float = NDArray[np.float64]
Whole = NDArray[np.intp]

LEAST_PHOTOS, LEAST_SUBJECTS = 20, 5  # graded by two or more, for a model


@dataclass(frozen=True)
class GraderLine:
    """How one grader grades, on the scale of the graders' mean.

    ``photos`` that it graded together with others. ``bias``: its grade less the true one, in grades, at the mean grade
    and the mean time; ``slope``: its grades' rise for one grade of the true scale; ``noise``: SD of its error, in grades;
    ``drift``: rise of its bias from first to last, in grades, with ``drift_p``, two-sided; None where time is not known.
    ``weight``: its share, 0-1, of what is known of a photo that all graded. Intervals of 95 %.
    """

    name: str
    photos: int
    bias: Estimate
    slope: Estimate
    noise: Estimate
    drift: Estimate | None
    drift_p: float | None
    weight: float


@dataclass(frozen=True, eq=False)
class Calibration:
    """What turns graders' grades into one: ``bias``, ``slope``, ``noise`` and ``drift`` (k,), ``centre`` the grade at
    which the bias holds, ``middle`` the time at which it does."""

    centre: float
    middle: float
    bias: Float
    slope: Float
    noise: Float
    drift: Float

    @property
    def information(self) -> Float:
        """(k,) what each grader tells of a photo: the reciprocal of its calibrated grade's variance."""
        return (self.slope / self.noise) ** 2

    def combined(self, grades: Float, time: Float | None = None) -> tuple[Float, Float]:
        """The true grades (N,) and their standard errors (N,) by ``grades`` (N, k), NaN where missing: each grade
        calibrated, then weighted by its precision (Bartlett's factor scores); NaN without any grade.

        They are not drawn to the mean of all photos, so that changes keep their size, and may leave the scale by a
        little. ``time`` as for ``fit_graders``.
        """
        given = np.isfinite(grades)
        moved = self.drift * centred_time(time, given, self.middle)
        calibrated = self.centre + (grades - self.centre - self.bias - moved) / self.slope
        weights = given * self.information
        known = weights.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.where(given, weights * calibrated, 0).sum(axis=1) / known
            return found, np.where(known > 0, known**-0.5, np.nan)


@dataclass(frozen=True, eq=False)
class GraderModel:
    """The fitted model: ``graders`` in the order given, ``calibration`` for their grades.

    ``photos`` graded by two or more, of ``subjects``. ``spread``: SD of the true grades. ``error``: SD of the error of
    the combined grade of all graders, ``mean_error``: of their plain mean. ``told_apart``: False where
    biases and drifts alone are told, as with two graders.
    """

    graders: tuple[GraderLine, ...]
    calibration: Calibration
    photos: int
    subjects: int
    spread: float
    error: float
    mean_error: float
    told_apart: bool


def check_told_apart(grades: Float, subjects: Whole) -> None:
    """Raise NotToldApartError where ``grades`` (N, k) of ``subjects`` (N,) do not tell graders apart."""
    from scipy.sparse.csgraph import connected_components

    if grades.shape[1] < 2:
        raise NotToldApartError("there is one grader")
    used = graded_by_two(grades)
    photos, people = int(used.sum()), len(np.unique(subjects[used]))
    if photos < LEAST_PHOTOS or people < LEAST_SUBJECTS:
        raise NotToldApartError(
            f"two or more graders graded {photos} photos of {people} subjects: at least {LEAST_PHOTOS} photos of "
            f"{LEAST_SUBJECTS} subjects are needed"
        )
    if connected_components(shared(grades, 1))[0] > 1:
        raise NotToldApartError("some graders have no photo in common with the others")
    if np.nanmax(grades[used]) == np.nanmin(grades[used]):
        raise NotToldApartError("all grades are the same")


def calibrate(grades: Float, time: Float | None = None) -> Calibration:
    """The graders' calibration alone, as in ``fit_graders``, of grades that ``check_told_apart`` lets pass."""
    likelihood = Likelihood(grades, time)
    return _calibration(likelihood, likelihood.best())


def fit_graders(
    grades: Float, subjects: Whole, names: Sequence[str], time: Float | None = None
) -> GraderModel:
    """Fit the model to ``grades`` (N, k), 0-9, NaN where missing, of photos of ``subjects`` (N,).

    ``time`` (N, k): where each photo stands in each grader's time, 0 first to 1 last, NaN where unknown; None leaves
    drift out. Photos with one grade are not used. Raises NotToldApartError.
    """
    check_told_apart(grades, subjects)
    likelihood = Likelihood(grades, time)
    best = likelihood.best()
    found = _calibration(likelihood, best)
    information = found.information
    owners = subjects[likelihood.used]
    return GraderModel(
        _lines(likelihood, best, owners, names),
        found,
        len(owners),
        len(np.unique(owners)),
        float(likelihood.unit * np.exp(best[1])),
        float(information.sum() ** -0.5),
        float(np.sqrt((found.noise**2).sum()) / found.slope.sum()),
        likelihood.told_apart,
    )


def _calibration(likelihood: Likelihood, best: Float) -> Calibration:
    values = likelihood.in_grades(best)
    return Calibration(
        likelihood.centre, likelihood.middle, values["bias"], values["slope"], np.exp(values["noise"]), values["drift"]
    )  # fmt: skip


def _lines(
    likelihood: Likelihood, best: Float, owners: Whole, names: Sequence[str]
) -> tuple[GraderLine, ...]:
    from scipy.stats import t

    values = likelihood.in_grades(best)
    errors = likelihood.standard_errors(best, owners)
    df = len(np.unique(owners)) - 1
    half = {kind: t.ppf(0.975, df) * error for kind, error in errors.items()}
    information = _calibration(likelihood, best).information

    def interval(kind: str, j: int) -> Estimate:
        value, wide = values[kind][j], half[kind][j]
        low, high = value - wide, value + wide
        if kind == "noise":  # its logarithm was fitted
            value, low, high = np.exp([value, low, high])
        return Estimate(float(value), float(low), float(high)) if wide > 0 else Estimate(float(value))

    lines = []
    for j, name in enumerate(names):
        drift, p = None, None
        if likelihood.timed:
            drift = interval("drift", j)
            p = float(2 * t.sf(abs(values["drift"][j]) / errors["drift"][j], df))
        lines.append(
            GraderLine(
                name, int(likelihood.known[:, j].sum()), interval("bias", j), interval("slope", j), interval("noise", j),
                drift, p, float(information[j] / information.sum()),
            )
        )  # fmt: skip
    return tuple(lines)
