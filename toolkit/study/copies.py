"""The same picture under two subjects: told by content, so that it stands on one side of every split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.errors import GradesError
from toolkit.likeness import MIRRORED, SAME, SURELY_SAME, bits_apart

_SURELY, _ALIKE, _MIRROR = "surely", "alike", "mirror"


@dataclass(frozen=True)
class Picture:
    """A graded photo: its content is the SHA-256 of its file and, where they are known, its ``likeness`` and that of its
    mirror image."""

    name: str
    subject: str
    sha256: str
    likeness: str
    grade: float
    mirrored: str = ""


def one_subject_each(pictures: Sequence[Picture]) -> tuple[list[str], list[str]]:
    """The subject of every picture, the same for all who share a picture by content; and a line for each such pair.

    Raises GradesError where the same picture has two grades.
    """
    subjects = [picture.subject for picture in pictures]
    lines: list[str] = []
    for one, other, what in _pairs(pictures):
        first, second = pictures[one], pictures[other]
        if what == _SURELY and first.grade != second.grade:
            raise GradesError(
                f"{second.name} is the same picture as {first.name}, and their grades contradict each other "
                f"({second.grade:g} and {first.grade:g}): leave one of them out, or correct the workbook"
            )
        if subjects[one] != subjects[other]:
            lines.append(
                f"{second.name} is the {'mirror image of' if what == _MIRROR else 'same picture as'} {first.name}: "
                f"{second.subject} and {first.subject} are taken for one subject"
            )
            kept, gone = subjects[one], subjects[other]
            subjects = [kept if subject == gone else subject for subject in subjects]
    return subjects, lines


def _pairs(pictures: Sequence[Picture]) -> list[tuple[int, int, str]]:
    """Pairs of the same picture, in order, and how they are the same: without a doubt, by their looks, as mirror images.

    Mirror images are looked for under different subjects alone: one subject's two sides are meant to be alike."""
    if len(pictures) < 2:
        return []
    hashes = np.array([picture.sha256 for picture in pictures])
    subjects = np.array([picture.subject for picture in pictures])
    texts = [picture.likeness for picture in pictures]
    apart = bits_apart(texts, texts)
    sure = ((hashes[:, None] == hashes) & (hashes != "")) | (apart <= SURELY_SAME)
    same = sure | (apart <= SAME)
    mirrors = bits_apart(texts, [picture.mirrored for picture in pictures]) <= MIRRORED
    found = same | ((mirrors | mirrors.T) & (subjects[:, None] != subjects))
    return [
        (int(i), int(j), _SURELY if sure[i, j] else _ALIKE if same[i, j] else _MIRROR)
        for i, j in zip(*np.nonzero(np.triu(found, 1)), strict=True)
    ]
