"""How far long work is: a callback that stages tell, and the bars or lines that show it."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
_log = logging.getLogger(__name__)
Progress = Callable[[str, int, int], None]  # the stage's name, how many are done, of how many


def silent(stage: str, done: int, total: int) -> None:
    """Tells nobody."""


def reported(items: Iterable[Item], total: int, stage: str, tell: Progress) -> Iterator[Item]:
    """The items, each told when it is done with."""
    tell(stage, 0, total)
    for done, item in enumerate(items, 1):
        yield item
        tell(stage, done, total)


class LinesInTime:
    """Lines of progress for a file or a pipe, where no bar can be drawn: one every few seconds."""

    def __init__(self, every_s: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s, self._clock = every_s, clock
        self._next = clock() + every_s

    def say(self, line: str) -> None:
        """Print the line on standard error if it is time for one."""
        if (now := self._clock()) >= self._next:
            print(line, file=sys.stderr, flush=True)
            self._next = now + self._every_s


class _StageLines:
    """Progress by stages as lines in time, each with the time left."""

    def __init__(self) -> None:
        self._lines, self._stage, self._started = LinesInTime(), "", 0.0

    def tell(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._started = stage, now
        left = f", {duration((now - self._started) / done * (total - done))} left" if 0 < done < total else ""
        self._lines.say(f"{stage}: {done} of {total}{left}")


def duration(seconds: float) -> str:
    """ "40 s", "12 min", "2 h 5 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


@contextmanager
def progress_bars(quiet: bool = False) -> Iterator[Progress]:
    """A progress bar a stage on the terminal's standard error, or lines where that is none."""
    with _bars_or_lines(quiet) as shown:

        def tell(stage: str, done: int, total: int) -> None:
            if not total:  # nothing to do, as when all was graded before
                return
            if done in (0, total):
                _log.info("%s: %d of %d", stage, done, total)
            shown(stage, done, total)

        yield tell


@contextmanager
def _bars_or_lines(quiet: bool) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import (
        Progress as Bars,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:.1f}/s" if speed >= 1 else f"{60 * speed:.0f}/min")

    left = TimeRemainingColumn(elapsed_when_finished=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), left)
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield silent if quiet else _StageLines().tell
        return
    with Bars(*columns, console=console) as bar:
        tasks: dict[str, TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield tell
