"""From graded photographs to a model, cross-fitted by subject.

Each subject's learnt features come from an encoder and references that never saw the subject; the blend is
fitted on those, and scored on folds of subjects that it never saw. The final encoder and references are
then made from everybody.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray

import toolkit
from toolkit.blend import (
    Blend,
    Folds,
    Interval,
    RisingCurve,
    TableBlend,
    best_shares,
    out_of_fold,
    share_of_two,
)
from toolkit.errors import TrainingError
from toolkit.index import ReferenceIndex, References, class_of
from toolkit.model import Model
from toolkit.phototable import FIGURE, PhotoTable
from toolkit.prepared import Prepared, TrunkOutput
from toolkit.progress import Progress, silent
from toolkit.settings import Settings
from toolkit.siamese import Encoder, train_encoder
from toolkit.study import subject_folds
from toolkit.watch.figures import KEPT, without_distances
from toolkit.watch.trained import trained_figures

Labels = Callable[[NDArray], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Trained:
    """The model, and what its scores rest on, out of fold, one a photo: ``predicted`` grades, ``half_widths`` of
    their intervals, ``argmax`` grades by the seed's rule, ``embedding`` grades by the network alone, ``parts`` (n, 3)
    those of the curve, LightGBM and the ridge; ``values`` (n, columns) are what the blend saw, ``by_region`` (n, 4)
    grades of the regions; ``labels`` the grades that were to be learnt."""

    model: Model
    folds: Folds
    predicted: NDArray[np.float64]
    half_widths: NDArray[np.float64]
    argmax: NDArray[np.float64]
    embedding: NDArray[np.float64]
    parts: NDArray[np.float64]
    values: NDArray[np.float64]
    by_region: NDArray[np.float64]
    labels: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _GradedTable:
    """Graded photographs side by side; ``labels``: the grades to learn (photos,), as the graders of some photographs
    alone tell them; ``output``: of a kept trunk, or None."""

    table: PhotoTable
    grades: NDArray[np.float64]
    labels: Labels
    subjects: NDArray[np.str_]
    settings: Settings
    seed: int
    tell: Progress
    start: Encoder | None
    output: TrunkOutput | None

    def rows(self, photos: NDArray) -> NDArray[np.int64]:
        """The patches of some photographs."""
        return np.flatnonzero(np.isin(self.table.photo, photos))


def train(
    prepared: Sequence[Prepared],
    grades: Sequence[float],
    subjects: Sequence[str],
    settings: Settings,
    *,
    folds: int = 5,
    seed: int = 0,
    progress: Progress | None = None,
    start: Encoder | None = None,
    keep_encoder: bool = False,
    labels: Labels | None = None,
) -> Trained:
    """Train on prepared photographs, one grade (0-9) and one subject each.

    ``start``: an encoder whose trunk is kept; with ``keep_encoder`` its head as well, so that only references
    and blend are made anew (it must not have been trained on these subjects). Without, the network learns
    from these grades alone. ``labels``: what to learn instead of ``grades``, where that rests on how graders grade: given
    the photographs whose grades may be used, grades of all (photos,). ``progress`` is told (stage, done, total). Raises TrainingError when the study is too
    small, has one grade only, or a photograph without patches.
    """
    y, groups = np.asarray(grades, float), np.asarray(subjects, str)
    table = PhotoTable(prepared)
    _check(table, y)
    tell = progress or silent
    splits = subject_folds(list(groups), y, folds, seed)
    output = table.trunk_output(start) if start else None
    study = _GradedTable(table, y, labels or (lambda photos: y), groups, settings, seed, tell, start, output)
    fit = partial(_fit_encoder, study, keep=keep_encoder)
    known = _known_out_of_fold(study, splits, fit)
    tell("fitting the curve to the experts", 0, 1)
    out = _fit_blend(study, known, splits)
    tell("fitting the curve to the experts", 1, 1)
    encoder, seen, index = fit(np.arange(len(prepared)), seed, "training the network on all subjects")
    figures = trained_figures(table, seen, encoder, index, subjects=groups, grades=out.predicted.tolist())
    card = {
        "toolkit": toolkit.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "photos": len(prepared),
        "subjects": len(np.unique(groups)),
        "references": index.class_counts(),
        "folds": folds,
        "seed": seed,
        "trunk": "kept" if start else "trained on this study",
        "half_width": float(np.mean(out.half_widths)),
        "shares": dict(zip(("curve", "booster", "ridge"), out.blend.shares, strict=True)),
        "curve": {"scale": out.blend.curve.scale, "power": out.blend.curve.power},
        KEPT: figures.card(),
    }
    model = Model(settings, encoder, index, out.blend, card)
    argmax, embedding = _other_grades(study, known, index)
    return Trained(
        model,
        splits,
        out.predicted,
        out.half_widths,
        argmax,
        embedding,
        out.parts,
        known.values,
        out.by_region,
        study.labels(np.arange(len(prepared))),
    )


def _check(table: PhotoTable, grades: NDArray) -> None:
    if not len(grades):
        raise TrainingError("no graded photographs: nothing to train on")
    if len(grades) == 1:
        raise TrainingError(
            "one photograph alone has a grade: training needs photographs of several subjects"
        )
    if np.setdiff1d(np.arange(len(grades)), table.photo).size:
        raise TrainingError("a photograph without patches cannot be trained on: leave it out")
    if np.ptp(grades) == 0:
        raise TrainingError("all photographs have the same grade: nothing can be learnt from them")


def references(
    table: PhotoTable, embeddings: NDArray[np.float32], grades: NDArray, subjects: NDArray
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
    study: _GradedTable, photos: NDArray, seed: int, stage: str, *, keep: bool
) -> tuple[Encoder, TrunkOutput, ReferenceIndex]:
    """An encoder and its references from the given photos alone, and what its trunk sees of all photographs."""
    table, rows, labels = study.table, study.rows(photos), study.labels(photos)
    if keep and study.start is not None:
        encoder = study.start
    else:
        encoder = train_encoder(
            [table.patch_inputs()[row] for row in rows] if study.start is None else [],
            labels[table.photo[rows]],
            study.subjects[table.photo[rows]],
            study.settings.encoder,
            seed=seed,
            start=study.start,
            pooled=study.output.pooled[rows] if study.output else None,
            progress=lambda epoch, epochs, loss: study.tell(stage, epoch, epochs),
        ).in_onnx()
    output = study.output or table.trunk_output(encoder)
    embeddings, _ = encoder.place(output.pooled)
    bank = references(table, embeddings, labels, study.subjects).take(rows)
    return encoder, output, ReferenceIndex.build(bank, study.settings.index, seed)


@dataclass(frozen=True, eq=False)
class _Known:
    """What is known of every side (photos, p) by ``columns``, and how severe each of its regions looks (photos, 4),
    learnt without the photo's subject."""

    columns: tuple[str, ...]
    values: NDArray[np.float64]
    regions: NDArray[np.float64]

    @property
    def figure(self) -> NDArray[np.float64]:
        """How severe each side looks (photos,): what the curve grades by."""
        return self.values[:, self.columns.index(FIGURE)]


def _known_out_of_fold(
    study: _GradedTable, splits: Folds, fit: Callable[..., tuple[Encoder, TrunkOutput, ReferenceIndex]]
) -> _Known:
    table = study.table
    columns: tuple[str, ...] = ()
    numbers = itertools.count(1)

    def answer(learn: NDArray, held: NDArray) -> NDArray:
        nonlocal columns
        number = next(numbers)
        encoder, output, index = fit(
            learn, study.seed + number, f"training the network without fold {number} of {len(splits)}"
        )
        rows = study.rows(held)
        embeddings, scores = encoder.place(output.pooled[rows])
        regions, owners = [table.regions[row] for row in rows], study.subjects[table.photo[rows]]
        similar, every_score = (
            np.zeros((len(table.regions), len(index.columns))),
            np.zeros(len(table.regions)),
        )
        similar[rows] = index.features(embeddings, regions, list(owners))
        every_score[rows] = scores
        columns = table.side_columns(index)
        sides = table.side_values(output, similar, every_score)
        return np.column_stack([sides, table.region_severity(output.figures)])[held]

    known = out_of_fold(splits, answer)
    return _Known(columns, known[:, : len(columns)], known[:, len(columns) :])


@dataclass(frozen=True, eq=False)
class _Out:
    """Out-of-fold grades and half-widths (photos,), those of each part (photos, 3) and of regions (photos, 4), and the
    blend fitted on everybody."""

    predicted: NDArray[np.float64]
    half_widths: NDArray[np.float64]
    parts: NDArray[np.float64]
    by_region: NDArray[np.float64]
    blend: Blend


def _fit_blend(study: _GradedTable, known: _Known, splits: Folds) -> _Out:
    """The shares that grade a fold are chosen on the other folds."""
    table, settings = study.table, study.settings.blend

    def fit(photos: NDArray) -> tuple[RisingCurve, TableBlend]:
        grades = study.labels(photos)[photos]
        curve = RisingCurve.fit(known.figure[photos], grades, settings)
        return curve, TableBlend.fit(
            known.columns, known.values[photos], grades, study.subjects[photos], settings=settings, seed=study.seed,
        )  # fmt: skip

    def answer(learn: NDArray, held: NDArray) -> NDArray:
        curve, side = fit(learn)
        three = curve.predict(known.figure[held]), *side.predict_both(known.columns, known.values[held])
        return np.column_stack([*three, curve.predict(known.regions[held])])

    def shares(photos: NDArray) -> tuple[float, float, float]:
        return best_shares(parts[photos], study.labels(photos)[photos], study.subjects[photos])

    answers = out_of_fold(splits, answer)
    parts, by_region = answers[:, :3], answers[:, 3:]
    predicted = out_of_fold(splits, lambda learn, held: np.clip(parts[held] @ shares(learn), 0, 9))
    apart = np.abs(parts[:, 1] - parts[:, 2])
    difficulty = table.difficulty(known.values, known.columns, apart, by_region, grades=predicted)
    everybody = np.arange(len(predicted))
    off = predicted - study.labels(everybody)
    interval = Interval.fit(off, difficulty, study.subjects, settings.coverage, seed=study.seed)
    curve, side = fit(everybody)
    final = shares(everybody)
    side.share = share_of_two(final[1], final[2])
    blend = Blend(side, curve, final, interval)
    return _Out(predicted, interval.half_width(difficulty), parts, by_region, blend)


def _other_grades(
    study: _GradedTable, known: _Known, index: ReferenceIndex
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Grades (photos,) by the seed's rule (the middle of the class of highest mean similarity) and by the
    embedding's own score, both out of fold, as plain means over patches."""
    edges = study.settings.index.class_edges
    first = known.columns.index(index.columns[0])
    similar = np.nan_to_num(known.values[:, first : first + len(edges)])
    classes = class_of(study.grades, edges)
    middles = np.array(
        [study.grades[classes == c].mean() if (classes == c).any() else edges[c] for c in range(len(edges))]
    )
    return middles[similar.argmax(axis=1)], known.values[:, known.columns.index("embedding_score")]


def rebuild_index(
    model: Model, prepared: Sequence[Prepared], grades: Sequence[float], subjects: Sequence[str]
) -> Model:
    """The model with new references: the given photographs through its own encoder. The distances of the training
    photographs, which were to other references, are forgotten."""
    table = PhotoTable(prepared)
    embeddings, _ = model.encoder.place(table.trunk_output(model.encoder).pooled)
    bank = references(table, embeddings, np.asarray(grades, float), np.asarray(subjects, str))
    index = ReferenceIndex.build(bank, model.settings.index)
    card = {**model.card, "references": index.class_counts(), KEPT: without_distances(model.card)}
    return replace(model, index=index, card=card, thumbnails=())
