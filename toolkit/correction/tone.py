"""Tone curves, and codes as linear light."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toolkit.colours import LINEAR_OF_LEVEL
from toolkit.records.colour import Knots

_DARKEST = 1e-4  # linear light under which logarithms are not taken


def light_of_codes(codes: NDArray) -> NDArray[np.float64]:
    """Linear light 0-1 of sRGB codes 0-255, also between whole ones."""
    return np.interp(codes, np.arange(256), LINEAR_OF_LEVEL)


def curved(light: NDArray, tone: Sequence[Knots]) -> NDArray[np.float64]:
    """Linear light (..., 3) after each channel's tone curve: through its knots in logarithms (Fritsch & Carlson 1980),
    beyond them along a straight line."""
    from scipy.interpolate import PchipInterpolator

    curves = []
    for channel, knots in enumerate(tone):
        x, y = np.array(knots).T
        curve = PchipInterpolator(x, y)
        at = np.log(np.maximum(light[..., channel], _DARKEST))
        inside = np.clip(at, x[0], x[-1])
        first, last = curve([x[0], x[-1]], 1)
        curves.append(
            np.exp(curve(inside) + first * np.minimum(at - x[0], 0) + last * np.maximum(at - x[-1], 0))
        )
    return np.stack(curves, axis=-1)
