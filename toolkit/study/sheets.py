"""The cells of a spreadsheet file, Excel or CSV, as plain rows."""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from toolkit.errors import GradesError

_DELIMITERS = ",;\t"
_TEXTS = (".csv", ".tsv", ".txt")
_HEAD_BYTES = 100_000  # of a workbook's list of sheets, which begins with what kind it is
# What text of Western Europe in Windows-1252 does not hold: bytes without a meaning, three letters beyond ASCII in a row,
# marks and capitals in the middle of a word. East Asian and Macintosh text does.
_NOT_WESTERN = re.compile(rb"[\x81\x8d\x8f\x90\x9d]|[\x80-\xff]{3}|[A-Za-z][\x80-\x91\x93-\x99\x9b\x9f][a-z]")
# A quote opens a cell only where the cell begins.
_QUOTED = re.compile(r'(?<![^,;\t\r\n])"[^"]*(?:""[^"]*)*(?:"|\Z)')


def raw_sheets(path: Path) -> list[tuple[str, list[Sequence[Any]]]]:
    """The sheets of a workbook as (name, rows of cell values); a .csv is one sheet. Raises GradesError."""
    if not path.is_file():
        raise GradesError(f"{path}: there is no such file: check the path of the grades")
    suffix = path.suffix.casefold()
    if suffix in (".xlsx", ".xlsm"):
        return _excel_sheets(path)
    if suffix in _TEXTS:
        return [(path.stem, _csv_rows(path))]
    raise GradesError(f"{path.name}: grades are read from .xlsx or .csv: save the file as one of these")


def _excel_sheets(path: Path) -> list[tuple[str, list[Sequence[Any]]]]:
    import openpyxl

    _refuse_strict(path)
    try:
        with path.open("rb") as file:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            sheets: list[tuple[str, list[Sequence[Any]]]] = []
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # the size a file claims can be the whole grid
                sheets.append((sheet.title, list(sheet.iter_rows(values_only=True))))
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
    return sheets


def _refuse_strict(path: Path) -> None:
    """Refuse the variant of .xlsx that openpyxl does not read: it would find a workbook without sheets."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("xl/workbook.xml") as file:
            strict = b"purl.oclc.org/ooxml" in file.read(_HEAD_BYTES)
    except (OSError, KeyError, zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error):
        return  # whatever it is, openpyxl says so
    if strict:
        raise GradesError(
            f"{path.name}: is saved as Strict Open XML, which is not read: save it in Excel as 'Excel Workbook (.xlsx)'"
        )


def _csv_rows(path: Path) -> list[Sequence[Any]]:
    try:
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
