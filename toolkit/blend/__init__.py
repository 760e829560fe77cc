"""From features to grades: LightGBM and a ridge a patch, region weights a face, conformal intervals."""

from toolkit.blend.face import LoadCurve, best_curve_share, combine, fit_weights, for_tone
from toolkit.blend.interval import DIFFICULTY, Interval, conformal_half_width
from toolkit.blend.patch import PatchBlend, best_share, mixed
from toolkit.blend.ridge import Ridge
from toolkit.blend.whole import Blend

__all__ = [
    "DIFFICULTY",
    "Blend",
    "Interval",
    "LoadCurve",
    "PatchBlend",
    "Ridge",
    "best_curve_share",
    "best_share",
    "combine",
    "conformal_half_width",
    "fit_weights",
    "for_tone",
    "mixed",
]
