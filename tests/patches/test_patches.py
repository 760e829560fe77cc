"""Patches: same skin, same scale, same place; what is left out; saved and loaded without loss."""

import csv
from dataclasses import replace
from unittest import mock

import cv2
import numpy as np
import pytest
from drawn_photos import as_photo, cut_of, drawn_half
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from places import REAL_FACES

from toolkit.errors import PhotoError
from toolkit.geometry import apply_affine, invert_affine
from toolkit.images import read_photo
from toolkit.landmarks import FaceFinder
from toolkit.meanface import MEAN_FACE_MM, MIRROR
from toolkit.patches import draw_overlay, load_patches, save_patches
from toolkit.quality import assess
from toolkit.records import REGIONS, Face, FacePatches, Patch
from toolkit.settings import FaceSettings, PatchSettings, PhotoSettings, QualitySettings

SETTINGS = PatchSettings()


def plain_face(scale=4.0, level=(190, 140, 115), seed=0, size=1000):
    """A photo of nothing but skin, with the mean face's landmarks upright in its middle."""
    rng = np.random.default_rng(seed)
    pixels = np.clip(rng.normal(level, 3, (size, size, 3)), 0, 255).astype(np.uint8)
    points = MEAN_FACE_MM * scale + [size / 2, size / 2 - 60]
    return pixels, Face(points=points, side="both", found_by="given", score=1.0, px_per_mm=scale)


def by_region(patches):
    return {patch.region: patch for patch in patches}


def square(pixels, centre, half, colour):
    x, y = np.round(centre).astype(int)
    pixels[y - half : y + half, x - half : x + half] = colour


# ---- geometry


def test_sizes_are_fixed_and_fit_the_network():
    pixels, face = plain_face()
    patches, dropped = cut_of(as_photo(pixels), face)
    assert tuple(patch.region for patch in patches) == REGIONS
    assert dropped == {}
    for patch in patches:
        assert (patch.skin.shape[1], patch.skin.shape[0]) == SETTINGS.size_px(patch.region)
        assert all(side % 16 == 0 for side in replace(SETTINGS, px_per_mm=2.0).size_px(patch.region))


@pytest.mark.parametrize("scale", [1.5, 3.0, 4.0, 9.0])
def test_a_spot_has_the_same_size_and_place_at_any_scale(scale):
    pixels, face = plain_face(scale, size=round(260 * scale))
    centre = MEAN_FACE_MM[14] * 0.6 + MEAN_FACE_MM[30] * 0.4  # on the subject's left cheek
    place = centre * scale + face.points[0] - MEAN_FACE_MM[0] * scale
    cv2.circle(
        pixels, np.round(place * 16).astype(int).tolist(), round(3 * scale * 16), (90, 60, 50), -1, shift=4
    )
    patch = by_region(cut_of(as_photo(pixels), face)[0])["left_cheek"]
    ys, xs = np.nonzero(patch.pixels[..., 1] < 100)
    coarse = scale < 2  # a circle of 4.5 pixels is drawn to half a pixel
    assert len(xs) / SETTINGS.px_per_mm**2 == pytest.approx(np.pi * 9, rel=0.25 if coarse else 0.15)
    expected = apply_affine(patch.to_patch, [place])[0]
    assert (xs.mean(), ys.mean()) == pytest.approx(tuple(expected), abs=0.5 * SETTINGS.px_per_mm)


def test_left_is_the_subjects_left():
    pixels, face = plain_face()
    pixels[:, 500:, 2] -= 20
    patches = by_region(cut_of(as_photo(pixels), face)[0])
    assert patches["left_cheek"].pixels[..., 2].mean() < 100
    assert patches["right_cheek"].pixels[..., 2].mean() > 110


def test_rolled_photo_gives_upright_patches():
    pixels, face = plain_face()
    pixels = cv2.GaussianBlur(pixels, (0, 0), 6)
    pixels = cv2.normalize(pixels, None, 130, 200, cv2.NORM_MINMAX)
    turn = cv2.getRotationMatrix2D((500, 500), 25, 1.0)
    rolled = cv2.warpAffine(pixels, turn, (1000, 1000), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    straight = by_region(cut_of(as_photo(pixels), face)[0])
    turned_face = replace(face, points=apply_affine(turn, face.points))
    for patch in cut_of(as_photo(rolled), turned_face)[0]:
        off = np.abs(patch.pixels.astype(int) - straight[patch.region].pixels)
        assert off.mean() < 1.5


def test_to_patch_leads_from_the_photo_to_the_patch():
    pixels, face = plain_face()
    ramp = np.linspace(20, 220, 1000)
    pixels[..., 0], pixels[..., 1] = ramp[None, :], ramp[:, None]
    for patch in cut_of(as_photo(pixels), face)[0]:
        h, w = patch.skin.shape
        x, y = apply_affine(invert_affine(patch.to_patch), [(w // 3, h // 2)])[0]
        assert tuple(patch.pixels[h // 2, w // 3, :2]) == pytest.approx(
            (20 + x * 0.2002, 20 + y * 0.2002), abs=1.2
        )


@settings(max_examples=20)
@given(st.floats(1.2, 8), st.floats(-30, 30), st.floats(-40, 40), st.floats(-40, 40), st.integers(0, 99))
def test_flipped_photos_give_mirrored_patches(scale, degrees, dx, dy, seed):
    rng = np.random.default_rng(seed)
    light = cv2.GaussianBlur(rng.random((500, 500), np.float32), (0, 0), 3)
    light = cv2.normalize(light, None, 0.85, 1.1, cv2.NORM_MINMAX)  # skin, lit here more and there less
    pixels = (light[..., None] * [190, 140, 115]).astype(np.uint8)
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (MEAN_FACE_MM + rng.normal(0, 1.5, (68, 2))) @ turn.T * scale + [250 + dx, 200 + dy]
    face = Face(points=points, side="both", found_by="given", score=1.0, px_per_mm=scale)
    flipped_face = replace(face, points=points[MIRROR] * [-1, 1] + [499, 0])
    # Fair hair is told by mixtures of colours that start from random centres: not the same way round, where there is none.
    with mock.patch("toolkit.chart.make.fair_hair", lambda _, skin, *__, **___: np.zeros_like(skin)):
        straight = by_region(cut_of(as_photo(pixels), face)[0])
        flipped = by_region(cut_of(as_photo(pixels[:, ::-1]), flipped_face)[0])
    swap = {"left_cheek": "right_cheek", "right_cheek": "left_cheek"}
    assert {swap.get(region, region) for region in straight} == set(flipped)
    for region, patch in straight.items():
        other = flipped[swap.get(region, region)]
        assert np.abs(other.pixels[:, ::-1].astype(int) - patch.pixels).max() <= 6
        assert (other.skin[:, ::-1] != patch.skin).mean() < 0.02


def test_flipped_faces_give_mirrored_patches_through_the_finder():
    finder = FaceFinder(None, FaceSettings())
    pixels = drawn_half("left")
    results = []
    for picture in (pixels, pixels[:, ::-1]):
        photo = as_photo(picture)
        results.append(by_region(cut_of(photo, finder.find(photo))[0]))
    left, right = results[0]["left_cheek"], results[1]["right_cheek"]
    assert np.abs(left.pixels[:, ::-1].astype(int) - right.pixels)[left.skin[:, ::-1] & right.skin].mean() < 6


# ---- the skin mask


def test_bare_skin_is_kept_and_features_are_left_out():
    pixels, face = plain_face()
    patches = by_region(cut_of(as_photo(pixels), face)[0])
    assert {region: patch.skin_fraction > 0.6 for region, patch in patches.items()} == dict.fromkeys(
        REGIONS, True
    )
    features = [*range(17, 27), *range(31, 68)]  # brows, nostrils, eyes, lips
    for patch in patches.values():
        h, w = patch.skin.shape
        for x, y in np.round(apply_affine(patch.to_patch, face.points[features])).astype(int):
            if 0 <= x < w and 0 <= y < h:
                assert not patch.skin[y, x]


def test_skin_ends_before_the_outline_of_the_face():
    pixels, face = plain_face()
    for patch in cut_of(as_photo(pixels), face)[0]:
        jaw = apply_affine(patch.to_patch, face.points[:17]).astype(np.float32)
        ys, xs = np.nonzero(patch.skin)
        for x, y in list(zip(xs, ys, strict=True))[::97]:
            if apply_affine(invert_affine(patch.to_patch), [(x, y)])[0][1] > face.points[0, 1]:
                assert cv2.pointPolygonTest(jaw, (float(x), float(y)), True) > 0.7 * 2 * SETTINGS.px_per_mm


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (0, 177, 64)])
def test_painted_out_and_its_halo_are_no_skin(colour):
    pixels, face = plain_face()
    pixels[:, 620:] = colour
    patch = by_region(cut_of(as_photo(pixels), face)[0])["forehead"]
    x = np.nonzero(patch.skin.any(axis=0))[0].max()
    edge = apply_affine(patch.to_patch, [(620, 300)])[0, 0]
    assert edge - 6 * SETTINGS.px_per_mm / 4 < x < edge - 2 * SETTINGS.px_per_mm / 4


def test_fringe_and_beard_are_left_out_but_spots_are_not():
    pixels, face = plain_face()
    origin = face.points[0] - MEAN_FACE_MM[0] * 4
    rows = round(origin[1] - 55 * 4)
    pixels[:rows] = np.clip(
        np.random.default_rng(1).normal(40, 10, (rows, 1000, 3)), 0, 255
    )  # hair above 55 mm
    square(pixels, origin + np.array([40, 30]) * 4, 10, (95, 65, 55))  # a spot of 5 mm
    chin = np.random.default_rng(2).normal(0, 1, (240, 300, 1)) * [35, 30, 25]
    y, x = round(origin[1] + 78 * 4), 350
    pixels[y : y + 240, x : x + 300] = np.clip(
        pixels[y : y + 240, x : x + 300] + cv2.GaussianBlur(chin, (0, 0), 0.8), 0, 255
    )
    patches, dropped = cut_of(as_photo(pixels), face)
    patches = by_region(patches)
    hair_rows = round((74 - 55 - 1) * SETTINGS.px_per_mm)
    assert not patches["forehead"].skin[:hair_rows].any()
    assert patches["forehead"].skin[hair_rows + 12 :].mean() > 0.5
    cheek = patches["left_cheek"]
    u, v = np.round(apply_affine(cheek.to_patch, [origin + np.array([40, 30]) * 4])[0]).astype(int)
    assert cheek.skin[v - 3 : v + 4, u - 3 : u + 4].all()
    assert "beard" in dropped["chin"]


def test_shading_across_a_dark_face_is_no_hair():
    pixels, face = plain_face(level=(70, 48, 40))
    fall_off = np.exp(-np.abs(np.linspace(-1, 1, 1000)) * 1.1) ** (1 / 2.2)
    pixels = (pixels * fall_off[None, :, None]).astype(np.uint8)
    patches = by_region(cut_of(as_photo(pixels), face)[0])
    assert min(patches["left_cheek"].skin_fraction, patches["right_cheek"].skin_fraction) > 0.6


def test_highlights_are_left_out():
    pixels, face = plain_face()
    spot = face.points[0] - MEAN_FACE_MM[0] * 4 + np.array([-40, 30]) * 4
    square(pixels, spot, 12, (255, 250, 245))
    patch = by_region(cut_of(as_photo(pixels), face)[0])["right_cheek"]
    x, y = np.round(apply_affine(patch.to_patch, [spot])[0]).astype(int)
    assert not patch.skin[y - 8 : y + 9, x - 8 : x + 9].any()


def test_dropped_patches_say_why():
    pixels, face = plain_face()
    pixels[:, :500] = 0
    patches, dropped = cut_of(as_photo(pixels), face)
    assert "right_cheek" not in by_region(patches)
    assert dropped["right_cheek"].startswith("too little skin (0.0 cm2): mostly painted out")
    left = replace(face, side="left")
    assert cut_of(as_photo(pixels), left)[1]["right_cheek"] == "the picture shows the left side only"
    cropped = as_photo(plain_face()[0][:760])
    assert "beyond the picture" in cut_of(cropped, face)[1]["chin"]


def test_photo_all_black_drops_everything():
    _, face = plain_face()
    patches, dropped = cut_of(as_photo(np.zeros((400, 400, 3), np.uint8)), face)
    assert patches == ()
    assert set(dropped) == set(REGIONS)


@settings(max_examples=30)
@given(
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
    st.floats(0.3, 12),
    st.floats(-180, 180),
    st.tuples(st.floats(-200, 400), st.floats(-200, 400)),
    st.tuples(*[st.floats(0, 1)] * 4),
    st.integers(0, 255),
)
def test_any_picture_mask_and_pose_gives_patches_or_reasons(size, scale, degrees, centre, hole, level):
    pixels = np.random.default_rng(level).integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)
    columns, rows = sorted(int(h * size[0]) for h in hole[:2]), sorted(int(h * size[1]) for h in hole[2:])
    pixels[slice(*rows), slice(*columns)] = level
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    face = Face(MEAN_FACE_MM @ turn.T * scale + centre, "both", "given", 0.0, scale)
    photo = as_photo(pixels)
    patches, dropped = cut_of(photo, face)
    assert {patch.region for patch in patches} | set(dropped) == set(REGIONS)
    assert draw_overlay(photo, face, patches).shape == pixels.shape
    assert assess(photo, face, patches, QualitySettings()).label


# ---- overlay


def test_overlay_shows_outlines_landmarks_and_exclusions():
    pixels, face = plain_face(size=1500)
    photo = as_photo(pixels)
    patches, _ = cut_of(photo, face)
    overlay = draw_overlay(photo, face, patches)
    assert overlay.shape == (1200, 1200, 3)
    assert overlay.dtype == np.uint8
    x, y = np.round(face.points[30] * 0.8).astype(int)
    assert (overlay[y, x] > 240).all()
    small = draw_overlay(as_photo(pixels[:300, :200]), face, ())
    assert small.shape == (300, 200, 3)


# ---- saving and loading


def face_patches(name="a/b.jpg", notes=("greyscale picture",)):
    pixels, face = plain_face()
    photo = as_photo(pixels)
    patches, _ = cut_of(photo, face)
    return FacePatches(
        name, "ab" * 32, patches[:3], face, {"chin": "too little skin (3%): mostly beard"}, "ok", notes
    )


def test_saved_patches_come_back_the_same(tmp_path):
    saved = [
        face_patches("a/b.jpg"),
        face_patches("c/b.jpg", ()),
        FacePatches("none.jpg", "", (), notes=("no face",)),
    ]
    manifest = save_patches(tmp_path / "out", saved)
    assert manifest == tmp_path / "out" / "manifest.csv"
    loaded = load_patches(tmp_path / "out")
    assert [item.name for item in loaded] == ["a/b.jpg", "c/b.jpg", "none.jpg"]
    for before, after in zip(saved, loaded, strict=True):
        assert (after.sha256, after.quality, after.notes) == (before.sha256, before.quality, before.notes)
        for a, b in zip(before.patches, after.patches, strict=True):
            assert (a.region, a.px_per_mm) == (b.region, b.px_per_mm)
            assert (a.pixels == b.pixels).all()
            assert (a.skin == b.skin).all()
            assert np.allclose(a.to_patch, b.to_patch, rtol=1e-7, atol=1e-5)
    assert "beard" in loaded[0].dropped["chin"]
    assert np.allclose(loaded[0].face.points, saved[0].face.points, atol=1e-3)
    assert (loaded[0].face.side, loaded[0].face.found_by) == ("both", "given")
    assert loaded[2].face is None


def test_manifest_has_a_row_a_patch(tmp_path):
    save_patches(tmp_path, [face_patches()])
    with (tmp_path / "manifest.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["region"] for row in rows] == ["forehead", "left_cheek", "right_cheek", "chin"]
    assert all((tmp_path / row["patch"]).is_file() for row in rows[:3])
    assert rows[3]["patch"] == ""
    assert float(rows[0]["skin_fraction"]) > 0.5
    with Image.open(tmp_path / rows[0]["patch"]) as image:
        assert image.mode == "RGBA"
        assert image.text["region"] == "forehead"


HOSTILE = ["=cmd|'/c calc'!A1.jpg", "+1.jpg", "-2.jpg", "@x.jpg", "'quoted.jpg", "CON.jpg", "..", "a\\b.jpg", "a;b,c\"d.jpg",
           "line\nbreak.jpg", "Zoë 山田.jpg", "x" * 300 + ".jpg", "\udce9.jpg", "../../etc/passwd"]  # fmt: skip


def test_hostile_names_make_safe_files_and_cells(tmp_path):
    items = [face_patches(name) for name in HOSTILE]
    save_patches(tmp_path / "out", items)
    assert {path.parent for path in tmp_path.rglob("*.png")} == {tmp_path / "out"}
    for path in (tmp_path / "out").iterdir():
        assert path.name.isascii()
        assert len(path.name) < 120
    with (tmp_path / "out" / "manifest.csv").open(
        encoding="utf-8-sig", errors="surrogateescape", newline=""
    ) as file:
        for row in csv.DictReader(file):
            assert row["photo"][0] not in "=+-@"
    assert [item.name for item in load_patches(tmp_path / "out")] == HOSTILE


def test_interrupted_run_leaves_whole_files_only(tmp_path):
    def stream():
        yield face_patches("first.jpg")
        raise KeyboardInterrupt

    save_patches(tmp_path, [face_patches("old.jpg")])
    with pytest.raises(KeyboardInterrupt):
        save_patches(tmp_path, stream())
    assert [item.name for item in load_patches(tmp_path)] == ["old.jpg"]
    assert not list(tmp_path.glob(".*.part"))
    for path in tmp_path.glob("*.png"):
        with Image.open(path) as image:
            image.load()


def test_load_refuses_in_one_line_that_names_the_file(tmp_path):
    with pytest.raises(PhotoError, match=r"manifest\.csv: no manifest"):
        load_patches(tmp_path)
    save_patches(tmp_path, [face_patches()])
    png = next(tmp_path.glob("*forehead.png"))
    whole = png.read_bytes()
    for damaged in (whole[:200], b"", b"text"):
        png.write_bytes(damaged)
        with pytest.raises(PhotoError, match=png.name) as caught:
            load_patches(tmp_path)
        assert "\n" not in str(caught.value)
    png.unlink()
    with pytest.raises(PhotoError, match=png.name):
        load_patches(tmp_path)
    manifest = tmp_path / "manifest.csv"
    png.write_bytes(whole)
    text = manifest.read_text(encoding="utf-8-sig")
    manifest.write_text(text.replace("forehead,both", "nose,both"))
    with pytest.raises(PhotoError, match="damaged"):
        load_patches(tmp_path)
    manifest.write_text("photo,region\na,b\n")
    with pytest.raises(PhotoError, match="column 'sha256' is missing"):
        load_patches(tmp_path)
    manifest.write_bytes(bytes(range(256)))
    with pytest.raises(PhotoError, match=r"manifest\.csv"):
        load_patches(tmp_path)


def test_a_patch_of_another_size_than_its_mask_cannot_be(tmp_path):
    with pytest.raises(ValueError, match="skin must have shape"):
        Patch("chin", np.zeros((4, 4, 3), np.uint8), np.zeros((3, 4), bool), 3.0, np.eye(2, 3))


# ---- real faces


@pytest.mark.skipif(not REAL_FACES.is_dir(), reason="the real photographs are not here")
def test_real_faces_keep_most_of_their_skin_whatever_its_tone():
    finder = FaceFinder(None, FaceSettings())
    for face_id in ("002", "005", "043", "061", "062", "082", "137"):
        photo = read_photo(REAL_FACES / "neutral" / f"{face_id}_03.jpg", PhotoSettings())
        patches = by_region(cut_of(photo, finder.find(photo))[0])
        assert set(patches) == set(REGIONS), face_id
        assert min(patches["left_cheek"].skin_fraction, patches["right_cheek"].skin_fraction) > 0.45, face_id
        assert patches["forehead"].skin_fraction > 0.4, face_id
