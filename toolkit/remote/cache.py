"""The folder of mirrors, and which names files may have in it."""

from __future__ import annotations

import os
import sys
import unicodedata
import uuid
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from toolkit.errors import ToolkitError

_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# Copies of what toolkit was given as URLs; may be deleted.\n"
_FORBIDDEN = '\\<>:"|?*' if os.name == "nt" else ""


def cache_folder() -> Path:
    """Where mirrors are kept: TOOLKIT_CACHE, or a folder in the system's own for caches."""
    if named := os.environ.get("TOOLKIT_CACHE"):
        return Path(named).absolute()
    if os.name == "nt":
        caches = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        caches = Path.home() / "Library" / "Caches"
    else:
        caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "hyperpigmentation-toolkit"


def make_cache(folder: Path) -> None:
    """Make the folder of mirrors, or know it by its tag: files of nobody else are dropped or replaced."""
    tag = folder / "CACHEDIR.TAG"
    if folder.is_dir() and not tag.is_file() and any(folder.iterdir()):
        raise ToolkitError(f"{folder}: holds other files: name an empty folder with TOOLKIT_CACHE")
    folder.mkdir(parents=True, exist_ok=True)
    if not tag.is_file():
        tag.write_text(_TAG)


def size_and_time(path: Path) -> list[int]:
    """Size and time of a file; [] where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return []
    return [status.st_size, status.st_mtime_ns]


def is_unfit(part: str) -> bool:
    """Whether a part of a name can be no file's or folder's here."""
    return (
        part in ("", ".", "..")
        or "\0" in part
        or len(part.encode()) > 255
        or any(sign in part for sign in _FORBIDDEN)
    )


def refuse_clashes(url: str, names: Iterable[str], folder: Path) -> None:
    """Raise ToolkitError where two names stand for one file here, or one is a file and a folder."""
    told = set(names)
    above = {str(parent) for name in told for parent in PurePosixPath(name).parents}
    both = min(told & above, default=None)
    if both is not None:
        raise ToolkitError(f"{url}: {both} is a file and a folder: rename one of them there")
    same = Counter(unicodedata.normalize("NFC", name).casefold() for name in told)
    twice = sorted(name for name in told if same[unicodedata.normalize("NFC", name).casefold()] > 1)
    if twice and not tells_case(folder):
        raise ToolkitError(f"{url}: {twice[0]} and {twice[1]} are one file here: rename one of them there")


def tells_case(folder: Path) -> bool:
    """Whether names that differ in case alone are two files there."""
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f".Case{uuid.uuid4().hex}"
    probe.touch()
    try:
        return not probe.with_name(probe.name.lower()).exists()
    finally:
        probe.unlink()
