"""Commands for the first day."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.lines import say, stoppable
from toolkit.cli.options import Quiet, Workers
from toolkit.cli.root import app
from toolkit.progress import progress_bars


@app.command(epilog="Example:  toolkit demo")
def demo(
    out: Annotated[
        Path, typer.Argument(help="Folder for the study and its results; an earlier demo there is taken up.")
    ] = Path("demo-output"),
    subjects: Annotated[int, typer.Option(min=2, help="Number of phantom people.")] = 12,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Try everything on phantoms: draw a small study, grade it, compare with the known grades."""
    from toolkit.commands.demo import run_demo
    from toolkit.commands.shared import default_workers

    with stoppable(), progress_bars(quiet) as tell:
        made = run_demo(out, subjects, workers=workers or default_workers(), tell=tell)
    if made.interrupted:
        say("Stopped. Rerun the command to resume.")
        raise typer.Exit(130)
    say(made.truth.text() if made.truth else "No photo could be graded: see the notes in the workbook.", "")
    places = {
        "Workbook": made.workbook,
        "Page": made.page,
        "Phantoms": made.photos,
        "Overlays": made.overlays,
    }
    say(*(f"{title + ':':<10}{path.absolute()}" for title, path in places.items()))
    raise typer.Exit(0 if made.truth else 1)


@app.command("app", epilog="Example:  toolkit app D:/studies")
def window(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            help="All folders that the window may look into; by default your own folder and this one."
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0: any free one.")] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address, open nothing.")
    ] = False,
    workers: Workers = None,
) -> None:
    """Open the window: everything from photographs to review in your browser, served on this machine alone."""
    from toolkit.app import serve

    def tell(address: str) -> None:
        say(f"The window is at {address}", "It is closed by its button Close, or here by Ctrl-C.")

    serve(folders or [Path.home(), Path.cwd()], port, browser=not no_browser, workers=workers, tell=tell)
