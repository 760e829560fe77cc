"""Whether a JPEG file is whole: what its decoder complains of, and seams that damage leaves in the picture.

A decoder makes a picture of nearly any bytes. After a wrong bit it may lose its place, of which it warns, or go on
with a wrong start value: then all later blocks, row after row, are too dark, too bright or of another colour. The
first such block begins a seam that is one row of blocks long and lies exactly on the edges of blocks.
"""

from __future__ import annotations

import re
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Warnings of libjpeg that tell of damage; others ("unknown JFIF revision") do not.
_DAMAGE = re.compile(r"corrupt jpeg data|premature end of jpeg|inconsistent progression", re.IGNORECASE)
_BEFORE_END = re.compile(r"(\d+) extraneous bytes before marker 0xd9", re.IGNORECASE)
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]", re.DOTALL)  # neither a stuffed byte nor a restart
_LOST = re.compile(r"premature end of jpeg file", re.IGNORECASE)
_MIN_STEP = 4.6  # grey levels by which a row of blocks is off; one in a thousand whole phantoms exceeds it
_SHARE = 0.8  # of the blocks of a row that step as far
_MIN_SHOWN = 0.15  # of the blocks of a row that are not black, to judge by these,
_MIN_PAINTED = 0.3  # or of those that are, to judge by these;
_FEWEST = 10  # blocks: a fold or the edge of a mask may happen to lie on the edges of a few
_ALIKE = 0.4  # of the middle step: the most by which steps may differ; those of folds and edges differ more;
_TEXTURE = 5.0  # grey levels: so much they may always differ, for skin has a texture
# Grey levels by which a whole row of blocks steps, alike or not, in no whole picture: 7.3 at most in 818 photographs and
# masked halves saved at qualities 60 to 98, but for one that jumps by 43 alike.
_UNLIKE_STEP = 10.0
_BLACK, _DARK = 8, 60
# Brightness, blue and red difference of JPEG, from RGB.
_CHANNELS = np.array([[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]], np.float32)


def decoded(data: bytes, size: tuple[int, int]) -> NDArray[np.uint8] | None:
    """The RGB picture (H, W, 3) of a JPEG file in colour, the same to the last bit as Pillow makes of it, in half of the
    time; None where libjpeg warns of anything or the picture is not of ``size`` (width, height)."""
    import simplejpeg

    try:
        pixels = simplejpeg.decode_jpeg(data, "RGB", strict=True)
    except ValueError:
        return None
    return pixels if pixels.shape[1::-1] == size else None


def fault(data: bytes, pixels: NDArray[np.uint8], image: Image.Image, whole: bool) -> tuple[str, str]:
    """(what is wrong, a remark) of a JPEG file, of the RGB ``pixels`` (H, W, 3) that were decoded, not turned, and of
    what Pillow read of its head; both "" where all seems well. ``whole``: libjpeg has read all of it without a warning.

    What is wrong makes the picture unfit to be graded; a remark tells of what may be wrong.
    """
    warned = "" if whole else complaint(data)
    if warned and not only_at_its_end(warned):
        return f"the decoder says: {warned}", ""
    block = 8 * max(max(layer[1:3]) for layer in getattr(image, "layer", [(1, 1, 1)]))
    remarks = []
    if seam_step(pixels, block) >= _MIN_STEP:
        # No refusal: of some thousand whole pictures one looks like that.
        remarks.append("brightness or colour jumps at a row of blocks: the file may be damaged, check it")
    if lacks_scans(data):
        remarks.append("the JPEG file lacks some of its scans, and with them fine detail: export it again")
    if warned:
        remarks.append(f"the JPEG file does not end as it should ({warned}): part of it may be damaged")
    return "", "; ".join(remarks)


def complaint(data: bytes) -> str:
    """What libjpeg warns of while it reads all of a JPEG file, as far as it tells of damage; else ""."""
    import simplejpeg

    try:
        # An eighth of the size: every bit is read, few pixels are made.
        simplejpeg.decode_jpeg(data, "GRAY", min_height=1, min_width=1, min_factor=8, strict=True)
    except ValueError as error:
        text = " ".join(str(error).split())
        return text if _DAMAGE.search(text) else ""
    return ""


def lacks_scans(data: bytes) -> bool:
    """Whether a progressive JPEG ends before every component has all 64 coefficients to their last bit: the picture is
    there, and coarser than it was saved (ITU-T T.81, G.1.1: a scan holds coefficients Ss to Se down to bit Al)."""
    place, left = 2, {}
    while (marker := _MARKER.search(data, place)) and marker[0] != b"\xff\xd9":
        start = marker.end()
        length = int.from_bytes(data[start : start + 2])
        segment = data[start + 2 : start + length]
        if marker[0] == b"\xff\xc2" and len(segment) >= 6 + 3 * segment[5]:
            left = {segment[6 + 3 * n]: [True] * 64 for n in range(segment[5])}
        elif marker[0] == b"\xff\xda" and left and len(segment) == 4 + 2 * segment[0]:
            first, last, bits = segment[-3:]
            for component in segment[1:-3:2]:
                if not bits & 15 and component in left:
                    left[component][first : last + 1] = [False] * (last + 1 - first)
        place = start + length
    return any(map(any, left.values()))


def only_at_its_end(warning: str) -> bool:
    """Whether a complaint is of bytes after the last block, or of a missing end marker: the picture may be whole."""
    return bool(_BEFORE_END.search(warning) or _LOST.search(warning))


def seam_step(pixels: NDArray[np.uint8], block: int) -> float:
    """The largest step, in grey levels of brightness or colour, between one whole row of blocks and the row above it.

    ``pixels`` (H, W, 3) RGB as decoded, not turned; ``block``: the height and width of what is coded together, 8 or 16.
    The row may begin anywhere and goes on at the left edge one row lower, as blocks follow each other in the file. At
    least ``_SHARE`` of its blocks step as far, the same way, of those that show something, or of those that are black, and
    nearly equally far: a wrong start value is the same for all, until it makes black or white of some. Where all step far
    they need not be alike. What is under ``_MIN_STEP`` counts as 0.
    """
    rows, columns = pixels.shape[0] // block, pixels.shape[1] // block
    if rows < 3 or columns < 8:
        return 0.0
    first = np.arange(1, rows) * block

    def lines(offset: int) -> Any:
        """Means over a block's width of two lines beside each edge: (rows - 1, columns, 3)."""
        two = np.minimum(first[:, None] + [offset, offset + 1], len(pixels) - 1).ravel()
        # Two by two first, which OpenCV does in a tenth of the time.
        small = cv2.resize(
            pixels[two, : columns * block], (columns * block // 2, len(first)), interpolation=cv2.INTER_AREA
        )
        return cv2.resize(small, (columns, len(first)), interpolation=cv2.INTER_AREA).astype(np.float32)

    below, above = lines(1), lines(-3)
    trend = (lines(5) - below + above - lines(-7)) / 2
    steps: Any = cv2.transform(below - above - trend, _CHANNELS)
    darker, lighter = _largest(np.minimum(below, above)), _largest(np.maximum(below, above))
    shown = darker > _BLACK
    painted = ~shown & (lighter < _DARK)  # black, or what damage makes of it
    return max(
        _common_step(steps[..., c].ravel(), known.ravel(), columns, share)
        for c in range(3)
        for known, share in ((shown, _MIN_SHOWN), (painted, _MIN_PAINTED))
    )


def _largest(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest of the channels (h, w) of a picture (h, w, 3)."""
    red, green, blue = cv2.split(picture)
    return np.asarray(cv2.max(cv2.max(red, green), blue))


def _common_step(
    steps: NDArray[np.float32], known: NDArray[np.bool_], length: int, min_known: float
) -> float:
    """The largest value that most of ``length`` neighbouring steps reach, in one direction, where at least the share
    ``min_known`` of them is known; 0 under ``_MIN_STEP``."""
    first = np.arange(0, len(steps) - length + 1, max(length // 8, 1))

    def count(which: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many of each window."""
        before = np.concatenate([[0], np.cumsum(which)])
        return np.asarray(before[first + length] - before[first])

    counts = count(known)
    place = ((1 - _SHARE) * counts).astype(int)
    far = np.maximum(count(known & (steps >= _MIN_STEP)), count(known & (steps <= -_MIN_STEP)))
    chosen = (counts >= max(min_known * length, _FEWEST)) & (far >= counts - place)
    if not chosen.any():
        return 0.0
    counts, place = counts[chosen], place[chosen]
    windows = first[chosen, None] + np.arange(length)
    ordered = np.sort(np.where(known[windows], steps[windows], np.inf), axis=1)
    rows = np.arange(len(ordered))
    low, high = ordered[rows, place], ordered[rows, counts - 1 - place]
    alike = high - low <= np.maximum(_TEXTURE, _ALIKE * np.abs(ordered[rows, counts // 2]))
    step = np.maximum(low, -high)
    return float(np.where(alike | (step >= _UNLIKE_STEP), step, 0).max())
