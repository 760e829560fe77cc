"""How far long work is: a callback that stages tell, and the bars that show it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Progress = Callable[[str, int, int], None]  # the stage's name, how many are done, of how many


def silent(stage: str, done: int, total: int) -> None:
    """Tells nobody."""


def reported(items: Iterable[Item], total: int, stage: str, tell: Progress) -> Iterator[Item]:
    """The items, each told when it is done with."""
    tell(stage, 0, total)
    for done, item in enumerate(items, 1):
        yield item
        tell(stage, done, total)


@contextmanager
def progress_bars(quiet: bool = False) -> Iterator[Progress]:
    """A progress bar a stage on the terminal's standard error; silent when it is not a terminal."""
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
    with Bars(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield tell
