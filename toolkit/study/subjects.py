"""Which spellings of a subject are one subject."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from toolkit.study.names import folded

Key = tuple[str, int | None]
_NUMBERED = re.compile(r"(?:(?P<letters>[^\W\d_]+)[\s._-]*)?(?P<number>\d{1,18})")


def subject_key(subject: str) -> Key:
    """What is the same for all spellings of a subject: letters and number, or the text without case.

    "P0001", "p 1" and "P-0001" are one subject, "1" and "0001" are another, and "Q0001" is a third.
    """
    plain = folded(subject)
    found = _NUMBERED.fullmatch(plain)
    return (found["letters"] or "", int(found["number"])) if found else (plain, None)


class Subjects:
    """One spelling for every subject, so that none falls into two folds.

    ``sources`` are the names of photos, each workbook, ...: the first one's spelling is kept. A bare number (1 or
    0001) is the subject of that number with letters (P0001) only where all sources know these letters alone for
    it, and none of them has both: Q0001 beside P0001, or 1 beside P0001 in one workbook, are different people.
    """

    def __init__(self, sources: Iterable[Iterable[str]]) -> None:
        found = [list(dict.fromkeys(source)) for source in sources]
        first: dict[Key, str] = {}
        for subject in (subject for source in found for subject in source):
            first.setdefault(subject_key(subject), subject)
        order = {key: place for place, key in enumerate(first)}
        for bare, lettered in _by_number_alone(found):
            earlier, later = sorted((bare, lettered), key=order.__getitem__)
            first[later] = first[earlier]
        # By text, not by key: the stem of a file that is no clinical name is no number of a subject.
        self._spelling = {
            folded(subject): first[subject_key(subject)] for source in found for subject in source
        }

    def spelling(self, subject: str) -> str:
        """The subject as it is spelt everywhere."""
        return self._spelling.get(folded(subject), subject)

    def by_number(self, subjects: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """Those of ``subjects`` that are spelt with letters where they have none, or the reverse, as pairs (number,
        subject with letters)."""
        pairs: dict[tuple[str, str], None] = {}
        for subject in subjects:
            spelt = self.spelling(subject)
            if subject_key(subject) != subject_key(spelt):
                bare, lettered = sorted((subject, spelt), key=lambda text: subject_key(text)[0])
                pairs.setdefault((bare, lettered))
        return tuple(pairs)


def _by_number_alone(sources: Sequence[Sequence[str]]) -> list[tuple[Key, Key]]:
    """The bare numbers and the subjects with letters that they stand for."""
    letters: dict[int, set[str]] = defaultdict(set)
    both: set[int] = set()
    for source in sources:
        here: dict[int, set[str]] = defaultdict(set)
        for text, number in map(subject_key, source):
            if number is not None:
                here[number].add(text)
        both.update(number for number, texts in here.items() if "" in texts and len(texts) > 1)
        for number, texts in here.items():
            letters[number] |= texts
    return [
        (("", number), (next(iter(texts - {""})), number))
        for number, texts in letters.items()
        if "" in texts and len(texts) == 2 and number not in both
    ]
