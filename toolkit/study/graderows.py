"""One row of a table of grades: its cells as subject, side, visit and grade."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.csvguard import unguarded
from toolkit.errors import GradesError
from toolkit.records import Side
from toolkit.study.layout import Sheet, as_text
from toolkit.study.names import side_of, visit_label
from toolkit.study.scale import Scale

NAMED_AT_MOST = 5
_FIX = "correct the workbook"
_MISSING = {"", "na", "n/a", "nd", "n.d.", "nan", "none", "null", "missing", "not done", ".", "-", "--"}


@dataclass(frozen=True)
class GradeRow:
    """One grade and what it belongs to; ``row`` counts from 1 as the spreadsheet shows it.

    Either ``file`` or ``subject`` is known. ``visit`` is as ``visit_label`` spells it: what VISIT says, or
    else VISITNUM. ``sex`` of the subject: "female", "male", or as the workbook has it. ``grade`` is NaN in a table that
    tells facts of photos alone.
    """

    row: int
    grade: float
    file: str | None = None
    subject: str | None = None
    side: Side | None = None
    visit: str | None = None
    sex: str | None = None

    def __str__(self) -> str:
        facts = (self.subject, self.side, self.visit)
        return f"row {self.row} ({self.file or ', '.join(fact for fact in facts if fact)})"


@dataclass(frozen=True)
class Rules:
    """What counts as a grade, and what to do about what does not. ``sides``: words for sides beside the usual ones.
    ``graded``: rows tell grades; without, they tell who is on a photo alone, and their grade is NaN."""

    scale: Scale
    unrounded_results: bool = False
    fix: str = _FIX
    sides: Mapping[str, Side] = field(default_factory=dict)
    graded: bool = True


def is_grade(cell: Any, scale: Scale) -> bool:
    """Whether a cell holds a grade of the scale."""
    try:
        read_grade(cell, scale, True)
    except ValueError:
        return False
    return True


def parse_rows(path: Path, sheet: Sheet, rules: Rules) -> tuple[list[GradeRow], list[int]]:
    """The graded rows of a sheet, and the numbers of those without a grade; raises GradesError."""
    rows: list[GradeRow] = []
    blank: list[int] = []
    faults: list[str] = []
    stepped = not (rules.unrounded_results and sheet.own_results)
    for number, cells in sheet.rows:
        if not any(as_text(cell) for cell in cells):
            continue
        try:
            found = parse_row(sheet, number, cells, rules, stepped=stepped)
        except ValueError as error:
            faults.append(f"row {number}: {error}")
            continue
        rows += found
        if not found:
            blank.append(number)
    if faults:
        fix = rules.fix if any(fault.split(": ", 1)[1].startswith("grade ") for fault in faults) else _FIX
        raise GradesError(f"{path.name}: {listed(faults)}: {fix}")
    return rows, blank


def parse_row(
    sheet: Sheet, number: int, cells: Sequence[Any], rules: Rules, *, stepped: bool
) -> list[GradeRow]:
    """The grades of one row (one, or one a visit in the wide layout); ValueError says what is wrong."""
    scale = rules.scale

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
    grades = {
        visit: read_grade(value, scale, stepped) if rules.graded else math.nan
        for visit, value in values.items()
        if not (rules.graded and is_missing(value))
    }
    if not grades:
        return []
    for role in ("file", "subject"):
        if isinstance(cell(role), datetime.date | datetime.time):
            raise ValueError(
                f"{sheet.header[sheet.columns[role]]} is the date {_visit(cell(role), '')}, which Excel makes of entries "
                "such as 3-1: format the column as text and enter it again"
            )
    file, subject, side = (
        unguarded(as_text(cell("file"))),
        unguarded(as_text(cell("subject"))),
        read_side(cell("side"), rules.sides),
    )
    if not rules.graded and not file:
        raise ValueError("names no photo")
    if not file and not subject:
        raise ValueError("has a grade but no subject (a merged cell holds its value in its first row only)")
    numbered = _visit(cell("visitnum"), "")
    return [
        GradeRow(number, grade, file or None, subject or None, side, visit or numbered, _sex(cell("sex")))
        for visit, grade in grades.items()
    ]


def read_grade(value: Any, scale: Scale, stepped: bool) -> float:
    """A cell as a grade; ValueError says what is wrong."""
    if isinstance(value, datetime.date | datetime.time):
        raise ValueError(f"grade {value:%d %b} is a date (Excel turned a number into one)")
    try:
        grade = float(as_text(value).replace(",", "."))
    except ValueError:
        raise ValueError(f"grade {as_text(value)!r} is not a number") from None
    try:
        scale.check(grade, stepped)
    except ValueError as error:
        raise ValueError(f"grade {as_text(value)} {error}") from None
    return grade


def read_side(value: Any, words: Mapping[str, Side] | None = None) -> Side | None:
    """A cell as a side, None where it is empty; ``words`` as in ``side_of``. ValueError says what is wrong."""
    text = unguarded(as_text(value))
    side = side_of(text, words)
    if side is None and not is_missing(text):
        raise ValueError(
            f"side {text!r} is none of Left, Right, Both (--side-words left={text} makes it one of them)"
        )
    return side


def _sex(value: Any) -> str | None:
    text = unguarded(as_text(value))
    known = {"f": "female", "w": "female", "m": "male", "female": "female", "male": "male"}
    return None if is_missing(text) else known.get(text.casefold(), text)


def _visit(value: Any, heading: str) -> str | None:
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        value = value.date()
    text = unguarded(as_text(value))
    if is_missing(text):
        return None
    unit = re.match(r"week|day|month", heading.casefold())
    return visit_label(f"{unit[0]} {text}" if unit and text.isdecimal() else text)


def listed(faults: Sequence[str]) -> str:
    """The first of the faults, and how many more there are, on one line."""
    more = len(faults) - NAMED_AT_MOST
    return "; ".join(faults[:NAMED_AT_MOST]) + (f"; and {more} more" if more > 0 else "")


def is_missing(value: Any) -> bool:
    """Whether a cell is empty, or says that there is nothing."""
    return as_text(value).casefold() in _MISSING
