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
Weak priors keep a grader of few photos near the others: they count like a handful of photos. No noise is under 0.05.

Intervals rest on a covariance that is robust to errors that photos of one subject share (sandwich with subjects as
clusters), never narrower than that of the likelihood itself, and on Student's t with subjects - 1 degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.agreement.reliability import Estimate

Float = NDArray[np.float64]
Whole = NDArray[np.intp]

LEAST_PHOTOS, LEAST_SUBJECTS = 20, 5  # graded by two or more, for a model
_LEAST_SHARED = 5  # photos of two graders that tell something of their slopes
_PRIOR_SD = {"bias": 1.0, "slope": 0.2, "noise": 0.5, "drift": 0.5}  # grades; of noise, of its logarithm
_USUAL = (0.0, -0.7)  # ln of the SD of true grades and of noise; known to within a factor of e
_LEAST_NOISE = 0.05  # grades: two columns that are copies have none
_CONVERGED = 0.05  # of the likelihood's slope, in units of ln


class NotToldApartError(Exception):
    """These grades do not tell graders apart; the text says why."""


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
        calibrated, then weighted by its precision (Bartlett's factor scores), within 0-9; NaN without any grade.

        They are not drawn to the mean of all photos, so that changes keep their size. ``time`` as for ``fit_graders``.
        """
        given = np.isfinite(grades)
        moved = self.drift * _centred(time, given, self.middle)
        calibrated = self.centre + (grades - self.centre - self.bias - moved) / self.slope
        weights = given * self.information
        known = weights.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.where(given, weights * calibrated, 0).sum(axis=1) / known
            return np.clip(found, 0, 9), np.where(known > 0, known**-0.5, np.nan)


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
    used = _used(grades)
    photos, people = int(used.sum()), len(np.unique(subjects[used]))
    if photos < LEAST_PHOTOS or people < LEAST_SUBJECTS:
        raise NotToldApartError(
            f"two or more graders graded {photos} photos of {people} subjects: at least {LEAST_PHOTOS} photos of "
            f"{LEAST_SUBJECTS} subjects are needed"
        )
    if connected_components(_shared(grades, 1))[0] > 1:
        raise NotToldApartError("some graders have no photo in common with the others")
    if np.nanmax(grades) == np.nanmin(grades):
        raise NotToldApartError("all grades are the same")


def calibrate(grades: Float, time: Float | None = None) -> Calibration:
    """The graders' calibration alone, as in ``fit_graders``, of grades that ``check_told_apart`` lets pass."""
    likelihood = _Likelihood(grades, time)
    return likelihood.calibration(likelihood.best())


def fit_graders(
    grades: Float, subjects: Whole, names: Sequence[str], time: Float | None = None
) -> GraderModel:
    """Fit the model to ``grades`` (N, k), 0-9, NaN where missing, of photos of ``subjects`` (N,).

    ``time`` (N, k): where each photo stands in each grader's time, 0 first to 1 last, NaN where unknown; None leaves
    drift out. Photos with one grade are not used. Raises NotToldApartError.
    """
    check_told_apart(grades, subjects)
    likelihood = _Likelihood(grades, time)
    best = likelihood.best()
    found = likelihood.calibration(best)
    information = found.information
    owners = subjects[likelihood.used]
    return GraderModel(
        _lines(likelihood, best, owners, names),
        found,
        len(owners),
        len(np.unique(owners)),
        float(np.exp(best[1])),
        float(information.sum() ** -0.5),
        float(np.sqrt((found.noise**2).sum()) / found.slope.sum()),
        likelihood.told_apart,
    )


def _lines(
    likelihood: _Likelihood, best: Float, owners: Whole, names: Sequence[str]
) -> tuple[GraderLine, ...]:
    from scipy.stats import t

    values = likelihood.told(best)
    errors = likelihood.standard_errors(best, owners)
    df = len(np.unique(owners)) - 1
    half = {kind: t.ppf(0.975, df) * error for kind, error in errors.items()}
    information = likelihood.calibration(best).information

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


class _Likelihood:
    """The model's likelihood and priors, as functions of theta: m - c, ln tau, then what is free of noise (k, or 1 for
    all), bias, slope - 1 and drift (k - 1 each). Also of complex theta, by which derivatives are exact."""

    def __init__(self, grades: Float, time: Float | None) -> None:
        from scipy.linalg import null_space

        self.used = _used(grades)
        self.grades = grades[self.used]
        self.known = np.isfinite(self.grades)
        self.centre = float(np.nanmean(self.grades))
        self.timed = time is not None and bool(np.ptp(time[self.used][self.known & np.isfinite(time[self.used])]))
        self.middle = float(np.nanmean(time[self.used][self.known])) if self.timed and time is not None else 0.0
        self.time = _centred(time[self.used] if time is not None else None, self.known, self.middle)
        self.told_apart = _tells_slopes(grades)
        k = grades.shape[1]
        centred = null_space(np.isfinite(grades).sum(axis=0)[None].astype(float))  # (k, k - 1): weighted means of 0
        self._bases = {"noise": np.eye(k) if self.told_apart else np.ones((k, 1)), "bias": centred}
        self._bases |= {"slope": centred} if self.told_apart else {}
        self._bases |= {"drift": centred} if self.timed else {}
        self._fixed = {"slope": np.ones(k), "drift": np.zeros(k)}

    def told(self, theta: Any) -> dict[str, Any]:
        """bias, slope, noise (its logarithm) and drift (k,) of the parameters."""
        told = dict(self._fixed)
        first = 2
        for kind, basis in self._bases.items():
            free = theta[first : first + basis.shape[1]]
            told[kind] = (kind == "slope") + basis @ free
            first += len(free)
        told["noise"] = np.log(np.exp(2 * told["noise"]) + _LEAST_NOISE**2) / 2
        return told

    def calibration(self, theta: Float) -> Calibration:
        told = self.told(theta)
        noise = np.exp(told["noise"])
        return Calibration(self.centre, self.middle, told["bias"], told["slope"], noise, told["drift"])

    def of_photos(self, theta: Any) -> Any:
        """-ln of the likelihood of each used photo (n,), but for a constant."""
        told = self.told(theta)
        mean, spread = theta[0], np.exp(-2 * theta[1])
        off = np.where(self.known, self.grades - self.centre - told["bias"] - told["drift"] * self.time, 0)
        precision = self.known * np.exp(-2 * told["noise"])
        a = (told["slope"] ** 2 * precision).sum(axis=1) + spread
        b = (told["slope"] * off * precision).sum(axis=1) + mean * spread
        c = (off**2 * precision).sum(axis=1) + mean**2 * spread
        return self.known @ told["noise"] + theta[1] + np.log(a) / 2 + (c - b**2 / a) / 2

    def whole(self, theta: Any) -> Any:
        """-ln of likelihood and priors."""
        told = self.told(theta)
        noise = theta[2 : 2 + self._bases["noise"].shape[1]]
        away = {
            "bias": told["bias"], "slope": told["slope"] - 1, "noise": noise - noise.mean(), "drift": told["drift"]
        }  # fmt: skip
        prior = sum(((off / _PRIOR_SD[kind]) ** 2).sum() for kind, off in away.items())
        usual = (theta[1] - _USUAL[0]) ** 2 + (noise.mean() - _USUAL[1]) ** 2
        return self.of_photos(theta).sum() + (prior + usual) / 2

    def best(self) -> Float:
        """The most likely parameters; raises NotToldApartError where they are not found."""
        from scipy.optimize import minimize
        from statsmodels.tools.numdiff import approx_fprime_cs

        def slope(theta: Float) -> Float:
            return np.asarray(approx_fprime_cs(theta, self.whole))

        start = np.zeros(2 + sum(basis.shape[1] for basis in self._bases.values()))
        start[1], start[2 : 2 + self._bases["noise"].shape[1]] = _USUAL
        found = minimize(self.whole, start, jac=slope, method="BFGS").x
        if not np.abs(slope(found)).max() < _CONVERGED:
            raise NotToldApartError("the model of their grades did not converge")
        return np.asarray(found)

    def standard_errors(self, best: Float, owners: Whole) -> dict[str, Float]:
        """Of bias, slope, noise (its logarithm) and drift (k,); ``owners`` (n,): the subject of each used photo."""
        from statsmodels.tools.numdiff import approx_fprime_cs, approx_hess_cs

        plain = np.linalg.inv(approx_hess_cs(best, self.whole))
        people, owner = np.unique(owners, return_inverse=True)
        scores = np.zeros((len(people), len(best)))
        np.add.at(scores, owner, approx_fprime_cs(best, self.of_photos))
        scores -= scores.mean(axis=0)
        robust = plain @ (scores.T @ scores) @ plain * len(people) / (len(people) - 1)
        parts = approx_fprime_cs(best, lambda theta: np.concatenate([*self.told(theta).values()]))
        rows = dict(zip(self.told(best), np.split(parts, len(self.told(best))), strict=True))
        return {
            kind: np.sqrt([max(row @ plain @ row, row @ robust @ row) for row in rows[kind]]) for kind in rows
        }


def _used(grades: Float) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(grades).sum(axis=1) >= 2)


def _shared(grades: Float, photos: int) -> NDArray[np.bool_]:
    """(k, k) whether two graders have so many photos in common; no grader with itself."""
    given = np.isfinite(grades).astype(int)
    return np.asarray((given.T @ given >= photos) & ~np.eye(grades.shape[1], dtype=bool))


def _tells_slopes(grades: Float) -> bool:
    """Whether slopes and noises can be told from each other: the covariances of pairs tell the products of their slopes,
    and products tell the factors where pairs form a cycle of odd length, as three graders do. Graders of very few photos
    do not count."""
    from scipy.sparse.csgraph import connected_components

    shared = _shared(grades, _LEAST_SHARED)
    some = shared.any(axis=0)
    # A connected graph has an odd cycle if and only if its bipartite double cover is connected.
    return bool(connected_components(np.kron(shared[np.ix_(some, some)], [[0, 1], [1, 0]]))[0] == 1)


def _centred(time: Float | None, given: NDArray[np.bool_], middle: float) -> Float:
    """Times less ``middle``; 0 where unknown."""
    if time is None:
        return np.zeros(given.shape)
    return np.where(np.isfinite(time), time - middle, 0.0)
