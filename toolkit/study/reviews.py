"""Reviews that readers export from the report page: their grades beside the automatic ones.

A review is a table with one row per photo and a reader, and the columns photo, subject, side, visit, toolkit (the
automatic grade), verdict (agree, corrected, or blind: given before the automatic grade was shown), grade (the
reader's), reader, comment, reviewed_at.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from toolkit.csvguard import unguarded
from toolkit.errors import GradesError
from toolkit.outputs import counted
from toolkit.study.graderows import GradeRow, Rules, is_missing, listed, parse_row, read_grade
from toolkit.study.gradetable import GradeTable
from toolkit.study.layout import HEADER_SEARCH_ROWS, RawSheet, Sheet, as_text, plain_heading
from toolkit.study.names import file_key, folded, photo_stem
from toolkit.study.scale import Scale

Key = TypeVar("Key", bound=Hashable)

TOOLKIT = "toolkit"
_SIGNS = {"toolkit", "verdict"}  # the columns by which a review is known
_NEEDED = ("photo", "toolkit", "verdict", "grade", "reader")
_WORDS = {"photo", "subject", "side", "visit", "verdict", "reader", "comment", "reviewedat"}
_ROLES = {"file": "photo", "subject": "subject", "side": "side", "visit": "visit", "grade": "grade"}
_AGREE, _CORRECTED, _BLIND = _VERDICTS = ("agree", "corrected", "blind")
_AGREES_WITHIN = (
    0.5  # of the automatic grade, or half a step of the scale: "agree" writes it rounded to a step
)
_FIX = "correct the row, or export the review again from the report page"


@dataclass(frozen=True)
class Reviewed:
    """One reader's verdict on one photo; ``automatic`` is the grade that the reader saw, or would have
    seen, if there was one.

    ``reader`` is "" where neither the row nor the rest of its file tells who it was; ``photo`` is what the photo's
    names in several files are compared by.
    """

    path: Path
    reader: str
    row: GradeRow
    automatic: float | None
    verdict: str
    at: datetime.datetime | None
    photo: str = ""

    @property
    def who(self) -> Hashable:
        """What tells readers apart: the name, else the file; two nameless readers are not one."""
        return folded(self.reader) if self.reader else self.path

    def __str__(self) -> str:
        return f"{self.path.name} row {self.row.row}"


def find_review(sheets: Sequence[RawSheet]) -> Sheet | None:
    """The sheet that is a review, with those of the columns of ``read_review`` that it has; None if none is."""
    for name, rows in sheets:
        for index, cells in enumerate(rows[:HEADER_SEARCH_ROWS]):
            header = tuple(as_text(cell) for cell in cells)
            places = {plain_heading(text): i for i, text in reversed(list(enumerate(header)))}
            if not places.keys() >= _SIGNS:
                continue
            columns = {role: places[column] for role, column in _ROLES.items() if column in places}
            own = {"automatic": "toolkit", "verdict": "verdict", "reader": "reader", "at": "reviewedat"}
            columns |= {role: places[column] for role, column in own.items() if column in places}
            return Sheet(name, header, columns, {}, list(enumerate(rows, start=1))[index + 1 :])
    return None


def is_words(heading: str) -> bool:
    """Whether a heading is that of a review's column of words, which holds no grades however it is read."""
    return plain_heading(heading) in _WORDS


def read_review(path: Path, sheet: Sheet, scale: Scale) -> list[Reviewed]:
    """The rows of a review; readers' grades are on the steps of the ``scale``, automatic ones need not be.

    Rows without a reader are those of the file's only reader, if it has one. Raises GradesError, one line that
    names the file, its rows and the fix, also where the review lacks a column.
    """
    places = [plain_heading(text) for text in sheet.header]
    absent = [column for column in _NEEDED if column not in places]
    if absent:
        raise GradesError(
            f"{path.name}: is a review without a column {absent[0]!r}: export it again from the report page"
        )
    found: list[Reviewed] = []
    faults: list[str] = []
    for number, cells in sheet.rows:
        if not any(as_text(cell) for cell in cells):
            continue
        try:
            found.append(_reviewed(path, sheet, number, cells, scale=scale))
        except ValueError as error:
            faults.append(f"row {number}: {error}")
    if faults:
        raise GradesError(f"{path.name}: {listed(faults)}: {_FIX}")
    if not found:
        raise GradesError(f"{path.name}: no photo is reviewed in it: review some on the report page first")
    named = {folded(row.reader): row.reader for row in found if row.reader}
    nameless = next(iter(named.values())) if len(named) == 1 else ""
    return [row if row.reader else replace(row, reader=nameless) for row in found]


def _reviewed(path: Path, sheet: Sheet, number: int, cells: Sequence[Any], *, scale: Scale) -> Reviewed:
    # A quote that opens and does not close swallows cells and rows; Excel's rows end where their cells do.
    if path.suffix.casefold() not in (".xlsx", ".xlsm") and len(cells) < len(sheet.header):
        raise ValueError("is cut short")
    if any(as_text(cell) for cell in cells[len(sheet.header) :]):
        raise ValueError("has more cells than the header")

    def cell(role: str) -> Any:
        column = sheet.columns.get(role)
        return cells[column] if column is not None and column < len(cells) else None

    if not as_text(cell("file")):
        raise ValueError("names no photo")
    verdict = as_text(cell("verdict")).casefold()
    if verdict not in _VERDICTS:
        raise ValueError(f"verdict {as_text(cell('verdict'))!r} is none of {', '.join(_VERDICTS)}")
    rows = parse_row(sheet, number, cells, Rules(scale), stepped=True)
    if not rows:
        raise ValueError(f"is {verdict}, but has no grade")
    automatic = None if is_missing(cell("automatic")) else _automatic(cell("automatic"), scale)
    within = max(_AGREES_WITHIN, scale.rounding / 2) + 1e-9
    if verdict == _AGREE and (automatic is None or abs(rows[0].grade - automatic) > within):
        seen = "there is no automatic grade" if automatic is None else f"the automatic grade is {automatic:g}"
        raise ValueError(f"agrees on {rows[0].grade:g}, but {seen}")
    reader = unguarded(as_text(cell("reader")))
    return Reviewed(path, reader, _of_known_subject(rows[0]), automatic, verdict, _time(cell("at")))


def _automatic(value: Any, scale: Scale) -> float:
    try:
        return read_grade(value, scale, False)
    except ValueError as error:
        raise ValueError(f"toolkit's {error}") from None


def _of_known_subject(row: GradeRow) -> GradeRow:
    """Without a subject that is but the name of the file: that is no knowledge, and would deny what is known."""
    unknown = row.subject is not None and folded(row.subject) == folded(photo_stem(row.file or ""))
    return replace(row, subject=None) if unknown else row


def _time(value: Any) -> datetime.datetime | None:
    """When a photo was reviewed; None where that cannot be told."""
    try:
        time = (
            value if isinstance(value, datetime.datetime) else datetime.datetime.fromisoformat(as_text(value))
        )
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=datetime.UTC)


def review_graders(rows: Sequence[Reviewed], with_toolkit: bool) -> list[tuple[str, GradeTable]]:
    """The readers of all reviews as graders, by name, and, if asked for, the toolkit as one more.

    A reader is one grader through all files; who gave no name is one a file, called after it. Of several reviews
    of a photo the last counts. Raises GradesError where it cannot be told which is the last.
    """
    rows = _of_one_spelling(rows)
    readers = list(_grouped(rows, lambda row: row.who).values())
    graders: list[tuple[str, GradeTable]] = []
    for name, found in zip(_reader_names(readers), readers, strict=True):
        kept, changed = _last_reviews(found)
        table = _table(kept, [row.row for row in kept])
        blind = all(row.verdict == _BLIND for row in kept)
        graders.append((name, replace(table, reviewed=True, blind=blind, notes=_notes(name, kept, changed))))
    if with_toolkit:
        graders += _toolkits(rows)
    return graders


def _of_one_spelling(rows: Sequence[Reviewed]) -> list[Reviewed]:
    """With the ``photo`` of each row: its name without case, but the exact one where a file tells two apart by it."""
    spellings: dict[tuple[Path, str], set[str]] = {}
    for row in rows:
        name = row.row.file or ""
        spellings.setdefault((row.path, file_key(name)), set()).add(name)
    exact = {key for (_, key), names in spellings.items() if len(names) > 1}
    keys = [file_key(row.row.file or "") for row in rows]
    return [
        replace(row, photo=(row.row.file or "") if key in exact else key)
        for row, key in zip(rows, keys, strict=True)
    ]


def _reader_names(readers: Sequence[Sequence[Reviewed]]) -> list[str]:
    """A name a reader, none twice: who gave none is called after the file, with its folder where need be."""
    names = [found[0].reader or found[0].path.stem for found in readers]
    short = _short_paths(found[0].path for found in readers)
    taken = [folded(name) for name in names]
    for place, found in enumerate(readers):
        if not found[0].reader and taken.count(taken[place]) > 1:
            names[place] = short[found[0].path]
    return [f"reader {name}" if folded(name) == TOOLKIT else name for name in names]


def _short_paths(paths: Iterable[Path]) -> dict[Path, str]:
    """Each path by its file name, and where another has the same one, with as many folders as it takes."""
    unique = list(dict.fromkeys(paths))
    short = {}
    for path in unique:
        ends = [path.parts[-count:] for count in range(1, len(path.parts) + 1)]
        alone = (end for end in ends if sum(other.parts[-len(end) :] == end for other in unique) == 1)
        short[path] = str(Path(*next(alone, path.parts)))
    return short


def _toolkits(rows: Sequence[Reviewed]) -> list[tuple[str, GradeTable]]:
    """The automatic grades: one grader, or one a file where the files are of runs that graded differently."""
    graded = [row for row in rows if row.automatic is not None]
    first: dict[str, Reviewed] = {}
    of_one_run = True
    for row in graded:
        before = first.setdefault(row.photo, row)
        if before.automatic == row.automatic:
            continue
        if before.path == row.path:
            raise GradesError(
                f"{row.path.name}: rows {before.row.row} and {row.row.row} have different automatic grades of one "
                "photo: keep reviews of different runs in files of their own"
            )
        of_one_run = False
    if of_one_run:
        return [(TOOLKIT, _automatic_table(first.values()))] if first else []
    short = _short_paths(row.path for row in graded)
    return [
        (f"{TOOLKIT} in {short[path]}", _automatic_table({row.photo: row for row in found}.values()))
        for path, found in _grouped(graded, lambda row: row.path).items()
    ]


def _automatic_table(rows: Iterable[Reviewed]) -> GradeTable:
    graded = [(row, row.automatic) for row in rows if row.automatic is not None]
    made = [replace(row.row, grade=automatic) for row, automatic in graded]
    return replace(_table([row for row, _ in graded], made), own_results=True)


def _table(rows: Sequence[Reviewed], made: Sequence[GradeRow]) -> GradeTable:
    paths = list(dict.fromkeys(row.path for row in rows))
    source = paths[0] if len(paths) == 1 else Path(", ".join(dict.fromkeys(path.name for path in paths)))
    return GradeTable(source, "file", tuple(made))


def _notes(name: str, kept: Sequence[Reviewed], changed: int) -> tuple[str, ...]:
    counts = Counter(row.verdict for row in kept)
    notes = []
    if seen := len(kept) - counts[_BLIND]:
        notes.append(
            f"{name} agreed with the automatic grade on {counts[_AGREE]} of {counted(seen, 'photo')} and corrected "
            f"{counts[_CORRECTED]}"
        )
    if counts[_BLIND]:
        blind = counted(counts[_BLIND], "photo")
        notes.append(f"{name} graded {blind} blind, before the automatic grade was shown")
    if changed:
        again = counted(changed, "photo")
        notes.append(f"{name} graded {again} again and otherwise: the last review counts")
    return tuple(notes)


def _last_reviews(rows: Sequence[Reviewed]) -> tuple[list[Reviewed], int]:
    """One reader's last review of each photo, and on how many photos it gives another grade than before."""
    kept = []
    changed = 0
    for found in _grouped(rows, lambda row: row.photo).values():
        grades = {row.row.grade for row in found}
        changed += len(grades) > 1
        kept.append(max(found, key=_moment) if len(grades) == 1 else _last(found))
    return kept, changed


def _last(rows: Sequence[Reviewed]) -> Reviewed:
    """The one review that is later than the others."""
    last = max(rows, key=_moment)
    others = [row for row in rows if row.row.grade != last.row.grade]
    rival = next((row for row in others if row.at is None or row.at == last.at), None)
    if rival is None:
        return last
    raise GradesError(
        f"{rival}: {rival.reader or 'its reader'} grades {rival.row.file} {rival.row.grade:g}, and {last.row.grade:g} in {last}, and "
        "reviewed_at does not tell which is later: keep one of them"
    )


def _moment(row: Reviewed) -> datetime.datetime:
    return row.at or datetime.datetime.min.replace(tzinfo=datetime.UTC)


def _grouped(rows: Iterable[Reviewed], key: Callable[[Reviewed], Key]) -> dict[Key, list[Reviewed]]:
    groups: dict[Key, list[Reviewed]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups
