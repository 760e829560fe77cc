"""Which subject is in which arm, from a table that somebody keeps."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.csvguard import unguarded
from toolkit.errors import GradesError
from toolkit.study.graderows import is_missing, listed
from toolkit.study.layout import (
    HEADER_SEARCH_ROWS,
    SUBJECT_HEADINGS,
    RawSheet,
    as_text,
    columns_named,
    headings_told,
    likely_header,
    plain_heading,
)
from toolkit.study.names import folded
from toolkit.study.sheets import raw_sheets
from toolkit.study.subjects import Subjects

ROLES = ("subject", "arm", "sheet")
# Headings as plain_heading leaves them.
_ARMS = (
    "arm armname studyarm trialarm treatmentarm trtarm actarm planarm plannedarm randomizedarm randomisedarm group grp "
    "treatment treatmentgroup studygroup studytreatment trt trtgroup trtp trta trt01p trt01a allocation allocatedarm "
    "randomization randomisation"
)
_ARM_HEADINGS = frozenset(_ARMS.split())
_REFERENCES = ("placebo", "vehicle", "control")


@dataclass(frozen=True)
class ArmRow:
    """A subject's arm, "" where the cell is empty; ``row`` counts from 1 as the spreadsheet shows it."""

    row: int
    subject: str
    arm: str


def read_arms(path: Path, columns: Sequence[tuple[str, str]] = ()) -> list[ArmRow]:
    """The rows of a table (.xlsx, .csv) with a subject and an arm in each; other columns are left alone.

    Headings such as arm, group, treatment or TRT are recognised, and those of subjects as in grades; ``columns`` names
    others by role: subject, arm, sheet. Raises GradesError, one line with the file and the fix.
    """
    named: dict[str, str] = {}
    for role, name in columns:
        if role not in ROLES or role in named:
            what = "is named twice" if role in named else f"is none of {', '.join(ROLES)}"
            raise GradesError(f"--arm-column {role}={name}: {role!r} {what}")
        named[role] = name
    sheets = [(title, rows) for title, rows in raw_sheets(path) if named.get("sheet") in (None, title)]
    if not sheets:
        raise GradesError(f"{path.name}: has no sheet {named['sheet']!r}: check its name")
    title, place, header, found = _header(path, sheets, named)
    rows = dict(sheets)[title]
    read = [
        row
        for number, cells in enumerate(rows[place + 1 :], start=place + 2)
        if (row := _row(path, number, cells, header, columns=found)) is not None
    ]
    if not read:
        raise GradesError(
            f"{path.name}: no row holds a subject: fill the column {header[found['subject']]!r}"
        )
    return read


def _header(
    path: Path, sheets: Sequence[RawSheet], named: Mapping[str, str]
) -> tuple[str, int, tuple[str, ...], dict[str, int]]:
    """The sheet, the row of its headings, these, and the column of each role."""
    fitting = []
    for title, rows in sheets:
        for place, row in enumerate(rows[:HEADER_SEARCH_ROWS]):
            header = tuple(as_text(cell) for cell in row)
            columns = _columns(path, header, named)
            if columns is not None:
                fitting.append((title, place, header, columns))
                break
    if len(fitting) > 1:
        names = ", ".join(repr(title) for title, *_ in fitting)
        raise GradesError(
            f"{path.name}: sheets {names} all look like arms: name one, --arm-column sheet=NAME"
        )
    if not fitting:
        header = likely_header(sheets, {})[1]
        for role in ("subject", "arm"):
            if role in named and not columns_named(header, named[role]):
                raise GradesError(
                    f"{path.name}: no column {named[role]!r} for {role}: check the spelling of --arm-column "
                    f"{role}={named[role]}; {headings_told(header)}"
                )
        raise GradesError(
            f"{path.name}: no row reads as the header of a table of arms; {headings_told(header)}: name its columns, "
            "--arm-column subject=NAME --arm-column arm=NAME"
        )
    return fitting[0]


def _columns(path: Path, header: Sequence[str], named: Mapping[str, str]) -> dict[str, int] | None:
    """The columns of subject and arm; None where this row lacks one. Several that may be the arm are refused."""
    columns: dict[str, int] = {}
    for role in ("subject", "arm"):
        if role in named:
            places = columns_named(header, named[role])
            if not places:
                return None
            columns[role] = places[0]
    plain = [plain_heading(text) for text in header]
    taken = set(columns.values())
    if "subject" not in columns:
        subjects = [i for alias in SUBJECT_HEADINGS for i, text in enumerate(plain) if text == alias]
        subjects = [i for i in subjects if i not in taken]
        if not subjects:
            return None
        columns["subject"] = subjects[0]
    if "arm" not in columns:
        arms = [i for i, text in enumerate(plain) if text in _ARM_HEADINGS and i != columns["subject"]]
        if not arms:
            return None
        if len(arms) > 1:
            both = " and ".join(repr(header[i]) for i in arms[:2])
            raise GradesError(
                f"{path.name}: columns {both} both look like the arm: name one, --arm-column arm=NAME"
            )
        columns["arm"] = arms[0]
    return columns


def _row(
    path: Path, number: int, cells: Sequence[Any], header: Sequence[str], *, columns: Mapping[str, int]
) -> ArmRow | None:
    def cell(role: str) -> Any:
        return cells[columns[role]] if columns[role] < len(cells) else None

    subject, arm = (unguarded(as_text(cell(role))) for role in ("subject", "arm"))
    if is_missing(subject):
        if is_missing(arm):
            return None
        raise GradesError(
            f"{path.name}: row {number}: has an arm but no subject (a merged cell holds its value in its first row only)"
        )
    if isinstance(cell("subject"), datetime.date | datetime.time):
        raise GradesError(
            f"{path.name}: row {number}: {header[columns['subject']]} is a date, which Excel makes of entries such as 3-1: "
            "format the column as text and enter it again"
        )
    return ArmRow(number, subject, "" if is_missing(arm) else " ".join(arm.split()))


def arms_by_subject(path: Path, rows: Iterable[ArmRow], subjects: Subjects) -> dict[str, str]:
    """The arm of each subject, spelt as ``subjects`` spells it, "" where no row tells one. Arms that differ in case or
    white space alone are one arm, spelt as it came first. Raises GradesError where rows of a subject contradict each
    other."""
    spelt: dict[str, str] = {}
    first: dict[str, ArmRow] = {}
    found: dict[str, str] = {}
    faults = []
    for row in rows:
        subject = subjects.spelling(row.subject)
        arm = spelt.setdefault(folded(row.arm), row.arm) if row.arm else ""
        found.setdefault(subject, "")
        if not arm:
            continue
        before = first.setdefault(subject, row)
        if found[subject] not in ("", arm):
            faults.append(f"row {row.row} puts {subject} in {arm!r}, row {before.row} in {found[subject]!r}")
        found[subject] = arm
    if faults:
        raise GradesError(f"{path.name}: {listed(faults)}: keep one arm per subject")
    return found


def ordered_arms(arms: Iterable[str], wanted: str | None) -> tuple[str, ...]:
    """The reference first, then by name. ``wanted`` names it; else it is the one whose name has the word placebo, vehicle
    or control, else the first by name. Raises GradesError where no arm has that name."""
    names = sorted(set(arms), key=lambda arm: (folded(arm), arm))
    if wanted is not None:
        chosen = [arm for arm in names if folded(arm) == folded(wanted)]
        if not chosen:
            raise GradesError(
                f"--reference {wanted}: no arm with grades has that name: use one of {', '.join(names)}"
            )
    else:
        words = {arm: set(re.findall(r"[^\W\d_]+", folded(arm))) for arm in names}
        chosen = [arm for word in _REFERENCES for arm in names if word in words[arm]]
    reference = (chosen or names)[0]
    return (reference, *(arm for arm in names if arm != reference))
