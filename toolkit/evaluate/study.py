"""The study that methods are compared on: graded photographs, measured once and kept beside the results."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit import __version__
from toolkit.chart import make_chart
from toolkit.errors import FaceError, ModelError, PhotoError, ToolkitError, TrainingError
from toolkit.images import file_sha256, find_photos, read_photo
from toolkit.index import class_of
from toolkit.landmarks import FaceFinder, default_landmark_model
from toolkit.likeness import likeness, mirrored_likeness
from toolkit.patches import cut_patches
from toolkit.pigment import seed_threshold_image
from toolkit.pipeline import Prepared, prepare
from toolkit.quality import assess
from toolkit.records import REGIONS, FacePatches, Patch, Photo, PhotoFacts, Window
from toolkit.settings import RunSettings, Settings
from toolkit.study import (
    Columns,
    JoinedGrades,
    facts_from_name,
    join_files,
    refuse_several_modes,
    refuse_shared,
    study_photos,
)
from toolkit.study.copies import Picture, one_subject_each
from toolkit.workers import contents, map_photos, photo_names, the_finder

Progress = Callable[[str, int, int], None]
_DAMAGED = (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile)
_TONES = ((55.0, "very light"), (41.0, "light"), (28.0, "intermediate"), (10.0, "tan"), (-30.0, "brown"))


@dataclass(frozen=True, eq=False)
class Study:
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


@dataclass(frozen=True, eq=False)
class GradedPhotos:
    """The photographs that have a grade, as (path, name), and how they were joined with the grades."""

    photos: tuple[tuple[Path, str], ...]
    joined: JoinedGrades


def graded_photos(
    images: Sequence[Path],
    grades_file: Path | Sequence[Path],
    columns: Columns = None,
    step: float | None = 0.5,
    retakes: bool = False,
    mode: str | None = None,
) -> GradedPhotos:
    """Join photographs and grades by name; no photograph is decoded. ``retakes`` as for ``refuse_shared``, ``mode``
    for ``study_photos``. Raises PhotoError, GradesError or TrainingError."""
    paths = find_photos(images)
    if not paths:
        raise PhotoError(f"no photographs in {', '.join(map(str, images))}: JPEG, PNG or TIFF are looked for")
    paths = [Path(name) for name in study_photos([str(path) for path in paths], mode)[0]]
    names = photo_names(paths)
    joined = join_files(names, grades_file, columns, step, dict(zip(names, paths, strict=True)))
    refuse_several_modes(joined.grades, mode)
    refuse_shared(joined, contents(paths), retakes)
    graded = tuple(pair for pair in zip(paths, names, strict=True) if pair[1] in joined.grades)
    return GradedPhotos(graded, joined)


def load_study(
    graded: GradedPhotos,
    cache: Path,
    settings: Settings,
    image_size: int,
    landmark_model: Path | None = None,
    workers: int = 1,
    tell: Progress = lambda stage, done, total: None,
) -> Study:
    """Measure each graded photograph, once: what is measured is kept in the folder ``cache``. Raises
    TrainingError where none can be used."""
    wanted, joined = graded.photos, graded.joined
    kept = _Kept(cache, settings, image_size, landmark_model)
    found: list[_Measured] = []
    task = partial(_measured, kept=kept)
    measured = map_photos(task, wanted, settings, landmark_model, workers, _lost, RunSettings().time_limit_s)
    for done, one in enumerate(measured, 1):
        found.append(one)
        tell("photographs", done, len(wanted))
    usable = [one for one in found if one.prepared.inputs]
    if not usable:
        reason = found[0].prepared.error if found else "none has a grade"
        raise TrainingError(f"no photograph could be used: {reason}")
    names = [one.prepared.name for one in usable]
    grades = np.array([joined.grades[name] for name in names])
    pictures = [
        Picture(
            one.prepared.name, joined.facts[one.prepared.name].subject, one.sha256,
            one.likeness, joined.grades[one.prepared.name], one.mirrored,
        )
        for one in usable
    ]  # fmt: skip
    subjects, copies = one_subject_each(pictures)
    return Study(
        tuple(names),
        tuple(one.sha256 for one in usable),
        tuple(joined.facts[name] for name in names),
        tuple(one.prepared for one in usable),
        grades,
        class_of(grades, settings.index.class_edges).astype(np.intp),
        np.array(subjects, str),
        np.array([_tone(one.prepared) for one in usable]),
        tuple(kept.picture(one.sha256, "whole") for one in usable),
        tuple(kept.picture(one.sha256, "threshold") for one in usable),
        settings,
        "; ".join([joined.summary(), *(f"warning: {line}" for line in copies)]),
        {one.prepared.name: one.prepared.error for one in found if not one.prepared.inputs},
    )


def tone_name(ita: float) -> str:
    """Chardon's name of a skin tone by its ITA in degrees: "very light" over 55, ..., "dark" up to -30."""
    return next((name for bound, name in _TONES if ita > bound), "dark")


@dataclass(frozen=True, eq=False)
class _Measured:
    prepared: Prepared
    sha256: str
    likeness: str = ""
    mirrored: str = ""


@dataclass(frozen=True)
class _Kept:
    """Where the measurements of photographs lie: named by the photograph's hash and by what they depend on."""

    folder: Path
    settings: Settings
    image_size: int
    landmark_model: Path | None

    def measured(self, sha256: str) -> Path:
        landmarks = self.landmark_model or default_landmark_model()
        told = [__version__, self.settings.to_json(), landmarks.name]
        if landmarks.is_file():
            told.append(file_sha256(landmarks))
        return self.folder / f"{sha256[:32]}-{hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]}.npz"

    def picture(self, sha256: str, kind: str) -> Path:
        return self.folder / f"{sha256[:32]}-{kind}-{self.image_size}.png"


def _lost(job: tuple[Path, str], reason: str) -> _Measured:
    return _Measured(Prepared(job[1], error=reason), "")


def _measured(job: tuple[Path, str], kept: _Kept) -> _Measured:
    path, name = job
    try:
        photo = read_photo(path, kept.settings.photo)
    except PhotoError as error:
        return _Measured(Prepared(name, error=str(error)), "")
    try:
        kept.folder.mkdir(parents=True, exist_ok=True)
        _keep_pictures(photo, kept)
        stored = _load(kept.measured(photo.sha256), name)
        if stored is None:
            stored = _prepare(photo, name, kept.settings, the_finder())
            if stored.inputs:
                _save(kept.measured(photo.sha256), stored)
        return _Measured(stored, photo.sha256, likeness(photo.pixels), mirrored_likeness(photo.pixels))
    except ModelError:  # the landmark model's fault, not the photo's
        raise
    except ToolkitError as error:
        return _Measured(Prepared(name, error=str(error)), photo.sha256)
    except (
        Exception
    ) as error:  # one odd photo must not end a study; the list of those left out says what happened
        reason = " ".join(str(error).split())
        return _Measured(Prepared(name, error=f"unexpected {type(error).__name__}: {reason}"), photo.sha256)


def _prepare(photo: Photo, name: str, settings: Settings, finder: FaceFinder) -> Prepared:
    try:
        face = finder.find(photo, facts_from_name(name).side)
    except FaceError as error:
        return Prepared(name, error=str(error))
    chart = make_chart(photo, face, settings.chart, settings.patch.px_per_mm)
    patches, dropped = cut_patches(chart, face.side, settings.patch)
    quality = assess(photo, face, patches, settings.quality, chart)
    found = FacePatches(name, photo.sha256, patches, face, dropped, quality.label, chart=chart)
    return prepare(found, settings)


def _keep_pictures(photo: Photo, kept: _Kept) -> None:
    """The whole photograph and its threshold image, small, as the baselines see them."""
    whole, threshold = (kept.picture(photo.sha256, kind) for kind in ("whole", "threshold"))
    if whole.is_file() and threshold.is_file():
        return
    size = (kept.image_size, kept.image_size)
    small = cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA)
    seed = seed_threshold_image(photo.pixels, kept.settings.pigment.seed_threshold)
    small_seed = cv2.resize(seed, size, interpolation=cv2.INTER_AREA)
    _write(whole, cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    _write(threshold, np.round(255 * small_seed).astype(np.uint8))


def _write(path: Path, pixels: NDArray) -> None:
    done, data = cv2.imencode(".png", pixels)
    if not done:
        raise PhotoError(f"{path}: the small picture cannot be encoded")
    _replace(path, data.tobytes())


def _replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        raise ToolkitError(
            f"{path}: cannot be written ({error.strerror}): free space, or name another --out"
        ) from None


def _save(path: Path, prepared: Prepared) -> None:
    """Features, network inputs and patches of a photograph as plain arrays."""
    face = prepared.face
    if face is None:
        raise ValueError(f"{prepared.name} has no patches to keep")
    arrays: dict[str, Any] = {
        "columns": np.array(list(prepared.features[0]), str),
        "features": np.array([list(row.values()) for row in prepared.features]),
        "regions": np.array([patch.region for patch in face.patches], str),
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
    _replace(path, buffer.getvalue())


def _load(path: Path, name: str) -> Prepared | None:
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
    except _DAMAGED:  # missing, or cut short: measured anew
        return None
    return Prepared(
        name, FacePatches(name, "", patches), rows, inputs, side=side, parts=parts, windows=windows
    )


def _tone(prepared: Prepared) -> float:
    return float(np.mean([row["ita_deg"] for row in prepared.features]))


def fingerprint(told: Iterable[Any]) -> str:
    """A hash of plain values, in their order."""
    return hashlib.sha256(json.dumps(list(told), sort_keys=True, default=str).encode()).hexdigest()
