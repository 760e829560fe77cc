"""Visits that a study tells by their dates: read whatever their form, and told as days since a subject's first."""

from __future__ import annotations

import datetime
import re
from collections.abc import Hashable, Iterable, Sequence

from toolkit.records import PhotoFacts
from toolkit.study.subjects import subject_key
from toolkit.study.visits import BASELINE

_FORMS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d-%b-%Y", "%d%b%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y"),
)
_CLOCK = re.compile(r"[ T]\d{1,2}:\d\d(:\d\d(\.\d+)?)?$")


def iso_dates(texts: Iterable[str]) -> dict[str, str]:
    """The texts as ISO dates, where all are dates of one form; else none. The time of day is left out.

    Raises ValueError where they may be read in two ways (3/4/2024), and no other of them tells which.
    """
    dates = {text: _CLOCK.sub("", text) for text in texts}
    readings = []
    for form in _FORMS:
        try:
            read = {text: _date(day, form).isoformat() for text, day in dates.items()}
        except ValueError:
            continue
        if read not in readings:
            readings.append(read)
    if len(readings) > 1:
        text = min(text for text in dates if len({read[text] for read in readings}) > 1)
        raise ValueError(f"{text} may be {' or '.join(read[text] for read in readings)}: write dates so")
    return readings[0] if readings else {}


def _date(text: str, form: str) -> datetime.date:
    return datetime.datetime.strptime(text, form).date()


def date_of(visit: str | None) -> datetime.date | None:
    """The date that a visit is, as ``iso_dates`` writes it; None for any other."""
    try:
        return datetime.date.fromisoformat(visit or "")
    except ValueError:
        return None


def visits_in_days(facts: Sequence[PhotoFacts]) -> list[str | None]:
    """The visits of photos: of a subject whose known ones are all dates, Baseline for the first and "Day 27" for one 27
    days after it; else as they are."""
    dates: dict[Hashable, list[datetime.date | None]] = {}
    for one in facts:
        if one.visit:
            dates.setdefault(subject_key(one.subject), []).append(date_of(one.visit))
    first = {key: min(filter(None, found)) for key, found in dates.items() if all(found)}
    return [_in_days(one.visit, first.get(subject_key(one.subject))) for one in facts]


def _in_days(visit: str | None, first: datetime.date | None) -> str | None:
    date = date_of(visit)
    if date is None or first is None:
        return visit
    return f"Day {(date - first).days}" if date > first else BASELINE
