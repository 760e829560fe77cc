"""Commands from photographs to patches and figures, and the one that makes photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.lines import points, say, say_passed_over, status
from toolkit.cli.options import (
    Images,
    LandmarkModel,
    Landmarks,
    Overwrite,
    PainterName,
    Quiet,
    Style,
    Workers,
)
from toolkit.cli.root import app
from toolkit.outputs import counted
from toolkit.progress import progress_bars


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
    say(phantom_report(out, made))


@app.command(epilog="Example:  toolkit extract-patches photos/ --out patches/ --overlays")
def extract_patches(
    images: Images,
    out: Annotated[Path, typer.Option(help="Folder for the patches and manifest.csv.")],
    overlays: Annotated[
        bool, typer.Option("--overlays", help="Also pictures of what was found, one per photo.")
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
            points(landmarks, landmark_model),
            workers=workers or default_workers(),
            tell=tell,
            chart=chart,
            overwrite=overwrite,
        )
    say_passed_over(images)
    photos = f"{run.found} of {counted(run.photos, 'photo')}"
    say(f"{run.patches} patches of {photos}: {out / 'manifest.csv'}", *run.failures)
    raise typer.Exit(status(run.found, run.photos))


@app.command(epilog="Example:  toolkit features photos/ --out features.csv --overlays pictures/")
def features(
    images: Images,
    out: Annotated[Path, typer.Option(help="Table to write (.csv or .xlsx), one row per patch.")],
    overlays: Annotated[
        Path | None, typer.Option(help="Folder for pictures of the pigment found, one per photo.")
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
            points(landmarks, landmark_model),
            workers=workers or default_workers(),
            tell=tell,
            overwrite=overwrite,
        )
    photos = f"{run.found} of {counted(run.photos, 'photo')}"
    counts = f"{run.features} features of {run.patches} patches of {photos}"
    say_passed_over(images)
    say(f"{counts}: {out}", *run.failures)
    raise typer.Exit(status(run.found, run.photos))
