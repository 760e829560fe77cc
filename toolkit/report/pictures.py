"""What the report draws of one photograph: a small picture, and over it layers of outlines that can be switched.

Outlines are SVG paths in half pixels of the small picture, so that they are short and stay sharp.
"""

from __future__ import annotations

import functools
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.chart import make_chart
from toolkit.correction import corrected
from toolkit.errors import ToolkitError
from toolkit.geometry import apply_affine, compose_affine, invert_affine, warp
from toolkit.images import read_photo
from toolkit.patches import cut_patches
from toolkit.pigment import components, deviations, find_regions, pigment_of_png, predicted_spots
from toolkit.pigment.overlay import outlines
from toolkit.pool import Lost, Workers, run_jobs
from toolkit.records import Face, FaceChart, Patch, Photo
from toolkit.report.changed import ChangeJob, DrawnChange, draw_change
from toolkit.report.outlines import (
    Affine,
    Outline,
    encoded,
    finer_view,
    halves,
    jpeg,
    mask_outlines,
    svg_path,
)
from toolkit.settings import ReportSettings, Settings
from toolkit.store import colour_of_record, face_of_record

KINDS = ("pigment", "mole", "blood", "shadow")
_MARGIN = 0.06  # round the face, as a share of it


@dataclass(frozen=True)
class PictureJob:
    """A photo to draw: its file as it was graded, landmarks as ``Store.face`` keeps them, and what the network
    predicted on the chart, as ``pigment_png`` writes it. ``problem``: why it has no result, and is not opened."""

    path: Path
    sha256: str
    face: Mapping[str, Any] | None = None
    pigment: tuple[bytes, ...] = ()
    problem: str = ""
    change: ChangeJob | None = None


@dataclass(frozen=True)
class Drawn:
    """``jpeg`` of the photo cut to the face; ``layers`` JSON-ready (see ``draw``); ``pigment``: the predicted
    pigment on it at half its size, as a grey JPEG. ``problem`` says why there is no picture, or no layer.
    ``change``: the pictures of its change from baseline, where it has one."""

    jpeg: bytes = b""
    layers: Mapping[str, Any] = field(default_factory=dict)
    pigment: bytes = b""
    problem: str = ""
    change: DrawnChange | None = None


def draw_all(
    jobs: Sequence[PictureJob], settings: Settings, workers: Workers, limit_s: float
) -> Generator[Drawn, None, None]:
    """Every photo's pictures, in order, always made in other processes; one that fails says why."""
    task = functools.partial(draw, settings=settings)
    for _, drawn in run_jobs(task, jobs, workers, _start, limit_s=limit_s, ordered=True):
        yield Drawn(problem=drawn.reason) if isinstance(drawn, Lost) else drawn


def _start() -> None:
    cv2.setNumThreads(1)  # the processes are the parallelism


def draw(job: PictureJob, settings: Settings, shown: ReportSettings | None = None) -> Drawn:
    """The picture of a photograph and its layers, a table of

    ``width``, ``height`` of the picture; ``landmarks`` x, y, x, y, ... in half pixels; paths of the ``spots`` that the
    network found on the chart, of ``classical`` regions of pigment, of ``mole``, ``blood``, ``shadow`` and of what is
    ``unmeasured``; ``counts`` how many of each, ``hidden`` how many are not drawn; ``share`` of the
    skin that the spots cover; ``patches``, each with its ``region``, ``outline`` and ``unmeasured`` path, its ``size``,
    and the ``matrix`` (a b c d e f, as in SVG) from pixels of the picture to its own. Whatever goes wrong is told as
    its ``problem``.
    """
    if job.problem:
        return Drawn(problem=job.problem)
    shown = shown or ReportSettings()
    changed = draw_change(job.change, settings, shown) if job.change else None
    try:
        return replace(_draw(job, settings, shown), change=changed)
    except ToolkitError as error:
        return Drawn(problem=str(error).removeprefix(f"{job.path}: "))
    except Exception as error:  # one odd photo must not end a report
        return Drawn(problem=f"it cannot be drawn (unexpected {type(error).__name__})")


def _draw(job: PictureJob, settings: Settings, shown: ReportSettings) -> Drawn:
    photo = corrected(read_photo(job.path, settings.photo), colour_of_record(job.face))
    if photo.sha256 != job.sha256:
        return Drawn(problem="the file has changed since it was graded: rerun the command")
    face = face_of_record(job.face)
    photo = photo.turned(face.quarter_turns if face else 0)
    if face is None:
        to_view, size = _view(photo, None, (), shown)
        return Drawn(_sharp(photo, to_view, size, shown), {"width": size[0], "height": size[1]})
    chart = make_chart(photo, face, settings.chart, settings.patch.px_per_mm)
    patches, _ = cut_patches(chart, face.side, settings.patch)
    to_view, size = _view(photo, face, (chart,), shown)
    predicted = _predicted(job.pigment, chart)
    layers = _layers(
        face, chart, patches, predicted, to_view=to_view, size=size, settings=settings, shown=shown
    )
    pigment = _pigment(predicted, chart, to_view, size, shown=shown)
    return Drawn(_sharp(photo, to_view, size, shown), layers, pigment)


def _sharp(photo: Photo, to_view: Affine, size: tuple[int, int], shown: ReportSettings) -> bytes:
    """The picture with more pixels than the view it is shown in, as far as the photograph has them, so that it stays
    sharp where it is shown larger."""
    to_finer, finer = finer_view(to_view, size, shown.sharp_px / max(size))
    return jpeg(warp(photo.pixels, to_finer, finer), shown)


# --- where things lie ----------------------------------------------------------------------------


def _view(
    photo: Photo, face: Face | None, patches: Sequence[Patch | FaceChart], shown: ReportSettings
) -> tuple[Affine, tuple[int, int]]:
    """The map from the photograph to the small picture, and its (width, height): the face and a margin."""
    height, width = photo.pixels.shape[:2]
    low, high = np.zeros(2), np.array([width, height], np.float64)
    if face is not None:
        points = np.concatenate([face.points, *(_corners(patch) for patch in patches)])
        margin = _MARGIN * np.ptp(points, axis=0)
        x, y, w, h = cv2.boundingRect(photo.skin.astype(np.uint8))  # all, where nothing is painted out
        inner = np.array([x, y]), np.array([x + w, y + h])
        low = np.clip(np.maximum(points.min(axis=0) - margin, inner[0] - margin / 2), 0, high - 2)
        high = np.clip(np.minimum(points.max(axis=0) + margin, inner[1] + margin / 2), low + 2, high)
    wide, tall = high - low
    scale = min(1.0, shown.picture_px / max(wide, tall))
    size = max(1, round(wide * scale)), max(1, round(tall * scale))
    # A pixel's centre has whole-numbered coordinates, so its edge lies half a pixel before it.
    shift = (scale - 1) / 2 - scale * low
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]), size


def _corners(patch: Patch | FaceChart) -> Outline:
    """The corners (4, 2) of a patch in the photograph."""
    h, w = patch.skin.shape
    return apply_affine(
        invert_affine(patch.to_patch), [(-0.5, -0.5), (w - 0.5, -0.5), (w - 0.5, h - 0.5), (-0.5, h - 0.5)]
    )


# --- layers --------------------------------------------------------------------------------------


def _layers(
    face: Face,
    chart: FaceChart,
    patches: Sequence[Patch],
    predicted: NDArray[np.float32] | None,
    *,
    to_view: Affine,
    size: tuple[int, int],
    settings: Settings,
    shown: ReportSettings,
) -> dict[str, Any]:
    from_chart = compose_affine(invert_affine(chart.to_chart), to_view)
    maps = deviations(components(chart, settings.pigment), chart, settings.pigment.fine_background_mm)
    regions = find_regions(maps, settings.pigment)
    found = {kind: [apply_affine(from_chart, one) for one in outlines(regions, kind)] for kind in KINDS}
    counts = {kind: int((regions.kind == kind).sum()) for kind in KINDS}
    counts["classical"] = counts.pop("pigment")
    paths = {kind: svg_path(found[kind], shown.max_path_letters) for kind in KINDS}
    spots, share = _spots(predicted, chart, from_chart, counts)
    paths["spots"] = svg_path(spots, shown.max_path_letters)
    points = apply_affine(to_view, face.points)
    inside = ((points >= 0) & (points < size)).all(axis=1)  # a half face lacks the other half's
    return {
        "width": size[0],
        "height": size[1],
        "landmarks": halves(points[inside]).ravel().tolist(),
        "spots": paths["spots"][0],
        "classical": paths["pigment"][0],
        **{kind: paths[kind][0] for kind in KINDS[1:]},
        "counts": counts,
        "hidden": sum(hidden for _, hidden in paths.values()),
        "share": round(share, 4),
        "unmeasured": svg_path(
            mask_outlines(chart.visible & ~chart.skin, from_chart), shown.max_path_letters
        )[0],
        "patches": [
            _patch(p, to_view, compose_affine(invert_affine(p.to_patch), to_view), shown) for p in patches
        ],
    }


def _predicted(pigment: Sequence[bytes], chart: FaceChart) -> NDArray[np.float32] | None:
    """What the network predicted on the chart, at the chart's scale; None where it is not known."""
    if len(pigment) != 1:
        return None
    values = cv2.resize(pigment_of_png(pigment[0]), chart.skin.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.where(chart.skin, values, 0).astype(np.float32)


def _spots(
    predicted: NDArray[np.float32] | None, chart: FaceChart, from_chart: Affine, counts: dict[str, int]
) -> tuple[list[Outline], float]:
    """Outlines of the spots that the network predicted, and their share of the skin; their number goes to ``counts``."""
    if predicted is None:
        counts["pigment"] = 0
        return [], 0.0
    labels, areas, _ = predicted_spots(predicted, chart.skin, chart.px_per_mm)
    counts["pigment"] = len(areas)
    mask = labels > 0
    return mask_outlines(mask, from_chart, grow=1), float(mask.sum()) / max(int(chart.skin.sum()), 1)


def _patch(patch: Patch, to_view: Affine, from_patch: Affine, shown: ReportSettings) -> dict[str, Any]:
    off, _ = cv2.findContours((~patch.skin).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    unmeasured = [apply_affine(from_patch, outline[:, 0].astype(np.float64)) for outline in off]
    to_patch = compose_affine(invert_affine(to_view), patch.to_patch)
    # SVG counts from the edge of a pixel, these transforms from its centre.
    edge = np.array([[1, 0, 0.5], [0, 1, 0.5]])
    matrix = compose_affine(compose_affine(invert_affine(edge), to_patch), edge)
    return {
        "region": patch.region,
        "outline": svg_path([apply_affine(to_view, _corners(patch))], 1000)[0],
        "unmeasured": svg_path(unmeasured, shown.max_path_letters)[0],
        "size": [patch.skin.shape[1], patch.skin.shape[0]],
        "matrix": [round(float(value), 5) for value in matrix.T.ravel()],
    }


def _pigment(
    predicted: NDArray[np.float32] | None,
    chart: FaceChart,
    to_view: Affine,
    size: tuple[int, int],
    *,
    shown: ReportSettings,
) -> bytes:
    """Predicted pigment on the measurable skin, 0 to ``pigment_top_od`` as black to white, as a JPEG."""
    if predicted is None:
        return b""
    half = max(1, size[0] // 2), max(1, size[1] // 2)
    shrink = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25]])
    to_half = compose_affine(compose_affine(invert_affine(chart.to_chart), to_view), shrink)
    canvas = cv2.warpAffine(predicted, to_half, half, flags=cv2.INTER_LINEAR)
    levels = np.clip(canvas * (255 / shown.pigment_top_od), 0, 255).astype(np.uint8)
    return encoded(levels, 70)
