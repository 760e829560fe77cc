"""The command line: arguments -> a command -> a few lines of output."""

from toolkit.cli import start, photographs, models, grades, trials, about  # noqa: F401, I001  (in the order of --help)
from toolkit.cli.root import app, main

__all__ = ["app", "main"]
