"""What ``network.build_trunk`` pools, for any window of a picture that the trunk has seen as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.records import Window

Array = NDArray[np.float32]
_SHARES_OD = (0.05, 0.1, 0.2)


@dataclass(frozen=True, eq=False)
class Layers:
    """What a trunk made of one picture: ``pigment`` (h, w), its last layer's map, not yet OD; the ``deepest`` (c, h / s,
    w / s) and the ``last`` (c, h, w) layer before it; ``skin`` (h, w), the input's mask 0-1."""

    pigment: Array
    deepest: Array
    last: Array
    skin: Array


def pooled_window(layers: Layers, window: Window, gain: float) -> Array:
    """Means and standard deviations (p,) over the window's skin of the deepest layer, of the last, and of six figures of
    the map: what the network pools of the whole picture. ``gain``: ``EncoderSettings.map_gain``."""
    rows, columns = window.inside(layers.skin.shape)
    skin = layers.skin[rows, columns]
    pigment = layers.pigment[rows, columns]
    positive = np.maximum(pigment, 0)
    shares = [1 / (1 + np.exp(-(pigment - od * gain) * np.float32(40 / gain))) for od in _SHARES_OD]
    shown = np.stack([pigment, positive, np.sqrt(positive + 1e-4), *shares])
    return np.concatenate(
        [
            _pooled(layers.deepest, _coarse(layers, rows, columns)),
            _pooled(layers.last[:, rows, columns], skin),
            _pooled(shown, skin),
        ]
    ).astype(np.float32)


def _coarse(layers: Layers, rows: slice, columns: slice) -> Array:
    """The skin of a window at the deepest layer's scale."""
    inside = np.zeros_like(layers.skin)
    inside[rows, columns] = layers.skin[rows, columns]
    return np.asarray(cv2.resize(inside, layers.deepest.shape[:0:-1], interpolation=cv2.INTER_AREA))


def _pooled(values: Array, skin: Array) -> Array:
    """Mean and standard deviation (2 c,) over skin (h, w) of values (c, h, w), as ``network._pooled``."""
    flat, weight = values.reshape(len(values), -1), skin.ravel()
    mass = float(weight.sum()) + 1e-3
    mean = flat @ weight / mass
    spread = np.square(flat - mean[:, None]) @ weight / mass
    return np.concatenate([mean, np.sqrt(spread + 1e-3)])
