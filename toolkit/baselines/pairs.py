"""The pair network of the 2020 capstone: are two photographs of the same grade class?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.baselines.backbone import load_backbone
from toolkit.baselines.common import Epochs, Fitted, Split, fit, pictures
from toolkit.settings import BaselineSettings
from toolkit.siamese.backend import keras

_PAIRS = 20_000  # that its pair scores are measured on, at most


def match_pairs(
    paths: Sequence[Path],
    classes: NDArray[np.intp],
    count: int,
    split: Split,
    *,
    settings: BaselineSettings,
    seed: int,
    tell: Epochs,
) -> Fitted:
    """Learn to tell pairs of one class from other pairs; classes of all n pictures by ``classes_by_similarity``.

    Sigmoid of an affine function of the Euclidean distance of two embeddings, binary cross-entropy over all
    pairs of a batch, in which pairs of one class weigh as much together as the others. ``figures``: accuracy
    and RMSE on pairs of test photographs, beside what always answering "different" scores and what a constant
    probability scores: with 7 classes most pairs are different, so these say nothing of grading.
    """
    k = keras()
    k.utils.set_random_seed(seed)
    encoder, head, model = _networks(settings)
    model.compile(
        optimizer=k.optimizers.Adam(settings.low_learning_rate), loss=_pair_cross_entropy, jit_compile=False
    )
    labels = classes.astype(np.float32)
    data = pictures([paths[i] for i in split.fit], labels[split.fit], settings, seed)
    held = pictures([paths[i] for i in split.held], labels[split.held], settings)
    history = fit(model, data, held, settings, steps=-(-len(split.fit) // settings.batch), tell=tell)
    embeddings = encoder.predict(pictures(paths, labels, settings), verbose=0)
    slope, offset = (float(np.ravel(w)[0]) for w in head.get_weights())
    rng = np.random.default_rng(seed)
    banks = references(classes[split.fit], count, settings.references, rng)
    found = classes_by_similarity(embeddings, [embeddings[split.fit[bank]] for bank in banks], slope, offset)
    figures = pair_figures(embeddings[split.test], classes[split.test], slope, offset, rng=rng)
    return Fitted(classes=found, history=history, figures=figures)


def references(
    classes: NDArray[np.intp], count: int, most: int, rng: np.random.Generator
) -> list[NDArray[np.intp]]:
    """At most ``most`` photographs of each class, by number, drawn without replacement."""
    rows = [np.flatnonzero(classes == c) for c in range(count)]
    return [rng.choice(some, most, replace=False) if len(some) > most else some for some in rows]


def classes_by_similarity(
    embeddings: NDArray, banks: Sequence[NDArray], slope: float, offset: float
) -> NDArray[np.intp]:
    """The class (n,) whose references (b, e) resemble each embedding (n, e) most on average; ``banks`` holds
    each class's, and a class without any is never chosen. Similarity: sigmoid(slope * distance + offset)."""
    similar = np.full((len(embeddings), len(banks)), -1.0)
    for number, bank in enumerate(banks):
        if len(bank):
            similar[:, number] = _sigmoid(slope * _distances(embeddings, bank) + offset).mean(axis=1)
    return similar.argmax(axis=1)


def pair_figures(
    embeddings: NDArray, classes: NDArray[np.intp], slope: float, offset: float, *, rng: np.random.Generator
) -> dict[str, float]:
    """Accuracy and RMSE of "same class" on pairs of photographs, beside the trivial answers' on the same."""
    i, j = np.triu_indices(len(classes), 1)
    if len(i) > _PAIRS:
        some = rng.choice(len(i), _PAIRS, replace=False)
        i, j = i[some], j[some]
    same = classes[i] == classes[j]
    distance = np.linalg.norm(embeddings[i] - embeddings[j], axis=1)
    probability = _sigmoid(slope * distance + offset)
    share = float(same.mean())
    return {
        "pairs": float(len(i)),
        "pair_accuracy": float(((probability > 0.5) == same).mean()),
        "pair_rmse": float(np.sqrt(np.mean((probability - same) ** 2))),
        "always_different_accuracy": 1 - share,
        "constant_probability_rmse": float(np.sqrt(share * (1 - share))),
    }


def _networks(settings: BaselineSettings) -> tuple[Any, Any, Any]:
    """Pictures -> embeddings, the layer distance -> logit, and pictures -> logits (b, b) of a batch's pairs."""
    k = keras()
    backbone, _ = load_backbone(settings)
    x = k.layers.GlobalAveragePooling2D()(k.layers.Dropout(settings.dropout)(backbone.output))
    encoder = k.models.Model(backbone.input, k.layers.Dense(settings.embedding)(x))
    head = k.layers.Dense(1, kernel_initializer=k.initializers.Constant(-1.0), bias_initializer="ones")
    one, other = (k.ops.expand_dims(encoder.output, axis) for axis in (1, 0))
    squared = k.ops.sum(k.ops.square(one - other), axis=-1)
    distance = k.ops.sqrt(squared + 1e-6)
    return (
        encoder,
        head,
        k.models.Model(encoder.input, k.ops.squeeze(head(k.ops.expand_dims(distance, -1)), -1)),
    )


def _pair_cross_entropy(classes: Any, logits: Any) -> Any:
    """Of each picture with the others of its batch (b,); same and different pairs weigh alike in the batch."""
    ops = keras().ops
    classes = ops.reshape(classes, (-1,))
    others = 1.0 - ops.eye(ops.shape(classes)[0])
    same = ops.cast(ops.abs(classes[:, None] - classes[None]) < 0.5, "float32") * others
    different = others - same
    loss = ops.softplus(logits) - same * logits
    weight = same / ops.maximum(ops.sum(same), 1.0) + different / ops.maximum(ops.sum(different), 1.0)
    return ops.sum(loss * weight, axis=1) * ops.cast(ops.shape(classes)[0], "float32") / 2


def _distances(one: NDArray, other: NDArray) -> NDArray[np.float64]:
    from scipy.spatial.distance import cdist

    return cdist(one, other)


def _sigmoid(x: NDArray) -> NDArray[np.float64]:
    from scipy.special import expit

    return expit(x)
