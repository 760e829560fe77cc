"""Which files are pictures, by suffix or by their first bytes, and how each is opened."""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path
from typing import Any

from PIL import Image

from toolkit.errors import MissingExtraError, PhotoError

# Read by Pillow itself.
_PLAIN = ".jpg .jpeg .jpe .jfif .jif .pjpeg .pjp .mpo .png .tif .tiff .bmp .webp .jp2 .gif .avif .avifs"
_HEIF = ".heic .heif .hif"  # read by an extra
_DICOM = ".dcm .dicom"  # the same
# What cameras write before it is developed: never read, but counted and named.
_RAW = ".dng .cr2 .cr3 .nef .arw .raf .orf .rw2 .pef .srw"
RAW_SUFFIXES = frozenset(_RAW.split())
IMAGE_SUFFIXES = frozenset(f"{_PLAIN} {_HEIF} {_DICOM} {_RAW}".split())
# What the toolkit and its users keep beside photographs; nobody takes it for one.
_TABLES = ".xlsx .xlsm .xls .ods .csv .tsv .parquet .json .txt .md .log .html .pdf .doc .docx .sqlite .lock .npz .faiss"
TABLE_SUFFIXES = frozenset(_TABLES.split())

_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "DIB", "WEBP", "JPEG2000", "GIF", "AVIF")  # MPO is opened as JPEG
_JPEG = b"\xff\xd8\xff"
_STARTS = (_JPEG, b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"GIF8", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_DNG_VERSION = 50706  # a TIFF tag


def is_photo_name(path: Path) -> bool:
    """Whether a file is taken for a picture: by its suffix, or, where that is none of a picture or of a table, by its
    first bytes: JPEG under any suffix, any picture without one."""
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        return True
    if suffix in TABLE_SUFFIXES or path.name.endswith("~") or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            start = file.read(132)
    except OSError:  # may not be read, and has no picture's name
        return False
    no_suffix = not re.search("[a-z]", suffix)  # Dr. Meier, v1.2
    return start.startswith(_JPEG) or (no_suffix and _looks_like_picture(start))


def _looks_like_picture(start: bytes) -> bool:
    riff = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    heif = start[4:8] == b"ftyp" and start[8:12] in (*_HEIF_BRANDS, b"avif", b"avis")
    return start.startswith(_STARTS) or riff or heif or start[128:132] == b"DICM"


def open_picture(path: Path, data: bytes, max_pixels: float) -> Image.Image:
    """A Pillow image of the bytes, of one of the formats that are read and of no other, whatever the file's name.

    Raises PhotoError on camera raw files and DICOM files that hold no photograph, MissingExtraError where an extra is
    needed, and what Pillow raises on all else.
    """
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return _open_heif(data)
    if data[128:132] == b"DICM":
        return _open_dicom(path, data, max_pixels)
    image = Image.open(io.BytesIO(data), formats=_FORMATS)
    tags = getattr(image, "tag_v2", {})
    if image.format == "TIFF" and (_DNG_VERSION in tags or path.suffix.lower() in RAW_SUFFIXES):
        raise PhotoError(f"{path}: a camera raw file, which cannot be read: export it as JPEG or TIFF")
    return image


def _open_heif(data: bytes) -> Image.Image:
    try:
        import pillow_heif
    except ImportError:
        raise MissingExtraError("pillow-heif (for HEIC pictures)", "heic") from None
    pillow_heif.register_heif_opener()
    return Image.open(io.BytesIO(data), formats=["HEIF"])


def _open_dicom(path: Path, data: bytes, max_pixels: float) -> Image.Image:
    """A visible-light photograph: JPEG inside DICOM, or plain 8-bit colour."""
    try:
        import pydicom
        from pydicom.encaps import generate_frames
        from pydicom.errors import BytesLengthException, InvalidDicomError
    except ImportError:
        raise MissingExtraError("pydicom (for DICOM photographs)", "dicom") from None
    try:
        held = pydicom.dcmread(io.BytesIO(data))
        colour = str(held.PhotometricInterpretation)
        size = int(held.Rows) * int(held.Columns)
        if not colour.startswith(("RGB", "YBR")) or int(held.BitsAllocated) != 8 or size > max_pixels:
            raise PhotoError(
                f"{path}: a DICOM file of {held.Columns} x {held.Rows} pixels as {colour}, no colour photograph of 8 "
                "bits within the limit: export it as JPEG or TIFF"
            )
        if held.file_meta.TransferSyntaxUID.is_compressed:
            frame = next(generate_frames(held.PixelData))
            image: Image.Image = Image.open(io.BytesIO(frame), formats=["JPEG", "JPEG2000"])
        else:
            image = Image.fromarray(_first_frame(held))
    except (AttributeError, KeyError, NotImplementedError, StopIteration, RuntimeError, ValueError, TypeError, EOFError,
            OverflowError, OSError, struct.error, BytesLengthException, InvalidDicomError) as error:  # fmt: skip
        reason = " ".join(str(error).split())[:200]
        raise PhotoError(f"{path}: a DICOM file that cannot be read ({reason}): export it as JPEG") from None
    profile = getattr(held, "ICCProfile", None)
    if profile and "icc_profile" not in image.info:
        image.info["icc_profile"] = bytes(profile)
    return image


def _first_frame(held: Any) -> Any:
    """(H, W, 3) uint8 RGB of an uncompressed DICOM picture."""
    from pydicom.pixels import convert_color_space

    pixels = held.pixel_array
    first = pixels[0] if pixels.ndim == 4 else pixels
    colour = str(held.PhotometricInterpretation)
    return first if colour == "RGB" else convert_color_space(first, colour, "RGB")
