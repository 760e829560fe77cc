"""The methods that are compared, each as one function: a split of the study -> answers for its photographs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.baselines import (
    Fitted,
    Split,
    backbone_title,
    classify,
    deep_features,
    grade_patches,
    match_pairs,
)
from toolkit.blend import Folds, TableBlend, best_share, combine, fit_weights, mixed, out_of_fold
from toolkit.errors import ToolkitError, TrainingError
from toolkit.evaluate.study import MeasuredStudy
from toolkit.index import class_of
from toolkit.phototable import PhotoTable
from toolkit.pipeline import Grader
from toolkit.progress import Progress
from toolkit.records import REGIONS
from toolkit.settings import BaselineSettings
from toolkit.siamese import Encoder
from toolkit.study import subject_folds
from toolkit.training import Trained, train

Whole = NDArray[np.intp]
Float = NDArray[np.float64]

PARTS = ("training", "validation", "test")
_INNER_FOLDS = 5
_ONE_SUBJECT = "a fold is left with one subject to learn from: use fewer folds or add subjects"


@dataclass(frozen=True, eq=False)
class Answers:
    """What a method says of some photographs, by number: grades 0-9 and classes."""

    photos: Whole
    grades: Float
    classes: Whole


@dataclass(frozen=True, eq=False)
class Outcome:
    """Answers by part of the fold ("training", "validation", "test"); learning curve; further figures."""

    answers: Mapping[str, Answers]
    history: list[dict[str, float]] = field(default_factory=list)
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(eq=False)
class Context:
    """What a method may use. ``groups`` (n,): never on both sides of a split (subjects, but where a split by
    photograph is shown); ``start``: the encoder whose trunk is kept, None to learn it from the study."""

    study: MeasuredStudy
    groups: NDArray[np.str_]
    baselines: BaselineSettings
    start: Encoder | None
    seed: int
    tell: Progress = lambda stage, done, total: None
    memo: dict[str, Any] = field(default_factory=dict)

    def inner(self, learn: Whole) -> Folds:
        """Folds of the photographs to learn from, by group, as places in ``learn``."""
        count = min(_INNER_FOLDS, len(np.unique(self.groups[learn])))
        if count < 2:
            raise TrainingError(_ONE_SUBJECT)
        return subject_folds(list(self.groups[learn]), self.study.grades[learn], count, self.seed)

    def split(self, learn: Whole, test: Whole) -> Split:
        """The same with some groups held out for validation, for methods that learn by epochs."""
        groups = np.unique(self.groups[learn])
        count = min(max(round(1 / self.baselines.held_fraction), 2), len(groups))
        if count < 2:
            raise TrainingError(_ONE_SUBJECT)
        fit, held = subject_folds(list(self.groups[learn]), self.study.grades[learn], count, self.seed)[0]
        return Split(learn[fit], learn[held], test)

    def epoch(self, epoch: int, epochs: int) -> None:
        """Told by the baselines."""
        self.tell("training round", epoch, epochs)


@dataclass(frozen=True)
class Method:
    """``run`` (context, learn, test) -> Outcome; ``needs``: what its results depend on beside photographs and
    grades: "baselines", "encoder" or neither; ``about`` in a sentence."""

    title: str
    about: str
    run: Callable[[Context, Whole, Whole], Outcome]
    needs: tuple[str, ...] = ()


def _constant(pick: Callable[[Float], float]) -> Callable[[Context, Whole, Whole], Outcome]:
    def run(context: Context, learn: Whole, test: Whole) -> Outcome:
        y, split = context.study.grades, context.split(learn, test)
        answer = {"training": pick(y[learn]), "validation": pick(y[split.fit]), "test": pick(y[learn])}
        photos = {"training": learn, "validation": split.held, "test": test}
        return Outcome({p: _graded(context, photos[p], np.full(len(photos[p]), answer[p])) for p in PARTS})

    return run


def _commonest(grades: Float) -> float:
    return float(np.bincount(np.round(2 * grades).astype(int)).argmax() / 2)


def _graded(context: Context, photos: Whole, grades: Float) -> Answers:
    edges = context.study.settings.index.class_edges
    return Answers(photos, grades, class_of(np.round(2 * grades) / 2, edges).astype(np.intp))


def _fitted(context: Context, split: Split, fitted: Fitted) -> Outcome:
    """Answers of a baseline; one that knows classes alone gives each the mean grade of its training photos."""
    if fitted.grades is not None:
        grades = fitted.grades
    elif fitted.classes is not None:
        grades = _class_means(context, split.fit)[fitted.classes]
    else:
        raise ValueError("a baseline must give classes or grades")
    answers = {}
    for part, photos in zip(PARTS, (split.fit, split.held, split.test), strict=True):
        given = _graded(context, photos, grades[photos])
        answers[part] = given if fitted.classes is None else replace(given, classes=fitted.classes[photos])
    return Outcome(answers, fitted.history, fitted.figures)


def _class_means(context: Context, photos: Whole) -> Float:
    """The mean grade of each class; of a class without photographs, its lower edge."""
    y, classes = context.study.grades[photos], context.study.classes[photos]
    edges = context.study.settings.index.class_edges
    return np.array([y[classes == c].mean() if (classes == c).any() else edges[c] for c in range(len(edges))])


def _whole_photo(model: Callable[..., Fitted], kind: str) -> Callable[[Context, Whole, Whole], Outcome]:
    def run(context: Context, learn: Whole, test: Whole) -> Outcome:
        study, split = context.study, context.split(learn, test)
        paths = study.images if kind == "whole" else study.thresholded
        count = len(study.settings.index.class_edges)
        fitted = model(
            paths, study.classes, count, split,
            settings=context.baselines, seed=context.seed, tell=context.epoch,
        )  # fmt: skip
        return _fitted(context, split, fitted)

    return run


def _patches_mlp(context: Context, learn: Whole, test: Whole) -> Outcome:
    study, split = context.study, context.split(learn, test)
    faces = [photo.face.patches if photo.face else () for photo in study.prepared]
    photo = np.array([i for i, patches in enumerate(faces) for _ in patches], np.intp)
    if "deep" not in context.memo:  # the backbone is frozen: the same for every fold
        patches = [patch for some in faces for patch in some]
        context.memo["deep"] = deep_features(
            [patch.pixels for patch in patches],
            [patch.region for patch in patches],
            context.baselines,
            lambda done, total: context.tell("patch", done, total),
        )
    fitted = grade_patches(
        context.memo["deep"], photo, study.grades, study.classes, split=split, settings=context.baselines, seed=context.seed,
        tell=context.epoch,
    )  # fmt: skip
    return _fitted(context, split, fitted)


def _features(context: Context, learn: Whole, test: Whole) -> Outcome:
    """LightGBM and ridge on the pigment features of patches, weighted regions; chosen within the training photos."""
    study = context.study
    table = _table(context)
    y, settings = study.grades, study.settings.blend
    numbers = itertools.count(1)

    def fit(photos: Whole) -> TableBlend:
        some = np.flatnonzero(np.isin(table.photo, photos))
        return TableBlend.fit(
            table.columns, table.values[some], y[table.photo[some]], context.groups[table.photo[some]],
            settings=settings, seed=context.seed,
        )  # fmt: skip

    def answer(inner: Whole, held: Whole) -> Float:
        both = fit(learn[inner]).predict_both(table.columns, table.values)
        context.tell("inner fold", next(numbers), _INNER_FOLDS)
        return np.column_stack([table.by_photo(one) for one in both])[learn[held]]

    answers = out_of_fold(context.inner(learn), answer)
    boosted, ridge = answers[:, : len(REGIONS)], answers[:, len(REGIONS) :]
    there = np.isfinite(boosted)
    share = best_share(boosted[there], ridge[there], np.broadcast_to(y[learn, None], there.shape)[there])
    by_region = mixed(boosted, ridge, share)
    weights = fit_weights(by_region, y[learn], settings.mmasi_weights)
    blend = fit(learn)
    blend.share = share
    final = combine(table.by_photo(blend.predict(table.columns, table.values)), weights)
    return Outcome(
        {
            "training": _graded(context, learn, final[learn]),
            "validation": _graded(context, learn, combine(by_region, weights)),
            "test": _graded(context, test, final[test]),
        }
    )


def _table(context: Context) -> PhotoTable:
    if "table" not in context.memo:
        context.memo["table"] = PhotoTable(context.study.prepared)
    table: PhotoTable = context.memo["table"]
    return table


def _trained(context: Context, learn: Whole) -> Trained:
    """The product's own model of a fold, made once for ``embedding`` and ``hybrid``."""
    made_from = (learn.tobytes(), context.groups.tobytes(), context.seed)
    if context.memo.get("learnt from") != made_from:
        study = context.study
        context.memo["trained"] = train(
            [study.prepared[i] for i in learn],
            study.grades[learn].tolist(),
            context.groups[learn].tolist(),
            study.settings,
            folds=min(_INNER_FOLDS, len(np.unique(context.groups[learn]))),
            seed=context.seed,
            progress=context.tell,
            start=_anew(context.start),
        )
        context.memo["learnt from"] = made_from
    trained: Trained = context.memo["trained"]
    return trained


def _anew(start: Encoder | None) -> Encoder | None:
    """A copy without Keras models: these are made in the first training, after its seed is set, and draw from it. With
    models that are there already a fold would learn otherwise than it does as the first one of a process."""
    return Encoder.of_arrays(start.settings, start.arrays()) if start else None


def _embedding(context: Context, learn: Whole, test: Whole) -> Outcome:
    """The network's own grade, the plain mean over patches."""
    trained, table = _trained(context, learn), _table(context)
    _, scores = trained.model.encoder.place(_pooled(context, trained.model.encoder))
    counts = np.bincount(table.photo, minlength=len(table.photos))
    final = np.bincount(table.photo, scores, len(table.photos)) / counts
    return _of_trained(context, learn, test, trained.embedding, final=final)


def _pooled(context: Context, encoder: Encoder) -> NDArray[np.float32]:
    """What the encoder's trunk pools of all patches: once for all folds where the trunk is kept."""
    if context.start is None:
        return _table(context).trunk_output(encoder).pooled
    if "pooled" not in context.memo:
        context.memo["pooled"] = _table(context).trunk_output(context.start).pooled
    pooled: NDArray[np.float32] = context.memo["pooled"]
    return pooled


def _hybrid(context: Context, learn: Whole, test: Whole) -> Outcome:
    """Network, index, pigment features and blend, as ``toolkit train`` makes them and ``toolkit grade`` uses them."""
    trained = _trained(context, learn)
    results = Grader(trained.model).grade(context.study.prepared)
    final = np.array([result.grade.grade for result in results], float)
    return _of_trained(context, learn, test, trained.predicted, final=final)


def _of_trained(context: Context, learn: Whole, test: Whole, out_of_fold: Float, *, final: Float) -> Outcome:
    return Outcome(
        {
            "training": _graded(context, learn, final[learn]),
            "validation": _graded(context, learn, out_of_fold),
            "test": _graded(context, test, final[test]),
        }
    )


METHODS: dict[str, Method] = {
    "mean": Method(
        "always the mean", "The mean grade of the training photographs, for every photograph.",
        _constant(lambda grades: float(grades.mean())),
    ),
    "commonest": Method(
        "always the commonest", "The commonest grade of the training photographs, for every photograph.",
        _constant(_commonest),
    ),
    "resnet50": Method(
        "transfer learning", "Transfer learning on the whole photograph: a pretrained network, its first layers "
        "frozen, dropout, global average pooling, softmax over the grade classes (the 2020 capstone's first model).",
        _whole_photo(classify, "whole"), ("baselines",),
    ),
    "threshold": Method(
        "threshold image", "The same network on the binary-threshold image, brightness where V - grey > 0.165 "
        "(the capstone's second model).",
        _whole_photo(classify, "threshold"), ("baselines",),
    ),
    "siamese": Method(
        "pair network", "Pairs of photographs, Euclidean distance, sigmoid, binary cross-entropy; the class of the "
        "highest average similarity to its references (the capstone's third model).",
        _whole_photo(match_pairs, "whole"), ("baselines",),
    ),
    "patches-mlp": Method(
        "patches and MLP", "Forehead, cheeks and chin, rolled more often for rarer grades, features of a frozen "
        "network, a multilayer perceptron, the plain mean of patches (Zhao et al. 2019).",
        _patches_mlp, ("baselines",),
    ),
    "features": Method(
        "pigment features", "LightGBM and ridge regression on the pigment features of threshold regions of "
        "interest, without any network.",
        _features,
    ),
    "embedding": Method(
        "embedding", "The Siamese network's own grade of each patch, the plain mean of patches.",
        _embedding, ("encoder",),
    ),
    "hybrid": Method(
        "toolkit", "Network, similarity to graded references, pigment features and blend: what toolkit train makes.",
        _hybrid, ("encoder",),
    ),
}  # fmt: skip
ALWAYS = ("mean", "commonest")


def chosen_methods(text: str) -> tuple[str, ...]:
    """Names from "all" or "resnet50,hybrid", in the order of ``METHODS``, the trivial ones always among them."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in METHODS and name != "all"]
    if unknown or not names:
        raise ToolkitError(
            f"--methods {text}: choose all, or some of {', '.join(METHODS)}, separated by commas"
        )
    return tuple(name for name in METHODS if "all" in names or name in names or name in ALWAYS)


def method_title(name: str, baselines: BaselineSettings) -> str:
    """The method as tables name it, with the backbone that it used."""
    method = METHODS[name]
    if "baselines" not in method.needs:
        return method.title
    backbone = backbone_title(baselines)
    if name == "patches-mlp" and baselines.weights == "none":  # frozen, so never trained
        backbone = f"{baselines.backbone}, random weights"
    return f"{method.title} ({backbone})"


def options_of(name: str, baselines: BaselineSettings, encoder: str) -> dict[str, Any]:
    """What a method's results depend on, beside the study."""
    needs = METHODS[name].needs
    return {
        **({"baselines": asdict(baselines)} if "baselines" in needs else {}),
        **({"encoder": encoder} if "encoder" in needs else {}),
    }
