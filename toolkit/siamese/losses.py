"""Losses on the distances within a batch; each takes ``grades`` (n, 1) in grades / 9 and ``embedding`` (n, e),
and returns one value a sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toolkit.siamese.backend import keras

_SAME = 0.25 / 9  # grades in half steps: under half of one apart is the same grade


def distances(embedding: Any) -> Any:
    """Euclidean distances (n, n) of all pairs."""
    ops = keras().ops
    squared = ops.sum(ops.square(embedding[:, None] - embedding[None]), axis=-1)
    return ops.sqrt(squared + 1e-6)


def rank_n_contrast(grades: Any, embedding: Any, temperature: float = 2.0) -> Any:
    """Rank-N-Contrast (Zha et al., NeurIPS 2023): for each pair i, j the similarity -d_ij / t competes with
    all k whose grade is at least as far from i's as j's is."""
    ops = keras().ops
    similarity = -distances(embedding) / temperature
    apart, others = _pairs(grades)
    competes = ops.cast(apart[:, None, :] >= apart[:, :, None] - 1e-4, "float32") * others[:, None, :]
    log_total = ops.log(ops.sum(ops.exp(similarity)[:, None, :] * competes, axis=-1) + 1e-9)
    return _mean_of_pairs(log_total - similarity, others)


def pair_loss(grades: Any, embedding: Any) -> Any:
    """The seed's loss: binary cross-entropy of "same grade" on sigmoid(1 - d)."""
    ops = keras().ops
    apart, others = _pairs(grades)
    logit = 1.0 - distances(embedding)
    cross_entropy = ops.softplus(logit) - ops.cast(apart < _SAME, "float32") * logit
    return _mean_of_pairs(cross_entropy, others)


def contrastive_loss(grades: Any, embedding: Any, margin: float = 2.0) -> Any:
    """Contrastive loss (Hadsell, Chopra and LeCun, CVPR 2006): d^2 of pairs of one grade, (margin - d)^2 of
    other pairs that are closer than the margin."""
    ops = keras().ops
    apart, others = _pairs(grades)
    distance = distances(embedding)
    same = ops.cast(apart < _SAME, "float32")
    loss = same * ops.square(distance) + (1 - same) * ops.square(ops.relu(margin - distance))
    return _mean_of_pairs(loss, others)


def log_ratio_loss(grades: Any, embedding: Any) -> Any:
    """Log-ratio loss (Kim et al., CVPR 2019) over triplets a, i, j: the ratio of two distances shall be that of
    the two differences of grade; offsets 1e-3 and half a step keep the logarithms finite."""
    ops = keras().ops
    apart, others = _pairs(grades)
    log_distance = ops.log(distances(embedding) + 1e-3)
    log_apart = ops.log(9 * apart + 0.25)
    residual = log_distance - log_apart
    error = ops.square(residual[:, :, None] - residual[:, None, :])
    both = others[:, :, None] * others[:, None, :]
    return ops.sum(error * both, axis=(1, 2)) / ops.maximum(ops.sum(both, axis=(1, 2)), 1.0)


LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "rnc": rank_n_contrast,
    "pair": pair_loss,
    "contrastive": contrastive_loss,
    "log-ratio": log_ratio_loss,
}


def _pairs(grades: Any) -> tuple[Any, Any]:
    """Differences of grade (n, n), and 1 for every pair of two samples (n, n)."""
    ops = keras().ops
    grades = ops.reshape(grades, (-1,))
    return ops.abs(grades[:, None] - grades[None]), 1.0 - ops.eye(ops.shape(grades)[0])


def _mean_of_pairs(values: Any, others: Any) -> Any:
    ops = keras().ops
    return ops.sum(values * others, axis=1) / ops.maximum(ops.sum(others, axis=1), 1.0)
