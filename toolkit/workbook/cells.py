"""Cells that hold numbers or text, never a formula, and how they look."""

from __future__ import annotations

import functools
import numbers
from typing import Any

from toolkit.csvguard import FORMULA_STARTS
from toolkit.tables import Value, clean

HEADER_FILL = "1F3A4D"
TITLE_FILL = "DCE6EC"
DECIMALS = ((0.1, "0.00000"), (1, "0.0000"), (10, "0.000"), (100, "0.00"), (1e6, "0.0"), (float("inf"), "0"))
FIGURES = ("photos", "mean", "SD", "median", "grade")


@functools.lru_cache(maxsize=8)
def _solid(color: str) -> Any:
    from openpyxl.styles import PatternFill

    return PatternFill("solid", fgColor=color)


@functools.lru_cache(maxsize=8)
def _aligned(horizontal: str) -> Any:
    from openpyxl.styles import Alignment

    return Alignment(horizontal=horizontal)


@functools.lru_cache(maxsize=2)
def _bold(light: bool) -> Any:
    from openpyxl.styles import Font

    return Font(name="Calibri", size=11, bold=True, color="FFFFFF" if light else "000000")


def cell(
    sheet: Any,
    value: Value,
    number_format: str | None = None,
    fill: str | None = None,
    *,
    align: str | None = None,
    bold: bool = False,
    light: bool = False,
) -> Any:
    """A cell that holds a number or text, never a formula; a bare value where no style is needed."""
    value = clean(value)
    if value is None and fill is None and number_format is None:
        return None
    if not isinstance(value, str) and number_format is fill is align is None and not bold:
        return value

    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, str):
        cell.data_type = "s"  # openpyxl takes "=..." for a formula and "#N/A" for an error
        cell.quotePrefix = value.startswith(FORMULA_STARTS)
    if number_format is not None:
        cell.number_format = number_format
        align = align or "center"
    if fill is not None:
        cell.fill = _solid(fill)
    if align is not None:
        cell.alignment = _aligned(align)
    if bold:
        cell.font = _bold(light)
    return cell


def short(value: Value) -> Value:
    """Figures to seven significant digits, as many as single precision holds."""
    return (
        float(f"{value:.7g}")
        if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral)
        else value
    )
