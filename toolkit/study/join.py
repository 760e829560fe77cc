"""Photographs and grades brought together by name, never by position."""

from __future__ import annotations

import datetime
import os
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from statistics import fmean

from toolkit.errors import GradesError
from toolkit.records import PhotoFacts
from toolkit.study.graders import read_experts
from toolkit.study.gradetable import GradeRow, GradeTable
from toolkit.study.names import facts_from_name, file_key, is_clinical, photo_stem, stored_text
from toolkit.study.subjects import Subjects, subject_key

Places = Mapping[str, Path]  # the file of each photo, by name
Columns = Mapping[str, str] | Sequence[tuple[str, str]] | None  # names of columns, by role


@dataclass(frozen=True)
class SharedRow:
    """A row of the workbook ``source`` that fits several ``photos``: retakes, or photos that should not share it."""

    source: Path
    row: GradeRow
    photos: tuple[str, ...]


@dataclass(frozen=True)
class JoinedGrades:
    """The grades of the photos that have one, by the photo's name as given.

    ``facts`` holds subject, side and visit of *every* photo: the name's where it tells them, else the
    workbook's; a subject is spelt the same way on all its photos.
    ``unmatched_photos`` have no grade, ``unmatched_rows`` no photo. ``rows``: where each grade comes from.
    ``several`` photos have the mean of several graders' grades, ``reviewed`` the grade of one or more readers who
    saw the automatic grade first. ``unfit``: a line for every one of several graders none of whose rows has a photo.
    ``shared``: the rows of any grader that several photos share; see ``refuse_shared``. ``by_number``: subjects that
    were joined without their letters, as pairs (1, P0001). ``unread``: what else a workbook seems to hold.
    """

    grades: Mapping[str, float]
    facts: Mapping[str, PhotoFacts]
    unmatched_photos: tuple[str, ...]
    unmatched_rows: tuple[GradeRow, ...]
    rows: Mapping[str, GradeRow] = field(default_factory=dict)
    several: int = 0
    reviewed: int = 0
    unfit: tuple[str, ...] = ()
    shared: tuple[SharedRow, ...] = ()
    by_number: tuple[tuple[str, str], ...] = ()
    unread: tuple[str, ...] = ()

    def summary(self) -> str:
        """One line: how many photos are graded, and what has no partner (at most three of each named)."""
        total = len(self.grades) + len(self.unmatched_photos)
        parts = [f"{len(self.grades)} of {total} photos have a grade"]
        if self.several:
            parts.append(f"{self.several} of these are means of several graders")
        if self.reviewed:
            parts.append(f"{self.reviewed} were given in a review, with the automatic grade in view")
        if self.unmatched_photos:
            parts.append(f"no grade for {_some(self.unmatched_photos)}")
        if self.unmatched_rows:
            parts.append(f"no photo for {_some([str(row) for row in self.unmatched_rows])}")
        if self.by_number:
            parts.append(by_number_note(self.by_number))
        parts += [f"warning: {line}" for line in (*self.unread, *self.unfit)]
        return "; ".join(parts)


def join_grades(
    names: Sequence[str],
    table: GradeTable,
    facts: Mapping[str, PhotoFacts] | None = None,
    subjects: Subjects | None = None,
    *,
    places: Places | None = None,
) -> JoinedGrades:
    """Give each photo its grade, by file name where the row has one, else by subject, side and visit.

    File names are compared without case; a row may leave out folders and the suffix. Subjects are compared
    by letters and number (p 1 is P0001, and Q0001 is another); a number without letters, in the workbook or in
    clinical names, is the subject with letters if no two subjects share it. What a photo's name or a row does not
    tell (side, visit) fits anything, so long as exactly one row fits, and all photos that the row fits are of one
    side and visit. A visit number joins only names that count nothing but visits (V02D00W00), never one that tells
    week or day. ``facts``: subject, side and visit of photos where they are known from elsewhere than the name.
    ``subjects``: all there are, where the table is one of several. ``places``: where the files lie, so that folders in
    a row are compared with the photo's whole path. Photos that share a row are in ``shared``:
    whoever has their files is to call ``refuse_shared``.

    Raises GradesError when a photo fits several rows, a row fits photos that differ, name and row
    contradict each other, or nothing fits at all.
    """
    unique = list(dict.fromkeys(names))
    known = _Known(facts or {})
    subjects = subjects or Subjects([known.subjects(unique), subjects_of(table)])
    matches = _matches(unique, table, subjects, known, places=places or {})
    _refuse_shared_rows(table, matches, subjects, known)
    _refuse_shifted_visits(unique, table, matches, known)
    _refuse_contradictions(table, matches, subjects, known)
    if not matches:
        raise _NothingFitsError(_nothing_fits(unique, table, subjects, known))
    used = {id(row) for row in matches.values()}
    return JoinedGrades(
        grades={name: row.grade for name, row in matches.items()},
        facts={name: _merged_facts(name, matches.get(name), subjects, known) for name in unique},
        unmatched_photos=tuple(name for name in unique if name not in matches),
        unmatched_rows=tuple(row for row in table.rows if id(row) not in used),
        rows=matches,
        reviewed=len(matches) if table.reviewed else 0,
        shared=_shared_rows(table, matches),
        by_number=_joined_by_number(matches, subjects, known),
        unread=(
            *table.remarks,
            *(f"{table.source.name}: {doubt}" for doubt in _doubts(table, matches, known)),
        ),
    )


def _doubts(table: GradeTable, matches: Mapping[str, GradeRow], known: _Known) -> list[str]:
    """What may be wrong with a join that is not refused, in words."""
    doubts = [table.doubts] if table.doubts else []
    sides = [name for name, row in matches.items() if not row.file and row.side is None]
    sides = [name for name in sides if known.facts(name).side in ("left", "right")]
    if sides and table.unread and not table.doubts:
        doubts.append(
            f"tells no side that was read, so {_some(sides)} got the grade of a row whatever its side; "
            f"{table.columns_told()}"
        )
    return doubts


def by_number_note(pairs: Sequence[tuple[str, str]]) -> str:
    """That letters of subjects were left out, in words."""
    letters = {tuple(re.sub(r"\d.*", "", subject) for subject in pair): pair for pair in reversed(pairs)}
    told = [f"{number} for {subject}" for number, subject in sorted(letters.values())]
    mixed = " (several kinds of letters: are they one study?)" if len(told) > 1 else ""
    return f"subjects joined by number alone, for example {', '.join(told)}{mixed}"


def subjects_of(table: GradeTable) -> list[str]:
    """The subjects that a table tells, as it spells them."""
    return [row.subject for row in table.rows if row.subject]


def _folder(name: str) -> Hashable:
    return PurePosixPath(name).parent


def refuse_shared(
    joined: JoinedGrades,
    content_of: Callable[[str], str],
    retakes: bool = False,
    folder_of: Callable[[str], Hashable] = _folder,
) -> None:
    """Refuse a row that fits different photographs of different folders: they may be of different people.

    ``content_of`` gives the hash of a photo's file by its name; it is asked only about photos that share a row.
    ``folder_of``: its folder, where that is not in its name. Retakes in one folder may share a row, and so may
    copies; ``retakes``: those in different folders as well.
    Raises GradesError.
    """
    for shared in () if retakes else joined.shared:
        folders = {name: folder_of(name) for name in shared.photos}
        if len(set(folders.values())) == 1:
            continue
        content = {name: content_of(name) for name in shared.photos}
        held = {folder: {content[n] for n in folders if folders[n] == folder} for folder in folders.values()}
        if any(found == set(content.values()) for found in held.values()):
            continue  # one folder has all, the others copies of some
        first = shared.photos[0]
        other = next(n for n in shared.photos if content[n] not in held[folders[first]])
        raise GradesError(
            f"{shared.source}: {shared.row} fits two photographs, {first} and {other}: give each study's "
            "photographs a run of their own, write folder and file name of each into the workbook, or add --retakes "
            "if they are retakes of one visit"
        )


class _NothingFitsError(GradesError):
    """No row of a table has a photo."""


def _matches(
    names: Sequence[str], table: GradeTable, subjects: Subjects, known: _Known, *, places: Places
) -> dict[str, GradeRow]:
    """The one row that each photo fits, by file name or else by subject; photos that fit none are left out."""
    by_file, by_facts = _FileIndex(table, names, places), _FactsIndex(table, subjects)
    matches: dict[str, GradeRow] = {}
    for name in names:
        rows = by_file.rows(name) or by_facts.rows(known.facts(name))
        if len(rows) > 1:
            fits = ", ".join(str(row.row) for row in rows[:5])
            raise GradesError(
                f"{table.source.name}: {name} fits rows {fits}: add side and visit, or file names"
            )
        if rows:
            matches[name] = rows[0]
    return matches


def join_files(
    names: Sequence[str],
    files: Path | Sequence[Path],
    columns: Columns = None,
    step: float | None = 0.5,
    *,
    places: Places | None = None,
) -> JoinedGrades:
    """Give each photo its grade from one or more files, as ``read_experts`` reads and ``join_graders`` joins them;
    ``places``: the file of each photo, where it is at hand."""
    pairs = list(columns.items()) if isinstance(columns, Mapping) else list(columns or ())
    paths = [files] if isinstance(files, Path) else list(files)
    return join_graders(names, [table for _, table in read_experts(paths, pairs, step)], places)


def join_graders(
    names: Sequence[str], tables: Sequence[GradeTable], places: Places | None = None
) -> JoinedGrades:
    """Give each photo the mean of its grades in the ``tables``, one a grader, each joined as by ``join_grades``.

    What one table tells of a photo's subject holds for the next; tables with file names come first. One that fits
    no photo, where others do, is told of in ``unfit``. Raises GradesError as ``join_grades`` does, for each table.
    """
    several = _Several(names, tables, places)
    for table in sorted(tables, key=lambda table: table.layout != "file"):
        several.add(table)
    return several.joined()


class _Several:
    """Photos and the grades that one table after the other has for them."""

    def __init__(self, names: Sequence[str], tables: Sequence[GradeTable], places: Places | None) -> None:
        self._names, self._places = list(dict.fromkeys(names)), places
        self._subjects = Subjects([_Known({}).subjects(self._names), *map(subjects_of, tables)])
        self._shared: list[SharedRow] = []
        self._by_number: list[tuple[str, str]] = []
        self._unread: list[str] = []
        self._known: dict[str, PhotoFacts] = {}  # only where the subject is known
        self._facts: dict[str, PhotoFacts] = {}
        self._given: dict[str, list[float]] = defaultdict(list)
        self._rows: dict[str, GradeRow] = {}
        self._unmatched: list[GradeRow] = []
        self._reviewed: set[str] = set()
        self._unfit: list[_NothingFitsError] = []
        self._everyone: Mapping[str, PhotoFacts] = {}

    def add(self, table: GradeTable) -> None:
        """Join one more table."""
        try:
            joined = join_grades(self._names, table, self._known, self._subjects, places=self._places)
        except _NothingFitsError as error:
            self._unfit.append(error)
            self._unmatched += table.rows
            return
        self._everyone = joined.facts
        for name, row in joined.rows.items():
            self._given[name].append(row.grade)
            self._rows.setdefault(name, row)
            if row.subject or name not in self._facts:
                self._facts[name] = joined.facts[name]
            if row.subject or is_clinical(name):
                self._known[name] = self._facts[name]
        self._unmatched += joined.unmatched_rows
        self._reviewed.update(joined.rows if table.reviewed else ())
        self._shared += joined.shared
        self._by_number += joined.by_number
        self._unread += joined.unread

    def joined(self) -> JoinedGrades:
        """All that was joined; raises GradesError where no table fits any photo."""
        if self._unfit and not self._given:
            raise self._unfit[0]
        return JoinedGrades(
            {name: fmean(self._given[name]) for name in self._names if name in self._given},
            {name: self._facts.get(name, self._everyone[name]) for name in self._names},
            tuple(name for name in self._names if name not in self._given),
            tuple(self._unmatched),
            self._rows,
            sum(len(grades) > 1 for grades in self._given.values()),
            len(self._reviewed),
            tuple(map(str, self._unfit)),
            tuple(self._shared),
            tuple(dict.fromkeys(self._by_number)),
            tuple(dict.fromkeys(self._unread)),
        )


class _Known:
    """What is known of a photo: what was given, else what its name tells."""

    def __init__(self, given: Mapping[str, PhotoFacts]) -> None:
        self._given = given

    def facts(self, name: str) -> PhotoFacts:
        """Subject, side and visit of a photo."""
        return self._given.get(name) or facts_from_name(name)

    def subject_is_known(self, name: str) -> bool:
        """Whether the subject is an identifier, not just the file's stem."""
        return name in self._given or is_clinical(name)

    def subjects(self, names: Sequence[str]) -> list[str]:
        """The subjects of those photos whose subject is known."""
        return [self.facts(name).subject for name in names if self.subject_is_known(name)]


class _FileIndex:
    """Rows by the file they name."""

    def __init__(self, table: GradeTable, names: Sequence[str], places: Places) -> None:
        self._source, self._places = table.source.name, places
        self._names = frozenset(map(stored_text, names))
        self._by_stem: dict[str, list[GradeRow]] = defaultdict(list)
        for row in table.rows:
            if row.file:
                # A row without a suffix may hold dots of its own, so it is filed under both readings.
                for stem in {_last(row.file), photo_stem(file_key(row.file))}:
                    self._by_stem[stem].append(row)

    def rows(self, name: str) -> list[GradeRow]:
        stem = photo_stem(file_key(name))
        found = {id(row): row for key in (stem, _last(name)) for row in self._by_stem.get(key, [])}
        fitting = [
            row
            for row in found.values()
            if _same_file(name, row.file or "") and not self._is_anothers(name, row.file or "")
        ]
        there = [row for row in fitting if self._lies_there(name, row.file or "")]
        if fitting and not there:
            raise GradesError(
                f"{self._source}: row {fitting[0].row} names {fitting[0].file}, but that photograph is "
                f"{self._places[name]}: correct the folder in the workbook, or leave folders out"
            )
        exact = [row for row in there if row.file == stored_text(name)]
        return exact or there

    def _lies_there(self, name: str, file: str) -> bool:
        """Whether the folders of a row are those that the photo lies in, by its path as given or as links lead. A
        whole path may be another computer's, and is compared with the photo's name alone."""
        folders = PurePosixPath(file_key(file)).parts[:-1]
        if (
            name not in self._places
            or file_key(file)[:1] == "/"
            or ".." in folders
            or ":" in "".join(folders[:1])
        ):
            return True
        path = self._places[name]
        whole = (str(path.parent.absolute()), os.path.realpath(path.parent))
        parts = [PurePosixPath(file_key(folder.replace("\\", "/"))).parts for folder in whole]
        return not folders or any(found[-len(folders) :] == folders for found in parts)

    def _is_anothers(self, name: str, file: str) -> bool:
        """Whether a photo that differs from this one in case alone is the one that is written so."""
        return file != stored_text(name) and file in self._names and file_key(file) == file_key(name)


class _FactsIndex:
    """Rows without a file name, by subject."""

    def __init__(self, table: GradeTable, subjects: Subjects) -> None:
        self._subjects = subjects
        self._by_subject: dict[str, list[GradeRow]] = defaultdict(list)
        for row in table.rows:
            if row.subject and not row.file:
                self._by_subject[subjects.spelling(row.subject)].append(row)

    def rows(self, facts: PhotoFacts) -> list[GradeRow]:
        return [
            row
            for row in self._by_subject.get(self._subjects.spelling(facts.subject), [])
            if _agree(row.side, facts.side) and _agree(row.visit, facts.visit)
        ]


def _agree(one: str | None, other: str | None) -> bool:
    """Whether two facts are the same, so far as both are known."""
    return one is None or other is None or one == other


def _same_file(photo: str, row: str) -> bool:
    """Whether the shorter path is the end of the longer, where either may leave out its suffix."""
    photo_parts, row_parts = PurePosixPath(file_key(photo)).parts, PurePosixPath(file_key(row)).parts
    bare = (photo_stem(photo_parts[-1]) == row_parts[-1], photo_stem(row_parts[-1]) == photo_parts[-1])
    if row_parts[-1] != photo_parts[-1] and not any(bare):
        return False
    folders = list(zip(reversed(photo_parts[:-1]), reversed(row_parts[:-1]), strict=False))
    return all(of_photo == of_row for of_photo, of_row in folders)


def _last(file: str) -> str:
    return PurePosixPath(file_key(file)).name


def _refuse_shared_rows(
    table: GradeTable, matches: Mapping[str, GradeRow], subjects: Subjects, known: _Known
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


def _shared_rows(table: GradeTable, matches: Mapping[str, GradeRow]) -> tuple[SharedRow, ...]:
    """The rows that several photos have."""
    photos: dict[int, list[str]] = defaultdict(list)
    for name, row in matches.items():
        photos[id(row)].append(name)
    rows = {id(row): row for row in matches.values()}
    return tuple(
        SharedRow(table.source, rows[key], tuple(names)) for key, names in photos.items() if len(names) > 1
    )


def _joined_by_number(
    matches: Mapping[str, GradeRow], subjects: Subjects, known: _Known
) -> tuple[tuple[str, str], ...]:
    """Subjects of the matches whose letters the row or the photo's name does not have."""
    told = (row.subject for row in matches.values() if row.subject)
    return subjects.by_number([*told, *known.subjects(list(matches))])


def _refuse_shifted_visits(
    names: Sequence[str], table: GradeTable, matches: Mapping[str, GradeRow], known: _Known
) -> None:
    """Where only numbers tell visits apart, one side that counts from 0 and one from 1 join wrong visits."""
    by_number = [name for name, row in matches.items() if not row.file and _is_numbered(known.facts(name))]
    names_from_0 = any(known.facts(name).visit == "Baseline" for name in names)
    rows_from_0 = any(row.visit == "Baseline" for row in table.rows if not row.file)
    if by_number and names_from_0 != rows_from_0:
        counting, other = ("names of photos", "workbook") if names_from_0 else ("workbook", "names of photos")
        raise GradesError(
            f"{table.source.name}: visits are only numbered, and visit 0 is in the {counting} but not in the {other} "
            f"({by_number[0]} would fit row {matches[by_number[0]].row}): add a column of file names"
        )


def _is_numbered(facts: PhotoFacts) -> bool:
    return (facts.visit or "").startswith("Visit ")


def _refuse_contradictions(
    table: GradeTable, matches: Mapping[str, GradeRow], subjects: Subjects, known: _Known
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


def _merged_facts(name: str, row: GradeRow | None, subjects: Subjects, known: _Known) -> PhotoFacts:
    facts = known.facts(name)
    if row is None:
        return PhotoFacts(subjects.spelling(facts.subject), facts.side, facts.visit)
    subject = facts.subject if known.subject_is_known(name) else row.subject or facts.subject
    return PhotoFacts(subjects.spelling(subject), facts.side or row.side, facts.visit or row.visit)


def _nothing_fits(names: Sequence[str], table: GradeTable, subjects: Subjects, known: _Known) -> str:
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
            return f"{subject} and {other} are taken for different people: write the same letters in both"
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


def _some(items: Sequence[str]) -> str:
    more = len(items) - 3
    return ", ".join(items[:3]) + (f" and {more} more" if more > 0 else "")
