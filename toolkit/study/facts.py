"""Tables that tell who is on a photograph: its file, with subject, side and visit, where names do not tell these."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolkit.study.graderows import Rules
from toolkit.study.gradetable import GradeTable, read_rows
from toolkit.study.layout import choose_sheet
from toolkit.study.names import roles_and_sides
from toolkit.study.scale import CLINICAL_SCALE
from toolkit.study.sheets import raw_sheets


def read_facts(path: Path, columns: Sequence[tuple[str, str]] = ()) -> GradeTable:
    """Read a table (.xlsx, .csv) with one row per photo: a file name (file, photo, image, ...) and any of subject, side,
    visit, or the date of the visit. Its rows have no grade (NaN).

    ``columns`` as for ``read_graders``. Raises GradesError, one line that names the file and its rows, where it cannot
    be read, names no photo in a row, or tells of the same photo twice.
    """
    named, sides = roles_and_sides(columns)
    sheet = choose_sheet(path, raw_sheets(path), dict(named), graded=False)
    return read_rows(path, sheet, Rules(CLINICAL_SCALE, sides=sides, graded=False))
