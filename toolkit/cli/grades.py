"""Commands that grade, and that tell how well grades agree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.lines import points, say, say_json, say_passed_over, status, stoppable, table_names
from toolkit.cli.options import (
    AnyScale,
    ClassEdges,
    Columns,
    Grades,
    GradeScale,
    Images,
    Json,
    KappaWeights,
    LandmarkModel,
    Landmarks,
    Mode,
    Overwrite,
    Quiet,
    Retakes,
    SheetName,
    SideWords,
    Weights,
    Workers,
)
from toolkit.cli.root import app
from toolkit.outputs import counted
from toolkit.progress import progress_bars
from toolkit.settings import RunSettings


@app.command(epilog="Example:  toolkit grade photos/ --out grades.xlsx --model models/my-study")
def grade(
    images: Images,
    out: Annotated[Path, typer.Option(help="Workbook (.xlsx) or tables (.csv, .parquet) to write.")],
    model: Annotated[Path | None, typer.Option(help="Model folder; by default the starter model.")] = None,
    workers: Workers = None,
    weights: Annotated[
        Weights,
        typer.Option(help="The grade of the whole side (learned), or the weighted mean of its regions."),
    ] = Weights.learned,
    time_limit: Annotated[
        float, typer.Option(min=1, help="Time limit per photo, in seconds.")
    ] = RunSettings().time_limit_s,
    overlays: Annotated[
        Path | None,
        typer.Option(help="Folder for pictures of the pigment that the network predicts, one per photo."),
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
    facts: Annotated[
        Path | None,
        typer.Option(help="Table of file names with subject, side, visit, where names do not tell these."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Show which photo joins which row and what is left over; grade nothing."
        ),
    ] = False,
    column: Columns = None,
    sheet: SheetName = None,
    side_words: SideWords = None,
    retakes: Retakes = False,
    no_change: Annotated[
        bool, typer.Option("--no-change", help="Do not compare later visits with the baseline.")
    ] = False,
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
    from toolkit.commands.joining import join_study
    from toolkit.commands.results import ReportRequest
    from toolkit.commands.shared import default_workers

    names = table_names(column, sheet, side_words)
    if dry_run:
        study = join_study(images, facts, expert_grades, names, retakes=retakes)
        return say_json(study.record()) if as_json else say(study.text(), "", "Nothing was graded.")
    page = ReportRequest(report, report_dir, expert_grades, names, retakes)
    page_files = [file for file in (report, report_dir and report_dir / "index.html") if file]
    with stoppable(), progress_bars(quiet) as tell:
        count = workers or default_workers()
        run = grade_photos(
            images, out, model, weights.value, landmark_model=points(landmarks, landmark_model), workers=count, tell=tell, limit_s=time_limit, overlays=overlays, report=page,
            append=append, overwrite=overwrite, change=not no_change, facts=facts,
        )  # fmt: skip
    if as_json:
        say_json(run.record())
        raise typer.Exit(130 if run.interrupted else status(run.graded, run.photos))
    say_passed_over(images)
    say(*run.remarks)
    if model is None:
        say(
            "Graded with the starter model, calibrated on simulated pigment: train on your own study for clinical use."
        )
    if run.interrupted:
        say(
            f"Stopped: {run.graded} of {counted(run.photos, 'photo')} graded: {out}",
            "Rerun the command to resume.",
        )
        raise typer.Exit(130)
    say(*(f"Page: {written}" for written in page_files))
    before = f" ({run.earlier} of them in an earlier run)" if run.earlier else ""
    say(
        f"{run.graded} of {counted(run.photos, 'photo')} graded{before} in {run.seconds:.0f} s: {out}",
        *run.summary().told(),
    )
    raise typer.Exit(status(run.graded, run.photos))


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
    sheet: SheetName = None,
    side_words: SideWords = None,
    scale: AnyScale = "0-9/0.5",
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
        table_names(column, sheet, side_words),
        parse_scale(scale),
        out,
        overwrite=overwrite,
        retakes=retakes,
        weights=kappa.value,
    )
    if as_json:
        return say_json(found.record())
    say(found.text(), *([f"\nWorkbook: {out}"] if out else []))


@app.command(epilog="Example:  toolkit evaluate photos/ --grades grades.xlsx --out comparison/ --methods all")
def evaluate(
    images: Images,
    grades: Grades,
    out: Annotated[Path, typer.Option(help="Folder for comparison.xlsx, report.html and all predictions.")],
    methods: Annotated[
        str,
        typer.Option(
            help="all, or some of resnet50, threshold, siamese, patches-mlp, features, embedding, hybrid, "
            "separated by commas; mean and commonest are always there."
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
    epochs: Annotated[int, typer.Option(min=1, help="Training epochs of the deep baselines.")] = 30,
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
        int | None, typer.Option(min=1, help="Training epochs of that network.")
    ] = None,
    class_edges: ClassEdges = None,
    seed: Annotated[int, typer.Option(help="The same seed repeats a comparison on the same machine.")] = 0,
    scale: GradeScale = "0-9/0.5",
    column: Columns = None,
    sheet: SheetName = None,
    side_words: SideWords = None,
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
            columns=table_names(column, sheet, side_words),
            landmark_model=points(landmarks, landmark_model),
            workers=count,
            tell=tell,
            overwrite=overwrite,
        )
    say_passed_over(images)
    say(found.text(), f"Page: {out / 'report.html'}", f"Workbook: {out / 'comparison.xlsx'}")
