"""Keras, loaded when it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from toolkit.errors import MissingExtraError


def keras() -> Any:
    """The keras module; raises MissingExtraError naming the command that installs it."""
    try:
        import keras
    except ImportError:
        raise MissingExtraError("TensorFlow", "cpu") from None
    return keras


def has_gpu() -> bool:
    """Whether Keras computes on a GPU."""
    return any(name.startswith("gpu") for name in keras().distribution.list_devices())


@contextmanager
def mixed_precision() -> Iterator[None]:
    """Layers made inside compute in float16 with weights in float32 where there is a GPU: half of the memory and,
    on its tensor cores, less than half of the time (Micikevicius et al. 2018). On a CPU nothing changes."""
    config = keras().config
    before = config.dtype_policy()
    if has_gpu():
        config.set_dtype_policy("mixed_float16")
    try:
        yield
    finally:
        config.set_dtype_policy(before)
