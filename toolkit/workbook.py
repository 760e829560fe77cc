"""Results as an Excel workbook, or as tables beside each other: written whole or not at all, and safe to open.

Names come from files that others made, so no text is ever a formula: Excel gets it as text with the quote prefix.
"""

from __future__ import annotations

import functools
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from toolkit.csvguard import FORMULA_STARTS, unguarded
from toolkit.dictionary import dictionary_rows
from toolkit.errors import MissingExtraError, ToolkitError
from toolkit.files import write_atomically
from toolkit.outputs import has_columns, is_parquet, is_stamped, stamp_workbook
from toolkit.records import REGIONS, PhotoGrade
from toolkit.summary import Line, Summary, flag_of
from toolkit.tables import (
    Column,
    Rows,
    Survey,
    Value,
    check_target,
    clean,
    import_parquet,
    survey,
    write_csv,
    write_parquet,
)

__all__ = ["GRADE_COLUMNS", "MAX_ROWS", "Rows", "Value", "check_target", "write_results", "write_sheets",
           "write_table", "write_workbook"]  # fmt: skip

RESULT_SUFFIXES = (".xlsx", ".csv", ".parquet")
KIND = "grade"  # of whose output a result is
GRADE_COLUMNS: tuple[str, ...] = (
    "photo",
    "subject",
    "side",
    "visit",
    "grade",
    "grade_half_step",
    "lower",
    "upper",
    "severity",
    "nearest_class",
    *REGIONS,
    "explanation",
    "visible_cm2",
    "measured_cm2",
    "quality",
    "note",
)
_FORMATS = {
    "grade": "0.00",
    "grade_half_step": "0.0",
    "lower": "0.0",
    "upper": "0.0",
    "visible_cm2": "0.0",
    "measured_cm2": "0.0",
} | dict.fromkeys(REGIONS, "0.00")
_SCALED = ("grade", *REGIONS)

MAX_ROWS = 1_048_575  # what an Excel sheet holds under its header
_MAX_COLUMNS = 16_384

_HEADER_FILL = "1F3A4D"
_TITLE_FILL = "DCE6EC"
_FLAGGED_FILL = "FFF2CC"  # amber: look at the quality or the note
_FAILED_FILL = "F8D7DA"  # red: no grade
_FILLS = {"": None, "flagged": _FLAGGED_FILL, "failed": _FAILED_FILL}
_LEGEND: list[dict[str, Value]] = [
    {"item": "amber row of Grades", "value": "read the quality or the note before you use the grade"},
    {"item": "red row of Grades", "value": "could not be graded: the note says why"},
]
_SCALE = ("FFFFFF", "E8C39E", "C07F55")  # grades 0, 4.5 and 9: unpigmented to dark

Table = Iterable[Mapping[str, Value]]


def write_results(
    path: Path,
    grades: Iterable[PhotoGrade],
    tables: Mapping[str, Table],
    run: Mapping[str, str | int | float],
) -> list[str]:
    """Write the results as ``write_workbook`` does, or as tables where ``path`` ends in .csv or .parquet.

    A table gets the grades; the others and the run stand beside it as NAME_patches.csv ... NAME_run.csv. All
    rows are walked through more than once and never held together: give lists, or ``Rows``. A table too long for
    a sheet of Excel goes to a .parquet file beside the workbook (.csv without pyarrow). Returns a line for each
    such file.
    """
    path = Path(path)
    check_target(path, RESULT_SUFFIXES)
    rows = _grade_rows(grades)
    if path.suffix.casefold() == ".xlsx":
        named: dict[str, Table] = {"Grades": rows, **tables}
        found = _surveys(rows, tables)
        aside = [title for title, seen in found.items() if seen.count > MAX_ROWS]
        notes = {title: _write_aside(path, title, named[title]) for title in aside}
        _write_book(path, rows, tables, run, found=found, aside=notes)
        return list(notes.values())
    write = _writer(path)
    write(path, rows, GRADE_COLUMNS)
    for title, table in tables.items():
        write(table_path(path, title), table, None)
    write(table_path(path, "Run"), _run_rows(run), None)
    return []


def table_path(path: Path, title: str, suffix: str | None = None) -> Path:
    """Where a table of the results ``path`` stands by itself: NAME_patches.csv beside NAME.csv."""
    return path.with_name(f"{path.stem}_{title.lower()}{suffix or path.suffix}")


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
    """Write an Excel workbook: sheets Grades (a row a photo, as given), one a table by its title, Summary, Run
    (item, value) and Dictionary (what every column means).

    The columns of Grades are ``GRADE_COLUMNS``; grades and interval bounds in 0-9, empty where the photo
    could not be graded. Rows without a grade are red, rows with a note or a quality that is not "ok" amber.
    The columns of a table are the keys of its rows, in order of first appearance; figures have seven significant
    digits, and values that are not finite are left empty.

    A half-written file never stands at ``path``: it is written beside it and moved over it. Folders are
    made as needed. Raises ToolkitError when the target cannot be written or a sheet would overflow.
    """
    path = Path(path)
    check_target(path, (".xlsx",))
    rows = _grade_rows(grades)
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
    """Write an Excel workbook with a sheet a table, as ``write_table`` writes one, whole or not at all.

    ``columns`` names the columns of sheets by title; those of other sheets are the keys of their rows.
    ``number_format``: how Excel shows figures that are no whole numbers ("0.000"); they are kept in full. ``kind``:
    whose output it is, as ``stamp_workbook`` writes it.
    """
    found = {title: survey(rows, (columns or {}).get(title)) for title, rows in sheets.items()}
    for title, seen in found.items():
        _refuse_overflow(path, title, seen)

    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    for title, rows in sheets.items():
        names = list(found[title].columns)
        sheet = _new_sheet(book, title, found[title], frozen="B2")
        for row in rows:
            values = [row.get(name) for name in names]
            formats = [number_format if isinstance(value, float) else None for value in values]
            sheet.append([_cell(sheet, *pair) for pair in zip(values, formats, strict=True)])
    _save(book, path, kind)


# --- files ---------------------------------------------------------------------------------------


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
) -> None:
    """The workbook; the tables of ``aside`` have that line in place of their rows."""
    for title, seen in found.items():
        if title not in aside:
            _refuse_overflow(path, title, seen)

    import openpyxl

    book = openpyxl.Workbook(write_only=True)  # streams rows to disk: patches can be many
    if "Grades" not in aside:
        _add_grades(book, grades, found["Grades"])
    for title in (["Grades"] if "Grades" in aside else []) + list(tables):
        if title in aside:
            _add_table(book, title, [{"note": aside[title]}], Survey({"note": Column(longest=60)}, 1))
        else:
            _add_table(book, title, tables[title], found[title])
    _add_summary(book, Summary.of(grades))
    _add_run(book, run)
    _add_dictionary(book, {title: list(seen.columns) for title, seen in found.items()})
    _save(book, path, KIND)


def _save(book: Any, path: Path, kind: str) -> None:
    def write(file: IO[bytes]) -> None:
        book.save(file)
        stamp_workbook(file, kind)

    write_atomically(path, write)


def _refuse_overflow(path: Path, sheet: str, found: Survey) -> None:
    rows, columns = found.count, len(found.columns)
    if rows > MAX_ROWS or columns > _MAX_COLUMNS:
        raise ToolkitError(
            f"{path}: {rows:,} rows of {columns:,} columns do not fit the sheet {sheet} of an Excel workbook "
            f"({MAX_ROWS:,} by {_MAX_COLUMNS:,}): write to {path.with_suffix('.csv').name} or grade in parts"
        )


# --- sheets --------------------------------------------------------------------------------------


def _grade_rows(grades: Iterable[PhotoGrade]) -> Rows[dict[str, Value]]:
    return Rows(lambda: map(_grade_row, grades))


def _grade_row(grade: PhotoGrade) -> dict[str, Value]:
    facts = grade.facts
    return {
        "photo": grade.name,
        "subject": facts.subject,
        "side": facts.side,
        "visit": facts.visit,
        "grade": grade.grade,
        "grade_half_step": grade.half_step,
        "lower": grade.lower,
        "upper": grade.upper,
        "severity": grade.severity,
        "nearest_class": grade.nearest_class,
        **{region: grade.regions.get(region) for region in REGIONS},
        "explanation": grade.explanation or None,
        "visible_cm2": grade.visible_cm2,
        "measured_cm2": grade.measured_cm2,
        "quality": grade.quality,
        "note": grade.note,
    }


def _run_rows(run: Mapping[str, str | int | float]) -> list[dict[str, Value]]:
    return [{"item": item, "value": value} for item, value in run.items()]


def _add_grades(book: Any, rows: Table, found: Survey) -> None:
    from openpyxl.formatting.rule import ColorScaleRule
    from openpyxl.utils import get_column_letter

    sheet = _new_sheet(book, "Grades", found, frozen="B2")
    for row in rows:
        fill = _FILLS[flag_of(row)]
        sheet.append([_cell(sheet, row[name], _FORMATS.get(name), fill) for name in GRADE_COLUMNS])
    for name in _SCALED:
        letter = get_column_letter(GRADE_COLUMNS.index(name) + 1)
        scale = ColorScaleRule(
            start_type="num", start_value=0, start_color=_SCALE[0],
            mid_type="num", mid_value=4.5, mid_color=_SCALE[1],
            end_type="num", end_value=9, end_color=_SCALE[2],
        )  # fmt: skip
        sheet.conditional_formatting.add(f"{letter}2:{letter}{max(found.count, 1) + 1}", scale)


def _add_table(book: Any, title: str, rows: Table, found: Survey) -> None:
    sheet = _new_sheet(book, title, found, frozen="B2")
    formats = {name: _figure_format(name, column) for name, column in found.columns.items()}
    for row in rows:
        sheet.append([_cell(sheet, _short(row.get(name)), formats[name]) for name in found.columns])


def _figure_format(name: str, column: Column) -> str | None:
    """As many decimals as leave about three digits of a column's largest figure."""
    if name in _FORMATS:
        return _FORMATS[name]
    if name == "value" or column.text or not column.fraction:  # values of any figure, large and small
        return None
    return next(form for top, form in _DECIMALS if column.largest < top)


_DECIMALS = ((0.1, "0.00000"), (1, "0.0000"), (10, "0.000"), (100, "0.00"), (1e6, "0.0"), (float("inf"), "0"))


def _add_summary(book: Any, summary: Summary) -> None:
    """Counts and distributions on the left, the photos to look at on the right."""
    from openpyxl.formatting.rule import DataBarRule

    left, right = summary.figures(), summary.flagged_rows()
    sheet = book.create_sheet("Summary")
    _set_page(sheet)
    for letter, width in zip("ABCDEFGHIJKL", (24, 10, 9, 9, 9, 9, 9, 3, 36, 8, 24, 60), strict=True):
        sheet.column_dimensions[letter].width = width
    for place in range(max(len(left), len(right))):
        cells: list[Any] = [None] * 12
        if place < len(left):
            cells[: len(left[place].cells)] = _summary_cells(sheet, left[place], "0.00")
        if place < len(right):
            cells[8:] = _summary_cells(sheet, right[place], "0.0")
        sheet.append(cells)
    bars = DataBarRule(start_type="num", start_value=0, end_type="max", color="C07F55", minLength=0)
    for first, last in _runs([place for place, line in enumerate(left, 1) if line.bar]):
        sheet.conditional_formatting.add(f"B{first}:B{last}", bars)


def _summary_cells(sheet: Any, line: Line, number_format: str) -> list[Any]:
    fill = _TITLE_FILL if line.title else _FILLS[line.flag]
    cells = []
    for value in line.cells:
        is_figure = isinstance(value, float) or (line.title and value in _FIGURES)
        form = number_format if isinstance(value, float) else None
        cells.append(_cell(sheet, value, form, fill, align="right" if is_figure else None, bold=line.title))
    return cells


_FIGURES = ("photos", "mean", "SD", "median", "grade")


def _runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """Neighbouring numbers as (first, last)."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and runs[-1][1] == place - 1:
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    return runs


def _add_run(book: Any, run: Mapping[str, str | int | float]) -> None:
    rows = _run_rows(run)
    sheet = _new_sheet(
        book, "Run", survey(rows + _LEGEND, ("item", "value")), frozen="A2", filtered=len(rows)
    )
    for row in rows:
        sheet.append([_cell(sheet, value, align="left") for value in row.values()])
    sheet.append([])
    for row, fill in zip(_LEGEND, (_FLAGGED_FILL, _FAILED_FILL), strict=True):
        sheet.append([_cell(sheet, row["item"], fill=fill), _cell(sheet, row["value"])])


def _add_dictionary(book: Any, columns: Mapping[str, Sequence[str]]) -> None:
    rows = dictionary_rows(columns)
    found = survey(rows, ("sheet", "column", "meaning", "unit", "range"))
    sheet = _new_sheet(book, "Dictionary", found, frozen="A2", widest=110)
    for row in rows:
        sheet.append([_cell(sheet, row[name]) for name in found.columns])


def _new_sheet(
    book: Any, title: str, found: Survey, frozen: str, *, filtered: int | None = None, widest: int = 60
) -> Any:
    """A sheet with its header written and columns as wide as ``found`` needs; the rows are the caller's to add.

    openpyxl streams, so whatever stands in the file before the rows has to be set here.
    """
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(title)
    sheet.freeze_panes = frozen
    _set_page(sheet)
    sheet.print_title_rows = "1:1"
    for index, (name, column) in enumerate(found.columns.items(), start=1):
        sheet.column_dimensions[get_column_letter(index)].width = _width(name, column, widest)
    header = [
        _cell(
            sheet,
            name,
            fill=_HEADER_FILL,
            align="center" if name in _FORMATS else None,
            bold=True,
            light=True,
        )
        for name in found.columns
    ]
    if header:
        sheet.append(header)
        last = found.count if filtered is None else filtered
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(header))}{last + 1}"
    return sheet


def _set_page(sheet: Any) -> None:
    from openpyxl.worksheet.properties import PageSetupProperties

    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _width(name: str, column: Column, widest: int) -> float:
    """In characters: the header with its filter button, and the texts, at most ``widest``."""
    return min(max(8, len(name) + 4, column.longest + 2 if column.longest else 0), widest)


# --- cells ---------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=8)
def _solid(color: str) -> Any:
    from openpyxl.styles import PatternFill

    return PatternFill("solid", fgColor=color)


@functools.lru_cache(maxsize=8)
def _aligned(horizontal: str) -> Any:
    from openpyxl.styles import Alignment

    return Alignment(horizontal=horizontal)


@functools.lru_cache(maxsize=2)
def _bold(light: bool) -> Any:
    from openpyxl.styles import Font

    return Font(name="Calibri", size=11, bold=True, color="FFFFFF" if light else "000000")


def _cell(
    sheet: Any,
    value: Value,
    number_format: str | None = None,
    fill: str | None = None,
    *,
    align: str | None = None,
    bold: bool = False,
    light: bool = False,
) -> Any:
    """A cell that holds a number or text, never a formula; a bare value where no style is needed."""
    value = clean(value)
    if value is None and fill is None and number_format is None:
        return None
    if not isinstance(value, str) and number_format is fill is align is None and not bold:
        return value

    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, str):
        cell.data_type = "s"  # openpyxl takes "=..." for a formula and "#N/A" for an error
        cell.quotePrefix = value.startswith(FORMULA_STARTS)
    if number_format is not None:
        cell.number_format = number_format
        align = align or "center"
    if fill is not None:
        cell.fill = _solid(fill)
    if align is not None:
        cell.alignment = _aligned(align)
    if bold:
        cell.font = _bold(light)
    return cell


def _short(value: Value) -> Value:
    """Figures to seven significant digits, as many as single precision holds."""
    return (
        float(f"{value:.7g}")
        if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral)
        else value
    )
