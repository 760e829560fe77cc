"""Joins the results of several runs, of shares of the same photographs or of photographs of their own, into one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from toolkit.commands.finishing import Clock, GradePlan, GradeRequest, finish
from toolkit.commands.grading import check_results, hints_of, options_of
from toolkit.commands.joining import join_facts, split_columns
from toolkit.commands.parts import Part, in_order, read_part, refuse_gaps, refuse_other_makers
from toolkit.commands.results import GradeRun, ReportRequest, report_grades
from toolkit.commands.shared import read_files
from toolkit.earlier import Loss, earlier_photos, find_loss, refuse_loss
from toolkit.errors import ToolkitError
from toolkit.model import Model, load_model
from toolkit.outputs import Output, check_outputs, counted
from toolkit.photos import photo_files, with_facts
from toolkit.pool import Workers
from toolkit.progress import Progress, reported, silent
from toolkit.records import PhotoFile
from toolkit.store import (
    PhotoRow,
    RunOptions,
    RunRecord,
    Store,
    adopt,
    adopt_changes,
    open_store,
    store_path,
)
from toolkit.study import JoinedGrades, mode_of
from toolkit.workbook import RESULT_SUFFIXES, check_target
from toolkit.workers import TIME_LIMIT_S


def merge_parts(
    parts: Sequence[Path],
    out: Path,
    model_folder: Path | None = None,
    *,
    landmark_model: Path | None = None,
    workers: Workers = 1,
    tell: Progress = silent,
    limit_s: float = TIME_LIMIT_S,
    report: ReportRequest | None = None,
    overwrite: bool = False,
    change: bool = True,
    only: str | None = None,
    facts: Path | None = None,
) -> GradeRun:
    """Join results of ``grade_photos``, named by their workbooks or tables, into one workbook and page: what one run of
    all their photographs would have written.

    The parts are either all the shares of the same photographs, or runs without shares, of photographs of their own.
    Photographs are read again to compare visits, and for pictures on the page; without either they may be elsewhere.
    Raises ToolkitError where a part is missing, was not finished or is damaged, where a photograph is in two of them,
    and where they were not made by one model, one version and the same options. Otherwise as ``grade_photos``. ``only``: a
    pattern as of a shell ("*W04*"); photographs whose names do not fit are left out. ``facts`` as when they were graded.
    """
    report = report or ReportRequest()
    of_facts, of_experts = split_columns(report.columns, facts, report.expert_grades)
    request = GradeRequest(
        out=Path(out), model_folder=model_folder, landmark_model=landmark_model, workers=workers, tell=tell,
        limit_s=limit_s, report=replace(report, columns=of_experts), overwrite=overwrite, change=change, facts=facts,
        fact_columns=of_facts,
    )  # fmt: skip
    clock = Clock()
    check_target(request.out, RESULT_SUFFIXES)
    found = [read_part(Path(part)) for part in parts]
    refuse_gaps(found)
    model = load_model(model_folder)
    options = options_of(model, _weights(found), landmark_model)
    refuse_other_makers(found, options)
    rows = [row for row in in_order(found) if only is None or fnmatchcase(row.name, only)]
    if only and not rows:
        raise ToolkitError(f"--only {only}: no photo of the parts has such a name")
    read = [
        *(path for part in found for path in part.files),
        *(Path(row.path) for row in rows if row.path),
        *read_files(model_folder, landmark_model, request.report.expert_grades, facts),
    ]
    check_outputs([Output(store_path(request.out), "--out", lambda _: True)], read)
    with open_store(request.out) as store:
        check_results(request.out, store, read, overwrite)
        loss = _loss(request, store, rows)
        others = {place: row.note for place, row in enumerate(rows) if _is_other(row)}
        files, joined = _photos(request, model, rows, others, read=read)
        hints = [row.hint for row in rows]
        colours = _colours(found)
        record = RunRecord(found[0].record.versions, colours="; ".join(filter(None, colours)))
        store.begin(files, options, hints, record=record, sizes=[row.bytes for row in rows])
        _take_results(store, found, rows, tell)
        told = {"merged parts": str(len(found))}
        told |= {"colours corrected by": record.colours} if record.colours else {}
        graded = [row.name for row in rows if not _is_other(row)]
        mode = mode_of(graded[0]) if graded else model.mode
        plan = GradePlan(
            model, options, tuple(files), len(graded), joined, mode, others, loss=loss, told=told,
            remarks=_unlike_colours(colours),
        )  # fmt: skip
        return finish(request, store, plan, clock, interrupted=False)


def _take_results(store: Store, parts: Sequence[Part], rows: Sequence[PhotoRow], tell: Progress) -> None:
    """Bring what the parts hold of the photos ``rows`` into the store, which knows these as the photos of its run."""
    wanted = {(row.sha256, row.options, row.hint) for row in rows}
    for part in reported(parts, len(parts), "merging", tell):
        damaged = adopt(store, (one for one in part.results() if one.cells[:3] in wanted))
        adopt_changes(store, part.changes())
        if damaged:
            raise ToolkitError(
                f"{part.path}: {counted(damaged, 'result')} damaged: rerun its command, then merge again"
            )
    store.claim([(place, row.sha256) for place, row in enumerate(rows) if row.sha256])
    for place, row in enumerate(rows):
        if row.note:
            store.put_failure(place, row.note, row.sha256)


def _colours(parts: Sequence[Part]) -> list[str]:
    """What corrected the colours of the parts, each once, "" for colours as they come."""
    return list(dict.fromkeys(part.record.colours or _unnamed(part) for part in parts))


def _unnamed(part: Part) -> str:
    """Of parts whose version did not note it."""
    corrected = any(json.loads(row.hint).get("colour") for row in part.rows)
    return "a chart that was not noted" if corrected else ""


def _unlike_colours(colours: Sequence[str]) -> tuple[str, ...]:
    """A line where the parts' colours were not all corrected by the same."""
    if len(colours) < 2:
        return ()
    names = ", ".join(one or "nothing (as they come)" for one in colours)
    return (
        f"the parts' colours were corrected by different things ({names}): see the sheet Colour; grades may differ",
    )


def _without_colour(hint: str) -> dict[str, object]:
    """What may have changed a grade, but for the correction of colours, which is the part's own."""
    return {name: value for name, value in json.loads(hint).items() if name != "colour"}


def _weights(parts: Sequence[Part]) -> str:
    """The choice of --weights of the first photo."""
    keys = (row.options for part in parts for row in part.rows)
    first = next(keys, None)
    return RunOptions.from_key(first).weights if first else "learned"


def _is_other(row: PhotoRow) -> bool:
    """Whether a photo was left out since it is of another mode."""
    return json.loads(row.hint).get("graded") is False


def _loss(request: GradeRequest, store: Store, rows: Sequence[PhotoRow]) -> Loss:
    """Refuse, without --overwrite, to drop photographs that the results at --out hold and the parts do not."""
    if request.overwrite or (store.is_empty and not request.out.is_file()):
        return Loss()
    paths, hashes = [Path(row.path) for row in rows], [row.sha256 for row in rows]
    loss = find_loss(earlier_photos(store, request.out, False), paths, hashes, False)
    if loss.lost:
        refuse_loss(request.out, loss.lost, len(rows))
    return loss


def _photos(
    request: GradeRequest,
    model: Model,
    rows: Sequence[PhotoRow],
    others: Mapping[int, str],
    *,
    read: Sequence[Path],
) -> tuple[list[PhotoFile], JoinedGrades | None]:
    """The photos, with what an expert's workbook tells of them; ToolkitError where that would change a grade."""
    files = photo_files([Path(row.path) for row in rows], [row.name for row in rows])
    folders = sorted({file.path.parent for file in files})
    hashes = [row.sha256 for row in rows]
    told = join_facts(files, request.facts, request.fact_columns)
    files = with_facts(files, told.facts if told else {})
    joined = report_grades(request.report, folders, files, hashes, read=read, overwrite=request.overwrite)
    files = with_facts(files, joined.facts if joined else {})
    for row, hint in zip(rows, hints_of(files, model, others), strict=True):
        if json.loads(hint) != _without_colour(row.hint):
            raise ToolkitError(
                f"{row.name}: was graded as of another subject or side: give --facts or --expert-grades here as when it was graded"
            )
    return files, joined
