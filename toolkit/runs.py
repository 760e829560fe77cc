"""What each command does, from folders to folders; progress is told to a callback, nothing is printed."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import itertools
import json
import math
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

import toolkit
from toolkit.chart import save_chart
from toolkit.earlier import (
    Loss,
    earlier_photos,
    find_loss,
    kept_inputs,
    refuse_loss,
    refuse_other_photos,
)
from toolkit.errors import ModelError, PhotoError, ToolkitError, TrainingError
from toolkit.images import file_sha256, find_photos
from toolkit.info import versions
from toolkit.landmarks import FaceFinder, default_landmark_model, landmarks_name
from toolkit.model import (
    CARD,
    FILES,
    HASH_LENGTH,
    TRAINED_ON,
    Model,
    check_model_target,
    load_model,
    refuse_other_model,
    save_model,
    starter_folder,
)
from toolkit.outputs import (
    Output,
    check_folder,
    check_outputs,
    counted,
    has_columns,
    holds_nothing,
    is_marked_picture,
    is_stamped,
    some_of,
)
from toolkit.patches import COLUMNS, MANIFEST, file_stem, load_patches, manifest_photos, save_patches
from toolkit.phantom import StudySummary, write_study
from toolkit.pigment import CLASSICAL_COLUMNS, NET_COLUMNS
from toolkit.pigment.overlay import draw_predicted
from toolkit.pipeline import SIDE, Grader, PhotoResult, Prepared, judge_study, prepare
from toolkit.quality import judge_casts
from toolkit.receipt import drop_receipt, is_receipt, read_receipt, receipt_path, write_receipt
from toolkit.records import FacePatches, Photo, PhotoGrade
from toolkit.report import Study, check_report, is_page, write_report
from toolkit.scores import score, score_table, supported_coverage, trivial_baselines
from toolkit.settings import IndexSettings, Settings
from toolkit.siamese import Encoder
from toolkit.store import Input, Options, Store, open_store, read_store, store_path
from toolkit.study import (
    Columns,
    JoinedGrades,
    facts_from_name,
    join_files,
    mode_notes,
    mode_of,
    modes_remark,
    refuse_several_modes,
    refuse_shared,
    study_photos,
)
from toolkit.study.copies import Picture, one_subject_each
from toolkit.study.modes import WHITE
from toolkit.study.names import stored_text
from toolkit.study.tables import unguarded
from toolkit.tables import clean, make_folder, write_atomically
from toolkit.thumbnails import thumbnails_of
from toolkit.training import Trained, rebuild_index, train
from toolkit.workbook import (
    RESULT_SUFFIXES,
    Rows,
    Value,
    check_target,
    result_files,
    write_results,
    write_table,
)
from toolkit.workers import (
    OVERLAY,
    TIME_LIMIT_S,
    contents,
    cut_all,
    hash_all,
    measure_all,
    overlay_path,
    photo_names,
    prepare_all,
    read_all,
    write_overlay,
)

Item = TypeVar("Item")
Progress = Callable[[str, int, int], None]
_AFTER_GRADES = ("agreement", "baselines", "evaluate", "phantom", "report")  # no grade depends on these


def default_workers() -> int:
    """One process a core that this process may use, at most 16."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 16)


def _told(items: Iterable[Item], total: int, stage: str, tell: Progress) -> Iterator[Item]:
    tell(stage, 0, total)
    for done, item in enumerate(items, 1):
        yield item
        tell(stage, done, total)


def make_phantoms(
    out: Path,
    subjects: int,
    visits: int,
    style: str,
    seed: int,
    faces: Path | None = None,
    workers: int = 1,
    tell: Progress = lambda stage, done, total: None,
    grades: Sequence[float] | None = None,
    save_maps: bool = False,
    painter: str = "mixed",
) -> StudySummary:
    """Write a study of phantoms; with ``faces``, painted on the photographs of that folder; ``grades`` fixes
    the latent grades of the subjects, in turn; ``save_maps`` adds the planted pigment as pictures; ``painter`` as for
    ``write_study``."""
    finder = FaceFinder(None, Settings().face)

    def find_points(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        return finder.find(Photo(Path("face"), pixels, np.ones(pixels.shape[:2], bool), "")).points

    made = write_study(
        out,
        subjects,
        visits,
        style,
        seed,
        faces,
        workers=workers,
        grades=grades,
        find_points=find_points,
        progress=partial(tell, "phantoms"),
        save_maps=save_maps,
        painter=painter,
    )
    _note_graders(out, made)
    return made


def _note_graders(out: Path, made: StudySummary) -> None:
    """Add to phantom.json what the simulated graders turned out to be, and the noise floor they set."""
    with (out / "truth.csv").open(newline="", encoding="utf-8") as file:
        truth = list(csv.DictReader(file))
    latent = np.array([float(row["latent_grade"]) for row in truth])
    names = [name for name in truth[0] if name.startswith("grader_")]
    given = {name: np.array([float(row[name]) for row in truth]) for name in names}
    note = json.loads((out / "phantom.json").read_text(encoding="utf-8"))
    note["graders"] = {name: _grader_figures(latent, grades) for name, grades in given.items()}
    note["noise_floor"] = asdict(made)
    text = json.dumps(note, indent=2) + "\n"
    write_atomically(out / "phantom.json", lambda file: file.write(text.encode()))


def _grader_figures(latent: NDArray[np.float64], given: NDArray[np.float64]) -> dict[str, float | None]:
    """A grader against the known grades: mean difference, slope of its best line, SD about that line.

    The last two are None where the known grades are too few to hold a line (fewer than three).
    """
    bias = float(np.mean(given - latent))
    if len(set(latent.tolist())) < 3:
        return {"bias": bias, "slope": None, "error_sd": None}
    slope, offset = np.polyfit(latent, given, 1)
    error = given - (slope * latent + offset)
    return {
        "bias": bias,
        "slope": float(slope),
        "error_sd": float(np.sqrt(np.sum(error**2) / (len(error) - 2))),
    }


def phantom_report(out: Path, made: StudySummary) -> str:
    """What was made, the noise floor, and what each simulated grader is like."""
    graders = json.loads((out / "phantom.json").read_text(encoding="utf-8"))["graders"]
    lined = graders["grader_1"]["slope"] is not None
    best = f" ({made.floor_rmse:.2f} after its best straight line)" if lined else ""
    lines = [
        f"{made.photos} photos of {made.subjects} subjects: {out}",
        f"Noise floor: RMSE {made.grader_rmse:.2f} of the workbook's grader against the known grade{best}, "
        f"{made.between_rmse:.2f} between two graders; always the mean scores {made.mean_rmse:.2f}.",
        "Simulated graders against the known grade (grader_1 is the workbook's):",
    ]
    for name, figures in graders.items():
        line = f"  {name}: bias {figures['bias']:+.2f}"
        if lined:
            line += f", slope {figures['slope']:.2f}, error SD {figures['error_sd']:.2f}"
        lines.append(line)
    return "\n".join(lines)


@dataclass(frozen=True)
class ExtractRun:
    """What ``extract`` did; ``failures`` name each photo without a patch, and why."""

    photos: int
    found: int
    patches: int
    failures: tuple[str, ...]


def extract(
    images: Sequence[Path],
    out: Path,
    overlays: bool = False,
    landmark_model: Path | None = None,
    workers: int = 1,
    tell: Progress = lambda stage, done, total: None,
    overwrite: bool = False,
    chart: bool = False,
) -> ExtractRun:
    """Cut patches into a folder with a manifest; photos that fail keep their row.

    ``overwrite``: also over a manifest of other photographs, and over pictures that are no overlays; never over what
    is read. ``chart``: write the chart of each face beside them.
    """
    paths = _some_photos(images)
    read = [*paths, *([landmark_model] if landmark_model else [])]
    check_folder(out, images, paths, "--out")
    manifest, names = out / MANIFEST, photo_names(paths)
    _check_table(manifest, has_columns(COLUMNS), read, overwrite)
    photos = _hashes(paths, workers, tell, TIME_LIMIT_S) if manifest.is_file() else []
    if photos and not overwrite:
        refuse_other_photos(manifest, manifest_photos(out), dict(zip(names, photos, strict=True)))
    if overlays:
        _check_pictures(out / "overlays", images, paths, names, read, overwrite)
    found: list[tuple[str, int, str]] = []

    def counted() -> Iterator[FacePatches]:
        pictures = out / "overlays" if overlays else None
        faces = cut_all(paths, Settings(), landmark_model, workers, pictures)
        for face in _told(faces, len(paths), "patches", tell):
            reasons = "; ".join([*face.notes, *(f"{r}: {why}" for r, why in face.dropped.items())])
            found.append((face.name, len(face.patches), reasons))
            yield face
            if chart and face.chart:
                save_chart(face.chart, out, file_stem(face))

    drop_receipt(manifest)
    save_patches(out, counted())
    write_receipt(manifest, manifest_photos(out))
    failures = tuple(f"{name}: {reasons}" for name, count, reasons in found if not count)
    return ExtractRun(len(paths), len(paths) - len(failures), sum(count for _, count, _ in found), failures)


def _check_table(path: Path, is_own: Callable[[Path], bool], read: Sequence[Path], overwrite: bool) -> None:
    """Refuse a table in the place of another file, or of one that somebody has edited since it was written."""
    receipt = read_receipt(path)

    def as_written(table: Path) -> bool:
        return receipt is not None and file_sha256(table) == receipt.table

    outputs = [Output(path, "--out", as_written if receipt else is_own)]
    check_outputs([*outputs, Output(receipt_path(path), "--out", is_receipt)], read, overwrite)


@dataclass(frozen=True)
class FeaturesRun:
    """What ``measure_features`` did; ``features`` counts those of a patch, ``failures`` name each photo
    without a patch, and why."""

    photos: int
    found: int
    patches: int
    features: int
    failures: tuple[str, ...]


def measure_features(
    images: Sequence[Path],
    out: Path,
    overlays: Path | None = None,
    landmark_model: Path | None = None,
    workers: int = 1,
    tell: Progress = lambda stage, done, total: None,
    overwrite: bool = False,
) -> FeaturesRun:
    """Write the pigment features of photographs as a table, a row a patch; photos that fail keep a row.

    ``overwrite``: also over a file that is no earlier table of these photographs, but never over one that is read.
    """
    out = Path(out)
    check_target(out)
    paths = _some_photos(images)
    names, read = photo_names(paths), [*paths, *([landmark_model] if landmark_model else [])]
    is_own = is_stamped("features") if out.suffix.casefold() == ".xlsx" else has_columns(_FACTS, more=True)
    _check_table(out, is_own, read, overwrite)
    _check_pictures(overlays, images, paths, names, read, overwrite)
    photos = dict(zip(names, _hashes(paths, workers, tell, TIME_LIMIT_S), strict=True))
    if not overwrite:
        receipt = read_receipt(out)
        refuse_other_photos(out, receipt.photos if receipt else _photos_in(out), photos)
    settings = Settings()
    measured = measure_all(paths, settings, landmark_model, workers, overlays)
    results = judge_study(list(_told(measured, len(paths), "features", tell)), settings)
    rows = [row for result in results for row in _feature_rows(result)]
    drop_receipt(out)
    write_table(out, rows, kind="features")
    write_receipt(out, {str(clean(name)): sha256 for name, sha256 in photos.items()})
    failures = tuple(f"{r.grade.name}: {r.grade.note}" for r in results if not r.patch_rows)
    patches = [row for result in results for row in result.patch_rows]
    features = len(patches[0]) - 1 if patches else 0
    return FeaturesRun(len(paths), len(paths) - len(failures), len(patches), features, failures)


_FACTS = ("photo", "subject", "side", "visit", "region", "quality", "note")


def _photos_in(table: Path) -> dict[str, str]:
    """The names of the photos in a table of features, none with a hash."""
    import pandas as pd

    if not table.is_file() or holds_nothing(table):
        return {}
    read = pd.read_excel if table.suffix.casefold() == ".xlsx" else pd.read_csv
    return {unguarded(str(name)): "" for name in read(table, usecols=[0], dtype=str).iloc[:, 0].dropna()}


def _feature_rows(result: PhotoResult) -> list[dict[str, Value]]:
    """The rows of one photo, the facts first; one without figures where nothing could be measured."""
    grade, told = result.grade, result.grade.facts
    values = (grade.name, told.subject, told.side, told.visit, None, grade.quality, grade.note)
    facts: dict[str, Value] = dict(zip(_FACTS, values, strict=True))
    return [facts | dict(row) for row in result.patch_rows] or [facts]


@dataclass(frozen=True)
class GradeRun:
    """What ``grade_photos`` did: of ``photos``, ``graded`` have a grade, ``earlier`` were not read again because an
    earlier run had. ``interrupted``: it was stopped, and the same call goes on with the rest. ``remarks``: what to
    know of the files written."""

    out: Path
    photos: int
    graded: int
    earlier: int
    interrupted: bool
    seconds: float
    labels: Sequence[str | None] = ()
    remarks: tuple[str, ...] = ()

    @property
    def grades(self) -> list[PhotoGrade]:
        """One a photo, in the order given."""
        with read_store(store_path(self.out)) as store:
            return list(_labelled(store.grades(facts_from_name), self.labels))


def grade_photos(
    images: Sequence[Path],
    out: Path,
    model_folder: Path | None = None,
    weights: str = "learned",
    landmark_model: Path | None = None,
    workers: int = 1,
    tell: Progress = lambda stage, done, total: None,
    limit_s: float = TIME_LIMIT_S,
    overlays: Path | None = None,
    report: ReportRequest | None = None,
    append: bool = False,
    overwrite: bool = False,
) -> GradeRun:
    """Grade photographs and write the results workbook; every photo keeps its row.

    Into the folder ``overlays`` goes a picture of the predicted pigment of each photo that this run grades.
    ``report``: the page to write at the end, also where nothing was left to grade; not of an interrupted run.

    Results are kept beside the workbook as they come (``toolkit.store``), and only photos without one are read.
    KeyboardInterrupt ends the grading early: the workbook then holds what there is. A photo that takes longer
    than ``limit_s`` seconds is given up. Raises ToolkitError while another run writes the same output.

    Where ``out`` holds grades of photographs that are not among these, ``append`` keeps them and ``overwrite`` drops
    them; without either that is refused. ``overwrite`` also replaces files that an earlier run did not write, but
    never one that is read.
    """
    out = Path(out)
    check_target(out, RESULT_SUFFIXES)
    if append and overwrite:
        raise ToolkitError("--append keeps earlier grades, --overwrite drops them: choose one of them")
    started, clock = datetime.now().astimezone(), time.monotonic()
    paths = _some_photos(images)
    report = report or ReportRequest()
    read = [*paths, *_read_files(model_folder, landmark_model, report.expert_grades)]
    hashes_of = partial(_hashes, workers=workers, tell=tell, limit_s=limit_s)
    check_outputs([Output(store_path(out), "--out", lambda _: True)], read)
    with open_store(out) as store:
        _check_results(out, store, read, overwrite)
        damaged = store.drop_damaged()
        model = load_model(model_folder)
        options = _options(model, weights, landmark_model)
        photos, hashes, loss = _planned(store, out, paths, model, options, append, overwrite, hashes_of)
        paths, names = [photo.path for photo in photos], [photo.name for photo in photos]
        _check_pictures(overlays, images, paths, names, read, overwrite)
        joined = _check_report(report, images, photos, hashes, read, overwrite)
        store.begin(photos, options)
        store.claim([(place, sha256) for place, sha256 in enumerate(hashes) if sha256])
        earlier = len(paths) - len(store.missing())
        grader, interrupted = Grader(model, weights), False
        try:
            _grade_missing(store, photos, grader, landmark_model, workers, tell, limit_s, overlays)
        except KeyboardInterrupt:
            interrupted = True
        labels, graded = _study_labels(store, model.settings), store.counts()["graded"]
        run = GradeRun(out, len(paths), graded, earlier, interrupted, time.monotonic() - clock, labels)
        facts = _run_facts(store, run, model, options, landmarks_name(landmark_model), workers, started)
        remarks = [
            *_other_landmarks(model, landmark_model),
            *_write_workbook(store, run, facts),
            *modes_remark(names),
            *_changes_told(store, damaged, loss),
        ]
        if joined and report.expert_grades:
            remarks.append(f"{report.expert_grades.name}: {joined.summary()}")
        if report.wanted and not interrupted:
            study = _report_study(store, paths, run, model, facts, report, joined)
            write_report(study, report.file, report.folder, workers, limit_s, tell)
    return replace(run, remarks=tuple(remarks))


def _changes_told(store: Store, damaged: int, loss: Loss) -> list[str]:
    """What was graded anew although there were results of it."""
    lines = [store.salvaged] if store.salvaged else []
    if damaged:
        results = counted(damaged, "result")
        lines.append(
            f"{store.path.name}: {results} damaged; the photos of this run among them were graded anew"
        )
    if loss.changed:
        names = [one.name for one in loss.changed]
        lines.append(f"changed since they were graded, and graded anew: {some_of(names)}")
    return lines


@dataclass(frozen=True)
class ReportRequest:
    """The report page to write: as one ``file``, as a ``folder``, or both; ``expert_grades``: a workbook to show
    beside the automatic grades, whose ``columns`` are named as for ``join_files``, ``retakes`` as for
    ``refuse_shared``."""

    file: Path | None = None
    folder: Path | None = None
    expert_grades: Path | None = None
    columns: Columns = None
    retakes: bool = False

    @property
    def wanted(self) -> bool:
        """Whether there is a page to write."""
        return self.file is not None or self.folder is not None


def _read_files(model_folder: Path | None, landmark_model: Path | None, *others: Path | None) -> list[Path]:
    """The files that a command reads beside the photographs."""
    folder = model_folder or starter_folder()
    files = [landmark_model, *others, *(folder / name for name in (CARD, *FILES))]
    return [path for path in files if path is not None]


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


def _planned(
    store: Store,
    out: Path,
    paths: Sequence[Path],
    model: Model,
    options: Options,
    append: bool,
    overwrite: bool,
    hashes_of: Callable[[Sequence[Path]], list[str]],
) -> tuple[list[Input], list[str], Loss]:
    """The photos of the run, after earlier ones that are to stay; their hashes, "" where none is needed; and what an
    earlier run had that this one has not, where that is not refused."""
    photos = _inputs(paths, model)
    if store.is_empty and not out.is_file():
        return photos, [""] * len(photos), Loss()
    hashes = hashes_of(paths)
    if overwrite:
        return photos, hashes, Loss()
    loss = find_loss(earlier_photos(store, out, append), paths, hashes, append)
    if loss.lost and not append:
        refuse_loss(out, loss.lost, len(paths))
    kept, photos = kept_inputs(out, loss.lost, photos, store, _hint_of(model), options.key())
    return [*kept, *photos], [*(one.sha256 for one in loss.lost), *hashes], loss


def _hashes(paths: Sequence[Path], workers: int, tell: Progress, limit_s: float) -> list[str]:
    """The SHA-256 of every photo, "" of one that cannot be read."""
    found = [""] * len(paths)
    with contextlib.closing(hash_all(paths, workers, limit_s)) as hashes:
        for place, sha256 in _told(hashes, len(paths), "finding what is done", tell):
            found[place] = sha256
    return found


def _check_pictures(
    overlays: Path | None,
    images: Sequence[Path],
    paths: Sequence[Path],
    names: Sequence[str],
    read: Sequence[Path],
    overwrite: bool,
) -> None:
    """Refuse pictures of photos among these, or over any other file; make their folder."""
    if overlays is None:
        return
    check_folder(overlays, images, paths, "--overlays")
    outputs = [
        Output(overlay_path(overlays, name), "--overlays", is_marked_picture(OVERLAY)) for name in names
    ]
    check_outputs(outputs, read, overwrite)
    make_folder(overlays, "--overlays")


def _check_report(
    report: ReportRequest,
    images: Sequence[Path],
    photos: Sequence[Input],
    hashes: Sequence[str],
    read: Sequence[Path],
    overwrite: bool,
) -> JoinedGrades | None:
    """Refuse, before anything is graded, a report that could not be written; the expert's grades, where given."""
    if report.columns and report.expert_grades is None:
        raise ToolkitError("--column names a column of the expert's workbook: add --expert-grades")
    if not report.wanted:
        if report.expert_grades:
            raise ToolkitError("--expert-grades are shown on the report page: add --report or --report-dir")
        return None
    if report.folder is not None:
        check_folder(report.folder, images, [photo.path for photo in photos], "--report-dir")
    check_report(report.file, report.folder, len(photos))
    if report.file is not None:
        check_outputs([Output(report.file, "--report", is_page)], read, overwrite)
    if report.expert_grades is None:
        return None
    places = {photo.name: photo.path for photo in photos}
    known = {photo.name: sha256 for photo, sha256 in zip(photos, hashes, strict=True)}
    folders = {name: os.path.realpath(path.parent) for name, path in places.items()}
    joined = join_files(list(places), report.expert_grades, report.columns, None, places)
    file_hash = contents(list(places.values()), list(places))
    refuse_shared(joined, lambda name: known[name] or file_hash(name), report.retakes, folders.__getitem__)
    return joined


def _report_study(
    store: Store,
    paths: Sequence[Path],
    run: GradeRun,
    model: Model,
    facts: Mapping[str, str | int | float],
    report: ReportRequest,
    joined: JoinedGrades | None,
) -> Study:
    """What the page is made of; subject, side and visit as the expert's workbook has them, where names are silent."""
    known = {stored_text(name): told for name, told in joined.facts.items()} if joined else {}
    grades = _labelled(store.grades(lambda name: known.get(name) or facts_from_name(name)), run.labels)
    expert = {stored_text(name): grade for name, grade in joined.grades.items()} if joined else {}
    source = report.expert_grades.name if report.expert_grades else ""
    return Study(store, paths, list(grades), model, facts, expert, source)


def _options(model: Model, weights: str, landmark_model: Path | None) -> Options:
    """What may change a grade beside the photo; the package's own sources count, not its version alone."""
    landmarks = landmark_model or default_landmark_model()
    if not landmarks.is_file():
        raise ModelError(f"{landmarks}: no such landmark model; check --landmark-model")
    package = Path(toolkit.__file__).parent
    sources = sorted(p for p in package.rglob("*.py") if p.relative_to(package).parts[0] not in _AFTER_GRADES)
    code = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    return Options(toolkit.__version__, code, model.sha256, weights, file_sha256(landmarks))


def _other_landmarks(model: Model, landmark_model: Path | None) -> list[str]:
    """A line where the model was trained with the points of another landmark model; those of old folders are dlib's."""
    own, used = str(model.card.get("landmarks", "dlib")), landmarks_name(landmark_model)
    if own == used:
        return []
    return [
        f"{model.name} was trained with the landmarks {own}, these are {used}: grades may differ a little"
    ]


def _inputs(paths: Sequence[Path], model: Model) -> list[Input]:
    """The photos, with what of their names may change a grade: the side that the face is expected to show, and
    the subject, where the model has references of it, which are not to answer."""
    hint = _hint_of(model)
    return [Input(name, path, hint(name)) for path, name in zip(paths, photo_names(paths), strict=True)]


def _hint_of(model: Model) -> Callable[[str], str]:
    known = set(model.index.references.subjects.tolist())
    mode = str(model.card.get("mode", WHITE))

    def hint(name: str) -> str:
        facts = facts_from_name(name)
        subject = facts.subject if facts.subject in known else None
        noted = {"mode": mode_of(name)} if mode_notes(name, mode) else {}
        return json.dumps({"side": facts.side, "subject": subject, **noted})

    return hint


def _grade_missing(
    store: Store,
    photos: Sequence[Input],
    grader: Grader,
    landmark_model: Path | None,
    workers: int,
    tell: Progress,
    limit_s: float,
    overlays: Path | None = None,
) -> None:
    """Grade the photos without a result, one by one: a grade then depends on no other photo of its batch, so an
    interrupted run ends like an undisturbed one, and each is kept as soon as it is known."""
    places = store.missing()
    chosen = [photos[place] for place in places]
    readings = read_all(
        [photo.path for photo in chosen], [photo.name for photo in chosen],
        grader.model.settings, landmark_model, workers, limit_s, grader.model.encoder.arrays(),
    )  # fmt: skip
    with contextlib.closing(readings):
        for number, reading in _told(readings, len(chosen), "grading", tell):
            if reading.lasting:
                (result,) = grader.grade([reading.prepared])
                store.put(places[number], reading.sha256, result, reading.prepared.face)
                if overlays and result.pigment and reading.prepared.face:
                    face = reading.prepared.face
                    shown = [face.chart] if face.chart else face.patches
                    picture = draw_predicted(shown, result.pigment, result.grade.name)
                    write_overlay(overlays / result.grade.name, picture)
            else:
                store.put_failure(places[number], reading.prepared.error, reading.sha256)


def _study_labels(store: Store, settings: Settings) -> list[str | None]:
    """Each photo's quality beside the others of the run (see ``judge_casts``); None where nothing is known."""
    qualities = store.qualities()
    judged = iter(judge_casts([quality for quality in qualities if quality], settings.quality))
    return [next(judged).label if quality else None for quality in qualities]


def _labelled(grades: Iterable[PhotoGrade], labels: Sequence[str | None]) -> Iterator[PhotoGrade]:
    for grade, label in zip(grades, labels, strict=True):
        yield grade if label is None else replace(grade, quality=label)


def _write_workbook(store: Store, run: GradeRun, facts: Mapping[str, str | int | float]) -> list[str]:
    """The workbook from the store, a row at a time; the store keeps what the files were like when they were written."""
    tables: dict[str, Iterable[Mapping[str, Value]]] = {
        "Patches": Rows(lambda: _rows_of(store, side=False)),
        "Sides": Rows(lambda: _rows_of(store, side=True)),
        "Contributions": Rows(lambda: store.rows("contributions")),
        "Evidence": Rows(lambda: store.rows("evidence")),
        "Inputs": Rows(
            lambda: ({"photo": i.name, "bytes": i.bytes, "sha256": i.sha256} for i in store.inputs())
        ),
    }
    files = list(result_files(run.out))
    store.note_written({path.name: "" for path in files})
    grades = Rows(lambda: _labelled(store.grades(facts_from_name), run.labels))
    remarks = write_results(run.out, grades, tables, facts)
    store.note_written({path.name: file_sha256(path) for path in files if path.is_file()})
    return remarks


def _rows_of(store: Store, side: bool) -> Iterator[Mapping[str, Value]]:
    """Rows of the patches, or of the whole sides, each with its own columns alone."""
    of_sides = {*CLASSICAL_COLUMNS, *NET_COLUMNS}
    for row in store.rows("patches"):
        if (row["region"] == SIDE) == side:  # what is empty and of the other kind was never this row's
            yield {n: value for n, value in row.items() if value is not None or (n in of_sides) == side}


def _run_facts(
    store: Store,
    run: GradeRun,
    model: Model,
    options: Options,
    landmarks: str,
    workers: int,
    started: datetime,
) -> dict[str, str | int | float]:
    return {
        "toolkit": toolkit.__version__,
        "toolkit code sha256": options.code,
        "model": model.name,
        "model sha256": model.sha256,
        "model trained": str(model.card.get("created", "")),
        "model subjects": int(model.card.get("subjects", 0)),
        "interval coverage aimed at": round(supported(model), 3),
        "weights": options.weights,
        "landmarks": landmarks,
        "landmarks of the model": str(model.card.get("landmarks", "dlib")),
        "landmark model sha256": options.landmarks,
        "workers": workers,
        "photos": run.photos,
        "graded": run.graded,
        "not graded": run.photos - run.graded,
        "flagged": sum(
            grade.quality != "ok" or bool(grade.note)
            for grade in _labelled(store.grades(facts_from_name), run.labels)
        ),
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now().astimezone().isoformat(timespec="seconds"),
        "seconds": round(run.seconds, 1),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        **versions(),
        **{
            f"{section}.{name}": value if isinstance(value, int | float | str) else json.dumps(value)
            for section, values in asdict(model.settings).items()
            for name, value in values.items()
        },
    }


@dataclass(frozen=True)
class TrainRun:
    """What ``train_study`` did: the model, the join, the photos left out with their reasons, and a line for each
    picture that stands under two subjects."""

    trained: Trained
    model: Model
    joined: JoinedGrades
    truth: np.ndarray
    left_out: Mapping[str, str]
    copies: tuple[str, ...] = ()


def train_study(
    images: Sequence[Path],
    grades_file: Path | Sequence[Path],
    out: Path,
    folds: int = 5,
    epochs: int | None = None,
    seed: int = 0,
    columns: Columns = None,
    landmark_model: Path | None = None,
    workers: int = 1,
    tell: Progress = lambda stage, done, total: None,
    settings: Settings | None = None,
    encoder: Path | None = None,
    from_scratch: bool = False,
    thumbnails: bool = True,
    step: float | None = 0.5,
    overwrite: bool = False,
    retakes: bool = False,
    mode: str | None = None,
) -> TrainRun:
    """Train on a study's graded photographs and write a model folder.

    The network starts from the starter model's, which has learnt what pigment looks like; with ``encoder`` that
    model's is kept whole, ``from_scratch`` it learns from this study alone. ``thumbnails``: whether the model
    keeps small pictures of its reference patches. ``grades_file``: one or several, and ``columns``, as for
    ``join_files``. ``step``: grades must be multiples of it, None: any number in 0-9. ``overwrite``: also over a
    model of other subjects; files in its folder that are not the model's are never touched. ``retakes`` as for
    ``refuse_shared``; ``mode``: only photographs whose names end so, as for ``study_photos``.
    """
    if from_scratch and encoder is not None:
        raise ToolkitError("--encoder keeps a network, --from-scratch learns a new one: choose one of them")
    chosen, as_copies = study_photos([str(path) for path in _some_photos(images)], mode)
    paths = [Path(name) for name in chosen]
    files = [grades_file] if isinstance(grades_file, Path) else list(grades_file)
    check_model_target(out, [*paths, *files, *_read_files(encoder, landmark_model)])
    joined = join_files(
        photo_names(paths), grades_file, columns, step, dict(zip(photo_names(paths), paths, strict=True))
    )
    refuse_several_modes(joined.grades, mode)
    refuse_shared(joined, contents(paths), retakes)
    if not overwrite:
        refuse_other_model(
            out, {one.subject for one in joined.facts.values()}, lambda: map(file_sha256, paths)
        )
    settings, start = _starting_point(settings or Settings(), encoder, from_scratch)
    if epochs is not None:
        settings = replace(settings, encoder=replace(settings.encoder, epochs=epochs))
    wanted = [path for path, name in zip(paths, photo_names(paths), strict=True) if name in joined.grades]
    names = [name for name in photo_names(paths) if name in joined.grades]
    found = prepare_all(wanted, settings, landmark_model, workers, names)
    everything = list(_told(found, len(wanted), "patches", tell))
    usable, left_out = _usable(everything)
    truth = [joined.grades[photo.name] for photo in usable]
    subjects, copies = one_subject_each(_pictures(usable, joined))
    trained = train(
        usable, truth, subjects, settings, folds, seed, tell, start, keep_encoder=encoder is not None
    )
    pictures = thumbnails_of(photo.face for photo in usable) if thumbnails else ()
    model = replace(trained.model, name=Path(out).name, thumbnails=pictures)
    told = {
        "landmarks": landmarks_name(landmark_model),
        TRAINED_ON: _hashes_of(usable),
        "mode": mode_of(usable[0].name),
        "reference_photos": _contents_of(usable),
    }
    model = replace(model, card={**model.card, **told})
    model = replace(model, sha256=save_model(model, out))
    left_out |= {Path(name).name: reason for name, reason in as_copies.items()}
    return TrainRun(trained, model, joined, np.array(truth), left_out, tuple(copies))


def class_settings(edges: str | None) -> Settings:
    """Default settings with the classes that begin at ``edges``, a text such as "0,3,4,5"; raises ToolkitError."""
    if edges is None:
        return Settings()
    try:
        numbers = tuple(float(edge) for edge in edges.split(","))
    except ValueError:
        numbers = ()
    if (
        len(numbers) < 2
        or numbers[0] != 0
        or any(a >= b for a, b in itertools.pairwise(numbers))
        or numbers[-1] > 9
    ):
        raise ToolkitError(
            f"--class-edges {edges!r}: rising numbers from 0 to at most 9 are wanted, e.g. 0,3,4,5"
        )
    return Settings(index=IndexSettings(class_edges=numbers))


def _starting_point(
    settings: Settings, encoder: Path | None, from_scratch: bool
) -> tuple[Settings, Encoder | None]:
    """The network to start from, and settings whose patches it can see: those it was trained with."""
    if from_scratch:
        return settings, None
    known = load_model(encoder)
    network = replace(known.settings.encoder, epochs=settings.encoder.epochs, loss=settings.encoder.loss)
    kept = replace(known.settings, index=settings.index, blend=settings.blend, encoder=network)
    return kept, known.encoder


def supported(model: Model) -> float:
    """The coverage that the model's intervals can be said to aim at: with n subjects no more than n / (n + 1)."""
    return supported_coverage(model.settings.blend.coverage, model.card.get("subjects"))


def coverage_told(model: Model) -> str:
    """What the intervals aim at, in words; fewer than 9 subjects support no 90 %."""
    aimed, subjects = model.settings.blend.coverage, model.card.get("subjects")
    if supported(model) >= aimed:
        return f"{aimed:.0%} aimed at".replace("%", " %")
    wanted = math.ceil(aimed / (1 - aimed) - 1e-9)
    return (
        f"not the {aimed:.0%} that more subjects would allow: {subjects} support {supported(model):.0%} at most, "
        f"{wanted} are needed"
    ).replace("%", " %")


def training_report(run: TrainRun) -> str:
    """Cross-validated scores beside the trivial baselines, and who was left out."""
    trained = run.trained
    rows = {"toolkit, subjects never seen": score(run.truth, trained.predicted)}
    rows |= {
        "embedding alone": score(run.truth, trained.embedding),
        "class of highest similarity": score(run.truth, trained.argmax),
    }
    rows |= trivial_baselines(run.truth, trained.folds)
    card, model = run.model.card, run.model
    lines = [
        run.joined.summary(),
        f"{card['photos']} photos of {card['subjects']} subjects, {card['folds']} folds by subject:",
        score_table(rows),
        f"Interval: the grade +- {card['half_width']:.2f} on average ({coverage_told(model)}; "
        f"{np.mean(np.abs(trained.predicted - run.truth) <= trained.half_widths):.0%} of these photos inside)",
        "Shares: " + ", ".join(f"{part} {share:.2f}" for part, share in card["shares"].items()),
        *(f"left out: {name}: {reason}" for name, reason in run.left_out.items()),
        *(f"warning: {line}" for line in run.copies),
    ]
    return "\n".join(lines)


@dataclass(frozen=True)
class IndexRun:
    """What ``index_patches`` did: the model, and how patches and grades were joined."""

    model: Model
    joined: JoinedGrades


def index_patches(
    patches: Path,
    grades_file: Path | Sequence[Path],
    model_folder: Path,
    out: Path | None = None,
    columns: Columns = None,
    tell: Progress = lambda stage, done, total: None,
    thumbnails: bool = True,
    retakes: bool = False,
    overwrite: bool = False,
    mode: str | None = None,
) -> IndexRun:
    """Rebuild a model's references from a folder of extracted patches and their grades; ``retakes`` as for
    ``refuse_shared``, ``mode`` as for ``train_study``; ``overwrite``: also over another model than the one whose
    network is used."""
    files = [grades_file] if isinstance(grades_file, Path) else list(grades_file)
    check_model_target(out or model_folder, files)
    model = load_model(model_folder)
    faces = load_patches(patches)
    hashes = {face.name: face.sha256 for face in faces}
    twice = [face.name for face in faces if hashes[face.name] != face.sha256]
    if twice:
        raise PhotoError(
            f"{patches}: {twice[0]} is the name of two photographs: keep each study's patches apart"
        )
    chosen, _ = study_photos(list(hashes), mode)
    joined = join_files(chosen, grades_file, columns)
    refuse_several_modes(joined.grades, mode)
    refuse_shared(joined, hashes.__getitem__, retakes)
    if out is not None and not overwrite and os.path.realpath(out) != os.path.realpath(model_folder):
        refuse_other_model(out, {one.subject for one in joined.facts.values()}, hashes.values)
    graded = [face for face in faces if face.name in joined.grades]
    task = partial(prepare, settings=model.settings)
    prepared = list(_told(map(task, graded), len(graded), "features", tell))
    usable, _ = _usable(prepared)
    grades = [joined.grades[photo.name] for photo in usable]
    rebuilt = rebuild_index(model, usable, grades, one_subject_each(_pictures(usable, joined))[0])
    if thumbnails:
        rebuilt = replace(rebuilt, thumbnails=thumbnails_of(photo.face for photo in usable))
    told = {
        TRAINED_ON: _hashes_of(usable),
        "mode": mode_of(usable[0].name),
        "reference_photos": _contents_of(usable),
    }
    rebuilt = replace(rebuilt, card={**rebuilt.card, **told})
    save_model(rebuilt, out or model_folder)
    return IndexRun(rebuilt, joined)


def _hashes_of(photos: Sequence[Prepared]) -> list[str]:
    """What the card keeps of the photographs that a model is made of."""
    return sorted({photo.face.sha256[:HASH_LENGTH] for photo in photos if photo.face})


def _pictures(photos: Sequence[Prepared], joined: JoinedGrades) -> list[Picture]:
    """Graded photos by their content."""
    return [
        Picture(
            photo.name, joined.facts[photo.name].subject, photo.face.sha256 if photo.face else "",
            photo.face.likeness if photo.face else "", joined.grades[photo.name],
            photo.face.mirrored if photo.face else "",
        )
        for photo in photos
    ]  # fmt: skip


def _contents_of(photos: Sequence[Prepared]) -> dict[str, list[str]]:
    """What the card keeps of each photo, to know a copy of it: the first digits of its SHA-256, and its likeness."""
    return {p.name: [p.face.sha256[:HASH_LENGTH], p.face.likeness] for p in photos if p.face}


def _some_photos(images: Sequence[Path]) -> list[Path]:
    paths = find_photos(images)
    if not paths:
        raise PhotoError(
            f"no photographs in {', '.join(map(str, images))}: JPEG, PNG or TIFF files are looked for"
        )
    return paths


def _usable(prepared: Sequence[Prepared]) -> tuple[list[Prepared], dict[str, str]]:
    usable = [photo for photo in prepared if photo.inputs]
    left_out = {photo.name: photo.error for photo in prepared if not photo.inputs}
    if not usable:
        reasons = Counter(left_out.values()).most_common(1)
        raise TrainingError(
            f"no photograph could be used: {reasons[0][0] if reasons else 'none has a grade'}"
        )
    return usable, left_out
