"""Results of a run beside its workbook, in SQLite."""

from toolkit.store.opening import open_store, read_store, store_path
from toolkit.store.results import NOT_REACHED, GradeDetails, InputRow, RunOptions, Store
from toolkit.store.rows import colour_of_record, face_of_record

__all__ = [
    "NOT_REACHED",
    "GradeDetails",
    "InputRow",
    "RunOptions",
    "Store",
    "colour_of_record",
    "face_of_record",
    "open_store",
    "read_store",
    "store_path",
]
