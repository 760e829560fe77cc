"""Whether a photograph is good enough to be graded, and if not, why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from toolkit.records import Face, Patch, Photo
from toolkit.settings import QualitySettings


@dataclass(frozen=True)
class Quality:
    """A photo's figures; ``label`` is "ok" or names what is wrong, worst first ("blurred; overexposed").

    ``blur`` 0 sharp to 1 blurred (F. Crete et al., 2007); ``over`` and ``under`` the share of skin with a
    channel at or over 250, or wholly at or under 5; ``px_per_mm`` of the photo; ``skin_fraction`` of the
    patches' area; ``colour`` (R/G, B/G) of the median skin, for the comparison with the study's median.
    """

    blur: float
    over: float
    under: float
    px_per_mm: float
    skin_fraction: float
    colour: tuple[float, float]
    label: str = "ok"


def assess(photo: Photo, face: Face, patches: Sequence[Patch], settings: QualitySettings) -> Quality:
    """The figures of one photo, judged by ``settings``; the colour cast needs a study: see ``judge_casts``."""
    from skimage.measure import blur_effect

    skin = [patch.pixels[patch.skin] for patch in patches]
    values = np.concatenate(skin) if skin else np.zeros((0, 3), np.uint8)
    if not len(values):
        return Quality(1.0, 0.0, 0.0, face.px_per_mm, 0.0, (1.0, 1.0), "no skin")
    area = sum(patch.skin.size for patch in patches)
    largest = max(patches, key=lambda patch: int(patch.skin.sum()))
    red, green, blue = np.maximum(np.median(values, axis=0), 1.0)
    blur = float(blur_effect(cv2.cvtColor(largest.pixels, cv2.COLOR_RGB2GRAY), h_size=11))
    over = float((values.max(axis=1) >= 250).mean())
    under = float((values.max(axis=1) <= 5).mean())
    fraction = len(values) / area
    faults = []
    if blur > settings.max_blur:
        faults.append("blurred")
    if over > settings.max_clipped_fraction:
        faults.append("overexposed")
    if under > settings.max_clipped_fraction:
        faults.append("underexposed")
    if face.px_per_mm < settings.min_px_per_mm:
        faults.append("too small")
    if fraction < settings.min_skin_fraction:
        faults.append("little skin")
    return Quality(
        blur,
        over,
        under,
        face.px_per_mm,
        fraction,
        (float(red / green), float(blue / green)),
        "; ".join(faults) or "ok",
    )
