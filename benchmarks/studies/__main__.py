"""Trains on phantom studies as a user would, and scores all parts beside trivial answers and graders' noise.

    python -m benchmarks.studies                              # drawn faces
    python -m benchmarks.studies --faces FACES                # and painted photographs
    python -m benchmarks.studies --set "drawn half" --curve   # more subjects, smaller errors?

Four sets (drawn and painted, half and whole faces), with grades as in a real cohort and spread evenly over
0-9, and all sets together. What is learnt from are the half-step grades of simulated grader 1, as in the
study's workbook; scores are against these and against the latent grade. All figures are out of fold by
subject, intervals as well: those of a fold are calibrated on the other folds. Only people that the trunk has
not learnt on are painted, each several times, as one subject.

Photographs are prepared once, and kept with --work: the next run trains alone. Half an hour or more on 2
cores.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from benchmarks.command import Faces, Json, Work, folder_for, run, write_json
from benchmarks.studies.preparing import LOADS, SETS, prepared_study, studies_of
from benchmarks.studies.tables import show_curve, show_study, show_tones
from benchmarks.studies.training import curve_figures, encoder_of, figures_of_study
from toolkit.errors import ToolkitError
from toolkit.progress import progress_bars
from toolkit.settings import Settings

CURVE = (25, 50, 100, 200, 400)


def main(
    faces: Faces = None,
    subjects: Annotated[int, typer.Option(min=10, help="Drawn subjects a set.")] = 150,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings a set.")] = 3,
    folds: Annotated[int, typer.Option(min=2)] = 5,
    work: Work = None,
    json_path: Json = None,
    encoder: Annotated[str, typer.Option(help="Model folder or weights (.npz) to start from.")] = "starter",
    from_scratch: Annotated[bool, typer.Option("--from-scratch", help="Start from nothing.")] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of training on a study.")] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help=f"Of {', '.join(SETS)}.")] = None,
    load: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(LOADS)}.")] = None,
    curve: Annotated[bool, typer.Option("--curve", help="The learning curve alone.")] = False,
    size: Annotated[list[int] | None, typer.Option(help="Subjects of the curve.")] = None,
    prepare_only: Annotated[
        bool, typer.Option("--prepare-only", help="Make the studies, train nothing.")
    ] = False,
) -> None:
    """Makes the studies, trains, and prints."""
    chosen = sets or [kind for kind in SETS if faces or kind.startswith("drawn")]
    loads, sizes = load or list(LOADS), size or CURVE
    if not set(chosen) <= set(SETS) or not set(loads) <= set(LOADS):
        raise ToolkitError(f"--set takes {', '.join(SETS)}; --load {', '.join(LOADS)}")
    settings, start = Settings(), None
    if epochs:
        settings = replace(settings, encoder=replace(settings.encoder, epochs=epochs))
    if not (from_scratch or prepare_only):
        start, settings = encoder_of(encoder, settings)
    figures: dict[str, Any] = {}
    with folder_for(work) as folder, progress_bars(quiet=False) as tell:
        if curve:
            study = prepared_study(folder, chosen[0], loads[0], max(sizes), faces, settings, tell)
            figures["curve"] = curve_figures(study, start, settings, folds, seeds, sizes, tell)
            show_curve(figures["curve"])
            loads = []
        for one in loads:
            found = figures[one] = {}
            for name, study in studies_of(folder, chosen, one, subjects, faces, settings, tell):
                if not prepare_only:
                    found[name] = figures_of_study(study, start, settings, folds, seeds, tell)
                    show_study(f"{name}, {LOADS[one]}", found[name])
            show_tones(found)
    write_json(json_path, figures)


if __name__ == "__main__":
    run(main, __doc__)
