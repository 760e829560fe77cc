"""Who takes part in the trial, and what really happens to their skin."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.phantom.study import GRADE_COUNTS, Course

SEED = 5100
VISITS = 4
CONTROL, TREATED = "Vehicle", "Active"
EFFECT = -0.6  # grades, of the treated arm at the last visit, less the control's
_INCLUDED = (3.0, 6.5)  # grades at baseline
_SIDES_APART = 0.28
_OWN_COURSE = (-0.1, 0.25)  # mean and SD of a subject's change without treatment, by the last visit
_RESPONSE_SD = 0.35  # of the treated subjects' effects
_WIGGLE = 0.1  # of a side at a visit


@dataclass(frozen=True)
class Plan:
    """Each subject's arm and latent grades over the visits, by side."""

    arms: tuple[str, ...]
    courses: tuple[Course, ...]


def plan_trial(subjects: int, seed: int = SEED, centred: bool = True) -> Plan:
    """Subjects with grades as in a cohort, pairs of like baseline allotted to the two arms at random.

    ``centred``: untreated courses and responses are centred within their arm, so that the arms differ by ``EFFECT`` and
    by the wiggle of sides alone: what an analysis finds beside that is error of its grades, not luck of the draw.
    """
    rng = np.random.default_rng([seed, 7])
    steps = 0.5 * np.arange(1, len(GRADE_COUNTS) + 1)
    chance = np.where((steps >= _INCLUDED[0]) & (steps <= _INCLUDED[1]), GRADE_COUNTS, 0).astype(float)
    base = rng.choice(steps, subjects, p=chance / chance.sum()) + rng.uniform(-0.25, 0.25, subjects)
    treated = np.zeros(subjects, bool)
    order = np.argsort(base)
    for pair in np.array_split(order, max(subjects // 2, 1)):
        treated[rng.permutation(pair)[0]] = True
    own = rng.normal(*_OWN_COURSE, subjects)
    response = EFFECT + _RESPONSE_SD * rng.standard_normal(subjects)
    if centred:
        for arm in (treated, ~treated):
            own[arm] += _OWN_COURSE[0] - own[arm].mean()
        response[treated] += EFFECT - response[treated].mean()
    time = np.linspace(0, 1, VISITS)
    courses = []
    for person, change in zip(base, own + treated * response, strict=True):
        sides = person + _SIDES_APART * rng.standard_normal(2)
        wiggle = _WIGGLE * rng.standard_normal((2, VISITS)) * (time > 0)
        grades = np.clip(sides[:, None] + change * time + wiggle, 0, 8.5).round(4)
        courses.append({"left": grades[0].tolist(), "right": grades[1].tolist()})
    return Plan(tuple(TREATED if one else CONTROL for one in treated), tuple(courses))


def write_arms(path: Path, plan: Plan) -> None:
    """The table that ``toolkit trial --arms`` reads."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["subject", "arm"])
        rows.writerows((f"P{number:04d}", arm) for number, arm in enumerate(plan.arms, 1))
