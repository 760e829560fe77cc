"""Lists the photographs whose expert grade would help most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.commands.shared import read_files
from toolkit.errors import ToolkitError
from toolkit.model import HASH_LENGTH, TRAINED_ON, Model, load_model
from toolkit.outputs import Output, check_outputs, counted, is_stamped
from toolkit.study import Columns, join_files
from toolkit.study.joined import NothingFitsError
from toolkit.suggest import GradedPhoto, Ungraded, next_photos, read_results, reasons, result_paths
from toolkit.watch import StudyFigures
from toolkit.workbook import Value, check_target, write_sheets

_KIND = "suggest"  # of whose output a workbook is
_TRAINED, _GRADED, _POOR = "the model was trained on", "graded by an expert", "of poor quality"


@dataclass(frozen=True)
class Suggestion:
    """A photo to have graded, and why."""

    photo: GradedPhoto
    why: str


@dataclass(frozen=True)
class SuggestRun:
    """The photos to have graded next, the most wanted first, out of how many ``ungraded`` ones; how many others were
    passed over, by reason. ``remarks``: what to know of the grades that were given."""

    chosen: tuple[Suggestion, ...]
    ungraded: int
    passed: dict[str, int]
    remarks: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """For ``toolkit.asjson``."""
        photos = [{"photo": one.photo.name, "why": one.why} for one in self.chosen]
        return {
            "photos": photos,
            "ungraded": self.ungraded,
            "passed_over": self.passed,
            "remarks": self.remarks,
        }


def suggest_photos(
    results: Path,
    out: Path,
    model_folder: Path | None = None,
    *,
    number: int = 20,
    per_subject: int = 2,
    grades: Sequence[Path] = (),
    columns: Columns = None,
    overwrite: bool = False,
) -> SuggestRun:
    """Choose from the photographs of ``results``, which the model in ``model_folder`` graded, those to have graded next,
    and write the workbook ``out``: a sheet for the expert, and one that says why. Left out are photographs that the
    model was trained on, that ``grades`` hold, or whose quality is poor; at most ``per_subject`` of a subject are
    chosen. Raises ToolkitError."""
    if columns and not grades:
        raise ToolkitError(
            "--column names columns of experts' grades: name their workbook with --grades, or leave it out"
        )
    check_target(out, (".xlsx",))
    read = [*result_paths(results), *grades, *read_files(model_folder, None)]
    check_outputs([Output(out, "--out", is_stamped(_KIND))], read, overwrite)
    photos, graded_by = read_results(results)
    model = load_model(model_folder)
    study = _study_of(model, graded_by, results)
    expert, remarks = _graded_by_experts([one.name for one in photos], grades, columns)
    passed = {one.name: _passed_over(one, model, expert) for one in photos}
    pool = [one for one in photos if not passed[one.name]]
    counts = dict(Counter(reason for reason in passed.values() if reason))
    if not pool:
        raise ToolkitError(
            f"{results}: no photograph is left to be graded ({_told(counts) or 'it holds no grade'})"
        )
    chosen = [
        Suggestion(pool[i], reasons(pool[i], photos, study)) for i in _order(pool, study, number, per_subject)
    ]
    _write(out, chosen)
    return SuggestRun(tuple(chosen), len(pool), counts, remarks)


def _graded_by_experts(
    names: Sequence[str], grades: Sequence[Path], columns: Columns
) -> tuple[set[str], tuple[str, ...]]:
    """The photos that have an expert's grade; and a line where no grade is of any of them, as may well be."""
    if not grades:
        return set(), ()
    try:
        return set(join_files(names, list(grades), columns, None).grades), ()
    except NothingFitsError as error:
        return set(), (str(error),)


def _study_of(model: Model, graded_by: str, results: Path) -> StudyFigures:
    """The figures of the photographs that the model was trained on."""
    if graded_by != model.sha256:
        raise ToolkitError(
            f"{results}: was graded by another model than {model.name}: name that one with --model"
        )
    study = StudyFigures.of_card(model.card)
    if study is None:
        raise ToolkitError(f"{model.name}: keeps no figures of its training photographs: train it again")
    return study


def _passed_over(photo: GradedPhoto, model: Model, expert: set[str]) -> str:
    if photo.sha256[:HASH_LENGTH] in model.card.get(TRAINED_ON, ()):
        return _TRAINED
    if photo.name in expert:
        return _GRADED
    return "" if photo.quality == "ok" else _POOR


def _order(pool: Sequence[GradedPhoto], study: StudyFigures, number: int, per_subject: int) -> list[int]:
    """Places of the chosen ones."""
    figures = np.array([(one.grade, one.tone, one.distance) for one in pool])
    half_widths = np.array([one.half_width for one in pool])
    ungraded = Ungraded.beside(study, figures, half_widths, np.array([one.subject for one in pool]))
    return list(islice(next_photos(ungraded, per_subject), number))


def _write(out: Path, chosen: Sequence[Suggestion]) -> None:
    """The sheet Next is for an expert to fill in, and tells nothing of the automatic grade."""
    following: list[dict[str, Value]] = [
        {"photo": one.photo.name, "subject": one.photo.subject, "side": one.photo.side, "visit": one.photo.visit, "grade": None}
        for one in sorted(chosen, key=lambda one: one.photo.name)
    ]  # fmt: skip
    why: list[dict[str, Value]] = [
        {
            "order": place, "photo": one.photo.name, "why": one.why, "automatic": one.photo.grade,
            "lower": one.photo.lower, "upper": one.photo.upper, "ita_deg": one.photo.tone,
            "reference_distance": one.photo.distance,
        }
        for place, one in enumerate(chosen, 1)
    ]  # fmt: skip
    write_sheets(out, {"Next": following, "Why": why}, number_format="0.00", kind=_KIND)


def suggest_report(run: SuggestRun, out: Path) -> list[str]:
    """Lines for the terminal."""
    people = len({one.photo.subject for one in run.chosen})
    passed = f"; passed over: {_told(run.passed)}" if run.passed else ""
    return [
        *run.remarks,
        f"{counted(len(run.chosen), 'photo')} of {counted(people, 'subject')} to have graded next, of {run.ungraded}{passed}",
        "Give the expert the sheet Next alone: the sheet Why tells the automatic grades.",
        f"Workbook: {out}",
    ]


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in counts.items())
