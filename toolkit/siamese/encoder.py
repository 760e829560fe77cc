"""A trained (or loaded) encoder: patches in, embeddings and pigment maps out."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ModelError
from toolkit.settings import EncoderSettings
from toolkit.siamese.network import build_head, build_trunk

_BATCH = 64


@dataclass(frozen=True, eq=False)
class Embedded:
    """What an encoder makes of n patches: ``embeddings`` (n, e) float32, grade ``scores`` (n,) float32 0-9, and
    for each patch its ``pigment`` map (h, w) float32, added green OD at the input's scale, 0 off the skin."""

    embeddings: NDArray[np.float32]
    scores: NDArray[np.float32]
    pigment: tuple[NDArray[np.float32], ...]


class Encoder:
    """A trunk that pools what it sees of a patch, and a head that places it among the graded ones."""

    def __init__(self, settings: EncoderSettings, trunk: Any | None = None, head: Any | None = None) -> None:
        self.settings = settings
        self.trunk = build_trunk(settings) if trunk is None else trunk
        width = self.trunk.output["pooled"].shape[-1]
        self.head = build_head(settings, width) if head is None else head

    def look(self, inputs: Sequence[NDArray]) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], ...]]:
        """What the trunk sees of n encoder inputs of any mixture of sizes: pooled features (n, p) float32, and
        their pigment maps (see ``Embedded``)."""
        pooled = np.zeros((len(inputs), self.trunk.output["pooled"].shape[-1]), np.float32)
        maps: dict[int, NDArray[np.float32]] = {}
        for rows in by_shape(inputs):
            for start in range(0, len(rows), _BATCH):
                some = rows[start : start + _BATCH]
                pictures = np.stack([inputs[i] for i in some]).astype(np.float32)
                out = self.trunk.predict_on_batch(pictures)
                pooled[some] = out["pooled"]
                pigment = np.maximum(out["pigment"][..., 0], 0) / self.settings.map_gain
                maps.update(zip(some.tolist(), pigment * (pictures[..., -1] > 0.5), strict=True))
        return pooled, tuple(maps[i] for i in range(len(inputs)))

    def place(self, pooled: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Embeddings (n, e) and grade scores (n,) 0-9 of pooled features (n, p)."""
        if not len(pooled):
            return np.zeros((0, self.settings.embedding), np.float32), np.zeros(0, np.float32)
        out = self.head.predict_on_batch(pooled)
        return np.asarray(out["embedding"]), np.clip(9 * np.asarray(out["grade"])[:, 0], 0, 9)

    def embed(self, inputs: Sequence[NDArray]) -> Embedded:
        """Look and place in one."""
        pooled, maps = self.look(inputs)
        return Embedded(*self.place(pooled), maps)

    def save(self, path: Path) -> None:
        """Write the weights as plain arrays (.npz); the architecture follows from the settings."""
        arrays: Any = {**_named(self.trunk, "trunk"), **_named(self.head, "head")}
        np.savez_compressed(path, **arrays)

    @classmethod
    def load(cls, path: Path, settings: EncoderSettings) -> Encoder:
        """Raises ModelError when the weights are missing or do not fit the settings."""
        encoder = cls(settings)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                stored = {name: arrays[name] for name in arrays.files}
        except (OSError, EOFError, TypeError, ValueError, zipfile.BadZipFile) as error:
            raise ModelError(f"{path}: encoder weights cannot be read ({error}); retrain") from None
        for model, part in ((encoder.trunk, "trunk"), (encoder.head, "head")):
            wanted = {name: array.shape for name, array in _named(model, part).items()}
            found = {name: array.shape for name, array in stored.items() if name.startswith(part)}
            if wanted != found:
                raise ModelError(f"{path}: the {part}'s weights do not fit the model's settings; retrain")
            model.set_weights([stored[name] for name in wanted])
        return encoder


def _named(model: Any, part: str) -> dict[str, NDArray]:
    return {f"{part}_{number:03}": array for number, array in enumerate(model.get_weights())}


def by_shape(inputs: Sequence[NDArray]) -> list[NDArray[np.int64]]:
    """Row numbers grouped by the inputs' height and width."""
    shapes: dict[tuple[int, ...], list[int]] = {}
    for row, picture in enumerate(inputs):
        shapes.setdefault(picture.shape, []).append(row)
    return [np.array(rows) for rows in shapes.values()]
