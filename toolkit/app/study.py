"""A study as the window knows it: its photographs, its workbook, its choices, and the folder that everything goes to."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.app.allowed import AllowedFolders
from toolkit.errors import ToolkitError
from toolkit.files import make_folder, write_atomically
from toolkit.outputs import Output, check_outputs, has_text

_FILE = "study.json"
_MARK = "toolkit app study"
_WHERE = "the study's folder"
SCALE = "0-9/0.5"


@dataclass(frozen=True)
class Study:
    """``folder``: where all is written; ``photos``: the folder of photographs; ``workbook`` of the experts' grades, whose
    ``columns`` are named by role where their headings are not understood, and its ``scale``; ``model``: a model folder, None
    for the starter; ``arms``: the table of a trial's arms."""

    folder: Path
    photos: Path
    workbook: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    scale: str = SCALE
    model: Path | None = None
    arms: Path | None = None

    @property
    def results(self) -> Path:
        """The workbook of the grades."""
        return self.folder / "results.xlsx"

    @property
    def report(self) -> Path:
        """The folder of the report page."""
        return self.folder / "report"

    @property
    def own_model(self) -> Path:
        """The folder of the model that is trained on this study."""
        return self.folder / "model"

    @property
    def agreement(self) -> Path:
        """The workbook of the agreement."""
        return self.folder / "agreement.xlsx"

    @property
    def trial(self) -> Path:
        """The workbook of the trial; its page lies beside it."""
        return self.folder / "trial.xlsx"

    @property
    def trial_page(self) -> Path:
        """The page of the trial."""
        return self.folder / "trial.html"

    def pairs(self) -> list[tuple[str, str]]:
        """The named columns, as the commands take them."""
        return list(self.columns.items())

    def reads(self) -> list[Path]:
        """What is read, and so never written over."""
        return [path for path in (self.workbook, self.arms) if path is not None]

    def written(self) -> list[Path]:
        """What may be written, so far as its name is known."""
        files = [self.results, self.report, self.own_model, self.agreement, self.trial, self.trial_page]
        return [
            *files,
            self.folder / _FILE,
            self.report / "index.html",
            self.report / "photos",
            self.report / "references",
        ]


def usual_folder(photos: Path) -> Path:
    """Where a study's results go unless the user names another folder: beside the photographs, never among them."""
    return photos.with_name(f"{photos.name} - toolkit")


def open_study(folder: Path, photos: Path, allowed: AllowedFolders) -> Study:
    """The study kept in ``folder``, of these photographs; a new one where there is none. What its file names outside the
    allowed folders is left out. Raises ToolkitError."""
    make_folder(folder, _WHERE)
    kept = _read(folder / _FILE) if (folder / _FILE).is_file() else {}
    study = Study(
        folder, photos, _path(kept, "workbook", folder), _texts(kept.get("columns")), str(kept.get("scale", SCALE)),
        _path(kept, "model", folder), _path(kept, "arms", folder),
    )  # fmt: skip
    named = {name: getattr(study, name) for name in ("workbook", "model", "arms")}
    found = {name: path for name, path in named.items() if path and allowed.holds(path) and path.exists()}
    study = Study(
        folder, photos, columns=study.columns if "workbook" in found else {}, scale=study.scale, **found
    )
    allowed.refuse_outside(study.written())
    return study


def save_study(study: Study) -> None:
    """Keep the choices in the study's folder; paths are told from there, so that the whole may be moved. Raises ToolkitError
    where another file has that name."""
    path = study.folder / _FILE
    check_outputs([Output(path, _WHERE, has_text(_MARK))], study.reads())
    named = {name: getattr(study, name) for name in ("photos", "workbook", "model", "arms")}
    told = {
        "kind": _MARK,
        **{name: _from(study.folder, one) for name, one in named.items()},
        "columns": dict(study.columns),
        "scale": study.scale,
    }
    text = json.dumps(told, indent=1, ensure_ascii=False) + "\n"
    write_atomically(path, lambda file: file.write(text.encode("utf-8", "surrogateescape")))


def photos_of(folder: Path) -> str | None:
    """The photographs of the study that was kept in ``folder``, as its file tells them; None where there is none."""
    if not (folder / _FILE).is_file():
        return None
    path = _path(_read(folder / _FILE), "photos", folder)
    return str(path) if path else None


def _read(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_bytes().decode("utf-8", "surrogateescape"))
        if not isinstance(told, dict) or told.get("kind") != _MARK:
            raise ValueError("it is another program's")
    except (OSError, ValueError, RecursionError) as error:
        raise ToolkitError(
            f"{path}: is not a study of this window ({error}): choose another folder"
        ) from None
    return told


def _path(told: Mapping[str, Any], name: str, folder: Path) -> Path | None:
    text = told.get(name)
    if not isinstance(text, str) or not text or "\0" in text:
        return None
    return Path(os.path.normpath(folder / text))


def _texts(told: Any) -> dict[str, str]:
    pairs = told.items() if isinstance(told, dict) else ()
    return {role: name for role, name in pairs if isinstance(role, str) and isinstance(name, str)}


def _from(folder: Path, path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return os.path.relpath(path, folder)
    except ValueError:  # on another drive
        return str(path)
