"""How well the two visits of a trial are laid over each other, against the poses that the phantoms really had."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.change import errors, photographed
from benchmarks.trial.plan import Plan
from toolkit.errors import ToolkitError
from toolkit.geometry import compose_affine, invert_affine
from toolkit.landmarks import FaceFinder
from toolkit.phantom.study import MIXED, scenes_of_subject
from toolkit.records import Side
from toolkit.settings import Settings

_SIDES: tuple[Side, ...] = ("left", "right")


def registration_errors(plan: Plan, seed: int, people: int) -> list[dict[str, Any]]:
    """Of both sides of the first ``people``, baseline and last visit, as ``benchmarks.change`` measures them."""
    finder = FaceFinder(None, Settings().face)
    return [one for index in range(people) for one in _of_subject(plan, seed, index, finder)]


def _of_subject(plan: Plan, seed: int, index: int, finder: FaceFinder) -> Iterator[dict[str, Any]]:
    scenes = scenes_of_subject(seed, index, "half", plan.courses[index], painter=MIXED)
    for number, side in enumerate(_SIDES):
        try:
            (first, to_first), (last, to_last) = (
                photographed(scene.canvas, scene.session(number), side, finder)
                for scene in (scenes[0], scenes[-1])
            )
        except ToolkitError as error:
            print(f"P{index + 1:04d} {side}: {error}")
            continue
        there = compose_affine(invert_affine(to_first), to_last)
        height, width = first.skin.shape
        here = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2)
        truth = (here @ there[:, :2].T + there[:, 2]).reshape(height, width, 2).astype(np.float32)
        yield errors(first, last, truth)
