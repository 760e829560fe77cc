"""Workbooks of expert grades: long, wide or file name and grade, as .xlsx or .csv."""

from __future__ import annotations

import datetime
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import GradesError
from toolkit.records import Side
from toolkit.study.names import known_visit, side_of, visit_label
from toolkit.study.sheets import raw_sheets

ROLES = ("file", "subject", "side", "visit", "visitnum", "grade", "sheet")
# Headers by role, as _plain leaves them; of several, the one listed first is meant.
_ALIASES: dict[str, tuple[str, ...]] = {
    role: tuple(headers.split())
    for role, headers in {
        "file": "file filename photo photofile photoname photograph image imagefile imagename picture path",
        "subject": "subjid subject subjectid subjectno subjectnumber subjectnum subj subjno usubjid "
        "participant participantid participantno patient patientid patientno",
        "side": "side sideofface sideoftheface faceside laterality",
        "visit": "visit visitname timepoint week weekno weeknumber day month",
        "visitnum": "visitnum visitno visitnumber",
        "grade": "grade score mhp mottled mottledhyperpigmentation mottledhyperpigmentationgrade "
        "mottledhyperpigmentationscore hyperpigmentation hyperpigmentationgrade",
    }.items()
}
_MISSING = {"", "na", "n/a", "nd", "n.d.", "nan", "none", "null", "missing", "not done", ".", "-", "--"}
_HEADER_SEARCH_ROWS = 30
_NAMED_AT_MOST = 5


@dataclass(frozen=True)
class GradeRow:
    """One grade and what it belongs to; ``row`` counts from 1 as the spreadsheet shows it.

    Either ``file`` or ``subject`` is known. ``visit`` is as ``visit_label`` spells it: what VISIT says, or
    else VISITNUM.
    """

    row: int
    grade: float
    file: str | None = None
    subject: str | None = None
    side: Side | None = None
    visit: str | None = None

    def __str__(self) -> str:
        facts = (self.subject, self.side, self.visit)
        return f"row {self.row} ({self.file or ', '.join(fact for fact in facts if fact)})"


@dataclass(frozen=True)
class GradeTable:
    """A workbook of grades. ``blank_rows`` are the rows that name a photo and leave its grade empty."""

    source: Path
    layout: str  # "long", "wide" or "file"
    rows: tuple[GradeRow, ...]
    blank_rows: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Sheet:
    """A sheet's header and the rows under it, each with its number."""

    name: str
    header: tuple[str, ...]
    columns: Mapping[str, int]  # role -> column
    visits: Mapping[int, str]  # column -> visit, in the wide layout
    rows: Sequence[tuple[int, Sequence[Any]]]


def read_grades(
    path: Path, columns: Mapping[str, str] | None = None, *, step: float | None = 0.5
) -> GradeTable:
    """Read a workbook of expert grades (.xlsx or .csv) in any of three layouts, told apart by the header.

    * long: a row a photo: subject (SUBJID, Subject No., ...), side, VISIT and/or VISITNUM, and the grade
      (Mottled hyperpigmentation, grade, score, ...);
    * wide: subject, side, then a column a visit (Baseline, Week 4, ...);
    * file: a file name (file, photo, image, ...) and a grade; subject, side and visit may stand beside.

    ``columns`` names columns whose header is not recognised, by role: file, subject, side, visit, visitnum,
    grade; "sheet" names the sheet. The header may stand under title rows. Empty grades (also NA, ND, ".")
    are skipped and listed in ``blank_rows``. ``step``: grades must be whole multiples of it within 0-9;
    None accepts any number in 0-9 (another run's unrounded grades).

    Raises GradesError, one line that names the file and its rows, when the workbook cannot be read, has no
    known layout, holds a value that is no grade, side or subject, or grades the same photo twice.
    """
    path, named = Path(path), dict(columns or {})
    unknown = sorted(set(named) - set(ROLES))
    if unknown:
        raise GradesError(f"{path.name}: unknown column role {unknown[0]!r}: use one of {', '.join(ROLES)}")
    sheet = _choose_sheet(path, named)
    rows, blank = _parse(path, sheet, step)
    if not rows:
        raise GradesError(
            f"{path.name}: no row holds a grade: fill the grade column "
            "(if it holds formulas, open the file in Excel and save it once)"
        )
    _refuse_repeats(path, rows)
    layout = "wide" if sheet.visits else "file" if "file" in sheet.columns else "long"
    return GradeTable(path, layout, tuple(rows), tuple(blank))


def _choose_sheet(path: Path, named: Mapping[str, str]) -> _Sheet:
    sheets = raw_sheets(path)
    if "sheet" in named:
        sheets = [(name, rows) for name, rows in sheets if name == named["sheet"]]
        if not sheets:
            raise GradesError(f"{path.name}: has no sheet {named['sheet']!r}: check its name")
    fitting = [found for name, rows in sheets if (found := _find_header(path, name, rows, named)) is not None]
    if len(fitting) > 1:  # our own workbook has its patches beside its grades
        fitting = [sheet for sheet in fitting if folded(sheet.name) == "grades"] or fitting
    if len(fitting) > 1:
        names = ", ".join(repr(sheet.name) for sheet in fitting)
        raise GradesError(f"{path.name}: sheets {names} all look like grades: name one, --column sheet=NAME")
    if fitting:
        return fitting[0]
    headers = {
        _plain(_text(cell)) for _, rows in sheets for row in rows[:_HEADER_SEARCH_ROWS] for cell in row
    }
    absent = [want for role, want in named.items() if role != "sheet" and _plain(want) not in headers]
    if absent:
        raise GradesError(f"{path.name}: has no column {absent[0]!r}: check its spelling")
    seen = next((row for _, rows in sheets for row in rows if any(_text(cell) for cell in row)), [])
    first = ", ".join(_text(cell) for cell in seen[:8] if _text(cell)) or "nothing"
    raise GradesError(
        f"{path.name}: no row reads as the header of a grade table (first row: {first}): "
        "name its columns, for example --column subject=NAME --column grade=NAME"
    )


def _find_header(path: Path, name: str, rows: list[Sequence[Any]], named: Mapping[str, str]) -> _Sheet | None:
    for index, row in enumerate(rows[:_HEADER_SEARCH_ROWS]):
        header = tuple(_text(cell) for cell in row)
        columns = _columns(path, header, named)
        if "subject" not in columns and "file" not in columns:
            continue
        visits = {} if "grade" in columns else _visit_columns(path, header, set(columns.values()))
        if "grade" in columns or ("subject" in columns and visits):
            return _Sheet(name, header, columns, visits, list(enumerate(rows, start=1))[index + 1 :])
    return None


def _columns(path: Path, header: Sequence[str], named: Mapping[str, str]) -> dict[str, int]:
    """The column of each role; none at all where this row lacks a named column."""
    plain = [_plain(text) for text in header]
    columns: dict[str, int] = {}
    for role, want in named.items():
        if role == "sheet":
            continue
        found = [i for i, text in enumerate(header) if text == want.strip()]
        found += [i for i, text in enumerate(plain) if text == _plain(want)]
        if not found:
            return {}
        columns[role] = found[0]
    for role, aliases in _ALIASES.items():
        found = [plain.index(alias) for alias in aliases if alias in plain]
        if role not in columns and found:
            columns[role] = found[0]
    if "grade" not in named and ("subject" in columns or "file" in columns):
        columns |= _grade_column(path, header)
    return columns


def _grade_column(path: Path, header: Sequence[str]) -> dict[str, int]:
    """The one column that reads as the grade, if any; two are refused, since either may be meant."""
    plain = [_plain(text) for text in header]
    found = [i for i, text in enumerate(plain) if text in _ALIASES["grade"]]
    found = found or [i for i, text in enumerate(plain) if "hyperpigmentation" in text]
    if len(found) > 1:
        both = " and ".join(repr(header[i]) for i in found[:2])
        raise GradesError(
            f"{path.name}: columns {both} both look like the grade: name one, --column grade=NAME"
        )
    return {"grade": found[0]} if found else {}


def _visit_columns(path: Path, header: Sequence[str], taken: set[int]) -> dict[int, str]:
    visits: dict[int, str] = {}
    for i, text in enumerate(header):
        visit = None if i in taken or text.isdecimal() else known_visit(text)
        if visit and visit in visits.values():
            raise GradesError(f"{path.name}: two columns are {visit}: keep one column a visit")
        if visit:
            visits[i] = visit
    return visits


def _parse(path: Path, sheet: _Sheet, step: float | None) -> tuple[list[GradeRow], list[int]]:
    rows: list[GradeRow] = []
    blank: list[int] = []
    faults: list[str] = []
    for number, cells in sheet.rows:
        if not any(_text(cell) for cell in cells):
            continue
        try:
            found = _parse_row(sheet, number, cells, step)
        except ValueError as error:
            faults.append(f"row {number}: {error}")
            continue
        rows += found
        if not found:
            blank.append(number)
    if faults:
        raise GradesError(f"{path.name}: {_listed(faults)}: correct the workbook")
    return rows, blank


def _parse_row(sheet: _Sheet, number: int, cells: Sequence[Any], step: float | None) -> list[GradeRow]:
    """The grades of one row (one, or one a visit in the wide layout); ValueError says what is wrong."""

    def cell(role: str) -> Any:
        column = sheet.columns.get(role)
        return cells[column] if column is not None and column < len(cells) else None

    if sheet.visits:
        values: dict[str | None, Any] = {
            visit: cells[i] for i, visit in sheet.visits.items() if i < len(cells)
        }
    else:
        heading = sheet.header[sheet.columns["visit"]] if "visit" in sheet.columns else ""
        values = {_visit(cell("visit"), heading): cell("grade")}
    grades = {visit: _grade(value, step) for visit, value in values.items() if not _is_missing(value)}
    if not grades:
        return []
    file, subject, side = _unguarded(_text(cell("file"))), _text(cell("subject")), _side(cell("side"))
    if not file and not subject:
        raise ValueError("has a grade but no subject (a merged cell holds its value in its first row only)")
    numbered = _visit(cell("visitnum"), "")
    return [
        GradeRow(number, grade, file or None, subject or None, side, visit or numbered)
        for visit, grade in grades.items()
    ]


def _grade(value: Any, step: float | None) -> float:
    if isinstance(value, datetime.date | datetime.time):
        raise ValueError(f"grade {value:%d %b} is a date (Excel turned a number into one)")
    try:
        grade = float(_text(value).replace(",", "."))
    except ValueError:
        raise ValueError(f"grade {_text(value)!r} is not a number") from None
    if isinstance(value, bool) or not 0 <= grade <= 9:
        raise ValueError(f"grade {_text(value)} is not within 0 to 9")
    if step is not None and not math.isclose(grade / step, round(grade / step), abs_tol=1e-6):
        raise ValueError(f"grade {_text(value)} is not a multiple of {step:g}")
    return grade


def _side(value: Any) -> Side | None:
    text = _text(value)
    side = side_of(text)
    if side is None and not _is_missing(value):
        raise ValueError(f"side {text!r} is none of Left, Right, Both")
    return side


def _visit(value: Any, heading: str) -> str | None:
    if _is_missing(value):
        return None
    text, unit = _text(value), re.match(r"week|day|month", heading.casefold())
    return visit_label(f"{unit[0]} {text}" if unit and text.isdecimal() else text)


def _refuse_repeats(path: Path, rows: Iterable[GradeRow]) -> None:
    first: dict[tuple[str | None, ...], GradeRow] = {}
    faults: list[str] = []
    for row in rows:
        by_file = (file_key(row.file),) if row.file else None
        key = by_file or (folded(row.subject or ""), row.side, row.visit)
        before = first.setdefault(key, row)
        if before is not row:
            what = "repeats" if before.grade == row.grade else f"({row.grade:g}) contradicts"
            value = "" if before.grade == row.grade else f" ({before.grade:g})"
            faults.append(f"row {row.row} {what} row {before.row}{value}")
    if faults:
        raise GradesError(f"{path.name}: {_listed(faults)}: keep one row a photo")


def folded(text: str) -> str:
    """Text as names are compared: Unicode-normalised, case-folded, white space tidied."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def file_key(file: str) -> str:
    """A file name or path as it is compared: ``folded``, with / between folders."""
    return folded(file).replace("\\", "/").removeprefix("./")


def _listed(faults: Sequence[str]) -> str:
    more = len(faults) - _NAMED_AT_MOST
    return "; ".join(faults[:_NAMED_AT_MOST]) + (f"; and {more} more" if more > 0 else "")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def _is_missing(value: Any) -> bool:
    return _text(value).casefold() in _MISSING


def _unguarded(text: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from taking a name for a formula."""
    return text[1:] if text[:1] == "'" and text[1:2] in tuple("=+-@") else text
