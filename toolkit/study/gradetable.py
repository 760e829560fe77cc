"""Tables of expert grades: long, wide or file name and grade, as .xlsx or .csv."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit.errors import GradesError
from toolkit.study.advice import doubts, quoted, unread_between
from toolkit.study.dates import iso_dates
from toolkit.study.graderows import NAMED_AT_MOST, GradeRow, Rules, listed, parse_rows
from toolkit.study.layout import ROLES, RawSheet, Sheet, as_text, choose_sheet
from toolkit.study.names import file_key, roles_and_sides
from toolkit.study.scale import Scale
from toolkit.study.sheets import guessed_encoding, raw_sheets
from toolkit.study.subjects import subject_key
from toolkit.study.summaries import without_summaries


@dataclass(frozen=True)
class GradeTable:
    """A workbook of grades. ``blank_rows`` are the rows that name a photo and leave its grade empty.

    ``own_results``: these are grades that ``toolkit grade`` wrote, as it computed them.
    ``reviewed``: a reader of the report page gave them; ``blind``: every one before the automatic grade was shown, else
    with it in view. ``notes``: what else to know of them. ``headings``: those that were read, by role; ``unread``: the others; ``doubts``: what of these
    seems to be needed; ``remarks``: what of the file was set aside or guessed.
    """

    source: Path
    layout: str  # "long", "wide" or "file"
    rows: tuple[GradeRow, ...]
    blank_rows: tuple[int, ...] = ()
    own_results: bool = False
    reviewed: bool = False
    blind: bool = False
    notes: tuple[str, ...] = ()
    headings: str = ""
    unread: tuple[str, ...] = ()
    doubts: str = ""
    remarks: tuple[str, ...] = ()

    def columns_told(self) -> str:
        """Which headings were read, as what, and which were not."""
        return f"headings read: {self.headings}; not read: {quoted(self.unread)}"


def read_grades(
    path: Path, columns: Mapping[str, str] | None = None, *, step: float | None = 0.5
) -> GradeTable:
    """Read a workbook of expert grades (.xlsx or .csv) in any of three layouts, told apart by the header.

    * long: one row per photo: subject (SUBJID, Subject No., ...), side, VISIT and/or VISITNUM, and the grade
      (Mottled hyperpigmentation, grade, score, ...);
    * wide: subject, side, then one column per visit (Baseline, Week 4, ...);
    * file: a file name (file, photo, image, ...) and a grade; subject, side and visit may stand beside.

    ``columns`` names columns whose header is not recognised, by role: file, subject, side, visit, visitnum,
    grade; "sheet" names the sheet, and left, right, both a word for a side. The header may stand under title rows. Empty grades (also NA, ND, ".")
    are skipped and listed in ``blank_rows``. ``step``: grades must be whole multiples of it within 0-9;
    None accepts any number in 0-9 (another run's unrounded grades).

    Raises GradesError, one line that names the file and its rows, when the workbook cannot be read, has no
    known layout, holds a value that is no grade, side or subject, or grades the same photo twice.
    """
    path = Path(path)
    named, sides = roles_and_sides((columns or {}).items())
    refuse_roles(path, [role for role, _ in named])
    return read_sheets(path, raw_sheets(path), dict(named), Rules(Scale(step=step), sides=sides))


def refuse_roles(path: Path, roles: Iterable[str]) -> None:
    """Raise GradesError where a column is named for a role that there is not."""
    unknown = sorted(set(roles) - set(ROLES))
    if unknown:
        raise GradesError(f"{path.name}: unknown column role {unknown[0]!r}: use one of {', '.join(ROLES)}")


def read_sheets(path: Path, sheets: Sequence[RawSheet], named: Mapping[str, str], rules: Rules) -> GradeTable:
    """The grades in the sheets of ``path``, the columns ``named`` by role; raises GradesError."""
    return read_rows(path, choose_sheet(path, sheets, named), rules)


def read_rows(path: Path, sheet: Sheet, rules: Rules) -> GradeTable:
    """What the rows of a sheet of ``path`` tell; raises GradesError."""
    sheet, summaries = without_summaries(sheet, rules) if rules.graded else (sheet, "")
    sheet = _with_dates(sheet)
    _refuse_long_rows(path, sheet)
    rows, blank = parse_rows(path, sheet, rules)
    rows = _dated(path, rows)
    guessed = guessed_encoding(path)
    if not rows and not rules.graded:
        raise GradesError(f"{path.name}: no row names a photo: fill the column of file names")
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
        headings=sheet.told(), unread=unread, doubts=doubts(sheet, rules) if rules.graded else "",
        notes=_sheet_told(path, sheet),
        remarks=tuple(f"{path.name}: {remark}" for remark in (summaries, guessed) if remark),
    )  # fmt: skip


def _sheet_told(path: Path, sheet: Sheet) -> tuple[str, ...]:
    if not sheet.chosen_from:
        return ()
    others = [repr(name) for name in sheet.chosen_from if name != sheet.name]
    return (f"{path.name}: sheet {sheet.name!r} was read, not {', '.join(others)} (--sheet names another)",)


def _with_dates(sheet: Sheet) -> Sheet:
    """A column of dates is that of visits where no other tells these and files are named or rows repeat without it."""
    columns = dict(sheet.columns)
    place = columns.pop("date", None)
    if place is None:
        return sheet
    if not sheet.visits and not {"visit", "visitnum"} & set(columns):
        who = [columns[role] for role in ("subject", "side") if role in columns]
        keys = [tuple(as_text(cells[i]) for i in who if i < len(cells)) for _, cells in sheet.rows]
        if "file" in columns or len(set(keys)) < len(keys):
            columns["visit"] = place
    return replace(sheet, columns=columns)


def _dated(path: Path, rows: Sequence[GradeRow]) -> list[GradeRow]:
    """The rows with their visits as ISO dates, where all that tell one tell a date."""
    try:
        dates = iso_dates({row.visit for row in rows if row.visit})
    except ValueError as error:
        raise GradesError(f"{path.name}: the visit {error}") from None
    return [replace(row, visit=dates.get(row.visit or "", row.visit)) for row in rows]


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


def _keep_one(rows: Sequence[GradeRow]) -> str:
    """What to do about rows of one photo; where no visit was read, they may be of several."""
    if any(row.visit or row.file for row in rows):
        return "keep one row a photo"
    return "if they are of several visits, name their column, --column visit=NAME; else keep one row a photo"


def _refuse_repeats(path: Path, sheet: Sheet, rows: Sequence[GradeRow]) -> None:
    """Refuse two rows of one photo; where a column that was not read differs, say that first."""
    first: dict[tuple[object, ...], GradeRow] = {}
    faults: list[str] = []
    hint = ""
    for row in rows:
        by_file = (file_key(row.file),) if row.file else None
        before = first.setdefault(by_file or (subject_key(row.subject or ""), row.side, row.visit), row)
        if before is not row:
            same = before.grade == row.grade or math.isnan(row.grade)
            what = "repeats" if same else f"({row.grade:g}) contradicts"
            value = "" if same else f" ({before.grade:g})"
            faults.append(f"row {row.row} {what} row {before.row}{value}")
            if not hint and len(faults) <= NAMED_AT_MOST:
                hint = unread_between(sheet, before, row)
    if faults:
        what = hint or f"{listed(faults)}: {_keep_one(rows)}"
        raise GradesError(f"{path.name}: {what} (headings read: {sheet.told()})")
