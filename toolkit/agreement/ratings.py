"""Several graders' workbooks brought together, one row per photo and one column per grader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import GradesError
from toolkit.records import PhotoFacts
from toolkit.study import GradeRow, GradeTable, facts_from_name, join_grades, refuse_shared
from toolkit.study.dates import visits_in_days
from toolkit.study.joined import by_number_note, subjects_of
from toolkit.study.names import file_key, folded, is_clinical, photo_stem
from toolkit.study.subjects import Subjects

_ANCHORED = (
    "readers of the report page who saw the automatic grade first are drawn towards it (anchoring): their agreement "
    "with toolkit, and with each other, is an upper bound"
)
_CONFER = (
    "several of the graders are results of toolkit, and models that grade alike share errors as graders who confer do: "
    "their agreement with each other is no agreement of graders, and the weights, noise and combined grades below, "
    "which take errors for independent, mean nothing with both of them. Compare each result with the experts alone"
)


@dataclass(frozen=True, eq=False)
class Ratings:
    """The grades of k graders on N photos.

    ``graders`` (k,) names, ``tables`` (k,) what was read, ``photos`` (N,) names, ``facts`` (N,) subject,
    side and visit. ``grades`` (N, k) float64, NaN where a grader did not grade. ``entries`` (N, k) intp:
    which of the table's rows the grade is, -1 for none: retakes of a subject, side and visit may share one.
    ``notes``: what a reader should know about how they were joined.
    """

    graders: tuple[str, ...]
    tables: tuple[GradeTable, ...]
    photos: tuple[str, ...]
    facts: tuple[PhotoFacts, ...]
    grades: NDArray[np.float64]
    entries: NDArray[np.intp]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.photos), len(self.graders))
        if self.grades.shape != shape or self.entries.shape != shape or len(self.facts) != shape[0]:
            raise ValueError(
                f"grades and entries must have shape {shape}, got {self.grades.shape}, {self.entries.shape}"
            )

    @property
    def subjects(self) -> NDArray[np.intp]:
        """(N,) a number for each photo's subject, the same for every spelling."""
        names = np.array([folded(facts.subject) for facts in self.facts], dtype=object)
        return np.unique(names.astype(str), return_inverse=True)[1]

    def confer(self, graders: Iterable[int] | None = None) -> bool:
        """Whether two or more of these graders (by default: of all) are results of ``toolkit grade``."""
        chosen = range(len(self.tables)) if graders is None else graders
        return sum(self.tables[grader].own_results for grader in chosen) > 1

    def common(self, graders: Iterable[int]) -> NDArray[np.intp]:
        """The photos that all these graders graded, without repeats of the very same grades."""
        entries = self.entries[:, list(graders)]
        complete = np.flatnonzero((entries >= 0).all(axis=1))
        first = np.unique(entries[complete], axis=0, return_index=True)[1]
        return complete[np.sort(first)]

    def common_to(self, graders: int) -> NDArray[np.intp]:
        """The photos that so many graders or more graded, without repeats of the very same grades."""
        photos = np.flatnonzero((self.entries >= 0).sum(axis=1) >= graders)
        return photos[np.sort(np.unique(self.entries[photos], axis=0, return_index=True)[1])]


def join_ratings(graders: Sequence[tuple[str, GradeTable]], retakes: bool = False) -> Ratings:
    """Bring graders together by file name, or by subject, side and visit; never by position.

    ``graders`` are pairs (name, grades), at least two. The rules are those of ``join_grades``, which joins
    each table to the photos of those before it; tables with file names come first. Where two tables with
    file names have none in common, but both tell subjects, these are what joins them. ``retakes``: photos in
    different folders may share a row, as for ``refuse_shared``; the files are not there to be compared.

    Raises GradesError for fewer than two graders, where a table has nothing in common with the others, and
    where rows contradict each other.
    """
    if len(graders) < 2:
        raise GradesError(
            "agreement needs two graders: give two files, or name two columns of one "
            "(--column grade=NAME --column grade=NAME)"
        )
    study = _RatedStudy([table for _, table in graders], retakes)
    for index in sorted(range(len(graders)), key=lambda i: graders[i][1].layout != "file"):
        study.add(index, graders[index][1])
    return study.ratings(graders)


class _RatedStudy:
    """Photos by name, as the tables give them one after the other."""

    def __init__(self, tables: Sequence[GradeTable], retakes: bool) -> None:
        self._count, self._retakes = len(tables), retakes
        files = [[row.file for row in table.rows if row.file] for table in tables]
        named = [[facts_from_name(name).subject for name in names if is_clinical(name)] for names in files]
        told = [subjects_of(table) for table in tables]
        self._subjects = Subjects([*named, *told])
        self._cells: dict[str, dict[int, tuple[int, float]]] = {}  # photo -> grader -> (entry, grade)
        self._facts: dict[str, PhotoFacts] = {}  # only where the subject is known
        self._notes = [_ANCHORED] if any(table.reviewed and not table.blind for table in tables) else []
        self._notes += [_CONFER] if sum(table.own_results for table in tables) > 1 else []
        self._notes += [note for table in tables for note in table.notes]
        self._notes += dict.fromkeys(remark for table in tables for remark in table.remarks)
        self._notes += [f"{table.source.name}: {table.doubts}" for table in tables if table.doubts]
        by_number = self._subjects.by_number(subject for group in (*named, *told) for subject in group)
        self._notes += [by_number_note(by_number)] if by_number else []

    def add(self, grader: int, table: GradeTable) -> None:
        """Join one more table to the photos known so far; its other rows are photos of their own."""
        own = _facts_of_files(table, self._subjects)
        table = self._fitting(table, own)
        entries = {id(row): entry for entry, row in enumerate(table.rows)}
        unmatched: Sequence[GradeRow] = table.rows
        if self._cells:
            joined = join_grades(list(self._cells), table, self._facts, self._subjects)
            refuse_shared(joined, lambda name: name, self._retakes)
            for name, row in joined.rows.items():
                self._cells[name][grader] = (entries[id(row)], row.grade)
                if name in self._facts or is_clinical(name) or row.subject:
                    self._facts[name] = joined.facts[name]
            unmatched = joined.unmatched_rows
        for row in unmatched:
            name = self._new_name(row, table)
            self._cells[name] = {grader: (entries[id(row)], row.grade)}
            if row.file and row.file in own:
                self._facts[name] = own[row.file]
            elif row.subject:
                self._facts[name] = PhotoFacts(self._subjects.spelling(row.subject), row.side, row.visit)

    def _fitting(self, table: GradeTable, own: Mapping[str, PhotoFacts]) -> GradeTable:
        """The table, its file names left out where no other table has any of them but subjects are known."""
        if not self._cells:
            return table
        files = [row.file for row in table.rows if row.file]
        stems = {_stem(name) for name in self._cells} | {_last(name) for name in self._cells}
        if not files or any(_stem(file) in stems or _last(file) in stems for file in files):
            return table
        if not self._facts or not all(file in own for file in files):
            return table
        self._notes.append(
            f"{table.source.name}: has no file name in common with the others: joined by subject, side and visit"
        )
        rows = [_by_facts(row, own[row.file]) if row.file else row for row in table.rows]
        return replace(table, rows=tuple(rows))

    def _new_name(self, row: GradeRow, table: GradeTable) -> str:
        name = row.file or ", ".join(fact for fact in (row.subject, row.side, row.visit) if fact)
        return name if name not in self._cells else f"{name} ({table.source.name} row {row.row})"

    def ratings(self, graders: Sequence[tuple[str, GradeTable]]) -> Ratings:
        names = tuple(self._cells)
        grades = np.full((len(names), self._count), np.nan)
        entries = np.full((len(names), self._count), -1, dtype=np.intp)
        for i, name in enumerate(names):
            for grader, (entry, grade) in self._cells[name].items():
                entries[i, grader], grades[i, grader] = entry, grade
        facts = [self._facts.get(name) or facts_from_name(name) for name in names]
        facts = [replace(one, visit=visit) for one, visit in zip(facts, visits_in_days(facts), strict=True)]
        unknown = sum(name not in self._facts and not is_clinical(name) for name in names)
        if unknown:
            self._notes.append(
                f"the subject of {unknown} photos is not known: each is taken for a subject of its own, "
                "which makes intervals too narrow if it is not"
            )
        return Ratings(
            tuple(name for name, _ in graders), tuple(table for _, table in graders),
            names, tuple(facts), grades, entries, tuple(self._notes),
        )  # fmt: skip


def _facts_of_files(table: GradeTable, subjects: Subjects) -> dict[str, PhotoFacts]:
    """What a table tells of the files it names, by its columns or by their names, where that is a subject.

    Joining the table to its own names checks that the two do not contradict each other.
    """
    rows = tuple(row for row in table.rows if row.file)
    if not rows:
        return {}
    joined = join_grades([row.file for row in rows if row.file], replace(table, rows=rows), None, subjects)
    return {
        name: facts for name, facts in joined.facts.items() if is_clinical(name) or joined.rows[name].subject
    }


def _by_facts(row: GradeRow, facts: PhotoFacts) -> GradeRow:
    return replace(row, file=None, subject=facts.subject, side=facts.side, visit=facts.visit)


def _stem(file: str) -> str:
    return photo_stem(file_key(file))


def _last(file: str) -> str:
    return file_key(file).rsplit("/", 1)[-1]
