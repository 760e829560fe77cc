"""From features to grades: LightGBM and a ridge a patch, region weights a face, conformal intervals."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ModelError
from toolkit.records import REGIONS
from toolkit.settings import BlendSettings

Matrix = NDArray[np.float64]
RIDGE_TUPLES = ("fill", "knee", "centre", "scale", "weights")
_LINEAR = 1e6  # a knee far beyond any value: the column stays as it is


@dataclass(frozen=True)
class Ridge:
    """A ridge regression on standardised columns as plain numbers, so that it can be saved as text.

    Skewed columns (areas, loads: the grade rises ever more slowly with them) are compressed first, by the
    inverse hyperbolic sine: linear up to about their ``knee``, logarithmic beyond.
    """

    fill: tuple[float, ...]
    knee: tuple[float, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    @classmethod
    def fit(cls, table: Matrix, grades: NDArray, groups: NDArray) -> Ridge:
        """The penalty is chosen by cross-validation over subjects (``groups``)."""
        from scipy.stats import skew
        from sklearn.linear_model import RidgeCV
        from sklearn.model_selection import GroupKFold

        fill = np.nan_to_num(_column_medians(table))
        filled = np.where(np.isnan(table), fill, table)
        varied = filled.std(axis=0) > 1e-9
        skewed = np.zeros(filled.shape[1], bool)
        skewed[varied] = skew(filled[:, varied]) > 0.5
        knee = np.where(skewed, np.median(np.abs(filled), axis=0) + 1e-6, _LINEAR)
        filled = _compressed(filled, knee)
        centre, scale = filled.mean(axis=0), filled.std(axis=0)
        scale[scale < 1e-9] = 1.0
        standard = np.clip((filled - centre) / scale, -4, 4)
        parts = min(5, len(np.unique(groups)))
        splits = list(GroupKFold(parts).split(standard, grades, groups)) if parts > 1 else None
        model = RidgeCV(alphas=np.logspace(0, 4, 13), cv=splits).fit(standard, grades)
        return cls(
            _floats(fill), _floats(knee), _floats(centre), _floats(scale), _floats(model.coef_),
            float(model.intercept_),
        )  # fmt: skip

    def predict(self, table: Matrix) -> Matrix:
        """Grades (n,) of a table (n, p), not clipped."""
        filled = _compressed(np.where(np.isnan(table), self.fill, table), np.array(self.knee))
        # Clipped as in fitting: one wild figure must not carry the grade away.
        standard = np.clip((filled - np.array(self.centre)) / np.array(self.scale), -4, 4)
        return standard @ np.array(self.weights) + self.intercept


def _compressed(table: Matrix, knee: Matrix) -> Matrix:
    return knee * np.arcsinh(table / knee)


class PatchBlend:
    """Patch grades: the mean of LightGBM and ridge on one table of named columns."""

    def __init__(self, columns: Sequence[str], booster: Any, ridge: Ridge) -> None:
        self.columns = tuple(columns)
        self.booster = booster
        self.ridge = ridge

    @classmethod
    def fit(
        cls,
        columns: Sequence[str],
        table: Matrix,
        grades: NDArray,
        groups: NDArray,
        settings: BlendSettings,
        seed: int,
    ) -> PatchBlend:
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
            "verbosity": -1,
        }
        # LightGBM allows no special characters in names: its columns go by number, ours by order.
        data = lightgbm.Dataset(table, label=grades)
        booster = lightgbm.train(parameters, data, num_boost_round=settings.trees)
        return cls(columns, booster, Ridge.fit(table, grades, groups))

    def predict(self, columns: Sequence[str], table: Matrix) -> Matrix:
        """Patch grades (n,) 0-9; raises ModelError unless the columns are those of training."""
        if tuple(columns) != self.columns:
            odd = sorted(set(columns) ^ set(self.columns)) or ["their order"]
            raise ModelError(f"the features differ from those the model was trained on: {', '.join(odd[:5])}")
        if not len(table):
            return np.zeros(0)
        both = (np.asarray(self.booster.predict(table)) + self.ridge.predict(table)) / 2
        return np.clip(both, 0, 9)


def fit_weights(
    patch_grades: Matrix, grades: NDArray, prior: Sequence[float], strength: float = 20.0
) -> Matrix:
    """Region weights, non-negative and summing to one, that bring whole-face grades nearest.

    ``patch_grades`` (n, 4) in the order of REGIONS with NaN where a patch is missing; ``grades`` (n,);
    ``prior`` (4,) towards which ``strength`` photographs' worth of evidence pulls. The two cheeks share one
    weight: the grade of a face does not depend on which side is which.
    """
    from scipy.optimize import minimize

    prior_three = np.array([prior[0], (prior[1] + prior[2]) / 2, prior[3]])

    def spread(three: Matrix) -> Matrix:
        four = np.maximum(three[[0, 1, 1, 2]], 0)
        return four / four.sum()

    def loss(three: Matrix) -> float:
        residual = combine(patch_grades, spread(three)) - grades
        return float(np.nansum(residual**2) + strength * ((three - prior_three) ** 2).sum())

    best = minimize(loss, prior_three, method="L-BFGS-B", bounds=[(1e-3, 1.0)] * 3)
    return spread(best.x)


def combine(patch_grades: Matrix, weights: NDArray) -> Matrix:
    """Whole-face grades (n,): the weighted mean of the patches there are; NaN where there is none.

    ``patch_grades`` (n, 4) with NaN for missing patches, whose weight the others share.
    """
    present = np.isfinite(patch_grades) * np.asarray(weights)
    total = present.sum(axis=1)
    weighted = (np.nan_to_num(patch_grades) * present).sum(axis=1)
    return np.where(total > 0, weighted / np.maximum(total, 1e-9), np.nan)


def conformal_half_width(residuals: NDArray, subjects: NDArray, coverage: float, seed: int = 0) -> float:
    """Half-width of a prediction interval from out-of-fold residuals (split conformal, Vovk et al. 2005).

    The ceil(coverage (n + 1))-th smallest absolute residual, over n subjects of whom one photograph each is
    drawn; the mean of 200 such draws, because photographs of one subject are not exchangeable. With too few
    subjects for the coverage, the largest residual.
    """
    rng = np.random.default_rng(seed)
    by_subject = [np.abs(residuals[subjects == subject]) for subject in np.unique(subjects)]
    n = len(by_subject)
    rank = min(int(np.ceil(coverage * (n + 1))), n) - 1
    draws = [np.sort([rng.choice(values) for values in by_subject])[rank] for _ in range(200)]
    return float(np.mean(draws))


@dataclass(frozen=True)
class Blend:
    """All that turns a table of patch features into a graded face."""

    patch: PatchBlend
    weights: Mapping[str, float]
    half_width: float

    def region_weights(self, scheme: str, settings: BlendSettings) -> Matrix:
        """Weights (4,) in the order of REGIONS: ``learned``, ``mmasi`` or ``equal``."""
        schemes = {
            "learned": [self.weights[region] for region in REGIONS],
            "mmasi": settings.mmasi_weights,
            "equal": [0.25] * 4,
        }
        if scheme not in schemes:
            raise ModelError(f"unknown weights {scheme!r}: choose learned, mmasi or equal")
        return np.array(schemes[scheme])

    def save(self, folder: Path) -> None:
        """Write booster.txt and blend.json."""
        self.patch.booster.save_model(folder / "booster.txt")
        text = {
            "columns": self.patch.columns,
            "ridge": asdict(self.patch.ridge),
            "weights": dict(self.weights),
            "half_width": self.half_width,
        }
        (folder / "blend.json").write_text(json.dumps(text, indent=1))

    @classmethod
    def load(cls, folder: Path) -> Blend:
        """Raises ModelError naming the file that is missing or damaged."""
        import lightgbm

        try:
            raw = json.loads((folder / "blend.json").read_text())
            tuples = {name: _floats(raw["ridge"][name]) for name in RIDGE_TUPLES}
            ridge = Ridge(**tuples, intercept=float(raw["ridge"]["intercept"]))
            booster = lightgbm.Booster(model_file=folder / "booster.txt")
            patch = PatchBlend(raw["columns"], booster, ridge)
            blend = cls(
                patch, {region: float(raw["weights"][region]) for region in REGIONS}, float(raw["half_width"])
            )
        except (OSError, ValueError, KeyError, TypeError, lightgbm.basic.LightGBMError) as error:
            raise ModelError(
                f"{folder}: the blend cannot be loaded ({error}); retrain or restore the folder"
            ) from None
        if booster.num_feature() != len(patch.columns) or len(ridge.weights) != len(patch.columns):
            raise ModelError(f"{folder}: booster.txt and blend.json do not belong together; retrain")
        return blend


def _floats(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(map(float, values))


def _column_medians(table: Matrix) -> Matrix:
    """Medians that pass over NaN; NaN for a column of nothing else, without a warning."""
    return np.array([np.median(c[np.isfinite(c)]) if np.isfinite(c).any() else np.nan for c in table.T])
