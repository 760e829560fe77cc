"""The chart of a face: all its visible skin, rectified once, with what may be measured and why the rest may not."""

from toolkit.chart.make import make_chart
from toolkit.chart.objects import objects_note
from toolkit.chart.overlay import draw_chart
from toolkit.chart.store import save_chart

__all__ = ["draw_chart", "make_chart", "objects_note", "save_chart"]
