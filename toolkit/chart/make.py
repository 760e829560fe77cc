"""Photograph and face -> chart: rectify, find what is visible, leave out what is no measurable skin."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.chart.colour import Colours, colours, dark_hair, highlights, objects
from toolkit.chart.frame import Frame, cut_to, near, pieces_over, unpainted, whole_frame
from toolkit.chart.hairline import fair_hair
from toolkit.chart.hairs import beard, combed_hair, find_lines, single_hairs, strands, stubbled
from toolkit.chart.objects import is_object
from toolkit.chart.place import eyelids, inside_face, is_study_mask, lips, nostrils, on_side
from toolkit.chart.regions import label_regions
from toolkit.geometry import warp
from toolkit.meanface import similarity_scale
from toolkit.records import REASONS, Face, FaceChart, Photo
from toolkit.settings import ChartSettings

Mask = NDArray[np.bool_]


def make_chart(photo: Photo, face: Face, settings: ChartSettings, px_per_mm: float = 3.0) -> FaceChart:
    """All visible skin of a face, rectified once at ``px_per_mm``.

    On a photograph painted out by its study the mask is the word on what is skin: only its halo, eyelids, nostrils, the
    red of the lips, hair, highlights and objects are left out, and no outline cuts anything off. On any other the
    landmarks and the colour find the skin. ``visible`` is all of the face that is not painted out, skin or not.
    """
    whole = whole_frame(face, px_per_mm)
    not_painted = unpainted(photo)
    visible = whole.warped(not_painted)
    inside = whole.warped(np.ones(photo.skin.shape, np.bool_))
    masked = is_study_mask(whole, visible, inside, face.side)
    inner = np.ones_like(visible) if masked else inside_face(whole, settings)
    if not masked:
        outline = near(inner, 2 * settings.contour_mm * whole.px_per_mm)
        visible &= outline & on_side(whole, face.side)
    frame = cut_to(whole, face, visible)
    window = _window(whole, frame)
    visible = np.ascontiguousarray(visible[window])
    pixels = warp(photo.pixels, frame.to_chart, frame.size)
    reasons = _reasons(
        frame, pixels, visible, inner[window], halo=_halo(photo, frame, not_painted, settings), masked=masked,
        settings=settings,
    )  # fmt: skip
    skin = visible & (reasons == 0)
    if not masked:
        fair = fair_hair(pixels, skin, _beyond(reasons), frame=frame, settings=settings)
        reasons[fair] = REASONS.index("hair")
        skin &= ~fair
    lone = skin & ~pieces_over(skin, settings.min_piece_mm2 * frame.px_per_mm**2)
    reasons[lone] = REASONS.index("too small a piece")
    return FaceChart(
        pixels=pixels,
        visible=visible,
        skin=skin & ~lone,
        regions=label_regions(frame) * visible,
        reasons=reasons,
        px_per_mm=frame.px_per_mm,
        to_chart=frame.to_chart,
        corner_mm=frame.corner_mm,
        masked=masked,
    )


def _beyond(reasons: NDArray[np.uint8]) -> Mask:
    """Outside the face, or recognised as hair."""
    return (reasons == REASONS.index("outside the face")) | (reasons == REASONS.index("hair"))


def _window(whole: Frame, part: Frame) -> tuple[slice, slice]:
    left, top = (
        round((p - w) * whole.px_per_mm) for p, w in zip(part.corner_mm, whole.corner_mm, strict=True)
    )
    return slice(top, top + part.size[1]), slice(left, left + part.size[0])


def _reasons(
    frame: Frame,
    pixels: NDArray[np.uint8],
    visible: Mask,
    inner: Mask,
    *,
    halo: Mask,
    masked: bool,
    settings: ChartSettings,
) -> NDArray[np.uint8]:
    """(h, w) uint8: why a visible pixel is left out, as its place in REASONS; 0 where it is measured. ``inner``: within
    the face's outline, ``halo``: beside what is painted out."""
    halo = halo & visible
    lids, nose = eyelids(frame, settings, brows=not masked), nostrils(frame, settings)
    bare = visible & ~(halo | lids | nose) & inner
    look = colours(pixels, bare & _safe(frame, masked), frame, settings)
    left_out = {
        "halo of the mask": halo,
        "outside the face": ~inner,
        "eyelid or brow": lids,
        "nostril": nose,
        "lip": lips(frame, look.red, settings),
        **_by_look(pixels, look, bare, visible & ~halo, frame=frame, settings=settings, masked=masked),
    }
    reasons = np.zeros(visible.shape, np.uint8)
    for reason, mask in reversed(left_out.items()):  # the first named wins
        reasons[mask] = REASONS.index(reason)
    reasons *= visible
    reasons[is_object(reasons, look, bare, (~visible | halo) & masked, frame=frame)] = REASONS.index("object")
    return reasons


def _by_look(
    pixels: NDArray[np.uint8],
    look: Colours,
    bare: Mask,
    visible: Mask,
    *,
    frame: Frame,
    settings: ChartSettings,
    masked: bool,
) -> dict[str, Mask]:
    scale = frame.px_per_mm
    hair = dark_hair(look, visible, scale, settings)
    visible, bare = visible & ~hair, bare & ~hair
    lines = find_lines(look, bare, frame)
    single = single_hairs(lines, stubbled(lines, bare, frame, settings), scale, settings)
    combed = np.zeros_like(hair) if masked else combed_hair(lines, bare, frame, settings)
    return {
        "highlight": highlights(pixels, scale, settings),
        "no skin": objects(look, visible, scale, settings),
        "beard": beard(single, bare, scale, settings),
        "hair": hair | combed | single | strands(look, visible, scale, settings),
    }


def _halo(photo: Photo, frame: Frame, not_painted: Mask, settings: ChartSettings) -> Mask:
    """Within a few pixels of what is painted out: there JPEG has mixed skin with paint."""
    wanted = settings.halo_mm * frame.px_per_mm / similarity_scale(frame.to_chart)
    reach = min(int(np.clip(round(wanted), *settings.halo_px)), photo.halo_px)
    if not reach or not_painted.all():
        return np.zeros((frame.size[1], frame.size[0]), np.bool_)
    square = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    clear = np.zeros_like(not_painted)
    part = tuple(slice(max(one.start - reach - 1, 0), one.stop + reach + 1) for one in photo.shown)
    clear[part] = cv2.erode(not_painted[part].view(np.uint8), square, borderValue=1) > 0
    return ~frame.warped(clear)


def _safe(frame: Frame, masked: bool) -> Mask:
    """Where most of what is seen is skin: the middle of the face, or all of it where a study says so."""
    x, y = frame.face_mm()
    inner = (np.abs(x) < 58) & (y > -62) & (y < 104)
    return np.ones_like(inner) if masked else inner
