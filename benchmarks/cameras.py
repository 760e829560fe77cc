"""Grades of the same people seen by several cameras: with colours as they come, and corrected by a chart or by their skin.

    python -m benchmarks.cameras                    # drawn people
    python -m benchmarks.cameras --faces FACES      # and photographs, painted
    python -m benchmarks.cameras --people 24 --model my-model

Every person is painted once, with a random severity, and photographed as a masked half face and whole, by every camera
in a session of its own: other light, pose and exposure. "one camera": the same sessions before the plain camera, the
least that sessions alone do. "chart photograph": one picture of a chart by each camera, in a light of its own. "chart in
the frame": of the whole faces, which hold one beside the neck. "matched by skin": all cameras brought to their mean by the
skin of these people. Printed are the deviation of one person's figures over cameras, and errors against the known grade.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer

from benchmarks.change import decoded
from benchmarks.command import Faces, Json, Limit, Model, run, write_json
from benchmarks.people import SETTINGS, STYLES, Person, people
from benchmarks.tables import table_text
from toolkit.correction import corrected, correction_by, find_charts
from toolkit.correction.matching import match_cameras, skin_light
from toolkit.errors import ToolkitError
from toolkit.images import photo_of_pixels
from toolkit.landmarks import FaceFinder
from toolkit.model import load_model
from toolkit.phantom import Scene, geometry, shoot
from toolkit.phantom.camera import jpeg, take
from toolkit.phantom.colourchart import draw_colour_chart, with_colour_chart
from toolkit.phantom.distractors import Distractors
from toolkit.pipeline import Grader, prepare, read_patches
from toolkit.records import IN_FRAME, Colour, ColourCorrection, Photo, PhotoFacts, PhotoFile

PLAIN = "plain"
CAMERAS: Mapping[str, dict[str, Any]] = {
    PLAIN: {"white_balance": (1.0, 1.0), "tone": 0.0, "saturation": 1.0, "sharpen": 0.0, "noise": 0.006},
    "warm": {"white_balance": (1.12, 0.86), "tone": 0.1, "saturation": 1.05, "sharpen": 0.3, "noise": 0.006},
    "contrasty": {"white_balance": (0.97, 1.04), "tone": 0.3, "saturation": 1.15, "sharpen": 0.8, "noise": 0.008},
    "flat": {"white_balance": (1.0, 1.0), "tone": -0.15, "saturation": 0.85, "sharpen": 0.0, "noise": 0.01},
    "vivid": {"white_balance": (0.93, 1.1), "tone": 0.18, "saturation": 1.25, "sharpen": 0.5, "noise": 0.007, "crosstalk": 0.08},
}  # fmt: skip
AS_THEY_COME, ONE, PHOTOGRAPH, FRAME, SKIN = (
    "as they come", "one camera", "chart photograph", "chart in the frame", "matched by skin",
)  # fmt: skip
FIGURES = ("grade", "ita", "melanin")
Shots = dict[tuple[int, str, str], Photo]  # by person, style and camera


def seen_by(scene: Scene, camera: str, session: int) -> Scene:
    """The person in a session before a camera; the session's own light, pose, shadow and exposure."""
    seen = scene.session(session)
    look = {"crosstalk": 0.0, "scale": 1.0, "jpeg_quality": 92, "subsampled": True, **CAMERAS[camera]}
    red, blue = (
        a * b for a, b in zip(seen.distractors.white_balance, look.pop("white_balance"), strict=True)
    )
    return replace(seen, distractors=replace(seen.distractors, white_balance=(red, blue), **look))


def photographed(scene: Scene, style: str, name: str) -> tuple[Photo, float]:
    """A picture as a file of it is read, and its latent grade."""
    shot = shoot(scene, style)
    pixels = decoded(np.frombuffer(shot.jpeg(), np.uint8))
    return photo_of_pixels(pixels, SETTINGS.photo, name), shot.latent_grade


def chart_photograph(camera: str, number: int) -> ColourCorrection:
    """What a picture of a chart alone by this camera gives; the light falls off across it a little, as it does."""
    rng = np.random.default_rng([74, number])
    chart = draw_colour_chart(60)
    light = np.full((chart.shape[0] + 160, chart.shape[1] + 160, 3), 0.3, np.float32)
    light[80:-80, 80:-80] = chart
    across = np.linspace(-0.5, 0.5, light.shape[1])[:, None] * rng.uniform(-0.1, 0.1)
    look = {"crosstalk": 0.0, **CAMERAS[camera]}
    red, blue = look.pop("white_balance")
    session = Distractors(
        white_balance=(red, blue), exposure=float(np.exp(0.04 * rng.standard_normal())), **look
    )
    gains = np.array([red, 1.0, blue], np.float32) * session.exposure
    pixels = take((light * np.exp(across) * gains).astype(np.float32), np.eye(2, 3), session, rng)
    picture = decoded(np.frombuffer(jpeg(pixels, session), np.uint8))
    return correction_by(find_charts(picture), camera)[0]


def with_chart(person: Person) -> Person:
    """The person with a chart before the neck, about as wide as the mouth is from the eyes."""
    points = person.canvas.points
    span = geometry.span_of(points)
    centre = points[8] + np.array([0.0, 0.36 * span])
    low = person.canvas.skin.shape[0] - 0.3 * span
    place = float(centre[0]), float(min(centre[1], low))
    return replace(person, canvas=with_colour_chart(person.canvas, place, round(0.09 * span), 4.0))


class Bench:
    """Photographs through the stages: what is measured of each, by way, style, person and camera."""

    def __init__(self, model: Path | None) -> None:
        self.grader = Grader(load_model(model))
        self.finder = FaceFinder(None, SETTINGS.face)
        self.found: dict[tuple[str, str, str], dict[int, dict[str, float]]] = defaultdict(
            lambda: defaultdict(dict)
        )
        self.lights: dict[tuple[int, str, str], Any] = {}
        self.notes: dict[str, int] = defaultdict(int)
        self.truth: dict[str, dict[int, float]] = defaultdict(dict)  # latent grades by style and person

    def photograph(self, person: Person, style: str, charts: Mapping[str, ColourCorrection]) -> Shots:
        """A person before every camera, in a session each, and before the plain camera in the same sessions."""
        scene = (with_chart(person) if style == "both" else person).painted(person.grade)
        shots: Shots = {}
        for session, camera in enumerate(CAMERAS):
            key, name = (person.number, STYLES[style], camera), f"{person.name}-{camera}"
            photo, latent = photographed(seen_by(scene, camera, session), style, name)
            self.truth[STYLES[style]][person.number] = latent
            self.measure(AS_THEY_COME, photo, None, key)
            self.measure(PHOTOGRAPH, photo, charts[camera], key)
            if style == "both":
                self.measure(FRAME, photo, IN_FRAME, key)
            plain = photo if camera == PLAIN else photographed(seen_by(scene, PLAIN, session), style, name)[0]
            self.measure(ONE, plain, None, key)
            shots[key] = photo
        print(f"{person.name}, {STYLES[style]}: photographed", file=sys.stderr, flush=True)
        return shots

    def measure(self, way: str, photo: Photo, colour: Colour | None, key: tuple[int, str, str]) -> None:
        """The grade of a photograph after a correction, and figures of its skin."""
        number, style, camera = key
        file = PhotoFile(photo.path, photo.path.name, PhotoFacts(photo.path.name), colour)
        settings = self.grader.model.settings
        try:
            _, face, quality = read_patches(corrected(photo, colour), file, self.finder, settings)
        except ToolkitError as error:
            self.notes[f"{way}: {error}"] += 1
            return
        prepared = prepare(face, settings, quality)
        (result,) = self.grader.grade([prepared])
        for note in face.notes:
            self.notes[f"{way}: {note}"] += 1
        if result.grade.grade is None or prepared.side is None:
            return
        melanin = float(np.mean([row["melanin_index"] for row in prepared.features]))
        values = (result.grade.grade, prepared.side["ita_deg"], melanin)
        for figure, value in zip(FIGURES, values, strict=True):
            self.found[way, style, figure][number][camera] = float(value)
        if way == AS_THEY_COME and face.chart is not None:
            self.lights[key] = skin_light(face.chart)


def summary(found: Mapping[int, Mapping[str, float]], truth: Mapping[int, float] | None) -> list[float]:
    """Deviation of one person's figure over cameras, and, of grades, RMSE and bias against the truth, RMSE of the mean of
    each person's photographs, and correlation."""
    table = np.array([[found[n].get(camera, np.nan) for camera in CAMERAS] for n in found])
    within = float(np.sqrt(np.nanmean(np.nanvar(table, axis=1, ddof=1))))
    if truth is None:
        return [within]
    true = np.array([truth[n] for n in found])
    error = table - true[:, None]
    pairs = np.isfinite(table)
    correlation = np.corrcoef(table[pairs], np.broadcast_to(true[:, None], table.shape)[pairs])[0, 1]
    return [within, float(np.sqrt(np.nanmean(error**2))), float(np.nanmean(error)), float(correlation)]


def by_camera(found: Mapping[int, Mapping[str, float]]) -> list[float]:
    """The mean over people for each camera."""
    return [float(np.nanmean([mine.get(camera, np.nan) for mine in found.values()])) for camera in CAMERAS]


def main(
    faces: Faces = None,
    drawn: Annotated[int, typer.Option("--people", min=0, help="Drawn people.")] = 12,
    limit: Limit = None,
    model: Model = None,
    json: Json = None,
) -> None:
    """Photographs everybody by every camera and grades each picture in every way."""
    bench = Bench(model)
    charts = {camera: chart_photograph(camera, place) for place, camera in enumerate(CAMERAS)}
    shots: Shots = {}
    for person in people(faces, drawn, limit):
        for style in person.styles:
            shots |= bench.photograph(person, style, charts)
    for style in dict.fromkeys(STYLES.values()):
        mine = [key for key in shots if key[1] == style and key in bench.lights]
        lights, cameras = [bench.lights[key] for key in mine], [key[2] for key in mine]
        matches = match_cameras(lights, cameras, [(str(key[0]), style) for key in mine])
        for key in mine:
            bench.measure(SKIN, shots[key], matches[key[2]].correction("skin"), key)
    show(bench, charts)
    write_json(json, {"/".join(key): value for key, value in bench.found.items()} | {"truth": bench.truth})


def show(bench: Bench, charts: Mapping[str, ColourCorrection]) -> None:
    """The tables."""
    for camera, chart in charts.items():
        print(
            f"  chart by {camera}: {chart.patches} patches, CIEDE2000 {chart.before:.1f} before, {chart.after:.1f} after"
        )
    for style in dict.fromkeys(STYLES.values()):
        ways = [
            way
            for way in (ONE, AS_THEY_COME, PHOTOGRAPH, FRAME, SKIN)
            if (way, style, "grade") in bench.found
        ]
        truth, rows = bench.truth[style], []
        mean = float(np.std(list(truth.values())))
        print(
            f"\n{style}: {len(truth)} people, {len(CAMERAS)} cameras; always the mean grade: RMSE {mean:.2f}"
        )
        for way in ways:
            grade, ita, melanin = (bench.found[way, style, figure] for figure in FIGURES)
            rows.append(
                [way, *summary(grade, truth), *summary(ita, None), f"{summary(melanin, None)[0]:.3f}"]
            )
        head = ["", "SD of grade", "RMSE", "bias", "r", "SD of ITA", "SD of melanin"]
        print(table_text(f"{style}: one person's figures over cameras", head, rows))
        means = [[way, *by_camera(bench.found[way, style, "grade"])] for way in ways]
        print(table_text(f"{style}: mean grade by camera", ["", *CAMERAS], means))
    for note, count in sorted(bench.notes.items(), key=lambda one: -one[1])[:12]:
        print(f"  {count} x {note}")


if __name__ == "__main__":
    cv2.setNumThreads(1)
    run(main, __doc__)
