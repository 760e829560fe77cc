"""Quality figures, their labels, and colour casts against the study."""

import cv2
import numpy as np
import pytest
from drawn_photos import as_photo, cut_of, drawn_face, drawn_half

from toolkit.landmarks import FaceFinder
from toolkit.quality import assess, study_labels
from toolkit.records import Quality
from toolkit.settings import FaceSettings, QualitySettings

SETTINGS = QualitySettings()
FINDER = FaceFinder(None, FaceSettings())


def look(pixels: np.ndarray) -> Quality:
    photo = as_photo(pixels)
    face = FINDER.find(photo)
    return assess(photo, face, cut_of(photo, face)[0], SETTINGS)


@pytest.fixture(scope="module")
def pixels():
    picture, _, _ = drawn_face(0)
    grain = np.random.default_rng(0).normal(0, 2.5, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def exposed(pixels: np.ndarray, factor: float) -> np.ndarray:
    return np.clip(255 * (factor * (pixels / 255.0) ** 2.2) ** (1 / 2.2), 0, 255).astype(np.uint8)


def test_a_good_photo_is_ok(pixels):
    quality = look(pixels)
    assert quality.label == "ok"
    assert 0 < quality.blur < SETTINGS.max_blur
    assert quality.px_per_mm > 2.5
    assert 0.4 < quality.skin_fraction < 1
    assert quality.regions == 1
    assert quality.cast[0] > 0 > quality.cast[1]  # skin: red over green over blue


def test_a_half_face_is_as_good_as_a_whole_one(pixels):
    half = np.where(drawn_half("left") > 0, pixels, 0).astype(np.uint8)
    quality = look(half)
    assert quality.label == "ok"
    assert quality.regions == 1


def test_blur_grows_and_is_named(pixels):
    blurs = [look(cv2.GaussianBlur(pixels, (0, 0), sigma)).blur for sigma in (0.5, 1.5, 3.0)]
    assert blurs == sorted(blurs)
    assert "blurred" in look(cv2.GaussianBlur(pixels, (0, 0), 4.0)).label


def test_blur_of_a_half_face_is_not_hidden_by_its_cut(pixels):
    blurred = np.where(drawn_half("left") > 0, cv2.GaussianBlur(pixels, (0, 0), 4.0), 0).astype(np.uint8)
    assert "blurred" in look(blurred).label


def test_exposure_is_named(pixels):
    assert "overexposed" in look(exposed(pixels, 2.6)).label
    assert "underexposed" in look(exposed(pixels, 0.02)).label
    assert look(exposed(pixels, 0.5)).label == "ok"


def test_small_pictures_are_named(pixels):
    small = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    assert "too few pixels" in look(small).label


def test_no_patches_is_no_skin(pixels):
    photo = as_photo(pixels)
    assert assess(photo, FINDER.find(photo), (), SETTINGS).label == "no skin"


def test_one_cheek_alone_is_little_skin(pixels):
    photo = as_photo(pixels)
    face = FINDER.find(photo)
    patches = cut_of(photo, face)[0]
    assert "little skin" in assess(photo, face, patches[1:2], SETTINGS).label


def quality_of(cast, label="ok"):
    return Quality(0.3, 0.0, 0.0, 150.0, 4.0, 0.7, 1.0, cast, label)


def test_a_colour_cast_is_told_from_the_study():
    rng = np.random.default_rng(0)
    study = [quality_of(tuple(np.array([0.3, -0.2]) + rng.normal(0, 0.02, 2))) for _ in range(20)]
    odd = [
        quality_of((0.3, -0.6)),
        None,
        quality_of((0.8, -0.2), "blurred"),
        quality_of((0.8, -0.2), "no skin"),
    ]
    wanted = ["ok"] * 20 + ["colour cast", None, "blurred; colour cast", "no skin"]
    assert study_labels([*study, *odd], SETTINGS) == wanted


def test_small_differences_and_small_studies_are_no_cast():
    same = [quality_of((0.3, -0.2))] * 10
    assert study_labels([*same, quality_of((0.35, -0.2))], SETTINGS)[-1] == "ok"
    assert study_labels([*same[:4], quality_of((0.9, -0.2))], SETTINGS)[-1] == "ok"
    assert study_labels([], SETTINGS) == []
