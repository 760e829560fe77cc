"""Why a photograph is suggested, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from toolkit.suggest.results import GradedPhoto
from toolkit.tones import tone_name
from toolkit.watch import StudyFigures

_RARE = 0.05  # of the training photographs
_GRADES_APART = 0.75
_WIDE = 1.2  # times the usual half-width of an interval


def reasons(photo: GradedPhoto, photos: Sequence[GradedPhoto], study: StudyFigures) -> str:
    """What sets a photo apart: among ``photos`` of its run, and from those that the model was trained on."""
    return "; ".join(_reasons(photo, photos, study)) or "stands for others like it"


def _reasons(photo: GradedPhoto, photos: Sequence[GradedPhoto], study: StudyFigures) -> Iterator[str]:
    grades, tones, distances = (
        study.column("grade"),
        study.column("ita_deg"),
        study.column("reference_distance"),
    )
    usual = float(np.median([one.half_width for one in photos]))
    if photo.half_width > _WIDE * usual:
        yield f"wide interval: +- {photo.half_width:.1f}, usually {usual:.1f}"
    alike = int((np.abs(grades - photo.grade) <= _GRADES_APART).sum())
    if alike < _RARE * len(grades):
        yield f"few graded photographs are about {round(2 * photo.grade) / 2:g}: {alike} of {len(grades)}"
    tone = tone_name(photo.tone)
    alike = sum(tone_name(one) == tone for one in tones.tolist())
    if alike < _RARE * len(tones):
        yield f"few graded photographs are of {tone} skin: {alike} of {len(tones)}"
    if np.isfinite(distances).any() and photo.distance > np.nanpercentile(distances, 95):
        yield f"unlike the references: distance {photo.distance:.2f}, usually {np.nanmedian(distances):.2f}"
