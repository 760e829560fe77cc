"""Grades from one table of named columns: LightGBM and a ridge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toolkit.blend.ridge import Ridge
from toolkit.blend.trees import Booster
from toolkit.errors import ModelError
from toolkit.settings import BlendSettings

Matrix = NDArray[np.float64]
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


class TableBlend:
    """Grades of rows: LightGBM and a ridge on one table of named columns; ``share`` (0-1) is LightGBM's part."""

    def __init__(self, columns: Sequence[str], booster: Booster, ridge: Ridge, share: float = 0.5) -> None:
        self.columns = tuple(columns)
        self.booster = booster
        self.ridge = ridge
        self.share = share

    @classmethod
    def fit(
        cls,
        columns: Sequence[str],
        table: Matrix,
        grades: NDArray,
        groups: NDArray,
        *,
        settings: BlendSettings,
        seed: int,
    ) -> TableBlend:
        """``table`` (n, p) with NaN for the unknown, ``grades`` (n,) 0-9, ``groups`` (n,) subjects."""
        import lightgbm

        parameters = {
            "objective": "huber",
            "num_leaves": settings.leaves,
            "min_data_in_leaf": settings.min_child,
            "learning_rate": settings.learning_rate,
            "feature_fraction": settings.feature_fraction,
            "lambda_l2": settings.l2,
            "seed": seed,
            "deterministic": True,
            "force_col_wise": True,
            # Tables are small, and on a busy machine threads that wait for one another take a hundredfold.
            "num_threads": 1,
            "verbosity": -1,
        }
        # LightGBM allows no special characters in names: its columns go by number, ours by order.
        data = lightgbm.Dataset(table, label=grades)
        grown = lightgbm.train(parameters, data, num_boost_round=settings.trees)
        return cls(columns, Booster(grown.model_to_string()), Ridge.fit(table, grades, groups))

    def predict(self, columns: Sequence[str], table: Matrix) -> Matrix:
        """Grades (n,) 0-9; raises ModelError unless the columns are those of training."""
        return mixed(*self.predict_both(columns, table), self.share)

    def predict_both(self, columns: Sequence[str], table: Matrix) -> tuple[Matrix, Matrix]:
        """Grades of LightGBM and of the ridge, (n,) each, not clipped; raises as ``predict``."""
        if tuple(columns) != self.columns:
            odd = sorted(set(columns) ^ set(self.columns)) or ["their order"]
            raise ModelError(f"the features differ from those the model was trained on: {', '.join(odd[:5])}")
        if not len(table):
            return np.zeros(0), np.zeros(0)
        return self.booster.predict(table), self.ridge.predict(table)

    def contributions(self, table: Matrix) -> Matrix:
        """What each column (n, p) adds to the grade of an average row, in grades: SHAP values of LightGBM
        (Lundberg et al. 2020) and the ridge's own terms, by their shares."""
        if not len(table):
            return np.zeros((0, len(self.columns)))
        return self.share * self._shap(table)[:, :-1] + (1 - self.share) * self.ridge.contributions(table)

    def start(self, table: Matrix) -> float:
        """The grade that contributions are added to: of LightGBM's and the ridge's average row, by their shares."""
        return self.share * float(self._shap(table[:1])[0, -1]) + (1 - self.share) * self.ridge.intercept

    def _shap(self, table: Matrix) -> Matrix:
        if not self.share:  # LightGBM would be loaded for nothing
            return np.zeros((len(table), len(self.columns) + 1))
        return self.booster.shap(table)


def mixed(boosted: Matrix, ridge: Matrix, share: float) -> Matrix:
    """Grades (n,) 0-9 of the two."""
    return np.clip(share * boosted + (1 - share) * ridge, 0, 9)


def best_share(boosted: Matrix, ridge: Matrix, grades: NDArray) -> float:
    """LightGBM's share that grades best, of ``SHARES``; predictions (n,) must be out of fold."""
    errors = [float(np.square(mixed(boosted, ridge, share) - grades).mean()) for share in SHARES]
    return SHARES[int(np.argmin(errors))]
