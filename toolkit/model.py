"""The model folder: settings, encoder weights, references, booster and card; text, arrays and weights only.

settings.json   every setting the model was made with
encoder.npz, index.faiss, references.npz, booster.txt, blend.json
thumbnails.npz  small JPEGs of the reference patches, or none
model.json      versions, counts, scores, figures of the training photographs, and the SHA-256 of every file above
model_card.md, model_card.html  the same for people to read
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.blend import Blend
from toolkit.errors import ModelError
from toolkit.index import ReferenceIndex
from toolkit.modelcheck import check_card, check_model_files, read_json
from toolkit.outputs import Output, check_outputs, file_hash, first_entry, refuse_dead_link, some_of
from toolkit.settings import Settings
from toolkit.siamese import Encoder
from toolkit.study.modes import WHITE
from toolkit.thumbnails import load_thumbnails, save_thumbnails

FORMAT = 4
CARD = "model.json"
GRADE_STEP = "grade_step"  # in the card: grades of the study are its multiples; None: any number
TRAINED_ON, HASH_LENGTH = "photographs", 16  # in the card: the first digits of their SHA-256
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

    @property
    def mode(self) -> str:
        """The light of the photographs that it was trained on, as ``study.modes.mode_of`` names it."""
        return str(self.card.get("mode", WHITE))

    @property
    def learnt_from(self) -> frozenset[str]:
        """The first digits (HASH_LENGTH) of the SHA-256 of the photographs that it was trained on, where it keeps them."""
        return frozenset(self.card.get(TRAINED_ON, ()))


def starter_folder() -> Path:
    """Where the starter model lies: in the source tree, or inside the installed package."""
    here = Path(__file__).parent
    places = (here.parent / "models" / "starter", here / "_models" / "starter")
    return next((place for place in places if (place / "model.json").is_file()), places[0])


def check_model_target(folder: Path, inputs: Sequence[Path] = ()) -> None:
    """Raise ToolkitError, before a long training, where ``folder`` is something else than a model, or one of the
    ``inputs`` stands in the place of a file of the model."""
    from toolkit.modelcard import PAGES, is_card

    folder = Path(folder)
    refuse_dead_link(folder, "--out")
    if folder.is_file() or (first_entry(folder) is not None and not _is_model(folder)):
        raise ModelError(f"{folder} exists and is not a model folder: choose another name")
    if folder.resolve() == starter_folder().resolve():
        raise ModelError(f"{folder}: is the starter model that comes with toolkit: choose another name")
    outputs = [Output(folder / name, "--out", lambda _: True) for name in (CARD, *FILES)]
    check_outputs([*outputs, *(Output(folder / name, "--out", is_card) for name in PAGES)], inputs)


def _is_model(folder: Path) -> bool:
    """Whether a folder's model.json is one that ``save_model`` wrote, of whatever format."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        return isinstance(card["format"], int) and set(card["files"]) >= {"settings.json", "encoder.npz"}
    except (OSError, ValueError, KeyError, TypeError):
        return False


def refuse_other_model(folder: Path, subjects: Set[str], hashes: Callable[[], Iterable[str]]) -> None:
    """Raise ModelError where the model in ``folder`` learnt from subjects that are not among ``subjects``, or from
    photographs whose SHA-256 is not among the ``hashes``: it is another study's. So is one that cannot be read."""
    if not _is_model(Path(folder)):
        return
    try:
        model = load_model(folder)
    except ModelError as error:
        raise ModelError(f"{error}; or choose another name, or replace it with --overwrite") from None
    others = set(model.index.references.subjects.tolist()) - subjects
    if others:
        raise ModelError(
            f"{folder}: holds a model of other subjects ({some_of(sorted(others))}): choose another name, or replace "
            "it with --overwrite"
        )
    learnt = set(model.card.get(TRAINED_ON, ()))
    if learnt and not learnt <= {one[:HASH_LENGTH] for one in hashes()}:
        raise ModelError(
            f"{folder}: holds a model of other photographs of the same subjects: choose another name, or replace it "
            "with --overwrite"
        )


def save_model(model: Model, folder: Path) -> str:
    """Write a model folder; returns its SHA-256. Of what stands there only a model's own files are replaced, each
    whole: what else lies in the folder stays.

    A crash while they are written leaves the old model; in the instant in which they change places, a mixture that
    ``load_model`` refuses. Raises ModelError when the folder holds something else than a model.
    """
    from toolkit.modelcard import PAGES, card_sections, write_pages  # no grade needs it

    folder = Path(folder)
    if folder.is_file() or (first_entry(folder) is not None and not _is_model(folder)):
        raise ModelError(f"{folder} exists and is not a model folder: choose another name")
    folder.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=".saving-", dir=folder))
    try:
        (new / "settings.json").write_text(model.settings.to_json() + "\n", encoding="utf-8", newline="\n")
        model.encoder.save(new / "encoder.npz")
        model.index.save(new)
        model.blend.save(new)
        save_thumbnails(new / "thumbnails.npz", model.thumbnails)
        hashes = {name: file_hash(new / name) for name in FILES}
        card = {"format": FORMAT, **model.card, "files": hashes}
        (new / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8", newline="\n")
        coverage = model.settings.blend.coverage
        write_pages(new, card_sections(folder.resolve().name, _whole_hash(card), card, coverage))
        for name in (*PAGES, *FILES, CARD):
            (new / name).replace(folder / name)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return _whole_hash(read_card(folder))


def read_card(folder: Path) -> dict[str, Any]:
    """The contents of model.json; raises ModelError when there is no model of a known format."""
    path = Path(folder) / CARD
    try:
        card = read_json(path)
        if card["format"] != FORMAT:
            raise ModelError(f"{folder}: model format {card['format']!r:.40} is not {FORMAT}; retrain it")
        check_card(card)
        hashes = {name: str(card["files"][name]) for name in FILES}
    except (FileNotFoundError, NotADirectoryError):
        raise ModelError(f"{folder}: {_why_no_model(Path(folder))}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{path}: damaged ({error}); restore it or retrain") from None
    return {**card, "files": hashes}


def _why_no_model(folder: Path) -> str:
    if folder.is_dir():
        return "is no model (model.json is missing): name the folder that toolkit train wrote"
    if folder.exists():
        return "is a file, and a model is a folder: name the folder that toolkit train wrote"
    return "there is no such folder: check the path of the model"


def load_model(folder: Path | str | None = None) -> Model:
    """Load a model folder, by default the starter model.

    Raises ModelError when a file is missing, or is not the one that was saved.
    """
    folder = starter_folder() if folder is None else Path(folder)
    card = read_card(folder)
    for name, wanted in card["files"].items():
        if not (folder / name).is_file():
            raise ModelError(f"{folder / name}: missing; restore the model folder or retrain")
        if file_hash(folder / name) != wanted:
            raise ModelError(f"{folder / name}: changed since the model was saved; restore it or retrain")
    check_model_files(folder)
    settings = Settings.from_json((folder / "settings.json").read_text(encoding="utf-8"))
    return Model(
        settings=settings,
        encoder=Encoder.load(folder / "encoder.npz", settings.encoder),
        index=ReferenceIndex.load(folder, settings.index),
        blend=Blend.load(folder),
        card={key: value for key, value in card.items() if key not in ("format", "files")},
        name=folder.resolve().name,
        sha256=_whole_hash(card),
        thumbnails=load_thumbnails(folder / "thumbnails.npz"),
    )


def model_hash(folder: Path) -> str:
    """The SHA-256 of a model folder, as ``load_model`` tells it, by its card alone; raises ModelError."""
    return _whole_hash(read_card(folder))


def _whole_hash(card: Mapping[str, Any]) -> str:
    """Of all files of a model: those that the card has the hashes of, and the card itself."""
    told = {**card, "format": FORMAT, "files": {name: card["files"][name] for name in FILES}}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
