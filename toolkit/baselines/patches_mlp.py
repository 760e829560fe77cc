"""The recipe of Microsoft's and Nestle's acne grading: rolled patches, deep features, an MLP, the plain mean.

Source: Zhao, Zhang and Spoelstra, A computer vision application for assessing facial acne severity from selfie
images (2019), arXiv 1907.07901.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.baselines.backbone import load_backbone
from toolkit.baselines.common import Epochs, Fitted, Split, fit
from toolkit.settings import BaselineSettings
from toolkit.siamese.backend import keras, tensorflow

Float = NDArray[np.float32]


def rolled(pixels: NDArray[np.uint8], region: str, share: float) -> NDArray[np.uint8]:
    """A patch shifted by ``share`` of its length, what leaves at one end entering at the other: the forehead
    along x, cheeks and chin along y."""
    axis = 1 if region == "forehead" else 0
    return np.roll(pixels, round(share * pixels.shape[axis]), axis=axis)


def deep_features(
    patches: Sequence[NDArray[np.uint8]], regions: Sequence[str], settings: BaselineSettings, tell: Epochs
) -> Float:
    """What a frozen backbone sees of m patches, pooled: (m, rolls, c); the first roll is the patch itself."""
    k = keras()
    k.utils.set_random_seed(0)  # a backbone from scratch is the same for every fold
    backbone, _ = load_backbone(settings)
    pooled = k.layers.GlobalAveragePooling2D()(backbone.output)
    model = k.models.Model(backbone.input, pooled)
    size, rolls = (settings.image_size, settings.image_size), settings.rolls
    found = np.zeros((len(patches), rolls, pooled.shape[-1]), np.float32)
    step = max(settings.batch // rolls, 1)
    for start in range(0, len(patches), step):
        some = range(start, min(start + step, len(patches)))
        stack = np.stack(
            [
                cv2.resize(rolled(patches[i], regions[i], roll / rolls), size, interpolation=cv2.INTER_AREA)
                for i in some
                for roll in range(rolls)
            ]
        )
        found[list(some)] = model.predict_on_batch(stack).reshape(len(some), rolls, -1)
        tell(some[-1] + 1, len(patches))
    return found


def rolls_by_class(classes: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """How often each photograph's patches are shown (n,), 1 to ``most``: more for the rarer classes."""
    counts = np.bincount(classes)
    return np.clip(np.round(counts.max() / np.maximum(counts, 1)), 1, most).astype(np.intp)[classes]


def grade_patches(
    features: Float,
    photo: NDArray[np.intp],
    grades: NDArray[np.float64],
    classes: NDArray[np.intp],
    *,
    split: Split,
    settings: BaselineSettings,
    seed: int,
    tell: Epochs,
) -> Fitted:
    """Regress the grades (n,) of photographs on ``features`` (m, rolls, c) of their patches, whose photograph
    ``photo`` (m,) numbers; grades of all n as the plain mean over patches, 0-9."""
    k, tf = keras(), tensorflow()
    k.utils.set_random_seed(seed)
    shown = np.zeros(len(grades), np.intp)
    shown[split.fit] = rolls_by_class(classes[split.fit], settings.rolls)
    patch, roll = np.nonzero(np.arange(features.shape[1]) < shown[photo][:, None])
    held = np.flatnonzero(np.isin(photo, split.held))
    centre, spread = features[patch, roll].mean(axis=0), features[patch, roll].std(axis=0) + 1e-6

    def standard(x: Float) -> Float:
        return np.clip((x - centre) / spread, -5, 5)

    layers = [layer for width in settings.hidden for layer in
              (k.layers.Dense(width, activation="relu"), k.layers.Dropout(settings.dropout))]  # fmt: skip
    model = k.Sequential([k.layers.Input(features.shape[-1:]), *layers, k.layers.Dense(1)])
    model.compile(optimizer=k.optimizers.Adam(settings.low_learning_rate), loss="mse", jit_compile=False)
    targets = ((grades - grades[split.fit].mean()) / 3)[photo].astype(np.float32)[:, None]
    data = tf.data.Dataset.from_tensor_slices((standard(features[patch, roll]), targets[patch])).cache()
    data = data.shuffle(len(patch), seed=seed).batch(settings.batch).prefetch(tf.data.AUTOTUNE)
    check = (standard(features[held, 0]), targets[held])
    history = fit(model, data, check, settings, steps=-(-len(patch) // settings.batch), tell=tell)
    answers = model.predict(standard(features[:, 0]), verbose=0)[:, 0] * 3 + grades[split.fit].mean()
    total = np.bincount(photo, answers, len(grades)) / np.bincount(photo, minlength=len(grades))
    return Fitted(grades=np.clip(total, 0, 9), history=history)
