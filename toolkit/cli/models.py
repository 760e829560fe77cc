"""Commands that make models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.lines import colours, kept_pictures, points, say, say_json, say_passed_over, table_names
from toolkit.cli.options import (
    ClassEdges,
    ColourChart,
    ColourMatch,
    Columns,
    Grades,
    GradeScale,
    Images,
    Json,
    LandmarkModel,
    Landmarks,
    Mode,
    Overwrite,
    Quiet,
    Retakes,
    SheetName,
    SideWords,
    Thumbnails,
    Workers,
)
from toolkit.cli.root import app
from toolkit.cli.urls import output
from toolkit.progress import progress_bars


@app.command(epilog="Example:  toolkit train photos/ --grades grades.xlsx --out models/my-study")
def train(
    images: Images,
    grades: Grades,
    out: Annotated[Path, typer.Option(parser=output, help="Folder for the model.")],
    folds: Annotated[int, typer.Option(min=2, help="Subject-disjoint folds for scores and intervals.")] = 5,
    epochs: Annotated[int | None, typer.Option(min=1, help="Training epochs per network.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed repeats a training on the same machine.")] = 0,
    encoder: Annotated[
        Path | None,
        typer.Option(help="Keep this model's network (it must not have seen these subjects): minutes."),
    ] = None,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Learn the network from this study alone.")
    ] = False,
    thumbnails: Thumbnails = True,
    class_edges: ClassEdges = None,
    scale: GradeScale = "0-9/0.5",
    column: Columns = None,
    sheet: SheetName = None,
    side_words: SideWords = None,
    retakes: Retakes = False,
    mode: Mode = None,
    plain_mean: Annotated[
        bool,
        typer.Option(
            "--plain-mean",
            help="Learn several graders' plain mean, without trying their combined grade: half the time.",
        ),
    ] = False,
    colour_chart: ColourChart = None,
    colour_match: ColourMatch = None,
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
        names, settings = table_names(column, sheet, side_words), class_settings(class_edges)
        run = train_study(
            images, grades, out, folds, epochs=epochs, seed=seed, columns=names, landmark_model=points(landmarks, landmark_model), workers=count, tell=tell, settings=settings, encoder=encoder,
            from_scratch=from_scratch, thumbnails=thumbnails, step=step_of(scale), overwrite=overwrite,
            retakes=retakes, mode=mode, plain_mean=plain_mean, colour=colours(colour_chart, colour_match),
        )  # fmt: skip
    if as_json:
        return say_json({"model": out, **training_record(run)})
    say_passed_over(images)
    say(training_report(run), *kept_pictures(run.model), f"Model: {out}")


@app.command(
    epilog="Example:  toolkit suggest results.xlsx --model models/my-study --out next.xlsx --number 20"
)
def suggest(
    results: Annotated[Path, typer.Argument(help="Workbook or table of toolkit grade.")],
    out: Annotated[Path, typer.Option(help="Workbook to write (.xlsx), for the expert to fill in.")],
    model: Annotated[
        Path | None, typer.Option(help="Model that graded them; by default the starter model.")
    ] = None,
    number: Annotated[int, typer.Option(min=1, help="How many photographs to list.")] = 20,
    per_subject: Annotated[int, typer.Option(min=1, help="At most so many of one subject.")] = 2,
    grades: Annotated[
        list[Path] | None,
        typer.Option(help="Expert grades that there are already: their photographs are left out."),
    ] = None,
    column: Columns = None,
    sheet: SheetName = None,
    side_words: SideWords = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """List the photographs whose expert grade would help the model most, balanced over subjects."""
    from toolkit.commands.suggesting import suggest_photos, suggest_report

    run = suggest_photos(
        results,
        out,
        model,
        number=number,
        per_subject=per_subject,
        grades=grades or (),
        columns=table_names(column, sheet, side_words),
        overwrite=overwrite,
    )
    if as_json:
        return say_json({"out": out, **run.record()})
    say(*suggest_report(run, out))


@app.command(epilog="Example:  toolkit build-index patches/ --grades grades.xlsx --model models/my-study")
def build_index(
    patches: Annotated[Path, typer.Argument(help="Folder made by extract-patches.")],
    grades: Grades,
    model: Annotated[Path, typer.Option(help="Model whose encoder embeds the patches.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the new model; by default --model itself.")
    ] = None,
    thumbnails: Thumbnails = True,
    column: Columns = None,
    sheet: SheetName = None,
    side_words: SideWords = None,
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
            columns=table_names(column, sheet, side_words),
            tell=tell,
            thumbnails=thumbnails,
            retakes=retakes,
            overwrite=overwrite,
            mode=mode,
        )
    rebuilt = run.model
    counts = "  ".join(f"{label}: {count}" for label, count in rebuilt.index.class_counts().items())
    total = len(rebuilt.index.references.grades)
    say(
        f"{total} references on the {rebuilt.index.device.upper()}, by class:  {counts}",
        run.joined.summary(),
        *kept_pictures(rebuilt),
        f"Model: {out or model}",
    )
