"""The same picture under two subjects: told by content, so that it stands on one side of every split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.errors import GradesError
from toolkit.likeness import SAME, SURELY_SAME, bits_apart


@dataclass(frozen=True)
class Picture:
    """A graded photo: its content is the SHA-256 of its file and, where it is known, its ``likeness``."""

    name: str
    subject: str
    sha256: str
    likeness: str
    grade: float


def one_subject_each(pictures: Sequence[Picture]) -> tuple[list[str], list[str]]:
    """The subject of every picture, the same for all who share a picture by content; and a line for each such pair.

    Raises GradesError where the same picture has two grades.
    """
    subjects = [picture.subject for picture in pictures]
    lines: list[str] = []
    for one, other, surely in _pairs(pictures):
        first, second = pictures[one], pictures[other]
        if surely and first.grade != second.grade:
            raise GradesError(
                f"{second.name} is the same picture as {first.name}, and their grades contradict each other "
                f"({second.grade:g} and {first.grade:g}): leave one of them out, or correct the workbook"
            )
        if subjects[one] != subjects[other]:
            lines.append(
                f"{second.name} is the same picture as {first.name}: {second.subject} and {first.subject} are taken for one "
                "subject"
            )
            kept, gone = subjects[one], subjects[other]
            subjects = [kept if subject == gone else subject for subject in subjects]
    return subjects, lines


def _pairs(pictures: Sequence[Picture]) -> list[tuple[int, int, bool]]:
    """Pairs of the same picture, in order, and whether there is no doubt about it."""
    if len(pictures) < 2:
        return []
    hashes = np.array([picture.sha256 for picture in pictures])
    bytes_same = (hashes[:, None] == hashes) & (hashes != "")
    texts = [picture.likeness for picture in pictures]
    apart = bits_apart(texts, texts)
    ones, others = np.nonzero(np.triu(bytes_same | (apart <= SAME), 1))
    sure = bytes_same | (apart <= SURELY_SAME)
    return [(int(i), int(j), bool(sure[i, j])) for i, j in zip(ones, others, strict=True)]
