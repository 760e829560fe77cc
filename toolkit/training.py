"""From graded photographs to a model, cross-fitted by subject.

Each subject's learnt features come from an encoder and references that never saw the subject; the blend is
fitted on those, and scored on folds of subjects that it never saw. The final encoder and references are
then made from everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

import toolkit
from toolkit.blend import Blend, PatchBlend, combine, conformal_half_width, fit_weights
from toolkit.errors import TrainingError
from toolkit.index import ReferenceIndex, References
from toolkit.model import Model
from toolkit.pipeline import PatchTable, Prepared
from toolkit.records import REGIONS
from toolkit.settings import Settings
from toolkit.siamese import Encoder, train_encoder
from toolkit.study import subject_folds

Progress = Callable[[str, int, int], None]
Folds = Sequence[tuple[NDArray, NDArray]]


@dataclass(frozen=True, eq=False)
class Trained:
    """The model, and the out-of-fold grades (photos,) that its scores and intervals rest on."""

    model: Model
    folds: Folds
    predicted: NDArray[np.float64]


def train(
    prepared: Sequence[Prepared],
    grades: Sequence[float],
    subjects: Sequence[str],
    settings: Settings,
    folds: int = 5,
    seed: int = 0,
    progress: Progress | None = None,
) -> Trained:
    """Train on prepared photographs, one grade (0-9) and one subject each.

    ``progress`` is told (stage, done, total). Raises TrainingError when the study is too small, has one
    grade only, or a photograph without patches.
    """
    y, groups = np.asarray(grades, float), np.asarray(subjects, str)
    table = PatchTable(prepared)
    if not len(prepared):
        raise TrainingError("no graded photographs: nothing to train on")
    if np.setdiff1d(np.arange(len(prepared)), table.photo).size:
        raise TrainingError("a photograph without patches cannot be trained on: leave it out")
    if np.ptp(y) == 0:
        raise TrainingError("all photographs have the same grade: nothing can be learnt from them")
    tell = progress or (lambda stage, done, total: None)
    splits = subject_folds(list(groups), y, folds, seed)
    learnt = _learnt_out_of_fold(table, y, groups, splits, settings, seed, tell)
    tell("blend", 0, 1)
    predicted, blend = _fit_blend(table, y, groups, learnt, splits, settings, seed)
    tell("blend", 1, 1)
    everybody = np.arange(len(prepared))
    encoder, index = _fit_encoder(table, y, groups, everybody, settings, seed, "final encoder", tell)
    card = {
        "toolkit": toolkit.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "photos": len(prepared),
        "subjects": len(np.unique(groups)),
        "references": index.class_counts(),
        "folds": folds,
        "seed": seed,
        "half_width": blend.half_width,
        "weights": dict(blend.weights),
    }
    return Trained(Model(settings, encoder, index, blend, card), splits, predicted)


def references(
    table: PatchTable, embeddings: NDArray[np.float32], grades: NDArray, subjects: NDArray
) -> References:
    """Graded references of a table's patches; ``grades`` and ``subjects`` are one a photo."""
    return References(
        embeddings,
        grades[table.photo].astype(np.float32),
        np.asarray(subjects, str)[table.photo],
        np.array(table.photos, str)[table.photo],
        np.array(table.regions, str),
    )


def _fit_encoder(
    table: PatchTable,
    grades: NDArray,
    subjects: NDArray,
    photos: NDArray,
    settings: Settings,
    seed: int,
    stage: str,
    tell: Progress,
) -> tuple[Encoder, ReferenceIndex]:
    """An encoder and its references from the given photos alone."""
    rows = np.flatnonzero(np.isin(table.photo, photos))
    encoder = train_encoder(
        [table.inputs[row] for row in rows],
        grades[table.photo[rows]],
        settings.encoder,
        seed,
        lambda epoch, epochs, loss: tell(stage, epoch, epochs),
    )
    embeddings, _ = encoder.embed([table.inputs[row] for row in rows])
    everything = np.zeros((len(table.inputs), settings.encoder.embedding), np.float32)
    everything[rows] = embeddings
    bank = references(table, everything, grades, subjects).take(rows)
    return encoder, ReferenceIndex.build(bank, settings.index, seed)


def _learnt_out_of_fold(
    table: PatchTable,
    grades: NDArray,
    subjects: NDArray,
    splits: Folds,
    settings: Settings,
    seed: int,
    tell: Progress,
) -> tuple[tuple[str, ...], NDArray, NDArray]:
    """Columns, index features (patches, q) and embedding scores (patches,), out of fold."""
    columns: tuple[str, ...] = ()
    scores = np.zeros(len(table.inputs))
    features = np.zeros((len(table.inputs), 0))
    for number, (train_photos, test_photos) in enumerate(splits, 1):
        stage = f"encoder, fold {number} of {len(splits)}"
        encoder, index = _fit_encoder(
            table, grades, subjects, train_photos, settings, seed + number, stage, tell
        )
        if not columns:
            columns = index.columns
            features = np.zeros((len(table.inputs), len(columns)))
        rows = np.flatnonzero(np.isin(table.photo, test_photos))
        embeddings, scores[rows] = encoder.embed([table.inputs[row] for row in rows])
        regions = [table.regions[row] for row in rows]
        features[rows] = index.features(embeddings, regions, list(subjects[table.photo[rows]]))
    return columns, features, scores


def _fit_blend(
    table: PatchTable,
    grades: NDArray,
    subjects: NDArray,
    learnt: tuple[tuple[str, ...], NDArray, NDArray],
    splits: Folds,
    settings: Settings,
    seed: int,
) -> tuple[NDArray[np.float64], Blend]:
    """Out-of-fold grades (photos,), and the blend fitted on everybody."""
    columns = table.blend_columns(learnt[0])
    values = table.blend_values(*learnt[1:])
    patch_y, patch_subjects = grades[table.photo], subjects[table.photo]
    prior = settings.blend.mmasi_weights

    def fit(rows: NDArray) -> PatchBlend:
        return PatchBlend.fit(
            columns, values[rows], patch_y[rows], patch_subjects[rows], settings.blend, seed
        )

    patch_grades = np.zeros(len(values))
    for train_photos, test_photos in splits:
        rows = np.flatnonzero(np.isin(table.photo, test_photos))
        trained = fit(np.flatnonzero(np.isin(table.photo, train_photos)))
        patch_grades[rows] = trained.predict(columns, values[rows])
    by_photo = table.by_photo(patch_grades)
    predicted = np.zeros(len(grades))
    for train_photos, test_photos in splits:
        weights = fit_weights(by_photo[train_photos], grades[train_photos], prior)
        predicted[test_photos] = combine(by_photo[test_photos], weights)
    weights = fit_weights(by_photo, grades, prior)
    half_width = conformal_half_width(predicted - grades, subjects, settings.blend.coverage, seed)
    blend = Blend(fit(np.arange(len(values))), dict(zip(REGIONS, weights.tolist(), strict=True)), half_width)
    return predicted, blend


def rebuild_index(
    model: Model, prepared: Sequence[Prepared], grades: Sequence[float], subjects: Sequence[str]
) -> Model:
    """The model with new references: the given photographs through its own encoder."""
    table = PatchTable(prepared)
    embeddings, _ = model.encoder.embed(table.inputs)
    bank = references(table, embeddings, np.asarray(grades, float), np.asarray(subjects, str))
    index = ReferenceIndex.build(bank, model.settings.index)
    card = {**model.card, "references": index.class_counts()}
    return replace(model, index=index, card=card)
