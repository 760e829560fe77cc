"""Grading stage by stage."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import toolkit.landmarks.finder
import toolkit.phototable
import toolkit.pipeline
from toolkit.index import ReferenceIndex
from toolkit.landmarks import FaceFinder
from toolkit.model import load_model
from toolkit.photos import photo_files
from toolkit.pipeline import Grader, prepare, read_face
from toolkit.siamese import Encoder
from toolkit.store import RunOptions, open_store

STAGES = (
    "decode", "detect", "landmarks", "chart", "patches", "features", "embedding", "index", "blend", "write",
)  # fmt: skip


class Stopwatch:
    """Processor time spent in functions, by name, added up until ``lap``: other programs' work does not count."""

    def __init__(self) -> None:
        self._now: dict[str, float] = defaultdict(float)
        self.laps: list[dict[str, float]] = []

    @contextmanager
    def part(self, stage: str) -> Iterator[None]:
        """Times a block."""
        began = time.process_time()
        try:
            yield
        finally:
            self._now[stage] += time.process_time() - began

    @contextmanager
    def on(self, owner: Any, name: str, stage: str) -> Iterator[None]:
        """Times every call of ``owner.name`` within a block."""
        function = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.part(stage):
                return function(*args, **kwargs)

        setattr(owner, name, timed)
        try:
            yield
        finally:
            setattr(owner, name, function)

    def clear(self) -> None:
        """Forgets what was timed since the last lap."""
        self._now.clear()

    def lap(self) -> None:
        """Ends a photo."""
        self.laps.append(dict(self._now))
        self.clear()

    def ms(self, stage: str, *without: str) -> float:
        """Median milliseconds a lap of one stage less others within it."""
        return 1000 * median(lap[stage] - sum(lap[one] for one in without) for lap in self.laps)


def stages_ms(paths: Sequence[Path], work: Path) -> dict[str, float]:
    """Median milliseconds of processor time a photo of each stage, in one process with one thread, one photo after
    another."""
    model, watch = load_model(), Stopwatch()
    finder, grader = FaceFinder(None, model.settings.face), Grader(model)
    with open_store(work / "stages.xlsx") as store:
        store.begin(photo_files(paths), RunOptions("", "", "", "", ""))

        def whole(place: int, path: Path) -> None:
            _, face, quality = read_face(photo_files([path])[0], finder, model.settings)
            with watch.part("features"):
                photo = prepare(face, model.settings, quality)
            with watch.part("grade"):
                (result,) = grader.grade([photo])
            with watch.part("write"):
                store.put(place, face.sha256, result, face)

        whole(0, paths[0])  # loads what is loaded once
        with ExitStack() as watched:
            for owner, name, stage in calls_of(finder):
                watched.enter_context(watch.on(owner, name, stage))
            watch.clear()
            for place, path in enumerate(paths):
                whole(place, path)
                watch.lap()
    (work / "stages.toolkit.sqlite").unlink(missing_ok=True)
    return by_stage(watch)


def calls_of(finder: FaceFinder) -> list[tuple[Any, str, str]]:
    """What is timed: the function's owner, its name there, and what its time counts as."""
    return [
        (toolkit.pipeline, "read_photo", "decode"), (finder, "find", "find"),
        (toolkit.landmarks.finder, "refine", "landmarks"), (toolkit.pipeline, "make_chart", "chart"),
        (toolkit.pipeline, "cut_patches", "cut"), (toolkit.pipeline, "assess", "assess"),
        (toolkit.pipeline, "likenesses", "likeness"), (toolkit.phototable, "through_trunk", "see"), (Encoder, "place", "place"), (ReferenceIndex, "query", "index"),
    ]  # fmt: skip


def by_stage(watch: Stopwatch) -> dict[str, float]:
    """Milliseconds of STAGES."""
    return {
        "decode": watch.ms("decode"),
        "detect": watch.ms("find", "landmarks"),
        "landmarks": watch.ms("landmarks"),
        "chart": watch.ms("chart"),
        "patches": watch.ms("cut") + watch.ms("assess") + watch.ms("likeness"),
        "features": watch.ms("features"),
        "embedding": watch.ms("see") + watch.ms("place"),
        "index": watch.ms("index"),
        "blend": watch.ms("grade", "see", "place", "index"),
        "write": watch.ms("write"),
    }
