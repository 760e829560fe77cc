"""Reviews made in the window, written at once to a file of the study: one for each reader, as the report page exports it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.csvguard import unguarded
from toolkit.errors import ToolkitError
from toolkit.files import write_atomically
from toolkit.outputs import Output, check_outputs, has_columns, has_text
from toolkit.study.names import folded
from toolkit.study.reviews import find_review, read_review
from toolkit.study.scale import Scale
from toolkit.tables import write_csv

COLUMNS = (
    "photo", "subject", "side", "visit", "toolkit", "verdict", "grade", "reader", "comment", "reviewed_at",
)  # fmt: skip
_WHERE = "the reader"
_LONGEST_NAME, _LONGEST_CELL = 60, 1000
_MEMORY, _MOST_REMEMBERED = "toolkit app page", 4_000_000

Row = Mapping[str, str]


def review_path(folder: Path, reader: str) -> Path:
    """Where a reader's reviews go; raises ToolkitError where the name is none."""
    name = "-".join(re.findall(r"\w+", reader.strip()))[:_LONGEST_NAME]
    if not name:
        raise ToolkitError("a reader needs a name with letters or digits in it")
    return folder / f"review-{name}.csv"


def review_files(folder: Path) -> list[Path]:
    """The files of all readers who have reviewed a photo."""
    files = sorted(folder.glob("review-*.csv"))
    return [path for path in files if path.is_file() and has_columns(COLUMNS)(path) and read_reviews(path)]


def read_reviews(path: Path) -> dict[str, Row]:
    """The rows of a file of reviews by photo; none where there is no file."""
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        rows = [
            {name: unguarded(cell or "") for name, cell in row.items() if name}
            for row in csv.DictReader(file)
        ]
    return {row["photo"]: row for row in rows if row.get("photo")}


def reader_of(path: Path) -> str:
    """The name of the reader whose file it is; "" where it has no row."""
    return next((row.get("reader", "") for row in read_reviews(path).values()), "")


def remembered(folder: Path, reader: str) -> dict[str, Any]:
    """What the report page keeps for a reader beside the reviews: layers shown, comments that have no verdict yet."""
    path = memory_path(folder, reader)
    try:
        told = (
            json.loads(path.read_text(encoding="utf-8")) if path.is_file() and has_text(_MEMORY)(path) else {}
        )
    except (OSError, ValueError, RecursionError):  # a page that remembers nothing is a page like any other
        told = {}
    values = told.get("values") if isinstance(told, dict) else None
    return values if isinstance(values, dict) else {}


def remember(folder: Path, reader: str, key: str, value: Any, *, read: Iterable[Path]) -> Path:
    """Keep one thing for a reader; raises ToolkitError where the file is somebody else's, or would be too large."""
    path = memory_path(folder, reader)
    check_outputs([Output(path, _WHERE, has_text(_MEMORY))], read)
    text = (
        json.dumps({"kind": _MEMORY, "values": {**remembered(folder, reader), key: value}}, indent=1) + "\n"
    )
    if len(text) > _MOST_REMEMBERED:
        raise ToolkitError(
            f"{path.name}: the page remembers too much: export the review and begin with another reader's name"
        )
    write_atomically(path, lambda file: file.write(text.encode()))
    return path


def memory_path(folder: Path, reader: str) -> Path:
    """Where the report page's memory for a reader lies."""
    return review_path(folder, reader).with_suffix(".page.json")


def put_reviews(
    folder: Path, reader: str, changed: Sequence[Row], scale: Scale, *, read: Iterable[Path]
) -> Path:
    """Write what a reader has changed: rows with a verdict stand in place of the photo's earlier ones, rows without take
    them away. The other rows of the file stay, also those that another window wrote in the meantime.

    The whole file is read as ``toolkit agreement`` would read it before it is written: what it would refuse is refused here,
    by GradesError. Raises ToolkitError where the file is another reader's, or somebody else's.
    """
    path = review_path(folder, reader)
    check_outputs([Output(path, _WHERE, has_columns(COLUMNS))], read)
    rows = read_reviews(path)
    other = next((row["reader"] for row in rows.values() if folded(row["reader"]) != folded(reader)), "")
    if other:
        raise ToolkitError(f"{path.name} holds the reviews of {other}: give this reader another name")
    for row in changed:
        cells = {name: str(row.get(name, ""))[:_LONGEST_CELL] for name in COLUMNS}
        if cells["verdict"]:
            rows[cells["photo"]] = {**cells, "reader": reader.strip()}
        else:
            rows.pop(cells["photo"], None)
    if rows:
        _check(path, list(rows.values()), scale)
    write_csv(path, list(rows.values()), COLUMNS)
    return path


def _check(path: Path, rows: Sequence[Row], scale: Scale) -> None:
    table: list[Sequence[Any]] = [COLUMNS, *([row.get(name, "") for name in COLUMNS] for row in rows)]
    sheet = find_review([(path.stem, table)])
    if sheet is None:
        raise ToolkitError(f"{path.name}: is no review")
    read_review(path, sheet, scale)
