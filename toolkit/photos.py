"""Photographs as files: where they lie, what they are called, and what their names tell of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from toolkit.errors import PhotoError
from toolkit.images import file_sha256, find_photos
from toolkit.records import PhotoFacts, PhotoFile
from toolkit.study.names import facts_from_name


def find_photo_files(images: Sequence[Path]) -> list[PhotoFile]:
    """The photographs among files and in folders, searched recursively; raises PhotoError where there is none."""
    paths = find_photos(images)
    if not paths:
        raise PhotoError(
            f"no photographs in {', '.join(map(str, images))}: use JPEG, PNG, TIFF, BMP, WebP, JPEG 2000, GIF, AVIF, HEIC or DICOM files"
        )
    return photo_files(paths)


def photo_files(paths: Sequence[Path], names: Sequence[str] | None = None) -> list[PhotoFile]:
    """Photographs at ``paths``, by ``names`` or by those of ``photo_names``, with the facts that their names tell."""
    return [
        PhotoFile(Path(path), name, facts_from_name(name))
        for path, name in zip(paths, names or photo_names(paths), strict=True)
    ]


def photo_names(paths: Sequence[Path]) -> list[str]:
    """Names for the workbook: file names, or paths below the common folder where photos lie in several."""
    whole = [Path(path).parent.resolve() / Path(path).name for path in paths]
    common = os.path.commonpath([path.parent for path in whole]) if whole else ""
    return [path.relative_to(common).as_posix() for path in whole]


def with_facts(files: Sequence[PhotoFile], known: Mapping[str, PhotoFacts]) -> list[PhotoFile]:
    """The files with what is ``known`` of their names, from a study's workbook for example, in place of their own facts;
    a side or visit that it does not tell stays."""
    return [
        replace(file, facts=_completed(known[file.name], file.facts)) if file.name in known else file
        for file in files
    ]


def _completed(facts: PhotoFacts, before: PhotoFacts) -> PhotoFacts:
    return replace(facts, side=facts.side or before.side, visit=facts.visit or before.visit)


def content_hash(path: Path) -> str:
    """The SHA-256 of a file's bytes; "" of what cannot be read."""
    try:
        return file_sha256(path) if path.is_file() else ""
    except (OSError, PhotoError):
        return ""


def contents(files: Sequence[PhotoFile]) -> Callable[[str], str]:
    """What gives the ``content_hash`` of a photo by its name."""
    by_name = {file.name: file.path for file in files}
    return lambda name: content_hash(by_name[name])
