"""Results of a run beside its workbook, in SQLite."""

from toolkit.store.opening import open_store, read_store, store_path
from toolkit.store.results import NOT_REACHED, GradeDetails, InputRow, RunOptions, Store

__all__ = [
    "NOT_REACHED",
    "GradeDetails",
    "InputRow",
    "RunOptions",
    "Store",
    "open_store",
    "read_store",
    "store_path",
]
