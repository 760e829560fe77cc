"""Results as a folder of Parquet parts with a manifest: for runs whose output lies where SQLite is unsafe, such as a
network drive, and for more photographs than one file should hold. Each file is written whole or not at all.

``manifest.json`` names the parts with their hashes; a part that it does not name is of a run that was killed while it
wrote, and counts for nothing. ``photos.parquet`` has a row a photo of the run, once the run has ended.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import IO, Any

from toolkit.errors import ToolkitError
from toolkit.files import make_folder, write_atomically
from toolkit.outputs import file_hash, first_entry
from toolkit.store.moving import PhotoRow, ResultRow
from toolkit.store.record import RunRecord
from toolkit.store.results import RESULT_COLUMNS
from toolkit.tables import import_parquet

SUFFIX = ".parts"
_MANIFEST, _PHOTOS, _LOCK = "manifest.json", "photos.parquet", "parts.lock"
_KIND, _FORMAT = "toolkit parts", 1
_ROWS = 500  # results a part; a driver that is killed loses what is not yet in one, and grades it again
_BLOCK = 20_000  # rows that are laid out at a time: memory stays flat
_PHOTO_COLUMNS = ("name", "path", "bytes", "sha256", "options", "hint", "note")
_FIGURES = ("grade", "lower", "upper")


def is_parts(path: Path) -> bool:
    """Whether a path names such a folder, by its ending."""
    return path.suffix.casefold() == SUFFIX


@contextlib.contextmanager
def open_parts(folder: Path) -> Iterator[PartsFolder]:
    """The folder to write to, made where there is none, for one run at a time. Raises ToolkitError where another run
    holds it, or somebody else's files lie in it."""
    from filelock import FileLock, Timeout

    import_parquet()
    if not (folder / _MANIFEST).is_file() and first_entry(folder) is not None:
        raise ToolkitError(f"{folder}: holds files that are no results: name another --out")
    make_folder(folder, "--out")
    lock = FileLock(folder / _LOCK, timeout=0)
    try:
        with lock:
            parts = PartsFolder(folder)
            parts.drop_damaged()
            try:
                yield parts
            finally:
                parts.flush()
    except Timeout:
        raise ToolkitError(f"{folder}: another run writes it: wait for it, or name another --out") from None
    finally:
        with contextlib.suppress(OSError):
            (folder / _LOCK).unlink()


class PartsFolder:
    """The results in a folder; see ``open_parts`` to write, ``read_parts`` to read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._manifest = _read_manifest(folder)
        self._waiting: list[tuple[Any, ...]] = []
        self._known: set[bytes] = set()

    def drop_damaged(self) -> None:
        """Learn what there is; a part that is no longer as it was written is left out, and its photos are graded again."""
        for name, told in list(self._manifest["parts"].items()):
            path = self.folder / name
            if not path.is_file() or file_hash(path) != told["sha256"]:
                del self._manifest["parts"][name]
                continue
            columns = _read(path, ["sha256", "options", "hint"])
            self._known |= {_key(*cells) for cells in zip(*columns, strict=True)}

    @property
    def is_empty(self) -> bool:
        """Whether there is no result yet."""
        return not self._known

    def has(self, sha256: str, options: str, hint: str) -> bool:
        """Whether there is a result of this photo, made with these options."""
        return _key(sha256, options, hint) in self._known

    def put(self, sha256: str, options: str, hint: str, cells: Sequence[Any]) -> None:
        """Keep a result, as ``result_cells``; it is on the disk once its part is full, or at ``flush``."""
        self._waiting.append((sha256, options, hint, *cells))
        self._known.add(_key(sha256, options, hint))
        if len(self._waiting) >= _ROWS:
            self.flush()

    def flush(self) -> None:
        """Write a part of the results that wait, and name it in the manifest."""
        if not self._waiting:
            return
        number = 1 + max((int(name[8:13]) for name in self._manifest["parts"]), default=-1)
        name = f"results-{number:05}.parquet"
        _write(self.folder / name, RESULT_COLUMNS, self._waiting)
        self._manifest["parts"][name] = {"rows": len(self._waiting), "sha256": file_hash(self.folder / name)}
        self._write_manifest()
        self._waiting = []

    def begin(self, record: RunRecord) -> None:
        """Another run: until ``end`` nobody takes the folder for finished."""
        self._manifest |= {"record": json.loads(record.to_json()), "photos": None}
        self._write_manifest()

    def end(self, rows: Iterable[PhotoRow]) -> None:
        """The photos of the run in its order, with what became of each."""
        self.flush()
        base = self.folder.absolute()
        within = (replace(row, path=os.path.relpath(row.path, base)) for row in rows)
        _write(self.folder / _PHOTOS, _PHOTO_COLUMNS, map(attrgetter(*_PHOTO_COLUMNS), within))
        self._manifest["photos"] = file_hash(self.folder / _PHOTOS)
        self._write_manifest()

    def _write_manifest(self) -> None:
        text = json.dumps(self._manifest, indent=1) + "\n"
        write_atomically(self.folder / _MANIFEST, lambda file: file.write(text.encode()))

    # --- to read from

    @property
    def files(self) -> list[Path]:
        """All that it is made of."""
        return [self.folder / name for name in (_MANIFEST, _PHOTOS, *self._manifest["parts"])]

    @property
    def record(self) -> RunRecord:
        """What there is to know of the run as a whole."""
        told = self._manifest.get("record")
        return RunRecord.from_json(json.dumps(told)) if told else RunRecord()

    def photo_rows(self) -> list[PhotoRow]:
        """The photos of the run, in its order; raises ToolkitError where it has not ended, or the file is damaged."""
        path = self.folder / _PHOTOS
        if self._manifest["photos"] is None:
            raise ToolkitError(f"{self.folder}: its run has not ended: rerun its command first")
        self._refuse_damage(path, self._manifest["photos"])
        base = self.folder.absolute()
        return [
            PhotoRow(name, os.path.normpath(base / place), *rest)
            for name, place, *rest in zip(*_read(path, _PHOTO_COLUMNS), strict=True)
        ]

    def result_rows(self) -> Iterator[ResultRow]:
        """All results, a part in memory at a time; raises ToolkitError where a part is damaged."""
        for name, told in self._manifest["parts"].items():
            self._refuse_damage(self.folder / name, told["sha256"])
            yield from map(ResultRow, zip(*_read(self.folder / name, RESULT_COLUMNS), strict=True))

    def _refuse_damage(self, path: Path, sha256: str) -> None:
        try:
            found = file_hash(path)
        except OSError as error:
            raise ToolkitError(
                f"{path}: cannot be read ({error.strerror}): rerun the command of its run"
            ) from None
        if found != sha256:
            raise ToolkitError(f"{path}: is damaged, or was changed: rerun the command of its run")


def read_parts(folder: Path) -> PartsFolder:
    """The results in a folder, to read from; raises ToolkitError where there are none."""
    if not (folder / _MANIFEST).is_file():
        raise ToolkitError(f"{folder}: {_MANIFEST}, which toolkit grade writes there, is missing")
    return PartsFolder(folder)


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / _MANIFEST
    if not path.is_file():
        return {"kind": _KIND, "format": _FORMAT, "record": None, "photos": None, "parts": {}}
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if (told["kind"], told["format"]) != (_KIND, _FORMAT):
            raise ToolkitError(f"{path}: is of another version of toolkit: name another --out")
        names = list(told["parts"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ToolkitError(f"{path}: cannot be read ({type(error).__name__}): name another --out") from None
    if not all(re.fullmatch(r"results-\d{5}\.parquet", name) for name in names):
        raise ToolkitError(f"{path}: names files that are no parts: name another --out")
    return dict(told)


def _key(sha256: str, options: str, hint: str) -> bytes:
    return hashlib.sha256(f"{sha256}\0{options}\0{hint}".encode()).digest()


def _write(path: Path, names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Rows of cells, so many in memory at a time."""
    pyarrow, parquet = import_parquet()
    kinds = {"bytes": pyarrow.int64()} | dict.fromkeys(_FIGURES, pyarrow.float64())
    schema = pyarrow.schema(
        [(name, kinds.get(name, pyarrow.string())) for name in names], metadata={"toolkit": "parts"}
    )

    def write(file: IO[bytes]) -> None:
        waiting = iter(rows)
        with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            while block := list(itertools.islice(waiting, _BLOCK)):
                columns = dict(zip(names, map(list, zip(*block, strict=True)), strict=True))
                writer.write_table(pyarrow.table(columns, schema=schema))

    write_atomically(path, write)


def _read(path: Path, columns: Sequence[str]) -> list[list[Any]]:
    pyarrow, parquet = import_parquet()
    try:
        table = parquet.read_table(path, columns=list(columns))
    except (OSError, pyarrow.ArrowException) as error:
        raise ToolkitError(
            f"{path}: cannot be read ({' '.join(str(error).split())}): rerun its command"
        ) from None
    return [table.column(name).to_pylist() for name in columns]
