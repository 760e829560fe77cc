"""The 68 landmarks of a face: whole, masked, or one half completed by its mirror image."""

from toolkit.landmarks.finder import FaceFinder
from toolkit.landmarks.models import (
    LANDMARKS,
    chosen_landmark_model,
    default_landmark_model,
    dlib_landmark_model,
    landmarks_name,
)
from toolkit.meanface import fit_similarity

__all__ = [
    "LANDMARKS",
    "FaceFinder",
    "chosen_landmark_model",
    "default_landmark_model",
    "dlib_landmark_model",
    "fit_similarity",
    "landmarks_name",
]
