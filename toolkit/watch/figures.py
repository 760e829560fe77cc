"""What is watched of every photograph, and how a model keeps it of those that it was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.records import Quality

KEPT = "figures"  # in a model's card
_SUBJECTS, _DISTANCE = "subjects", "reference_distance"
_DIGITS = 5  # significant: no measurement is finer


@dataclass(frozen=True)
class Figure:
    """A figure of a photograph: its ``name``, what it is called, its ``unit``, what is said of photographs that have
    more or less of it, and with how many ``decimals``."""

    name: str
    title: str
    unit: str
    more: str
    less: str
    decimals: int


FIGURES: tuple[Figure, ...] = (
    Figure("ita_deg", "skin tone (ITA)", "degrees", "skin is lighter", "skin is darker", 0),
    Figure("px_per_mm", "scale", "px/mm", "photographs have more pixels per mm", "photographs have fewer pixels per mm", 1),
    Figure("blur", "blur, 0 sharp to 1 blurred", "", "photographs are less sharp", "photographs are sharper", 2),
    Figure("red_green", "colour, ln red/green", "", "colours are redder", "colours are less red", 2),
    Figure("blue_green", "colour, ln blue/green", "", "colours are bluer", "colours are yellower", 2),
    Figure(_DISTANCE, "distance to the references", "", "photographs are less like the graded references", "photographs are more like the graded references", 2),
    Figure("grade", "automatic grade", "", "grades are higher", "grades are lower", 1),
)  # fmt: skip


def without_distances(card: Mapping[str, Any]) -> dict[str, Any]:
    """What a model's card keeps of its training photographs, but for their distances to references that it has no more."""
    return {name: kept for name, kept in card.get(KEPT, {}).items() if name != _DISTANCE}


@dataclass(frozen=True, eq=False)
class StudyFigures:
    """``values`` (n, len(FIGURES)) of n photographs, NaN for the unknown, and whose they are: ``subjects`` (n,)."""

    subjects: NDArray[np.str_]
    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.subjects), len(FIGURES)):
            raise ValueError(
                f"values must be ({len(self.subjects)}, {len(FIGURES)}), got {self.values.shape}"
            )

    @classmethod
    def of(
        cls,
        subjects: Sequence[str],
        qualities: Sequence[Quality | None],
        *,
        tones: Sequence[float | None],
        distances: Sequence[float | None],
        grades: Sequence[float | None],
    ) -> StudyFigures:
        """From the figures of each photograph: its ``quality``, its ``tone`` (ITA, degrees), its mean ``distance`` to the
        nearest references, and its automatic ``grade``; None where one is not known."""
        nothing = (None,) * 4
        measured = [(q.px_per_mm, q.blur, *q.cast) if q else nothing for q in qualities]
        rows = [
            (tone, *four, distance, grade)
            for tone, four, distance, grade in zip(tones, measured, distances, grades, strict=True)
        ]
        return cls(np.asarray(subjects, str), np.array(rows, float).reshape(len(rows), len(FIGURES)))

    def card(self) -> dict[str, list[Any]]:
        """For a model's card: the subjects by number alone, and the figures by name, null for the unknown; a figure that
        is known of no photograph is left out."""
        _, numbers = np.unique(self.subjects, return_inverse=True)
        told: dict[str, list[Any]] = {_SUBJECTS: numbers.tolist()}
        for figure, column in zip(FIGURES, self.values.T, strict=True):
            if np.isfinite(column).any():
                told[figure.name] = [
                    float(f"{x:.{_DIGITS}g}") if np.isfinite(x) else None for x in column.tolist()
                ]
        return told

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> StudyFigures | None:
        """What ``card`` told, from the card of a model; None of a model that keeps none."""
        kept = card.get(KEPT)
        if not kept:
            return None
        subjects = np.asarray(kept[_SUBJECTS], str)
        unknown = [None] * len(subjects)
        columns = [kept.get(figure.name, unknown) for figure in FIGURES]
        return cls(subjects, np.array(columns, float).T)

    def column(self, name: str) -> NDArray[np.float64]:
        """One figure (n,) by its name."""
        return self.values[:, [figure.name for figure in FIGURES].index(name)]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which figures (len(FIGURES),) are known of any photograph."""
        return np.asarray(np.isfinite(self.values).any(axis=0))

    def with_all(self, wanted: NDArray[np.bool_]) -> StudyFigures:
        """The photographs of which all ``wanted`` figures (len(FIGURES),) are known."""
        whole = np.isfinite(self.values[:, wanted]).all(axis=1)
        return StudyFigures(self.subjects[whole], self.values[whole])
