"""Copies of the photographs that a model's references are of: none of them answers for a copy of itself."""

from __future__ import annotations

from toolkit.likeness import MIRRORED, SAME, bits_apart
from toolkit.model import HASH_LENGTH, Model
from toolkit.records import FacePatches


class OwnPhotos:
    """The photographs of a model's references, by content."""

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
