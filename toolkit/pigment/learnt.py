"""What is measured on a map of pigment that a network predicted: the same quantities as on the melanin map."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.quantiles import percentile

SHOWN_OD, STRONG_OD = 0.05, 0.12
_NOTHING_OD = np.float32(1e-30)
_PNG_TOP_OD = 0.51  # of 255 levels: 0.002 OD each
COLUMNS = (
    "net_load",
    "net_root_load",
    "net_area_fraction",
    "net_strong_fraction",
    "net_contrast",
    "net_p95",
    "net_spots_per_cm2",
    "net_spot_area",
    "net_mean_root",
    "net_mean_power",
    "net_severity",
)


def learnt_features(pigment: NDArray[np.float32], skin: NDArray[np.bool_], px_per_mm: float) -> NDArray:
    """Figures (len(COLUMNS),) float64 of a map (h, w) of added green OD on ``skin`` (h, w).

    Load and its square root (mean OD over skin), shares of skin over 0.05 and 0.12, mean OD of what is over
    0.05, the 95th percentile, spots a cm2 of at least 0.5 mm2, their mean area in mm2, and the means of the map's square root and of its power
    2/3, in which faint spots count that the mean drowns. All 0 without skin; the last, how severe it looks, is left NaN: the
    network says it.
    """
    values = pigment[skin]
    if not values.size:
        return np.zeros(len(COLUMNS))
    shown = (pigment > SHOWN_OD) & skin
    _, labels = cv2.connectedComponents(shown.view(np.uint8), connectivity=8)
    areas = np.bincount(labels.ravel())[1:] / px_per_mm**2
    areas = areas[areas >= 0.5]
    return np.array(
        [
            values.mean(),
            np.sqrt(values.mean()),
            np.count_nonzero(shown) / values.size,
            np.count_nonzero(values > STRONG_OD) / values.size,
            pigment[shown].mean() if shown.any() else 0.0,
            percentile(values, 95),
            100 * len(areas) / (values.size / px_per_mm**2),
            areas.mean() if len(areas) else 0.0,
            np.sqrt(np.maximum(values, 0)).mean(),
            mean_power(values),
            np.nan,
        ]
    )


def mean_power(values: NDArray[np.float32]) -> float:
    """The mean of predicted pigment (n,) on skin to the power 2/3: between the root, which counts the noise of plain skin
    as well, and the mean, in which faint spots drown."""
    # By logarithms, which take a tenth of the time of a power.
    return (
        float(np.exp(np.log(np.maximum(values, _NOTHING_OD)) * np.float32(2 / 3)).mean())
        if values.size
        else 0.0
    )


def learnt_table(
    maps: Sequence[NDArray[np.float32]], skins: Sequence[NDArray[np.bool_]], px_per_mm: float
) -> NDArray[np.float64]:
    """``learnt_features`` of n maps: (n, len(COLUMNS))."""
    rows = [learnt_features(one, skin, px_per_mm) for one, skin in zip(maps, skins, strict=True)]
    return np.array(rows).reshape(len(rows), len(COLUMNS))


def pigment_png(pigment: NDArray[np.float32]) -> bytes:
    """A map (h, w) of added green OD as an 8-bit PNG: 0.002 OD a level, cut off at 0 and at 0.51."""
    levels = np.clip(np.round(pigment * (255 / _PNG_TOP_OD)), 0, 255).astype(np.uint8)
    done, data = cv2.imencode(".png", levels)
    if not done:
        raise ValueError(f"a map of shape {pigment.shape} cannot be a picture")
    return data.tobytes()


def pigment_of_png(data: bytes) -> NDArray[np.float32]:
    """The map (h, w) that ``pigment_png`` wrote, to within 0.001 OD; raises ValueError on anything else."""
    levels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    if levels is None:
        raise ValueError("no map of pigment")
    return (levels * np.float32(_PNG_TOP_OD / 255)).astype(np.float32)
