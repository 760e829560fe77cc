"""Grades of phantoms beside their known grades, with what trivial answers and a simulated grader score."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.scores import NoiseFloor, Scores, noise_floor, score, score_table
from toolkit.texttable import aligned


@dataclass(frozen=True)
class KnownPhoto:
    """A phantom that has a grade: its ``known`` latent grade, the ``grade`` given and its interval, all 0-9."""

    name: str
    known: float
    grade: float
    lower: float
    upper: float

    @property
    def inside(self) -> bool:
        """Whether the known grade lies in the interval."""
        return self.lower <= self.known <= self.upper


@dataclass(frozen=True)
class KnownTruth:
    """How well the grades of ``photos`` agree with the known ones, ``scores`` by method; ``phantoms``: how many there
    are, with or without a grade."""

    phantoms: int
    photos: tuple[KnownPhoto, ...]
    scores: dict[str, Scores]
    floor: NoiseFloor

    def text(self, photos: bool = True) -> str:
        """Aligned plain text; with ``photos`` a line for each photo as well."""
        lines = [f"{len(self.photos)} of {self.phantoms} photos graded", ""]
        if photos:
            rows = [("photo", "known", "grade", "interval", "")] + [
                (one.name, f"{one.known:.2f}", f"{one.grade:.2f}", f"{one.lower:.1f}-{one.upper:.1f}",
                 "" if one.inside else "outside")
                for one in self.photos
            ]  # fmt: skip
            lines += [*aligned(rows), ""]
        inside = np.mean([one.inside for one in self.photos])
        return "\n".join(
            [
                *lines,
                "Against the known (latent) grade:",
                score_table(self.scores, self.floor),
                f"{inside:.0%} of the known grades lie inside their interval",
            ]
        )


def compare_with_truth(grades: Path, truth: Path) -> KnownTruth | None:
    """A workbook of ``toolkit grade`` beside the truth.csv of ``toolkit phantom``; None where no phantom has a grade."""
    import pandas as pd

    known = pd.read_csv(truth)
    both = pd.read_excel(grades, sheet_name="Grades").merge(
        known, left_on="photo", right_on="file", suffixes=("", "_known")
    )
    graded = both.dropna(subset=["grade"])
    if graded.empty:
        return None
    latent, grade = graded["latent_grade"].to_numpy(), graded["grade"].to_numpy()
    graders = graded.filter(like="grader_").to_numpy()
    commonest = pd.Series(np.round(latent * 2) / 2).mode()[0]
    scores = {
        "toolkit": score(latent, grade),
        "always this study's mean": score(latent, np.full(len(latent), latent.mean())),
        "always its commonest grade": score(latent, np.full(len(latent), commonest)),
        "one simulated grader": score(latent, graders[:, 0]),
    }
    columns = graded[["photo", "latent_grade", "grade", "lower", "upper"]]
    photos = tuple(KnownPhoto(*row) for row in columns.itertuples(index=False, name=None))
    return KnownTruth(len(known), photos, scores, noise_floor(graders, latent))
