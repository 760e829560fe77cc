"""From a photograph to its grade, top to bottom: the stages in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.blend import combine, for_tone, mixed
from toolkit.images import read_photo
from toolkit.index import Query, ReferenceIndex
from toolkit.landmarks import FaceFinder
from toolkit.model import Model
from toolkit.patches import cut_patches
from toolkit.pigment import LEARNT_COLUMNS, learnt_table, measure
from toolkit.quality import Quality, assess, judge_casts
from toolkit.records import HIDDEN_CHEEK, REGIONS, FacePatches, Photo, PhotoGrade
from toolkit.settings import Settings
from toolkit.siamese import Encoder, encoder_input
from toolkit.study import facts_from_name


@dataclass(frozen=True, eq=False)
class Seen:
    """What a trunk sees of n patches: ``pooled`` (n, p) float32 for the head, the predicted ``maps`` of pigment, and
    ``figures`` (n, q) of them."""

    pooled: NDArray[np.float32]
    figures: NDArray[np.float64]
    maps: tuple[NDArray[np.float32], ...]


def see(encoder: Encoder, inputs: Sequence[NDArray]) -> Seen:
    """Encoder inputs of n patches through the trunk."""
    pooled, maps = encoder.look(inputs)
    skins = [picture[..., -1] > 0.5 for picture in inputs]
    return Seen(pooled, learnt_table(maps, skins, encoder.settings.px_per_mm), maps)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A photograph ready to be graded: one row of features a patch, and either one encoder input a patch or what
    the trunk ``seen`` of these.

    ``error`` says why there is nothing, when the photo could not be used.
    """

    name: str
    face: FacePatches | None = None
    features: tuple[Mapping[str, float], ...] = ()
    inputs: tuple[NDArray[np.float16], ...] = ()
    quality: Quality | None = None
    error: str = ""
    seen: Seen | None = None


Rows = tuple[Mapping[str, str | float | None], ...]
OUT_OF_RANGE = "out of range: unlike every graded reference"
_REASONS = 8  # contributions told a photo
_EVIDENCE = 3  # references told a patch


@dataclass(frozen=True)
class PhotoResult:
    """The grade of a photograph, and what it was made of: ``patch_rows`` one a patch with every figure,
    ``contributions`` the figures that moved the grade most, ``evidence`` each patch's nearest graded references;
    ``pigment`` the map of each patch that the network predicted, added green OD (h, w)."""

    grade: PhotoGrade
    patch_rows: Rows = ()
    quality: Quality | None = None
    contributions: Rows = ()
    evidence: Rows = ()
    pigment: tuple[NDArray[np.float32], ...] = ()


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
        self.photo = np.array([i for i, photo in enumerate(prepared) for _ in photo.features], dtype=np.int64)
        self.photos = [photo.name for photo in prepared]
        faces = [photo.face for photo in prepared if photo.features and photo.face]
        self._usable = [photo for photo in prepared if photo.features]
        self.regions = [patch.region for face in faces for patch in face.patches]
        features = [row for photo in prepared for row in photo.features]
        self.columns = tuple(features[0]) if features else ()
        self.values = np.array([[row[c] for c in self.columns] for row in features]).reshape(
            len(features), len(self.columns)
        )

    def seen(self, encoder: Encoder) -> Seen:
        """What a trunk sees of the patches, where that is not known already."""
        if not any(photo.seen for photo in self._usable):
            return see(encoder, self.inputs)
        known = [photo.seen or see(encoder, photo.inputs) for photo in self._usable]
        return Seen(
            np.concatenate([seen.pooled for seen in known]),
            np.concatenate([seen.figures for seen in known]),
            tuple(one for seen in known for one in seen.maps),
        )

    def blend_columns(self, index: ReferenceIndex) -> tuple[str, ...]:
        """Names of ``blend_values``' columns."""
        return (*self.columns, *LEARNT_COLUMNS, *index.columns, "embedding_score", "is_forehead", "is_chin")

    def blend_values(self, seen: Seen, similar: NDArray, scores: NDArray) -> NDArray[np.float64]:
        """What the blend sees: pigment features, figures of the predicted pigment, index features ``similar``
        (n, q), embedding scores (n,), region."""
        regions = np.array(self.regions)
        flags = np.column_stack([regions == "forehead", regions == "chin"])
        return np.column_stack([self.values, seen.figures, similar, scores, flags]).astype(np.float64)

    def loads(
        self, values: NDArray, columns: Sequence[str], weights: Sequence[float], tone_gain: float
    ) -> NDArray[np.float64]:
        """Predicted load of pigment of each photo (photos,): green OD, weighed by region as in the mMASI, and
        corrected ``for_tone``."""
        load, ita = (
            combine(self.by_photo(values[:, columns.index(name)]), np.asarray(weights))
            for name in (LEARNT_COLUMNS[0], "ita_deg")
        )
        return np.nan_to_num(for_tone(load, ita, tone_gain))

    def difficulty(
        self,
        values: NDArray,
        columns: Sequence[str],
        disagreement: NDArray,
        by_photo: NDArray,
        grades: NDArray,
    ) -> NDArray[np.float64]:
        """What makes a photo hard to grade (photos, len(DIFFICULTY)), NaN where unknown.

        Means over its patches of blend columns and of ``disagreement`` (n,) between the two regressors, the
        deviation of its region grades ``by_photo`` (photos, 4), and its grade (photos,).
        """

        def mean(patchwise: NDArray) -> NDArray:
            counts = np.bincount(self.photo, minlength=len(self.photos))
            return np.bincount(self.photo, patchwise, len(self.photos)) / np.where(counts, counts, np.nan)

        distance, spread, ita = (
            mean(values[:, columns.index(name)])
            for name in ("neighbour_distance", "neighbour_spread", "ita_deg")
        )
        counts = np.isfinite(by_photo).sum(axis=1)
        middle = np.nansum(by_photo, axis=1) / np.maximum(counts, 1)
        apart = np.sqrt(np.nansum((by_photo - middle[:, None]) ** 2, axis=1) / np.maximum(counts, 1))
        return np.column_stack([distance, spread, mean(disagreement), apart, grades, ita])

    def by_photo(self, patch_grades: NDArray) -> NDArray[np.float64]:
        """Patch grades (n,) laid out as (photos, 4) in the order of REGIONS; NaN where there is no patch."""
        grid = np.full((len(self.photos), len(REGIONS)), np.nan)
        grid[self.photo, [REGIONS.index(region) for region in self.regions]] = patch_grades
        return grid


@dataclass(frozen=True, eq=False)
class _Judged:
    """A batch of n patches of m photos: blend ``columns`` (p) and ``values`` (n, p), what the references say, patch
    grades (n,), contributions (n, p); region grades (m, 4), loads, grades, half-widths and whether out of range
    (m,)."""

    seen: Seen
    columns: tuple[str, ...]
    values: NDArray[np.float64]
    found: Query
    patch_grades: NDArray[np.float64]
    contributions: NDArray[np.float64]
    by_photo: NDArray[np.float64]
    loads: NDArray[np.float64]
    grades: NDArray[np.float64]
    half_widths: NDArray[np.float64]
    far: NDArray[np.bool_]


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
        judged = self._judge(table) if table.regions else None
        for i, photo in enumerate(batch):
            if photo.error or photo.face is None or judged is None:
                yield _failed(photo)
                continue
            mine = np.flatnonzero(table.photo == i).tolist()
            shares = self._shares(judged.by_photo[i])
            reasons = tuple(reason for row in mine for reason in _reasons(table, row, judged, shares))
            reasons += (self._reason_of_load(photo.name, judged.loads[i]),)
            evidence = tuple(line for row in mine for line in _evidence(table, row, self.model.index, judged))
            rows = tuple(_patch_row(table, row, judged) for row in mine)
            grade = self._grade_of(photo, i, mine, judged)
            pigment = tuple(judged.seen.maps[row] for row in mine)
            yield PhotoResult(grade, rows, photo.quality, _strongest(reasons), evidence, pigment)

    def _judge(self, table: PatchTable) -> _Judged:
        """Patches through network, references and blend; photos by their patches' grades."""
        encoder, index, blend = self.model.encoder, self.model.index, self.model.blend
        seen = table.seen(encoder)
        embeddings, scores = encoder.place(seen.pooled)
        subjects = [facts_from_name(table.photos[i]).subject for i in table.photo]
        found = index.query(embeddings, table.regions, subjects)
        columns, values = table.blend_columns(index), table.blend_values(seen, found.features, scores)
        boosted, ridge = blend.patch.predict_both(columns, values)
        patch_grades = mixed(boosted, ridge, blend.patch.share)
        by_photo = table.by_photo(patch_grades)
        mmasi = self.model.settings.blend.mmasi_weights
        loads = table.loads(values, columns, mmasi, blend.curve.tone_gain)
        grades = blend.curve.mixed(loads, combine(by_photo, self.weights))
        difficulty = table.difficulty(values, columns, np.abs(boosted - ridge), by_photo, grades)
        half_widths, far = blend.interval.half_width(difficulty), difficulty[:, 0] > blend.interval.far
        contributions = (1 - blend.curve.share) * blend.patch.contributions(values)
        return _Judged(
            seen,
            columns,
            values,
            found,
            patch_grades,
            contributions,
            by_photo,
            loads,
            grades,
            half_widths,
            far,
        )

    def _grade_of(self, photo: Prepared, i: int, mine: Sequence[int], judged: _Judged) -> PhotoGrade:
        """The grade of photo number ``i``, whose patches are the rows ``mine``."""
        face = photo.face
        if face is None:
            raise ValueError(f"{photo.name} has no patches")
        labels = self.model.settings.index.class_labels()
        similar = judged.found.features[mine, : len(labels)]
        facts = facts_from_name(photo.name)
        grade, half_width, regions = judged.grades[i], judged.half_widths[i], judged.by_photo[i]
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
            note="; ".join([*face.notes, *missing_regions(face), *([OUT_OF_RANGE] if judged.far[i] else [])]),
        )

    def _reason_of_load(self, photo: str, load: float) -> dict[str, str | float | None]:
        """What the predicted load of the whole face adds to its grade, against the usual grade."""
        curve = self.model.blend.curve
        added = curve.share * float(curve.predict(np.array([load]))[0] - curve.usual)
        return {
            "photo": photo,
            "region": "face",
            "figure": "predicted_load",
            "value": float(load),
            "contribution": added,
        }

    def _shares(self, region_grades: NDArray) -> dict[str, float]:
        """Each region's part of this face's grade: the weights of the regions that are there."""
        weights = np.where(np.isfinite(region_grades), self.weights, 0)
        return dict(zip(REGIONS, (weights / max(weights.sum(), 1e-9)).tolist(), strict=True))


def _failed(photo: Prepared) -> PhotoResult:
    quality = photo.face.quality if photo.face else ""
    return PhotoResult(PhotoGrade(photo.name, facts_from_name(photo.name), quality=quality, note=photo.error))


def missing_regions(face: FacePatches) -> list[str]:
    """The regions of the shown side that could not be measured, with the reason."""
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


def _patch_row(table: PatchTable, row: int, judged: _Judged) -> dict[str, str | float | None]:
    figures = {
        name: float(x) if np.isfinite(x) else None
        for name, x in zip(judged.columns, judged.values[row], strict=True)
    }
    photo, region = table.photos[table.photo[row]], table.regions[row]
    return {"photo": photo, "region": region, "grade": float(judged.patch_grades[row]), **figures}


def _reasons(
    table: PatchTable, row: int, judged: _Judged, shares: Mapping[str, float]
) -> Iterator[dict[str, str | float | None]]:
    """What each figure of a patch adds to the grade of the face, in grades against an average patch."""
    photo, region = table.photos[table.photo[row]], table.regions[row]
    for column, value, part in zip(
        judged.columns, judged.values[row], judged.contributions[row], strict=True
    ):
        yield {
            "photo": photo,
            "region": region,
            "figure": column,
            "value": float(value) if np.isfinite(value) else None,
            "contribution": float(part) * shares[region],
        }


def _strongest(reasons: Rows) -> Rows:
    return tuple(sorted(reasons, key=lambda reason: -abs(float(reason["contribution"] or 0)))[:_REASONS])


def _evidence(
    table: PatchTable, row: int, index: ReferenceIndex, judged: _Judged
) -> Iterator[dict[str, str | float | None]]:
    """The nearest graded references of a patch, nearest first."""
    bank, found = index.references, judged.found
    for place, number in enumerate(found.nearest[row][:_EVIDENCE], 1):
        if number >= 0:
            yield {
                "photo": table.photos[table.photo[row]],
                "region": table.regions[row],
                "place": place,
                "reference_photo": str(bank.photos[number]),
                "reference_region": str(bank.regions[number]),
                "reference_grade": float(bank.grades[number]),
                "distance": float(found.distances[row, number]),
                "reference": int(number),
            }
