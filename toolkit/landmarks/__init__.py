"""The 68 landmarks of a face: whole, masked, or one half completed by its mirror image."""

from toolkit.landmarks.finder import FaceFinder
from toolkit.landmarks.models import default_landmark_model
from toolkit.meanface import fit_similarity

__all__ = ["FaceFinder", "default_landmark_model", "fit_similarity"]
