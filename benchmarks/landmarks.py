#!/usr/bin/env python3
"""How well faces are found, landmarks placed and patches repeated on photographs with hand-checked points.

    scripts/landmark_quality ../shared/data/faces [--limit N] [--only half_left,rotated20] [--csv FILE]
        [--landmarks facemesh|dlib] [--landmark-model FILE] [--fold I/N] [--holes]

FACES holds neutral/*.jpg with .tem files (189 points, Face Research Lab London Set) and people.csv. Every
photo is also masked, halved, darkened, turned, reduced and compressed; each version is saved as JPEG, read
back and searched, and compared with the plain photo. With --fold only those people are measured whom
scripts/train_landmarks --fold left out: give its network with --landmark-model.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from toolkit.chart import make_chart
from toolkit.errors import ToolkitError
from toolkit.geometry import apply_affine, invert_affine
from toolkit.images import find_photos, painted_out, read_photo
from toolkit.landmarks import FaceFinder, chosen_landmark_model, default_landmark_model
from toolkit.landmarks.midline import find_midlines
from toolkit.landmarks.models import landmark_model
from toolkit.landmarks.network import NetworkPoints
from toolkit.landmarks.refine import refine
from toolkit.landmarks.views import mirrored, reduced, turned
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
CONTOUR = [134, 109, 185, 110, 186, 111, *range(125, 134), 114, 188, 113, 187, 112, 144]
HAIRLINE = list(range(143, 134, -1))
FACE_OUTLINE = CONTOUR + HAIRLINE
BROWS = ([71, 72, 73, 74, 75, 76, 84, 83], [77, 78, 79, 80, 81, 82, 86, 85])
EYES = (
    [*range(18, 23), *range(28, 31), 34, 35, 36, 37, 38],
    [*range(23, 28), *range(31, 34), *range(39, 44)],
)
NOSTRILS = ([63, 64, 65, 179, 180, 170], [68, 69, 70, 182, 181, 172])
MOUTH = [*range(87, 94), *range(104, 109)]
MIDLINE_PAIRS = ((18, 27), (22, 23), (71, 82), (61, 66), (64, 69), (87, 93), (127, 131))
IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])


@dataclass
class Subject:
    """A plain photo (RGB) with its 189 points and the group it belongs to."""

    name: str
    group: str
    pixels: np.ndarray
    points: np.ndarray

    @property
    def px_per_mm(self) -> float:
        """Outer eye corners are 89.5 mm apart on a mean face."""
        return float(np.linalg.norm(self.points[27] - self.points[18])) / 89.5


@dataclass
class Version:
    """A changed photo, the map from the plain photo's pixels to its own, and how it is saved."""

    pixels: np.ndarray
    from_plain: np.ndarray
    jpeg_quality: int = 92


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


def read_points(path: Path) -> np.ndarray:
    lines = path.read_text().split("\n")
    return np.array([[float(v) for v in line.split()[:2]] for line in lines[1 : int(lines[0]) + 1]])


def subjects(folder: Path, limit: int | None) -> Iterator[Subject]:
    groups = {}
    with (folder / "people.csv").open() as file:
        for row in csv.DictReader(file):
            groups[row["face_id"]] = row["face_eth"]
    photos = find_photos([folder / "neutral"])
    if limit:  # spread over the folder
        photos = [photos[i] for i in np.unique(np.linspace(0, len(photos) - 1, limit).astype(int))]
    for path in photos:
        pixels = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        yield Subject(
            path.stem, groups.get(path.stem[:3], "?"), pixels, read_points(path.with_suffix(".tem"))
        )


# ---- versions of a photo


def painted_mask(subject: Subject, loose_mm: float = 0.0) -> np.ndarray:
    """True where a clinical mask paints the photo over: outside the face, and holes wider by ``loose_mm``."""
    shape = subject.pixels.shape[:2]
    kept = np.zeros(shape, np.uint8)
    cv2.fillPoly(kept, [np.round(subject.points[FACE_OUTLINE]).astype(np.int32)], 1)
    for hole, margin in [
        *((b, 2) for b in BROWS),
        *((e, 2) for e in EYES),
        *((n, 1) for n in NOSTRILS),
        (MOUTH, 2),
    ]:
        area = np.zeros(shape, np.uint8)
        hull = cv2.convexHull(subject.points[hole].astype(np.float32))
        # A polygon drawn by hand: few corners, outside the feature.
        hull = cv2.approxPolyDP(hull, 0.7 * subject.px_per_mm, True)
        cv2.fillPoly(area, [np.round(hull).astype(np.int32)], 1)
        reach = 2 * round((margin + loose_mm) * subject.px_per_mm) + 1
        kept[cv2.dilate(area, np.ones((reach, reach), np.uint8)) > 0] = 0
    return kept == 0


def filled(subject: Subject, colour: tuple[int, int, int], painted: np.ndarray | None = None) -> Version:
    pixels = subject.pixels.copy()
    pixels[painted_mask(subject) if painted is None else painted] = colour
    return Version(pixels, IDENTITY)


def midline(subject: Subject) -> tuple[float, float]:
    """x0 and slope of x(y) through the midpoints of paired points."""
    middles = np.array([subject.points[list(pair)].mean(axis=0) for pair in MIDLINE_PAIRS])
    slope, x0 = np.polyfit(middles[:, 1], middles[:, 0], 1)
    return float(x0), float(slope)


def half(subject: Subject, side: str, offset_mm: float = 0.0, loose_mm: float = 0.0) -> Version:
    """A clinical half face, subject's own side, cut ``offset_mm`` beyond (+) or short of (-) the midline."""
    x0, slope = midline(subject)
    sign = 1 if side == "left" else -1
    ys, xs = np.mgrid[: subject.pixels.shape[0], : subject.pixels.shape[1]]
    beyond = (xs - x0 - slope * ys) * sign < -offset_mm * subject.px_per_mm
    return filled(subject, (0, 0, 0), painted_mask(subject, loose_mm) | beyond)


def half_at_frame(subject: Subject, side: str) -> Version:
    """The photo itself cropped at the midline, nothing painted."""
    x0, slope = midline(subject)
    x = round(x0 + slope * subject.points[55, 1])
    if side == "left":
        return Version(subject.pixels[:, x:].copy(), np.array([[1.0, 0, -x], [0, 1, 0]]))
    return Version(subject.pixels[:, :x].copy(), IDENTITY)


def no_margin(subject: Subject) -> Version:
    x0, y0 = np.floor(subject.points[FACE_OUTLINE].min(axis=0)).astype(int)
    x1, y1 = np.ceil(subject.points[FACE_OUTLINE].max(axis=0)).astype(int)
    return Version(subject.pixels[y0:y1, x0:x1].copy(), np.array([[1.0, 0, -x0], [0, 1, -y0]]))


def rotated(subject: Subject, degrees: float) -> Version:
    h, w = subject.pixels.shape[:2]
    turn = cv2.getRotationMatrix2D(((w - 1) / 2, (h - 1) / 2), degrees, 1.0)
    return Version(cv2.warpAffine(subject.pixels, turn, (w, h), flags=cv2.INTER_CUBIC), turn)


def dark(subject: Subject, share: float) -> Version:
    return Version(dark_pixels(subject.pixels, share), IDENTITY)


def dark_pixels(pixels: np.ndarray, share: float) -> np.ndarray:
    linear = np.arange(256) / 255.0
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4) * share
    table = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return cv2.LUT(pixels, np.round(table * 255).astype(np.uint8))


def cut_by_frame(subject: Subject, version: Version) -> Version:
    """The frame ends 15 mm above the brows and 8 mm above the chin's tip."""
    scale = subject.px_per_mm
    top = max(0, round(subject.points[[73, 80], 1].min() - 15 * scale))
    bottom = round(subject.points[129, 1] - 8 * scale)
    return Version(version.pixels[top:bottom].copy(), np.array([[1.0, 0, 0], [0, 1, -top]]))


def tight(version: Version) -> Version:
    """The frame ends where the skin does."""
    rows, columns = (np.flatnonzero((version.pixels > 0).any(axis=(axis, 2))) for axis in (1, 0))
    (y0, y1), (x0, x1) = rows[[0, -1]], columns[[0, -1]]
    return Version(version.pixels[y0 : y1 + 1, x0 : x1 + 1].copy(), np.array([[1.0, 0, -x0], [0, 1, -y0]]))


def turned_version(version: Version, degrees: float) -> Version:
    h, w = version.pixels.shape[:2]
    turn = cv2.getRotationMatrix2D(((w - 1) / 2, (h - 1) / 2), degrees, 1.0)
    return Version(cv2.warpAffine(version.pixels, turn, (w, h), flags=cv2.INTER_LINEAR), turn)


def refilled(version: Version, level: int) -> Version:
    pixels = version.pixels.copy()
    pixels[(pixels == 0).all(axis=2)] = level
    return replace(version, pixels=pixels)


def darkened(version: Version, share: float) -> Version:
    return replace(version, pixels=dark_pixels(version.pixels, share))


def downscaled(subject: Subject, side: int) -> Version:
    scale = side / max(subject.pixels.shape)
    pixels = cv2.resize(subject.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return Version(pixels, np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2]]))


VERSIONS: dict[str, Callable[[Subject], Version]] = {
    "plain": lambda s: Version(s.pixels, IDENTITY, 95),
    "masked": lambda s: filled(s, (0, 0, 0)),
    "half_left": lambda s: half(s, "left"),
    "half_right": lambda s: half(s, "right"),
    "half_left_3mm_short": lambda s: half(s, "left", -3.0),
    "half_right_3mm_over": lambda s: half(s, "right", 3.0),
    "half_left_loose_holes": lambda s: half(s, "left", loose_mm=3.0),
    "half_right_loose_holes": lambda s: half(s, "right", loose_mm=3.0),
    "half_left_at_frame": lambda s: half_at_frame(s, "left"),
    "half_right_at_frame": lambda s: half_at_frame(s, "right"),
    "white_filled": lambda s: filled(s, (255, 255, 255)),
    "grey_filled": lambda s: filled(s, (128, 128, 128)),
    "green_filled": lambda s: filled(s, (0, 177, 64)),
    "no_margin": no_margin,
    "rotated20": lambda s: rotated(s, 20),
    "rotated-30": lambda s: rotated(s, -30),
    "dark25": lambda s: dark(s, 0.25),
    "reduced450": lambda s: downscaled(s, 450),
    "jpeg50": lambda s: Version(s.pixels, IDENTITY, 50),
    "half_left_chin_forehead_cut": lambda s: cut_by_frame(s, half(s, "left")),
    "half_right_chin_forehead_cut": lambda s: cut_by_frame(s, half(s, "right")),
    "half_left_tight": lambda s: tight(half(s, "left")),
    "half_right_rotated20": lambda s: turned_version(half(s, "right"), 20),
    "half_left_rotated-20": lambda s: turned_version(half(s, "left"), -20),
    "half_left_dark25": lambda s: darkened(half(s, "left"), 0.25),
    "half_right_jpeg50": lambda s: replace(half(s, "right"), jpeg_quality=50),
    "half_left_white": lambda s: refilled(half(s, "left"), 255),
    "half_right_grey": lambda s: refilled(half(s, "right"), 128),
}


# ---- measures


def landmark_error(points: np.ndarray, subject: Subject) -> float:
    """Mean distance of corresponding points, and of the jaw to the drawn contour, percent of the eye span."""
    span = np.linalg.norm(subject.points[27] - subject.points[18])
    known = [
        np.linalg.norm(points[i] - subject.points[list(j)].mean(axis=0)) for i, j in CORRESPONDING.items()
    ]
    contour = subject.points[CONTOUR].astype(np.float32)
    jaw = [
        abs(cv2.pointPolygonTest(contour, tuple(map(float, points[i])), True)) for i in range(1, 16) if i != 8
    ]
    return 100 * float(np.mean([*known, *jaw]) / span)


def corners(patch: Patch) -> np.ndarray:
    h, w = patch.skin.shape
    return apply_affine(
        invert_affine(patch.to_patch), [(-0.5, -0.5), (w - 0.5, -0.5), (w - 0.5, h - 0.5), (-0.5, h - 0.5)]
    )


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two convex quadrilaterals."""
    shared, _ = cv2.intersectConvexConvex(a.astype(np.float32), b.astype(np.float32))
    areas = [cv2.contourArea(q.astype(np.float32)) for q in (a, b)]
    return shared / (sum(areas) - shared)


def visible_points(side: str) -> list[int]:
    right = [
        *range(9),
        *range(17, 22),
        *range(27, 34),
        *range(36, 42),
        48,
        49,
        50,
        51,
        57,
        58,
        59,
        60,
        61,
        62,
        66,
        67,
    ]
    left = [
        *range(8, 17),
        *range(22, 27),
        *range(27, 31),
        33,
        34,
        35,
        *range(42, 48),
        *range(51, 58),
        62,
        63,
        64,
        65,
        66,
    ]
    return {"left": left, "right": right}.get(side, list(range(68)))


def examine(
    photo: Photo, finder: FaceFinder, settings: Settings
) -> tuple[Face, tuple[Patch, ...], dict[str, float]]:
    start = time.perf_counter()
    face = finder.find(photo)
    found = time.perf_counter()
    chart = make_chart(photo, face, settings.chart, settings.patch.px_per_mm)
    patches, _ = cut_patches(chart, face.side, settings.patch)
    cut = time.perf_counter()
    assess(photo, face, patches, settings.quality, chart=chart)
    times = {"face": found - start, "patches": cut - found, "quality": time.perf_counter() - cut}
    return face, patches, times


def measure(
    subject: Subject,
    name: str,
    plain: tuple[Face, tuple[Patch, ...]] | None,
    finder: FaceFinder,
    settings: Settings,
) -> tuple[Result, tuple[Face, tuple[Patch, ...]] | None]:
    version = VERSIONS[name](subject)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{subject.name}.jpg"
        bgr = cv2.cvtColor(version.pixels, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(path), bgr, [cv2.IMWRITE_JPEG_QUALITY, version.jpeg_quality])
        start = time.perf_counter()
        photo = read_photo(path, settings.photo)
        read = time.perf_counter() - start
    result = Result(subject.name, subject.group, name, False)
    try:
        face, patches, times = examine(photo, finder, settings)
    except ToolkitError as error:
        result.error = str(error)
        return result, None
    back = invert_affine(version.from_plain)
    points = apply_affine(back, face.points)
    seen = visible_points(face.side)
    span = np.linalg.norm(subject.points[27] - subject.points[18])
    result.confidence, result.notes = face.confidence, face.notes
    result.found_by, result.side, result.times = face.found_by, face.side, {"read": read, **times}
    result.nme = landmark_error(points, subject)
    if plain is None:
        result.found = result.nme < 10
        return result, (face, patches)
    plain_face, plain_patches = plain
    result.drift = 100 * float(np.linalg.norm(points - plain_face.points, axis=1)[seen].mean() / span)
    result.found = result.drift < 10
    before = {patch.region: corners(patch) for patch in plain_patches}
    after = {patch.region: apply_affine(back, corners(patch)) for patch in patches}
    both = [region for region in REGIONS if region in before and region in after]
    result.iou = {region: overlap(before[region], after[region]) for region in both}
    result.shift_mm = {
        region: float(np.linalg.norm(before[region] - after[region], axis=1).mean()) / plain_face.px_per_mm
        for region in both
    }
    return result, None


# ---- the table


def show(results: list[Result]) -> None:
    versions = list(dict.fromkeys(result.version for result in results))
    groups = sorted({result.group for result in results})
    head = (
        "version",
        "n",
        "found",
        *groups,
        "side ok",
        "drift %",
        "p95",
        "err %",
        *(f"IoU {r[:9]}" for r in REGIONS),
    )
    print(f"{head[0]:24}" + "".join(f"{h:>13}" for h in (*head[1:], *(f"mm {r[:9]}" for r in REGIONS))))
    for version in versions:
        rows = [result for result in results if result.version == version]
        found = [result for result in rows if result.found]
        expected = next((side for side in ("left", "right") if f"half_{side}" in version), "both")
        cells = [str(len(rows)), percent([r.found for r in rows])]
        cells += [percent([r.found for r in rows if r.group == group]) for group in groups]
        cells += [percent([r.side == expected for r in found])]
        drift = [r.drift for r in found if np.isfinite(r.drift)]
        cells += [number(drift, np.median, 2), number(drift, lambda v: np.percentile(v, 95), 2)]
        cells += [number([r.nme for r in found], np.median, 2)]
        for field, digits in (("iou", 3), ("shift_mm", 2)):
            for region in REGIONS:
                values = [
                    getattr(r, field)[region]
                    for r in found
                    if getattr(r, field) and region in getattr(r, field)
                ]
                cells.append(number(values, np.median, digits))
        print(f"{version:24}" + "".join(f"{cell:>13}" for cell in cells))
    noted = [f"{r.subject} {r.version}: {'; '.join(r.notes)}" for r in results if r.notes]
    lowest = min((r.confidence for r in results if r.found), default=np.nan)
    print(f"\nlowest confidence {lowest:.3f}; {len(noted)} of {len(results)} noted: {noted}")
    steps: dict[str, int] = {}
    for result in results:
        key = f"{result.version}: {result.found_by or 'not found'}"
        steps[key] = steps.get(key, 0) + 1
    print("\nfound by   " + ", ".join(f"{key} {count}" for key, count in steps.items()))
    print(
        "\nmilliseconds (median)   "
        + f"{'read':>9}{'face':>9}{'patches':>9}{'quality':>9}{'all':>9}{'all p95':>9}"
    )
    for version in versions:
        times = [r.times for r in results if r.version == version and r.times]
        if times:
            columns = {key: [1000 * t[key] for t in times] for key in times[0]}
            total = np.sum(list(columns.values()), axis=0)
            cells = [*(np.median(v) for v in columns.values()), np.median(total), np.percentile(total, 95)]
            print(f"  {version:22}" + "".join(f"{cell:9.1f}" for cell in cells))
    for result in results:
        if not result.found:
            print(
                f"lost: {result.subject} ({result.group}) {result.version} by {result.found_by or result.error} drift {result.drift:.1f}"
            )


def show_groups(results: list[Result]) -> None:
    """The same by group of people: the plain photos' error, drift and patches of all half faces together."""
    print(
        "\ngroup, half faces together"
        + "".join(f"{h:>12}" for h in ("people", "plain err %", "drift %", "p95", "err %", "patch mm", "p95"))
    )
    for group in sorted({result.group for result in results}):
        mine = [result for result in results if result.group == group and result.found]
        halves = [result for result in mine if result.version.startswith("half")]
        shifts = [shift for result in halves for shift in (result.shift_mm or {}).values()]
        drift = [result.drift for result in halves]
        cells = [
            str(len({result.subject for result in mine})),
            number([result.nme for result in mine if result.version == "plain"], np.median, 2),
            number(drift, np.median, 2),
            number(drift, lambda v: np.percentile(v, 95), 2),
            number([result.nme for result in halves], np.median, 2),
            number(shifts, np.median, 2),
            number(shifts, lambda v: np.percentile(v, 95), 2),
        ]
        print(f"{group:26}" + "".join(f"{cell:>12}" for cell in cells))


def show_others(faces: Path, finder: FaceFinder, settings: Settings) -> None:
    """Photographs without changes in the other folders: found, and with which notes."""
    print("\nother photographs, as they are")
    for folder in ("smiling", "canada", "average", "congress", "pose"):
        notes: list[str] = []
        lost, confidence = 0, []
        photos = find_photos([faces / folder]) if (faces / folder).is_dir() else []
        for path in photos:
            try:
                face = finder.find(read_photo(path, settings.photo))
            except ToolkitError:
                lost += 1
                continue
            notes += [f"{path.name}: {note}" for note in face.notes]
            confidence.append(face.confidence)
        lowest = f"{min(confidence):.3f}" if confidence else "-"
        print(
            f"  {folder:10} {len(photos)} photos, {lost} lost, lowest confidence {lowest}, notes: {notes or 'none'}"
        )


def show_step_costs(subject: Subject, settings: Settings, path: Path | None) -> None:
    """Milliseconds of every step of the chain, tried or not, on one photo of 1600 x 1600 pixels."""
    finder = FaceFinder(path, settings.face)
    predictor = landmark_model(path or default_landmark_model())
    big = cv2.resize(half(subject, "left").pixels, (1600, 1600), interpolation=cv2.INTER_CUBIC)
    skin = ~painted_out(big, settings.photo)
    photo = Photo(Path("half.jpg"), big, skin, "", halo_px=settings.photo.halo_px)
    print("\nmilliseconds a step at 1600 x 1600, one core (median of 15)")
    line = find_midlines(photo.skin, photo.halo_px)[0]
    frame = replace(line, at_frame=True)
    area, border = settings.face.whole_px**2, settings.face.border_fraction
    half_area, fine = settings.face.half_px**2, settings.face.detect_width_px**2
    small = reduced(photo, area)
    points = finder.find(photo).points
    steps = {
        "reduce": lambda: reduced(photo, area),
        "find midline": lambda: find_midlines(photo.skin, photo.halo_px),
        "half": lambda: finder._search(
            "half", mirrored(photo, small, line, border, area=half_area), predictor
        ),
        "whole": lambda: finder._search("whole", small, predictor),
        "whole, bordered": lambda: finder._search(
            "whole, bordered", turned(small, 0, border, area), predictor
        ),
        "rolled (each way)": lambda: finder._search("rolled", turned(small, 25, border, area), predictor),
        "half at frame (each)": lambda: finder._search(
            "half", mirrored(photo, small, frame, border, area=half_area), predictor
        ),
        "small": lambda: finder._search("small", reduced(photo, fine), predictor),
        "small, twice as fine": lambda: finder._search("small", reduced(photo, 4 * fine), predictor),
        "refine": lambda: refine(photo, small, points, line, model=predictor),
        "chain as run": lambda: finder.find(photo),
    }
    medians = {name: timed(step, 15) for name, step in steps.items()}
    for name, cost in medians.items():
        print(f"  {name:22}{cost:9.1f}")


def people_left_out(faces: Path, fold: str) -> set[str]:
    """Names of the photos of neutral/ that fold "I/N" of scripts/train_landmarks left out; none for ""."""
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from landmark_network.pictures import fold_of, training_photos

    left_out, folds = map(int, fold.split("/")) if fold else (-1, 1)
    places = fold_of(training_photos(faces), folds)
    return {
        path.stem for path, place in places.items() if place == left_out and path.parent.name == "neutral"
    }


def timed(step: Callable[[], object], times: int) -> float:
    costs = []
    for _ in range(times):
        start = time.perf_counter()
        step()
        costs.append(1000 * (time.perf_counter() - start))
    return float(np.median(costs))


def percent(flags: list[bool]) -> str:
    return f"{100 * np.mean(flags):.1f}" if flags else "-"


def number(values: list[float], reduce: Callable[[list[float]], float], digits: int) -> str:
    return f"{reduce(values):.{digits}f}" if values else "-"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("faces", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--only", help="versions, with commas between")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--landmarks", choices=("facemesh", "dlib"))
    parser.add_argument("--landmark-model", type=Path)
    parser.add_argument("--fold", default="")
    parser.add_argument(
        "--holes", action="store_true", help="mend the network's landmarks by the mask's holes"
    )
    options = parser.parse_args()
    cv2.setNumThreads(1)
    settings = Settings()
    NetworkPoints.slips_to_holes = options.holes
    path = chosen_landmark_model(options.landmarks, options.landmark_model)
    finder = FaceFinder(path, settings.face)
    left_out = people_left_out(options.faces, options.fold)
    chosen = ["plain", *(options.only.split(",") if options.only else list(VERSIONS)[1:])]
    results = []
    for subject in subjects(options.faces, options.limit):
        if left_out and subject.name not in left_out:
            continue
        plain = None
        for name in chosen:
            result, found = measure(subject, name, plain, finder, settings)
            plain = found if name == "plain" else plain
            results.append(result)
            if plain is None:
                break
    show(results)
    show_groups(results)
    show_others(options.faces, finder, settings)
    show_step_costs(subject, settings, path)
    if options.csv:
        with options.csv.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(
                ("subject", "group", "version", "found", "found_by", "side", "nme", "drift", "iou", "mm")
            )
            for r in results:
                writer.writerow(
                    (
                        r.subject,
                        r.group,
                        r.version,
                        r.found,
                        r.found_by,
                        r.side,
                        r.nme,
                        r.drift,
                        r.iou,
                        r.shift_mm,
                    )
                )


if __name__ == "__main__":
    main()
