"""The graded photographs that a model is made of, and what its card keeps of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import TrainingError
from toolkit.model import (
    HASH_LENGTH,
)
from toolkit.photos import contents, photo_files, with_facts
from toolkit.pipeline import Prepared
from toolkit.records import PhotoFile
from toolkit.study import Columns, JoinedGrades, join_files, refuse_several_modes, refuse_shared, study_photos
from toolkit.study.copies import Picture


@dataclass(frozen=True, eq=False)
class GradedPhotos:
    """The photographs that have a grade, with what the study's workbook tells of them, and how they were joined with the
    grades; ``left_out``: why a photograph was not looked at, by its name."""

    photos: tuple[PhotoFile, ...]
    joined: JoinedGrades
    left_out: Mapping[str, str]


def graded_photos(
    files: Sequence[PhotoFile],
    grades_file: Path | Sequence[Path],
    columns: Columns = None,
    *,
    step: float | None = 0.5,
    retakes: bool = False,
    mode: str | None = None,
) -> GradedPhotos:
    """Join photographs and grades by name; no photograph is decoded. ``retakes`` as for ``refuse_shared``, ``mode``
    for ``study_photos``. Raises GradesError or TrainingError."""
    chosen, as_copies = study_photos([str(file.path) for file in files], mode)
    files = photo_files([Path(path) for path in chosen])
    joined = join_files(
        [file.name for file in files],
        grades_file,
        columns,
        step,
        places={file.name: file.path for file in files},
    )
    refuse_several_modes(joined.grades, mode)
    refuse_shared(joined, contents(files), retakes)
    graded = [file for file in with_facts(files, joined.facts) if file.name in joined.grades]
    left_out = {Path(path).name: reason for path, reason in as_copies.items()}
    return GradedPhotos(tuple(graded), joined, left_out)


def usable_photos(prepared: Sequence[Prepared]) -> tuple[list[Prepared], dict[str, str]]:
    """Those that the network can look at, and by name why the others are left out; raises TrainingError without any."""
    usable = [photo for photo in prepared if photo.inputs]
    left_out = {photo.name: photo.error for photo in prepared if not photo.inputs}
    if not usable:
        reasons = Counter(left_out.values()).most_common(1)
        raise TrainingError(
            f"no photograph could be used: {reasons[0][0] if reasons else 'none has a grade'}"
        )
    return usable, left_out


def pictures_of(photos: Sequence[Prepared], joined: JoinedGrades) -> list[Picture]:
    """Graded photos by their content."""
    return [
        Picture(
            photo.name, joined.facts[photo.name].subject, photo.face.sha256 if photo.face else "",
            photo.face.likeness if photo.face else "", joined.grades[photo.name],
            photo.face.mirrored if photo.face else "",
        )
        for photo in photos
    ]  # fmt: skip


def photo_hashes(photos: Sequence[Prepared]) -> list[str]:
    """What the card keeps of the photographs that a model is made of."""
    return sorted({photo.face.sha256[:HASH_LENGTH] for photo in photos if photo.face})


def photo_contents(photos: Sequence[Prepared]) -> dict[str, list[str]]:
    """What the card keeps of each photo, to know a copy of it: the first digits of its SHA-256, and its likeness."""
    return {p.name: [p.face.sha256[:HASH_LENGTH], p.face.likeness] for p in photos if p.face}
