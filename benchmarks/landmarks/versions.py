"""A photograph changed in the ways that studies, cameras and archives change it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.changed import IDENTITY, Affine, Pixels, reduced, turned
from benchmarks.landmarks.subjects import Subject
from benchmarks.making.landmark_network.handmade import HOLES, OUTLINE


@dataclass
class Version:
    """A changed photo, the map from the plain photo's pixels to its own, and how it is saved."""

    pixels: Pixels
    from_plain: Affine = field(default_factory=IDENTITY.copy)
    jpeg_quality: int = 92


def painted_mask(subject: Subject, loose_mm: float = 0.0) -> NDArray[np.bool_]:
    """True where a clinical mask paints the photo over: outside the face, and holes wider by ``loose_mm``."""
    shape = subject.pixels.shape[:2]
    kept = np.zeros(shape, np.uint8)
    cv2.fillPoly(kept, [np.round(subject.points[OUTLINE]).astype(np.int32)], 1)
    for hole, margin in HOLES:
        area = np.zeros(shape, np.uint8)
        # A polygon drawn by hand: few corners, outside the feature.
        around = cv2.convexHull(subject.points[hole].astype(np.float32))
        hull = cv2.approxPolyDP(around, 0.7 * subject.px_per_mm, True)
        cv2.fillPoly(area, [np.round(hull).astype(np.int32)], 1)
        reach = 2 * round((margin + loose_mm) * subject.px_per_mm) + 1
        kept[cv2.dilate(area, np.ones((reach, reach), np.uint8)) > 0] = 0
    return kept == 0


def filled(
    subject: Subject, colour: tuple[int, int, int], painted: NDArray[np.bool_] | None = None
) -> Version:
    """What is painted out, in one colour."""
    pixels = subject.pixels.copy()
    pixels[painted_mask(subject) if painted is None else painted] = colour
    return Version(pixels)


def half(subject: Subject, side: str, offset_mm: float = 0.0, loose_mm: float = 0.0) -> Version:
    """A clinical half face, subject's own side, cut ``offset_mm`` beyond (+) or short of (-) the midline."""
    x0, slope = subject.midline
    sign = 1 if side == "left" else -1
    ys, xs = np.mgrid[: subject.pixels.shape[0], : subject.pixels.shape[1]]
    beyond = (xs - x0 - slope * ys) * sign < -offset_mm * subject.px_per_mm
    return filled(subject, (0, 0, 0), painted_mask(subject, loose_mm) | beyond)


def half_at_frame(subject: Subject, side: str) -> Version:
    """The photo itself cropped at the midline, nothing painted."""
    x0, slope = subject.midline
    x = round(x0 + slope * subject.points[55, 1])
    if side == "left":
        return Version(subject.pixels[:, x:].copy(), np.array([[1.0, 0, -x], [0, 1, 0]]))
    return Version(subject.pixels[:, :x].copy())


def no_margin(subject: Subject) -> Version:
    """The frame ends where the face does."""
    x0, y0 = np.floor(subject.points[OUTLINE].min(axis=0)).astype(int)
    x1, y1 = np.ceil(subject.points[OUTLINE].max(axis=0)).astype(int)
    return Version(subject.pixels[y0:y1, x0:x1].copy(), np.array([[1.0, 0, -x0], [0, 1, -y0]]))


def cut_by_frame(subject: Subject, version: Version) -> Version:
    """The frame ends 15 mm above the brows and 8 mm above the chin's tip."""
    scale = subject.px_per_mm
    top = max(0, round(subject.points[[73, 80], 1].min() - 15 * scale))
    bottom = round(subject.points[129, 1] - 8 * scale)
    return Version(version.pixels[top:bottom].copy(), np.array([[1.0, 0, 0], [0, 1, -top]]))


def tight(version: Version) -> Version:
    """The frame ends where the skin does."""
    rows, columns = (np.flatnonzero((version.pixels > 0).any(axis=(axis, 2))) for axis in (1, 0))
    (y0, y1), (x0, x1) = rows[[0, -1]], columns[[0, -1]]
    return Version(version.pixels[y0 : y1 + 1, x0 : x1 + 1].copy(), np.array([[1.0, 0, -x0], [0, 1, -y0]]))


def refilled(version: Version, level: int) -> Version:
    """What is painted black turned grey or white."""
    pixels = version.pixels.copy()
    pixels[(pixels == 0).all(axis=2)] = level
    return replace(version, pixels=pixels)


def darkened(version: Version, share: float) -> Version:
    """A share of the light."""
    linear = np.arange(256) / 255.0
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4) * share
    table = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return replace(version, pixels=cv2.LUT(version.pixels, np.round(table * 255).astype(np.uint8)))


VERSIONS: dict[str, Callable[[Subject], Version]] = {
    "plain": lambda s: Version(s.pixels, jpeg_quality=95),
    "masked": lambda s: filled(s, (0, 0, 0)),
    "half_left": lambda s: half(s, "left"),
    "half_right": lambda s: half(s, "right"),
    "half_left_3mm_short": lambda s: half(s, "left", -3.0),
    "half_right_3mm_over": lambda s: half(s, "right", 3.0),
    "half_left_loose_holes": lambda s: half(s, "left", loose_mm=3.0),
    "half_right_loose_holes": lambda s: half(s, "right", loose_mm=3.0),
    "half_left_at_frame": lambda s: half_at_frame(s, "left"),
    "half_right_at_frame": lambda s: half_at_frame(s, "right"),
    "white_filled": lambda s: filled(s, (255, 255, 255)),
    "grey_filled": lambda s: filled(s, (128, 128, 128)),
    "green_filled": lambda s: filled(s, (0, 177, 64)),
    "no_margin": no_margin,
    "rotated20": lambda s: Version(*turned(s.pixels, 20, how=cv2.INTER_CUBIC)),
    "rotated-30": lambda s: Version(*turned(s.pixels, -30, how=cv2.INTER_CUBIC)),
    "dark25": lambda s: darkened(Version(s.pixels), 0.25),
    "reduced450": lambda s: Version(*reduced(s.pixels, 450 / max(s.pixels.shape))),
    "jpeg50": lambda s: Version(s.pixels, jpeg_quality=50),
    "half_left_chin_forehead_cut": lambda s: cut_by_frame(s, half(s, "left")),
    "half_right_chin_forehead_cut": lambda s: cut_by_frame(s, half(s, "right")),
    "half_left_tight": lambda s: tight(half(s, "left")),
    "half_right_rotated20": lambda s: Version(*turned(half(s, "right").pixels, 20)),
    "half_left_rotated-20": lambda s: Version(*turned(half(s, "left").pixels, -20)),
    "half_left_dark25": lambda s: darkened(half(s, "left"), 0.25),
    "half_right_jpeg50": lambda s: replace(half(s, "right"), jpeg_quality=50),
    "half_left_white": lambda s: refilled(half(s, "left"), 255),
    "half_right_grey": lambda s: refilled(half(s, "right"), 128),
}
