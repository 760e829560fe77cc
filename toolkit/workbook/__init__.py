"""Results out: an Excel workbook, or tables beside each other."""

from toolkit.tables import Rows, Value, check_target
from toolkit.workbook.byvisit import BY_VISIT, visit_rows
from toolkit.workbook.results import (
    MAX_ROWS,
    RESULT_SUFFIXES,
    read_graded,
    result_files,
    table_path,
    write_results,
    write_sheets,
    write_table,
    write_workbook,
)
from toolkit.workbook.sheets import CHANGE_COLUMNS, COLOUR_COLUMNS, GRADE_COLUMNS, LEARNT, grade_rows

__all__ = [
    "BY_VISIT",
    "CHANGE_COLUMNS",
    "COLOUR_COLUMNS",
    "GRADE_COLUMNS",
    "LEARNT",
    "MAX_ROWS",
    "RESULT_SUFFIXES",
    "Rows",
    "Value",
    "check_target",
    "grade_rows",
    "read_graded",
    "result_files",
    "table_path",
    "visit_rows",
    "write_results",
    "write_sheets",
    "write_table",
    "write_workbook",
]
