"""Results as an Excel workbook (or CSV tables): written whole or not at all, and safe to open.

Names come from files that others made, so no text is ever a formula: Excel gets it as text with the quote
prefix, CSV with an apostrophe before a leading =, +, -, @, tab or return.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import io
import math
import numbers
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from toolkit.errors import ToolkitError
from toolkit.records import REGIONS, PhotoGrade

Value = str | float | int | None

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
    "quality",
    "note",
)
_FORMATS = {"grade": "0.00", "grade_half_step": "0.0", "lower": "0.0", "upper": "0.0"} | dict.fromkeys(
    REGIONS, "0.00"
)

MAX_ROWS = 1_048_575  # what an Excel sheet holds under its header
_MAX_COLUMNS = 16_384
_MAX_TEXT = 32_767  # UTF-16 units in a cell
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # not allowed in XML 1.0
_FORMULA_STARTS = tuple("=+-@\t\r")

_HEADER_FILL = "1F3A4D"
_FLAGGED_FILL = "FFF2CC"  # amber: look at the quality or the note
_FAILED_FILL = "F8D7DA"  # red: no grade
_LEGEND: list[dict[str, Value]] = [
    {"item": "amber row of Grades", "value": "read the quality or the note before you use the grade"},
    {"item": "red row of Grades", "value": "could not be graded: the note says why"},
]
_SCALE = ("FFFFFF", "E8C39E", "C07F55")  # grades 0, 4.5 and 9: unpigmented to dark


def write_results(
    path: Path,
    grades: Sequence[PhotoGrade],
    tables: Mapping[str, Sequence[Mapping[str, Value]]],
    run: Mapping[str, str | int | float],
) -> None:
    """Write the results as ``write_workbook`` does, or as CSV tables where ``path`` ends in .csv.

    A .csv gets the grades; the tables and the run stand beside it as NAME_patches.csv ... NAME_run.csv.
    """
    path = Path(path)
    if path.suffix.casefold() != ".csv":
        write_workbook(path, grades, tables, run)
        return
    write_table(path, [_grade_row(grade) for grade in grades], GRADE_COLUMNS)
    for title, rows in tables.items():
        write_table(path.with_name(f"{path.stem}_{title.lower()}.csv"), rows)
    write_table(path.with_name(f"{path.stem}_run.csv"), _run_rows(run))


def write_workbook(
    path: Path,
    grades: Sequence[PhotoGrade],
    tables: Mapping[str, Sequence[Mapping[str, Value]]],
    run: Mapping[str, str | int | float],
) -> None:
    """Write an Excel workbook: sheets Grades (a row a photo, as given), one a table by its title, Run (item, value).

    The columns of Grades are ``GRADE_COLUMNS``; grades and interval bounds in 0-9, empty where the photo
    could not be graded. Rows without a grade are red, rows with a note or a quality that is not "ok" amber.
    The columns of a table are the keys of its rows, in order of first appearance; figures have seven significant
    digits, and values that are not finite are left empty.

    A half-written file never stands at ``path``: it is written beside it and moved over it. Folders are
    made as needed. Raises ToolkitError when the target cannot be written or a sheet would overflow.
    """
    path = Path(path)
    check_target(path, (".xlsx",))
    _refuse_overflow(path, "Grades", len(grades), len(GRADE_COLUMNS))
    for title, rows in tables.items():
        _refuse_overflow(path, title, len(rows), len(_columns_of(rows)))

    import openpyxl

    book = openpyxl.Workbook(write_only=True)  # streams rows to disk: patches can be many
    _add_grades(book, [_grade_row(grade) for grade in grades])
    for title, rows in tables.items():
        _add_table(book, title, rows)
    _add_run(book, run)
    _write_atomically(path, book.save)


def write_table(
    path: Path, rows: Sequence[Mapping[str, Value]], columns: Sequence[str] | None = None
) -> None:
    """Write rows as CSV (UTF-8 with a mark that Excel needs) or, where ``path`` ends in .xlsx, as a sheet
    of an Excel workbook; whole or not at all, figures in full.

    ``columns`` defaults to the keys of the rows in order of first appearance. Empty cells stand for None
    and for what is not finite. Raises ToolkitError when the target cannot be written.
    """
    names = list(columns) if columns is not None else _columns_of(rows)
    if Path(path).suffix.casefold() == ".xlsx":
        write_sheets(Path(path), {"Table": rows}, {"Table": names})
        return
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([_guarded(name) for name in names])
    writer.writerows([_guarded(_clean(row.get(name))) for name in names] for row in rows)
    _write_atomically(Path(path), lambda file: file.write(text.getvalue().encode("utf-8-sig")))


def write_sheets(
    path: Path,
    sheets: Mapping[str, Sequence[Mapping[str, Value]]],
    columns: Mapping[str, Sequence[str]] | None = None,
    number_format: str | None = None,
) -> None:
    """Write an Excel workbook with a sheet a table, as ``write_table`` writes one, whole or not at all.

    ``columns`` names the columns of sheets by title; those of other sheets are the keys of their rows.
    ``number_format``: how Excel shows figures that are no whole numbers ("0.000"); they are kept in full.
    """
    names = {title: list((columns or {}).get(title) or _columns_of(rows)) for title, rows in sheets.items()}
    for title, rows in sheets.items():
        _refuse_overflow(path, title, len(rows), len(names[title]))

    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    for title, rows in sheets.items():
        sheet = _new_sheet(book, title, names[title], rows, frozen="B2")
        for row in rows:
            values = [row.get(name) for name in names[title]]
            formats = [number_format if isinstance(value, float) else None for value in values]
            sheet.append([_cell(sheet, *pair) for pair in zip(values, formats, strict=True)])
    _write_atomically(path, book.save)


def check_target(path: Path, suffixes: tuple[str, ...] = (".xlsx", ".csv")) -> None:
    """Raise ToolkitError, before hours of work, where results could not be written at ``path`` afterwards."""
    path = Path(path)
    if path.suffix.casefold() not in suffixes:
        raise ToolkitError(
            f"{path}: results are written as {' or '.join(suffixes)}: end the output's name so"
        )
    if path.is_dir():
        raise ToolkitError(f"{path}: is a folder: name a file for the results")
    probe = _beside(path)
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()


# --- sheets --------------------------------------------------------------------------------------


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
        "quality": grade.quality,
        "note": grade.note,
    }


def _run_rows(run: Mapping[str, str | int | float]) -> list[dict[str, Value]]:
    return [{"item": item, "value": value} for item, value in run.items()]


def _add_grades(book: Any, rows: Sequence[Mapping[str, Value]]) -> None:
    from openpyxl.formatting.rule import ColorScaleRule
    from openpyxl.utils import get_column_letter

    sheet = _new_sheet(book, "Grades", GRADE_COLUMNS, rows, frozen="B2")
    for row in rows:
        fill = _row_fill(row)
        sheet.append([_cell(sheet, row[name], _FORMATS.get(name), fill) for name in GRADE_COLUMNS])
    letter = get_column_letter(GRADE_COLUMNS.index("grade") + 1)
    scale = ColorScaleRule(
        start_type="num", start_value=0, start_color=_SCALE[0],
        mid_type="num", mid_value=4.5, mid_color=_SCALE[1],
        end_type="num", end_value=9, end_color=_SCALE[2],
    )  # fmt: skip
    sheet.conditional_formatting.add(f"{letter}2:{letter}{max(len(rows), 1) + 1}", scale)


def _row_fill(row: Mapping[str, Value]) -> str | None:
    if row["grade"] is None:
        return _FAILED_FILL
    return _FLAGGED_FILL if row["note"] or row["quality"] not in ("", "ok") else None


def _add_table(book: Any, title: str, rows: Sequence[Mapping[str, Value]]) -> None:
    columns = _columns_of(rows)
    sheet = _new_sheet(book, title, columns, rows, frozen="B2")
    for row in rows:
        sheet.append([_cell(sheet, _short(row.get(name))) for name in columns])


def _add_run(book: Any, run: Mapping[str, str | int | float]) -> None:
    rows = _run_rows(run)
    sheet = _new_sheet(book, "Run", ("item", "value"), rows + _LEGEND, frozen="A2")
    for row in rows:
        sheet.append([_cell(sheet, value, align="left") for value in row.values()])
    sheet.append([])
    for row, fill in zip(_LEGEND, (_FLAGGED_FILL, _FAILED_FILL), strict=True):
        sheet.append([_cell(sheet, row["item"], fill=fill), _cell(sheet, row["value"])])


def _new_sheet(
    book: Any, title: str, columns: Sequence[str], rows: Sequence[Mapping[str, Value]], frozen: str
) -> Any:
    """A sheet with its header written and columns as wide as ``rows`` need; the rows are the caller's to add.

    openpyxl streams, so whatever stands in the file before the rows has to be set here.
    """
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.properties import PageSetupProperties

    sheet = book.create_sheet(title)
    sheet.freeze_panes = frozen
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = "1:1"
    for index, name in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(index)].width = _width(name, rows)
    header = [
        _cell(sheet, name, fill=_HEADER_FILL, align="center" if name in _FORMATS else None)
        for name in columns
    ]
    for cell in header:
        cell.font = Font(name="Calibri", size=11, bold=True, color="FFFFFF")
    if header:
        sheet.append(header)
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{len(rows) + 1}"
    return sheet


def _width(column: str, rows: Sequence[Mapping[str, Value]]) -> float:
    """In characters: the header with its filter button, and the text of the first thousand rows, at most 60."""
    texts = (value for row in rows[:1000] if isinstance(value := row.get(column), str))
    return min(max([8, len(column) + 4, *(len(text) + 2 for text in texts)]), 60)


@functools.lru_cache(maxsize=8)
def _solid(color: str) -> Any:
    from openpyxl.styles import PatternFill

    return PatternFill("solid", fgColor=color)


@functools.lru_cache(maxsize=8)
def _aligned(horizontal: str) -> Any:
    from openpyxl.styles import Alignment

    return Alignment(horizontal=horizontal)


def _cell(
    sheet: Any,
    value: Value,
    number_format: str | None = None,
    fill: str | None = None,
    align: str | None = None,
) -> Any:
    """A cell that holds a number or text, never a formula; a bare value where no style is needed."""
    value = _clean(value)
    if not isinstance(value, str) and number_format is fill is align is None:
        return value

    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, str):
        cell.data_type = "s"  # openpyxl takes "=..." for a formula and "#N/A" for an error
        cell.quotePrefix = value.startswith(_FORMULA_STARTS)
    if number_format is not None:
        cell.number_format = number_format
        align = align or "center"
    if fill is not None:
        cell.fill = _solid(fill)
    if align is not None:
        cell.alignment = _aligned(align)
    return cell


# --- values --------------------------------------------------------------------------------------


def _clean(value: Value) -> Value:
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


def _short(value: Value) -> Value:
    """Figures to seven significant digits, as many as single precision holds."""
    return (
        float(f"{value:.7g}")
        if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral)
        else value
    )


def _guarded(value: Value) -> Value:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _columns_of(rows: Iterable[Mapping[str, Value]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _refuse_overflow(path: Path, sheet: str, rows: int, columns: int) -> None:
    if rows > MAX_ROWS or columns > _MAX_COLUMNS:
        raise ToolkitError(
            f"{path}: {rows:,} rows of {columns:,} columns do not fit the sheet {sheet} of an Excel workbook "
            f"({MAX_ROWS:,} by {_MAX_COLUMNS:,}): write to {path.with_suffix('.csv').name} or grade in parts"
        )


# --- files ---------------------------------------------------------------------------------------


def _write_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write beside the target, then move over it; on failure what stood there is untouched."""
    target = path.resolve()  # a link keeps pointing to the file it names
    part = _beside(target)
    with _explained(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn the system's refusals into one line that names the target and the fix."""
    try:
        yield
    except PermissionError:
        raise ToolkitError(f"{path}: may not be written: close it in Excel, or name another output") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ToolkitError(
            f"{path}: cannot be written ({reason}): name an output in another folder"
        ) from None
