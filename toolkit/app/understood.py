"""What is understood of a workbook of grades, and what of it joins which photograph: shown before anything is graded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit.errors import GradesError
from toolkit.photos import contents
from toolkit.records import PhotoFile
from toolkit.study import JoinedGrades, join_files, refuse_shared
from toolkit.study.joined import by_number_note
from toolkit.study.layout import ROLES, as_text, choose_sheet, likely_header
from toolkit.study.reviews import find_review
from toolkit.study.sheets import raw_sheets

_EXAMPLES = 3  # cells of a column that are shown
_MOST_SHOWN = 2000  # photos, and rows, of a study


@dataclass(frozen=True)
class Column:
    """A column of the workbook: its ``heading``, its first cells, and what it is read as: a role, "grade of Week 4", or ""
    where it is not read."""

    heading: str
    examples: tuple[str, ...]
    read_as: str = ""


@dataclass(frozen=True)
class Understood:
    """The ``sheet`` that is read, of all ``sheets``, with its ``columns``; ``roles`` that a column can be named for;
    ``review``: whether it is one that was exported from the report page. ``problem``: why it cannot be read, one line."""

    sheets: tuple[str, ...]
    sheet: str
    columns: tuple[Column, ...]
    roles: tuple[str, ...] = tuple(role for role in ROLES if role != "sheet")
    review: bool = False
    problem: str = ""


@dataclass(frozen=True)
class JoinedPhoto:
    """A photograph with its facts, and the ``row`` of the workbook that grades it; None where none does."""

    name: str
    subject: str | None
    side: str | None
    visit: str | None
    row: int | None = None
    grade: float | None = None


@dataclass(frozen=True)
class Join:
    """Which photo has which row: ``photos``, and ``rows`` of the workbook without a photo, the first of many. ``remarks``:
    what else to know of the join, a line each; ``problem``: why they cannot be joined."""

    remarks: tuple[str, ...] = ()
    graded: int = 0
    photos: tuple[JoinedPhoto, ...] = ()
    rows: tuple[str, ...] = ()
    more: int = 0
    problem: str = ""


def understand(workbook: Path, named: Mapping[str, str]) -> Understood:
    """How a workbook is read with the columns ``named`` by role; what cannot be read says why."""
    try:
        sheets = raw_sheets(workbook)
    except GradesError as error:
        return Understood((), "", (), problem=str(error))
    titles = tuple(title for title, _ in sheets)
    if found := find_review(sheets):
        columns = _columns(found.header, [cells for _, cells in found.rows])
        return Understood(titles, found.name, _read_as(columns, found.columns, {}), review=True)
    try:
        sheet = choose_sheet(workbook, sheets, named)
    except GradesError as error:
        title, header = likely_header(
            [one for one in sheets if one[0] == named.get("sheet")] or sheets, named
        )
        rows = next((rows for name, rows in sheets if name == title), [])
        below = [cells for cells in rows if tuple(map(as_text, cells)) != header]
        return Understood(titles, title, _columns(header, below), problem=str(error))
    columns = _columns(sheet.header, [cells for _, cells in sheet.rows])
    return Understood(titles, sheet.name, _read_as(columns, sheet.columns, sheet.visits))


def _columns(header: Sequence[str], rows: Sequence[Sequence[object]]) -> tuple[Column, ...]:
    columns = []
    for place, heading in enumerate(header):
        cells = (as_text(cells[place]) for cells in rows[:50] if place < len(cells))
        columns.append(Column(heading, tuple([text for text in dict.fromkeys(cells) if text][:_EXAMPLES])))
    return tuple(columns)


def _read_as(
    columns: Sequence[Column], roles: Mapping[str, int], visits: Mapping[int, str]
) -> tuple[Column, ...]:
    told = {place: role for role, place in roles.items()}
    told |= {place: f"grade of {visit}" for place, visit in visits.items()}
    return tuple(replace(column, read_as=told.get(place, "")) for place, column in enumerate(columns))


def join(files: Sequence[PhotoFile], workbook: Path, named: Mapping[str, str]) -> Join:
    """Photographs and rows joined as ``toolkit grade --expert-grades`` joins them."""
    try:
        joined = join_files(
            [file.name for file in files],
            workbook,
            named,
            None,
            places={file.name: file.path for file in files},
        )
        refuse_shared(joined, contents(files))
    except GradesError as error:
        return Join(problem=str(error))
    photos = tuple(_joined_photo(file.name, joined) for file in files[:_MOST_SHOWN])
    rows = tuple(str(row) for row in joined.unmatched_rows[:_MOST_SHOWN])
    more = len(files) + len(joined.unmatched_rows) - len(photos) - len(rows)
    remarks = [
        *joined.unread,
        *joined.unfit,
        *([by_number_note(joined.by_number)] if joined.by_number else []),
    ]
    return Join(tuple(remarks), len(joined.grades), photos, rows, more)


def _joined_photo(name: str, joined: JoinedGrades) -> JoinedPhoto:
    facts, row = joined.facts[name], joined.rows.get(name)
    return JoinedPhoto(
        name, facts.subject, facts.side, facts.visit, row.row if row else None, joined.grades.get(name)
    )
