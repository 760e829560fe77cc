"""What the deep baselines share: splits, pictures from files, the learning rate's cycles, fitting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import TrainingError
from toolkit.settings import BaselineSettings
from toolkit.siamese.backend import keras, tensorflow

Whole = NDArray[np.intp]
Epochs = Callable[[int, int], None]
History = list[dict[str, float]]


@dataclass(frozen=True, eq=False)
class Split:
    """Numbers of the photographs to learn from, held out for validation, and to test on."""

    fit: Whole
    held: Whole
    test: Whole


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a baseline says of all n photographs: ``classes`` (n,) and, where it regresses, ``grades`` (n,);
    ``history`` holds loss and validation loss by epoch, ``figures`` what else it scored."""

    classes: Whole | None = None
    grades: NDArray[np.float64] | None = None
    history: History = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)


def cyclical_rate(step: int, settings: BaselineSettings, steps_an_epoch: int) -> float:
    """The learning rate of a step, from 0: Smith's triangles (Cyclical Learning Rates, WACV 2017, "exp_range")
    from the low to the high rate, their height falling by ``rate_decay`` a step."""
    half = max(settings.half_cycle_epochs * steps_an_epoch, 1)
    rise = 1 - abs(step / half % 2 - 1)
    span = settings.high_learning_rate - settings.low_learning_rate
    return settings.low_learning_rate + span * rise * settings.rate_decay**step


def pictures(
    paths: Sequence[Path], targets: NDArray, settings: BaselineSettings, seed: int | None = None
) -> Any:
    """Batches of (pixels (b, s, s, 3) uint8, target) from PNG files, decoded once and kept.

    With ``seed`` in a new order each epoch, each picture flipped or not; without, as given and as they are.
    """
    tf = tensorflow()

    def read(path: Any, target: Any) -> tuple[Any, Any]:
        size = settings.image_size
        return tf.ensure_shape(tf.io.decode_png(tf.io.read_file(path), channels=3), (size, size, 3)), target

    data = tf.data.Dataset.from_tensor_slices(([str(path) for path in paths], targets))
    data = data.map(read, num_parallel_calls=tf.data.AUTOTUNE).cache()
    if seed is None:
        return data.batch(settings.batch).prefetch(tf.data.AUTOTUNE)
    data = data.shuffle(len(paths), seed=seed, reshuffle_each_iteration=True).batch(settings.batch)
    flips = tf.random.Generator.from_seed(seed)

    def flipped(pixels: Any, target: Any) -> tuple[Any, Any]:
        chosen = flips.uniform((tf.shape(pixels)[0], 1, 1, 1)) < 0.5
        return tf.where(chosen, pixels, tf.reverse(pixels, axis=[2])), target

    return data.map(flipped).prefetch(tf.data.AUTOTUNE)


def fit(model: Any, data: Any, held: Any, settings: BaselineSettings, *, steps: int, tell: Epochs) -> History:
    """Train a compiled model by the cycles of the learning rate; loss and validation loss by epoch.

    Raises TrainingError where the loss is no number.
    """
    k = keras()
    count = iter(range(steps * settings.epochs + 1))

    def set_rate(batch: int, logs: Any = None) -> None:
        model.optimizer.learning_rate = cyclical_rate(next(count), settings, steps)

    def told(epoch: int, logs: Any = None) -> None:
        tell(epoch + 1, settings.epochs)

    told_back = k.callbacks.LambdaCallback(on_train_batch_begin=set_rate, on_epoch_end=told)
    found = model.fit(
        data, validation_data=held, epochs=settings.epochs, callbacks=[told_back], shuffle=False, verbose=0
    )
    if not np.isfinite(found.history["loss"]).all():
        raise TrainingError("training of a baseline diverged: use a lower --learning-rate")
    names = [name for name in ("loss", "val_loss", "accuracy", "val_accuracy") if name in found.history]
    return [
        {"epoch": epoch + 1, **{name: float(found.history[name][epoch]) for name in names}}
        for epoch in range(settings.epochs)
    ]
