"""All that turns what is known of a face into its grade, as one thing to save and load."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.blend.curve import RisingCurve
from toolkit.blend.interval import Interval
from toolkit.blend.ridge import RIDGE_TUPLES, Ridge, floats
from toolkit.blend.table import TableBlend
from toolkit.blend.trees import Booster
from toolkit.errors import ModelError
from toolkit.settings import BlendSettings

Matrix = NDArray[np.float64]
SCHEMES = ("learned", "mmasi", "equal")


@dataclass(frozen=True)
class Blend:
    """The grade of a side: ``shares`` of the rising curve of its predicted pigment, of LightGBM and of a ridge on the
    side's table (``side``); the same curve grades each region. ``interval``: how sure a grade is."""

    side: TableBlend
    curve: RisingCurve
    shares: tuple[float, float, float]
    interval: Interval

    def mixed(self, by_curve: Matrix, boosted: Matrix, ridge: Matrix) -> Matrix:
        """Grades (n,) 0-9 of sides from the three predictions (n,)."""
        return np.clip(np.column_stack([by_curve, boosted, ridge]) @ self.shares, 0, 9)

    def contributions(self, values: Matrix, by_curve: Matrix) -> tuple[Matrix, Matrix, float]:
        """What each column (n, p) and the curve (n,) add to a grade, and the grade that they are added to."""
        of_table = self.shares[1] + self.shares[2]
        parts = of_table * self.side.contributions(values)
        start = self.shares[0] * self.curve.usual + of_table * self.side.start(values)
        return parts, self.shares[0] * (by_curve - self.curve.usual), start

    def get_ready(self) -> None:
        """Load LightGBM now, where grades need it; raises ModelError where it cannot read its model."""
        if self.side.share:
            self.side.booster.in_lightgbm  # noqa: B018

    def region_weights(self, scheme: str, settings: BlendSettings) -> Matrix | None:
        """Weights (4,) in the order of REGIONS for ``mmasi`` or ``equal``; None for ``learned``, which grades the side
        as a whole."""
        if scheme not in SCHEMES:
            raise ModelError(f"unknown weights {scheme!r}: choose learned, mmasi or equal")
        weights = {"mmasi": settings.mmasi_weights, "equal": (0.25,) * 4}.get(scheme)
        return None if weights is None else np.array(weights)

    def save(self, folder: Path) -> None:
        """Write booster.txt and blend.json."""
        (folder / "booster.txt").write_text(
            self.side.booster.model_to_string(), encoding="utf-8", newline="\n"
        )
        text = {
            "columns": self.side.columns,
            "ridge": asdict(self.side.ridge),
            "curve": asdict(self.curve),
            "shares": dict(zip(("curve", "booster", "ridge"), self.shares, strict=True)),
            "interval": asdict(self.interval),
        }
        (folder / "blend.json").write_text(json.dumps(text, indent=1), encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, folder: Path) -> Blend:
        """Raises ModelError naming the file that is missing or damaged."""
        try:
            raw = json.loads((folder / "blend.json").read_text(encoding="utf-8"))
            tuples = {name: floats(raw["ridge"][name]) for name in RIDGE_TUPLES}
            ridge = Ridge(**tuples, intercept=float(raw["ridge"]["intercept"]))
            booster = Booster((folder / "booster.txt").read_text(encoding="utf-8"))
            curve, boosted, rest = (float(raw["shares"][name]) for name in ("curve", "booster", "ridge"))
            side = TableBlend(raw["columns"], booster, ridge, share_of_two(boosted, rest))
            told = raw["interval"]
            interval = Interval(
                float(told["factor"]), float(told["usual"]), floats(told["centre"]), floats(told["scale"]),
                floats(told["weights"]), float(told["far"]),
            )  # fmt: skip
            rising = RisingCurve(**{name: float(raw["curve"][name]) for name in _CURVE})
            blend = cls(side, rising, (curve, boosted, rest), interval)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{folder}: the blend cannot be loaded ({error}); retrain or restore the folder"
            ) from None
        if booster.features != len(side.columns) or len(ridge.weights) != len(side.columns):
            raise ModelError(f"{folder}: booster.txt and blend.json do not belong together; retrain")
        return blend


_CURVE = ("scale", "power", "usual")


def share_of_two(boosted: float, ridge: float) -> float:
    """LightGBM's part of what LightGBM and the ridge have together; 0 where they have nothing, so that nobody asks it."""
    return boosted / (boosted + ridge) if boosted + ridge else 0.0
