"""A face whose eyes are covered or pixelated, so that landmarks are guessed, is never graded without a note."""

import cv2
import numpy as np
import pytest
from drawn_photos import as_photo, chart_of, drawn_face

from toolkit.errors import FaceError
from toolkit.landmarks import FaceFinder
from toolkit.patches import cut_patches
from toolkit.phantom import to_clinical_half
from toolkit.quality import assess
from toolkit.quality.facecheck import COVERED, ONE_SIDED
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
