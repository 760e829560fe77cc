"""Who is on a photograph, which side, and what the parts of a face are called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolkit.records.colour import Colour

Side = Literal["left", "right", "both"]
Region = Literal["forehead", "left_cheek", "right_cheek", "chin"]
REGIONS: tuple[Region, ...] = ("forehead", "left_cheek", "right_cheek", "chin")
SIDE = "side"  # the region of what is told of a whole side


@dataclass(frozen=True)
class PhotoFacts:
    """Who is on a photograph and when it was taken, as far as its name or a workbook tells.

    ``subject`` is never empty (the file's stem where nothing better is known, so that every photo of
    unknown origin is a subject of its own); ``side`` and ``visit`` may be None.
    """

    subject: str
    side: Side | None = None
    visit: str | None = None


@dataclass(frozen=True)
class PhotoFile:
    """A photograph on disk: ``name`` is what its row is called, ``facts`` what its name or a study's workbook tells;
    ``colour`` how its colours are to be corrected, None: they stay as they are."""

    path: Path
    name: str
    facts: PhotoFacts
    colour: Colour | None = None
