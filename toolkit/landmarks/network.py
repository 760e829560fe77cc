"""The default landmarks: Google's Face Mesh, trained on for whole, masked and half faces, in ONNX Runtime.

The weights lie beside this file with their NOTICE (Apache License 2.0); ``benchmarks.making.landmarks`` made
them. The network sees one upright crop and gives the 68 points, and how sure it is to see a face where one should be.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ModelError
from toolkit.geometry import apply_affine, invert_affine, warp
from toolkit.landmarks.crop import BOX_MM, Crop

# What the network was trained on: left, top and side of the crop in the face frame (mm), its pixels.
CROP_MM = (-115.0, -90.0, 230.0)
SIZE = 192
FACEMESH_FILE = Path(__file__).with_name("facemesh68.onnx")


class NetworkPoints:
    """The network as a landmark model; ``path`` is an ONNX file that ``benchmarks.making.landmarks`` wrote."""

    crop = Crop(CROP_MM, SIZE)
    slips_to_holes = False

    def __init__(self, path: Path) -> None:
        self._session = _session(path)

    def first(
        self, picture: NDArray[np.uint8], box: tuple[float, float, float, float]
    ) -> NDArray[np.float64]:
        """(68, 2) points of the face whose detector's box (left, top, right, bottom) lies on an RGB picture."""
        scale = (box[2] - box[0]) / (BOX_MM[2] - BOX_MM[0])
        middle = np.array([box[0] + box[2], box[1] + box[3]]) / 2
        down = (BOX_MM[1] + BOX_MM[3]) / 2
        frame = np.array([[scale, 0.0, middle[0]], [0.0, scale, middle[1] - scale * down]])
        to_crop = self.crop.from_photo(frame)
        points, _ = self.points(warp(picture, to_crop, self.crop.shape))
        return apply_affine(invert_affine(to_crop), points)

    def points(self, crop: NDArray[np.uint8]) -> tuple[NDArray[np.float64], float]:
        """(68, 2) pixels of an upright crop (192, 192, 3), and the belief, 0 to 1, that it shows a face there."""
        scaled = crop[None].astype(np.float32) / np.float32(255)
        points, face = self._session.run(None, {"picture": scaled})
        return points.reshape(68, 2).astype(np.float64), float(1 / (1 + np.exp(-face[0, 0])))


@cache
def _session(path: Path) -> Any:
    import onnxruntime

    if not path.is_file():
        raise ModelError(f"{path}: no such landmark model; check --landmark-model")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # processes are the parallelism
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        given, shapes = session.get_inputs()[0], [output.shape[1] for output in session.get_outputs()]
    except Exception as error:  # ONNX Runtime's errors have no common root of their own
        reason = " ".join(str(error).split())
        raise ModelError(f"{path}: not a landmark network ({reason}); check --landmark-model") from None
    if given.shape[1:] != [SIZE, SIZE, 3] or shapes != [136, 1]:
        raise ModelError(f"{path}: not a landmark network of 68 points; check --landmark-model")
    return session
