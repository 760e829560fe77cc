#!/usr/bin/env python
"""Teaches the network's trunk the pigment of phantoms, by the pixel, on charts of whole sides.

    scripts/train_trunk trunk.npz --work FOLDER --faces ../shared/data/faces/neutral --faces ../shared/data/faces/smiling \\
        --faces ../shared/data/faces/canada --faces ../shared/data/faces/congress
    scripts/train_trunk without.npz --work FOLDER --leave-out fields --rounds 2 ...       # how well it does on another painter

Phantoms are painted without end: drawn faces, and photographs of --faces whose own spots are filled first, by the three
painters of toolkit.phantom, under changing light, cameras, sizes, compression and masks. A round paints some thousand
charts, trains on all charts so far, and keeps the weights: rerun the command to resume. Of every six people, counted in
the order of their names in each folder, the trunk learns on four. On charts of the third the severity is learnt, on what the
trunk makes of people whom it never saw; but those of the first folder are kept back for scripts/train_starter, which learns
grades on them. The sixth is held out: the weights are tried on them, on each painter, and across painters. About two hours
on 2 cores.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from sklearn.isotonic import IsotonicRegression

from toolkit.chart import make_chart
from toolkit.progress import progress_bars
from toolkit.errors import ToolkitError
from toolkit.images import find_photos, read_photo
from toolkit.landmarks import FaceFinder
from toolkit.meanface import fit_similarity, similarity_scale
from toolkit.phantom import PAINTERS, Canvas, canvas_of_photograph, compose, draw_face, grade_of_load, shoot
from toolkit.phantom.study import read_rgb
from toolkit.pigment import MAP_COLUMNS, map_skin
from toolkit.prepared import Prepared, severity_inputs_of
from toolkit.records import Face, Photo
from toolkit.settings import Settings
from toolkit.siamese import Encoder, Severity, encoder_input, pretrain
from toolkit.visible import visible_pigment

TRAINING, SEVERITY, HELD_OUT = (0, 1, 3, 4), 2, 5  # of every six people
SEVERITY_PARTS, SEVERITY_CHARTS = 2, 400
DRAWN_SHARE = 0.4
# Charts painted, epochs, rate; the last round learns on its own charts alone, fewer than all of them to paint and hold.
ROUNDS = ((1200, 6, 2.5e-3), (600, 6, 2e-3), (600, 8, 1.5e-3), (600, 5, 1e-3), (600, 9, 1.5e-3), (3600, 24, 2e-3))
ALONE = 3600
WHOLE_SHARE = 0.3  # of the paintings are photographed as whole faces, the others as two halves
SETTINGS = Settings()


@dataclass(frozen=True)
class Person:
    """Someone to paint on: a canvas kept on disk, or a face to be drawn where there is none; ``place``: of six."""

    name: str
    place: int
    canvas: Path | None = None
    folder: str = ""


def people_of(folders: Sequence[Path], work: Path, tell) -> list[Person]:
    """The people of the folders; their canvases are made where they are not there yet. Pictures whose names begin with
    the same number within one set (neutral, smiling) are one person."""
    kept = work / "canvases"
    kept.mkdir(parents=True, exist_ok=True)
    finder, found = FaceFinder(None, SETTINGS.face), []
    for folder in folders:
        photos = [path for path in find_photos([folder]) if path.suffix.lower() in {".jpg", ".jpeg", ".png"}]
        names = sorted({person_name(path) for path in photos})
        for done, path in enumerate(photos, 1):
            tell(f"people of {folder.name}", done, len(photos))
            file = kept / f"{folder.name}-{path.stem}.npz"
            if not file.exists() and not keep_canvas(path, file, finder):
                continue
            found.append(Person(person_name(path), names.index(person_name(path)) % 6, file, folder.name))
    return found


def person_name(path: Path) -> str:
    return re.split("[_.]", path.name)[0]


def keep_canvas(path: Path, file: Path, finder: FaceFinder) -> bool:
    pixels = read_rgb(path)
    try:
        face = finder.find(Photo(path, pixels, np.ones(pixels.shape[:2], bool), ""))
    except ToolkitError as error:
        print(f"left out: {error}", file=sys.stderr)
        return False
    canvas = canvas_of_photograph(pixels, face.points, np.random.default_rng(0))
    np.savez(file, light=canvas.light.astype(np.float16), points=canvas.points, skin=canvas.skin.astype(np.float16),
             forehead=canvas.forehead, ita=canvas.ita)  # fmt: skip
    return True


def canvas_of(person: Person, rng: np.random.Generator) -> Canvas:
    from toolkit.phantom import optics

    if person.canvas is None:
        span = float(rng.uniform(300, 560))
        side = round(span * 2.35)
        return draw_face(rng, (side, side), span_px=span)
    with np.load(person.canvas) as kept:
        return Canvas(
            kept["light"].astype(np.float32), kept["points"], kept["skin"].astype(np.float32), kept["forehead"],
            float(kept["ita"]), optics.draw_melanin(rng), optics.blood_vector(float(rng.uniform(0, 1))),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Lesson:
    """A chart as the network sees it: ``picture`` (h, w, c) float16, the planted green OD ``pigment`` (h, w) float16 and
    ``parts`` (h, w) uint8 of the face; who and what it is, and its latent load."""

    picture: np.ndarray
    pigment: np.ndarray
    parts: np.ndarray
    person: str
    painter: str
    style: str
    ita: float
    load: float

    @property
    def grade(self) -> float:
        return grade_of_load(self.load)


def paint_one(task: tuple[Person, int, tuple[str, ...]]) -> list[Lesson]:
    """One painting of one person, photographed as a whole face or as two half faces."""
    cv2.setNumThreads(1)
    person, seed, painters = task
    rng = np.random.default_rng(seed)
    canvas = canvas_of(person, rng)
    painter = str(rng.choice(painters))
    grades = {side: [drawn_grade(rng)] for side in ("left", "right")}
    if rng.random() < 0.7:  # most people's sides are alike
        grades["right"] = [float(np.clip(grades["left"][0] + 0.6 * rng.standard_normal(), 0, 8.9))]
    scene = compose(canvas, grades, (seed, 5), painter=painter)[0]
    styles = ("both",) if rng.random() < WHOLE_SHARE else ("left", "right")
    lessons = []
    for number, style in enumerate(styles):
        shot = shoot(scene.session(number), style)
        lesson = lesson_of(shot, style, person, painter, canvas.ita, rng)
        if lesson is not None:
            lessons.append(lesson)
    return lessons


def drawn_grade(rng: np.random.Generator) -> float:
    """Spread over 0-9, with some faces of none."""
    return 0.0 if rng.random() < 0.08 else float(rng.uniform(0.2, 8.8))


def lesson_of(
    shot, style: str, person: Person, painter: str, ita: float, rng: np.random.Generator
) -> Lesson | None:
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(shot.jpeg())
        file.flush()
        photo = read_photo(Path(file.name), SETTINGS.photo)
    points = misplaced(shot.points, rng)
    face = Face(points, style, "known", 1.0, similarity_scale(fit_similarity(points)))
    chart = make_chart(photo, face, SETTINGS.chart, SETTINGS.patch.px_per_mm)
    if chart.skin.sum() < 1500 * chart.px_per_mm**2:
        return None
    maps = map_skin(chart, SETTINGS.pigment)
    picture = encoder_input(maps.wide, maps.components, SETTINGS.encoder)
    there = cv2.warpAffine(shot.melanin, chart.to_chart, chart.skin.shape[::-1], flags=cv2.INTER_AREA)
    size = picture.shape[1::-1]
    pigment = cv2.resize(np.maximum(there, 0), size, interpolation=cv2.INTER_AREA)
    parts = cv2.resize(chart.regions, size, interpolation=cv2.INTER_NEAREST)
    return Lesson(picture, pigment.astype(np.float16), parts, person.name, painter, style, ita, shot.load)


def misplaced(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Landmarks as a finder would place them: off by about a millimetre, a degree, two percent."""
    span = np.hypot(*(points[45] - points[36]))
    turn = cv2.getRotationMatrix2D(
        points[30].tolist(), float(rng.normal(0, 1.0)), float(rng.normal(1, 0.015))
    )
    turn[:, 2] += rng.normal(0, 0.01, 2) * span
    return cv2.transform(points[None], turn)[0] + rng.normal(0, 0.004, points.shape) * span


def painted(tasks: Sequence[tuple[Person, int, tuple[str, ...]]], stage: str, tell) -> Iterator[Lesson]:
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        for done, lessons in enumerate(pool.map(paint_one, tasks, chunksize=2), 1):
            tell(stage, done, len(tasks))
            yield from lessons


def tasks_of(people: Sequence[Person], charts: int, seed: int, painters: tuple[str, ...]) -> list:
    """So many charts of people drawn and photographed, in random order."""
    rng = np.random.default_rng(seed)
    paintings = round(charts / (2 - WHOLE_SHARE))
    tasks = []
    for number in range(paintings):
        drawn = not people or rng.random() < DRAWN_SHARE
        who = Person(f"drawn-{seed}-{number}", 0) if drawn else people[int(rng.integers(len(people)))]
        tasks.append((who, seed * 100_000 + number, painters))
    return tasks


def lessons_in(file: Path, tasks: Sequence, stage: str, tell) -> list[Lesson]:
    """The lessons of tasks, kept in a file of arrays."""
    if not file.exists():
        lessons = list(painted(tasks, stage, tell))
        arrays = {}
        for number, one in enumerate(lessons):
            arrays |= {f"{number}-picture": one.picture, f"{number}-pigment": one.pigment, f"{number}-parts": one.parts,
                       f"{number}-facts": np.array([one.person, one.painter, one.style, str(one.ita), str(one.load)])}  # fmt: skip
        part = file.with_suffix(".part")
        with part.open("wb") as out:
            np.savez(out, **arrays)
        part.rename(file)
        return lessons
    lessons = []
    with np.load(file) as kept:
        for number in itertools.count():
            if f"{number}-facts" not in kept.files:
                return lessons
            person, painter, style, ita, load = kept[f"{number}-facts"].tolist()
            arrays = (kept[f"{number}-{name}"] for name in ("picture", "pigment", "parts"))
            lessons.append(Lesson(*arrays, person, painter, style, float(ita), float(load)))
    return lessons


def severity_file(trunk: Path) -> Path:
    """Beside a trunk: what its severity was learnt from, for scripts/train_starter to add to."""
    return trunk.with_name(f"{trunk.stem}-severity.npz")


def looked_at(encoder: Encoder, lessons: Sequence[Lesson]) -> tuple[np.ndarray, np.ndarray]:
    """What severity is told from, (n, q), of each chart, and the mean of what is visible of its planted map (n,)."""
    photos = [
        Prepared("", inputs=(one.picture,), parts=(one.parts,), side={"ita_deg": one.ita}) for one in lessons
    ]
    inputs, truth = severity_inputs_of(encoder, photos), []
    for one in lessons:
        skin = one.picture[..., -1] > 0.5
        truth.append(
            visible_pigment(one.pigment.astype(np.float32), skin, SETTINGS.encoder.px_per_mm)[skin].mean()
        )
    return inputs, np.array(truth)


def show(
    severity: Severity, lessons: Sequence[Lesson], inputs: np.ndarray, truth: np.ndarray, usual: float
) -> None:
    """How well grades are met on people whom neither trunk nor severity saw, by painter, kind of face and tone."""
    grades = np.array([one.grade for one in lessons])
    known = np.array([grade_of_load(load) for load in truth])
    figures = inputs[:, MAP_COLUMNS.index("net_core_power")]
    rows = {
        "severity": severity.grades(inputs),
        "isotonic on these, power of the map": IsotonicRegression(out_of_bounds="clip")
        .fit(figures, grades)
        .predict(figures),
        "always the mean": np.full(len(grades), usual),
        "flawless map": known,
    }
    groups = {"all": np.ones(len(lessons), bool)}
    groups |= {name: np.array([one.painter == name for one in lessons]) for name in PAINTERS}
    drawn = np.array([one.person.startswith("drawn") for one in lessons])
    groups |= {
        "drawn": drawn,
        "photographs": ~drawn,
        "whole": np.array([one.style == "both" for one in lessons]),
    }
    groups |= {"ITA under 10": np.array([one.ita < 10 for one in lessons])}
    groups |= {f"grade {low}-{low + 3}": (grades >= low) & (grades < low + 3) for low in (0, 3, 6)}
    print("RMSE (bias)" + "".join(f"{name:>38}" for name in rows))
    for name, mine in groups.items():
        errors = [found[mine] - grades[mine] for found in rows.values()]
        print(f"{name:12}" + "".join(f"{np.sqrt(np.mean(e**2)):30.2f} ({e.mean():+.2f})" for e in errors))


def across_painters(
    lessons: Sequence[Lesson], inputs: np.ndarray, trial: Sequence[Lesson], seen: np.ndarray, seed: int
) -> None:
    """Severity learnt without a painter, on that one and people never seen."""
    painters, grades = np.array([one.painter for one in lessons]), np.array([one.grade for one in lessons])
    for name in PAINTERS:
        others = painters != name
        mine = np.flatnonzero([one.painter == name for one in trial])
        found = Severity.fit(inputs[others], grades[others], seed).grades(seen[mine])
        error = found - np.array([trial[i].grade for i in mine])
        print(
            f"severity learnt without {name:8} on it: RMSE {np.sqrt(np.mean(error**2)):.2f} (bias {error.mean():+.2f})"
        )


def taught_on(
    pools: Sequence[tuple[Path, list]], painters: Sequence[str], start: Encoder | None, seed: int, *, epochs: int, rate: float, stage: str, tell
) -> Encoder:
    """A trunk that learns on from ``start`` on the charts of pools, painted where they are not there yet."""
    lessons: list[Lesson] = []
    for file, tasks in pools:
        lessons += [one for one in lessons_in(file, tasks, f"charts of {stage}", tell) if one.painter in painters]
    return pretrain(
        [one.picture for one in lessons], [one.pigment for one in lessons], SETTINGS.encoder, seed, epochs=epochs,
        progress=lambda epoch, total, loss: tell(f"{stage}, loss {loss:.4f}", epoch, total), start=start, learning_rate=rate,
    )  # fmt: skip


def main(
    out: Annotated[Path, typer.Argument(help="Weights to write (.npz).")],
    work: Annotated[Path, typer.Option(help="Keep canvases, charts and rounds here.")],
    faces: Annotated[
        list[Path] | None, typer.Option(help="Folder of frontal photographs; several times.")
    ] = None,
    leave_out: Annotated[list[str] | None, typer.Option(help="Painter to train without.")] = None,
    rounds: Annotated[int, typer.Option(help=f"At most {len(ROUNDS)}.")] = len(ROUNDS),
    charts: Annotated[int, typer.Option(help="Charts to try the trunk on.")] = 240,
    start: Annotated[Path | None, typer.Option(help="Learn on from these weights.")] = None,
    seed: int = 1,
) -> None:
    work.mkdir(parents=True, exist_ok=True)
    painters = tuple(sorted(PAINTERS))
    taught = tuple(name for name in painters if name not in (leave_out or ()))
    with progress_bars(quiet=False) as tell:
        people = people_of(faces or [], work, tell)
        training = [one for one in people if one.place in TRAINING]
        others = [one for one in people if one.place == HELD_OUT]
        trial = lessons_in(
            work / f"trial-{charts}.npz", tasks_of(others, charts, 900, painters), "charts to try", tell
        )
        encoder = Encoder.load(start, SETTINGS.encoder) if start else None
        pools: list[tuple[Path, list]] = []
        for number, (count, epochs, rate) in enumerate(ROUNDS[:rounds], 1):
            kept = work / f"{out.stem}-{number}.npz"
            pool = (work / f"charts-{seed}-{number}.npz", tasks_of(training, count, seed + number, painters))
            pools = [pool] if count >= ALONE else [*pools, pool]
            if not kept.exists():
                encoder = taught_on(pools, taught, encoder, seed + number, epochs=epochs, rate=rate, stage=f"round {number}", tell=tell)
                encoder.save(kept)
            encoder = Encoder.load(kept, SETTINGS.encoder)
        lessons = []
        kept_back = {one.name for one in people if one.folder == people[0].folder}
        third = [one for one in people if one.place == SEVERITY and one.name not in kept_back]
        for part in range(SEVERITY_PARTS):
            tasks = tasks_of(third, SEVERITY_CHARTS, 700 + part, painters)
            lessons += lessons_in(
                work / f"severity-{seed}-{part}.npz", tasks, f"charts of severity, part {part + 1}", tell
            )
    lessons = [one for one in lessons if one.painter in taught and one.person not in kept_back]
    inputs, _ = looked_at(encoder, lessons)
    grades = np.array([one.grade for one in lessons])
    encoder.severity = Severity.fit(inputs, grades, seed)
    encoder.save(out)
    np.savez(severity_file(out), inputs=inputs, grades=grades)
    seen, truth = looked_at(encoder, trial)
    print(f"{out.name}: severity learnt on {len(lessons)} charts, tried on {len(trial)} of other people")
    show(encoder.severity, trial, seen, truth, float(grades.mean()))
    if taught == painters:
        across_painters(lessons, inputs, trial, seen, seed)


if __name__ == "__main__":
    typer.run(main)
