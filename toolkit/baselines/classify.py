"""The transfer baseline of the 2020 capstone: a pretrained network, and a softmax over grade classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.baselines.backbone import load_backbone
from toolkit.baselines.common import Epochs, Fitted, Split, fit, pictures
from toolkit.settings import BaselineSettings
from toolkit.siamese.backend import keras


def classify(
    paths: Sequence[Path],
    classes: NDArray[np.intp],
    count: int,
    split: Split,
    *,
    settings: BaselineSettings,
    seed: int,
    tell: Epochs,
) -> Fitted:
    """Learn the class, of ``count``, of n pictures (PNG files of ``settings.image_size``); classes of all.

    Dropout, global average pooling and softmax on the backbone; Adam, sparse categorical cross-entropy.
    """
    k = keras()
    k.utils.set_random_seed(seed)
    backbone, _ = load_backbone(settings)
    x = k.layers.Dropout(settings.dropout)(backbone.output)
    x = k.layers.GlobalAveragePooling2D()(x)
    model = k.models.Model(backbone.input, k.layers.Dense(count, activation="softmax")(x))
    model.compile(
        optimizer=k.optimizers.Adam(settings.low_learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # compiling costs more than it saves at these sizes
    )
    data = pictures([paths[i] for i in split.fit], classes[split.fit], settings, seed)
    held = pictures([paths[i] for i in split.held], classes[split.held], settings)
    history = fit(model, data, held, settings, steps=-(-len(split.fit) // settings.batch), tell=tell)
    answers = model.predict(pictures(paths, classes, settings), verbose=0)
    return Fitted(classes=answers.argmax(axis=1), history=history)
