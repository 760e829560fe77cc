"""The architecture: a U-shaped trunk that maps pigment and pools what it sees, and a small head on top."""

from __future__ import annotations

from typing import Any

from toolkit.settings import EncoderSettings
from toolkit.siamese.backend import keras, mixed_precision
from toolkit.siamese.inputs import CHANNELS


def build_trunk(settings: EncoderSettings) -> Any:
    """Untrained Keras model (n, h, w, 6) -> {"pigment": (n, h, w, 1), "pooled": (n, p), "deepest": (n, h / 16, w / 16, c),
    "last": (n, h, w, c)}.

    ``pigment``: added green OD times ``settings.map_gain``, as a U-Net (Ronneberger et al. 2015) learns it from
    phantoms. ``pooled``: means and standard deviations over skin of its deepest and last layers, and of the
    pigment map. ``deepest`` and ``last`` are what is pooled, so that windows can be pooled from one look at the whole.
    h and w are multiples of 2 ^ (levels - 1). All outputs are float32.
    """
    with mixed_precision():
        return _trunk(settings)


def _trunk(settings: EncoderSettings) -> Any:
    layers, ops, models = keras().layers, keras().ops, keras().models
    picture = layers.Input((None, None, CHANNELS), name="patch")
    x, skins, levels = picture, [picture[..., -1:]], []
    for depth, width in enumerate(settings.channels):
        if depth:
            x = layers.AveragePooling2D(2)(x)
            skins.append(layers.AveragePooling2D(2)(skins[-1]))
        x = _convolved(_convolved(x, width), width)
        levels.append(x)
    deepest = x
    for width, level in zip(settings.channels[-2::-1], levels[-2::-1], strict=True):
        x = layers.UpSampling2D(2)(_convolved(x, width, size=1))
        x = _convolved(layers.Concatenate()([x, level]), width)
    pigment = layers.Conv2D(1, 3, padding="same", name="pigment_map", dtype="float32")(x)
    positive = ops.relu(pigment)
    gain = settings.map_gain
    shares = [ops.sigmoid((pigment - od * gain) * (40 / gain)) for od in (0.05, 0.1, 0.2)]
    shown = ops.concatenate([pigment, positive, ops.sqrt(positive + 1e-4), *shares], axis=-1)
    pooled = [_pooled(deepest, skins[-1]), _pooled(x, skins[0]), _pooled(shown, skins[0])]
    outputs = {"pigment": pigment, "pooled": ops.concatenate(pooled, axis=-1)}
    outputs |= {"deepest": ops.cast(deepest, "float32"), "last": ops.cast(x, "float32")}
    return models.Model(picture, outputs)


def build_head(settings: EncoderSettings, pooled: int) -> Any:
    """Untrained Keras model (n, pooled) -> {"embedding": (n, e), "grade": (n, 1) in grades / 9}."""
    layers, models = keras().layers, keras().models
    features = layers.Input((pooled,), name="pooled")
    x = layers.BatchNormalization(momentum=0.9, center=False, scale=False)(features)
    x = layers.Dropout(settings.dropout)(x)
    x = layers.Dense(2 * settings.embedding, activation="relu")(x)
    embedding = layers.Dense(settings.embedding, name="embedding")(x)
    grade = layers.Dense(1, name="grade")(layers.ReLU()(embedding))
    return models.Model(features, {"embedding": embedding, "grade": grade})


def _convolved(x: Any, width: int, size: int = 3) -> Any:
    layers = keras().layers
    x = layers.Conv2D(width, size, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.95)(x))


def _pooled(x: Any, skin: Any) -> Any:
    """Mean and standard deviation over skin (n, 2 c); the plain deviation has no gradient at 0."""
    ops = keras().ops
    x, skin = (ops.cast(values, "float32") for values in (x, skin))
    mass = ops.sum(skin, axis=(1, 2)) + 1e-3
    mean = ops.sum(x * skin, axis=(1, 2)) / mass
    spread = ops.sum(ops.square(x - mean[:, None, None, :]) * skin, axis=(1, 2)) / mass
    return ops.concatenate([mean, ops.sqrt(spread + 1e-3)], axis=-1)
