"""A results file with damaged pages: set aside under another name, what of it can still be read kept in a new one."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

# Copied in this order; a result only if its checksum was copied before it and fits.
_TABLES = ("outputs", "photos", "checksums", "results", "changes")
_LEAST_ROW_BYTES = 64  # so many rows at most can lie in a file, which bounds the search for them
# Of the file's header (sqlite.org/fileformat2.html): what is the same in every file that this SQLite makes for us. Page
# size, versions for writing and reading, reserved space and fractions of a page; format of the schema; text encoding.
_FIXED = (slice(16, 24), slice(44, 48), slice(56, 60))
_PAGES = slice(28, 32)  # how many pages there are; of 0 SQLite asks the size of the file
_VERSIONS, _SCHEMA_FORMAT = slice(18, 20), slice(44, 48)

# SQLite's messages quote damaged names as they are, which Python cannot always read.
_DAMAGE = (sqlite3.DatabaseError, UnicodeDecodeError)

Row = tuple[Any, ...]


def is_damaged(path: Path, marks: tuple[int, int]) -> bool:
    """Whether a file of ours (``marks``: its application id and version) has pages that SQLite cannot trust; False of
    a file that is missing or not ours. An error that is no damage (locked, no permission) is raised."""
    head = _header(path) if path.is_file() else b""
    if _marks_in(head) != marks:
        return False
    if not set(head[_VERSIONS]) <= {1, 2} or int.from_bytes(head[_SCHEMA_FORMAT]) > 4:
        return True  # no SQLite has ever written that; it would refuse the file, or open it for reading only
    with contextlib.closing(sqlite3.connect(path)) as db:
        try:
            return db.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",)
        except sqlite3.OperationalError:
            raise
        except _DAMAGE:
            return True


def read_only(path: Path) -> str:
    """The address under which SQLite opens a file to read it alone. ``Path.as_uri`` names the server of a network path
    (//server/study) where SQLite wants this computer, and refuses it."""
    place = path.resolve().as_posix()
    return f"file://{'' if place.startswith('/') else '/'}{quote(place, safe='/:')}?mode=ro"


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(100)


def _marks_in(head: bytes) -> tuple[int, int]:
    """Application id and version, from the file's own header: SQLite gives neither once the header's page is damaged."""
    if not head.startswith(b"SQLite format 3\0") or len(head) < 100:
        return 0, 0
    return int.from_bytes(head[68:72]), int.from_bytes(head[60:64])


def set_aside(path: Path) -> Path:
    """Rename a damaged file to the first free name beside it, and give that."""
    for number in itertools.count(1):
        aside = path.with_name(f"{path.stem}.damaged{number}{path.suffix}")
        if not aside.exists() and not aside.is_symlink():
            return path.rename(aside)
    raise AssertionError("names never end")


@contextlib.contextmanager
def _with_header_of(sound: Path, damaged: Path) -> Iterator[sqlite3.Connection]:
    """A copy of ``damaged``, to read from, whose header says what ``sound``, a new file of ours, says in its own."""
    with tempfile.TemporaryDirectory(prefix=".reading-", dir=damaged.parent) as folder:
        copy = Path(shutil.copyfile(damaged, Path(folder) / damaged.name))
        right, head = _header(sound), bytearray(_header(copy))
        for place in _FIXED:
            head[place] = right[place]
        head[_PAGES] = bytes(4)
        with copy.open("r+b") as file:
            file.write(head)
        with contextlib.closing(sqlite3.connect(read_only(copy), uri=True)) as old:
            yield old


def copy_readable(
    damaged: Path, sound: Path, new: sqlite3.Connection, is_whole: Callable[[int], bool]
) -> int:
    """Copy what can be read into the empty tables of ``new``, whose file is ``sound``; the number of results copied.

    ``is_whole`` tells of a result by its row number in ``new`` whether it is as it was written; others are taken out.
    """
    copied = 0
    most = damaged.stat().st_size // _LEAST_ROW_BYTES
    with _with_header_of(sound, damaged) as old, new:
        for table in _TABLES:
            columns = [name for _, name, *_ in new.execute(f"PRAGMA table_info({table})")]
            put = f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(columns))})"
            for values in _rows(old, f"SELECT rowid, {', '.join(columns)} FROM {table}", most):
                row = _put(new, put, values)
                if table == "results" and row:
                    whole = is_whole(row)
                    copied += whole
                    if not whole:
                        new.execute("DELETE FROM results WHERE rowid = ?", (row,))
    return copied


def _put(new: sqlite3.Connection, query: str, values: Row) -> int:
    """The row number of what was put; 0 where the row is there already, or breaks the rules of its table."""
    try:
        done = new.execute(query, values)
    except sqlite3.IntegrityError:
        return 0
    return int(done.lastrowid or 0) if done.rowcount > 0 else 0


def _rows(old: sqlite3.Connection, query: str, most: int) -> Iterator[Row]:
    """Every row of a table that can be read: from its first on, from its last back, and between these one by one,
    since a damaged page breaks a walk but not a search for a row of another page."""
    first, last = 0, 0
    for number, *values in _until_damage(old, f"{query} ORDER BY rowid"):
        first = number
        yield tuple(values)
    for number, *values in _until_damage(old, f"{query} ORDER BY rowid DESC"):
        last = number
        if number <= first:
            break
        yield tuple(values)
    for number in range(first + 1, min(last or first + most, first + most)):
        for _, *values in _until_damage(old, f"{query} WHERE rowid = {number}"):
            yield tuple(values)


def _until_damage(old: sqlite3.Connection, query: str) -> Iterator[Row]:
    # Text that is no text is damage too, of one row, and shows in its checksum.
    old.text_factory = lambda held: held.decode("utf-8", "replace")
    with contextlib.suppress(*_DAMAGE):
        yield from old.execute(query)
