"""The study that methods are compared on: graded photographs, measured once and kept beside the results.

Whoever measures a photograph sends what is to be kept; the process that loads the study writes it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import platform
import time
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.commands.graded import GradedPhotos, pictures_of, usable_photos
from toolkit.correction import corrected
from toolkit.errors import PhotoError, ToolkitError
from toolkit.files import make_folder, write_atomically
from toolkit.images import file_sha256, read_photo
from toolkit.index import class_of
from toolkit.landmarks import default_landmark_model
from toolkit.pigment import seed_threshold_image
from toolkit.pipeline import prepare, read_patches
from toolkit.pool import Workers, attempt
from toolkit.prepared import Prepared
from toolkit.progress import Progress, reported, silent
from toolkit.records import REGIONS, FacePatches, Patch, Photo, PhotoFacts, PhotoFile, Window, colour_key
from toolkit.settings import RunSettings, Settings
from toolkit.stagecode import code_hash
from toolkit.study.copies import one_subject_each
from toolkit.workers import map_photos, not_prepared, the_finder

_DAMAGED = (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile)
_SEEN_WITHIN_S = 90.0  # until another machine sees a new file of a network drive


@dataclass(frozen=True, eq=False)
class MeasuredStudy:
    """n graded photographs side by side.

    ``grades`` (n,) 0-9, ``classes`` (n,) by the settings' edges, ``subjects`` (n,); ``tones`` (n,) the ITA of
    their skin in degrees; ``hashes`` of their files; ``images`` and ``thresholded`` are PNG files of the whole
    photograph and of the 2020 capstone's threshold image, at the size of the baselines, and ``measured`` the files that
    ``prepared`` can be read from; ``left_out`` tells why a graded photograph could not be used, ``joined`` in a line
    what had no partner.
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
    measured: tuple[Path, ...] = ()

    def groups(self, split: str) -> NDArray[np.str_]:
        """What a split ("subject" or "photo") keeps on one side (n,)."""
        return self.subjects if split == "subject" else np.array(self.names, str)

    def without_photographs(self) -> MeasuredStudy:
        """What another machine needs to read the rest ``with_photographs``."""
        return replace(self, prepared=())

    def with_photographs(self) -> MeasuredStudy:
        """What ``without_photographs`` left out, read from the files; ToolkitError on a machine that does not see them."""
        deadline = time.monotonic() + _SEEN_WITHIN_S
        photographs: list[Prepared] = []
        while (number := len(photographs)) < len(self.names):
            path = self.measured[number]
            one = _load(path, self.names[number], self.facts[number], self.hashes[number])
            if one and self.images[number].is_file() and self.thresholded[number].is_file():
                photographs.append(one)
            elif time.monotonic() > deadline:
                raise _unseen(path)
            else:
                time.sleep(1)
        return replace(self, prepared=tuple(photographs))


def _unseen(path: Path) -> ToolkitError:
    return ToolkitError(
        f"{path.absolute()}: is not seen on the machine {platform.node()}: with --cluster, --out must lie on a drive that "
        "all machines see under one path"
    )


def load_study(
    graded: GradedPhotos,
    cache: Path,
    settings: Settings,
    image_size: int,
    *,
    landmark_model: Path | None = None,
    workers: Workers = 1,
    tell: Progress = silent,
) -> MeasuredStudy:
    """Measure each graded photograph, once: what is measured is kept in the folder ``cache``. Raises
    TrainingError where none can be used, ToolkitError where a machine of a cluster does not see that folder."""
    wanted, joined = graded.photos, graded.joined
    make_folder(cache, "--out")
    cached = _MeasuredCache(cache, settings, image_size, _made_with(settings, landmark_model))
    task = partial(_measured, cached=cached)
    measured = map_photos(
        task,
        wanted,
        settings,
        landmark_model,
        workers=workers,
        lost=_not_measured,
        limit_s=RunSettings().time_limit_s,
    )
    found = [_kept(one) for one in reported(measured, len(wanted), "measuring photographs", tell)]
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
        tuple(cached.measured(sha256) for sha256 in hashes),
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


@dataclass(frozen=True, eq=False)
class _Measured:
    """A photograph's measurements, and what is to be written of them, by the paths of the cache."""

    prepared: Prepared
    files: Mapping[Path, bytes] = field(default_factory=dict)


def _kept(measured: _Measured) -> Prepared:
    for path, content in measured.files.items():
        _write(path, content)
    return measured.prepared


def _write(path: Path, content: bytes) -> None:
    write_atomically(path, lambda file: file.write(content), sync=False)


def _not_measured(file: PhotoFile, reason: str) -> _Measured:
    return _Measured(not_prepared(file, reason))


def _measured(file: PhotoFile, cached: _MeasuredCache) -> _Measured:
    def work() -> _Measured:
        photo = corrected(read_photo(file.path, cached.settings.photo), file.colour)
        if file.colour:  # corrected in another way it is another picture
            photo = replace(photo, sha256=fingerprint([photo.sha256, colour_key(file.colour)]))
        files = _small_pictures(photo, cached)
        path = cached.measured(photo.sha256)
        stored = _load(path, file.name, file.facts, photo.sha256)
        if stored is None:
            _, face, quality = read_patches(photo, file, the_finder(), cached.settings)
            stored = prepare(face, cached.settings, quality, every_figure=True)
            if stored.inputs:
                files[path] = _as_arrays(stored)
        return _Measured(stored, files)

    if not cached.folder.is_dir():
        raise _unseen(cached.folder)
    return attempt(work, partial(_not_measured, file), file.path)


def _small_pictures(photo: Photo, cached: _MeasuredCache) -> dict[Path, bytes]:
    """The whole photograph and its threshold image, small, as the baselines see them; nothing if they are there."""
    whole, threshold = (cached.picture(photo.sha256, kind) for kind in ("whole", "threshold"))
    if whole.is_file() and threshold.is_file():
        return {}
    size = (cached.image_size, cached.image_size)
    small = cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA)
    seed = seed_threshold_image(photo.pixels, cached.settings.pigment.seed_threshold)
    small_seed = cv2.resize(seed, size, interpolation=cv2.INTER_AREA)
    return {
        whole: _png(cv2.cvtColor(small, cv2.COLOR_RGB2BGR)),
        threshold: _png(np.round(255 * small_seed).astype(np.uint8)),
    }


def _png(pixels: NDArray) -> bytes:
    done, data = cv2.imencode(".png", pixels)
    if not done:
        raise PhotoError("the small picture cannot be encoded")
    return data.tobytes()


def _as_arrays(prepared: Prepared) -> bytes:
    """Features, network inputs and patches of a photograph as plain arrays (.npz)."""
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
    return buffer.getvalue()


def _load(path: Path, name: str, facts: PhotoFacts, sha256: str) -> Prepared | None:
    """What ``_as_arrays`` made; None where there is nothing, or nothing whole."""
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
    face = FacePatches(name, sha256, patches, likeness=alike, mirrored=mirrored, facts=facts)
    return Prepared(name, face, rows, inputs, side=side, parts=parts, windows=windows, known_facts=facts)


def _tone(prepared: Prepared) -> float:
    return float(np.mean([row["ita_deg"] for row in prepared.features]))


def fingerprint(told: Iterable[Any]) -> str:
    """A hash of plain values, in their order."""
    return hashlib.sha256(json.dumps(list(told), sort_keys=True, default=str).encode()).hexdigest()
