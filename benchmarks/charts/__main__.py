"""How much of the visible skin a chart measures, what it leaves out, and whether it is the same every time.

    python -m benchmarks.charts                         # drawn faces
    python -m benchmarks.charts --faces FACES           # and painted photographs

Every face is painted with pigment of a random severity and photographed as a clinical half face, painted out,
and whole, as it is. What is truly skin is known of a drawn face, and of a photograph by the landmarks of the
whole picture: its outline, less eyes, brows, nostrils and lips. Then the photographs are darkened, reduced,
turned and compressed; the chart's mask is carried back to the plain photograph and compared. Last, hair
against spots: the lower face of the same people with dense freckles of 1-2 mm, of people with stubble, and of
both; how much of spectacles, stickers and printed dates is measured as skin; and of photographs whose
hairline was set by hand (.tem), how much hair. With --overlays, a picture a face.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer

from benchmarks.changed import compressed
from benchmarks.charts.coverage import chart_of, coverage, overlaps, truth_on
from benchmarks.charts.covers import hair_figures, object_figures
from benchmarks.charts.hairlines import hairline_figures
from benchmarks.charts.tables import (
    show_coverage,
    show_hair,
    show_hairlines,
    show_objects,
    show_overlaps,
)
from benchmarks.command import Faces, Json, Limit, run, write_json
from benchmarks.people import SETTINGS, STYLES, Person, broad_tone_of, people
from toolkit.chart import draw_chart
from toolkit.landmarks import FaceFinder
from toolkit.phantom import Scene, shoot
from toolkit.records import FaceChart


def measured(
    person: Person, scene: Scene, finder: FaceFinder, *, changed: bool, overlays: Path | None
) -> list[dict[str, Any]]:
    """A row a photograph of one person; ``changed``: compared with changed photographs as well."""
    rows = []
    for style in person.styles:
        pixels = compressed(shoot(scene, style).pixels, 92)
        chart = chart_of(pixels, finder)
        if chart is None:
            continue
        row: dict[str, Any] = {"person": person.name, "kind": "painted" if person.photograph else "drawn",
               "style": STYLES[style], "tone": broad_tone_of(person.canvas.ita), "grade": person.grade,
               "masked": chart.masked, **coverage(chart, truth_on(chart, scene, style))}  # fmt: skip
        if changed:
            row["overlap"] = overlaps(pixels, chart, finder)
        if overlays:
            draw_overlay(overlays / f"{person.name}-{STYLES[style]}.png", chart)
        rows.append(row)
    return rows


def draw_overlay(path: Path, chart: FaceChart) -> None:
    """The visible skin beside what is measured of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = np.hstack([np.where(chart.visible[..., None], chart.pixels, 0), draw_chart(chart)])
    cv2.imwrite(str(path), shown[..., ::-1])


def main(
    faces: Faces = None,
    drawn: Annotated[int, typer.Option(min=0, help="Drawn faces.")] = 24,
    limit: Limit = None,
    every: Annotated[int, typer.Option(min=1, help="Of so many faces one is changed and freckled.")] = 3,
    overlays: Annotated[Path | None, typer.Option(help="Folder for pictures, one per face.")] = None,
    json_path: Json = None,
) -> None:
    """Measures and prints all."""
    finder, rows, hairs, objects = FaceFinder(None, SETTINGS.face), [], [], []
    for person in people(faces, drawn, limit):
        scene, changed = person.painted(person.grade), person.number % every == 0
        rows += measured(person, scene, finder, changed=changed, overlays=overlays)
        if changed:
            hairs.append({"person": person.name, **hair_figures(person, finder)})
            objects.append(object_figures(scene, person.styles[0], finder))
    show_coverage(rows)
    show_overlaps(rows)
    show_hair(hairs)
    show_objects(objects)
    lines = hairline_figures(faces, finder) if faces else []
    show_hairlines(lines)
    write_json(json_path, {"coverage": rows, "hair": hairs, "objects": objects, "hairlines": lines})


if __name__ == "__main__":
    run(main, __doc__)
