"""What the product measures on the photographs, and candidate maps of melanin beside the planted one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from zlib import crc32

import cv2
import numpy as np
from skimage.color import rgb2lab

from benchmarks.people import SETTINGS
from benchmarks.pigment.photographs import LOADS, Job, Photo, make_person
from toolkit.errors import ToolkitError
from toolkit.geometry import warp
from toolkit.phantom.study import MAP_SCALE
from toolkit.photos import photo_files
from toolkit.pigment import components, deviations, measure, smooth_over, weigh_regions
from toolkit.pipeline import read_face
from toolkit.records import Patch
from toolkit.settings import PigmentSettings
from toolkit.workers import the_finder

PIXELS_A_PHOTO = 1000


@dataclass(frozen=True)
class Measured:
    """What the product measures on a photo; ``pixels`` (n, maps + 1): sampled maps, the planted OD last."""

    photo: Photo
    features: Mapping[str, float] = field(default_factory=dict)
    pixels: np.ndarray | None = None
    map_names: tuple[str, ...] = ()
    seconds_read: float = 0.0
    seconds_features: float = 0.0
    error: str = ""


def measure_person(job: Job) -> list[Measured]:
    """All photographs of a person, made where they are not there yet."""
    return [measure_photo(photo) for photo in make_person(job)]


def measure_photo(photo: Photo) -> Measured:
    """Reads, finds, cuts and measures as the product does."""
    started = time.process_time()
    try:
        _, face, _ = read_face(photo_files([photo.path])[0], the_finder(), SETTINGS)
    except ToolkitError as error:
        return Measured(photo, error=str(error))
    if not face.patches:
        return Measured(photo, error=f"{photo.path.name}: no patch holds enough skin")
    read = time.process_time()
    rows = {patch.region: measure(patch, SETTINGS.pigment)[0] for patch in face.patches}
    done = time.process_time()
    names, pixels = sample_pixels(photo, face.patches) if photo.variant in LOADS else ((), None)
    return Measured(
        photo, weigh_regions(list(rows.values()), list(rows)), pixels, names, read - started, done - read
    )


def sample_pixels(photo: Photo, patches: Sequence[Patch]) -> tuple[tuple[str, ...], np.ndarray]:
    """Some skin pixels of the patches: each map's value, and the planted OD last."""
    planted: Any = cv2.imread(str(photo.path.with_suffix(".png")), cv2.IMREAD_GRAYSCALE)
    tables = []
    for patch in patches:
        maps = pixel_maps(patch, SETTINGS.pigment)
        truth = warp(planted, patch.to_patch, patch.skin.shape[::-1]).astype(np.float32) / MAP_SCALE
        tables.append(np.column_stack([one[patch.skin] for one in (*maps.values(), truth)]))
    table = np.concatenate(tables).astype(np.float32)
    rng = np.random.default_rng(crc32(f"{photo.set} {photo.variant} {photo.path.name}".encode()))
    return tuple(maps), table[rng.choice(len(table), min(PIXELS_A_PHOTO, len(table)), replace=False)]


def pixel_maps(patch: Patch, settings: PigmentSettings) -> dict[str, np.ndarray]:
    """Candidate maps of melanin, higher where there should be more; all but the seed's own smoothed alike."""

    def smooth(values: np.ndarray, millimetres: float) -> np.ndarray:
        return smooth_over(values.astype(np.float32), patch.skin, millimetres * patch.px_per_mm)

    seed = (patch.pixels.max(axis=-1) - cv2.cvtColor(patch.pixels, cv2.COLOR_RGB2GRAY).astype(float)) / 255
    soft_seed = smooth(seed, settings.smooth_mm)
    yellow = smooth(rgb2lab(patch.pixels)[..., 2], settings.smooth_mm)
    maps = {
        "V - grey": seed,
        "V - grey less background": soft_seed - smooth(soft_seed, settings.background_mm),
        "b*": yellow,
        "b* less background": yellow - smooth(yellow, settings.background_mm),
    }
    densities = components(patch, settings)
    for name, width in backgrounds(settings).items():
        found = deviations(densities, patch, width)
        maps[f"melanin, {name}"] = found.melanin
        maps[f"sqrt(M+ D+), {name}"] = np.sqrt(np.maximum(found.melanin, 0) * np.maximum(found.darkness, 0))
    maps["melanin of measure()"] = measure(patch, settings)[1].melanin
    return maps


def backgrounds(settings: PigmentSettings) -> dict[str, float]:
    """The widths (mm) at which skin is compared with its surroundings: "near", "wide", ..."""
    ending = "background_mm"
    return {
        name.removesuffix(ending).rstrip("_") or "near": width
        for name, width in asdict(settings).items()
        if name.endswith(ending)
    }
