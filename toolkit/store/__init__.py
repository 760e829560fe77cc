"""Results of a run beside its workbook, in SQLite."""

from toolkit.store.moving import (
    PhotoRow,
    ResultRow,
    adopt,
    adopt_changes,
    change_rows,
    photo_rows,
    result_rows,
)
from toolkit.store.opening import open_store, read_store, store_path
from toolkit.store.parquet import PartsFolder, is_parts, open_parts, read_parts
from toolkit.store.record import RunRecord
from toolkit.store.results import NOT_REACHED, GradeDetails, InputRow, RunOptions, Store
from toolkit.store.rows import colour_of_record, face_of_record, result_cells

__all__ = [
    "NOT_REACHED",
    "GradeDetails",
    "InputRow",
    "PartsFolder",
    "PhotoRow",
    "ResultRow",
    "RunOptions",
    "RunRecord",
    "Store",
    "adopt",
    "adopt_changes",
    "change_rows",
    "colour_of_record",
    "face_of_record",
    "is_parts",
    "open_parts",
    "open_store",
    "photo_rows",
    "read_parts",
    "read_store",
    "result_cells",
    "result_rows",
    "store_path",
]
