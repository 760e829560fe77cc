"""What a trunk's map would be worth without its faults, one at a time: where the error of grades comes from.

    python -m benchmarks.making.missed trunk.npz --work FOLDER

On the charts of people never seen that benchmarks.making.trunk has painted in the same --work: RMSE of grades from
what is visible of the map (isotonic on these charts), with the map as it is, at the right strength where pigment
was planted, with the planted spots that it missed, and without what it sees where none was planted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from benchmarks.command import run
from benchmarks.making.lessons import SETTINGS, Lesson, lessons_in
from toolkit.errors import ToolkitError
from toolkit.progress import silent
from toolkit.siamese import Encoder
from toolkit.visible import visible_pigment

_PLANTED_OD = 0.01
_AROUND_PX = (5, 5)
_MOST_STRENGTH = 3.0  # no map is made stronger or weaker by more
Map = NDArray[np.float32]


def mended(seen: Map, planted: Map) -> dict[str, Map]:
    """A predicted map (h, w) of green OD at the network's scale, and what it would be without each of its faults; ``planted``
    (h, w) of the same unit."""
    near = cv2.dilate((planted > _PLANTED_OD).astype(np.uint8), np.ones(_AROUND_PX)) > 0
    strength = planted[near].sum() / max(seen[near].sum(), 1e-6) if near.any() else 1.0
    right = np.float32(np.clip(strength, 1 / _MOST_STRENGTH, _MOST_STRENGTH))
    missed = planted * (cv2.blur(seen, _AROUND_PX) < cv2.blur(planted, _AROUND_PX) / 4)
    return {
        "as it is": seen,
        "at the right strength": np.where(near, seen * right, seen),
        "with what it missed": np.maximum(seen, missed),
        "without what is not there": seen * near,
        "planted": planted,
    }


def visible_of(encoder: Encoder, lesson: Lesson) -> dict[str, float]:
    """The mean of what is visible of each of the mended maps of a chart."""
    skin = lesson.picture[..., -1] > 0.5
    (seen,) = encoder.look([lesson.picture])[1]
    maps = mended(seen, lesson.pigment.astype(np.float32) * skin)
    scale = SETTINGS.encoder.px_per_mm
    return {name: float(visible_pigment(one, skin, scale)[skin].mean()) for name, one in maps.items()}


def main(
    trunk: Annotated[Path, typer.Argument(help="Weights of benchmarks.making.trunk (.npz).")],
    work: Annotated[Path, typer.Option(help="Where benchmarks.making.trunk has kept its charts.")],
    charts: Annotated[int, typer.Option(help="As for benchmarks.making.trunk.")] = 240,
) -> None:
    """Prints a line for each fault."""
    file = work / f"tried-{charts}.npz"
    if not file.is_file():
        raise ToolkitError(f"{file} is missing: benchmarks.making.trunk paints these charts")
    encoder, trial = Encoder.load(trunk, SETTINGS.encoder), lessons_in(file, [], "", silent)
    found = [visible_of(encoder, one) for one in trial]
    grades = np.array([one.grade for one in trial])
    low = grades < 3
    print(f"{len(trial)} charts; RMSE of all, of grades under 3, of the others")
    for name in found[0]:
        figure = np.array([one[name] for one in found])
        off = IsotonicRegression(out_of_bounds="clip").fit(figure, grades).predict(figure) - grades
        parts = (np.sqrt(np.mean(off[mine] ** 2)) for mine in (low | ~low, low, ~low))
        print(f"{name:26}" + "".join(f"{rmse:7.2f}" for rmse in parts))


if __name__ == "__main__":
    run(main, __doc__)
