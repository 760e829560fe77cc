"""The cells of a spreadsheet file, Excel or CSV, as plain rows."""

from __future__ import annotations

import csv
import io
import re
import time
import zipfile
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from toolkit.errors import GradesError

_DELIMITERS = ",;\t"
_BOOKS, _TEXTS = (".xlsx", ".xlsm"), (".csv", ".tsv", ".txt")
_SHEETS_AT = "xl/worksheets/"
_EMPTY_SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData/></worksheet>'
)
# Limits of a workbook: bytes and XML marks when unpacked (a cell has four), cells with empty ones, seconds of reading.
_MAX_UNPACKED, _MAX_MARKS, _MAX_MARKS_OF_TEXT = 400_000_000, 8_000_000, 4_000_000
_MAX_MARKS_BESIDE = (
    300_000  # of styles, names and all else beside cells and texts; Excel allows 64,000 styles
)
_MAX_CELLS, _MAX_SECONDS = 4_000_000, 60.0
_HEAD_BYTES = 100_000  # of a workbook's list of sheets, which begins with what kind it is
# What text of Western Europe in Windows-1252 does not hold: bytes without a meaning, three letters beyond ASCII in a row,
# marks and capitals in the middle of a word. East Asian and Macintosh text does.
_NOT_WESTERN = re.compile(rb"[\x81\x8d\x8f\x90\x9d]|[\x80-\xff]{3}|[A-Za-z][\x80-\x91\x93-\x99\x9b\x9f][a-z]")
# A quote opens a cell only where the cell begins.
_QUOTED = re.compile(r'(?<![^,;\t\r\n])"[^"]*(?:""[^"]*)*(?:"|\Z)')


def raw_sheets(path: Path) -> list[tuple[str, list[Sequence[Any]]]]:
    """The sheets of a workbook as (name, rows of cell values); a .csv is one sheet. Raises GradesError."""
    if not path.is_file():
        raise GradesError(f"{path}: there is no such file: check its path")
    suffix = path.suffix.casefold()
    if suffix in _BOOKS:
        return _excel_sheets(path)
    if suffix in _TEXTS:
        return [(path.stem, _csv_rows(path))]
    raise GradesError(
        f"{path.name}: tables are read from {', '.join(_BOOKS + _TEXTS)}: save it as one of these"
    )


def _excel_sheets(path: Path) -> list[tuple[str, list[Sequence[Any]]]]:
    import openpyxl

    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            _refuse_strict(path, archive)
            texts = [part for part in archive.namelist() if not part.startswith(_SHEETS_AT)]
            shared = [part for part in texts if "sharedStrings" in part]
            _refuse_huge(path, archive, shared, _MAX_MARKS_OF_TEXT)
            _refuse_huge(path, archive, [part for part in texts if part not in shared], _MAX_MARKS_BESIDE)
            slim = _one_of_own_results(archive, "Grades")
            with zipfile.ZipFile(slim or file) as read:
                _refuse_huge(path, read, [part for part in read.namelist() if part not in texts], _MAX_MARKS)
            book = openpyxl.load_workbook(slim or file, read_only=True, data_only=True)
            ends = time.monotonic() + _MAX_SECONDS
            return [(sheet.title, _rows_of(path, sheet, ends)) for sheet in book.worksheets]
    except GradesError:
        raise
    except PermissionError:
        raise GradesError(
            f"{path.name}: may not be read: close it in Excel or mend its permissions"
        ) from None
    except Exception as error:  # a damaged or encrypted file fails in many ways inside openpyxl
        reason = type(error).__name__
        raise GradesError(
            f"{path.name}: is not a readable Excel workbook ({reason}): "
            "open it in Excel and save it as .xlsx without a password"
        ) from error


def row_of_run(path: Path, item: str) -> str:
    """What the sheet Run of a workbook that ``toolkit grade`` wrote says of an ``item``; "" where it says nothing, and of
    any other file. Raises GradesError on one that is too large."""
    import openpyxl

    if path.suffix.casefold() != ".xlsx" or not zipfile.is_zipfile(path):
        return ""
    with zipfile.ZipFile(path) as archive:
        slim = _one_of_own_results(archive, "Run")
    if slim is None:
        return ""
    with zipfile.ZipFile(slim) as read:
        _refuse_huge(path, read, read.namelist(), _MAX_MARKS)
    rows = _rows_of(
        path, openpyxl.load_workbook(slim, read_only=True)["Run"], time.monotonic() + _MAX_SECONDS
    )
    return next((str(row[1]) for row in rows if row[:1] == (item,) and len(row) > 1), "")


def _one_of_own_results(archive: zipfile.ZipFile, kept: str) -> io.BytesIO | None:
    """A workbook that ``toolkit grade`` wrote, all sheets but ``kept`` emptied: they hold every figure of every patch.
    None for any other workbook."""
    names = dict(re.findall(r'<sheet [^>]*name="(\w+)"[^>]*r:id="(\w+)"', _head(archive, "xl/workbook.xml")))
    if not names.keys() >= {"Grades", "Patches", "Evidence", "Run", "Dictionary"}:
        return None
    relations = re.findall(r"<Relationship [^>]*>", _head(archive, "xl/_rels/workbook.xml.rels"))
    part_kept = next(found[1] for one in relations if f'Id="{names[kept]}"' in one
                  and (found := re.search(r'Target="[^"]*?([^"/]+)"', one)))  # fmt: skip
    slim = io.BytesIO()
    with zipfile.ZipFile(slim, "w") as made:
        for part in archive.namelist():
            emptied = part.startswith(_SHEETS_AT) and part.endswith(".xml") and part != _SHEETS_AT + part_kept
            made.writestr(part, _EMPTY_SHEET if emptied else archive.read(part))
    return slim


def _head(archive: zipfile.ZipFile, part: str) -> str:
    with archive.open(part) as file:
        return file.read(_HEAD_BYTES).decode("utf-8", errors="replace")


def _rows_of(path: Path, sheet: Any, ends: float) -> list[Sequence[Any]]:
    """The rows of one sheet; raises GradesError on more cells or seconds than any study needs."""
    sheet.reset_dimensions()  # the size a file claims can be the whole grid
    rows: list[Sequence[Any]] = []
    cells = 0
    for row in sheet.iter_rows(values_only=True):
        rows.append(row)
        cells += max(len(row), 1)
        if cells > _MAX_CELLS or time.monotonic() > ends:
            raise _too_much(path, f"sheet {sheet.title!r} has more cells than any study's grades")
    return rows


def _refuse_huge(path: Path, archive: zipfile.ZipFile, parts: Sequence[str], max_marks: int) -> None:
    """Refuse, before they are parsed, parts of a workbook that unpack to more than can be meant: counted, for what an
    archive says of its own size may be wrong."""
    size = marks = 0
    for part in parts:
        if not part.endswith((".xml", ".rels")):
            continue
        with archive.open(part) as file:
            while chunk := file.read(1 << 20):
                size += len(chunk)
                marks += chunk.count(b"<")
                if size > _MAX_UNPACKED or marks > max_marks:
                    raise _too_much(path, f"{part} unpacks to more than any study's grades")


def _too_much(path: Path, what: str) -> GradesError:
    return GradesError(f"{path.name}: {what}: save the sheet of grades alone, as CSV (UTF-8)")


def _refuse_strict(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse the variant of .xlsx that openpyxl does not read: it would find a workbook without sheets."""
    if "purl.oclc.org/ooxml" in _head(archive, "xl/workbook.xml"):
        raise GradesError(
            f"{path.name}: is saved as Strict Open XML, which is not read: save it in Excel as 'Excel Workbook (.xlsx)'"
        )


def _csv_rows(path: Path) -> list[Sequence[Any]]:
    try:
        if path.stat().st_size > _MAX_UNPACKED:
            raise _too_much(path, "is larger than any study's grades")
        raw = path.read_bytes()
    except OSError as error:
        raise GradesError(f"{path.name}: cannot be read ({error.strerror}): mend its permissions") from None
    if b"\0" in raw and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise GradesError(f"{path.name}: is not a text file: save the grades as CSV (UTF-8)")
    text = _decode(path, raw)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    except csv.Error as error:
        raise GradesError(
            f"{path.name}: is not a readable CSV file ({error}): save it again as CSV"
        ) from None


def _delimiter(text: str) -> str:
    """The delimiter that the first line with one has most of, outside quotes: comments may be full of others.

    A title is passed over: the line under it has another delimiter, and none of the title's.
    """
    lines = [line for line in _QUOTED.sub("", text).splitlines() if any(mark in line for mark in _DELIMITERS)]
    for line, below in zip_longest(lines, lines[1:], fillvalue=""):
        delimiter = max(_DELIMITERS, key=line.count)
        if delimiter in below or not below:
            return delimiter
    return _DELIMITERS[0]


def _decode(path: Path, raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        if _NOT_WESTERN.search(raw):
            raise GradesError(
                f"{path.name}: is not UTF-8 text (line {line}), and in an encoding that cannot be told: save it as "
                "'CSV UTF-8'"
            ) from None
        return raw.decode("cp1252", errors="replace")  # older Excel on Windows


def guessed_encoding(path: Path) -> str:
    """A remark where a table is no UTF-8 text and was read as Western European; "" for all others."""
    if path.suffix.casefold() not in _TEXTS:
        return ""
    raw = path.read_bytes()
    try:
        raw.decode("utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError:
        return "is not UTF-8 text: read as Western European (Windows-1252); if names look wrong, save it as 'CSV UTF-8'"
    return ""
