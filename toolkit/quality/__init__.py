"""Whether a photograph is good enough to be graded, and if not, why."""

from toolkit.quality.assess import Quality, assess, judge_casts

__all__ = ["Quality", "assess", "judge_casts"]
