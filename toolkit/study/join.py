"""Photographs and grades joined by name, never by position."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from toolkit.errors import GradesError
from toolkit.records import PhotoFacts
from toolkit.study.graderows import GradeRow
from toolkit.study.graders import read_experts
from toolkit.study.gradetable import GradeTable
from toolkit.study.joined import (
    Columns,
    JoinedGrades,
    Known,
    NothingFitsError,
    Places,
    SharedRow,
    folder_of_name,
    subjects_of,
)
from toolkit.study.matching import joined_by_number, matched_rows, merged_facts
from toolkit.study.names import is_clinical
from toolkit.study.refusals import (
    doubts,
    nothing_fits,
    refuse_contradictions,
    refuse_shared_rows,
    refuse_shifted_visits,
    shared_rows,
)
from toolkit.study.subjects import Subjects


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
    known = Known(facts or {})
    subjects = subjects or Subjects([known.subjects(unique), subjects_of(table)])
    matches = matched_rows(unique, table, subjects, known, places=places or {})
    refuse_shared_rows(table, matches, subjects, known)
    refuse_shifted_visits(unique, table, matches, known)
    refuse_contradictions(table, matches, subjects, known)
    if not matches:
        raise NothingFitsError(nothing_fits(unique, table, subjects, known))
    used = {id(row) for row in matches.values()}
    return JoinedGrades(
        grades={name: row.grade for name, row in matches.items()},
        facts={name: merged_facts(name, matches.get(name), subjects, known) for name in unique},
        unmatched_photos=tuple(name for name in unique if name not in matches),
        unmatched_rows=tuple(row for row in table.rows if id(row) not in used),
        rows=matches,
        reviewed=len(matches) if table.reviewed and not table.blind else 0,
        shared=shared_rows(table, matches),
        by_number=joined_by_number(matches, subjects, known),
        unread=(
            *table.remarks,
            *(f"{table.source.name}: {doubt}" for doubt in doubts(table, matches, known)),
        ),
        notes=() if table.reviewed else table.notes,
    )


def refuse_shared(
    joined: JoinedGrades,
    content_of: Callable[[str], str],
    retakes: bool = False,
    folder_of: Callable[[str], Hashable] = folder_of_name,
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


def join_files(
    names: Sequence[str],
    files: Path | Sequence[Path],
    columns: Columns = None,
    step: float | None = 0.5,
    *,
    places: Places | None = None,
    facts: Mapping[str, PhotoFacts] | None = None,
) -> JoinedGrades:
    """Give each photo its grade from one or more files, as ``read_experts`` reads and ``join_graders`` joins them;
    ``places``: the file of each photo, where it is at hand; ``facts`` as for ``join_grades``."""
    pairs = list(columns.items()) if isinstance(columns, Mapping) else list(columns or ())
    paths = [files] if isinstance(files, Path) else list(files)
    graders = read_experts(paths, pairs, step)
    joined = join_graders(names, [table for _, table in graders], places, facts)
    by_grader = {name: joined.by_grader[str(place)] for place, (name, _) in enumerate(graders)}
    return replace(joined, by_grader=by_grader)


def join_graders(
    names: Sequence[str],
    tables: Sequence[GradeTable],
    places: Places | None = None,
    facts: Mapping[str, PhotoFacts] | None = None,
) -> JoinedGrades:
    """Give each photo the mean of its grades in the ``tables``, one a grader, each joined as by ``join_grades``.

    What one table tells of a photo's subject holds for the next; tables with file names come first. One that fits
    no photo, where others do, is told of in ``unfit``. In ``by_grader`` tables go by their place, "0", "1", ... Raises GradesError as ``join_grades`` does, for each table.
    """
    several = _Several(names, tables, places, facts or {})
    for place, table in sorted(enumerate(tables), key=lambda one: one[1].layout != "file"):
        several.add(str(place), table)
    return several.joined()


class _Several:
    """Photos and the grades that one table after the other has for them."""

    def __init__(
        self,
        names: Sequence[str],
        tables: Sequence[GradeTable],
        places: Places | None,
        facts: Mapping[str, PhotoFacts],
    ) -> None:
        self._names, self._places = list(dict.fromkeys(names)), places
        self._subjects = Subjects([Known(facts).subjects(self._names), *map(subjects_of, tables)])
        self._shared: list[SharedRow] = []
        self._by_number: list[tuple[str, str]] = []
        self._unread: list[str] = []
        self._notes: list[str] = []
        self._known = dict(facts)  # only where the subject is known
        self._facts: dict[str, PhotoFacts] = {}
        self._by_grader: dict[str, dict[str, float]] = {}
        self._rows: dict[str, GradeRow] = {}
        self._unmatched: list[GradeRow] = []
        self._reviewed: set[str] = set()
        self._unfit: list[NothingFitsError] = []
        self._everyone: Mapping[str, PhotoFacts] = {}

    def add(self, grader: str, table: GradeTable) -> None:
        """Join one more table."""
        mine = self._by_grader.setdefault(grader, {})
        try:
            joined = join_grades(self._names, table, self._known, self._subjects, places=self._places)
        except NothingFitsError as error:
            self._unfit.append(error)
            self._unmatched += table.rows
            return
        self._everyone = joined.facts
        for name, row in joined.rows.items():
            mine[name] = row.grade
            self._rows.setdefault(name, row)
            if row.subject or name not in self._facts:
                self._facts[name] = joined.facts[name]
            if row.subject or is_clinical(name):
                self._known[name] = self._facts[name]
        self._unmatched += joined.unmatched_rows
        self._reviewed.update(joined.rows if table.reviewed and not table.blind else ())
        self._shared += joined.shared
        self._by_number += joined.by_number
        self._unread += joined.unread
        self._notes += joined.notes

    def joined(self) -> JoinedGrades:
        """All that was joined; raises GradesError where no table fits any photo."""
        given: dict[str, list[float]] = defaultdict(list)
        for grades in self._by_grader.values():
            for name, grade in grades.items():
                given[name].append(grade)
        if self._unfit and not given:
            raise self._unfit[0]
        return JoinedGrades(
            {name: fmean(given[name]) for name in self._names if name in given},
            {name: self._facts.get(name, self._everyone[name]) for name in self._names},
            tuple(name for name in self._names if name not in given),
            tuple(self._unmatched),
            self._rows,
            sum(len(grades) > 1 for grades in given.values()),
            len(self._reviewed),
            tuple(map(str, self._unfit)),
            tuple(self._shared),
            tuple(dict.fromkeys(self._by_number)),
            tuple(dict.fromkeys(self._unread)),
            tuple(dict.fromkeys(self._notes)),
            self._by_grader,
        )
