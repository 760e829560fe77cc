"""Studies of phantoms on disk: their photographs prepared, and what is known of each."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.commands.shared import default_workers
from toolkit.errors import TrainingError
from toolkit.images import find_photos
from toolkit.phantom.study import MAP_SCALE
from toolkit.photos import photo_files
from toolkit.prepared import Prepared
from toolkit.progress import Progress
from toolkit.settings import Settings
from toolkit.workers import prepare_all

Row = dict[str, str]
T = TypeVar("T")


def truth_of(study: Path) -> dict[str, Row]:
    """The rows of truth.csv by photograph."""
    with (study / "truth.csv").open(newline="", encoding="utf-8-sig") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def prepared_photos(
    study: Path, settings: Settings, stage: str, tell: Progress
) -> Iterator[tuple[Prepared, Row]]:
    """Every photograph ready to be graded, or with its error, and its row of the truth."""
    truth, paths = truth_of(study), find_photos([study / "images"])
    photos = prepare_all(photo_files(paths), settings, None, default_workers())
    for done, photo in enumerate(photos, 1):
        tell(stage, done, len(paths))
        yield photo, truth[photo.name]


def planted_map(study: Path, name: str) -> NDArray[np.float32]:
    """The planted green OD (H, W) of a photograph."""
    grey = cv2.imread(str((study / "maps" / name).with_suffix(".png")), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        raise TrainingError(f"{study}/maps: the map of {name} is missing; make the phantoms anew")
    return grey.astype(np.float32) / np.float32(MAP_SCALE)


def subject_of(subject: str, study: str, sitters: int) -> str:
    """Drawn faces are a subject each; ``sitters`` photographs, painted in turn, one for all paintings."""
    return f"face:{sitter_of(subject, range(sitters))}" if sitters else f"{study}:{subject}"


def sitter_of(subject: str, sitters: Sequence[T]) -> T:
    """Who of the ``sitters``, painted in turn, a subject is."""
    return sitters[(int(subject[1:]) - 1) % len(sitters)]
