"""Rows as files: CSV and Parquet, written whole or not at all, a row at a time, and safe to open.

Names come from files that others made, so no cell of a CSV begins a formula: an apostrophe stands before a
leading =, +, -, @, tab or return.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
import numbers
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

from toolkit.csvguard import guarded
from toolkit.errors import MissingExtraError, ToolkitError
from toolkit.files import beside, explained, write_atomically

Value = str | float | int | None
Item = TypeVar("Item")
_MAX_TEXT = 32_767  # UTF-16 units in a cell
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # not allowed in XML 1.0
_WIDTH_ROWS = 1000  # rows whose texts decide how wide a column is
_BATCH = 5000  # rows of Parquet at a time


class Rows(Generic[Item]):
    """Rows that are made anew each time they are walked through, so that they need not be in memory at once."""

    def __init__(self, make: Callable[[], Iterable[Item]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[Item]:
        return iter(self._make())


@dataclass
class Column:
    """What a column holds: the longest of its first texts, its largest figure, whether any text, any fraction."""

    longest: int = 0
    largest: float = 0.0
    text: bool = False
    fraction: bool = False


@dataclass
class Survey:
    """The columns of rows, in order of first appearance, and how many rows there are."""

    columns: dict[str, Column] = field(default_factory=dict)
    count: int = 0


def survey(rows: Iterable[Mapping[str, Value]], names: Sequence[str] | None = None) -> Survey:
    """One walk through rows; ``names`` are the columns, where not all that appear are wanted."""
    found = Survey({name: Column() for name in names or ()})
    for row in rows:
        for name in row if names is None else names:
            column = found.columns.get(name) or found.columns.setdefault(name, Column())
            value = row.get(name)
            if isinstance(value, str):
                column.text = True
                if found.count < _WIDTH_ROWS:
                    column.longest = max(column.longest, len(value))
            elif value is not None and math.isfinite(value):
                column.largest = max(column.largest, abs(float(value)))
                column.fraction |= not isinstance(value, numbers.Integral)
        found.count += 1
    return found


def clean(value: Value) -> Value:
    """Text that XML and Excel can hold, or a finite number, or None."""
    if value is None or isinstance(value, str):
        text = _ILLEGAL.sub("", value or "")
        if len(text) * 2 > _MAX_TEXT:  # only then can it be too long in UTF-16
            text = text.encode("utf-16-le")[: 2 * _MAX_TEXT].decode("utf-16-le", errors="ignore")
        return text or None
    if isinstance(value, numbers.Integral):
        return int(value)
    number = float(value)
    return number if math.isfinite(number) else None


def _cell(value: Value) -> Value:
    value = clean(value)
    return guarded(value) if isinstance(value, str) else value


# --- files ---------------------------------------------------------------------------------------


def write_csv(path: Path, rows: Iterable[Mapping[str, Value]], columns: Sequence[str] | None = None) -> None:
    """Write rows as CSV (UTF-8 with a mark that Excel needs), figures in full; empty cells stand for None and
    for what is not finite. Raises ToolkitError when the target cannot be written."""
    names = list(survey(rows).columns) if columns is None else list(columns)

    def write(file: IO[bytes]) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
        writer = csv.writer(text)
        writer.writerow([guarded(name) for name in names])
        writer.writerows([_cell(row.get(name)) for name in names] for row in rows)
        text.flush()
        text.detach()  # the file is not this function's to close

    write_atomically(Path(path), write)


def write_parquet(
    path: Path,
    rows: Iterable[Mapping[str, Value]],
    columns: Sequence[str] | None = None,
    kind: str = "table",
) -> None:
    """Write rows as Parquet: columns of text, of whole numbers or of figures in full; null for None and for what
    is not finite. The file says of what ``kind`` it is, for ``outputs.is_parquet``. Raises MissingExtraError without
    pyarrow, ToolkitError when the target cannot be written."""
    pyarrow, parquet = import_parquet()
    found = survey(rows, columns).columns
    kinds = {
        name: pyarrow.string() if c.text else pyarrow.float64() if c.fraction else pyarrow.int64()
        for name, c in found.items()
    }
    schema = pyarrow.schema(list(kinds.items()), metadata={"toolkit": kind})

    def write(file: IO[bytes]) -> None:
        with parquet.ParquetWriter(file, schema) as writer:
            walk = iter(rows)
            while batch := list(itertools.islice(walk, _BATCH)):
                cells = {
                    name: [_as_column(row.get(name), column) for row in batch]
                    for name, column in found.items()
                }
                writer.write_table(pyarrow.table(cells, schema=schema))

    write_atomically(Path(path), write)


def _as_column(value: Value, column: Column) -> Value:
    value = clean(value)
    return str(value) if column.text and value is not None else value


def import_parquet() -> tuple[Any, Any]:
    """The modules pyarrow and pyarrow.parquet; raises MissingExtraError, which names the command that mends it."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError("pyarrow (for .parquet)", "parquet") from None
    return pyarrow, pyarrow.parquet


def check_target(path: Path, suffixes: tuple[str, ...] = (".xlsx", ".csv")) -> None:
    """Raise ToolkitError, before hours of work, where results could not be written at ``path`` afterwards."""
    path = Path(path)
    if path.suffix.casefold() not in suffixes:
        raise ToolkitError(
            f"{path}: results are written as {' or '.join(suffixes)}: end the output's name so"
        )
    if path.suffix.casefold() == ".parquet":
        import_parquet()
    if path.is_dir():
        raise ToolkitError(f"{path}: is a folder: name a file for the results")
    probe = beside(path)
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
