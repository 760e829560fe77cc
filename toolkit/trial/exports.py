"""The grades of a trial as tables for other programs: long, in the manner of CDISC, and as REDCap imports them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from toolkit.outputs import Output, file_hash, has_columns
from toolkit.receipt import drop_receipt, is_receipt, read_receipt, receipt_path, write_receipt
from toolkit.study.visits import visit_number
from toolkit.tables import Value, write_csv
from toolkit.trial.records import ALL, TrialTable
from toolkit.trial.visitorder import planned_day

LONG_COLUMNS = (
    *("STUDYID", "USUBJID", "ARM", "VISIT", "VISITNUM", "AVISITN", "VISITDY", "LAT", "PARAMCD", "PARAM"),
    *("AVAL", "BASE", "CHG", "ABLFL"),
)
_REDCAP_FIRST = ("record_id", "redcap_event_name")
_LAT = {"left": "LEFT", "right": "RIGHT", "both": "BILATERAL", "": None}

Row = dict[str, Value]


def long_rows(table: TrialTable) -> list[Row]:
    """A row a subject, side and visit, with the names of CDISC's analysis data sets; STUDYID is the user's to fill.

    AVISITN counts visits from baseline, which is 0; VISITNUM is filled where the visit is named by a number, VISITDY
    (planned study day, baseline being day 1) where its name tells weeks or days. Of the actual day, ADY, grades know
    nothing. CHG is empty at baseline and before.
    """
    base = {(one.subject, one.side): one.grade for one in table.grades if one.visit == table.baseline}
    start = table.visits.index(table.baseline)
    rows: list[Row] = []
    for one in table.grades:
        before = base.get((one.subject, one.side))
        place = table.visits.index(one.visit) - start
        rows.append({
            "STUDYID": None, "USUBJID": one.subject, "ARM": None if one.arm == ALL else one.arm, "VISIT": one.visit,
            "VISITNUM": visit_number(one.visit), "AVISITN": place, "VISITDY": planned_day(one.visit),
            "LAT": _LAT[one.side], "PARAMCD": "MHYP", "PARAM": "Mottled Hyperpigmentation Grade (0-9)",
            "AVAL": one.grade, "BASE": before,
            "CHG": one.grade - before if place > 0 and before is not None else None,
            "ABLFL": "Y" if place == 0 else None,
        })  # fmt: skip
    return rows


def redcap_rows(table: TrialTable) -> tuple[list[str], list[Row]]:
    """Columns and rows for REDCap's data import: one row per subject and visit, one column per side.

    Events are named as REDCap does for a project of one arm: "Week 4" is week_4_arm_1.
    """
    sides = sorted({one.side for one in table.grades}, key=list(_LAT).index)
    columns = [*_REDCAP_FIRST, *(_redcap_column(side) for side in sides)]
    rows: dict[tuple[str, str], Row] = {}
    for one in table.grades:
        row = rows.setdefault(
            (one.subject, one.visit), {"record_id": one.subject, "redcap_event_name": event_name(one.visit)}
        )
        row[_redcap_column(one.side)] = one.grade
    return columns, list(rows.values())


def event_name(visit: str) -> str:
    """The unique name of REDCap's event for a visit."""
    return re.sub(r"[^a-z0-9]+", "_", visit.casefold()).strip("_") + "_arm_1"


def _redcap_column(side: str) -> str:
    return f"grade_{side}" if side else "grade"


def is_own_long(path: Path) -> bool:
    """Whether a file is a table that ``write_long`` wrote, and as it was then."""
    return has_columns(LONG_COLUMNS)(path) and _as_written(path)


def is_own_redcap(path: Path) -> bool:
    """Whether a file is a table that ``write_redcap`` wrote, and as it was then: REDCap's own exports look alike."""
    return has_columns(_REDCAP_FIRST, more=True)(path) and _as_written(path)


def _as_written(path: Path) -> bool:
    receipt = read_receipt(path)
    return receipt is not None and receipt.table == file_hash(path)


def table_outputs(path: Path, option: str, is_own: Callable[[Path], bool]) -> list[Output]:
    """What is written for one of these tables: it, and its receipt, by which an edit is noticed."""
    return [Output(path, option, is_own), Output(receipt_path(path), option, is_receipt)]


def write_long(path: Path, table: TrialTable) -> None:
    """Write ``long_rows`` as CSV. Raises ToolkitError where it cannot be written."""
    _write(path, long_rows(table), list(LONG_COLUMNS))


def write_redcap(path: Path, table: TrialTable) -> None:
    """Write ``redcap_rows`` as CSV. Raises ToolkitError where it cannot be written."""
    columns, rows = redcap_rows(table)
    _write(path, rows, columns)


def _write(path: Path, rows: list[Row], columns: list[str]) -> None:
    drop_receipt(path)
    write_csv(path, rows, columns)
    write_receipt(path, {})
