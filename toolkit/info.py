"""What is installed, what it runs on, and what is missing with the command that mends it."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import toolkit
from toolkit.errors import ToolkitError
from toolkit.landmarks import default_landmark_model, dlib_landmark_model
from toolkit.model import TRAINED_ON, read_card, starter_folder
from toolkit.modelcard import PAGES
from toolkit.modelcard.facts import MEAN
from toolkit.outputs import counted
from toolkit.study.modes import WHITE, mode_title
from toolkit.watch.figures import KEPT

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

_OF_PHOTOGRAPHS = (TRAINED_ON, "reference_photos", KEPT)


def describe(models: Path = Path("models")) -> Iterator[str]:
    """Lines for the terminal."""
    yield f"toolkit {toolkit.__version__}, Python {platform.python_version()}, {platform.platform()}"
    for name in PACKAGES:
        yield f"  {name:24} {_installed(name) or 'missing: run  pip install hyperpigmentation-toolkit'}"
    yield f"  {'tensorflow':24} {_one_of('tensorflow', 'tensorflow-cpu')}"
    yield f"  {'faiss':24} {_one_of('faiss-cpu', 'faiss-gpu')}"
    yield f"  {'NVIDIA GPUs':24} {gpus() or 'none'}"
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
        "gpus": gpus(),
        "landmarks": default_landmark_model(),
        "models": [line.strip() for line in _models(models)],
    }


def describe_model(folder: Path) -> Iterator[str]:
    """What a model folder holds, in lines for the terminal, and where its card is; raises ModelError."""
    card = read_card(folder)
    yield _model(folder, card)
    if told := card.get("scores"):
        rmse, mean = told["all"]["rmse"]["value"], told["methods"][MEAN]["rmse"]
        yield f"  RMSE {rmse:.2f} on subjects never seen; always the mean: {mean:.2f}"
    page = folder / PAGES[-1]
    yield f"  model card: {page if page.is_file() else 'none; train the model again to have one'}"


def model_facts(folder: Path) -> dict[str, object]:
    """The same, for ``toolkit.asjson``: the model's card, without what it keeps of single photographs."""
    card = read_card(folder)
    return {name: value for name, value in card.items() if name not in _OF_PHOTOGRAPHS}


def versions() -> dict[str, str]:
    """The installed packages that a grade depends on, with their versions."""
    names = (*PACKAGES, "onnxruntime-gpu", "tensorflow", "tensorflow-cpu", "faiss-cpu", "faiss-gpu")
    return {name: found for name in names if (found := _installed(name))}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _one_of(*names: str) -> str:
    """The first of these packages that is installed; none is loaded, which takes seconds."""
    found = next((name for name in names if _installed(name)), None)
    if found is None:
        return "missing: run  pip install 'hyperpigmentation-toolkit[cpu]'  (or [gpu])"
    return f"{_installed(found)} ({found})"


def gpus() -> int:
    """How many graphics cards the NVIDIA driver counts."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    failed = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    return 0 if failed else count.value


def _dlib_landmarks() -> str:
    try:
        return f"{dlib_landmark_model()} (trained on 300-W: not for commercial use)"
    except ToolkitError:
        return "an extra, not for commercial use: pip install 'hyperpigmentation-toolkit[dlib-landmarks]'"


def _models(models: Path) -> Iterator[str]:
    folders = {starter_folder().resolve()} | {path.parent.resolve() for path in models.glob("*/model.json")}
    for folder in sorted(folders):
        try:
            yield f"  {_model(folder, read_card(folder))}"
        except ToolkitError as error:
            yield f"  {folder}: {error}"


def _model(folder: Path, card: Mapping[str, Any]) -> str:
    photos, subjects = card.get("photos", "?"), card.get("subjects", "?")
    counts = f"{counted(photos, 'photo')} of {counted(subjects, 'subject')}"
    return (
        f"{folder}: {counts} in {mode_title(str(card.get('mode', WHITE)))}, trained {card.get('created', '?')} with the "
        f"landmarks {card.get('landmarks', 'dlib')}"
    )
