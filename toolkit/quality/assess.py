"""The figures of a photograph, and the label that they give it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

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
    skin = np.concatenate([_inside(patch.pixels, patch.skin) for patch in patches])
    seen = np.concatenate([_with_highlights(photo, patch) for patch in patches])
    brightest = skin.max(axis=1)
    red, green, blue = (max(_middle(channel), 1.0) for channel in skin.T)
    quality = Quality(
        blur=_blur(patches),
        over=float((seen.max(axis=1) >= _CLIPPED_HIGH).mean()) if len(seen) else 0.0,
        under=float((brightest <= _CLIPPED_LOW).mean()),
        level=_middle(brightest),
        px_per_mm=face.px_per_mm,
        skin_fraction=len(skin) / _shown_area(face, patches),
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


def _inside(pixels: NDArray[np.uint8], mask: NDArray) -> NDArray[np.uint8]:
    """(n, 3): ``pixels[mask]``, in a fifth of the time."""
    return pixels.reshape(-1, 3).take(np.flatnonzero(mask), axis=0)


def _middle(levels: NDArray[np.uint8]) -> float:
    """The median of grey levels (n,), by counting them."""
    below = np.cumsum(np.bincount(levels, minlength=256))
    n = len(levels)
    return float(np.searchsorted(below, [(n - 1) // 2 + 1, n // 2 + 1]).mean())


def _with_highlights(photo: Photo, patch: Patch) -> NDArray[np.uint8]:
    """The patch's measurable pixels and the gaps between them that are not painted out: (n, 3)."""
    size = patch.skin.shape[1], patch.skin.shape[0]
    seen: Any = cv2.warpAffine(photo.skin.astype(np.uint8), patch.to_patch, size, flags=cv2.INTER_NEAREST)
    gap = round(_WIDEST_GAP_MM * patch.px_per_mm)
    whole: Any = cv2.morphologyEx(patch.skin.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((gap, gap), np.uint8))
    return _inside(patch.pixels, whole & seen)


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
        inner = cv2.erode(patch.skin.astype(np.uint8), np.ones((_BLUR_PX, _BLUR_PX), np.uint8)) > 0
        grey: Any = cv2.cvtColor(patch.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
        for axis, (dx, dy, window) in enumerate(((1, 0, (_BLUR_PX, 1)), (0, 1, (1, _BLUR_PX)))):
            steps: Any = np.abs(cv2.Sobel(grey, cv2.CV_32F, dx, dy))
            blurred: Any = np.abs(cv2.Sobel(cv2.blur(grey, window), cv2.CV_32F, dx, dy))
            total[axis] += steps[inner].sum()
            kept[axis] += np.minimum(steps, blurred)[inner].sum()
    return float((kept / np.maximum(total, 1e-9)).max()) if total.any() else 1.0
