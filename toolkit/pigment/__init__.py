"""Pigment of a patch: maps in optical density, threshold regions of interest, and their features."""

from toolkit.pigment.learnt import COLUMNS as LEARNT_COLUMNS
from toolkit.pigment.learnt import learnt_features, learnt_table, pigment_of_png, pigment_png
from toolkit.pigment.maps import components, deviations, optical_density, robust_scale, smooth_over
from toolkit.pigment.measure import measure, weigh_regions
from toolkit.pigment.regions import Regions, find_regions, spots
from toolkit.pigment.seed import seed_features, seed_threshold_image

__all__ = [
    "LEARNT_COLUMNS",
    "Regions",
    "components",
    "deviations",
    "find_regions",
    "learnt_features",
    "learnt_table",
    "measure",
    "optical_density",
    "pigment_of_png",
    "pigment_png",
    "robust_scale",
    "seed_features",
    "seed_threshold_image",
    "smooth_over",
    "spots",
    "weigh_regions",
]
