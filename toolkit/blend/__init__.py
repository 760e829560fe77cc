"""From features to grades: a rising curve, LightGBM and a ridge on a side's table, conformal intervals."""

from toolkit.blend.crossfit import Folds, out_of_fold
from toolkit.blend.curve import RisingCurve, best_shares
from toolkit.blend.face import combine, fit_weights
from toolkit.blend.interval import DIFFICULTY, FEW_PHOTOS, Interval, conformal_half_width
from toolkit.blend.ridge import Ridge
from toolkit.blend.table import TableBlend, best_share, mixed
from toolkit.blend.whole import Blend, share_of_two

__all__ = [
    "DIFFICULTY",
    "FEW_PHOTOS",
    "Blend",
    "Folds",
    "Interval",
    "Ridge",
    "RisingCurve",
    "TableBlend",
    "best_share",
    "best_shares",
    "combine",
    "conformal_half_width",
    "fit_weights",
    "mixed",
    "out_of_fold",
    "share_of_two",
]
