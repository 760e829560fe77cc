"""Jobs over processes that may crash or hang: the job at fault is named, its process replaced, the others go on.

One thread keeps one process: it hands over a job, waits for the answer, and knows by that whose fault it is when
none comes. (concurrent.futures ends the whole pool when one process dies, and cannot stop a job that hangs.)
"""

from __future__ import annotations

import contextlib
import functools
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from toolkit.errors import ModelError, ToolkitError
from toolkit.processes import process_context, signals_held

Job = TypeVar("Job")
Result = TypeVar("Result")
_TRIES = 2  # a process may also be killed for another job's thirst for memory
_AHEAD = 4  # jobs a process that are under way or waiting to be taken: memory stays flat
_GRACE_S = 30
_WAIT_S = 0.5
UNEXPECTED = "unexpected "  # what the reason of a fault of our own begins with


@dataclass(frozen=True)
class Lost:
    """In place of a job's result: its process died or ran out of time, and was replaced."""

    reason: str


@dataclass(frozen=True)
class _Raised:
    error: BaseException


class Crew(Protocol):
    """Who does jobs in place of this machine's processes: ``toolkit.cluster``."""

    @property
    def count(self) -> int:
        """How many jobs it does at a time."""

    def heavy(self) -> Crew:
        """The same for jobs that train for minutes or hours: each travels alone, to a machine that is fit for them."""

    def run(
        self,
        task: Callable[[Job], Result],
        jobs: Sequence[Job],
        start: Callable[[], None] | None,
        *,
        limit_s: float | None,
        ordered: bool,
    ) -> Iterator[tuple[int, Result | Lost]]:
        """As ``run_jobs``."""


Workers = int | Crew  # so many processes on this machine, or a crew


def run_jobs(
    task: Callable[[Job], Result],
    jobs: Sequence[Job],
    workers: Workers,
    start: Callable[[], None] | None = None,
    *,
    limit_s: float | None = None,
    ordered: bool = False,
) -> Generator[tuple[int, Result | Lost], None, None]:
    """(number of the job, result of ``task``) as they are done, or in the order of the jobs.

    ``task``, ``start`` (called once a process) and jobs must be picklable. A job that takes longer than
    ``limit_s`` seconds, or twice ends its process, gives ``Lost``. What ``task`` raises is raised here; a
    process that cannot even start raises ToolkitError, and so does a script that is not fit to start any. Processes end with the iterator, or with this process.
    """
    if not jobs:
        return
    if not isinstance(workers, int):
        yield from workers.run(task, jobs, start, limit_s=limit_s, ordered=ordered)
        return
    _refuse_script_without_guard()
    pool = _Pool(task, jobs, start, limit_s)
    try:
        yield from pool.run(max(1, min(workers, len(jobs))), ordered)
    finally:
        pool.close()


def attempt(work: Callable[[], Result], failed: Callable[[str], Result], path: Path | None = None) -> Result:
    """What ``work`` on a job gives, or ``failed`` of the reason, without the ``path``: the row or line that it goes to
    names the photo as the user knows it. A fault of a model is raised: it is the same for every job."""
    try:
        return work()
    except ModelError:
        raise
    except ToolkitError as error:
        return failed(str(error).removeprefix(f"{path}: "))
    except Exception as error:  # one odd photo must not end a study; its row says what happened
        return failed(f"{UNEXPECTED}{type(error).__name__}: {' '.join(str(error).split())}")


def _refuse_script_without_guard() -> None:
    """A new process runs the user's script from its top: without a guard it would start processes of its own."""
    main = sys.modules["__main__"]
    path = Path(getattr(main, "__file__", None) or "")
    is_script = main.__spec__ is None and path.suffix == ".py" and path.is_file()
    if is_script and "__main__" not in path.read_text(encoding="utf-8", errors="replace"):
        raise ToolkitError(
            f'{path.name}: put the calls of toolkit under  if __name__ == "__main__":  because the processes that read '
            "photographs run this script again"
        )


class Keeper(Generic[Job, Result]):
    """Keeps one process and hands it one job after the other; replaces it when it is gone. One thread may use it."""

    def __init__(
        self, task: Callable[[Job], Result], start: Callable[[], None] | None, limit_s: float | None
    ) -> None:
        self._task, self._start, self._limit_s = task, start, limit_s
        self._lock, self._closed = threading.Lock(), False
        self._process: _Process | None = None

    def do(self, job: Job) -> Result | Lost:
        """The job's result; raises what ``task`` or ``start`` raises, and ToolkitError where no process can start."""
        how = ""
        for _ in range(_TRIES):
            process = self._process or self._new()
            try:
                return process.ask(job, self._limit_s)
            except TimeoutError:
                self.end()
                return Lost(f"took longer than {self._limit_s:g} s")
            except (EOFError, ConnectionError):
                how = self.end()
                if self._closed:
                    break
        return Lost(f"its process ended unexpectedly {_TRIES} times ({how})")

    def close(self) -> None:
        """Stop the process, whatever it does, and start no other; any thread may call it."""
        with self._lock:
            self._closed = True
            if self._process:
                self._process.kill()

    def end(self) -> str:
        """Make sure that the process is gone; says how it ended, if it did by itself."""
        with self._lock:
            process, self._process = self._process, None
        return process.end() if process else ""

    def _new(self) -> _Process:
        """A process that is ready; where one is killed while it starts, another is tried."""
        how = ""
        for _ in range(_TRIES):
            try:
                with self._lock:
                    if self._closed:
                        raise EOFError("the pool is closed")
                    process = self._process = _Process(self._task, self._start, self._limit_s)
                process.ask_ready()
                return process
            except (EOFError, ConnectionError):
                how = self.end()
            if self._closed:
                break
            time.sleep(_WAIT_S)  # what copies are made of may be gone too, and is not yet known to be
        raise ToolkitError(f"a worker process cannot start ({how}): use fewer --workers")


class _Pool(Generic[Job, Result]):
    def __init__(
        self,
        task: Callable[[Job], Result],
        jobs: Sequence[Job],
        start: Callable[[], None] | None,
        limit_s: float | None,
    ) -> None:
        self._jobs = jobs
        self._numbers = iter(range(len(jobs)))
        self._answers: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._new_keeper = functools.partial(Keeper, task, start, limit_s)
        self._keepers: list[Keeper[Job, Result]] = []
        self._threads: list[threading.Thread] = []

    def run(self, workers: int, ordered: bool) -> Iterator[tuple[int, Result | Lost]]:
        self._room = threading.Semaphore(_AHEAD * workers)
        self._keepers = [self._new_keeper() for _ in range(workers)]
        self._threads = [
            threading.Thread(target=self._keep, args=(keeper,), daemon=True) for keeper in self._keepers
        ]
        for thread in self._threads:
            thread.start()
        early: dict[int, Result | Lost] = {}
        for place in range(len(self._jobs)):
            while place not in early if ordered else not early:
                number, answer = self._answer()
                if isinstance(answer, _Raised):
                    raise answer.error
                early[number] = answer
            number = place if ordered else next(iter(early))
            yield number, early.pop(number)
            self._room.release()

    def _answer(self) -> tuple[int, Any]:
        while True:  # Windows would not hear Ctrl-C in a wait without an end
            with contextlib.suppress(queue.Empty):
                return self._answers.get(timeout=_WAIT_S)

    def close(self) -> None:
        self._stopped.set()
        for keeper in self._keepers:
            self._room.release()
            keeper.close()
        for thread in self._threads:
            thread.join()

    def _keep(self, keeper: Keeper[Job, Result]) -> None:
        """A thread's life: jobs, one after the other, for its keeper."""
        number = -1
        try:
            with signals_held():
                while (number := self._next()) >= 0:
                    self._answers.put((number, keeper.do(self._jobs[number])))
        except BaseException as error:  # told to whoever waits for the answers
            self._answers.put((number, _Raised(error)))
        finally:
            keeper.end()

    def _next(self) -> int:
        self._room.acquire()
        with self._lock:
            return -1 if self._stopped.is_set() else next(self._numbers, -1)


class _Process:
    """A process and the pipe to it."""

    def __init__(self, task: Callable, start: Callable | None, limit_s: float | None) -> None:
        context: Any = process_context()
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, task, start, limit_s), daemon=True)
        self._process.start()
        theirs.close()

    def ask_ready(self) -> None:
        self._result()

    def ask(self, job: Any, limit_s: float | None) -> Any:
        """TimeoutError when it takes too long, EOFError or ConnectionError when the process is gone."""
        self._pipe.send(job)
        if not self._pipe.poll(limit_s):
            raise TimeoutError
        return self._result()

    def _result(self) -> Any:
        answer = self._pipe.recv()
        if isinstance(answer, _Raised):
            raise answer.error
        return answer

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> str:
        """Make sure that it is gone; says how it ended, if it did by itself."""
        self._process.join(0.5)  # one that has closed its pipe is about to end
        self._process.kill()
        self._process.join()
        code = self._process.exitcode or 0
        self._pipe.close()
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


# --- in the process ------------------------------------------------------------------------------


def _serve(pipe: Connection, task: Callable, start: Callable | None, limit_s: float | None) -> None:
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):  # the last one is of Windows alone
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, ConnectionError):  # the other side is gone: so is the work
        pipe.send(_outcome(start) if start else None)
        while True:
            job = pipe.recv()
            _set_alarm(limit_s)
            pipe.send(_outcome(task, job))
            _set_alarm(None)


def _outcome(call: Callable, *arguments: Any) -> Any:
    try:
        return call(*arguments)
    except Exception as error:  # raised again in the main process
        return _Raised(_portable(error))


def _portable(error: Exception) -> Exception:
    """Python's own errors and the package's as they are; of any other, which may not survive the way through a
    pipe, its name and text."""
    if isinstance(error, ToolkitError) or type(error).__module__ == "builtins":
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")


def _set_alarm(limit_s: float | None) -> None:
    """The system ends a process that hangs in native code, even when its keeper died before it could."""
    if hasattr(signal, "alarm"):
        signal.alarm(int(limit_s) + _GRACE_S if limit_s else 0)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent:
        wait([parent.sentinel])
        os._exit(1)
