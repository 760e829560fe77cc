"""Corrections without a chart: what several cameras make of the skin of the same people, brought to their mean.

Nothing is known of true colours here. The light that one camera tells is taken as a power of what another would have told,
times a gain, in each channel; both are estimated from people whom several cameras have seen, and shrunk towards no
correction where these are few or their light uneven.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.colours import DENSITY_OF_LEVEL
from toolkit.errors import ToolkitError
from toolkit.records import ColourCorrection, FaceChart

LEAST_SUBJECTS = 4  # that a camera shares with others
_PERCENTS = (10, 30, 50, 70, 90)
_SPREAD_OF_GAINS, _SPREAD_OF_POWERS = (
    0.15,
    0.2,
)  # standard deviations (ln) among cameras, as far as one knows beforehand
_ROUNDS = 100
_IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
_ENDS = (-6.0, 0.0)  # ln light, between which a power is told by two knots
Array = NDArray[np.float64]


@dataclass(frozen=True)
class CameraMatch:
    """A camera's ln ``gains`` and ``powers`` of R, G and B, and how many ``subjects`` it shares with others."""

    gains: tuple[float, float, float]
    powers: tuple[float, float, float]
    subjects: int

    def applied(self, light: Array) -> Array:
        """ln light (..., 3) after the match."""
        return np.array(self.gains) + np.array(self.powers) * light

    def correction(self, source: str) -> ColourCorrection:
        """As a correction: the same power of all light."""
        red, green, blue = (
            tuple((x, gain + power * x) for x in _ENDS)
            for gain, power in zip(self.gains, self.powers, strict=True)
        )
        return ColourCorrection(source, (red, green, blue), _IDENTITY)


def skin_light(chart: FaceChart) -> Array:
    """(5, 3) percentiles of ln light over the measured skin of a face, for R, G and B."""
    density = cv2.LUT(chart.pixels[chart.skin][None], DENSITY_OF_LEVEL)[0]
    return np.asarray(np.percentile(-density, _PERCENTS, axis=0))


def match_cameras(
    lights: Sequence[Array], cameras: Sequence[str], people: Sequence[tuple[str, str]]
) -> Mapping[str, CameraMatch]:
    """What brings each camera to the mean of all; ``lights`` from ``skin_light``, ``people`` (subject, side) of each
    photograph. Raises ToolkitError where too few people, or none, were seen by several cameras."""
    seen: dict[tuple[str, str], dict[str, list[Array]]] = {}
    for light, camera, person in zip(lights, cameras, people, strict=True):
        seen.setdefault(person, {}).setdefault(camera, []).append(light)
    means = {
        person: {camera: np.mean(some, axis=0) for camera, some in mine.items()}
        for person, mine in seen.items()
        if len(mine) > 1
    }
    names = sorted(set(cameras))
    shared = {name: {person[0] for person, mine in means.items() if name in mine} for name in names}
    _refuse_unlinked(names, shared, means)
    gains, powers = np.zeros((len(names), 3)), np.ones((len(names), 3))
    for _ in range(_ROUNDS):
        common = {
            person: np.mean(
                [gains[names.index(c)] + powers[names.index(c)] * x for c, x in mine.items()], axis=0
            )
            for person, mine in means.items()
        }
        for place, name in enumerate(names):
            own = [(mine[name], common[person]) for person, mine in means.items() if name in mine]
            gains[place], powers[place] = _line(np.array([x for x, _ in own]), np.array([y for _, y in own]))
        powers /= np.exp(np.log(powers).mean(axis=0))
        gains -= _drift(gains, powers, names, means)
    return {
        name: CameraMatch(_three(gains[place]), _three(powers[place]), len(shared[name]))
        for place, name in enumerate(names)
    }


def spread_over_cameras(
    lights: Sequence[Array], cameras: Sequence[str], people: Sequence[tuple[str, str]]
) -> float:
    """How far the skin of one person's side differs over cameras: standard deviation of its mean ln light."""
    seen: dict[tuple[str, str], dict[str, list[Array]]] = {}
    for light, camera, person in zip(lights, cameras, people, strict=True):
        seen.setdefault(person, {}).setdefault(camera, []).append(light.mean(axis=0))
    several = [[np.mean(some, axis=0) for some in mine.values()] for mine in seen.values() if len(mine) > 1]
    return float(np.sqrt(np.mean([np.var(one, axis=0, ddof=1) for one in several])))


def _refuse_unlinked(
    names: Sequence[str], shared: Mapping[str, set[str]], means: Mapping[tuple[str, str], Mapping[str, Array]]
) -> None:
    for name in names:
        if len(shared[name]) < LEAST_SUBJECTS:
            raise ToolkitError(
                f"camera {name}: {len(shared[name])} of its subjects were seen by another camera, {LEAST_SUBJECTS} are "
                "needed: use a colour chart, or leave it out"
            )
    reached = {names[0]}
    for _ in names:
        reached |= {c for mine in means.values() if reached & mine.keys() for c in mine}
    if beyond := sorted(set(names) - reached):
        raise ToolkitError(f"cameras {names[0]} and {beyond[0]}: no subject links them: use a colour chart")


def _line(x: Array, y: Array) -> tuple[Array, Array]:
    """ln gain (3,) and power (3,) that bring x (people, 5, 3) to y, each shrunk towards no correction by its standard error
    against what cameras differ by.

    The power is the ratio of both spreads, the reduced major axis: light and exposure err in x as in y, so that a line of
    least squares would be too flat. Its standard error in ln is sqrt((1 - r^2) / (n - 2)) (Ricker 1984); a person's five
    percentiles count as one observation, since they err together.
    """
    n = len(x)
    middle, gains, powers = x.mean(axis=(0, 1)), np.zeros(3), np.ones(3)
    for channel in range(3):
        own, wanted = x[..., channel].ravel(), y[..., channel].ravel()
        r = float(np.corrcoef(own, wanted)[0, 1])
        powers[channel] = np.exp(
            _shrunk(np.log(wanted.std() / own.std()), (1 - r**2) / (n - 2), _SPREAD_OF_POWERS)
        )
        off = (y - x)[..., channel].mean(axis=1)
        gains[channel] = _shrunk(off.mean(), off.var(ddof=1) / n, _SPREAD_OF_GAINS)
    return gains + (1 - powers) * middle, powers


def _shrunk(value: float, variance: float, spread: float) -> float:
    return float(value * spread**2 / (spread**2 + variance))


def _drift(
    gains: Array, powers: Array, names: Sequence[str], means: Mapping[tuple[str, str], Mapping[str, Array]]
) -> Array:
    """(3,): by how much all corrections together make the photographs lighter."""
    moved = [
        gains[names.index(c)] + (powers[names.index(c)] - 1) * x.mean(axis=0)
        for mine in means.values()
        for c, x in mine.items()
    ]
    return np.asarray(np.mean(moved, axis=0))


def _three(values: Array) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    if not all(map(math.isfinite, (red, green, blue))):
        raise ToolkitError("the colours of the skin cannot be compared: is the picture grey?")
    return red, green, blue
