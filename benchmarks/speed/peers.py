"""What grading is compared with: a plain decode and loop, the seed's comparison, Keras, a GPU."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.speed.photographs import prepared
from benchmarks.speed.runs import timed
from toolkit.landmarks import FaceFinder
from toolkit.model import load_model
from toolkit.pipeline import Grader, through_trunk
from toolkit.siamese.inputs import CHANNELS

SEED_REFERENCES = 100  # of each class, that the 2020 capstone compares a photo with
SEED_CLASSES = 7
PATCH = (96, 224, CHANNELS)


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
    """Milliseconds a photo of the seed's comparison alone: every patch goes through the network together with
    each of 100 references of 7 classes, two inputs a pair."""
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


def resnet_ms(paths: Sequence[Path]) -> tuple[float, float]:
    """Milliseconds a photo, by the clock and of processor time, of what somebody would try first: decoded by OpenCV,
    reduced to 224 x 224 and seen once by a frozen ResNet50, in Keras. Random weights do not change the time."""
    import keras

    network = keras.applications.ResNet50(weights=None, include_top=False, pooling="avg")

    def see(path: Path) -> None:
        picture: Any = cv2.imread(str(path))
        small: Any = cv2.resize(picture, (224, 224), interpolation=cv2.INTER_AREA)
        network.predict_on_batch(small[None].astype(np.float32))

    see(paths[0])
    began, used = time.perf_counter(), time.process_time()
    for path in paths:
        see(path)
    spent = time.perf_counter() - began, time.process_time() - used
    return 1000 * spent[0] / len(paths), 1000 * spent[1] / len(paths)


def encoders(paths: Sequence[Path]) -> dict[str, dict[str, float]]:
    """ONNX Runtime against Keras: milliseconds a photo, and how far their grades differ."""
    model = load_model()
    finder = FaceFinder(None, model.settings.face)
    photos = [prepared(path, finder, model.settings) for path in paths]
    found, grades = {}, {}
    for name, encoder in (("ONNX Runtime", model.encoder), ("Keras on TensorFlow", model.encoder.in_keras())):
        for photo in photos[:3]:
            through_trunk(encoder, [photo])
        began = time.perf_counter()
        for photo in photos:
            through_trunk(encoder, [photo])
        each = 1000 * (time.perf_counter() - began) / len(photos)
        grader = Grader(replace(model, encoder=encoder))
        grades[name] = np.array([float(result.grade.grade or 0) for result in grader.grade(photos)])
        found[name] = {"ms a photo": each, "start, s": start_s("keras" in name.lower())}
    first, second = grades.values()
    for one in found.values():
        one["largest difference of a grade"] = float(np.abs(first - second).max())
    return found


def start_s(in_keras: bool) -> float:
    """Seconds from nothing to the first patch seen, in a fresh process."""
    code = (
        "import numpy as np; from toolkit.model import load_model; e = load_model().encoder; "
        f"e = e.in_keras() if {in_keras} else e; e.embed([np.ones({PATCH}, np.float16)])"
    )
    return timed([sys.executable, "-c", code])


def on_gpu() -> dict[str, float]:
    """Patches a second of the encoder in batches, where TensorFlow has a GPU; {} where not."""
    import tensorflow

    if not tensorflow.config.list_physical_devices("GPU"):
        return {}
    encoder = load_model().encoder.in_keras()
    picture = np.zeros(PATCH, np.float32)
    found = {}
    for batch in (1, 16, 64, 256):
        pictures = np.stack([picture] * batch)
        encoder.trunk.predict_on_batch(pictures)
        began = time.perf_counter()
        for _ in range(20):
            encoder.trunk.predict_on_batch(pictures)
        found[str(batch)] = 20 * batch / (time.perf_counter() - began)
    return found
