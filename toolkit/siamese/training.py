"""Training: the trunk on phantoms, by the pixel; the head on graded photographs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import TrainingError
from toolkit.settings import EncoderSettings
from toolkit.siamese.backend import keras
from toolkit.siamese.encoder import Encoder, by_shape
from toolkit.siamese.losses import LOSSES, rank_n_contrast

Progress = Callable[[int, int, float], None]
_VALIDATION = 6  # one subject in six tells when to stop
_CROP_PX = 160  # 80 mm: half of a face
_FLOOR_POWER = 0.1  # of the map times its gain, about what plain skin has
_TWIN_WEIGHT = 0.3  # of what two versions of a photograph differ by; an error of the mean power has .1
_FEW_SUBJECTS = 18  # with fewer, all are needed to learn from


def train_encoder(
    inputs: Sequence[NDArray],
    grades: NDArray,
    subjects: NDArray,
    settings: EncoderSettings,
    *,
    seed: int,
    start: Encoder | None = None,
    pooled: NDArray[np.float32] | None = None,
    progress: Progress | None = None,
) -> Encoder:
    """Train on n encoder inputs, their grades (n,) 0-9 and subjects (n,); repeatable for one seed on one machine.

    With ``start``, its trunk is kept as it is and a new head learns on what that trunk sees (``pooled`` (n, p)
    from ``start.look``, where it is known already); without, trunk and head learn together from the grades.
    ``progress`` is told (epoch, epochs, loss). Raises TrainingError where the grades are all equal or a loss is
    unknown.
    """
    if settings.loss not in LOSSES:
        raise TrainingError(f"unknown loss {settings.loss!r}: choose one of {', '.join(LOSSES)}")
    if np.ptp(grades) == 0:
        raise TrainingError("all photographs have the same grade: nothing can be learnt from them")
    keras().utils.set_random_seed(seed)
    if start is None:
        return _train_all(inputs, grades, settings, seed, progress=progress)
    encoder = Encoder(settings, trunk=start.trunk, severity=start.severity)
    seen = start.look(inputs)[0] if pooled is None else pooled
    targets = (np.asarray(grades) / 9).astype(np.float32)
    _train_head(encoder, seen, targets, np.asarray(subjects), seed=seed, progress=progress)
    return encoder


def _train_head(
    encoder: Encoder,
    pooled: NDArray[np.float32],
    targets: NDArray[np.float32],
    subjects: NDArray,
    *,
    seed: int,
    progress: Progress | None,
) -> None:
    """Fit the head; with enough subjects it stops where subjects left out are graded best."""
    settings, k = encoder.settings, keras()
    names = np.random.default_rng(seed).permutation(np.unique(subjects))
    held = np.isin(subjects, names[::_VALIDATION] if len(names) >= _FEW_SUBJECTS else [])
    steps = settings.epochs * -(-int((~held).sum()) // settings.batch)
    _compile(encoder.head, settings, settings.learning_rate, steps)
    callbacks = [_told(progress, settings.epochs)]
    validation = None
    if held.any():
        y = targets[held][:, None]
        validation = (pooled[held], {"embedding": y, "grade": y})
        callbacks.append(
            k.callbacks.EarlyStopping("val_grade_loss", mode="min", patience=10, restore_best_weights=True)
        )
    y = targets[~held][:, None]
    encoder.head.fit(
        pooled[~held], {"embedding": y, "grade": y}, batch_size=settings.batch, epochs=settings.epochs,
        validation_data=validation, callbacks=callbacks, verbose=0,
    )  # fmt: skip


def _compile(model: Any, settings: EncoderSettings, learning_rate: float, steps: int) -> None:
    k = keras()

    def metric_loss(truth: Any, embedding: Any) -> Any:
        if settings.loss == "rnc":
            return rank_n_contrast(truth, embedding, settings.rnc_temperature)
        return LOSSES[settings.loss](truth, embedding)

    schedule = k.optimizers.schedules.CosineDecay(learning_rate, max(steps, 1))
    model.compile(
        optimizer=k.optimizers.Adam(schedule, clipnorm=1.0),
        loss={"embedding": metric_loss, "grade": k.losses.Huber(delta=0.1)},
        loss_weights={"embedding": 0.5, "grade": 20.0},
    )
    model.optimizer.build(model.trainable_variables)  # else the first step is compiled twice


def _told(progress: Progress | None, epochs: int) -> Any:
    def tell(epoch: int, logs: dict[str, float]) -> None:
        if progress:
            progress(epoch + 1, epochs, float(logs["loss"]))

    return keras().callbacks.LambdaCallback(on_epoch_end=tell)


def _train_all(
    inputs: Sequence[NDArray],
    grades: NDArray,
    settings: EncoderSettings,
    seed: int,
    *,
    progress: Progress | None,
) -> Encoder:
    """Trunk and head together, from random weights, on the grades alone."""
    encoder = Encoder(settings)
    picture = encoder.trunk.input
    model = keras().models.Model(picture, encoder.head(encoder.trunk(picture)["pooled"]))
    targets, rng = np.asarray(grades, np.float32) / 9, np.random.default_rng(seed)

    def batch(rows: NDArray[np.int64]) -> tuple[NDArray, Any]:
        x = np.stack([_flipped(inputs[row], *_flips(rng)) for row in rows]).astype(np.float32)
        y = targets[rows][:, None]
        return x, {"embedding": y, "grade": y}

    groups = by_shape(inputs)
    _compile(model, settings, settings.learning_rate, settings.epochs * len(_batches(groups, 32, rng)))
    _run(model, batch, groups, settings.epochs, size=32, rng=rng, progress=progress)
    return encoder


def pretrain(
    inputs: Sequence[NDArray],
    maps: Sequence[NDArray],
    settings: EncoderSettings,
    seed: int,
    *,
    twins: Sequence[NDArray] | None = None,
    epochs: int = 20,
    progress: Progress | None = None,
    start: Encoder | None = None,
    learning_rate: float = 3e-3,
) -> Encoder:
    """An encoder whose trunk has learnt the pigment of phantoms by the pixel; its head is untrained. The learning
    rate falls to 0 over the epochs; with ``start`` its trunk learns on.

    ``inputs`` n encoder inputs, ``maps`` their planted green OD (h, w) at the same scale. Of pictures larger than a crop of
    _CROP_PX it learns from one such crop an epoch, somewhere on the skin. Pictures are flipped, and their contrast
    varied with that of the truth, so that it learns to measure and not to count. The loss is nearly the absolute error
    (Huber), so that plain skin stays at zero, of the pixels and of squares of 2 mm, and the error of each picture's mean
    power, by which sides are graded. ``twins`` n encoder inputs of the same photographs saved anew, pixel by pixel
    on the others: it learns from both, and to say the same of both.
    """
    k = keras()
    k.utils.set_random_seed(seed)
    encoder = start.in_keras() if start else Encoder(settings)
    rng = np.random.default_rng(seed)

    def batch(rows: NDArray[np.int64]) -> tuple[NDArray, NDArray]:
        flips, gain = _flips(rng), np.exp(0.1 * rng.standard_normal((len(rows), 1, 1, 1))).astype(np.float32)
        windows = [_somewhere(inputs[row], rng) for row in rows]
        pairs = list(zip(rows, windows, strict=True))

        def crops(pictures: Sequence[NDArray]) -> NDArray[np.float32]:
            cut = [_flipped(_cut(pictures[row], window), *flips) for row, window in pairs]
            return np.stack(cut).astype(np.float32)

        wanted = crops(maps)[..., None] * settings.map_gain * gain
        versions = [crops(inputs), *([crops(twins)] if twins else [])]
        for x in versions:
            x[..., :-1] *= gain
        x = np.concatenate(versions)
        return x, np.concatenate([np.concatenate([wanted] * len(versions)), x[..., -1:]], axis=-1)

    size = 8 if twins else 16
    large = max(max(picture.shape[:2]) for picture in inputs) > _CROP_PX
    groups = [np.arange(len(inputs))] if large else by_shape(inputs)
    model = k.models.Model(encoder.trunk.input, encoder.trunk.output["pigment"])
    schedule = k.optimizers.schedules.CosineDecay(learning_rate, epochs * len(_batches(groups, size, rng)))
    loss = _error_on_twins if twins else _error_on_skin
    model.compile(optimizer=k.optimizers.Adam(schedule, clipnorm=1.0), loss=loss)
    model.optimizer.build(model.trainable_variables)
    _run(model, batch, groups, epochs, size=size, rng=rng, progress=progress)
    return encoder


def _somewhere(picture: NDArray, rng: np.random.Generator) -> tuple[slice, slice] | None:
    """A crop about a random place on the skin of a large picture; None of a small one."""
    high, wide = picture.shape[:2]
    if max(high, wide) <= _CROP_PX:
        return None
    places = np.flatnonzero(picture[::8, ::8, -1] > 0.5)
    place = int(rng.choice(places)) if len(places) else 0
    row, column = np.multiply(np.divmod(place, -(-wide // 8)), 8)
    row, column = np.array([row, column]) + rng.integers(-_CROP_PX // 4, _CROP_PX // 4, 2)
    top, left = (
        int(np.clip(at - _CROP_PX // 2, 0, max(size - _CROP_PX, 0)))
        for at, size in zip((row, column), (high, wide), strict=True)
    )
    return slice(top, top + _CROP_PX), slice(left, left + _CROP_PX)


def _cut(picture: NDArray, window: tuple[slice, slice] | None) -> NDArray:
    """The part of a picture in a window, which may reach beyond it: there it is 0."""
    if window is None:
        return picture
    part = picture[window]
    missing = [(0, side.stop - side.start - have) for side, have in zip(window, part.shape, strict=False)]
    return np.pad(part, [*missing, *[(0, 0)] * (picture.ndim - 2)])


def _error_on_skin(truth: Any, pigment: Any) -> Any:
    """``truth`` (n, h, w, 2) is the planted map and the skin, ``pigment`` (n, h, w, 1), both times map_gain."""
    skin = truth[..., 1:]
    error = truth[..., :1] - pigment
    pixels = _over_skin(_huber(error), skin)
    return pixels + _in_squares(error, skin) + 0.1 * _apart(truth[..., :1], pigment, skin)


def _error_on_twins(truth: Any, pigment: Any) -> Any:
    """As ``_error_on_skin`` of 2 m pictures, of which the last m are twins of the first; and how far the two are apart."""
    ops = keras().ops
    first, second = ops.split(pigment, 2)
    skin = ops.prod(ops.stack(ops.split(truth[..., 1:], 2)), axis=0)
    between = 0.5 * _in_squares(first - second, skin) + _TWIN_WEIGHT * _apart(first, second, skin)
    return _error_on_skin(truth, pigment) + between


def _huber(error: Any) -> Any:
    ops = keras().ops
    size = ops.abs(error)
    return ops.where(size < 0.3, ops.square(size) / 0.6, size - 0.15)


def _over_skin(values: Any, skin: Any) -> Any:
    ops = keras().ops
    return ops.sum(values * skin) / (ops.sum(skin) + 1.0)


def _in_squares(error: Any, skin: Any) -> Any:
    """The error of means over squares of 4 pixels (2 mm); ``error`` and ``skin`` (n, h, w, 1)."""
    ops = keras().ops
    total, share = (ops.average_pool(values * skin, 4, 4) for values in (error, ops.ones_like(skin)))
    return _over_skin(_huber(total / (share + 1e-3)), share)


def _apart(one: Any, other: Any, skin: Any) -> Any:
    """How far the mean powers of two maps (n, h, w, 1) are apart, by which sides are graded. A grade rises with the logarithm of the
    mean power above a floor: an error on a clear face counts as on a severe one."""
    ops = keras().ops
    area = ops.sum(skin, axis=(1, 2, 3)) + 1.0
    powers = [
        ops.sum((ops.relu(values) + 1e-4) ** (2 / 3) * skin, axis=(1, 2, 3)) / area for values in (one, other)
    ]
    steps = [ops.log(power + _FLOOR_POWER) for power in powers]
    return ops.mean(ops.abs(steps[0] - steps[1]))


def _run(
    model: Any,
    batch: Callable[[NDArray[np.int64]], tuple[NDArray, Any]],
    groups: Sequence[NDArray],
    epochs: int,
    *,
    size: int,
    rng: np.random.Generator,
    progress: Progress | None,
) -> None:
    """Not fit(): it expects every batch to have the sizes of its first two."""
    for epoch in range(epochs):
        losses = []
        for rows in _batches(groups, size, rng):
            logs = model.train_on_batch(*batch(rows), return_dict=True)
            losses.append(float(logs["loss"]))
        if not np.isfinite(losses[-1]):
            raise TrainingError(
                f"training diverged in epoch {epoch + 1}: try another seed or a lower learning rate"
            )
        if progress:
            progress(epoch + 1, epochs, float(np.mean(losses)))


def _batches(groups: Sequence[NDArray], size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Row numbers in batches of one patch size each, in random order."""
    parts = (np.array_split(rng.permutation(g), max(1, len(g) // size)) for g in groups)
    batches = [batch for split in parts for batch in split]
    rng.shuffle(batches)
    return batches


def _flips(rng: np.random.Generator) -> tuple[int, int]:
    across, down = rng.integers(0, 2, 2) * 2 - 1
    return int(across), int(down)


def _flipped(picture: NDArray, across: int, down: int) -> NDArray:
    return picture[::down, ::across]
