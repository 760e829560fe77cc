"""One line of progress: method, fold, epoch, time left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from toolkit.evaluate.run import Step, Tell


@contextmanager
def shown(quiet: bool) -> Iterator[Tell]:
    """A bar on the terminal's standard error; silent when it is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (BarColumn(bar_width=24), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("", total=1)

        def tell(step: Step) -> None:
            within = step.number / step.of if step.of else 0
            total = step.total or 1
            done = step.done + within if step.total else within
            bar.update(task, completed=done, total=total, description=described(step))

        yield tell


def described(step: Step) -> str:
    """ "resnet50, fold 2 of 5, epoch 3 of 30, 12 min left"."""
    if not step.method:
        return f"{step.stage} {step.number} of {step.of}"
    parts = [step.method + (", split by photo" if step.split == "photo" else "")]
    parts.append(f"fold {step.fold} of {step.folds}")
    if step.stage != "start":
        parts.append(f"{step.stage} {step.number} of {step.of}")
    if step.left is not None:
        parts.append(f"{duration(step.left)} left")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """ "40 s", "12 min", "2 h 5 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
