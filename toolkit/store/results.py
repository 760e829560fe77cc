"""Results of a run in SQLite: written as they come, found again when the run is repeated.

A result belongs to what it was made of: the photo's bytes, and all that may change its grade (``RunOptions``). Its
name is not part of that, so a photo that was moved or renamed is not graded again. Everything is text or numbers.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from toolkit.records import (
    ColourCorrection,
    Contribution,
    Evidence,
    FacePatches,
    PhotoFacts,
    PhotoFile,
    PhotoGrade,
    PhotoResult,
    Quality,
)
from toolkit.salvage import copy_readable
from toolkit.store.record import RunRecord, read_record, write_record
from toolkit.store.rows import colour_of_record, file_size, grade_of, quality_of, result_cells, unpacked
from toolkit.study.names import stored_text

RESULT_COLUMNS = (
    "sha256", "options", "hint", "grade", "lower", "upper", "nearest_class", "side", "regions", "quality", "figures",
    "note", "face", "patches", "contributions", "evidence", "pigment",
)  # fmt: skip
NOT_REACHED = "not reached: the run was interrupted; rerun the command to resume"


@dataclass(frozen=True)
class RunOptions:
    """All but the photo that may change its grade."""

    toolkit: str
    code: str
    model: str
    weights: str
    landmarks: str

    def key(self) -> str:
        """As text, the same for the same options."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_key(cls, key: str) -> RunOptions:
        """Those of which ``key`` is the text."""
        return cls(**json.loads(key))


@dataclass(frozen=True)
class InputRow:
    """What is known of a photo's file; ``sha256`` is empty where it could not be read."""

    name: str
    path: str
    bytes: int | None
    sha256: str


@dataclass(frozen=True)
class GradeDetails:
    """What a grade was made of: ``face`` as ``Store.face`` gives it, ``pigment`` a PNG as ``pigment_png``
    writes it, of the chart, ``contributions`` and ``evidence`` as in ``PhotoResult``."""

    face: Mapping[str, Any] | None = None
    pigment: tuple[bytes, ...] = ()
    contributions: tuple[Contribution, ...] = ()
    evidence: tuple[Evidence, ...] = ()


class Store:
    """The results of one output; see ``open_store``. ``salvaged``: what became of a damaged file in its place, in
    words; "" where there was none."""

    def __init__(self, path: Path, connection: sqlite3.Connection, salvaged: str = "") -> None:
        self.path = path
        self.salvaged = salvaged
        self._db = connection

    # --- the photos of this run

    def begin(
        self,
        files: Sequence[PhotoFile],
        options: RunOptions,
        hints: Sequence[str] | None = None,
        *,
        record: RunRecord | None = None,
        sizes: Sequence[int | None] | None = None,
    ) -> None:
        """Take ``files`` as the photos of the run, in place of any before; ``hints``, one each: what is known of a photo,
        beside its bytes, that may change its grade (JSON); by default nothing. ``sizes``: their bytes, where these are
        known already. ``record``: what there is to know of the run as a whole."""
        key, hints = options.key(), hints or ["{}"] * len(files)
        sizes = sizes or [file_size(file.path) for file in files]
        rows = [
            (i, stored_text(f.name), self._place_of(f.path), size, "", key, hint, NOT_REACHED)
            for i, (f, hint, size) in enumerate(zip(files, hints, sizes, strict=True))
        ]
        with self._db:
            self._db.execute("DELETE FROM photos")
            self._db.executemany("INSERT INTO photos VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            write_record(self._db, record or RunRecord())

    def record(self) -> RunRecord:
        """What ``begin`` was told of the run, or of the run before, as a whole."""
        return read_record(self._db)

    def graded(self) -> list[InputRow]:
        """The photos of the latest run that have a grade by whatever options, in its order; before ``begin``, those of
        the run before."""
        query = (
            "SELECT name, path, bytes, sha256 FROM photos WHERE EXISTS (SELECT 1 FROM results WHERE "
            "results.sha256 = photos.sha256 AND grade IS NOT NULL) ORDER BY place"
        )
        return [self._input(*row) for row in self._db.execute(query)]

    def _place_of(self, path: Path) -> str:
        """Where a photo lies, seen from the store's folder, so that nothing tells of the machine; "" stays, of a photo that
        is kept without its file. Whole where there is no way from there (another drive)."""
        if path == Path():
            return ""
        try:
            return stored_text(os.path.relpath(path.absolute(), self.path.parent.absolute()))
        except ValueError:
            return stored_text(str(path.absolute()))

    def _input(self, name: str, path: str, size: int | None, sha256: str) -> InputRow:
        place = os.path.normpath(self.path.parent.absolute() / path) if path else ""
        return InputRow(name, place, size, sha256)

    def written(self) -> dict[str, str]:
        """The SHA-256 of each file of results as the run before wrote it, by the file's name."""
        return dict(self._db.execute("SELECT name, sha256 FROM outputs").fetchall())

    def note_written(self, hashes: Mapping[str, str]) -> None:
        """Keep what ``written`` gives of these files; "" forgets one, while it is being written."""
        with self._db:
            self._db.executemany("DELETE FROM outputs WHERE name = ?", [(name,) for name in hashes])
            known = [(name, sha256) for name, sha256 in hashes.items() if sha256]
            self._db.executemany("INSERT INTO outputs VALUES (?, ?)", known)

    @property
    def is_empty(self) -> bool:
        """Whether there is no result yet, of this run or any other."""
        return self._db.execute("SELECT 1 FROM results LIMIT 1").fetchone() is None

    def has(self, sha256: str, options: str, hint: str) -> bool:
        """Whether there is a result of this photo, made with these options."""
        query = "SELECT 1 FROM results WHERE sha256 = ? AND options = ? AND hint = ?"
        return self._db.execute(query, (sha256, options, hint)).fetchone() is not None

    def claim(self, found: Iterable[tuple[int, str]]) -> None:
        """Note the hashes of photos, as (place, hash); those that have a result need no other."""
        with self._db:
            self._db.executemany("UPDATE photos SET sha256 = ? WHERE place = ?", ((h, i) for i, h in found))
            self._db.execute(
                "UPDATE photos SET note = '' WHERE EXISTS (SELECT 1 FROM results WHERE results.sha256 = "
                "photos.sha256 AND results.options = photos.options AND results.hint = photos.hint)"
            )

    def missing(self) -> list[int]:
        """The places of the photos without a result."""
        query = (
            "SELECT place FROM photos LEFT JOIN results USING (sha256, options, hint) "
            "WHERE results.rowid IS NULL ORDER BY place"
        )
        return [place for (place,) in self._db.execute(query)]

    def put(self, place: int, sha256: str, result: PhotoResult, face: FacePatches | None = None) -> None:
        """Keep the result of the photo at ``place``, for good: it is on the disk when this returns."""
        self.put_cells(place, sha256, result_cells(result, face))

    def put_cells(self, place: int, sha256: str, cells: Sequence[Any]) -> None:
        """``put`` of what ``result_cells`` made of a result, here or elsewhere."""
        with self._db:
            marks = ", ".join("?" * len(cells))
            self._db.execute(
                f"INSERT OR REPLACE INTO results SELECT ?, options, hint, {marks} FROM photos WHERE place = ?",
                (sha256, *cells, place),
            )
            self._db.execute("UPDATE photos SET sha256 = ?, note = '' WHERE place = ?", (sha256, place))
            written = "rowid IN (SELECT results.rowid FROM photos JOIN results USING (sha256, options, hint) WHERE place = ?)"
            for row, checksum in self.checksums(written, (place,)):
                self._db.execute(
                    "INSERT OR REPLACE INTO checksums SELECT sha256, options, hint, ? FROM results WHERE rowid = ?",
                    (checksum, row),
                )

    def checksums(self, which: str, values: Sequence[object] = ()) -> Iterator[tuple[int, str]]:
        """(row number, hash of all that the row holds) of some results."""
        columns = ", ".join(f"CAST({name} AS BLOB)" for name in RESULT_COLUMNS)
        for row, *cells in self._db.execute(f"SELECT rowid, {columns} FROM results WHERE {which}", values):
            told = hashlib.sha256()
            for cell in cells:
                told.update(b"-" if cell is None else b"%d:" % len(cell) + cell)
            yield row, told.hexdigest()

    def drop_damaged(self) -> int:
        """Take out the results that are no longer as they were written, and say how many; their photos are graded again.
        Those of an older version, which kept no checksums, are believed."""
        query = "SELECT results.rowid, checksum FROM checksums JOIN results USING (sha256, options, hint)"
        wanted = dict(self._db.execute(query).fetchall())
        kept = [row for (row,) in self._db.execute("SELECT rowid FROM results")]
        # A row whose key was damaged has lost its checksum, and leaves one without a row.
        orphans = self._db.execute(
            "SELECT COUNT(*) FROM checksums LEFT JOIN results USING (sha256, options, hint) WHERE results.rowid IS NULL"
        ).fetchone()[0]
        bad = [row for row, found in self.checksums("1") if wanted.get(row, found) != found]
        bad += [row for row in kept if row not in wanted] if orphans else []
        with self._db:
            self._db.executemany("DELETE FROM results WHERE rowid = ?", [(row,) for row in bad])
            self._db.execute(
                "DELETE FROM checksums WHERE NOT EXISTS (SELECT 1 FROM results WHERE results.sha256 = checksums.sha256 "
                "AND results.options = checksums.options AND results.hint = checksums.hint)"
            )
        return len(bad)

    def take_over(self, damaged: Path) -> None:
        """Keep the results of a damaged file that are as they were written, and say how many."""

        def is_whole(row: int) -> bool:
            ((_, found),) = self.checksums("rowid = ?", (row,))
            query = "SELECT checksum FROM checksums JOIN results USING (sha256, options, hint) WHERE results.rowid = ?"
            return self._db.execute(query, (row,)).fetchone() == (found,)

        kept = copy_readable(damaged, self.path, self._db, is_whole)
        self.salvaged = (
            f"{self.path.name}: the file was damaged, and is set aside as {damaged.name}; {kept} of its results could "
            "be read and are kept, the other photos are graded again"
        )

    def put_failure(self, place: int, note: str, sha256: str = "") -> None:
        """Note why the photo at ``place`` has no result; it is tried again when the run is repeated."""
        with self._db:
            self._db.execute(
                "UPDATE photos SET sha256 = ?, note = ? WHERE place = ?", (sha256, stored_text(note), place)
            )

    # --- pairs of photos

    def key(self, place: int) -> tuple[str, str, str]:
        """What the result of the photo at ``place`` belongs to: the hash of its bytes, the options and the hint."""
        query = "SELECT sha256, options, hint FROM photos WHERE place = ?"
        sha256, options, hint = self._db.execute(query, (place,)).fetchone()
        return sha256, options, hint

    def change(self, pair: tuple[str, str, str]) -> str | None:
        """What ``put_change`` kept of a pair (hash of the later photo, of the baseline, options); None where there is
        nothing, or it is no longer as it was written."""
        query = "SELECT change, checksum FROM changes WHERE sha256 = ? AND baseline = ? AND options = ?"
        try:
            found = self._db.execute(query, pair).fetchone()
        except sqlite3.OperationalError:  # opened for reading, and written by a version without it
            return None
        return found[0] if found and found[1] == _checksum(*pair, found[0]) else None

    def put_change(self, pair: tuple[str, str, str], change: str) -> None:
        """Keep what came of a pair, for good."""
        with self._db:
            row = (*pair, change, _checksum(*pair, change))
            self._db.execute("INSERT OR REPLACE INTO changes VALUES (?, ?, ?, ?, ?)", row)

    # --- what there is

    def models(self) -> set[str]:
        """The SHA-256 of the models that graded the photos of the run; one but in merged or unfinished results."""
        keys = self._db.execute("SELECT DISTINCT options FROM photos WHERE options != ''").fetchall()
        return {RunOptions.from_key(key).model for (key,) in keys}

    def counts(self) -> Mapping[str, int]:
        """``photos`` of the run, those ``graded``, and those ``reached``, with or without a grade."""
        row = self._db.execute(
            "SELECT count(*), count(grade), sum(photos.note != ?) FROM photos "
            "LEFT JOIN results USING (sha256, options, hint)",
            (NOT_REACHED,),
        ).fetchone()
        return dict(zip(("photos", "graded", "reached"), (int(n or 0) for n in row), strict=True))

    def qualities(self) -> list[Quality | None]:
        """The figures of every photo of the run, in its order; None where there are none."""
        rows = self._db.execute(
            "SELECT figures FROM photos LEFT JOIN results USING (sha256, options, hint) ORDER BY place"
        )
        return [quality_of(figures) for (figures,) in rows]

    def inputs(self) -> Iterator[InputRow]:
        """The files of the run, in its order."""
        yield from (
            self._input(*row)
            for row in self._db.execute("SELECT name, path, bytes, sha256 FROM photos ORDER BY place")
        )

    def grades(self, facts_of: Callable[[str], PhotoFacts]) -> Iterator[PhotoGrade]:
        """The run's grades in its order; ``facts_of`` a name gives subject, side and visit.

        Photos without a result have the reason as their note.
        """
        rows = self._db.execute(
            "SELECT name, photos.note, results.rowid, grade, lower, upper, nearest_class, side, regions, quality, "
            "results.note, figures FROM photos LEFT JOIN results USING (sha256, options, hint) ORDER BY place"
        )
        for row in rows:
            yield grade_of(row, facts_of(row[0]))

    def corrects_colours(self) -> bool:
        """Whether colours were to be corrected, of some photo of the run."""
        query = "SELECT 1 FROM photos WHERE json_extract(hint, '$.colour') IS NOT NULL LIMIT 1"
        return self._db.execute(query).fetchone() is not None

    def colours(self) -> Iterator[tuple[str, ColourCorrection | None]]:
        """The name of each photo of the run, in its order, and how its colours were corrected."""
        query = "SELECT name, face FROM photos LEFT JOIN results USING (sha256, options, hint) ORDER BY place"
        for name, face in self._db.execute(query):
            yield name, colour_of_record(json.loads(face) if face else None)

    def rows(self, table: Literal["patches", "contributions", "evidence"]) -> Iterator[Mapping[str, Any]]:
        """A sheet's rows of all photos of the run, in its order: what its records hold, and the photo's name."""
        joined = "photos JOIN results USING (sha256, options, hint) ORDER BY place"
        for name, text in self._db.execute(f"SELECT name, {table} FROM {joined}"):
            yield from ({"photo": name, **row} for row in unpacked(text))

    def face(self, place: int) -> dict[str, Any] | None:
        """Landmarks of the photo at ``place`` and where its patches lie, as ``put`` got them."""
        query = "SELECT face FROM photos JOIN results USING (sha256, options, hint) WHERE place = ?"
        found = self._db.execute(query, (place,)).fetchone()
        return json.loads(found[0]) if found and found[0] else None

    def details(self, place: int) -> GradeDetails:
        """What the grade of the photo at ``place`` was made of; empty where there is no result."""
        query = (
            "SELECT face, pigment, contributions, evidence FROM photos "
            "JOIN results USING (sha256, options, hint) WHERE place = ?"
        )
        found = self._db.execute(query, (place,)).fetchone()
        if found is None:
            return GradeDetails()
        face, pigment, contributions, evidence = found
        return GradeDetails(
            json.loads(face) if face else None,
            tuple(b64decode(one) for one in json.loads(pigment)),
            tuple(Contribution(**row) for row in unpacked(contributions)),
            tuple(Evidence(**row) for row in unpacked(evidence)),
        )


def _checksum(*cells: str) -> str:
    return hashlib.sha256("\0".join(cells).encode("utf-8", "surrogatepass")).hexdigest()
