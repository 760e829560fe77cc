"""Grades photographs; what is done is kept as it comes, and an interrupted run goes on where it stopped."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import toolkit
from toolkit.commands.changes import StudyChanges, compare_study
from toolkit.commands.joining import join_facts, split_columns
from toolkit.commands.results import (
    GradeRun,
    ReportRequest,
    report_grades,
    report_study,
    run_facts,
    write_workbook,
)
from toolkit.commands.shared import check_pictures, hash_photos, read_files
from toolkit.earlier import Loss, after_kept, check_kept, earlier_photos, find_loss, refuse_loss
from toolkit.errors import ModelError, ToolkitError
from toolkit.images import file_sha256
from toolkit.landmarks import default_landmark_model, landmarks_name
from toolkit.model import Model, load_model
from toolkit.outputs import Output, check_outputs, counted, some_of
from toolkit.photos import find_photo_files, with_facts
from toolkit.pigment.overlay import draw_predicted
from toolkit.pipeline import Grader
from toolkit.progress import Progress, reported, silent
from toolkit.quality import study_labels
from toolkit.records import PhotoFile
from toolkit.report import write_report
from toolkit.stagecode import code_hash
from toolkit.store import RunOptions, Store, open_store, store_path
from toolkit.study import JoinedGrades, mode_notes, mode_of, modes_remark
from toolkit.study.modes import WHITE
from toolkit.study.names import stored_text
from toolkit.workbook import RESULT_SUFFIXES, check_target, result_files
from toolkit.workers import TIME_LIMIT_S, Reading, read_all, write_overlay

_log = logging.getLogger(__name__)


def grade_photos(
    images: Sequence[Path],
    out: Path,
    model_folder: Path | None = None,
    weights: str = "learned",
    *,
    landmark_model: Path | None = None,
    workers: int = 1,
    tell: Progress = silent,
    limit_s: float = TIME_LIMIT_S,
    overlays: Path | None = None,
    report: ReportRequest | None = None,
    append: bool = False,
    overwrite: bool = False,
    change: bool = True,
    facts: Path | None = None,
) -> GradeRun:
    """Grade photographs and write the results workbook; every photo keeps its row.

    Into the folder ``overlays`` goes a picture of the predicted pigment of each photo that this run grades.
    ``report``: the page to write at the end, also where nothing was left to grade; not of an interrupted run.

    Results are kept beside the workbook as they come (``toolkit.store``), and only photos without one are read.
    KeyboardInterrupt ends the grading early: the workbook then holds what there is. A photo that takes longer
    than ``limit_s`` seconds is given up. Raises ToolkitError while another run writes the same output.

    Where ``out`` holds grades of photographs that are not among these, ``append`` keeps them and ``overwrite`` drops
    them; without either that is refused. ``overwrite`` also replaces files that an earlier run did not write, but
    never one that is read. ``change``: whether photographs of later visits are compared with those of the baseline. ``facts``: a table that tells who is on
    each photo, as for ``read_facts``; ``report.columns`` name columns of either table.
    """
    if append and overwrite:
        raise ToolkitError("--append keeps earlier grades, --overwrite drops them: choose one of them")
    report = report or ReportRequest()
    of_facts, of_experts = split_columns(report.columns, facts, report.expert_grades)
    report = replace(report, columns=of_experts)
    request = _Request(
        images, Path(out), model_folder, weights, landmark_model, workers, tell, limit_s, overlays,
        report, append, overwrite, change, facts, of_facts,
    )  # fmt: skip
    started, clock = datetime.now().astimezone(), time.monotonic()
    check_target(request.out, RESULT_SUFFIXES)
    given = find_photo_files(images)
    read = [
        *(file.path for file in given),
        *read_files(model_folder, landmark_model, report.expert_grades, facts),
    ]
    check_outputs([Output(store_path(request.out), "--out", lambda _: True)], read)
    with open_store(request.out) as store:
        plan = _plan(request, store, given, read)
        interrupted = _grade_missing(request, store, plan)
        labels = study_labels(store.qualities(), plan.model.settings.quality)
        run = GradeRun(
            request.out,
            plan.files,
            store.counts()["graded"],
            plan.earlier,
            interrupted,
            time.monotonic() - clock,
            labels,
            {stored_text(name): one for name, one in plan.joined.grades.items()} if plan.joined else {},
        )
        changes = (
            _compare(request, store, plan, run) if request.change and not interrupted else StudyChanges()
        )
        stopped = interrupted or changes.interrupted
        run = replace(run, interrupted=stopped, seconds=time.monotonic() - clock)
        remarks = _write(request, store, plan, run=run, started=started, changes=changes)
        return replace(run, remarks=tuple(remarks))


@dataclass(frozen=True)
class _Request:
    """What ``grade_photos`` was asked for."""

    images: Sequence[Path]
    out: Path
    model_folder: Path | None
    weights: str
    landmark_model: Path | None
    workers: int
    tell: Progress
    limit_s: float
    overlays: Path | None
    report: ReportRequest
    append: bool
    overwrite: bool
    change: bool
    facts: Path | None
    fact_columns: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class _Plan:
    """What is to be graded, and how: the ``files`` of the run, ``earlier`` how many of them have a result, the expert's
    grades (``joined``) and the table of facts (``told``), and what became of earlier results: ``loss`` and how many were
    ``damaged``."""

    model: Model
    options: RunOptions
    files: tuple[PhotoFile, ...]
    earlier: int
    told: JoinedGrades | None
    joined: JoinedGrades | None
    loss: Loss
    damaged: int


def _plan(request: _Request, store: Store, given: Sequence[PhotoFile], read: Sequence[Path]) -> _Plan:
    """Refuse, before anything is graded, whatever would go wrong later; the store then knows the photos of the run."""
    out, overwrite = request.out, request.overwrite
    _check_results(out, store, read, overwrite)
    damaged = store.drop_damaged()
    model = load_model(request.model_folder)
    options = _options(model, request.weights, request.landmark_model)
    files, hashes, loss = _planned_photos(request, store, given)
    paths, names = [file.path for file in files], [file.name for file in files]
    check_pictures(request.overlays, request.images, paths, names, read=read, overwrite=overwrite)
    told = join_facts(files, request.facts, request.fact_columns)
    files = with_facts(files, told.facts if told else {})
    joined = report_grades(request.report, request.images, files, hashes, read=read, overwrite=overwrite)
    files = with_facts(files, joined.facts if joined else {})
    hints = _hints(files, model)
    check_kept(out, loss.lost if request.append else (), hints, store, options=options.key())
    store.begin(files, options, hints)
    store.claim([(place, sha256) for place, sha256 in enumerate(hashes) if sha256])
    earlier = len(files) - len(store.missing())
    return _Plan(model, options, tuple(files), earlier, told, joined, loss, damaged)


def _compare(request: _Request, store: Store, plan: _Plan, run: GradeRun) -> StudyChanges:
    """Each later visit's photo beside its baseline; at no cost where there is one visit alone."""
    grades, paths = list(run.grades_in(store)), [file.path for file in plan.files]
    return compare_study(
        store, grades, paths, plan.model.settings, workers=request.workers, limit_s=request.limit_s,
        tell=request.tell,
    )  # fmt: skip


def _write(
    request: _Request,
    store: Store,
    plan: _Plan,
    *,
    run: GradeRun,
    started: datetime,
    changes: StudyChanges,
) -> list[str]:
    """Workbook and page; what is to be said of the run, a line each."""
    landmarks = landmarks_name(request.landmark_model)
    facts = run_facts(
        store, run, plan.model, plan.options, landmarks=landmarks, workers=request.workers, started=started
    )
    remarks = [
        *_other_landmarks(plan.model, request.landmark_model),
        *write_workbook(store, run, facts, changes.rows),
        *modes_remark([file.name for file in plan.files]),
        *_changes_told(store, plan.damaged, plan.loss),
    ]
    report, joined = request.report, plan.joined
    if plan.told and request.facts:
        remarks.append(f"{request.facts.name}: {plan.told.summary('a row')}")
    if joined and report.expert_grades:
        remarks.append(f"{report.expert_grades.name}: {joined.summary()}")
    if report.wanted and not run.interrupted:
        changed = {place: (changes.pairs[place], one) for place, one in changes.found.items()}
        page = report_study(store, run, plan.model, facts, report=report, changes=changed)
        write_report(
            page, report.file, report.folder, request.workers, limit_s=request.limit_s, tell=request.tell
        )
    return remarks


def _changes_told(store: Store, damaged: int, loss: Loss) -> list[str]:
    """What was graded again although there were results of it."""
    lines = [store.salvaged] if store.salvaged else []
    if damaged:
        results = counted(damaged, "result")
        lines.append(
            f"{store.path.name}: {results} damaged; the photos of this run among them were graded again"
        )
    if loss.changed:
        names = [one.name for one in loss.changed]
        lines.append(f"changed since they were graded, and graded again: {some_of(names)}")
    return lines


def _check_results(out: Path, store: Store, read: Sequence[Path], overwrite: bool) -> None:
    """Refuse results in the place of other files, or of results that somebody has edited since."""
    before = store.written()

    def as_written(path: Path) -> bool:
        return file_sha256(path) == before[path.name]

    outputs = [
        Output(path, "--out", as_written if path.suffix != ".xlsx" and path.name in before else is_own)
        for path, is_own in result_files(out).items()
    ]
    check_outputs(outputs, read, overwrite)


def _planned_photos(
    request: _Request, store: Store, files: Sequence[PhotoFile]
) -> tuple[list[PhotoFile], list[str], Loss]:
    """The photos of the run, after earlier ones that are to stay; their hashes, "" where none is needed; and what an
    earlier run had that this one has not, where that is not refused."""
    out, append = request.out, request.append
    if store.is_empty and not out.is_file():
        return list(files), [""] * len(files), Loss()
    paths = [file.path for file in files]
    hashes = hash_photos(paths, workers=request.workers, tell=request.tell, limit_s=request.limit_s)
    if request.overwrite:
        return list(files), hashes, Loss()
    loss = find_loss(earlier_photos(store, out, append), paths, hashes, append)
    if loss.lost and not append:
        refuse_loss(out, loss.lost, len(files))
    return after_kept(loss.lost, files), [*(one.sha256 for one in loss.lost), *hashes], loss


def _options(model: Model, weights: str, landmark_model: Path | None) -> RunOptions:
    """What may change a grade beside the photo; the package's own sources count, not its version alone."""
    landmarks = landmark_model or default_landmark_model()
    if not landmarks.is_file():
        raise ModelError(f"{landmarks}: no such landmark model; check --landmark-model")
    return RunOptions(toolkit.__version__, code_hash(), model.sha256, weights, file_sha256(landmarks))


def _other_landmarks(model: Model, landmark_model: Path | None) -> list[str]:
    """A line where the model was trained with the points of another landmark model; those of old folders are dlib's."""
    own, used = str(model.card.get("landmarks", "dlib")), landmarks_name(landmark_model)
    if own == used:
        return []
    return [f"{model.name} was trained with landmarks by {own}, these are {used}: grades may differ a little"]


def _hints(files: Sequence[PhotoFile], model: Model) -> list[str]:
    """What is known of each photo, beside its bytes, that may change its grade: the side that the face is expected to
    show, the subject where the model has references of it, which are not to answer, and another mode than the model's."""
    known = set(model.index.references.subjects.tolist())
    mode = str(model.card.get("mode", WHITE))
    hints = []
    for file in files:
        subject = file.facts.subject if file.facts.subject in known else None
        noted = {"mode": mode_of(file.name)} if mode_notes(file.name, mode) else {}
        hints.append(json.dumps({"side": file.facts.side, "subject": subject, **noted}))
    return hints


def _grade_missing(request: _Request, store: Store, plan: _Plan) -> bool:
    """Grade the photos without a result, one by one: a grade then depends on no other photo of its batch, so an
    interrupted run ends like an undisturbed one, and each is kept as soon as it is known. Whether it was interrupted."""
    places = store.missing()
    chosen = [plan.files[place] for place in places]
    grader = Grader(plan.model, request.weights)
    weights = plan.model.encoder.arrays()
    try:
        readings = read_all(
            chosen, plan.model.settings, request.landmark_model, request.workers, limit_s=request.limit_s,
            weights=weights,
        )  # fmt: skip
        with contextlib.closing(readings):
            for number, reading in reported(readings, len(chosen), "grading", request.tell):
                _keep(store, places[number], reading, grader, overlays=request.overlays)
    except KeyboardInterrupt:
        return True
    return False


def _keep(store: Store, place: int, reading: Reading, grader: Grader, *, overlays: Path | None) -> None:
    """Grade a photo that was read, and keep its result, or why there is none."""
    if reading.prepared.error:
        _log.info("%s: %s", reading.prepared.name, reading.prepared.error)
    if not reading.lasting:
        store.put_failure(place, reading.prepared.error, reading.sha256)
        return
    face = reading.prepared.face
    (result,) = grader.grade([reading.prepared])
    store.put(place, reading.sha256, result, face)
    graded = result.grade
    if graded.grade is not None:
        _log.info("%s: grade %.2f  %s", graded.name, graded.grade, graded.note)
    if overlays and result.pigment and face:
        shown = [face.chart] if face.chart else face.patches
        picture = draw_predicted(shown, result.pigment, result.grade.name)
        write_overlay(overlays / result.grade.name, picture)
