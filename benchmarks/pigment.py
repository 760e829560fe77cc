#!/usr/bin/env python
"""Measures the pigment features on phantoms: what they find, what moves them, for whom they err, what they cost.

    scripts/pigment_benchmark                                            # drawn faces
    scripts/pigment_benchmark --faces ../shared/data/faces/neutral       # and painted photographs
    scripts/pigment_benchmark --people 20 --scenes 5                     # a quick look

Four sets (drawn and painted, half and whole faces), each with grades spread over 0-9 and as in a real cohort.
Faces are found, cut and measured as the product does, from JPEG files. Prints, for each set:

a. average precision by the pixel of planted melanin, over 0.05 of green OD, on the skin of the patches;
b. rank correlation of every feature with the latent grade, and a ridge on all, cross-validated by subject;
c. how the ridge's grade moves when one thing alone changes in the photograph;
d. its bias and RMSE by skin tone;
e. milliseconds a photo.

A few minutes on 2 cores. --work FOLDER keeps the phantoms, so that the next run measures alone.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any
from zlib import crc32

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from toolkit import phantom
from toolkit.blend import Ridge
from toolkit.commands.shared import default_workers
from toolkit.errors import ToolkitError
from toolkit.geometry import warp
from toolkit.images import find_photos, read_photo
from toolkit.phantom.scene import Scene, Shot, stream
from toolkit.phantom.study import MAP_SCALE, map_png
from toolkit.photos import photo_files
from toolkit.pigment import components, deviations, measure, smooth_over, weigh_regions
from toolkit.pipeline import read_face
from toolkit.records import Patch
from toolkit.scores import noise_floor, score, trivial_predictions
from toolkit.settings import PigmentSettings, Settings
from toolkit.study import subject_folds
from toolkit.workers import map_photos, the_finder

TONES = {  # individual typology angle, degrees: bins of Del Bino & Bernerd 2013, the two lightest together
    "light": (41.0, 62.0),
    "intermediate": (28.0, 41.0),
    "tan": (10.0, 28.0),
    "brown": (-30.0, 10.0),
    "dark": (-48.0, -30.0),
}
TONE_EDGES = (41.0, 28.0, 10.0, -30.0)
LOADS = ("spread", "cohort")
SEED_FEATURES = ("seed_area_fraction", "seed_mean")
PLANTED_OD = 0.05
PIXELS_A_PHOTO = 1000
FOLDS = 5
BEST = 5  # single features shown a set
SETTINGS = Settings()


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
        return list(TONES)[sum(self.ita <= edge for edge in TONE_EDGES)]


@dataclass(frozen=True)
class Measured:
    """What the product measures on a photo; ``pixels`` (n, maps + 1): sampled maps, the planted OD last."""

    photo: Photo
    features: Mapping[str, float] = field(default_factory=dict)
    pixels: np.ndarray | None = None
    map_names: tuple[str, ...] = ()
    seconds_read: float = 0.0
    seconds_features: float = 0.0
    error: str = ""


# Phantoms ---------------------------------------------------------------------------------------------------


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
    photos = [
        write_photo(job, folder, variant, letter, shot, canvas.ita)
        for variant, letter, shot in shots_of(job, canvas)
    ]
    rows = [{**asdict(photo), "path": str(photo.path.relative_to(folder))} for photo in photos]
    truth.write_text(json.dumps(rows))
    return photos


def canvas_of(job: Job) -> phantom.Canvas:
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
    path = (
        folder
        / variant.replace(" %", "").replace(" ", "-")
        / f"P{job.index + 1:04d}_FACE_{letter}_S00_V00D00W00.jpg"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(shot.jpeg())
    if variant in LOADS:
        path.with_suffix(".png").write_bytes(map_png(shot.melanin))
    subject = f"{'painted' if job.sitter else job.set} {job.index}"
    return Photo(path, job.set, variant, subject, shot.latent_grade, ita)


# Measuring --------------------------------------------------------------------------------------------------


def measure_person(job: Job) -> list[Measured]:
    return [measure_photo(photo) for photo in make_person(job)]


def measure_photo(photo: Photo) -> Measured:
    """Reads, finds, cuts and measures as the product does."""
    started = time.process_time()
    try:
        _, face, _ = read_face(photo_files([photo.path])[0], the_finder(), SETTINGS)
    except ToolkitError as error:
        return Measured(photo, error=str(error))
    if not face.patches:
        return Measured(photo, error=f"{photo.path.name}: no patch holds enough skin")
    read = time.process_time()
    rows = {patch.region: measure(patch, SETTINGS.pigment)[0] for patch in face.patches}
    done = time.process_time()
    names, pixels = sample_pixels(photo, face.patches) if photo.variant in LOADS else ((), None)
    return Measured(
        photo, weigh_regions(list(rows.values()), list(rows)), pixels, names, read - started, done - read
    )


def sample_pixels(photo: Photo, patches: Sequence[Patch]) -> tuple[tuple[str, ...], np.ndarray]:
    """Some skin pixels of the patches: each map's value, and the planted OD last."""
    planted = cv2.imread(str(photo.path.with_suffix(".png")), cv2.IMREAD_GRAYSCALE)
    tables = []
    for patch in patches:
        maps = pixel_maps(patch, SETTINGS.pigment)
        truth = warp(planted, patch.to_patch, patch.skin.shape[::-1]).astype(np.float32) / MAP_SCALE
        tables.append(np.column_stack([one[patch.skin] for one in (*maps.values(), truth)]))
    table = np.concatenate(tables).astype(np.float32)
    rng = np.random.default_rng(crc32(f"{photo.set} {photo.variant} {photo.path.name}".encode()))
    return tuple(maps), table[rng.choice(len(table), min(PIXELS_A_PHOTO, len(table)), replace=False)]


def pixel_maps(patch: Patch, settings: PigmentSettings) -> dict[str, np.ndarray]:
    """Candidate maps of melanin, higher where there should be more; all but the seed's own smoothed alike."""
    from skimage.color import rgb2lab

    def smooth(values: np.ndarray, millimetres: float) -> np.ndarray:
        return smooth_over(values.astype(np.float32), patch.skin, millimetres * patch.px_per_mm)

    seed = (patch.pixels.max(axis=-1) - cv2.cvtColor(patch.pixels, cv2.COLOR_RGB2GRAY).astype(float)) / 255
    soft_seed = smooth(seed, settings.smooth_mm)
    yellow = smooth(rgb2lab(patch.pixels)[..., 2], settings.smooth_mm)
    maps = {
        "V - grey": seed,
        "V - grey less background": soft_seed - smooth(soft_seed, settings.background_mm),
        "b*": yellow,
        "b* less background": yellow - smooth(yellow, settings.background_mm),
    }
    densities = components(patch, settings)
    for name, width in backgrounds(settings).items():
        found = deviations(densities, patch, width)
        maps[f"melanin, {name}"] = found.melanin
        maps[f"sqrt(M+ D+), {name}"] = np.sqrt(np.maximum(found.melanin, 0) * np.maximum(found.darkness, 0))
    maps["melanin of measure()"] = measure(patch, settings)[1].melanin
    return maps


def backgrounds(settings: PigmentSettings) -> dict[str, float]:
    """The widths (mm) at which skin is compared with its surroundings: "near", "wide", ..."""
    ending = "background_mm"
    return {
        name.removesuffix(ending).rstrip("_") or "near": width
        for name, width in asdict(settings).items()
        if name.endswith(ending)
    }


# Figures ----------------------------------------------------------------------------------------------------


def figures_of(measured: Sequence[Measured], changed: Sequence[Measured] = ()) -> dict[str, Any]:
    """All figures of the photos of one set and load; ``changed``: its people with one thing changed."""
    names, table, latent, subjects = as_table(measured)
    folds = subject_folds(subjects.tolist(), latent, FOLDS, seed=0)
    models = [Ridge.fit(table[train], latent[train], subjects[train]) for train, _ in folds]
    grades = np.full(len(latent), np.nan)
    owner = {}
    for model, (_, test) in zip(models, folds, strict=True):
        grades[test] = np.clip(model.predict(table[test]), 0, 9)
        owner |= dict.fromkeys(subjects[test].tolist(), model)
    figures = {
        "photos": len(measured),
        "people": len(set(subjects.tolist())),
        "features": len(names),
        "pixels": pixel_figures(measured),
        "spearman": spearman_figures(names, table, latent),
        "ridge": ridge_figures(latent, subjects, grades, folds),
        "tones": tone_figures(measured, latent, grades),
        "RMSE by set": rmse_by_set(measured, latent, grades),
    }
    if changed:
        figures["changes"] = change_figures(changed, names, owner)
    return figures


def as_table(measured: Sequence[Measured]) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Names of the features, features (n, p), latent grades (n,), subjects (n,)."""
    names = list(measured[0].features)
    table = np.array([[one.features[name] for name in names] for one in measured])
    latent = np.array([one.photo.latent for one in measured])
    return names, table, latent, np.array([one.photo.subject for one in measured])


def pixel_figures(measured: Sequence[Measured]) -> dict[str, Any]:
    pixels = np.concatenate([one.pixels for one in measured if one.pixels is not None])
    positive = pixels[:, -1] > PLANTED_OD
    precision = average_precisions(measured[0].map_names, pixels)
    ratio = precision["melanin, near"] / precision["V - grey"] if precision else None
    return {"prevalence": float(positive.mean()), "average precision": precision, "melanin : seed": ratio}


def average_precisions(names: Sequence[str], pixels: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import average_precision_score

    positive = pixels[:, -1] > PLANTED_OD
    if not positive.any():
        return {}
    return {name: float(average_precision_score(positive, pixels[:, i])) for i, name in enumerate(names)}


def spearman_figures(names: Sequence[str], table: np.ndarray, latent: np.ndarray) -> dict[str, float]:
    """Of every feature that varies, the strongest first."""
    from scipy.stats import spearmanr

    found = {
        name: float(spearmanr(column, latent).statistic)
        for name, column in zip(names, table.T, strict=True)
        if np.ptp(column) > 0
    }
    return dict(sorted(found.items(), key=lambda item: -abs(item[1])))


def ridge_figures(
    latent: np.ndarray, subjects: np.ndarray, grades: np.ndarray, folds: Sequence
) -> dict[str, Any]:
    """RMSE against the latent grade, beside trivial answers and what a simulated grader's noise does."""
    trivial = trivial_predictions(latent, folds)
    graders = phantom.simulate_graders(latent, subjects.tolist(), np.random.default_rng(0))
    found = score(latent, grades)
    return {
        "RMSE": found.rmse,
        "spearman": found.spearman,
        **{f"RMSE of {name}": score(latent, guess).rmse for name, guess in trivial.items()},
        "RMSE of one grader": noise_floor(graders, latent).truth_vs_one,
    }


def tone_figures(measured: Sequence[Measured], latent: np.ndarray, grades: np.ndarray) -> dict[str, Any]:
    """Bias and RMSE of the ridge, and average precision of the melanin map, by skin tone."""
    tones = np.array([one.photo.tone for one in measured])
    figures = {}
    for tone in TONES:
        mine = tones == tone
        if not mine.any():
            continue
        error = grades[mine] - latent[mine]
        pixels = np.concatenate([one.pixels for one in measured if one.photo.tone == tone])
        figures[tone] = {
            "photos": int(mine.sum()),
            "bias": float(error.mean()),
            "RMSE": float(np.sqrt(np.mean(error**2))),
            "average precision": average_precisions(measured[0].map_names, pixels).get("melanin, near"),
        }
    return figures


def rmse_by_set(measured: Sequence[Measured], latent: np.ndarray, grades: np.ndarray) -> dict[str, float]:
    """Of one ridge on the photos of all the sets."""
    sets = np.array([one.photo.set for one in measured])
    return {
        name: score(latent[sets == name], grades[sets == name]).rmse for name in dict.fromkeys(sets.tolist())
    }


def change_figures(
    changed: Sequence[Measured], names: Sequence[str], owner: Mapping[str, Ridge]
) -> dict[str, Any]:
    """Mean and mean absolute change of the grade, by change, over all and by tone."""
    graded: dict[str, dict[tuple[str, str], float]] = {}
    for one in changed:
        if one.photo.subject in owner:
            row = np.array([[one.features[name] for name in names]])
            grade = float(np.clip(owner[one.photo.subject].predict(row)[0], 0, 9))
            graded.setdefault(one.photo.variant, {})[one.photo.set, one.photo.subject] = grade
    tone_of = {(one.photo.set, one.photo.subject): one.photo.tone for one in changed}
    calm = graded.pop("calm", {})
    figures: dict[str, Any] = {}
    for change, grades in graded.items():
        moved = {scene: grade - calm[scene] for scene, grade in grades.items() if scene in calm}
        for group in ("all", *TONES):
            steps = [step for scene, step in moved.items() if group in ("all", tone_of[scene])]
            if steps:
                figures.setdefault(change, {})[group] = {
                    "scenes": len(steps),
                    "mean": float(np.mean(steps)),
                    "mean absolute": float(np.abs(steps).mean()),
                }
    return figures


def time_figures(measured: Sequence[Measured]) -> dict[str, float]:
    """Median milliseconds of one core a photo."""
    return {
        "features": 1000 * float(np.median([one.seconds_features for one in measured])),
        "read, find and cut": 1000 * float(np.median([one.seconds_read for one in measured])),
    }


def figures_of_all(measured: Sequence[Measured]) -> dict[str, Any]:
    """By set and load; "all sets" joins them, a painted person's photos being one subject's."""
    good = [one for one in measured if not one.error]
    figures: dict[str, Any] = {}
    for name in [*dict.fromkeys(one.photo.set for one in good), "all sets"]:
        mine = [one for one in good if name in (one.photo.set, "all sets")]
        changed = [one for one in mine if one.photo.variant not in LOADS]
        by_load = {load: [one for one in mine if one.photo.variant == load] for load in LOADS}
        figures[name] = {
            load: figures_of(some, changed if load == "spread" else ()) for load, some in by_load.items()
        }
        figures[name]["milliseconds"] = time_figures(mine)
    figures["lost"] = [f"{one.photo.set}, {one.photo.variant}: {one.error}" for one in measured if one.error]
    return figures


# Printing ---------------------------------------------------------------------------------------------------


def table_text(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Aligned plain text: the first column to the left, figures to the right, with two decimals."""
    cells = [
        [f"{x:.2f}" if isinstance(x, float) else "-" if x is None else str(x) for x in row] for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in [list(head), *cells]
    ]
    return "\n".join(["", title, lines[0], "-" * len(lines[0]), *lines[1:]])


def show(figures: Mapping[str, Any]) -> None:
    sets = {name: value for name, value in figures.items() if name != "lost"}
    columns = [(name, load) for name in sets for load in LOADS]
    show_pixels(sets, columns)
    show_features(sets, columns)
    show_ridge(sets, columns)
    show_changes(sets)
    show_tones(sets, columns)
    rows = [[name, *(round(ms) for ms in value["milliseconds"].values())] for name, value in sets.items()]
    print(
        table_text(
            "e. Milliseconds a photo (median, one core)",
            ["", *next(iter(sets.values()))["milliseconds"]],
            rows,
        )
    )
    if figures["lost"]:
        print(f"\n{len(figures['lost'])} photos without a measurement:", *figures["lost"], sep="\n  ")


def show_pixels(sets: Mapping[str, Any], columns: Sequence[tuple[str, str]]) -> None:
    found = [sets[name][load]["pixels"] for name, load in columns]
    rows = [["prevalence", *(one["prevalence"] for one in found)]]
    maps = dict.fromkeys(map_name for one in found for map_name in one["average precision"])
    rows += [[map_name, *(one["average precision"].get(map_name) for one in found)] for map_name in maps]
    rows.append(["melanin, near : V - grey", *(one["melanin : seed"] for one in found)])
    title = f"a. Average precision by the pixel (planted green OD over {PLANTED_OD:g})"
    print(table_text(title, ["", *(f"{name}, {load}" for name, load in columns)], rows))


def show_features(sets: Mapping[str, Any], columns: Sequence[tuple[str, str]]) -> None:
    rows = []
    for name, load in columns:
        found = sets[name][load]["spearman"]
        best = [f"{feature} {found[feature]:+.2f}" for feature in list(found)[:BEST]]
        seed = [found.get(feature) for feature in SEED_FEATURES]
        rows.append([f"{name}, {load}", sets[name][load]["photos"], *seed, *best])
    head = ["", "photos", *SEED_FEATURES, "best", *[""] * (BEST - 1)]
    print(table_text("b. Rank correlation of single features with the latent grade", head, rows))


def show_ridge(sets: Mapping[str, Any], columns: Sequence[tuple[str, str]]) -> None:
    rows = []
    for name, load in columns:
        one, joint = sets[name][load], sets["all sets"][load]["RMSE by set"]
        rows.append(
            [f"{name}, {load}", one["people"], one["features"], *one["ridge"].values(), joint.get(name)]
        )
    head = ["", "people", "features", *sets["all sets"]["spread"]["ridge"], "RMSE of a ridge on all sets"]
    title = "b. Ridge on all features, cross-validated by subject, against the latent grade"
    print(table_text(title, head, rows))


def show_changes(sets: Mapping[str, Any]) -> None:
    """Mean change, and in brackets mean absolute change."""
    groups = [
        (name, group)
        for name, value in sets.items()
        for group in (("all",) if name.startswith("painted") else ("all", *TONES))
        if any(group in one for one in value["spread"].get("changes", {}).values())
    ]
    if not groups:
        return
    changes = dict.fromkeys(c for name, _ in groups for c in sets[name]["spread"]["changes"])
    rows = []
    for name, group in groups:
        found = [sets[name]["spread"]["changes"].get(change, {}).get(group) for change in changes]
        cells = [f"{one['mean']:+.2f} ({one['mean absolute']:.2f})" if one else None for one in found]
        scenes = max(one["scenes"] for one in found if one)
        rows.append([f"{name}, {group}", scenes, *cells])
    title = "c. Change of the grade when one thing changes: mean (mean absolute)"
    print(table_text(title, ["", "scenes", *changes], rows))


def show_tones(sets: Mapping[str, Any], columns: Sequence[tuple[str, str]]) -> None:
    rows = [
        [f"{name}, {load}", tone, *one.values()]
        for name, load in columns
        for tone, one in sets[name][load]["tones"].items()
    ]
    head = ["", "tone", "photos", "bias", "RMSE", "melanin AP"]
    print(
        table_text("d. The ridge's bias and RMSE, and the melanin map's precision, by skin tone", head, rows)
    )


# ------------------------------------------------------------------------------------------------------------


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


def main(
    faces: Annotated[Path | None, typer.Option(help="Frontal photographs to paint on.")] = None,
    people: Annotated[int, typer.Option(min=15, help="People a set.")] = 40,
    scenes: Annotated[int, typer.Option(min=1, help="People a set with one thing changed at a time.")] = 10,
    workers: Annotated[int, typer.Option(min=1)] = default_workers(),
    seed: Annotated[int, typer.Option(min=0)] = 1,
    work: Annotated[
        Path | None, typer.Option(help="Keep the phantoms here, and use those of an earlier run.")
    ] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write all figures to this file.")] = None,
) -> None:
    with tempfile.TemporaryDirectory(prefix="pigment-") as temporary:
        folder = work or Path(temporary)
        try:
            check_work(folder, {"people": people, "scenes": scenes, "seed": seed, "faces": str(faces)})
            jobs = all_jobs(folder, faces, people, scenes, seed)
            done = map_photos(measure_person, jobs, SETTINGS, None, workers=workers)
            bar = track(done, "people", len(jobs), console=Console(stderr=True))
            measured = [photo for person in bar for photo in person]
        except ToolkitError as error:
            print(error, file=sys.stderr)
            raise typer.Exit(1) from None
    figures = figures_of_all(measured)
    show(figures)
    if json_path is not None:
        json_path.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    typer.run(main)
