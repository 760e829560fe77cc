"""What a command does, step by step, for the terminal (--verbose) or a file (--log-file)."""

from __future__ import annotations

import logging
import platform
import sys
from pathlib import Path

from toolkit import __version__
from toolkit.errors import ToolkitError
from toolkit.files import explained
from toolkit.outputs import refuse_dead_link
from toolkit.remote import without_password

LOG = logging.getLogger("toolkit")
_FIRST_LINE = "toolkit log"  # by which a file is known as one
_LIBRARIES = logging.getLogger("py.warnings")


class _Terminal(logging.StreamHandler):
    """Writes to what is standard error at that moment: under a progress bar the bar's own."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def start_log(verbose: bool, file: Path | None) -> None:
    """Say on standard error what is done, or write it with times at the end of a file, or both. Raises ToolkitError
    where the file is no log of ours."""
    stop_log()
    if verbose:
        _listen(_Terminal(), logging.INFO, "%(message)s")
    if file is not None:
        _listen(_opened(file), logging.DEBUG, "%(asctime)s  %(message)s")
    if verbose or file is not None:
        logging.captureWarnings(True)
        LOG.info(
            "toolkit %s, Python %s, %s", __version__, platform.python_version(), platform.platform(terse=True)
        )
        LOG.debug("command: toolkit %s", without_password(" ".join(sys.argv[1:])))


def stop_log() -> None:
    """Close what ``start_log`` opened."""
    logging.captureWarnings(False)
    for logger in (LOG, _LIBRARIES):
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
            handler.close()


def _listen(handler: logging.Handler, level: int, form: str) -> None:
    handler.setLevel(level)
    handler.setFormatter(logging.Formatter(form))
    LOG.setLevel(logging.DEBUG)
    for logger in (LOG, _LIBRARIES):
        logger.addHandler(handler)


def _opened(file: Path) -> logging.FileHandler:
    refuse_dead_link(file, "--log-file")
    with explained(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            with file.open("rb") as before:
                first = before.read(len(_FIRST_LINE))
            if first not in (b"", _FIRST_LINE.encode()):
                raise ToolkitError(f"{file}: is no log of toolkit: name another --log-file")
        if not file.exists() or not file.stat().st_size:
            file.write_text(f"{_FIRST_LINE}: the names of photographs may tell who is on them\n")
        return logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
