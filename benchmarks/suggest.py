"""Whether the photographs that toolkit suggest lists teach a model more than photographs chosen at random.

    python -m benchmarks.suggest                          # 120 drawn people, 5 seeds
    python -m benchmarks.suggest --seeds 12 --slope .6 --work W

Phantoms of a cohort. Each seed takes some people to test on, whom no model ever sees, and a few to begin with; of the
others photographs are given to the grader in rounds: at random (as many of a subject at most), as toolkit suggest
chooses them, and those with the widest intervals. After each round a model is trained that keeps the starter's
network. Prints the RMSE against the known grade, over all people tested and over the lowest and highest 15 %
of grades, and its difference from random choice with a standard error over seeds. --slope: how much of the phantoms'
scale the grader uses, about its middle; where that is not 1, there is more to learn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.command import Json, Work, folder_for, run, write_json
from benchmarks.phantoms import prepared_photos
from benchmarks.tables import table_text
from toolkit.commands.phantoms import make_phantoms
from toolkit.commands.shared import default_workers
from toolkit.judgement import Judgement, judge
from toolkit.model import Model, load_model
from toolkit.prepared import Prepared, through_trunk
from toolkit.progress import Progress, progress_bars
from toolkit.suggest import Ungraded, next_photos
from toolkit.training import train
from toolkit.watch import StudyFigures

MIDDLE = 4.0  # of the scale that a grader uses more or less of
PER_SUBJECT = 2

Rows = NDArray[np.intp]
Choice = Callable[["Phantoms", Model, Rows, np.random.Generator], Sequence[int]]


@dataclass(frozen=True)
class Plan:
    """How many people are tested and graded at ``first``, and photographs a round, ``step``."""

    tested: int
    first: int
    step: int
    rounds: int


@dataclass(frozen=True, eq=False)
class Phantoms:
    """Prepared photographs, what grader 1 gave them and what they are, on the grader's scale, and whose they are."""

    photos: Sequence[Prepared]
    given: NDArray[np.float64]
    known: NDArray[np.float64]
    subjects: NDArray[np.str_]

    def judged(self, model: Model, rows: Rows) -> Judgement:
        """What a model says of some photographs."""
        return judge(model, [self.photos[row] for row in rows.tolist()], [""] * len(rows), None)

    def ungraded(self, model: Model, rows: Rows) -> Ungraded:
        """Some photographs as toolkit suggest sees them."""
        judged, study = self.judged(model, rows), StudyFigures.of_card(model.card)
        assert study is not None, "made by the package itself"
        columns = judged.table.side_columns(model.index)
        tones, distances = (
            judged.values[:, columns.index(name)] for name in ("ita_deg", "neighbour_distance")
        )
        figures = np.column_stack([judged.grades, tones, distances])
        return Ungraded.beside(study, figures, judged.half_widths, self.subjects[rows])


def at_random(of: Phantoms, model: Model, rows: Rows, rng: np.random.Generator) -> Sequence[int]:
    """Any order."""
    return rng.permutation(len(rows)).tolist()


def suggested(of: Phantoms, model: Model, rows: Rows, rng: np.random.Generator) -> Sequence[int]:
    """As toolkit suggest has them."""
    return list(next_photos(of.ungraded(model, rows), PER_SUBJECT))


def widest(of: Phantoms, model: Model, rows: Rows, rng: np.random.Generator) -> Sequence[int]:
    """The widest interval first."""
    return np.argsort(-of.judged(model, rows).half_widths, kind="stable").tolist()


CHOICES: dict[str, Choice] = {"at random": at_random, "toolkit suggest": suggested, "widest interval": widest}


def few_of_each(order: Sequence[int], subjects: NDArray[np.str_], count: int) -> list[int]:
    """The first ``count`` of an order that takes no more than a few of a subject."""
    taken = Counter[str]()
    chosen: list[int] = []
    for place in order:
        if taken[subjects[place]] < PER_SUBJECT and len(chosen) < count:
            taken[subjects[place]] += 1
            chosen.append(place)
    return chosen


def phantoms(folder: Path, subjects: int, slope: float, start: Model, tell: Progress) -> Phantoms:
    """The study, made unless it is there, and looked at once by the starter's trunk."""
    study = folder / "study"
    if not (study / "truth.csv").is_file():
        make_phantoms(study, subjects, 1, "half", seed=701, workers=default_workers(), tell=tell)
    photos, rows = [], []
    for photo, row in prepared_photos(study, start.settings, "patches", tell):
        if not photo.error:
            photos.append(replace(photo, trunk_output=through_trunk(start.encoder, [photo])))
            rows.append(row)
    given, latent = (np.array([float(row[name]) for row in rows]) for name in ("grader_1", "latent_grade"))
    known = MIDDLE + slope * (latent - MIDDLE)
    owners = np.array([row["subject"] for row in rows])
    return Phantoms(photos, np.clip(known + given - latent, 0, 9), known, owners)


def trained(of: Phantoms, rows: Rows, start: Model, seed: int) -> Model:
    """A model of the graded photographs, by the starter's network."""
    return train(
        [of.photos[row] for row in rows.tolist()], of.given[rows].tolist(), of.subjects[rows].tolist(), start.settings,
        seed=seed, start=start.encoder, keep_encoder=True,
    ).model  # fmt: skip


def scores(of: Phantoms, model: Model, rows: Rows) -> dict[str, float]:
    """Errors on people whom the model never saw."""
    judged, known = of.judged(model, rows), of.known[rows]
    error = judged.grades - known
    latent_rare = (known < np.quantile(of.known, 0.15)) | (known > np.quantile(of.known, 0.85))
    return {
        "RMSE": float(np.sqrt(np.mean(error**2))),
        "RMSE, rare grades": float(np.sqrt(np.mean(error[latent_rare] ** 2))),
        "inside": float(np.mean(np.abs(error) <= judged.half_widths)),
    }


def one_seed(of: Phantoms, start: Model, plan: Plan, seed: int, tell: Progress) -> list[dict]:
    """Every choice from the same beginning, a row a round."""
    people = np.random.default_rng(seed).permutation(np.unique(of.subjects))
    tested, first, rest = (
        np.flatnonzero(np.isin(of.subjects, some))
        for some in np.split(people, [plan.tested, plan.tested + plan.first])
    )
    beginning = trained(of, first, start, seed)
    rows = []
    for name, choose in CHOICES.items():
        model, learnt, waiting = beginning, first, rest
        rng = np.random.default_rng([seed, 1])
        for number in range(plan.rounds + 1):
            rows.append({"choice": name, "seed": seed, "graded": len(learnt), **scores(of, model, tested)})
            tell(f"seed {seed}, {name}", number, plan.rounds)
            if number < plan.rounds:
                order = choose(of, model, waiting, rng)
                new = waiting[few_of_each(order, of.subjects[waiting], plan.step)]
                learnt, waiting = np.concatenate([learnt, new]), np.setdiff1d(waiting, new)
                model = trained(of, learnt, start, seed)
    return rows


def show(rows: Sequence[dict]) -> None:
    """Means over seeds by choice and number of graded photographs, and the difference from random choice."""
    at = {(row["choice"], row["seed"], row["graded"]): row for row in rows}
    lines = []
    for graded in sorted({row["graded"] for row in rows}):
        for name in CHOICES:
            mine = [row for row in rows if (row["choice"], row["graded"]) == (name, graded)]
            cells: list[object] = []
            for figure in ("RMSE", "RMSE, rare grades"):
                apart = [row[figure] - at["at random", row["seed"], graded][figure] for row in mine]
                error = np.std(apart, ddof=1) / np.sqrt(len(apart)) if len(apart) > 1 else float("nan")
                cells += [
                    float(np.mean([row[figure] for row in mine])),
                    f"{np.mean(apart):+.3f} ({error:.3f})",
                ]
            inside = f"{np.mean([row['inside'] for row in mine]):.0%}"
            lines.append([f"{graded}, {name}", len(mine), *cells, inside])
    head = [
        "graded, choice",
        "seeds",
        "RMSE",
        "less random (SE)",
        "rare grades",
        "less random (SE)",
        "inside",
    ]
    print(table_text("Against the known grade, on people never seen", head, lines))


def main(
    subjects: Annotated[int, typer.Option(min=40, help="Drawn people.")] = 120,
    seeds: Annotated[int, typer.Option(min=1, help="Divisions of these people.")] = 5,
    first: Annotated[int, typer.Option(min=5, help="People graded to begin with.")] = 8,
    step: Annotated[int, typer.Option(min=2, help="Photographs graded in a round.")] = 16,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds.")] = 3,
    slope: Annotated[
        float, typer.Option(min=0.1, max=2, help="Of the grader against the phantoms' scale.")
    ] = 1.0,
    work: Work = None,
    json_path: Json = None,
) -> None:
    """Makes the phantoms, and lets every choice teach."""
    start, plan = load_model(), Plan(subjects // 3, first, step, rounds)
    rows: list[dict] = []
    with folder_for(work) as folder, progress_bars(quiet=False) as tell:
        of = phantoms(folder, subjects, slope, start, tell)
        for seed in range(seeds):
            rows += one_seed(of, start, plan, seed, tell)
    show(rows)
    write_json(json_path, rows)


if __name__ == "__main__":
    run(main, __doc__)
