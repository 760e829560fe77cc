"""Trees that LightGBM has grown, walked by NumPy: grading then does without LightGBM, whose import takes longer than all
else that a first grade needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ModelError

Matrix = NDArray[np.float64]
_ZERO = 1e-35  # LightGBM's kZeroThreshold
_DEFAULT_LEFT = 2  # a bit of a node's decision_type; the two bits above it say what is missing there
_ZERO_IS_MISSING, _NAN_IS_MISSING = 1, 2


class Booster:
    """Trees of numbers from LightGBM's ``text`` of them; one that came from a file must have passed ``check_booster``, for
    circles are walked for ever. Raises ValueError or KeyError where it tells of no trees. ``features``: how many columns
    they split.

    A node asks as ``Tree::NumericalDecision`` in LightGBM's ``tree.h`` does. Inner nodes are numbered from 0, leaf n is
    ~n, as there.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        head, *blocks = text[: text.index("end of trees\n")].split("Tree=")
        self.features = int(_pairs(head)["max_feature_idx"]) + 1
        trees = list(map(_pairs, blocks))
        self._feature = _side_by_side(trees, "split_feature").astype(np.intp)
        self._threshold = _side_by_side(trees, "threshold")
        kind = _side_by_side(trees, "decision_type").astype(np.intp)
        self._missing, self._missing_left = kind >> 2 & 3, (kind & _DEFAULT_LEFT) > 0
        self._left, self._right = (
            _side_by_side(trees, f"{side}_child").astype(np.intp) for side in ("left", "right")
        )
        self._leaf = _side_by_side(trees, "leaf_value")
        self._root = np.array([-1 if tree["num_leaves"] == "1" else 0 for tree in trees])

    def predict(self, table: Matrix) -> Matrix:
        """Predictions (n,) for rows (n, features), NaN where a value is not known: the sum of the leaves they reach."""
        trees, rows = np.arange(len(self._root)), np.arange(len(table))[:, None]
        node = np.tile(self._root, (len(table), 1))
        while (node >= 0).any():
            at = trees, np.maximum(node, 0)
            value, missing = table[rows, self._feature[at]], self._missing[at]
            unknown = np.isnan(value)
            value = np.where(unknown, 0.0, value)
            by_default = np.where(
                missing == _ZERO_IS_MISSING, np.abs(value) <= _ZERO, unknown & (missing == _NAN_IS_MISSING)
            )
            left = np.where(by_default, self._missing_left[at], value <= self._threshold[at])
            node = np.where(node < 0, node, np.where(left, self._left[at], self._right[at]))
        return np.asarray(self._leaf[trees, ~node].sum(axis=1))

    def shap(self, table: Matrix) -> Matrix:
        """SHAP values (n, features + 1) of LightGBM, the last one what they are added to; raises as ``in_lightgbm``."""
        return np.asarray(self.in_lightgbm.predict(table, pred_contrib=True, num_threads=1))

    @cached_property
    def in_lightgbm(self) -> Any:
        """LightGBM's own model; raises ModelError where it cannot read it."""
        import lightgbm

        try:
            return lightgbm.Booster(model_str=self._text)
        except lightgbm.basic.LightGBMError as error:
            raise ModelError(f"booster.txt: LightGBM cannot read it ({error}); retrain") from None

    def model_to_string(self) -> str:
        """The text."""
        return self._text


def _pairs(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.split("\n") if "=" in line)


def _side_by_side(trees: Sequence[Mapping[str, str]], key: str) -> Matrix:
    """One figure of all trees' nodes or leaves (trees, most), filled up with 0."""
    rows = [np.array(tree[key].split(), np.float64) for tree in trees]
    found = np.zeros((len(rows), max([1, *map(len, rows)])))
    for own, row in zip(found, rows, strict=True):
        own[: len(row)] = row
    return found
