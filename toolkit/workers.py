"""Many photographs through the CPU stages, in order, over a pool of processes."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import NOT_INSTALLED, ModelError, PhotoError, ToolkitError
from toolkit.images import file_sha256
from toolkit.landmarks import FaceFinder
from toolkit.outputs import marked_jpeg
from toolkit.patches import draw_overlay
from toolkit.pigment.overlay import draw_pigment
from toolkit.pipeline import PhotoResult, Prepared, missing_regions, prepare, read_face, see
from toolkit.pool import Lost, run_jobs
from toolkit.records import FacePatches, PhotoGrade
from toolkit.settings import RunSettings, Settings
from toolkit.siamese import Encoder, Weights
from toolkit.study import facts_from_name
from toolkit.tables import write_atomically

Job = TypeVar("Job")
Result = TypeVar("Result")
TIME_LIMIT_S = RunSettings().time_limit_s
OVERLAY = "overlay"  # the mark of pictures, as ``outputs.marked_jpeg`` takes it
_UNEXPECTED = "unexpected "
_finder: FaceFinder | None = None  # one a process: loading the landmark model takes a second
_encoder: Encoder | None = None  # the same


def photo_names(paths: Sequence[Path]) -> list[str]:
    """Names for the workbook: file names, or paths below the common folder where photos lie in several."""
    whole = [Path(path).parent.resolve() / Path(path).name for path in paths]
    common = os.path.commonpath([path.parent for path in whole]) if whole else ""
    return [path.relative_to(common).as_posix() for path in whole]


def contents(paths: Sequence[Path], names: Sequence[str] | None = None) -> Callable[[str], str]:
    """What gives the SHA-256 of a photo's file by the photo's name; "" for what cannot be read."""
    by_name = dict(zip(names or photo_names(paths), paths, strict=True))
    return lambda name: _hash_one(by_name[name])


def prepare_all(
    paths: Sequence[Path],
    settings: Settings,
    landmark_model: Path | None,
    workers: int,
    names: Sequence[str] | None = None,
) -> Iterator[Prepared]:
    """Each photo's features and encoder inputs; a photo that fails carries its error."""
    task = partial(_prepare_one, settings=settings)
    jobs = list(zip(paths, names or photo_names(paths), strict=True))
    yield from map_photos(task, jobs, settings, landmark_model, workers, _lost_prepared, TIME_LIMIT_S)


def _prepare_one(job: tuple[Path, str], settings: Settings) -> Prepared:
    path, name = job
    try:
        _, face, quality = read_face(path, name, the_finder(), settings)
        prepared = prepare(face, settings, quality)
        return replace(prepared, seen=see(_encoder, [prepared])) if _encoder else prepared
    except ModelError:  # the landmark model's fault, not the photo's: it would be the same for every photo
        raise
    except ToolkitError as error:
        return Prepared(name, error=_reason(path, error))
    except Exception as error:  # one odd photo must not end a study; its row says what happened
        return Prepared(name, error=_unexpected(error))


def _lost_prepared(job: tuple[Path, str], reason: str) -> Prepared:
    return Prepared(job[1], error=reason)


@dataclass(frozen=True, eq=False)
class Reading:
    """A photo on its way to a grade: the hash of its file's bytes ("" where they could not be read), what was
    prepared of it, and whether that is ``lasting``: the same whenever these bytes are read again."""

    sha256: str
    prepared: Prepared
    lasting: bool = True


def read_all(
    paths: Sequence[Path],
    names: Sequence[str],
    settings: Settings,
    landmark_model: Path | None,
    workers: int,
    limit_s: float,
    weights: Weights | None = None,
) -> Generator[tuple[int, Reading], None, None]:
    """(place in ``paths``, reading) as they are done, always in other processes: whatever a photo does to the
    process that reads it, its reading says so and the others are read.

    With an encoder's ``weights`` they look at the patches as well, and send what they saw in place of its inputs.
    """
    start = partial(_start, landmark_model, settings, weights)
    task = partial(_read_one, settings=settings)
    jobs = list(zip(paths, names, strict=True))
    for number, reading in run_jobs(task, jobs, workers, start, limit_s):
        if isinstance(reading, Lost):
            reading = Reading("", Prepared(names[number], error=reading.reason), lasting=False)
        yield number, reading


def _read_one(job: tuple[Path, str], settings: Settings) -> Reading:
    prepared = _prepare_one(job, settings)
    if prepared.face:
        return Reading(prepared.face.sha256, replace(prepared, inputs=()) if prepared.seen else prepared)
    sha256 = _hash_one(job[0])
    passing = prepared.error.startswith(_UNEXPECTED) or NOT_INSTALLED in prepared.error
    return Reading(sha256, prepared, lasting=bool(sha256) and not passing)


def hash_all(paths: Sequence[Path], workers: int, limit_s: float) -> Generator[tuple[int, str], None, None]:
    """(place in ``paths``, SHA-256 of the file) as they are done; "" for what cannot be read."""
    for number, sha256 in run_jobs(_hash_one, paths, workers, None, limit_s):
        yield number, "" if isinstance(sha256, Lost) else sha256


def _hash_one(path: Path) -> str:
    try:
        return file_sha256(path) if path.is_file() else ""
    except (OSError, PhotoError):
        return ""


def cut_all(
    paths: Sequence[Path],
    settings: Settings,
    landmark_model: Path | None,
    workers: int,
    overlays: Path | None = None,
) -> Iterator[FacePatches]:
    """Each photo's chart and patches, and a picture of what was found in the folder ``overlays`` if one is given; a
    photo that fails has no patches and its error as a note."""
    task = partial(_cut_one, settings=settings, overlays=overlays)
    jobs = list(zip(paths, photo_names(paths), strict=True))
    yield from map_photos(task, jobs, settings, landmark_model, workers, _lost_face, TIME_LIMIT_S)


def _lost_face(job: tuple[Path, str], reason: str) -> FacePatches:
    return FacePatches(job[1], "", (), notes=(reason,), quality="unusable")


def _cut_one(job: tuple[Path, str], settings: Settings, overlays: Path | None) -> FacePatches:
    path, name = job
    try:
        photo, patches, _ = read_face(path, name, the_finder(), settings)
        if overlays and patches.face:
            write_overlay(overlays / name, draw_overlay(photo, patches.face, patches.patches))
        return patches
    except ModelError:  # as in _prepare_one
        raise
    except ToolkitError as error:
        return FacePatches(name, "", (), notes=(_reason(path, error),), quality="unusable")
    except Exception as error:  # as in _prepare_one
        return FacePatches(name, "", (), notes=(_unexpected(error),), quality="unusable")


def measure_all(
    paths: Sequence[Path],
    settings: Settings,
    landmark_model: Path | None,
    workers: int,
    overlays: Path | None = None,
) -> Iterator[PhotoResult]:
    """Each photo's pigment features, a row a patch, without a grade; and a picture of what was measured in
    the folder ``overlays`` if one is given. A photo that fails has no rows and its error as the note."""
    task = partial(_measure_one, settings=settings, overlays=overlays)
    jobs = list(zip(paths, photo_names(paths), strict=True))
    yield from map_photos(task, jobs, settings, landmark_model, workers, _lost_result, TIME_LIMIT_S)


def _lost_result(job: tuple[Path, str], reason: str) -> PhotoResult:
    return PhotoResult(PhotoGrade(job[1], facts_from_name(job[1]), quality="unusable", note=reason))


def _measure_one(job: tuple[Path, str], settings: Settings, overlays: Path | None) -> PhotoResult:
    path, name = job
    facts = facts_from_name(name)
    try:
        photo, face, quality = read_face(path, name, the_finder(), settings)
        measured = prepare(face, settings)
        regions = [patch.region for patch in face.patches]
        rows = tuple({"region": r, **row} for r, row in zip(regions, measured.features, strict=False))
        if overlays and rows:
            write_overlay(
                overlays / name, draw_pigment(photo, [face.chart or face.patches[0]], settings.pigment, name)
            )
        side = facts.side or (face.face.side if face.face else None)
        note = "; ".join([*face.notes, *missing_regions(face)])
        grade = PhotoGrade(name, replace(facts, side=side), quality=face.quality, note=note)
        return PhotoResult(grade, rows, quality)
    except ModelError:  # as in _prepare_one
        raise
    except ToolkitError as error:
        return PhotoResult(PhotoGrade(name, facts, quality="unusable", note=_reason(path, error)))
    except Exception as error:  # as in _prepare_one
        return PhotoResult(PhotoGrade(name, facts, quality="unusable", note=_unexpected(error)))


def overlay_path(folder: Path, name: str) -> Path:
    """Where the picture of the photo ``name`` goes: its own name, as a JPEG."""
    path = folder / name
    return path if path.suffix.lower() in (".jpg", ".jpeg") else path.with_name(path.name + ".jpg")


def write_overlay(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write an RGB picture as a JPEG in the place of ``overlay_path``."""
    path = overlay_path(path.parent, path.name)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", quality=88)
    write_atomically(path, lambda file: file.write(marked_jpeg(buffer.getvalue(), OVERLAY)))


def _reason(path: Path, error: ToolkitError) -> str:
    """What is wrong, without the path: the row or line that it goes to names the photo as the user knows it."""
    return str(error).removeprefix(f"{path}: ")


def _unexpected(error: Exception) -> str:
    return f"{_UNEXPECTED}{type(error).__name__}: {' '.join(str(error).split())}"


def map_photos(
    task: Callable[[Job], Result],
    jobs: Sequence[Job],
    settings: Settings,
    landmark_model: Path | None,
    workers: int,
    lost: Callable[[Job, str], Result] | None = None,
    limit_s: float | None = None,
) -> Iterator[Result]:
    """``task`` over ``jobs``, results in their order; at most a few jobs a worker are under way, so that
    memory stays flat. ``task`` may call ``the_finder()``.

    With several workers, ``lost`` makes the result of a job whose process died or took longer than ``limit_s``
    seconds, from the job and the reason; without it that raises ToolkitError.
    """
    start = partial(_start, landmark_model, settings)
    if workers <= 1 or len(jobs) <= 1:
        start()
        yield from map(task, jobs)
        return
    for number, result in run_jobs(task, jobs, workers, start, limit_s, ordered=True):
        if isinstance(result, Lost):
            if lost is None:
                raise ToolkitError(f"job {number + 1}: {result.reason}: use --workers {workers // 2}")
            result = lost(jobs[number], result.reason)
        yield result


def the_finder() -> FaceFinder:
    """This process's face finder."""
    if _finder is None:
        raise RuntimeError("the_finder() is for tasks of map_photos")
    return _finder


def _start(landmark_model: Path | None, settings: Settings, weights: Weights | None = None) -> None:
    global _finder, _encoder
    cv2.setNumThreads(1)  # the processes are the parallelism
    _finder = FaceFinder(landmark_model, settings.face)
    _encoder = Encoder.of_arrays(settings.encoder, weights) if weights else None
