"""What the network sees of a patch."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.records import PigmentMaps
from toolkit.settings import EncoderSettings

CHANNELS = 4


def encoder_input(maps: PigmentMaps, settings: EncoderSettings) -> NDArray[np.float16]:
    """The network's view of a patch: (h, w, 4) float16 at ``settings.px_per_mm``.

    Channels: melanin, darkness and erythema deviations times ``map_gain``, clipped to +-``map_clip``, and
    the skin mask (0-1) last; 0 off the skin. Sides are multiples of 8 for the patch sizes in the settings.
    """
    scale = settings.px_per_mm / maps.px_per_mm
    size = tuple(round(n * scale) for n in maps.skin.shape[::-1])
    stack = np.dstack([maps.melanin, maps.darkness, maps.erythema, maps.skin.astype(np.float32)])
    small = cv2.resize(stack, size, interpolation=cv2.INTER_AREA)
    small[..., :-1] = np.clip(small[..., :-1] * settings.map_gain, -settings.map_clip, settings.map_clip)
    return small.astype(np.float16)
