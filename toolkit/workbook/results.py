"""Results as an Excel workbook, or as tables beside each other: written whole or not at all, and safe to open.

Names come from files that others made, so no text is ever a formula: Excel gets it as text with the quote prefix.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from toolkit.csvguard import unguarded
from toolkit.errors import MissingExtraError, ToolkitError
from toolkit.outputs import has_columns, is_parquet, is_stamped
from toolkit.records import PhotoGrade
from toolkit.summary import Summary, watched_lines
from toolkit.tables import Column, Survey, check_target, import_parquet, survey, write_csv, write_parquet
from toolkit.watch import Watched
from toolkit.workbook.book import Book, Cell, write_book
from toolkit.workbook.byvisit import BY_VISIT, WHO
from toolkit.workbook.pages import new_sheet
from toolkit.workbook.sheets import (
    CHANGE_COLUMNS,
    COLOUR_COLUMNS,
    GRADE_COLUMNS,
    Table,
    add_dictionary,
    add_glossary,
    add_grades,
    add_run,
    add_summary,
    add_table,
    grade_rows,
    run_rows,
)

RESULT_SUFFIXES = (".xlsx", ".csv", ".parquet")
KIND = "grade"  # of whose output a result is
MAX_ROWS = 1_048_575  # what an Excel sheet holds under its header
_MAX_COLUMNS = 16_384


def write_results(
    path: Path,
    grades: Iterable[PhotoGrade],
    tables: Mapping[str, Table],
    run: Mapping[str, str | int | float],
    *,
    watched: Watched | None = None,
) -> list[str]:
    """Write the results as ``write_workbook`` does, or as tables where ``path`` ends in .csv or .parquet.

    A table gets the grades; the others and the run stand beside it as NAME_patches.csv ... NAME_run.csv. All
    rows are walked through more than once and never held together: give lists, or ``Rows``. A table too long for
    a sheet of Excel goes to a .parquet file beside the workbook (.csv without pyarrow). ``watched``: the run beside the
    training study, for the sheet Summary. Returns a line for each such file.
    """
    path = Path(path)
    check_target(path, RESULT_SUFFIXES)
    rows = grade_rows(grades)
    if path.suffix.casefold() == ".xlsx":
        named: dict[str, Table] = {"Grades": rows, **tables}
        found = _surveys(rows, tables)
        aside = [title for title, seen in found.items() if seen.count > MAX_ROWS]
        notes = {title: _write_aside(path, title, named[title]) for title in aside}
        _write_book(path, rows, tables, run, found=found, aside=notes, watched=watched)
        return list(notes.values())
    write = _writer(path)
    write(path, rows, GRADE_COLUMNS)
    for title, table in tables.items():
        write(table_path(path, title), table, None)
    write(table_path(path, "Run"), run_rows(run), None)
    return []


def table_path(path: Path, title: str, suffix: str | None = None) -> Path:
    """Where a table of the results ``path`` stands by itself: NAME_patches.csv beside NAME.csv."""
    return path.with_name(f"{path.stem}_{title.lower().replace(' ', '_')}{suffix or path.suffix}")


def result_files(path: Path) -> dict[Path, Callable[[Path], bool]]:
    """Every file that ``write_results`` may write at and beside ``path``, and what tells an earlier one of it from
    any other file: ``is_own(file)``."""
    inputs = ("photo", "bytes", "sha256")
    csv = {
        "Grades": has_columns(GRADE_COLUMNS),
        **dict.fromkeys(
            ("Patches", "Sides", "Contributions", "Evidence"), has_columns(("photo", "region"), more=True)
        ),
        "Inputs": has_columns(inputs),
        "Change": has_columns(CHANGE_COLUMNS[:2], more=True),
        BY_VISIT: has_columns(WHO, more=True),
        "Colour": has_columns(COLOUR_COLUMNS),
    }
    tables = {**csv, "Run": has_columns(("item", "value"))}
    suffix = path.suffix.casefold()
    if suffix == ".xlsx":  # what is too long for a sheet stands beside it
        aside = {table_path(path, title, ".csv"): is_own for title, is_own in csv.items()}
        aside |= {table_path(path, title, ".parquet"): is_parquet(KIND) for title in csv}
        return {path: is_stamped(KIND), **aside}
    first = tables.pop("Grades")
    if suffix == ".parquet":
        return dict.fromkeys((path, *(table_path(path, title) for title in tables)), is_parquet(KIND))
    return {path: first, **{table_path(path, title): is_own for title, is_own in tables.items()}}


def read_graded(path: Path) -> list[tuple[str, str]] | None:
    """(name, SHA-256) of the photos that have a grade in the results that ``write_results`` wrote at ``path``; None
    where a sheet was too short for them. Raises ToolkitError where they cannot be read."""
    import pandas as pd

    inputs, suffix = table_path(path, "Inputs"), path.suffix.casefold()
    try:
        if suffix == ".xlsx":
            sheets = pd.read_excel(path, sheet_name=["Grades", "Inputs"], dtype={"photo": str, "sha256": str})
            grades, hashes = sheets["Grades"], sheets["Inputs"]
        else:
            read = pd.read_csv if suffix == ".csv" else pd.read_parquet
            grades, hashes = read(path), read(inputs)
        if suffix == ".xlsx" and not {"grade", "sha256"} <= {*grades.columns, *hashes.columns}:
            return None
        graded = set(grades.loc[grades["grade"].notna(), "photo"].astype(str))
        pairs = hashes[["photo", "sha256"]].dropna().astype(str)
    except FileNotFoundError:
        raise ToolkitError(
            f"{path}: {inputs.name}, which tells its photographs, is missing: name another --out, or replace it with "
            "--overwrite"
        ) from None
    except (OSError, ValueError, KeyError) as error:
        raise ToolkitError(
            f"{path}: which photos it holds cannot be read ({' '.join(str(error).split())}): name another --out, or "
            "replace it with --overwrite"
        ) from None
    return [(unguarded(name), sha256) for name, sha256 in pairs.itertuples(index=False) if name in graded]


def write_workbook(
    path: Path,
    grades: Iterable[PhotoGrade],
    tables: Mapping[str, Table],
    run: Mapping[str, str | int | float],
) -> None:
    """Write an Excel workbook: sheets Grades (one row per photo, as given), one a table by its title, Summary, Run
    (item, value), Dictionary (what every column means) and Glossary (what words mean).

    The columns of Grades are ``GRADE_COLUMNS``; grades and interval bounds in 0-9, empty where the photo
    could not be graded. Rows without a grade are red, rows with a note or a quality that is not "ok" amber.
    The columns of a table are the keys of its rows, in order of first appearance; figures have seven significant
    digits, and values that are not finite are left empty.

    A half-written file never stands at ``path``: it is written beside it and moved over it. Folders are
    made as needed. Raises ToolkitError when the target cannot be written or a sheet would overflow.
    """
    path = Path(path)
    check_target(path, (".xlsx",))
    rows = grade_rows(grades)
    _write_book(path, rows, tables, run, found=_surveys(rows, tables), aside={})


def write_table(path: Path, rows: Table, columns: Sequence[str] | None = None, kind: str = "table") -> None:
    """Write rows as ``write_csv`` does or, by the ending of ``path``, as Parquet or a sheet of an Excel workbook;
    whole or not at all, figures in full. ``columns`` defaults to the keys of the rows in order of first appearance.
    ``kind``: whose output a workbook is, as ``stamp_workbook`` writes it.
    """
    if Path(path).suffix.casefold() == ".xlsx":
        write_sheets(Path(path), {"Table": rows}, {"Table": columns} if columns else None, kind=kind)
    else:
        _writer(Path(path))(path, rows, columns)


def write_sheets(
    path: Path,
    sheets: Mapping[str, Table],
    columns: Mapping[str, Sequence[str]] | None = None,
    number_format: str | None = None,
    *,
    kind: str = "table",
) -> None:
    """Write an Excel workbook with one sheet per table, as ``write_table`` writes one, whole or not at all.

    ``columns`` names the columns of sheets by title; those of other sheets are the keys of their rows.
    ``number_format``: how Excel shows figures that are no whole numbers ("0.000"); they are kept in full. ``kind``:
    whose output it is, as ``stamp_workbook`` writes it.
    """
    found = {title: survey(rows, (columns or {}).get(title)) for title, rows in sheets.items()}
    for title, seen in found.items():
        _refuse_overflow(path, title, seen)

    def fill(book: Book) -> None:
        for title, rows in sheets.items():
            names = list(found[title].columns)
            sheet = new_sheet(book, title, found[title], frozen="B2")
            for row in rows:
                values = [row.get(name) for name in names]
                sheet.append(
                    Cell(value, number_format if isinstance(value, float) else None) for value in values
                )

    write_book(path, kind, fill)


def _writer(path: Path) -> Callable[[Path, Table, Sequence[str] | None], None]:
    if path.suffix.casefold() == ".parquet":
        return functools.partial(write_parquet, kind=KIND)
    return write_csv


def _surveys(grades: Table, tables: Mapping[str, Table]) -> dict[str, Survey]:
    return {"Grades": survey(grades, GRADE_COLUMNS)} | {title: survey(rows) for title, rows in tables.items()}


def _write_aside(path: Path, title: str, rows: Table) -> str:
    """Write a table that Excel cannot hold beside the workbook; the line that says so."""
    try:
        import_parquet()
        suffix = ".parquet"
    except MissingExtraError:
        suffix = ".csv"
    beside = table_path(path, title, suffix)
    _writer(beside)(beside, rows, GRADE_COLUMNS if title == "Grades" else None)
    return f"{title}: more than the {MAX_ROWS:,} rows that an Excel sheet holds; they stand in {beside.name}"


def _write_book(
    path: Path,
    grades: Table,
    tables: Mapping[str, Table],
    run: Mapping[str, str | int | float],
    *,
    found: Mapping[str, Survey],
    aside: Mapping[str, str],
    watched: Watched | None = None,
) -> None:
    """The workbook; the tables of ``aside`` have that line in place of their rows."""
    for title, seen in found.items():
        if title not in aside:
            _refuse_overflow(path, title, seen)

    def fill(book: Book) -> None:
        if "Grades" not in aside:
            add_grades(book, grades, found["Grades"])
        for title in (["Grades"] if "Grades" in aside else []) + list(tables):
            if title in aside:
                add_table(book, title, [{"note": aside[title]}], Survey({"note": Column(longest=60)}, 1))
            else:
                add_table(book, title, tables[title], found[title])
        add_summary(book, Summary.of(grades), watched_lines(watched) if watched else [])
        add_run(book, run)
        add_dictionary(book, {title: list(seen.columns) for title, seen in found.items()})
        add_glossary(book)

    write_book(path, KIND, fill)


def _refuse_overflow(path: Path, sheet: str, found: Survey) -> None:
    rows, columns = found.count, len(found.columns)
    if rows > MAX_ROWS or columns > _MAX_COLUMNS:
        raise ToolkitError(
            f"{path}: {rows:,} rows of {columns:,} columns do not fit the sheet {sheet} of an Excel workbook "
            f"({MAX_ROWS:,} by {_MAX_COLUMNS:,}): write to {path.with_suffix('.csv').name} or grade in parts"
        )
