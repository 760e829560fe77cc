"""All that turns a table of patch features into a graded face, as one thing to save and load."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.blend.face import NO_CURVE, LoadCurve
from toolkit.blend.interval import Interval
from toolkit.blend.patch import PatchBlend
from toolkit.blend.ridge import RIDGE_TUPLES, Ridge, floats
from toolkit.errors import ModelError
from toolkit.records import REGIONS
from toolkit.settings import BlendSettings

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Blend:
    """All that turns a table of patch features into a graded face."""

    patch: PatchBlend
    weights: Mapping[str, float]
    interval: Interval
    curve: LoadCurve = NO_CURVE

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
            "booster_share": self.patch.share,
            "weights": dict(self.weights),
            "interval": asdict(self.interval),
            "curve": asdict(self.curve),
        }
        (folder / "blend.json").write_text(json.dumps(text, indent=1))

    @classmethod
    def load(cls, folder: Path) -> Blend:
        """Raises ModelError naming the file that is missing or damaged."""
        import lightgbm

        try:
            raw = json.loads((folder / "blend.json").read_text())
            tuples = {name: floats(raw["ridge"][name]) for name in RIDGE_TUPLES}
            ridge = Ridge(**tuples, intercept=float(raw["ridge"]["intercept"]))
            booster = lightgbm.Booster(model_file=folder / "booster.txt")
            patch = PatchBlend(raw["columns"], booster, ridge, float(raw["booster_share"]))
            weights: dict[str, float] = {region: float(raw["weights"][region]) for region in REGIONS}
            told = raw["interval"]
            interval = Interval(
                float(told["factor"]), float(told["usual"]), floats(told["centre"]), floats(told["scale"]),
                floats(told["weights"]), float(told["far"]),
            )  # fmt: skip
            rising = raw["curve"]
            curve = LoadCurve(
                floats(rising["loads"]),
                floats(rising["grades"]),
                float(rising["usual"]),
                float(rising["share"]),
                float(rising.get("tone_gain", 0.0)),
            )
            blend = cls(patch, weights, interval, curve)
        except (OSError, ValueError, KeyError, TypeError, lightgbm.basic.LightGBMError) as error:
            raise ModelError(
                f"{folder}: the blend cannot be loaded ({error}); retrain or restore the folder"
            ) from None
        if booster.num_feature() != len(patch.columns) or len(ridge.weights) != len(patch.columns):
            raise ModelError(f"{folder}: booster.txt and blend.json do not belong together; retrain")
        return blend
