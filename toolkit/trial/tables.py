"""A file of grades and a file of arms, joined into the rows of a trial."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from toolkit.errors import GradesError
from toolkit.outputs import counted, some_of
from toolkit.records import PhotoFacts
from toolkit.study import CLINICAL_SCALE, GradeTable, Scale, facts_from_name, join_grades, read_graders
from toolkit.study.dates import visits_in_days
from toolkit.study.joined import by_number_note
from toolkit.study.modes import modes_remark
from toolkit.study.names import folded, is_clinical
from toolkit.study.subjects import Subjects
from toolkit.trial.arms import arms_by_subject, ordered_arms, read_arms
from toolkit.trial.records import ALL, Gap, SideGrade, TrialTable
from toolkit.trial.visitorder import chosen_baseline, in_order

Pairs = Sequence[tuple[str, str]]
_Key = tuple[str, str, str]  # subject, side, visit


@dataclass(frozen=True)
class Reading:
    """How the files are to be read: ``columns`` of the grades by role, their ``scale``, the file of ``arms`` and its
    columns, and the names of the reference arm and of the baseline visit where they are not the default."""

    columns: Pairs = ()
    scale: Scale = CLINICAL_SCALE
    arms: Path | None = None
    arm_columns: Pairs = ()
    reference: str | None = None
    baseline: str | None = None


AS_FOUND = Reading()  # columns by their headings, no arms


def read_trial(results: Path, reading: Reading = AS_FOUND) -> TrialTable:
    """The grades of one grader, each with subject, arm, side and visit. Photographs of one side and visit are averaged.

    Rows that cannot be used (no grade, subject, visit or arm) are left out and listed in ``gaps``. Raises GradesError,
    one line that names the file and the fix.
    """
    if reading.arms is None and reading.arm_columns:
        raise GradesError("--arm-column names a column of --arms: give that table")
    if reading.arms is None and reading.reference is not None:
        raise GradesError("--reference names an arm: give the table of arms with --arms")
    name, table = _one_grader(results, reading)
    column = dict(reading.columns).get("grade", name if table.reviewed else "")
    grader = ", ".join(filter(None, [column, results.name]))
    notes = _reading_notes(table, grader)
    rows = read_arms(reading.arms, reading.arm_columns) if reading.arms else []
    told = [*_subjects_told(table), *(row.subject for row in rows)]
    subjects = Subjects([_subjects_told(table), [row.subject for row in rows]])
    given, gaps = _given(table, subjects)
    arms = dict.fromkeys((subject for subject, _, _ in given), ALL)
    if reading.arms:
        arms, without = _joined(list(arms), arms_by_subject(reading.arms, rows, subjects), reading.arms)
        gaps += without
        numbers = subjects.by_number(told)
        notes += [by_number_note(numbers)] if numbers else []
    given = {key: grades for key, grades in given.items() if key[0] in arms}
    visits, remark = in_order([visit for _, _, visit in given])
    baseline = chosen_baseline(visits, reading.baseline)
    grades = _averaged(given, arms, visits)
    return TrialTable(
        results, grader, ordered_arms(arms.values(), reading.reference) if reading.arms else (ALL,), visits, baseline,
        grades, tuple(gaps + _missing_visits(grades, visits, baseline)),
        (*notes, *([remark] if remark else []), *_row_notes(grades)), table.own_results,
        tuple(tuple(here) for here in given.values() if len(here) > 1),
    )  # fmt: skip


def _averaged(
    given: Mapping[_Key, Sequence[float]], arms: Mapping[str, str], visits: Sequence[str]
) -> tuple[SideGrade, ...]:
    """A grade a subject, side and visit, by subject, side and time."""
    order = {visit: place for place, visit in enumerate(visits)}
    keys = sorted(given, key=lambda key: (folded(key[0]), key[0], key[1], order[key[2]]))
    return tuple(
        SideGrade(subject, arms[subject], side, visit, fmean(here), len(here))
        for subject, side, visit in keys
        if (here := given[subject, side, visit])
    )


def _one_grader(results: Path, reading: Reading) -> tuple[str, GradeTable]:
    graders = read_graders([results], reading.columns, reading.scale)
    readers = [
        one for one in graders if one[1].reviewed
    ]  # a review has the toolkit's grades beside its reader's
    chosen = readers or graders
    if len(chosen) > 1:
        names = ", ".join(name for name, _ in chosen)
        raise GradesError(
            f"{results.name}: holds several graders ({names}), and a trial is of one: name one column, "
            "--column grade=NAME, or keep the rows of one reader"
        )
    return chosen[0]


def _subjects_told(table: GradeTable) -> list[str]:
    """Every subject that a row or the name of its file tells."""
    told = [row.subject for row in table.rows if row.subject]
    return told + [
        facts_from_name(row.file).subject for row in table.rows if row.file and is_clinical(row.file)
    ]


def _given(table: GradeTable, subjects: Subjects) -> tuple[dict[_Key, list[float]], list[Gap]]:
    """The grades by subject, side and visit, and the rows that tell too little."""
    name = table.source.name
    of_files = _facts_of_files(table, subjects)
    told: list[tuple[PhotoFacts, float]] = []
    gaps = [Gap("row without a grade", f"{name} row {row} has no grade") for row in table.blank_rows]
    for row in table.rows:
        facts: PhotoFacts | None
        if row.file:
            facts = of_files.get(row.file)
        else:
            facts = PhotoFacts(subjects.spelling(row.subject or ""), row.side, row.visit)
        if facts is None:
            gaps.append(
                Gap(
                    "row without a subject",
                    f"{name} row {row.row}: neither a column nor the name {row.file} tells the subject",
                )
            )
        elif facts.visit is None:
            gaps.append(
                Gap(
                    "row without a visit",
                    f"{name} row {row.row} tells no visit",
                    facts.subject,
                    side=facts.side,
                )
            )
        else:
            told.append((facts, row.grade))
    visits = visits_in_days([facts for facts, _ in told])
    given: dict[_Key, list[float]] = defaultdict(list)
    for (facts, grade), visit in zip(told, visits, strict=True):
        given[facts.subject, facts.side or "", visit or ""].append(grade)
    if not given:
        what = "subject" if any(gap.kind == "row without a subject" for gap in gaps) else "visit"
        raise GradesError(
            f"{name}: no row with a grade tells its {what}: name the column, --column {what}=NAME"
            f" ({table.columns_told()})"
        )
    return dict(given), gaps


def _facts_of_files(table: GradeTable, subjects: Subjects) -> Mapping[str, PhotoFacts]:
    """Subject, side and visit of the files that a table names, by its columns and by their names, which are checked
    against each other; without those whose subject neither tells."""
    rows = tuple(row for row in table.rows if row.file)
    if not rows:
        return {}
    joined = join_grades([row.file for row in rows if row.file], replace(table, rows=rows), None, subjects)
    return {
        name: facts for name, facts in joined.facts.items() if is_clinical(name) or joined.rows[name].subject
    }


def _joined(everyone: Iterable[str], told: Mapping[str, str], path: Path) -> tuple[dict[str, str], list[Gap]]:
    """The arm of every subject that has one and grades, and who has only one of the two."""
    graded = list(dict.fromkeys(everyone))
    arms = {subject: told[subject] for subject in graded if told.get(subject)}
    if not arms:
        raise GradesError(
            f"{path.name}: none of its subjects ({some_of(list(told))}) has a grade (subjects of the grades: "
            f"{some_of(graded)}): do both files spell subjects alike?"
        )
    gaps = [
        Gap(
            "subject without an arm",
            f"is not in {path.name}" if subject not in told else f"has no arm in {path.name}",
            subject,
        )
        for subject in graded
        if subject not in arms
    ]
    gaps += [
        Gap("subject without grades", f"is in {path.name} and has no grade", subject, arm or None)
        for subject, arm in told.items()
        if subject not in set(graded)
    ]
    empty = dict.fromkeys(arm for arm in told.values() if arm and arm not in set(arms.values()))
    gaps += [Gap("arm without grades", "none of its subjects has a grade", arm=arm) for arm in empty]
    return arms, gaps


def _missing_visits(grades: Sequence[SideGrade], visits: Sequence[str], baseline: str) -> list[Gap]:
    """The visits at which a side that was ever graded has no grade."""
    seen: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for one in grades:
        seen[one.subject, one.arm, one.side].add(one.visit)
    return [
        Gap(
            "missing visit",
            "no grade at baseline: no later visit of this side has a change" if visit == baseline else "no grade",
            subject, arm, side or None, visit,
        )
        for (subject, arm, side), here in seen.items()
        for visit in visits
        if visit not in here
    ]  # fmt: skip


def _reading_notes(table: GradeTable, grader: str) -> list[str]:
    notes = list(dict.fromkeys((*table.remarks, *(() if table.reviewed else table.notes))))
    notes += [f"{table.source.name}: {table.doubts}"] if table.doubts else []
    notes += modes_remark([row.file for row in table.rows if row.file])
    if table.reviewed and not table.blind:
        notes.append(
            f"the grades are those of {grader}, who saw the automatic grade first and is drawn towards it (anchoring)"
        )
    return notes


def _row_notes(grades: Sequence[SideGrade]) -> list[str]:
    notes = []
    several = sum(one.photos > 1 for one in grades)
    if several:
        notes.append(f"{counted(several, 'side')} of a visit had several photographs: averaged")
    sides = Counter(subject for subject, _ in {(one.subject, one.side) for one in grades})
    single = [subject for subject, count in sides.items() if count == 1]
    if single and len(single) < len(sides):
        notes.append(f"{counted(len(single), 'subject')} with one side only: {some_of(single)}")
    return notes
