"""Arguments that may be URLs: fetched before a command runs, put after it; the command itself knows paths alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from toolkit.cli.lines import NAMES, stoppable
from toolkit.progress import progress_bars
from toolkit.remote import Remote, is_url

_read: list[Remote] = []  # as the command line named them
_written: list[Remote] = []


def given(text: str) -> Path:
    """The path of an argument that is read, of a URL that of its mirror."""
    return _path(text, _read)


def output(text: str) -> Path:
    """The path of an argument that is written, of a URL that of its mirror."""
    return _path(text, _written)


given.__name__ = output.__name__ = "path"  # as --help shows them


def _path(text: str, among: list[Remote]) -> Path:
    if not is_url(text):
        return Path(text)
    remote = Remote(text)
    among.append(remote)
    NAMES[str(remote.path)] = remote.url
    return remote.path


def forget_urls() -> None:
    """Before another command line is read."""
    for known in (_read, _written, NAMES):
        known.clear()


class UrlCommand(TyperCommand):
    """A command of which some arguments may be URLs."""

    def invoke(self, ctx: Any) -> Any:
        """Fetch, run the command, and put what it wrote if it ended as it should."""
        if not _read and not _written:
            return super().invoke(ctx)
        quiet = bool(ctx.params.get("quiet"))
        with stoppable(), progress_bars(quiet) as tell:
            for remote in _written:
                remote.fetch_earlier(tell)
            for remote in _read:
                remote.fetch(tell)
        try:
            returned = super().invoke(ctx)
        except typer.Exit:
            _put(quiet)
            raise
        _put(quiet)
        return returned


def _put(quiet: bool) -> None:
    with stoppable(), progress_bars(quiet) as tell:
        for remote in _written:
            remote.put(tell)
