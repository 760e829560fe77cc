"""Keras, loaded when it is needed."""

from __future__ import annotations

from typing import Any

from toolkit.errors import MissingExtraError


def keras() -> Any:
    """The keras module; raises MissingExtraError naming the command that installs it."""
    try:
        import keras
    except ImportError:
        raise MissingExtraError("TensorFlow", "cpu") from None
    return keras
