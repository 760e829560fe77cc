"""Arguments that may be URLs: fetched before a command runs, put after it; the command itself knows paths alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from toolkit.cli.lines import NAMES, stoppable
from toolkit.errors import ToolkitError
from toolkit.progress import progress_bars
from toolkit.remote import Remote, is_url, without_password

_URL_AS_PATH = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
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


def _refuse_url(parameter: Any, text: str) -> None:
    if parameter.name == "cluster":  # the address of no file
        return
    name = parameter.opts[0] if parameter.opts[0].startswith("-") else parameter.name.upper()
    raise ToolkitError(
        f"{name} {without_password(text.replace(':/', '://', 1))}: only IMAGES, the PARTS of merge, and the outputs of "
        "commands with these may be URLs: copy it to this computer and name the copy"
    )


def forget_urls() -> None:
    """Before another command line is read."""
    for known in (_read, _written, NAMES):
        known.clear()


class UrlCommand(TyperCommand):
    """A command of which some arguments may be URLs."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Also refuse URLs where only a path can stand, before they are looked for as paths."""
        rest: list[str] = super().parse_args(ctx, args)
        for parameter in () if ctx.resilient_parsing else self.params:
            value = ctx.params.get(parameter.name)
            for one in value if isinstance(value, list | tuple) else [value]:
                # A path has one slash of two; the mirror's own paths begin with a slash, or a drive of one letter.
                if isinstance(one, str | Path) and _URL_AS_PATH.match(text := Path(one).as_posix()):
                    _refuse_url(parameter, text)
        return rest

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
