#!/usr/bin/env python
"""How much of the visible skin a chart measures, what it leaves out, and whether it is the same skin every time.

    scripts/chart_benchmark                                             # drawn faces
    scripts/chart_benchmark --faces ../shared/data/faces/neutral        # and painted photographs

Every face is painted with pigment of a random severity and photographed as a clinical half face, painted out, and whole,
as it is. What is truly skin is known of a drawn face, and of a photograph by the landmarks of the whole picture: its
outline, less eyes, brows, nostrils and lips. Then the photographs are darkened, reduced, turned and compressed; the
chart's mask is carried back to the plain photograph and compared. Last, hair against spots: the lower face of the same
people with dense freckles of 1-2 mm, of people with stubble, and of both; and how much of spectacles, stickers and
printed dates is measured as skin. With --overlays, a picture a face.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from toolkit.chart import draw_chart, make_chart
from toolkit.errors import ToolkitError
from toolkit.geometry import apply_affine
from toolkit.images import find_photos, painted_out
from toolkit.landmarks import FaceFinder
from toolkit.phantom import Canvas, Kinds, Scene, canvas_of_photograph, compose, draw_face, geometry, shoot
from toolkit.phantom.study import read_rgb
from toolkit.records import REASONS, FaceChart, Photo
from toolkit.settings import Settings

SETTINGS = Settings()
TONES = {"light": (41, 91), "intermediate and tan": (10, 41), "brown and dark": (-91, 10)}
STYLES = {"left": "masked", "right": "masked", "both": "unmasked"}
VERSIONS = ("dark", "small", "rotated", "jpeg60")
PIGMENT_OD = 0.05  # planted: what of it counts as pigment
FRECKLES = Kinds(1.0, 0.0, 0.0, sheet=0.0, flecks=0.0, contrast=0.25, edge=0.15, clustering=0.4)
LOWER_MM = 46.0  # of the face frame: below it beards are sought


@dataclass(frozen=True, eq=False)
class Person:
    """A face to paint on: its name, and whether it is a photograph."""

    name: str
    canvas: Canvas
    painted: bool


def people(faces: Path | None, drawn: int, limit: int | None) -> Iterator[Person]:
    for number in range(drawn):
        rng = np.random.default_rng([71, number])
        yield Person(f"drawn-{number:02}", draw_face(rng, (1360, 1600)), False)
    photos = find_photos([faces]) if faces else []
    if limit:
        photos = [photos[i] for i in np.unique(np.linspace(0, len(photos) - 1, limit).astype(int))]
    finder = FaceFinder(None, SETTINGS.face)
    for path in photos:
        pixels = read_rgb(path)
        points = finder.find(record(pixels)).points
        yield Person(path.stem, canvas_of_photograph(pixels, points, np.random.default_rng(3)), True)


def record(pixels: NDArray[np.uint8]) -> Photo:
    settings = SETTINGS.photo
    halo = int(np.clip(round(settings.halo_fraction * max(pixels.shape[:2])), 2, settings.halo_px))
    painted = painted_out(pixels, settings)
    return Photo(Path("photo.jpg"), pixels, ~painted, "", halo_px=halo if painted.any() else 0)


def scene_of(person: Person, number: int, grade: float, kinds: Kinds | None = None) -> Scene:
    return compose(person.canvas, {"left": [grade], "right": [grade]}, (72, number), kinds)[0].session(0)


def compressed(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def chart_of(pixels: NDArray[np.uint8], finder: FaceFinder) -> FaceChart | None:
    photo = record(pixels)
    try:
        return make_chart(photo, finder.find(photo), SETTINGS.chart)
    except ToolkitError as error:
        print(error, file=sys.stderr)
        return None


# What is true -----------------------------------------------------------------------------------------------


def on_chart(chart: FaceChart, picture: NDArray) -> NDArray[np.float32]:
    return cv2.warpAffine(picture.astype(np.float32), chart.to_chart, chart.skin.shape[::-1])


def no_skin(points: NDArray, forehead: NDArray, shape: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
    """Masks (H, W) of what must not be measured: the middle of each."""
    far = np.ones(shape, np.uint8)
    cv2.fillPoly(far, [np.round(geometry.face_outline(points, forehead)).astype(np.int32)], 0)
    reach = 2 * round(5 * geometry.span_of(points) / geometry.SPAN_MM) + 1
    mouth = np.concatenate([points[48:55], points[54:60]])
    return {
        "eyes": geometry.polygon_mask(shape, points[36:42], points[42:48]) > 127,
        "lips": geometry.polygon_mask(shape, mouth) > 127,
        "beyond the outline": cv2.erode(far, np.ones((reach, reach), np.uint8)) > 0,
    }


@dataclass(frozen=True, eq=False)
class Truth:
    """On a chart: ``skin`` that is visible, ``pigment`` planted (green OD), ``other``: what is no skin."""

    skin: NDArray[np.bool_]
    pigment: NDArray[np.float32]
    other: dict[str, NDArray[np.bool_]]


def truth_on(chart: FaceChart, scene: Scene, style: str) -> Truth:
    shot = shoot(scene, style)
    skin = shoot(replace(scene, pigment=scene.canvas.skin), style).melanin
    to_photo = np.linalg.lstsq(
        np.column_stack([scene.canvas.points, np.ones(68)]), shot.points, rcond=None
    )[0].T  # the pose
    forehead = apply_affine(to_photo, scene.canvas.forehead)
    other = no_skin(shot.points, forehead, skin.shape)
    if style != "both":  # the study's mask is the word on hair, ears and neck
        other.pop("beyond the outline")
    if scene.canvas.hair is not None:
        other["hair"] = shoot(replace(scene, pigment=scene.canvas.hair), style).melanin > 0.5
    seen = {name: (on_chart(chart, mask) > 0.5) & (on_chart(chart, shot.mask) > 0.5) for name, mask in other.items()}
    return Truth(on_chart(chart, skin) > 0.5, on_chart(chart, shot.melanin), seen)


def coverage(chart: FaceChart, truth: Truth) -> dict[str, float]:
    """Shares of one photograph."""
    left_out = truth.skin & ~chart.skin
    lid = left_out & (chart.reasons == REASONS.index("eyelid or brow"))
    pigment = truth.pigment > PIGMENT_OD
    measured = max(int(chart.skin.sum()), 1)
    figures = {
        "measured": float(chart.skin[truth.skin].mean()) if truth.skin.any() else 0.0,
        "measured, lids apart": float(chart.skin[truth.skin & ~lid].mean()) if truth.skin.any() else 0.0,
        "pigment in what is left out": float(pigment[left_out].mean()) if left_out.any() else 0.0,
        "pigment in all skin": float(pigment[truth.skin].mean()) if truth.skin.any() else 0.0,
        "pigment that is measured": float(chart.skin[pigment & truth.skin].mean()) if pigment.any() else 1.0,
    }
    figures |= {f"of measured: {name}": float((chart.skin & mask).sum()) / measured for name, mask in truth.other.items()}
    for number, reason in enumerate(REASONS[1:], 1):
        figures[f"left out: {reason}"] = float((left_out & (chart.reasons == number)).sum()) / max(int(truth.skin.sum()), 1)
    return figures


# The same skin every time -----------------------------------------------------------------------------------


def version(pixels: NDArray[np.uint8], name: str) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A changed photograph, and the map (2, 3) from the plain one's pixels to its own."""
    high, wide = pixels.shape[:2]
    if name == "dark":
        level = np.arange(256) / 255.0
        return cv2.LUT(pixels, np.round(255 * (level**2.2 * 0.4) ** (1 / 2.2)).astype(np.uint8)), np.eye(2, 3)
    if name == "small":
        small = cv2.resize(pixels, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
        return small, np.array([[0.6, 0, -0.2], [0, 0.6, -0.2]])
    if name == "rotated":
        turn = cv2.getRotationMatrix2D(((wide - 1) / 2, (high - 1) / 2), 8.0, 0.95)
        return cv2.warpAffine(pixels, turn, (wide, high), flags=cv2.INTER_LINEAR), turn
    return pixels, np.eye(2, 3)


def on_plain(chart: FaceChart, from_plain: NDArray, size: tuple[int, int]) -> NDArray[np.bool_]:
    """A chart's mask, carried back to the plain photograph."""
    whole = np.vstack([chart.to_chart, [0, 0, 1]]) @ np.vstack([from_plain, [0, 0, 1]])
    mask = chart.skin.astype(np.uint8)
    return cv2.warpAffine(mask, whole[:2], size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP) > 0


def overlaps(pixels: NDArray[np.uint8], plain: FaceChart, finder: FaceFinder) -> dict[str, float]:
    """Intersection over union of the mask with that of each version."""
    size = pixels.shape[1], pixels.shape[0]
    mine, found = on_plain(plain, np.eye(2, 3), size), {}
    for name in VERSIONS:
        changed, from_plain = version(pixels, name)
        chart = chart_of(compressed(changed, 60 if name == "jpeg60" else 92), finder)
        other = on_plain(chart, from_plain, size) if chart else np.zeros_like(mine)
        found[name] = float((mine & other).sum() / max((mine | other).sum(), 1))
    return found


# Hair against spots -----------------------------------------------------------------------------------------


def lower_face(chart: FaceChart) -> float:
    """Share of the lower face's visible skin that is taken for beard or hair."""
    y = chart.corner_mm[1] + (np.arange(chart.skin.shape[0]) + 0.5) / chart.px_per_mm
    below = chart.visible & (y > LOWER_MM)[:, None]
    hairy = np.isin(chart.reasons, [REASONS.index("beard"), REASONS.index("hair")])
    return float(hairy[below].mean()) if below.any() else 0.0


def hair_figures(person: Person, number: int, finder: FaceFinder) -> dict[str, float]:
    """The lower face with no pigment to speak of, and with dense freckles; plain and compressed."""
    found = {}
    canvas, scene = person.canvas, scene_of(person, number, 8.0, FRECKLES)
    _, down = geometry.canonical_grid(canvas.points, canvas.skin.shape, 1)
    jaw = np.clip((down - 0.5) / 0.05, 0, 1)  # freckles below the nose alone: the cheeks tell nothing of them
    for name, share in (("plain", 0.0), ("freckled", 1.0)):
        pixels = shoot(replace(scene, pigment=scene.pigment * jaw * np.float32(share)), "left").pixels
        for quality in (92, 60):
            chart = chart_of(compressed(pixels, quality), finder)
            found[f"{name}, quality {quality}"] = lower_face(chart) if chart else np.nan
        small = cv2.resize(pixels, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
        chart = chart_of(compressed(small, 92), finder)
        found[f"{name}, small"] = lower_face(chart) if chart else np.nan
    return found


# Objects on the skin ----------------------------------------------------------------------------------------

SPECTACLES = {"thin black": (1.2, (25, 22, 20)), "thick black": (4.0, (25, 22, 20)), "thin grey": (1.2, (120, 120, 125)),
              "thick grey": (4.0, (120, 120, 125)), "thick brown": (4.0, (70, 45, 30))}  # fmt: skip
MARKS = {"orange date": (255, 150, 0), "white date": (250, 250, 250), "black date": (15, 15, 15),
         "white sticker": (235, 235, 230), "grey sticker": (128, 128, 128), "green sticker": (60, 160, 80)}  # fmt: skip


def spectacles(points: NDArray, shape: tuple[int, int], width_mm: float) -> NDArray[np.uint8]:
    """(H, W) 0-255: two rims, what joins them, and the arms towards the ears."""
    unit = geometry.span_of(points) / geometry.SPAN_MM
    canvas, width = np.zeros(shape, np.uint8), max(1, round(width_mm * unit))
    middles = [points[eye].mean(axis=0) + np.array([0, 3 * unit]) for eye in (range(36, 42), range(42, 48))]
    reach, rise = np.array([24 * unit, 0]), np.array([0, 4 * unit])
    for middle in middles:
        cv2.ellipse(canvas, pixel(middle), (round(24 * unit), round(18 * unit)), 0, 0, 360, 255, width, cv2.LINE_AA)
    ends = ((middles[0] + reach, middles[1] - reach), (middles[0] - reach, points[0]), (middles[1] + reach, points[16]))
    for first, last in ends:
        cv2.line(canvas, pixel(first - rise), pixel(last - rise), 255, width, cv2.LINE_AA)
    return canvas


def mark(points: NDArray, shape: tuple[int, int], side: str, what: str) -> NDArray[np.uint8]:
    """(H, W) 0-255: a printed date or a round sticker on the cheek."""
    unit = geometry.span_of(points) / geometry.SPAN_MM
    canvas = np.zeros(shape, np.uint8)
    place = 0.45 * points[33] + 0.55 * points[13 if side == "left" else 3]
    if "sticker" in what:
        return cv2.circle(canvas, pixel(place), round(4 * unit), 255, -1, cv2.LINE_AA)
    text, font = "2024-03-01", cv2.FONT_HERSHEY_SIMPLEX
    (wide, _), _ = cv2.getTextSize(text, font, 1, 1)
    start = pixel(place - np.array([19 * unit, 0]))
    return cv2.putText(canvas, text, start, font, 38 * unit / wide, 255, max(1, round(0.8 * unit)), cv2.LINE_AA)


def pixel(point: NDArray) -> tuple[int, int]:
    x, y = np.round(point).astype(int).tolist()
    return x, y


def object_figures(scene: Scene, side: str, finder: FaceFinder) -> dict[str, float]:
    """The share of each object's visible pixels that is measured as skin: spectacles on the whole face, marks on a
    painted-out half."""
    whole, half = shoot(scene, "both"), shoot(scene, side)
    shape = whole.pixels.shape[:2]
    worn = {f"spectacles, {name}": (whole, spectacles(whole.points, shape, width), colour)
            for name, (width, colour) in SPECTACLES.items()}  # fmt: skip
    worn |= {name: (half, mark(half.points, shape, side, name) * half.mask, colour) for name, colour in MARKS.items()}
    found = {}
    for name, (shot, mask, colour) in worn.items():
        share = mask[..., None] / 255
        pixels = np.round(shot.pixels * (1 - share) + np.array(colour) * share).astype(np.uint8)
        chart = chart_of(compressed(pixels, 92), finder)
        there = (on_chart(chart, mask) > 128) & chart.visible if chart else np.zeros(1, np.bool_)
        found[name] = float(chart.skin[there].mean()) if chart and there.any() else np.nan
    return found


# Tables -----------------------------------------------------------------------------------------------------


def tone_of(ita: float) -> str:
    return next((name for name, (low, high) in TONES.items() if low < ita <= high), "light")


def show_coverage(rows: list[dict[str, Any]]) -> None:
    for kind in ("drawn", "painted"):
        for style in ("masked", "unmasked"):
            for tone in ("all", *TONES):
                mine = [r for r in rows if r["kind"] == kind and r["style"] == style and tone in ("all", r["tone"])]
                if not mine:
                    continue
                share = np.array([r["measured"] for r in mine])
                names = [name for name in mine[0] if name.startswith("of measured")]
                wrong = {name: np.mean([r[name] for r in mine]) for name in names}
                print(
                    f"{kind:8}{style:9}{tone:22} n {len(mine):3}  measured: median {np.median(share):.3f}, 10 % {np.percentile(share, 10):.3f}"
                    f" (lids apart {np.median([r['measured, lids apart'] for r in mine]):.3f}); pigment: {np.mean([r['pigment in all skin'] for r in mine]):.3f} of the skin, "
                    f"{np.mean([r['pigment in what is left out'] for r in mine]):.3f} of what is left out, measured {np.mean([r['pigment that is measured'] for r in mine]):.3f};"
                    f" {', '.join(f'{name}: {value:.4f}' for name, value in wrong.items())}"
                )
            mine = [r for r in rows if r["kind"] == kind and r["style"] == style]
            shaven = [r["measured"] for r in mine if r["left out: beard"] < 0.02]
            if shaven:
                low = np.percentile(shaven, 10)
                print(f"    without a beard: n {len(shaven)}, median {np.median(shaven):.3f}, 10 % {low:.3f}")
            if mine:
                reasons = {name: np.mean([r[name] for r in mine]) for name in mine[0] if name.startswith("left out")}
                print("    " + "; ".join(f"{name} {value:.3f}" for name, value in reasons.items() if value > 5e-4))


def show_overlaps(rows: list[dict[str, Any]]) -> None:
    for style in ("masked", "unmasked"):
        for name in VERSIONS:
            mine = [r["overlap"][name] for r in rows if r["style"] == style and "overlap" in r]
            if mine:
                print(f"IoU {style:9}{name:8} median {np.median(mine):.3f}, 10 % {np.percentile(mine, 10):.3f}, n {len(mine)}")


def show_hair(rows: list[dict[str, Any]]) -> None:
    """Whoever has no beard in plain must not get one by freckles; whoever has one keeps it."""
    for label, chosen in (("no beard", False), ("beard or stubble", True)):
        mine = [r for r in rows if (r["plain, quality 92"] > 0.05) == chosen]
        if mine:
            print(f"{label}: {len(mine)} people; share of the lower face left out as hair (median, 90 %): " + "; ".join(
                f"{name} {np.nanmedian([r[name] for r in mine]):.3f}, {np.nanpercentile([r[name] for r in mine], 90):.3f}"
                for name in mine[0] if name != "person"))


def show_objects(rows: list[dict[str, float]]) -> None:
    for name in rows[0] if rows else ():
        share = [r[name] for r in rows]
        print(f"measured of {name:24} mean {np.nanmean(share):.3f}, 90 % {np.nanpercentile(share, 90):.3f}, n {len(share)}")


def main(
    faces: Annotated[Path | None, typer.Option(help="Frontal photographs to paint on.")] = None,
    drawn: Annotated[int, typer.Option(min=0, help="Drawn faces.")] = 24,
    limit: Annotated[int | None, typer.Option(min=1, help="Photographs, spread over the folder.")] = None,
    every: Annotated[int, typer.Option(min=1, help="Of so many faces one is changed and freckled.")] = 3,
    overlays: Annotated[Path | None, typer.Option(help="Folder for a picture a face.")] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write all figures to this file.")] = None,
) -> None:
    finder, rows, hairs, objects = FaceFinder(None, SETTINGS.face), [], [], []
    for number, person in enumerate(people(faces, drawn, limit)):
        grade = float(np.random.default_rng([73, number]).uniform(0.5, 8))
        scene = scene_of(person, number, grade)
        for style in ("left" if number % 2 else "right", "both"):
            pixels = compressed(shoot(scene, style).pixels, 92)
            chart = chart_of(pixels, finder)
            if chart is None:
                continue
            row = {"person": person.name, "kind": "painted" if person.painted else "drawn", "style": STYLES[style],
                   "tone": tone_of(person.canvas.ita), "grade": grade, "masked": chart.masked,
                   **coverage(chart, truth_on(chart, scene, style))}  # fmt: skip
            if number % every == 0:
                row["overlap"] = overlaps(pixels, chart, finder)
            if overlays:
                overlays.mkdir(parents=True, exist_ok=True)
                shown = np.hstack([np.where(chart.visible[..., None], chart.pixels, 0), draw_chart(chart)])
                cv2.imwrite(str(overlays / f"{person.name}-{STYLES[style]}.png"), shown[..., ::-1])
            rows.append(row)
        if number % every == 0:
            hairs.append({"person": person.name, **hair_figures(person, number, finder)})
            objects.append(object_figures(scene, "left" if number % 2 else "right", finder))
    show_coverage(rows)
    show_overlaps(rows)
    show_hair(hairs)
    show_objects(objects)
    if json_path:
        json_path.write_text(json.dumps({"coverage": rows, "hair": hairs, "objects": objects}, indent=1))


if __name__ == "__main__":
    typer.run(main)
