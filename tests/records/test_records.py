import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.records import REGIONS, Face, FacePatches, Patch, Photo, PhotoFacts, PhotoGrade, PigmentMaps

PIXELS = np.zeros((4, 5, 3), np.uint8)
SKIN = np.ones((4, 5), bool)
TO_PATCH = np.eye(2, 3)


def patch(region="chin", pixels=PIXELS, skin=SKIN, px_per_mm=3.0, to_patch=TO_PATCH):
    return Patch(region, pixels, skin, px_per_mm, to_patch)


def face(points=None, side="left", px_per_mm=5.0):
    return Face(np.zeros((68, 2)) if points is None else points, side, "whole", 1.0, px_per_mm)


def test_whole_records_are_accepted():
    assert Photo(Path("a.jpg"), PIXELS, SKIN, "0").notes == ()
    assert face().side == "left"
    assert [patch(region).region for region in REGIONS] == ["forehead", "left_cheek", "right_cheek", "chin"]


@pytest.mark.parametrize(
    ("pixels", "skin", "message"),
    [
        (np.zeros((4, 5), np.uint8), SKIN, r"pixels must have shape \(any, any, 3\), got \(4, 5\)"),
        (np.zeros((4, 5, 4), np.uint8), SKIN, r"got \(4, 5, 4\)"),
        (np.zeros((4, 5, 3)), SKIN, "pixels must be uint8, got float64"),
        (PIXELS, np.ones((5, 4), bool), r"skin must have shape \(4, 5\), got \(5, 4\)"),
        (PIXELS, np.ones((4, 5), np.uint8), "skin must be bool, got uint8"),
    ],
)
def test_pictures_are_checked(pixels, skin, message):
    with pytest.raises(ValueError, match=message):
        Photo(Path("a.jpg"), pixels, skin, "0")
    with pytest.raises(ValueError, match=message):
        patch(pixels=pixels, skin=skin)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": np.zeros((5, 2))}, r"points must have shape \(68, 2\), got \(5, 2\)"),
        ({"points": np.full((68, 2), np.nan)}, "points must be finite"),
        ({"side": "Left"}, "side must be left, right or both, got 'Left'"),
        ({"px_per_mm": 0.0}, "px_per_mm must be positive, got 0"),
        ({"px_per_mm": float("nan")}, "px_per_mm must be positive"),
    ],
)
def test_faces_are_checked(change, message):
    with pytest.raises(ValueError, match=message):
        face(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"region": "nose"}, "region must be one of forehead, left_cheek, right_cheek, chin, got 'nose'"),
        ({"px_per_mm": -1.0}, "px_per_mm must be positive"),
        ({"to_patch": np.eye(3)}, r"to_patch must have shape \(2, 3\), got \(3, 3\)"),
    ],
)
def test_patches_are_checked(change, message):
    with pytest.raises(ValueError, match=message):
        patch(**change)


def test_pigment_maps_are_checked():
    flat = np.zeros((4, 5), np.float32)
    assert PigmentMaps(flat, flat, flat, SKIN, 3.0).px_per_mm == 3.0
    with pytest.raises(ValueError, match="darkness must be float32, got float64"):
        PigmentMaps(flat, flat.astype(float), flat, SKIN, 3.0)
    with pytest.raises(ValueError, match=r"erythema must have shape \(4, 5\), got \(5, 4\)"):
        PigmentMaps(flat, flat, flat.T, SKIN, 3.0)


def test_skin_fraction():
    skin = SKIN.copy()
    skin[0] = False
    assert patch(skin=skin).skin_fraction == 0.75


def test_a_face_has_one_patch_a_region():
    assert FacePatches("a", "0", (patch("chin"), patch("forehead"))).quality == "ok"
    with pytest.raises(ValueError, match="at most one patch a region, got chin, chin"):
        FacePatches("a", "0", (patch("chin"), patch("chin")))


def test_records_are_frozen():
    for record in (face(), patch(), PhotoFacts("a"), PhotoGrade("a", PhotoFacts("a"))):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, dataclasses.fields(record)[0].name, None)


@pytest.mark.parametrize("name", ["grade", "lower", "upper"])
@pytest.mark.parametrize("value", [-0.1, 9.1, float("nan"), float("inf")])
def test_grades_lie_within_the_scale(name, value):
    with pytest.raises(ValueError, match=f"{name} must lie in 0-9"):
        PhotoGrade("a", PhotoFacts("a"), **{name: value})


@pytest.mark.parametrize(
    ("grade", "half_step", "severity"),
    [
        (0.0, 0.0, "none"), (0.24, 0.0, "none"), (0.26, 0.5, "mild"), (3.74, 3.5, "mild"),
        (3.76, 4.0, "moderate"), (6.74, 6.5, "moderate"), (6.76, 7.0, "severe"), (9.0, 9.0, "severe"),
        (None, None, None),
    ],
)  # fmt: skip
def test_half_step_and_severity(grade, half_step, severity):
    result = PhotoGrade("a", PhotoFacts("a"), grade=grade)
    assert (result.half_step, result.severity) == (half_step, severity)


@given(st.floats(0, 9))
def test_the_half_step_is_the_nearest(grade):
    half_step = PhotoGrade("a", PhotoFacts("a"), grade=grade).half_step
    assert abs(half_step - grade) <= 0.25 and (half_step * 2).is_integer()


def test_an_explanation_claims_no_more_than_every_model_counts_and_no_empty_range():
    alike = PhotoGrade("a.jpg", PhotoFacts("a"), 3.8, regions={"chin": 3.0, "forehead": 3.02})
    apart = PhotoGrade("a.jpg", PhotoFacts("a"), 2.0, regions={"chin": 3.0, "forehead": 3.4})
    assert alike.explanation.startswith("above its regions (3.0): the grade is that of the whole side")
    assert apart.explanation.startswith("below its regions (3.0 to 3.4)")
    assert "references" not in alike.explanation + apart.explanation
