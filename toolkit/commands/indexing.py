"""Makes the references of a model anew, from patches and their grades."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from toolkit.commands.graded import card_of, listed, pictures_of, usable_photos
from toolkit.errors import PhotoError, TrainingError
from toolkit.model import Model, check_model_target, load_model, refuse_other_model, save_model
from toolkit.patches import load_patches
from toolkit.pipeline import prepare
from toolkit.progress import Progress, reported, silent
from toolkit.study import (
    Columns,
    JoinedGrades,
    join_files,
    mode_of,
    mode_title,
    refuse_several_modes,
    refuse_shared,
    study_photos,
)
from toolkit.study.copies import one_subject_each
from toolkit.thumbnails import thumbnails_of
from toolkit.training import rebuild_index


@dataclass(frozen=True)
class IndexRun:
    """What ``index_patches`` did: the model, and how patches and grades were joined."""

    model: Model
    joined: JoinedGrades


def index_patches(
    patches: Path,
    grades_file: Path | Sequence[Path],
    model_folder: Path,
    out: Path | None = None,
    *,
    columns: Columns = None,
    tell: Progress = silent,
    thumbnails: bool = True,
    retakes: bool = False,
    overwrite: bool = False,
    mode: str | None = None,
) -> IndexRun:
    """Rebuild a model's references from a folder of extracted patches and their grades; ``retakes`` as for
    ``refuse_shared``, ``mode`` as for ``train_study``; ``overwrite``: also over another model than the one whose
    network is used."""
    check_model_target(out or model_folder, listed(grades_file))
    model = load_model(model_folder)
    faces = load_patches(patches)
    hashes = {face.name: face.sha256 for face in faces}
    twice = [face.name for face in faces if hashes[face.name] != face.sha256]
    if twice:
        raise PhotoError(
            f"{patches}: {twice[0]} is the name of two photographs: keep the patches of each study in a folder of its own"
        )
    chosen, _ = study_photos(list(hashes), mode)
    joined = join_files(chosen, grades_file, columns)
    refuse_several_modes(joined.grades, mode)
    _refuse_other_mode(patches, list(joined.grades), model)
    refuse_shared(joined, hashes.__getitem__, retakes)
    if out is not None and not overwrite and os.path.realpath(out) != os.path.realpath(model_folder):
        refuse_other_model(out, {one.subject for one in joined.facts.values()}, hashes.values)
    graded = [face for face in faces if face.name in joined.grades]
    task = partial(prepare, settings=model.settings)
    prepared = list(reported(map(task, graded), len(graded), "measuring patches", tell))
    usable, _ = usable_photos(prepared)
    grades = [joined.grades[photo.name] for photo in usable]
    rebuilt = rebuild_index(model, usable, grades, one_subject_each(pictures_of(usable, joined))[0])
    if thumbnails:
        rebuilt = replace(rebuilt, thumbnails=thumbnails_of(photo.face for photo in usable))
    rebuilt = replace(rebuilt, card={**rebuilt.card, **card_of(usable)})
    save_model(rebuilt, out or model_folder)
    return IndexRun(rebuilt, joined)


def _refuse_other_mode(patches: Path, names: Sequence[str], model: Model) -> None:
    """Raise TrainingError where graded patches are of another mode than the model."""
    if names and mode_of(names[0]) != model.mode:
        raise TrainingError(
            f"{patches}: the graded patches are in {mode_title(mode_of(names[0]))}, and {model.name} was trained on "
            f"{mode_title(model.mode)}: train a model of that mode"
        )
