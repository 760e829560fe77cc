"""What grading is compared with: a plain decode, a plain loop over the stages, and the seed's comparison."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from benchmarks.speed.photographs import prepared
from toolkit.landmarks import FaceFinder
from toolkit.model import load_model
from toolkit.pipeline import Grader

SEED_REFERENCES = 100  # of each class, that the 2020 capstone compares a photo with
SEED_CLASSES = 7


def _one_thread() -> None:
    cv2.setNumThreads(1)


def _decoded(path: Path) -> int:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    return 0 if picture is None else picture.size


def plain_decode_ms(paths: Sequence[Path], workers: int) -> float:
    """Milliseconds a photo of OpenCV's full-size decode, over as many processes as grading has."""
    rounds = max(1, 400 // len(paths))
    with get_context("spawn").Pool(workers, _one_thread) as pool:
        pool.map(_decoded, paths, 8)
        began = time.perf_counter()
        for _ in range(rounds):
            pool.map(_decoded, paths, 8)
        return 1000 * (time.perf_counter() - began) / rounds / len(paths)


def loop_ms(paths: Sequence[Path]) -> float:
    """Milliseconds a photo of a plain loop over the public stage functions, in one process."""
    model = load_model()
    finder, grader = FaceFinder(None, model.settings.face), Grader(model)
    list(grader.grade([prepared(paths[0], finder, model.settings)]))
    began = time.perf_counter()
    for path in paths:
        list(grader.grade([prepared(path, finder, model.settings)]))
    return 1000 * (time.perf_counter() - began) / len(paths)


def seed_ms(paths: Sequence[Path]) -> float:
    """Milliseconds a photo of the seed's comparison alone: every patch goes through the network together with each
    of 100 references of 7 classes, two inputs a pair."""
    model = load_model()
    finder = FaceFinder(None, model.settings.face)
    photos = [prepared(path, finder, model.settings) for path in paths[:10]]
    patches = [one for photo in photos for one in photo.patch_inputs()]
    pairs = SEED_REFERENCES * SEED_CLASSES
    alike = [[one for one in patches if one.shape == patch.shape] for patch in photos[0].patch_inputs()]
    began = time.perf_counter()
    for patch, others in zip(photos[0].patch_inputs(), alike, strict=True):
        references = list(itertools.islice(itertools.cycle(others), pairs))
        a, _ = model.encoder.place(model.encoder.look([patch] * pairs)[0])
        b, _ = model.encoder.place(model.encoder.look(references)[0])
        np.linalg.norm(a - b, axis=1)
    return 1000 * (time.perf_counter() - began)
