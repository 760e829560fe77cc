"""From a photograph to its grade, top to bottom: the stages in order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from toolkit.blend import combine
from toolkit.chart import make_chart, objects_note
from toolkit.errors import ModelError
from toolkit.images import read_photo
from toolkit.index import Query
from toolkit.landmarks import FaceFinder
from toolkit.likeness import MIRRORED, SAME, bits_apart, likeness, mirrored_likeness
from toolkit.model import HASH_LENGTH, Model
from toolkit.patches import cut_patches
from toolkit.phototable import FIGURE, PhotoTable
from toolkit.prepared import Prepared, Seen, prepare, see
from toolkit.quality import Quality, assess, judge_casts
from toolkit.reasons import Rows, evidence_of, reasons_of_regions, reasons_of_side
from toolkit.records import HIDDEN_CHEEK, REGIONS, FacePatches, Photo, PhotoFile, PhotoGrade
from toolkit.settings import Settings
from toolkit.study import mode_notes
from toolkit.study.modes import WHITE

__all__ = ["OUT_OF_RANGE", "SIDE", "Grader", "PhotoResult", "PhotoTable", "Prepared", "Quality", "Rows", "Seen",
           "judge_study", "missing_regions", "prepare", "read_face", "read_patches", "see"]  # fmt: skip

OUT_OF_RANGE = "out of range: unlike every graded reference"
SIDE = "side"  # the region of the row that tells of the whole side
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class PhotoResult:
    """The grade of a photograph, and what it was made of: ``patch_rows`` one a patch with every figure, the last one of
    the whole side; ``contributions`` what the grade adds up from, the strongest first; ``evidence`` each patch's nearest
    graded references; ``pigment`` what the network predicted, added green OD (h, w), one a picture that it looked at:
    the chart, or each patch where there was no chart."""

    grade: PhotoGrade
    patch_rows: Rows = ()
    quality: Quality | None = None
    contributions: Rows = ()
    evidence: Rows = ()
    pigment: tuple[NDArray[np.float32], ...] = ()


def read_face(file: PhotoFile, finder: FaceFinder, settings: Settings) -> tuple[Photo, FacePatches, Quality]:
    """Photo -> landmarks -> chart -> patches -> quality; raises PhotoError or FaceError."""
    return read_patches(read_photo(file.path, settings.photo), file, finder, settings)


def read_patches(
    photo: Photo, file: PhotoFile, finder: FaceFinder, settings: Settings
) -> tuple[Photo, FacePatches, Quality]:
    """``read_face`` of a photograph that is decoded already."""
    face = finder.find(photo, file.facts.side)
    chart = make_chart(photo, face, settings.chart, settings.patch.px_per_mm)
    patches, dropped = cut_patches(chart, face.side, settings.patch)
    quality = assess(photo, face, patches, settings.quality, chart=chart)
    notes = photo.notes + face.notes + objects_note(chart)
    found = FacePatches(file.name, photo.sha256, patches, face, dropped, quality.label, notes, chart,
                        likeness(photo.pixels), mirrored_likeness(photo.pixels), file.facts)  # fmt: skip
    return photo, found, quality


@dataclass(frozen=True, eq=False)
class _Judged:
    """A batch of n patches of m photos: the tables of patches (n, p) and of sides (m, q) with their columns, what the
    references say, grades of regions (m, 4) and by the curve (m,); grades, half-widths and whether out of range (m,)."""

    seen: Seen
    patch_columns: tuple[str, ...]
    patch_values: Matrix
    columns: tuple[str, ...]
    values: Matrix
    found: Query
    by_curve: Matrix
    by_region: Matrix
    grades: Matrix
    half_widths: Matrix
    far: NDArray[np.bool_]


class Grader:
    """Grades photographs with one model; ``weights``: the grade of the whole side as ``learned``, or the mean of the
    regions' grades, weighed as in the ``mmasi`` or ``equal``."""

    def __init__(self, model: Model, weights: str = "learned") -> None:
        self.model = model
        self.weights = model.blend.region_weights(weights, model.settings.blend)
        self._own = _OwnPhotos(model)

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
        table = PhotoTable(batch)
        judged = self._judge(table, batch) if table.regions else None
        pictures = iter(judged.seen.maps if judged else ())
        for i, photo in enumerate(batch):
            if photo.error or photo.face is None or judged is None:
                yield _failed(photo)
                continue
            # A photo that the trunk has seen elsewhere came without its pictures.
            count = len(photo.seen.maps if photo.seen else photo.inputs)
            maps = tuple(itertools.islice(pictures, count))
            mine = np.flatnonzero(table.photo == i).tolist()
            bank = self.model.index.references
            evidence = tuple(
                line
                for row in mine
                for line in evidence_of(photo.name, table.regions[row], bank, judged.found, row=row)
            )
            yield PhotoResult(
                self._grade_of(photo, i, mine, judged),
                (*(_patch_row(table, row, judged) for row in mine), _side_row(photo.name, i, judged)),
                photo.quality,
                self._reasons(photo.name, i, judged),
                evidence,
                maps,
            )

    def _judge(self, table: PhotoTable, photos: Sequence[Prepared]) -> _Judged:
        """Patches through network and references, sides through the blend."""
        encoder, index, blend = self.model.encoder, self.model.index, self.model.blend
        seen = table.seen(encoder)
        embeddings, scores = encoder.place(seen.pooled)
        subjects = [photos[i].facts.subject for i in table.photo]
        copied = [self._own.subject_of(photos[i].face) for i in range(len(photos))]
        found = index.query(embeddings, table.regions, subjects, [copied[i] for i in table.photo])
        columns, values = table.side_columns(index), table.side_values(seen, found.features, scores)
        boosted, ridge = blend.side.predict_both(columns, values)
        by_curve = blend.curve.predict(values[:, columns.index(FIGURE)])
        by_region = table.region_grades(blend.curve, seen.figures)
        grades = blend.mixed(by_curve, boosted, ridge)
        if not np.isfinite(grades[table.places]).all():
            raise ModelError("the model's figures give no grade: restore the model folder or retrain")
        if self.weights is not None:
            grades = combine(by_region, self.weights)
        difficulty = table.difficulty(values, columns, np.abs(boosted - ridge), by_region, grades=grades)
        return _Judged(
            seen,
            table.patch_columns(index),
            table.patch_values(seen, found.features, scores),
            columns,
            values,
            found,
            by_curve,
            by_region,
            grades,
            blend.interval.half_width(difficulty),
            difficulty[:, 0] > blend.interval.far,
        )

    def _reasons(self, name: str, i: int, judged: _Judged) -> Rows:
        """What the grade of photo number ``i`` adds up from."""
        grade = float(judged.grades[i])
        if self.weights is not None:
            return reasons_of_regions(name, judged.by_region[i], self.weights, grade)
        parts, by_curve, start = self.model.blend.contributions(
            judged.values[i : i + 1], judged.by_curve[i : i + 1]
        )
        added = parts[0].copy()
        added[judged.columns.index(FIGURE)] += by_curve[0]
        return reasons_of_side(name, judged.columns, judged.values[i], added, start=start, grade=grade)

    def _grade_of(self, photo: Prepared, i: int, mine: Sequence[int], judged: _Judged) -> PhotoGrade:
        """The grade of photo number ``i``, whose patches are the rows ``mine``."""
        face = photo.face
        if face is None:
            raise ValueError(f"{photo.name} has no patches")
        labels = self.model.settings.index.class_labels()
        similar = judged.found.features[mine, : len(labels)]
        facts = photo.facts
        grade, half_width, regions = judged.grades[i], judged.half_widths[i], judged.by_region[i]
        chart = face.chart
        notes = (
            *self._own.notes(face, facts.subject),
            *mode_notes(photo.name, str(self.model.card.get("mode", WHITE))),
            *face.notes,
        )
        return PhotoGrade(
            name=photo.name,
            facts=replace(facts, side=facts.side or (face.face.side if face.face else None)),
            grade=float(grade),
            lower=float(max(grade - half_width, 0)),
            upper=float(min(grade + half_width, 9)),
            nearest_class=labels[int(np.nan_to_num(similar).mean(axis=0).argmax())]
            if np.isfinite(similar).any()
            else None,
            regions={r: float(g) for r, g in zip(REGIONS, regions, strict=True) if np.isfinite(g)},
            quality=face.quality,
            note="; ".join([*notes, *missing_regions(face), *([OUT_OF_RANGE] if judged.far[i] else [])]),
            visible_cm2=chart.visible_cm2 if chart else None,
            measured_cm2=chart.measured_cm2 if chart else None,
        )


class _OwnPhotos:
    """The photographs that a model's references are of, by content: none of them answers for a copy of itself."""

    def __init__(self, model: Model) -> None:
        held = model.card.get("reference_photos", {})
        bank = model.index.references
        by_name = dict(zip(bank.photos.tolist(), bank.subjects.tolist(), strict=True))
        self._names = [name for name in held if name in by_name]
        self._subjects = [by_name[name] for name in self._names]
        self._hashes = {held[name][0]: place for place, name in enumerate(self._names)}
        self._likenesses = [held[name][1] for name in self._names]

    def _place_of(self, face: FacePatches | None) -> tuple[int, str] | None:
        """Which of them a photo is a copy of, or the mirror image, if any; and which of both, in words."""
        if face is None or not self._names:
            return None
        same = self._hashes.get(face.sha256[:HASH_LENGTH])
        if same is not None:
            return same, "same picture as"
        for looks, most, what in (
            (face.likeness, SAME, "same picture as"), (face.mirrored, MIRRORED, "mirror image of")
        ):  # fmt: skip
            apart = bits_apart([looks], self._likenesses)[0]
            if apart.min() <= most:
                return int(apart.argmin()), what
        return None

    def subject_of(self, face: FacePatches | None) -> str:
        """The subject of the references whose photo a face is a copy of; "" where it is none."""
        found = self._place_of(face)
        return "" if found is None else self._subjects[found[0]]

    def notes(self, face: FacePatches, subject: str) -> list[str]:
        """A note where a photo is a copy of a reference's under another subject."""
        found = self._place_of(face)
        if found is None or self._subjects[found[0]] == subject:
            return []
        place, what = found
        return [f"the {what} {self._names[place]} of the model's own, under another subject"]


def _failed(photo: Prepared) -> PhotoResult:
    quality = photo.face.quality if photo.face else ""
    return PhotoResult(PhotoGrade(photo.name, photo.facts, quality=quality, note=photo.error))


def missing_regions(face: FacePatches) -> list[str]:
    """The regions of the shown side that are not graded by themselves, with the reason."""
    shown = face.face.side if face.face else "both"
    hidden = HIDDEN_CHEEK.get(shown)
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


def _named(columns: Sequence[str], values: Matrix) -> dict[str, float | None]:
    return {name: float(x) if np.isfinite(x) else None for name, x in zip(columns, values, strict=True)}


def _patch_row(table: PhotoTable, row: int, judged: _Judged) -> dict[str, str | float | None]:
    place, region = int(table.photo[row]), table.regions[row]
    grade = float(judged.by_region[place, REGIONS.index(region)])
    figures = _named(judged.patch_columns, judged.patch_values[row])
    return {"photo": table.photos[place], "region": region, "grade": grade, **figures}


def _side_row(name: str, i: int, judged: _Judged) -> dict[str, str | float | None]:
    figures = _named(judged.columns, judged.values[i])
    return {"photo": name, "region": SIDE, "grade": float(judged.by_curve[i]), **figures}
