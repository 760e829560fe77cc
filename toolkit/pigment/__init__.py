"""Pigment of a patch: maps in optical density, threshold regions of interest, and their features."""

from toolkit.pigment.features import field_features, spot_features, texture_features, tone_features
from toolkit.pigment.maps import components, deviations, optical_density, robust_scale, smooth_over
from toolkit.pigment.measure import measure
from toolkit.pigment.regions import spots
from toolkit.pigment.seed import seed_features, seed_threshold_image

__all__ = [
    "components",
    "deviations",
    "field_features",
    "measure",
    "optical_density",
    "robust_scale",
    "seed_features",
    "seed_threshold_image",
    "smooth_over",
    "spot_features",
    "spots",
    "texture_features",
    "tone_features",
]
