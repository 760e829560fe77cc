"""Grades mottled hyperpigmentation (0-9) in clinical face photographs.

The public names are loaded on first use, so that ``import toolkit`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.api import Grader, grade, train
    from toolkit.errors import ToolkitError
    from toolkit.model import load_model
    from toolkit.records import PhotoGrade
    from toolkit.settings import Settings

try:
    __version__ = version("hyperpigmentation-toolkit")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+source"

_PUBLIC = {
    "Grader": "toolkit.api",
    "PhotoGrade": "toolkit.records",
    "Settings": "toolkit.settings",
    "ToolkitError": "toolkit.errors",
    "grade": "toolkit.api",
    "load_model": "toolkit.model",
    "train": "toolkit.api",
}

__all__ = ["Grader", "PhotoGrade", "Settings", "ToolkitError", "__version__", "grade", "load_model", "train"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'toolkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
