"""Which folders the window may look into: those named when it was opened, and nothing beyond, by no path and no link."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolkit.errors import ToolkitError
from toolkit.formats import is_photo_name
from toolkit.model import CARD

Kind = Literal["folder", "photo", "table", "model"]
_TABLES = (".xlsx", ".xlsm", ".csv", ".tsv", ".txt")
_MOST_ENTRIES = 2000  # of a folder, so that one of a million files stalls nobody


class NotAllowedError(ToolkitError):
    """A path lies outside the folders that the window may look into."""


@dataclass(frozen=True)
class Entry:
    """One line of a folder: its ``name``, its whole ``path`` and what it is."""

    name: str
    path: Path
    kind: Kind


@dataclass(frozen=True)
class Listing:
    """What a folder holds that can be chosen; ``up``: the folder above, None where that may not be seen. ``photos`` lie
    in it directly; ``more`` entries are left out of a folder that holds too many."""

    path: Path | None
    up: Path | None
    entries: tuple[Entry, ...]
    photos: int
    more: int


class AllowedFolders:
    """The folders ``roots`` and all that lies in them. A link in them that leads out of them is not followed."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self.roots = tuple(dict.fromkeys(_real(root) for root in roots))
        for root in self.roots:
            if not root.is_dir():
                raise ToolkitError(f"{root}: there is no such folder: name one that exists")

    def holds(self, path: Path) -> bool:
        """Whether a path, wherever its links lead, ends in these folders."""
        real = _real(path)
        return any(real.is_relative_to(root) for root in self.roots)

    def path(self, text: str) -> Path:
        """The path that a request names; raises NotAllowedError, without a word on whether it exists."""
        path = Path(text)
        if "\0" in text or not path.is_absolute() or not self.holds(path):
            raise NotAllowedError(f"{text!r:.200} lies outside the folders that this window may look into")
        return Path(os.path.normpath(path))

    def refuse_outside(self, paths: Iterable[Path]) -> None:
        """Raise NotAllowedError where one of the paths leads out of these folders."""
        for path in paths:
            if not self.holds(path):
                raise NotAllowedError(
                    f"{path}: is a link that leads out of the folders that this window may look into: copy the file, or "
                    "open the window with the folder it leads to"
                )

    def listing(self, folder: Path | None) -> Listing:
        """What can be chosen in a folder; of None the folders to begin with. Raises ToolkitError."""
        if folder is None and len(self.roots) == 1:
            folder = self.roots[0]
        if folder is None:
            return Listing(None, None, tuple(Entry(str(root), root, "folder") for root in self.roots), 0, 0)
        try:
            inside = sorted(folder.iterdir(), key=lambda path: path.name.casefold())
        except OSError as error:
            raise ToolkitError(f"{folder}: cannot be listed ({error.strerror}): choose another") from None
        shown = [path for path in inside if not path.name.startswith(".") and self.holds(path)]
        entries = [
            Entry(path.name, path, kind)
            for path in shown[:_MOST_ENTRIES]
            if (kind := _kind(path)) is not None
        ]
        up = folder.parent if folder != folder.parent and self.holds(folder.parent) else None
        photos = sum(entry.kind == "photo" for entry in entries)
        order: Sequence[Kind] = ("folder", "model", "table", "photo")
        entries.sort(key=lambda entry: order.index(entry.kind))
        return Listing(folder, up, tuple(entries), photos, max(0, len(shown) - _MOST_ENTRIES))


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _kind(path: Path) -> Kind | None:
    if path.is_dir():
        return "model" if (path / CARD).is_file() else "folder"
    if path.suffix.casefold() in _TABLES:
        return "table"
    return "photo" if is_photo_name(path) else None
