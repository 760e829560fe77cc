"""A face whose eyes are covered or pixelated, so that landmarks are guessed, is never graded without a note."""

import cv2
import numpy as np
import pytest
from drawn_photos import as_photo, drawn_face

from toolkit.errors import FaceError
from toolkit.landmarks import FaceFinder
from toolkit.settings import Settings

PIXELS, POINTS, _ = drawn_face(3)


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
