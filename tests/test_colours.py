"""What colours a picture has is judged by its pixels; colour spaces told beside them are converted or noted."""

import io

import numpy as np
import pytest
from drawn_photos import drawn_face, drawn_half
from PIL import Image, PngImagePlugin

from toolkit.colours import GREY_NOTE, ONE_HUE_NOTE, adobe_to_srgb, level_counts, middle_level
from toolkit.images import read_photo
from toolkit.settings import PhotoSettings

SETTINGS = PhotoSettings()
FACE = drawn_face(3)[0]
GREY = np.asarray(Image.fromarray(FACE).convert("L"))


def notes(tmp_path, picture: Image.Image, kind: str = "PNG", **options) -> tuple[str, ...]:
    path = tmp_path / f"a.{kind.lower()}"
    picture.save(path, kind, **options)
    return read_photo(path, SETTINGS).notes


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_grey_stored_as_colour_is_noted(tmp_path, kind):
    assert notes(tmp_path, Image.fromarray(GREY).convert("RGB"), kind) == (GREY_NOTE,)


def test_grey_as_palette_and_cmyk_is_noted(tmp_path):
    assert notes(tmp_path, Image.fromarray(GREY).convert("P")) == (GREY_NOTE,)
    assert notes(tmp_path, Image.fromarray(GREY).convert("RGB").convert("CMYK"), "JPEG") == (GREY_NOTE,)


@pytest.mark.parametrize("tint", [(1.07, 0.86, 0.6), (0.1, 0.25, 1.0), (1.0, 0.9, 0.75)])
def test_one_hue_is_noted(tmp_path, tint):
    tinted = np.clip(GREY[..., None] * np.array(tint), 0, 255).astype(np.uint8)
    assert notes(tmp_path, Image.fromarray(tinted)) == (ONE_HUE_NOTE,)


def test_mostly_blue_is_noted(tmp_path):
    blue = (FACE * np.array([0.25, 0.4, 1.0])).astype(np.uint8)
    assert notes(tmp_path, Image.fromarray(blue)) == (ONE_HUE_NOTE,)


@pytest.mark.parametrize("ita", [60.0, 20.0, -30.0])
def test_skin_of_any_tone_is_none_of_these(tmp_path, ita):
    assert notes(tmp_path, Image.fromarray(drawn_face(1, 900, ita)[0]), "JPEG", quality=60) == ()
    assert notes(tmp_path, Image.fromarray(drawn_half("left", 2))) == ()


def told_adobe(how: str) -> Image.Exif:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 2 if how == "space" else 65535
    if how == "interop":
        exif.get_ifd(0x8769)[0xA005] = {1: "R03", 2: b"0100"}
    return exif


@pytest.mark.parametrize("how", ["space", "interop"])
def test_adobe_rgb_told_by_exif_is_converted(tmp_path, how):
    path = tmp_path / "a.jpg"
    Image.fromarray(FACE).save(path, quality=97, exif=told_adobe(how))
    photo = read_photo(path, SETTINGS)
    plain = np.asarray(Image.open(path).convert("RGB"))
    assert photo.notes == () and (photo.pixels == adobe_to_srgb(plain)).all()
    assert photo.pixels[..., 0].mean() > plain[..., 0].mean() + 3  # more colour than the bare numbers


# Linear colours to XYZ, as Adobe's and the IEC's standards print them.
ADOBE_XYZ = np.array([[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]])
SRGB_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def test_colours_come_back_from_adobe_rgb():
    colours = np.random.default_rng(0).integers(20, 256, (40, 40, 3)) / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    in_adobe = np.clip(linear @ SRGB_XYZ.T @ np.linalg.inv(ADOBE_XYZ).T, 0, 1) ** (256 / 563)
    back = adobe_to_srgb(np.round(255 * in_adobe).astype(np.uint8))
    off = np.abs(back - 255 * colours)  # saturated dark colours lose more to 8 bits
    assert np.percentile(off, 99) <= 2 and off.mean() < 0.7


def test_an_unknown_space_is_noted(tmp_path):
    assert notes(tmp_path, Image.fromarray(FACE), "JPEG", exif=told_adobe("unknown")) == (
        "colour space not known: taken as sRGB",
    )
    wide = PngImagePlugin.PngInfo()
    wide.add(b"gAMA", (100000).to_bytes(4, "big"))
    assert notes(tmp_path, Image.fromarray(FACE), pnginfo=wide) == ("colour space not known: taken as sRGB",)
    usual = PngImagePlugin.PngInfo()
    usual.add(b"gAMA", (45455).to_bytes(4, "big"))
    assert notes(tmp_path, Image.fromarray(FACE), pnginfo=usual) == ()


def test_cicp_is_read(tmp_path):
    for primaries, wanted in ((1, ()), (12, ("colour space not known: taken as sRGB",))):
        file = io.BytesIO()
        info = PngImagePlugin.PngInfo()
        info.add(b"cICP", bytes([primaries, 13, 0, 1]))
        Image.fromarray(FACE).save(file, "PNG", pnginfo=info)
        (tmp_path / "c.png").write_bytes(file.getvalue())
        assert read_photo(tmp_path / "c.png", SETTINGS).notes == wanted


@pytest.mark.parametrize("levels", [[7], [3, 9], [0, 0, 255], [1, 2, 3, 250], [5] * 9 + [200] * 9])
def test_the_middle_level_is_the_median(levels):
    pixels = np.array([levels, [40] * len(levels)], np.uint8)  # of which the second row does not count
    mask = np.array([[True] * len(levels), [False] * len(levels)])
    (counts,) = level_counts(pixels, mask)
    assert counts.sum() == len(levels) and middle_level(counts) == float(np.median(levels))
    assert (level_counts(np.dstack([pixels] * 3), mask) == counts).all()
