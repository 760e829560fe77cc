"""What is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.lines import say, say_json
from toolkit.cli.options import Json
from toolkit.cli.root import app


@app.command(epilog="Example:  toolkit info --model models/my-study")
def info(
    model: Annotated[
        Path | None, typer.Option(help="Tell of this model folder alone, and where its card is.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Versions, devices, models found, and what is missing."""
    from toolkit.info import describe, describe_model, facts, model_facts

    if as_json:
        say_json(model_facts(model) if model else facts())
    else:
        say(*(describe_model(model) if model else describe()))
