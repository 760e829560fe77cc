"""Which landmark models there are, where they lie, and dlib's detectors; each loaded at most once a process."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import MissingExtraError, ModelError
from toolkit.landmarks.crop import Crop
from toolkit.landmarks.dlib_points import DlibPoints
from toolkit.landmarks.network import FACEMESH_FILE, NetworkPoints

LANDMARKS = ("facemesh", "dlib")
_DLIB_FILE = "shape_predictor_68_face_landmarks.dat"
_CNN_FILE = "mmod_human_face_detector.dat"


class LandmarkModel(Protocol):
    """68 points of a face."""

    crop: Crop
    slips_to_holes: bool  # takes one hole of a mask for another, and is to be mended by the holes

    def first(
        self, picture: NDArray[np.uint8], box: tuple[float, float, float, float]
    ) -> NDArray[np.float64]:
        """(68, 2) points of the face whose detector's box lies on an RGB picture."""

    def points(self, crop: NDArray[np.uint8]) -> tuple[NDArray[np.float64], float]:
        """(68, 2) pixels of an upright crop, and the belief, 0 to 1, that it shows a face where one should be."""


def default_landmark_model() -> Path:
    """The network that comes with the package (Face Mesh, Apache License 2.0)."""
    return FACEMESH_FILE


def dlib_landmark_model() -> Path:
    """dlib's 68-point predictor in the package face_recognition_models; MissingExtraError without that package.

    The predictor was trained on 300-W, whose licence excludes commercial use.
    """
    return _packaged_model(_DLIB_FILE)


def chosen_landmark_model(landmarks: str | None, path: Path | None) -> Path | None:
    """The file of ``--landmarks NAME`` or ``--landmark-model PATH``; None is the default model."""
    if path is not None:
        if landmarks == "facemesh":
            raise ModelError(
                "--landmark-model names a predictor of dlib's format: leave out --landmarks facemesh"
            )
        return path
    if landmarks not in (None, *LANDMARKS):
        raise ModelError(f"--landmarks {landmarks}: choose one of {', '.join(LANDMARKS)}")
    return dlib_landmark_model() if landmarks == "dlib" else None


def landmarks_name(path: Path | None) -> str:
    """What the points of a landmark model are called in a model folder: facemesh, dlib, or the file's own name."""
    if path is None or path == FACEMESH_FILE:
        return "facemesh"
    return "dlib" if path.name == _DLIB_FILE else path.name


@cache
def landmark_model(path: Path) -> LandmarkModel:
    """A landmark model by its file: ONNX is the network's, anything else dlib's format."""
    return NetworkPoints(path) if path.suffix == ".onnx" else DlibPoints(path)


def _packaged_model(name: str) -> Path:
    # The package itself is never imported: it needs pkg_resources, which new environments lack.
    spec = importlib.util.find_spec("face_recognition_models")
    folders = list(spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        path = Path(folder) / "models" / name
        if path.is_file():
            return path
    raise MissingExtraError("face_recognition_models", "dlib-landmarks")


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
