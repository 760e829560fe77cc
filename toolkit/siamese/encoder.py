"""A trained (or loaded) encoder: patches in, embeddings and pigment maps out."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ModelError
from toolkit.records import Window
from toolkit.settings import EncoderSettings
from toolkit.siamese.exported import ExportedTrunk, head_of, head_shapes, trunk_graph, trunk_shapes
from toolkit.siamese.network import build_head, build_trunk
from toolkit.siamese.pooling import Layers, pooled_window
from toolkit.siamese.severity import Severity

Weights = Mapping[str, NDArray[np.float32]]

_BATCH = 8


@dataclass(frozen=True, eq=False)
class Embedded:
    """What an encoder makes of n patches: ``embeddings`` (n, e) float32, grade ``scores`` (n,) float32 0-9, and
    for each patch its ``pigment`` map (h, w) float32, added green OD at the input's scale, 0 off the skin."""

    embeddings: NDArray[np.float32]
    scores: NDArray[np.float32]
    pigment: tuple[NDArray[np.float32], ...]


class Encoder:
    """A trunk that pools what it sees of a patch, and a head that places it among the graded ones.

    One made of Keras models runs in Keras, on a GPU where there is one. One made of ``weights`` alone (a loaded
    one) runs in ONNX Runtime and NumPy, and makes Keras models only when somebody asks for them. ``severity``: how severe
    a side looks, of a trunk taught by phantoms.
    """

    def __init__(
        self,
        settings: EncoderSettings,
        trunk: Any | None = None,
        head: Any | None = None,
        weights: Weights | None = None,
        *,
        severity: Severity | None = None,
    ) -> None:
        self.settings = settings
        self.weights = weights
        self.severity = severity
        if weights is None:
            self.trunk = build_trunk(settings) if trunk is None else trunk
            self.head = build_head(settings, self._width) if head is None else head

    @cached_property
    def trunk(self) -> Any:
        """The Keras model of the trunk."""
        return _with_weights(build_trunk(self.settings), self.weights, "trunk")

    @cached_property
    def head(self) -> Any:
        """The Keras model of the head."""
        return _with_weights(build_head(self.settings, self._width), self.weights, "head")

    def in_keras(self) -> Encoder:
        """The same encoder, run by Keras."""
        return Encoder(self.settings, self.trunk, self.head, severity=self.severity)

    def look(self, inputs: Sequence[NDArray]) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], ...]]:
        """What the trunk sees of n encoder inputs of any mixture of sizes: pooled features (n, p) float32, and
        their pigment maps (see ``Embedded``)."""
        windows = [Window(n, 0, 0, *picture.shape[:2]) for n, picture in enumerate(inputs)]
        return self.look_through(inputs, windows)

    def look_through(
        self, pictures: Sequence[NDArray], windows: Sequence[Window]
    ) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], ...]]:
        """One look at n pictures of any mixture of sizes: pooled features (m, p) float32 of m windows on them, and the
        pictures' n pigment maps (see ``Embedded``)."""
        gain = self.settings.map_gain
        pooled = np.zeros((len(windows), self._width), np.float32)
        maps: dict[int, NDArray[np.float32]] = {}
        mine: dict[int, list[int]] = {}
        for place, window in enumerate(windows):
            mine.setdefault(window.picture, []).append(place)
        for rows in by_shape(pictures):
            for start in range(0, len(rows), _BATCH):
                some = rows[start : start + _BATCH].tolist()
                stacked = np.stack([pictures[i] for i in some]).astype(np.float32)
                raw, deepest, last = self._run(stacked)
                for number, picture in enumerate(some):
                    skin = stacked[number, ..., -1]
                    layers = Layers(raw[number], deepest[number], last[number], skin)
                    for place in mine.get(picture, ()):
                        pooled[place] = pooled_window(layers, windows[place], gain)
                    maps[picture] = np.maximum(raw[number], 0) / gain * (skin > 0.5)
        return pooled, tuple(maps[i] for i in range(len(pictures)))

    @property
    def _width(self) -> int:
        """Pooled features of a patch."""
        if self.weights is None:
            return int(self.trunk.output["pooled"].shape[-1])
        return head_shapes(self.settings)[0][0]

    def _run(self, pictures: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """The last layer's map (n, h, w), and the deepest and the last layer (n, c, ., .) of n inputs of one size."""
        if self.weights is None:
            out = self.trunk.predict_on_batch(pictures)
            deepest, last = (np.moveaxis(np.asarray(out[name]), -1, 1) for name in ("deepest", "last"))
            return np.asarray(out["pigment"])[..., 0], deepest, last
        return self._exported(pictures)

    def in_onnx(self) -> Encoder:
        """The same encoder, run by ONNX Runtime: pictures of many sizes, each of which Keras would compile anew."""
        if self.weights is not None:
            return self
        weights = {**_named(self.trunk.get_weights(), "trunk"), **_named(self.head.get_weights(), "head")}
        return Encoder(self.settings, weights=weights, severity=self.severity)

    @cached_property
    def _exported(self) -> ExportedTrunk:
        return ExportedTrunk(trunk_graph(_part(self.weights, "trunk"), self.settings))

    def place(self, pooled: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Embeddings (n, e) and grade scores (n,) 0-9 of pooled features (n, p)."""
        if not len(pooled):
            return np.zeros((0, self.settings.embedding), np.float32), np.zeros(0, np.float32)
        if self.weights is None:
            out = self.head.predict_on_batch(pooled)
            embedding, grade = np.asarray(out["embedding"]), np.asarray(out["grade"])
        else:
            embedding, grade = head_of(_part(self.weights, "head"), pooled)
        return embedding, np.clip(9 * grade[:, 0], 0, 9)

    def embed(self, inputs: Sequence[NDArray]) -> Embedded:
        """Look and place in one."""
        pooled, maps = self.look(inputs)
        return Embedded(*self.place(pooled), maps)

    def save(self, path: Path) -> None:
        """Write the weights as plain arrays (.npz); the architecture follows from the settings."""
        arrays: Any = self.arrays()
        np.savez_compressed(path, **arrays)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """All weights, by name: of trunk, head and severity."""
        own = self.severity.arrays() if self.severity else {}
        return {**(self.in_onnx().weights or {}), **own}

    @classmethod
    def load(cls, path: Path, settings: EncoderSettings) -> Encoder:
        """Raises ModelError when the weights are missing or do not fit the settings."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                stored = {name: arrays[name] for name in arrays.files}
        except (OSError, EOFError, TypeError, ValueError, zipfile.BadZipFile) as error:
            raise ModelError(f"{path}: encoder weights cannot be read ({error}); retrain") from None
        for part, shapes in (("trunk", trunk_shapes(settings)), ("head", head_shapes(settings))):
            wanted = dict(zip(_names(part, len(shapes)), shapes, strict=True))
            found = {name: array.shape for name, array in stored.items() if name.startswith(part)}
            if wanted != found:
                raise ModelError(f"{path}: the {part}'s weights do not fit the model's settings; retrain")
        try:
            return cls.of_arrays(settings, stored)
        except (KeyError, ValueError) as error:
            raise ModelError(f"{path}: the weights of the severity are damaged ({error}); retrain") from None

    @classmethod
    def of_arrays(cls, settings: EncoderSettings, arrays: Weights) -> Encoder:
        """From ``arrays`` of another; KeyError or ValueError where those of the severity do not fit."""
        layers = {name: array for name, array in arrays.items() if not name.startswith("severity_")}
        return cls(settings, weights=layers, severity=Severity.of_arrays(arrays))


def _names(part: str, count: int) -> list[str]:
    return [f"{part}_{number:03}" for number in range(count)]


def _named(weights: Sequence[NDArray], part: str) -> dict[str, NDArray]:
    return dict(zip(_names(part, len(weights)), weights, strict=True))


def _part(weights: Weights | None, part: str) -> list[NDArray[np.float32]]:
    """The trunk's or the head's weights, in Keras's order."""
    return [array for name, array in sorted((weights or {}).items()) if name.startswith(part)]


def _with_weights(model: Any, weights: Weights | None, part: str) -> Any:
    model.set_weights(_part(weights, part))
    return model


def by_shape(inputs: Sequence[NDArray]) -> list[NDArray[np.int64]]:
    """Row numbers grouped by the inputs' height and width."""
    shapes: dict[tuple[int, ...], list[int]] = {}
    for row, picture in enumerate(inputs):
        shapes.setdefault(picture.shape, []).append(row)
    return [np.array(rows) for rows in shapes.values()]
