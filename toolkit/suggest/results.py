"""The photographs of a run as ``toolkit grade`` wrote them, read back from its workbook or tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

from toolkit.csvguard import unguarded
from toolkit.errors import ToolkitError
from toolkit.records import SIDE
from toolkit.workbook import RESULT_SUFFIXES, result_files, table_path

_TITLES = ("Grades", "Sides", "Inputs", "Run")
_TEXT = ("photo", "subject", "side", "visit", "quality", "region", "sha256", "item", "value")


@dataclass(frozen=True)
class GradedPhoto:
    """A photo of a run that got a grade: its interval, skin ``tone`` (ITA, degrees) and mean ``distance`` to the nearest
    references; ``sha256`` of its file."""

    name: str
    subject: str
    side: str
    visit: str
    grade: float
    lower: float
    upper: float
    quality: str
    tone: float
    distance: float
    sha256: str

    @property
    def half_width(self) -> float:
        """Of the interval; where that ends at 0 or 9, of its longer half."""
        return max(self.upper - self.grade, self.grade - self.lower)


def read_results(path: Path) -> tuple[list[GradedPhoto], str]:
    """The graded photos of results, and the SHA-256 of the model that graded them. Raises ToolkitError."""
    tables = _tables(Path(path))
    try:
        sides = {row["photo"]: row for row in _rows(tables["Sides"]) if row["region"] == SIDE}
        hashes = {row["photo"]: row["sha256"] for row in _rows(tables["Inputs"])}
        run = {row["item"]: row["value"] for row in _rows(tables["Run"])}
        found = [
            GradedPhoto(
                row["photo"], row["subject"], row["side"], row["visit"], float(row["grade"]), float(row["lower"]),
                float(row["upper"]), row["quality"], float(sides[row["photo"]]["ita_deg"]),
                float(sides[row["photo"]]["neighbour_distance"]), hashes.get(row["photo"], ""),
            )
            for row in _rows(tables["Grades"])
            if row["grade"] == row["grade"]
        ]  # fmt: skip
        return found, run["model sha256"]
    except (KeyError, TypeError, ValueError) as error:
        raise ToolkitError(
            f"{path}: is no result of toolkit grade ({error} is missing or unreadable)"
        ) from None


def _rows(table: Any) -> Iterator[dict[str, Any]]:
    """Rows of a table, text as it was."""
    for row in table.to_dict("records"):
        texts = {name: unguarded(str(row[name])) for name in _TEXT if name in row and row[name] == row[name]}
        empty = {name: "" for name in _TEXT if name in row and name not in texts}
        yield {**row, **texts, **empty}


def _tables(path: Path) -> dict[str, Any]:
    import pandas as pd

    suffix = path.suffix.casefold()
    if suffix not in RESULT_SUFFIXES:
        raise ToolkitError(
            f"{path}: name the workbook or table that toolkit grade wrote ({', '.join(RESULT_SUFFIXES)})"
        )
    if suffix == ".xlsx" and path.is_file() and not is_zipfile(path):
        raise ToolkitError(f"{path}: is not a readable Excel workbook: name the one that toolkit grade wrote")
    options: dict[str, Any] = {
        "dtype": dict.fromkeys(_TEXT, str),
        "keep_default_na": False,
        "na_values": [""],
    }
    try:
        if suffix == ".xlsx":
            return pd.read_excel(path, sheet_name=list(_TITLES), **options)
        paths = {title: path if title == "Grades" else table_path(path, title) for title in _TITLES}
        if suffix == ".csv":
            return {title: pd.read_csv(one, **options) for title, one in paths.items()}
        return {title: pd.read_parquet(one) for title, one in paths.items()}
    except FileNotFoundError as error:
        raise ToolkitError(_missing(path, Path(error.filename or path))) from None
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise ToolkitError(
            f"{path}: cannot be read as a result of toolkit grade ({reason}): name the file that its --out wrote"
        ) from None


def _missing(path: Path, file: Path) -> str:
    if file == path:
        return f"{path}: no such file: check its path, or run toolkit grade first"
    return f"{path}: {file.name}, which toolkit grade writes beside its grades, is missing: name results of toolkit grade"


def result_paths(path: Path) -> list[Path]:
    """The files that are read of results."""
    return [one for one in result_files(Path(path)) if one.is_file()]
