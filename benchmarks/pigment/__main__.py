"""The pigment features on phantoms: what they find, what moves them, for whom they err, what they cost.

    python -m benchmarks.pigment                            # drawn faces
    python -m benchmarks.pigment --faces FACES              # and painted photographs
    python -m benchmarks.pigment --people 20 --scenes 5     # a quick look

Four sets (drawn and painted, half and whole faces), each with grades spread over 0-9 and as in a real cohort.
Faces are found, cut and measured as the product does, from JPEG files. Prints, for each set: (a) average
precision by the pixel of planted melanin, over 0.05 of green OD, on the skin of the patches; (b) rank
correlation of every feature with the latent grade, and a ridge on all, cross-validated by subject; (c) how
the ridge's grade moves when one thing alone changes in the photograph; (d) its bias and RMSE by skin tone;
(e) milliseconds a photo.

A few minutes on 2 cores. --work FOLDER keeps the phantoms, so that the next run measures alone.
"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from benchmarks.command import Faces, Json, Work, folder_for, run, write_json
from benchmarks.people import SETTINGS
from benchmarks.pigment.figures import figures_of_all
from benchmarks.pigment.measuring import measure_person
from benchmarks.pigment.photographs import all_jobs, check_work
from benchmarks.pigment.tables import show
from toolkit.commands.shared import default_workers
from toolkit.workers import map_photos


def main(
    faces: Faces = None,
    people: Annotated[int, typer.Option(min=15, help="People a set.")] = 40,
    scenes: Annotated[int, typer.Option(min=1, help="People a set with one thing changed at a time.")] = 10,
    workers: Annotated[int | None, typer.Option(min=1, help="By default one a core.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    work: Work = None,
    json_path: Json = None,
) -> None:
    """Paints, measures and prints."""
    with folder_for(work) as folder:
        check_work(folder, {"people": people, "scenes": scenes, "seed": seed, "faces": str(faces)})
        jobs = all_jobs(folder, faces, people, scenes, seed)
        done = map_photos(measure_person, jobs, SETTINGS, None, workers=workers or default_workers())
        bar = track(done, "people", len(jobs), console=Console(stderr=True))
        measured = [photo for person in bar for photo in person]
    figures = figures_of_all(measured)
    show(figures)
    write_json(json_path, figures)


if __name__ == "__main__":
    run(main, __doc__)
