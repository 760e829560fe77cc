"""How well faces are found, landmarks placed and patches repeated on photographs with points set by hand.

    python -m benchmarks.landmarks FACES --limit 10 --only half_left,rotated20
    python -m benchmarks.landmarks FACES --landmarks dlib --csv FILE
    python -m benchmarks.landmarks FACES --fold 0/2 --landmark-model fold_0.onnx

FACES holds neutral/*.jpg with .tem files (189 points, Face Research Lab London Set) and people.csv. Every
photo is also masked, halved, darkened, turned, reduced and compressed; each version is saved as JPEG, read
back and searched, and compared with the plain photo. With --fold only those people are measured whom
benchmarks.making.landmarks --fold left out: give its network with --landmark-model.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import cv2
import typer

from benchmarks.command import Limit, run
from benchmarks.landmarks.measuring import Result, measure
from benchmarks.landmarks.steps import show_step_costs
from benchmarks.landmarks.subjects import people_left_out, subjects
from benchmarks.landmarks.tables import show, show_groups, show_others
from benchmarks.landmarks.versions import VERSIONS
from toolkit.landmarks import FaceFinder, chosen_landmark_model
from toolkit.landmarks.network import NetworkPoints
from toolkit.settings import Settings


def write_csv(path: Path, results: Sequence[Result]) -> None:
    """A line a version of a photograph."""
    columns = ("subject", "group", "version", "found", "found_by", "side", "nme", "drift", "iou", "shift_mm")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow((*columns[:-1], "mm"))
        writer.writerows([getattr(result, name) for name in columns] for result in results)


def main(
    faces: Path,
    limit: Limit = None,
    only: Annotated[str, typer.Option(help="Versions, with commas between.")] = ",".join(list(VERSIONS)[1:]),
    csv_path: Annotated[Path | None, typer.Option("--csv", help="Write all figures to this file.")] = None,
    landmarks: Annotated[str | None, typer.Option(help="facemesh or dlib.")] = None,
    landmark_model: Annotated[Path | None, typer.Option(help="Another landmark model.")] = None,
    fold: Annotated[str, typer.Option(help="I/N: only people whom that fold left out.")] = "",
    holes: Annotated[
        bool, typer.Option("--holes", help="Mend the network's landmarks by the mask's holes.")
    ] = False,
) -> None:
    """Measures every version of every photograph and prints."""
    cv2.setNumThreads(1)
    settings, path = Settings(), chosen_landmark_model(landmarks, landmark_model)
    NetworkPoints.slips_to_holes = holes
    finder, left_out = FaceFinder(path, settings.face), people_left_out(faces, fold)
    results = []
    for subject in subjects(faces, limit):
        if left_out and subject.name not in left_out:
            continue
        result, plain = measure(subject, "plain", None, finder, settings)
        results.append(result)
        for name in only.split(",") if plain else ():
            results.append(measure(subject, name, plain, finder, settings)[0])
    show(results)
    show_groups(results)
    show_others(faces, finder, settings)
    show_step_costs(subject, settings, path)
    if csv_path:
        write_csv(csv_path, results)


if __name__ == "__main__":
    run(main, __doc__)
