"""Commands that grade, and that tell how well grades agree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.lines import (
    colours,
    crew,
    points,
    say,
    say_json,
    say_parts,
    say_passed_over,
    say_run,
    stoppable,
    table_names,
)
from toolkit.cli.options import (
    AnyScale,
    Blind,
    ClassEdges,
    ClusterAddress,
    ColourChart,
    ColourMatch,
    Columns,
    Drift,
    ExpertGrades,
    FactsFile,
    Grades,
    GradeScale,
    Images,
    Json,
    KappaWeights,
    LandmarkModel,
    Landmarks,
    Mode,
    NoChange,
    Overwrite,
    Quiet,
    ReportFile,
    ReportFolder,
    Resources,
    Retakes,
    SheetName,
    SideWords,
    Weights,
    Workers,
)
from toolkit.cli.root import app
from toolkit.cli.urls import given, output
from toolkit.processes import load_ahead
from toolkit.progress import progress_bars
from toolkit.settings import RunSettings


@app.command(epilog="Example:  toolkit grade photos/ --out grades.xlsx --model models/my-study")
def grade(
    images: Images,
    out: Annotated[
        Path,
        typer.Option(
            parser=output,
            help="Workbook (.xlsx) or tables (.csv, .parquet) to write, or a folder (.parts) for toolkit merge.",
        ),
    ],
    model: Annotated[Path | None, typer.Option(help="Model folder; by default the starter model.")] = None,
    workers: Workers = None,
    cluster: ClusterAddress = None,
    weights: Annotated[
        Weights,
        typer.Option(help="The grade of the whole side (learned), or the weighted mean of its regions."),
    ] = Weights.learned,
    time_limit: Annotated[
        float, typer.Option(min=1, help="Time limit per photo, in seconds.")
    ] = RunSettings().time_limit_s,
    overlays: Annotated[
        Path | None,
        typer.Option(
            parser=output, help="Folder for pictures of the pigment that the network predicts, one per photo."
        ),
    ] = None,
    report: ReportFile = None,
    report_dir: ReportFolder = None,
    blind: Blind = False,
    expert_grades: ExpertGrades = None,
    facts: FactsFile = None,
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
    mode: Annotated[
        str | None,
        typer.Option(
            help="Light of the photographs to grade, by the ends of their names, if not the model's own: white, xpol, "
            "ppol, uv, nir, ... Others keep their row without a grade."
        ),
    ] = None,
    no_change: NoChange = False,
    part: Annotated[
        str | None,
        typer.Option(help="Only one share of the photographs, e.g. 3/16; toolkit merge joins the shares."),
    ] = None,
    colour_chart: ColourChart = None,
    colour_match: ColourMatch = None,
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
    if not (dry_run or cluster):
        load_ahead()
    from toolkit.commands.grading import grade_photos
    from toolkit.commands.joining import join_study
    from toolkit.commands.partsrun import grade_into_parts
    from toolkit.commands.results import ReportRequest
    from toolkit.errors import ToolkitError
    from toolkit.shares import parse_share
    from toolkit.store import is_parts

    names = table_names(column, sheet, side_words)
    if dry_run:
        study = join_study(images, facts, expert_grades, names, retakes=retakes)
        return say_json(study.record()) if as_json else say(study.text(), "", "Nothing was graded.")
    page = ReportRequest(report, report_dir, expert_grades, names, retakes, blind)
    share = parse_share(part) if part else None
    into_parts = is_parts(out)
    if into_parts and (page.wanted or blind or expert_grades or overlays or append or overwrite):
        raise ToolkitError(
            f"{out}: takes none of --report, --blind, --expert-grades, --overlays, --append, --overwrite"
        )
    with stoppable(), crew(workers, cluster) as hands, progress_bars(quiet) as tell:
        if into_parts:
            done = grade_into_parts(
                images, out, model, weights.value, landmark_model=points(landmarks, landmark_model), workers=hands,
                tell=tell, limit_s=time_limit, mode=mode, share=share, colour=colours(colour_chart, colour_match),
                facts=facts, columns=names,
            )  # fmt: skip
            raise typer.Exit(say_parts(done, as_json))
        run = grade_photos(
            images, out, model, weights.value, landmark_model=points(landmarks, landmark_model), workers=hands, tell=tell, limit_s=time_limit, overlays=overlays, report=page,
            append=append, overwrite=overwrite, change=not no_change, mode=mode, share=share,
            colour=colours(colour_chart, colour_match), facts=facts,
        )  # fmt: skip
    if not as_json:
        say_passed_over(images)
    raise typer.Exit(say_run(run, page, as_json=as_json, starter=model is None))


@app.command(epilog="Example:  toolkit merge part-*.xlsx --out grades.xlsx --model models/my-study")
def merge(
    parts: Annotated[
        list[Path],
        typer.Argument(
            parser=given,
            help="Workbooks, tables or .parts folders of toolkit grade, with what it keeps beside them.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(parser=output, help="Workbook (.xlsx) or tables (.csv, .parquet) to write.")
    ],
    model: Annotated[Path | None, typer.Option(help="Model that graded them; the starter model.")] = None,
    only: Annotated[
        str | None, typer.Option(help="Only photos whose names fit a pattern, e.g. '*W04*'.")
    ] = None,
    report: ReportFile = None,
    report_dir: ReportFolder = None,
    blind: Blind = False,
    expert_grades: ExpertGrades = None,
    facts: FactsFile = None,
    column: Columns = None,
    sheet: SheetName = None,
    side_words: SideWords = None,
    retakes: Retakes = False,
    no_change: NoChange = False,
    landmarks: Landmarks = None,
    landmark_model: LandmarkModel = None,
    workers: Workers = None,
    cluster: ClusterAddress = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Join the results of several runs of grade, such as the shares of --part, as if one had graded all.

    What is missing, held twice, not finished, or made by another model or version is named and refused.
    """
    from toolkit.commands.merging import merge_parts
    from toolkit.commands.results import ReportRequest

    names = table_names(column, sheet, side_words)
    page = ReportRequest(report, report_dir, expert_grades, names, retakes, blind)
    with stoppable(), crew(workers, cluster) as hands, progress_bars(quiet) as tell:
        run = merge_parts(
            parts,
            out,
            model,
            landmark_model=points(landmarks, landmark_model),
            workers=hands,
            tell=tell,
            report=page,
            overwrite=overwrite,
            change=not no_change,
            only=only,
            facts=facts,
        )
    raise typer.Exit(say_run(run, page, as_json=as_json, starter=model is None))


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
    drift: Annotated[
        Drift,
        typer.Option(
            help="Time over which a grader's bias may drift: visits, or rows in the order of grading."
        ),
    ] = Drift.visits,
    out: Annotated[
        Path | None, typer.Option(help="Workbook to write (.xlsx), with all figures and what did not match.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Page to write (.html): charts, tables, words.")] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Compare graders or runs: ICC, kappa, limits of agreement, each grader's bias, slope, noise and drift, changes."""
    from toolkit.agreement import compare_files
    from toolkit.study import parse_scale

    found = compare_files(
        files,
        table_names(column, sheet, side_words),
        parse_scale(scale),
        out,
        report=report,
        overwrite=overwrite,
        retakes=retakes,
        weights=kappa.value,
        drift=drift.value,
    )
    if as_json:
        return say_json(found.record())
    written = {"Workbook": out, "Page": report}
    lines = [f"{title}: {path}" for title, path in written.items() if path]
    say(found.text(), *(["", *lines] if lines else []))


@app.command(
    epilog="Example:  toolkit evaluate photos/ --grades grades.xlsx --out comparison/ --methods all",
)
def evaluate(
    images: Images,
    grades: Grades,
    out: Annotated[
        Path, typer.Option(parser=output, help="Folder for comparison.xlsx, report.html and all predictions.")
    ],
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
    colour_chart: ColourChart = None,
    colour_match: ColourMatch = None,
    landmarks: Landmarks = None,
    landmark_model: LandmarkModel = None,
    workers: Workers = None,
    cluster: ClusterAddress = None,
    resources: Resources = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Compare methods on your study, on subjects they never saw: earlier models, each part, the toolkit."""
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
        colours(colour_chart, colour_match),
    )
    with stoppable(), crew(workers, cluster, resources) as hands, shown(quiet) as tell:
        found = run_evaluation(
            images,
            grades,
            out,
            options,
            columns=table_names(column, sheet, side_words),
            landmark_model=points(landmarks, landmark_model),
            workers=hands,
            tell=tell,
            overwrite=overwrite,
        )
    say_passed_over(images)
    say(found.text(), f"Page: {out / 'report.html'}", f"Workbook: {out / 'comparison.xlsx'}")
