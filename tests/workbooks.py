"""Workbooks of results side by side, for the tests of runs that are to end alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# What tells of a run and not of its photographs.
OF_THE_RUN = ("started", "finished", "seconds", "workers", "merged parts")


def load(workbook: Path) -> Any:
    import openpyxl

    return openpyxl.load_workbook(workbook)


def cells(workbook: Path) -> dict[tuple[str, str], tuple[Any, str]]:
    """{(sheet, cell): (value, fill)} of everything but what tells of the run; the sheet Run by its items."""
    found = {}
    for sheet in load(workbook).worksheets:
        for row in sheet.iter_rows():
            if sheet.title == "Run" and row[0].value in OF_THE_RUN:
                continue
            for cell in row:
                place = str(row[0].value) + cell.column_letter if sheet.title == "Run" else cell.coordinate
                found[sheet.title, place] = (cell.value, cell.fill.fgColor.rgb)
    return found
