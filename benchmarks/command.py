"""What the command lines share: options, help, a folder to work in, figures as JSON, errors in one line."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from toolkit.errors import ToolkitError

Faces = Annotated[Path | None, typer.Option(help="Frontal photographs to paint on.")]


def _of_different_names(folders: list[Path] | None) -> list[Path] | None:
    """Folders as they are given: people are told apart by the name of theirs."""
    if len({one.name for one in folders or ()}) < len(folders or ()):
        raise typer.BadParameter("two folders of one name, by which people are told apart: rename one")
    return folders


SeveralFaces = Annotated[
    list[Path] | None,
    typer.Option(
        "--faces", help="Frontal photographs to paint on; several times.", callback=_of_different_names
    ),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Photographs, spread over the folder.")]
Model = Annotated[Path | None, typer.Option(help="By default the starter model.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write all figures to this file.")]
Work = Annotated[Path | None, typer.Option(help="Keep what is made here; the next run takes it up.")]


def as_app(main: Callable[..., None], about: str | None) -> typer.Typer:
    """A function as a command, with a module's docstring as its help."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(help=re.sub(r"\n\n(?=    )", "\n\n\b\n", about or ""))(main)  # examples keep their lines
    return app


def run(main: Callable[..., None], about: str | None) -> None:
    """Runs it; an error meant for users is one line and exit status 1."""
    try:
        as_app(main, about)()
    except ToolkitError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


@contextmanager
def folder_for(work: Path | None) -> Iterator[Path]:
    """The folder to work in: ``work``, which is kept, or one that is gone afterwards."""
    if work is not None:
        work.mkdir(parents=True, exist_ok=True)
        yield work
        return
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        yield Path(temporary)


def write_json(path: Path | None, figures: Any) -> None:
    """Writes figures to a file, if one was asked for."""
    if path is not None:
        path.write_text(json.dumps(figures, indent=1))
