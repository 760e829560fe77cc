"""Which photograph is whose: photographs joined with a table of facts and an expert's workbook, before any is graded."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import ToolkitError
from toolkit.photos import contents, find_photo_files, with_facts
from toolkit.records import PhotoFacts, PhotoFile
from toolkit.study import Columns, JoinedGrades, join_files, join_grades, refuse_shared
from toolkit.study.facts import read_facts
from toolkit.study.layout import has_name
from toolkit.study.names import SIDES, facts_from_name, is_clinical
from toolkit.study.sheets import raw_sheets

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class StudyJoin:
    """Photographs with what is known of them. ``facts`` and ``experts``: how they were joined with either table, None
    where it was not given."""

    files: tuple[PhotoFile, ...]
    facts: JoinedGrades | None = None
    experts: JoinedGrades | None = None

    def rows(self) -> list[dict[str, Any]]:
        """One a photo: who is on it, what tells that, and the expert's grade; None for what is not known."""
        return [self._row(file) for file in self.files]

    def _row(self, file: PhotoFile) -> dict[str, Any]:
        told = ["its name"] if is_clinical(file.name) else []
        for table, joined in self._tables().items():
            if file.name in joined.rows:
                told.append(f"{table} row {joined.rows[file.name].row}")
        row = {
            "photo": file.name,
            "subject": file.facts.subject,
            "side": file.facts.side,
            "visit": file.facts.visit,
            "told by": ", ".join(told) or "nothing: a subject of its own",
        }
        return row | ({"expert grade": self.experts.grades.get(file.name)} if self.experts else {})

    def _tables(self) -> dict[str, JoinedGrades]:
        named = {"facts": self.facts, "expert": self.experts}
        return {name: joined for name, joined in named.items() if joined is not None}

    def record(self) -> dict[str, Any]:
        """For ``toolkit.asjson``: the rows, and by table what has no partner on either side."""
        tables = self._tables().items()
        return {
            "photos": self.rows(),
            "photos_without_row": {table: joined.unmatched_photos for table, joined in tables},
            "rows_without_photo": {table: list(map(str, joined.unmatched_rows)) for table, joined in tables},
        }

    def text(self) -> str:
        """The rows as a table to read, and below it what is left over on either side."""
        rows = self.rows()
        cells = [[*rows[0]], *([_shown(value) for value in row.values()] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
        for table, joined in self._tables().items():
            lines += ["", f"{table}: {len(joined.rows)} of {len(rows)} photos have a row"]
            lines += [f"  photo without a row: {name}" for name in joined.unmatched_photos]
            lines += [f"  row without a photo: {row}" for row in joined.unmatched_rows]
            lines += [f"  {note}" for note in (*joined.notes, *joined.unread)]
        return "\n".join(lines)


def _shown(value: object) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def join_study(
    images: Sequence[Path],
    facts: Path | None = None,
    experts: Path | None = None,
    columns: Columns = None,
    *,
    retakes: bool = False,
) -> StudyJoin:
    """What grading with these tables would know of the photographs; none is decoded, and nothing is written.

    ``facts`` as for ``read_facts``; ``experts``, ``columns`` and ``retakes`` as for ``grade_photos``. Raises GradesError
    or PhotoError as grading would.
    """
    files = find_photo_files(images)
    of_facts, of_experts = split_columns(columns, facts, experts)
    told = join_facts(files, facts, of_facts)
    files = with_facts(files, told.facts if told else {})
    joined = join_experts(files, [""] * len(files), experts, of_experts, retakes=retakes) if experts else None
    return StudyJoin(tuple(with_facts(files, joined.facts if joined else {})), told, joined)


def split_columns(columns: Columns, facts: Path | None, experts: Path | None) -> tuple[Pairs, Pairs]:
    """The named columns that are meant for the table of facts, and for the expert's workbook: those that it has; a word
    for a side is meant for both, and what neither has for the workbook, which is then refused."""
    pairs = list(columns.items()) if isinstance(columns, Mapping) else list(columns or ())
    if pairs and facts is None and experts is None:
        raise ToolkitError("--column names a column of a table: add --facts or --expert-grades")
    if facts is None or experts is None:
        return ([], pairs) if facts is None else (pairs, [])
    sheets, others = raw_sheets(facts), raw_sheets(experts)
    of_facts = [pair for pair in pairs if pair[0] in SIDES or has_name(sheets, *pair)]
    rest = [pair for pair in pairs if pair[0] in SIDES or pair not in of_facts or has_name(others, *pair)]
    return of_facts, rest


def join_facts(files: Sequence[PhotoFile], facts: Path | None, columns: Pairs) -> JoinedGrades | None:
    """Photographs by file name with the rows of a table of facts, if there is one."""
    if facts is None:
        return None
    places = {file.name: file.path for file in files}
    return join_grades(list(places), read_facts(facts, columns), places=places)


def facts_told(facts: Path | None, joined: JoinedGrades | None) -> list[str]:
    """A line on how many photos the table of facts tells of, if there is one."""
    return [f"{facts.name}: {joined.summary('a row')}"] if facts and joined else []


def join_experts(
    files: Sequence[PhotoFile],
    hashes: Sequence[str],
    workbook: Path,
    columns: Columns,
    *,
    retakes: bool,
) -> JoinedGrades:
    """Photographs with the grades of an expert's workbook; ``hashes`` of the files, "" where one is not known yet."""
    places = {file.name: file.path for file in files}
    known = {file.name: sha256 for file, sha256 in zip(files, hashes, strict=True)}
    folders = {name: os.path.realpath(path.parent) for name, path in places.items()}
    joined = join_files(list(places), workbook, columns, None, places=places, facts=_told(files))
    file_hash = contents(files)
    refuse_shared(joined, lambda name: known[name] or file_hash(name), retakes, folders.__getitem__)
    return joined


def _told(files: Sequence[PhotoFile]) -> dict[str, PhotoFacts]:
    """The facts of photos of which more is known than their names tell, where that is a subject too."""
    own = {file.name: facts_from_name(file.name) for file in files}
    return {
        file.name: file.facts
        for file in files
        if file.facts != own[file.name]
        and (is_clinical(file.name) or file.facts.subject != own[file.name].subject)
    }
