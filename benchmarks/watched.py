"""How often a run is called unlike its training study: runs of the same kind, and runs that are another kind.

    python -m benchmarks.watched                               # 80 drawn people, 4 trainings
    python -m benchmarks.watched --subjects 160 --work W --json watched.json

Phantoms of a cohort are split into people to train on and people to grade, several times. Runs of so many people are
drawn from those to grade: as they are (what is called unlike then is a false alarm), photographed smaller, less
sharply or with a warmer white balance, or chosen among them by skin tone or by grade. Prints the share of runs that
are called unlike their training study, and what is said first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.changed import Pixels, reduced
from benchmarks.command import Json, Work, folder_for, run, write_json
from benchmarks.phantoms import truth_of
from benchmarks.tables import table_text
from toolkit.commands.phantoms import make_phantoms
from toolkit.commands.shared import default_workers
from toolkit.images import find_photos
from toolkit.judgement import judge
from toolkit.model import Model, load_model
from toolkit.phantom import optics
from toolkit.photos import photo_files
from toolkit.prepared import Prepared
from toolkit.progress import Progress, progress_bars
from toolkit.training import train
from toolkit.watch import StudyFigures, compare, in_words
from toolkit.workers import prepare_all

SIZES = (2, 5, 10, 20)
SAME = "of the same kind"
CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "photographed at .6 of the size": lambda pixels: reduced(pixels, 0.6)[0],
    "blurred by 2 pixels": lambda pixels: cv2.GaussianBlur(pixels, (0, 0), 2.0),
    "warmer by 15 %": lambda pixels: tinted(pixels, (1.15, 1.0, 0.85)),
}
DARKER, HIGHER = "skin darker than ITA 28", "the third with the highest grades"


def tinted(pixels: Pixels, gains: Sequence[float]) -> Pixels:
    """A picture in light of another colour."""
    return optics.to_srgb(optics.to_light(pixels) * np.asarray(gains, np.float32))


def changed_study(study: Path, folder: Path, change: Callable[[Pixels], Pixels]) -> Path:
    """A folder of the study's photographs, changed."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        for path in find_photos([study / "images"]):
            picture: Any = cv2.imread(str(path))
            changed: Any = change(np.ascontiguousarray(picture[..., ::-1]))
            cv2.imwrite(str(folder / path.name), changed[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    return folder


def prepared(folder: Path, model: Model, stage: str, tell: Progress) -> dict[str, Prepared]:
    """Photographs ready to be graded, by name; those without a face are left out."""
    paths = find_photos([folder])
    photos = prepare_all(photo_files(paths), model.settings, None, default_workers())
    found = {}
    for done, photo in enumerate(photos, 1):
        tell(stage, done, len(paths))
        if not photo.error:
            found[photo.name] = photo
    return found


def figures_by(model: Model, photos: Sequence[Prepared], subjects: Sequence[str]) -> StudyFigures:
    """What a run of these photographs is compared by."""
    judged = judge(model, photos, [""] * len(photos), None)
    columns = judged.table.side_columns(model.index)
    tones, distances = (
        judged.values[:, columns.index(name)].tolist() for name in ("ita_deg", "neighbour_distance")
    )
    qualities = [photo.quality for photo in photos]
    grades = judged.grades.tolist()
    return StudyFigures.of(subjects, qualities, tones=tones, distances=distances, grades=grades)


def of_people(figures: StudyFigures, people: NDArray[np.str_]) -> StudyFigures:
    """The photographs of some people."""
    mine = np.isin(figures.subjects, people)
    return StudyFigures(figures.subjects[mine], figures.values[mine])


def kinds_of(by_kind: dict[str, StudyFigures]) -> Iterator[tuple[str, StudyFigures, NDArray[np.str_]]]:
    """Each kind of run: its name, its photographs, and the people whom it may be drawn from."""
    same = by_kind[SAME]
    everybody = np.unique(same.subjects)
    for name, figures in by_kind.items():
        yield name, figures, np.intersect1d(everybody, figures.subjects)
    means = {
        name: np.array([same.column(name)[same.subjects == one].mean() for one in everybody])
        for name in ("ita_deg", "grade")
    }
    yield DARKER, same, everybody[means["ita_deg"] < 28]
    yield HIGHER, same, everybody[means["grade"] >= np.quantile(means["grade"], 2 / 3)]


def watched_runs(
    by_kind: dict[str, StudyFigures], study: StudyFigures, runs: int, seed: int
) -> Iterator[dict]:
    """What is said of so many runs of each kind and size."""
    rng = np.random.default_rng(seed)
    for kind, figures, people in kinds_of(by_kind):
        for size in [size for size in SIZES if size <= len(people)]:
            for _ in range(runs):
                chosen = rng.choice(people, size, replace=False)
                found = compare(of_people(figures, chosen), study)
                first = in_words(found.unlike[0]).partition(" (")[0] if found.unlike else ""
                yield {"kind": kind, "people": size, "unlike": bool(found.unlike), "said": first}


def show(rows: Sequence[dict]) -> None:
    """One line a kind of run: the share called unlike, by size, and what is said most often."""
    lines = []
    for kind in dict.fromkeys(row["kind"] for row in rows):
        mine = [row for row in rows if row["kind"] == kind]
        shares = [[row["unlike"] for row in mine if row["people"] == size] for size in SIZES]
        said = Counter(row["said"] for row in mine if row["said"]).most_common(1)
        lines.append(
            [
                kind,
                len(mine),
                *(f"{np.mean(one):.0%}" if one else None for one in shares),
                said[0][0] if said else "",
            ]
        )
    head = ["runs", "in all", *(f"of {size} people" for size in SIZES), "said most often"]
    print(table_text("Share of runs called unlike their training study", head, lines))


def main(
    subjects: Annotated[int, typer.Option(min=12, help="Drawn people; half are trained on.")] = 80,
    trainings: Annotated[int, typer.Option(min=1, help="Splits, each with a training.")] = 4,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each kind and size, a training.")] = 25,
    work: Work = None,
    json_path: Json = None,
) -> None:
    """Makes the phantoms, trains, and compares runs."""
    start = load_model()
    rows: list[dict] = []
    with folder_for(work) as folder, progress_bars(quiet=False) as tell:
        study = folder / "study"
        if not (study / "truth.csv").is_file():
            make_phantoms(study, subjects, 1, "half", seed=601, workers=default_workers(), tell=tell)
        truth = truth_of(study)
        photos = {SAME: prepared(study / "images", start, SAME, tell)}
        for number, (kind, change) in enumerate(CHANGES.items()):
            photos[kind] = prepared(
                changed_study(study, folder / f"changed-{number}", change), start, kind, tell
            )
        everybody = np.unique([row["subject"] for row in truth.values()])
        for seed in range(trainings):
            learnt = np.random.default_rng(seed).permutation(everybody)[: len(everybody) // 2]
            mine = [one for name, one in photos[SAME].items() if truth[name]["subject"] in learnt]
            grades, owners = ([truth[one.name][column] for one in mine] for column in ("grader_1", "subject"))
            model = train(
                mine, [float(grade) for grade in grades], owners, start.settings, seed=seed, start=start.encoder,
                progress=tell,
            ).model  # fmt: skip
            by_kind = {}
            for kind, found in photos.items():
                rest = [one for name, one in found.items() if truth[name]["subject"] not in learnt]
                by_kind[kind] = figures_by(model, rest, [truth[one.name]["subject"] for one in rest])
            figures = StudyFigures.of_card(model.card)
            if figures is not None:
                rows += watched_runs(by_kind, figures, runs, seed)
    show(rows)
    write_json(json_path, rows)


if __name__ == "__main__":
    run(main, __doc__)
