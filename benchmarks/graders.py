"""Whether graders' bias, slope, noise and drift are recovered, and whether grades combined by them are nearer the truth.

    python -m benchmarks.graders --studies 300          # simulated graders alone, a few minutes
    python -m benchmarks.graders --train TRIAL/study    # and what a model gains that learns combined grades

Graders are simulated on latent grades as in a cohort, both sides of a subject, in half steps: each has its view of a
subject, so that errors of one subject's photos go together. On the graders' own scale the truth is known: coverage is
the share of 95 % intervals that hold it, over studies. RMSE against the latent grade on that scale: of the combined
grade, of the plain mean, of one grader. --train takes a study of phantoms and learns its photographs, graded by such
graders: RMSE against the latent grade of subjects never seen, learning the plain mean or combined grades.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.command import Json, run, write_json
from benchmarks.phantoms import prepared_photos
from benchmarks.tables import table_text
from toolkit.agreement.gradermodel import GraderModel, fit_graders
from toolkit.model import load_model
from toolkit.phantom import SimulatedGrader, draw_graders, draw_latent_grades, grades_by
from toolkit.phantom.graders import MIDDLE
from toolkit.prepared import Prepared, through_trunk
from toolkit.progress import progress_bars
from toolkit.severalgraders import COMBINED, SeveralGraders, train_on_graders
from toolkit.training import Trained, train

Float = NDArray[np.float64]
KINDS = ("bias", "slope", "noise", "drift")
_STEP_VARIANCE = 0.25 / 12  # of rounding to half steps


@dataclass(frozen=True)
class Scenario:
    """Graders, and how much of a study each of them grades."""

    title: str
    graders: tuple[SimulatedGrader, ...]
    subjects: int = 40
    visits: int = 4
    missing: float = 0.0  # of all grades, at random


_A = SimulatedGrader(0.4, 1.1, 0.45)
_B = SimulatedGrader(-0.2, 0.9, 0.35)
_C = SimulatedGrader(-0.2, 1.0, 0.6)
SCENARIOS = (
    Scenario("three graders", (_A, _B, _C)),
    Scenario("15 subjects, 3 visits", (_A, _B, _C), 15, 3),
    Scenario("half of all grades missing", (_A, _B, _C), missing=0.5),
    Scenario("one of them careless", (_A, _B, replace(_C, noise=1.2))),
    Scenario("one of them drifts", (replace(_A, drift=0.5), _B, _C)),
    Scenario("six graders, half missing", (_A, _B, _C, replace(_A, bias=-0.4), replace(_B, bias=0.3), replace(_C, noise=0.9)), missing=0.5),
    Scenario("two graders", (_A, _C)),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Graded:
    """A simulated study: latent grades, subjects, times 0-1 (N,), grades (N, k)."""

    latent: Float
    subjects: NDArray[np.intp]
    time: Float
    grades: Float


def graded(scenario: Scenario, seed: int) -> Graded:
    """A study of a scenario."""
    rng = np.random.default_rng([71, seed])
    courses = draw_latent_grades(rng, scenario.subjects, scenario.visits)
    latent = np.array([course[side] for course in courses for side in ("left", "right")]).ravel()
    subjects = np.repeat(np.arange(scenario.subjects), 2 * scenario.visits)
    time = np.tile(np.linspace(0, 1, scenario.visits), 2 * scenario.subjects)
    grades = grades_by(scenario.graders, latent, subjects.astype(str).tolist(), rng, time=time)
    grades[rng.random(grades.shape) < scenario.missing] = np.nan
    return Graded(latent, subjects, time, grades)


def truth(
    graders: Sequence[SimulatedGrader], study: Graded, model: GraderModel
) -> tuple[dict[str, Float], Float]:
    """What the model should find (k,), and the true grades (N,), both on the graders' mean scale."""
    weights = np.isfinite(study.grades).sum(axis=0) / np.isfinite(study.grades).sum()
    bias, slope, noise, view, drift = np.array(
        [(one.bias, one.slope, one.noise, one.view, one.drift) for one in graders]
    ).T
    at = model.calibration
    scale = (
        MIDDLE + weights @ bias + (weights @ drift) * study.time + (weights @ slope) * (study.latent - MIDDLE)
    )
    middle = (at.centre - MIDDLE - weights @ bias - (weights @ drift) * at.middle) / (weights @ slope)
    return {
        "bias": MIDDLE + bias + drift * at.middle + slope * middle - at.centre,
        "slope": slope / (weights @ slope),
        "noise": np.sqrt(noise**2 + view**2 + _STEP_VARIANCE),
        "drift": drift - weights @ drift,
    }, scale


def recovered(scenario: Scenario, studies: int) -> dict[str, Any]:
    """Coverage and mean error of each figure by grader, the share of p under 0.05 by grader, and RMSE."""
    k = len(scenario.graders)
    held: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    off: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    drifts, rmse = [], []
    for seed in range(studies):
        study = graded(scenario, seed)
        time = np.repeat(study.time[:, None], k, axis=1)
        model = fit_graders(study.grades, study.subjects, [str(j) for j in range(k)], time)
        known, scale = truth(scenario.graders, study, model)
        for kind in KINDS:
            found = [getattr(line, kind) for line in model.graders]
            off[kind].append([one.value - true for one, true in zip(found, known[kind], strict=True)])
            if model.told_apart or kind in ("bias", "drift"):
                held[kind].append(
                    [one.lower <= true <= one.upper for one, true in zip(found, known[kind], strict=True)]
                )
        drifts.append([(line.drift_p or 1) < 0.05 for line in model.graders])
        rmse.append(_rmse(study, model.calibration.combined(study.grades, time)[0], scale))
    return {
        "title": scenario.title,
        "coverage": {kind: np.mean(held[kind], axis=0).tolist() if held[kind] else None for kind in KINDS},
        "error": {kind: np.mean(off[kind], axis=0).tolist() for kind in KINDS},
        "drift_found": np.mean(drifts, axis=0).tolist(),
        "rmse": np.mean(rmse, axis=0).tolist(),
        "better": float(np.mean([one[0] < one[1] for one in rmse])),
    }


def _rmse(study: Graded, combined: Float, scale: Float) -> list[float]:
    """Of the combined grade, the plain mean and one grader, over photos that two or more graded."""
    counts = np.isfinite(study.grades).sum(axis=1)
    some = counts > 1
    mean = np.nansum(study.grades, axis=1) / np.maximum(counts, 1)
    single = np.sqrt(np.nanmean((study.grades[some] - scale[some, None]) ** 2, axis=0)).mean()
    return [*(float(np.sqrt(np.mean((one - scale)[some] ** 2))) for one in (combined, mean)), float(single)]


def tell_recovered(results: Sequence[dict[str, Any]]) -> None:
    """Prints what was recovered."""
    rows = []
    for one in results:
        worst = {kind: f"{max(map(abs, one['error'][kind])):.2f}" for kind in KINDS}
        cover = {
            kind: "-" if cells is None else " ".join(f"{cell:.2f}" for cell in cells)
            for kind, cells in one["coverage"].items()
        }
        found = " ".join(f"{share:.2f}" for share in one["drift_found"])
        rows.append(
            [one["title"], *cover.values(), found, "/".join(worst.values()), *one["rmse"], one["better"]]
        )
    head = [
        "", *(f"{kind} held" for kind in KINDS), "p of drift < .05", "largest mean error", "RMSE combined", "plain mean",
        "one grader", "combined better",
    ]  # fmt: skip
    print(table_text("Recovered, by grader", head, rows))


# --- training ------------------------------------------------------------------------------------


def panels(
    count: int, subjects: NDArray[np.intp]
) -> Iterator[tuple[str, tuple[SimulatedGrader, ...], NDArray[np.bool_]]]:
    """Graders, and which of ``count`` photos each of them grades (count, k)."""
    rng = np.random.default_rng(72)
    everything = np.ones((count, 3), bool)
    yield "three graders, all photos", draw_graders(np.random.default_rng(73)), everything
    yield "three, one of them careless", (_A, _B, replace(_C, noise=2.0)), everything
    own = np.eye(3, dtype=bool)[rng.permutation(np.arange(subjects.max() + 1) % 3)][subjects]
    apart = replace(_A, bias=0.9), replace(_B, bias=-0.3), replace(_C, bias=-0.6)
    yield (
        "three, a third of the subjects each, a quarter of photos by all",
        apart,
        own | (rng.random((count, 1)) < 0.25),
    )


def learn_by(
    photos: Sequence[Prepared], latent: Float, subjects: NDArray[np.str_], start: Any
) -> Iterator[list[Any]]:
    """A row of scores of each panel."""
    settings = load_model(None).settings
    numbers = np.unique(subjects, return_inverse=True)[1]
    for title, graders, given in panels(len(photos), numbers):
        grades = np.where(
            given, grades_by(graders, latent, subjects.tolist(), np.random.default_rng(74)), np.nan
        )
        several = SeveralGraders(tuple("ABC"), grades, subjects)
        made: list[Trained] = []

        def learn(made: list[Trained] = made, mean: Float = several.mean, **options: Any) -> Trained:
            made.append(train(photos, mean.tolist(), subjects.tolist(), settings, start=start, **options))
            return made[-1]

        chosen, choice = train_on_graders(several, learn)
        combined = several.labels()(np.arange(len(photos)))
        # On the graders' scale: the straight line of the latent grade that the panel means.
        scale = np.polynomial.Polynomial.fit(latent, combined, 1)(latent)
        errors = [float(np.sqrt(np.mean((one - scale) ** 2))) for one in
                  (several.mean, combined, *(each.predicted for each in made), chosen.predicted)]  # fmt: skip
        yield [
            title,
            *errors,
            "combined" if choice and choice.used == COMBINED else "plain",
            choice.told() if choice else "",
        ]


def trained_on(study: Path, tell: Any) -> list[list[Any]]:
    """The scores of a study of phantoms."""
    start = load_model(None)
    found = [
        (replace(photo, trunk_output=through_trunk(start.encoder, [photo])), row)
        for photo, row in prepared_photos(study, start.settings, "photographs", tell)
        if photo.inputs
    ]
    latent = np.array([float(row["latent_grade"]) for _, row in found])
    subjects = np.array([row["subject"] for _, row in found])
    return list(learn_by([photo for photo, _ in found], latent, subjects, start.encoder))


def main(
    studies: Annotated[int, typer.Option(min=1, help="Simulated studies a scenario.")] = 100,
    train_study: Annotated[Path | None, typer.Option("--train", help="A study of phantoms to learn.")] = None,
    json: Json = None,
) -> None:
    """Recovers simulated graders; with --train learns from them."""
    results = [recovered(scenario, studies) for scenario in SCENARIOS]
    tell_recovered(results)
    figures: dict[str, Any] = {"recovered": results}
    if train_study is not None:
        with progress_bars(False) as tell:
            rows = trained_on(train_study, tell)
        head = [
            "",
            "labels: mean",
            "combined",
            "subjects never seen: mean learnt",
            "combined learnt",
            "chosen",
            "used",
        ]
        print(table_text("Learnt: RMSE against the latent grade", head, [row[:-1] for row in rows]))
        print("\n".join(f"{row[0]}: {row[-1]}" for row in rows))
        figures["learnt"] = rows
    write_json(json, figures)


if __name__ == "__main__":
    run(main, __doc__)
