"""Whether two files show the same picture: a perceptual hash that survives saving anew, compressing and resizing."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SIDE = 16  # of the square of frequencies that are kept: 256 bits
# Bits in which copies may differ. Saved anew, halved or enlarged they differ in 8 at most, photographs of one side of one
# person at two visits in 26 at least.
SAME, SURELY_SAME = 10, 4
# The same for a mirror image and what it was made of: 8 at most on 556 whole faces and halves, over 6 on one of them, and
# 20 at least between people. A person's left half and the mirror image of the right one differ in 12 at least.
MIRRORED = 6


def likeness(pixels: NDArray[np.uint8]) -> str:
    """The hash of a picture (H, W, 3) RGB, in hexadecimal."""
    return _hash(_reduced(pixels))


def mirrored_likeness(pixels: NDArray[np.uint8]) -> str:
    """The hash of a picture's mirror image."""
    return _hash(_reduced(pixels)[:, ::-1])


def likenesses(pixels: NDArray[np.uint8]) -> tuple[str, str]:
    """The hashes of a picture and of its mirror image, from one reduced picture."""
    small = _reduced(pixels)
    return _hash(small), _hash(small[:, ::-1])


def _reduced(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (4 * _SIDE, 4 * _SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _hash(small: NDArray[np.uint8]) -> str:
    import imagehash

    return str(imagehash.phash(Image.fromarray(small), hash_size=_SIDE, highfreq_factor=4))


def bits_apart(ones: Sequence[str], others: Sequence[str]) -> NDArray[np.int64]:
    """In how many bits each of n hashes differs from each of m others: (n, m); all of them where either is ""."""
    one, other = _bits(ones), _bits(others)
    apart = one @ (1 - other).T + (1 - one) @ other.T
    known = np.array([bool(text) for text in ones])[:, None] & np.array([bool(text) for text in others])
    return np.where(known, np.rint(apart), _SIDE**2).astype(np.int64)


def _bits(hashes: Sequence[str]) -> NDArray[np.float32]:
    bytes_each = _SIDE**2 // 8
    raw = b"".join(bytes.fromhex(text) if text else bytes(bytes_each) for text in hashes)
    return np.unpackbits(np.frombuffer(raw, np.uint8).reshape(len(hashes), bytes_each), axis=1).astype(
        np.float32
    )
