"""How far a grade moves when the same photograph comes dark, small, turned or strongly compressed.

    python -m benchmarks.drift FACES          # painted people, as half faces and whole
    python -m benchmarks.drift FACES --model my-model --limit 22
    python -m benchmarks.drift --drawn 12

Every person is painted once, with a random severity, and photographed as a clinical half face and whole; each
photograph is changed as another visit's may be, and re-encoded as mail programs and viewers do. Prints the
differences from the grade of the plain photograph.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.changed import VERSIONS, Pixels, reduced, version
from benchmarks.command import Limit, Model, run
from benchmarks.people import SETTINGS, STYLES, people
from toolkit.errors import ToolkitError
from toolkit.landmarks import FaceFinder
from toolkit.model import load_model
from toolkit.phantom import optics, shoot
from toolkit.photos import photo_files
from toolkit.pipeline import Grader, prepare, read_face

RECODED = {  # JPEG quality, size, linear light
    "JPEG 60": (60, 1.0, 1.0),
    "JPEG 80": (80, 1.0, 1.0),
    "JPEG 95": (95, 1.0, 1.0),
    "size .7": (92, 0.7, 1.0),
    "light .8": (92, 1.0, 0.8),
    "light 1.2": (92, 1.0, 1.2),
}


def changes(pixels: Pixels) -> Iterator[tuple[str, Pixels, int]]:
    """The name of each change, the changed picture, and the quality it is saved with."""
    for name, quality in VERSIONS.items():
        yield name, version(pixels, name)[0], quality
    for name, (quality, size, light) in RECODED.items():
        lit = pixels if light == 1 else optics.to_srgb(optics.to_light(pixels) * np.float32(light))
        yield name, reduced(lit, size)[0] if size < 1 else lit, quality


def graded(pixels: Pixels, quality: int, folder: Path, finder: FaceFinder, grader: Grader) -> float:
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


def show(style: str, name: str, drifts: NDArray[np.float64]) -> None:
    """A line of one change."""
    size = np.abs(drifts[np.isfinite(drifts)])
    middle, high = np.percentile(size, [50, 95])
    print(
        f"{style:9}{name:9} n {len(size):4}  median {middle:.3f}  95 % {high:.3f}  "
        f"under 0.25: {np.mean(size < 0.25):.0%}  mean shift {np.nanmean(drifts):+.3f}  "
        f"lost {len(drifts) - len(size)}"
    )


def main(
    faces: Annotated[Path | None, typer.Argument(help="Frontal photographs to paint on.")] = None,
    drawn: Annotated[int, typer.Option(help="Drawn people beside them.")] = 0,
    model: Model = None,
    limit: Limit = None,
) -> None:
    """Grades every photograph and its changed versions."""
    if not (faces or drawn):
        raise typer.BadParameter("name a folder of photographs, or --drawn people")
    grader, finder = Grader(load_model(model)), FaceFinder(None, SETTINGS.face)
    drifts: dict[tuple[str, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as work:
        for person in people(faces, drawn, limit):
            scene = person.painted(person.grade)
            for style in person.styles:
                pixels = shoot(scene, style).pixels
                plain = graded(pixels, 92, Path(work), finder, grader)
                for name, changed, quality in changes(pixels):
                    other = graded(changed, quality, Path(work), finder, grader)
                    drifts[STYLES[style], name].append(other - plain)
    for (style, name), found in drifts.items():
        show(style, name, np.array(found))
    for styles in (["masked"], ["unmasked"], ["masked", "unmasked"]):
        for group, names in (("versions", VERSIONS), ("recoded", RECODED)):
            some = [found for (style, name), found in drifts.items() if style in styles and name in names]
            show("all" if len(styles) > 1 else styles[0], group, np.concatenate(some))


if __name__ == "__main__":
    run(main, __doc__)
