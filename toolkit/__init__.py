"""Grades mottled hyperpigmentation (0-9) in clinical face photographs.

The public names are loaded on first use, so that ``import toolkit`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

try:
    __version__ = version("hyperpigmentation-toolkit")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+source"

_PUBLIC = {
    "Grader": "toolkit.pipeline",
    "Settings": "toolkit.settings",
    "ToolkitError": "toolkit.errors",
    "load_model": "toolkit.model",
}

__all__ = ["Grader", "Settings", "ToolkitError", "__version__", "load_model"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'toolkit' has no attribute {name!r}")
