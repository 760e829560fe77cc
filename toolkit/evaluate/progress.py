"""One line of progress: method, fold, epoch, time left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from toolkit.evaluate.run import Step, Tell
from toolkit.progress import LinesInTime, duration


@contextmanager
def shown(quiet: bool) -> Iterator[Tell]:
    """A bar on the terminal's standard error, or lines where that is none."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        lines = LinesInTime()

        def say(step: Step) -> None:
            if not quiet:
                lines.say(described(step))

        yield say
        return
    columns = (BarColumn(bar_width=24), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=1)

        def tell(step: Step) -> None:
            within = step.number / step.of if step.of else 0
            total = step.total or 1
            done = step.done + within if step.total else within
            bar.update(task, completed=done, total=total, description=described(step))

        yield tell


def described(step: Step) -> str:
    """ "resnet50, fold 2 of 5, epoch 3 of 30, 12 min left"; "fits 12 of 45, 12 min left" where many run at a time."""
    parts = []
    if step.method:
        parts.append(step.method + (", split by photo" if step.split == "photo" else ""))
        parts.append(f"fold {step.fold} of {step.folds}")
    if step.stage != "start":
        parts.append(f"{step.stage} {step.number} of {step.of}")
    if step.left is not None:
        parts.append(f"{duration(step.left)} left")
    return ", ".join(parts)
