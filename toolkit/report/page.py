"""The report page: one self-contained file, or a folder whose pictures are loaded when a photo is opened.

Names of files, workbooks and notes come from others: they reach the page as JSON in which no tag can begin, and the
page's script puts them there as text. The page's security policy lets only that script run, and lets nothing out.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from toolkit.change import PairChange, PairJob, VisitPhoto
from toolkit.errors import ToolkitError
from toolkit.files import make_folder
from toolkit.model import GRADE_STEP, Model
from toolkit.modelcard import doubt_of_grades, is_starter, learnt_told
from toolkit.outputs import has_text
from toolkit.pool import Workers
from toolkit.records import SEVERITIES, SEVERITY_TOLD, PhotoGrade
from toolkit.report.changed import ChangeJob
from toolkit.report.facts import (
    Headline,
    Table,
    change_facts,
    detail,
    head,
    photo_rows,
    run_hash,
    usual_figures,
    visits,
)
from toolkit.report.overview import overview
from toolkit.report.pictures import Drawn, PictureJob, draw_all
from toolkit.report.render import FOLDER_TAG, PAGE_TAG
from toolkit.report.writers import INDEX, NAMES, PHOTOS, REFERENCES, FileWriter, FolderWriter, Writer, is_ours
from toolkit.scores import supported_coverage
from toolkit.settings import ReportSettings
from toolkit.store import GradeDetails, InputRow, Store
from toolkit.study.modes import OTHER_MODE
from toolkit.tables import check_target
from toolkit.watch import ADVICE, Watched, told, watch_rows

_SLICE = 300  # photos whose landmarks and maps are in memory at a time
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ReportedRun:
    """What a report is made of: a run's ``store``, the ``paths`` of its photographs and its ``grades``, both in its
    order, the ``model`` that gave them, ``run``: what is told of the run, as the workbook's sheet has it; ``expert``:
    an expert's grades by photo, and ``expert_source``, the name of their file. ``changes``: of a photo's place, that of its
    baseline and what became of the skin since. ``watched``: the run beside the training study. ``blind``: the page opens
    with every automatic grade hidden."""

    store: Store
    paths: Sequence[Path]
    grades: Sequence[PhotoGrade]
    model: Model
    run: Mapping[str, str | int | float]
    expert: Mapping[str, float] = field(default_factory=dict)
    expert_source: str = ""
    changes: Mapping[int, tuple[int, PairChange]] = field(default_factory=dict)
    watched: Watched | None = None
    blind: bool = False


def check_report(file: Path | None, folder: Path | None, photos: int) -> None:
    """Raise ToolkitError, before hours of work, where a report of so many photos could not be written."""
    if file is not None and folder is not None:
        whole = folder.resolve()
        if file.resolve() in (whole, whole / INDEX):
            raise ToolkitError(f"{file}: --report-dir writes there too: name another file for --report")
    if file is not None:
        _check_file(file, photos)
    if folder is not None:
        _check_folder(folder)


def _check_file(file: Path, photos: int) -> None:
    check_target(file, (".html", ".htm"))
    most = ReportSettings().max_photos
    if photos > most:
        raise ToolkitError(
            f"{file}: {photos:,} photos are too many for a page of one file ({most} at most): use --report-dir"
        )
    if _is_tagged(file, FOLDER_TAG):
        raise ToolkitError(f"{file}: belongs to the report beside it: name another file for --report")


def _check_folder(folder: Path) -> None:
    if (
        folder.exists()
        and not _is_tagged(folder / INDEX, FOLDER_TAG)
        and (folder.is_file() or any(folder.iterdir()))
    ):
        raise ToolkitError(f"{folder}: exists and holds no report: name another folder for --report-dir")
    for inner in (folder / PHOTOS, folder / REFERENCES):
        if inner.is_symlink():
            raise ToolkitError(f"{inner}: is a link to elsewhere: name another folder for --report-dir")
        for path in inner.iterdir() if inner.is_dir() else ():
            if NAMES.fullmatch(path.name) and not is_ours(path):
                raise ToolkitError(
                    f"{path}: is not part of a report: move it away, or name another --report-dir"
                )
    make_folder(folder, "--report-dir")


def is_page(file: Path) -> bool:
    """Whether a file is a page of one file that this module wrote."""
    return _is_tagged(file, PAGE_TAG)


def _is_tagged(page: Path, tag: str) -> bool:
    """Whether a page is one that this module wrote under that tag."""
    return page.is_file() and has_text(f'content="{tag}"')(page)


def write_report(
    study: ReportedRun,
    file: Path | None,
    folder: Path | None,
    workers: Workers,
    *,
    limit_s: float,
    tell: Progress = lambda stage, done, total: None,
) -> None:
    """Write the report as one ``file``, as a ``folder`` with index.html, or both.

    Pictures are drawn anew from the photographs; one that has moved or changed since it was graded, takes longer than
    ``limit_s`` seconds or crashes keeps its row, and the page says why there is no picture.
    """
    inputs = list(study.store.inputs())
    rows = photo_rows(study.grades, [one.sha256 for one in inputs], study.expert)
    usual = usual_figures(study.model)
    writers: list[Writer] = []
    if file is not None:
        writers.append(FileWriter(file, study.model.thumbnails))
    if folder is not None:
        writers.append(FolderWriter(folder, study.model.thumbnails))
    tell("drawing the page", 0, len(rows))
    with contextlib.closing(_draw_slices(study, inputs, workers, limit_s)) as pictures:
        for place, (row, (details, drawn)) in enumerate(zip(rows, pictures, strict=True)):
            told = detail(row, details, usual) | _change_told(study, place)
            for writer in writers:
                writer.add(place, told, drawn)
            tell("drawing the page", place + 1, len(rows))
    headline = head(rows, study.model.learnt_from)
    page = _page_facts(study, rows, headline)
    summary = overview(rows, headline, study.model.card)
    for writer in writers:
        writer.finish(page, rows, summary)


def _draw_slices(
    study: ReportedRun, inputs: Sequence[InputRow], workers: Workers, limit_s: float
) -> Generator[tuple[GradeDetails, Drawn], None, None]:
    """What is behind each grade and its pictures, in order; a slice at a time, so that memory does not grow with
    the study."""
    without = set(study.store.missing())
    for first in range(0, len(inputs), _SLICE):
        places = range(first, min(first + _SLICE, len(inputs)))
        details = [study.store.details(place) for place in places]
        jobs = [
            PictureJob(
                study.paths[place],
                inputs[place].sha256,
                one.face,
                one.pigment,
                _problem(study.grades[place]) if place in without else "",
                _change_job(study, inputs, place),
            )
            for place, one in zip(places, details, strict=True)
        ]
        with contextlib.closing(draw_all(jobs, study.model.settings, workers, limit_s)) as pictures:
            yield from zip(details, pictures, strict=True)


def _problem(grade: PhotoGrade) -> str:
    """Why a photo without a result is not drawn; "" of one in another mode, which can be seen all the same."""
    return "" if grade.note.startswith(OTHER_MODE) else grade.note or "there is no result"


def _change_job(study: ReportedRun, inputs: Sequence[InputRow], place: int) -> ChangeJob | None:
    if place not in study.changes or not study.changes[place][1].found:
        return None
    baseline, change = study.changes[place]
    seen = []
    for one in (baseline, place):
        details = study.store.details(one)
        seen.append(VisitPhoto(study.paths[one], inputs[one].sha256, details.face, details.pigment))
    return ChangeJob(PairJob(*seen), change)


def _change_told(study: ReportedRun, place: int) -> Table:
    """What the page tells of a photo's change from baseline; nothing where it has none."""
    if place not in study.changes:
        return {}
    baseline, change = study.changes[place]
    return {"change": change_facts(baseline, study.grades[baseline], study.grades[place], change)}


def _page_facts(study: ReportedRun, rows: Sequence[Table], headline: Headline) -> Table:
    """What is told of the run as a whole."""
    return {
        "hash": run_hash(rows, study.model.sha256),
        "head": asdict(headline),
        "visits": visits(rows),
        "blind": study.blind,
        "model": _model_called(study.model),
        "starter": is_starter(study.model.card),
        "doubt": doubt_of_grades(study.model.card),
        "learnt": learnt_told(headline.learnt, headline.expert, study.model.card),
        "severities": SEVERITY_TOLD,
        "bands": [{"name": one.name, "low": one.low, "high": one.high} for one in SEVERITIES],
        "step": study.model.card.get(GRADE_STEP, 0.5),
        "widths": str(study.run.get("interval widths", "")),
        "one_width": study.model.blend.interval.of_one_width,
        "shares": dict(study.model.card.get("shares", {})),
        "watch": _watch_told(study.watched),
        "coverage": supported_coverage(study.model.settings.blend.coverage, study.model.card.get("subjects")),
        "thumbnails": bool(study.model.thumbnails),
        "expert": study.expert_source,
        "pigment_top": ReportSettings().pigment_top_od,
        "written": datetime.now().astimezone().strftime("%d %B %Y, %H:%M").lstrip("0"),
        "run": {name: value for name, value in study.run.items() if "." not in name},
    }


def _model_called(model: Model) -> str:
    """Its name as it stands after the word model; by its date where it is called no more than that."""
    created = str(model.card.get("created", ""))[:10]
    return f"of {created}" if model.name.casefold() == "model" and created else model.name


def _watch_told(watched: Watched | None) -> Table | None:
    """The run beside the training study: a line, whether it is unlike it, and a row a figure."""
    if watched is None:
        return None
    rows = [{"cells": row.cells, "unlike": bool(row.finding)} for row in watch_rows(watched)]
    return {"line": told(watched), "unlike": bool(watched.unlike), "advice": ADVICE, "rows": rows}
