"""Copies of the photographs that a model's references are of: none of them answers for a copy of itself."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.likeness import MIRRORED, SAME, bits_apart
from toolkit.model import HASH_LENGTH, Model
from toolkit.records import FacePatches


@dataclass(frozen=True)
class Copied:
    """A photograph of a model's references, its subject, and what another photo is of it, in words."""

    name: str
    subject: str
    what: str

    def notes(self, subject: str) -> list[str]:
        """A note where the other photo is said to be of another ``subject``."""
        if self.subject == subject:
            return []
        return [f"the {self.what} {self.name} of the model's own, under another subject"]


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

    def copied(self, face: FacePatches | None) -> Copied | None:
        """The photograph that a face is a copy or the mirror image of, if any."""
        if face is None or not self._names:
            return None
        same = self._hashes.get(face.sha256[:HASH_LENGTH])
        if same is not None:
            return self._copied(same, "same picture as")
        for looks, most, what in (
            (face.likeness, SAME, "same picture as"), (face.mirrored, MIRRORED, "mirror image of")
        ):  # fmt: skip
            apart = bits_apart([looks], self._likenesses)[0]
            if apart.min() <= most:
                return self._copied(int(apart.argmin()), what)
        return None

    def _copied(self, place: int, what: str) -> Copied:
        return Copied(self._names[place], self._subjects[place], what)
