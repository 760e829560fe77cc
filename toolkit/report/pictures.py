"""What the report draws of one photograph: a small picture, and over it layers of outlines that can be switched.

Outlines are SVG paths in half pixels of the small picture, so that they are short and stay sharp.
"""

from __future__ import annotations

import functools
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.chart import make_chart
from toolkit.errors import ToolkitError
from toolkit.geometry import apply_affine, compose_affine, invert_affine, warp
from toolkit.images import read_photo
from toolkit.outputs import marked_jpeg
from toolkit.patches import cut_patches
from toolkit.pigment import components, deviations, find_regions, pigment_of_png, predicted_spots
from toolkit.pigment.overlay import outlines
from toolkit.pool import Lost, run_jobs
from toolkit.records import Face, FaceChart, Patch, Photo
from toolkit.settings import ReportSettings, Settings
from toolkit.store import face_of_record

MARK = "report"  # of every picture, as ``outputs.marked_jpeg`` takes it
KINDS = ("pigment", "mole", "blood", "shadow")
_MARGIN = 0.06  # round the face, as a share of it
_QUALITY_STEP = 5
_LEAST_QUALITY = 40
_SCALES = (1.0, 0.7, 0.5, 0.35)

Affine = NDArray[np.float64]
Outline = NDArray[np.float64]


@dataclass(frozen=True)
class PictureJob:
    """A photo to draw: its file as it was graded, landmarks as ``Store.face`` keeps them, and what the network
    predicted on the chart, as ``pigment_png`` writes it. ``problem``: why it has no result, and is not opened."""

    path: Path
    sha256: str
    face: Mapping[str, Any] | None = None
    pigment: tuple[bytes, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Drawn:
    """``jpeg`` of the photo cut to the face; ``layers`` JSON-ready (see ``draw``); ``pigment``: the predicted
    pigment on it at half its size, as a grey JPEG. ``problem`` says why there is no picture, or no layer."""

    jpeg: bytes = b""
    layers: Mapping[str, Any] = field(default_factory=dict)
    pigment: bytes = b""
    problem: str = ""


def draw_all(
    jobs: Sequence[PictureJob], settings: Settings, workers: int, limit_s: float
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
    try:
        return _draw(job, settings, shown or ReportSettings())
    except ToolkitError as error:
        return Drawn(problem=str(error).removeprefix(f"{job.path}: "))
    except Exception as error:  # one odd photo must not end a report
        return Drawn(problem=f"it cannot be drawn (unexpected {type(error).__name__})")


def _draw(job: PictureJob, settings: Settings, shown: ReportSettings) -> Drawn:
    photo = read_photo(job.path, settings.photo)
    if photo.sha256 != job.sha256:
        return Drawn(problem="the file has changed since it was graded: rerun the command")
    face = face_of_record(job.face)
    if face is None:
        to_view, size = _view(photo, None, (), shown)
        return Drawn(_jpeg(warp(photo.pixels, to_view, size), shown), {"width": size[0], "height": size[1]})
    chart = make_chart(photo, face, settings.chart, settings.patch.px_per_mm)
    patches, _ = cut_patches(chart, face.side, settings.patch)
    to_view, size = _view(photo, face, (chart,), shown)
    predicted = _predicted(job.pigment, chart)
    layers = _layers(
        face, chart, patches, predicted, to_view=to_view, size=size, settings=settings, shown=shown
    )
    pigment = _pigment(predicted, chart, to_view, size, shown=shown)
    return Drawn(_jpeg(warp(photo.pixels, to_view, size), shown), layers, pigment)


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
    paths = {kind: _path(found[kind], shown.max_path_letters) for kind in KINDS}
    spots, share = _spots(predicted, chart, from_chart, counts)
    paths["spots"] = _path(spots, shown.max_path_letters)
    points = apply_affine(to_view, face.points)
    inside = ((points >= 0) & (points < size)).all(axis=1)  # a half face lacks the other half's
    return {
        "width": size[0],
        "height": size[1],
        "landmarks": _halves(points[inside]).ravel().tolist(),
        "spots": paths["spots"][0],
        "classical": paths["pigment"][0],
        **{kind: paths[kind][0] for kind in KINDS[1:]},
        "counts": counts,
        "hidden": sum(hidden for _, hidden in paths.values()),
        "share": round(share, 4),
        "unmeasured": _path(_areas(chart.visible & ~chart.skin, from_chart), shown.max_path_letters)[0],
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
    return _areas(mask, from_chart, grow=1), float(mask.sum()) / max(int(chart.skin.sum()), 1)


def _areas(mask: NDArray[np.bool_], from_chart: Affine, grow: int = 0) -> list[Outline]:
    """Outlines of a mask of the chart in the small picture; ``grow``: so many pixels outside it."""
    padded: Any = np.pad(mask.astype(np.uint8), 1)
    if grow:
        padded = cv2.dilate(padded, cv2.getStructuringElement(cv2.MORPH_CROSS, (2 * grow + 1, 2 * grow + 1)))
    off, _ = cv2.findContours(padded, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [apply_affine(from_chart, outline[:, 0].astype(np.float64) - 1) for outline in off]


def _patch(patch: Patch, to_view: Affine, from_patch: Affine, shown: ReportSettings) -> dict[str, Any]:
    off, _ = cv2.findContours((~patch.skin).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    unmeasured = [apply_affine(from_patch, outline[:, 0].astype(np.float64)) for outline in off]
    to_patch = compose_affine(invert_affine(to_view), patch.to_patch)
    # SVG counts from the edge of a pixel, these transforms from its centre.
    edge = np.array([[1, 0, 0.5], [0, 1, 0.5]])
    matrix = compose_affine(compose_affine(invert_affine(edge), to_patch), edge)
    return {
        "region": patch.region,
        "outline": _path([apply_affine(to_view, _corners(patch))], 1000)[0],
        "unmeasured": _path(unmeasured, shown.max_path_letters)[0],
        "size": [patch.skin.shape[1], patch.skin.shape[0]],
        "matrix": [round(float(value), 5) for value in matrix.T.ravel()],
    }


def _path(found: Sequence[Outline], most: int) -> tuple[str, int]:
    """Closed outlines as one SVG path of at most about ``most`` letters, the largest first, and how many did not
    fit."""
    areas = [cv2.contourArea(np.asarray(outline, np.float32)) for outline in found]
    parts: list[str] = []
    letters = 0
    for rank, place in enumerate(np.argsort(np.negative(areas), kind="stable").tolist()):
        slim: Any = cv2.approxPolyDP(np.asarray(found[place], np.float32), 0.4, True)
        text = _closed(_halves(slim[:, 0] if len(slim) > 2 else found[place]))
        letters += len(text)
        if letters > most and parts:
            return "".join(parts), len(found) - rank
        parts.append(text)
    return "".join(parts), 0


def _closed(points: NDArray[np.int64]) -> str:
    """A closed path: where it begins, then step by step."""
    steps = np.diff(points, axis=0)
    steps = steps[(steps != 0).any(axis=1)]
    numbers = "".join(f" {n}" if n >= 0 else str(n) for n in steps.ravel().tolist())
    return f"M{points[0, 0]} {points[0, 1]}l{numbers.lstrip()}z" if len(steps) else ""


def _halves(points: Outline) -> NDArray[np.int64]:
    """Points in half pixels, from the edge of the first pixel as SVG counts."""
    return np.round(2 * (np.asarray(points) + 0.5)).astype(np.int64)


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
    return _encoded(levels, 70)


def _jpeg(picture: NDArray[np.uint8], shown: ReportSettings) -> bytes:
    """A JPEG as good as ``jpeg_quality`` that does not exceed ``max_picture_bytes``: of less quality and then of
    fewer pixels where the picture is full of detail. It is shown at the same size."""
    qualities = range(shown.jpeg_quality, _LEAST_QUALITY - 1, -_QUALITY_STEP)
    for scale in _SCALES:
        size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
        small: Any = picture if scale == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        for quality in qualities if scale == 1 else qualities[-1:]:
            data = _encoded(small[..., ::-1], quality)
            if len(data) <= shown.max_picture_bytes:
                return data
    return data


def _encoded(picture: NDArray[np.uint8], quality: int) -> bytes:
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} cannot be written")
    return marked_jpeg(data.tobytes(), MARK)
