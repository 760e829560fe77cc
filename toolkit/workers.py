"""Many photographs through the CPU stages, in order, over a pool of processes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import ModelError, ToolkitError
from toolkit.landmarks import FaceFinder
from toolkit.patches import draw_overlay
from toolkit.pigment import measure
from toolkit.pigment.overlay import draw_pigment
from toolkit.pipeline import PhotoResult, Prepared, prepare, read_face
from toolkit.records import FacePatches, PhotoGrade
from toolkit.settings import Settings
from toolkit.study import facts_from_name

Job = TypeVar("Job")
Result = TypeVar("Result")
_finder: FaceFinder | None = None  # one a process: loading the landmark model takes a second


def photo_names(paths: Sequence[Path]) -> list[str]:
    """Names for the workbook: file names, or paths below the common folder where photos lie in several."""
    whole = [Path(path).parent.resolve() / Path(path).name for path in paths]
    common = os.path.commonpath([path.parent for path in whole]) if whole else ""
    return [path.relative_to(common).as_posix() for path in whole]


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
    yield from map_photos(task, jobs, settings, landmark_model, workers)


def _prepare_one(job: tuple[Path, str], settings: Settings) -> Prepared:
    path, name = job
    try:
        _, face, quality = read_face(path, name, the_finder(), settings)
        return prepare(face, settings, quality)
    except ModelError:  # the landmark model's fault, not the photo's: it would be the same for every photo
        raise
    except ToolkitError as error:
        return Prepared(name, error=str(error))
    except Exception as error:  # one odd photo must not end a study; its row says what happened
        return Prepared(name, error=_unexpected(error))


def cut_all(
    paths: Sequence[Path],
    settings: Settings,
    landmark_model: Path | None,
    workers: int,
    overlays: Path | None = None,
) -> Iterator[FacePatches]:
    """Each photo's patches, and a picture of what was found in the folder ``overlays`` if one is given; a
    photo that fails has no patches and its error as a note."""
    task = partial(_cut_one, settings=settings, overlays=overlays)
    jobs = list(zip(paths, photo_names(paths), strict=True))
    yield from map_photos(task, jobs, settings, landmark_model, workers)


def _cut_one(job: tuple[Path, str], settings: Settings, overlays: Path | None) -> FacePatches:
    path, name = job
    try:
        photo, patches, _ = read_face(path, name, the_finder(), settings)
        if overlays and patches.face:
            _write_overlay(overlays / name, draw_overlay(photo, patches.face, patches.patches))
        return patches
    except ModelError:  # as in _prepare_one
        raise
    except ToolkitError as error:
        return FacePatches(name, "", (), notes=(str(error),), quality="unusable")
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
    yield from map_photos(task, jobs, settings, landmark_model, workers)


def _measure_one(job: tuple[Path, str], settings: Settings, overlays: Path | None) -> PhotoResult:
    path, name = job
    facts = facts_from_name(name)
    try:
        photo, face, quality = read_face(path, name, the_finder(), settings)
        rows = tuple({"region": p.region, **measure(p, settings.pigment)[0]} for p in face.patches)
        if overlays and rows:
            _write_overlay(overlays / name, draw_pigment(photo, face.patches, settings.pigment, name))
        side = facts.side or (face.face.side if face.face else None)
        note = "; ".join([*face.notes, *_missing(face)])
        grade = PhotoGrade(name, replace(facts, side=side), quality=face.quality, note=note)
        return PhotoResult(grade, rows, quality)
    except ModelError:  # as in _prepare_one
        raise
    except ToolkitError as error:
        return PhotoResult(PhotoGrade(name, facts, quality="unusable", note=str(error)))
    except Exception as error:  # as in _prepare_one
        return PhotoResult(PhotoGrade(name, facts, quality="unusable", note=_unexpected(error)))


def _missing(face: FacePatches) -> list[str]:
    """The regions of the shown side without a patch, with the reason."""
    shown = face.face.side if face.face else "both"
    hidden = {"left": "right_cheek", "right": "left_cheek"}.get(shown)
    return [f"no {region} patch: {reason}" for region, reason in face.dropped.items() if region != hidden]


def overlay_path(folder: Path, name: str) -> Path:
    """Where the picture of the photo ``name`` goes: its own name, as a JPEG."""
    path = folder / name
    return path if path.suffix.lower() in (".jpg", ".jpeg") else path.with_name(path.name + ".jpg")


def _write_overlay(path: Path, picture: NDArray[np.uint8]) -> None:
    path = overlay_path(path.parent, path.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, format="JPEG", quality=88)


def _unexpected(error: Exception) -> str:
    return f"unexpected {type(error).__name__}: {error}"


def map_photos(
    task: Callable[[Job], Result],
    jobs: Sequence[Job],
    settings: Settings,
    landmark_model: Path | None,
    workers: int,
) -> Iterator[Result]:
    """``task`` over ``jobs``, results in their order; at most a few jobs a worker are under way, so that
    memory stays flat. ``task`` may call ``the_finder()``. Raises ToolkitError when a worker dies."""
    start = partial(_start, landmark_model, settings)
    if workers <= 1 or len(jobs) <= 1:
        start()
        yield from map(task, jobs)
        return
    # spawn: a forked copy of a process that runs TensorFlow's threads may hang.
    with ProcessPoolExecutor(min(workers, len(jobs)), get_context("spawn"), start) as pool:
        try:
            yield from _in_order(pool, task, jobs, 4 * workers)
        except BrokenProcessPool:
            raise ToolkitError(
                f"a worker process ended unexpectedly, perhaps for lack of memory: use --workers {workers // 2}"
            ) from None


def _in_order(
    pool: ProcessPoolExecutor, task: Callable[[Job], Result], jobs: Sequence[Job], most: int
) -> Iterator[Result]:
    under_way: deque[Future[Result]] = deque()
    for job in jobs:
        under_way.append(pool.submit(task, job))
        if len(under_way) >= most:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def the_finder() -> FaceFinder:
    """This process's face finder."""
    if _finder is None:
        raise RuntimeError("the_finder() is for tasks of map_photos")
    return _finder


def _start(landmark_model: Path | None, settings: Settings) -> None:
    global _finder
    cv2.setNumThreads(1)  # the processes are the parallelism
    _finder = FaceFinder(landmark_model, settings.face)
