"""What is compared between the arms: grades of several sources over the visits, and what changed on the skin."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.trial.plan import CONTROL, TREATED
from toolkit.agreement import join_ratings, study_graders
from toolkit.study import Scale, read_graders
from toolkit.trial import Reading, TrialTable, read_trial
from toolkit.trial.records import SideGrade

Float = NDArray[np.float64]
SIDES = ("left", "right")
EXPERTS = ("grader_1", "grader_2", "grader_3")
_ANY = Scale(step=None)
_SKIN = {
    "skin: pigment seen by the network (OD x 1000)": ("pigment_change_od", 1000.0),
    "skin: darkness of the spots (%)": ("spot_darkness_change", 100.0),
}
_SPOTS = "skin: spots darker or new, less gone or fainter (%)"


@dataclass(frozen=True, eq=False)
class Outcome:
    """One figure a subject: ``values`` (n,), NaN where missing; lower is better."""

    title: str
    values: Float


@dataclass(frozen=True, eq=False)
class Grades:
    """Grades from one source: ``values`` (subjects, 2 sides, visits)."""

    title: str
    values: Float

    def single(self) -> Outcome:
        """The grade at the last visit, mean of both sides."""
        return Outcome(f"{self.title}: single grades", self.values[..., -1].mean(axis=1))

    def change(self) -> Outcome:
        """Its change from baseline, mean of both sides."""
        return Outcome(f"{self.title}: change", (self.values[..., -1] - self.values[..., 0]).mean(axis=1))


def sources(work: Path, results: Path) -> tuple[list[Grades], TrialTable]:
    """The known grades, the toolkit's, one expert's and three experts' combined; and the table of the first."""
    arms, truth = work / "arms.csv", work / "study" / "truth.csv"

    def read(path: Path, scale: Scale, column: str = "") -> TrialTable:
        return read_trial(path, Reading([("grade", column)] if column else [], scale, arms))

    known = read(truth, _ANY, "latent_grade")
    tables = {
        "known grade": known,
        "toolkit": read(results, Scale()),
        "one expert": read(truth, Scale(), EXPERTS[0]),
    }
    combined = work / "experts.csv"
    if _write_combined(combined, truth):
        tables["three experts, combined"] = read(combined, _ANY)
    return [Grades(title, _values(table, known)) for title, table in tables.items()], known


def subjects_of(table: TrialTable) -> list[str]:
    """The subjects in the order of all arrays."""
    return sorted(table.arm_of)


def _values(table: TrialTable, known: TrialTable) -> Float:
    grades = {(one.subject, one.side, one.visit): one.grade for one in table.grades}
    return np.array(
        [
            [[grades[name, side, visit] for visit in known.visits] for side in SIDES]
            for name in subjects_of(known)
        ]
    )


def table_of(values: Float, treated: NDArray[np.bool_], visits: Sequence[str]) -> TrialTable:
    """Grades (subjects, 2, visits) of subjects of two arms as ``toolkit trial`` reads them."""
    grades = tuple(
        SideGrade(
            f"S{number}",
            TREATED if treated[number] else CONTROL,
            side,
            visit,
            float(values[number, at, when]),
        )
        for number in range(len(values))
        for at, side in enumerate(SIDES)
        for when, visit in enumerate(visits)
    )
    return TrialTable(Path("resampled"), "resampled", (CONTROL, TREATED), tuple(visits), visits[0], grades)


def _write_combined(path: Path, truth: Path) -> bool:
    """The experts' combined grades, as the sheet Combined of ``toolkit agreement`` has them; whether there are any: few
    subjects do not tell graders apart."""
    ratings = join_ratings(read_graders([truth], [("grade", name) for name in EXPERTS]))
    study = study_graders(ratings)
    if study.model is None:
        print(f"three experts: {study.no_model}")
        return False
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "grade"])
        rows.writerows(zip(ratings.photos, study.combined.tolist(), strict=True))
    return True


def skin_outcomes(results: Path, known: TrialTable) -> list[Outcome]:
    """What the sheet Change tells of the last visit; means of both sides, NaN where neither could be compared."""
    import pandas

    sheet = pandas.read_excel(results, sheet_name="Change")
    sheet = sheet[sheet["visit"] == known.after[-1]]
    counts = {name: sheet[f"spots_{name}"] for name in ("gone", "fainter", "same", "darker", "new")}
    total = sheet[[one.name for one in counts.values()]].sum(axis=1)
    worse = (
        100 * (counts["darker"] + counts["new"] - counts["gone"] - counts["fainter"]) / total.where(total > 0)
    )
    columns = {title: factor * sheet[name] for title, (name, factor) in _SKIN.items()} | {_SPOTS: worse}
    return [
        Outcome(title, values.groupby(sheet["subject"]).mean().reindex(subjects_of(known)).to_numpy(float))
        for title, values in columns.items()
    ]


def side_errors(known: Float, found: Float) -> Mapping[str, float]:
    """How grades of sides (subjects, 2, visits), and their changes to the last visit, lie about the known ones."""
    from scipy.stats import spearmanr

    true, seen = ((one[..., -1] - one[..., 0]).ravel() for one in (known, found))
    return {
        "SD of a grade's error": float(np.std(found - known)),
        "mean error": float(np.mean(found - known)),
        "Spearman of grades": float(spearmanr(known.ravel(), found.ravel())[0]),
        "SD of a change's error": float(np.std(seen - true)),
        "slope of change": float(np.polyfit(true, seen, 1)[0]),
        "Spearman of changes": float(spearmanr(true, seen)[0]),
    }
