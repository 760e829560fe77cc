"""Which row of a table of grades belongs to which photograph."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from toolkit.errors import GradesError
from toolkit.records import PhotoFacts
from toolkit.study.graderows import GradeRow
from toolkit.study.gradetable import GradeTable
from toolkit.study.joined import Known, Places
from toolkit.study.names import file_key, photo_stem, stored_text
from toolkit.study.subjects import Subjects


def matched_rows(
    names: Sequence[str], table: GradeTable, subjects: Subjects, known: Known, *, places: Places
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


def joined_by_number(
    matches: Mapping[str, GradeRow], subjects: Subjects, known: Known
) -> tuple[tuple[str, str], ...]:
    """Subjects of the matches whose letters the row or the photo's name does not have."""
    told = (row.subject for row in matches.values() if row.subject)
    return subjects.by_number([*told, *known.subjects(list(matches))])


def merged_facts(name: str, row: GradeRow | None, subjects: Subjects, known: Known) -> PhotoFacts:
    """What name and row together tell of a photo."""
    facts = known.facts(name)
    if row is None:
        return PhotoFacts(subjects.spelling(facts.subject), facts.side, facts.visit)
    subject = facts.subject if known.subject_is_known(name) else row.subject or facts.subject
    return PhotoFacts(subjects.spelling(subject), facts.side or row.side, facts.visit or row.visit)
