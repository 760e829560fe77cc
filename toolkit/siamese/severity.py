"""How severe a side or a region looks, from figures of its predicted map: a small network taught on phantoms.

The mean of a predicted map counts the noise of plain skin like faint spots, and a map shows less than there is on dark or
compressed skin; what tells is in the map's other figures and in the skin's tone. The answer is a figure, not yet a grade: x with 9 (1 - exp(-x)) the grade on the
phantoms' scale, which a study's own curve bends to its graders.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_MEMBERS, _HIDDEN = 4, 24
_CLIP = 4.0  # standard deviations of the inputs beyond which nothing is learnt from
_TOP = 8.7  # grades
_NAMES = ("centre", "spread", "hidden", "hidden_bias", "out", "out_bias")


@dataclass(frozen=True, eq=False)
class Severity:
    """An ensemble of k networks of one hidden layer: inputs (n, q) less ``centre`` (q,), over ``spread`` (q,); weights
    ``hidden`` (k, q, h), ``out`` (k, h) and their biases (k, h), (k,)."""

    centre: Array
    spread: Array
    hidden: Array
    hidden_bias: Array
    out: Array
    out_bias: Array

    def __post_init__(self) -> None:
        k, q, h = self.hidden.shape
        wanted = ((q,), (q,), (k, q, h), (k, h), (k, h), (k,))
        for name, shape in zip(_NAMES, wanted, strict=True):
            array = getattr(self, name)
            if array.shape != shape or not np.isfinite(array).all():
                raise ValueError(f"{name} must be finite and of shape {shape}, got {array.shape}")

    @classmethod
    def fit(cls, inputs: NDArray, grades: NDArray, seed: int) -> Severity:
        """From inputs (n, q) and latent grades (n,) 0-9 of phantoms: least squares, much decay of weights."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPRegressor

        centre, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
        x = np.clip((inputs - centre) / spread, -_CLIP, _CLIP)
        members = [
            MLPRegressor(
                hidden_layer_sizes=(_HIDDEN,),
                alpha=3.0,
                learning_rate_init=3e-3,
                max_iter=150,
                random_state=seed + k,
            )
            for k in range(_MEMBERS)
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it is meant to stop early
            for member in members:
                member.fit(x, grades / 3)  # about unit deviation, which the decay is meant for
        arrays = (
            centre, spread, np.stack([m.coefs_[0] for m in members]), np.stack([m.intercepts_[0] for m in members]),
            np.stack([3 * m.coefs_[1][:, 0] for m in members]), np.stack([3 * m.intercepts_[1][0] for m in members]),
        )  # fmt: skip
        return cls(*(array.astype(np.float32) for array in arrays))

    def grades(self, inputs: NDArray) -> NDArray[np.float64]:
        """Grades (n,) on the phantoms' scale, 0 to 8.7, of inputs (n, q): the members' mean."""
        x = np.clip((inputs - self.centre) / self.spread, -_CLIP, _CLIP).astype(np.float32)
        layers = np.maximum(np.einsum("nq,kqh->nkh", x, self.hidden) + self.hidden_bias, 0)
        return np.clip((np.einsum("nkh,kh->nk", layers, self.out) + self.out_bias).mean(axis=1), 0, _TOP)

    def figures(self, inputs: NDArray) -> NDArray[np.float64]:
        """x (n,) of which 9 (1 - exp(-x)) is ``grades``."""
        return np.asarray(-np.log1p(-self.grades(inputs) / 9))

    def arrays(self) -> dict[str, Array]:
        """As plain arrays, by names that ``of_arrays`` knows."""
        return {f"severity_{name}": getattr(self, name) for name in _NAMES}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Array]) -> Severity | None:
        """From ``arrays``; None where there are none. Raises KeyError or ValueError where some are missing or do not fit."""
        if not any(name.startswith("severity_") for name in arrays):
            return None
        return cls(*(arrays[f"severity_{name}"] for name in _NAMES))
