"""What of a painting is seen in its saved photograph: the rest is not painted and does not count.

The same session is photographed with and without paint, and the two JPEG files are compared. A spot stays if what it
changes exceeds both what the skin's own texture varies there and the file's steps of level; broad pigment is faded
where it varies less than the face does by itself.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.stranger.habits import across_and_down
from benchmarks.stranger.hand import MOST, Painting
from benchmarks.stranger.latent import Figures, figures_of, grade_of
from toolkit.geometry import apply_affine
from toolkit.phantom import Scene, Shot, geometry, shoot
from toolkit.phantom.optics import Float, to_light, to_srgb
from toolkit.pigment.maps import smooth_over

_LEAST_OD, _STEPS = 0.04, 6.4  # a spot's contrast: at least this, and so many levels of the file
_OVER_TEXTURE: Final = 1.6  # ... and so many deviations of the texture
_BROAD_STEPS, _BROAD_OVER_FACE = 0.45, 0.85  # of the floor of spots; deviations of the face's own variation
_CLEAR_LEVEL: Final = 120  # sRGB level of green under which OD looks weaker
_TRIES, _NEAR_ENOUGH = 8, 0.12  # of bisection: how many, and grades from the one wanted
_RIM_MM: Final = 0.6  # of the skin, in which no spot is seen


@dataclass(frozen=True, eq=False)
class Painted:
    """A painting of a severity: ``layers`` (3, H, W) as seen, the ``figures`` they have, and the ``grade`` of those."""

    layers: Float
    figures: Figures
    grade: float


class Sitting:
    """A bare ``scene`` and a painting on its canvas, photographed again and again in one session."""

    def __init__(self, scene: Scene, painting: Painting) -> None:
        self._scene, self._painting = scene, painting
        bare = shoot(scene, painting.side)
        self._bare = _green_od(bare)
        self._to_photo = _affine(scene.canvas.points, bare.points)
        self._unit = geometry.span_of(bare.points) / geometry.SPAN_MM
        self._skin: NDArray[np.bool_] = (self._moved(painting.skin.astype(np.float32)) > 0.5) & bare.mask
        self._across, self._down = across_and_down(bare.points, self._skin.shape, painting.side)
        reach = max(1, round(_RIM_MM * self._unit))
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        inner = cv2.erode(self._skin.astype(np.uint8), disc)
        level = to_srgb(np.exp(-self._mean(self._bare, 3))).astype(np.float32)
        floor = np.maximum(_LEAST_OD, _STEPS / np.maximum(level, 8))
        self._least = np.maximum(floor, _OVER_TEXTURE * self._unrest(self._bare, (0.4, 2.5), 6))
        self._least[inner == 0] = np.inf
        face = _BROAD_OVER_FACE * self._unrest(self._bare, (1, 8), 7)
        self._least_broad = np.maximum(_BROAD_STEPS * floor, face)
        self._weaker = np.sqrt(np.clip(level / _CLEAR_LEVEL, 0.25, 1)).astype(np.float32)

    def photograph(self, layers: Float) -> Shot:
        """The photograph under ``layers`` (3, H, W) of green OD."""
        canvas = dataclasses.replace(self._scene.canvas, light=self._painting.light(layers))
        return shoot(dataclasses.replace(self._scene, canvas=canvas), self._painting.side)

    def painted(self, severity: float) -> Painted:
        """What is seen of the painting at a severity (0 to ``hand.MOST``)."""
        kept, gate = self._seen(severity)
        layers, _ = self._painting.layers(severity, kept, gate)
        figures = self.figures(layers)
        return Painted(layers, figures, grade_of(figures))

    def figures(self, layers: Float) -> Figures:
        """The figures of ``layers`` (3, H, W); OD on very dark skin looks weaker, and counts so."""
        pigment = self._moved(layers.sum(axis=0)) * self._weaker
        return figures_of(pigment, self._skin, self._across, self._down, px_per_mm=self._unit)

    def painted_to(self, grade: float) -> Painted:
        """The painting whose grade is nearest to the one wanted, found by bisection."""
        best = self.painted(0.0)
        low, high, severity = 0.005, MOST, 0.35
        for _ in range(_TRIES if grade > 0 else 0):
            one = self.painted(severity)
            best = min(best, one, key=lambda found: abs(found.grade - grade))
            if abs(best.grade - grade) < _NEAR_ENOUGH:
                break
            low, high = (severity, high) if one.grade < grade else (low, severity)
            severity = float(np.sqrt(low * high))
        return best

    def _seen(self, severity: float) -> tuple[set[int], Float]:
        """The spots that are seen at a severity, and what of the broad pigment is (H, W), 0-1."""
        layers, there = self._painting.layers(severity)
        change = _green_od(self.photograph(layers)) - self._bare
        band = self._mean(change, 0.4) - self._mean(change, 4)
        stands_out = cv2.dilate(band, np.ones((3, 3), np.uint8))
        spots = self._painting.spots
        places = apply_affine(self._to_photo, np.column_stack([spots.x[there], spots.y[there]]))
        column, row = np.clip(np.round(places).astype(int), 0, np.array(change.shape[::-1]) - 1).T
        seen = stands_out[row, column] > self._least[row, column]
        varies = self._unrest(self._moved(layers[2]), (1, 8), 7)
        clear = np.clip((varies / self._least_broad - 0.8) / 0.4, 0, 1).astype(np.float32)
        gate: Float = cv2.warpAffine(
            cv2.GaussianBlur(clear, (0, 0), 2 * self._unit), self._to_photo, layers.shape[:0:-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )  # fmt: skip
        return set(there[seen].tolist()), np.where(gate < 0.15, 0, gate)

    def _mean(self, values: Float, sigma_mm: float) -> Float:
        return smooth_over(values.astype(np.float32), self._skin, sigma_mm * self._unit)

    def _unrest(self, values: Float, band_mm: tuple[float, float], over_mm: float) -> Float:
        """The deviation (h, w) of a band of values (h, w), around each place."""
        band = np.clip(self._mean(values, band_mm[0]) - self._mean(values, band_mm[1]), -0.3, 0.3)
        return np.sqrt(self._mean(band**2, over_mm))

    def _moved(self, values: Float) -> Float:
        """A map (H, W) of the canvas on the photograph's pixels (h, w)."""
        scale = np.sqrt(abs(np.linalg.det(self._to_photo[:, :2])))
        blur = np.sqrt(max(scale**-2 - 1, 0) / 12)  # as if the mean over each pixel were taken
        if blur > 0.3:
            values = np.asarray(cv2.GaussianBlur(values, (0, 0), blur))
        return cv2.warpAffine(values, self._to_photo, self._bare.shape[::-1])


def _green_od(shot: Shot) -> Float:
    """Green OD (h, w) of a photograph as its JPEG file gives it."""
    pixels = np.asarray(cv2.imdecode(np.frombuffer(shot.jpeg(), np.uint8), cv2.IMREAD_COLOR))
    return -np.log(np.maximum(to_light(pixels[..., 1]), np.float32(1e-3)))


def _affine(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.float64]:
    """The map (2, 3) that takes points (n, 2) before to those after, by least squares."""
    moved = np.linalg.lstsq(np.column_stack([before, np.ones(len(before))]), after, rcond=None)[0]
    return np.asarray(moved.T, np.float64)
