"""The interval of a change in grade, which is narrower than that of two grades apart.

The errors of two photographs of one side of one person are alike: its skin tone, moles and folds are on both. So the
error of the difference is smaller than that of two strangers' grades. By how much, phantoms tell: people at two visits,
graded by the starter model, and the change of their grades against the true one. There the errors of one person's
photographs correlate by 0.66 (60 drawn people) and 0.79 (30 painted photographs), and the error of a change has a standard
deviation of 0.45 and 0.39 where that of a grade has 0.54 and 0.59. On drawn people a fall by one grade is understated by
about 0.2: the interval holds that, the change itself is not corrected (``python -m benchmarks.change --spots``).
It rests on these phantoms and on that model alone: ``ChangeSettings.interval_share`` is the share of the root of both
half-widths' squares within which 90 % of the changes lay. Photographs of a study may differ more between two visits than
two sessions of a phantom do, and the grades of a study's own model may err differently; an expert's own wavering, which
the intervals of grades hold, is in it as they hold it. Where a study has experts' grades at two visits,
``toolkit agreement`` measures the error of its changes.
"""

from __future__ import annotations

import math

from toolkit.records import PhotoGrade
from toolkit.settings import ChangeSettings


def change_interval(
    later: PhotoGrade, baseline: PhotoGrade, settings: ChangeSettings | None = None
) -> tuple[float, float] | None:
    """The ends of the interval of the later grade less the baseline's, within -9 to 9 and within what the scale leaves;
    None where either has no grade or no interval."""
    halves = [_half_width(one) for one in (later, baseline)]
    if later.grade is None or baseline.grade is None or None in halves:
        return None
    share = (settings or ChangeSettings()).interval_share
    half = share * math.hypot(*(one or 0.0 for one in halves))
    change = later.grade - baseline.grade
    return max(change - half, -baseline.grade), min(change + half, 9.0 - baseline.grade)


def _half_width(grade: PhotoGrade) -> float | None:
    """Of the interval before its ends were cut off at 0 and 9: one of them was not."""
    if grade.grade is None or grade.lower is None or grade.upper is None:
        return None
    return max(grade.upper - grade.grade, grade.grade - grade.lower)
