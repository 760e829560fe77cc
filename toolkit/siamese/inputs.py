"""What the network sees of a picture of skin."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.quantiles import percentile
from toolkit.records import PigmentMaps
from toolkit.settings import EncoderSettings

CHANNELS = 6
_WHOLE = 1e-6
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
    melanin, _, erythema = cv2.split(components)
    skin = maps.skin.astype(np.float32)
    against_plain = []
    for values, percent in ((melanin, _PLAIN_PERCENT), (erythema, 50)):
        on_skin = maps.on_skin(values)
        plain = percentile(on_skin, percent) if len(on_skin) else 0.0
        against_plain.append((values - np.float32(plain)) * skin)
    # Three planes at a time, which OpenCV reduces in half the time.
    planes: list[Any] = [
        plane
        for three in ((maps.melanin, maps.darkness, maps.erythema), (*against_plain, skin))
        for plane in cv2.split(_reduced(cv2.merge(three), maps, settings))
    ]
    for plane in planes[:-1]:
        plane *= np.float32(settings.map_gain)
        np.clip(plane, -settings.map_clip, settings.map_clip, out=plane)
    return np.asarray(cv2.merge(planes)).astype(np.float16)


def _reduced(planes: Any, maps: PigmentMaps, settings: EncoderSettings) -> NDArray[np.float32]:
    """Maps (h, w, c) at the network's scale, their margins given back."""
    scale = settings.px_per_mm / maps.px_per_mm
    margins: Any = maps.margins
    exact = np.array([*margins, planes.shape[:2]]) * scale
    if np.abs(exact - np.round(exact)).max() > _WHOLE:  # the two grids do not meet at the margins
        planes, exact = np.pad(planes, (*margins, (0, 0))), np.zeros((2, 2))
    size = round(planes.shape[1] * scale), round(planes.shape[0] * scale)
    reduced = cv2.resize(planes, size, interpolation=cv2.INTER_AREA)
    return np.asarray(np.pad(reduced, (*np.round(exact[:2]).astype(int), (0, 0))), np.float32)
