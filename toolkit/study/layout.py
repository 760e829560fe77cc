"""Which sheet of a workbook holds grades, and what its columns mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.errors import GradesError
from toolkit.study.names import folded, known_visit, plain_text

ROLES = ("file", "subject", "side", "visit", "visitnum", "grade", "sex", "sheet")
_FACTS = ("subject", "side", "visit", "visitnum", "date")  # that a table may tell of photos by their files
# Headers by role, as plain_heading leaves them; of several, the one listed first is meant.
_ALIASES: dict[str, tuple[str, ...]] = {
    role: tuple(headers.split())
    for role, headers in {
        "file": "file filename photo photofile photoname photograph image imagefile imagename picture path",
        "subject": "subjid subject subjectid subjectno subjectnumber subjectnum subj subjno usubjid "
        "participant participantid participantno patient patientid patientno",
        "side": "side sideofface sideoftheface faceside laterality",
        "visit": "visit visitname timepoint week weekno weeknumber day month",
        "visitnum": "visitnum visitno visitnumber",
        "date": "date visitdate dateofvisit visdat visitdt assessmentdate dateofassessment examdate dateofexam "
        "photodate dateofphoto dateofphotograph imagedate datetaken",
        "grade": "grade score mhp mottled mottledhyperpigmentation mottledhyperpigmentationgrade "
        "mottledhyperpigmentationscore hyperpigmentation hyperpigmentationgrade",
        "sex": "sex gender geschlecht sexe sexo",
    }.items()
}
SUBJECT_HEADINGS = _ALIASES["subject"]
_WHOLE = re.compile(r"[+-]?\d{1,15}\.0+")  # 101.0, as pandas and R write a whole number among empty cells
HEADER_SEARCH_ROWS = 30
_VISIT_WORDS = re.compile(r"visit|week|time.?point|month|\bday", re.IGNORECASE)
# A table that `toolkit grade` wrote has all of these, as plain_heading leaves them.
_OWN_COLUMNS = {"photo", "grade", "gradehalfstep", "lower", "upper", "severity"}


RawSheet = tuple[str, list[Sequence[Any]]]  # name, rows of cell values


@dataclass(frozen=True)
class Sheet:
    """A sheet's header and the rows under it, each with its number."""

    name: str
    header: tuple[str, ...]
    columns: Mapping[str, int]  # role -> column
    visits: Mapping[int, str]  # column -> visit, in the wide layout
    rows: Sequence[tuple[int, Sequence[Any]]]
    chosen_from: tuple[str, ...] = ()  # the names of all sheets, where there are others with anything on them

    @property
    def own_results(self) -> bool:
        """Whether ``toolkit grade`` wrote this table and its unrounded grades are the ones meant."""
        plain = [plain_heading(text) for text in self.header]
        return set(plain) >= _OWN_COLUMNS and self.columns.get("grade") == plain.index("grade")

    @property
    def unread(self) -> dict[int, str]:
        """The headings of the columns that mean nothing here, by column."""
        read = {*self.columns.values(), *self.visits}
        return {i: text for i, text in enumerate(self.header) if text and i not in read}

    def told(self) -> str:
        """The headings that were read, by role, on one line."""
        roles = [f"{role}={self.header[i]}" for role, i in self.columns.items()]
        visits = ", ".join(self.header[i] for i in self.visits)
        return ", ".join([*roles, *([f"grades of visits={visits}"] if visits else [])])


def choose_sheet(
    path: Path, sheets: Sequence[RawSheet], named: Mapping[str, str], *, graded: bool = True
) -> Sheet:
    """The one sheet that reads as a table of grades, with its columns; without ``graded``, of facts of photos by their
    files. Raises GradesError if it is not plain."""
    filled = tuple(name for name, rows in sheets if any(as_text(cell) for row in rows for cell in row))
    if "sheet" in named:
        sheets = [(name, rows) for name, rows in sheets if name == named["sheet"]]
        if not sheets:
            raise GradesError(f"{path.name}: has no sheet {named['sheet']!r}: check its name")
    found = [_find_header(path, name, rows, named, graded=graded) for name, rows in sheets]
    fitting = [sheet for sheet in found if sheet is not None]
    if len(fitting) > 1:  # our own workbook has its patches beside its grades
        fitting = [sheet for sheet in fitting if folded(sheet.name) == "grades"] or fitting
    if len(fitting) > 1:
        names = ", ".join(repr(sheet.name) for sheet in fitting)
        what = "grades" if graded else "facts of photos"
        raise GradesError(f"{path.name}: sheets {names} all look like {what}: name one, --sheet NAME")
    if fitting:
        (sheet,) = fitting
        silent = "sheet" in named or sheet.own_results or len(filled) < 2
        return sheet if silent else replace(sheet, chosen_from=filled)
    _refuse_absent(path, sheets, named)
    seen = next((row for _, rows in sheets for row in rows if any(as_text(cell) for cell in row)), [])
    first = ", ".join(as_text(cell) for cell in seen[:8] if as_text(cell)) or "nothing"
    what, example = (
        ("a grade table", "subject=NAME --column grade=NAME")
        if graded
        else ("a table of file names with subject, side or visit", "file=NAME --column subject=NAME")
    )
    raise GradesError(
        f"{path.name}: no row reads as the header of {what} (first row: {first}): "
        f"name its columns, for example --column {example}"
    )


def _refuse_absent(path: Path, sheets: Sequence[RawSheet], named: Mapping[str, str]) -> None:
    """Raise GradesError where a named column is not among the headings, and say what these are."""
    title, header = likely_header(sheets, named)
    for role, want in named.items():
        if role == "sheet" or columns_named(header, want):
            continue
        others = [name for name, rows in sheets if name != title and has_name([(name, rows)], role, want)]
        there = f" on sheet {title!r} (sheet {others[0]!r} has one)" if others else ""
        raise GradesError(f"{path.name}: no column {want!r} for {role}{there}; {headings_told(header)}")


def likely_header(sheets: Sequence[RawSheet], named: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """The sheet and the row that read most like a header, however little of it is understood."""
    best: tuple[tuple[int, int], str, tuple[str, ...]] = ((0, 0), "", ())
    for title, rows in sheets:
        for row in rows[:HEADER_SEARCH_ROWS]:
            header = tuple(as_text(cell) for cell in row)
            here = {
                role: want for role, want in named.items() if role != "sheet" and columns_named(header, want)
            }
            known = {alias for aliases in _ALIASES.values() for alias in aliases}
            understood = len(here) + sum(plain_heading(text) in known for text in header)
            score = (understood, min(sum(map(bool, header)), 2))
            best = max(best, (score, title, header), key=lambda found: found[0])
    return best[1], best[2]


def headings_told(header: Sequence[str]) -> str:
    """What the headings are, on one line."""
    return f"its headings are: {', '.join(text for text in header if text) or 'none'}"


def columns_named(header: Sequence[str], want: str) -> list[int]:
    """The columns of this name, the very same ones first."""
    plain = plain_heading(want)
    exact = [i for i, text in enumerate(header) if text and text == want.strip()]
    return exact + [i for i, text in enumerate(header) if plain and plain_heading(text) == plain]


def has_name(sheets: Sequence[RawSheet], role: str, name: str) -> bool:
    """Whether a workbook has a sheet (role "sheet") or else a header cell of this name."""
    if role == "sheet":
        return any(name == title for title, _ in sheets)
    return any(
        (name.strip() != "" and as_text(cell) == name.strip())
        or (plain_heading(name) != "" and plain_heading(as_text(cell)) == plain_heading(name))
        for _, rows in sheets
        for row in rows[:HEADER_SEARCH_ROWS]
        for cell in row
    )


def _find_header(
    path: Path, name: str, rows: list[Sequence[Any]], named: Mapping[str, str], *, graded: bool
) -> Sheet | None:
    numbered = list(enumerate(rows, start=1))
    for index, row in enumerate(rows[:HEADER_SEARCH_ROWS]):
        header = tuple(as_text(cell) for cell in row)
        if graded and (two := _two_rows(path, header, rows[index + 1 : index + 2], named)):
            return Sheet(name, *two, numbered[index + 2 :])
        columns = _columns(path, header, named)
        if not graded:
            if "file" in columns and any(role in columns for role in _FACTS):
                return Sheet(name, header, columns, {}, numbered[index + 1 :])
            continue
        if "subject" not in columns and "file" not in columns:
            continue
        visits = {} if "grade" in columns else _visit_columns(path, header, set(columns.values()))
        if visits:  # the headings tell the visits
            _refuse_a_visit_named(path, header, visits, named)
            columns = {role: i for role, i in columns.items() if role not in ("visit", "visitnum")}
        if "grade" in columns or ("subject" in columns and visits):
            return Sheet(name, header, columns, visits, numbered[index + 1 :])
    return None


def _two_rows(
    path: Path, upper: Sequence[str], below: Sequence[Sequence[Any]], named: Mapping[str, str]
) -> tuple[tuple[str, ...], dict[str, int], dict[int, str]] | None:
    """A header of two rows: a heading of grades, often of merged cells, over a column for each visit. Its headings,
    columns by role and visits by column; None where these are no such rows."""
    lower = [as_text(cell) for cell in (below[0] if below else ())]
    size = max(len(upper), len(lower))
    upper, lower = [*upper, *[""] * (size - len(upper))], [*lower, *[""] * (size - len(lower))]
    groups: list[str] = []
    for text in upper:  # a merged cell holds its text in its first column only
        groups.append(text or (groups[-1] if groups else ""))
    grades = [i for i, group in enumerate(groups) if lower[i] and _heads_grades(group, named)]
    known = {i: known_visit(lower[i]) for i in grades if not lower[i].isdecimal()}
    header = tuple(below or above for above, below in zip(upper, lower, strict=True))
    roles = {role: name for role, name in named.items() if role != "grade"}
    columns = _columns(path, ["" if i in grades else text for i, text in enumerate(header)], roles)
    if not grades or not all(known.get(i) for i in grades) or "subject" not in columns:
        return None
    visits = _visit_columns(path, header, set(range(size)) - set(grades))
    _refuse_a_visit_named(path, header, visits, named)
    told = ("subject", "side", "file")
    return header, {role: i for role, i in columns.items() if role in told}, visits


def _heads_grades(group: str, named: Mapping[str, str]) -> bool:
    if "grade" in named:
        return plain_heading(group) != "" and plain_heading(group) == plain_heading(named["grade"])
    plain = plain_heading(group)
    return plain in _ALIASES["grade"] or plain in ("grades", "scores") or "hyperpigmentation" in plain


def _refuse_a_visit_named(
    path: Path, header: Sequence[str], visits: Mapping[int, str], named: Mapping[str, str]
) -> None:
    role = next((role for role in ("visit", "visitnum") if role in named), None)
    if role:
        told = ", ".join(header[i] for i in visits)
        raise GradesError(
            f"{path.name}: has a column of grades for each visit ({told}), so {named[role]!r} cannot be its column "
            f"for {role}: head a column of grades with its visit, such as Week 4"
        )


def _columns(path: Path, header: Sequence[str], named: Mapping[str, str]) -> dict[str, int]:
    """The column of each role; none at all where this row lacks a named column."""
    plain = [plain_heading(text) for text in header]
    columns: dict[str, int] = {}
    for role, want in named.items():
        if role == "sheet":
            continue
        found = columns_named(header, want)
        if not found:
            return {}
        columns[role] = found[0]
    taken = set(columns.values())  # a column that is named for one role has no other
    for role, aliases in _ALIASES.items():
        found = [i for alias in aliases for i, text in enumerate(plain) if text == alias and i not in taken]
        if role not in columns and found:
            columns[role] = found[0]
    if "grade" not in named and ("subject" in columns or "file" in columns):
        columns |= _grade_column(path, header, taken)
    return columns


def _grade_column(path: Path, header: Sequence[str], taken: set[int]) -> dict[str, int]:
    """The one column that reads as the grade, if any; two are refused, since either may be meant."""
    plain = ["" if i in taken else plain_heading(text) for i, text in enumerate(header)]
    found = [i for i, text in enumerate(plain) if text in _ALIASES["grade"]]
    found = found or [i for i, text in enumerate(plain) if "hyperpigmentation" in text]
    if len(found) > 1:
        both = " and ".join(repr(header[i]) for i in found[:2])
        raise GradesError(
            f"{path.name}: columns {both} both look like the grade: name one, --column grade=NAME"
        )
    return {"grade": found[0]} if found else {}


def _visit_columns(path: Path, header: Sequence[str], taken: set[int]) -> dict[int, str]:
    visits: dict[int, str] = {}
    for i, text in enumerate(header):
        visit = None if i in taken or text.isdecimal() else known_visit(text)
        if visit and visit in visits.values():
            raise GradesError(f"{path.name}: two columns are {visit}: keep one column a visit")
        if visit:
            visits[i] = visit
    return visits


def is_of_visits(heading: str) -> bool:
    """Whether a heading has the words of one that tells visits."""
    return _VISIT_WORDS.search(heading) is not None


def as_text(value: Any) -> str:
    """A cell as it reads: "" for an empty one, whole numbers without a point, in text too; no invisible characters."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = plain_text(str(value)).strip()
    return text.partition(".")[0] if _WHOLE.fullmatch(text) else text


def plain_heading(text: str) -> str:
    """A heading as headings are compared: letters and digits, without case."""
    return re.sub(r"[^a-z0-9]", "", text.casefold())
