"""What a run found, in figures: counts, distribution of grades, by visit and side, and the photos to look at."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from toolkit.outputs import counted
from toolkit.records import SEVERITY_WORDS, PhotoFacts
from toolkit.study.dates import visits_in_days
from toolkit.study.modes import OTHER_MODE
from toolkit.study.visits import visit_order
from toolkit.tables import Value
from toolkit.watch import ADVICE, Watched, told, watch_rows

UNKNOWN = "unknown"
_MOST_FLAGGED = 1000  # listed; the rest is found by the filters of Grades
_MOST_REASONS, _LOOK_AT = 4, 3  # told on the terminal
_OF_ONE_PHOTO = re.compile(r"[:(].*|\S*[\d.]\S*")


def flag_of(row: Mapping[str, Value]) -> str:
    """A row of Grades: "failed" without a grade, "other" where that is since it is of another mode, "flagged" where
    quality or note want reading, else ""."""
    if row["grade"] is None:
        return "other" if str(row["note"]).startswith(OTHER_MODE) else "failed"
    return "flagged" if row["note"] or row["quality"] not in ("", None, "ok") else ""


@dataclass(frozen=True)
class Line:
    """A row of the summary; ``title`` heads a part, ``bar`` wants its count drawn, ``flag`` as ``flag_of``."""

    cells: tuple[Value, ...]
    title: bool = False
    bar: bool = False
    flag: str = ""


@dataclass
class Summary:
    """Gathered from rows of Grades."""

    photos: int = 0
    flags: Counter[str] = field(default_factory=Counter)
    severities: Counter[str] = field(default_factory=Counter)
    steps: Counter[float] = field(default_factory=Counter)
    groups: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    listed: dict[str, list[Line]] = field(default_factory=lambda: {"failed": [], "flagged": []})

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Value]]) -> Summary:
        """Of the rows of Grades, which are walked through twice; visits that are dates are told in days."""
        facts = [PhotoFacts(str(row["subject"]), visit=_text(row["visit"])) for row in rows]
        summary = cls()
        for row, visit in zip(rows, visits_in_days(facts), strict=True):
            summary._add({**row, "visit": visit})
        return summary

    def _add(self, row: Mapping[str, Value]) -> None:
        flag, grade = flag_of(row), row["grade"]
        self.photos += 1
        self.flags[flag] += 1
        self.reasons.update(_reasons(row) if flag == "flagged" else ())
        if isinstance(grade, int | float):
            self.severities[str(row["severity"])] += 1
            self.steps[float(row["grade_half_step"] or 0)] += 1
            group = str(row["visit"] or UNKNOWN), str(row["side"] or UNKNOWN)
            self.groups.setdefault(group, []).append(float(grade))
        if flag in self.listed and len(self.listed[flag]) < _MOST_FLAGGED:
            shown = row["photo"], None if grade is None else float(grade), row["quality"], row["note"]
            self.listed[flag].append(Line(shown, flag=flag))

    def in_words(self) -> list[str]:
        """Lines for the terminal: the grades in figures, what needs review and why, where to look first."""
        grades = [grade for group in self.groups.values() for grade in group]
        lines = []
        if grades:
            spread = f", SD {statistics.stdev(grades):.1f}" if len(grades) > 1 else ""
            severities = ", ".join(f"{self.severities[name]} {name}" for name in SEVERITY_WORDS)
            lines.append(f"Grades: mean {statistics.fmean(grades):.1f}{spread}; {severities}")
        if not self.flags["flagged"] and not self.flags["failed"]:
            lines.append("Needs review: none")
        if self.reasons:
            why = ", ".join(f"{reason}: {count}" for reason, count in self.reasons.most_common(_MOST_REASONS))
            lines.append(f"Needs review: {counted(self.flags['flagged'], 'photo')} ({why})")
        first = [*self.listed["failed"], *self.listed["flagged"]][:_LOOK_AT]
        if first:
            lines += ["Look first at:", *(f"  {_look_at(*line.cells)}" for line in first)]
        return lines

    def figures(self) -> list[Line]:
        """Counts; grades by severity and half step; means by visit and side."""
        graded, others = self.photos - self.flags["failed"] - self.flags["other"], self.flags["other"]
        lines = [
            Line(("Photos", None), title=True),
            Line(("in all", self.photos)),
            Line(("graded", graded)),
            Line(("  of them to look at", self.flags["flagged"])),
            Line(("not graded", self.flags["failed"])),
            *([Line(("of other modes, not graded", others))] if others else []),
            Line(()),
            Line(("Severity", "photos"), title=True),
            *(Line((name, self.severities[name]), bar=True) for name in SEVERITY_WORDS),
            Line(()),
            Line(("Grade, half steps", "photos"), title=True),
            *(Line((f"{step / 2:.1f}", self.steps[step / 2]), bar=True) for step in range(19)),
            Line(()),
            Line(("Visit", "side", "photos", "mean", "SD", "median", "range"), title=True),
        ]
        return lines + [
            _group_line(group, self.groups[group]) for group in sorted(self.groups, key=_in_order)
        ]

    def flagged_rows(self) -> list[Line]:
        """The photos without a grade, then those to look at, under a heading."""
        lines = [Line(("Photos to look at", "grade", "quality", "note"), title=True)]
        lines += self.listed["failed"] + self.listed["flagged"]
        more = self.flags["failed"] + self.flags["flagged"] - (len(lines) - 1)
        if more:
            lines.append(
                Line((f"and {more:,} more: filter the sheet Grades by quality and note", None, None, None))
            )
        if len(lines) == 1:
            lines.append(Line(("none", None, None, None)))
        return lines


def _text(value: Value) -> str | None:
    return None if value is None else str(value)


def _reasons(row: Mapping[str, Value]) -> set[str]:
    """Why a row needs review, without what is of this photo alone: names, figures, what follows a colon."""
    parts = [] if row["quality"] in ("", None, "ok") else str(row["quality"]).split(", ")
    parts += [_OF_ONE_PHOTO.sub("", part) for part in str(row["note"] or "").split("; ")]
    return {" ".join(part.split()) for part in parts} - {""}


def _look_at(photo: Value, grade: Value, quality: Value, note: Value) -> str:
    why = note if quality in ("", None, "ok") else ", ".join(map(str, filter(None, (quality, note))))
    what = "no grade" if grade is None else f"grade {grade:.1f}"
    return f"{photo}: {what}{f', {why}' if why else ''}"


def watched_lines(watched: Watched) -> list[Line]:
    """The run beside the training study: a line in words, then one a figure."""
    heads = ("Beside the training study", "run", "5 to 95 %", "study", "5 to 95 %", "distance", "p")
    lines = [
        Line(()),
        Line(heads, title=True),
        Line((told(watched),), flag="flagged" if watched.unlike else ""),
    ]
    lines += [Line((ADVICE,))] if watched.unlike else []
    return lines + [
        Line(tuple(row.cells), flag="flagged" if row.finding else "") for row in watch_rows(watched)
    ]


def _group_line(group: tuple[str, str], grades: list[float]) -> Line:
    spread = statistics.stdev(grades) if len(grades) > 1 else None
    ends = f"{min(grades):.1f} to {max(grades):.1f}"
    return Line((*group, len(grades), statistics.fmean(grades), spread, statistics.median(grades), ends))


def _in_order(group: tuple[str, str]) -> tuple[bool, tuple[object, ...], str]:
    """By visit, what is unknown last, then by side."""
    visit, side = group
    return visit == UNKNOWN, visit_order(visit), side
