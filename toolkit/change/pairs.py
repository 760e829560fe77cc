"""Pairs of photographs through the comparison, in other processes: which pairs a study has, and what comes of each."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from toolkit.change.pigment import KINDS, SpotChanges, VisitChart, compare_spots
from toolkit.change.register import Registration, register_charts
from toolkit.chart import make_chart
from toolkit.correction import corrected
from toolkit.errors import FaceError, PhotoError, ToolkitError
from toolkit.images import read_photo
from toolkit.pigment import pigment_of_png
from toolkit.pool import Lost, Workers, attempt, run_jobs
from toolkit.records import PhotoFacts
from toolkit.settings import Settings
from toolkit.store import colour_of_record, face_of_record
from toolkit.study.visits import baseline_of, visit_order

NOT_REGISTERED = "could not be laid over the baseline: too little of the skin looks alike"
LITTLE_SKIN = "could not be laid over the baseline: they show too little skin in common"


def find_pairs(facts: Sequence[PhotoFacts], graded: Sequence[bool]) -> dict[int, int]:
    """The place of each photo that has a baseline, and that baseline's: of the same subject and side, at the visit
    Baseline, or where there is none at the earliest. Of several photos of that visit the first that is ``graded``."""
    sides: dict[tuple[str, str], list[int]] = {}
    for place, one in enumerate(facts):
        if one.visit and one.side:
            sides.setdefault((one.subject, one.side), []).append(place)
    found: dict[int, int] = {}
    for places in sides.values():
        visits = {place: str(facts[place].visit) for place in places}
        first = baseline_of(visits.values())
        own = [place for place in places if visits[place] == first]
        baseline = next((place for place in own if graded[place]), own[0])
        later = [place for place in places if visit_order(visits[place]) > visit_order(first)]
        found |= dict.fromkeys(later, baseline)
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class VisitPhoto:
    """A graded photo: its file, the SHA-256 it had, its face as ``Store.face`` gives it, and the predicted pigment of its
    chart as ``pigment_png`` writes it."""

    path: Path
    sha256: str
    face: Mapping[str, Any] | None
    pigment: tuple[bytes, ...]


@dataclass(frozen=True)
class PairJob:
    """A photo and its baseline."""

    baseline: VisitPhoto
    later: VisitPhoto


@dataclass(frozen=True)
class PairChange:
    """What came of a pair. ``found``: the two could be laid over each other; else ``note`` says why not, and there are no
    figures. ``shift``: ``Registration.shift_mm`` as base64 of float16, ``shape`` (rows, columns). ``before`` and
    ``after``: correlation of the skin's texture, by the landmarks and as registered. ``baseline_od``, ``later_od`` and
    ``darkness_change`` as in ``SpotChanges``, ``counts`` and ``cm2`` by KINDS.
    ``lasting``: the same whenever these files are compared again."""

    found: bool = False
    note: str = ""
    before: float = 0.0
    after: float = 0.0
    shift: str = ""
    shape: tuple[int, int] = (0, 0)
    corner_mm: tuple[float, float] = (0.0, 0.0)
    common_cm2: float = 0.0
    baseline_od: float = 0.0
    later_od: float = 0.0
    darkness_change: float | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    cm2: Mapping[str, float] = field(default_factory=dict)
    lasting: bool = True

    def to_json(self) -> str:
        """For the store."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> PairChange:
        """What ``to_json`` wrote."""
        values = json.loads(text)
        return cls(**{**values, "shape": tuple(values["shape"]), "corner_mm": tuple(values["corner_mm"])})

    @property
    def registration(self) -> Registration:
        """As it was found."""
        shift = np.frombuffer(base64.b64decode(self.shift), "<f2").astype(np.float32)
        return Registration(
            shift.reshape(*self.shape, 2), self.corner_mm, self.before, self.after, self.found
        )


def compare_all(
    jobs: Sequence[PairJob], settings: Settings, workers: Workers, limit_s: float
) -> Generator[tuple[int, PairChange], None, None]:
    """(number of the job, what came of it) as they are done, always in other processes; one that fails says why."""
    task = functools.partial(compare_pair, settings=settings)
    for number, found in run_jobs(task, jobs, workers, start_process, limit_s=limit_s):
        yield number, PairChange(note=found.reason, lasting=False) if isinstance(found, Lost) else found


def start_process() -> None:
    """Once a process, before its first pair."""
    cv2.setNumThreads(1)  # the processes are the parallelism


def compare_pair(job: PairJob, settings: Settings) -> PairChange:
    """The figures of a pair; whatever goes wrong is its ``note``."""

    def work() -> PairChange:
        baseline, later = read_again(job, settings)
        registration = register_charts(baseline.chart, later.chart)
        if not registration.found:
            note = NOT_REGISTERED if registration.after else LITTLE_SKIN
            return PairChange(note=note, before=registration.before, after=registration.after)
        changes = compare_spots(baseline, later, registration, settings.pigment)
        return _figures(registration, changes, baseline.chart.px_per_mm)

    return attempt(work, lambda reason: PairChange(note=reason, lasting=False))


def read_again(job: PairJob, settings: Settings) -> tuple[VisitChart, VisitChart]:
    """Both photographs read again, with the face and the pigment of their grading: of the baseline and of the later one.
    Raises PhotoError or FaceError, without their paths."""
    return _look(job.baseline, settings, "the baseline photo: "), _look(job.later, settings, "")


def _look(seen: VisitPhoto, settings: Settings, whose: str) -> VisitChart:
    try:
        photo = corrected(read_photo(seen.path, settings.photo), colour_of_record(seen.face))
    except ToolkitError as error:
        raise PhotoError(whose + str(error).removeprefix(f"{seen.path}: ")) from None
    if photo.sha256 != seen.sha256:
        raise PhotoError(f"{whose}the file has changed since it was graded: rerun the command")
    face = face_of_record(seen.face)
    if face is None or len(seen.pigment) != 1:
        raise FaceError(f"{whose}there is no face, or no map of its pigment")
    chart = make_chart(photo.turned(face.quarter_turns), face, settings.chart, settings.patch.px_per_mm)
    size = chart.skin.shape[::-1]
    values = cv2.resize(pigment_of_png(seen.pigment[0]), size, interpolation=cv2.INTER_LINEAR)
    return VisitChart(chart, np.where(chart.skin, values, 0).astype(np.float32))


def _figures(registration: Registration, changes: SpotChanges, px_per_mm: float) -> PairChange:
    per_kind = [changes.kinds == number for number in range(len(KINDS))]
    areas = [float(changes.areas_mm2[one].sum()) / 100 for one in per_kind]
    shift = registration.shift_mm
    return PairChange(
        found=True,
        before=registration.before,
        after=registration.after,
        shift=base64.b64encode(shift.astype("<f2").tobytes()).decode(),
        shape=(shift.shape[0], shift.shape[1]),
        corner_mm=registration.corner_mm,
        common_cm2=float(changes.common.sum()) / px_per_mm**2 / 100,
        baseline_od=changes.baseline_od,
        later_od=changes.later_od,
        darkness_change=changes.darkness_change,
        counts={kind: int(one.sum()) for kind, one in zip(KINDS, per_kind, strict=True)},
        cm2=dict(zip(KINDS, areas, strict=True)),
    )
