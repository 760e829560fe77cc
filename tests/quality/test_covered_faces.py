"""A face whose eyes are covered or pixelated, so that landmarks are guessed, is never graded without a note."""

import cv2
import numpy as np
import pytest
from drawn_photos import as_photo, chart_of, drawn_face
from places import REAL_FACES as FACES

from toolkit.errors import FaceError
from toolkit.landmarks import FaceFinder
from toolkit.patches import cut_patches
from toolkit.phantom import to_clinical_half
from toolkit.quality import assess
from toolkit.quality.facecheck import COVERED, ONE_SIDED, TURNED
from toolkit.settings import Settings

PIXELS, POINTS, HAIRLINE = drawn_face(3)


@pytest.fixture(scope="module")
def finder():
    return FaceFinder(None, Settings().face)


def told(finder, pixels: np.ndarray) -> str:
    """The notes of the landmarks, or why there is no face."""
    try:
        return "; ".join(finder.find(as_photo(pixels), None).notes)
    except FaceError as error:
        return str(error)


def eyes() -> tuple[slice, slice]:
    """Rows and columns of a bar over both eyes and brows."""
    (left, top), (right, bottom) = POINTS[17:48].min(axis=0), POINTS[36:48].max(axis=0)
    return slice(int(top) - 10, int(bottom) + 25), slice(int(left) - 40, int(right) + 40)


def test_a_plain_face_gets_no_note(finder):
    assert told(finder, PIXELS) == ""


@pytest.mark.parametrize("colour", [0, 128, 255])
def test_a_bar_over_the_eyes_is_noted(finder, colour):
    barred = PIXELS.copy()
    barred[eyes()] = colour
    assert told(finder, barred) != ""


def test_pixelation_is_noted(finder):
    rough = PIXELS.copy()
    place = rough[eyes()]
    small = cv2.resize(place, (8, 3), interpolation=cv2.INTER_AREA)
    rough[eyes()] = cv2.resize(small, place.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    assert told(finder, rough) != ""


# ---- what the landmarks do not tell


def label(finder, pixels: np.ndarray) -> str:
    photo = as_photo(pixels)
    face = finder.find(photo)
    chart = chart_of(photo, face)
    return assess(
        photo, face, cut_patches(chart, face.side, Settings().patch)[0], Settings().quality, chart=chart
    ).label


def skin_over(points: np.ndarray, shaded: bool) -> np.ndarray:
    """The picture with an ellipse of the cheek's colour over some landmarks; ``shaded`` and uneven as a hand is."""
    place, middle = PIXELS.copy(), points.mean(axis=0)
    cheek = (POINTS[2] + POINTS[31]) / 2
    x, y = np.round(cheek).astype(int)
    colour = np.median(PIXELS[y - 15 : y + 15, x - 15 : x + 15].reshape(-1, 3), axis=0)
    rows, columns = np.mgrid[: place.shape[0], : place.shape[1]]
    unit = np.hypot(*(POINTS[45] - POINTS[36])) / 90
    reach = (np.ptp(points, axis=0) / 2 + 9 * unit).astype(int)
    off = np.hypot((columns - middle[0]) / reach[0], (rows - middle[1]) / reach[1])
    shade = 1 - 0.3 * np.minimum(off, 1) ** 2 + np.random.default_rng(0).normal(0, 0.02, off.shape)
    covered = colour * (shade if shaded else np.ones_like(shade))[..., None]
    place[off < 1] = np.clip(covered, 0, 255).astype(np.uint8)[off < 1]
    return place


def test_a_plain_face_is_whole_and_evenly_lit(finder):
    assert label(finder, PIXELS) == "ok"


@pytest.mark.parametrize("shaded", [False, True])
@pytest.mark.parametrize("part", [range(36, 42), range(42, 48), range(48, 60)])
def test_skin_over_an_eye_or_the_mouth_is_noted(finder, part, shaded):
    covered = skin_over(POINTS[list(part)], shaded)
    assert told(finder, covered) or COVERED in label(finder, covered)


def test_a_painted_over_cheek_of_a_whole_face_is_noted(finder):
    cheek = np.array([(POINTS[2] + POINTS[31]) / 2, POINTS[2], POINTS[31], POINTS[4]])
    assert COVERED in label(finder, skin_over(cheek, shaded=False))


def lit_from_one_side(pixels: np.ndarray, least: float) -> np.ndarray:
    x = (np.arange(pixels.shape[1]) - POINTS[27, 0]) / np.hypot(*(POINTS[45] - POINTS[36]))
    light = least + (1 - least) / (1 + np.exp(-8 * x))
    return (255 * ((pixels / 255) ** 2.2 * light[None, :, None]) ** (1 / 2.2)).astype(np.uint8)


def test_one_sided_light_is_noted(finder):
    assert ONE_SIDED in label(finder, lit_from_one_side(PIXELS, 0.15))
    assert label(finder, lit_from_one_side(PIXELS, 0.7)) == "ok"


def test_painted_out_eyes_and_mouth_are_no_cover(finder):
    halves = [
        to_clinical_half(PIXELS, POINTS, side, np.random.default_rng(0), forehead=HAIRLINE)
        for side in ("left", "right")
    ]
    for masked in (*halves, np.maximum(*halves)):
        assert label(finder, masked) == "ok" and told(finder, masked) == ""


def in_dark_glasses(level: float) -> np.ndarray:
    """The picture with two dark lenses and a bridge, lighter below, with a highlight and the grain of a photograph."""
    eyes = [POINTS[36:42].mean(axis=0), POINTS[42:48].mean(axis=0)]
    apart = np.hypot(*(eyes[1] - eyes[0]))
    lenses = np.zeros(PIXELS.shape[:2], np.uint8)
    for x, y in eyes:
        cv2.ellipse(
            lenses, (round(x), round(y)), (round(0.42 * apart), round(0.33 * apart)), 0, 0, 360, 255, -1
        )
    cv2.line(lenses, *(tuple(np.round(eye).astype(int).tolist()) for eye in eyes), 255, round(0.06 * apart))
    down = (np.arange(PIXELS.shape[0]) - eyes[0][1])[:, None, None] / apart
    glass = level * (1 + 0.5 * down) + np.random.default_rng(0).normal(0, 3, PIXELS.shape)
    cv2.line(
        glass,
        *(tuple(np.round(eyes[0] + o).astype(int).tolist()) for o in (-0.1 * apart, 0.0)),
        (170,) * 3,
        3,
    )
    opaque = cv2.GaussianBlur(lenses, (0, 0), 1.5)[..., None] / 255
    return np.clip((1 - opaque) * PIXELS + opaque * glass, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("level", [15, 30, 50])
def test_dark_glasses_are_noted(finder, level):
    worn = in_dark_glasses(level)
    assert told(finder, worn) or COVERED in label(finder, worn)


def test_closed_eyes_are_no_cover(finder):
    closed = PIXELS.copy()
    for part in (POINTS[36:42], POINTS[42:48]):
        around = skin_over(part, shaded=True)
        closed = np.where((around != PIXELS).any(axis=2, keepdims=True), around, closed)
        lid = cv2.convexHull(np.round(part).astype(np.int32))[:, 0]
        ends = [tuple(lid[np.argmin(lid[:, 0])].tolist()), tuple(lid[np.argmax(lid[:, 0])].tolist())]
        cv2.line(closed, *ends, (60, 35, 30), 3)
    assert COVERED not in label(finder, closed)


def turned(pixels: np.ndarray, points: np.ndarray, degrees: float) -> np.ndarray:
    """The picture as of a head turned about a vertical axis: an ellipsoid with a nose, of the size of the points."""
    (x, y), wide = (points[0] + points[16]) / 2, np.hypot(*(points[16] - points[0])) / 2
    nose = (points[30] - (x, y)) / wide
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]].astype(np.float32)
    v, u, angle = (rows - y) / wide, (columns - x) / wide, np.radians(degrees)
    source = u.copy()
    for _ in range(30):
        depth = 1.25 * np.sqrt(np.clip(1 - (source / 1.15) ** 2 - (v / 1.7) ** 2, 0, 1))
        depth += 0.25 * np.exp(-((source - nose[0]) ** 2 / 0.03 + (v - nose[1]) ** 2 / 0.06))
        source = (source + (u - depth * np.sin(angle)) / np.cos(angle)) / 2
    places = (x + wide * source).astype(np.float32)
    return cv2.remap(pixels, places, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("degrees", [-26, 26])
def test_a_turned_head_is_noted(finder, degrees):
    assert TURNED in label(finder, turned(PIXELS, POINTS, degrees))


@pytest.mark.parametrize("degrees", [-10, 10])
def test_a_head_turned_a_little_is_not(finder, degrees):
    assert label(finder, turned(PIXELS, POINTS, degrees)) == "ok"


@pytest.mark.slow
@pytest.mark.skipif(not FACES.is_dir(), reason="needs photographs")
def test_frontal_photographs_are_neither_turned_nor_covered(finder):
    for folder in ("neutral", "smiling", "canada"):
        for path in sorted((FACES / folder).glob("*.jpg"))[::3]:
            pixels = cv2.resize(
                cv2.imread(str(path))[..., ::-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA
            )
            found = label(finder, np.ascontiguousarray(pixels))
            assert TURNED not in found and COVERED not in found, path


@pytest.mark.parametrize("beyond_mm", [12, 18])
def test_a_face_cut_beside_its_middle_is_noted_and_its_landmarks_lie_right(finder, beyond_mm):
    halves = [
        to_clinical_half(PIXELS, POINTS, side, np.random.default_rng(0), forehead=HAIRLINE)
        for side in ("left", "right")
    ]
    masked = np.maximum(*halves)
    scale = finder.find(as_photo(PIXELS)).px_per_mm
    masked[:, : round(POINTS[27:31, 0].mean() - beyond_mm * scale)] = 0
    face = finder.find(as_photo(masked))
    assert "more than half a face" in "; ".join(face.notes)
    off = np.linalg.norm(face.points - POINTS, axis=1)[[8, 30, 33, 48, 51, 54, 57]] / scale
    assert off.mean() < 5
