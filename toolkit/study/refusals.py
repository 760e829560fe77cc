"""Joins that would be wrong or empty: what is refused, and the hint that says how to mend it."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Mapping, Sequence

from toolkit.errors import GradesError
from toolkit.records import PhotoFacts
from toolkit.study.graderows import GradeRow
from toolkit.study.gradetable import GradeTable
from toolkit.study.joined import Known, SharedRow, first_few, is_numbered, subjects_of
from toolkit.study.subjects import Subjects, subject_key


def doubts(table: GradeTable, matches: Mapping[str, GradeRow], known: Known) -> list[str]:
    """What may be wrong with a join that is not refused, in words."""
    doubts = [table.doubts] if table.doubts else []
    sides = [name for name, row in matches.items() if not row.file and row.side is None]
    sides = [name for name in sides if known.facts(name).side in ("left", "right")]
    if sides and table.unread and not table.doubts:
        doubts.append(
            f"tells no side that was read, so {first_few(sides)} got the grade of a row whatever its side; "
            f"{table.columns_told()}"
        )
    return doubts


def refuse_shared_rows(
    table: GradeTable, matches: Mapping[str, GradeRow], subjects: Subjects, known: Known
) -> None:
    """A grade belongs to one file, or to photos of one subject, side and visit."""

    def facts(name: str) -> PhotoFacts:
        found = known.facts(name)
        return PhotoFacts(subjects.spelling(found.subject), found.side, found.visit)

    owners: dict[int, str] = {}
    for name, row in matches.items():
        other = owners.setdefault(id(row), name)
        if other == name or (not row.file and facts(other) == facts(name)):
            continue
        fix = "write the folder before the file name" if row.file else "add a column of sides or visits"
        if table.unread and not row.file:
            fix += f", or name one with --column ({table.columns_told()})"
        raise GradesError(f"{table.source.name}: row {row.row} fits both {other} and {name}: {fix}")


def shared_rows(table: GradeTable, matches: Mapping[str, GradeRow]) -> tuple[SharedRow, ...]:
    """The rows that several photos have."""
    photos: dict[int, list[str]] = defaultdict(list)
    for name, row in matches.items():
        photos[id(row)].append(name)
    rows = {id(row): row for row in matches.values()}
    return tuple(
        SharedRow(table.source, rows[key], tuple(names)) for key, names in photos.items() if len(names) > 1
    )


def refuse_shifted_visits(
    names: Sequence[str], table: GradeTable, matches: Mapping[str, GradeRow], known: Known
) -> None:
    """Where only numbers tell visits apart, one side that counts from 0 and one from 1 join wrong visits."""
    by_number = [name for name, row in matches.items() if not row.file and is_numbered(known.facts(name))]
    names_from_0 = any(known.facts(name).visit == "Baseline" for name in names)
    rows_from_0 = any(row.visit == "Baseline" for row in table.rows if not row.file)
    if by_number and names_from_0 != rows_from_0:
        counting, other = ("names of photos", "workbook") if names_from_0 else ("workbook", "names of photos")
        raise GradesError(
            f"{table.source.name}: visits are only numbered, and visit 0 is in the {counting} but not in the {other} "
            f"({by_number[0]} would fit row {matches[by_number[0]].row}): add a column of file names"
        )


def refuse_contradictions(
    table: GradeTable, matches: Mapping[str, GradeRow], subjects: Subjects, known: Known
) -> None:
    """Where a row names the file, its subject and side must not deny what is known of it."""
    for name, row in matches.items():
        if not row.file or not known.subject_is_known(name):
            continue
        facts = known.facts(name)
        if row.subject and subjects.spelling(row.subject) != subjects.spelling(facts.subject):
            what, says, other = "subject", row.subject, facts.subject
        elif row.side and facts.side and row.side != facts.side:
            what, says, other = "side", row.side, facts.side
        else:
            continue
        raise GradesError(
            f"{table.source.name}: row {row.row} says {what} {says}, {name} says {other}: correct one of them"
        )


def nothing_fits(names: Sequence[str], table: GradeTable, subjects: Subjects, known: Known) -> str:
    """Why no photo found a row, with the hint that says how to mend it."""
    if not names:
        return f"{table.source.name}: there are no photos to join: check the image folders"
    facts = known.facts(names[0])
    reads = ", ".join(fact for fact in (facts.subject, facts.side, facts.visit) if fact)
    hints = [_hint_of_letters(known.subjects(names), table, subjects), _hint_of_dates(facts, table)]
    hints.append(table.columns_told() if table.unread else "")
    hints += table.remarks
    return "; ".join(
        [
            f"{table.source.name}: none of {len(names)} photos fits a row by name: "
            f"{names[0]} reads as {reads}, the workbook begins with {table.rows[0]}",
            *filter(None, hints),
        ]
    )


def _hint_of_letters(of_names: Sequence[str], table: GradeTable, subjects: Subjects) -> str:
    """That subjects of one number are different people, where that is what keeps rows and photos apart."""
    of_rows = {subjects.spelling(subject): subject for subject in subjects_of(table)}
    apart = [subject for subject in of_names if subjects.spelling(subject) not in of_rows]
    by_number = {subject_key(subject)[1]: subject for subject in reversed(apart)}
    for subject in of_rows.values():
        number = subject_key(subject)[1]
        other = by_number.get(number) if number is not None else None
        if other and subjects.spelling(subject) != subjects.spelling(other):
            return f"{subject} and {other} are treated as different people: write the same letters in both"
    return ""


def _hint_of_dates(facts: PhotoFacts, table: GradeTable) -> str:
    """That visits are dates, where names of photos tell them otherwise."""
    try:
        datetime.date.fromisoformat(table.rows[0].visit or "")
    except ValueError:
        return ""
    return (
        f"dates do not join {facts.visit}: add a column of visits as the names tell them"
        if facts.visit
        else ""
    )
