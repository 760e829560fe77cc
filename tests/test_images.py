"""Photographs: found, decoded whatever their format, refused in one line; what is painted out."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from toolkit.errors import PhotoError
from toolkit.images import file_sha256, find_photos, painted_out, read_photo
from toolkit.settings import PhotoSettings

SETTINGS = PhotoSettings()
# Left half reddish, right half bluish, a bright upper left corner: every flip shows.
PICTURE = np.zeros((60, 80, 3), np.uint8)
PICTURE[:, :40] = (200, 120, 90)
PICTURE[:, 40:] = (60, 90, 180)
PICTURE[:20, :20] = (240, 235, 230)


def save(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def read(path: Path) -> np.ndarray:
    return read_photo(path, SETTINGS).pixels


# ---- finding


def test_find_photos_in_folders_naturally_and_once(tmp_path):
    for name in ("p10.jpg", "p2.JPG", "p1.png", "notes.txt", ".hidden.jpg", "._p1.jpg"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.tif").write_bytes(b"x")
    found = find_photos([tmp_path / "p10.jpg", tmp_path])
    assert [p.name for p in found] == ["p10.jpg", "p1.png", "p2.JPG", "a.tif"]


def test_find_photos_keeps_a_named_file_of_any_suffix(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    assert find_photos([tmp_path / "notes.txt"]) == [tmp_path / "notes.txt"]


def test_find_photos_names_what_is_missing(tmp_path):
    with pytest.raises(PhotoError, match=r"nowhere\.jpg: no such file"):
        find_photos([tmp_path / "nowhere.jpg"])


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_find_photos_survives_links(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_bytes(b"x")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a" / "again.jpg").symlink_to(tmp_path / "a" / "1.jpg")
    (tmp_path / "a" / "dangling.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "a" / "round.jpg").symlink_to(tmp_path / "a" / "round.jpg")
    assert [p.name for p in find_photos([tmp_path])] == ["1.jpg", "dangling.jpg", "round.jpg"]
    assert [p.name for p in find_photos([tmp_path / "a"])] == ["1.jpg", "dangling.jpg", "round.jpg"]


def test_find_photos_keeps_an_empty_folder_named_like_a_photo(tmp_path):
    (tmp_path / "empty.jpg").mkdir()
    (tmp_path / "full.jpg").mkdir()
    (tmp_path / "full.jpg" / "1.jpg").write_bytes(b"x")
    assert [p.name for p in find_photos([tmp_path])] == ["empty.jpg", "1.jpg"]


def test_sha256_is_of_the_bytes(tmp_path):
    path = tmp_path / "x.bin"
    path.write_bytes(b"abc")
    assert file_sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(PhotoError, match=r"gone\.bin"):
        file_sha256(tmp_path / "gone.bin")


# ---- decoding


def test_reads_plain_rgb_and_hashes_the_file(tmp_path):
    photo = read_photo(save(tmp_path / "a.png", Image.fromarray(PICTURE)), SETTINGS)
    assert photo.pixels.dtype == np.uint8
    assert (photo.pixels == PICTURE).all()
    assert photo.sha256 == file_sha256(tmp_path / "a.png")
    assert photo.notes == ()


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (2, lambda p: p[:, ::-1]),
        (3, lambda p: p[::-1, ::-1]),
        (4, lambda p: p[::-1]),
        (6, lambda p: np.rot90(p, -1)),
        (8, lambda p: np.rot90(p)),
    ],
)
def test_exif_orientation(tmp_path, orientation, turn):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", Image.fromarray(PICTURE), exif=exif)
    assert (read(path) == turn(PICTURE)).all()


def test_damaged_exif_is_no_error(tmp_path):
    path = save(tmp_path / "a.jpg", Image.fromarray(PICTURE), exif=b"Exif\x00\x00MM\x00*\x00\x00\xff\xff\x01")
    assert read(path).shape == PICTURE.shape


@pytest.mark.parametrize("kind", ["png16", "tif16"])
def test_16_bit_grey(tmp_path, kind):
    deep = PICTURE[..., 1].astype(np.uint16) * 257
    path = tmp_path / f"a.{kind[:3]}"
    Image.fromarray(deep).save(path)
    photo = read_photo(path, SETTINGS)
    assert np.abs(photo.pixels.astype(int) - PICTURE[..., 1, None]).max() <= 1
    assert "greyscale" in photo.notes[0]


def test_16_bit_colour(tmp_path):
    import cv2

    for name in ("a.png", "a.tif"):
        cv2.imwrite(str(tmp_path / name), PICTURE[..., ::-1].astype(np.uint16) * 257)
        assert np.abs(read(tmp_path / name).astype(int) - PICTURE).max() <= 1


def test_grey_one_bit_and_palette(tmp_path):
    grey = Image.fromarray(PICTURE[..., 1])
    assert (read(save(tmp_path / "g.png", grey)) == PICTURE[..., 1, None]).all()
    one_bit = read(save(tmp_path / "b.png", grey.convert("1")))
    assert set(np.unique(one_bit)) <= {0, 255}
    palette = Image.fromarray(PICTURE).quantize(16)
    assert np.abs(read(save(tmp_path / "p.gif", palette)).astype(int) - PICTURE).max() < 12


def test_float_picture_and_one_out_of_range(tmp_path):
    level = PICTURE[..., 1].astype(np.float32) / 255
    Image.fromarray(level).save(tmp_path / "f.tif")
    assert np.abs(read(tmp_path / "f.tif").astype(int) - PICTURE[..., 1, None]).max() <= 1
    Image.fromarray(level - 5).save(tmp_path / "n.tif")
    with pytest.raises(PhotoError, match=r"n\.tif"):
        read(tmp_path / "n.tif")


def test_cmyk(tmp_path):
    image = Image.fromarray(PICTURE).convert("CMYK")
    assert np.abs(read(save(tmp_path / "c.tif", image)).astype(int) - PICTURE).max() <= 2
    assert read(save(tmp_path / "c.jpg", image, quality=95)).shape == PICTURE.shape


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_becomes_black(tmp_path, mode):
    image = Image.fromarray(PICTURE).convert(mode)
    alpha = np.full(PICTURE.shape[:2], 255, np.uint8)
    alpha[30:] = 0
    image.putalpha(Image.fromarray(alpha))
    pixels = read(save(tmp_path / "t.png", image))
    assert (pixels[30:] == 0).all()
    assert pixels[:30].min() > 0


def swapped_profile() -> bytes:
    """An sRGB profile whose red and blue primaries have changed places, under another name."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(data[128:132], "big")
    tags = {bytes(data[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, blue = tags[b"rXYZ"], tags[b"bXYZ"]
    data[red + 4 : red + 12], data[blue + 4 : blue + 12] = (
        data[blue + 4 : blue + 12],
        data[red + 4 : red + 12],
    )
    return bytes(data).replace("sRGB".encode("utf-16-be"), "Swap".encode("utf-16-be"))


def test_colour_profile_is_converted(tmp_path):
    path = save(tmp_path / "i.png", Image.fromarray(PICTURE), icc_profile=swapped_profile())
    assert np.abs(read(path).astype(int) - PICTURE[..., ::-1]).max() <= 2


def test_srgb_profile_changes_nothing(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert (read(save(tmp_path / "s.png", Image.fromarray(PICTURE), icc_profile=srgb)) == PICTURE).all()


def test_broken_profile_is_noted(tmp_path):
    path = save(tmp_path / "i.png", Image.fromarray(PICTURE), icc_profile=b"no profile at all" * 20)
    photo = read_photo(path, SETTINGS)
    assert (photo.pixels == PICTURE).all()
    assert "colour profile unusable" in photo.notes[0]


def test_several_frames_are_noted(tmp_path):
    frames = [Image.fromarray(PICTURE), Image.fromarray(PICTURE[::-1])]
    frames[0].save(tmp_path / "m.tif", save_all=True, append_images=frames[1:])
    photo = read_photo(tmp_path / "m.tif", SETTINGS)
    assert (photo.pixels == PICTURE).all()
    assert "several pictures" in photo.notes[0]


# ---- refusing


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"hello, this is text", "not a picture"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 50, "picture"),
    ],
)
def test_refuses_in_one_line(tmp_path, content, reason):
    path = tmp_path / "bad.jpg"
    path.write_bytes(content)
    with pytest.raises(PhotoError, match=reason) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_refuses_missing_folder_and_truncated(tmp_path):
    with pytest.raises(PhotoError, match="cannot be read"):
        read(tmp_path / "gone.jpg")
    with pytest.raises(PhotoError):
        read(tmp_path)
    rng = np.random.default_rng(0)
    path = save(tmp_path / "t.jpg", Image.fromarray(rng.integers(0, 255, (64, 64, 3), np.uint8)))
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(PhotoError, match="damaged"):
        read(path)


def test_size_limits_hold_before_decoding(tmp_path):
    path = save(tmp_path / "big.png", Image.new("L", (9000, 9000)))
    with pytest.raises(PhotoError, match=r"9000 x 9000.*60 megapixels"):
        read(path)
    path = save(tmp_path / "long.png", Image.new("L", (40000, 3)))
    with pytest.raises(PhotoError, match="40000 x 3"):
        read(path)
    with pytest.raises(PhotoError, match="MB"):
        read_photo(path, PhotoSettings(max_bytes=10))


@settings(max_examples=60)
@given(
    st.integers(0, 10_000),
    st.integers(0, 255),
    st.integers(0, 2000),
    st.sampled_from(["PNG", "JPEG", "TIFF", "GIF"]),
)
def test_damaged_bytes_raise_only_photo_errors(tmp_path_factory, place, value, cut, kind):
    buffer = io.BytesIO()
    Image.fromarray(PICTURE).save(buffer, format=kind)
    data = bytearray(buffer.getvalue())
    data[place % len(data)] = value
    path = tmp_path_factory.mktemp("fuzz") / "f.img"
    path.write_bytes(bytes(data[: max(1, len(data) - cut)]))
    try:
        assert read(path).ndim == 3
    except PhotoError as error:
        assert "f.img" in str(error)


# ---- painted out


def textured(height: int = 400, width: int = 400, level: int = 150) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 6, (height, width, 3))
    return np.clip(level + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (128, 128, 128), (0, 177, 64)])
def test_fill_of_any_colour_is_painted_out(colour):
    pixels = textured()
    pixels[:, :200] = colour
    painted = painted_out(pixels, SETTINGS)
    assert painted[:, :200].all()
    halo = painted[200].sum() - 200
    assert 1 <= halo <= SETTINGS.halo_px
    assert not painted[:, 200 + SETTINGS.halo_px :].any()


def test_hole_of_the_fill_colour_is_painted_out_too():
    pixels = textured()
    pixels[:, :150] = (250, 250, 250)
    pixels[100:140, 300:340] = (250, 250, 250)
    assert painted_out(pixels, SETTINGS)[100:140, 300:340].all()


def test_jpeg_fill_is_painted_out(tmp_path):
    pixels = textured()
    pixels[:, :200] = (128, 128, 128)
    path = save(tmp_path / "j.jpg", Image.fromarray(pixels), quality=60)
    photo = read_photo(path, SETTINGS)
    assert not photo.skin[:, :200].any()
    assert photo.skin[:, 230:].all()


def test_textures_shadows_and_gradients_are_not_painted_out():
    assert not painted_out(textured(), SETTINGS).any()
    dark = (textured(level=60) * 0.25).astype(np.uint8)  # about 15
    assert not painted_out(dark, SETTINGS).any()
    gradient = np.repeat(np.linspace(40, 220, 400).astype(np.uint8)[None, :, None], 400, axis=0)
    assert not painted_out(np.repeat(gradient, 3, axis=2), SETTINGS).any()


def test_small_dark_things_are_not_painted_out():
    pixels = textured(800, 800)
    pixels[300:306, 300:306] = 0
    assert not painted_out(pixels, SETTINGS).any()


def test_one_pixel_and_blank_pictures():
    assert painted_out(np.zeros((50, 50, 3), np.uint8), SETTINGS).all()
    painted_out(np.zeros((1, 1, 3), np.uint8), SETTINGS)
    painted_out(np.full((1, 700, 3), 90, np.uint8), SETTINGS)
