"""Pigment of a patch: maps in optical density, threshold regions of interest, and their features."""

from toolkit.pigment.learnt import COLUMNS as LEARNT_COLUMNS
from toolkit.pigment.learnt import learnt_features, learnt_table, pigment_of_png, pigment_png
from toolkit.pigment.maps import components, deviations, optical_density, robust_scale, smooth_over
from toolkit.pigment.measure import map_skin, measure, measure_window, patch_features, weigh_regions, whole
from toolkit.pigment.regions import Regions, find_regions, spots
from toolkit.pigment.seed import seed_features, seed_threshold_image
from toolkit.pigment.side import (
    CLASSICAL_COLUMNS,
    MAP_COLUMNS,
    NET_COLUMNS,
    Skin,
    map_figures,
    mean_root,
    predicted_spots,
    side_features,
    side_figures,
)

__all__ = [
    "CLASSICAL_COLUMNS",
    "LEARNT_COLUMNS",
    "MAP_COLUMNS",
    "NET_COLUMNS",
    "Regions",
    "Skin",
    "components",
    "deviations",
    "find_regions",
    "learnt_features",
    "learnt_table",
    "map_figures",
    "map_skin",
    "mean_root",
    "measure",
    "measure_window",
    "optical_density",
    "patch_features",
    "pigment_of_png",
    "pigment_png",
    "predicted_spots",
    "robust_scale",
    "seed_features",
    "seed_threshold_image",
    "side_features",
    "side_figures",
    "smooth_over",
    "spots",
    "weigh_regions",
    "whole",
]
