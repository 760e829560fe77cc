"""Where the skin of a baseline chart lies in the chart of a later visit.

Both charts are in the face frame by their landmarks, which are off by a few millimetres, a degree and a few percent.
What is left is found in two steps. An affine map by the enhanced correlation coefficient (Evangelidis & Psarakis, IEEE
PAMI 30 (2008) 1858-1865; OpenCV), from coarse skin texture to fine. Then a smooth remainder by dense inverse search
(Kroeger et al., ECCV 2016; OpenCV), kept only where skin correlates better with it. Neither knows of spots: the texture
is clipped, so that a few dark ones which have gone or come do not outweigh pores, creases and vessels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.colours import DENSITY_OF_LEVEL
from toolkit.geometry import axes_mm
from toolkit.pigment import robust_scale, smooth_over
from toolkit.records import FaceChart

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
Picture = TypeVar("Picture", bound=NDArray[Any])

GRID_MM = 4.0  # the remainder is smooth: its values every few millimetres hold all of it
# Neutral and smiling photographs of 20 people: 0.58 to 0.91; of different people at most 0.52 (python -m benchmarks.change).
LEAST_CORRELATION = 0.55
# Pixels a millimetre, and the band of sizes (sigma, mm) that the texture of a level holds.
_LEVELS = ((0.75, 1.2, 6.0), (1.0, 0.8, 4.0), (2.0, 0.4, 2.5))
_CLIP = 2.0  # robust deviations beyond which a place counts no more
_ITERATIONS, _LEAST_GAIN = 60, 1e-5
_MOST_TURN, _MOST_SHIFT_MM = 0.15, 10.0  # no landmarks are further off: an affine map beyond is a mistake
_SMOOTH_MM, _WINDOW_MM, _MOST_MM = (6.0, 4.0), 6.0, 4.0
_LEAST_SKIN_CM2 = 4.0  # seen on both


@dataclass(frozen=True, eq=False)
class Registration:
    """``shift_mm`` (rows, columns, 2) float32: how far the skin lies in the later chart from where it lies in the
    baseline's, (x, y) mm in the face frame, every ``GRID_MM`` from ``corner_mm`` on, the first at half a step.
    ``before`` and ``after``: correlation of the skin's texture by the landmarks alone and as registered, -1 to 1.
    ``found``: whether it is to be believed; where not, the shift is 0 everywhere.
    """

    shift_mm: Array
    corner_mm: tuple[float, float]
    before: float
    after: float
    found: bool

    def places(self, baseline: FaceChart, later: FaceChart) -> Array:
        """(h, w, 2) float32: where each pixel of the baseline chart lies in the later one, in its pixels (x, y)."""
        return places_of(baseline, later, self.shift_mm)

    def valid(self, baseline: FaceChart, later: FaceChart) -> Mask:
        """(h, w) bool: measurable skin of the baseline chart that is measurable skin of the later one as well."""
        return baseline.skin & (warped(later.skin.astype(np.float32), self.places(baseline, later)) > 0.99)


def register_charts(baseline: FaceChart, later: FaceChart) -> Registration:
    """Find the skin of ``baseline`` in ``later``, a chart of the same side of the same face at the same scale."""
    still = np.zeros((*_grid_shape(baseline), 2), np.float32)
    corner = baseline.corner_mm
    common = baseline.skin & (warped(later.skin.astype(np.float32), places_of(baseline, later, still)) > 0.99)
    if common.sum() < _LEAST_SKIN_CM2 * 100 * baseline.px_per_mm**2:
        return Registration(still, corner, 0.0, 0.0, False)
    fine = _LEVELS[-1]
    textures = _texture(baseline, fine), _texture(later, fine)
    before = _correlation(textures, baseline, later, still)
    shift = with_affine(baseline, later, still)
    after = _correlation(textures, baseline, later, shift)
    if after < before:
        shift, after = still, before
    for smooth_mm in _SMOOTH_MM:
        bent = shift + _remainder(textures, baseline, later, shift, smooth_mm=smooth_mm)
        better = _correlation(textures, baseline, later, bent)
        if better > after:
            shift, after = bent, better
    found = after >= LEAST_CORRELATION
    # As exact as a stored one, so that a map read back is the same map: to 0.004 mm where it is 8 mm.
    kept = shift.astype(np.float16).astype(np.float32) if found else still
    return Registration(kept, corner, before, after, found)


def warped(values: Picture, places: Array) -> Picture:
    """A picture (h, w) or (h, w, c) of the later chart seen on the baseline's; 0 beyond it."""
    where: Any = places
    seen: Any = cv2.remap(
        values, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    return seen


# --- places --------------------------------------------------------------------------------------


def _grid_shape(chart: FaceChart) -> tuple[int, int]:
    rows, columns = (int(np.ceil(n / chart.px_per_mm / GRID_MM)) for n in chart.skin.shape)
    return rows, columns


def _grid_mm(chart: FaceChart) -> NDArray[np.float64]:
    """(rows, columns, 2): where the grid's points lie in the face frame, mm."""
    rows, columns = _grid_shape(chart)
    x, y = axes_mm(chart.corner_mm, (columns, rows), 1 / GRID_MM)
    return np.stack(np.broadcast_arrays(x, y), axis=-1).astype(np.float64)


def _spread(shift_mm: Array, size: tuple[int, int], px_per_mm: float) -> Array:
    """The grid's shifts (h, w, 2), mm, at every pixel of a picture of ``size`` (w, h)."""
    step = GRID_MM * px_per_mm
    padded = np.pad(shift_mm, ((1, 1), (1, 1), (0, 0)), mode="reflect", reflect_type="odd")
    x, y = (((np.arange(n) + 0.5) / step + 0.5).astype(np.float32) for n in size)
    across, down = np.meshgrid(x, y)
    spread: Any = cv2.remap(padded, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return spread


def places_of(
    baseline: FaceChart, later: FaceChart, shift_mm: Array, px_per_mm: float | None = None
) -> Array:
    """As ``Registration.places``; of pictures of both charts at ``px_per_mm``, by default their own."""
    scale = px_per_mm or baseline.px_per_mm
    height, width = _size_at(baseline, scale)
    x, y = axes_mm(baseline.corner_mm, (width, height), scale)
    there = _spread(shift_mm, (width, height), scale)
    across = (x + there[..., 0] - later.corner_mm[0]) * scale - 0.5
    down = (y + there[..., 1] - later.corner_mm[1]) * scale - 0.5
    return np.stack([across, down], axis=-1).astype(np.float32)


def _size_at(chart: FaceChart, px_per_mm: float) -> tuple[int, int]:
    height, width = (max(1, round(n * px_per_mm / chart.px_per_mm)) for n in chart.skin.shape)
    return height, width


# --- texture -------------------------------------------------------------------------------------


def _texture(chart: FaceChart, level: tuple[float, float, float]) -> tuple[Array, Mask]:
    """The skin's texture (h, w) float32 at a level, -1 to 1, 0 off the skin; and where that is measurable (h, w)."""
    scale, fine_mm, wide_mm = level
    height, width = _size_at(chart, scale)
    density: Any = cv2.LUT(np.ascontiguousarray(chart.pixels[..., 1]), DENSITY_OF_LEVEL)
    weight = chart.skin.astype(np.float32)
    size, area = (width, height), cv2.INTER_AREA
    mass: Any = cv2.resize(weight, size, interpolation=area)
    dark: Any = cv2.resize(density.astype(np.float32) * weight, size, interpolation=area) / np.maximum(
        mass, 1e-3
    )
    skin = np.asarray(mass > 0.5)
    band = smooth_over(dark, skin, fine_mm * scale) - smooth_over(dark, skin, wide_mm * scale)
    unit = max(robust_scale(band[skin]), 1e-3) if skin.any() else 1.0
    return np.where(skin, np.tanh(band / (_CLIP * unit)), 0).astype(np.float32), skin


def _correlation(
    textures: tuple[tuple[Array, Mask], tuple[Array, Mask]],
    baseline: FaceChart,
    later: FaceChart,
    shift_mm: Array,
) -> float:
    """Of the textures on skin that both show."""
    (mine, _), (theirs, common) = textures[0], _brought(textures, baseline, later, shift_mm)
    if common.sum() < 10:
        return 0.0
    a, b = (values[common] - values[common].mean() for values in (mine, theirs))
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-9))


def _brought(
    textures: tuple[tuple[Array, Mask], tuple[Array, Mask]],
    baseline: FaceChart,
    later: FaceChart,
    shift_mm: Array,
) -> tuple[Array, Mask]:
    """The later texture on the baseline's pixels, and the skin that both show, less a rim."""
    (_, skin), (theirs, seen) = textures
    places = places_of(baseline, later, shift_mm, _LEVELS[-1][0])
    common = skin & (warped(seen.astype(np.float32), places) > 0.99)
    return warped(theirs, places), common


# --- affine --------------------------------------------------------------------------------------


def with_affine(baseline: FaceChart, later: FaceChart, still: Array) -> Array:
    """The shifts (rows, columns, 2) of the affine map under which the charts correlate best, from coarse to fine."""
    affine = np.array([[1.0, 0, 0], [0, 1, 0]])  # from millimetres of the baseline's to the later one's
    for level in _LEVELS:
        found = _affine_at(baseline, later, affine, level)
        if _is_sane(found, baseline):
            affine = found
    grid = _grid_mm(baseline)
    return (grid @ affine[:, :2].T + affine[:, 2] - grid).astype(np.float32).reshape(still.shape)


def _affine_at(
    baseline: FaceChart, later: FaceChart, affine: NDArray[np.float64], level: tuple[float, float, float]
) -> NDArray[np.float64]:
    (mine, skin), (theirs, seen) = _texture(baseline, level), _texture(later, level)
    from_px, to_px = _in_mm(baseline, level[0]), np.linalg.inv(_in_mm(later, level[0]))
    start = (to_px @ np.vstack([affine, [0, 0, 1]]) @ from_px)[:2].astype(np.float32)
    # Only what both show counts: ECC takes a mask of the later picture alone.
    mask = cv2.warpAffine(skin.astype(np.uint8), start, theirs.shape[::-1]) & seen.astype(np.uint8)
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, _ITERATIONS, _LEAST_GAIN)
    try:
        _, found = cv2.findTransformECC(mine, theirs, start, cv2.MOTION_AFFINE, stop, mask * 255, 1)
    except cv2.error:  # it does not converge where nothing is alike
        return affine
    whole = np.linalg.inv(to_px) @ np.vstack([found.astype(np.float64), [0, 0, 1]]) @ np.linalg.inv(from_px)
    return whole[:2]


def _in_mm(chart: FaceChart, px_per_mm: float) -> NDArray[np.float64]:
    """(3, 3): from pixels of a chart at that scale to the face frame."""
    step = 1 / px_per_mm
    x, y = chart.corner_mm
    return np.array([[step, 0, x + step / 2], [0, step, y + step / 2], [0, 0, 1]])


def _is_sane(affine: NDArray[np.float64], chart: FaceChart) -> bool:
    if not np.isfinite(affine).all() or np.abs(affine[:, :2] - np.eye(2)).max() > _MOST_TURN:
        return False
    grid = _grid_mm(chart).reshape(-1, 2)
    middle = grid.mean(axis=0)
    return bool(np.abs(affine[:, :2] @ middle + affine[:, 2] - middle).max() < _MOST_SHIFT_MM)


# --- remainder -----------------------------------------------------------------------------------


def _remainder(
    textures: tuple[tuple[Array, Mask], tuple[Array, Mask]],
    baseline: FaceChart,
    later: FaceChart,
    shift_mm: Array,
    *,
    smooth_mm: float,
) -> Array:
    """What is to be added to the shifts (rows, columns, 2), mm: smooth, and 0 where the skin correlates no better."""
    scale = _LEVELS[-1][0]
    mine = textures[0][0]
    theirs, common = _brought(textures, baseline, later, shift_mm)
    first, second = (_eight_bit(np.where(common, one, 0)) for one in (mine, theirs))
    maker: Any = cv2  # its stubs lack the module's functions of this class
    search = maker.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setFinestScale(0)
    flow: Any = search.calc(first, second, None)
    # Texture says where skin lies; plain skin follows what is around it.
    weight = np.where(common, np.abs(mine) + np.abs(theirs), 0).astype(np.float32)
    smooth = _smooth_flow(np.clip(flow / scale, -_MOST_MM, _MOST_MM), weight, smooth_mm * scale)
    grid = _on_grid(smooth, baseline, scale)
    moved, still_common = _brought(textures, baseline, later, shift_mm + grid)
    window = _WINDOW_MM * scale
    gain = _local_correlation(mine, moved, still_common, window) - _local_correlation(
        mine, theirs, common, window
    )
    keep: Any = cv2.GaussianBlur((gain > 0).astype(np.float32), (0, 0), smooth_mm * scale / 2)
    return np.asarray(grid * _on_grid(keep, baseline, scale)[..., None], np.float32)


def _eight_bit(texture: Array) -> NDArray[np.uint8]:
    return np.clip(np.round(127.5 + 127.5 * texture), 0, 255).astype(np.uint8)


def _smooth_flow(flow: Array, weight: Array, sigma_px: float) -> Array:
    """The weighted mean (h, w, 2) around each place, sinking to 0 where nothing is near that tells."""
    total: Any = cv2.GaussianBlur(flow * weight[..., None], (0, 0), sigma_px, borderType=cv2.BORDER_CONSTANT)
    mass: Any = cv2.GaussianBlur(weight, (0, 0), sigma_px, borderType=cv2.BORDER_CONSTANT)
    usual = float(np.median(mass[mass > 1e-4])) if (mass > 1e-4).any() else 1.0
    return np.asarray(total / (mass + 0.05 * usual)[..., None], np.float32)


def _on_grid(values: Array, chart: FaceChart, px_per_mm: float) -> Array:
    rows, columns = _grid_shape(chart)
    step = GRID_MM * px_per_mm
    x, y = (((np.arange(n) + 0.5) * step - 0.5).astype(np.float32) for n in (columns, rows))
    sampled: Any = cv2.remap(values, *np.meshgrid(x, y), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return sampled


def _local_correlation(a: Array, b: Array, common: Mask, sigma_px: float) -> Array:
    """(h, w): correlation of two textures on common skin, within a Gaussian window."""
    weight = common.astype(np.float32)

    def mean(values: Array) -> Array:
        return smooth_over(values, weight, sigma_px)

    of_a, of_b = mean(a), mean(b)
    spread = (mean(a * a) - of_a**2) * (mean(b * b) - of_b**2)
    return np.asarray((mean(a * b) - of_a * of_b) / np.sqrt(np.maximum(spread, 1e-6)), np.float32)
