"""What the network sees of a patch."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.records import PigmentMaps
from toolkit.settings import EncoderSettings

CHANNELS = 7


def encoder_input(maps: PigmentMaps, settings: EncoderSettings) -> NDArray[np.float16]:
    """The network's view of a patch: (h, w, 7) float16 at ``settings.px_per_mm``.

    Channels: melanin, darkness and erythema deviations from the surroundings, the same from the patch's plain
    skin (0 where ``maps.level`` is not known), all times ``map_gain`` and clipped to +-``map_clip``, and the skin
    mask (0-1) last; 0 off the skin. Sides are multiples of 8 for the patch sizes in the settings.
    """
    scale = settings.px_per_mm / maps.px_per_mm
    size = tuple(round(n * scale) for n in maps.skin.shape[::-1])
    level = np.zeros((*maps.skin.shape, 3), np.float32) if maps.level is None else maps.level
    stack = np.dstack([maps.melanin, maps.darkness, maps.erythema, level, maps.skin.astype(np.float32)])
    # Channel by channel: resizing is made for up to four.
    small = np.dstack(
        [cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in np.moveaxis(stack, -1, 0)]
    )
    small[..., :-1] = np.clip(small[..., :-1] * settings.map_gain, -settings.map_clip, settings.map_clip)
    return small.astype(np.float16)
