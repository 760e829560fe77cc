"""How every file of the toolkit is written: whole or not at all, with errors that name the file and the fix."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from toolkit.errors import ToolkitError


def make_folder(folder: Path, option: str) -> None:
    """Make the folder named with ``option``, where there is none; ToolkitError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ToolkitError(
            f"{folder}: no folder can be made there ({error.strerror}): name another for {option}"
        ) from None


def write_atomically(path: Path, write: Callable[[IO[bytes]], object], *, sync: bool = True) -> None:
    """Write beside the target, then move over it; on failure what stood there is untouched. ``sync``: it is on the disk
    when this returns; without it thousands of small files, which could be made anew, take a tenth of the time. Raises
    ToolkitError where it cannot be written."""
    target = Path(os.path.realpath(path))  # a link keeps pointing to the file it names
    part = beside(target)
    with explained(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("w+b") as file:
                write(file)
                file.flush()
                if sync:
                    os.fsync(file.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def beside(path: Path) -> Path:
    """Where a file is written before it takes its place."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the system's refusals into one line that names the target and the fix."""
    try:
        yield
    except PermissionError:
        raise ToolkitError(f"{path}: may not be written: close it in Excel, or name another output") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ToolkitError(
            f"{path}: cannot be written ({reason}): name an output in another folder"
        ) from None
