"""Who is painted: photographs and drawn faces, who of them is held out, and how skin tones are called."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.images import find_photos, painted_out
from toolkit.landmarks import FaceFinder
from toolkit.phantom import Canvas, Kinds, Scene, canvas_of_photograph, compose, draw_face
from toolkit.phantom.study import read_rgb
from toolkit.records import Photo
from toolkit.settings import Settings

DATA = Path(__file__).parents[2] / "shared" / "data"  # beside the checkout: never committed
# Of every six people, in the order of their names: the trunk learns from four, severity and grades are learnt
# on the third, the sixth is held out from every part of the starter model.
TRUNK, THIRD, HELD_OUT = (0, 1, 3, 4), (2,), (5,)
TONES = {  # individual typology angle, degrees: bins of Del Bino & Bernerd 2013, the two lightest together
    "light": (41.0, 62.0),
    "intermediate": (28.0, 41.0),
    "tan": (10.0, 28.0),
    "brown": (-30.0, 10.0),
    "dark": (-48.0, -30.0),
}
BROAD_TONES = ("light", "intermediate and tan", "brown and dark")
STYLES = {"left": "masked", "right": "masked", "both": "unmasked"}
SETTINGS = Settings()


@dataclass(frozen=True, eq=False)
class Person:
    """A face to paint on; ``photograph``: not a drawn one."""

    number: int
    name: str
    canvas: Canvas
    photograph: bool

    @property
    def grade(self) -> float:
        """The random severity that this person is painted with."""
        return float(np.random.default_rng([73, self.number]).uniform(0.5, 8))

    @property
    def styles(self) -> tuple[str, str]:
        """How this person is photographed: as one half face, and whole."""
        return "left" if self.number % 2 else "right", "both"

    def painted(self, grade: float, kinds: Kinds | None = None) -> Scene:
        """Both sides painted to the same grade."""
        grades = {"left": [grade], "right": [grade]}
        return compose(self.canvas, grades, (72, self.number), kinds)[0].session(0)


def people(faces: Path | None, drawn: int, limit: int | None) -> Iterator[Person]:
    """So many drawn faces, then the photographs of a folder."""
    for number in range(drawn):
        canvas = draw_face(np.random.default_rng([71, number]), (1360, 1600))
        yield Person(number, f"drawn-{number:02}", canvas, False)
    finder = FaceFinder(None, SETTINGS.face)
    for number, path in enumerate(spread(find_photos([faces]) if faces else [], limit), drawn):
        pixels = read_rgb(path)
        canvas = canvas_of_photograph(pixels, finder.find(record(pixels)).points, np.random.default_rng(3))
        yield Person(number, path.stem, canvas, True)


def spread(photos: Sequence[Path], limit: int | None) -> list[Path]:
    """At most ``limit`` of them, spread over the folder."""
    if not limit:
        return list(photos)
    return [photos[i] for i in np.unique(np.linspace(0, len(photos) - 1, limit).astype(int))]


def some_of(faces: Path, folder: Path, places: Sequence[int]) -> Path:
    """A folder of the photographs at some places of every six."""
    if not folder.exists():
        folder.mkdir(parents=True)
        for number, photo in enumerate(find_photos([faces])):
            if number % 6 in places:
                shutil.copy2(photo, folder / photo.name)
    return folder


def record(pixels: NDArray[np.uint8]) -> Photo:
    """Pixels as a photograph that was read, with what is painted out."""
    settings = SETTINGS.photo
    halo = int(np.clip(round(settings.halo_fraction * max(pixels.shape[:2])), 2, settings.halo_px))
    painted = painted_out(pixels, settings)
    return Photo(Path("photo.jpg"), pixels, ~painted, "", halo_px=halo if painted.any() else 0)


def tone_of(ita: float) -> str:
    """The bin of TONES."""
    return list(TONES)[sum(ita <= edge for edge in (41.0, 28.0, 10.0, -30.0))]


def broad_tone_of(ita: float) -> str:
    """One of three bins."""
    return BROAD_TONES[sum(ita <= edge for edge in (41, 10))]
