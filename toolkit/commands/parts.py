"""The results of several runs, and whether they go together: shares of the same photographs, or runs of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.earlier import after_kept
from toolkit.errors import ToolkitError
from toolkit.outputs import counted, some_of
from toolkit.photos import photo_files
from toolkit.shares import Taken
from toolkit.store import (
    NOT_REACHED,
    PhotoRow,
    ResultRow,
    RunOptions,
    RunRecord,
    change_rows,
    is_parts,
    photo_rows,
    read_parts,
    read_store,
    result_rows,
    store_path,
)
from toolkit.workbook import result_files

_STORE = ".toolkit.sqlite"
# What of the options must be the same, in words, and what to do where it is not.
_ALIKE = {
    "toolkit": ("version of toolkit", "grade it again with this version"),
    "code": ("state of the code", "grade it again with this version"),
    "model": ("model", "name its model with --model, or grade it again"),
    "landmarks": ("landmark model", "name it with --landmarks or --landmark-model, or grade it again"),
    "weights": ("choice of --weights", "grade it again"),
}


@dataclass(frozen=True)
class Part:
    """The results of a run: the ``path`` that the user named, the ``files`` behind it, what these tell of the run as a
    whole and of its photos; ``results`` and ``changes`` (of pairs of photos) give what is to be adopted."""

    path: Path
    files: tuple[Path, ...]
    record: RunRecord
    rows: tuple[PhotoRow, ...]
    results: Callable[[], Iterable[ResultRow]]
    changes: Callable[[], list[tuple[Any, ...]]] = list

    @property
    def taken(self) -> Taken | None:
        """The share of the photographs that it is."""
        return self.record.taken


def read_part(path: Path) -> Part:
    """The results behind a workbook, a table or a folder of Parquet parts; raises ToolkitError where there are none, or
    not of all its photos."""
    part = _read_folder(path) if is_parts(path) else _read_store(path)
    waiting = [row.name for row in part.rows if row.note == NOT_REACHED]
    if waiting:
        raise ToolkitError(
            f"{path}: {counted(len(waiting), 'photo')} not graded yet ({some_of(waiting)}): rerun its command first"
        )
    return part


def _read_folder(path: Path) -> Part:
    folder = read_parts(path)
    return Part(path, tuple(folder.files), folder.record, tuple(folder.photo_rows()), folder.result_rows)


def _read_store(path: Path) -> Part:
    file = path if path.name.endswith(_STORE) else store_path(path)
    if not file.is_file():
        raise ToolkitError(
            f"{path}: {file.name}, which toolkit grade keeps beside its results, is missing: copy it there, or name "
            "results of toolkit grade"
        )

    def results() -> Iterator[ResultRow]:
        with read_store(file) as source:
            yield from result_rows(source)

    with read_store(file) as opened:
        record, rows, changes = opened.record(), tuple(photo_rows(opened)), change_rows(opened)
    return Part(path, (file, *result_files(path)), record, rows, results, lambda: changes)


def refuse_gaps(parts: Sequence[Part]) -> None:
    """Raise ToolkitError unless the parts are every share of the same photographs, each once, or runs without shares
    that have no photograph in common."""
    shares = [(part, part.taken) for part in parts if part.taken]
    if not shares:
        _refuse_twice([(part, {row.sha256: row.name for row in part.rows if row.sha256}) for part in parts])
        return
    whole = next((part for part in parts if part.taken is None), None)
    if whole:
        raise ToolkitError(
            f"{whole.path}: is no share (--part) of photographs, as others are: merge only shares"
        )
    first, of = shares[0], shares[0][1].share.of
    for part, taken in shares:
        if (taken.share.of, taken.whole) != (of, first[1].whole):
            raise ToolkitError(
                f"{part.path}: is share {taken.share} of {counted(taken.photos, 'photo')}, {first[0].path} is share "
                f"{first[1].share} of {first[1].photos} of other names or contents: grade all shares of the same "
                "photographs"
            )
    _refuse_twice([(part, {taken.share: f"share {taken.share}"}) for part, taken in shares])
    missing = sorted({*range(1, of + 1)} - {taken.share.number for _, taken in shares})
    if missing:
        raise ToolkitError(
            f"{counted(len(missing), 'share')} of {of} missing (--part {some_of([str(one) for one in missing])}): grade "
            "and name them as well"
        )


def _refuse_twice(held: Sequence[tuple[Part, Mapping[Any, str]]]) -> None:
    """Raise ToolkitError where two parts hold the same; what each holds by a key, with its name."""
    before: dict[Any, Part] = {}
    for part, names in held:
        twice = [key for key in names if key in before]
        if twice:
            same = some_of([names[key] for key in twice])
            raise ToolkitError(
                f"{part.path}: holds what {before[twice[0]].path} holds ({same}): name one of the two"
            )
        before |= dict.fromkeys(names, part)


def refuse_other_makers(parts: Sequence[Part], given: RunOptions) -> None:
    """Raise ToolkitError unless every part was made by the options ``given``, and by the same packages."""
    for part in parts:
        for key in {row.options for row in part.rows}:
            made_by = RunOptions.from_key(key)
            for name, (what, remedy) in _ALIKE.items():
                ours, theirs = getattr(given, name), getattr(made_by, name)
                if ours != theirs:
                    raise ToolkitError(
                        f"{part.path}: was graded with another {what} ({theirs[:12]}, not {ours[:12]}): {remedy}"
                    )
    known = [part for part in parts if part.record.versions]
    for part in known[1:]:
        ours, theirs = known[0].record.versions, part.record.versions
        for name in sorted({*ours, *theirs}):
            if ours.get(name) != theirs.get(name):
                raise ToolkitError(
                    f"{part.path}: was graded with {name} {theirs.get(name, '(none)')}, {known[0].path} with "
                    f"{ours.get(name, '(none)')}: grade one of them again with the other's version"
                )


def in_order(parts: Sequence[Part]) -> list[PhotoRow]:
    """The photos of all parts: shares as their photographs were in one row, other runs one after the other, with a name
    that would stand twice set apart by its folder."""
    if parts[0].taken:
        placed = {
            place: row
            for part in parts
            if part.taken
            for place, row in zip(part.taken.places, part.rows, strict=True)
        }
        return [placed[place] for place in sorted(placed)]
    rows: list[PhotoRow] = []
    for part in parts:
        files = photo_files([Path(row.path) for row in part.rows], [row.name for row in part.rows])
        named = after_kept(rows, files)[len(rows) :]
        rows += [replace(row, name=file.name) for row, file in zip(part.rows, named, strict=True)]
    return rows
