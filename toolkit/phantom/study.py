"""A whole phantom study on disk: photographs, one grader's workbook, and the truth."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.errors import FaceError, PhotoError, ToolkitError
from toolkit.files import write_atomically
from toolkit.outputs import check_folder, first_entry, is_stamped, refuse_dead_link
from toolkit.phantom.draw import Canvas, draw_face
from toolkit.phantom.graders import SimulatedGrader, draw_graders, grades_by
from toolkit.phantom.optics import Bytes, Float
from toolkit.phantom.painters import PAINTERS
from toolkit.phantom.photograph import Sitter, canvas_of_photograph
from toolkit.phantom.scene import Scene, compose, shoot, stream
from toolkit.pool import Lost, run_jobs

# Photos a half step in Unilever's and Columbia's 2020 study, grades .5 to 7.
GRADE_COUNTS: Final = (10, 19, 76, 148, 196, 348, 261, 452, 379, 285, 108, 87, 18, 16)
STYLES: Final = ("half", "full", "mixed")
MIXED: Final = "mixed"
_IN_TURN: Final = ("stamps", "dots", "fields")
MAP_SCALE: Final = 200  # grey levels of a saved map for 1 of green OD
_NOTE, _TRUTH, _WORKBOOK = "phantom.json", "truth.csv", "grades.xlsx"
_KIND = "phantom"  # of whose output the workbook is
SIDES: Final = {"L": "left", "R": "right", "F": "both"}
_SUFFIXES: Final = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp"}
_WEEKS: Final = (0, 4, 8, 12, 17)

PointsFinder = Callable[[Bytes], NDArray[np.float64]]
Course = Mapping[str, Sequence[float]]  # a subject's latent grades over the visits, by side


@dataclass(frozen=True)
class StudySummary:
    """What was written, and the noise floor: no method can be expected to score better on grader 1.

    ``grader_rmse``: RMSE of grader 1 (the workbook's) against the latent grade; ``between_rmse``:
    RMSE between two graders, mean of the pairs; ``mean_rmse``: RMSE of grader 1 predicted by the mean
    grade, the trivial score; ``floor_rmse``: RMSE of grader 1 after its best straight line on the
    latent grade. ``graders``: as they were simulated.
    """

    photos: int
    subjects: int
    grader_rmse: float
    between_rmse: float
    mean_rmse: float
    floor_rmse: float
    graders: tuple[SimulatedGrader, ...]


@dataclass(frozen=True)
class _Task:
    """One subject's work, as sent to a worker."""

    out: Path
    index: int
    seed: int
    style: str  # "half" or "full"
    visits: int
    grades: Mapping[str, Sequence[float]]
    sitter: Sitter | None
    save_maps: bool
    single_thread: bool
    painter: str


def write_study(
    out: Path,
    subjects: int,
    visits: int,
    style: str,
    *,
    seed: int,
    faces: Path | None = None,
    workers: int = 1,
    grades: Sequence[float] | None = None,
    courses: Sequence[Course] | None = None,
    find_points: PointsFinder | None = None,
    progress: Callable[[int, int], None] | None = None,
    save_maps: bool = False,
    painter: str = MIXED,
) -> StudySummary:
    """Writes a study of phantoms: ``out``/images/*.jpg, grades.xlsx, truth.csv and phantom.json.

    ``style``: "half" (two clinical half faces a visit), "full" (one whole face) or "mixed" (subjects
    take turns). ``faces``: a folder of frontal photographs to paint on instead of drawn faces, one a
    subject, in turn; it needs ``find_points``, which gives the 68 landmarks (68, 2) of an RGB uint8
    picture or raises a ToolkitError. ``grades``: latent grades (0-9) of the subjects at baseline, in
    turn, instead of grades drawn as in real cohorts. ``courses``: instead of both, each subject's latent grades over
    the visits, by "left" and "right". ``progress(done, total)`` is called after each
    subject. ``painter``: one of ``PAINTERS``, or "mixed" (subjects take turns). ``save_maps`` adds maps/<name>.png, the added melanin: grey level = 200 x green OD.

    The same arguments give the same files, whatever the number of ``workers``. Raises ToolkitError on
    arguments out of range or a folder of other files, PhotoError or FaceError on an unusable photograph.
    """
    _check(subjects, visits, style, painter, seed=seed, workers=workers, grades=grades)
    _check_courses(courses, subjects, visits)
    sitters = _load_sitters(Path(faces), find_points, subjects) if faces is not None else None
    if faces is not None:
        check_folder(Path(out), [Path(faces)], [], "the study")
    arguments: dict[str, Any] = {
        "subjects": subjects, "visits": visits, "style": style, "seed": seed, "faces": bool(faces),
        "painter": painter, "grades": None if grades is None else [float(g) for g in grades],
    } | ({} if courses is None else {"courses": courses})  # fmt: skip
    try:
        _prepare(Path(out), arguments, save_maps)
    except OSError as error:
        raise ToolkitError(f"{out}: cannot be written ({error.strerror}); name another folder") from None
    rng = np.random.default_rng([seed, 1])
    latents = courses or draw_latent_grades(rng, subjects, visits, grades)
    tasks = [
        _Task(
            Path(out), index, seed, style if style != "mixed" else ("half", "full")[index % 2], visits,
            latents[index], sitters[index % len(sitters)] if sitters else None, save_maps, workers > 1,
            painter_of(painter, index),
        )
        for index in range(subjects)
    ]  # fmt: skip
    rows = []
    for done, subject_rows in enumerate(_run(tasks, workers), 1):
        rows += subject_rows
        if progress:
            progress(done, subjects)
    return _write_tables(Path(out), rows, np.random.default_rng([seed, 2]), subjects)


def _check(
    subjects: int,
    visits: int,
    style: str,
    painter: str,
    *,
    seed: int,
    workers: int,
    grades: Sequence[float] | None,
) -> None:
    for name, value, top in (("subjects", subjects, 9999), ("visits", visits, 99), ("workers", workers, 512)):
        if not 1 <= value <= top:
            raise ToolkitError(f"{name} must lie in 1-{top}, got {value}")
    if style not in STYLES:
        raise ToolkitError(f"style must be one of {', '.join(STYLES)}, got {style!r}")
    if painter not in (*PAINTERS, MIXED):
        raise ToolkitError(f"painter must be one of {', '.join((*PAINTERS, MIXED))}, got {painter!r}")
    if seed < 0:
        raise ToolkitError(f"seed must not be negative, got {seed}")
    if grades is not None and (not len(grades) or not all(0 <= grade <= 9 for grade in grades)):
        raise ToolkitError(f"grades must be one or more numbers in 0-9, got {list(grades)}")


def _check_courses(courses: Sequence[Course] | None, subjects: int, visits: int) -> None:
    if courses is None:
        return
    fits = len(courses) == subjects and all(
        set(course) == {"left", "right"}
        and all(len(side) == visits and all(0 <= grade <= 9 for grade in side) for side in course.values())
        for course in courses
    )
    if not fits:
        raise ToolkitError(
            f"courses must be {subjects} tables of left and right, each with {visits} grades in 0-9"
        )


def _prepare(out: Path, arguments: dict[str, Any], save_maps: bool) -> None:
    """Makes the folders; refuses a folder that holds anything, but for the same study left unfinished."""
    refuse_dead_link(out, "folder")
    held, text = first_entry(out), json.dumps(arguments, indent=2) + "\n"
    if out.exists() and not out.is_dir():
        raise ToolkitError(f"{out}: is a file: name a new folder")
    if held is not None and not _is_unfinished(out, text):
        raise ToolkitError(
            f"{out}: holds files already ({held.name}): a study of phantoms needs a new folder"
        )
    for name in ("images", "maps") if save_maps else ("images",):
        (out / name).mkdir(parents=True, exist_ok=True)
    _put(out / _NOTE, text.encode())


def _is_unfinished(out: Path, arguments: str) -> bool:
    """Whether a folder holds a study of the same arguments that was stopped before its last file was written."""
    note, workbook = out / _NOTE, out / _WORKBOOK
    if (
        (out / _TRUTH).exists()
        or not note.is_file()
        or (workbook.exists() and not is_stamped(_KIND)(workbook))
    ):
        return False
    return note.read_text(encoding="utf-8", errors="replace") == arguments


def _put(path: Path, data: bytes) -> None:
    """Write a file whole, where there is none; one that stands there has to be the same."""
    if not path.exists():
        write_atomically(path, lambda file: file.write(data))
    elif path.read_bytes() != data:
        raise ToolkitError(f"{path}: is another file than this study's: name a new folder")


def draw_latent_grades(
    rng: np.random.Generator, subjects: int, visits: int, fixed: Sequence[float] | None = None
) -> list[dict[str, list[float]]]:
    """For each subject the latent grades at each visit, by side; visits improve slightly.

    Drawn from the grade counts of a real cohort (0.5 to 7.0), the two sides of a subject differing by
    about .4; or ``fixed`` for both sides at baseline, in turn.
    """
    steps = 0.5 * np.arange(1, len(GRADE_COUNTS) + 1)
    chance = np.array(GRADE_COUNTS) / sum(GRADE_COUNTS)
    drawn = []
    for index in range(subjects):
        person = float(rng.choice(steps, p=chance) + rng.uniform(-0.25, 0.25))
        apart = 0.28 * rng.standard_normal(2)
        gain = float(rng.uniform(0.0, 0.9)) * np.linspace(0, 1, visits) if visits > 1 else np.zeros(1)
        base = (
            np.full(2, fixed[index % len(fixed)]) if fixed is not None else np.clip(person + apart, 0.1, 8.5)
        )
        improved = np.maximum(base[:, None] - gain * np.minimum(base[:, None] / 3, 1), 0)
        drawn.append({"left": improved[0].tolist(), "right": improved[1].tolist()})
    return drawn


def _load_sitters(folder: Path, find_points: PointsFinder | None, subjects: int) -> list[Sitter]:
    if find_points is None:
        raise ToolkitError("painting on photographs needs find_points, the function that finds 68 landmarks")
    if not folder.is_dir():
        raise PhotoError(f"{folder} is no folder: --faces takes a folder of frontal photographs")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise PhotoError(f"{folder} holds no photographs (jpg, png, tif, bmp or webp)")
    sitters = []
    for path in paths[:subjects]:
        pixels = read_rgb(path)
        points = np.asarray(find_points(pixels), np.float64)
        if points.shape != (68, 2) or not np.isfinite(points).all():
            raise FaceError(f"{path.name}: no 68 landmarks found; use frontal photographs of one whole face")
        sitters.append(Sitter(path, points))
    return sitters


def read_rgb(path: Path) -> Bytes:
    """A photograph as RGB uint8 (H, W, 3), upright by its EXIF; raises PhotoError."""
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise PhotoError(f"{path}: cannot be read ({error.strerror})") from None
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if pixels is None:
        raise PhotoError(f"{path}: not an image that can be decoded")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def _run(tasks: Sequence[_Task], workers: int) -> Iterator[list[dict[str, Any]]]:
    if workers == 1:
        yield from map(_write_subject, tasks)
        return
    for number, rows in run_jobs(_write_subject, tasks, workers, ordered=True):
        if isinstance(rows, Lost):
            subject = f"P{tasks[number].index + 1:04d}"
            raise ToolkitError(f"{subject} could not be drawn ({rows.reason}); rerun the command to resume")
        yield rows


def _write_subject(task: _Task) -> list[dict[str, Any]]:
    """Draws one subject and writes the photos of all its visits; gives back the rows of the truth."""
    if task.single_thread:
        cv2.setNumThreads(1)
    rows = []
    scenes = scenes_of_subject(
        task.seed, task.index, task.style, task.grades, painter=task.painter, sitter=task.sitter
    )
    for visit, scene in enumerate(scenes):
        for number, letter in enumerate("LR" if task.style == "half" else "F"):
            rows.append(_write_photo(task, scene.session(number), visit, letter))
    return rows


def scenes_of_subject(
    seed: int, index: int, style: str, course: Course, *, painter: str, sitter: Sitter | None = None
) -> list[Scene]:
    """A scene a visit of the subject ``index`` (from 0) of the study of a ``seed``; its photographs are those of
    ``session(0)``, and for the right half ``session(1)``."""
    own = (seed, 3, index)
    canvas = _canvas(style, sitter, stream(own, "canvas"))
    return compose(canvas, course, own, painter=painter_of(painter, index))


def painter_of(painter: str, index: int) -> str:
    """Who paints the subject ``index``: with "mixed" they take turns."""
    return painter if painter != MIXED else _IN_TURN[index % len(_IN_TURN)]


def _canvas(style: str, sitter: Sitter | None, rng: np.random.Generator) -> Canvas:
    if sitter is not None:
        return canvas_of_photograph(read_rgb(sitter.path), sitter.points, rng)
    if style == "half":
        return draw_face(rng, (1600, 1570), span_px=float(rng.uniform(590, 700)))
    return draw_face(rng, (1360, 1600))


def _write_photo(task: _Task, scene: Scene, visit: int, letter: str) -> dict[str, Any]:
    subject, side, week = f"P{task.index + 1:04d}", SIDES[letter], week_of_visit(visit)
    name = f"{subject}_FACE_{letter}_S00_V{visit:02d}D00W{week:02d}.jpg"
    shot = shoot(scene, side)
    _put(task.out / "images" / name, shot.jpeg())
    if task.save_maps:
        _put((task.out / "maps" / name).with_suffix(".png"), map_png(shot.melanin))
    return {
        "file": name, "subject": subject, "side": side, "visit": visit_name(visit), "style": task.style, "painter": task.painter,
        "latent_grade": shot.latent_grade, "pigment_load": shot.load, "redness": shot.redness,
        "ita": scene.canvas.ita, "visit_number": visit + 1,
    }  # fmt: skip


def map_png(melanin: Float) -> bytes:
    """A planted map (H, W) as a grey PNG: level = 200 x green OD, nothing for whitish flecks."""
    grey = np.clip(np.round(MAP_SCALE * melanin), 0, 255).astype(np.uint8)
    done, data = cv2.imencode(".png", grey, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise ToolkitError(f"a map of shape {melanin.shape} could not be encoded")
    return data.tobytes()


def week_of_visit(visit: int) -> int:
    """The study week of visit 0, 1, ...: 0, 4, 8, 12, 17, then every fourth."""
    return _WEEKS[visit] if visit < len(_WEEKS) else _WEEKS[-1] + 4 * (visit - len(_WEEKS) + 1)


def visit_name(visit: int) -> str:
    """The visit's name in the workbook: Baseline, Week 4, ..."""
    return "Baseline" if visit == 0 else f"Week {week_of_visit(visit)}"


def _write_tables(
    out: Path, rows: list[dict[str, Any]], rng: np.random.Generator, subjects: int
) -> StudySummary:
    latent = np.array([row["latent_grade"] for row in rows])
    graders = draw_graders(rng)
    grades = grades_by(graders, latent, [row["subject"] for row in rows], rng)
    for row, given in zip(rows, grades, strict=True):
        row.update({f"grader_{number}": float(grade) for number, grade in enumerate(given, 1)})
    numbers = [row.pop("visit_number") for row in rows]
    _write_workbook(out / _WORKBOOK, rows, numbers)
    _write_truth(out / _TRUTH, rows)
    return _summary(latent, grades, subjects, graders)


def _write_truth(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    rows = list(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    for row in rows:
        writer.writerow({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()})
    write_atomically(path, lambda file: file.write(text.getvalue().encode()))


def _write_workbook(path: Path, rows: Sequence[Mapping[str, Any]], numbers: Sequence[int]) -> None:
    from toolkit.workbook import write_sheets

    headings = ("SUBJID", "side", "VISITNUM", "VISIT", "Mottled hyperpigmentation")
    cells = (
        (row["subject"], row["side"].capitalize(), number, row["visit"], row["grader_1"])
        for row, number in zip(rows, numbers, strict=True)
    )
    table = [dict(zip(headings, line, strict=True)) for line in cells]
    write_sheets(path, {"Grades": table}, number_format="0.0", kind=_KIND)


def _summary(
    latent: NDArray[np.float64],
    grades: NDArray[np.float64],
    subjects: int,
    graders: tuple[SimulatedGrader, ...],
) -> StudySummary:
    def rms(difference: NDArray[np.float64]) -> float:
        return float(np.sqrt(np.mean(difference**2)))

    first = grades[:, 0]
    pairs = [(0, 1), (0, 2), (1, 2)]
    if len(set(latent.tolist())) > 2:
        residual = first - np.polynomial.Polynomial.fit(latent, first, 1)(latent)
    else:
        residual = first - first.mean()
    return StudySummary(
        photos=len(latent), subjects=subjects, grader_rmse=rms(first - latent),
        between_rmse=float(np.mean([rms(grades[:, a] - grades[:, b]) for a, b in pairs])),
        mean_rmse=rms(first - first.mean()), floor_rmse=rms(residual), graders=graders,
    )  # fmt: skip
