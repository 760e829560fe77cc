"""The photographs: people drawn or painted, with one thing changed at a time, and the truth about them."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.people import SETTINGS, TONES, tone_of
from toolkit import phantom
from toolkit.errors import ToolkitError
from toolkit.images import find_photos, read_photo
from toolkit.phantom.scene import Scene, Shot, stream
from toolkit.phantom.study import map_png
from toolkit.workers import the_finder

LOADS = ("spread", "cohort")


@dataclass(frozen=True)
class Job:
    """One person of one set, as sent to a worker."""

    folder: Path
    set: str
    index: int
    seed: int
    sitter: Path | None  # a photograph to paint on, or none
    ita: float | None  # the tone to draw
    grades: Mapping[str, tuple[float, float]]  # of the left and right side, by load
    changes: bool  # whether the person is photographed with one thing changed at a time

    @property
    def styles(self) -> dict[str, str]:
        """What is photographed, by the letter in the file's name."""
        return {"L": "left", "R": "right"} if self.set.endswith("half") else {"F": "both"}


@dataclass(frozen=True)
class Photo:
    """A photograph on disk and the truth about it. ``variant``: a load, or the name of a change."""

    path: Path
    set: str
    variant: str
    subject: str
    latent: float
    ita: float

    @property
    def tone(self) -> str:
        """The bin of its ITA."""
        return tone_of(self.ita)


def check_work(folder: Path, arguments: Mapping[str, Any]) -> None:
    """Refuses a folder of phantoms made with other arguments; warns where the recipe has changed since."""
    sources = sorted(Path(phantom.__file__).parent.glob("*.py"))
    recipe = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    note = folder / "benchmark.json"
    made = json.loads(note.read_text()) if note.is_file() else {**arguments, "recipe": recipe}
    if {**made, "recipe": ""} != {**arguments, "recipe": ""}:
        raise ToolkitError(f"{folder} holds phantoms of other arguments: name another folder")
    if made["recipe"] != recipe:
        print(f"{folder}: phantoms of another version of toolkit.phantom, used as they are", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(made, indent=2))


def all_jobs(folder: Path, faces: Path | None, people: int, scenes: int, seed: int) -> list[Job]:
    """Drawn people have each tone equally often, and in each tone grades spread over 0-9."""
    photos = evenly(find_photos([faces]), people) if faces else []
    jobs = []
    for number, name in enumerate(("drawn half", "drawn whole", "painted half", "painted whole")):
        painted = name.startswith("painted")
        count = len(photos) if painted else people
        rng = np.random.default_rng([seed, number // 2 if painted else number])
        bins = 1 if painted else len(TONES)
        spread = spread_grades(rng, count, bins)
        cohort = phantom.draw_latent_grades(rng, count, 1)
        changed = evenly(range(count), scenes) if painted else range(scenes)
        for index in range(count):
            grades = {
                "spread": spread[index],
                "cohort": (cohort[index]["left"][0], cohort[index]["right"][0]),
            }
            ita = None if painted else float(rng.uniform(*list(TONES.values())[index % bins]))
            sitter = photos[index] if painted else None
            key = seed + 1000 * (number + 1)
            jobs.append(Job(folder, name, index, key, sitter, ita, grades, index in changed))
    return jobs


def evenly(items: Sequence[Any], count: int) -> list[Any]:
    """At most ``count`` of the items, from the first to the last at even steps."""
    places = np.linspace(0, len(items) - 1, min(count, len(items)))
    return [items[round(place)] for place in places]


def spread_grades(rng: np.random.Generator, count: int, bins: int) -> list[tuple[float, float]]:
    """Grades of the left and right side, evenly over 0-9 within each of ``bins`` (person modulo bins)."""
    middle = np.empty(count)
    for start in range(bins):
        mine = middle[start::bins]
        step = (np.arange(len(mine)) + (start + 0.5) / bins) / max(len(mine), 1)
        mine[:] = rng.permutation(0.1 + 8.6 * step)
    sides = np.clip(middle[:, None] + 0.28 * rng.standard_normal((count, 2)), 0.05, 8.8)
    return [(float(left), float(right)) for left, right in sides]


def make_person(job: Job) -> list[Photo]:
    """Draws a person and writes all photographs, unless an earlier run did."""
    folder = job.folder / job.set.replace(" ", "-")
    truth = folder / f"P{job.index + 1:04d}.json"
    if truth.is_file():
        return [Photo(**{**row, "path": folder / row["path"]}) for row in json.loads(truth.read_text())]
    canvas = canvas_of(job)
    photos = [write_photo(job, folder, *told, canvas.ita) for told in shots_of(job, canvas)]
    rows = [{**asdict(photo), "path": str(photo.path.relative_to(folder))} for photo in photos]
    truth.write_text(json.dumps(rows))
    return photos


def canvas_of(job: Job) -> phantom.Canvas:
    """The photograph to paint on, or a drawn face."""
    rng = stream((job.seed, job.index), "canvas")
    if job.sitter is not None:
        photo = read_photo(job.sitter, SETTINGS.photo)
        points = the_finder().find(photo, None).points
        return phantom.canvas_of_photograph(photo.pixels, points, rng)
    if job.set.endswith("half"):
        return phantom.draw_face(rng, (1600, 1570), span_px=float(rng.uniform(590, 700)), ita=job.ita)
    return phantom.draw_face(rng, (1360, 1600), ita=job.ita)


def shots_of(job: Job, canvas: phantom.Canvas) -> Iterator[tuple[str, str, Shot]]:
    """Every photograph of a person: the variant, the side's letter, and the shot."""
    for load, (left, right) in job.grades.items():
        person = phantom.compose(canvas, {"left": [left], "right": [right]}, (job.seed, job.index))[0]
        for number, (letter, style) in enumerate(job.styles.items()):
            yield load, letter, phantom.shoot(person.session(number), style)
        if job.changes and load == "spread":
            letter, style = next(iter(job.styles.items()))
            for change, shot in changed_shots(person.session(0), style):
                yield change, letter, shot


def changed_shots(scene: Scene, style: str) -> Iterator[tuple[str, Shot]]:
    """The scene without redness and shadow ("calm"), and that with one thing changed at a time."""

    def vary(scene: Scene, **options: Any) -> Scene:
        return replace(scene, distractors=replace(scene.distractors, **options))

    calm = vary(scene, redness=0.0, shadow=0.0, jpeg_quality=92)
    exposure, (red, blue) = calm.distractors.exposure, calm.distractors.white_balance
    changed = {
        "calm": calm,
        "redness 0.25": vary(calm, redness=0.25),
        "shadow 0.5": vary(calm, shadow=0.5),
        "exposure x0.8": vary(calm, exposure=0.8 * exposure),
        "exposure x1.2": vary(calm, exposure=1.2 * exposure),
        "warmer 5 %": vary(calm, white_balance=(1.05 * red, 0.95 * blue)),
        "cooler 5 %": vary(calm, white_balance=(0.95 * red, 1.05 * blue)),
        "JPEG 60": vary(calm, jpeg_quality=60),
        "one mole": phantom.with_mole(calm, style),
    }
    for name, one in changed.items():
        yield name, phantom.shoot(one, style)
    yield "resolution x0.7", phantom.shoot(calm, style, 0.7)


def write_photo(job: Job, folder: Path, variant: str, letter: str, shot: Shot, ita: float) -> Photo:
    """The JPEG file, named as in a study so that its side is known, and the planted map beside it."""
    name = f"P{job.index + 1:04d}_FACE_{letter}_S00_V00D00W00.jpg"
    path = folder / variant.replace(" %", "").replace(" ", "-") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(shot.jpeg())
    if variant in LOADS:
        path.with_suffix(".png").write_bytes(map_png(shot.melanin))
    subject = f"{'painted' if job.sitter else job.set} {job.index}"
    return Photo(path, job.set, variant, subject, shot.latent_grade, ita)
