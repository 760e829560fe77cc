"""How figures look in cells, by column."""

from __future__ import annotations

import numpy as np

from toolkit.records import REGIONS
from toolkit.tables import Value

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


def short(value: Value) -> Value:
    """Figures to seven significant digits, as many as single precision holds."""
    return float(f"{value:.7g}") if isinstance(value, float | np.floating) else value
