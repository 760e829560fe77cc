"""What several commands do before their work: photographs found and hashed, outputs checked."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from toolkit.files import make_folder
from toolkit.images import file_sha256
from toolkit.model import CARD, FILES, starter_folder
from toolkit.outputs import Output, check_folder, check_outputs, is_marked_picture
from toolkit.pool import Workers
from toolkit.progress import Progress, reported
from toolkit.receipt import is_receipt, read_receipt, receipt_path
from toolkit.workers import OVERLAY, hash_all, overlay_path


def default_workers() -> int:
    """One process a core that this process may use, at most 16."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 16)


def read_files(model_folder: Path | None, landmark_model: Path | None, *others: Path | None) -> list[Path]:
    """The files that a command reads beside the photographs."""
    folder = model_folder or starter_folder()
    files = [landmark_model, *others, *(folder / name for name in (CARD, *FILES))]
    return [path for path in files if path is not None]


def hash_photos(
    paths: Sequence[Path],
    workers: Workers,
    tell: Progress,
    limit_s: float,
    *,
    stage: str = "looking for earlier results",
) -> list[str]:
    """The SHA-256 of every photo, "" of one that cannot be read."""
    found = [""] * len(paths)
    with contextlib.closing(hash_all(paths, workers, limit_s)) as hashes:
        for place, sha256 in reported(hashes, len(paths), stage, tell):
            found[place] = sha256
    return found


def check_pictures(
    overlays: Path | None,
    images: Sequence[Path],
    paths: Sequence[Path],
    names: Sequence[str],
    *,
    read: Sequence[Path],
    overwrite: bool,
) -> None:
    """Refuse pictures of photos among these, or over any other file; make their folder."""
    if overlays is None:
        return
    check_folder(overlays, images, paths, "--overlays")
    outputs = [
        Output(overlay_path(overlays, name), "--overlays", is_marked_picture(OVERLAY)) for name in names
    ]
    check_outputs(outputs, read, overwrite)
    make_folder(overlays, "--overlays")


def check_table(path: Path, is_own: Callable[[Path], bool], read: Sequence[Path], overwrite: bool) -> None:
    """Refuse a table in the place of another file, or of one that somebody has edited since it was written."""
    receipt = read_receipt(path)

    def as_written(table: Path) -> bool:
        return receipt is not None and file_sha256(table) == receipt.table

    outputs = [Output(path, "--out", as_written if receipt else is_own)]
    check_outputs([*outputs, Output(receipt_path(path), "--out", is_receipt)], read, overwrite)
