"""The graded photographs that a model is made of, and what its card keeps of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from toolkit.errors import TrainingError
from toolkit.model import (
    HASH_LENGTH,
)
from toolkit.pipeline import Prepared
from toolkit.study import (
    JoinedGrades,
)
from toolkit.study.copies import Picture


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
        )
        for photo in photos
    ]  # fmt: skip


def photo_hashes(photos: Sequence[Prepared]) -> list[str]:
    """What the card keeps of the photographs that a model is made of."""
    return sorted({photo.face.sha256[:HASH_LENGTH] for photo in photos if photo.face})


def photo_contents(photos: Sequence[Prepared]) -> dict[str, list[str]]:
    """What the card keeps of each photo, to know a copy of it: the first digits of its SHA-256, and its likeness."""
    return {p.name: [p.face.sha256[:HASH_LENGTH], p.face.likeness] for p in photos if p.face}
