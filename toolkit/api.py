"""The toolkit from Python: one photograph, folders of them, a study. What the commands do, as functions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit import pipeline
from toolkit.commands.colours import read_colours
from toolkit.commands.grading import grade_photos
from toolkit.commands.shared import default_workers
from toolkit.commands.training import TrainRun, train_study
from toolkit.correction import corrected
from toolkit.images import photo_of_pixels, read_photo
from toolkit.landmarks import FaceFinder
from toolkit.model import Model, load_model
from toolkit.photos import photo_files
from toolkit.pipeline import prepare, read_patches
from toolkit.records import PhotoFacts, PhotoFile, PhotoGrade, PhotoResult, Side

PathLike = str | os.PathLike[str]


class Grader(pipeline.Grader):
    """Grades photographs with one model, loaded once: that of a folder, by default the starter model.

    ``weights``: the grade of the whole side as ``learned``, or the mean of the regions' grades, weighed as in the
    ``mmasi`` or ``equal``. ``landmark_model``: another 68-point dlib predictor (.dat). ``mode``: the light of the
    photographs that are graded (white, xpol, uv, ...), by the ends of their names, where it is not the model's own.
    ``colour``: how colours are corrected: a photograph of a colour chart, a table, or "in-frame", as ``--colour-chart``
    takes them. Raises ModelError, or PhotoError on the chart.
    """

    def __init__(
        self,
        model: Model | PathLike | None = None,
        weights: str = "learned",
        *,
        landmark_model: PathLike | None = None,
        mode: str | None = None,
        colour: PathLike | None = None,
    ) -> None:
        super().__init__(model if isinstance(model, Model) else load_model(_path(model)), weights, mode)
        self._landmark_model = _path(landmark_model)
        self._colours = read_colours(None if colour is None else os.fspath(colour))

    def grade_photo(
        self,
        photo: PathLike | NDArray[np.uint8],
        *,
        name: str | None = None,
        subject: str | None = None,
        side: Side | None = None,
    ) -> PhotoGrade:
        """The grade of one photograph, 0-9, with its interval: a file, or pixels (H, W, 3) uint8, sRGB and upright.

        ``subject`` and ``side`` where the file's name does not tell them: references of the subject do not answer.
        Raises PhotoError where it cannot be read and FaceError where no face is found; where too little skin is seen, or
        its name says another light than the model's, the grade is None, and the note says so.
        """
        return self.examine(photo, name=name, subject=subject, side=side).grade

    def examine(
        self,
        photo: PathLike | NDArray[np.uint8],
        *,
        name: str | None = None,
        subject: str | None = None,
        side: Side | None = None,
    ) -> PhotoResult:
        """``grade_photo`` with all that is behind it: figures, reasons, evidence, the predicted pigment."""
        settings = self.model.settings
        if isinstance(photo, np.ndarray):
            file = PhotoFile(Path(name or "picture"), name or "picture", PhotoFacts(name or "picture"))
            read = photo_of_pixels(photo, settings.photo, file.name)
        else:
            (file,) = photo_files([Path(photo)], [name] if name else None)
            read = read_photo(file.path, settings.photo)
        (file,), facts = self._colours.given_to([file]), file.facts
        file = replace(file, facts=replace(facts, subject=subject or facts.subject, side=side or facts.side))
        _, face, quality = read_patches(corrected(read, file.colour), file, self._finder, settings)
        (result,) = self.grade([prepare(face, settings, quality)])
        return result

    @cached_property
    def _finder(self) -> FaceFinder:
        return FaceFinder(self._landmark_model, self.model.settings.face)


def grade(
    images: PathLike | Sequence[PathLike], out: PathLike, model: PathLike | None = None, **options: Any
) -> list[PhotoGrade]:
    """Grade photographs and folders of them into a workbook, as ``toolkit grade``: one row per photo, in the order
    returned. ``options`` as for ``toolkit.commands.grading.grade_photos``; one process a core by default."""
    options.setdefault("workers", default_workers())
    return grade_photos(_paths(images), Path(out), _path(model), **options).grades


def train(
    images: PathLike | Sequence[PathLike],
    grades: PathLike | Sequence[PathLike],
    out: PathLike,
    **options: Any,
) -> TrainRun:
    """Train a model on graded photographs, as ``toolkit train``; ``options`` as for
    ``toolkit.commands.training.train_study``. The model is in the folder ``out``, and in what is returned."""
    options.setdefault("workers", default_workers())
    return train_study(_paths(images), _paths(grades), Path(out), **options)


def _path(path: PathLike | None) -> Path | None:
    return None if path is None else Path(path)


def _paths(paths: PathLike | Sequence[PathLike]) -> list[Path]:
    return [Path(paths)] if isinstance(paths, str | os.PathLike) else [Path(path) for path in paths]
