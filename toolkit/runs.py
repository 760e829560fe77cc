"""What each command does, from folders to folders; progress is told to a callback, nothing is printed."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import itertools
import json
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
from toolkit.errors import ModelError, PhotoError, ToolkitError, TrainingError
from toolkit.images import file_sha256, find_photos
from toolkit.info import versions
from toolkit.landmarks import FaceFinder, default_landmark_model
from toolkit.model import Model, check_model_target, load_model, save_model
from toolkit.patches import file_stem, load_patches, save_patches
from toolkit.phantom import StudySummary, write_study
from toolkit.pigment import CLASSICAL_COLUMNS, NET_COLUMNS
from toolkit.pigment.overlay import draw_predicted
from toolkit.pipeline import SIDE, Grader, PhotoResult, Prepared, judge_study, prepare
from toolkit.quality import judge_casts
from toolkit.records import FacePatches, Photo, PhotoGrade
from toolkit.report import Study, check_report, write_report
from toolkit.scores import score, score_table, trivial_baselines
from toolkit.settings import IndexSettings, Settings
from toolkit.siamese import Encoder
from toolkit.store import Input, Options, Store, open_store, read_store, store_path
from toolkit.study import Columns, JoinedGrades, facts_from_name, join_files
from toolkit.study.names import stored_text
from toolkit.tables import make_folder
from toolkit.thumbnails import thumbnails_of
from toolkit.training import Trained, rebuild_index, train
from toolkit.workbook import RESULT_SUFFIXES, Rows, Value, check_target, write_results, write_table
from toolkit.workers import (
    TIME_LIMIT_S,
    cut_all,
    hash_all,
    measure_all,
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
) -> StudySummary:
    """Write a study of phantoms; with ``faces``, painted on the photographs of that folder; ``grades`` fixes
    the latent grades of the subjects, in turn; ``save_maps`` adds the planted pigment as pictures."""
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
    (out / "phantom.json").write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")


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
    chart: bool = False,
) -> ExtractRun:
    """Cut patches into a folder with a manifest; photos that fail keep their row. ``chart``: write the chart of each
    face beside them."""
    paths = _some_photos(images)
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

    save_patches(out, counted())
    failures = tuple(f"{name}: {reasons}" for name, count, reasons in found if not count)
    return ExtractRun(len(paths), len(paths) - len(failures), sum(count for _, count, _ in found), failures)


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
) -> FeaturesRun:
    """Write the pigment features of photographs as a table, a row a patch; photos that fail keep a row."""
    check_target(out)
    paths = _some_photos(images)
    if overlays is not None:
        _check_overlays(overlays, images, paths)
    settings = Settings()
    measured = measure_all(paths, settings, landmark_model, workers, overlays)
    results = judge_study(list(_told(measured, len(paths), "features", tell)), settings)
    rows = [row for result in results for row in _feature_rows(result)]
    write_table(out, rows)
    failures = tuple(f"{r.grade.name}: {r.grade.note}" for r in results if not r.patch_rows)
    patches = [row for result in results for row in result.patch_rows]
    features = len(patches[0]) - 1 if patches else 0
    return FeaturesRun(len(paths), len(paths) - len(failures), len(patches), features, failures)


def _feature_rows(result: PhotoResult) -> list[dict[str, Value]]:
    """The rows of one photo, the facts first; one without figures where nothing could be measured."""
    grade = result.grade
    facts: dict[str, Value] = {
        "photo": grade.name,
        "subject": grade.facts.subject,
        "side": grade.facts.side,
        "visit": grade.facts.visit,
        "region": None,
        "quality": grade.quality,
        "note": grade.note,
    }
    return [facts | dict(row) for row in result.patch_rows] or [facts]


def _check_overlays(
    folder: Path, images: Sequence[Path], paths: Sequence[Path], option: str = "--overlays"
) -> None:
    """Refuse pictures among the photographs: they would overwrite these, or be measured the next time."""
    target = folder.resolve()
    inside = [given for given in images if given.is_dir() and target.is_relative_to(given.resolve())]
    beside = [path for path in paths if path.parent.resolve().is_relative_to(target)]
    if inside or beside:
        raise ToolkitError(f"{folder}: lies among the photographs: name a folder of its own for {option}")
    make_folder(folder, option)


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
) -> GradeRun:
    """Grade photographs and write the results workbook; every photo keeps its row.

    Into the folder ``overlays`` goes a picture of the predicted pigment of each photo that this run grades.
    ``report``: the page to write at the end, also where nothing was left to grade; not of an interrupted run.

    Results are kept beside the workbook as they come (``toolkit.store``), and only photos without one are read.
    KeyboardInterrupt ends the grading early: the workbook then holds what there is. A photo that takes longer
    than ``limit_s`` seconds is given up. Raises ToolkitError while another run writes the same output.
    """
    check_target(out, RESULT_SUFFIXES)
    started, clock = datetime.now().astimezone(), time.monotonic()
    paths = _some_photos(images)
    report = report or ReportRequest()
    joined = _check_report(report, images, paths)
    with open_store(out) as store:
        model = load_model(model_folder)
        options = _options(model, weights, landmark_model)
        photos = _inputs(paths, model)
        store.begin(photos, options)
        earlier = _find_earlier(store, paths, workers, tell, limit_s)
        grader, interrupted = Grader(model, weights), False
        try:
            _grade_missing(store, photos, grader, landmark_model, workers, tell, limit_s, overlays)
        except KeyboardInterrupt:
            interrupted = True
        labels = _study_labels(store, model.settings)
        run = GradeRun(
            Path(out),
            len(paths),
            store.counts()["graded"],
            earlier,
            interrupted,
            time.monotonic() - clock,
            labels,
        )
        facts = _run_facts(store, run, model, options, workers, started)
        remarks = _write_workbook(store, run, facts)
        if joined and report.expert_grades:
            remarks.append(f"{report.expert_grades.name}: {joined.summary()}")
        if report.wanted and not interrupted:
            study = _report_study(store, paths, run, model, facts, report, joined)
            write_report(study, report.file, report.folder, workers, limit_s, tell)
    return replace(run, remarks=tuple(remarks))


@dataclass(frozen=True)
class ReportRequest:
    """The report page to write: as one ``file``, as a ``folder``, or both; ``expert_grades``: a workbook to show
    beside the automatic grades, whose ``columns`` are named as for ``join_files``."""

    file: Path | None = None
    folder: Path | None = None
    expert_grades: Path | None = None
    columns: Columns = None

    @property
    def wanted(self) -> bool:
        """Whether there is a page to write."""
        return self.file is not None or self.folder is not None


def _check_report(
    report: ReportRequest, images: Sequence[Path], paths: Sequence[Path]
) -> JoinedGrades | None:
    """Refuse, before anything is graded, a report that could not be written; the expert's grades, where given."""
    if report.columns and report.expert_grades is None:
        raise ToolkitError("--column names a column of the expert's workbook: add --expert-grades")
    if not report.wanted:
        if report.expert_grades:
            raise ToolkitError("--expert-grades are shown on the report page: add --report or --report-dir")
        return None
    if report.folder is not None:
        _check_overlays(report.folder, images, paths, "--report-dir")
    check_report(report.file, report.folder, len(paths))
    if report.expert_grades is None:
        return None
    return join_files(photo_names(paths), report.expert_grades, report.columns, None)


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


def _inputs(paths: Sequence[Path], model: Model) -> list[Input]:
    """The photos, with what of their names may change a grade: the side that the face is expected to show, and
    the subject, where the model has references of it, which are not to answer."""
    known = set(model.index.references.subjects.tolist())
    inputs = []
    for path, name in zip(paths, photo_names(paths), strict=True):
        facts = facts_from_name(name)
        hint = {"side": facts.side, "subject": facts.subject if facts.subject in known else None}
        inputs.append(Input(name, path, json.dumps(hint)))
    return inputs


def _find_earlier(store: Store, paths: Sequence[Path], workers: int, tell: Progress, limit_s: float) -> int:
    """How many photos have a result of an earlier run."""
    if store.is_empty:
        return 0
    with contextlib.closing(hash_all(paths, workers, limit_s)) as hashes:
        store.claim(list(_told(hashes, len(paths), "finding what is done", tell)))
    return len(paths) - len(store.missing())


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
        grader.model.settings, landmark_model, workers, limit_s, grader.model.encoder.weights,
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
    """The workbook from the store, a row at a time."""
    tables: dict[str, Iterable[Mapping[str, Value]]] = {
        "Patches": Rows(lambda: _rows_of(store, side=False)),
        "Sides": Rows(lambda: _rows_of(store, side=True)),
        "Contributions": Rows(lambda: store.rows("contributions")),
        "Evidence": Rows(lambda: store.rows("evidence")),
        "Inputs": Rows(
            lambda: ({"photo": i.name, "bytes": i.bytes, "sha256": i.sha256} for i in store.inputs())
        ),
    }
    return write_results(
        run.out, Rows(lambda: _labelled(store.grades(facts_from_name), run.labels)), tables, facts
    )


def _rows_of(store: Store, side: bool) -> Iterator[Mapping[str, Value]]:
    """Rows of the patches, or of the whole sides, each with its own columns alone."""
    of_sides = {*CLASSICAL_COLUMNS, *NET_COLUMNS}
    for row in store.rows("patches"):
        if (row["region"] == SIDE) == side:  # what is empty and of the other kind was never this row's
            yield {n: value for n, value in row.items() if value is not None or (n in of_sides) == side}


def _run_facts(
    store: Store, run: GradeRun, model: Model, options: Options, workers: int, started: datetime
) -> dict[str, str | int | float]:
    return {
        "toolkit": toolkit.__version__,
        "toolkit code sha256": options.code,
        "model": model.name,
        "model sha256": model.sha256,
        "model trained": str(model.card.get("created", "")),
        "model subjects": int(model.card.get("subjects", 0)),
        "interval coverage aimed at": model.settings.blend.coverage,
        "weights": options.weights,
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
    """What ``train_study`` did: the model, the join, the photos left out with their reasons."""

    trained: Trained
    model: Model
    joined: JoinedGrades
    truth: np.ndarray
    left_out: Mapping[str, str]


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
) -> TrainRun:
    """Train on a study's graded photographs and write a model folder.

    The network starts from the starter model's, which has learnt what pigment looks like; with ``encoder`` that
    model's is kept whole, ``from_scratch`` it learns from this study alone. ``thumbnails``: whether the model
    keeps small pictures of its reference patches. ``grades_file``: one or several, and ``columns``, as for
    ``join_files``. ``step``: grades must be multiples of it, None: any number in 0-9.
    """
    if from_scratch and encoder is not None:
        raise ToolkitError("--encoder keeps a network, --from-scratch learns a new one: choose one of them")
    check_model_target(out)
    paths = _some_photos(images)
    joined = join_files(photo_names(paths), grades_file, columns, step)
    settings, start = _starting_point(settings or Settings(), encoder, from_scratch)
    if epochs is not None:
        settings = replace(settings, encoder=replace(settings.encoder, epochs=epochs))
    wanted = [path for path, name in zip(paths, photo_names(paths), strict=True) if name in joined.grades]
    names = [name for name in photo_names(paths) if name in joined.grades]
    found = prepare_all(wanted, settings, landmark_model, workers, names)
    everything = list(_told(found, len(wanted), "patches", tell))
    usable, left_out = _usable(everything)
    truth = [joined.grades[photo.name] for photo in usable]
    subjects = [joined.facts[photo.name].subject for photo in usable]
    trained = train(
        usable, truth, subjects, settings, folds, seed, tell, start, keep_encoder=encoder is not None
    )
    pictures = thumbnails_of(photo.face for photo in usable) if thumbnails else ()
    model = replace(trained.model, name=Path(out).name, thumbnails=pictures)
    model = replace(model, sha256=save_model(model, out))
    return TrainRun(trained, model, joined, np.array(truth), left_out)


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


def training_report(run: TrainRun) -> str:
    """Cross-validated scores beside the trivial baselines, and who was left out."""
    trained = run.trained
    rows = {"toolkit, subjects never seen": score(run.truth, trained.predicted)}
    rows |= {
        "embedding alone": score(run.truth, trained.embedding),
        "class of highest similarity": score(run.truth, trained.argmax),
    }
    rows |= trivial_baselines(run.truth, trained.folds)
    card = run.model.card
    lines = [
        run.joined.summary(),
        f"{card['photos']} photos of {card['subjects']} subjects, {card['folds']} folds by subject:",
        score_table(rows),
        f"Interval: the grade +- {card['half_width']:.2f} on average (90 % aimed at; "
        f"{np.mean(np.abs(trained.predicted - run.truth) <= trained.half_widths):.0%} of these photos inside)",
        "Shares: " + ", ".join(f"{part} {share:.2f}" for part, share in card["shares"].items()),
        *(f"left out: {name}: {reason}" for name, reason in run.left_out.items()),
    ]
    return "\n".join(lines)


def index_patches(
    patches: Path,
    grades_file: Path | Sequence[Path],
    model_folder: Path,
    out: Path | None = None,
    columns: Columns = None,
    tell: Progress = lambda stage, done, total: None,
    thumbnails: bool = True,
) -> Model:
    """Rebuild a model's references from a folder of extracted patches and their grades."""
    check_model_target(out or model_folder)
    model = load_model(model_folder)
    faces = load_patches(patches)
    joined = join_files([face.name for face in faces], grades_file, columns)
    graded = [face for face in faces if face.name in joined.grades]
    task = partial(prepare, settings=model.settings)
    prepared = list(_told(map(task, graded), len(graded), "features", tell))
    usable, _ = _usable(prepared)
    grades = [joined.grades[photo.name] for photo in usable]
    rebuilt = rebuild_index(model, usable, grades, [joined.facts[photo.name].subject for photo in usable])
    if thumbnails:
        rebuilt = replace(rebuilt, thumbnails=thumbnails_of(photo.face for photo in usable))
    save_model(rebuilt, out or model_folder)
    return rebuilt


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
