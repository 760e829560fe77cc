"""Results on their way from one store to another: rows as they are kept, each with its checksum."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from toolkit.store.results import RESULT_COLUMNS, InputRow, Store

_JOINED = "photos JOIN results USING (sha256, options, hint)"


@dataclass(frozen=True)
class PhotoRow(InputRow):
    """A photo of a run as its store knows it: ``options`` and ``hint`` as in ``Store.begin``; ``note``, why there is no
    result, where there is none."""

    options: str
    hint: str
    note: str


@dataclass(frozen=True)
class ResultRow:
    """A result: its ``cells`` by RESULT_COLUMNS, and their hash as SQLite wrote them, "" where it has none of its own."""

    cells: tuple[Any, ...]
    checksum: str = ""


def photo_rows(store: Store) -> Iterator[PhotoRow]:
    """The photos of the run, in its order."""
    rows = store._db.execute("SELECT options, hint, note FROM photos ORDER BY place")
    for one, (options, hint, note) in zip(store.inputs(), rows, strict=True):
        yield PhotoRow(one.name, one.path, one.bytes, one.sha256, options, hint, note)


def result_rows(store: Store) -> Iterator[ResultRow]:
    """The results of the run's photos, each once."""
    columns = ", ".join(f"results.{name}" for name in RESULT_COLUMNS)
    query = (
        f"SELECT {columns}, checksum FROM results LEFT JOIN checksums USING (sha256, options, hint) "
        f"WHERE results.rowid IN (SELECT results.rowid FROM {_JOINED})"
    )
    for *cells, checksum in store._db.execute(query):
        yield ResultRow(tuple(cells), checksum or "")


def adopt(store: Store, rows: Iterable[ResultRow]) -> int:
    """Keep results that another store made; how many of them were no longer as they were written, and are left out."""
    put = f"INSERT OR REPLACE INTO results VALUES ({', '.join('?' * len(RESULT_COLUMNS))})"
    damaged = 0
    with store._db as db:
        for row in rows:
            number = db.execute(put, row.cells).lastrowid
            ((_, found),) = store.checksums("rowid = ?", (number,))
            if row.checksum not in ("", found):
                db.execute("DELETE FROM results WHERE rowid = ?", (number,))
                damaged += 1
                continue
            _note_checksum(db, row.cells, found)
    return damaged


def _note_checksum(db: sqlite3.Connection, cells: tuple[Any, ...], checksum: str) -> None:
    db.execute("INSERT OR REPLACE INTO checksums VALUES (?, ?, ?, ?)", (*cells[:3], checksum))


def change_rows(store: Store) -> list[tuple[Any, ...]]:
    """What is kept of pairs of photos, each with its checksum; [] of an old version's store."""
    try:
        return store._db.execute("SELECT * FROM changes").fetchall()
    except sqlite3.OperationalError:
        return []


def adopt_changes(store: Store, rows: Iterable[tuple[Any, ...]]) -> None:
    """Keep what another store held of pairs."""
    with store._db as db:
        db.executemany("INSERT OR REPLACE INTO changes VALUES (?, ?, ?, ?, ?)", rows)
