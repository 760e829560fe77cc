"""Several graders' files, told apart and named: a file, a column, a sheet or a reader each."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit.errors import GradesError
from toolkit.study.graderows import Rules
from toolkit.study.gradetable import GradeTable, read_sheets, refuse_roles
from toolkit.study.layout import (
    RawSheet,
    Sheet,
    has_name,
    headings_told,
    likely_header,
    plain_heading,
)
from toolkit.study.names import roles_and_sides
from toolkit.study.reviews import Reviewed, find_review, is_words, read_review, review_graders
from toolkit.study.scale import CLINICAL_SCALE, Scale
from toolkit.study.sheets import raw_sheets

Grader = tuple[str, GradeTable]
_Found = tuple[Path, list[str], GradeTable]  # file, what tells the grader apart within it, grades


def read_graders(
    paths: Sequence[Path],
    columns: Sequence[tuple[str, str]] = (),
    scale: Scale = CLINICAL_SCALE,
) -> list[Grader]:
    """Read what two or more graders gave, as ``read_grades`` does; a file may hold several of them.

    ``columns`` are pairs (role, name) that may repeat a role; (left, vasen) makes "vasen" a word for that side. A name is meant for every file that has such
    a column (or sheet), and has to be in one of them at least. Each grade column so named in a file is a
    grader of its own, and so is each sheet; a file without any is read as ``read_grades`` reads it.
    In reviews of the report page each reader is a grader, through all files, and the toolkit one more.
    Grades have to be on the ``scale``; the grades of a file that ``toolkit grade`` wrote need not be on
    its steps. Gives (name, grades) a grader: the column, sheet, file or reader, whatever tells them apart.

    Raises GradesError as ``read_grades`` does, and where a name is in none of the files.
    """
    rules = Rules(
        scale,
        True,
        f"correct the workbook, or name the column of the grades (--column grade=NAME), or another scale than {scale} (--scale)",
    )
    return _read(paths, columns, rules, with_toolkit=True)


def read_experts(
    paths: Sequence[Path], columns: Sequence[tuple[str, str]] = (), step: float | None = 0.5
) -> list[Grader]:
    """As ``read_graders``, but people only: of a review the readers, and no unrounded results of ``toolkit grade``."""
    return _read(paths, columns, Rules(Scale(step=step)), with_toolkit=False)


def _read(
    paths: Sequence[Path], columns: Sequence[tuple[str, str]], rules: Rules, with_toolkit: bool
) -> list[Grader]:
    columns, sides = roles_and_sides(columns)
    rules = replace(rules, sides=sides)
    refuse_roles(Path(paths[0]) if paths else Path(), [role for role, _ in columns])
    files = [_File(path, sheets := raw_sheets(path), find_review(sheets)) for path in map(Path, paths)]
    meant = [[pair for pair in dict.fromkeys(columns) if _is_meant_for(pair, file)] for file in files]
    _refuse_unused(files, [pair for pair in columns if not any(pair in here for here in meant)])
    found: list[_Found | None] = []
    reviewed: list[Reviewed] = []
    for file, here in zip(files, meant, strict=True):
        if file.review is None or any(map(_is_plain_choice, here)):
            found += _graders_of(file.path, file.sheets, here, rules)
            continue
        if not reviewed:
            found.append(None)  # all reviews stand where the first of them does
        reviewed += read_review(file.path, file.review, rules.scale)
    readers: list[_Found] = [
        (table.source, [name], table) for name, table in review_graders(reviewed, with_toolkit)
    ]
    graders = [grader for entry in found for grader in (readers if entry is None else [entry])]
    return list(zip(_names(graders), (table for _, _, table in graders), strict=True))


@dataclass(frozen=True)
class _File:
    """A file of grades; ``review``: its sheet that is one, if any."""

    path: Path
    sheets: Sequence[RawSheet]
    review: Sheet | None


def _refuse_unused(files: Sequence[_File], unused: Sequence[tuple[str, str]]) -> None:
    """Refuse a name that is in none of the files, before any of them is read without it."""
    if not unused:
        return
    role, name = unused[0]
    names = ", ".join(str(file.path) for file in files)
    if role == "sheet":
        titles = ", ".join(repr(title) for file in files for title, _ in file.sheets)
        raise GradesError(
            f"{names}: no sheet {name!r}: check the spelling of --sheet {name} (sheets: {titles})"
        )
    told = [headings_told(likely_header(file.sheets, {})[1]) for file in files]
    if len(files) > 1:
        told = [f"of {file.path.name} {text}" for file, text in zip(files, told, strict=True)]
    raise GradesError(
        f"{names}: no column {name!r} for {role}: check the spelling of --column {role}={name}; {'; '.join(told)}"
    )


def _is_meant_for(named: tuple[str, str], file: _File) -> bool:
    """Whether a file has this column or sheet; of a review the header counts alone, for readers are in its cells."""
    role, name = named
    if file.review is None or role == "sheet":
        return has_name(file.sheets, role, name)
    if role == "grade" and is_words(name):
        return False
    return has_name([(file.review.name, [file.review.header])], role, name)


def _is_plain_choice(named: tuple[str, str]) -> bool:
    """Whether a named column or sheet says to read a review as any other table of grades."""
    role, name = named
    return role == "sheet" or (role == "grade" and plain_heading(name) != "grade")


def _graders_of(
    path: Path, sheets: Sequence[RawSheet], here: Sequence[tuple[str, str]], rules: Rules
) -> list[_Found]:
    """The graders of a file, by the columns and sheets named of it."""
    choices: dict[str, list[str]] = {}
    for role, name in here:
        choices.setdefault(role, []).append(name)
    graders: list[_Found] = []
    for named in _combinations(path, choices):
        parts = [named[role] for role in ("sheet", "grade") if len(choices.get(role, ())) > 1]
        graders.append((path, parts, read_sheets(path, sheets, named, rules)))
    return graders


def _combinations(path: Path, choices: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """One set of names a grader: every sheet with every grade column."""
    for role, names in choices.items():
        if len(names) > 1 and role not in ("grade", "sheet"):
            raise GradesError(f"{path.name}: has columns {names[0]!r} and {names[1]!r} for {role}: name one")
    return [
        dict(zip(choices, names, strict=True)) for names in itertools.product(*choices.values())
    ]  # of nothing: one empty set


def _names(found: Sequence[_Found]) -> list[str]:
    """A short name a grader, none twice: of what tells it apart, with file and folder as far as needed."""
    levels = [
        [" ".join(parts) or path.stem for path, parts, _ in found],
        [": ".join([path.stem, *parts]) for path, parts, _ in found],
        [": ".join([path.name, *parts]) for path, parts, _ in found],
        [": ".join([str(path), *parts]) for path, parts, _ in found],
    ]
    chosen = [
        next((names[i] for names in levels if names.count(names[i]) == 1), levels[-1][i])
        for i in range(len(found))
    ]
    if len(set(chosen)) == len(chosen):
        return chosen
    twice = next(name for name in chosen if chosen.count(name) > 1)
    raise GradesError(f"{twice}: is given twice: name every grader's file or column once")
