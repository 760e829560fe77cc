"""Many photographs through the CPU stages, in order, over a pool of processes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import cv2

from toolkit.errors import ToolkitError
from toolkit.landmarks import FaceFinder
from toolkit.pipeline import Prepared, prepare, read_face
from toolkit.settings import Settings

Job = TypeVar("Job")
Result = TypeVar("Result")
_finder: FaceFinder | None = None  # one a process: loading the landmark model takes a second


def photo_names(paths: Sequence[Path]) -> list[str]:
    """Names for the workbook: file names, or paths below the common folder where photos lie in several."""
    parents = [os.path.abspath(path.parent) for path in paths]
    common = os.path.commonpath(parents) if parents else ""
    return [
        Path(os.path.relpath(os.path.join(parent, path.name), common)).as_posix()
        for parent, path in zip(parents, paths, strict=True)
    ]


def prepare_all(
    paths: Sequence[Path], settings: Settings, landmark_model: Path | None, workers: int
) -> Iterator[Prepared]:
    """Each photo's features and encoder inputs; a photo that fails carries its error."""
    task = partial(_prepare_one, settings=settings)
    jobs = list(zip(paths, photo_names(paths), strict=True))
    yield from map_photos(task, jobs, settings, landmark_model, workers)


def _prepare_one(job: tuple[Path, str], settings: Settings) -> Prepared:
    path, name = job
    try:
        _, _, face = read_face(path, name, the_finder(), settings)
        return prepare(face, settings)
    except ToolkitError as error:
        return Prepared(name, error=str(error))
    except Exception as error:  # one odd photo must not end a study; its row says what happened
        return Prepared(name, error=f"unexpected {type(error).__name__}: {error}")


def map_photos(
    task: Callable[[Job], Result],
    jobs: Sequence[Job],
    settings: Settings,
    landmark_model: Path | None,
    workers: int,
) -> Iterator[Result]:
    """``task`` over ``jobs``, results in their order; at most a few jobs a worker are under way, so that
    memory stays flat. ``task`` may call ``the_finder()``."""
    start = partial(_start, landmark_model, settings)
    if workers <= 1 or len(jobs) <= 1:
        start()
        yield from map(task, jobs)
        return
    # spawn: a forked copy of a process that runs TensorFlow's threads may hang.
    with ProcessPoolExecutor(min(workers, len(jobs)), get_context("spawn"), start) as pool:
        under_way: deque[Future[Result]] = deque()
        for job in jobs:
            under_way.append(pool.submit(task, job))
            if len(under_way) >= 4 * workers:
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
