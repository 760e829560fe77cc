"""The command as a user calls it, for the tests of several rooms."""

from __future__ import annotations

import contextlib
import io
import sys
from dataclasses import dataclass

from toolkit.cli import main
from toolkit.errors import ToolkitError
from toolkit.store import read_store, store_path


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


def toolkit(*arguments) -> Done:
    """What the installed command does with these arguments, in this process."""
    out, err, saved = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["toolkit", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        sys.argv = saved
    return Done(status, out.getvalue(), err.getvalue())


def kept(out):
    """{hash: row number} of the results that a run has kept so far."""
    if not store_path(out).is_file():
        return {}
    try:
        with read_store(store_path(out)) as store:
            return dict(store._db.execute("SELECT sha256, rowid FROM results").fetchall())
    except ToolkitError:  # not yet set up
        return {}
