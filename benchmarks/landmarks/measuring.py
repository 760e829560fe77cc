"""What is found on one version of a photograph, and how far from the plain one's."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.landmarks.subjects import Subject
from benchmarks.landmarks.versions import VERSIONS, Version
from benchmarks.making.landmark_network.handmade import CONTOUR
from toolkit.chart import make_chart
from toolkit.errors import ToolkitError
from toolkit.geometry import apply_affine, invert_affine
from toolkit.images import read_photo
from toolkit.landmarks import FaceFinder
from toolkit.patches import cut_patches
from toolkit.quality import assess
from toolkit.records import REGIONS, Face, Patch, Photo
from toolkit.settings import Settings

# Points of dlib's 68 and of the 189 that mark the same place.
CORRESPONDING = {
    **{36: (18,), 39: (22,), 42: (23,), 45: (27,)},
    **{17: (71,), 18: (72,), 21: (75,), 22: (78,), 25: (81,), 26: (82,)},
    **{31: (64, 65), 33: (55,), 35: (69, 70), 8: (129,)},
    **{48 + i: (87 + i,) for i in range(7)},
    **{57: (106,), 62: (101,), 66: (101,)},
}


Found = tuple[Face, tuple[Patch, ...]]


@dataclass
class Result:
    """What one version of one subject's photo gave."""

    subject: str
    group: str
    version: str
    found: bool
    found_by: str = ""
    side: str = ""
    confidence: float = np.nan
    notes: tuple[str, ...] = ()
    error: str = ""
    nme: float = np.nan  # of the corresponding points against the 189, in percent of the eye span
    drift: float = np.nan  # mean of the visible landmarks against the plain photo, in percent of the eye span
    iou: dict[str, float] | None = None
    shift_mm: dict[str, float] | None = None
    times: dict[str, float] | None = None


def landmark_error(points: np.ndarray, subject: Subject) -> float:
    """Mean distance of corresponding points, and of the jaw to the drawn contour, percent of the eye span."""
    known = [
        np.linalg.norm(points[i] - subject.points[list(j)].mean(axis=0)) for i, j in CORRESPONDING.items()
    ]
    contour = subject.points[CONTOUR].astype(np.float32)
    jaw = [
        abs(cv2.pointPolygonTest(contour, tuple(map(float, points[i])), True)) for i in range(1, 16) if i != 8
    ]
    return 100 * float(np.mean([*known, *jaw]) / subject.span_px)


def corners(patch: Patch) -> np.ndarray:
    """Where the patch's corners (4, 2) lie in the photograph."""
    high, wide = patch.skin.shape
    own = np.array([(0, 0), (wide, 0), (wide, high), (0, high)]) - 0.5
    return apply_affine(invert_affine(patch.to_patch), own)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two convex quadrilaterals."""
    shared, _ = cv2.intersectConvexConvex(a.astype(np.float32), b.astype(np.float32))
    areas = [cv2.contourArea(q.astype(np.float32)) for q in (a, b)]
    return shared / (sum(areas) - shared)


def visible_points(side: str) -> list[int]:
    """Of the 68, those on the side that is shown and on the midline."""
    right = [
        *range(9),
        *range(17, 22),
        *range(27, 34),
        *range(36, 42),
        *range(48, 52),
        *range(57, 63),
        66,
        67,
    ]
    left = [*range(8, 17), *range(22, 27), *range(27, 31), *range(33, 36), *range(42, 48), *range(51, 58),
            *range(62, 67)]  # fmt: skip
    return {"left": left, "right": right}.get(side, list(range(68)))


def saved(version: Version, name: str, settings: Settings) -> tuple[Photo, float]:
    """The version as a JPEG file read back, and the seconds that reading took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.jpg"
        cv2.imwrite(str(path), version.pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, version.jpeg_quality])
        start = time.perf_counter()
        return read_photo(path, settings.photo), time.perf_counter() - start


def examine(photo: Photo, finder: FaceFinder, settings: Settings) -> tuple[Found, dict[str, float]]:
    """Face and patches of a photograph, and the seconds of each stage."""
    start = time.perf_counter()
    face = finder.find(photo)
    found = time.perf_counter()
    chart = make_chart(photo, face, settings.chart, settings.patch.px_per_mm)
    patches, _ = cut_patches(chart, face.side, settings.patch)
    cut = time.perf_counter()
    assess(photo, face, patches, settings.quality, chart=chart)
    times = {"face": found - start, "patches": cut - found, "quality": time.perf_counter() - cut}
    return (face, patches), times


def measure(
    subject: Subject, name: str, plain: Found | None, finder: FaceFinder, settings: Settings
) -> tuple[Result, Found | None]:
    """One version, compared with what was found on the plain photograph, if that is known."""
    version = VERSIONS[name](subject)
    result = Result(subject.name, subject.group, name, False)
    photo, read = saved(version, subject.name, settings)
    try:
        (face, patches), times = examine(photo, finder, settings)
    except ToolkitError as error:
        result.error = str(error)
        return result, None
    back = invert_affine(version.from_plain)
    points = apply_affine(back, face.points)
    result.confidence, result.notes = face.confidence, face.notes
    result.found_by, result.side, result.times = face.found_by, face.side, {"read": read, **times}
    result.nme = landmark_error(points, subject)
    if plain is None:
        result.found = result.nme < 10
        return result, (face, patches)
    apart = np.linalg.norm(points - plain[0].points, axis=1)[visible_points(face.side)]
    result.drift = 100 * float(apart.mean() / subject.span_px)
    result.found = result.drift < 10
    before = {patch.region: corners(patch) for patch in plain[1]}
    after = {patch.region: apply_affine(back, corners(patch)) for patch in patches}
    both = [region for region in REGIONS if region in before and region in after]
    result.iou = {region: overlap(before[region], after[region]) for region in both}
    result.shift_mm = {
        region: float(np.linalg.norm(before[region] - after[region], axis=1).mean()) / plain[0].px_per_mm
        for region in both
    }
    return result, None
