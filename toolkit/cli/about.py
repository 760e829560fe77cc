"""What is installed."""

from __future__ import annotations

from toolkit.cli.lines import say, say_json
from toolkit.cli.options import Json
from toolkit.cli.root import app


@app.command(epilog="Example:  toolkit info")
def info(as_json: Json = False) -> None:
    """Versions, devices, models found, and what is missing."""
    from toolkit.info import describe, facts

    if as_json:
        say_json(facts())
    else:
        say(*describe())
