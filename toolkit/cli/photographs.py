"""Commands from photographs to patches and figures, and the one that makes photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.lines import colours, crew, points, say, say_passed_over, status
from toolkit.cli.options import (
    ClusterAddress,
    ColourChart,
    ColourMatch,
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
from toolkit.cli.urls import output
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
    out: Annotated[Path, typer.Option(parser=output, help="Folder for the patches and manifest.csv.")],
    overlays: Annotated[
        bool, typer.Option("--overlays", help="Also pictures of what was found, one per photo.")
    ] = False,
    chart: Annotated[
        bool,
        typer.Option("--chart", help="Also the chart of all visible skin, its mask and its regions (PNG)."),
    ] = False,
    colour_chart: ColourChart = None,
    colour_match: ColourMatch = None,
    landmarks: Landmarks = None,
    landmark_model: LandmarkModel = None,
    workers: Workers = None,
    cluster: ClusterAddress = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Cut forehead, cheek and chin patches, lossless, at one scale."""
    from toolkit.commands.extraction import extract

    with crew(workers, cluster) as hands, progress_bars(quiet) as tell:
        run = extract(
            images,
            out,
            overlays,
            points(landmarks, landmark_model),
            workers=hands,
            tell=tell,
            chart=chart,
            overwrite=overwrite,
            colour=colours(colour_chart, colour_match),
        )
    say_passed_over(images)
    photos = f"{run.found} of {counted(run.photos, 'photo')}"
    say(f"{run.patches} patches of {photos}: {out / 'manifest.csv'}", *run.failures)
    raise typer.Exit(status(run.found, run.photos))


@app.command(epilog="Example:  toolkit match-cameras photos/ --cameras cameras.csv --out matched.csv")
def match_cameras(
    images: Images,
    cameras: Annotated[
        Path,
        typer.Option(
            help="Table (.csv, .xlsx) with the columns photos (names or folders, such as site-A) and camera."
        ),
    ],
    out: Annotated[
        Path, typer.Option(parser=output, help="Table to write (.csv or .xlsx), for --colour-match.")
    ],
    landmarks: Landmarks = None,
    landmark_model: LandmarkModel = None,
    workers: Workers = None,
    cluster: ClusterAddress = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Without a colour chart: bring several cameras to their mean, by the skin of people whom they both saw.

    Whatever changed everybody's skin between two sessions is taken for the cameras'. Use a chart where you have one.
    """
    from toolkit.commands.matching import match_study

    with crew(workers, cluster) as hands, progress_bars(quiet) as tell:
        run = match_study(
            images,
            cameras,
            out,
            landmark_model=points(landmarks, landmark_model),
            workers=hands,
            tell=tell,
            overwrite=overwrite,
        )
    say_passed_over(images)
    say(run.text(), *run.failures, f"Use it with --colour-match {out}")
    raise typer.Exit(status(run.photos - len(run.failures), run.photos))


@app.command(epilog="Example:  toolkit features photos/ --out features.csv --overlays pictures/")
def features(
    images: Images,
    out: Annotated[
        Path, typer.Option(parser=output, help="Table to write (.csv or .xlsx), one row per patch.")
    ],
    overlays: Annotated[
        Path | None,
        typer.Option(parser=output, help="Folder for pictures of the pigment found, one per photo."),
    ] = None,
    colour_chart: ColourChart = None,
    colour_match: ColourMatch = None,
    landmarks: Landmarks = None,
    landmark_model: LandmarkModel = None,
    workers: Workers = None,
    cluster: ClusterAddress = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Measure the pigment of forehead, cheeks and chin, without any model."""
    from toolkit.commands.measuring import measure_features

    with crew(workers, cluster) as hands, progress_bars(quiet) as tell:
        run = measure_features(
            images,
            out,
            overlays,
            points(landmarks, landmark_model),
            workers=hands,
            tell=tell,
            overwrite=overwrite,
            colour=colours(colour_chart, colour_match),
        )
    photos = f"{run.found} of {counted(run.photos, 'photo')}"
    counts = f"{run.features} features of {run.patches} patches of {photos}"
    say_passed_over(images)
    say(f"{counts}: {out}", *run.failures)
    raise typer.Exit(status(run.found, run.photos))
