"""Which ungraded photographs an expert should grade next."""

from toolkit.suggest.choose import Ungraded, next_photos
from toolkit.suggest.results import GradedPhoto, read_results, result_paths
from toolkit.suggest.words import reasons

__all__ = ["GradedPhoto", "Ungraded", "next_photos", "read_results", "reasons", "result_paths"]
