"""What a join of photographs and grades gives, and what it knows of the photographs."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from toolkit.errors import GradesError
from toolkit.outputs import counted
from toolkit.records import PhotoFacts
from toolkit.study.graderows import GradeRow
from toolkit.study.gradetable import GradeTable
from toolkit.study.names import facts_from_name, is_clinical

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
    were joined without their letters, as pairs (1, P0001). ``unread``: what else a workbook seems to hold. ``notes``:
    what else to know of the workbooks, such as which sheet was read. ``by_grader``: the grades of each grader by its name.
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
    notes: tuple[str, ...] = ()
    by_grader: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def sexes(self) -> dict[str, str]:
        """The sex of the subjects of whom a row with a photo tells it."""
        return {self.facts[name].subject: row.sex for name, row in self.rows.items() if row.sex}

    def summary(self, what: str = "a grade") -> str:
        """One line: how many photos have a grade, or another thing, and what has no partner (at most three of each
        named)."""
        total = len(self.grades) + len(self.unmatched_photos)
        parts = [f"{len(self.grades)} of {counted(total, 'photo')} {'has' if total == 1 else 'have'} {what}"]
        if self.several:
            parts.append(f"{self.several} of these are means of several graders")
        if self.reviewed:
            parts.append(f"{self.reviewed} were given in a review, with the automatic grade in view")
        if self.unmatched_photos:
            parts.append(f"{what.replace('a ', 'no ', 1)} for {first_few(self.unmatched_photos)}")
        if self.unmatched_rows:
            parts.append(f"no photo for {first_few([str(row) for row in self.unmatched_rows])}")
        if self.by_number:
            parts.append(by_number_note(self.by_number))
        parts += self.notes
        parts += [f"warning: {line}" for line in (*self.unread, *self.unfit)]
        return "; ".join(parts)


def by_number_note(pairs: Sequence[tuple[str, str]]) -> str:
    """That letters of subjects were left out, in words."""
    letters = {tuple(re.sub(r"\d.*", "", subject) for subject in pair): pair for pair in reversed(pairs)}
    told = [f"{number} for {subject}" for number, subject in sorted(letters.values())]
    mixed = " (several kinds of letters: are they one study?)" if len(told) > 1 else ""
    return f"subjects joined by number alone, for example {', '.join(told)}{mixed}"


def subjects_of(table: GradeTable) -> list[str]:
    """The subjects that a table tells, as it spells them."""
    return [row.subject for row in table.rows if row.subject]


def folder_of_name(name: str) -> Hashable:
    """The folder that a photo's name tells."""
    return PurePosixPath(name).parent


class NothingFitsError(GradesError):
    """No row of a table has a photo."""


class Known:
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


def is_numbered(facts: PhotoFacts) -> bool:
    """Whether the visit is told by its number alone."""
    return (facts.visit or "").startswith("Visit ")


def first_few(items: Sequence[str]) -> str:
    """The first three, and how many more."""
    more = len(items) - 3
    return ", ".join(items[:3]) + (f" and {more} more" if more > 0 else "")
