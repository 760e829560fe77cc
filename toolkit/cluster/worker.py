"""In each worker of a Dask cluster: processes that are kept from job to job, one a thread."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import platform
import queue
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from distributed import Worker, WorkerPlugin, get_worker

import toolkit
from toolkit.errors import ToolkitError
from toolkit.info import gpus, versions
from toolkit.model import CARD, starter_folder
from toolkit.outputs import file_hash
from toolkit.pool import Keeper, Lost
from toolkit.stagecode import code_hash

_log = logging.getLogger("distributed.toolkit")  # goes where Dask's own log goes


def identity() -> dict[str, str]:
    """What must be the same on all machines for the same grades."""
    return {
        "toolkit": toolkit.__version__,
        "code": code_hash(),
        "starter model": file_hash(starter_folder() / CARD),
        "python": platform.python_version(),
        **versions(),
    }


def describe(dask_worker: Worker) -> dict[str, Any]:
    """A worker: its host, cores, how many jobs it does at a time, the resources it was started with, how many graphics
    cards it sees, what ONNX Runtime could compute on there, and its ``identity``."""
    import onnxruntime

    return {
        "host": platform.node(),
        "cores": os.cpu_count(),
        "threads": dask_worker.state.nthreads,
        "resources": dict(dask_worker.state.total_resources),
        "gpus": gpus(),
        "onnx_providers": onnxruntime.get_available_providers(),
        "toolkit": toolkit.__version__,
        "identity": identity(),
    }


def difference(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """In what two machines differ, in words; "" where they do not."""
    for name in (*ours, *theirs):
        if ours.get(name) != theirs.get(name):
            return f"{name} {theirs.get(name, 'missing')[:12]}, this machine {ours.get(name, 'missing')[:12]}"
    return ""


class Jobs(WorkerPlugin):
    """What a worker holds for the jobs of one run: how they are done, and the processes that do them."""

    def __init__(
        self,
        task: Callable,
        start: Callable[[], None] | None,
        limit_s: float | None,
        wanted: Mapping[str, str],
    ) -> None:
        self._made_of = task, partial(_start_in, Path.cwd(), start), limit_s
        self._wanted = wanted

    def setup(self, worker: Worker) -> None:
        """Called once in every worker, also in one that comes later."""
        # Dask's own processes may have no children, lest these outlive them; ours end with their parent.
        multiprocessing.current_process().daemon = False
        # Dask has them give memory back at once, which for pictures takes a third of the time.
        os.environ.pop("MALLOC_TRIM_THRESHOLD_", None)
        self._where = worker.address
        self._idle: queue.SimpleQueue[Keeper] = queue.SimpleQueue()
        self._all: list[Keeper] = []

    def teardown(self, worker: Worker) -> None:
        """The run is over."""
        for keeper in self._all:
            keeper.close()
            keeper.end()

    def do(self, jobs: Sequence[Any]) -> list[Any]:
        """The results of jobs, or ``Lost``; raises what a job raises, and ToolkitError on a machine unlike the driver's."""
        differs = difference(self._wanted, identity())
        if differs:
            raise ToolkitError(f"worker {self._where} has {differs}: install the same on all machines")
        keeper = self._keeper()
        try:
            return [self._logged(keeper, job) for job in jobs]
        finally:
            self._idle.put(keeper)

    def _keeper(self) -> Keeper:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            self._all.append(Keeper(*self._made_of))
            return self._all[-1]

    def _logged(self, keeper: Keeper, job: Any) -> Any:
        before = time.monotonic()
        result = keeper.do(job)
        what = f" {result.reason}" if isinstance(result, Lost) else ""
        _log.info("%s: %.2f s%s", getattr(job, "name", job), time.monotonic() - before, what)
        return result


def _start_in(folder: Path, start: Callable[[], None] | None) -> None:
    """Relative paths mean what they mean to the driver; on a machine without its folder they lead nowhere, which the
    photographs' notes then say."""
    with contextlib.suppress(OSError):
        os.chdir(folder)
    if start:
        start()


def do_jobs(name: str, jobs: Sequence[Any]) -> list[Any]:
    """The results of jobs of the run ``name``."""
    held: Any = get_worker().plugins[name]
    return held.do(jobs)
