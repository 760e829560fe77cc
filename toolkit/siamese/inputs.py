"""What the network sees of a picture of skin."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.records import PigmentMaps
from toolkit.settings import EncoderSettings

CHANNELS = 6
_PLAIN_PERCENT = (
    35  # of melanin over the picture's skin: pigment only adds, so that plain skin lies below the middle
)


def encoder_input(
    maps: PigmentMaps, components: NDArray[np.float32], settings: EncoderSettings
) -> NDArray[np.float16]:
    """The network's view of a picture: (h, w, 6) float16 at ``settings.px_per_mm``.

    ``maps``: deviations from wide surroundings, and ``components`` (h, w, 3) melanin, darkness and erythema themselves,
    on the same rectangle. Channels: melanin, darkness and erythema deviations, then melanin and erythema against plain
    skin of the whole picture, so that broad fields show; all times ``map_gain``, clipped to +-``map_clip``. Last comes the
    skin mask (0-1); off the skin all is 0. What the maps' margins were cut off is given back.
    """
    skin = maps.skin
    plain_melanin = np.percentile(components[..., 0][skin], _PLAIN_PERCENT) if skin.any() else 0.0
    plain_red = np.median(components[..., 2][skin]) if skin.any() else 0.0
    against = (
        np.dstack([components[..., 0] - plain_melanin, components[..., 2] - plain_red]) * skin[..., None]
    )
    deviations = np.dstack([maps.melanin, maps.darkness, maps.erythema])
    stacks = (np.dstack([deviations, skin]), against)
    small = np.dstack([_reduced(one.astype(np.float32), maps, settings) for one in stacks])
    small = small[..., [0, 1, 2, 4, 5, 3]]  # the mask last
    small[..., :-1] = np.clip(small[..., :-1] * settings.map_gain, -settings.map_clip, settings.map_clip)
    return small.astype(np.float16)


def _reduced(stack: NDArray, maps: PigmentMaps, settings: EncoderSettings) -> NDArray[np.float32]:
    whole = np.pad(stack, (*maps.margins, (0, 0)))
    scale = settings.px_per_mm / maps.px_per_mm
    size = (round(whole.shape[1] * scale), round(whole.shape[0] * scale))
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA))
