"""The model folder: settings, encoder weights, references, booster and card; text, arrays and weights only.

settings.json   every setting the model was made with
encoder.npz, index.faiss, references.npz, booster.txt, blend.json
thumbnails.npz  small JPEGs of the reference patches, or none
model.json      versions, counts, scores, and the SHA-256 of every other file
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.blend import Blend
from toolkit.errors import ModelError
from toolkit.index import ReferenceIndex
from toolkit.settings import Settings
from toolkit.siamese import Encoder
from toolkit.thumbnails import load_thumbnails, save_thumbnails

FORMAT = 3
FILES = (
    "settings.json",
    "encoder.npz",
    "index.faiss",
    "references.npz",
    "thumbnails.npz",
    "booster.txt",
    "blend.json",
)


@dataclass(frozen=True, eq=False)
class Model:
    """A trained grader. ``card`` holds what is known of its training, as JSON-ready values; ``thumbnails`` are
    JPEGs of the references in their order, or none at all."""

    settings: Settings
    encoder: Encoder
    index: ReferenceIndex
    blend: Blend
    card: Mapping[str, Any]
    name: str = "unsaved"
    sha256: str = ""
    thumbnails: tuple[bytes, ...] = ()


def starter_folder() -> Path:
    """Where the starter model lies: in the source tree, or inside the installed package."""
    here = Path(__file__).parent
    places = (here.parent / "models" / "starter", here / "_models" / "starter")
    return next((place for place in places if (place / "model.json").is_file()), places[0])


def check_model_target(folder: Path) -> None:
    """Raise ModelError, before a long training, where ``folder`` exists and is something else than a model."""
    folder = Path(folder)
    is_model = (folder / "model.json").is_file()
    if folder.exists() and not is_model and (folder.is_file() or any(folder.iterdir())):
        raise ModelError(f"{folder} exists and is not a model folder: choose another name")


def save_model(model: Model, folder: Path) -> str:
    """Write a model folder in one step (a crash leaves the old one, or none); returns its SHA-256.

    Raises ModelError when the folder exists and is something else than a model.
    """
    check_model_target(folder)
    folder = Path(folder).resolve()  # "." or a link: the folder itself is replaced
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        new.chmod(0o755)
        (new / "settings.json").write_text(model.settings.to_json() + "\n")
        model.encoder.save(new / "encoder.npz")
        model.index.save(new)
        model.blend.save(new)
        save_thumbnails(new / "thumbnails.npz", model.thumbnails)
        hashes = {name: _sha256(new / name) for name in FILES}
        card = {"format": FORMAT, **model.card, "files": hashes}
        (new / "model.json").write_text(json.dumps(card, indent=2) + "\n")
        if folder.exists():
            shutil.rmtree(folder)
        new.replace(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return _whole_hash(hashes)


def read_card(folder: Path) -> dict[str, Any]:
    """The contents of model.json; raises ModelError when there is no model of a known format."""
    path = Path(folder) / "model.json"
    try:
        card = json.loads(path.read_text())
        if card["format"] != FORMAT:
            raise ModelError(f"{folder}: model format {card['format']} is not {FORMAT}; retrain it")
        hashes = {name: str(card["files"][name]) for name in FILES}
    except (FileNotFoundError, NotADirectoryError):
        raise ModelError(
            f"{folder}: no model there (model.json is missing); see toolkit train --help"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: damaged ({error}); restore it or retrain") from None
    return {**card, "files": hashes}


def load_model(folder: Path | str | None = None) -> Model:
    """Load a model folder, by default the starter model.

    Raises ModelError when a file is missing, or is not the one that was saved.
    """
    folder = starter_folder() if folder is None else Path(folder)
    card = read_card(folder)
    for name, wanted in card["files"].items():
        if not (folder / name).is_file():
            raise ModelError(f"{folder / name}: missing; restore the model folder or retrain")
        if _sha256(folder / name) != wanted:
            raise ModelError(f"{folder / name}: changed since the model was saved; restore it or retrain")
    settings = Settings.from_json((folder / "settings.json").read_text())
    return Model(
        settings=settings,
        encoder=Encoder.load(folder / "encoder.npz", settings.encoder),
        index=ReferenceIndex.load(folder, settings.index),
        blend=Blend.load(folder),
        card={key: value for key, value in card.items() if key not in ("format", "files")},
        name=folder.resolve().name,
        sha256=_whole_hash(card["files"]),
        thumbnails=load_thumbnails(folder / "thumbnails.npz"),
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _whole_hash(hashes: Mapping[str, str]) -> str:
    return hashlib.sha256("".join(hashes[name] for name in FILES).encode()).hexdigest()
