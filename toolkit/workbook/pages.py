"""Sheets as they are looked at and printed: headers, widths, pages."""

from __future__ import annotations

import math
from collections.abc import Sequence

from toolkit.tables import Column, Survey
from toolkit.workbook.book import Book, Cell, Sheet
from toolkit.workbook.cells import FORMATS, HEADER_FILL

WIDEST = 66  # characters: a SHA-256 and some; longer text goes on below
_PAGE_WIDTH = 280.0  # characters that a page is wide, at about half of their size
_A4 = 9  # the number that Excel has for that paper
_DIGIT = 7  # pixels that a character is wide


def new_sheet(book: Book, title: str, found: Survey, frozen: str, *, filtered: int | None = None) -> Sheet:
    """A sheet with its header written and columns as wide as ``found`` needs; the rows are the caller's to add."""
    sheet = book.sheet(title)
    sheet.page.freeze_panes(frozen)
    set_page(sheet, [_width(*column) for column in found.columns.items()], found.count + 1)
    sheet.page.repeat_rows(0)
    sheet.page.repeat_columns(0)
    if found.columns:
        sheet.append(
            Cell(name, fill=HEADER_FILL, align="center" if name in FORMATS else None, bold=True, light=True)
            for name in found.columns
        )
        sheet.page.autofilter(0, 0, found.count if filtered is None else filtered, len(found.columns) - 1)
    return sheet


def set_page(sheet: Sheet, widths: Sequence[float], rows: int) -> None:
    """Columns of these widths, printed on as many pages side by side as leave the text large enough to read."""
    page = sheet.page
    for column, width in enumerate(widths):
        page.set_column_pixels(column, column, width * _DIGIT)
    if widths:
        page.print_area(0, 0, max(rows, 1) - 1, len(widths) - 1)
    page.set_landscape()
    page.set_paper(_A4)
    page.set_margins(left=0.75, right=0.75, top=1, bottom=1)  # inches
    page.fit_to_pages(max(math.ceil(sum(widths) / _PAGE_WIDTH), 1), 0)
    page.set_footer("&C&A, page &P of &N", {"margin": 0.5})


def longer_columns(found: Survey) -> set[str]:
    """The columns with text that is longer than the column is wide."""
    return {name for name, column in found.columns.items() if column.longest + 2 > WIDEST}


def _width(name: str, column: Column) -> float:
    """In characters: the header with its filter button, and the texts, at most ``WIDEST``."""
    return min(max(8, len(name) + 4, column.longest + 2 if column.longest else 0), WIDEST)
