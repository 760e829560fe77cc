"""The command line as a whole: what all commands share, and how it ends."""

from __future__ import annotations

import io
import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperGroup

from toolkit import __version__
from toolkit.cli.lines import named
from toolkit.cli.log import LOG, start_log, stop_log
from toolkit.cli.urls import UrlCommand, forget_urls
from toolkit.errors import ToolkitError

Command = TypeVar("Command", bound=Callable[..., Any])
_SWITCHES, _WITH_VALUE = ("--shared", "--verbose"), "--log-file"


class _Commands(TyperGroup):
    """The commands; the options of all of them may stand before or after a command's name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        forget_urls()
        return super().parse_args(ctx, _general_first(args))


def _general_first(words: list[str]) -> list[str]:
    general, others = [], []
    rest = iter(words)
    for word in rest:
        if word == "--":
            others += [word, *rest]
        elif word in _SWITCHES or word.startswith(f"{_WITH_VALUE}="):
            general.append(word)
        elif word == _WITH_VALUE:
            general += [word, *itertools.islice(rest, 1)]
        else:
            others.append(word)
    return general + others


class _Toolkit(typer.Typer):
    """Of every command, some arguments may be URLs, and the others are refused as such."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Command], Command]:
        return super().command(name, cls=UrlCommand, **options)


app = _Toolkit(
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Grades mottled hyperpigmentation (0-9) in clinical face photographs.",
    epilog="Example:  toolkit grade photos/ --out grades.xlsx\n\nWords such as fold or interval:  toolkit glossary",
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
    verbose: Annotated[
        bool,
        typer.Option("--verbose", help="Say what is done, photo by photo, and where an error came from."),
    ] = False,
    log_file: Annotated[
        Path | None,
        typer.Option(
            "--log-file", help="Write that, with times and all that is printed, at the end of a file."
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if not shared:  # faces and subjects stand in nearly everything that is written
        before = os.umask(0o077)
        os.umask(before | 0o077)
        context.call_on_close(lambda: os.umask(before) and None)
    start_log(verbose, log_file)


def main() -> None:
    """Entry point: errors meant for users are one line and exit status 1."""
    if isinstance(
        sys.stdout, io.TextIOWrapper
    ):  # a console of few characters shows the others as \\u0444, as stderr does
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except ToolkitError as error:
        LOG.info("ended in an error", exc_info=error)
        typer.echo(f"toolkit: {named(' '.join(str(error).splitlines()))}", err=True)
        sys.exit(1)
    except Exception as error:
        LOG.debug("ended in a fault of toolkit's own", exc_info=error)
        raise
    finally:
        stop_log()
