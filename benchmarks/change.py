"""How far off the registration of two visits is, and how much of plain sameness the spots' classes call a change.

    python -m benchmarks.change                                         # drawn faces
    python -m benchmarks.change --faces FACES       # and photographs
    python -m benchmarks.change --faces F/neutral --again F/smiling        # and others of the same people
    python -m benchmarks.change --spots --drawn 60                         # spots and grades of two visits

Registration, three ways. "warped": a chart against itself moved by a known similarity (up to 3 mm, 2 degrees, 3 %) and
smooth local shifts (up to 2 mm), relit, with a fifth of its spots filled in, new noise and JPEG. "sessions": one phantom
photographed twice, each photograph with landmarks of its own; the truth is the two poses. "strangers": two different
people, which must not be registered. Errors are in mm over the skin that both show: by the landmarks alone, after the
affine step, as registered.

Spots: the same phantom in two sessions, with the same pigment and with a grade less, through the starter model: which
share of spots that did not change is called the same, which share of those that faded is called gone or fainter, and how
far the change of a grade lies from the true one. Where a starter is new, the last line says what
``ChangeSettings.interval_share`` should be; the limits of spots (toolkit/change/pigment.py) are in the first lines.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

import toolkit.change.register as registration
from benchmarks.command import run
from toolkit.change import KINDS, VisitChart, compare_spots
from toolkit.change.register import places_of, with_affine
from toolkit.chart import make_chart
from toolkit.errors import ToolkitError
from toolkit.geometry import compose_affine, invert_affine
from toolkit.images import find_photos, painted_out
from toolkit.landmarks import FaceFinder
from toolkit.model import load_model
from toolkit.phantom import canvas_of_photograph, compose, draw_face, shoot
from toolkit.phantom.study import read_rgb
from toolkit.pigment import pigment_of_png, pigment_png
from toolkit.pipeline import Grader, prepare, read_patches
from toolkit.records import FaceChart, Photo, PhotoFacts, PhotoFile, Side
from toolkit.settings import ChangeSettings, Settings

SETTINGS = Settings()
SIDES: tuple[Side, ...] = ("left", "right", "both")
Canvases = Iterable[tuple[str, Any]]


def record(pixels: NDArray[np.uint8]) -> Photo:
    """Pixels as a photograph that was read."""
    painted = painted_out(pixels, SETTINGS.photo)
    return Photo(Path("photo.jpg"), pixels, ~painted, "", halo_px=16 if painted.any() else 0)


def compressed(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Pixels as a JPEG of a quality gives them back."""
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return decoded(data)


def decoded(data: NDArray[np.uint8] | Any) -> NDArray[np.uint8]:
    """A JPEG's bytes as RGB."""
    picture: Any = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return np.ascontiguousarray(picture[..., ::-1])


def canvases(faces: Path | None, drawn: int, limit: int, finder: FaceFinder) -> Iterator[tuple[str, Any]]:
    """Faces to paint on: drawn ones, then photographs."""
    for number in range(drawn):
        rng = np.random.default_rng([81, number])
        yield "drawn", draw_face(rng, (1600, 1570), span_px=float(rng.uniform(590, 700)))
    for path in chosen(faces, limit):
        pixels = read_rgb(path)
        points = finder.find(record(pixels)).points
        yield "painted", canvas_of_photograph(pixels, points, np.random.default_rng(3))


def chosen(faces: Path | None, limit: int) -> list[Path]:
    """Photographs, spread over the folder."""
    photos = find_photos([faces]) if faces else []
    return (
        [photos[i] for i in np.unique(np.linspace(0, len(photos) - 1, limit).astype(int))] if photos else []
    )


# --- warped --------------------------------------------------------------------------------------


def field(shape: tuple[int, int], scale: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """A known deformation (h, w, 2), pixels: from the later chart's pixels back to the baseline's."""
    height, width = shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    angle, size = np.radians(rng.uniform(-2, 2)), 1 + rng.uniform(-0.03, 0.03)
    across, down = x - width / 2, y - height / 2
    turned = np.stack(
        [np.cos(angle) * across - np.sin(angle) * down, np.sin(angle) * across + np.cos(angle) * down]
    )
    moved = size * turned + np.array([width / 2, height / 2])[:, None, None]
    moved += (rng.uniform(-1, 1, 2) * 3 / np.sqrt(2) * scale)[:, None, None]
    local = cv2.GaussianBlur(rng.standard_normal((height, width, 2)).astype(np.float32), (0, 0), 15 * scale)
    local *= rng.uniform(0.5, 2.0) * scale / np.abs(local).max()
    return (np.moveaxis(moved, 0, -1) + local).astype(np.float32)


def moved_by(
    picture: NDArray[Any], places: NDArray[np.float32], how: int, beyond: int = cv2.BORDER_CONSTANT
) -> Any:
    """A picture as seen from each pixel's place (h, w, 2) in it; black beyond it, or as ``beyond`` says."""
    x, y = places[..., 0], places[..., 1]
    return cv2.remap(picture, x, y, how, borderMode=beyond)


def inverse(back: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w, 2): where the baseline's pixels lie in the later chart."""
    height, width = back.shape[:2]
    here = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
    shift, found = back - here, here.copy()
    for _ in range(30):
        found = here - moved_by(shift, found, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
    return found


def warped_chart(chart: FaceChart, rng: np.random.Generator) -> tuple[FaceChart, NDArray[np.float32]]:
    """A chart moved, relit and compressed, and where each pixel of the first lies in it."""
    scale = chart.px_per_mm
    back = field(chart.skin.shape, scale, rng)
    pixels = moved_by(without_some_spots(chart, rng), back, cv2.INTER_CUBIC)
    light = (pixels / 255.0) ** 2.2
    x, y = np.meshgrid(np.linspace(-1, 1, light.shape[1]), np.linspace(-1, 1, light.shape[0]))
    light *= np.exp(rng.normal(0, 0.08) + rng.normal(0, 0.13) * x + rng.normal(0, 0.1) * y)[..., None]
    light *= np.array([1 + rng.normal(0, 0.03), 1, 1 + rng.normal(0, 0.03)])
    codes = 255 * np.clip(light, 0, 1) ** (1 / 2.2) + rng.normal(0, 2, light.shape)
    later = compressed(np.clip(codes, 0, 255).astype(np.uint8), int(rng.integers(70, 95)))
    skin, visible = (
        moved_by(mask.astype(np.uint8), back, cv2.INTER_NEAREST) > 0 for mask in (chart.skin, chart.visible)
    )
    blank = np.zeros(skin.shape, np.uint8)
    moved = replace(chart, pixels=later, skin=skin & visible, visible=visible, regions=blank, reasons=blank)
    return moved, inverse(back)


def without_some_spots(chart: FaceChart, rng: np.random.Generator, share: float = 0.2) -> NDArray[np.uint8]:
    """The chart's picture with a share of what is darker than around filled in."""
    grey = cv2.GaussianBlur(chart.pixels[..., 1].astype(np.float32), (0, 0), 1.5)
    dark = ((cv2.GaussianBlur(grey, (0, 0), 12) - grey > 6) & chart.skin).astype(np.uint8)
    count, labels = cv2.connectedComponents(dark)
    gone = np.isin(labels, 1 + np.flatnonzero(rng.random(max(count - 1, 0)) < share)).astype(np.uint8)
    filled: Any = cv2.inpaint(chart.pixels, cv2.dilate(gone, np.ones((5, 5), np.uint8)), 5, cv2.INPAINT_TELEA)
    return filled


# --- errors --------------------------------------------------------------------------------------


def errors(baseline: FaceChart, later: FaceChart, truth: NDArray[np.float32]) -> dict[str, Any]:
    """Registration of two charts against the truth, in mm, by step."""
    found = registration.register_charts(baseline, later)
    still = np.zeros_like(found.shift_mm)
    steps = {"before": still, "affine": with_affine(baseline, later, still), "registered": found.shift_mm}
    skin = baseline.skin & (registration.warped(later.skin.astype(np.float32), truth) > 0.5)
    off = {
        name: np.linalg.norm(places_of(baseline, later, shift) - truth, axis=-1)[skin] / baseline.px_per_mm
        for name, shift in steps.items()
    }
    return {"off": off, "before": found.before, "after": found.after, "found": found.found}


def told(name: str, results: list[dict[str, Any]]) -> None:
    """Prints the errors of one way."""
    if not results:
        return
    print(f"\n{name}: {len(results)} pairs, {sum(one['found'] for one in results)} registered; correlation "
          f"{np.median([one['before'] for one in results]):.2f} -> {np.median([one['after'] for one in results]):.2f} "
          f"(least {min(one['after'] for one in results):.2f})")  # fmt: skip
    for step in ("before", "affine", "registered"):
        every = np.concatenate([one["off"][step] for one in results])
        medians = [np.median(one["off"][step]) for one in results]
        print(f"  {step:<11} median {np.median(every):.2f} mm, 95 % within {np.percentile(every, 95):.2f} mm, "
              f"worst pair's median {max(medians):.2f} mm")  # fmt: skip


def tell_again(paths: list[Path], charts: list[FaceChart], again: Path, finder: FaceFinder) -> None:
    """The correlation of two photographs of one person, whose truth is not known."""
    others = {path.stem.split("_")[0]: path for path in find_photos([again])}
    reached = []
    for path, chart in zip(paths, charts, strict=True):
        if other := others.get(path.stem.split("_")[0]):
            photo = record(read_rgb(other))
            later = make_chart(photo, finder.find(photo, None), SETTINGS.chart, SETTINGS.patch.px_per_mm)
            reached.append(registration.register_charts(chart, later).after)
    if reached:
        print(
            f"\nthe same people again: {len(reached)} pairs, correlation {np.median(reached):.2f}, least {min(reached):.2f}"
        )


def pose_of(canvas: Any, shot: Any) -> NDArray[np.float64]:
    """(2, 3): from the canvas to the photograph."""
    known = np.column_stack([canvas.points, np.ones(len(canvas.points))])
    return np.linalg.lstsq(known, np.asarray(shot.points, np.float64), rcond=None)[0].T


def photographed(
    canvas: Any, scene: Any, side: Side, finder: FaceFinder
) -> tuple[FaceChart, NDArray[np.float64]]:
    """A chart, and the map (2, 3) from the canvas to its pixels."""
    shot = shoot(scene, side)
    photo = record(decoded(np.frombuffer(shot.jpeg(), np.uint8)))
    chart = make_chart(photo, finder.find(photo, side), SETTINGS.chart, SETTINGS.patch.px_per_mm)
    return chart, compose_affine(pose_of(canvas, shot), chart.to_chart)


def session_pairs(people: Canvases, finder: FaceFinder) -> Iterator[tuple[str, FaceChart, FaceChart, Any]]:
    """One phantom photographed twice: both charts, and the truth between them."""
    for number, (kind, canvas) in enumerate(people):
        grade = (1.0, 3.0, 5.0, 6.5)[number % 4]
        painter = ("stamps", "dots", "fields")[number % 3]
        grades = [grade, max(grade - 1, 0)]
        visits = compose(canvas, {"left": grades, "right": grades}, (82, number), painter=painter)
        side = SIDES[number % 3]
        try:
            (baseline, of_first), (later, of_second) = (
                photographed(canvas, scene.session(7), side, finder) for scene in visits
            )
        except ToolkitError as error:
            print(f"{kind} {number}: {error}", file=sys.stderr)
            continue
        there = compose_affine(invert_affine(of_first), of_second)
        height, width = baseline.skin.shape
        here = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2)
        truth = (here @ there[:, :2].T + there[:, 2]).reshape(height, width, 2).astype(np.float32)
        yield kind, baseline, later, truth


# --- spots ---------------------------------------------------------------------------------------


def graded(scene: Any, side: Side, canvas: Any, *, finder: FaceFinder, grader: Grader) -> dict[str, Any]:
    """A photograph through the whole pipeline: its look, its grade and half-width, and the planted map on its chart."""
    shot = shoot(scene, side)
    photo = record(decoded(np.frombuffer(shot.jpeg(), np.uint8)))
    settings = grader.model.settings
    file = PhotoFile(Path("photo.jpg"), "photo.jpg", PhotoFacts("nobody", side))
    _, face, quality = read_patches(photo, file, finder, settings)
    (result,) = grader.grade([prepare(face, settings, quality)])
    chart: Any = face.chart
    values = cv2.resize(pigment_of_png(pigment_png(result.pigment[0])), chart.skin.shape[::-1])
    look = VisitChart(chart, np.where(chart.skin, values, 0).astype(np.float32))
    to_chart = compose_affine(pose_of(canvas, shot), chart.to_chart)
    planted = np.maximum(cv2.warpAffine(scene.pigment, to_chart, chart.skin.shape[::-1]), 0)
    own: Any = result.grade
    half = max(own.upper - own.grade, own.grade - own.lower)  # either end may be cut off at 0 or 9
    return {"look": look, "planted": planted, "grade": own.grade, "half": half, "latent": shot.latent_grade}


def spot_pairs(people: Canvases, finder: FaceFinder) -> Iterator[dict[str, Any]]:
    """The same pigment in two sessions, and less of it, of everybody."""
    grader = Grader(load_model(None))
    for number, (kind, canvas) in enumerate(people):
        print(f"{kind} {number}", file=sys.stderr, flush=True)
        grade = (1.0, 3.0, 5.0, 6.5, 2.0, 4.0)[number % 6]
        grades = [grade, max(grade - 1, 0)]
        painter = ("stamps", "dots", "fields")[(number // 2) % 3]
        side = SIDES[number % 3]
        visits = compose(canvas, {"left": grades, "right": grades}, (92, number), painter=painter)
        try:
            first, again, less = (
                graded(scene.session(n), side, canvas, finder=finder, grader=grader)
                for n, scene in ((1, visits[0]), (2, visits[0]), (3, visits[1]))
            )
        except ToolkitError as error:
            print(f"{kind} {number}: {error}", file=sys.stderr)
            continue
        for name, later in (("same", again), ("less", less)):
            yield {"kind": kind, "name": name, **compared(first, later)}


def compared(first: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """Spots and grades of two visits."""
    baseline, now = first["look"], later["look"]
    found = registration.register_charts(baseline.chart, now.chart)
    changes = compare_spots(baseline, now, found, SETTINGS.pigment)
    planted = registration.warped(later["planted"], found.places(baseline.chart, now.chart))
    pixels = np.maximum(np.bincount(changes.labels.ravel())[1:], 1)
    before, after = (
        np.bincount(changes.labels.ravel(), weights=one.ravel())[1:] / pixels
        for one in (first["planted"], planted)
    )
    return {
        "spots": np.column_stack([changes.kinds, before, after]),
        "off": (later["grade"] - first["grade"]) - (later["latent"] - first["latent"]),
        "halves": np.hypot(first["half"], later["half"]),
        "singles": [one["grade"] - one["latent"] for one in (first, later)],
        "od": (changes.baseline_od, changes.later_od),
        "darkness": changes.darkness_change,
    }


def tell_spots(results: list[dict[str, Any]]) -> None:
    """Prints what became of spots that stayed, and of those that faded."""
    same = np.concatenate([one["spots"] for one in results if one["name"] == "same"])
    less = np.concatenate([one["spots"] for one in results if one["name"] == "less"])
    is_same = KINDS.index("same")
    print(
        f"\nthe same pigment in two sessions: {len(same)} spots, {(same[:, 0] == is_same).mean():.1%} the same"
    )
    kept = less[:, 2] / np.maximum(less[:, 1], 1e-6)
    fewer = np.isin(less[:, 0], [KINDS.index("gone"), KINDS.index("fainter")])
    for low, high in ((0, 0.3), (0.3, 0.6), (0.6, 0.8), (0.8, 0.95), (0.95, 1.05)):
        mine = (less[:, 1] > 0.04) & (kept >= low) & (kept < high)
        print(f"  spots that kept {low:.0%} to {high:.0%} of their pigment: {mine.sum()}, {fewer[mine].mean():.0%} gone or fainter, "
              f"{np.isin(less[mine, 0], [KINDS.index('darker'), KINDS.index('new')]).mean():.1%} darker or new")  # fmt: skip
    plain = [one for one in results if one["name"] == "same" and one["darkness"] is not None]
    if plain:
        od = np.log([one["od"][1] / one["od"][0] for one in plain])
        dark = np.log([1 + one["darkness"] for one in plain])
        print(
            f"  {len(plain)} pairs with spots: SD of the ratio of predicted pigment {od.std():.2f}, of the spots' darkness {dark.std():.2f}"
        )


def tell_grades(results: list[dict[str, Any]]) -> None:
    """Prints the error of a change in grade."""
    held = []
    for kind in sorted({one["kind"] for one in results}):
        mine = [one for one in results if one["kind"] == kind]
        off, halves = (np.array([one[name] for one in mine]) for name in ("off", "halves"))
        singles = np.array([one["singles"] for one in mine])
        alike = np.corrcoef(singles.T)[0, 1]
        ratio = np.sort(np.abs(off) / halves)
        rank = min(int(np.ceil(0.9 * (len(ratio) + 1))) - 1, len(ratio) - 1)
        held.append(ratio[rank])
        print(f"\ngrades, {kind}: {len(off)} pairs; SD of an error {singles.std():.2f}, of the error of a change {off.std():.2f} "
              f"(mean {off.mean():+.2f}); errors of one person's photographs correlate by {alike:.2f}; 90 % of changes lie within "
              f"{ratio[rank]:.2f} of the root of both half-widths' squares (mean {halves.mean():.2f})")  # fmt: skip
    if held:
        used = ChangeSettings().interval_share
        inside = np.mean([abs(one["off"]) <= used * one["halves"] for one in results])
        print(
            f"\ninterval_share: needed {max(held):.2f}, is {used:.2f}, with which {inside:.0%} of all changes lie inside"
        )


def main(
    faces: Annotated[Path | None, typer.Option(help="Folder of frontal photographs.")] = None,
    drawn: int = 6,
    limit: int = 12,
    again: Annotated[
        Path | None,
        typer.Option(help="Folder of other photographs of the same people, named alike up to the first _."),
    ] = None,
    spots: Annotated[
        bool, typer.Option("--spots", help="Spots and grades of two visits, not registration.")
    ] = False,
) -> None:
    """Registration, or with --spots what changes are told."""
    cv2.setNumThreads(1)
    finder = FaceFinder(None, SETTINGS.face)
    if spots:
        results = list(spot_pairs(canvases(faces, drawn, limit, finder), finder))
        tell_spots(results)
        tell_grades(results)
        return
    people = list(canvases(faces, drawn, limit, finder))
    sessions: dict[str, list[dict[str, Any]]] = {"drawn": [], "painted": []}
    charts: list[FaceChart] = []
    drawn_charts: list[FaceChart] = []
    for kind, baseline, later, truth in session_pairs(people, finder):
        sessions[kind].append(errors(baseline, later, truth))
        charts.append(later)
        drawn_charts += [baseline] if kind == "drawn" else []
    real = []
    for path in chosen(faces, limit):
        photo = record(read_rgb(path))
        real.append(make_chart(photo, finder.find(photo, None), SETTINGS.chart, SETTINGS.patch.px_per_mm))
    for name, some in (("warped, drawn", drawn_charts), ("warped, photographs", real)):
        results = []
        for number, chart in enumerate(some):
            for turn in range(2):
                moved, truth = warped_chart(chart, np.random.default_rng([83, number, turn]))
                results.append(errors(chart, moved, truth))
        told(name, results)
    for kind, results in sessions.items():
        told(f"sessions, {kind}", results)
    strangers = [
        registration.register_charts(charts[i], charts[j]).after
        for i in range(len(charts)) for j in (i - 3,)
        if j >= 0
    ]  # fmt: skip
    strangers += [registration.register_charts(a, b).after for a, b in itertools.pairwise(real)]
    if again:
        tell_again(chosen(faces, limit), real, again, finder)
    if strangers:
        print(
            f"\nstrangers: {len(strangers)} pairs, correlation {np.median(strangers):.2f}, at most {max(strangers):.2f}"
        )


if __name__ == "__main__":
    run(main, __doc__)
