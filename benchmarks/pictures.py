"""Draws docs/phantoms.jpg: phantoms of grade 1, 3, 5, 6 and 8, half and whole, and the patches found on them.

python -m benchmarks.pictures
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np

from benchmarks.command import run
from toolkit.landmarks import FaceFinder
from toolkit.patches import draw_overlay
from toolkit.phantom import write_study
from toolkit.photos import photo_files
from toolkit.pipeline import read_face
from toolkit.settings import Settings

GRADES = (1.0, 3.0, 5.0, 6.0, 8.0)
SEED = 12
TILE = 400


def main() -> None:
    """Draws, finds and writes."""
    settings = Settings()
    finder = FaceFinder(None, settings.face)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for style in ("half", "full"):
            study = Path(folder) / style
            write_study(study, len(GRADES), 1, style, seed=SEED, grades=GRADES)
            photos = sorted((study / "images").glob("*_FACE_[LF]_*.jpg"))
            read = [read_face(file, finder, settings) for file in photo_files(photos)]
            rows.append([photo.pixels for photo, _, _ in read])
        rows.append([draw_overlay(photo, one.face, one.patches) for photo, one, _ in read if one.face])
    tiles = [
        np.hstack([cv2.resize(p, (TILE, TILE), interpolation=cv2.INTER_AREA) for p in row]) for row in rows
    ]
    out = Path(__file__).parents[1] / "docs" / "phantoms.jpg"
    out.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(out), np.vstack(tiles)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    print(out)


if __name__ == "__main__":
    run(main, __doc__)
