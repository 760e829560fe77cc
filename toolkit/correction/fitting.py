"""From the patches of a chart to a correction: tone curves from the greys, then a matrix from all patches.

A camera's own tone curve changes the contrast of spots, which no matrix can mend; its white balance, primaries and
saturation are left to the matrix.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.colourtarget import GREYS, lab_of_light, patch_light
from toolkit.correction.finding import FoundChart
from toolkit.correction.tone import curved, light_of_codes
from toolkit.errors import PhotoError
from toolkit.records import ColourCorrection

_LEAST_GREYS, _LEAST_PATCHES = 4, 14
_OFF_INSIDE, _OFF_END = 0.35, 0.6  # ln, of a grey from where its neighbours put it: something lies on it
_OFF_COLOUR = 15.0  # CIEDE2000 of a patch that something lies on
_BAD_FIT, _NO_FIT = 6.0, 12.0  # mean CIEDE2000 from which a note says so, and from which it is no such chart
# Patches count up to three times as much the nearer they are to skin: there the matrix has to be right, and a camera that
# colours more strongly than it should is not made right everywhere by any matrix.
_SKIN_LAB, _SKIN_REACH, _SKIN_COUNTS = (55.0, 17.0, 20.0), 25.0, 2.0
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def fit_correction(chart: FoundChart, source: str) -> ColourCorrection:
    """The correction that brings a chart's patches to their reference; raises PhotoError, in words that follow a file's
    name, where too few can be used."""
    seen, truth = light_of_codes(chart.codes), patch_light()
    usable = chart.usable.copy()
    usable[GREYS] &= _steady(seen[GREYS], truth[GREYS], usable[GREYS])
    _refuse_few(usable)
    greys = np.flatnonzero(usable[GREYS])[::-1] + GREYS.start  # black to white
    if (np.diff(seen[greys], axis=0) <= 0).any():
        raise PhotoError("the greys of the colour chart are in no order: show it whole and evenly lit")
    tone = [
        tuple(zip(np.log(seen[greys, channel]).tolist(), np.log(truth[greys, channel]).tolist(), strict=True))
        for channel in range(3)
    ]
    light = curved(seen, tone)
    matrix = _matrix(light[usable], truth[usable])
    off = _differences(light @ matrix, truth)
    usable &= (off < _OFF_COLOUR) | (np.arange(len(off)) >= GREYS.start)
    _refuse_few(usable)
    matrix = _matrix(light[usable], truth[usable])
    before = float(_differences(seen, truth)[usable].mean())
    after = float(_differences(light @ matrix, truth)[usable].mean())
    if after > _NO_FIT:
        raise PhotoError(f"{_doubt(after)}; it is not used")
    return ColourCorrection(
        source, (tone[0], tone[1], tone[2]), tuple(tuple(row) for row in matrix.T.tolist()),
        patches=int(usable.sum()), before=before, after=after,
        note=_doubt(after) if after > _BAD_FIT else "",
    )  # fmt: skip


def _doubt(after: float) -> str:
    return f"the colour chart fits badly (CIEDE2000 {after:.1f}): is it a ColorChecker of 24 patches, evenly lit?"


def _refuse_few(usable: Mask) -> None:
    greys, patches = int(usable[GREYS].sum()), int(usable.sum())
    if greys < _LEAST_GREYS or patches < _LEAST_PATCHES:
        raise PhotoError(
            f"only {patches} of the colour chart's 24 patches can be used, {greys} of them grey: show it whole, neither "
            "glossy nor too bright"
        )


def _steady(seen: Array, truth: Array, usable: Mask) -> Mask:
    """(6,) bool: greys that lie where their neighbours put them. One that is covered or in shadow does not."""
    keep, x, y = usable.copy(), np.log(truth[:, 1]), np.log(np.maximum(seen, 1e-4))

    def off_without(*gone: int) -> float:
        places = np.setdiff1d(np.flatnonzero(keep), gone)
        return max(_off(x[places], y[places], place) for place in range(len(places)))

    while keep.sum() >= _LEAST_GREYS and off_without() >= 1:
        keep[min(np.flatnonzero(keep).tolist(), key=off_without)] = False  # without it the others fit best
    return keep


def _off(x: Array, y: Array, place: int) -> float:
    """How far a grey's y (n, 3) lies from the straight line through its two neighbours, over what is allowed; of the
    channel that is farthest."""
    others = np.delete(np.arange(len(x)), place)
    first, second = others[np.argsort(np.abs(others - place), kind="stable")[:2]]
    expected = y[first] + (x[place] - x[first]) / (x[second] - x[first]) * (y[second] - y[first])
    allowed = _OFF_INSIDE if first < place < second else _OFF_END
    return float(np.abs(y[place] - expected).max() / allowed)


def _matrix(light: Array, truth: Array) -> Array:
    """(3, 3) that follows rows of light. Dark patches count nearly as much as bright ones, and those like skin most."""
    from_skin = np.linalg.norm(lab_of_light(truth) - _SKIN_LAB, axis=1) / _SKIN_REACH
    weight = (1 + _SKIN_COUNTS * np.exp(-(from_skin**2) / 2)) / np.sqrt(np.maximum(truth.mean(axis=1), 0.02))
    return np.asarray(np.linalg.lstsq(light * weight[:, None], truth * weight[:, None], rcond=None)[0])


def _differences(light: Array, truth: Array) -> Array:
    """CIEDE2000 (24,)."""
    from skimage.color import deltaE_ciede2000

    return np.asarray(deltaE_ciede2000(lab_of_light(light), lab_of_light(truth)))
