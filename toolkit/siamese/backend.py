"""Keras and TensorFlow, loaded when they are needed, and without what they say of themselves."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from toolkit.errors import MissingExtraError

_CHATTER = re.compile(rb"WARNING: All log messages before absl|[IW]\d{4} \d\d:\d\d:")


def keras() -> Any:
    """The keras module; raises MissingExtraError naming the command that installs it."""
    tensorflow()
    import keras

    return keras


def tensorflow() -> Any:
    """The tensorflow module; raises MissingExtraError naming the command that installs it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        if "keras" not in sys.modules:
            with _without_chatter():
                import keras  # noqa: F401  (which loads more of TensorFlow)
        import tensorflow
    except ImportError:
        raise MissingExtraError("TensorFlow", "cpu") from None
    return tensorflow


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Libraries of TensorFlow write lines on oneDNN and the processor to standard error while they load, whatever is
    set; what else is written meanwhile is passed on afterwards."""
    try:
        kept = os.dup(2)
    except OSError:  # a process without standard error
        yield
        return
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            for line in said:
                if not _CHATTER.match(line):
                    os.write(2, line)


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
