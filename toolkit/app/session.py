"""What the window's server knows while it runs: the folders it may look into, the study on screen, the work under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import toolkit
from toolkit.app import reviewing
from toolkit.app.allowed import AllowedFolders
from toolkit.app.jobs import Jobs
from toolkit.app.study import Study, open_study, photos_of, save_study, usual_folder
from toolkit.app.understood import Join, join, understand
from toolkit.asjson import plain
from toolkit.errors import ModelError, ToolkitError
from toolkit.model import CARD, model_hash, read_card, starter_folder
from toolkit.modelcard import doubt_told, worth_words
from toolkit.photos import find_photo_files
from toolkit.records import PhotoFile
from toolkit.store import read_store, store_path


@dataclass
class Session:
    """``allowed`` folders, ``workers`` processes for long work, the ``origin`` of the window's pages, and what changes: the
    ``study`` on screen, with its ``files``, and the ``jobs``. ``close`` ends the server."""

    allowed: AllowedFolders
    workers: int
    origin: str
    jobs: Jobs = field(default_factory=Jobs)
    study: Study | None = None
    files: tuple[PhotoFile, ...] = ()
    close: Callable[[], None] = lambda: None
    # What was understood of a workbook, after which workbook, columns and photographs that is of.
    _read: tuple[Any, dict[str, Any]] | None = field(default=None, init=False)

    def the_study(self) -> Study:
        """The study on screen; raises ToolkitError where none has been chosen."""
        if self.study is None:
            raise ToolkitError("choose a folder of photographs first")
        return self.study

    def choose(self, photos: Path | None, folder: Path | None) -> None:
        """Put a study on screen: that of these photographs, or the one that was kept in ``folder``. Raises ToolkitError."""
        if photos is None:
            told = photos_of(folder) if folder else None
            if told is None:
                raise ToolkitError(
                    f"{folder}: holds no study that was begun in this window: choose its photographs"
                )
            photos = self.allowed.path(told)
        files = tuple(find_photo_files([photos]))
        self.allowed.refuse_outside(file.path for file in files)
        where = self.allowed.path(str(folder or usual_folder(photos)))
        self.keep(open_study(where, photos, self.allowed))
        self.files = files

    def keep(self, study: Study) -> None:
        """Take a changed study on screen, and keep its choices in its folder."""
        save_study(study)
        self.study = study

    def experts(self) -> dict[str, Any]:
        """What is understood of the study's workbook, and what of it joins which photograph; read anew only after a
        change. Raises ToolkitError."""
        study = self.the_study()
        if study.workbook is None:
            raise ToolkitError("choose a workbook of grades first")
        self.allowed.refuse_outside([study.workbook])
        of = (study.workbook, _written(study.workbook), tuple(study.columns.items()), self.files)
        if self._read is None or self._read[0] != of:
            understood = understand(study.workbook, study.columns)
            joined = Join() if understood.problem else join(self.files, study.workbook, study.columns)
            self._read = (of, plain({"understood": understood, "join": joined}))
        return self._read[1]

    def _is_refused(self) -> bool:
        """Whether the study's workbook cannot be read, or joined with the photographs."""
        if self.the_study().workbook is None:
            return False
        try:
            told = self.experts()
        except ToolkitError:
            return True
        return bool(told["understood"]["problem"] or told["join"]["problem"])

    def told(self) -> dict[str, Any]:
        """What the page shows of all this."""
        known: dict[str, Any] = {"version": toolkit.__version__, "roots": self.allowed.roots, "study": None}
        study = self.study
        if study is not None:
            known["study"] = {
                "folder": study.folder,
                "photos": study.photos,
                "count": len(self.files),
                "workbook": study.workbook,
                "refused": self._is_refused(),
                "scale": study.scale,
                "columns": study.columns,
                "arms": study.arms,
                "model": "starter" if study.model is None else "own",
                "graded": study.results.is_file(),
                "page": _written(study.report / "index.html"),
                "trained": (study.own_model / CARD).is_file(),
                "graded_with": _graded_with(study),
                **_worth(study.own_model),
                "agreed": study.agreement.is_file(),
                "trial": study.trial_page.is_file(),
                "readers": [reviewing.reader_of(path) for path in reviewing.review_files(study.folder)],
            }
        return {**plain(known), "job": self.job()}

    def job(self) -> dict[str, Any] | None:
        """How far the work is that is under way, or how the last ended."""
        job = self.jobs.told()
        return None if job is None else {**plain(job), "left_s": job.left_s}


def _worth(model: Path) -> dict[str, Any]:
    """What the study's own model is worth, in ``worth``, and whether it is in ``doubt``; "" without a model."""
    try:
        card = read_card(model)
    except ModelError:  # there is none, or training and grading will say what is wrong with it
        return {"worth": "", "doubt": False}
    return {"worth": worth_words(card), "doubt": bool(doubt_told(card))}


def _graded_with(study: Study) -> str:
    """Which model gave the study's results: "own", "starter", or "before" where it is neither of those that are here now;
    "" where that is not known."""
    try:
        with read_store(store_path(study.results)) as store:
            used = store.models()
    except ToolkitError:
        return ""
    if not used:
        return ""
    for name, folder in (("own", study.own_model), ("starter", starter_folder())):
        try:
            if used == {model_hash(folder)}:
                return name
        except ModelError:
            continue
    return "before"


def _written(path: Path) -> int:
    """When a file was written, in nanoseconds; 0 where there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
