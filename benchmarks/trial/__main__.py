"""A trial whose effect is known, from photographs to its analysis: what is found, how surely, and in what time.

    python -m benchmarks.trial --work FOLDER                       # 40 subjects, 2 arms, 4 visits, both sides
    python -m benchmarks.trial --work FOLDER --subjects 12 --models 10

Subjects with grades of 3 to 6.5 lose 0.1 grades until the last visit, those of the treated arm 0.6 more, each in its
own measure. Drawn half faces, every photograph in a session of its own; graded with ``toolkit grade``, analysed with
``toolkit trial``. Beside that the known grades, one simulated expert and three of them combined, and what changed on
the skin. Power: --trials are resampled and as many simulated (benchmarks/trial/power.py); --models of them are
analysed by the mixed model as well, which takes a second each. What is done is kept in --work: rerun to resume.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.change import told
from benchmarks.command import Json, Model, folder_for, run, write_json
from benchmarks.tables import table_text
from benchmarks.trial.laid_over import registration_errors
from benchmarks.trial.outcomes import Grades, Outcome, side_errors, skin_outcomes, sources, subjects_of
from benchmarks.trial.photographs import clock, draw_photographs, grade_photographs, times
from benchmarks.trial.plan import EFFECT, SEED, TREATED, plan_trial
from benchmarks.trial.power import (
    graded_anew,
    model_difference,
    power_of_model,
    power_of_test,
    resampled,
    seen_anew,
)
from toolkit.progress import progress_bars
from toolkit.trial import Outputs, Reading, analyse_files
from toolkit.trial.visits import difference_of

PER_ARM = (10, 20)


def grade_rows(grades: Grades, known: Grades, treated: Any, trials: int) -> list[list[Any]]:
    """Single grades at the last visit, and changes: the difference of the arms by Welch's t-test, and its power."""
    rows = []
    for outcome in (Grades.single, Grades.change):
        simulated = [
            power_of_test((outcome(one).values for one in graded_anew(grades, known, n, trials)), n)
            for n in PER_ARM
        ]
        rows.append(_test_row(outcome(grades), treated, simulated, trials))
    return rows


def skin_row(outcome: Outcome, known: Grades, treated: Any, trials: int) -> list[Any]:
    """The same of what changed on the skin."""
    simulated = [
        power_of_test((one.values for one in seen_anew(outcome, known.change(), n, trials)), n)
        for n in PER_ARM
    ]
    return _test_row(outcome, treated, simulated, trials)


def _test_row(outcome: Outcome, treated: Any, simulated: Sequence[float], trials: int) -> list[Any]:
    values, most = outcome.values, PER_ARM[-1]
    there = np.isfinite(values)
    found = difference_of(values[there & ~treated], values[there & treated])
    again = [power_of_test((values[one] for one in resampled(treated, n, trials)), n) for n in PER_ARM]
    none = power_of_test((values[one] for one in resampled(treated, most, trials, together=True)), most)
    return _row(outcome.title, found, [*again, *simulated, none])


def model_row(grades: Grades, known: Grades, treated: Any, visits: Sequence[str], models: int) -> list[Any]:
    """The mixed model's difference at the last visit, and its power."""
    values, most = grades.values, PER_ARM[-1]
    found = model_difference(values, treated, visits)
    again = [
        power_of_model((values[one] for one in resampled(treated, n, models)), n, visits) for n in PER_ARM
    ]
    anew = [
        power_of_model((one.values for one in graded_anew(grades, known, n, models)), n, visits)
        for n in PER_ARM
    ]
    none = power_of_model(
        (values[one] for one in resampled(treated, most, models, together=True)), most, visits
    )
    return _row(f"{grades.title}: mixed model", found, [*again, *anew, none])


def _row(title: str, found: Any, powers: Sequence[float]) -> list[Any]:
    if found is None:
        return [title, "no model", "", *powers]
    p = "< 0.001" if found.p < 0.001 else f"{found.p:.3f}"
    return [title, f"{found.value:+.2f} ({found.lower:+.2f} to {found.upper:+.2f})", p, *powers]


def main(
    work: Annotated[
        Path | None, typer.Option(help="Keep what is made here; the next run takes it up.")
    ] = None,
    subjects: Annotated[int, typer.Option(min=4, help="In both arms together.")] = 40,
    trials: Annotated[int, typer.Option(min=10, help="Resampled, and simulated, trials a power.")] = 1000,
    models: Annotated[int, typer.Option(min=2, help="Of them analysed by the mixed model.")] = 100,
    people: Annotated[int, typer.Option(min=0, help="Subjects whose registration is measured.")] = 6,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    model: Model = None,
    json: Json = None,
) -> None:
    """Makes, grades and analyses the trial."""
    plan = plan_trial(subjects)
    with folder_for(work) as folder:
        with progress_bars(False) as tell:
            study = draw_photographs(folder, plan, SEED, workers, tell=tell)
            results = grade_photographs(folder, study, model, workers, tell=tell)
        figures = analysed(folder, results, trials, models)
        if people:
            told(
                "baseline and last visit laid over each other",
                registration_errors(plan, SEED, min(people, subjects)),
            )
        figures["times"] = times(folder)
    print("\nseconds: " + ", ".join(f"{step} {seconds:.0f}" for step, seconds in figures["times"].items()))
    write_json(json, figures)


def analysed(work: Path, results: Path, trials: int, models: int) -> dict[str, Any]:
    """Analyses and prints the trial; all figures."""
    with clock(work, "toolkit trial"):
        trial = analyse_files(
            results,
            Reading(arms=work / "arms.csv"),
            outputs=Outputs(work / "trial.xlsx", work / "trial.html"),
            overwrite=True,
        )
    print(trial.text())
    every, table = sources(work, results)
    known, visits = every[0], table.visits
    treated = np.array([table.arm_of[name] == TREATED for name in subjects_of(table)])
    with clock(work, "power"):
        rows = [row for grades in every for row in grade_rows(grades, known, treated, trials)]
        rows += [skin_row(one, known, treated, trials) for one in skin_outcomes(results, table)]
        rows += [model_row(grades, known, treated, visits, models) for grades in every]
    print(
        f"\nPlanned effect at {visits[-1]}: {EFFECT:+.2f}. Power with so many per arm: {trials} trials resampled and as many "
        f"simulated; with the mixed model {models}."
    )
    head = ["", "difference (95 %)", "p", *(f"resampled, {n}" for n in PER_ARM),
            *(f"simulated, {n}" for n in PER_ARM), "no effect"]  # fmt: skip
    print(table_text(f"Outcomes at {visits[-1]}", head, rows))
    errors = {one.title: side_errors(known.values, one.values) for one in every[1:]}
    head = ["one side, against the known grade", *next(iter(errors.values()))]
    print(table_text("Errors", head, [[title, *one.values()] for title, one in errors.items()]))
    return {"outcomes": rows, "errors": errors}


if __name__ == "__main__":
    run(main, __doc__)
