"""Drawn faces with known landmarks, and photographs made of them, for the tests of faces and patches."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from toolkit.chart import make_chart
from toolkit.images import painted_out
from toolkit.patches import cut_patches
from toolkit.phantom import draw_face, to_clinical_half
from toolkit.phantom.optics import to_srgb
from toolkit.records import Face, FaceChart, Photo
from toolkit.settings import PhotoSettings, Settings


@cache
def drawn_face(seed: int = 0, side_px: int = 900, ita: float | None = 35.0):
    """(pixels (H, W, 3) uint8, points (68, 2), hairline (n, 2)) of a drawn frontal face."""
    canvas = draw_face(np.random.default_rng(seed), (side_px, side_px), ita=ita)
    return to_srgb(canvas.light), canvas.points, canvas.forehead


@cache
def drawn_half(side: str, seed: int = 0, side_px: int = 900):
    """The same face as a clinical half face, painted black."""
    pixels, points, forehead = drawn_face(seed, side_px)
    return to_clinical_half(pixels, points, side, np.random.default_rng(seed), forehead=forehead)


def as_photo(pixels: np.ndarray, name: str = "drawn.jpg") -> Photo:
    """A photo record as ``read_photo`` would make it, without a file."""
    settings = PhotoSettings()
    pixels = np.ascontiguousarray(pixels)
    halo = int(np.clip(round(settings.halo_fraction * max(pixels.shape[:2])), 2, settings.halo_px))
    return Photo(Path(name), pixels, ~painted_out(pixels, settings), "0" * 64, halo_px=halo)


def chart_of(photo: Photo, face: Face) -> FaceChart:
    """The chart of a photo with the default settings."""
    settings = Settings()
    return make_chart(photo, face, settings.chart, settings.patch.px_per_mm)


def cut_of(photo: Photo, face: Face):
    """A photo's patches, and the reason for every region without one, with the default settings."""
    return cut_patches(chart_of(photo, face), face.side, Settings().patch)
