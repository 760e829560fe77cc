"""Pictures on their way from a file to the maps of pigment: photograph, face, chart, patches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.records.colour import ColourCorrection
from toolkit.records.names import REGIONS, PhotoFacts, Region, Side

# What a chart tells apart, of each side; its labels are 1 + the place in CHART_REGIONS, 0 is no part of the face.
CHART_PARTS = ("forehead", "temple", "eyelids", "cheek", "nose", "upper_lip", "chin", "jaw")
CHART_REGIONS: tuple[str, ...] = tuple(f"{side}_{part}" for side in ("right", "left") for part in CHART_PARTS)
# Why a visible pixel of a chart is left out; the first is: it is not.
REASONS: tuple[str, ...] = (
    "",
    "halo of the mask",
    "outside the face",
    "eyelid or brow",
    "nostril",
    "lip",
    "highlight",
    "no skin",
    "hair",
    "beard",
    "too small a piece",
    "object",
)
# The cheek that a photograph of one side does not show.
HIDDEN_CHEEK: dict[str, Region] = {"left": "right_cheek", "right": "left_cheek"}

Margins = tuple[tuple[int, int], tuple[int, int]]  # rows above and below, columns left and right
NO_MARGINS: Margins = ((0, 0), (0, 0))


def _check_shape(name: str, array: NDArray, shape: tuple[int | None, ...]) -> None:
    fits = array.ndim == len(shape) and all(
        want is None or got == want for got, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        wanted = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
        raise ValueError(f"{name} must have shape {wanted}, got {array.shape}")


def _check_dtype(name: str, array: NDArray, dtype: type) -> None:
    if array.dtype != np.dtype(dtype):
        raise ValueError(f"{name} must be {np.dtype(dtype).name}, got {array.dtype}")


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded photograph.

    ``pixels`` (H, W, 3) uint8 RGB sRGB, upright. ``skin`` (H, W) bool: False where the picture is
    painted out (black or another flat fill), and within ``halo_px`` of it. ``sha256`` is of the file's
    bytes. ``notes`` are remarks for the user (for example "greyscale picture"). ``colour``: the correction that its
    colours have gone through.
    """

    path: Path
    pixels: NDArray[np.uint8]
    skin: NDArray[np.bool_]
    sha256: str
    notes: tuple[str, ...] = ()
    halo_px: int = 0
    colour: ColourCorrection | None = None

    def __post_init__(self) -> None:
        _check_shape("pixels", self.pixels, (None, None, 3))
        _check_dtype("pixels", self.pixels, np.uint8)
        _check_shape("skin", self.skin, self.pixels.shape[:2])
        _check_dtype("skin", self.skin, np.bool_)

    @cached_property
    def shown(self) -> tuple[slice, slice]:
        """Rows and columns that hold all that is not painted out, the halo given back; all where all of it is."""
        held = (np.flatnonzero(self.skin.any(axis=axis)) for axis in (1, 0))
        rows, columns = (
            slice(max(int(one[0]) - self.halo_px, 0), int(one[-1]) + self.halo_px + 1)
            if len(one)
            else slice(0, most)
            for one, most in zip(held, self.skin.shape, strict=True)
        )
        return rows, columns

    def turned(self, quarters: int) -> Photo:
        """The same photograph turned by ``quarters`` times 90 degrees counter-clockwise."""
        if quarters % 4 == 0:
            return self
        pixels = np.ascontiguousarray(np.rot90(self.pixels, quarters))
        return replace(self, pixels=pixels, skin=np.ascontiguousarray(np.rot90(self.skin, quarters)))


@dataclass(frozen=True, eq=False)
class Face:
    """The 68 landmarks of the face in a photograph.

    ``points`` (68, 2) float64 pixels in dlib's order; on a half face the missing half holds mirrored
    points. ``side``: which half is shown. ``found_by`` names the step of the detection chain, and
    ``score`` is its detector's score (above about 0 is sure). ``px_per_mm``: full-size pixels a
    millimetre of skin, from the similarity that fits the mean face in millimetres to the points.
    ``quarter_turns``: how often the picture was turned by 90 degrees counter-clockwise to stand upright; points are in
    the turned one. ``confidence``, 0 to 1: how sure the landmark network is to see a face there, nothing of it covered; 1 of
    dlib's predictors, which know no doubt.
    """

    points: NDArray[np.float64]
    side: Side
    found_by: str
    score: float
    px_per_mm: float
    notes: tuple[str, ...] = ()
    confidence: float = 1.0
    quarter_turns: int = 0

    def __post_init__(self) -> None:
        _check_shape("points", self.points, (68, 2))
        if not np.isfinite(self.points).all():
            raise ValueError("points must be finite")
        if self.side not in ("left", "right", "both"):
            raise ValueError(f"side must be left, right or both, got {self.side!r}")
        if not self.px_per_mm > 0:
            raise ValueError(f"px_per_mm must be positive, got {self.px_per_mm}")


@dataclass(frozen=True, eq=False)
class FaceChart:
    """All that is visible of a face, upright in its own frame and at a fixed scale.

    ``pixels`` (h, w, 3) uint8 RGB; ``visible`` (h, w) bool: not painted out; ``skin`` (h, w) bool: visible skin that may
    be measured; ``regions`` (h, w) uint8: 1 + the place in CHART_REGIONS, 0 where nothing is visible; ``reasons``
    (h, w) uint8: the place in REASONS of what is visible and left out, else 0. ``to_chart`` (2, 3) float64: the affine
    map from pixels of the photograph; ``corner_mm``: the upper left corner in the face frame. ``masked``: a study had
    painted out what is no skin.
    """

    pixels: NDArray[np.uint8]
    visible: NDArray[np.bool_]
    skin: NDArray[np.bool_]
    regions: NDArray[np.uint8]
    reasons: NDArray[np.uint8]
    px_per_mm: float
    to_chart: NDArray[np.float64]
    corner_mm: tuple[float, float]
    masked: bool = False

    def __post_init__(self) -> None:
        _check_shape("pixels", self.pixels, (None, None, 3))
        _check_dtype("pixels", self.pixels, np.uint8)
        for name, dtype in (
            ("visible", np.bool_),
            ("skin", np.bool_),
            ("regions", np.uint8),
            ("reasons", np.uint8),
        ):
            _check_shape(name, getattr(self, name), self.pixels.shape[:2])
            _check_dtype(name, getattr(self, name), dtype)
        _check_shape("to_chart", self.to_chart, (2, 3))
        if not self.px_per_mm > 0:
            raise ValueError(f"px_per_mm must be positive, got {self.px_per_mm}")
        if (self.skin & ~self.visible).any():
            raise ValueError("skin must be visible")
        if self.regions.max(initial=0) > len(CHART_REGIONS) or self.reasons.max(initial=0) >= len(REASONS):
            raise ValueError("regions and reasons must be places in CHART_REGIONS and REASONS")

    @property
    def region(self) -> str:
        """What it shows, as ``Patch.region``."""
        return "face"

    @property
    def to_patch(self) -> NDArray[np.float64]:
        """The map from the photograph, as ``Patch.to_patch``: whatever is drawn of a patch can be drawn of a chart."""
        return self.to_chart

    @property
    def visible_cm2(self) -> float:
        """Area of the face that the photograph shows."""
        return float(self.visible.sum()) / self.px_per_mm**2 / 100

    @property
    def measured_cm2(self) -> float:
        """Area of the skin that may be measured."""
        return float(self.skin.sum()) / self.px_per_mm**2 / 100


@dataclass(frozen=True, eq=False)
class Patch:
    """A piece of skin, upright and at a fixed scale.

    ``pixels`` (h, w, 3) uint8 RGB, ``skin`` (h, w) bool: True where it is skin that may be measured.
    ``px_per_mm``: the patch's own scale. ``to_patch`` (2, 3) float64: the affine map from pixels of the
    photograph to pixels of the patch.
    """

    region: Region
    pixels: NDArray[np.uint8]
    skin: NDArray[np.bool_]
    px_per_mm: float
    to_patch: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.region not in REGIONS:
            raise ValueError(f"region must be one of {', '.join(REGIONS)}, got {self.region!r}")
        _check_shape("pixels", self.pixels, (None, None, 3))
        _check_dtype("pixels", self.pixels, np.uint8)
        _check_shape("skin", self.skin, self.pixels.shape[:2])
        _check_dtype("skin", self.skin, np.bool_)
        _check_shape("to_patch", self.to_patch, (2, 3))
        if not self.px_per_mm > 0:
            raise ValueError(f"px_per_mm must be positive, got {self.px_per_mm}")

    @property
    def skin_fraction(self) -> float:
        """Share of the patch that is measurable skin, 0 to 1."""
        return float(self.skin.mean())


@dataclass(frozen=True)
class Window:
    """A rectangle of one of a photo's pictures, in pixels: the number of the picture, its upper left corner and its
    size. It may reach beyond the picture, where there is nothing."""

    picture: int
    top: int
    left: int
    height: int
    width: int

    def inside(self, shape: tuple[int, ...]) -> tuple[slice, slice]:
        """Rows and columns of a picture (h, w) that the window shows."""
        return (
            slice(min(max(self.top, 0), shape[0]), min(max(self.top + self.height, 0), shape[0])),
            slice(min(max(self.left, 0), shape[1]), min(max(self.left + self.width, 0), shape[1])),
        )

    def cut(self, picture: NDArray) -> NDArray:
        """The window's view (height, width, ...) of a picture (h, w, ...), 0 beyond it."""
        rows, columns = self.inside(picture.shape)
        view = np.zeros((self.height, self.width, *picture.shape[2:]), picture.dtype)
        view[
            rows.start - self.top : rows.stop - self.top, columns.start - self.left : columns.stop - self.left
        ] = picture[rows, columns]
        return view


@dataclass(frozen=True, eq=False)
class FacePatches:
    """What one photograph gives to the later stages.

    ``name`` is the photo as the user named it; ``patches`` at most one a region, in the order of
    REGIONS; ``dropped`` maps a region to the reason why it has no patch. ``quality`` is "ok" or names
    what is wrong with the picture. ``face`` is None when patches were loaded without a manifest, ``chart`` when
    they were loaded at all. ``likeness``: what tells a copy of the photo, ``mirrored`` one of its mirror image; "" where
    they are not known. ``facts``: who is on it; without them the photo is a subject of its own. ``colour`` as in ``Photo``.
    """

    name: str
    sha256: str
    patches: tuple[Patch, ...]
    face: Face | None = None
    dropped: Mapping[str, str] = field(default_factory=dict)
    quality: str = "ok"
    notes: tuple[str, ...] = ()
    chart: FaceChart | None = None
    likeness: str = ""
    mirrored: str = ""
    facts: PhotoFacts | None = None
    colour: ColourCorrection | None = None

    def __post_init__(self) -> None:
        regions = [patch.region for patch in self.patches]
        if len(set(regions)) != len(regions):
            raise ValueError(f"at most one patch a region, got {', '.join(regions)}")


@dataclass(frozen=True, eq=False)
class PigmentMaps:
    """Deviations of a patch from its own surrounding skin, in optical density (natural log).

    ``melanin``, ``darkness``, ``erythema`` (h, w) float32: positive where there is more pigment, less
    green light, more blood than around; 0 off the skin. ``skin`` (h, w) bool. ``px_per_mm``: the scale.
    ``margins`` without skin were cut off the patch. ``places`` (n,): flat places of the skin, where somebody has looked
    for them already.
    """

    melanin: NDArray[np.float32]
    darkness: NDArray[np.float32]
    erythema: NDArray[np.float32]
    skin: NDArray[np.bool_]
    px_per_mm: float
    margins: Margins = NO_MARGINS
    places: NDArray[np.intp] | None = None

    def __post_init__(self) -> None:
        for name in ("melanin", "darkness", "erythema"):
            _check_shape(name, getattr(self, name), self.skin.shape)
            _check_dtype(name, getattr(self, name), np.float32)

    @cached_property
    def _places(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.skin) if self.places is None else self.places

    def on_skin(self, values: NDArray) -> NDArray:
        """What an array (h, w) holds where there is skin (n,): ``values[skin]``, in a third of the time."""
        return np.take(values, self._places)
