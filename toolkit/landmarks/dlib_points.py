"""dlib's 68-point shape predictors as a landmark model: their points are carried over to the product's own.

dlib's packaged predictor was trained on 300-W, whose licence excludes commercial use; its package is an extra.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ModelError
from toolkit.geometry import apply_affine
from toolkit.landmarks.crop import BOX_MM, Crop
from toolkit.meanface import MEAN_FACE_MM, fit_similarity

# Boxes round the mean one whose predictions are averaged: shift x, shift y, growth, in mm.
_JITTER_MM = ((0.0, 0.0, 0.0), (-4.0, -3.0, 0.0), (4.0, 3.0, 0.0), (-2.0, 3.0, 4.0), (2.0, -3.0, -4.0))

# Where 300-W's points lie on a mean face in the face frame (mm): not quite where the product's lie.
# fmt: off
DLIB_MEAN_MM: NDArray[np.float64] = np.array(
    [
        (-73.1, 4.5), (-71.5, 23.7), (-68.6, 42.3), (-65.1, 60.8), (-59.6, 78.5), (-49.7, 93.6),
        (-35.7, 105.5), (-19.0, 113.8), (0.0, 116.3), (19.0, 113.8), (35.7, 105.5), (49.7, 93.6),
        (59.6, 78.5), (65.1, 60.8), (68.6, 42.3), (71.5, 23.7), (73.1, 4.5), (-60.7, -12.2),
        (-52.1, -22.3), (-38.8, -26.2), (-25.1, -24.8), (-12.0, -19.9), (12.0, -19.9), (25.1, -24.8),
        (38.8, -26.2), (52.1, -22.3), (60.7, -12.2), (0.0, -4.7), (0.0, 6.8), (0.0, 18.1),
        (0.0, 29.9), (-13.2, 41.1), (-6.8, 43.1), (0.0, 44.6), (6.8, 43.1), (13.2, 41.1),
        (-44.8, 0.0), (-37.1, -5.7), (-27.3, -5.6), (-18.7, 0.9), (-27.6, 3.1), (-37.5, 3.5),
        (18.7, 0.9), (27.3, -5.6), (37.1, -5.7), (44.8, 0.0), (37.5, 3.5), (27.6, 3.1),
        (-25.8, 68.6), (-16.0, 62.3), (-6.8, 58.7), (0.0, 60.6), (6.8, 58.7), (16.0, 62.3),
        (25.8, 68.6), (16.1, 74.1), (7.2, 76.3), (0.0, 76.8), (-7.2, 76.3), (-16.1, 74.1),
        (-21.2, 68.4), (-6.9, 66.3), (0.0, 66.8), (6.9, 66.3), (21.2, 68.4), (6.9, 66.6),
        (0.0, 67.3), (-6.9, 66.6),
    ],
    dtype=np.float64,
)
# fmt: on


class DlibPoints:
    """A 68-point shape predictor (V. Kazemi, J. Sullivan, 2014) of dlib's format."""

    crop = Crop((-105.0, -75.0, 210.0), 420)
    slips_to_holes = True

    def __init__(self, path: Path) -> None:
        self._predictor = shape_predictor(path)

    def first(
        self, picture: NDArray[np.uint8], box: tuple[float, float, float, float]
    ) -> NDArray[np.float64]:
        """(68, 2) points of the face that fills ``box`` (left, top, right, bottom) of an RGB picture."""
        return _carried_over(self._predict(picture, box))

    def points(self, crop: NDArray[np.uint8]) -> tuple[NDArray[np.float64], float]:
        """(68, 2) pixels of an upright crop (420, 420, 3), the mean over five boxes; and 1, for it knows no doubt."""
        predictions = []
        for dx, dy, grow in _JITTER_MM:
            box_mm = np.add(BOX_MM, (dx - grow, dy - grow, dx + grow, dy + grow))
            x0, y0, x1, y1 = apply_affine(self.crop.from_face, box_mm.reshape(2, 2)).ravel()
            predictions.append(self._predict(crop, (x0, y0, x1, y1)))
        return _carried_over(np.mean(predictions, axis=0)), 1.0

    def _predict(
        self, picture: NDArray[np.uint8], box: tuple[float, float, float, float]
    ) -> NDArray[np.float64]:
        import dlib

        shape = self._predictor(picture, dlib.rectangle(*(round(edge) for edge in box)))
        return np.array([(point.x, point.y) for point in shape.parts()], np.float64)


def _carried_over(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """dlib's points (68, 2) moved by what 300-W's places differ from the product's on the mean face."""
    turn = fit_similarity(points, mean=DLIB_MEAN_MM)[:, :2]
    return points + (MEAN_FACE_MM - DLIB_MEAN_MM) @ turn.T


@cache
def shape_predictor(path: Path) -> Any:
    """A 68-point shape predictor; ModelError when it is not one."""
    import dlib

    if not path.is_file():
        raise ModelError(f"{path}: no such landmark model; check --landmark-model")
    try:
        predictor = dlib.shape_predictor(str(path))
    except RuntimeError as error:
        raise ModelError(f"{path}: not a dlib shape predictor ({error}); check --landmark-model") from None
    blank = np.zeros((100, 100, 3), np.uint8)
    parts = predictor(blank, dlib.rectangle(10, 10, 90, 90)).num_parts
    if parts != 68:
        raise ModelError(f"{path}: predicts {parts} points, 68 are needed; check --landmark-model")
    return predictor
