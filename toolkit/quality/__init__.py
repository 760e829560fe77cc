"""Whether a photograph is good enough to be graded, and if not, why."""

from toolkit.quality.assess import assess, study_labels

__all__ = ["assess", "study_labels"]
