"""The command line as a whole: what all commands share, and how it ends."""

from __future__ import annotations

import io
import logging
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit import __version__
from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    pass
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
            help="Let others read what is written, as the umask allows; by default only the owner may. "
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
