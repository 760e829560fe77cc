"""A handful of drawn photographs and a model of made-up patches, for the tests of whole runs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from drawn_photos import drawn_face, drawn_half
from made_up_study import SETTINGS, spots_make_the_grade, study
from PIL import Image

from toolkit.model import Model, save_model
from toolkit.records import REGIONS
from toolkit.training import train


def small_model(folder: Path) -> Path:
    """A model that loads and grades; what it grades is of no account."""
    save_model(_small(), folder)
    return folder


@cache
def _small() -> Model:
    made = study(spots_make_the_grade, subjects=6, visits=2, regions=REGIONS, first=900)
    settings = replace(SETTINGS, encoder=replace(SETTINGS.encoder, epochs=1))
    return train(made.prepared, made.grades, made.subjects, settings, folds=2, seed=0).model


def write_photos(folder: Path, count: int) -> list[Path]:
    """Half and whole faces of ``count`` subjects, each picture of its own lightness."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        side = ("left", "right", "both")[number % 3]
        pixels = drawn_face(number // 3)[0] if side == "both" else drawn_half(side, number // 3)
        shaded = (pixels * (1 - 0.02 * number)).astype(np.uint8)
        name = (
            f"P{number // 2:04}_FACE_{side[0].upper().replace('B', 'F')}_S00_V00D00W{4 * (number % 2):02}.jpg"
        )
        paths.append(folder / name)
        Image.fromarray(shaded).save(paths[-1], quality=92)
    return paths
