"""The graded photographs that a model is made of, and what its card keeps of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import TrainingError
from toolkit.model import HASH_LENGTH, TRAINED_ON
from toolkit.photos import contents, photo_files, with_facts
from toolkit.prepared import Prepared
from toolkit.records import PhotoFile
from toolkit.study import (
    Columns,
    JoinedGrades,
    join_files,
    mode_of,
    refuse_several_modes,
    refuse_shared,
    study_photos,
)
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


def card_of(photos: Sequence[Prepared]) -> dict[str, Any]:
    """What a model's card keeps of its photographs: their mode, the first digits of each one's SHA-256, and by name these
    and its likeness, to know a copy of it."""
    contents_of = {p.name: [p.face.sha256[:HASH_LENGTH], p.face.likeness] for p in photos if p.face}
    return {
        TRAINED_ON: sorted({sha256 for sha256, _ in contents_of.values()}),
        "mode": mode_of(photos[0].name),
        "reference_photos": contents_of,
    }


def listed(files: Path | Sequence[Path]) -> list[Path]:
    """One file of grades or several, as several."""
    return [files] if isinstance(files, Path) else list(files)
