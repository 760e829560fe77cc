"""Long work behind the window, one piece at a time: how far it is, and how it ended."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from toolkit.errors import ToolkitError
from toolkit.pool import UNEXPECTED
from toolkit.progress import Progress

State = Literal["running", "stopping", "done", "stopped", "failed"]
Work = Callable[[Progress], Mapping[str, Any]]  # what is to be told of it, as JSON


@dataclass(frozen=True)
class Job:
    """A piece of work: what ``kind``, its ``state``, the ``stage`` it is in with so many ``done`` of ``total``, and for how
    many seconds that ``stage_s`` and the whole ``seconds`` have been going on. ``number`` counts jobs. ``result`` of what is
    done, ``error`` of what failed, one line."""

    number: int
    kind: str
    state: State = "running"
    stage: str = ""
    done: int = 0
    total: int = 0
    stage_s: float = 0.0
    seconds: float = 0.0
    result: Mapping[str, Any] | None = None
    error: str = ""

    @property
    def left_s(self) -> float | None:
        """Seconds that the stage will still take, at its rate so far; None where that cannot be told yet."""
        if self.state != "running" or not self.done or self.done >= self.total:
            return None
        return self.stage_s / self.done * (self.total - self.done)


class Jobs:
    """Runs one job at a time in a thread. To cancel raises KeyboardInterrupt where the job next tells how far it is, as
    Ctrl-C would in the terminal: what a command keeps then is kept here too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._began = self._stage_began = 0.0
        self._thread: threading.Thread | None = None

    def start(self, kind: str, work: Work) -> Job:
        """Begin a job; raises ToolkitError while another one is running."""
        with self._lock:
            if self._job and self._job.state in ("running", "stopping"):
                raise ToolkitError(f"{self._job.kind} is still running: wait for it, or stop it first")
            job = self._job = Job((self._job.number if self._job else 0) + 1, kind)
            self._began = self._stage_began = time.monotonic()
            self._thread = threading.Thread(target=self._run, args=(work,), name=kind)
            self._thread.start()
            return job

    def told(self) -> Job | None:
        """The job that is running or ran last."""
        with self._lock:
            job, now = self._job, time.monotonic()
            if job is None or job.state not in ("running", "stopping"):
                return job
            return replace(job, seconds=now - self._began, stage_s=now - self._stage_began)

    def cancel(self) -> None:
        """Ask the job to stop; it does after the photo, or the step, that it is at."""
        with self._lock:
            if self._job and self._job.state == "running":
                self._job = replace(self._job, state="stopping")

    def end(self) -> None:
        """Stop, and wait until what there is has been written."""
        self.cancel()
        if self._thread:
            self._thread.join()

    def _run(self, work: Work) -> None:
        try:
            result = work(self._tell)
            self._finish("stopped" if result.get("interrupted") else "done", result=result)
        except KeyboardInterrupt:
            self._finish("stopped")
        except ToolkitError as error:
            self._finish("failed", error=" ".join(str(error).split()))
        except (
            Exception
        ) as error:  # the window stays, and says what happened; the terminal has the whole story
            traceback.print_exc()
            self._finish(
                "failed", error=f"{UNEXPECTED}{type(error).__name__}: {' '.join(str(error).split())}"
            )

    def _tell(self, stage: str, done: int, total: int) -> None:
        with self._lock:
            if self._job is None or self._job.state == "stopping":
                raise KeyboardInterrupt
            if stage != self._job.stage:
                self._stage_began = time.monotonic()
            self._job = replace(self._job, stage=stage, done=done, total=total)

    def _finish(self, state: State, result: Mapping[str, Any] | None = None, error: str = "") -> None:
        with self._lock:
            if self._job:
                seconds = time.monotonic() - self._began
                self._job = replace(self._job, state=state, result=result, error=error, seconds=seconds)
