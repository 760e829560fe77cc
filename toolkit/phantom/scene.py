"""One photograph of a phantom with all that makes it laid open: change one thing, and the rest stays.

    scene = compose(canvas, {"left": [4.0], "right": [4.0]}, seed=(1, 7))[0]
    plain = shoot(scene, "left")
    red = shoot(replace(scene, distractors=replace(scene.distractors, redness=0.25)), "left")

Each random part (pose, the shadow's place, noise, the mask's corners) has a random stream of its own,
derived from the scene's seed, so that the two photographs above differ by redness and nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.phantom import camera, geometry, painting
from toolkit.phantom.clinical import half_mask
from toolkit.phantom.distractors import Blemishes, Distractors, render
from toolkit.phantom.draw import Canvas
from toolkit.phantom.geometry import Points
from toolkit.phantom.latent import Scales, grade_of_load
from toolkit.phantom.optics import Bytes, Float
from toolkit.phantom.stamps import Kinds

Seed = tuple[int, ...]
STYLES_OF_SHOT: Final = ("left", "right", "both")
_STREAMS: Final = (
    "canvas",
    "person",
    "blemishes",
    "pigment",
    "session",
    "shadow",
    "pose",
    "noise",
    "mask",
    "mole",
)
_MOLE_OD: Final = 1.1


def stream(seed: Seed, what: str) -> np.random.Generator:
    """The random stream of one part of a scene: of "pose", "noise", ... whatever the other parts draw."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_STREAMS.index(what),)))


@dataclass(frozen=True, eq=False)
class Scene:
    """A person before the camera.

    ``pigment`` (H, W) float32: added green OD of melanin, negative in whitish flecks, on the canvas's
    pixels. ``seed``: non-negative numbers that all random parts of the photograph derive from. To vary
    one thing use ``dataclasses.replace`` on the scene, its ``distractors`` or its ``blemishes``.
    """

    canvas: Canvas
    pigment: Float
    blemishes: Blemishes
    distractors: Distractors
    seed: Seed

    def __post_init__(self) -> None:
        if self.pigment.shape != self.canvas.skin.shape:
            raise ValueError(
                f"pigment must have the canvas's shape {self.canvas.skin.shape}, got {self.pigment.shape}"
            )

    def session(self, number: int) -> Scene:
        """The same person and pigment before the camera another time: new light, pose, noise and mask."""
        seed = (*self.seed, number + 1)
        drawn = self.distractors.new_session(stream(seed, "session"))
        return dataclasses.replace(self, distractors=drawn, seed=seed)


@dataclass(frozen=True, eq=False)
class Shot:
    """A photograph and the truth about it.

    ``pixels`` (H, W, 3) uint8 RGB before compression; ``session``: light, camera and file; ``points`` (68, 2) float64; ``melanin`` (H, W)
    float32: planted green OD on the photograph's pixels, 0 where it is masked; ``mask`` (H, W) bool: True
    where the picture is shown. ``load`` and ``latent_grade`` (0-9) are those of the planted map on the side
    shown, ``redness`` the load of added blood.
    """

    pixels: Bytes
    session: Distractors
    points: Points
    melanin: Float
    mask: NDArray[np.bool_]
    load: float
    latent_grade: float
    redness: float

    def jpeg(self) -> bytes:
        """The photograph as a JPEG file of the session's quality."""
        return camera.jpeg(self.pixels, self.session)


def compose(
    canvas: Canvas,
    grades: Mapping[str, Sequence[float]],
    seed: Seed,
    kinds: Kinds | None = None,
    *,
    painter: str = "stamps",
) -> list[Scene]:
    """A random person on ``canvas``, a scene a visit; ``grades`` ("left", "right"), ``kinds``
    and ``painter`` as for ``paint``."""
    person = Distractors.draw(stream(seed, "person"))
    blemishes = Blemishes.draw(canvas, person, stream(seed, "blemishes"))
    maps = painting.paint(canvas, grades, stream(seed, "pigment"), kinds, painter=painter)
    return [
        Scene(canvas, pigment, blemishes, person, (*seed, visit + 1)) for visit, pigment in enumerate(maps)
    ]


def with_mole(scene: Scene, style: str, diameter_mm: float = 3.0) -> Scene:
    """The scene with one mole more, in the middle of the cheek of ``style`` (the left one for "both")."""
    rng = stream(scene.seed, "mole")
    canvas, sign = scene.canvas, -1 if style == "right" else 1
    spot = np.array([[sign * rng.uniform(0.36, 0.48), rng.uniform(0.32, 0.48)]])
    x, y = geometry.from_canonical(canvas.points, spot)[0]
    height, width = canvas.skin.shape
    distance = np.hypot(np.arange(width) - x, (np.arange(height) - y)[:, None]) / canvas.px_per_mm
    inside = (diameter_mm / 2 - distance) / 0.15
    mole = (_MOLE_OD / (1 + np.exp(np.clip(-inside, -30, 30)))).astype(np.float32) * canvas.skin
    mole[inside < -6] = 0
    moles = np.maximum(scene.blemishes.moles, mole)
    return dataclasses.replace(scene, blemishes=dataclasses.replace(scene.blemishes, moles=moles))


def shoot(scene: Scene, style: str, resolution: float = 1.0) -> Shot:
    """Photographs a scene: ``style`` "left" or "right" as a clinical half face, "both" as a whole face.

    ``resolution``: side of the picture relative to the canvas, over 0 to 1. Raises ValueError on others.
    """
    if style not in STYLES_OF_SHOT:
        raise ValueError(f"style must be one of {', '.join(STYLES_OF_SHOT)}, got {style!r}")
    if not 0 < resolution <= 1:
        raise ValueError(f"resolution must be over 0 and at most 1, got {resolution}")
    canvas, session = scene.canvas, scene.distractors
    light = render(canvas, scene.pigment, scene.blemishes, session, rng=stream(scene.seed, "shadow"))
    pose = _pose(canvas, stream(scene.seed, "pose"))
    resolution *= session.scale_on(canvas.px_per_mm)
    pixels = camera.take(light, pose, session, stream(scene.seed, "noise"), resolution=resolution)
    melanin = cv2.warpAffine(scene.pigment, pose, scene.pigment.shape[::-1])
    points, forehead = (cv2.transform(one[None], pose)[0] for one in (canvas.points, canvas.forehead))
    if resolution < 1:
        melanin = cv2.resize(melanin, pixels.shape[1::-1], interpolation=cv2.INTER_AREA)
        points, forehead = ((one + 0.5) * resolution - 0.5 for one in (points, forehead))
    mask = np.full(melanin.shape, 255, np.uint8)
    if style != "both":
        mask = half_mask(melanin.shape, points, style, stream(scene.seed, "mask"), forehead=forehead)
        pixels = cv2.bitwise_and(pixels, pixels, mask=mask)
    scales = Scales(canvas)
    load = scales.load(scene.pigment, style)
    red = session.redness * scene.blemishes.redness + scene.blemishes.vessels
    return Shot(
        pixels, session, points, melanin * (mask > 0), mask > 0,
        load, grade_of_load(load), scales.mean(red, style),
    )  # fmt: skip


def _pose(canvas: Canvas, rng: np.random.Generator) -> NDArray[Any]:
    """A small turn, shift and change of scale (2, 3): no one sits twice alike."""
    centre = canvas.points[30]
    unit = geometry.span_of(canvas.points)
    pose = cv2.getRotationMatrix2D(
        centre.tolist(), 1.2 * rng.standard_normal(), float(rng.uniform(0.98, 1.02))
    )
    pose[:, 2] = pose[:, 2] + 0.015 * unit * rng.standard_normal(2)
    return pose
