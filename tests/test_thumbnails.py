"""Thumbnails of reference patches: small, masked, and back from the file as they went in."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import ModelError
from toolkit.records import FacePatches, Patch
from toolkit.thumbnails import load_thumbnails, save_thumbnails, thumbnail, thumbnails_of


def a_patch(region="chin", height=120, width=192, colour=(200, 120, 60), skin=None):
    pixels = np.full((height, width, 3), colour, np.uint8)
    skin = np.ones((height, width), bool) if skin is None else skin
    return Patch(region, pixels, skin, 3.0, np.eye(2, 3))


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


@pytest.mark.parametrize(
    "height, width, shape", [(120, 192, (60, 96)), (192, 168, (96, 84)), (30, 20, (96, 64))]
)
def test_the_longer_side_is_96_px(height, width, shape):
    assert decoded(thumbnail(a_patch(height=height, width=width))).shape == (*shape, 3)


def test_colours_are_kept_and_what_is_no_skin_is_black():
    skin = np.ones((120, 192), bool)
    skin[:, :96] = False
    picture = decoded(thumbnail(a_patch(skin=skin))).astype(int)
    assert np.abs(picture[:, 56:] - [200, 120, 60]).max() < 12
    assert picture[:, :40].max() < 12


def test_a_thumbnail_is_a_small_jpeg():
    grain = np.random.default_rng(0).integers(0, 256, (192, 168, 3)).astype(np.uint8)
    data = thumbnail(Patch("chin", grain, np.ones((192, 168), bool), 3.0, np.eye(2, 3)))
    assert data[:3] == b"\xff\xd8\xff" and len(data) < 12_000


def test_thumbnails_come_in_the_order_of_the_patches():
    colours = [(200, 100, 50), (50, 200, 100), (100, 50, 200)]
    first, second, third = (
        a_patch(region, colour=c) for region, c in zip(("forehead", "chin", "chin"), colours, strict=True)
    )
    faces = [
        FacePatches("a", "0", (first, second)),
        None,
        FacePatches("b", "0", ()),
        FacePatches("c", "0", (third,)),
    ]
    found = [decoded(data)[30, 48].astype(int) for data in thumbnails_of(faces)]
    assert np.abs(np.array(found) - colours).max() < 12


# --- saving


@given(st.lists(st.binary(max_size=50), max_size=8))
def test_any_bytes_come_back_as_they_went_in(tmp_path_factory, pictures):
    path = tmp_path_factory.getbasetemp() / "any-thumbnails.npz"
    save_thumbnails(path, pictures)
    assert load_thumbnails(path) == tuple(pictures)


def test_none_are_none(tmp_path):
    save_thumbnails(tmp_path / "t.npz", ())
    assert load_thumbnails(tmp_path / "t.npz") == ()


@pytest.mark.parametrize(
    "damage", ["missing", "empty", "cut", "noise", "folder", "lone array", "without ends"]
)
def test_a_damaged_file_is_refused_by_name(tmp_path, damage):
    path = tmp_path / "t.npz"
    save_thumbnails(path, [thumbnail(a_patch())] * 3)
    whole = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage == "lone array":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    elif damage == "without ends":
        np.savez(path, data=np.zeros(3, np.uint8))
    elif damage != "missing":
        path.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "noise": b"x" * 999}[damage])
    with pytest.raises(ModelError, match=r"t\.npz: thumbnails cannot be read .*build-index") as caught:
        load_thumbnails(path)
    assert "\n" not in str(caught.value)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


def test_pickled_objects_are_never_unpacked(tmp_path):
    np.savez(tmp_path / "t.npz", data=np.array([Bomb()], object), ends=np.array([1]))
    with pytest.raises(ModelError, match="thumbnails cannot be read"):
        load_thumbnails(tmp_path / "t.npz")


@pytest.mark.parametrize("ends", [[10, 99], [10, 20], [-1, 30], [20, 10, 30]])
def test_ends_that_do_not_fit_the_data_are_refused(tmp_path, ends):
    np.savez(tmp_path / "t.npz", data=np.zeros(30, np.uint8), ends=np.array(ends))
    with pytest.raises(ModelError, match="thumbnails cannot be read"):
        load_thumbnails(tmp_path / "t.npz")
