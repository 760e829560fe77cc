"""Grades photographs; what is done is kept as it comes, and an interrupted run goes on where it stopped."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import toolkit
from toolkit.commands.colours import Colours, read_colours
from toolkit.commands.finishing import Clock, GradePlan, GradeRequest, finish
from toolkit.commands.joining import facts_told, join_facts, split_columns
from toolkit.commands.onephoto import Graded, HowToGrade, grade_all
from toolkit.commands.othermodes import of_other_modes, refuse_mixed
from toolkit.commands.results import GradeRun, ReportRequest, report_grades
from toolkit.commands.shared import check_pictures, hash_photos, read_files
from toolkit.earlier import Loss, after_kept, check_kept, earlier_photos, find_loss, refuse_loss
from toolkit.errors import ModelError, ToolkitError
from toolkit.images import file_sha256
from toolkit.info import versions
from toolkit.landmarks import default_landmark_model
from toolkit.model import Model, load_model
from toolkit.outputs import Output, check_outputs
from toolkit.photos import content_hash, find_photo_files, with_facts
from toolkit.pool import Workers
from toolkit.progress import Progress, reported, silent
from toolkit.records import PhotoFile, colour_key
from toolkit.shares import Share, Taken, take
from toolkit.stagecode import code_hash
from toolkit.store import RunOptions, RunRecord, Store, open_store, store_path
from toolkit.study import known_mode, mode_notes, mode_of
from toolkit.workbook import RESULT_SUFFIXES, check_target, result_files
from toolkit.workers import TIME_LIMIT_S, write_overlay


@dataclass(frozen=True, kw_only=True)
class _Request(GradeRequest):
    """What ``grade_photos`` was asked for."""

    images: Sequence[Path]
    weights: str
    overlays: Path | None
    append: bool
    share: Share | None
    mode: str | None
    colours: Colours


def grade_photos(
    images: Sequence[Path],
    out: Path,
    model_folder: Path | None = None,
    weights: str = "learned",
    *,
    landmark_model: Path | None = None,
    workers: Workers = 1,
    tell: Progress = silent,
    limit_s: float = TIME_LIMIT_S,
    overlays: Path | None = None,
    report: ReportRequest | None = None,
    append: bool = False,
    overwrite: bool = False,
    change: bool = True,
    share: Share | None = None,
    mode: str | None = None,
    colour: str | Path | None = None,
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
    never one that is read. ``change``: whether photographs of later visits are compared with those of the baseline.
    ``share``: only these of the photographs, without comparing visits; ``merge_parts`` joins the shares.
    ``mode``: the light of the photographs that are graded, by their names, by default the model's own; others keep a row
    without a grade.
    ``colour``: how colours are corrected, as for ``read_colours``. ``facts``: a table that tells who is on each photo, as
    for ``read_facts``; ``report.columns`` name columns of this table too.
    """
    if append and overwrite:
        raise ToolkitError("--append keeps earlier grades, --overwrite drops them: choose one of them")
    if append and share:
        raise ToolkitError(
            "--part grades a share of all photographs at once, and --append adds others: leave one out"
        )
    report = report or ReportRequest()
    of_facts, of_experts = split_columns(report.columns, facts, report.expert_grades)
    request = _Request(
        images=images, out=Path(out), model_folder=model_folder, weights=weights, landmark_model=landmark_model,
        workers=workers, tell=tell, limit_s=limit_s, overlays=overlays, report=replace(report, columns=of_experts),
        append=append, overwrite=overwrite, change=change and share is None, share=share, mode=mode,
        colours=read_colours(colour), facts=facts, fact_columns=of_facts,
    )  # fmt: skip
    clock = Clock()
    check_target(request.out, RESULT_SUFFIXES)
    given = request.colours.without_charts(find_photo_files(images))
    read = [
        *(file.path for file in given),
        *request.colours.files,
        *read_files(model_folder, landmark_model, request.report.expert_grades, facts),
    ]
    check_outputs([Output(store_path(request.out), "--out", lambda _: True)], read)
    with open_store(request.out) as store:
        plan = _plan(request, store, given, read)
        interrupted = _grade_missing(request, store, plan)
        return finish(request, store, plan, clock, interrupted=interrupted)


def _plan(request: _Request, store: Store, given: Sequence[PhotoFile], read: Sequence[Path]) -> GradePlan:
    """Refuse, before anything is graded, whatever would go wrong later; the store then knows the photos of the run."""
    out, overwrite = request.out, request.overwrite
    check_results(out, store, read, overwrite)
    damaged = store.drop_damaged()
    model = load_model(request.model_folder)
    options = options_of(model, request.weights, request.landmark_model)
    mode = known_mode(request.mode) if request.mode else model.mode
    share, known, taken = _shared_out(request, given)
    files, hashes, loss = _planned_photos(request, store, share, known)
    others = of_other_modes(given if taken else files, mode, model)
    others = taken.within(others) if taken else others
    refuse_mixed(out, loss, others)
    paths, names = [file.path for file in files], [file.name for file in files]
    check_pictures(request.overlays, request.images, paths, names, read=read, overwrite=overwrite)
    by_table = join_facts(given if taken else files, request.facts, request.fact_columns)
    files = with_facts(files, by_table.facts if by_table else {})
    joined = report_grades(request.report, request.images, files, hashes, read=read, overwrite=overwrite)
    files = request.colours.given_to(with_facts(files, joined.facts if joined else {}))
    hints = hints_of(files, model, others)
    check_kept(out, loss.lost if request.append else (), hints, store, options=options.key())
    store.begin(files, options, hints, record=RunRecord(versions(), taken, request.colours.source))
    store.claim([(place, sha256) for place, sha256 in enumerate(hashes) if sha256])
    earlier = len(files) - len(store.missing())
    told = {"part": f"{taken.share} of {taken.photos} photos"} if taken else {}
    told |= {"colours corrected by": request.colours.source} if request.colours.source else {}
    return GradePlan(
        model, options, tuple(files), earlier, joined, mode, others, loss=loss, damaged=damaged, told=told,
        remarks=(*facts_told(request.facts, by_table), *request.colours.remarks, *request.colours.unlike(model)),
    )  # fmt: skip


def _shared_out(
    request: _Request, given: Sequence[PhotoFile]
) -> tuple[Sequence[PhotoFile], list[str], Taken | None]:
    """The photos of the run's share, their hashes, and what was taken; without a share all, not yet hashed."""
    if request.share is None:
        return given, [], None
    paths = [file.path for file in given]
    hashes = hash_photos(paths, request.workers, request.tell, request.limit_s, stage="sharing out")
    taken = take(request.share, [(file.name, sha256) for file, sha256 in zip(given, hashes, strict=True)])
    return [given[place] for place in taken.places], [hashes[place] for place in taken.places], taken


def check_results(out: Path, store: Store, read: Sequence[Path], overwrite: bool) -> None:
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
    request: _Request, store: Store, files: Sequence[PhotoFile], known: Sequence[str]
) -> tuple[list[PhotoFile], list[str], Loss]:
    """The photos of the run, after earlier ones that are to stay; their hashes, which may be ``known``, "" where none
    is needed; and what an earlier run had that this one has not, where that is not refused."""
    out, append = request.out, request.append
    if store.is_empty and not out.is_file():
        return list(files), list(known) or [""] * len(files), Loss()
    paths = [file.path for file in files]
    hashes = list(known) or hash_photos(paths, request.workers, request.tell, request.limit_s)
    if request.overwrite:
        return list(files), hashes, Loss()
    loss = find_loss(earlier_photos(store, out, append), paths, hashes, append)
    if loss.lost and not append:
        refuse_loss(out, loss.lost, len(files))
    return after_kept(loss.lost, files), [*(one.sha256 for one in loss.lost), *hashes], loss


def options_of(model: Model, weights: str, landmark_model: Path | None) -> RunOptions:
    """What may change a grade beside the photo; the package's own sources count, not its version alone."""
    landmarks = landmark_model or default_landmark_model()
    if not landmarks.is_file():
        raise ModelError(f"{landmarks}: no such landmark model; check --landmark-model")
    return RunOptions(toolkit.__version__, code_hash(), model.sha256, weights, file_sha256(landmarks))


def hints_of(files: Sequence[PhotoFile], model: Model, others: Mapping[int, str]) -> list[str]:
    """What is known of each photo, beside its bytes, that may change its grade: the side that the face is expected to
    show, the subject where the model has references of it, which are not to answer, another mode than the model's, and
    how its colours are corrected; for ``others``, by place, that they have none."""
    known = set(model.index.references.subjects.tolist())
    hints = []
    for place, file in enumerate(files):
        subject = file.facts.subject if file.facts.subject in known else None
        noted: dict[str, object] = {"mode": mode_of(file.name)} if mode_notes(file.name, model.mode) else {}
        noted |= {"graded": False} if place in others else {}
        noted |= {"colour": colour_key(file.colour)} if file.colour else {}
        hints.append(json.dumps({"side": file.facts.side, "subject": subject, **noted}))
    return hints


def _grade_missing(request: _Request, store: Store, plan: GradePlan) -> bool:
    """Grade the photos without a result, one by one: a grade then depends on no other photo of its batch, so an
    interrupted run ends like an undisturbed one, and each is kept as soon as it is known. Whether it was interrupted."""
    for place, note in plan.others.items():
        store.put_failure(place, note, content_hash(plan.files[place].path))
    places = [place for place in store.missing() if place not in plan.others]
    chosen = [plan.files[place] for place in places]
    how = HowToGrade(plan.model, request.model_folder, request.landmark_model, plan.options, plan.mode)
    try:
        graded = grade_all(
            chosen, how, request.workers, limit_s=request.limit_s, drawn=request.overlays is not None
        )
        with contextlib.closing(graded):
            for number, one in reported(graded, len(chosen), "grading", request.tell):
                place = places[number]
                _keep(store, place, one)
                if request.overlays and one.overlay:
                    write_overlay(request.overlays / plan.files[place].name, one.overlay)
    except KeyboardInterrupt:
        return True
    return False


def _keep(store: Store, place: int, graded: Graded) -> None:
    if graded.cells is None:
        store.put_failure(place, graded.note, graded.sha256)
    else:
        store.put_cells(place, graded.sha256, graded.cells)
