"""Photographs of a run in another light than its model's: they keep their row, without a grade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit.earlier import Loss
from toolkit.errors import ToolkitError
from toolkit.model import Model
from toolkit.outputs import some_of
from toolkit.records import PhotoFile
from toolkit.study import mode_title, modes_told, other_mode


def of_other_modes(files: Sequence[PhotoFile], mode: str, model: Model) -> dict[int, str]:
    """Why some files, by place, are not graded where those of a mode are. Raises ToolkitError where none is of it."""
    notes = [other_mode(file.name, mode) for file in files]
    if all(notes):
        raise ToolkitError(
            f"no photograph is in {mode_title(mode)} by its name ({modes_told(file.name for file in files)}), and "
            f"{model.name} was trained on {mode_title(model.mode)}: use a model of their mode, or name their mode with "
            "--mode to have them graded all the same"
        )
    return {place: note for place, note in enumerate(notes) if note}


def refuse_mixed(out: Path, loss: Loss, others: Mapping[int, str]) -> None:
    """Raise ToolkitError where earlier photos, the first of the run, are of another mode than those appended."""
    mixed = [one.name for place, one in enumerate(loss.lost) if place in others]
    if mixed:
        raise ToolkitError(
            f"{out}: holds grades of photographs of another mode ({some_of(mixed)}): name another --out for these"
        )


def others_told(files: Sequence[PhotoFile], others: Mapping[int, str], mode: str) -> list[str]:
    """A line on how many are not graded, if any."""
    if not others:
        return []
    names = [files[place].name for place in others]
    return [f"of other modes, and not graded: {modes_told(names)} ({mode_title(mode)} is graded)"]
