#!/usr/bin/env python
"""Scores the starter model on phantoms of unseen seeds, and on photographs of people it never saw.

    scripts/evaluate_starter                                             # drawn phantoms
    scripts/evaluate_starter --faces ../shared/data/faces/neutral        # and photographs: plain, and painted

Of --faces every sixth photograph is painted, three times: those that scripts/train_starter holds out. A few minutes.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from toolkit.commands.grading import grade_photos
from toolkit.commands.phantoms import make_phantoms
from toolkit.commands.shared import default_workers
from toolkit.images import find_photos
from toolkit.records import PhotoGrade
from toolkit.scores import noise_floor, score, score_table

SEVERITIES = (1.5, 3.0, 6.0, 8.0)  # 3 and 6: as much pigment as on the published half faces of these grades
PAINTINGS = 3  # of each photograph


def truth_of(study: Path) -> dict[str, dict[str, str]]:
    with (study / "truth.csv").open(newline="", encoding="utf-8-sig") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def graded(study: Path, model: Path | None) -> list[PhotoGrade]:
    out = study.parent / f"{study.name}.xlsx"
    return grade_photos([study / "images"], out, model, workers=default_workers()).grades


def show(title: str, study: Path, model: Path | None) -> None:
    """The scores against the known grade, beside trivial answers and one simulated grader."""
    truth, grades = truth_of(study), [grade for grade in graded(study, model) if grade.grade is not None]
    latent = np.array([float(truth[grade.name]["latent_grade"]) for grade in grades])
    graders = np.array([[float(truth[g.name][f"grader_{i}"]) for i in (1, 2, 3)] for g in grades])
    found = np.array([grade.grade for grade in grades])
    held = np.array([g.lower <= y <= g.upper for g, y in zip(grades, latent, strict=True)])
    steps, counts = np.unique(np.round(latent * 2) / 2, return_counts=True)
    rows = {
        "toolkit": score(latent, found),
        "always this study's mean": score(latent, np.full(len(latent), latent.mean())),
        "always its commonest grade": score(latent, np.full(len(latent), steps[counts.argmax()])),
        "one simulated grader": score(latent, graders[:, 0]),
    }
    print(f"\n{title}: {len(grades)} of {len(truth)} photos graded; {held.mean():.0%} within their interval")
    print(score_table(rows, noise_floor(graders, latent)))
    tones = np.array([float(truth[grade.name]["ita"]) for grade in grades])
    painters = np.array([truth[grade.name]["painter"] for grade in grades])
    bins = (("light", 41, 91), ("intermediate and tan", 10, 41), ("brown and dark", -91, 10))
    groups = {name: (tones > low) & (tones <= high) for name, low, high in bins}
    groups |= {f"painter {name}": painters == name for name in np.unique(painters)}
    for name, mine in groups.items():
        if mine.any():
            error = found[mine] - latent[mine]
            print(
                f"  {name:22} n {mine.sum():3}  RMSE {np.sqrt(np.mean(error**2)):.2f}  bias {error.mean():+.2f}  "
                f"within their interval {np.mean(held[mine]):.0%}"
            )


def show_severities(style: str, people: Path, folder: Path, model: Path | None) -> None:
    """The same people painted mild, moderate and severe: how often the grade rises with the paint."""
    by_photo: dict[str, list[float]] = {}
    for severity in SEVERITIES:
        study = folder / f"{style}-{severity:g}"
        grades = [severity] * len(find_photos([people]))
        make_phantoms(
            study, len(grades), 1, style, seed=77, faces=people, workers=default_workers(), grades=grades
        )
        results = graded(study, model)
        found = np.array([g.grade for g in results if g.grade is not None])
        print(
            f"  painted {severity:g}, {style}: {len(found)} of {len(results)} graded, mean {found.mean():.2f}, SD {found.std():.2f}"
        )
        for grade in results:
            by_photo.setdefault(grade.name, []).append(np.nan if grade.grade is None else grade.grade)
    steps = np.diff(np.array(list(by_photo.values())), axis=1)
    print(f"  rises from each severity to the next: {np.mean(steps > 0):.0%} of {steps.size} steps")


def main(
    faces: Annotated[Path | None, typer.Option(help="Frontal photographs.")] = None,
    model: Annotated[Path | None, typer.Option(help="By default the starter model.")] = None,
    subjects: int = 60,
) -> None:
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        for style, seed in (("half", 901), ("full", 902)):
            make_phantoms(folder / style, subjects, 1, style, seed=seed, workers=default_workers())
            show(f"Drawn phantoms never seen, {style} faces", folder / style, model)
        if faces is None:
            return
        run = grade_photos([faces], folder / "plain.xlsx", model, workers=default_workers())
        found = [grade.grade for grade in run.grades if grade.grade is not None]
        print(f"\nPhotographs as they are: {len(found)} of {len(run.grades)} found and graded, "
              f"grades {np.percentile(found, 5):.1f} to {np.percentile(found, 95):.1f} (5th to 95th percentile)")  # fmt: skip
        people = folder / "people"
        people.mkdir()
        for number, photo in enumerate(find_photos([faces])):
            if number % 6 == 5:
                shutil.copy2(photo, people / photo.name)
        print("\nPainted photographs of people never seen:")
        for style in ("half", "full"):
            show_severities(style, people, folder, model)
            study = folder / f"painted-{style}"
            paintings = PAINTINGS * len(find_photos([people]))
            spread = list(np.random.default_rng(5).permutation(np.linspace(0.3, 8.7, paintings)))
            make_phantoms(
                study, len(spread), 1, style, seed=905, faces=people, workers=default_workers(), grades=spread
            )
            show(f"Painted, {style} faces, grades spread over 0-9", study, model)


if __name__ == "__main__":
    typer.run(main)
