"""The camera and the file: light to sRGB by a tone curve, sharpened, with noise, reduced, compressed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ToolkitError
from toolkit.phantom import optics
from toolkit.phantom.distractors import Distractors
from toolkit.phantom.optics import Bytes, Float

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_SHARP_PX = 1.0


def take(
    light: Float,
    pose: NDArray[np.float64],
    session: Distractors,
    rng: np.random.Generator,
    *,
    resolution: float = 1.0,
) -> Bytes:
    """Linear light (H, W, 3) moved by ``pose`` (2, 3), as the session's camera encodes it; ``resolution``: side of the
    picture relative to the light's, over 0 to 1."""
    size = (light.shape[1], light.shape[0])
    if session.crosstalk:
        light = cv2.transform(light, _crosstalk(session.crosstalk))
    pixels = optics.to_srgb(cv2.warpAffine(light, pose, size, borderMode=cv2.BORDER_REPLICATE))
    if session.tone or session.saturation != 1:
        pixels = _developed(pixels, session)
    if session.sharpen:
        soft = cv2.GaussianBlur(pixels, (0, 0), _SHARP_PX)
        pixels = cv2.addWeighted(pixels, 1 + session.sharpen, soft, -session.sharpen, 0)
    grain: Float = rng.standard_normal(pixels.shape, dtype=np.float32)
    grain *= np.float32(255 * session.noise)
    pixels = cv2.convertScaleAbs(np.maximum(grain + pixels, 0))
    if resolution < 1:
        pixels = cv2.resize(pixels, None, fx=resolution, fy=resolution, interpolation=cv2.INTER_AREA)
    return pixels


def _crosstalk(share: float) -> NDArray[np.float32]:
    """(3, 3): each channel's light, less what it gives its neighbours."""
    half = share / 2
    return np.array([[1 - share, share, 0], [half, 1 - share, half], [0, share, 1 - share]], np.float32)


def _developed(pixels: Bytes, session: Distractors) -> Bytes:
    """A camera's own look: an S-shaped tone curve on the codes, colours drawn from grey."""
    codes = np.arange(256, dtype=np.float32) / 255
    curve = codes + 2 * session.tone * codes * (1 - codes) * (2 * codes - 1)
    shown: Float = cv2.LUT(pixels, np.clip(255 * curve, 0, 255).astype(np.float32))
    grey = (shown @ _LUMA)[..., None]
    return np.clip(grey + session.saturation * (shown - grey) + 0.5, 0, 255).astype(np.uint8)


def jpeg(pixels: Bytes, session: Distractors) -> bytes:
    """The picture (H, W, 3) RGB as a JPEG file of the session's quality and sampling of colour."""
    sampling = (
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if session.subsampled else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    )
    options = [cv2.IMWRITE_JPEG_QUALITY, session.jpeg_quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), options)
    if not done:
        raise ToolkitError("a photograph could not be encoded as JPEG")
    return data.tobytes()
