"""The change of each later visit's photo from its baseline: compared once, kept in the store, told in a table."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.change import KINDS, PairChange, PairJob, VisitPhoto, change_interval, compare_all, find_pairs
from toolkit.pool import Workers
from toolkit.progress import Progress, reported
from toolkit.records import PhotoGrade
from toolkit.settings import Settings
from toolkit.stagecode import sources_hash
from toolkit.store import NOT_REACHED, Store
from toolkit.workbook import CHANGE_COLUMNS, Value

_SLICE = 300  # pairs whose landmarks and maps are in memory at a time


@dataclass(frozen=True)
class StudyChanges:
    """``pairs``: the place of each photo that has a baseline, and that of its baseline; ``found``: what became of its
    skin; ``rows`` of the sheet Change, CHANGE_COLUMNS, empty where the two could not be compared. ``interrupted``: the
    comparison was stopped before all were compared."""

    pairs: Mapping[int, int] = field(default_factory=dict)
    found: Mapping[int, PairChange] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Value]] = ()
    interrupted: bool = False


def compare_study(
    store: Store,
    grades: Sequence[PhotoGrade],
    paths: Sequence[Path],
    settings: Settings,
    *,
    workers: Workers,
    limit_s: float,
    tell: Progress,
) -> StudyChanges:
    """Every photo that has a baseline beside it: those compared before are taken from the store, the others read again
    in ``workers`` processes, each pair given up after ``limit_s`` seconds. ``grades`` and ``paths`` as the run has them."""
    pairs = find_pairs([one.facts for one in grades], [one.grade is not None for one in grades])
    found, keys = _known(store, pairs, grades)
    missing = sorted(pairs.keys() - found.keys(), key=lambda place: (pairs[place], place))
    interrupted = False
    try:
        compared = _compared(
            store,
            [(place, pairs[place]) for place in missing],
            paths,
            settings,
            workers=workers,
            limit_s=limit_s,
        )
        with contextlib.closing(compared):
            told = reported(compared, len(missing), "comparing visits", tell) if missing else ()
            for place, change in told:
                found[place] = change
                if change.lasting:
                    store.put_change(keys[place], change.to_json())
    except KeyboardInterrupt:
        interrupted = True
    waiting = PairChange(note=NOT_REACHED, lasting=False)
    every = {place: found.get(place, waiting) for place in pairs}
    rows = [_row(grades[place], grades[pairs[place]], change) for place, change in every.items()]
    return StudyChanges(pairs, every, rows, interrupted)


def _compared(
    store: Store,
    pairs: Sequence[tuple[int, int]],
    paths: Sequence[Path],
    settings: Settings,
    *,
    workers: Workers,
    limit_s: float,
) -> Generator[tuple[int, PairChange], None, None]:
    """(place of the later photo, what became of it) of pairs (later, baseline), as they are done; a slice at a time, so
    that memory does not grow with the study."""
    for first in range(0, len(pairs), _SLICE):
        some = pairs[first : first + _SLICE]
        jobs = [PairJob(_seen(store, before, paths), _seen(store, place, paths)) for place, before in some]
        with contextlib.closing(compare_all(jobs, settings, workers, limit_s)) as compared:
            for number, change in compared:
                yield some[number][0], change


def _known(
    store: Store, pairs: Mapping[int, int], grades: Sequence[PhotoGrade]
) -> tuple[dict[int, PairChange], dict[int, tuple[str, str, str]]]:
    """What needs no comparison, by place: compared before, or never to be; and what the others are kept under."""
    found: dict[int, PairChange] = {}
    keys: dict[int, tuple[str, str, str]] = {}
    code = sources_hash("change")
    for place, baseline in pairs.items():
        if reason := _not_graded(grades[place], grades[baseline]):
            found[place] = PairChange(note=reason, lasting=False)
            continue
        keys[place] = _key(store, place, baseline, code)
        if kept := store.change(keys[place]):
            found[place] = PairChange.from_json(kept)
    return found, keys


def _not_graded(later: PhotoGrade, baseline: PhotoGrade) -> str:
    if later.grade is None:
        return later.note or "it could not be graded"
    if baseline.grade is None:
        return f"the baseline photo could not be graded: {baseline.note}".removesuffix(": ")
    return ""


def _key(store: Store, place: int, baseline: int, code: str) -> tuple[str, str, str]:
    """What the change of a pair belongs to, as ``Store.change`` takes it."""
    sha256, options, hint = store.key(place)
    before, _, hint_before = store.key(baseline)
    made_by = {"run": options, "hints": [hint, hint_before], "change": code}
    return sha256, before, json.dumps(made_by, sort_keys=True)


def _seen(store: Store, place: int, paths: Sequence[Path]) -> VisitPhoto:
    details = store.details(place)
    return VisitPhoto(paths[place], store.key(place)[0], details.face, details.pigment)


def _row(later: PhotoGrade, baseline: PhotoGrade, change: PairChange) -> dict[str, Value]:
    both = later.grade is not None and baseline.grade is not None
    lower, upper = change_interval(later, baseline) or (None, None)
    row: dict[str, Value] = {
        "photo": later.name,
        "baseline_photo": baseline.name,
        "subject": later.facts.subject,
        "side": later.facts.side,
        "visit": later.facts.visit,
        "baseline_visit": baseline.facts.visit,
        "grade": later.grade,
        "baseline_grade": baseline.grade,
        "grade_change": (later.grade or 0.0) - (baseline.grade or 0.0) if both else None,
        "change_lower": lower,
        "change_upper": upper,
        "registration": change.after if change.found or change.after else None,
        "note": change.note or None,
    }
    if change.found:
        row |= {
            "common_cm2": change.common_cm2,
            "pigment_od": change.later_od,
            "baseline_pigment_od": change.baseline_od,
            "pigment_change_od": change.later_od - change.baseline_od,
            "spot_darkness_change": change.darkness_change,
            **{f"spots_{kind}": change.counts[kind] for kind in KINDS},
            **{f"{kind}_cm2": change.cm2[kind] for kind in KINDS},
        }
    return {name: row.get(name) for name in CHANGE_COLUMNS}
