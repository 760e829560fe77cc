"""People whose points were set by hand."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.making.landmark_network.handmade import read_points
from benchmarks.making.landmark_network.pictures import fold_of, training_photos
from benchmarks.people import spread
from toolkit.images import find_photos
from toolkit.phantom.study import read_rgb

MIDLINE_PAIRS = ((18, 27), (22, 23), (71, 82), (61, 66), (64, 69), (87, 93), (127, 131))


@dataclass
class Subject:
    """A plain photo (RGB) with its 189 points and the group it belongs to."""

    name: str
    group: str
    pixels: np.ndarray
    points: np.ndarray

    @property
    def span_px(self) -> float:
        """The distance of the outer eye corners."""
        return float(np.linalg.norm(self.points[27] - self.points[18]))

    @property
    def px_per_mm(self) -> float:
        """Outer eye corners are 89.5 mm apart on a mean face."""
        return self.span_px / 89.5

    @property
    def midline(self) -> tuple[float, float]:
        """x0 and slope of x(y) through the midpoints of paired points."""
        middles = np.array([self.points[list(pair)].mean(axis=0) for pair in MIDLINE_PAIRS])
        slope, x0 = np.polyfit(middles[:, 1], middles[:, 0], 1)
        return float(x0), float(slope)


def subjects(folder: Path, limit: int | None) -> Iterator[Subject]:
    """The people of neutral/, and the group each says that he or she belongs to."""
    with (folder / "people.csv").open() as file:
        groups = {row["face_id"]: row["face_eth"] for row in csv.DictReader(file)}
    for path in spread(find_photos([folder / "neutral"]), limit):
        points = read_points(path.with_suffix(".tem"))
        yield Subject(path.stem, groups.get(path.stem[:3], "?"), read_rgb(path), points)


def people_left_out(faces: Path, fold: str) -> set[str]:
    """Names of the photos of neutral/ that a fold "I/N" left out (see benchmarks.making); none for ""."""
    left_out, folds = map(int, fold.split("/")) if fold else (-1, 1)
    places = fold_of(training_photos(faces), folds)
    return {
        path.stem for path, place in places.items() if place == left_out and path.parent.name == "neutral"
    }
