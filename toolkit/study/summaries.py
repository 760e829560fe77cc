"""Rows that sum a table of grades up (Mean, SD, N): set aside and named."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from toolkit.study.graderows import Rules, is_grade, is_missing
from toolkit.study.layout import Sheet, as_text, plain_heading

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


def without_summaries(sheet: Sheet, rules: Rules) -> tuple[Sheet, str]:
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
    return all(is_grade(cell, rules.scale) for cell in given)


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
