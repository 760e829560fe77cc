"""What a command is about to write, checked before any work: never over its input, never over somebody else's file.

A file is known as an earlier output by what is in it, never by its name: a workbook by a stamp that no longer fits
once the workbook was edited, a picture or a page by a mark, a table by its columns.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from toolkit.errors import ToolkitError

_NAMED_AT_MOST = 3
_NO_ROWS = b"\xef\xbb\xbf\r\n"  # a table of nothing, as ``write_csv`` writes it
# What the file systems of desktops leave in every folder; it makes no folder somebody's.
LITTER = ("Thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class Output:
    """A file to be written: ``option`` is where the user named it, ``is_own`` tells an earlier output of the same
    command from any other file that stands there."""

    path: Path
    option: str
    is_own: Callable[[Path], bool]


def check_outputs(outputs: Iterable[Output], inputs: Iterable[Path], overwrite: bool = False) -> None:
    """Raise ToolkitError, before anything is written, where an output must not be written.

    Refused are a folder in the place of a file; a link to nothing; one of ``inputs``, by whatever path or link; and,
    unless ``overwrite``, a file that is no earlier output of this command.
    """
    known: dict[object, Path] = {}
    for path in inputs:
        known |= dict.fromkeys(_identities(path), path)
    for output in outputs:
        path = output.path
        refuse_dead_link(path, output.option)
        if path.is_dir():
            raise ToolkitError(f"{path}: is a folder: name a file for {output.option}")
        source = next((known[key] for key in _identities(path) if key in known), None)
        if source is not None:
            same = "" if source == path else f" (it is {source})"
            raise ToolkitError(f"{path}: would overwrite an input{same}: name another {output.option}")
        if os.path.lexists(path) and not overwrite and not _is_own(output):
            raise ToolkitError(
                f"{path}: exists, and is not what this command wrote there before, or was edited since: "
                f"name another {output.option}, or replace it with --overwrite"
            )


def refuse_dead_link(path: Path, option: str) -> None:
    """Raise ToolkitError where a file or folder to be written is a link to nothing, or lies beyond one: to write through
    it would make a file that nobody named, or fail when all work is done."""
    for one in (path, *path.parents):
        if one.is_symlink() and not one.exists():
            circle = Path(os.path.realpath(one)).is_symlink()
            where = "in a circle" if circle else "nowhere"
            raise ToolkitError(f"{one}: is a link that leads {where}: remove it, or name another {option}")


def holds_nothing(path: Path) -> bool:
    """Whether a file is empty, or a table without headings and rows; raises OSError."""
    with path.open("rb") as file:
        return file.read(len(_NO_ROWS) + 1) in (b"", _NO_ROWS)


def _is_own(output: Output) -> bool:
    path = output.path
    try:
        return holds_nothing(path) or output.is_own(path)
    except OSError as error:
        raise ToolkitError(
            f"{path}: cannot be read ({error.strerror}): name another {output.option}"
        ) from None


def _identities(path: Path) -> list[object]:
    """What two paths of one file have in common: where they lead, and the file's number on its disk."""
    found: list[object] = [os.path.realpath(path)]
    try:
        status = path.stat()
    except (OSError, ValueError):
        return found
    return [*found, (status.st_dev, status.st_ino)]


def check_folder(folder: Path, images: Sequence[Path], photos: Sequence[Path], option: str) -> None:
    """Refuse a folder of pictures among the photographs, or one in which they lie: they would be overwritten, or the
    pictures be taken for photographs the next time. ``images`` are the files and folders that were named, ``photos``
    all that was found in them. So is a link to nothing."""
    refuse_dead_link(folder, option)
    target = Path(os.path.realpath(folder))
    parents = {Path(os.path.realpath(path.parent)) for path in photos}
    folders = {Path(os.path.realpath(given)) for given in images if given.is_dir()}
    inside = any(target.is_relative_to(one) for one in parents | folders)
    above = any(one.is_relative_to(target) for one in parents)
    if inside or above:
        raise ToolkitError(f"{folder}: lies among the photographs: name a folder of its own for {option}")
    if folder.exists() and not folder.is_dir():
        raise ToolkitError(
            f"{folder}: no folder can be made there (a file has that name): name another for {option}"
        )


def first_entry(folder: Path) -> Path | None:
    """Any file or folder that somebody keeps in ``folder``; None where it is empty, or is none."""
    if not folder.is_dir():
        return None
    return next(
        (one for one in sorted(folder.iterdir()) if one.name[0] != "." and one.name not in LITTER), None
    )


def counted(number: int, noun: str) -> str:
    """A number and what it counts: 1 photo, 2 photos."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def some_of(names: Sequence[str]) -> str:
    """The first of the names, and how many more there are."""
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


# --- how an earlier output is known ----------------------------------------------------------------------------


def stamp_workbook(file: IO[bytes], kind: str) -> None:
    """Write into a finished .xlsx, as the comment of its archive, which command made it (``kind``) and a hash of its
    parts. Excel and others drop or belie it when they save the workbook again."""
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = _stamp(archive, kind)


def is_stamped(kind: str) -> Callable[[Path], bool]:
    """Whether a file is a workbook that ``stamp_workbook`` stamped with ``kind``, as it was then."""

    def check(path: Path) -> bool:
        try:
            with zipfile.ZipFile(path) as archive:
                return archive.comment == _stamp(archive, kind)
        except zipfile.BadZipFile:
            return False

    return check


def _stamp(archive: zipfile.ZipFile, kind: str) -> bytes:
    parts = sorted((part.filename, part.CRC, part.file_size) for part in archive.infolist())
    return f"toolkit {kind} {hashlib.sha256(json.dumps(parts).encode()).hexdigest()}".encode()


def marked_jpeg(jpeg: bytes, kind: str) -> bytes:
    """A JPEG file with a comment that says what drew it."""
    mark = _picture_mark(kind)
    return jpeg[:2] + b"\xff\xfe" + (len(mark) + 2).to_bytes(2, "big") + mark + jpeg[2:]


def _picture_mark(kind: str) -> bytes:
    return f"toolkit {kind}".encode()


def is_marked_picture(kind: str) -> Callable[[Path], bool]:
    """Whether a file is a picture that ``marked_jpeg`` marked with ``kind``."""

    def check(path: Path) -> bool:
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(path, formats=["JPEG"]) as picture:
                return picture.info.get("comment") == _picture_mark(kind)
        except (UnidentifiedImageError, SyntaxError, ValueError):
            return False

    return check


def has_columns(columns: Sequence[str], more: bool = False) -> Callable[[Path], bool]:
    """Whether a file is a CSV table, or empty, whose header is ``columns``, or with ``more`` begins with them."""

    def check(path: Path) -> bool:
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            try:
                header: Any = next(csv.reader(file), [])
            except csv.Error:
                return False
        return header[: len(columns) if more else None] == list(columns)

    return check


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def has_text(mark: str) -> Callable[[Path], bool]:
    """Whether ``mark`` stands in the beginning of a file."""

    def check(path: Path) -> bool:
        with path.open(encoding="utf-8", errors="replace") as file:
            return mark in file.read(2000)

    return check


def is_parquet(kind: str) -> Callable[[Path], bool]:
    """Whether a file is a Parquet table that says it is of ``kind``."""

    def check(path: Path) -> bool:
        from toolkit.tables import import_parquet

        pyarrow, parquet = import_parquet()
        try:
            return (parquet.read_schema(path).metadata or {}).get(b"toolkit") == kind.encode()
        except pyarrow.ArrowInvalid:
            return False

    return check
