"""What commands print, and how they end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from toolkit.cli.log import LOG
from toolkit.errors import GradesError, ToolkitError
from toolkit.outputs import counted

if TYPE_CHECKING:
    from toolkit.commands.partsrun import PartsRun
    from toolkit.commands.results import GradeRun, ReportRequest
    from toolkit.model import Model
    from toolkit.pool import Workers


def points(landmarks: str | None, path: Path | None) -> Path | None:
    """The file of the landmark model that the options name; None is the default one."""
    from toolkit.landmarks import chosen_landmark_model

    return chosen_landmark_model(landmarks, path)


@contextmanager
def crew(workers: int | None, cluster: str | None, resources: str | None = None) -> Iterator[Workers]:
    """Who does the work: so many processes on this machine, one a core by default, or a cluster, of which workers with
    these resources train."""
    from toolkit.cluster import LOCAL, connect, resources_of
    from toolkit.commands.shared import default_workers

    count = workers or default_workers()
    if resources is not None and cluster in (None, LOCAL):
        raise ToolkitError(
            "--resources: goes with --cluster tcp://HOST:PORT, whose workers were started with it as well"
        )
    if cluster is None:
        yield count
        return
    with connect(cluster, count, None if resources is None else resources_of(resources)) as found:
        yield found


def colours(chart: str | None, match: Path | None) -> str | Path | None:
    """How colours are to be corrected, as the options say."""
    if chart is not None and match is not None:
        raise ToolkitError("--colour-chart and --colour-match: choose one of them")
    return chart if match is None else match


_EXAMPLES = {"--column": "grade=Score", "--arm-column": "arm=Group", "--side-words": "left=vasen"}


def pairs(texts: list[str] | None, option: str = "--column") -> list[tuple[str, str]]:
    """What --column, or another ``option``, says, as (role, name); raises GradesError."""
    for text in texts or []:
        if "=" not in text:
            raise GradesError(f"{option} {text}: write it as role=name, for example {_EXAMPLES[option]}")
    split = [text.partition("=") for text in texts or []]
    return [(role, name) for role, _, name in split]


def table_names(
    column: list[str] | None, sheet: list[str] | None, side_words: list[str] | None
) -> list[tuple[str, str]]:
    """What the options say of a table, as ``read_graders`` takes it: columns, sheets and words for sides."""
    from toolkit.study.names import SIDES

    words = pairs(side_words, "--side-words")
    for side, word in words:
        if side not in SIDES:
            raise GradesError(f"--side-words {side}={word}: begin with left=, right= or both=")
    return [*pairs(column), *(("sheet", name) for name in sheet or []), *words]


def kept_pictures(model: Model) -> list[str]:
    """A line where a model that was written holds parts of faces."""
    if not model.thumbnails:
        return []
    return [
        f"The model keeps {len(model.thumbnails)} small pictures of reference patches, to show as evidence: parts of your "
        "subjects' faces. --no-thumbnails leaves them out."
    ]


def status(done: int, photos: int) -> int:
    """The exit status: 0 where all photos could be used, 3 where some could not, 1 where none could."""
    return 0 if done == photos else 3 if done else 1


NAMES: dict[str, str] = {}  # paths of mirrors, and the URLs that the user gave


def named(text: str) -> str:
    """A text with URLs in the place of the paths of their mirrors."""
    for path in sorted(NAMES, key=len, reverse=True):
        text = text.replace(path, NAMES[path])
    return text


def say(*lines: str) -> None:
    """Print lines, and keep them in the log."""
    for line in map(named, lines):
        LOG.debug(line)
        typer.echo(line)


def say_json(record: object) -> None:
    """Print a record as one JSON object."""
    from toolkit.asjson import to_json

    typer.echo(named(to_json(record)))


def say_run(run: GradeRun, page: ReportRequest, *, as_json: bool, starter: bool) -> int:
    """What came of grading or of merging; the exit status."""
    ended = 130 if run.interrupted else status(run.graded, run.photos)
    if as_json:
        say_json(run.record())
        return ended
    say(*run.remarks)
    if starter:
        say(
            "Graded with the starter model, calibrated on simulated pigment: it ranks. Train on your own study before you "
            "use a number."
        )
    if run.interrupted:
        done = f"{run.graded} of {counted(run.photos, 'photo')} graded"
        say(f"Stopped: {done}: {run.out}", "Rerun the command to resume.")
        return ended
    say(*(f"Page: {file}" for file in (page.file, page.folder and page.folder / "index.html") if file))
    before = f" ({run.earlier} of them in an earlier run)" if run.earlier else ""
    say(
        f"{run.graded} of {counted(run.photos, 'photo')} graded{before} in {run.seconds:.0f} s: {run.out}",
        *run.summary().in_words(),
    )
    return ended


def say_parts(run: PartsRun, as_json: bool) -> int:
    """What came of grading into a folder of parts; the exit status."""
    if as_json:
        from dataclasses import asdict

        say_json(asdict(run))
    elif run.interrupted:
        say(f"Stopped: {run.done} of {run.photos} photos done: {run.out}", "Rerun the command to resume.")
    else:
        before = f" ({run.earlier} of them in an earlier run)" if run.earlier else ""
        say(
            f"{run.done} of {run.photos} photos done{before}: toolkit merge {run.out} makes a workbook of them"
        )
    return 130 if run.interrupted else status(run.done, run.photos)


def say_passed_over(images: list[Path]) -> None:
    """Count and name the files in the folders that were taken for no photographs."""
    from toolkit.images import passed_over
    from toolkit.outputs import counted, some_of

    others = passed_over(images)
    if others:
        names = some_of([path.name for path in others])
        say(f"Skipped, not photographs: {counted(len(others), 'file')} ({names})")


@contextmanager
def stoppable() -> Iterator[None]:
    """A polite request to end (SIGTERM, or the closing of the window on Windows) does what Ctrl-C does; before there is
    anything to keep, either is one line."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    requests = [getattr(signal, name) for name in ("SIGTERM", "SIGBREAK") if hasattr(signal, name)]
    before = {number: signal.signal(number, interrupt) for number in requests}
    try:
        yield
    except KeyboardInterrupt:
        say("Stopped. Rerun the command to resume.")
        raise typer.Exit(130) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
