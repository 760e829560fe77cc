"""What comes of a photograph: its quality, its grade, and what the grade was made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from toolkit.records.colour import ColourCorrection
from toolkit.records.names import PhotoFacts
from toolkit.records.severity import half_step, severity_of

_DECIMALS = 1  # with which intervals are shown
_APART = 0.25  # grades that a side may lie outside its regions' before it is explained


def interval_holds(lower: float, upper: float, grade: float) -> bool:
    """Whether an interval holds a grade (0-9), all as they are shown, to a tenth: who reads "3.4 to 5.0" takes 5 for
    inside, though the bound be 4.991."""
    low, shown, high = (round(value, _DECIMALS) for value in (lower, grade, upper))
    return low <= shown <= high


@dataclass(frozen=True)
class Quality:
    """A photo's figures; ``label`` is "ok" or names what is wrong ("blurred; overexposed").

    ``blur``: 0 sharp to 1 blurred, on the skin of the patches. ``over``: share of the face's area with a
    channel at or over 250. ``under``: share of its skin with no channel over 5. ``level``: median of the skin's
    brightest channel, 0-255. ``px_per_mm`` of the photo. ``skin_fraction``: measurable share of the patches'
    area. ``regions``: share of the regions of the shown side that have a patch. ``cast``: log ratios
    (ln R/G, ln B/G) of the median skin. ``visible_cm2`` and ``measured_cm2`` of the chart.
    """

    blur: float
    over: float
    under: float
    level: float
    px_per_mm: float
    skin_fraction: float
    regions: float
    cast: tuple[float, float]
    label: str = "ok"
    visible_cm2: float | None = None
    measured_cm2: float | None = None


@dataclass(frozen=True)
class PhotoGrade:
    """The outcome for one photograph; grades are 0-9, None where the photo could not be graded.

    ``lower`` and ``upper`` bound the conformal interval; ``regions`` maps each region to its own patch
    grade; ``nearest_class`` is the label of the class of the mean grade of the references that the patches resemble most.
    ``visible_cm2`` and ``measured_cm2``: areas of the face that the photograph shows, and of the skin that was measured.
    """

    name: str
    facts: PhotoFacts
    grade: float | None = None
    lower: float | None = None
    upper: float | None = None
    nearest_class: str | None = None
    regions: Mapping[str, float] = field(default_factory=dict)
    quality: str = ""
    note: str = ""
    visible_cm2: float | None = None
    measured_cm2: float | None = None

    def __post_init__(self) -> None:
        for name in ("grade", "lower", "upper"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 9:
                raise ValueError(f"{name} must lie in 0-9, got {value}")

    @property
    def half_step(self) -> float | None:
        """The grade rounded to the nearest half step, for display."""
        return None if self.grade is None else half_step(self.grade)

    @property
    def explanation(self) -> str:
        """Why the grade of the side lies outside those of its regions, in words; "" where it does not."""
        if self.grade is None or not self.regions:
            return ""
        low, high = min(self.regions.values()), max(self.regions.values())
        if low - _APART <= self.grade <= high + _APART:
            return ""
        lies = "above" if self.grade > high else "below"
        span = " to ".join(dict.fromkeys(f"{bound:.1f}" for bound in (low, high)))
        return (
            f"{lies} its regions ({span}): the grade is that of the whole side, temple, nose, upper lip and jaw included; "
            "what else this model counts, if anything, is in the sheet Contributions"
        )

    @property
    def severity(self) -> str | None:
        """The half step in words, one of SEVERITY_WORDS."""
        return None if self.grade is None else severity_of(self.grade)


@dataclass(frozen=True)
class Figures:
    """All that was measured of a patch, or of the whole side (``region`` is SIDE): figures by name, None where one is
    not known; ``grade`` by the curve alone, None where nothing was graded."""

    region: str
    values: Mapping[str, float | None]
    grade: float | None = None


@dataclass(frozen=True)
class Contribution:
    """What one ``figure`` of a region or side, whose ``value`` may be unknown, adds to the grade: ``contribution``."""

    region: str
    figure: str
    value: float | None
    contribution: float


@dataclass(frozen=True)
class Evidence:
    """A graded reference patch that a patch is like: number ``place`` by distance; ``reference`` is its number in the
    model's index."""

    region: str
    place: int
    reference_photo: str
    reference_region: str
    reference_grade: float
    distance: float
    reference: int


@dataclass(frozen=True)
class PhotoResult:
    """The grade of a photograph, and what it was made of: ``figures`` of each patch, and last of the whole side;
    ``contributions`` that the grade adds up from, the strongest first; ``evidence``, each patch's nearest graded
    references; ``pigment`` that the network predicted, added green OD (h, w), one a picture that it looked at: the
    chart, or each patch where there was no chart. ``colour``: how its colours were corrected."""

    grade: PhotoGrade
    figures: tuple[Figures, ...] = ()
    quality: Quality | None = None
    contributions: tuple[Contribution, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    pigment: tuple[NDArray[np.float32], ...] = ()
    colour: ColourCorrection | None = None
