"""Cells that hold numbers or text, never a formula, and how they look."""

from __future__ import annotations

import functools
import numbers
from typing import Any

from toolkit.csvguard import FORMULA_STARTS
from toolkit.records import REGIONS
from toolkit.tables import Value, clean

HEADER_FILL = "1F3A4D"
TITLE_FILL = "DCE6EC"
DECIMALS = ((0.1, "0.00000"), (1, "0.0000"), (10, "0.000"), (100, "0.00"), (1e6, "0.0"), (float("inf"), "0"))
FIGURES = ("photos", "mean", "SD", "median", "grade")
FORMATS = {
    "grade": "0.00",
    "baseline_grade": "0.00",
    "grade_change": "+0.00;-0.00;0.00",
    "change_lower": "+0.0;-0.0;0.0",
    "change_upper": "+0.0;-0.0;0.0",
    "common_cm2": "0.0",
    "registration": "0.00",
    "pigment_od": "0.0000",
    "baseline_pigment_od": "0.0000",
    "pigment_change_od": "+0.0000;-0.0000;0.0000",
    "spot_darkness_change": "+0%;-0%;0%",
    **dict.fromkeys(("gone_cm2", "fainter_cm2", "same_cm2", "darker_cm2", "new_cm2"), "0.00"),
    **dict.fromkeys(("grade_half_step", "error_before", "error_after"), "0.0"),
    "lower": "0.0",
    "upper": "0.0",
    "visible_cm2": "0.0",
    "measured_cm2": "0.0",
} | dict.fromkeys(REGIONS, "0.00")


@functools.lru_cache(maxsize=8)
def _solid(color: str) -> Any:
    from openpyxl.styles import PatternFill

    return PatternFill("solid", fgColor=color)


@functools.lru_cache(maxsize=8)
def _aligned(horizontal: str | None, wrap: bool) -> Any:
    from openpyxl.styles import Alignment

    return Alignment(horizontal=horizontal, wrap_text=wrap, vertical="top" if wrap else None)


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
    wrap: bool = False,
) -> Any:
    """A cell that holds a number or text, never a formula; a bare value where no style is needed. ``wrap``: text that is
    longer than its column goes on below."""
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
    if align is not None or wrap:
        cell.alignment = _aligned(align, wrap)
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
