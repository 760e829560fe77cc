"""Find photographs and decode them: RGB uint8, EXIF upright, sRGB, and a mask of what is not painted out."""

from __future__ import annotations

import hashlib
import io
import re
import struct
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms

from toolkit import jpeg
from toolkit.colours import GREY_NOTE, adobe_to_srgb, hue_note, png_tells_another_space, space_told_by_exif
from toolkit.errors import PhotoError
from toolkit.formats import IMAGE_SUFFIXES, TABLE_SUFFIXES, is_photo_name, open_picture
from toolkit.outputs import LITTER
from toolkit.records import Photo
from toolkit.settings import PhotoSettings

_MAX_SIDE = 32000  # OpenCV's warps count pixels in 16 bits
_NO_PROFILE = "colour profile unusable: taken as sRGB"

# What Pillow, LittleCMS, libavif and libheif raise on damaged files; nothing else is caught.
_DECODE_ERRORS = (
    OSError, ValueError, SyntaxError, IndexError, KeyError, TypeError, OverflowError, EOFError, RuntimeError, struct.error,
)  # fmt: skip


def find_photos(paths: Sequence[Path]) -> list[Path]:
    """The photographs that ``paths`` (files and folders) name, each once, in the order given.

    Folders are searched recursively, in natural order (2 before 10), for files with an image suffix, and
    for pictures under another or without one (see ``formats.is_photo_name``); hidden files are passed over. Links that lead nowhere and empty folders with an image suffix are kept, so
    that whoever counts photographs learns of them. A file named explicitly is always kept, whatever its
    suffix. Raises PhotoError for a path that does not exist.
    """
    found: dict[Path, Path] = {}  # resolved path -> path as named
    for path in map(Path, paths):
        if path.is_dir():
            candidates: Iterator[Path] = _walk(path, set())
        elif path.exists():
            candidates = iter([path])
        else:
            raise PhotoError(f"{path}: no such file or folder; check the path")
        for photo in candidates:
            found.setdefault(_resolved(photo), photo)
    return list(found.values())


def passed_over(paths: Sequence[Path]) -> list[Path]:
    """The files in the folders among ``paths`` that are taken for no picture, but for tables and texts."""
    found: dict[Path, None] = {}
    for folder in map(Path, paths):
        if folder.is_dir():
            found |= dict.fromkeys(_walk(folder, set(), photos=False))
    return list(found)


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # links that lead in a circle
        return path.absolute()


def _walk(folder: Path, seen: set[Path], photos: bool = True) -> Iterator[Path]:
    """The photographs in a folder; without ``photos`` the other files."""
    real = folder.resolve()
    if real in seen:  # a link back to a folder already searched
        return
    seen.add(real)
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: _natural_key(entry.name))
    except OSError as error:
        raise PhotoError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            inside = list(_walk(entry, seen, photos))
            named_so = photos and entry.suffix.lower() in IMAGE_SUFFIXES
            yield from inside or ([entry] if named_so and not any(entry.iterdir()) else [])
        elif is_photo_name(entry):
            if photos:
                yield entry
        elif not photos and entry.suffix.lower() not in TABLE_SUFFIXES and entry.name not in LITTER:
            yield entry


def _natural_key(name: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", name.casefold())
    return [(0, int(p), "") if i % 2 else (1, 0, p) for i, p in enumerate(parts)]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal; raises PhotoError when it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise PhotoError(f"{path}: cannot be read ({error.strerror or error})") from None


def read_photo(path: Path, settings: PhotoSettings) -> Photo:
    """Decode one photograph.

    Upright after its EXIF orientation, converted to sRGB when it embeds another colour profile, 8 bits a
    channel; grey, palette and CMYK pictures become RGB, transparent areas become black. Raises PhotoError
    with one line that names the file when it is missing, too large, damaged or not an image.
    """
    path = Path(path)
    data = _read_bytes(path, settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of large pictures and odd metadata: checked here
        pixels, notes = _decode(path, data, settings)
    return _photo(path, pixels, hashlib.sha256(data).hexdigest(), notes, settings=settings)


def photo_of_pixels(pixels: NDArray[np.uint8], settings: PhotoSettings, name: str = "picture") -> Photo:
    """A photograph that is decoded already: ``pixels`` (H, W, 3) uint8, sRGB, upright; its hash is of these. Raises
    PhotoError for any other array, and for more pixels than a file may have."""
    pixels = np.ascontiguousarray(pixels)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
        raise PhotoError(
            f"{name}: pixels must be (height, width, 3) uint8 RGB, got {pixels.shape} {pixels.dtype}"
        )
    if pixels.shape[0] * pixels.shape[1] > settings.max_megapixels * 1e6 or max(pixels.shape) > _MAX_SIDE:
        raise PhotoError(
            f"{name}: {pixels.shape[1]} x {pixels.shape[0]} pixels are too many; make it smaller"
        )
    return _photo(Path(name), pixels, hashlib.sha256(pixels.tobytes()).hexdigest(), [], settings=settings)


def _photo(
    path: Path, pixels: NDArray[np.uint8], sha256: str, notes: list[str], *, settings: PhotoSettings
) -> Photo:
    skin = ~painted_out(pixels, settings)
    hue = hue_note(pixels, skin)
    known = notes if not hue or GREY_NOTE in notes else [*notes, hue]
    return Photo(path, pixels, skin, sha256, tuple(known), _halo_px(pixels.shape, settings))


def _read_bytes(path: Path, settings: PhotoSettings) -> bytes:
    try:
        size = path.stat().st_size
        if size == 0:
            raise PhotoError(f"{path}: the file is empty; copy it again from its source")
        if size > settings.max_bytes:
            raise PhotoError(
                f"{path}: {size / 1e6:.0f} MB is over the limit of {settings.max_bytes / 1e6:.0f} MB; "
                "save a smaller copy"
            )
        return path.read_bytes()
    except OSError as error:
        raise PhotoError(f"{path}: cannot be read ({error.strerror or error})") from None


def _decode(path: Path, data: bytes, settings: PhotoSettings) -> tuple[NDArray[np.uint8], list[str]]:
    notes: list[str] = []
    try:
        image = open_picture(path, data, settings.max_megapixels * 1e6)
    except Image.DecompressionBombError:
        raise PhotoError(f"{path}: far too many pixels; save a smaller copy") from None
    except _DECODE_ERRORS:
        raise PhotoError(f"{path}: not a picture that can be read; save it as JPEG, PNG or TIFF") from None
    width, height = image.size
    if width * height > settings.max_megapixels * 1e6:
        raise PhotoError(
            f"{path}: {width} x {height} pixels is over the limit of {settings.max_megapixels:g} megapixels; "
            "save a smaller copy"
        )
    if max(width, height) > _MAX_SIDE:
        raise PhotoError(f"{path}: {width} x {height} pixels is not a photograph of a face; crop it")
    is_jpeg = image.format in ("JPEG", "MPO")
    quick = jpeg.decoded(data, image.size) if is_jpeg and image.mode == "RGB" else None
    try:
        if getattr(image, "n_frames", 1) > 1:
            notes.append("several pictures in one file: the first was taken")
        if quick is None:
            image.load()
    except _DECODE_ERRORS as error:
        raise PhotoError(f"{path}: the picture is damaged ({_one_line(error)}); export it again") from None
    if is_jpeg:
        plain = np.asarray(image.convert("RGB")) if quick is None else quick
        wrong, remark = jpeg.fault(data, plain, image, whole=quick is not None)
        if wrong:
            raise PhotoError(f"{path}: the picture is damaged ({wrong}); export it again")
        notes += [remark] if remark else []
    profile = image.info.get("icc_profile")
    space = "" if profile else space_told_by_exif(image)
    if space == "unknown" or (not profile and png_tells_another_space(image, data)):
        notes.append("colour space not known: taken as sRGB")
    turn = _turn(image, notes)
    try:
        rgb = _to_srgb(image, profile, notes) if quick is None else _plain_to_srgb(quick, profile, notes)
        return turn(adobe_to_srgb(rgb) if space == "adobe" else rgb), notes
    except _DECODE_ERRORS as error:
        raise PhotoError(
            f"{path}: a {image.mode} picture that cannot be converted ({_one_line(error)}); save it as RGB"
        ) from None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _turn(image: Image.Image, notes: list[str]) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """What puts the decoded picture upright, after its EXIF orientation."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        return _TURNS.get(orientation, np.ascontiguousarray)
    except (*_DECODE_ERRORS, AttributeError, ZeroDivisionError):
        notes.append("EXIF data damaged: the orientation is unknown")
        return np.ascontiguousarray


# OpenCV's turns take a tenth of the time of NumPy's.
_TURNS: dict[Any, Callable[[Any], Any]] = {
    2: lambda rgb: cv2.flip(rgb, 1),
    3: lambda rgb: cv2.rotate(rgb, cv2.ROTATE_180),
    4: lambda rgb: cv2.flip(rgb, 0),
    5: cv2.transpose,
    6: lambda rgb: cv2.rotate(rgb, cv2.ROTATE_90_CLOCKWISE),
    7: lambda rgb: cv2.rotate(cv2.transpose(rgb), cv2.ROTATE_180),
    8: lambda rgb: cv2.rotate(rgb, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def _to_srgb(image: Image.Image, profile: bytes | None, notes: list[str]) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 sRGB from a Pillow image of any mode, transparency on black."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _grey_to_8_bits(image)
    if "transparency" in image.info or image.mode in ("P", "PA"):
        image = image.convert("RGBA")
    alpha = None
    if image.mode in ("RGBA", "LA", "RGBa", "La"):
        if image.mode in ("RGBa", "La"):
            image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A"))
        image = image.convert("L" if image.mode == "LA" else "RGB")
    if image.mode in ("L", "1"):
        notes.append(GREY_NOTE)
    rgb = np.asarray(_apply_profile(image, profile, notes))
    if alpha is not None and alpha.min() < 255:
        rgb = (rgb.astype(np.uint16) * alpha[..., None] // 255).astype(np.uint8)
    return rgb


def _grey_to_8_bits(image: Image.Image) -> Image.Image:
    grey = np.asarray(image).astype(np.float64)
    if not np.isfinite(grey).all() or grey.min() < 0:
        raise ValueError("values that are not grey levels")
    full = next((level for level in (1.0, 255.0, 65535.0) if grey.max() <= level), None)
    if full is None:
        raise ValueError("values beyond 16 bits")
    if not image.mode.startswith("F"):  # integers: a 16-bit picture, however dark
        full = 65535.0
    converted = Image.fromarray(np.round(grey * (255.0 / full)).astype(np.uint8))
    converted.info = dict(image.info)
    return converted


def _plain_to_srgb(rgb: NDArray[np.uint8], profile: bytes | None, notes: list[str]) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 sRGB of decoded RGB with a colour profile, or without."""
    if not profile:
        return rgb
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return rgb if _is_srgb(source) else np.asarray(_convert_profile(Image.fromarray(rgb), source))
    except (ImageCms.PyCMSError, *_DECODE_ERRORS):
        notes.append(_NO_PROFILE)
        return rgb


def _apply_profile(image: Image.Image, profile: bytes | None, notes: list[str]) -> Image.Image:
    if image.mode == "LAB":
        return _convert_profile(image, ImageCms.createProfile("LAB"))
    if not profile:
        return image if image.mode == "RGB" else image.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if image.mode in ("RGB", "L", "1") and _is_srgb(source):
            return image if image.mode == "RGB" else image.convert("RGB")
        if image.mode not in ("RGB", "L", "CMYK"):
            image = image.convert("RGB")
        return _convert_profile(image, source)
    except (ImageCms.PyCMSError, *_DECODE_ERRORS):
        notes.append(_NO_PROFILE)
        return image.convert("RGB")


def _is_srgb(profile: Any) -> bool:
    return "srgb" in ImageCms.getProfileDescription(profile).casefold()


def _convert_profile(image: Image.Image, source: Any) -> Image.Image:
    converted = ImageCms.profileToProfile(
        image, source, ImageCms.createProfile("sRGB"), ImageCms.Intent.RELATIVE_COLORIMETRIC, outputMode="RGB"
    )
    if converted is None:
        raise ValueError("colour profile gives no picture")
    return converted


def painted_out(pixels: NDArray[np.uint8], settings: PhotoSettings) -> NDArray[np.bool_]:
    """(H, W) bool: True where the picture was painted over, with the halo that JPEG leaves round it.

    Painted over is an area of real size that is black (max(R, G, B) <= ``settings.painted_level``) and
    smooth, or of one other colour, exactly constant in its inside and covering a good share of the
    picture. The halo is ``halo_px`` wide, less in small pictures.
    """
    step = 4 if min(pixels.shape[:2]) >= 400 else 2 if min(pixels.shape[:2]) >= 100 else 1
    # Every fourth pixel, not averaged: a constant fill stays constant.
    coarse = np.ascontiguousarray(pixels[::step, ::step])
    colours = [np.zeros(3, np.int16), *_fill_colours(coarse, settings)]
    found = [
        (colour, near) for colour in colours if (near := _fill_area(coarse, colour, settings)) is not None
    ]
    painted: Any = np.zeros(pixels.shape[:2], np.uint8)
    if not found:
        return painted.view(np.bool_)
    halo = _halo_px(pixels.shape, settings)
    rows, columns = _not_filled([near for _, near in found], halo // step + 2)
    part = slice(rows.start * step, rows.stop * step), slice(columns.start * step, columns.stop * step)
    # Elsewhere every fourth pixel is painted, and the halo reaches all others.
    painted[:] = 1
    painted[part] = 0
    above, beside = (
        np.arange(full)[fine] * few // full
        for full, fine, few in zip(painted.shape, part, coarse.shape[:2], strict=True)
    )  # the nearest coarse pixel of each row and column
    for colour, near in found:
        grown: Any = cv2.dilate(near, np.ones((3, 3), np.uint8))
        grown = grown.take(beside, axis=1).take(above, axis=0)
        painted[part] |= cv2.bitwise_and(_within(pixels[part], colour, settings.painted_level), grown)
    painted[part] = cv2.dilate(painted[part], np.ones((2 * halo + 1, 2 * halo + 1), np.uint8))
    return np.asarray(painted.view(np.bool_))


def _not_filled(areas: Sequence[NDArray[np.uint8]], margin: int) -> tuple[slice, slice]:
    """Rows and columns of a coarse picture that hold all that lies in none of the ``areas``, and a margin."""
    left, top, wide, high = cv2.boundingRect((np.sum(areas, axis=0) == 0).view(np.uint8))
    return (
        slice(max(top - margin, 0), top + high + margin),
        slice(max(left - margin, 0), left + wide + margin),
    )


def _halo_px(shape: tuple[int, ...], settings: PhotoSettings) -> int:
    return int(np.clip(round(settings.halo_fraction * max(shape[:2])), 2, settings.halo_px))


def _within(pixels: NDArray[np.uint8], colour: NDArray[np.int16], tolerance: int) -> NDArray[np.uint8]:
    low = np.clip(colour - tolerance, 0, 255)
    high = np.clip(colour + tolerance, 0, 255)
    return np.asarray(cv2.inRange(pixels, tuple(map(int, low)), tuple(map(int, high))), np.uint8)


def _flat(coarse: NDArray[np.uint8], spread: int) -> NDArray[np.bool_]:
    """Pixels whose 3 x 3 neighbourhood varies by no more than ``spread`` in every channel."""
    square = np.ones((3, 3), np.uint8)
    spreads = cv2.subtract(cv2.dilate(coarse, square), cv2.erode(coarse, square))
    return cv2.inRange(spreads, (0, 0, 0), (spread, spread, spread)) > 0


def _fill_colours(coarse: NDArray[np.uint8], settings: PhotoSettings) -> list[NDArray[np.int16]]:
    """Colours other than black that fill a good share of the picture without any variation."""
    black = cv2.inRange(coarse, (0, 0, 0), (settings.painted_level,) * 3) > 0
    constant = coarse[_flat(coarse, 0) & ~black].astype(np.int32)
    enough = settings.min_fill_fraction * coarse.shape[0] * coarse.shape[1]
    if len(constant) < enough:
        return []
    codes, counts = np.unique(constant @ np.array([65536, 256, 1]), return_counts=True)
    colours = np.stack([codes >> 16, (codes >> 8) & 255, codes & 255], axis=1).astype(np.int16)
    chosen: list[NDArray[np.int16]] = []
    for index in np.argsort(-counts):
        colour = colours[index]
        is_new = all(np.abs(colour - other).max() > settings.painted_level for other in chosen)
        if counts[index] >= enough and is_new:
            chosen.append(colour)
    return chosen


def _fill_area(
    coarse: NDArray[np.uint8], colour: NDArray[np.int16], settings: PhotoSettings
) -> NDArray[np.uint8] | None:
    """Connected areas of a fill colour that hold a flat core and are of real size, or None."""
    near = _within(coarse, colour, settings.painted_level)
    if not near.any():
        return None
    core = _flat(coarse, 2 if colour.max() == 0 else 0) & (near > 0)
    count, labels = cv2.connectedComponents(near, connectivity=8)
    keep = np.bincount(labels[core], minlength=count) > 0
    keep &= np.bincount(labels.ravel()) >= settings.min_area_fraction * near.size
    keep[0] = False
    return np.take(keep.view(np.uint8), np.asarray(labels)) if keep.any() else None
