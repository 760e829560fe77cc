"""What may be wrong with a table of grades, in words, and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.study.graderows import NAMED_AT_MOST, GradeRow, Rules, is_grade, is_missing
from toolkit.study.layout import Sheet, as_text, is_of_visits
from toolkit.study.names import known_visit, side_of


def doubts(sheet: Sheet, rules: Rules) -> str:
    """Columns that were not read and seem to be needed, in words."""
    given: dict[int, list[Any]] = {}
    for i in sheet.unread:
        cells = [cells[i] for _, cells in sheet.rows if i < len(cells)]
        given[i] = [cell for cell in cells if not is_missing(cell)]
    parts: list[str] = []
    by_facts = "file" not in sheet.columns
    if sheet.visits:
        found = [
            i for i, cells in given.items() if cells and all(is_grade(cell, rules.scale) for cell in cells)
        ]
        if found:
            parts.append(
                f"{_columns_were(sheet, found)} not read: head a column of grades with its visit (Week 4)"
            )
    elif by_facts and not {"visit", "visitnum"} & set(sheet.columns):
        found = [i for i, cells in given.items() if is_of_visits(sheet.unread[i]) or _are_visits(cells)]
        parts += [_to_name(sheet, found, "visit")] if found else []
    if by_facts and "side" not in sheet.columns:
        found = [
            i
            for i, cells in given.items()
            if cells and all(side_of(as_text(cell), rules.sides) for cell in cells)
        ]
        parts += [_to_name(sheet, found, "side")] if found else []
    return "; ".join(parts)


def _to_name(sheet: Sheet, found: Sequence[int], role: str) -> str:
    name = f"--column {role}={sheet.unread[found[0]]!r}"
    return f"{_columns_were(sheet, found)} not read: if it tells {role}s apart, name it with {name}"


def _columns_were(sheet: Sheet, found: Sequence[int]) -> str:
    headings = quoted([sheet.unread[i] for i in found])
    return f"the column {headings} was" if len(found) == 1 else f"the columns {headings} were"


def _are_visits(cells: Sequence[Any]) -> bool:
    texts = [as_text(cell) for cell in cells]
    return bool(texts) and all(known_visit(text) and not text.isdecimal() for text in texts)


def unread_between(sheet: Sheet, one: GradeRow, other: GradeRow) -> str:
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


def quoted(headings: Sequence[str]) -> str:
    """Some headings, at most five, each in quotes."""
    more = len(headings) - NAMED_AT_MOST
    told = ", ".join(map(repr, headings[:NAMED_AT_MOST]))
    return (told or "none") + (f" and {more} more" if more > 0 else "")
