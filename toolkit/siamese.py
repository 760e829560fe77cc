"""The Siamese network: one encoder for two patches, trained so that distance tells how grades differ.

The encoder sees maps of melanin, darkness and erythema deviations instead of raw colour. Trained from few
subjects, a network fed RGB learns their complexion; fed pigment it learns pigment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.errors import MissingExtraError, ModelError, TrainingError
from toolkit.records import PigmentMaps
from toolkit.settings import EncoderSettings

LOSSES = ("rnc", "pair")


def encoder_input(maps: PigmentMaps, settings: EncoderSettings) -> NDArray[np.float16]:
    """The network's view of a patch: (h, w, 4) float16 at ``settings.px_per_mm``.

    Channels: melanin, darkness and erythema deviations times ``map_gain``, clipped to +-``map_clip``, and
    the skin mask (0-1); 0 off the skin. Sides are multiples of 16 for the patch sizes in the settings.
    """
    scale = settings.px_per_mm / maps.px_per_mm
    size = tuple(round(n * scale) for n in maps.skin.shape[::-1])
    stack = np.dstack([maps.melanin, maps.darkness, maps.erythema, maps.skin.astype(np.float32)])
    small = cv2.resize(stack, size, interpolation=cv2.INTER_AREA)
    small[..., :3] = np.clip(small[..., :3] * settings.map_gain, -settings.map_clip, settings.map_clip)
    return small.astype(np.float16)


def _keras() -> Any:
    try:
        import keras
    except ImportError:
        raise MissingExtraError("TensorFlow", "cpu") from None
    return keras


def build_encoder(settings: EncoderSettings) -> Any:
    """The untrained Keras model: (n, h, w, 4) -> {"embedding": (n, e), "grade": (n, 1) in grades / 9}."""
    layers, ops, models = _keras().layers, _keras().ops, _keras().models
    picture = layers.Input((None, None, 4), name="patch")
    x, skin = picture, picture[..., 3:]
    for width in settings.channels:
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.MaxPooling2D(2)(x)
        skin = layers.AveragePooling2D(2)(skin)
    mass = ops.sum(skin, axis=(1, 2)) + 1e-3
    mean = ops.sum(x * skin, axis=(1, 2)) / mass
    spread = ops.sum(ops.square(x - mean[:, None, None, :]) * skin, axis=(1, 2)) / mass
    pooled = ops.concatenate([mean, ops.sqrt(spread + 1e-3)], axis=-1)
    pooled = layers.Dropout(settings.dropout)(pooled)
    embedding = layers.Dense(settings.embedding, name="embedding")(pooled)
    grade = layers.Dense(1, name="grade")(layers.ReLU()(embedding))
    return models.Model(picture, {"embedding": embedding, "grade": grade})


def _distances(embedding: Any) -> Any:
    ops = _keras().ops
    squared = ops.sum(ops.square(embedding[:, None] - embedding[None]), axis=-1)
    return ops.sqrt(squared + 1e-6)


def rank_n_contrast(grades: Any, embedding: Any, temperature: float = 2.0) -> Any:
    """Rank-N-Contrast (Zha et al., NeurIPS 2023) over all pairs of a batch, one value a sample.

    ``grades`` (n, 1), ``embedding`` (n, e). For each pair i, j the similarity -d_ij / t competes with all
    k whose grade is at least as far from i's as j's is.
    """
    ops = _keras().ops
    grades = ops.reshape(grades, (-1,))
    similarity = -_distances(embedding) / temperature
    apart = ops.abs(grades[:, None] - grades[None])
    n = ops.shape(grades)[0]
    others = 1.0 - ops.eye(n)
    competes = ops.cast(apart[:, None, :] >= apart[:, :, None] - 1e-4, "float32") * others[:, None, :]
    log_total = ops.log(ops.sum(ops.exp(similarity)[:, None, :] * competes, axis=-1) + 1e-9)
    return ops.sum((log_total - similarity) * others, axis=1) / ops.maximum(ops.sum(others, axis=1), 1.0)


def pair_loss(grades: Any, embedding: Any) -> Any:
    """The seed's loss: binary cross-entropy of "same grade" on sigmoid(1 - d), over all pairs of a batch."""
    ops = _keras().ops
    grades = ops.reshape(grades, (-1,))
    same = ops.cast(ops.abs(grades[:, None] - grades[None]) < 0.25 / 9, "float32")
    logit = 1.0 - _distances(embedding)
    cross_entropy = ops.softplus(logit) - same * logit
    others = 1.0 - ops.eye(ops.shape(grades)[0])
    return ops.sum(cross_entropy * others, axis=1) / ops.maximum(ops.sum(others, axis=1), 1.0)


class Encoder:
    """A trained (or loaded) encoder: patches in, embeddings out."""

    def __init__(self, settings: EncoderSettings, model: Any | None = None) -> None:
        self.settings = settings
        self.model = build_encoder(settings) if model is None else model

    def embed(self, inputs: Sequence[NDArray]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Embeddings (n, e) and grade scores (n,) 0-9 of n encoder inputs of any mixture of sizes."""
        embeddings = np.zeros((len(inputs), self.settings.embedding), np.float32)
        scores = np.zeros(len(inputs), np.float32)
        for rows in _by_shape(inputs):
            for start in range(0, len(rows), 64):
                some = rows[start : start + 64]
                out = self.model.predict_on_batch(np.stack([inputs[i] for i in some]).astype(np.float32))
                embeddings[some] = out["embedding"]
                scores[some] = 9 * np.asarray(out["grade"])[:, 0]
        return embeddings, np.clip(scores, 0, 9)

    def save(self, path: Path) -> None:
        """Write the weights (``.weights.h5``); the architecture follows from the settings."""
        self.model.save_weights(path)

    @classmethod
    def load(cls, path: Path, settings: EncoderSettings) -> Encoder:
        """Raises ModelError when the weights are missing or do not fit the settings."""
        encoder = cls(settings)
        try:
            encoder.model.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                f"{path}: encoder weights cannot be loaded ({_first_line(error)}); retrain"
            ) from None
        return encoder


def train_encoder(
    inputs: Sequence[NDArray],
    grades: NDArray,
    settings: EncoderSettings,
    seed: int,
    progress: Callable[[int, int, float], None] | None = None,
) -> Encoder:
    """Train on n encoder inputs and their grades (n,) 0-9; repeatable for one seed on one machine.

    ``progress`` is told (epoch, epochs, loss) after each epoch. Raises TrainingError where the grades are
    all equal or a loss is unknown.
    """
    keras = _keras()
    if settings.loss not in LOSSES:
        raise TrainingError(f"unknown loss {settings.loss!r}: choose one of {', '.join(LOSSES)}")
    if np.ptp(grades) == 0:
        raise TrainingError("all photographs have the same grade: nothing can be learnt from them")
    keras.utils.set_random_seed(seed)
    encoder = Encoder(settings)
    targets, groups = np.asarray(grades, np.float32) / 9, _by_shape(inputs)
    rng = np.random.default_rng(seed)
    steps = settings.epochs * len(_batches(groups, settings.batch, rng))
    schedule = keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps)

    def metric_loss(truth: Any, embedding: Any) -> Any:
        if settings.loss == "pair":
            return pair_loss(truth, embedding)
        return rank_n_contrast(truth, embedding, settings.rnc_temperature)

    encoder.model.compile(
        optimizer=keras.optimizers.Adam(schedule, clipnorm=1.0),
        loss={"embedding": metric_loss, "grade": keras.losses.Huber(delta=0.1)},
        loss_weights={"embedding": 0.5, "grade": 20.0},
    )
    for epoch in range(settings.epochs):
        losses = []
        # Not fit(): it expects every batch to have the sizes of its first two.
        for rows in _batches(groups, settings.batch, rng):
            x = np.stack([_flipped(inputs[row], rng) for row in rows]).astype(np.float32)
            y = targets[rows][:, None]
            logs = encoder.model.train_on_batch(x, {"embedding": y, "grade": y}, return_dict=True)
            losses.append(float(logs["loss"]))
        if progress:
            progress(epoch + 1, settings.epochs, float(np.mean(losses)))
    return encoder


def _batches(groups: Sequence[NDArray], size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Row numbers in batches of one patch size each, in random order."""
    parts = (np.array_split(rng.permutation(g), max(1, len(g) // size)) for g in groups)
    batches = [batch for split in parts for batch in split]
    rng.shuffle(batches)
    return batches


def _flipped(picture: NDArray, rng: np.random.Generator) -> NDArray:
    across, down = rng.integers(0, 2, 2) * 2 - 1
    return picture[::down, ::across]


def _by_shape(inputs: Sequence[NDArray]) -> list[NDArray[np.int64]]:
    """Row numbers grouped by the inputs' height and width."""
    shapes: dict[tuple[int, ...], list[int]] = {}
    for row, picture in enumerate(inputs):
        shapes.setdefault(picture.shape, []).append(row)
    return [np.array(rows) for rows in shapes.values()]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
