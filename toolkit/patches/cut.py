"""Cut the four regions upright, at a fixed scale, from where the mean face lies on the photograph."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.geometry import compose_affine, invert_affine, warp
from toolkit.meanface import fit_similarity
from toolkit.patches.skin import SkinReference, exclusions, skin_reference
from toolkit.records import REGIONS, Face, Patch, Photo, Region
from toolkit.settings import PatchSettings

# Where the patches are hung up in the face frame (mm): the forehead stands on the line just above the brows,
# the cheeks hang from below the lower lids and start beside the nose, the chin hangs from below the lips.
_FOREHEAD_BOTTOM_MM = -26.0
_CHEEK_TOP_MM = 12.0
_CHEEK_INNER_MM = 12.0
_CHIN_TOP_MM = 78.0


def region_origin_mm(region: Region, settings: PatchSettings) -> tuple[float, float]:
    """The upper left corner (x, y) of a region's patch in the face frame, mm; left is the subject's left."""
    if region == "forehead":
        width, height = settings.forehead_mm
        return -width / 2, _FOREHEAD_BOTTOM_MM - height
    if region == "chin":
        return -settings.chin_mm[0] / 2, _CHIN_TOP_MM
    inner = _CHEEK_INNER_MM
    return (inner if region == "left_cheek" else -inner - settings.cheek_mm[0]), _CHEEK_TOP_MM


def region_transform(face_to_photo: NDArray[np.float64], region: Region, settings: PatchSettings) -> NDArray:
    """The (2, 3) map from pixels of the photograph to pixels of a region's patch."""
    x, y = region_origin_mm(region, settings)
    scale = settings.px_per_mm
    # The patch's corner is the corner of its first pixel, half a pixel before that pixel's centre.
    place = np.array([[scale, 0.0, -x * scale - 0.5], [0.0, scale, -y * scale - 0.5]])
    return compose_affine(invert_affine(face_to_photo), place)


def cut_patches(
    photo: Photo, face: Face, settings: PatchSettings
) -> tuple[tuple[Patch, ...], dict[str, str]]:
    """The photo's patches in the order of REGIONS, and for every region without one the reason.

    A region has the same size in pixels in every photo. Its ``skin`` leaves out what is painted out or
    beyond the picture, hair, eye sockets, lips, nostrils, the face's outline and highlights. A patch whose
    skin covers less than ``settings.min_skin_fraction`` of it is dropped.
    """
    face_to_photo = fit_similarity(face.points)
    cut = {}
    for region in REGIONS:
        to_patch = region_transform(face_to_photo, region, settings)
        cut[region] = (warp(photo.pixels, to_patch, settings.size_px(region)), to_patch)
    visible = {
        region: _visible(photo, to_patch, settings.size_px(region)) for region, (_, to_patch) in cut.items()
    }
    reference = skin_reference({r: pixels for r, (pixels, _) in cut.items()}, visible)
    patches: list[Patch] = []
    dropped: dict[str, str] = {}
    for region, (pixels, to_patch) in cut.items():
        patch, reason = _masked(region, pixels, to_patch, visible[region], face, reference, settings)
        if reason:
            dropped[region] = reason
        else:
            patches.append(patch)
    return tuple(patches), dropped


def _visible(photo: Photo, to_patch: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """(h, w) bool: inside the picture and not painted out."""
    return cv2.warpAffine(photo.skin.astype(np.uint8), to_patch, size, flags=cv2.INTER_NEAREST) > 0


def _masked(
    region: Region,
    pixels: NDArray[np.uint8],
    to_patch: NDArray[np.float64],
    visible: NDArray[np.bool_],
    face: Face,
    reference: SkinReference,
    settings: PatchSettings,
) -> tuple[Patch, str]:
    skin = visible.copy()
    lost = {"painted out or beyond the picture": float((~visible).mean())}
    for reason, excluded in exclusions(region, pixels, visible, to_patch, face, reference, settings).items():
        lost[reason] = float((skin & excluded).mean())
        skin &= ~excluded
    patch = Patch(region=region, pixels=pixels, skin=skin, px_per_mm=settings.px_per_mm, to_patch=to_patch)
    if patch.skin_fraction >= settings.min_skin_fraction:
        return patch, ""
    return (
        patch,
        f"too little skin ({patch.skin_fraction:.0%}): mostly {max(lost, key=lambda name: lost[name])}",
    )
