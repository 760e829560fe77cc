"""What a model's intervals can be said to aim at."""

from __future__ import annotations

import math

from toolkit.blend import FEW_PHOTOS
from toolkit.model import Model
from toolkit.scores import supported_coverage


def supported(model: Model) -> float:
    """The coverage that the model's intervals can be said to aim at: with n subjects no more than n / (n + 1)."""
    return supported_coverage(model.settings.blend.coverage, model.card.get("subjects"))


def coverage_told(model: Model) -> str:
    """What the intervals aim at, in words; fewer than 9 subjects support no 90 %."""
    aimed, subjects = model.settings.blend.coverage, model.card.get("subjects")
    if supported(model) >= aimed:
        return f"{aimed:.0%} aimed at".replace("%", " %")
    wanted = math.ceil(aimed / (1 - aimed) - 1e-9)
    return (
        f"not the {aimed:.0%} that more subjects would allow: {subjects} support {supported(model):.0%} at most, "
        f"{wanted} are needed"
    ).replace("%", " %")


def widths_told(model: Model) -> str:
    """Whether the model's intervals are wider where grading is harder, and if not, why they are all of one width."""
    if not model.blend.interval.of_one_width:
        return "wider where grading is harder"
    photos = model.card.get("photos")
    few = (
        f"telling which photos are harder takes {FEW_PHOTOS} graded ones, and the model learnt from {photos}"
    )
    why = (
        few
        if isinstance(photos, int) and photos < FEW_PHOTOS
        else "nothing told harder photos from easier ones"
    )
    return f"all of one width, but for the ends of the scale: {why}"
