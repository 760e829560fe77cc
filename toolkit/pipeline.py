"""From a photograph to its grade, top to bottom: the stages in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.blend import combine
from toolkit.images import read_photo
from toolkit.landmarks import FaceFinder
from toolkit.model import Model
from toolkit.patches import cut_patches
from toolkit.pigment import measure
from toolkit.quality import Quality, assess, judge_casts
from toolkit.records import REGIONS, FacePatches, Photo, PhotoGrade
from toolkit.settings import Settings
from toolkit.siamese import encoder_input
from toolkit.study import facts_from_name


@dataclass(frozen=True, eq=False)
class Prepared:
    """A photograph ready for the network: one row of features and one encoder input a patch.

    ``error`` says why there is nothing, when the photo could not be used.
    """

    name: str
    face: FacePatches | None = None
    features: tuple[Mapping[str, float], ...] = ()
    inputs: tuple[NDArray[np.float16], ...] = ()
    quality: Quality | None = None
    error: str = ""


@dataclass(frozen=True)
class PhotoResult:
    """The grade of a photograph, and one row a patch of everything it was made of."""

    grade: PhotoGrade
    patch_rows: tuple[Mapping[str, str | float | None], ...] = field(default=())
    quality: Quality | None = None


def read_face(
    path: Path, name: str, finder: FaceFinder, settings: Settings
) -> tuple[Photo, FacePatches, Quality]:
    """Photo -> landmarks -> patches -> quality; raises PhotoError or FaceError."""
    photo = read_photo(path, settings.photo)
    face = finder.find(photo, facts_from_name(name).side)
    patches, dropped = cut_patches(photo, face, settings.patch)
    quality = assess(photo, face, patches, settings.quality)
    notes = photo.notes + face.notes
    found = FacePatches(name, photo.sha256, patches, face, dropped, quality.label, notes)
    return photo, found, quality


def prepare(face: FacePatches, settings: Settings, quality: Quality | None = None) -> Prepared:
    """Patches -> pigment features and the network's input."""
    if not face.patches:
        reasons = "; ".join(f"{region}: {reason}" for region, reason in face.dropped.items())
        return Prepared(face.name, face, error=f"no patch holds enough skin ({reasons})")
    rows, maps = zip(*(measure(patch, settings.pigment) for patch in face.patches), strict=True)
    return Prepared(face.name, face, rows, tuple(encoder_input(m, settings.encoder) for m in maps), quality)


class PatchTable:
    """All patches of many photographs side by side: pigment features, encoder inputs, whose they are."""

    def __init__(self, prepared: Sequence[Prepared]) -> None:
        self.inputs = [x for photo in prepared for x in photo.inputs]
        self.photo = np.array([i for i, photo in enumerate(prepared) for _ in photo.inputs], dtype=np.int64)
        self.photos = [photo.name for photo in prepared]
        faces = [photo.face for photo in prepared if photo.inputs and photo.face]
        self.regions = [patch.region for face in faces for patch in face.patches]
        features = [row for photo in prepared for row in photo.features]
        self.columns = tuple(features[0]) if features else ()
        self.values = np.array([[row[c] for c in self.columns] for row in features]).reshape(
            len(features), len(self.columns)
        )

    def blend_columns(self, learnt: Sequence[str]) -> tuple[str, ...]:
        """Names of ``blend_values``' columns."""
        return (*self.columns, *learnt, "embedding_score", "is_forehead", "is_chin")

    def blend_values(self, learnt: NDArray, scores: NDArray) -> NDArray[np.float64]:
        """What the blend sees: pigment features, index features ``learnt`` (n, q), scores (n,), region."""
        regions = np.array(self.regions)
        flags = np.column_stack([regions == "forehead", regions == "chin"])
        return np.column_stack([self.values, learnt, scores, flags]).astype(np.float64)

    def by_photo(self, patch_grades: NDArray) -> NDArray[np.float64]:
        """Patch grades (n,) laid out as (photos, 4) in the order of REGIONS; NaN where there is no patch."""
        grid = np.full((len(self.photos), len(REGIONS)), np.nan)
        grid[self.photo, [REGIONS.index(region) for region in self.regions]] = patch_grades
        return grid


class Grader:
    """Grades photographs with one model."""

    def __init__(self, model: Model, weights: str = "learned") -> None:
        self.model = model
        self.weights = model.blend.region_weights(weights, model.settings.blend)

    def grade(self, prepared: Iterable[Prepared], batch: int = 64) -> Iterator[PhotoResult]:
        """Grades in the order given; a photo that could not be prepared gets an empty grade and a note."""
        waiting: list[Prepared] = []
        for photo in prepared:
            waiting.append(photo)
            if len(waiting) == batch:
                yield from self._grade_batch(waiting)
                waiting = []
        if waiting:
            yield from self._grade_batch(waiting)

    def _grade_batch(self, batch: Sequence[Prepared]) -> Iterator[PhotoResult]:
        table = PatchTable(batch)
        facts = [facts_from_name(photo.name) for photo in batch]
        subjects = [facts[i].subject for i in table.photo]
        embeddings, scores = self.model.encoder.embed(table.inputs)
        index = self.model.index
        learnt = index.features(embeddings, table.regions, subjects)
        columns, values = table.blend_columns(index.columns), table.blend_values(learnt, scores)
        patch_grades = self.model.blend.patch.predict(columns, values) if table.inputs else np.zeros(0)
        by_photo = table.by_photo(patch_grades)
        grades = combine(by_photo, self.weights)
        labels = self.model.settings.index.class_labels()
        half_width = self.model.blend.half_width
        for i, photo in enumerate(batch):
            if photo.error or photo.face is None:
                note = photo.error
                quality = photo.face.quality if photo.face else ""
                yield PhotoResult(PhotoGrade(photo.name, facts[i], quality=quality, note=note))
                continue
            mine = np.flatnonzero(table.photo == i)
            similar = np.nan_to_num(learnt[mine, : len(labels)]).mean(axis=0)
            grade = PhotoGrade(
                name=photo.name,
                facts=replace(
                    facts[i], side=facts[i].side or (photo.face.face.side if photo.face.face else None)
                ),
                grade=float(grades[i]),
                lower=float(max(grades[i] - half_width, 0)),
                upper=float(min(grades[i] + half_width, 9)),
                nearest_class=labels[int(similar.argmax())],
                regions={r: float(g) for r, g in zip(REGIONS, by_photo[i], strict=True) if np.isfinite(g)},
                quality=photo.face.quality,
                note="; ".join([*photo.face.notes, *_missing(photo.face)]),
            )
            rows = tuple(_patch_row(table, row, columns, values, patch_grades) for row in mine.tolist())
            yield PhotoResult(grade, rows, photo.quality)


def _missing(face: FacePatches) -> list[str]:
    """The regions of the shown side that could not be measured, with the reason."""
    shown = face.face.side if face.face else "both"
    hidden = {"left": "right_cheek", "right": "left_cheek"}.get(shown)
    return [f"no {region} patch: {reason}" for region, reason in face.dropped.items() if region != hidden]


def judge_study(results: Sequence[PhotoResult], settings: Settings) -> list[PhotoResult]:
    """The results with "colour cast" in the quality of photos whose colour is unlike the rest of the run's."""
    known = [result for result in results if result.quality]
    judged = judge_casts([result.quality for result in known if result.quality], settings.quality)
    labels = {id(result): quality.label for result, quality in zip(known, judged, strict=True)}
    return [
        replace(result, grade=replace(result.grade, quality=labels.get(id(result), result.grade.quality)))
        for result in results
    ]


def _patch_row(
    table: PatchTable, row: int, columns: Sequence[str], values: NDArray, patch_grades: NDArray
) -> dict[str, str | float | None]:
    figures = {
        name: float(x) if np.isfinite(x) else None for name, x in zip(columns, values[row], strict=True)
    }
    photo, region = table.photos[table.photo[row]], table.regions[row]
    return {"photo": photo, "region": region, "grade": float(patch_grades[row]), **figures}
