"""Small pictures of reference patches, kept in a model as evidence of what a grade was compared with."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from toolkit.errors import ModelError
from toolkit.records import FacePatches, Patch

_SIDE_PX = 96
_QUALITY = 80


def thumbnail(patch: Patch) -> bytes:
    """A JPEG of a patch, its longer side 96 px, black where there is no measurable skin."""
    shown = np.where(patch.skin[..., None], patch.pixels, 0)
    scale = _SIDE_PX / max(patch.skin.shape)
    small = cv2.resize(shown, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise ModelError("a reference patch could not be made into a thumbnail")
    return data.tobytes()


def thumbnails_of(faces: Iterable[FacePatches | None]) -> tuple[bytes, ...]:
    """Thumbnails of all patches, in their order."""
    return tuple(thumbnail(patch) for face in faces if face for patch in face.patches)


def save_thumbnails(path: Path, thumbnails: Sequence[bytes]) -> None:
    """Write JPEGs as one .npz of plain bytes; none are none."""
    ends = np.cumsum([len(one) for one in thumbnails], dtype=np.int64)
    np.savez(path, ends=ends, data=np.frombuffer(b"".join(thumbnails), np.uint8))


def load_thumbnails(path: Path) -> tuple[bytes, ...]:
    """What ``save_thumbnails`` wrote; raises ModelError on a damaged file."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            data, ends = arrays["data"].tobytes(), arrays["ends"].tolist()
        starts = [0, *ends[:-1]] if ends else []
        if max(ends, default=0) != len(data) or any(a > b for a, b in zip(starts, ends, strict=True)):
            raise ValueError("its pictures do not fit its length")
    except (OSError, EOFError, TypeError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path}: thumbnails cannot be read ({error}); run toolkit build-index") from None
    return tuple(data[start:end] for start, end in zip(starts, ends, strict=True))
