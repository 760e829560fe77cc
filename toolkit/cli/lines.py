"""What commands print, and how they end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from toolkit.cli.log import LOG
from toolkit.errors import GradesError

if TYPE_CHECKING:
    from toolkit.model import Model


def points(landmarks: str | None, path: Path | None) -> Path | None:
    """The file of the landmark model that the options name; None is the default one."""
    from toolkit.landmarks import chosen_landmark_model

    return chosen_landmark_model(landmarks, path)


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


def say(*lines: str) -> None:
    """Print lines, and keep them in the log."""
    for line in lines:
        LOG.debug(line)
        typer.echo(line)


def say_json(record: object) -> None:
    """Print a record as one JSON object."""
    from toolkit.asjson import to_json

    typer.echo(to_json(record))


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
    """A polite request to end (SIGTERM) does what Ctrl-C does; before there is anything to keep, either is one line."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        say("Stopped. Rerun the command to resume.")
        raise typer.Exit(130) from None
    finally:
        signal.signal(signal.SIGTERM, before)
