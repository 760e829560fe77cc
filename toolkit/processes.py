"""How new processes begin: on Linux as copies of one that has loaded what reading a photograph takes."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from multiprocessing import (
    forkserver,
    get_context,
    get_start_method,
    resource_tracker,
    set_forkserver_preload,
)
from multiprocessing.context import BaseContext

_LOADED = "toolkit.loaded"


def process_context() -> BaseContext:
    """What processes are made with. Never copies of this one, which may run TensorFlow's threads and would hang."""
    load_ahead()
    return get_context("forkserver" if _copied() else "spawn")


def load_ahead() -> None:
    """Begin to load what processes need, while this one gets ready itself."""
    if _copied():
        set_forkserver_preload([_LOADED])
        resource_tracker.ensure_running()  # else it begins within, and lets the signals through
        with signals_held():
            forkserver.ensure_running()


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Processes that begin here inherit it: Ctrl-C is for the main process alone."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _copied() -> bool:
    return sys.platform == "linux" and get_start_method(allow_none=True) != "spawn"
