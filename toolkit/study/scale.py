"""Which numbers are grades."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from toolkit.errors import GradesError

_NUMBER = r"\d+(?:\.\d+)?"
_SPELLING = re.compile(rf"(?P<low>-?{_NUMBER})-(?P<high>{_NUMBER})(?:/(?P<step>{_NUMBER}))?")


@dataclass(frozen=True)
class Scale:
    """Grades lie from ``low`` to ``high``, both included, and are whole multiples of ``step``.

    ``step`` None: any number between the two.
    """

    low: float = 0.0
    high: float = 9.0
    step: float | None = 0.5

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"low must be under high, got {self.low:g} and {self.high:g}")
        if self.step is not None and not 0 < self.step < math.inf:
            raise ValueError(f"step must be positive, got {self.step:g}")

    @property
    def rounding(self) -> float:
        """The step to which grades are rounded where categories are wanted; half a grade without a step."""
        return 0.5 if self.step is None else self.step

    def check(self, grade: float, stepped: bool = True) -> None:
        """Raise ValueError, in words, where ``grade`` is not on the scale; off the step only if ``stepped``."""
        if not math.isfinite(grade) and math.isinf(self.high):
            raise ValueError("is not a finite number")
        if not self.low <= grade <= self.high:
            raise ValueError(f"is not within {self.low:g} to {self.high:g}")
        on_step = self.step is None or math.isclose(grade / self.step, round(grade / self.step), abs_tol=1e-6)
        if stepped and not on_step:
            raise ValueError(f"is not a multiple of {self.step:g}")

    def __str__(self) -> str:
        if math.isinf(self.high):
            return "free"
        return f"{self.low:g}-{self.high:g}" + ("" if self.step is None else f"/{self.step:g}")


CLINICAL_SCALE = Scale()
FREE_SCALE = Scale(-math.inf, math.inf, None)


def parse_scale(text: str) -> Scale:
    """A scale as users write it: "0-9/0.5" (low, high, step), "0-4" (any number between), "free" (any number).

    Raises GradesError on any other text.
    """
    plain = text.strip().casefold()
    if plain == "free":
        return FREE_SCALE
    found = _SPELLING.fullmatch(plain)
    try:
        if found is None:
            raise ValueError("is none of these forms")
        step = None if found["step"] is None else float(found["step"])
        return Scale(float(found["low"]), float(found["high"]), step)
    except ValueError as error:
        raise GradesError(
            f"--scale {text}: {error}: write LOW-HIGH, LOW-HIGH/STEP (such as 0-9/0.5) or free"
        ) from None


def step_of(text: str) -> float | None:
    """The step of the grades that a model is to learn, from a scale as for ``parse_scale``; None for any number.

    Raises GradesError on another text, and on a scale beyond 0-9, which is what models grade.
    """
    scale = parse_scale(text)
    if scale.low < 0 or scale.high > 9:
        raise GradesError(f"--scale {text}: models grade 0-9: bring the grades to that scale first")
    return scale.step
