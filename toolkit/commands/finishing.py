"""What follows the grading, of one machine, of a part, or of parts that were merged: visits are compared, and the
workbook and the page are written."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import datetime
from pathlib import Path

from toolkit.commands.changes import StudyChanges, compare_study
from toolkit.commands.othermodes import others_told
from toolkit.commands.results import (
    GradeRun,
    ReportRequest,
    report_study,
    run_facts,
    told_of_learnt,
    write_workbook,
)
from toolkit.commands.watching import watch_run
from toolkit.earlier import Loss
from toolkit.landmarks import landmarks_name
from toolkit.model import Model
from toolkit.modelcard import doubt_of_grades
from toolkit.outputs import counted, some_of
from toolkit.pool import Workers
from toolkit.progress import Progress, silent
from toolkit.quality import study_labels
from toolkit.records import PhotoFile
from toolkit.report import write_report
from toolkit.store import RunOptions, Store
from toolkit.study import JoinedGrades
from toolkit.study.names import stored_text
from toolkit.watch import told
from toolkit.workers import TIME_LIMIT_S


@dataclass(frozen=True, kw_only=True)
class GradeRequest:
    """What ``grade_photos``, or ``merge_parts``, was asked for; ``fact_columns``: those that are named of ``facts``."""

    out: Path
    model_folder: Path | None = None
    landmark_model: Path | None = None
    workers: Workers = 1
    tell: Progress = silent
    limit_s: float = TIME_LIMIT_S
    report: ReportRequest = field(default_factory=ReportRequest)
    overwrite: bool = False
    change: bool = True
    facts: Path | None = None
    fact_columns: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class GradePlan:
    """What is graded, and how: the ``files`` of the run, ``earlier`` how many of them had a result, the expert's grades;
    ``others``, why some of them, by place, are not graded since they are of another mode than ``mode``; what became of
    earlier results, ``loss`` and how many were ``damaged``; ``told``: more to tell of the run, and
    ``remarks``, a line each."""

    model: Model
    options: RunOptions
    files: tuple[PhotoFile, ...]
    earlier: int
    joined: JoinedGrades | None
    mode: str
    others: Mapping[int, str]
    _: KW_ONLY
    loss: Loss = field(default_factory=Loss)
    damaged: int = 0
    told: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


class Clock:
    """When a run began, and how many seconds ago."""

    def __init__(self) -> None:
        self.started = datetime.now().astimezone()
        self._from = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since then."""
        return time.monotonic() - self._from


def finish(
    request: GradeRequest, store: Store, plan: GradePlan, clock: Clock, *, interrupted: bool
) -> GradeRun:
    """Compare visits, write workbook and page, and say what was done; the store holds what could be graded."""
    run = GradeRun(
        request.out,
        plan.files,
        store.counts()["graded"],
        plan.earlier,
        interrupted,
        clock.seconds,
        study_labels(store.qualities(), plan.model.settings.quality),
        {stored_text(name): one for name, one in plan.joined.grades.items()} if plan.joined else {},
        others=len(plan.others),
    )
    changes = _compare(request, store, plan, run) if request.change and not interrupted else StudyChanges()
    stopped = interrupted or changes.interrupted
    watched = None if stopped else watch_run(store, list(run.grades_in(store)), plan.model)
    run = replace(run, interrupted=stopped, seconds=clock.seconds, watched=watched)
    remarks = _write(request, store, plan, run=run, started=clock.started, changes=changes)
    return replace(run, remarks=tuple(remarks))


def _compare(request: GradeRequest, store: Store, plan: GradePlan, run: GradeRun) -> StudyChanges:
    """Each later visit's photo beside its baseline; at no cost where there is one visit alone."""
    grades, paths = list(run.grades_in(store)), [file.path for file in plan.files]
    return compare_study(
        store, grades, paths, plan.model.settings, workers=request.workers, limit_s=request.limit_s,
        tell=request.tell,
    )  # fmt: skip


def _write(
    request: GradeRequest,
    store: Store,
    plan: GradePlan,
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
    facts |= plan.told
    remarks = [
        *plan.remarks,
        *_other_landmarks(plan.model, request.landmark_model),
        *write_workbook(store, run, facts, changes.rows),
        *others_told(plan.files, plan.others, plan.mode),
        *_changes_told(store, plan.damaged, plan.loss),
        *([told(run.watched)] if run.watched else []),
        *([f"the model: {doubt}"] if (doubt := doubt_of_grades(plan.model.card)) else []),
    ]
    report, joined = request.report, plan.joined
    if joined and report.expert_grades:
        remarks.append(f"{report.expert_grades.name}: {joined.summary()}")
        learnt = told_of_learnt(store, run, plan.model, lambda grade: grade.name in run.expert)
        remarks += [f"{report.expert_grades.name}: {learnt}"] if learnt else []
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


def _other_landmarks(model: Model, landmark_model: Path | None) -> list[str]:
    """A line where the model was trained with the points of another landmark model; those of old folders are dlib's."""
    own, used = str(model.card.get("landmarks", "dlib")), landmarks_name(landmark_model)
    if own == used:
        return []
    return [f"{model.name} was trained with landmarks by {own}, these are {used}: grades may differ a little"]
