#!/usr/bin/env python
"""How far a grade moves when the same photograph comes dark, small, turned or strongly compressed.

    scripts/grade_drift ../shared/data/faces/neutral          # painted people, as half faces and whole
    scripts/grade_drift FACES --model my-model --limit 22

Every person is painted once, with a random severity, and photographed as a clinical half face and whole; each photograph
is changed as in scripts/chart_benchmark (another visit's photograph may be), and re-encoded as mail programs and viewers
do. Prints the differences from the grade of the plain photograph.
"""

from __future__ import annotations

import sys
import tempfile
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import cv2
import numpy as np
import typer

from toolkit.errors import ToolkitError
from toolkit.landmarks import FaceFinder
from toolkit.model import load_model
from toolkit.phantom import optics, shoot
from toolkit.photos import photo_files
from toolkit.pipeline import Grader, prepare, read_face


# What re-encoding does: JPEG quality, size, exposure (on the codes).
RECODED = {
    "JPEG 60": (60, 1.0, 1.0), "JPEG 80": (80, 1.0, 1.0), "JPEG 95": (95, 1.0, 1.0), "size .7": (92, 0.7, 1.0),
    "light .8": (92, 1.0, 0.8), "light 1.2": (92, 1.0, 1.2),
}  # fmt: skip


def recoded(pixels: Any, size: float, light: float) -> Any:
    """The picture reduced, and its linear light multiplied."""
    if light != 1:
        pixels = optics.to_srgb(optics.to_light(pixels) * np.float32(light))
    return cv2.resize(pixels, None, fx=size, fy=size, interpolation=cv2.INTER_AREA) if size < 1 else pixels


def chart_benchmark() -> ModuleType:
    """scripts/chart_benchmark as a module."""
    loader = SourceFileLoader("chart_benchmark", str(Path(__file__).with_name("chart_benchmark")))
    spec = spec_from_loader("chart_benchmark", loader)
    if spec is None:
        raise ToolkitError("scripts/chart_benchmark cannot be loaded")
    sys.modules["chart_benchmark"] = module_from_spec(spec)
    loader.exec_module(sys.modules["chart_benchmark"])
    return sys.modules["chart_benchmark"]


def graded(pixels: Any, quality: int, folder: Path, finder: FaceFinder, grader: Grader) -> float:
    """The grade of a picture saved as a JPEG; NaN where there is none."""
    path = folder / "photo.jpg"
    cv2.imwrite(str(path), pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    settings = grader.model.settings
    try:
        _, face, quality_found = read_face(photo_files([path])[0], finder, settings)
    except ToolkitError:
        return float("nan")
    (result,) = grader.grade([prepare(face, settings, quality_found)])
    return float("nan") if result.grade.grade is None else result.grade.grade


def main(
    faces: Annotated[Path, typer.Argument(help="Frontal photographs to paint on.")],
    model: Annotated[Path | None, typer.Option(help="By default the starter model.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Photographs, spread over the folder.")] = None,
) -> None:
    benchmark = chart_benchmark()
    grader, finder = Grader(load_model(model)), FaceFinder(None, benchmark.SETTINGS.face)
    drifts: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as work:
        for number, person in enumerate(benchmark.people(faces, 0, limit)):
            grade = float(np.random.default_rng([73, number]).uniform(0.5, 8))
            scene = benchmark.scene_of(person, number, grade)
            for style in ("left" if number % 2 else "right", "both"):
                pixels = shoot(scene, style).pixels
                plain = graded(pixels, 92, Path(work), finder, grader)
                for name in benchmark.VERSIONS:
                    changed, _ = benchmark.version(pixels, name)
                    quality = 60 if name == "jpeg60" else 92
                    other = graded(changed, quality, Path(work), finder, grader)
                    drifts.setdefault((benchmark.STYLES[style], name), []).append(other - plain)
                for name, (quality, size, light) in RECODED.items():
                    other = graded(recoded(pixels, size, light), quality, Path(work), finder, grader)
                    drifts.setdefault((benchmark.STYLES[style], name), []).append(other - plain)
    groups = {
        "versions": [one for (_, name), found in drifts.items() if name in benchmark.VERSIONS for one in found],
        "recoded": [one for (_, name), found in drifts.items() if name in RECODED for one in found],
    }
    for (style, name), found in [*drifts.items(), *((("all", name), found) for name, found in groups.items())]:
        size = np.abs([one for one in found if np.isfinite(one)])
        print(
            f"{style:9}{name:9} n {len(size):4}  median {np.median(size):.3f}  95 % {np.percentile(size, 95):.3f}  "
            f"under 0.25: {np.mean(size < 0.25):.0%}  mean shift {np.nanmean(found):+.3f}  lost {len(found) - len(size)}"
        )


if __name__ == "__main__":
    typer.run(main)
