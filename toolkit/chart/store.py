"""A chart as PNG files: its picture, its mask of measurable skin, its regions and reasons."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.errors import PhotoError
from toolkit.records import FaceChart

CHART_SUFFIXES = ("chart", "chart_skin", "chart_regions")


def save_chart(chart: FaceChart, folder: Path, stem: str) -> None:
    """Write STEM_chart.png (RGB, black where nothing is visible), STEM_chart_skin.png (255 measured, 1 + its place in
    REASONS where it is visible and left out, 0 elsewhere) and STEM_chart_regions.png (1 + its place in CHART_REGIONS)."""
    shown = np.where(chart.visible[..., None], chart.pixels, 0)
    mask = np.where(chart.skin, 255, chart.reasons)
    pictures = (shown[..., ::-1], mask, chart.regions)
    for suffix, picture in zip(CHART_SUFFIXES, pictures, strict=True):
        _write(folder / f"{stem}_{suffix}.png", picture)


def _write(path: Path, picture: NDArray) -> None:
    done, data = cv2.imencode(".png", np.ascontiguousarray(picture.astype(np.uint8)))
    if not done:
        raise PhotoError(f"{path}: a picture of shape {picture.shape} cannot be encoded")
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise PhotoError(f"{path}: cannot be written ({error.strerror or error})") from None
