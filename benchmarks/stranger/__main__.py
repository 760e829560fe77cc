"""Scores the starter model on half faces painted, and graded, by a hand that took no part in training.

    python -m benchmarks.stranger --faces FACES
    python -m benchmarks.stranger --faces FACES --faces MORE-FACES --work FOLDER   # and keeps the photographs

Of each folder of --faces every sixth photograph is painted, those held out from all parts of the starter model: six
times, one half at a time, each time by another of six archetypes, once not at all. Spots, patches, colours, places and
the known grade are the hand's own (benchmarks/stranger/: hand.py, habits.py and latent.py); what cannot be seen in the saved
photograph is not painted and does not count. Light, camera, distractors and mask are those of the phantoms. Standard
errors are of people, who are few. A few minutes for each folder.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import typer

from benchmarks.command import Model, SeveralFaces, Work, folder_for, run
from benchmarks.people import HELD_OUT, Person, people, some_of
from benchmarks.phantoms import Row, truth_of
from benchmarks.starter import show
from benchmarks.stranger.habits import ARCHETYPES
from benchmarks.stranger.hand import Painting
from benchmarks.stranger.sight import Sitting
from benchmarks.tables import table_text
from toolkit.errors import ToolkitError
from toolkit.phantom import compose, draw_graders, grades_by
from toolkit.records import PhotoGrade

SEED = 4242
EDGES = np.linspace(0.3, 8.7, len(ARCHETYPES))  # between which each person's grades lie, beside a zero
BANDS = {"0": (-np.inf, 0), "0-3": (0, 3), "3-6": (3, 6), "6-9": (6, 9)}  # over the first, up to the second
PLAIN = "not painted"


def half_face(person: Person, turn: int) -> tuple[bytes, dict[str, Any]]:
    """One photograph of a person as a JPEG file, and what is known of it; ``turn``: 0-5, by which side, archetype and
    grade are chosen."""
    seed = (SEED, person.number, turn)
    side = ("left", "right")[(turn + person.number // 2) % 2]  # no archetype keeps to one side
    archetype = list(ARCHETYPES)[(person.number + turn) % len(ARCHETYPES)]
    wanted = wanted_grades(person.number)[turn]
    scene = compose(person.canvas, {"left": [0.0], "right": [0.0]}, seed)[0].session(0)
    painting = Painting(person.canvas, side, archetype, np.random.default_rng([*seed, 1]))
    sitting = Sitting(scene, painting)
    done = sitting.painted_to(wanted)
    known = {
        "side": side, "latent_grade": done.grade, "archetype": archetype if wanted else PLAIN,
        "painter": "stranger", "ita": person.canvas.ita,
    }  # fmt: skip
    return sitting.photograph(done.layers).jpeg(), known


def wanted_grades(number: int) -> list[float]:
    """The grades that a person's photographs are painted to: 0, and one between each two EDGES, in random order."""
    rng = np.random.default_rng([SEED, number])
    return rng.permutation([0.0, *rng.uniform(EDGES[:-1], EDGES[1:])]).tolist()


def write_study(study: Path, sitters: Sequence[Person]) -> None:
    """A study on disk as phantoms have them: images/ and truth.csv, people in turn."""
    (study / "images").mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for turn in range(len(ARCHETYPES)):
        for person in sitters:
            data, known = half_face(person, turn)
            subject = f"P{len(rows) + 1:04}"
            name = f"{subject}_FACE_{known['side'][0].upper()}_S00_V00D00W00.jpg"
            (study / "images" / name).write_bytes(data)
            rows.append({"file": name, "subject": subject, **known})
    rng = np.random.default_rng([SEED, 2])
    graded = grades_by(
        draw_graders(rng), [row["latent_grade"] for row in rows], [row["subject"] for row in rows], rng
    )
    with (study / "truth.csv").open("w", newline="", encoding="utf-8") as file:
        graders = [f"grader_{number}" for number in (1, 2, 3)]
        writer = csv.DictWriter(file, [*rows[0], *graders])
        writer.writeheader()
        writer.writerows(
            row | dict(zip(graders, given, strict=True)) for row, given in zip(rows, graded, strict=True)
        )


def groups_table(truth: Mapping[str, Row], grades: Sequence[PhotoGrade]) -> str:
    """How grades lie to the known ones in bands of these, and by archetype."""
    found = [(truth[grade.name], grade.grade) for grade in grades if grade.grade is not None]
    latent = np.array([float(row["latent_grade"]) for row, _ in found])
    kinds = np.array([row["archetype"] for row, _ in found])
    given = np.array([grade for _, grade in found])
    groups = {f"latent {name}": (low < latent) & (latent <= high) for name, (low, high) in BANDS.items()}
    groups |= {name: kinds == name for name in ARCHETYPES}
    rows = [
        [
            name, int(mine.sum()), float(latent[mine].mean()), float(given[mine].mean()),
            float(np.sqrt(np.mean((given - latent)[mine] ** 2))),
        ]
        for name, mine in groups.items()
        if mine.any()
    ]  # fmt: skip
    return table_text(
        "By the latent grade, and by archetype", ("", "n", "mean latent", "mean grade", "RMSE"), rows
    )


def held_out(faces: Path, folder: Path, first: int) -> list[Person]:
    """The held-out people of a folder of photographs, numbered from ``first`` on."""
    found = people(some_of(faces, folder, HELD_OUT), 0, None)
    return [dataclasses.replace(person, number=first + person.number) for person in found]


def main(faces: SeveralFaces = None, model: Model = None, work: Work = None) -> None:
    """Paints, grades and scores."""
    if not faces:
        raise typer.BadParameter("name a folder of frontal photographs: --faces FOLDER")
    with folder_for(work) as folder:
        met = 0
        for one in faces:
            study = folder / one.name / "study"
            sitters = held_out(one, folder / one.name / "people", met)
            if not sitters:
                raise ToolkitError(f"{one}: holds fewer than six photographs: every sixth is painted")
            met += len(sitters)
            if not (study / "truth.csv").exists():
                write_study(study, sitters)
            title = f"Half faces of {one.name}, painted and graded by a hand that took no part in training"
            grades = show(title, study, model, sitters=len(sitters))
            print(groups_table(truth_of(study), grades))


if __name__ == "__main__":
    run(main, __doc__)
