"""What the window sets going: the functions behind the commands, and what of their results is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.agreement import compare_files, learnt_note
from toolkit.app import bodies, reviewing
from toolkit.app.allowed import AllowedFolders
from toolkit.app.jobs import Work
from toolkit.app.study import Study
from toolkit.asjson import plain
from toolkit.commands.grading import grade_photos
from toolkit.commands.results import ReportRequest
from toolkit.commands.training import train_study, training_record
from toolkit.errors import ToolkitError
from toolkit.images import find_photos
from toolkit.modelcard import doubt_told, worth_words
from toolkit.progress import Progress
from toolkit.study import parse_scale, step_of
from toolkit.trial import Outputs, Reading, analyse_files


def grading(study: Study, asked: bodies.Grading, allowed: AllowedFolders, workers: int) -> Work:
    """The work of ``toolkit grade``, with the report page in the study's folder."""

    def work(tell: Progress) -> Mapping[str, Any]:
        allowed.refuse_outside([*find_photos([study.photos]), *study.written()])
        workbook = study.workbook if asked.experts else None
        report = ReportRequest(None, study.report, workbook, study.pairs() if workbook else None)
        run = grade_photos(
            [study.photos], study.results, study.model, workers=workers, tell=tell, report=report,
            append=asked.earlier == "append", overwrite=asked.earlier == "overwrite", change=asked.change,
        )  # fmt: skip
        without = [{"photo": grade.name, "note": grade.note} for grade in run.grades if grade.grade is None]
        known = ("photos", "graded", "earlier", "interrupted", "seconds", "remarks")
        return plain({name: getattr(run, name) for name in known} | {"without": without})

    return work


def training(
    study: Study, files: Sequence[Path], replace: bool, allowed: AllowedFolders, *, workers: int
) -> Work:
    """The work of ``toolkit train`` on the grades in ``files``, into the study's own model; ``replace``: also over a model of
    other subjects."""

    def work(tell: Progress) -> Mapping[str, Any]:
        allowed.refuse_outside([*find_photos([study.photos]), *files, *study.written()])
        run = train_study(
            [study.photos], files, study.own_model, columns=study.pairs(), workers=workers, tell=tell,
            step=step_of(study.scale), overwrite=replace,
        )  # fmt: skip
        card = run.model.card
        told = {"words": worth_words(card), "doubt": bool(doubt_told(card))}
        return plain({**told, **training_record(run)})

    return work


def agreeing(study: Study, files: Sequence[Path], allowed: AllowedFolders) -> Work:
    """The work of ``toolkit agreement`` on the graders in ``files``."""

    def work(tell: Progress) -> Mapping[str, Any]:
        allowed.refuse_outside([*files, *study.written()])
        tell("agreement", 0, 1)
        columns = study.pairs() if study.workbook in files else []
        found = compare_files(files, columns, parse_scale(study.scale), study.agreement)
        return plain({"text": found.text(), "learnt": learnt_note(study.results), **found.record()})

    return work


def trial(study: Study, grades: Path, asked: bodies.Trial, allowed: AllowedFolders) -> Work:
    """The work of ``toolkit trial`` on the ``grades`` of one grader over the visits."""

    def work(tell: Progress) -> Mapping[str, Any]:
        allowed.refuse_outside([grades, *study.reads(), *study.written()])
        tell("trial", 0, 1)
        columns = study.pairs() if grades == study.workbook else []
        reading = Reading(
            columns, parse_scale(study.scale), study.arms, (), asked.reference or None, asked.baseline or None
        )
        found = analyse_files(grades, reading, outputs=Outputs(study.trial, study.trial_page))
        return plain({"findings": found.record()["findings"]})

    return work


def graders(study: Study, who: str) -> list[Path]:
    """The files whose graders are to be compared: "reviews", or "experts", the workbook beside the results."""
    if who == "reviews":
        files = reviewing.review_files(study.folder)
        if not files:
            raise ToolkitError("no photo has been reviewed yet: review some first")
        return files
    if study.workbook is None:
        raise ToolkitError("choose a workbook of the experts' grades first")
    return [study.workbook, study.results]
