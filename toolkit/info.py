"""What is installed, what it runs on, and what is missing with the command that mends it."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import toolkit
from toolkit.errors import ToolkitError
from toolkit.landmarks import default_landmark_model, dlib_landmark_model
from toolkit.model import read_card, starter_folder
from toolkit.outputs import counted

PACKAGES = (
    "numpy",
    "opencv-python-headless",
    "dlib-bin",
    "scikit-image",
    "scikit-learn",
    "lightgbm",
    "onnxruntime",
    "keras",
)


def describe(models: Path = Path("models")) -> Iterator[str]:
    """Lines for the terminal."""
    yield f"toolkit {toolkit.__version__}, Python {platform.python_version()}, {platform.platform()}"
    for name in PACKAGES:
        yield f"  {name:24} {_installed(name) or 'missing: run  pip install hyperpigmentation-toolkit'}"
    yield f"  {'tensorflow':24} {_tensorflow()}"
    yield f"  {'faiss':24} {_faiss()}"
    yield f"  {'landmarks facemesh':24} {default_landmark_model()} (Apache License 2.0)"
    yield f"  {'landmarks dlib':24} {_dlib_landmarks()}"
    yield "models:"
    yield from _models(models)


def facts(models: Path = Path("models")) -> dict[str, object]:
    """The same, for ``toolkit.asjson``; null where a package is missing."""
    return {
        "toolkit": toolkit.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _installed(name) for name in PACKAGES} | versions(),
        "landmarks": default_landmark_model(),
        "models": [line.strip() for line in _models(models)],
    }


def versions() -> dict[str, str]:
    """The installed packages that a grade depends on, with their versions."""
    names = (*PACKAGES, "tensorflow", "tensorflow-cpu", "faiss-cpu", "faiss-gpu")
    return {name: found for name in names if (found := _installed(name))}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _tensorflow() -> str:
    if find_spec("tensorflow") is None:
        return "missing: run  pip install 'hyperpigmentation-toolkit[cpu]'  (or [gpu])"
    import tensorflow as tf

    gpus = len(tf.config.list_physical_devices("GPU"))
    return f"{tf.__version__}, {gpus or 'no'} GPU{'s' if gpus > 1 else ''}"


def _dlib_landmarks() -> str:
    try:
        return f"{dlib_landmark_model()} (trained on 300-W: not for commercial use)"
    except ToolkitError:
        return "an extra, not for commercial use: pip install 'hyperpigmentation-toolkit[dlib-landmarks]'"


def _faiss() -> str:
    if find_spec("faiss") is None:
        return "missing: run  pip install 'hyperpigmentation-toolkit[cpu]'  (or [gpu])"
    import faiss

    gpus = getattr(faiss, "get_num_gpus", lambda: 0)()
    return f"{faiss.__version__}, {gpus or 'no'} GPU{'s' if gpus > 1 else ''}"


def _models(models: Path) -> Iterator[str]:
    folders = {starter_folder().resolve()} | {path.parent.resolve() for path in models.glob("*/model.json")}
    for folder in sorted(folders):
        try:
            card = read_card(folder)
            points = card.get("landmarks", "dlib")
            yield (
                f"  {folder}: {counted(card['photos'], 'photo')} of {counted(card['subjects'], 'subject')}, trained {card['created']} "
                f"with the landmarks {points}"
            )
        except (ToolkitError, KeyError) as error:
            yield f"  {folder}: {error}"
