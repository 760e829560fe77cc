"""Many photographs through the CPU stages, in order, over a pool of processes."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import NOT_INSTALLED, ToolkitError
from toolkit.files import write_atomically
from toolkit.landmarks import FaceFinder
from toolkit.outputs import marked_jpeg
from toolkit.patches import draw_overlay
from toolkit.photos import content_hash
from toolkit.pigment.overlay import draw_pigment
from toolkit.pipeline import missing_regions, prepare, read_face, through_trunk
from toolkit.pool import UNEXPECTED, Lost, Workers, attempt, run_jobs
from toolkit.prepared import Prepared
from toolkit.records import FacePatches, Figures, PhotoFile, PhotoGrade, PhotoResult
from toolkit.settings import RunSettings, Settings
from toolkit.siamese import Encoder, Weights

Job = TypeVar("Job")
Result = TypeVar("Result")
TIME_LIMIT_S = RunSettings().time_limit_s
OVERLAY = "overlay"  # the mark of pictures, as ``outputs.marked_jpeg`` takes it
_finder: FaceFinder | None = None  # one a process: loading the landmark model takes a second
_encoder: Encoder | None = None  # the same


def prepare_all(
    files: Sequence[PhotoFile], settings: Settings, landmark_model: Path | None, workers: Workers
) -> Iterator[Prepared]:
    """Each photo's features and encoder inputs; a photo that fails carries its error."""
    task = partial(_prepare_one, settings=settings)
    yield from map_photos(
        task, files, settings, landmark_model, workers=workers, lost=not_prepared, limit_s=TIME_LIMIT_S
    )


def _prepare_one(file: PhotoFile, settings: Settings) -> Prepared:
    def work() -> Prepared:
        _, face, quality = read_face(file, the_finder(), settings)
        prepared = prepare(face, settings, quality)
        return replace(prepared, trunk_output=through_trunk(_encoder, [prepared])) if _encoder else prepared

    return attempt(work, partial(not_prepared, file), file.path)


def not_prepared(file: PhotoFile, reason: str) -> Prepared:
    """What there is of a photo that could not be prepared."""
    return Prepared(file.name, error=reason, known_facts=file.facts)


@dataclass(frozen=True, eq=False)
class Reading:
    """A photo on its way to a grade: the hash of its file's bytes ("" where they could not be read), what was
    prepared of it, and whether that is ``lasting``: the same whenever these bytes are read again."""

    sha256: str
    prepared: Prepared
    lasting: bool = True


def read_all(
    files: Sequence[PhotoFile],
    settings: Settings,
    landmark_model: Path | None,
    workers: Workers,
    *,
    limit_s: float,
    weights: Weights | None = None,
) -> Generator[tuple[int, Reading], None, None]:
    """(place in ``files``, reading) as they are done, always in other processes: whatever a photo does to the
    process that reads it, its reading says so and the others are read.

    With an encoder's ``weights`` they look at the patches as well, and send what they saw in place of its inputs.
    """
    start = partial(start_process, landmark_model, settings, weights)
    task = partial(read_one, settings=settings)
    for number, reading in run_jobs(task, files, workers, start, limit_s=limit_s):
        if isinstance(reading, Lost):
            reading = Reading("", not_prepared(files[number], reading.reason), lasting=False)
        yield number, reading


def read_one(file: PhotoFile, settings: Settings) -> Reading:
    """One of ``read_all``, in a process that ``start_process`` has made ready."""
    prepared = _prepare_one(file, settings)
    if prepared.face:
        return Reading(
            prepared.face.sha256, replace(prepared, inputs=()) if prepared.trunk_output else prepared
        )
    sha256 = content_hash(file.path)
    passing = prepared.error.startswith(UNEXPECTED) or NOT_INSTALLED in prepared.error
    return Reading(sha256, prepared, lasting=bool(sha256) and not passing)


def hash_all(
    paths: Sequence[Path], workers: Workers, limit_s: float
) -> Generator[tuple[int, str], None, None]:
    """(place in ``paths``, SHA-256 of the file) as they are done; "" for what cannot be read."""
    for number, sha256 in run_jobs(content_hash, paths, workers, None, limit_s=limit_s):
        yield number, "" if isinstance(sha256, Lost) else sha256


def cut_all(
    files: Sequence[PhotoFile],
    settings: Settings,
    landmark_model: Path | None,
    workers: Workers,
    *,
    overlays: Path | None = None,
) -> Iterator[FacePatches]:
    """Each photo's chart and patches, and a picture of what was found in the folder ``overlays`` if one is given; a
    photo that fails has no patches and its error as a note."""
    task = partial(_cut_one, settings=settings, drawn=overlays is not None)
    done = map_photos(
        task, files, settings, landmark_model, workers=workers, lost=_not_cut, limit_s=TIME_LIMIT_S
    )
    yield from _with_overlays(done, files, overlays)


def _cut_one(file: PhotoFile, settings: Settings, drawn: bool) -> tuple[FacePatches, bytes]:
    def work() -> tuple[FacePatches, bytes]:
        photo, patches, _ = read_face(file, the_finder(), settings)
        if drawn and patches.face:
            return patches, overlay_jpeg(draw_overlay(photo, patches.face, patches.patches))
        return patches, b""

    return attempt(work, partial(_not_cut, file), file.path)


def _not_cut(file: PhotoFile, reason: str) -> tuple[FacePatches, bytes]:
    return FacePatches(file.name, "", (), notes=(reason,), quality="unusable", facts=file.facts), b""


def _with_overlays(
    done: Iterable[tuple[Result, bytes]], files: Sequence[PhotoFile], overlays: Path | None
) -> Iterator[Result]:
    """The results; the pictures that come with them are written by this process, wherever they were drawn."""
    for file, (result, jpeg) in zip(files, done, strict=True):
        if overlays and jpeg:
            write_overlay(overlays / file.name, jpeg)
        yield result


def measure_all(
    files: Sequence[PhotoFile],
    settings: Settings,
    landmark_model: Path | None,
    workers: Workers,
    *,
    overlays: Path | None = None,
) -> Iterator[PhotoResult]:
    """Each photo's pigment features, one row per patch, without a grade; and a picture of what was measured in
    the folder ``overlays`` if one is given. A photo that fails has no rows and its error as the note."""
    task = partial(_measure_one, settings=settings, drawn=overlays is not None)
    done = map_photos(
        task, files, settings, landmark_model, workers=workers, lost=_not_measured, limit_s=TIME_LIMIT_S
    )
    yield from _with_overlays(done, files, overlays)


def _measure_one(file: PhotoFile, settings: Settings, drawn: bool) -> tuple[PhotoResult, bytes]:
    def work() -> tuple[PhotoResult, bytes]:
        photo, face, quality = read_face(file, the_finder(), settings)
        measured = prepare(face, settings, every_figure=True)
        regions = [patch.region for patch in face.patches]
        figures = tuple(map(Figures, regions, measured.features))
        jpeg = b""
        if drawn and figures:
            shown = [face.chart or face.patches[0]]
            jpeg = overlay_jpeg(draw_pigment(photo, shown, settings.pigment, file.name))
        side = file.facts.side or (face.face.side if face.face else None)
        note = "; ".join([*face.notes, *missing_regions(face)])
        grade = PhotoGrade(file.name, replace(file.facts, side=side), quality=face.quality, note=note)
        return PhotoResult(grade, figures, quality, colour=face.colour), jpeg

    return attempt(work, partial(_not_measured, file), file.path)


def _not_measured(file: PhotoFile, reason: str) -> tuple[PhotoResult, bytes]:
    return PhotoResult(PhotoGrade(file.name, file.facts, quality="unusable", note=reason)), b""


def overlay_path(folder: Path, name: str) -> Path:
    """Where the picture of the photo ``name`` goes: its own name, as a JPEG."""
    path = folder / name
    return path if path.suffix.lower() in (".jpg", ".jpeg") else path.with_name(path.name + ".jpg")


def overlay_jpeg(picture: NDArray[np.uint8]) -> bytes:
    """An RGB picture as the JPEG file that ``write_overlay`` writes."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", quality=88)
    return marked_jpeg(buffer.getvalue(), OVERLAY)


def write_overlay(path: Path, jpeg: bytes) -> None:
    """Write a picture in the place of ``overlay_path``."""
    write_atomically(overlay_path(path.parent, path.name), lambda file: file.write(jpeg))


def map_photos(
    task: Callable[[Job], Result],
    jobs: Sequence[Job],
    settings: Settings,
    landmark_model: Path | None,
    *,
    workers: Workers,
    lost: Callable[[Job, str], Result] | None = None,
    limit_s: float | None = None,
) -> Iterator[Result]:
    """``task`` over ``jobs``, results in their order; at most a few jobs a worker are under way, so that
    memory stays flat. ``task`` may call ``the_finder()``.

    With several workers, ``lost`` makes the result of a job whose process died or took longer than ``limit_s``
    seconds, from the job and the reason; without it that raises ToolkitError.
    """
    start = partial(start_process, landmark_model, settings)
    if isinstance(workers, int) and (workers <= 1 or len(jobs) <= 1):
        start()
        yield from map(task, jobs)
        return
    for number, result in run_jobs(task, jobs, workers, start, limit_s=limit_s, ordered=True):
        if isinstance(result, Lost):
            if lost is None:
                fewer = f": use --workers {workers // 2}" if isinstance(workers, int) else ""
                raise ToolkitError(f"job {number + 1}: {result.reason}{fewer}")
            result = lost(jobs[number], result.reason)
        yield result


def the_finder() -> FaceFinder:
    """This process's face finder."""
    if _finder is None:
        raise RuntimeError("the_finder() is for tasks of map_photos")
    return _finder


def start_process(landmark_model: Path | None, settings: Settings, weights: Weights | None = None) -> None:
    """Once a process, before its first photo: load what reading needs."""
    global _finder, _encoder
    cv2.setNumThreads(1)  # the processes are the parallelism
    _finder = FaceFinder(landmark_model, settings.face)
    _encoder = Encoder.of_arrays(settings.encoder, weights) if weights else None
