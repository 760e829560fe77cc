"""From a photograph to its grade, top to bottom: the stages in order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from toolkit.chart import make_chart, objects_note
from toolkit.correction import corrected
from toolkit.images import read_photo
from toolkit.judgement import Judgement, judge
from toolkit.landmarks import FaceFinder
from toolkit.likeness import likenesses
from toolkit.model import Model
from toolkit.ownphotos import Copied, OwnPhotos
from toolkit.patches import cut_patches
from toolkit.prepared import Prepared, prepare, through_trunk
from toolkit.quality import assess
from toolkit.records import (
    HIDDEN_CHEEK,
    REGIONS,
    FacePatches,
    Photo,
    PhotoFile,
    PhotoGrade,
    PhotoResult,
    Quality,
)
from toolkit.settings import Settings
from toolkit.study import known_mode, mode_notes, other_mode

__all__ = [
    "OUT_OF_RANGE",
    "Grader",
    "missing_regions",
    "prepare",
    "read_face",
    "read_patches",
    "through_trunk",
]

OUT_OF_RANGE = "out of range: unlike every graded reference"


def read_face(file: PhotoFile, finder: FaceFinder, settings: Settings) -> tuple[Photo, FacePatches, Quality]:
    """Photo -> colours -> landmarks -> chart -> patches -> quality; raises PhotoError or FaceError."""
    photo = corrected(read_photo(file.path, settings.photo), file.colour)
    return read_patches(photo, file, finder, settings)


def read_patches(
    photo: Photo, file: PhotoFile, finder: FaceFinder, settings: Settings
) -> tuple[Photo, FacePatches, Quality]:
    """``read_face`` of a photograph that is decoded already."""
    photo, face = finder.find_upright(photo, file.facts.side)
    chart = make_chart(photo, face, settings.chart, settings.patch.px_per_mm)
    patches, dropped = cut_patches(chart, face.side, settings.patch)
    quality = assess(photo, face, patches, settings.quality, chart=chart)
    notes = photo.notes + face.notes + objects_note(chart)
    found = FacePatches(file.name, photo.sha256, patches, face, dropped, quality.label, notes, chart,
                        *likenesses(photo.pixels), file.facts, photo.colour)  # fmt: skip
    return photo, found, quality


class Grader:
    """Grades photographs with one model; ``weights``: the grade of the whole side as ``learned``, or the mean of the
    regions' grades, weighed as in the ``mmasi`` or ``equal``. ``mode``: the light of the photographs that are graded, by
    their names; by default the model's own. Others get no grade."""

    def __init__(self, model: Model, weights: str = "learned", mode: str | None = None) -> None:
        self.model = model
        self.mode = known_mode(mode) if mode else model.mode
        self.weights = model.blend.region_weights(weights, model.settings.blend)
        self._own = OwnPhotos(model)

    def grade(self, prepared: Iterable[Prepared], batch: int = 64) -> Iterator[PhotoResult]:
        """Grades in the order given; a photo that could not be prepared gets an empty grade and a note."""
        waiting = iter(prepared)
        while photos := list(itertools.islice(waiting, batch)):
            yield from self._grade_batch(photos)

    def _grade_batch(self, photos: Sequence[Prepared]) -> Iterator[PhotoResult]:
        usable = [photo for photo in photos if self._gradable(photo)]
        copied = [self._own.copied(photo.face) for photo in usable]
        owners = [one.subject if one else "" for one in copied]
        judged = judge(self.model, usable, owners, self.weights) if usable else None
        pictures = iter(judged.output.maps if judged else ())
        number = itertools.count()
        for photo in photos:
            if judged is None or photo.face is None or not self._gradable(photo):
                yield self._failed(photo)
                continue
            i = next(number)
            # A photo that the trunk has seen elsewhere came without its pictures.
            count = len(photo.trunk_output.maps if photo.trunk_output else photo.inputs)
            yield PhotoResult(
                self._grade_of(photo, photo.face, i, judged, copied=copied[i]),
                tuple(judged.figures(i)),
                photo.quality,
                judged.contributions(i),
                tuple(judged.evidence(i)),
                tuple(itertools.islice(pictures, count)),
                photo.face.colour,
            )

    def _gradable(self, photo: Prepared) -> bool:
        return bool(photo.features) and photo.face is not None and not other_mode(photo.name, self.mode)

    def _failed(self, photo: Prepared) -> PhotoResult:
        quality = photo.face.quality if photo.face else ""
        note = photo.error or other_mode(photo.name, self.mode)
        return PhotoResult(PhotoGrade(photo.name, photo.facts, quality=quality, note=note))

    def _grade_of(
        self, photo: Prepared, face: FacePatches, i: int, judged: Judgement, *, copied: Copied | None
    ) -> PhotoGrade:
        """The grade of a photo that is number ``i`` of those judged."""
        facts, chart = photo.facts, face.chart
        grade, half_width = float(judged.grades[i]), float(judged.half_widths[i])
        regions = zip(REGIONS, judged.by_region[i].tolist(), strict=True)
        notes = (
            *(copied.notes(facts.subject) if copied else []),
            *mode_notes(photo.name, self.model.mode),
            *face.notes,
            *missing_regions(face),
            *([OUT_OF_RANGE] if judged.far[i] else []),
        )
        return PhotoGrade(
            name=photo.name,
            facts=replace(facts, side=facts.side or (face.face.side if face.face else None)),
            grade=grade,
            lower=max(grade - half_width, 0.0),
            upper=min(grade + half_width, 9.0),
            nearest_class=judged.nearest_class(i),
            regions={region: own for region, own in regions if own == own},
            quality=face.quality,
            note="; ".join(notes),
            visible_cm2=chart.visible_cm2 if chart else None,
            measured_cm2=chart.measured_cm2 if chart else None,
        )


def missing_regions(face: FacePatches) -> list[str]:
    """The regions of the shown side that are not graded by themselves, with the reason."""
    shown = face.face.side if face.face else "both"
    hidden = HIDDEN_CHEEK.get(shown)
    return [f"no {region} patch: {reason}" for region, reason in face.dropped.items() if region != hidden]
