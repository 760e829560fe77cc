"""Which files are taken for photographs, whatever their suffix, and that each is read or named."""

import io
import random
import sys

import numpy as np
import pytest
from drawn_photos import drawn_face
from PIL import Image
from typer.testing import CliRunner

from toolkit.cli import app
from toolkit.errors import MissingExtraError, PhotoError
from toolkit.images import find_photos, passed_over, read_photo
from toolkit.settings import PhotoSettings
from toolkit.workers import NOT_INSTALLED

SETTINGS = PhotoSettings()
FACE = np.ascontiguousarray(drawn_face(3)[0][::2, ::2])


def encoded(kind: str, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(FACE).save(file, kind, **options)
    return file.getvalue()


JPEG = encoded("JPEG", quality=95)


@pytest.mark.parametrize(
    "name", ["a.jfif", "a.pjpeg", "a.MPO", "a.pjp", "a", "a.v2", "a.photo", "a.heic", "a.hif", "a.dng"]
)
def test_a_jpeg_is_found_and_read_whatever_its_suffix(tmp_path, name):
    (tmp_path / name).write_bytes(JPEG)
    assert [path.name for path in find_photos([tmp_path])] == [name]
    assert (read_photo(tmp_path / name, SETTINGS).pixels == np.asarray(Image.open(io.BytesIO(JPEG)))).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "GIF", "AVIF", "JPEG2000"])
def test_pictures_without_a_suffix_are_found(tmp_path, kind):
    (tmp_path / "picture").write_bytes(encoded(kind))
    assert find_photos([tmp_path]) == [tmp_path / "picture"]
    assert read_photo(tmp_path / "picture", SETTINGS).pixels.shape == FACE.shape


def test_avif_is_read(tmp_path):
    (tmp_path / "a.avif").write_bytes(encoded("AVIF", quality=95))
    off = read_photo(tmp_path / "a.avif", SETTINGS).pixels.astype(int) - FACE
    assert np.abs(off).mean() < 3


def test_heic_is_read_with_its_extra_and_named_without(tmp_path, monkeypatch):
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "a.heic"
    pillow_heif.from_pillow(Image.fromarray(FACE)).save(path, quality=95)
    assert find_photos([tmp_path]) == [path]
    assert np.abs(read_photo(path, SETTINGS).pixels.astype(int) - FACE).mean() < 3
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingExtraError, match=r"pillow-heif.*\[heic\]") as told:
        read_photo(path, SETTINGS)
    assert NOT_INSTALLED in str(told.value)


def dicom(path, compressed: bool, **changes):
    pydicom = pytest.importorskip("pydicom")
    from pydicom.encaps import encapsulate
    from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit

    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = JPEGBaseline8Bit if compressed else ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.4"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    held = pydicom.Dataset()
    held.file_meta = meta
    held.Rows, held.Columns = FACE.shape[:2]
    held.SamplesPerPixel, held.PlanarConfiguration, held.PixelRepresentation = 3, 0, 0
    held.BitsAllocated, held.BitsStored, held.HighBit = 8, 8, 7
    held.PhotometricInterpretation = "YBR_FULL_422" if compressed else "RGB"
    held.PixelData = encapsulate([JPEG]) if compressed else FACE.tobytes()
    held["PixelData"].is_undefined_length = compressed
    for name, value in changes.items():
        setattr(held, name, value)
    held.save_as(path, enforce_file_format=True)
    return path


def test_dicom_photographs_are_read_with_their_extra(tmp_path):
    plain = read_photo(dicom(tmp_path / "a.dcm", False), SETTINGS)
    assert (plain.pixels == FACE).all()
    packed = read_photo(dicom(tmp_path / "noname", True), SETTINGS)
    assert (packed.pixels == np.asarray(Image.open(io.BytesIO(JPEG)))).all()
    assert len(find_photos([tmp_path])) == 2


def test_dicom_of_another_kind_is_named(tmp_path, monkeypatch):
    with pytest.raises(PhotoError, match=r"g\.dcm: a DICOM file.*MONOCHROME2.*export it as JPEG"):
        read_photo(dicom(tmp_path / "g.dcm", False, PhotometricInterpretation="MONOCHROME2"), SETTINGS)
    with pytest.raises(PhotoError, match=r"b\.dcm: a DICOM file"):
        read_photo(dicom(tmp_path / "b.dcm", False, Rows=60000, Columns=60000), SETTINGS)
    (tmp_path / "c.dcm").write_bytes(bytes(128) + b"DICM" + b"\xff" * 50)
    with pytest.raises(PhotoError, match=r"c\.dcm"):
        read_photo(tmp_path / "c.dcm", SETTINGS)
    path = dicom(tmp_path / "d.dcm", False)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(MissingExtraError, match=r"pydicom.*\[dicom\]"):
        read_photo(path, SETTINGS)


def test_camera_raw_is_named_and_its_thumbnail_is_not_graded(tmp_path):
    (tmp_path / "a.dng").write_bytes(encoded("TIFF"))
    Image.fromarray(FACE).save(tmp_path / "b.tif", tiffinfo={50706: b"\1\4\0\0"})
    for path in find_photos([tmp_path]):
        with pytest.raises(PhotoError, match=r"camera raw file.*export it"):
            read_photo(path, SETTINGS)


def test_other_files_are_counted_and_named(tmp_path):
    for name in ("film.mov", "README", "grades.xlsx", "notes.txt", "a.jpg~", ".hidden", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"no picture")
    (tmp_path / "a.jpg").write_bytes(JPEG)
    assert [path.name for path in passed_over([tmp_path])] == ["a.jpg~", "film.mov", "README"]
    ran = CliRunner().invoke(
        app, ["features", str(tmp_path), "--out", str(tmp_path / "o" / "f.csv"), "--workers", "1"]
    )
    assert "Skipped, not photographs: 3 files (a.jpg~, film.mov, README)" in ran.output


POSTSCRIPT = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n(%pipe%touch hacked) (w) file\nshowpage\n%%EOF\n"
)


@pytest.mark.parametrize("kind", ["EPS", "PCX", "PPM", "TGA", "ICNS", "SGI", "PDF", "PostScript"])
def test_no_other_format_is_opened_under_a_picture_s_name(tmp_path, kind, monkeypatch):
    """PostScript would start Ghostscript, and each further decoder is one more that hostile bytes can try."""
    from PIL import EpsImagePlugin

    def started(*arguments, **options):
        raise AssertionError("Ghostscript was started")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", started)
    (tmp_path / "a.jpg").write_bytes(POSTSCRIPT if kind == "PostScript" else encoded(kind))
    with pytest.raises(PhotoError, match=r"a\.jpg: not a picture that can be read"):
        read_photo(tmp_path / "a.jpg", SETTINGS)


@pytest.mark.parametrize("kind", ["AVIF", "JPEG", "PNG", "TIFF", "WEBP", "GIF", "JPEG2000", "BMP", "DICOM"])
def test_random_damage_ends_in_one_line_or_a_picture(tmp_path, kind):
    rng = random.Random(3)
    whole = dicom(tmp_path / "d", True).read_bytes() if kind == "DICOM" else encoded(kind)
    path, refused = tmp_path / "a.bin", 0
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(rng.choice([1, 5, 20])):
            data[rng.randrange(min(len(data), rng.choice([64, 1024, len(data)])))] = rng.choice(
                [0, 255, rng.randrange(256)]
            )
        path.write_bytes(data)
        try:
            assert read_photo(path, SETTINGS).pixels.ndim == 3
        except PhotoError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 0
