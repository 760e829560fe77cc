"""Simulated graders whose bias, slope, noise and drift are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

MIDDLE: Final = 3.8  # the grade at which a grader's bias holds
_BIAS_SD: Final = 0.35
_SLOPE_SD: Final = 0.05


@dataclass(frozen=True)
class SimulatedGrader:
    """Grades y = 3.8 + bias + drift x time + slope (g - 3.8) + view + error, rounded to half steps within 0-9.

    ``view``: SD of how it sees a subject, the same on all its photos; ``noise``: SD of the error of a photo, both in
    grades. ``drift``: rise of its bias from the first to the last time.
    """

    bias: float = 0.0
    slope: float = 1.0
    noise: float = 0.45
    view: float = 0.2
    drift: float = 0.0


def draw_graders(rng: np.random.Generator, n: int = 3) -> tuple[SimulatedGrader, ...]:
    """``n`` graders with a bias N(0, .35) and a slope N(1, .05)."""
    bias, slope = rng.normal(0, _BIAS_SD, n), rng.normal(1, _SLOPE_SD, n)
    return tuple(SimulatedGrader(b, k) for b, k in zip(bias.tolist(), slope.tolist(), strict=True))


def grades_by(
    graders: Sequence[SimulatedGrader],
    latent: ArrayLike,
    subject_ids: Sequence[str],
    rng: np.random.Generator,
    *,
    time: ArrayLike = 0.0,
) -> NDArray[np.float64]:
    """Half-step grades (photos, graders) of photos of ``latent`` grades (photos,); ``time`` (photos,) 0 first to 1 last,
    for their drift."""
    g, at = np.asarray(latent, float)[:, None], np.broadcast_to(time, np.shape(latent))[:, None]
    _, subject = np.unique(np.asarray(subject_ids), return_inverse=True)
    bias, slope, noise, view, drift = np.array(
        [(o.bias, o.slope, o.noise, o.view, o.drift) for o in graders]
    ).T
    seen = (view * rng.standard_normal((int(subject.max(initial=-1)) + 1, len(graders))))[subject]
    error = noise * rng.standard_normal((len(g), len(graders)))
    return np.clip(np.round(2 * (MIDDLE + bias + drift * at + slope * (g - MIDDLE) + seen + error)) / 2, 0, 9)


def simulate_graders(
    latent: ArrayLike, subject_ids: Sequence[str], rng: np.random.Generator, n: int = 3
) -> NDArray[np.float64]:
    """Half-step grades (photos, n) by ``n`` graders as ``draw_graders`` draws them."""
    return grades_by(draw_graders(rng, n), latent, subject_ids, rng)
