"""The study that methods are compared on: graded photographs, measured once and kept beside the results."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.commands.graded import GradedPhotos, pictures_of, usable_photos
from toolkit.correction import corrected
from toolkit.errors import PhotoError
from toolkit.files import write_atomically
from toolkit.images import file_sha256, read_photo
from toolkit.index import class_of
from toolkit.landmarks import default_landmark_model
from toolkit.pigment import seed_threshold_image
from toolkit.pipeline import prepare, read_patches
from toolkit.pool import attempt
from toolkit.prepared import Prepared
from toolkit.progress import Progress, reported, silent
from toolkit.records import REGIONS, FacePatches, Patch, Photo, PhotoFacts, PhotoFile, Window, colour_key
from toolkit.settings import RunSettings, Settings
from toolkit.stagecode import code_hash
from toolkit.study.copies import one_subject_each
from toolkit.workers import map_photos, not_prepared, the_finder

_DAMAGED = (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile)


@dataclass(frozen=True, eq=False)
class MeasuredStudy:
    """n graded photographs side by side.

    ``grades`` (n,) 0-9, ``classes`` (n,) by the settings' edges, ``subjects`` (n,); ``tones`` (n,) the ITA of
    their skin in degrees; ``hashes`` of their files; ``images`` and ``thresholded`` are PNG files of the whole
    photograph and of the 2020 capstone's threshold image, at the size of the baselines; ``left_out`` tells why a
    graded photograph could not be used, ``joined`` in a line what had no partner.
    """

    names: tuple[str, ...]
    hashes: tuple[str, ...]
    facts: tuple[PhotoFacts, ...]
    prepared: tuple[Prepared, ...]
    grades: NDArray[np.float64]
    classes: NDArray[np.intp]
    subjects: NDArray[np.str_]
    tones: NDArray[np.float64]
    images: tuple[Path, ...]
    thresholded: tuple[Path, ...]
    settings: Settings
    joined: str
    left_out: Mapping[str, str]


def load_study(
    graded: GradedPhotos,
    cache: Path,
    settings: Settings,
    image_size: int,
    *,
    landmark_model: Path | None = None,
    workers: int = 1,
    tell: Progress = silent,
) -> MeasuredStudy:
    """Measure each graded photograph, once: what is measured is kept in the folder ``cache``. Raises
    TrainingError where none can be used."""
    wanted, joined = graded.photos, graded.joined
    cached = _MeasuredCache(cache, settings, image_size, _made_with(settings, landmark_model))
    task = partial(_measured, cached=cached)
    measured = map_photos(
        task,
        wanted,
        settings,
        landmark_model,
        workers=workers,
        lost=not_prepared,
        limit_s=RunSettings().time_limit_s,
    )
    found = list(reported(measured, len(wanted), "measuring photographs", tell))
    usable, left_out = usable_photos(found)
    names = [one.name for one in usable]
    hashes = [one.face.sha256 if one.face else "" for one in usable]
    grades = np.array([joined.grades[name] for name in names])
    subjects, copies = one_subject_each(pictures_of(usable, joined))
    return MeasuredStudy(
        tuple(names),
        tuple(hashes),
        tuple(joined.facts[name] for name in names),
        tuple(usable),
        grades,
        class_of(grades, settings.index.class_edges).astype(np.intp),
        np.array(subjects, str),
        np.array([_tone(one) for one in usable]),
        tuple(cached.picture(sha256, "whole") for sha256 in hashes),
        tuple(cached.picture(sha256, "threshold") for sha256 in hashes),
        settings,
        "; ".join([joined.summary(), *(f"warning: {line}" for line in copies)]),
        left_out,
    )


@dataclass(frozen=True)
class _MeasuredCache:
    """Where the measurements of photographs lie: named by the photograph's hash and by what they were ``made_with``."""

    folder: Path
    settings: Settings
    image_size: int
    made_with: str

    def measured(self, sha256: str) -> Path:
        return self.folder / f"{sha256[:32]}-{self.made_with[:12]}.npz"

    def picture(self, sha256: str, kind: str) -> Path:
        return self.folder / f"{sha256[:32]}-{kind}-{self.image_size}.png"


def _made_with(settings: Settings, landmark_model: Path | None) -> str:
    """A hash of all that measurements depend on beside the photograph: code, settings, landmark model."""
    landmarks = landmark_model or default_landmark_model()
    points = file_sha256(landmarks) if landmarks.is_file() else landmarks.name
    return fingerprint([code_hash(), settings.to_json(), points])


def _measured(file: PhotoFile, cached: _MeasuredCache) -> Prepared:
    def work() -> Prepared:
        photo = corrected(read_photo(file.path, cached.settings.photo), file.colour)
        if file.colour:  # corrected in another way it is another picture
            photo = replace(photo, sha256=fingerprint([photo.sha256, colour_key(file.colour)]))
        cached.folder.mkdir(parents=True, exist_ok=True)
        _keep_pictures(photo, cached)
        stored = _load(cached.measured(photo.sha256), file, photo.sha256)
        if stored is None:
            _, face, quality = read_patches(photo, file, the_finder(), cached.settings)
            stored = prepare(face, cached.settings, quality, every_figure=True)
            if stored.inputs:
                _save(cached.measured(photo.sha256), stored)
        return stored

    return attempt(work, partial(not_prepared, file), file.path)


def _keep_pictures(photo: Photo, cached: _MeasuredCache) -> None:
    """The whole photograph and its threshold image, small, as the baselines see them."""
    whole, threshold = (cached.picture(photo.sha256, kind) for kind in ("whole", "threshold"))
    if whole.is_file() and threshold.is_file():
        return
    size = (cached.image_size, cached.image_size)
    small = cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA)
    seed = seed_threshold_image(photo.pixels, cached.settings.pigment.seed_threshold)
    small_seed = cv2.resize(seed, size, interpolation=cv2.INTER_AREA)
    _write(whole, cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    _write(threshold, np.round(255 * small_seed).astype(np.uint8))


def _write(path: Path, pixels: NDArray) -> None:
    done, data = cv2.imencode(".png", pixels)
    if not done:
        raise PhotoError(f"{path}: the small picture cannot be encoded")
    write_atomically(path, lambda file: file.write(data.tobytes()), sync=False)


def _save(path: Path, prepared: Prepared) -> None:
    """Features, network inputs and patches of a photograph as plain arrays."""
    face = prepared.face
    if face is None:
        raise ValueError(f"{prepared.name} has no patches to keep")
    arrays: dict[str, Any] = {
        "columns": np.array(list(prepared.features[0]), str),
        "features": np.array([list(row.values()) for row in prepared.features]),
        "regions": np.array([patch.region for patch in face.patches], str),
        "likeness": np.array([face.likeness, face.mirrored]),
    }
    side = prepared.side or {}
    arrays |= {
        "side_columns": np.array(list(side), str),
        "side": np.array(list(side.values()), np.float64),
        "windows": np.array([dataclasses.astuple(window) for window in prepared.windows], np.int64),
    }
    for number, (picture, parts) in enumerate(zip(prepared.inputs, prepared.parts, strict=True)):
        arrays |= {f"input_{number}": picture, f"parts_{number}": parts}
    for number, patch in enumerate(face.patches):
        arrays |= {
            f"pixels_{number}": patch.pixels,
            f"skin_{number}": patch.skin,
            f"scale_{number}": np.float64(patch.px_per_mm),
            f"place_{number}": patch.to_patch,
        }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_atomically(path, lambda file: file.write(buffer.getvalue()), sync=False)


def _load(path: Path, file: PhotoFile, sha256: str) -> Prepared | None:
    """What ``_save`` kept; None where there is nothing, or nothing whole."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
        columns = arrays["columns"].tolist()
        patches = tuple(
            Patch(
                REGIONS[REGIONS.index(region)],
                arrays[f"pixels_{n}"],
                arrays[f"skin_{n}"],
                float(arrays[f"scale_{n}"]),
                arrays[f"place_{n}"],
            )
            for n, region in enumerate(arrays["regions"].tolist())
        )
        rows = tuple(dict(zip(columns, row, strict=True)) for row in arrays["features"].tolist())
        pictures = sum(key.startswith("input_") for key in arrays)
        inputs = tuple(arrays[f"input_{n}"] for n in range(pictures))
        parts = tuple(arrays[f"parts_{n}"] for n in range(pictures))
        windows = tuple(Window(*row) for row in arrays["windows"].tolist())
        side = dict(zip(arrays["side_columns"].tolist(), arrays["side"].tolist(), strict=True))
        alike, mirrored = arrays["likeness"].tolist()
    except _DAMAGED:  # missing, or cut short: measured anew
        return None
    face = FacePatches(file.name, sha256, patches, likeness=alike, mirrored=mirrored, facts=file.facts)
    return Prepared(
        file.name, face, rows, inputs, side=side, parts=parts, windows=windows, known_facts=file.facts
    )


def _tone(prepared: Prepared) -> float:
    return float(np.mean([row["ita_deg"] for row in prepared.features]))


def fingerprint(told: Iterable[Any]) -> str:
    """A hash of plain values, in their order."""
    return hashlib.sha256(json.dumps(list(told), sort_keys=True, default=str).encode()).hexdigest()
