"""Phantom studies on disk -> prepared studies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.changed import Pixels
from benchmarks.people import HELD_OUT, THIRD, some_of
from benchmarks.phantoms import planted_map, prepared_photos, subject_of
from benchmarks.studies.study import SEED, Study, joined, load_study, save_study, slim
from toolkit.commands.phantoms import make_phantoms
from toolkit.commands.shared import default_workers
from toolkit.errors import ToolkitError
from toolkit.images import find_photos
from toolkit.progress import Progress
from toolkit.records import FacePatches
from toolkit.settings import Settings
from toolkit.siamese.inputs import CHANNELS

SETS = {"drawn half": "half", "drawn whole": "full", "painted half": "half", "painted whole": "full"}
TOGETHER = "all together"
LOADS = {"cohort": "grades as in a real cohort", "spread": "grades spread over 0-9"}
PAINTINGS = 4  # of each photograph, all one subject


def studies_of(
    work: Path,
    sets: Sequence[str],
    load: str,
    subjects: int,
    faces: Path | None,
    settings: Settings,
    tell: Progress,
) -> Iterator[tuple[str, Study]]:
    """The chosen sets, and where all four are, these together."""
    made = []
    for kind in sets:
        made.append(prepared_study(work, kind, load, subjects, faces, settings, tell))
        yield kind, made[-1]
    if len(made) == len(SETS):
        yield TOGETHER, joined(made)


def prepared_study(
    work: Path, kind: str, load: str, subjects: int, faces: Path | None, settings: Settings, tell: Progress
) -> Study:
    """The study of a set and load; made and prepared, unless an earlier run with the same settings did."""
    painted = kind.startswith("painted")
    if painted and faces is None:
        raise ToolkitError(f"{kind}: needs --faces, a folder of frontal photographs")
    people = some_of(faces, work / "people", (*THIRD, *HELD_OUT)) if painted and faces else None
    count = PAINTINGS * len(find_photos([people])) if people else subjects
    folder = work / f"{kind}-{load}-{count}".replace(" ", "-")
    kept, made_with = folder / "prepared.npz", preparation(settings)
    if kept.is_file() and (study := load_study(kept, made_with)):
        return study
    if not (folder / "maps").is_dir() or not (folder / "truth.csv").is_file():
        seed = SEED + 10 * list(SETS).index(kind) + list(LOADS).index(load)
        make_phantoms(
            folder, count, 1, SETS[kind], seed=seed, faces=people, workers=default_workers(),
            tell=lambda _, done, total: tell(f"phantoms: {kind}, {load}", done, total),
            grades=baseline_grades(load, count, seed), save_maps=True,
        )  # fmt: skip
    study = prepare_study(folder, kind, people, settings, f"patches: {kind}, {load}", tell)
    save_study(kept, study, made_with)
    return study


def baseline_grades(load: str, subjects: int, seed: int) -> list[float] | None:
    """Latent grades of subjects, in random order; None where they shall be drawn as in a real cohort."""
    spread = np.random.default_rng(seed).permutation(np.linspace(0.1, 8.9, subjects))
    return [float(grade) for grade in spread] if load == "spread" else None


def preparation(settings: Settings) -> str:
    """The settings that what is kept depends on."""
    parts = {name: asdict(getattr(settings, name)) for name in ("photo", "face", "chart", "patch", "pigment")}
    encoder = {name: getattr(settings.encoder, name) for name in ("px_per_mm", "map_gain", "map_clip")}
    return json.dumps({**parts, "encoder": encoder, "channels": CHANNELS, "planted": "side"})


def prepare_study(
    folder: Path, kind: str, people: Path | None, settings: Settings, stage: str, tell: Progress
) -> Study:
    """Photographs on disk -> features, encoder inputs and small colour patches."""
    sitters = len(find_photos([people])) if people else 0
    rgb: list[tuple[Pixels, ...]] = []
    photos, rows, planted, lost = [], [], [], []
    for photo, row in prepared_photos(folder, settings, stage, tell):
        if photo.error or photo.face is None:
            lost.append(f"{photo.name}: {photo.error}")
            continue
        rows.append(row)
        sizes = [picture.shape[1::-1] for picture in photo.patch_inputs()]
        patches = zip(photo.face.patches, sizes, strict=True)
        rgb.append(
            tuple(cv2.resize(patch.pixels, size, interpolation=cv2.INTER_AREA) for patch, size in patches)
        )
        planted.append(planted_figures(planted_map(folder, photo.name), photo.face))
        photos.append(slim(replace(photo, name=f"{kind}/{photo.name}")))
    return Study(
        tuple(photos),
        np.array([float(row["latent_grade"]) for row in rows]),
        np.array([[float(row[f"grader_{number}"]) for number in (1, 2, 3)] for row in rows]),
        np.array([float(row["ita"]) for row in rows]),
        np.array([subject_of(row["subject"], kind, sitters) for row in rows]),
        tuple(rgb),
        np.array(planted).reshape(len(rows), 2),
        tuple(lost),
    )


def planted_figures(planted: NDArray[np.float32], face: FacePatches) -> tuple[float, float]:
    """The means of a planted map (H, W), green OD, and of its square root, over the skin that is measured."""
    if face.chart is None:
        raise ToolkitError(f"{face.name}: there is no chart")
    skin = face.chart.skin
    there = np.maximum(cv2.warpAffine(planted, face.chart.to_chart, skin.shape[::-1]), 0)[skin]
    return float(there.mean()), float(np.sqrt(there).mean())
