"""Fits: a method learns from a fold and is tested on it, in this process or as jobs on the machines of a cluster."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import MissingExtraError, ToolkitError
from toolkit.evaluate.methods import METHODS, Context, Outcome
from toolkit.evaluate.study import MeasuredStudy
from toolkit.images import file_sha256
from toolkit.model import load_model
from toolkit.pool import Crew, Lost, run_jobs
from toolkit.progress import Progress, silent
from toolkit.settings import BaselineSettings
from toolkit.siamese import Encoder


@dataclass(frozen=True, eq=False)
class Fit:
    """``method`` on fold ``number`` of ``folds`` of a ``split`` ("subject" or "photo"): the photographs to learn from and
    to test on, by number."""

    split: str
    method: str
    number: int
    folds: int
    learn: NDArray[np.intp]
    test: NDArray[np.intp]

    @property
    def name(self) -> str:
        """As a user is told of it."""
        return f"{self.method}, fold {self.number} of {self.folds}"


Made = tuple[Fit, Outcome, float]  # and the seconds that it took


@dataclass(frozen=True, eq=False)
class Fitter:
    """Fits methods on a study. What fits of one process share is made once and kept in ``memo``; an outcome is the same
    whether or not it was there already. ``start`` as in ``Context``."""

    study: MeasuredStudy
    baselines: BaselineSettings
    seed: int
    start: Encoder | None
    memo: dict[str, Any] = field(default_factory=dict)

    def fit(self, fit: Fit, tell: Progress = silent) -> Made:
        """Raises ToolkitError that names method and fold."""
        groups, seed = self.study.groups(fit.split), self.seed + fit.number
        context = Context(self.study, groups, self.baselines, self.start, seed, tell, self.memo)
        started = time.monotonic()
        try:
            outcome = METHODS[fit.method].run(context, fit.learn, fit.test)
        except MissingExtraError:  # names what to install, whatever the fit
            raise
        except ToolkitError as error:
            raise type(error)(f"{fit.name}: {error}") from None
        return fit, outcome, time.monotonic() - started


def weights_hash(baselines: BaselineSettings) -> str:
    """Of the file of weights that the baselines start from; "" where that is none."""
    path = Path(baselines.weights)
    return file_sha256(path) if path.is_file() else ""


def fit_on(crew: Crew, fitter: Fitter, fits: Sequence[Fit]) -> Generator[Made, None, None]:
    """Fits as jobs of a crew, as they are done: the study is read once a process, from where it is kept. Raises
    ToolkitError of a fit that fails, and of one whose process dies time and again."""
    jobs = together(fits)
    start = partial(
        _start, fitter.study.without_photographs(), fitter.baselines, fitter.seed,
        weights=weights_hash(fitter.baselines), starter=fitter.start is not None,
    )  # fmt: skip
    with contextlib.closing(run_jobs(_fit, jobs, crew, start)) as done:
        for number, made in done:
            if isinstance(made, Lost):
                raise ToolkitError(f"{jobs[number].name}: {made.reason}")
            for fit, (_, outcome, seconds) in zip(jobs[number].fits, made, strict=True):
                yield fit, outcome, seconds


@dataclass(frozen=True, eq=False)
class _Job:
    fits: tuple[Fit, ...]

    @property
    def name(self) -> str:
        return " and ".join(fit.name for fit in self.fits)


def together(fits: Sequence[Fit]) -> list[_Job]:
    """The fits of a fold that share a training (of ``embedding`` and ``hybrid``) in one job; those that train a network,
    which last longest, first."""
    jobs: dict[tuple[str, int, str], list[Fit]] = {}
    for fit in fits:
        shared = "encoder" if "encoder" in METHODS[fit.method].needs else fit.method
        jobs.setdefault((fit.split, fit.number, shared), []).append(fit)
    ordered = sorted(jobs.values(), key=lambda job: not METHODS[job[0].method].needs)
    return [_Job(tuple(job)) for job in ordered]


# --- in a process on another machine ---------------------------------------------------------------

_fitter: Fitter | None = None


def _start(
    study: MeasuredStudy, baselines: BaselineSettings, seed: int, *, weights: str, starter: bool
) -> None:
    """Read what all fits need."""
    global _fitter
    if weights_hash(baselines) != weights:
        raise ToolkitError(f"{baselines.weights}: is not the same file on all machines")
    start = load_model(None).encoder if starter else None
    _fitter = Fitter(study.with_photographs(), baselines, seed, start)


def _fit(job: _Job) -> list[Made]:
    if _fitter is None:
        raise RuntimeError("this process was not made ready to fit")
    return [_fitter.fit(fit) for fit in job.fits]
