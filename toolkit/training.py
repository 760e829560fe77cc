"""From graded photographs to a model, cross-fitted by subject.

Each subject's learnt features come from an encoder and references that never saw the subject; the blend is
fitted on those, and scored on folds of subjects that it never saw. The final encoder and references are
then made from everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray

import toolkit
from toolkit.blend import (
    Blend,
    Interval,
    LoadCurve,
    PatchBlend,
    best_curve_share,
    best_share,
    combine,
    fit_weights,
    mixed,
)
from toolkit.errors import TrainingError
from toolkit.index import ReferenceIndex, References, class_of
from toolkit.model import Model
from toolkit.pipeline import PatchTable, Prepared, Seen, see
from toolkit.records import REGIONS
from toolkit.settings import Settings
from toolkit.siamese import Encoder, train_encoder
from toolkit.study import subject_folds

Progress = Callable[[str, int, int], None]
Folds = Sequence[tuple[NDArray, NDArray]]


@dataclass(frozen=True, eq=False)
class Trained:
    """The model, and what its scores rest on, out of fold, one a photo: ``predicted`` grades, ``half_widths`` of
    their intervals, ``argmax`` grades by the seed's rule, ``embedding`` grades by the network alone; ``values``
    (patches, columns) are what the blend saw."""

    model: Model
    folds: Folds
    predicted: NDArray[np.float64]
    half_widths: NDArray[np.float64]
    argmax: NDArray[np.float64]
    embedding: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Study:
    """Graded photographs side by side; ``seen``: what a kept trunk sees of their patches, or None."""

    table: PatchTable
    grades: NDArray[np.float64]
    subjects: NDArray[np.str_]
    settings: Settings
    seed: int
    tell: Progress
    start: Encoder | None
    seen: Seen | None

    def rows(self, photos: NDArray) -> NDArray[np.int64]:
        """The patches of some photographs."""
        return np.flatnonzero(np.isin(self.table.photo, photos))


def train(
    prepared: Sequence[Prepared],
    grades: Sequence[float],
    subjects: Sequence[str],
    settings: Settings,
    folds: int = 5,
    seed: int = 0,
    progress: Progress | None = None,
    start: Encoder | None = None,
    keep_encoder: bool = False,
) -> Trained:
    """Train on prepared photographs, one grade (0-9) and one subject each.

    ``start``: an encoder whose trunk is kept; with ``keep_encoder`` its head as well, so that only references
    and blend are made anew (it must not have been trained on these subjects). Without, the network learns
    from these grades alone. ``progress`` is told (stage, done, total). Raises TrainingError when the study is too
    small, has one grade only, or a photograph without patches.
    """
    y, groups = np.asarray(grades, float), np.asarray(subjects, str)
    table = PatchTable(prepared)
    _check(table, y)
    tell = progress or (lambda stage, done, total: None)
    splits = subject_folds(list(groups), y, folds, seed)
    seen = see(start, table.inputs) if start else None
    study = _Study(table, y, groups, settings, seed, tell, start, seen)
    fit = partial(_fit_encoder, study, keep=keep_encoder)
    columns, values = _values_out_of_fold(study, splits, fit)
    tell("blend", 0, 1)
    predicted, half_widths, blend = _fit_blend(study, columns, values, splits)
    tell("blend", 1, 1)
    encoder, _, index = fit(np.arange(len(prepared)), seed, "final encoder")
    card = {
        "toolkit": toolkit.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "photos": len(prepared),
        "subjects": len(np.unique(groups)),
        "references": index.class_counts(),
        "folds": folds,
        "seed": seed,
        "trunk": "kept" if start else "trained on this study",
        "half_width": float(np.mean(half_widths)),
        "booster_share": blend.patch.share,
        "curve_share": blend.curve.share,
        "weights": dict(blend.weights),
    }
    model = Model(settings, encoder, index, blend, card)
    argmax, embedding = _other_grades(study, columns, values, index)
    return Trained(model, splits, predicted, half_widths, argmax, embedding, values)


def _check(table: PatchTable, grades: NDArray) -> None:
    if not len(grades):
        raise TrainingError("no graded photographs: nothing to train on")
    if np.setdiff1d(np.arange(len(grades)), table.photo).size:
        raise TrainingError("a photograph without patches cannot be trained on: leave it out")
    if np.ptp(grades) == 0:
        raise TrainingError("all photographs have the same grade: nothing can be learnt from them")


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
    study: _Study, photos: NDArray, seed: int, stage: str, keep: bool
) -> tuple[Encoder, Seen, ReferenceIndex]:
    """An encoder and its references from the given photos alone, and what its trunk sees of all patches."""
    table, rows = study.table, study.rows(photos)
    if keep and study.start is not None:
        encoder = study.start
    else:
        encoder = train_encoder(
            [table.inputs[row] for row in rows],
            study.grades[table.photo[rows]],
            study.subjects[table.photo[rows]],
            study.settings.encoder,
            seed,
            study.start,
            study.seen.pooled[rows] if study.seen else None,
            lambda epoch, epochs, loss: study.tell(stage, epoch, epochs),
        )
    seen = study.seen or see(encoder, table.inputs)
    embeddings, _ = encoder.place(seen.pooled)
    bank = references(table, embeddings, study.grades, study.subjects).take(rows)
    return encoder, seen, ReferenceIndex.build(bank, study.settings.index, seed)


def _values_out_of_fold(
    study: _Study, splits: Folds, fit: Callable[..., tuple[Encoder, Seen, ReferenceIndex]]
) -> tuple[tuple[str, ...], NDArray]:
    """What the blend sees of every patch (patches, columns), learnt without the patch's subject."""
    columns: tuple[str, ...] = ()
    values = np.zeros((0, 0))
    table = study.table
    for number, (train_photos, test_photos) in enumerate(splits, 1):
        stage = f"encoder, fold {number} of {len(splits)}"
        encoder, seen, index = fit(train_photos, study.seed + number, stage)
        rows = study.rows(test_photos)
        embeddings, scores = encoder.place(seen.pooled[rows])
        regions, owners = [table.regions[row] for row in rows], study.subjects[table.photo[rows]]
        similar = np.zeros((len(table.inputs), len(index.columns)))
        similar[rows] = index.features(embeddings, regions, list(owners))
        every_score = np.zeros(len(table.inputs))
        every_score[rows] = scores
        if not columns:
            columns = table.blend_columns(index)
            values = np.zeros((len(table.inputs), len(columns)))
        values[rows] = table.blend_values(seen, similar, every_score)[rows]
    return columns, values


def _fit_blend(
    study: _Study, columns: tuple[str, ...], values: NDArray, splits: Folds
) -> tuple[NDArray[np.float64], NDArray[np.float64], Blend]:
    """Out-of-fold grades and half-widths (photos,), and the blend fitted on everybody.

    LightGBM's share and the region weights that grade a fold are chosen on the other folds.
    """
    table, grades, settings = study.table, study.grades, study.settings.blend
    patch_y, patch_subjects = grades[table.photo], study.subjects[table.photo]
    prior = settings.mmasi_weights

    def fit(rows: NDArray) -> PatchBlend:
        return PatchBlend.fit(
            columns, values[rows], patch_y[rows], patch_subjects[rows], settings, study.seed
        )

    boosted, ridge = np.zeros(len(values)), np.zeros(len(values))
    for train_photos, test_photos in splits:
        rows = study.rows(test_photos)
        boosted[rows], ridge[rows] = fit(study.rows(train_photos)).predict_both(columns, values[rows])

    def face(photos: NDArray) -> tuple[float, NDArray]:
        rows = study.rows(photos)
        share = best_share(boosted[rows], ridge[rows], patch_y[rows])
        by_photo = table.by_photo(mixed(boosted, ridge, share))
        return share, fit_weights(by_photo[photos], grades[photos], prior)

    predicted, by_photo = np.zeros(len(grades)), np.full((len(grades), len(REGIONS)), np.nan)
    for train_photos, test_photos in splits:
        share, weights = face(train_photos)
        by_photo[test_photos] = table.by_photo(mixed(boosted, ridge, share))[test_photos]
        predicted[test_photos] = combine(by_photo[test_photos], weights)
    curve, predicted = _fit_curve(study, columns, values, splits, predicted)
    difficulty = table.difficulty(values, columns, np.abs(boosted - ridge), by_photo, predicted)
    interval = Interval.fit(predicted - grades, difficulty, study.subjects, settings.coverage, study.seed)
    share, weights = face(np.arange(len(grades)))
    patch = fit(np.arange(len(values)))
    patch.share = share
    blend = Blend(patch, dict(zip(REGIONS, weights.tolist(), strict=True)), interval, curve)
    return predicted, interval.half_width(difficulty), blend


def _fit_curve(
    study: _Study, columns: tuple[str, ...], values: NDArray, splits: Folds, patchwise: NDArray
) -> tuple[LoadCurve, NDArray[np.float64]]:
    """The curve of the faces' predicted loads, and the faces' grades (photos,) with its share, out of fold."""
    grades, settings = study.grades, study.settings.blend
    loads = study.table.loads(values, columns, settings.mmasi_weights, settings.tone_gain)
    by_load = np.zeros(len(grades))
    for train_photos, test_photos in splits:
        by_load[test_photos] = LoadCurve.fit(loads[train_photos], grades[train_photos]).predict(
            loads[test_photos]
        )
    predicted = np.zeros(len(grades))
    for train_photos, test_photos in splits:
        share = best_curve_share(by_load[train_photos], patchwise[train_photos], grades[train_photos])
        predicted[test_photos] = share * by_load[test_photos] + (1 - share) * patchwise[test_photos]
    share = best_curve_share(by_load, patchwise, grades)
    return replace(LoadCurve.fit(loads, grades), share=share, tone_gain=settings.tone_gain), predicted


def _other_grades(
    study: _Study, columns: tuple[str, ...], values: NDArray, index: ReferenceIndex
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Grades (photos,) by the seed's rule (the middle of the class of highest mean similarity) and by the
    embedding's own score, both out of fold, as plain means over patches."""
    table, edges = study.table, study.settings.index.class_edges
    first = columns.index(index.columns[0])
    similar = np.nan_to_num(values[:, first : first + len(edges)])
    counts = np.bincount(table.photo, minlength=len(study.grades))

    def by_photo(patchwise: NDArray) -> NDArray[np.float64]:
        return np.bincount(table.photo, patchwise, len(study.grades)) / counts

    mean_similarity = np.column_stack([by_photo(column) for column in similar.T])
    classes = class_of(study.grades, edges)
    middles = np.array(
        [study.grades[classes == c].mean() if (classes == c).any() else edges[c] for c in range(len(edges))]
    )
    return middles[mean_similarity.argmax(axis=1)], by_photo(values[:, columns.index("embedding_score")])


def rebuild_index(
    model: Model, prepared: Sequence[Prepared], grades: Sequence[float], subjects: Sequence[str]
) -> Model:
    """The model with new references: the given photographs through its own encoder."""
    table = PatchTable(prepared)
    embeddings = model.encoder.embed(table.inputs).embeddings
    bank = references(table, embeddings, np.asarray(grades, float), np.asarray(subjects, str))
    index = ReferenceIndex.build(bank, model.settings.index)
    card = {**model.card, "references": index.class_counts()}
    return replace(model, index=index, card=card, thumbnails=())
