"""Which pixels of a patch are no bare skin because of how they look: hair and highlights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.geometry import apply_affine
from toolkit.patches.place import near
from toolkit.records import Region
from toolkit.settings import PatchSettings

_BEARD_TOP_MM = 42.0  # of the face frame: the level of the nostrils
_LEAST_ROUGH_OD = 0.01  # a blurred or painted face has no pores to compare with


@dataclass(frozen=True, eq=False)
class SkinReference:
    """How dark this face's bare skin is from place to place: green OD = c . (1, x, y, x^2), face frame in dm."""

    coefficients: NDArray[np.float64]

    def at(self, to_face: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float32]:
        """The expected green OD (h, w) of a patch whose pixels ``to_face`` carries into the face frame."""
        x, y = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
        face_x = to_face[0, 0] * x + to_face[0, 1] * y + to_face[0, 2]
        face_y = to_face[1, 0] * x + to_face[1, 1] * y + to_face[1, 2]
        c = self.coefficients
        expected = c[0] + c[1] * face_x / 100 + c[2] * face_y / 100 + c[3] * (face_x / 100) ** 2
        return expected.astype(np.float32)


def darkness(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Green optical density -ln(linear green), (h, w) float32; 0 is white."""
    return _GREEN_OD[pixels[..., 1]]


_level = np.arange(256, dtype=np.float32) / 255
_GREEN_OD = -np.log(
    np.maximum(np.where(_level <= 0.04045, _level / 12.92, ((_level + 0.055) / 1.055) ** 2.4), 1e-4)
).astype(np.float32)


def skin_reference(
    pixels: Mapping[Region, NDArray[np.uint8]],
    bare: Mapping[Region, NDArray[np.bool_]],
    to_face: Mapping[Region, NDArray[np.float64]],
) -> SkinReference:
    """The face's shading, fitted robustly to ``bare`` (h, w) bool: visible and skin by its place.

    Light falls off towards the sides of a face by as much as hair is darker than skin: against one level
    for the whole face, the shaded side of a dark one would be taken for hair. Hair among the samples is
    far off and counts for little (Cauchy weights). Starts from the median of the cheeks.
    """
    samples = []
    for region, picture in pixels.items():
        seen = np.argwhere(bare[region][2::6, 2::6]) * 6 + 2  # rows of (y, x)
        xy = apply_affine(to_face[region], seen[:, ::-1]) / 100
        od = darkness(picture[seen[:, 0], seen[:, 1]])
        samples.append(np.column_stack([xy, od, np.full(len(seen), "cheek" in region)]))
    x, y, od, cheek = np.concatenate(samples).T
    if not len(x):
        return SkinReference(np.zeros(4))
    terms = np.column_stack([np.ones_like(x), x, y, x**2])
    start = np.array([np.median(od[cheek > 0] if cheek.sum() >= 50 else od), 0.0, 0.0, 0.0])
    coefficients = start
    steady = np.diag([1e-3, 1.0, 1.0, 1.0]) * 0.01 * len(x)  # flat where little is seen
    for _ in range(10):
        off = od - terms @ coefficients
        spread = np.clip(1.48 * np.median(np.abs(off)), 0.15, 0.3)
        weight = 1.0 / (1.0 + (off / (2 * spread)) ** 2)
        normal = terms.T @ (terms * weight[:, None]) + steady
        coefficients = np.linalg.solve(normal, terms.T @ (od * weight) + steady @ start)
    return SkinReference(coefficients)


def hair(
    pixels: NDArray[np.uint8],
    visible: NDArray[np.bool_],
    expected: NDArray[np.float32],
    settings: PatchSettings,
) -> NDArray[np.bool_]:
    """Much darker than bare skin in this place, over about a millimetre and over an area no spot has."""
    scale = settings.px_per_mm
    # Painted-out black next to it must not darken what is seen.
    shown = np.where(visible, darkness(pixels), expected)
    smooth = cv2.GaussianBlur(shown, (0, 0), scale)
    dark = ((smooth - expected > settings.hair_od) & visible).astype(np.uint8)
    return near(pieces_over(dark, settings.hair_mm2 * scale**2), scale)


def beards(
    pixels: Mapping[Region, NDArray[np.uint8]],
    bare: Mapping[Region, NDArray[np.bool_]],
    to_face: Mapping[Region, NDArray[np.float64]],
    settings: PatchSettings,
) -> dict[Region, NDArray[np.bool_]]:
    """Stubble and beard: where the lower face is much rougher, hair by hair, than the same face's upper cheeks.

    Roughness is the RMS of the green OD's band from 0.3 to 0.8 mm over 2.5 mm of bare skin: hairs are
    narrower than spots. Searched below the nose only, in one piece over ``settings.beard_mm2``: a cluster of
    moles is smaller.
    """
    scale = settings.px_per_mm
    bands = {
        region: _hair_band(pixels[region], bare[region], scale) for region in pixels if region != "forehead"
    }
    below = {region: _face_rows(to_face[region], bare[region].shape) > _BEARD_TOP_MM for region in bands}
    reference = np.concatenate([bands[r][bare[r] & ~below[r]] for r in bands if r != "chin"])
    if len(reference) < 100 * scale**2:
        return {}
    smooth = max(1.48 * float(np.median(np.abs(reference))), _LEAST_ROUGH_OD)
    found: dict[Region, NDArray[np.bool_]] = {}
    for region, band in bands.items():
        # Clipped, so that one dark mole does not make its whole surroundings rough.
        clipped = np.clip(band, -3 * smooth, 3 * smooth)
        share = cv2.GaussianBlur(bare[region].astype(np.float32), (0, 0), 2.5 * scale)
        power = cv2.GaussianBlur(clipped * clipped * bare[region], (0, 0), 2.5 * scale)
        rough = power > (settings.beard_roughness * smooth) ** 2 * np.maximum(share, 0.05)
        hairy = (rough & below[region] & bare[region]).astype(np.uint8)
        found[region] = near(pieces_over(hairy, settings.beard_mm2 * scale**2), scale)
    return found


def _hair_band(pixels: NDArray[np.uint8], bare: NDArray[np.bool_], scale: float) -> NDArray[np.float32]:
    """The green OD's band between 0.3 and 0.8 mm on bare skin, 0 elsewhere."""
    od = darkness(pixels)
    # Filled up with the level around, so that the edge of the bare skin is not taken for roughness.
    share = cv2.GaussianBlur(bare.astype(np.float32), (0, 0), scale)
    level = cv2.GaussianBlur(od * bare, (0, 0), scale) / np.maximum(share, 1e-3)
    filled = np.where(bare, od, level)
    band = cv2.GaussianBlur(filled, (0, 0), 0.33 * scale) - cv2.GaussianBlur(filled, (0, 0), 0.8 * scale)
    return np.asarray(band * bare)


def _face_rows(to_face: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """y in the face frame (mm) of every pixel of a patch; patches are upright, so a column will do."""
    return (to_face[1, 1] * np.arange(shape[0]) + to_face[1, 2])[:, None] + np.zeros(shape)


def pieces_over(mask: NDArray, area: float) -> NDArray[np.bool_]:
    """The connected pieces of a mask that cover at least ``area`` pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= area
    large[0] = False
    return large[labels]


def glare(pixels: NDArray[np.uint8], settings: PatchSettings) -> NDArray[np.bool_]:
    """A clipped channel, and half a millimetre round it."""
    below = cv2.inRange(pixels, (0, 0, 0), (settings.glare_level - 1,) * 3)
    return near(below == 0, 0.5 * settings.px_per_mm)
