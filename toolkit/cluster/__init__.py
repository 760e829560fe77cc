"""Jobs over the machines of a Dask cluster: a second way to do what ``pool.run_jobs`` does.

Each thread of a Dask worker keeps a process of its own, as a thread of the pool does on one machine: a photograph that
crashes or hangs ends that process alone, and is named. What Dask adds is the way to other machines, and that jobs of a
machine that is gone are done by another. Whoever reaches the scheduler can run code on all machines: see the
documentation.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import signal
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, TypeVar

from toolkit.errors import MissingExtraError, ToolkitError
from toolkit.pool import Lost

if TYPE_CHECKING:
    from distributed import Client, Future

Job = TypeVar("Job")
Result = TypeVar("Result")
LOCAL = "local"
_CHUNK = 8  # jobs that travel together: some seconds of work
_AHEAD = 3  # chunks a thread that are under way or whose results wait to be taken: memory stays flat
_LOST_TRIES = 3  # of a job alone, each by as many workers as the scheduler allows to die (four, unless set)
_WAIT_S = 60  # for a scheduler to answer, and for a first worker
_COUNTED_S = 5  # after which workers are counted anew


def resources_of(text: str) -> dict[str, float]:
    """What ``dask worker --resources`` takes ("GPU=1", "GPU=2 MEM=10e9"), as numbers by name; raises ToolkitError."""
    try:
        found = {
            name: float(number)
            for name, number in (pair.split("=") for pair in text.replace(",", " ").split())
        }
    except ValueError:
        found = {}
    if not found or not all(0 < number < float("inf") for number in found.values()):
        raise ToolkitError(f"--resources {text}: write it as dask worker --resources does, for example GPU=1")
    return found


def named(resources: Mapping[str, float]) -> str:
    """Resources as ``resources_of`` takes them."""
    return " ".join(f"{name}={number:g}" for name, number in resources.items())


@contextlib.contextmanager
def connect(
    address: str, workers: int = 1, resources: Mapping[str, float] | None = None
) -> Iterator[Cluster]:
    """The cluster whose scheduler is at ``address`` ("tcp://HOST:PORT"), or with "local" one of ``workers`` processes
    on this machine. ``resources``: what a worker must have for ``heavy`` jobs, each of which takes so much of it, as
    in ``resources_of``. Raises MissingExtraError without Dask, ToolkitError where nobody answers or none has these."""
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise MissingExtraError("Dask (for --cluster)", "cluster") from None
    with contextlib.ExitStack() as stack:
        if address == LOCAL:
            # Dask gives up a worker that is not back in 15 s; on a busy machine that is too soon.
            stack.enter_context(dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"}))
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="toolkit-cluster-"))
            with _deaf_to_interrupts():
                local = LocalCluster(
                    n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", local_directory=folder,
                    memory_limit=0, silence_logs=logging.ERROR, scheduler_kwargs={"allowed_failures": 100},
                )  # fmt: skip
            client = stack.enter_context(Client(stack.enter_context(local)))
        else:
            client = stack.enter_context(_client(address))
        try:
            client.wait_for_workers(1, timeout=_WAIT_S)
        except TimeoutError:
            raise ToolkitError(
                f"{address}: the scheduler has no workers: start some, for example dask worker {address}"
            ) from None
        cluster = Cluster(client, address, resources or {})
        if resources:
            cluster.await_heavy()
        yield cluster


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Threads and processes that start meanwhile, and those that they start, never hear Ctrl-C: it is the driver's."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # which lifts the block of the thread that starts it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _client(address: str) -> Client:
    from distributed import Client

    try:
        return Client(address, timeout=_WAIT_S)
    except (OSError, ValueError) as error:  # ValueError: no address at all
        raise ToolkitError(
            f"--cluster {address}: no scheduler answers there ({' '.join(str(error).split())}): give local, or "
            "tcp://HOST:PORT as dask scheduler prints it"
        ) from None


class Cluster:
    """Machines that do jobs; made by ``connect``."""

    def __init__(
        self, client: Client, address: str, resources: Mapping[str, float], heavy: bool = False
    ) -> None:
        self._client, self._address, self._resources = client, address, resources
        self._needs: Mapping[str, float] = resources if heavy else {}  # of a job
        self._chunk = 1 if heavy else _CHUNK
        self._count, self._counted = 0, float("-inf")

    @property
    def count(self) -> int:
        """How many jobs can be done at a time."""
        if time.monotonic() > self._counted + _COUNTED_S:
            workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
            self._count, self._counted = sum(map(self._places, workers)), time.monotonic()
        return self._count

    def _places(self, worker: Mapping[str, Any]) -> int:
        has = worker["resources"]
        return min(
            [worker["nthreads"], *(int(has.get(name, 0) // need) for name, need in self._needs.items())]
        )

    def heavy(self) -> Cluster:
        """As ``pool.Crew``: one job at a time, to workers that have the ``resources`` of ``connect``."""
        return Cluster(self._client, self._address, self._resources, heavy=True)

    def await_heavy(self) -> None:
        """Return when a worker has the resources of heavy jobs; ToolkitError after a minute without one."""
        deadline = time.monotonic() + _WAIT_S
        while not self.heavy().count:
            if time.monotonic() > deadline:
                raise ToolkitError(
                    f"--resources {named(self._resources)}: no worker of {self._address} has that: start one, for "
                    f'example dask worker {self._address} --resources "{named(self._resources)}"'
                )
            time.sleep(1)

    def nodes(self) -> dict[str, dict[str, Any]]:
        """What each worker is, by its address: see ``toolkit.cluster.worker.describe``."""
        from toolkit.cluster.worker import describe

        return dict(self._client.run(describe))

    def unlike(self) -> dict[str, str]:
        """In what workers differ from this machine, by their addresses: those that ``run`` would refuse."""
        from toolkit.cluster.worker import difference, identity

        found = {address: difference(identity(), node["identity"]) for address, node in self.nodes().items()}
        return {address: differs for address, differs in found.items() if differs}

    def run(
        self,
        task: Callable[[Job], Result],
        jobs: Sequence[Job],
        start: Callable[[], None] | None,
        *,
        limit_s: float | None,
        ordered: bool,
    ) -> Iterator[tuple[int, Result | Lost]]:
        """As ``pool.run_jobs``; ``task``, ``start`` and jobs must mean the same on every machine: paths that all see."""
        from toolkit.cluster.worker import Jobs, identity

        name = f"toolkit-{uuid.uuid4().hex}"
        self._client.register_plugin(Jobs(task, start, limit_s, identity()), name=name)
        run = _Run(self, self._client, name, jobs)
        try:
            early: dict[int, Result | Lost] = {}
            for place in range(len(jobs)):
                while place not in early if ordered else not early:
                    early |= run.more(len(early))
                number = place if ordered else next(iter(early))
                yield number, early.pop(number)
        finally:
            run.close()
            with contextlib.suppress(OSError, TimeoutError):  # the scheduler may be gone
                self._client.unregister_worker_plugin(name)


class _Run:
    """The jobs of one call on their way to the workers and back, a bounded number at a time."""

    def __init__(self, cluster: Cluster, client: Client, name: str, jobs: Sequence[Any]) -> None:
        from distributed import as_completed

        self._cluster, self._client, self._name, self._jobs = cluster, client, name, jobs
        self._chunk, self._needs = cluster._chunk, cluster._needs
        self._next = 0
        self._chunks: dict[Future, list[int]] = {}
        self._lost: dict[int, int] = {}  # how often the worker of a job alone was gone
        self._done = as_completed()
        self._serial = itertools.count()

    def more(self, waiting: int) -> dict[int, Any]:
        """The results of the next chunk that is done, by number; ``waiting``: results not yet taken."""
        self._hand_out(waiting)
        future = next(self._done)
        numbers = self._chunks.pop(future)
        try:
            return dict(zip(numbers, self._result(future), strict=True))
        except _WorkerGone:
            return self._again(numbers)

    def _hand_out(self, waiting: int) -> None:
        """Keep every worker busy, and no more."""
        threads = max(1, self._cluster.count)
        while self._next < len(self._jobs) and len(self._chunks) + waiting / self._chunk < _AHEAD * threads:
            left = len(self._jobs) - self._next
            size = max(1, min(self._chunk, left // (2 * threads)))  # the last ones small: all end together
            self._submit(list(range(self._next, self._next + size)))
            self._next += size
        if not self._chunks:  # results that wait hold back the next jobs, but never all
            self._submit([self._next])
            self._next += 1

    def _submit(self, numbers: list[int]) -> None:
        from toolkit.cluster.worker import do_jobs

        future = self._client.submit(
            do_jobs,
            self._name,
            [self._jobs[number] for number in numbers],
            key=f"{self._name}-{next(self._serial)}",
            resources=dict(self._needs) or None,
        )
        self._chunks[future] = numbers
        self._done.add(future)

    def _result(self, future: Future) -> list[Any]:
        from concurrent.futures import CancelledError

        from distributed import KilledWorker

        try:
            return list(future.result())
        except KilledWorker:
            raise _WorkerGone from None
        except (CancelledError, OSError):
            raise ToolkitError(
                f"--cluster {self._cluster._address}: the scheduler is gone: rerun the command to resume"
            ) from None

    def _again(self, numbers: list[int]) -> dict[int, Any]:
        """Jobs whose workers were gone time and again, each by itself; one that was so already is given up."""
        given_up: dict[int, Any] = {}
        for number in numbers:
            tries = self._lost.get(number, 0) + (len(numbers) == 1)
            self._lost[number] = tries
            if tries < _LOST_TRIES:
                self._submit([number])
            else:
                given_up[number] = Lost(f"its machine ended unexpectedly {tries} times")
        return given_up

    def close(self) -> None:
        """Take back what is not done."""
        with contextlib.suppress(OSError, TimeoutError):  # the scheduler may be gone
            self._client.cancel(list(self._chunks))


class _WorkerGone(Exception):  # noqa: N818 - never leaves this file
    pass
