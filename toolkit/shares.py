"""Photographs graded in shares, each by a run of its own: which photograph is in which share."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from toolkit.errors import ToolkitError


@dataclass(frozen=True)
class Share:
    """Share ``number`` (from 1) of so many, ``of``."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def places(self, photos: Sequence[tuple[str, str]]) -> list[int]:
        """The places of the share's photographs among all ``photos``, (name, SHA-256) each."""
        return [place for place, photo in enumerate(photos) if share_of(*photo, self.of) == self.number]


@dataclass(frozen=True)
class Taken:
    """The share that a run took: out of so many ``photos``, whose names and contents have the hash ``whole``; where
    each photo of the share stood among these, ``places``."""

    share: Share
    photos: int
    whole: str
    places: tuple[int, ...]

    def within(self, noted: Mapping[int, str]) -> dict[int, str]:
        """What is ``noted`` of photos by their places among all, by their places in the share."""
        return {place: noted[whole] for place, whole in enumerate(self.places) if whole in noted}


def parse_share(text: str) -> Share:
    """What --part says: NUMBER/PARTS; raises ToolkitError."""
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text.strip())
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise ToolkitError(f"--part {text}: write it as NUMBER/PARTS, for example 3/16")
    return Share(int(found[1]), int(found[2]))


def share_of(name: str, sha256: str, of: int) -> int:
    """The number of the share that a photo is in, by its content: the same whatever else is graded, and however it is
    called. By its name where it cannot be read."""
    key = sha256 or hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return int(key[:16], 16) % of + 1


def take(share: Share, photos: Sequence[tuple[str, str]]) -> Taken:
    """The share of all ``photos``, (name, SHA-256) each."""
    return Taken(share, len(photos), whole_hash(photos), tuple(share.places(photos)))


def whole_hash(photos: Iterable[tuple[str, str]]) -> str:
    """A hash of names and contents, by which runs of the same photographs are known."""
    told = hashlib.sha256()
    for name, sha256 in photos:
        told.update(f"{name}\0{sha256}\n".encode("utf-8", "surrogatepass"))
    return told.hexdigest()
