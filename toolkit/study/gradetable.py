"""Workbooks of expert grades: long, wide or file name and grade, as .xlsx or .csv."""

from __future__ import annotations

import datetime
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.csvguard import unguarded
from toolkit.errors import GradesError
from toolkit.records import Side
from toolkit.study.layout import ROLES, RawSheet, Sheet, as_text, choose_sheet, is_of_visits, plain_heading
from toolkit.study.names import file_key, known_visit, side_of, visit_label
from toolkit.study.scale import Scale
from toolkit.study.sheets import guessed_encoding, raw_sheets
from toolkit.study.subjects import subject_key

_MISSING = {"", "na", "n/a", "nd", "n.d.", "nan", "none", "null", "missing", "not done", ".", "-", "--"}
_NAMED_AT_MOST = 5
# First words of rows that sum a table up, as plain_heading leaves them.
_SUMS = (
    "mean average avg median mode sd stdev std stddev standarddeviation se sem variance var min minimum max maximum range "
    "n count number sum total totals grandtotal subtotal cv missing mittelwert mittel summe anzahl gesamt moyenne "
    "somme media promedio suma"
)
_SUMMARIES = frozenset(_SUMS.split())
# Of these, what may be people's names or initials.
_MAY_BE_NAMES = frozenset(
    ["n", "sd", "se", "sem", "cv", "min", "max", "media", "mode", "range", "sum", "var"]
)
_BESIDE_SUMS = frozenset(
    [
        "grand",
        "overall",
        "all",
        "of",
        "the",
        "dev",
        "deviation",
        "error",
        "standard",
        "std",
        "group",
        "subjects",
        "photos",
    ]
)
_COUNT = re.compile(r"n\s*[=:]\s*\d+", re.IGNORECASE)


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
    """A workbook of grades. ``blank_rows`` are the rows that name a photo and leave its grade empty.

    ``own_results``: these are grades that ``toolkit grade`` wrote, as it computed them.
    ``reviewed``: a reader of the report page gave them, with the automatic grade in view. ``notes``: what else
    to know of them. ``headings``: those that were read, by role; ``unread``: the others; ``doubts``: what of these
    seems to be needed; ``remarks``: what of the file was set aside or guessed.
    """

    source: Path
    layout: str  # "long", "wide" or "file"
    rows: tuple[GradeRow, ...]
    blank_rows: tuple[int, ...] = ()
    own_results: bool = False
    reviewed: bool = False
    notes: tuple[str, ...] = ()
    headings: str = ""
    unread: tuple[str, ...] = ()
    doubts: str = ""
    remarks: tuple[str, ...] = ()

    def columns_told(self) -> str:
        """Which headings were read, as what, and which were not."""
        return f"headings read: {self.headings}; not read: {_quoted(self.unread)}"


@dataclass(frozen=True)
class Rules:
    """What counts as a grade, and what to do about what does not."""

    scale: Scale
    unrounded_results: bool = False
    fix: str = "correct the workbook"


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
    refuse_roles(path, named)
    return read_sheets(path, raw_sheets(path), named, Rules(Scale(step=step)))


def refuse_roles(path: Path, roles: Iterable[str]) -> None:
    """Raise GradesError where a column is named for a role that there is not."""
    unknown = sorted(set(roles) - set(ROLES))
    if unknown:
        raise GradesError(f"{path.name}: unknown column role {unknown[0]!r}: use one of {', '.join(ROLES)}")


def read_sheets(path: Path, sheets: Sequence[RawSheet], named: Mapping[str, str], rules: Rules) -> GradeTable:
    """The grades in the sheets of ``path``, the columns ``named`` by role; raises GradesError."""
    sheet, summaries = _without_summaries(choose_sheet(path, sheets, named), rules)
    _refuse_long_rows(path, sheet)
    rows, blank = _parse(path, sheet, rules)
    guessed = guessed_encoding(path)
    if not rows:
        raise GradesError(
            f"{path.name}: no row holds a grade: fill the grade column "
            "(if it holds formulas, open the file in Excel and save it once)"
        )
    _refuse_repeats(path, sheet, rows)
    layout = "wide" if sheet.visits else "file" if "file" in sheet.columns else "long"
    unread = tuple(sheet.unread.values())
    return GradeTable(
        path, layout, tuple(rows), tuple(blank), sheet.own_results,
        headings=sheet.told(), unread=unread, doubts=_doubts(sheet, rules),
        remarks=tuple(f"{path.name}: {remark}" for remark in (summaries, guessed) if remark),
    )  # fmt: skip


def _refuse_long_rows(path: Path, sheet: Sheet) -> None:
    """A line of text with more cells than there are headings was cut where a comma belonged to a cell: 4,5 is 4 then."""
    if path.suffix.lower() == ".xlsx":
        return
    for number, cells in sheet.rows:
        if any(map(as_text, cells[len(sheet.header) :])):
            raise GradesError(
                f"{path.name}: row {number} has more cells than there are headings: put what holds a comma in quotation "
                "marks, and write 4.5 for 4,5"
            )


def _without_summaries(sheet: Sheet, rules: Rules) -> tuple[Sheet, str]:
    """The sheet without the rows that sum it up (Mean, SD, N, Total), and a remark that names them."""
    rows, labels = list(sheet.rows), _summary_labels(sheet)
    found: dict[int, str] = {}
    while rows and (not any(map(as_text, rows[-1][1])) or labels[rows[-1][0]]):
        number, cells = rows.pop()
        if any(map(as_text, cells)):
            found[number] = labels[number]
    facts = bool(_facts_told(sheet, labels))
    for summed, run in itertools.groupby(rows, lambda row: bool(labels[row[0]])):
        block = list(run)
        if summed and not all(_may_be_name(labels[number]) for number, _ in block):
            # Beside a mean an SD is one, if it tells no side where the others do, or is no grade.
            found |= {
                number: labels[number]
                for number, cells in block
                if facts or not (_may_be_name(labels[number]) and _holds_grades(sheet, cells, rules))
            }
    rows = [(number, cells) for number, cells in rows if number not in found]
    if not found or not rows:  # a table of nothing else is none of sums
        return sheet, ""
    one = len(found) == 1
    told = ", ".join(f"{number} ({found[number]})" for number in sorted(found))
    told = f"{'row' if one else 'rows'} {told} {'sums' if one else 'sum'} up the table: set aside"
    return replace(sheet, rows=rows), told


def _summary_labels(sheet: Sheet) -> dict[int, str]:
    """What each row says that it sums up, by its number; "" for a row of the table, which "N" is that tells the side or
    the visit as the others do."""
    labels = {number: _summary_label(sheet, cells) for number, cells in sheet.rows}
    facts = _facts_told(sheet, labels)
    for number, cells in sheet.rows:
        if _may_be_name(labels[number]) and any(as_text(cells[i]) for i in facts if i < len(cells)):
            labels[number] = ""
    return labels


def _facts_told(sheet: Sheet, labels: Mapping[int, str]) -> list[int]:
    """The columns of sides and visits that every row fills whose label is no sum's."""
    roles = [sheet.columns[role] for role in ("side", "visit", "visitnum") if role in sheet.columns]
    others = [cells for number, cells in sheet.rows if not labels[number] and any(map(as_text, cells))]
    return [i for i in roles if all(i < len(cells) and as_text(cells[i]) for cells in others)]


def _may_be_name(label: str) -> bool:
    return plain_heading(label) in _MAY_BE_NAMES


def _holds_grades(sheet: Sheet, cells: Sequence[Any], rules: Rules) -> bool:
    """Whether all that a row has in columns of grades can be grades."""
    places = list(sheet.visits) or [sheet.columns["grade"]]
    given = [cells[i] for i in places if i < len(cells) and not is_missing(cells[i])]
    return all(_is_grade(cell, rules.scale) for cell in given)


def _summary_label(sheet: Sheet, cells: Sequence[Any]) -> str:
    """What a row says that it sums up, where no cell before that names a photo; "" for a row of the table."""
    places = [sheet.columns[role] for role in ("file", "subject") if role in sheet.columns]
    named = [as_text(cells[i]) for i in places if i < len(cells) and as_text(cells[i])]
    texts = named or [as_text(cell) for cell in cells if isinstance(cell, str) and as_text(cell)][:1]
    return texts[0] if texts and all(map(_sums_up, texts)) else ""


def _sums_up(text: str) -> bool:
    """Whether a text is the name of a sum: "Mean", "Std. Dev.", "Grand total", "n = 32"."""
    if plain_heading(text) in _SUMMARIES or _COUNT.fullmatch(text.strip()):
        return True
    words = re.findall(r"[^\W\d_]+", text.casefold())
    return (
        not re.search(r"\d", text)
        and bool(_SUMMARIES & set(words))
        and set(words) <= _SUMMARIES | _BESIDE_SUMS
    )


def _doubts(sheet: Sheet, rules: Rules) -> str:
    """Columns that were not read and seem to be needed, in words."""
    given: dict[int, list[Any]] = {}
    for i in sheet.unread:
        cells = [cells[i] for _, cells in sheet.rows if i < len(cells)]
        given[i] = [cell for cell in cells if not is_missing(cell)]
    parts: list[str] = []
    by_facts = "file" not in sheet.columns
    if sheet.visits:
        found = [
            i for i, cells in given.items() if cells and all(_is_grade(cell, rules.scale) for cell in cells)
        ]
        if found:
            parts.append(
                f"{_columns_were(sheet, found)} not read: head a column of grades with its visit (Week 4)"
            )
    elif by_facts and not {"visit", "visitnum"} & set(sheet.columns):
        found = [i for i, cells in given.items() if is_of_visits(sheet.unread[i]) or _are_visits(cells)]
        parts += [_to_name(sheet, found, "visit")] if found else []
    if by_facts and "side" not in sheet.columns:
        found = [i for i, cells in given.items() if cells and all(side_of(as_text(cell)) for cell in cells)]
        parts += [_to_name(sheet, found, "side")] if found else []
    return "; ".join(parts)


def _to_name(sheet: Sheet, found: Sequence[int], role: str) -> str:
    name = f"--column {role}={sheet.unread[found[0]]!r}"
    return f"{_columns_were(sheet, found)} not read: if it tells {role}s apart, name it with {name}"


def _columns_were(sheet: Sheet, found: Sequence[int]) -> str:
    headings = _quoted([sheet.unread[i] for i in found])
    return f"the column {headings} was" if len(found) == 1 else f"the columns {headings} were"


def _are_visits(cells: Sequence[Any]) -> bool:
    texts = [as_text(cell) for cell in cells]
    return bool(texts) and all(known_visit(text) and not text.isdecimal() for text in texts)


def _is_grade(cell: Any, scale: Scale) -> bool:
    try:
        read_grade(cell, scale, True)
    except ValueError:
        return False
    return True


def _parse(path: Path, sheet: Sheet, rules: Rules) -> tuple[list[GradeRow], list[int]]:
    rows: list[GradeRow] = []
    blank: list[int] = []
    faults: list[str] = []
    stepped = not (rules.unrounded_results and sheet.own_results)
    for number, cells in sheet.rows:
        if not any(as_text(cell) for cell in cells):
            continue
        try:
            found = parse_row(sheet, number, cells, rules.scale, stepped=stepped)
        except ValueError as error:
            faults.append(f"row {number}: {error}")
            continue
        rows += found
        if not found:
            blank.append(number)
    if faults:
        raise GradesError(f"{path.name}: {listed(faults)}: {rules.fix}")
    return rows, blank


def parse_row(
    sheet: Sheet, number: int, cells: Sequence[Any], scale: Scale, *, stepped: bool
) -> list[GradeRow]:
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
    grades = {
        visit: read_grade(value, scale, stepped) for visit, value in values.items() if not is_missing(value)
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
        read_side(cell("side")),
    )
    if not file and not subject:
        raise ValueError("has a grade but no subject (a merged cell holds its value in its first row only)")
    numbered = _visit(cell("visitnum"), "")
    return [
        GradeRow(number, grade, file or None, subject or None, side, visit or numbered)
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


def read_side(value: Any) -> Side | None:
    """A cell as a side, None where it is empty; ValueError says what is wrong."""
    text = unguarded(as_text(value))
    side = side_of(text)
    if side is None and not is_missing(text):
        raise ValueError(f"side {text!r} is none of Left, Right, Both")
    return side


def _visit(value: Any, heading: str) -> str | None:
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        value = value.date()
    text = unguarded(as_text(value))
    if is_missing(text):
        return None
    unit = re.match(r"week|day|month", heading.casefold())
    return visit_label(f"{unit[0]} {text}" if unit and text.isdecimal() else text)


def _refuse_repeats(path: Path, sheet: Sheet, rows: Iterable[GradeRow]) -> None:
    """Refuse two rows of one photo; where a column that was not read differs, say that first."""
    first: dict[tuple[object, ...], GradeRow] = {}
    faults: list[str] = []
    hint = ""
    for row in rows:
        by_file = (file_key(row.file),) if row.file else None
        before = first.setdefault(by_file or (subject_key(row.subject or ""), row.side, row.visit), row)
        if before is not row:
            what = "repeats" if before.grade == row.grade else f"({row.grade:g}) contradicts"
            value = "" if before.grade == row.grade else f" ({before.grade:g})"
            faults.append(f"row {row.row} {what} row {before.row}{value}")
            if not hint and len(faults) <= _NAMED_AT_MOST:
                hint = _unread_between(sheet, before, row)
    if faults:
        what = hint or f"{listed(faults)}: keep one row a photo"
        raise GradesError(f"{path.name}: {what} (headings read: {sheet.told()})")


def _unread_between(sheet: Sheet, one: GradeRow, other: GradeRow) -> str:
    """The columns that were not read and tell two rows apart, and what to do about them; "" if there are none."""
    cells = {number: row for number, row in sheet.rows if number in (one.row, other.row)}
    values = {i: [as_text(row[i]) if i < len(row) else "" for row in cells.values()] for i in sheet.unread}
    found = {i: pair for i, pair in values.items() if len(set(pair)) > 1}
    if not found:
        return ""
    facts = {"subject": one.subject, "side": one.side, "visit": one.visit}
    same = ["file name"] if one.file else [fact for fact, value in facts.items() if value]
    return (
        f"rows {one.row} and {other.row} are of the same {' and '.join(filter(None, [', '.join(same[:-1]), same[-1]]))}; "
        f"{_columns_were(sheet, list(found))} not read: {_advice(sheet, found)}"
    )


def _advice(sheet: Sheet, found: Mapping[int, Sequence[str]]) -> str:
    """Which of the unread columns to name for which role; ``found``: what each holds in rows that repeat."""
    one = "it" if len(found) == 1 else "one of them"
    if "file" in sheet.columns:
        return (
            f"if {one} tells files apart, name it with --column file=NAME, or write folders before file names"
        )
    sides = [i for i, values in found.items() if all(map(side_of, values))]
    if "side" not in sheet.columns and (sides or sheet.visits):
        role, column = "side", (sides or list(found))[0]
    elif sheet.visits:
        return "keep one row a subject and side, and head each column of grades with its visit"
    else:
        visits = [i for i, values in found.items() if all(map(known_visit, values))]
        visits += [i for i in found if is_of_visits(sheet.unread[i])]
        role, column = "visit", (visits or list(found))[0]
    name = f"--column {role}={sheet.unread[column]!r}"
    return f"if {one} tells {role}s apart, name it with {name}, else keep one row a photo"


def listed(faults: Sequence[str]) -> str:
    """The first of the faults, and how many more there are, on one line."""
    more = len(faults) - _NAMED_AT_MOST
    return "; ".join(faults[:_NAMED_AT_MOST]) + (f"; and {more} more" if more > 0 else "")


def _quoted(headings: Sequence[str]) -> str:
    """Some headings, at most five, each in quotes."""
    more = len(headings) - _NAMED_AT_MOST
    told = ", ".join(map(repr, headings[:_NAMED_AT_MOST]))
    return (told or "none") + (f" and {more} more" if more > 0 else "")


def is_missing(value: Any) -> bool:
    """Whether a cell is empty, or says that there is nothing."""
    return as_text(value).casefold() in _MISSING
