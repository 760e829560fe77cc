"""What a trunk learns from: charts of faces painted anew, and the planted pigment of each."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.changed import reduced, turned
from toolkit.chart import make_chart
from toolkit.errors import ToolkitError
from toolkit.geometry import apply_affine
from toolkit.images import find_photos, read_photo
from toolkit.landmarks import FaceFinder
from toolkit.meanface import fit_similarity, similarity_scale
from toolkit.phantom import (
    PAINTERS,
    Canvas,
    Shot,
    camera,
    canvas_of_photograph,
    compose,
    draw_face,
    grade_of_load,
    optics,
    shoot,
)
from toolkit.phantom.study import read_rgb
from toolkit.pigment import map_skin
from toolkit.progress import Progress
from toolkit.records import Face, FaceChart, Photo, Side
from toolkit.settings import Settings
from toolkit.siamese import encoder_input

DRAWN_SHARE = 0.4
WHOLE_SHARE = 0.3  # of the paintings are photographed as whole faces, the others as two halves
LEAST_PX_PER_MM = 2.1  # below, no spot is left to be seen
EMPTY = np.zeros((0, 0, 0), np.float16)
SETTINGS = Settings()


@dataclass(frozen=True)
class Subject:
    """Someone to paint on: a canvas kept on disk, or without one a drawn face; ``place``: of six."""

    name: str
    place: int
    canvas: Path | None = None
    folder: str = ""


@dataclass(frozen=True)
class Task:
    """Someone to paint, the ``seed`` of the painting, and whether every photograph is wanted in two versions."""

    subject: Subject
    seed: int
    twice: bool = False


def people_of(folders: Sequence[Path], work: Path, tell: Progress) -> list[Subject]:
    """The people of the folders; their canvases are made where they are not there yet. Pictures whose names
    begin with the same number within one set (neutral, smiling) are one person."""
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
            found.append(Subject(person_name(path), names.index(person_name(path)) % 6, file, folder.name))
    return found


def person_name(path: Path) -> str:
    """Who is on a picture, by its name."""
    return re.split("[_.]", path.name)[0]


def keep_canvas(path: Path, file: Path, finder: FaceFinder) -> bool:
    """Makes the canvas of a photograph; False where no face is found."""
    pixels = read_rgb(path)
    try:
        face = finder.find(Photo(path, pixels, np.ones(pixels.shape[:2], bool), ""))
    except ToolkitError as error:
        print(f"left out: {error}", file=sys.stderr)
        return False
    canvas = canvas_of_photograph(pixels, face.points, np.random.default_rng(0))
    light, skin = canvas.light.astype(np.float16), canvas.skin.astype(np.float16)
    np.savez(file, light=light, points=canvas.points, skin=skin, forehead=canvas.forehead, ita=canvas.ita)
    return True


def canvas_of(person: Subject, rng: np.random.Generator) -> Canvas:
    """A canvas from disk, as another person's skin may be, or a drawn face."""
    if person.canvas is None:
        span = float(rng.uniform(300, 560))
        side = round(span * 2.35)
        return draw_face(rng, (side, side), span_px=span)
    with np.load(person.canvas) as kept:
        return Canvas(
            kept["light"].astype(np.float32), kept["points"], kept["skin"].astype(np.float32),
            kept["forehead"], float(kept["ita"]), optics.draw_melanin(rng),
            optics.blood_vector(float(rng.uniform(0, 1))),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Lesson:
    """A chart as the network sees it: ``picture`` (h, w, c) float16, the planted green OD ``pigment`` (h, w)
    float16 and ``parts`` (h, w) uint8 of the face; who and what it is, and its latent load. ``twin`` (h, w, c):
    the same photograph saved anew, or empty."""

    picture: np.ndarray
    pigment: np.ndarray
    parts: np.ndarray
    person: str
    painter: str
    style: str
    ita: float
    load: float
    twin: np.ndarray

    @property
    def grade(self) -> float:
        """The latent grade."""
        return grade_of_load(self.load)


def paint_one(task: Task) -> list[Lesson]:
    """One painting of one person, photographed as a whole face or as two half faces."""
    cv2.setNumThreads(1)
    person, seed = task.subject, task.seed
    rng = np.random.default_rng(seed)
    canvas = canvas_of(person, rng)
    painter = str(rng.choice(sorted(PAINTERS)))
    grades = {side: [drawn_grade(rng)] for side in ("left", "right")}
    if rng.random() < 0.7:  # most people's sides are alike
        grades["right"] = [float(np.clip(grades["left"][0] + 0.6 * rng.standard_normal(), 0, 8.9))]
    scene = compose(canvas, grades, (seed, 5), painter=painter)[0]
    styles: tuple[Side, ...] = ("both",) if rng.random() < WHOLE_SHARE else ("left", "right")
    lessons = []
    for number, style in enumerate(styles):
        shot = shoot(scene.session(number), style)
        twin = np.random.default_rng((seed, 6, number)) if task.twice else None
        lesson = lesson_of(shot, style, person, painter, canvas.ita, rng, twin=twin)
        if lesson is not None:
            lessons.append(lesson)
    return lessons


def drawn_grade(rng: np.random.Generator) -> float:
    """Spread over 0-9, with some faces of none."""
    return 0.0 if rng.random() < 0.08 else float(rng.uniform(0.2, 8.8))


def lesson_of(
    shot: Shot,
    style: Side,
    person: Subject,
    painter: str,
    ita: float,
    rng: np.random.Generator,
    *,
    twin: np.random.Generator | None,
) -> Lesson | None:
    """A photograph as a lesson, its landmarks a little off, with a ``twin`` drawn by that generator or without;
    None where it shows too little skin."""
    points = misplaced(shot.points, rng)
    chart = chart_of(shot.jpeg(), points, style)
    if chart.skin.sum() < 1500 * chart.px_per_mm**2:
        return None
    picture = seen_of(chart)
    there = cv2.warpAffine(shot.melanin, chart.to_chart, chart.skin.shape[::-1], flags=cv2.INTER_AREA)
    size = picture.shape[1::-1]
    pigment = cv2.resize(np.maximum(there, 0), size, interpolation=cv2.INTER_AREA)
    parts = cv2.resize(chart.regions, size, interpolation=cv2.INTER_NEAREST)
    again = EMPTY
    if twin:
        again = twin_of(shot, points, style, twin, corner_mm=chart.corner_mm, size=picture.shape[:2])
    planted = pigment.astype(np.float16)
    return Lesson(picture, planted, parts, person.name, painter, style, ita, shot.load, again)


def chart_of(jpeg: bytes, points: np.ndarray, style: Side) -> FaceChart:
    """The chart of a JPEG file with known landmarks."""
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(jpeg)
        file.flush()
        photo = read_photo(Path(file.name), SETTINGS.photo)
    face = Face(points, style, "known", 1.0, similarity_scale(fit_similarity(points)))
    return make_chart(photo, face, SETTINGS.chart, SETTINGS.patch.px_per_mm)


def seen_of(chart: FaceChart) -> np.ndarray:
    """What the network sees of a chart."""
    maps = map_skin(chart, SETTINGS.pigment)
    return encoder_input(maps.wide, maps.components, SETTINGS.encoder)


def twin_of(
    shot: Shot,
    points: np.ndarray,
    style: Side,
    rng: np.random.Generator,
    *,
    corner_mm: tuple[float, float],
    size: tuple[int, int],
) -> np.ndarray:
    """The same picture under another exposure, turned, reduced and compressed as another program may, of the
    ``size`` (h, w) and with the corner of the first version."""
    pixels: Any = shot.pixels
    if rng.random() < 0.5:
        light = np.float32(rng.uniform(0.5, 1.25))
        pixels = optics.to_srgb(optics.to_light(pixels) * light)
    changes = []
    if rng.random() < 0.25:
        pixels, change = turned(pixels, float(rng.uniform(-8, 8)), 0.95)
        changes.append(change)
    if rng.random() < 0.5:
        least = LEAST_PX_PER_MM / similarity_scale(fit_similarity(points))
        pixels, change = reduced(pixels, float(np.clip(rng.uniform(0.55, 1), least, 1)))
        changes.append(change)
    for change in changes:
        points = apply_affine(change, points)
    session = replace(
        shot.session, jpeg_quality=int(rng.integers(50, 99)), subsampled=bool(rng.random() < 0.5)
    )
    chart = chart_of(camera.jpeg(pixels, session), points, style)
    shift = np.subtract(chart.corner_mm, corner_mm) * SETTINGS.encoder.px_per_mm
    across, down = np.round(shift).astype(int).tolist()
    return moved(seen_of(chart), down, across, size)


def moved(picture: np.ndarray, down: int, across: int, size: tuple[int, int]) -> np.ndarray:
    """A picture (h, w, c) ``down`` and ``across`` so many pixels on another of ``size``, 0 where it is not."""
    place = np.array([[1.0, 0, across], [0, 1, down]])
    planes = [
        cv2.warpAffine(picture[..., one].astype(np.float32), place, size[::-1], flags=cv2.INTER_NEAREST)
        for one in range(picture.shape[-1])
    ]
    return np.stack(planes, axis=-1).astype(np.float16)


def misplaced(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Landmarks as a finder would place them: off by about a millimetre, a degree, two percent."""
    span = np.hypot(*(points[45] - points[36]))
    turn = cv2.getRotationMatrix2D(
        points[30].tolist(), float(rng.normal(0, 1.0)), float(rng.normal(1, 0.015))
    )
    turn[:, 2] += rng.normal(0, 0.01, 2) * span
    return cv2.transform(points[None], turn)[0] + rng.normal(0, 0.004, points.shape) * span


def painted(tasks: Sequence[Task], stage: str, tell: Progress) -> Iterator[Lesson]:
    """The lessons of tasks, over one process a core."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        for done, lessons in enumerate(pool.map(paint_one, tasks, chunksize=2), 1):
            tell(stage, done, len(tasks))
            yield from lessons


def tasks_of(people: Sequence[Subject], charts: int, seed: int, *, twice: bool = False) -> list[Task]:
    """So many charts of people drawn and photographed, in random order; ``twice``: with twins."""
    rng = np.random.default_rng(seed)
    paintings = round(charts / (2 - WHOLE_SHARE))
    tasks: list[Task] = []
    for number in range(paintings):
        drawn = not people or rng.random() < DRAWN_SHARE
        who = Subject(f"drawn-{seed}-{number}", 0) if drawn else people[int(rng.integers(len(people)))]
        tasks.append(Task(who, seed * 100_000 + number, twice))
    return tasks


def lessons_in(file: Path, tasks: Sequence[Task], stage: str, tell: Progress) -> list[Lesson]:
    """The lessons of tasks, kept in a file of arrays."""
    if not file.exists():
        lessons = list(painted(tasks, stage, tell))
        keep(file, lessons)
        return lessons
    lessons = []
    with np.load(file) as kept:
        for number in itertools.count():
            if f"{number}-facts" not in kept.files:
                return lessons
            person, painter, style, ita, load = kept[f"{number}-facts"].tolist()
            picture, pigment, parts = (kept[f"{number}-{name}"] for name in ("picture", "pigment", "parts"))
            twin = kept[f"{number}-twin"] if f"{number}-twin" in kept.files else EMPTY
            lessons.append(
                Lesson(picture, pigment, parts, person, painter, style, float(ita), float(load), twin)
            )
    return lessons


def keep(file: Path, lessons: Sequence[Lesson]) -> None:
    """Writes them whole or not at all."""
    arrays: dict[str, Any] = {}
    for number, one in enumerate(lessons):
        facts = np.array([one.person, one.painter, one.style, str(one.ita), str(one.load)])
        named = {
            "picture": one.picture,
            "pigment": one.pigment,
            "parts": one.parts,
            "facts": facts,
            "twin": one.twin,
        }
        arrays |= {f"{number}-{name}": array for name, array in named.items()}
    part = file.with_suffix(".part")
    with part.open("wb") as out:
        np.savez(out, **arrays)
    part.rename(file)
