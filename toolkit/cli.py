"""The command line: arguments -> a run -> a few lines of output."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit import __version__
from toolkit.errors import GradesError, ToolkitError
from toolkit.progress import progress_bars
from toolkit.settings import RunSettings

if TYPE_CHECKING:
    from toolkit.model import Model

# TensorFlow's chatter is not for users.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
logging.getLogger("tensorflow").setLevel(logging.ERROR)

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Grades mottled hyperpigmentation (0-9) in clinical face photographs.",
    epilog="Example:  toolkit grade photos/ --out grades.xlsx",
)


class Style(StrEnum):
    """What a phantom photograph shows."""

    half = "half"
    full = "full"
    mixed = "mixed"


class PainterName(StrEnum):
    """Whose spots a phantom has."""

    stamps = "stamps"
    fields = "fields"
    dots = "dots"
    mixed = "mixed"


class KappaWeights(StrEnum):
    """How far apart two grades count in Cohen's kappa."""

    quadratic = "quadratic"
    linear = "linear"


class Weights(StrEnum):
    """How patch grades are weighed into a face."""

    learned = "learned"
    mmasi = "mmasi"
    equal = "equal"


Images = Annotated[
    list[Path], typer.Argument(help="Photographs, folders of them (searched in depth), or both.")
]
Grades = Annotated[
    list[Path],
    typer.Option(
        help="Workbook (.xlsx) or table (.csv) of expert grades, or a review exported from the report page; may be "
        "given several times. Several graders of a photo count by their mean."
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column", help="Name a column of the grades: subject=ID, side=..., visit=..., grade=..., file=..."
    ),
]
Retakes = Annotated[
    bool,
    typer.Option("--retakes", help="Photographs in different folders may share a row: retakes of one visit."),
]
Mode = Annotated[
    str | None,
    typer.Option(
        help="Only photographs whose names end so: white, xpol, ppol, uv, nir, ... (white: no such end)."
    ),
]
GradeScale = Annotated[
    str, typer.Option("--scale", help="What grades may be, within 0-9: LOW-HIGH, LOW-HIGH/STEP.")
]
Landmarks = Annotated[
    str | None,
    typer.Option(help="facemesh (the default), or dlib: not for commercial use, an extra to install."),
]
LandmarkModel = Annotated[
    Path | None, typer.Option(help="Another 68-point dlib predictor (.dat) in place of these.")
]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; by default one a core.")]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Also replace files that this command did not write there, and results of other photographs; never a "
        "file that it reads.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar.")]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, for programs, in place of the lines.")
]


@app.command(epilog="Example:  toolkit phantom study/ --subjects 40 --visits 2 --style half --seed 1")
def phantom(
    out: Annotated[Path, typer.Argument(help="New folder for images/, grades.xlsx and truth.csv.")],
    subjects: Annotated[int, typer.Option(min=1, help="Number of people.")] = 20,
    visits: Annotated[int, typer.Option(min=1, help="Visits of each.")] = 1,
    style: Annotated[Style, typer.Option(help="Clinical half faces, full faces, or both.")] = Style.half,
    painter: Annotated[
        PainterName, typer.Option(help="Recipe of the spots; mixed: people take turns.")
    ] = PainterName.mixed,
    seed: Annotated[int, typer.Option(help="The same seed gives the same study.")] = 0,
    faces: Annotated[Path | None, typer.Option(help="Paint on the photographs in this folder.")] = None,
    maps: Annotated[
        bool, typer.Option("--maps", help="Also maps/: the planted pigment, grey level = 200 x green OD.")
    ] = False,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Make a study of digital phantoms: faces with known pigment and simulated expert grades."""
    from toolkit.commands.phantoms import make_phantoms, phantom_report
    from toolkit.commands.shared import default_workers

    with progress_bars(quiet) as tell:
        made = make_phantoms(
            out,
            subjects,
            visits,
            style.value,
            seed=seed,
            faces=faces,
            workers=workers or default_workers(),
            tell=tell,
            save_maps=maps,
            painter=painter.value,
        )
    _say(phantom_report(out, made))


@app.command(epilog="Example:  toolkit extract-patches photos/ --out patches/ --overlays")
def extract_patches(
    images: Images,
    out: Annotated[Path, typer.Option(help="Folder for the patches and manifest.csv.")],
    overlays: Annotated[
        bool, typer.Option("--overlays", help="Also a picture a photo of what was found.")
    ] = False,
    chart: Annotated[
        bool,
        typer.Option("--chart", help="Also the chart of all visible skin, its mask and its regions (PNG)."),
    ] = False,
    landmarks: Landmarks = None,
    landmark_model: LandmarkModel = None,
    workers: Workers = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Cut forehead, cheek and chin patches, lossless, at one scale."""
    from toolkit.commands.extraction import extract
    from toolkit.commands.shared import default_workers

    with progress_bars(quiet) as tell:
        run = extract(
            images,
            out,
            overlays,
            _points(landmarks, landmark_model),
            workers=workers or default_workers(),
            tell=tell,
            chart=chart,
            overwrite=overwrite,
        )
    _say_passed_over(images)
    _say(
        f"{run.patches} patches of {run.found} of {run.photos} photos: {out / 'manifest.csv'}", *run.failures
    )
    raise typer.Exit(_status(run.found, run.photos))


@app.command(epilog="Example:  toolkit features photos/ --out features.csv --overlays pictures/")
def features(
    images: Images,
    out: Annotated[Path, typer.Option(help="Table to write (.csv or .xlsx), a row a patch.")],
    overlays: Annotated[
        Path | None, typer.Option(help="Folder for a picture a photo of the pigment found.")
    ] = None,
    landmarks: Landmarks = None,
    landmark_model: LandmarkModel = None,
    workers: Workers = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Measure the pigment of forehead, cheeks and chin, without any model."""
    from toolkit.commands.measuring import measure_features
    from toolkit.commands.shared import default_workers

    with progress_bars(quiet) as tell:
        run = measure_features(
            images,
            out,
            overlays,
            _points(landmarks, landmark_model),
            workers=workers or default_workers(),
            tell=tell,
            overwrite=overwrite,
        )
    counts = f"{run.features} features of {run.patches} patches of {run.found} of {run.photos} photos"
    _say_passed_over(images)
    _say(f"{counts}: {out}", *run.failures)
    raise typer.Exit(_status(run.found, run.photos))


@app.command(epilog="Example:  toolkit train photos/ --grades grades.xlsx --out models/my-study")
def train(
    images: Images,
    grades: Grades,
    out: Annotated[Path, typer.Option(help="Folder for the model.")],
    folds: Annotated[int, typer.Option(min=2, help="Subject-disjoint folds for scores and intervals.")] = 5,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the patches a network.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed repeats a training on the same machine.")] = 0,
    encoder: Annotated[
        Path | None,
        typer.Option(help="Keep this model's network (it must not have seen these subjects): minutes."),
    ] = None,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Learn the network from this study alone.")
    ] = False,
    thumbnails: Annotated[bool, typer.Option(help="Keep small pictures of the reference patches.")] = True,
    class_edges: Annotated[
        str | None,
        typer.Option(help="Lower edges of the grade classes, e.g. 0,3,3.5,4,4.5,5,5.5 (the default)."),
    ] = None,
    scale: GradeScale = "0-9/0.5",
    column: Columns = None,
    retakes: Retakes = False,
    mode: Mode = None,
    landmarks: Landmarks = None,
    landmark_model: LandmarkModel = None,
    workers: Workers = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Also replace a model of other subjects; only the model's own files are touched.",
        ),
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a model on your study; prints scores on subjects it never saw."""
    from toolkit.commands.shared import default_workers
    from toolkit.commands.training import class_settings, train_study, training_record, training_report
    from toolkit.study import step_of

    with progress_bars(quiet) as tell:
        count = workers or default_workers()
        names, settings = _pairs(column), class_settings(class_edges)
        run = train_study(
            images, grades, out, folds, epochs=epochs, seed=seed, columns=names, landmark_model=_points(landmarks, landmark_model), workers=count, tell=tell, settings=settings, encoder=encoder,
            from_scratch=from_scratch, thumbnails=thumbnails, step=step_of(scale), overwrite=overwrite,
            retakes=retakes, mode=mode,
        )  # fmt: skip
    if as_json:
        return _say_json({"model": out, **training_record(run)})
    _say_passed_over(images)
    _say(training_report(run), *_kept_pictures(run.model), f"Model: {out}")


@app.command(epilog="Example:  toolkit build-index patches/ --grades grades.xlsx --model models/my-study")
def build_index(
    patches: Annotated[Path, typer.Argument(help="Folder made by extract-patches.")],
    grades: Grades,
    model: Annotated[Path, typer.Option(help="Model whose encoder embeds the patches.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the new model; by default --model itself.")
    ] = None,
    thumbnails: Annotated[bool, typer.Option(help="Keep small pictures of the reference patches.")] = True,
    column: Columns = None,
    retakes: Retakes = False,
    mode: Mode = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Also replace another model at --out; only the model's own files."),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Rebuild a model's FAISS index from your own graded patches."""
    from toolkit.commands.indexing import index_patches

    with progress_bars(quiet) as tell:
        run = index_patches(
            patches,
            grades,
            model,
            out,
            columns=_pairs(column),
            tell=tell,
            thumbnails=thumbnails,
            retakes=retakes,
            overwrite=overwrite,
            mode=mode,
        )
    rebuilt = run.model
    counts = "  ".join(f"{label}: {count}" for label, count in rebuilt.index.class_counts().items())
    total = len(rebuilt.index.references.grades)
    _say(
        f"{total} references on the {rebuilt.index.device.upper()}, by class:  {counts}",
        run.joined.summary(),
        *_kept_pictures(rebuilt),
        f"Model: {out or model}",
    )


@app.command(epilog="Example:  toolkit grade photos/ --out grades.xlsx --model models/my-study")
def grade(
    images: Images,
    out: Annotated[Path, typer.Option(help="Workbook (.xlsx) or tables (.csv, .parquet) to write.")],
    model: Annotated[Path | None, typer.Option(help="Model folder; by default the starter model.")] = None,
    workers: Workers = None,
    weights: Annotated[Weights, typer.Option(help="How patches make up a face.")] = Weights.learned,
    time_limit: Annotated[
        float, typer.Option(min=1, help="Seconds after which a photo is given up.")
    ] = RunSettings().time_limit_s,
    overlays: Annotated[
        Path | None,
        typer.Option(help="Folder for a picture a photo of the pigment that the network predicts."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Page (.html) to look at and review the grades: one file, up to 400 photos."),
    ] = None,
    report_dir: Annotated[
        Path | None, typer.Option(help="The same as a folder, for thousands of photos.")
    ] = None,
    expert_grades: Annotated[
        Path | None, typer.Option(help="Workbook of expert grades to show on that page.")
    ] = None,
    column: Columns = None,
    retakes: Retakes = False,
    landmarks: Landmarks = None,
    landmark_model: LandmarkModel = None,
    append: Annotated[
        bool,
        typer.Option("--append", help="Keep the photos that --out already holds, and add these to them."),
    ] = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Grade photographs 0-9, with an interval each, into an Excel workbook.

    Results are kept beside the workbook as they come: stopped by Ctrl-C or a power cut, the same command goes on
    with what is missing. Other photographs in the same workbook need --append or --overwrite.
    """
    from toolkit.commands.grading import grade_photos
    from toolkit.commands.results import ReportRequest
    from toolkit.commands.shared import default_workers

    page = ReportRequest(report, report_dir, expert_grades, _pairs(column), retakes)
    page_files = [file for file in (report, report_dir and report_dir / "index.html") if file]
    with _stoppable(), progress_bars(quiet) as tell:
        count = workers or default_workers()
        run = grade_photos(
            images, out, model, weights.value, landmark_model=_points(landmarks, landmark_model), workers=count, tell=tell, limit_s=time_limit, overlays=overlays, report=page,
            append=append, overwrite=overwrite,
        )  # fmt: skip
    if as_json:
        _say_json(run.record())
        raise typer.Exit(130 if run.interrupted else _status(run.graded, run.photos))
    _say_passed_over(images)
    _say(*run.remarks)
    if model is None:
        _say(
            "Graded with the starter model, calibrated on simulated pigment: train on your own study for clinical use."
        )
    if run.interrupted:
        _say(
            f"Stopped: {run.graded} of {run.photos} photos graded: {out}",
            "Run the same command again to go on.",
        )
        raise typer.Exit(130)
    _say(*(f"Page: {written}" for written in page_files))
    before = f" ({run.earlier} of them were done before)" if run.earlier else ""
    _say(f"{run.graded} of {run.photos} photos graded{before} in {run.seconds:.0f} s: {out}")
    if run.graded < run.photos:
        first = next(grade for grade in run.grades if grade.grade is None)
        _say(
            f"{first.name}: {first.note}"
            + ("" if run.photos - run.graded == 1 else "; and others: see the notes")
        )
    raise typer.Exit(_status(run.graded, run.photos))


@app.command(epilog="Example:  toolkit agreement expert1.xlsx expert2.xlsx grades.xlsx --out agreement.xlsx")
def agreement(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Workbooks or tables of grades, by experts or by toolkit grade; or reviews exported from the report "
            "page, whose readers are compared with the automatic grades they saw."
        ),
    ],
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="Name a column: grade=..., file=..., subject=..., side=..., visit=...; several grade= (or "
            "sheet=) in one file are graders of their own."
        ),
    ] = None,
    scale: Annotated[
        str, typer.Option(help="Grades allowed: LOW-HIGH/STEP, LOW-HIGH for any number between, or free.")
    ] = "0-9/0.5",
    retakes: Retakes = False,
    kappa: Annotated[KappaWeights, typer.Option(help="Weights of Cohen's kappa.")] = KappaWeights.quadratic,
    out: Annotated[
        Path | None, typer.Option(help="Workbook to write (.xlsx), with all figures and what did not match.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Compare graders or runs: ICC, kappa, limits of agreement, changes from baseline."""
    from toolkit.agreement import compare_files
    from toolkit.study import parse_scale

    found = compare_files(
        files,
        _pairs(column),
        parse_scale(scale),
        out,
        overwrite=overwrite,
        retakes=retakes,
        weights=kappa.value,
    )
    if as_json:
        return _say_json(found.record())
    _say(found.text(), *([f"\nWorkbook: {out}"] if out else []))


@app.command(epilog="Example:  toolkit evaluate photos/ --grades grades.xlsx --out comparison/ --methods all")
def evaluate(
    images: Images,
    grades: Grades,
    out: Annotated[Path, typer.Option(help="Folder for comparison.xlsx, report.html and all predictions.")],
    methods: Annotated[
        str,
        typer.Option(
            help="all, or some of resnet50, threshold, siamese, patches-mlp, features, embedding, hybrid, with "
            "commas; mean and commonest are always there."
        ),
    ] = "all",
    folds: Annotated[int, typer.Option(min=2, help="Folds; no subject is on both sides of one.")] = 5,
    leaky: Annotated[
        bool,
        typer.Option(
            "--leaky", help="Also what a split by photo would have claimed, which is wrong; twice the time."
        ),
    ] = False,
    backbone: Annotated[
        str,
        typer.Option(
            help="Network of the deep baselines: resnet50, resnet152, mobilenetv2, efficientnetb0, ..."
        ),
    ] = "resnet50",
    backbone_weights: Annotated[
        str,
        typer.Option(
            help="imagenet (Keras downloads them), none (from scratch), a file of weights without top, or a whole "
            ".keras model without top, which gets pixels as (x - 127) / 128."
        ),
    ] = "imagenet",
    epochs: Annotated[
        int, typer.Option(min=1, help="Passes of the deep baselines over the photographs.")
    ] = 30,
    learning_rate: Annotated[
        float, typer.Option(min=0, help="Top of the baselines' learning rate cycles, which start at 1e-8.")
    ] = 1e-4,
    image_size: Annotated[
        int, typer.Option(min=32, help="Side of the baselines' pictures; small without a GPU.")
    ] = 224,
    from_scratch: Annotated[
        bool,
        typer.Option(
            "--from-scratch", help="embedding and hybrid learn their network from this study alone."
        ),
    ] = False,
    encoder_epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes of that network over the patches.")
    ] = None,
    class_edges: Annotated[
        str | None,
        typer.Option(help="Lower edges of the grade classes, e.g. 0,3,3.5,4,4.5,5,5.5 (the default)."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed repeats a comparison on the same machine.")] = 0,
    scale: GradeScale = "0-9/0.5",
    column: Columns = None,
    retakes: Retakes = False,
    mode: Mode = None,
    landmarks: Landmarks = None,
    landmark_model: LandmarkModel = None,
    workers: Workers = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Compare methods on your study, on subjects they never saw: earlier models, each part, the toolkit."""
    from toolkit.commands.shared import default_workers
    from toolkit.commands.training import class_settings
    from toolkit.evaluate import CompareOptions, shown
    from toolkit.evaluate import evaluate as run_evaluation
    from toolkit.settings import BaselineSettings
    from toolkit.study import step_of

    baselines = BaselineSettings(
        backbone, backbone_weights, image_size, epochs, high_learning_rate=learning_rate
    )
    options = CompareOptions(
        methods,
        folds,
        seed,
        leaky,
        baselines,
        class_settings(class_edges),
        encoder_epochs,
        from_scratch,
        step_of(scale),
        retakes,
        mode,
    )
    count = workers or default_workers()
    with shown(quiet) as tell:
        found = run_evaluation(
            images,
            grades,
            out,
            options,
            columns=_pairs(column),
            landmark_model=_points(landmarks, landmark_model),
            workers=count,
            tell=tell,
            overwrite=overwrite,
        )
    _say_passed_over(images)
    _say(found.text(), f"Page: {out / 'report.html'}", f"Workbook: {out / 'comparison.xlsx'}")


@app.command(epilog="Example:  toolkit info")
def info(as_json: Json = False) -> None:
    """Versions, devices, models found, and what is missing."""
    from toolkit.info import describe, facts

    if as_json:
        _say_json(facts())
    else:
        _say(*describe())


def _points(landmarks: str | None, path: Path | None) -> Path | None:
    """The file of the landmark model that the options name; None is the default one."""
    from toolkit.landmarks import chosen_landmark_model

    return chosen_landmark_model(landmarks, path)


def _pairs(texts: list[str] | None) -> list[tuple[str, str]]:
    for text in texts or []:
        if "=" not in text:
            raise GradesError(f"--column {text}: write it as role=name, for example grade=Score")
    split = [text.partition("=") for text in texts or []]
    return [(role, name) for role, _, name in split]


def _kept_pictures(model: Model) -> list[str]:
    """A line where a model that was written holds parts of faces."""
    if not model.thumbnails:
        return []
    return [
        f"The model keeps {len(model.thumbnails)} small pictures of reference patches, to show as evidence: parts of your "
        "subjects' faces. --no-thumbnails leaves them out."
    ]


def _status(done: int, photos: int) -> int:
    """The exit status: 0 where all photos could be used, 3 where some could not, 1 where none could."""
    return 0 if done == photos else 3 if done else 1


def _say(*lines: str) -> None:
    for line in lines:
        typer.echo(line)


def _say_json(record: object) -> None:
    from toolkit.asjson import to_json

    typer.echo(to_json(record))


def _say_passed_over(images: list[Path]) -> None:
    """Count and name the files in the folders that were taken for no photographs."""
    from toolkit.images import passed_over
    from toolkit.outputs import counted, some_of

    others = passed_over(images)
    if others:
        names = some_of([path.name for path in others])
        _say(f"Passed over, as no photographs: {counted(len(others), 'file')} ({names})")


@contextmanager
def _stoppable() -> Iterator[None]:
    """A polite request to end (SIGTERM) does what Ctrl-C does; before there is anything to keep, either is one line."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        _say("Stopped. Run the same command again to go on.")
        raise typer.Exit(130) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    shared: Annotated[
        bool,
        typer.Option(
            "--shared",
            help="Others may read what is written, as the umask says; without it the owner alone. "
            "Exit status: 0 all photos graded, 3 some were not, 1 none, or an error, 2 a mistake in the command line.",
        ),
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if not shared:  # faces and subjects stand in nearly everything that is written
        before = os.umask(0o077)
        os.umask(before | 0o077)
        context.call_on_close(lambda: os.umask(before) and None)


def main() -> None:
    """Entry point: errors meant for users are one line and exit status 1."""
    if isinstance(
        sys.stdout, io.TextIOWrapper
    ):  # a console of few characters shows the others as \\u0444, as stderr does
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except ToolkitError as error:
        typer.echo(f"toolkit: {' '.join(str(error).splitlines())}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
