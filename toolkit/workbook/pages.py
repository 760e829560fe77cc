"""Sheets as they are looked at and printed: headers, widths, pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from toolkit.tables import Column, Survey
from toolkit.workbook.cells import FORMATS, HEADER_FILL, cell

WIDEST = 66  # characters: a SHA-256 and some; longer text goes on below
_PAGE_WIDTH = 280.0  # characters that a page is wide, at about half of their size
_A4 = 9  # the number that Excel has for that paper


def new_sheet(book: Any, title: str, found: Survey, frozen: str, *, filtered: int | None = None) -> Any:
    """A sheet with its header written and columns as wide as ``found`` needs; the rows are the caller's to add.

    openpyxl streams, so whatever stands in the file before the rows has to be set here.
    """
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(title)
    sheet.freeze_panes = frozen
    set_page(sheet, [_width(*column) for column in found.columns.items()], found.count + 1)
    sheet.print_title_rows, sheet.print_title_cols = "1:1", "A:A"
    header = [
        cell(
            sheet,
            name,
            fill=HEADER_FILL,
            align="center" if name in FORMATS else None,
            bold=True,
            light=True,
        )
        for name in found.columns
    ]
    if header:
        sheet.append(header)
        last = found.count if filtered is None else filtered
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(header))}{last + 1}"
    return sheet


def set_page(sheet: Any, widths: Sequence[float], rows: int) -> None:
    """Columns of these widths, printed on as many pages side by side as leave the text large enough to read."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.properties import PageSetupProperties

    for number, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    if widths:
        sheet.print_area = f"A1:{get_column_letter(len(widths))}{max(rows, 1)}"
    page = sheet.page_setup
    page.orientation, page.paperSize = "landscape", _A4
    page.fitToWidth, page.fitToHeight = max(math.ceil(sum(widths) / _PAGE_WIDTH), 1), 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.oddFooter.center.text = "&A, page &P of &N"


def longer_columns(found: Survey) -> set[str]:
    """The columns with text that is longer than the column is wide."""
    return {name for name, column in found.columns.items() if column.longest + 2 > WIDEST}


def _width(name: str, column: Column) -> float:
    """In characters: the header with its filter button, and the texts, at most ``WIDEST``."""
    return min(max(8, len(name) + 4, column.longest + 2 if column.longest else 0), WIDEST)
