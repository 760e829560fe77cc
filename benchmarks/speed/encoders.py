"""ONNX Runtime against Keras, and a GPU."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.speed.photographs import prepared
from benchmarks.speed.runs import timed
from toolkit.landmarks import FaceFinder
from toolkit.model import load_model
from toolkit.pipeline import Grader, see
from toolkit.siamese.inputs import CHANNELS

SIZE = (96, 224, CHANNELS)  # of a patch


def encoders(paths: Sequence[Path]) -> dict[str, dict[str, float]]:
    """ONNX Runtime against Keras: milliseconds a photo, and how far their grades differ."""
    model = load_model()
    finder = FaceFinder(None, model.settings.face)
    photos = [prepared(path, finder, model.settings) for path in paths]
    found, grades = {}, {}
    for name, encoder in (("ONNX Runtime", model.encoder), ("Keras on TensorFlow", model.encoder.in_keras())):
        for photo in photos[:3]:
            see(encoder, [photo])
        began = time.perf_counter()
        for photo in photos:
            see(encoder, [photo])
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
        f"e = e.in_keras() if {in_keras} else e; e.embed([np.ones({SIZE}, np.float16)])"
    )
    return timed([sys.executable, "-c", code])


def on_gpu() -> dict[str, float]:
    """Patches a second of the encoder in batches, where TensorFlow has a GPU; {} where not."""
    import tensorflow

    if not tensorflow.config.list_physical_devices("GPU"):
        return {}
    encoder = load_model().encoder.in_keras()
    picture = np.zeros(SIZE, np.float32)
    found = {}
    for batch in (1, 16, 64, 256):
        pictures = np.stack([picture] * batch)
        encoder.trunk.predict_on_batch(pictures)
        began = time.perf_counter()
        for _ in range(20):
            encoder.trunk.predict_on_batch(pictures)
        found[str(batch)] = 20 * batch / (time.perf_counter() - began)
    return found
