#!/usr/bin/env python
"""Trains models/starter on digital phantoms: drawn faces, and with --faces also painted photographs.

    scripts/train_trunk trunk.npz ...                                                     # first, two hours
    scripts/train_starter --trunk trunk.npz --faces ../shared/data/faces/neutral

The network's trunk, which scripts/train_trunk has taught, is kept; severity, head, references and blend learn the grades
of other phantoms, the severity beside what it has learnt from already. Grades are the known latent ones, half of them spread
evenly over 0-9, half as in a real cohort.
Of every six photographs of --faces scripts/train_trunk learns from four; on the third grades are learnt, so that blend
and intervals know how the network errs on people whom it never saw; the sixth is held out, for tests on people whom no
part of the model has seen. The references in the index come from drawn faces alone. Seeded: the same photographs and
versions give the same model. About twenty minutes on 2 cores; --work keeps the phantoms, so that a second run takes them up.
"""

from __future__ import annotations

import csv
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from toolkit.commands.phantoms import make_phantoms
from toolkit.commands.shared import default_workers
from toolkit.errors import TrainingError
from toolkit.images import find_photos
from toolkit.landmarks import landmarks_name
from toolkit.model import save_model, starter_folder
from toolkit.phantom import draw_latent_grades
from toolkit.phantom.study import MAP_SCALE
from toolkit.photos import photo_files
from toolkit.prepared import Prepared, see, severity_inputs_of
from toolkit.progress import progress_bars
from toolkit.scores import score, score_table, trivial_baselines
from toolkit.settings import Settings
from toolkit.siamese import Encoder, Severity
from toolkit.study import subject_folds
from toolkit.thumbnails import thumbnails_of
from toolkit.training import Trained, rebuild_index, train
from toolkit.workers import prepare_all

DEFAULT_OUT = starter_folder()
CREDIT = (
    " and painted photographs of the Face Research Lab London Set (DeBruine & Jones 2017, CC BY 4.0, doi "
    "10.6084/m9.figshare.5047666.v5) and of Young Adult White Faces (the same, doi 10.6084/m9.figshare.4220517.v1), every "
    "sixth person held out, and of official portraits (US Government Printing Office, public domain)"
)


@dataclass(frozen=True)
class Study:
    """A phantom study: drawn subjects, or (0 subjects) so many ``paintings`` of each photograph."""

    name: str
    style: str
    subjects: int
    seed: int
    paintings: int = 1


GRADES = (  # what head, references and blend learn grades on
    Study("grades-drawn-half", "half", 100, 201),
    Study("grades-drawn-full", "full", 60, 202),
    Study("grades-painted-half", "half", 0, 211, 4),
    Study("grades-painted-full", "full", 0, 212, 4),
)
FOLDS = 5
TRUNK_FACES, GRADE_FACES, HELD_OUT_FACES = (0, 1, 3, 4), (2,), (5,)  # of every six photographs


def mixed_grades(subjects: int, seed: int) -> list[float]:
    """Latent grades of subjects, in random order: half spread evenly over 0-9, half as in a real cohort."""
    rng = np.random.default_rng(seed)
    even = np.linspace(0.1, 8.9, subjects - subjects // 2)
    cohort = [one["left"][0] for one in draw_latent_grades(rng, subjects // 2, 1)]
    return [float(grade) for grade in rng.permutation([*even, *cohort])]


def training_faces(faces: Path, folder: Path) -> Path:
    """A folder of the photographs that the trunk learns from."""
    return some_faces(faces, folder, TRUNK_FACES)


def some_faces(faces: Path, folder: Path, places: Sequence[int]) -> Path:
    """A folder of the photographs at some places of every six."""
    if not folder.exists():
        folder.mkdir(parents=True)
        for number, photo in enumerate(find_photos([faces])):
            if number % 6 in places:
                shutil.copy2(photo, folder / photo.name)
    return folder


def truth_of(study: Path) -> dict[str, dict[str, str]]:
    with (study / "truth.csv").open(newline="", encoding="utf-8-sig") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def subject_of(subject: str, study: str, sitters: int) -> str:
    """Drawn faces are a subject each; ``sitters`` photographs are painted in turn, and all paintings of one are one."""
    return f"face:{(int(subject[1:]) - 1) % sitters}" if sitters else f"{study}:{subject}"


@dataclass(frozen=True)
class Graded:
    """A prepared phantom photograph, its latent grade, its subject, and the folder of its study."""

    photo: Prepared
    grade: float
    subject: str
    study: Path
    painter: str = ""

    @property
    def painted(self) -> bool:
        return self.subject.startswith("face:")


def prepared(
    studies: Sequence[Study], folder: Path, people: Path | None, settings: Settings, tell
) -> Iterator[Graded]:
    """Makes the studies that are not there yet, and prepares their photographs."""
    workers = default_workers()
    for study in studies:
        if not study.subjects and people is None:
            continue
        where, paint_on = folder / study.name, None if study.subjects else people
        sitters = 0 if study.subjects else len(find_photos([people]))
        count = study.subjects or study.paintings * sitters
        if not (where / "truth.csv").exists():
            make_phantoms(where, count, 1, study.style, seed=study.seed, faces=paint_on, workers=workers, tell=tell,
                          grades=mixed_grades(count, study.seed), save_maps=True)  # fmt: skip
        truth, paths = truth_of(where), find_photos([where / "images"])
        for done, photo in enumerate(prepare_all(photo_files(paths), settings, None, workers), 1):
            tell(f"patches of {study.name}", done, len(paths))
            if photo.error or photo.face is None:
                print(f"left out: {study.name}/{photo.name}: {photo.error}", file=sys.stderr)
                continue
            row = truth[photo.name]
            owner = subject_of(row["subject"], study.name, sitters)
            named = replace(photo, name=f"{study.name}/{photo.name}")
            yield Graded(named, float(row["latent_grade"]), owner, where, row["painter"])


def planted_map(graded: Graded) -> np.ndarray:
    """The planted green OD (H, W) float32 of the photograph."""
    name = graded.photo.name.rsplit("/", 1)[-1]
    grey = cv2.imread(str((graded.study / "maps" / name).with_suffix(".png")), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        raise TrainingError(f"{graded.study}/maps: the map of {name} is missing; make the phantoms anew")
    return grey.astype(np.float32) / MAP_SCALE


def severity_learnt_on(
    graded: Sequence[Graded], start: Encoder, trunk: Path, seed: int
) -> tuple[Encoder, list[Prepared]]:
    """The encoder with a severity that knows these photographs as well, and the photographs as seen with one that does
    not know their subjects."""
    kept = trunk.with_name(f"{trunk.stem}-severity.npz")
    if not kept.is_file():
        raise TrainingError(f"{kept} is missing: scripts/train_trunk writes it beside the trunk")
    with np.load(kept) as file:
        known_inputs, known_grades = file["inputs"], file["grades"]
    photos, grades = [one.photo for one in graded], np.array([one.grade for one in graded])
    inputs = severity_inputs_of(start, photos)

    def learnt(rows: np.ndarray) -> Encoder:
        both = np.concatenate([known_inputs, inputs[rows]]), np.concatenate([known_grades, grades[rows]])
        return Encoder(start.settings, weights=start.weights, severity=Severity.fit(*both, seed))

    for rest, test in subject_folds([one.subject for one in graded], grades, FOLDS, seed):
        encoder = learnt(rest)
        for row in test:
            photos[row] = replace(photos[row], seen=see(encoder, [photos[row]]))
    return learnt(np.arange(len(grades))), photos


def kinds_of(graded: Sequence[Graded]) -> dict[str, np.ndarray]:
    """Photographs of one kind, by its name: drawn or painted, by whom, and of which skin tone."""
    painted = np.array([one.painted for one in graded])
    painters = np.array([one.painter for one in graded])
    tones = np.array([one.photo.side["ita_deg"] for one in graded])
    kinds = {"drawn": ~painted, "painted": painted, "light": tones > 41, "brown and dark": tones <= 10}
    kinds["intermediate and tan"] = (tones > 10) & (tones <= 41)
    return kinds | {f"painter {name}": painters == name for name in np.unique(painters)}


def scores(trained: Trained, graded: Sequence[Graded]) -> dict:
    """Out-of-fold scores against the latent grade, beside trivial answers."""
    truth = np.array([one.grade for one in graded])
    rows = {
        "starter, out of fold": score(truth, trained.predicted),
        "curve of the severity alone": score(truth, np.clip(trained.parts[:, 0], 0, 9)),
        "LightGBM alone": score(truth, np.clip(trained.parts[:, 1], 0, 9)),
        "ridge alone": score(truth, np.clip(trained.parts[:, 2], 0, 9)),
        "embedding alone": score(truth, trained.embedding),
        "class of highest similarity": score(truth, trained.argmax),
        **trivial_baselines(truth, trained.folds),
    }
    for label, mine in kinds_of(graded).items():
        if mine.any():
            rows[f"  {label}"] = score(truth[mine], trained.predicted[mine])
    return rows


def widening(trained: Trained, graded: Sequence[Graded], coverage: float) -> float:
    """The factor by which intervals hold on each kind of photographs alone: a study is of one kind, and which is not
    known. At least 1; kinds of fewer than 30 photographs are left out."""
    truth = np.array([one.grade for one in graded])
    size = np.abs(trained.predicted - truth) / trained.half_widths
    needed = [np.quantile(size[mine], coverage) for mine in kinds_of(graded).values() if mine.sum() >= 30]
    return float(max(1.0, *needed))


def main(
    trunk: Annotated[Path, typer.Option(help="Weights of scripts/train_trunk (.npz).")],
    out: Annotated[Path, typer.Option(help="Model folder.")] = DEFAULT_OUT,
    faces: Annotated[Path | None, typer.Option(help="Frontal photographs to paint on.")] = None,
    work: Annotated[Path | None, typer.Option(help="Keep the phantoms here.")] = None,
    seed: int = 1,
) -> None:
    folder = Path(work or tempfile.mkdtemp(prefix="starter-"))
    folder.mkdir(parents=True, exist_ok=True)
    others = some_faces(faces, folder / "grade-people", GRADE_FACES) if faces else None
    settings = Settings()
    with progress_bars(quiet=False) as tell:
        start = Encoder.load(trunk, settings.encoder)
        graded = list(prepared(GRADES, folder, others, settings, tell))
        start, photos = severity_learnt_on(graded, start, trunk, seed)
        trained = train(photos, [one.grade for one in graded], [one.subject for one in graded],
                        settings, folds=FOLDS, seed=seed, progress=tell, start=start)  # fmt: skip
    rows = scores(trained, graded)
    print(score_table(rows))
    truth = np.array([one.grade for one in graded])
    inside = float(np.mean(np.abs(trained.predicted - truth) <= trained.half_widths))
    curve = trained.model.blend.curve
    print(f"Curve: scale {curve.scale:.4f}, power {curve.power:.3f}; shares {trained.model.blend.shares}")
    print(f"Intervals: {inside:.0%} inside, half-width {trained.half_widths.mean():.2f} on average")
    drawn = [one for one in graded if not one.painted]
    wider = widening(trained, graded, settings.blend.coverage)
    print(f"Intervals made wider by {wider:.2f}, to hold on each kind of photographs alone")
    model = rebuild_index(trained.model, [one.photo for one in drawn], [one.grade for one in drawn],
                          [one.subject for one in drawn])  # fmt: skip
    interval = replace(model.blend.interval, factor=wider * model.blend.interval.factor)
    model = replace(model, blend=replace(model.blend, interval=interval))
    card = {
        **model.card,
        "half_width": wider * float(trained.half_widths.mean()),
        "intervals wider by": round(wider, 3),
        "landmarks": landmarks_name(None),
        "trained on": "digital phantoms: drawn faces" + (CREDIT if others else ""),
        "grades": "latent grades of simulated pigment; recalibrate on clinical grades before using a number",
        "out of fold RMSE": {name: round(one.rmse, 3) for name, one in rows.items()},
        "inside their interval": round(inside, 3),
    }
    pictures = thumbnails_of(one.photo.face for one in drawn)
    save_model(replace(model, card=card, thumbnails=pictures), out)
    print(f"Model: {out}")
    if work is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    typer.run(main)
