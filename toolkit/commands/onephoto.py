"""One photograph from its file to what is kept of it: all of that happens in the process that reads the file."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from toolkit.errors import ModelError
from toolkit.images import file_sha256
from toolkit.landmarks import default_landmark_model
from toolkit.model import Model, load_model
from toolkit.pigment.overlay import draw_predicted
from toolkit.pipeline import Grader
from toolkit.pool import Lost, Workers, run_jobs
from toolkit.records import PhotoFile
from toolkit.store import RunOptions, result_cells
from toolkit.workers import Reading, overlay_jpeg, read_all, read_one, start_process

_log = logging.getLogger(__name__)
_grader: Grader | None = None  # of a process that reads and grades


@dataclass(frozen=True)
class Graded:
    """What is kept of a photo with the hash ``sha256``: the ``cells`` of its result, None where there is none that
    lasts, and then why, ``note``; ``told``: a line for the log; ``overlay``: the picture of its predicted pigment as a
    JPEG, if one is wanted."""

    sha256: str
    cells: tuple[str | float | None, ...] | None = None
    note: str = ""
    told: str = ""
    overlay: bytes = b""


@dataclass(frozen=True)
class HowToGrade:
    """All that a grade is made with: a ``model`` and where it lies, None of the starter; ``landmark_model``, None of the
    default one; the ``options`` that name them by their hashes; ``mode``, the light of the photographs that get a grade."""

    model: Model
    folder: Path | None
    landmark_model: Path | None
    options: RunOptions
    mode: str


def grade_all(
    files: Sequence[PhotoFile], how: HowToGrade, workers: Workers, *, limit_s: float, drawn: bool
) -> Generator[tuple[int, Graded], None, None]:
    """(place in ``files``, what is kept) as they are done. Each process grades what it reads, so that only results travel;
    where the references are on a GPU of this machine they are there once, and this process grades."""
    with contextlib.closing(_each(files, how, workers, limit_s=limit_s, drawn=drawn)) as done:
        for number, graded in done:
            _log.info("%s: %s", files[number].name, graded.told or graded.note)
            yield number, graded


def _each(
    files: Sequence[PhotoFile], how: HowToGrade, workers: Workers, *, limit_s: float, drawn: bool
) -> Generator[tuple[int, Graded], None, None]:
    if isinstance(workers, int) and how.model.index.device == "gpu":
        grader = Grader(how.model, how.options.weights, how.mode)
        readings = read_all(
            files, how.model.settings, how.landmark_model, workers, limit_s=limit_s,
            weights=how.model.encoder.arrays(),
        )  # fmt: skip
        with contextlib.closing(readings):
            for number, reading in readings:
                yield number, _graded(reading, grader, drawn)
        return
    start = partial(_start, how.folder, how.landmark_model, how.options, how.mode)
    for number, graded in run_jobs(partial(_grade_one, drawn=drawn), files, workers, start, limit_s=limit_s):
        yield number, Graded("", note=graded.reason) if isinstance(graded, Lost) else graded


def _graded(reading: Reading, grader: Grader, drawn: bool) -> Graded:
    if not reading.lasting:
        return Graded(reading.sha256, note=reading.prepared.error)
    face = reading.prepared.face
    (result,) = grader.grade([reading.prepared])
    grade = "no grade" if result.grade.grade is None else f"grade {result.grade.grade:.2f}"
    overlay = b""
    if drawn and result.pigment and face:
        shown = [face.chart] if face.chart else face.patches
        overlay = overlay_jpeg(draw_predicted(shown, result.pigment, result.grade.name))
    told = f"{grade}  {result.grade.note}"
    return Graded(reading.sha256, result_cells(result, face), told=told, overlay=overlay)


# --- in a process that reads and grades -------------------------------------------------------------


def _start(folder: Path | None, landmark_model: Path | None, options: RunOptions, mode: str) -> None:
    """Load what grading needs; ModelError where it is not what the run is made with."""
    global _grader
    model, landmarks = load_model(folder), landmark_model or default_landmark_model()
    for what, path, found, wanted in (
        ("model", folder or "the starter", model.sha256, options.model),
        ("landmark model", landmarks, file_sha256(landmarks), options.landmarks),
    ):
        if found != wanted:
            raise ModelError(
                f"{path}: is another {what} there ({found[:12]}, not {wanted[:12]}): use one for all machines"
            )
    _grader = Grader(model, options.weights, mode)
    model.blend.get_ready()
    start_process(landmark_model, model.settings, model.encoder.arrays())


def _grade_one(file: PhotoFile, drawn: bool) -> Graded:
    if _grader is None:
        raise RuntimeError("this process was not made ready to grade")
    return _graded(read_one(file, _grader.model.settings), _grader, drawn)
