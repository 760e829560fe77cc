"""A picture to disagree with: a photograph, its melanin, and what was and was not taken for pigment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.geometry import apply_affine, compose_affine, invert_affine, warp
from toolkit.pigment.maps import components, deviations
from toolkit.pigment.regions import Regions, find_regions
from toolkit.pigment.seed import seed_threshold_image
from toolkit.records import FaceChart, Patch, Photo, PigmentMaps
from toolkit.settings import PigmentSettings

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

# Okabe & Ito's palette, told apart by colour-blind readers; of it, what skin is least like for the spots.
_KINDS: Mapping[str, tuple[Colour, str]] = {
    "pigment": ((86, 180, 233), "pigment"),
    "mole": ((240, 228, 66), "mole"),
    "blood": ((213, 94, 0), "rejected: redness (blood)"),
    "shadow": ((0, 158, 115), "rejected: shadow"),
}
_UNMEASURED: Colour = (120, 120, 120)
_DIMMED = 0.75
_LINE_PX = 2

_MAX_SIDE = 1600
_MIN_WIDTH = 1060  # what the legend needs
_GAP, _CAPTION, _FOOTER = 8, 26, 270
_MARGIN_MM = 6.0  # round what was measured
_BACKGROUND, _INK = (28, 28, 28), (235, 235, 235)
_MAP_RANGE_OD = (-0.1, 0.2)  # the same for every photo, so that pictures can be compared


@dataclass(frozen=True, eq=False)
class _Seen:
    """A patch as it is drawn: ``to_panel`` (2, 3) carries its pixels into those of a panel."""

    patch: Patch | FaceChart
    maps: PigmentMaps
    regions: Regions
    to_panel: NDArray[np.float64]


def draw_pigment(
    photo: Photo, patches: Sequence[Patch | FaceChart], settings: PigmentSettings, title: str = ""
) -> Picture:
    """RGB uint8 picture, its longer side at most 1600 px, of what was measured on ``patches``.

    Three panels: the photograph, cut to where it was measured; the melanin deviation at ``fine_background_mm``
    in OD; the photograph with every region found outlined in the colour of its kind and grey where it was
    not measured. Below them a legend with counts and areas, and the seed's threshold image. Letters
    of ``title`` that are not ASCII are drawn as "?". Raises ValueError when there is no patch.
    """
    if not patches:
        raise ValueError("there is no patch to draw")
    to_panel, size = _view(photo, patches)
    picture = warp(photo.pixels, to_panel, size)
    seen = [_see(patch, settings, to_panel) for patch in patches]
    measured = np.any([_warp_mask(one.patch.skin, one.to_panel, size) for one in seen], axis=0)
    panels = {
        title or "photo": picture,
        f"melanin deviation within {settings.fine_background_mm:g} mm": _melanin_panel(picture, seen),
        "what was found": _found_panel(picture, measured, seen),
    }
    canvas = _lay_out(panels)
    top = _GAP + _CAPTION + size[1] + _GAP
    _draw_legend(canvas, (_GAP, top), _legend(seen))
    _draw_colour_bar(canvas, (_GAP + 480, top))
    baseline = np.where(
        _warp_mask(photo.skin, to_panel, size), seed_threshold_image(picture, settings.seed_threshold), 0
    )
    share = float((baseline[measured] > 0).mean()) if measured.any() else 0.0
    caption = f"baseline V - grey > {settings.seed_threshold:g}: {share:.1%}"
    _draw_baseline(canvas, (_GAP + 760, top), (baseline * 255).astype(np.uint8), caption)
    return canvas


# --- where things lie ----------------------------------------------------------------------------


def _view(photo: Photo, patches: Sequence[Patch | FaceChart]) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """The map from the photograph to a panel, and the panel's (width, height): all that was measured."""
    corners = np.concatenate([_skin_corners(patch) for patch in patches])
    to_patch = patches[0].to_patch
    margin = _MARGIN_MM * patches[0].px_per_mm / np.sqrt(abs(np.linalg.det(to_patch[:, :2])))
    height, width = photo.pixels.shape[:2]
    x0, y0 = np.maximum(np.floor(corners.min(axis=0) - margin), 0)
    x1, y1 = np.minimum(np.ceil(corners.max(axis=0) + margin), (width, height))
    wide, high = max(x1 - x0, 1.0), max(y1 - y0, 1.0)
    scale = min((_MAX_SIDE - 4 * _GAP) / 3 / wide, (_MAX_SIDE - 3 * _GAP - _CAPTION - _FOOTER) / high)
    size = max(1, int(wide * scale)), max(1, int(high * scale))
    # A pixel's centre has whole-numbered coordinates, so its edge lies half a pixel before it.
    shift = (scale - 1) / 2
    return np.array([[scale, 0, shift - scale * x0], [0, scale, shift - scale * y0]]), size


def _skin_corners(patch: Patch | FaceChart) -> NDArray[np.float64]:
    """The corners (4, 2), in the photograph, of the box round a patch's measurable skin."""
    x, y, w, h = cv2.boundingRect(patch.skin.astype(np.uint8))
    box = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
    return apply_affine(invert_affine(patch.to_patch), box)


def _see(patch: Patch | FaceChart, settings: PigmentSettings, to_panel: NDArray[np.float64]) -> _Seen:
    maps = deviations(components(patch, settings), patch, settings.fine_background_mm)
    transform = compose_affine(invert_affine(patch.to_patch), to_panel)
    return _Seen(patch, maps, find_regions(maps, settings), transform)


def _warp_mask(
    mask: NDArray[np.bool_], transform: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.bool_]:
    return cv2.warpAffine(mask.astype(np.uint8), transform, size, flags=cv2.INTER_NEAREST) > 0


# --- panels --------------------------------------------------------------------------------------


def _melanin_panel(picture: Picture, seen: Sequence[_Seen]) -> Picture:
    """The melanin deviation in colour where it was measured, the rest of the photograph dim and grey."""
    size = picture.shape[1], picture.shape[0]
    grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)) // 3
    panel = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
    for one in seen:
        values: Any = cv2.warpAffine(one.maps.melanin, one.to_panel, size, flags=cv2.INTER_LINEAR)
        inside = _warp_mask(one.patch.skin, one.to_panel, size)
        panel[inside] = _in_colour(values)[inside]
    return panel


def _in_colour(values: NDArray[np.float32]) -> Picture:
    """Deviations (h, w) in OD as RGB: viridis, perceptually uniform, over ``_MAP_RANGE_OD``."""
    low, high = _MAP_RANGE_OD
    levels = np.clip(np.round(255 * (values - low) / (high - low)), 0, 255).astype(np.uint8)
    coloured: Any = cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS)
    return np.ascontiguousarray(coloured[..., ::-1])


def _found_panel(picture: Picture, measured: NDArray[np.bool_], seen: Sequence[_Seen]) -> Picture:
    """The photograph with all regions outlined, grey where it was not measured."""
    # Grey: any other tint would make the skin beside it look redder or browner than it is.
    grey = (_DIMMED * cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)).astype(np.uint8)
    panel = np.where(measured[..., None], picture, grey[..., None])
    for one in seen:
        for kind, (colour, _) in _KINDS.items():
            for outline in outlines(one.regions, kind):
                on_panel = np.round(apply_affine(one.to_panel, outline) * 16).astype(np.int32)
                cv2.polylines(panel, [on_panel], True, colour, _LINE_PX, cv2.LINE_AA, 4)
    return panel


def outlines(regions: Regions, kind: str) -> list[NDArray[np.float64]]:
    """Outlines (n, 2) in pixels of the patch, one pixel outside the regions, so that these stay in view."""
    padded = np.pad(regions.mask(kind).astype(np.uint8), 1)
    grown = cv2.dilate(padded, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    found, _ = cv2.findContours(grown, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [outline[:, 0].astype(np.float64) - 1 for outline in found]


# --- captions and legend -------------------------------------------------------------------------


def _lay_out(panels: Mapping[str, Picture]) -> Picture:
    """The panels side by side under their captions, with room for the footer."""
    height, width = next(iter(panels.values())).shape[:2]
    whole = max(3 * width + 4 * _GAP, _MIN_WIDTH)
    canvas = np.full((3 * _GAP + _CAPTION + height + _FOOTER, whole, 3), _BACKGROUND, np.uint8)
    for place, (caption, panel) in enumerate(panels.items()):
        x, y = _GAP + place * (width + _GAP), _GAP + _CAPTION
        canvas[y : y + height, x : x + width] = panel
        _write(canvas, caption, (x, _GAP + 17), room=width)
    return canvas


def _write(canvas: Picture, text: str, at: tuple[int, int], room: int | None = None) -> None:
    """``text`` with its baseline's left end at ``at``; its middle left out where it is wider than ``room``."""
    text = _ascii(text)
    while room and len(text) > 5 and cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)[0][0] > room:
        half = (len(text) - 4) // 2
        text = f"{text[:half]}...{text[-half:]}"
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)


def _ascii(text: str) -> str:
    """What OpenCV's fonts can draw: "?" for letters outside ASCII and for control characters."""
    plain = text.encode("ascii", "replace").decode()
    return "".join(c if c.isprintable() else "?" for c in plain)


def _legend(seen: Sequence[_Seen]) -> list[tuple[Colour | None, str]]:
    """Lines of the legend, each with the colour it explains."""
    skin_mm2 = sum(float(one.patch.skin.sum()) / one.patch.px_per_mm**2 for one in seen)
    lines: list[tuple[Colour | None, str]] = []
    pixels = sum(int(one.patch.skin.sum()) for one in seen)
    for kind, (colour, name) in _KINDS.items():
        count = sum(int((one.regions.kind == kind).sum()) for one in seen)
        share = sum(int(one.regions.mask(kind).sum()) for one in seen) / pixels
        lines.append((colour, f"{name}: {count}, {share:.1%} of the skin"))
    lines.append((_UNMEASURED, "not measured: hair, beard, eye socket, highlight, ..."))
    lines.append(
        (
            None,
            f"skin measured: {skin_mm2 / 100:.0f} cm2 in {len(seen)} {'piece' if len(seen) == 1 else 'pieces'}",
        )
    )
    return lines


def _draw_legend(canvas: Picture, at: tuple[int, int], lines: Sequence[tuple[Colour | None, str]]) -> None:
    x, y = at
    for number, (colour, text) in enumerate(lines):
        line = y + 24 + 28 * number
        if colour is not None:
            cv2.rectangle(canvas, (x, line - 12), (x + 22, line + 2), colour, -1)
        _write(canvas, text, (x + 32, line))


def _draw_colour_bar(
    canvas: Picture,
    at: tuple[int, int],
    width: int = 240,
    caption: str = "melanin above the skin around, OD",
) -> None:
    """The colours of the melanin panel with their values."""
    x, y = at
    low, high = _MAP_RANGE_OD
    ramp = np.tile(np.linspace(low, high, width, dtype=np.float32), (16, 1))
    canvas[y + 12 : y + 28, x : x + width] = _in_colour(ramp)
    for value in np.linspace(low, high, 4):
        tick = x + round((value - low) / (high - low) * (width - 1))
        cv2.line(canvas, (tick, y + 28), (tick, y + 34), _INK, 1)
        _write(canvas, f"{value:.1f}", (tick - 12, y + 50))
    _write(canvas, caption, (x - 16, y + 76))


def _draw_baseline(canvas: Picture, at: tuple[int, int], image: Picture, caption: str) -> None:
    """The seed's threshold image (h, w), small and labelled."""
    x, y = at
    high, wide = _FOOTER - 40, canvas.shape[1] - x - _GAP
    scale = min(high / image.shape[0], wide / image.shape[1])
    size = max(1, int(image.shape[1] * scale)), max(1, int(image.shape[0] * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    canvas[y : y + size[1], x : x + size[0]] = small[..., None]
    _write(canvas, caption, (x, y + size[1] + 20), room=wide)


# --- what the network sees -------------------------------------------------------------------------


def draw_predicted(
    patches: Sequence[Patch | FaceChart], maps: Sequence[NDArray[np.float32]], title: str = ""
) -> Picture:
    """RGB uint8 picture of a photograph's patches, and beneath each the pigment that the network predicted on it.

    ``maps`` one a patch, (h, w) of added green OD at any scale, shown in viridis over the range of the melanin
    panel; grey where nothing was measured. Raises ValueError when there is no patch.
    """
    if not patches:
        raise ValueError("a photograph without patches has nothing to draw")
    columns = []
    for patch, pigment in zip(patches, maps, strict=True):
        values: Any = cv2.resize(pigment, patch.skin.shape[::-1], interpolation=cv2.INTER_LINEAR)
        coloured = np.where(patch.skin[..., None], _in_colour(values), np.uint8(60))
        columns.append((patch.region, patch.pixels, coloured, float(values[patch.skin].mean())))
    height = max(pixels.shape[0] for _, pixels, _, _ in columns)
    width = sum(max(pixels.shape[1], 150) + _GAP for _, pixels, _, _ in columns) + _GAP
    canvas = np.full((2 * height + 4 * _CAPTION + 120, max(width, 420), 3), _BACKGROUND, np.uint8)
    _write(canvas, title, (_GAP, 18), room=canvas.shape[1] - 2 * _GAP)
    x, top = _GAP, 2 * _CAPTION
    for region, pixels, coloured, load in columns:
        high, wide = pixels.shape[:2]
        _write(canvas, region.replace("_", " "), (x, top - 8))
        canvas[top : top + high, x : x + wide] = pixels
        below = top + height + _CAPTION
        _write(canvas, f"mean {load:.3f} OD", (x, below - 8))
        canvas[below : below + high, x : x + wide] = coloured
        x += max(wide, 150) + _GAP
    _draw_colour_bar(
        canvas, (2 * _GAP, 2 * height + 3 * _CAPTION + 12), caption="predicted pigment, green OD"
    )
    return canvas
