"""What each step of the search for a face takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.landmarks.subjects import Subject
from benchmarks.landmarks.versions import half
from toolkit.images import painted_out
from toolkit.landmarks import FaceFinder, default_landmark_model
from toolkit.landmarks.midline import find_midlines
from toolkit.landmarks.models import LandmarkModel, hog_detector, landmark_model
from toolkit.landmarks.refine import refine
from toolkit.landmarks.views import View, mirrored, reduced, turned
from toolkit.records import Photo
from toolkit.settings import FaceSettings, Settings

TIMES = 15


def show_step_costs(subject: Subject, settings: Settings, path: Path | None) -> None:
    """Milliseconds of every step of the chain, tried or not, on one photo of 1600 x 1600 pixels."""
    big: Any = cv2.resize(half(subject, "left").pixels, (1600, 1600), interpolation=cv2.INTER_CUBIC)
    skin = ~painted_out(big, settings.photo)
    photo = Photo(Path("half.jpg"), big, skin, "", halo_px=settings.photo.halo_px)
    print(f"\nmilliseconds a step at 1600 x 1600, one core (median of {TIMES})")
    for name, step in steps_of(photo, settings.face, path).items():
        costs = []
        for _ in range(TIMES):
            start = time.perf_counter()
            step()
            costs.append(1000 * (time.perf_counter() - start))
        print(f"  {name:22}{np.median(costs):9.1f}")


def steps_of(photo: Photo, settings: FaceSettings, path: Path | None) -> dict[str, Callable[[], object]]:
    """The steps of the finder, as it takes them (see toolkit.landmarks.finder), each by itself."""
    finder, model = FaceFinder(path, settings), landmark_model(path or default_landmark_model())
    line = find_midlines(photo.skin, photo.halo_px)[0]
    frame = replace(line, at_frame=True)
    area, border = settings.whole_px**2, settings.border_fraction
    half_area, fine = settings.half_px**2, settings.detect_width_px**2
    small, points = reduced(photo, area), finder.find(photo).points

    def search(view: View) -> object:
        lowest = settings.half_threshold if view.midline else settings.whole_threshold
        return first_points(view, lowest, model)

    return {
        "reduce": lambda: reduced(photo, area),
        "find midline": lambda: find_midlines(photo.skin, photo.halo_px),
        "half": lambda: search(mirrored(photo, small, line, border, area=half_area)),
        "whole": lambda: search(small),
        "whole, bordered": lambda: search(turned(small, 0, border, area)),
        "rolled (each way)": lambda: search(turned(small, 25, border, area)),
        "half at frame (each)": lambda: search(mirrored(photo, small, frame, border, area=half_area)),
        "small": lambda: search(reduced(photo, fine)),
        "small, twice as fine": lambda: search(reduced(photo, 4 * fine)),
        "refine": lambda: refine(photo, small, points, line, model=model),
        "chain as run": lambda: finder.find(photo),
    }


def first_points(view: View, lowest: float, model: LandmarkModel) -> object:
    """The points of the largest face that the detector finds on a picture, or None."""
    boxes, _, _ = hog_detector().run(view.pixels, 0, lowest)
    if not boxes:
        return None
    box = max(boxes, key=lambda one: one.width())
    return model.first(view.pixels, (box.left(), box.top(), box.right(), box.bottom()))
