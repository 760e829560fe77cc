"""What is installed, and what words mean."""

from __future__ import annotations

import textwrap
from typing import Annotated

import typer

from toolkit.cli.lines import say, say_json
from toolkit.cli.options import Json
from toolkit.cli.root import app
from toolkit.errors import ToolkitError


@app.command(epilog="Example:  toolkit info")
def info(as_json: Json = False) -> None:
    """Versions, devices, models found, and what is missing."""
    from toolkit.info import describe, facts

    if as_json:
        say_json(facts())
    else:
        say(*describe())


@app.command(epilog="Example:  toolkit glossary fold")
def glossary(
    term: Annotated[str, typer.Argument(help="A word, or a part of one; without it all are listed.")] = "",
) -> None:
    """What the words mean: fold, embedding, conformal interval, OD, ICC, ..."""
    from toolkit.glossary import terms

    found = terms(term)
    if not found:
        raise ToolkitError(f"{term}: is not in the glossary: toolkit glossary lists all words")
    for one in found:
        say(*textwrap.wrap(f"{one.term}: {one.meaning}", 110, subsequent_indent="  "))
