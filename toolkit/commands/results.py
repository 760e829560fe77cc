"""What is written of graded photographs: workbook or tables, and the report page."""

from __future__ import annotations

import itertools
import json
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import toolkit
from toolkit.asjson import plain
from toolkit.change import PairChange
from toolkit.commands.intervals import supported, widths_told
from toolkit.commands.joining import join_experts
from toolkit.errors import ToolkitError
from toolkit.images import file_sha256
from toolkit.info import versions
from toolkit.model import HASH_LENGTH, Model
from toolkit.modelcard import doubt_of_grades, learnt_told
from toolkit.outputs import Output, check_folder, check_outputs
from toolkit.pigment import CLASSICAL_COLUMNS, NET_COLUMNS
from toolkit.pool import Workers
from toolkit.records import SIDE, ColourCorrection, PhotoFile, PhotoGrade, interval_holds
from toolkit.report import ReportedRun, check_report, is_page
from toolkit.store import RunOptions, Store, read_store, store_path
from toolkit.study import Columns, JoinedGrades
from toolkit.study.names import facts_from_name, stored_text
from toolkit.summary import Summary
from toolkit.watch import Watched, told
from toolkit.workbook import (
    BY_VISIT,
    COLOUR_COLUMNS,
    LEARNT,
    Rows,
    Value,
    grade_rows,
    result_files,
    table_path,
    visit_rows,
    write_results,
)


@dataclass(frozen=True)
class GradeRun:
    """What ``grade_photos`` did: of ``files``, ``graded`` have a grade, ``earlier`` were not read again because an
    earlier run had. ``interrupted``: it was stopped, and the same call goes on with the rest. ``expert``: an expert's
    grades by photo, where they were given. ``remarks``: what to know of the files written. ``others``: how
    many are not graded since they are of another mode. ``watched``: the run beside the training study of its model; None
    of an interrupted one."""

    out: Path
    files: Sequence[PhotoFile]
    graded: int
    earlier: int
    interrupted: bool
    seconds: float
    labels: Sequence[str | None] = ()
    expert: Mapping[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    others: int = 0
    watched: Watched | None = None

    @property
    def photos(self) -> int:
        """How many there are to grade: those of other modes are not."""
        return len(self.files) - self.others

    @property
    def grades(self) -> list[PhotoGrade]:
        """One a photo, in the order given."""
        with read_store(store_path(self.out)) as store:
            return list(self.grades_in(store))

    def summary(self) -> Summary:
        """The grades in figures, and the photos that need review."""
        return Summary.of(grade_rows(self.grades))

    def record(self) -> dict[str, Any]:
        """What a program may want to know of the run, for ``toolkit.asjson``."""
        grades = [{**plain(one), "half_step": one.half_step, "severity": one.severity} for one in self.grades]
        known = {
            name: getattr(self, name)
            for name in ("out", "photos", "others", "graded", "earlier", "interrupted", "seconds", "remarks")
        }
        unlike = [one.figure.name for one in self.watched.unlike] if self.watched else []
        return {**known, "unlike_training": unlike, "grades": grades}

    def grades_in(self, store: Store) -> Iterator[PhotoGrade]:
        """The same, from a store that is open: with what is known of each photo, and its quality beside the others."""
        known = {stored_text(file.name): file.facts for file in self.files}
        # Where another run has written the store since, its photos are others.
        grades = labelled(store.grades(lambda name: known.get(name) or facts_from_name(name)), self.labels)
        return (beside_expert(grade, self.expert.get(grade.name)) for grade in grades)


@dataclass(frozen=True)
class ReportRequest:
    """The report page to write: as one ``file``, as a ``folder``, or both; ``expert_grades``: a workbook to show
    beside the automatic grades, whose ``columns`` are named as for ``join_files``, ``retakes`` as for
    ``refuse_shared``; ``blind``: it opens with every automatic grade hidden."""

    file: Path | None = None
    folder: Path | None = None
    expert_grades: Path | None = None
    columns: Columns = None
    retakes: bool = False
    blind: bool = False

    @property
    def wanted(self) -> bool:
        """Whether there is a page to write."""
        return self.file is not None or self.folder is not None


def report_grades(
    report: ReportRequest,
    images: Sequence[Path],
    photos: Sequence[PhotoFile],
    hashes: Sequence[str],
    *,
    read: Sequence[Path],
    overwrite: bool,
) -> JoinedGrades | None:
    """Refuse, before anything is graded, a report that could not be written; the expert's grades, where given."""
    if not report.wanted:
        if report.expert_grades:
            raise ToolkitError("--expert-grades are shown on the report page: add --report or --report-dir")
        if report.blind:
            raise ToolkitError("--blind is how the report page opens: add --report or --report-dir")
        return None
    if report.folder is not None:
        check_folder(report.folder, images, [photo.path for photo in photos], "--report-dir")
    check_report(report.file, report.folder, len(photos))
    if report.file is not None:
        check_outputs([Output(report.file, "--report", is_page)], read, overwrite)
    if report.expert_grades is None:
        return None
    return join_experts(photos, hashes, report.expert_grades, report.columns, retakes=report.retakes)


def report_study(
    store: Store,
    run: GradeRun,
    model: Model,
    facts: Mapping[str, str | int | float],
    *,
    report: ReportRequest,
    changes: Mapping[int, tuple[int, PairChange]],
) -> ReportedRun:
    """What the page is made of; ``changes`` as in ``ReportedRun``."""
    source = report.expert_grades.name if report.expert_grades else ""
    paths = [file.path for file in run.files]
    return ReportedRun(
        store,
        paths,
        list(run.grades_in(store)),
        model,
        facts,
        run.expert,
        source,
        changes,
        run.watched,
        report.blind,
    )


def beside_expert(grade: PhotoGrade, expert: float | None) -> PhotoGrade:
    """The grade with a note where the expert's lies outside its interval, so that the photo needs review."""
    if expert is None or grade.lower is None or grade.upper is None:
        return grade
    if interval_holds(grade.lower, grade.upper, expert):
        return grade
    note = f"expert grade {expert:g} outside the interval"
    return replace(grade, note=f"{grade.note}; {note}" if grade.note else note)


def labelled(grades: Iterable[PhotoGrade], labels: Sequence[str | None]) -> Iterator[PhotoGrade]:
    """The grades, each with its ``study_labels`` in place of its own quality, where there is one."""
    for grade, label in zip(grades, labels, strict=True):
        yield grade if label is None else replace(grade, quality=label)


def write_workbook(
    store: Store,
    run: GradeRun,
    facts: Mapping[str, str | int | float],
    changes: Sequence[Mapping[str, Value]] = (),
) -> list[str]:
    """The workbook from the store, a row at a time; the store keeps what the files were like when they were written.
    ``changes``: the rows of the sheet Change. This and By visit are left out where there are none."""
    tables: dict[str, Iterable[Mapping[str, Value]]] = {
        "Patches": Rows(lambda: _rows_of(store, side=False)),
        "Sides": Rows(lambda: _rows_of(store, side=True)),
        "Contributions": Rows(lambda: store.rows("contributions")),
        "Evidence": Rows(lambda: store.rows("evidence")),
        "Inputs": Rows(
            lambda: ({"photo": i.name, "bytes": i.bytes, "sha256": i.sha256} for i in store.inputs())
        ),
    }
    if store.corrects_colours():
        tables = {"Colour": Rows(lambda: itertools.starmap(_colour_row, store.colours())), **tables}
    of_visits = {BY_VISIT: visit_rows(run.grades_in(store)), "Change": changes}
    tables = {**{title: rows for title, rows in of_visits.items() if rows}, **tables}
    for title in {BY_VISIT, "Change", "Colour"} - tables.keys():
        _remove_earlier(store, run.out, title)
    files = list(result_files(run.out))
    store.note_written({path.name: "" for path in files})
    grades = Rows(lambda: run.grades_in(store))
    remarks = write_results(run.out, grades, tables, facts, watched=run.watched)
    store.note_written({path.name: file_sha256(path) for path in files if path.is_file()})
    return remarks


def _colour_row(name: str, colour: ColourCorrection | None) -> dict[str, Value]:
    if colour is None:
        return {column: name if column == "photo" else None for column in COLOUR_COLUMNS}
    figures = (colour.patches or None, colour.before, colour.after, colour.note or None)
    return dict(zip(COLOUR_COLUMNS, (name, colour.source, *figures), strict=True))


def _remove_earlier(store: Store, out: Path, title: str) -> None:
    """Take away a table that an earlier run wrote and nobody has edited: it tells of another run."""
    before = store.written()
    for suffix in {out.suffix, ".csv", ".parquet"} - {".xlsx"}:
        path = table_path(out, title, suffix)
        if path.is_file() and before.get(path.name) == file_sha256(path):
            path.unlink()


def _rows_of(store: Store, side: bool) -> Iterator[Mapping[str, Value]]:
    """Rows of the patches, or of the whole sides, each with its own columns alone."""
    of_sides = {*CLASSICAL_COLUMNS, *NET_COLUMNS}
    for row in store.rows("patches"):
        if (row["region"] == SIDE) == side:  # what is empty and of the other kind was never this row's
            yield {n: value for n, value in row.items() if value is not None or (n in of_sides) == side}


def told_of_learnt(
    store: Store, run: GradeRun, model: Model, compared: Callable[[PhotoGrade], bool] = lambda grade: True
) -> str:
    """That the model learnt from some of the graded photos that are ``compared``; "" where it did not."""
    pairs = zip(store.inputs(), run.grades_in(store), strict=True)
    graded = [photo for photo, grade in pairs if grade.grade is not None and compared(grade)]
    known = model.learnt_from
    learnt = sum(photo.sha256[:HASH_LENGTH] in known for photo in graded)
    return learnt_told(learnt, len(graded), model.card)


def run_facts(
    store: Store,
    run: GradeRun,
    model: Model,
    options: RunOptions,
    *,
    landmarks: str,
    workers: Workers,
    started: datetime,
) -> dict[str, str | int | float]:
    """What the workbook tells of the run itself: versions, model, settings, counts, times."""
    return {
        "toolkit": toolkit.__version__,
        "toolkit code sha256": options.code,
        "model": model.name,
        "model sha256": model.sha256,
        "model trained": str(model.card.get("created", "")),
        "model subjects": int(model.card.get("subjects", 0)),
        "nominal interval coverage": round(supported(model), 3),
        "interval widths": widths_told(model),
        "weights": options.weights,
        "landmarks": landmarks,
        "landmarks of the model": str(model.card.get("landmarks", "dlib")),
        "landmark model sha256": options.landmarks,
        "workers": workers if isinstance(workers, int) else workers.count,
        "photos": run.photos,
        "graded": run.graded,
        "not graded": run.photos - run.graded,
        "of other modes, not graded": run.others,
        "mode of the model": model.mode,
        "flagged": sum(grade.quality != "ok" or bool(grade.note) for grade in run.grades_in(store))
        - run.others,
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now().astimezone().isoformat(timespec="seconds"),
        "seconds": round(run.seconds, 1),
        **({"training study": told(run.watched)} if run.watched else {}),
        **({LEARNT: learnt} if (learnt := told_of_learnt(store, run, model)) else {}),
        **({"worth of the model": doubt} if (doubt := doubt_of_grades(model.card)) else {}),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        **versions(),
        **{
            f"{section}.{name}": value if isinstance(value, int | float | str) else json.dumps(value)
            for section, values in asdict(model.settings).items()
            for name, value in values.items()
        },
    }
