"""Runs of the command, watched from outside."""

from __future__ import annotations

import ctypes
import os
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SET_CHILD_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
_ORPHANS_S = 2.0


@dataclass(frozen=True)
class Run:
    """One run of ``toolkit grade``: seconds in all and to the first kept result, processor time of all its processes,
    and the peak of their memory in MB (None where /proc is missing)."""

    photos: int
    seconds: float
    first_s: float
    cpu_s: float
    peak_mb: float | None


def graded(paths: Sequence[Path], work: Path, workers: int) -> Run:
    """``toolkit grade`` on a folder of photographs, watched from outside."""
    out = work / "end-to-end.xlsx"
    clean(out)
    command = [sys.executable, "-m", "toolkit.cli", "grade", str(paths[0].parent), "--out", str(out),
               "--workers", str(workers), "--quiet"]  # fmt: skip
    before = children_cpu_s()
    began, first, peak = time.perf_counter(), None, 0.0
    looked = began
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if first is None and kept(out.with_suffix(".toolkit.sqlite")):
            first = time.perf_counter() - began
        if (now := time.perf_counter()) > looked + 0.5:
            peak, looked = max(peak, tree_mb(process.pid)), now
        time.sleep(0.05)
    seconds = time.perf_counter() - began
    if process.returncode not in (0, 3):  # 3: some photographs could not be graded
        raise SystemExit(f"toolkit grade failed on {paths[0].parent}")
    clean(out)
    return Run(len(paths), seconds, first or seconds, children_cpu_s() - before, peak or None)


def children_cpu_s() -> float:
    """Processor time of all processes that this one has started and seen end, and of theirs, also where they outlive the
    one that started them."""
    _wait_for_orphans()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _wait_for_orphans() -> None:
    """On Linux: from now on, processes whose parent ends become this one's, and those that it has are waited for. The one
    that toolkit's processes are copies of ends just after toolkit."""
    with suppress(AttributeError):
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    until = time.monotonic() + _ORPHANS_S
    for pid in sorted(_below({os.getpid()}, _parents())):
        with suppress(ChildProcessError):
            while not os.waitpid(pid, os.WNOHANG)[0] and time.monotonic() < until:
                time.sleep(0.01)


def clean(out: Path) -> None:
    """Leaves nothing of an earlier run."""
    for path in out.parent.glob(f"{out.stem}*"):
        path.unlink()


def kept(store: Path) -> int:
    """Results in a store that another process writes to; 0 while it cannot be read."""
    with suppress(sqlite3.Error):
        connection = sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True, timeout=0)
        try:
            return int(connection.execute("SELECT count(*) FROM results").fetchone()[0])
        finally:
            connection.close()
    return 0


def tree_mb(root: int) -> float:
    """Resident memory of a process and all below it; what some of them share is counted once."""
    kilobytes, parents = 0, _parents()
    below, found = {root}, {root}
    while found:
        found = _below(found, parents) - below
        below |= found
    for pid in below:
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes * 1024 / 1e6


def _parents() -> dict[int, int]:
    """The parent of every process of this machine."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
    return parents


def _below(roots: set[int], parents: dict[int, int]) -> set[int]:
    return {pid for pid, parent in parents.items() if parent in roots}


def steady_ms(runs: Sequence[Run], of: Callable[[Run], float]) -> float:
    """Milliseconds a photo between the two largest runs, ``of`` whose seconds: what both spend once does not count."""
    if len(runs) < 2 or runs[-1].photos == runs[-2].photos:
        return 1000 * of(runs[0]) / runs[0].photos
    small, large = runs[-2:]
    return 1000 * (of(large) - of(small)) / (large.photos - small.photos)


def timed(command: Sequence[str]) -> float:
    """Seconds of a command."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began
