"""Opening the file of a run's results: set up, migrated, salvaged, and held by one run at a time."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.salvage import is_damaged, read_only, set_aside
from toolkit.store.record import RUN_TABLE
from toolkit.store.results import Store

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
# In the same way: what became of the skin between two photos, and a hash of that.
_CHANGES = """
CREATE TABLE IF NOT EXISTS changes (
    sha256 TEXT NOT NULL, baseline TEXT NOT NULL,  -- of the later photo's bytes and of the baseline's
    options TEXT NOT NULL,       -- all else that may change it: JSON
    change TEXT NOT NULL,        -- JSON: toolkit.change.PairChange
    checksum TEXT NOT NULL,
    PRIMARY KEY (sha256, baseline, options)
);
"""
_MIGRATIONS = {  # from the format of that number to the next
    1: "ALTER TABLE results ADD COLUMN pigment TEXT NOT NULL DEFAULT '[]';",
    2: "CREATE TABLE outputs (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL);",
}
_MARKS = ("application_id", "user_version")


def store_path(out: Path) -> Path:
    """Where the results behind the workbook ``out`` stand: beside it, whatever its format."""
    return Path(out).with_suffix(".toolkit.sqlite")


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
                store.take_over(damaged)
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
        connection = _readable(path)
        try:
            yield Store(path, connection)
        finally:
            connection.close()


def _readable(path: Path) -> sqlite3.Connection:
    """A connection that reads alone; one that may write where a run was killed in the middle of a write, which must be
    taken back before anything can be read."""
    connection = sqlite3.connect(read_only(path), uri=True)
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorname not in ("SQLITE_READONLY_ROLLBACK", "SQLITE_CANTOPEN"):
            raise
        connection = sqlite3.connect(path)
    return connection


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
    db.executescript(_CHECKSUMS + _CHANGES + RUN_TABLE)


def _is_unused(db: sqlite3.Connection) -> bool:
    try:
        empty = " AND ".join(f"NOT EXISTS (SELECT 1 FROM {table})" for table in ("photos", "results", "run"))
        return _is_ours(db, _FORMAT) and bool(db.execute(f"SELECT {empty}").fetchone()[0])
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
            f"{path}: holds no results that can be read ({error}): move it away to grade again"
        ) from None


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
