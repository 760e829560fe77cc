"""The figures of a photograph, and the label that they give it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.colours import level_counts, middle_level
from toolkit.quality.facecheck import face_faults
from toolkit.records import Face, FaceChart, Patch, Photo, Quality
from toolkit.settings import QualitySettings

_BLUR_PX = 11  # the re-blurring filter of Crete et al.
_CLIPPED_HIGH, _CLIPPED_LOW = 250, 5
_WIDEST_GAP_MM = 15.0  # a highlight leaves a gap in the skin that belongs to it


def assess(
    photo: Photo,
    face: Face,
    patches: Sequence[Patch],
    settings: QualitySettings,
    *,
    chart: FaceChart | None = None,
) -> Quality:
    """The figures of one photo and its label; a colour cast needs the other photos: see ``study_labels``."""
    if not patches:
        return Quality(1.0, 0.0, 0.0, 0.0, face.px_per_mm, 0.0, 0.0, (0.0, 0.0), "no skin")
    red, green, blue = (
        max(middle_level(counts), 1.0)
        for counts in np.sum([level_counts(patch.pixels, patch.skin) for patch in patches], axis=0)
    )
    brightest = [_brightest(patch.pixels) for patch in patches]
    skin, seen = (
        np.sum([level_counts(levels, mask)[0] for levels, mask in zip(brightest, masks, strict=True)], axis=0)
        for masks in ([patch.skin for patch in patches], [_with_highlights(photo, p) for p in patches])
    )
    quality = Quality(
        blur=_blur(patches),
        over=float(seen[_CLIPPED_HIGH:].sum() / max(seen.sum(), 1)),
        under=float(skin[: _CLIPPED_LOW + 1].sum() / skin.sum()),
        level=middle_level(skin),
        px_per_mm=face.px_per_mm,
        skin_fraction=float(skin.sum()) / _shown_area(face, patches),
        regions=len(patches) / (4 if face.side == "both" else 3),
        cast=(float(np.log(red / green)), float(np.log(blue / green))),
        visible_cm2=chart.visible_cm2 if chart else None,
        measured_cm2=chart.measured_cm2 if chart else None,
    )
    faults = [*_faults(quality, settings), *(face_faults(face, chart) if chart else [])]
    return replace(quality, label="; ".join(faults) or "ok")


def _faults(quality: Quality, settings: QualitySettings) -> list[str]:
    checks = (
        ("blurred", quality.blur > settings.max_blur),
        ("overexposed", quality.over > settings.max_clipped_fraction),
        ("underexposed", quality.under > settings.max_clipped_fraction or quality.level < settings.min_level),
        ("too few pixels", quality.px_per_mm < settings.min_px_per_mm),
        ("little skin", quality.skin_fraction < settings.min_skin_fraction or quality.regions <= 0.5),
    )
    return [name for name, wrong in checks if wrong]


def study_labels(qualities: Sequence[Quality | None], settings: QualitySettings) -> list[str | None]:
    """Each photo's label beside the others of its study: "colour cast" is added where it is unlike them; None where
    nothing is known of a photo.

    Unlike: ln R/G or ln B/G is further from the study's median than ``settings.max_cast_mad`` robust
    standard deviations (1.48 MAD) and than ``settings.min_cast``; too few photos are not judged.
    """
    known = [quality for quality in qualities if quality]
    if len(known) < settings.min_study_photos:
        return [quality.label if quality else None for quality in qualities]
    casts = np.array([quality.cast for quality in known])
    off = np.abs(casts - np.median(casts, axis=0))
    allowed = np.maximum(settings.max_cast_mad * 1.48 * np.median(off, axis=0), settings.min_cast)
    odd = iter((off > allowed).any(axis=1).tolist())
    return [_with_cast(quality.label, next(odd)) if quality else None for quality in qualities]


def _with_cast(label: str, is_odd: bool) -> str:
    if not is_odd or label == "no skin":
        return label
    return "colour cast" if label == "ok" else f"{label}; colour cast"


def _brightest(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The largest of the channels (h, w)."""
    red, green, blue = cv2.split(pixels)
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)


def _with_highlights(photo: Photo, patch: Patch) -> NDArray[np.bool_]:
    """(h, w): the patch's measurable skin and the gaps in it that are not painted out."""
    size = patch.skin.shape[1], patch.skin.shape[0]
    seen = cv2.warpAffine(photo.skin.view(np.uint8), patch.to_patch, size, flags=cv2.INTER_NEAREST)
    gap = round(_WIDEST_GAP_MM * patch.px_per_mm)
    whole: Any = cv2.morphologyEx(patch.skin.view(np.uint8), cv2.MORPH_CLOSE, np.ones((gap, gap), np.uint8))
    return np.asarray((whole & seen).view(np.bool_))


def _shown_area(face: Face, patches: Sequence[Patch]) -> float:
    """The patches' area, of forehead and chin only half when half a face is shown."""
    half = face.side != "both"
    return sum(
        patch.skin.size * (0.5 if half and patch.region in ("forehead", "chin") else 1.0) for patch in patches
    )


def _blur(patches: Sequence[Patch]) -> float:
    """The blur metric of F. Crete et al. (2007) over the skin of all patches, the worse of both directions.

    How much of the picture's steps a further blur takes away: a sharp picture loses most of them. As
    skimage.measure.blur_effect, but inside a mask: the edges of what is painted out are always sharp.
    """
    kept, total = np.zeros(2), np.zeros(2)
    for patch in patches:
        inner = cv2.erode(patch.skin.view(np.uint8), np.ones((_BLUR_PX, _BLUR_PX), np.uint8))
        inner = inner.astype(np.float32)
        grey: Any = cv2.cvtColor(patch.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
        for axis, (dx, dy, window) in enumerate(((1, 0, (_BLUR_PX, 1)), (0, 1, (1, _BLUR_PX)))):
            steps: Any = np.abs(cv2.Sobel(grey, cv2.CV_32F, dx, dy))
            blurred: Any = np.abs(cv2.Sobel(cv2.blur(grey, window), cv2.CV_32F, dx, dy))
            total[axis] += np.vdot(steps, inner)
            kept[axis] += np.vdot(np.minimum(steps, blurred), inner)
    return float((kept / np.maximum(total, 1e-9)).max()) if total.any() else 1.0
