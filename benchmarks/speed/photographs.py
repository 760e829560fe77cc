"""The photographs that are timed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from toolkit.commands.phantoms import make_phantoms
from toolkit.commands.shared import default_workers
from toolkit.errors import ToolkitError
from toolkit.images import find_photos
from toolkit.landmarks import FaceFinder
from toolkit.model import load_model
from toolkit.photos import photo_files
from toolkit.pipeline import prepare, read_face
from toolkit.prepared import Prepared
from toolkit.progress import progress_bars
from toolkit.settings import Settings

DISTINCT = 60
STAGED = 40  # photos that are timed stage by stage


def photographs(work: Path, count: int, images: Path | None) -> list[Path]:
    """``count`` files in a folder of their own: distinct in bytes, and as far as they go in pixels."""
    folder = work / f"photos-{count}"
    if not folder.is_dir():
        folder.mkdir(parents=True)
        originals = find_photos([images]) if images else drawn(work / "phantoms")
        for number, original in zip(range(count), itertools.cycle(originals), strict=False):
            copy = folder / f"{number:05}-{original.name}"
            copy.write_bytes(original.read_bytes() + (b"" if number < len(originals) else b"%d" % number))
    return find_photos([folder])


def drawn(folder: Path) -> list[Path]:
    """Half faces, as many as are told apart."""
    if not (folder / "truth.csv").is_file():
        with progress_bars(quiet=False) as tell:
            make_phantoms(
                folder, DISTINCT // 2, 1, "half", seed=7, faces=None, workers=default_workers(), tell=tell
            )
    return find_photos([folder / "images"])


def usable(paths: Sequence[Path]) -> list[Path]:
    """The first photographs that have a face and skin: stages can be timed on these alone."""
    settings, found = load_model().settings, []
    finder = FaceFinder(None, settings.face)
    for path in paths:
        with suppress(ToolkitError):
            if read_face(photo_files([path])[0], finder, settings)[1].patches:
                found.append(path)
        if len(found) == STAGED:
            break
    return found


def prepared(path: Path, finder: FaceFinder, settings: Settings) -> Prepared:
    """One photograph through the stages up to the network."""
    _, face, quality = read_face(photo_files([path])[0], finder, settings)
    return prepare(face, settings, quality)
