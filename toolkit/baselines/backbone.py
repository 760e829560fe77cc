"""Pretrained networks without their top, and where their weights come from."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from toolkit.errors import TrainingError
from toolkit.settings import BaselineSettings
from toolkit.siamese.backend import keras

# These hold their scaling in themselves and take 0-255; all others get -1 to 1, as the 2020 capstone gave ResNet50.
_SCALED_INSIDE = ("efficientnet", "mobilenetv3", "convnext")
_WITHOUT_WEIGHTS = (
    "give --backbone-weights FILE (weights without top, or a whole .keras model), "
    "or --backbone-weights none to train from scratch"
)


def load_backbone(settings: BaselineSettings) -> tuple[Any, int]:
    """A Keras model from pixels 0-255 (n, s, s, 3) to feature maps (n, h, w, c), and how many of its layers,
    from the first, stay as they are: none where it starts from random weights.

    Raises TrainingError where the backbone is unknown, or its weights cannot be had or do not fit.
    """
    core, scale, offset = _core(settings)
    frozen = round(settings.frozen_fraction * len(core.layers)) if settings.weights != "none" else 0
    layers, models = keras().layers, keras().models
    for number, layer in enumerate(core.layers):
        # Normalisation stays as pretrained: over the few batches of a study its moving means lag behind the
        # weights, and the network that answers is not the one that learnt.
        normalises = settings.weights != "none" and isinstance(layer, layers.BatchNormalization)
        layer.trainable = number >= frozen and not normalises
    pixels = layers.Input((settings.image_size, settings.image_size, 3), name="pixels")
    return models.Model(pixels, core(layers.Rescaling(scale, offset)(pixels))), frozen


def check_backbone(settings: BaselineSettings) -> None:
    """Raise TrainingError, before hours of work, where ``load_backbone`` would."""
    if settings.weights not in ("imagenet", "none") and not Path(settings.weights).is_file():
        raise TrainingError(f"{settings.weights}: there is no such file of weights; {_WITHOUT_WEIGHTS}")
    load_backbone(settings)


def backbone_title(settings: BaselineSettings) -> str:
    """What the tables call it: "resnet50, ImageNet weights", "resnet50 from scratch"."""
    if settings.weights == "none":
        return f"{settings.backbone} from scratch"
    if settings.weights == "imagenet":
        return f"{settings.backbone}, ImageNet weights"
    name = Path(settings.weights).name
    return name if name.endswith(".keras") else f"{settings.backbone}, weights {name}"


def _core(settings: BaselineSettings) -> tuple[Any, float, float]:
    """The network, and the scale and offset that bring pixels 0-255 to what it was trained on."""
    if settings.weights.endswith(".keras"):
        return _whole_model(settings), 1 / 128, -127 / 128
    name = settings.backbone.casefold()
    known = _applications()
    if name not in known:
        raise TrainingError(f"--backbone {settings.backbone}: choose one of {', '.join(sorted(known))}")
    inside = name.startswith(_SCALED_INSIDE)
    core = _application(known[name], settings)
    return core, *((1.0, 0.0) if inside else (1 / 127.5, -1.0))


def _applications() -> dict[str, Any]:
    found = vars(keras().applications).items()
    return {name.casefold(): build for name, build in found if inspect.isfunction(build)}


def _application(build: Any, settings: BaselineSettings) -> Any:
    weights = None if settings.weights == "none" else settings.weights
    try:
        return build(
            include_top=False, weights=weights, input_shape=(settings.image_size, settings.image_size, 3)
        )
    except Exception as error:  # Keras raises plain Exception where a download fails, ValueError for misfits
        reason = " ".join(str(error).split())[:200]
        raise TrainingError(
            f"--backbone {settings.backbone}: weights {settings.weights!r} cannot be used ({reason}): "
            f"{_WITHOUT_WEIGHTS}"
        ) from None


def _whole_model(settings: BaselineSettings) -> Any:
    shape = (settings.image_size, settings.image_size, 3)
    try:
        core = keras().models.load_model(settings.weights, compile=False, safe_mode=True)
        if core.input_shape[1:] != shape:  # convolutions fit any size: the same layers, on another input
            resized = keras().models.clone_model(core, input_tensors=keras().layers.Input(shape))
            resized.set_weights(core.get_weights())
            core = resized
        maps = core.output_shape
    except Exception as error:  # whatever a damaged or foreign file makes Keras raise
        reason = " ".join(str(error).split())[:200]
        raise TrainingError(f"{settings.weights}: not a Keras model without top ({reason})") from None
    if len(maps) != 4:
        raise TrainingError(
            f"{settings.weights}: gives shape {maps}, not feature maps (n, h, w, c): save it without top"
        )
    return core
