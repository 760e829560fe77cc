"""Scores the starter model on phantoms of unseen seeds, and on photographs of people it never saw.

    python -m benchmarks.starter                                    # drawn phantoms
    python -m benchmarks.starter --faces FACES --faces MORE-FACES   # and photographs: plain, and painted

Of each folder of --faces every sixth photograph is painted, ten times: those that are held out from all parts
of the starter model. Standard errors are of people, who are few, and leave out one after another. Ten minutes
for each folder.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.command import Model, SeveralFaces, folder_for, run
from benchmarks.people import BROAD_TONES, HELD_OUT, broad_tone_of, some_of
from benchmarks.phantoms import subject_of, truth_of
from toolkit.commands.grading import grade_photos
from toolkit.commands.phantoms import make_phantoms
from toolkit.commands.shared import default_workers
from toolkit.images import find_photos
from toolkit.records import PhotoGrade
from toolkit.scores import noise_floor, score, score_table

SEVERITIES = (1.5, 3.0, 6.0, 8.0)  # 3 and 6: as much pigment as on the published half faces of these grades
PAINTINGS = 10  # of each photograph


def painted(study: Path, style: str, people: Path, grades: list[float], *, seed: int) -> Path:
    """A study of so many grades, painted on photographs in turn."""
    make_phantoms(
        study, len(grades), 1, style, seed=seed, faces=people, workers=default_workers(), grades=grades
    )
    return study


def graded(study: Path, model: Path | None) -> list[PhotoGrade]:
    """The grades of a study's photographs."""
    out = study.parent / f"{study.name}.xlsx"
    return grade_photos([study / "images"], out, model, workers=default_workers()).grades


def over_people(people: NDArray[np.str_], figure: Callable[[NDArray[np.bool_]], float]) -> float:
    """The standard error of a figure of some of the photographs, by leaving out one person after another (jackknife,
    Efron & Stein 1981); ``people`` (n,): who is on each, ``figure`` is given which photographs (n,) count."""
    names = np.unique(people)
    left_out = np.array([figure(people != name) for name in names])
    return float(np.sqrt((len(names) - 1) * left_out.var()))


def show(title: str, study: Path, model: Path | None, *, sitters: int = 0) -> list[PhotoGrade]:
    """The scores against the known grade, beside trivial answers and one simulated grader; ``sitters``: so many
    photographs were painted in turn, none: every subject is drawn. Gives back what was graded."""
    truth, grades = truth_of(study), [grade for grade in graded(study, model) if grade.grade is not None]
    latent = np.array([float(truth[grade.name]["latent_grade"]) for grade in grades])
    graders = np.array([[float(truth[g.name][f"grader_{i}"]) for i in (1, 2, 3)] for g in grades])
    found, lower, upper = (
        np.array([getattr(g, name) for g in grades]) for name in ("grade", "lower", "upper")
    )
    held = (lower <= latent) & (latent <= upper)
    steps, counts = np.unique(np.round(latent * 2) / 2, return_counts=True)
    rows = {
        "toolkit": score(latent, found),
        "always this study's mean": score(latent, np.full(len(latent), latent.mean())),
        "always its commonest grade": score(latent, np.full(len(latent), steps[counts.argmax()])),
        "one simulated grader": score(latent, graders[:, 0]),
    }
    people = np.array([subject_of(truth[grade.name]["subject"], "drawn", sitters) for grade in grades])
    errors = [
        over_people(people, lambda some: float(np.sqrt(np.mean((found - latent)[some] ** 2)))),
        over_people(people, lambda some: float(held[some].mean())),
    ]
    print(
        f"\n{title}: {len(grades)} of {len(truth)} photos of {len(np.unique(people))} people graded; "
        f"{held.mean():.0%} within their interval (standard error {errors[1]:.1%}; of the RMSE {errors[0]:.2f})"
    )
    print(score_table(rows, noise_floor(graders, latent)))
    tones = np.array([broad_tone_of(float(truth[grade.name]["ita"])) for grade in grades])
    painters = np.array([truth[grade.name]["painter"] for grade in grades])
    groups = {name: tones == name for name in BROAD_TONES}
    groups |= {f"painter {name}": painters == name for name in np.unique(painters)}
    for name, mine in groups.items():
        if mine.any():
            error = found[mine] - latent[mine]
            rmse = np.sqrt(np.mean(error**2))
            print(
                f"  {name:22} n {mine.sum():3}  RMSE {rmse:.2f}  bias {error.mean():+.2f}  "
                f"within their interval {np.mean(held[mine]):.0%}"
            )
    return grades


def show_severities(style: str, people: Path, folder: Path, model: Path | None) -> None:
    """The same people painted mild, moderate and severe: how often the grade rises with the paint."""
    by_photo: dict[str, list[float]] = {}
    for severity in SEVERITIES:
        grades = [severity] * len(find_photos([people]))
        study = painted(folder / f"{style}-{severity:g}", style, people, grades, seed=77)
        results = graded(study, model)
        found = np.array([grade.grade for grade in results if grade.grade is not None])
        print(
            f"  painted {severity:g}, {style}: {len(found)} of {len(results)} graded, "
            f"mean {found.mean():.2f}, SD {found.std():.2f}"
        )
        for grade in results:
            by_photo.setdefault(grade.name, []).append(np.nan if grade.grade is None else grade.grade)
    steps = np.diff(np.array(list(by_photo.values())), axis=1)
    print(f"  rises from each severity to the next: {np.mean(steps > 0):.0%} of {steps.size} steps")


def show_people(faces: Path, folder: Path, model: Path | None) -> None:
    """Photographs as they are, and those of people never seen painted."""
    run = grade_photos([faces], folder / "plain.xlsx", model, workers=default_workers())
    found = [grade.grade for grade in run.grades if grade.grade is not None]
    low, high = np.percentile(found, [5, 95])
    print(
        f"\nPhotographs of {faces.name} as they are: {len(found)} of {len(run.grades)} found and graded, "
        f"grades {low:.1f} to {high:.1f} (5th to 95th percentile)"
    )
    people = some_of(faces, folder / "people", HELD_OUT)
    print("\nPainted photographs of people never seen:")
    sitters = len(find_photos([people]))
    for style in ("half", "full"):
        show_severities(style, people, folder, model)
        spread = np.random.default_rng(5).permutation(np.linspace(0.3, 8.7, PAINTINGS * sitters)).tolist()
        study = painted(folder / f"painted-{style}", style, people, spread, seed=905)
        show(f"Painted, {style} faces of {faces.name}, grades spread over 0-9", study, model, sitters=sitters)


def main(
    faces: SeveralFaces = None,
    model: Model = None,
    subjects: int = 60,
) -> None:
    """Draws or paints, grades and scores."""
    with folder_for(None) as folder:
        for style, seed in (("half", 901), ("full", 902)):
            make_phantoms(folder / style, subjects, 1, style, seed=seed, workers=default_workers())
            show(f"Drawn phantoms never seen, {style} faces", folder / style, model)
        for place, people in enumerate(faces or []):
            show_people(people, folder / f"faces-{place}", model)


if __name__ == "__main__":
    run(main, __doc__)
