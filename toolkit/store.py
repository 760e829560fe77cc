"""Results of a run beside its workbook, in SQLite: written as they come, found again when the run is repeated.

A result belongs to what it was made of: the photo's bytes, and all that may change its grade (``RunOptions``). Its
name is not part of that, so a photo that was moved or renamed is not graded again. Everything is text or numbers.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from toolkit.errors import ToolkitError
from toolkit.pigment import pigment_png
from toolkit.records import (
    Contribution,
    Evidence,
    FaceChart,
    FacePatches,
    PhotoFacts,
    PhotoFile,
    PhotoGrade,
    PhotoResult,
    Quality,
)
from toolkit.salvage import copy_readable, is_damaged, set_aside
from toolkit.study.names import stored_text

_APPLICATION_ID = 0x4D484753
_FORMAT = 3
_SCHEMA = """
CREATE TABLE results (
    sha256 TEXT NOT NULL,        -- of the photo's bytes
    options TEXT NOT NULL,       -- all else that may change a grade: JSON
    hint TEXT NOT NULL,          -- what of its name may change a grade: JSON
    grade REAL, lower REAL, upper REAL, nearest_class TEXT,
    side TEXT,                   -- as the picture shows it
    regions TEXT NOT NULL,       -- JSON: region to grade
    quality TEXT NOT NULL,       -- label, not yet compared with the other photos
    figures TEXT,                -- JSON: of toolkit.records.Quality
    note TEXT NOT NULL,
    face TEXT,                   -- JSON: landmarks, and where each patch lies
    patches TEXT NOT NULL, contributions TEXT NOT NULL, evidence TEXT NOT NULL,  -- JSON: columns and rows
    pigment TEXT NOT NULL,       -- JSON: a PNG in base64 of the pigment that the network predicted on the chart
    PRIMARY KEY (sha256, options, hint)
);
CREATE TABLE photos (
    place INTEGER PRIMARY KEY,   -- in the order of the workbook
    name TEXT NOT NULL, path TEXT NOT NULL, bytes INTEGER,
    sha256 TEXT NOT NULL, options TEXT NOT NULL, hint TEXT NOT NULL,
    note TEXT NOT NULL           -- why there is no result, where there is none
);
CREATE INDEX photo_results ON photos (sha256, options, hint);
CREATE TABLE outputs (           -- the files made of these results, as they were written
    name TEXT PRIMARY KEY, sha256 TEXT NOT NULL
);
"""
# Beside the results, so that a version without it reads them all the same: a hash of each row as it was written.
_CHECKSUMS = """
CREATE TABLE IF NOT EXISTS checksums (
    sha256 TEXT NOT NULL, options TEXT NOT NULL, hint TEXT NOT NULL, checksum TEXT NOT NULL,
    PRIMARY KEY (sha256, options, hint)
);
"""
_RESULT_COLUMNS = (
    "sha256", "options", "hint", "grade", "lower", "upper", "nearest_class", "side", "regions", "quality", "figures",
    "note", "face", "patches", "contributions", "evidence", "pigment",
)  # fmt: skip
_MIGRATIONS = {  # from the format of that number to the next
    1: "ALTER TABLE results ADD COLUMN pigment TEXT NOT NULL DEFAULT '[]';",
    2: "CREATE TABLE outputs (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL);",
}
_MARKS = ("application_id", "user_version")
NOT_REACHED = "not reached: the run was interrupted; run the same command again to go on"


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


def store_path(out: Path) -> Path:
    """Where the results behind the workbook ``out`` stand: beside it, whatever its format."""
    return Path(out).with_suffix(".toolkit.sqlite")


class Store:
    """The results of one output; see ``open_store``. ``salvaged``: what became of a damaged file in its place, in
    words; "" where there was none."""

    def __init__(self, path: Path, connection: sqlite3.Connection, salvaged: str = "") -> None:
        self.path = path
        self.salvaged = salvaged
        self._db = connection

    # --- the photos of this run

    def begin(
        self, files: Sequence[PhotoFile], options: RunOptions, hints: Sequence[str] | None = None
    ) -> None:
        """Take ``files`` as the photos of the run, in place of any before; ``hints``, one each: what is known of a photo,
        beside its bytes, that may change its grade (JSON); by default nothing."""
        key, hints = options.key(), hints or ["{}"] * len(files)
        rows = [
            (i, stored_text(f.name), self._place_of(f.path), _size(f.path), "", key, hint, NOT_REACHED)
            for i, (f, hint) in enumerate(zip(files, hints, strict=True))
        ]
        with self._db:
            self._db.execute("DELETE FROM photos")
            self._db.executemany("INSERT INTO photos VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

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
        grade = result.grade
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO results SELECT ?, options, hint, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? "
                "FROM photos WHERE place = ?",
                (
                    sha256, grade.grade, grade.lower, grade.upper, grade.nearest_class, grade.facts.side,
                    json.dumps(dict(grade.regions)), grade.quality,
                    json.dumps(asdict(result.quality)) if result.quality else None,
                    stored_text(grade.note), json.dumps(_face_record(face)) if face else None,
                    _packed([{"region": one.region, "grade": one.grade, **one.values} for one in result.figures]),
                    _packed(map(asdict, result.contributions)), _packed(map(asdict, result.evidence)),
                    json.dumps([b64encode(pigment_png(one)).decode() for one in result.pigment]), place,
                ),
            )  # fmt: skip
            self._db.execute("UPDATE photos SET sha256 = ?, note = '' WHERE place = ?", (sha256, place))
            written = "rowid IN (SELECT results.rowid FROM photos JOIN results USING (sha256, options, hint) WHERE place = ?)"
            for row, checksum in self._checksums(written, (place,)):
                self._db.execute(
                    "INSERT OR REPLACE INTO checksums SELECT sha256, options, hint, ? FROM results WHERE rowid = ?",
                    (checksum, row),
                )

    def _checksums(self, which: str, values: Sequence[object] = ()) -> Iterator[tuple[int, str]]:
        """(row number, hash of all that the row holds) of some results."""
        columns = ", ".join(f"CAST({name} AS BLOB)" for name in _RESULT_COLUMNS)
        for row, *cells in self._db.execute(f"SELECT rowid, {columns} FROM results WHERE {which}", values):
            told = hashlib.sha256()
            for cell in cells:
                told.update(b"-" if cell is None else b"%d:" % len(cell) + cell)
            yield row, told.hexdigest()

    def drop_damaged(self) -> int:
        """Take out the results that are no longer as they were written, and say how many; their photos are graded anew.
        Those of an older version, which kept no checksums, are believed."""
        query = "SELECT results.rowid, checksum FROM checksums JOIN results USING (sha256, options, hint)"
        wanted = dict(self._db.execute(query).fetchall())
        kept = [row for (row,) in self._db.execute("SELECT rowid FROM results")]
        # A row whose key was damaged has lost its checksum, and leaves one without a row.
        orphans = self._db.execute(
            "SELECT COUNT(*) FROM checksums LEFT JOIN results USING (sha256, options, hint) WHERE results.rowid IS NULL"
        ).fetchone()[0]
        bad = [row for row, found in self._checksums("1") if wanted.get(row, found) != found]
        bad += [row for row in kept if row not in wanted] if orphans else []
        with self._db:
            self._db.executemany("DELETE FROM results WHERE rowid = ?", [(row,) for row in bad])
            self._db.execute(
                "DELETE FROM checksums WHERE NOT EXISTS (SELECT 1 FROM results WHERE results.sha256 = checksums.sha256 "
                "AND results.options = checksums.options AND results.hint = checksums.hint)"
            )
        return len(bad)

    def _take_over(self, damaged: Path) -> None:
        """Keep the results of a damaged file that are as they were written, and say how many."""

        def is_whole(row: int) -> bool:
            ((_, found),) = self._checksums("rowid = ?", (row,))
            query = "SELECT checksum FROM checksums JOIN results USING (sha256, options, hint) WHERE results.rowid = ?"
            return self._db.execute(query, (row,)).fetchone() == (found,)

        kept = copy_readable(damaged, self.path, self._db, is_whole)
        self.salvaged = (
            f"{self.path.name}: the file was damaged, and is set aside as {damaged.name}; {kept} of its results could "
            "be read and are kept, the other photos are graded anew"
        )

    def put_failure(self, place: int, note: str, sha256: str = "") -> None:
        """Note why the photo at ``place`` has no result; it is tried again when the run is repeated."""
        with self._db:
            self._db.execute(
                "UPDATE photos SET sha256 = ?, note = ? WHERE place = ?", (sha256, stored_text(note), place)
            )

    # --- what there is

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
        return [_quality(figures) for (figures,) in rows]

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
            yield _grade(row, facts_of(row[0]))

    def rows(self, table: Literal["patches", "contributions", "evidence"]) -> Iterator[Mapping[str, Any]]:
        """A sheet's rows of all photos of the run, in its order: what its records hold, and the photo's name."""
        joined = "photos JOIN results USING (sha256, options, hint) ORDER BY place"
        for name, packed in self._db.execute(f"SELECT name, {table} FROM {joined}"):
            yield from ({"photo": name, **row} for row in _unpacked(packed))

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
            tuple(Contribution(**row) for row in _unpacked(contributions)),
            tuple(Evidence(**row) for row in _unpacked(evidence)),
        )


@contextlib.contextmanager
def open_store(out: Path) -> Iterator[Store]:
    """The store beside the workbook ``out``, for one run at a time; made where there is none. Of a file with damaged
    pages the results that can be read are kept, in a new file.

    Raises ToolkitError when another run holds it, or when it cannot be read or written.
    """
    path = store_path(out)
    _refuse_links(path)
    with _locked(path.with_suffix(".lock"), out), _explained(path):
        damaged = set_aside(path) if is_damaged(path, (_APPLICATION_ID, _FORMAT)) else None
        connection = sqlite3.connect(path, isolation_level="IMMEDIATE")
        try:
            _set_up(connection)
            store = Store(path, connection)
            if damaged:
                store._take_over(damaged)
            yield store
        finally:
            unused = _is_unused(connection)
            connection.close()
            if unused:  # a mistake that showed before the first photo leaves no file behind
                path.unlink(missing_ok=True)


def _refuse_links(path: Path) -> None:
    """Results and lock are never written through a link: it may lead to anybody's file."""
    for one in (path, path.with_suffix(".lock"), path.with_name(f"{path.name}-journal")):
        if one.is_symlink():
            raise ToolkitError(
                f"{one}: is a link, and results are written through none: remove it, or name another output"
            )


@contextlib.contextmanager
def read_store(path: Path) -> Iterator[Store]:
    """A store to read from, also while a run writes to it; raises ToolkitError where there is none."""
    if not path.is_file():
        raise ToolkitError(f"{path}: no such results; run toolkit grade first")
    with _explained(path):
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            yield Store(path, connection)
        finally:
            connection.close()


def _set_up(db: sqlite3.Connection) -> None:
    application, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in _MARKS)
    if application not in (0, _APPLICATION_ID) or (not application and _tables(db)):
        raise sqlite3.DatabaseError("it is another program's")
    if application and version not in (*_MIGRATIONS, _FORMAT):
        raise sqlite3.DatabaseError(f"they are of another version of toolkit, format {version}")
    # A rollback journal, not a write-ahead log: that one needs shared memory, which network drives lack.
    db.execute("PRAGMA journal_mode = DELETE")
    db.execute("PRAGMA synchronous = FULL")  # a power cut takes nothing that was put
    if not application:
        db.executescript(
            f"BEGIN; {_SCHEMA} PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {_FORMAT}; COMMIT;"
        )
    for number, migration in _MIGRATIONS.items():
        if _is_ours(db, number):
            db.executescript(f"BEGIN; {migration} PRAGMA user_version = {number + 1}; COMMIT;")
    db.executescript(_CHECKSUMS)


def _is_unused(db: sqlite3.Connection) -> bool:
    try:
        query = "SELECT NOT EXISTS (SELECT 1 FROM photos) AND NOT EXISTS (SELECT 1 FROM results)"
        return _is_ours(db, _FORMAT) and bool(db.execute(query).fetchone()[0])
    except sqlite3.Error:
        return False


def _is_ours(db: sqlite3.Connection, version: int) -> bool:
    found = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in _MARKS)
    return tuple(found) == (_APPLICATION_ID, version)


def _tables(db: sqlite3.Connection) -> list[str]:
    return [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise ToolkitError(
            f"{path}: cannot be written ({error}): free the disk or name another output"
        ) from None
    except sqlite3.DatabaseError as error:
        raise ToolkitError(
            f"{path}: holds no results that can be read ({error}): move it away to grade anew"
        ) from None


# --- one run at a time ---------------------------------------------------------------------------


@contextlib.contextmanager
def _locked(path: Path, out: Path) -> Iterator[None]:
    """Hold the lock file ``path``. The system lets go of it when this process ends, however it ends, so a file
    left behind by a crash holds nobody back."""
    from filelock import FileLock, Timeout

    _refuse_foreign_lock(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ToolkitError(f"{out}: another run writes it: wait for it, or name another output") from None
    except OSError as error:
        raise ToolkitError(f"{path}: cannot be opened ({error.strerror}): name another output") from None
    try:
        yield
    finally:
        if os.name == "posix":  # elsewhere an open file cannot be removed
            path.unlink(missing_ok=True)
        lock.release()


def _refuse_foreign_lock(path: Path) -> None:
    """A lock is empty, or names a process as those of earlier versions did."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        if file.read(8) not in (b"", b"process "):
            raise ToolkitError(f"{path}: is not a lock of this command: move it away, or name another output")


# --- rows and records ----------------------------------------------------------------------------


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _packed(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as JSON, their columns once."""
    rows = list(rows)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return json.dumps({"columns": columns, "rows": [[row.get(name) for name in columns] for row in rows]})


def _unpacked(text: str) -> Iterator[dict[str, Any]]:
    packed = json.loads(text)
    return (dict(zip(packed["columns"], row, strict=True)) for row in packed["rows"])


def _quality(figures: str | None) -> Quality | None:
    if figures is None:
        return None
    values = json.loads(figures)
    return Quality(**{**values, "cast": tuple(values["cast"])})


def _grade(row: Sequence[Any], facts: PhotoFacts) -> PhotoGrade:
    name, failure, found, grade, lower, upper, nearest, side, regions, quality, note, figures = row
    if found is None:
        return PhotoGrade(name, facts, note=failure)
    facts = replace(facts, side=facts.side or side)
    known = _quality(figures)
    visible, measured = (known.visible_cm2, known.measured_cm2) if known else (None, None)
    return PhotoGrade(
        name, facts, grade, lower, upper, nearest, json.loads(regions), quality, note, visible, measured
    )


def _face_record(found: FacePatches) -> dict[str, Any]:
    face = found.face
    return {
        "points": face.points.tolist() if face else None,
        "side": face.side if face else None,
        "found_by": face.found_by if face else None,
        "score": face.score if face else None,
        "px_per_mm": face.px_per_mm if face else None,
        "patches": [
            {
                "region": p.region,
                "to_patch": p.to_patch.tolist(),
                "px_per_mm": p.px_per_mm,
                "size": p.skin.shape,
            }
            for p in found.patches
        ],
        "dropped": dict(found.dropped),
        "chart": _chart_record(found.chart) if found.chart else None,
    }


def _chart_record(chart: FaceChart) -> dict[str, Any]:
    return {"to_chart": chart.to_chart.tolist(), "px_per_mm": chart.px_per_mm, "size": chart.skin.shape}
