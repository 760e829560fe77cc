"""The likelihood of the model of graders (``gradermodel``), its priors, and where it is greatest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Whole = NDArray[np.intp]

_LEAST_SHARED = 5  # photos of two graders that tell something of their slopes
# In units of the SD of all grades; of noise and of the spread of true grades, of their logarithm.
_PRIOR_SD = {"bias": 0.8, "slope": 0.2, "noise": 0.5, "drift": 0.4}
_USUAL = (-0.2, -0.9)  # ln of the SD of true grades and of noise; known to within a factor of e
_LEAST_NOISE = 0.04  # two columns that are copies have none
_CONVERGED = 0.05  # of the likelihood's slope, in units of ln


class NotToldApartError(Exception):
    """These grades do not tell graders apart; the text says why."""


class Likelihood:
    """The model's likelihood and priors, as functions of theta: m - c, ln tau, then what is free of noise (k, or 1 for
    all), bias, slope - 1 and drift (k - 1 each). Also of complex theta, by which derivatives are exact.

    Inside, grades are less their mean, ``centre``, and in units of their SD, ``unit``. ``used`` (N,): the photos that
    count, n; ``known`` (n, k) who graded them; ``middle``: the mean time. ``timed``: whether drift is in the model;
    ``told_apart``: whether slope and noise are.
    """

    def __init__(self, grades: Float, time: Float | None) -> None:
        from scipy.linalg import null_space

        self.used = graded_by_two(grades)
        self.known = np.isfinite(grades[self.used])
        self.centre, self.unit = float(np.nanmean(grades[self.used])), float(np.nanstd(grades[self.used]))
        self._off = np.where(self.known, (grades[self.used] - self.centre) / self.unit, 0)
        self.timed = time is not None and bool(
            np.ptp(time[self.used][self.known & np.isfinite(time[self.used])])
        )
        self.middle = (
            float(np.nanmean(time[self.used][self.known])) if self.timed and time is not None else 0.0
        )
        self._time = centred_time(time[self.used] if time is not None else None, self.known, self.middle)
        self.told_apart = tells_slopes(grades)
        k = grades.shape[1]
        centred = null_space(
            np.isfinite(grades).sum(axis=0)[None].astype(float)
        )  # (k, k - 1): weighted means of 0
        self._bases = {"noise": np.eye(k) if self.told_apart else np.ones((k, 1)), "bias": centred}
        self._bases |= {"slope": centred} if self.told_apart else {}
        self._bases |= {"drift": centred} if self.timed else {}
        self._fixed = {"slope": np.ones(k), "drift": np.zeros(k)}

    def in_grades(self, theta: Float) -> dict[str, Float]:
        """bias, slope, noise (its logarithm) and drift (k,) of the parameters, in grades."""
        told = self._told(theta)
        return {
            "bias": self.unit * told["bias"], "slope": told["slope"], "noise": np.log(self.unit) + told["noise"],
            "drift": self.unit * told["drift"],
        }  # fmt: skip

    def _told(self, theta: Any) -> dict[str, Any]:
        """The same in units of the SD."""
        told = dict(self._fixed)
        first = 2
        for kind, basis in self._bases.items():
            free = theta[first : first + basis.shape[1]]
            told[kind] = (kind == "slope") + basis @ free
            first += len(free)
        told["noise"] = np.log(np.exp(2 * told["noise"]) + _LEAST_NOISE**2) / 2
        return told

    def _of_photos(self, theta: Any) -> Any:
        """-ln of the likelihood of each used photo (n,), but for a constant."""
        told = self._told(theta)
        mean, spread = theta[0], np.exp(-2 * theta[1])
        off = self.known * (self._off - told["bias"] - told["drift"] * self._time)
        precision = self.known * np.exp(-2 * told["noise"])
        a = (told["slope"] ** 2 * precision).sum(axis=1) + spread
        b = (told["slope"] * off * precision).sum(axis=1) + mean * spread
        c = (off**2 * precision).sum(axis=1) + mean**2 * spread
        return self.known @ told["noise"] + theta[1] + np.log(a) / 2 + (c - b**2 / a) / 2

    def _whole(self, theta: Any) -> Any:
        """-ln of likelihood and priors."""
        told = self._told(theta)
        noise = theta[2 : 2 + self._bases["noise"].shape[1]]
        away = {
            "bias": told["bias"], "slope": told["slope"] - 1, "noise": noise - noise.mean(), "drift": told["drift"]
        }  # fmt: skip
        prior = sum(((off / _PRIOR_SD[kind]) ** 2).sum() for kind, off in away.items())
        usual = (theta[1] - _USUAL[0]) ** 2 + (noise.mean() - _USUAL[1]) ** 2
        return self._of_photos(theta).sum() + (prior + usual) / 2

    def best(self) -> Float:
        """The most likely parameters; raises NotToldApartError where they are not found."""
        from scipy.optimize import minimize
        from statsmodels.tools.numdiff import approx_fprime_cs

        def slope(theta: Float) -> Float:
            return np.asarray(approx_fprime_cs(theta, self._whole))

        start = np.zeros(2 + sum(basis.shape[1] for basis in self._bases.values()))
        start[1], start[2 : 2 + self._bases["noise"].shape[1]] = _USUAL
        found = minimize(self._whole, start, jac=slope, method="BFGS").x
        if not np.abs(slope(found)).max() < _CONVERGED:
            raise NotToldApartError("the model of their grades did not converge")
        return np.asarray(found)

    def standard_errors(self, best: Float, owners: Whole) -> dict[str, Float]:
        """Of ``in_grades`` (k,); ``owners`` (n,): the subject of each used photo."""
        from statsmodels.tools.numdiff import approx_fprime_cs, approx_hess_cs

        plain = np.linalg.inv(approx_hess_cs(best, self._whole))
        people, owner = np.unique(owners, return_inverse=True)
        scores = np.zeros((len(people), len(best)))
        np.add.at(scores, owner, approx_fprime_cs(best, self._of_photos))
        scores -= scores.mean(axis=0)
        robust = plain @ (scores.T @ scores) @ plain * len(people) / (len(people) - 1)
        parts = approx_fprime_cs(best, lambda theta: np.concatenate([*self.in_grades(theta).values()]))
        rows = dict(zip(self.in_grades(best), np.split(parts, 4), strict=True))
        return {
            kind: np.sqrt([max(row @ plain @ row, row @ robust @ row) for row in rows[kind]]) for kind in rows
        }


def graded_by_two(grades: Float) -> NDArray[np.bool_]:
    """Which photos (N,) have two grades or more."""
    return np.asarray(np.isfinite(grades).sum(axis=1) >= 2)


def shared(grades: Float, photos: int) -> NDArray[np.bool_]:
    """(k, k) whether two graders have so many photos in common; no grader with itself."""
    given = np.isfinite(grades).astype(int)
    return np.asarray((given.T @ given >= photos) & ~np.eye(grades.shape[1], dtype=bool))


def tells_slopes(grades: Float) -> bool:
    """Whether slopes and noises can be told from each other: the covariances of pairs tell the products of their slopes,
    and products tell the factors where pairs form a cycle of odd length, as three graders do. Graders of very few photos
    do not count."""
    from scipy.sparse.csgraph import connected_components

    pairs = shared(grades, _LEAST_SHARED)
    some = pairs.any(axis=0)
    # A connected graph has an odd cycle if and only if its bipartite double cover is connected.
    return bool(connected_components(np.kron(pairs[np.ix_(some, some)], [[0, 1], [1, 0]]))[0] == 1)


def centred_time(time: Float | None, given: NDArray[np.bool_], middle: float) -> Float:
    """Times less ``middle``; 0 where unknown."""
    if time is None:
        return np.zeros(given.shape)
    return np.where(np.isfinite(time), time - middle, 0.0)
