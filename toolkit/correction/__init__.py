"""Colour made comparable: what a camera does to colours, learnt from a chart, is taken back."""

from toolkit.correction.applying import NOT_FOUND, corrected, correction_by
from toolkit.correction.finding import FoundChart, find_charts
from toolkit.correction.fitting import fit_correction

__all__ = ["NOT_FOUND", "FoundChart", "corrected", "correction_by", "find_charts", "fit_correction"]
