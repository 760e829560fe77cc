"""Cut the four regions upright, at a fixed scale, from where the mean face lies on the photograph."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.geometry import compose_affine, invert_affine, warp
from toolkit.meanface import fit_similarity
from toolkit.patches.look import beards, glare, hair, pieces_over, skin_reference
from toolkit.patches.place import exclusions_by_place
from toolkit.records import HIDDEN_CHEEK, REGIONS, Face, Patch, Photo, Region
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
    to_patch = {region: region_transform(face_to_photo, region, settings) for region in REGIONS}
    pixels = {region: warp(photo.pixels, to_patch[region], settings.size_px(region)) for region in REGIONS}
    visible = {region: _visible(photo, to_patch[region], settings.size_px(region)) for region in REGIONS}
    to_face = {region: invert_affine(compose_affine(face_to_photo, to_patch[region])) for region in REGIONS}
    place = {
        region: exclusions_by_place(visible[region].shape, to_patch[region], face, settings)
        for region in REGIONS
    }
    bare = {region: visible[region] & ~np.any(list(place[region].values()), axis=0) for region in REGIONS}
    reference = skin_reference(pixels, bare, to_face)
    beard = beards(pixels, bare, to_face, settings)
    patches: list[Patch] = []
    dropped: dict[str, str] = {}
    for region in REGIONS:
        expected = reference.at(to_face[region], visible[region].shape)
        excluded = place[region] | {
            "hair": hair(pixels[region], visible[region], expected, settings),
            "beard": beard.get(region, np.zeros_like(visible[region])),
            "highlight": glare(pixels[region], settings),
        }
        skin, lost = _measurable(visible[region], excluded)
        skin = pieces_over(skin, settings.min_piece_mm2 * settings.px_per_mm**2)
        if region == HIDDEN_CHEEK.get(face.side):
            dropped[region] = f"the picture shows the {face.side} side only"
        elif skin.mean() < settings.min_skin_fraction:
            dropped[region] = f"too little skin ({skin.mean():.0%}): mostly {lost}"
        else:
            patches.append(Patch(region, pixels[region], skin, settings.px_per_mm, to_patch[region]))
    return tuple(patches), dropped


def _visible(photo: Photo, to_patch: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """(h, w) bool: inside the picture and not painted out."""
    return cv2.warpAffine(photo.skin.astype(np.uint8), to_patch, size, flags=cv2.INTER_NEAREST) > 0


def _measurable(
    visible: NDArray[np.bool_], excluded: Mapping[str, NDArray[np.bool_]]
) -> tuple[NDArray[np.bool_], str]:
    """What is left of a patch, and the reason that took most of it."""
    skin = visible.copy()
    lost = {"painted out or beyond the picture": float((~visible).mean())}
    for reason, mask in excluded.items():
        lost[reason] = float((skin & mask).mean())
        skin &= ~mask
    return skin, max(lost, key=lambda reason: lost[reason])
