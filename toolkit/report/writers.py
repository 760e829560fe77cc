"""The two kinds of report page: one self-contained file, or a folder whose pictures are loaded when a photo is opened."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Protocol

from toolkit.files import make_folder, write_atomically
from toolkit.outputs import has_text, is_marked_picture, marked_jpeg
from toolkit.report.facts import Table
from toolkit.report.outlines import MARK
from toolkit.report.overview import Overview
from toolkit.report.pictures import Drawn
from toolkit.report.render import FOLDER_TAG, as_json, rendered

CALL = "toolkitPhoto("  # what scripts of a folder begin with
INDEX, PHOTOS, REFERENCES = "index.html", "photos", "references"
NAMES = re.compile(r"\d{5,}[pbcd]?\.(js|jpg)")  # of the files in these folders


class Writer(Protocol):
    """Writes one kind of page, photo by photo."""

    def add(self, place: int, told: Table, drawn: Drawn) -> None:
        """Take a photo: its place in the run, what is told of it, and its pictures."""

    def finish(self, page: Table, rows: Sequence[Table], summary: Overview) -> None:
        """Write what is told of the run: ``page``, a row a photo, and the summary."""


_UNFINISHED = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="{FOLDER_TAG}">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'">
<title>Report not finished</title>
</head>
<body><p>This report is not finished: wait for its command, or, if that was stopped, rerun the command.</p></body>
</html>
"""


class FileWriter:
    """Everything in one file: pictures as data, each photo's facts as a block of JSON of its own."""

    def __init__(self, path: Path, thumbnails: Sequence[bytes]) -> None:
        self._path, self._thumbnails = path, thumbnails
        self._blocks: list[str] = []
        self._used: set[int] = set()

    def add(self, place: int, told: Table, drawn: Drawn) -> None:
        """As ``Writer.add``."""
        self._used |= _numbers(told)
        sources = {"picture": _data(drawn.jpeg), "pigment": _data(drawn.pigment)} | _with_change(
            told, drawn, lambda _, jpeg: _data(jpeg)
        )
        self._blocks.append(as_json({**told, **sources, "layers": drawn.layers, "problem": drawn.problem}))

    def finish(self, page: Table, rows: Sequence[Table], summary: Overview) -> None:
        """As ``Writer.finish``."""
        known = {n: _data(self._thumbnails[n]) for n in sorted(self._used) if n < len(self._thumbnails)}
        text = rendered({**page, "photos": rows, "references": known}, summary, self._blocks)
        write_atomically(self._path, lambda file: _write_text(file, text))


class FolderWriter:
    """index.html with all that is numerical, and beside it a script and one picture per photo: a page that is opened
    from a disk may load these, and nothing else."""

    def __init__(self, folder: Path, thumbnails: Sequence[bytes]) -> None:
        self._folder, self._thumbnails = folder, thumbnails
        self._written: set[Path] = set()
        # First of all, so that a folder left half filled is known as ours and the same command can go on.
        write_atomically(folder / INDEX, lambda file: _write_text(file, _UNFINISHED))
        for name in (PHOTOS, REFERENCES):
            make_folder(folder / name, "--report-dir")

    def add(self, place: int, told: Table, drawn: Drawn) -> None:
        """As ``Writer.add``."""
        sources = {
            "picture": self._put(f"{PHOTOS}/{place:05}.jpg", drawn.jpeg),
            "pigment": self._put(f"{PHOTOS}/{place:05}p.jpg", drawn.pigment),
            **_with_change(told, drawn, lambda end, jpeg: self._put(f"{PHOTOS}/{place:05}{end}.jpg", jpeg)),
        }
        for number in _numbers(told):
            if number < len(self._thumbnails):
                marked = marked_jpeg(self._thumbnails[number], MARK)
                self._put(f"{REFERENCES}/{number:05}.jpg", marked)
        everything = {**told, **sources, "layers": drawn.layers, "problem": drawn.problem}
        script = f"{CALL}{place}, {as_json(everything)});\n"
        self._put(f"{PHOTOS}/{place:05}.js", script.encode())

    def _put(self, name: str, data: bytes) -> str:
        """Write a file once; its relative address, "" for no data."""
        path = self._folder / name
        if data and path not in self._written:
            write_atomically(path, lambda file: file.write(data), sync=False)
            self._written.add(path)
        return name if data else ""

    def finish(self, page: Table, rows: Sequence[Table], summary: Overview) -> None:
        """As ``Writer.finish``."""
        text = rendered({**page, "photos": rows, "references": None}, summary, None)
        write_atomically(self._folder / INDEX, lambda file: _write_text(file, text))
        for name in (PHOTOS, REFERENCES):  # of an earlier report with more photos
            for path in (self._folder / name).iterdir():
                if path not in self._written and is_ours(path):
                    path.unlink()


def _with_change(told: Table, drawn: Drawn, put: Callable[[str, bytes], str]) -> Table:
    """A photo's change with its pictures, which ``put`` gives an address; nothing where there is none."""
    if "change" not in told:
        return {}
    made = drawn.change
    if made is None:
        return {"change": {**told["change"], "layers": {}, "pictures": None, "problem": drawn.problem}}
    ends = {
        "baseline": ("b", made.baseline),
        "later": ("c", made.later),
        "difference": ("d", made.difference),
    }
    pictures = {name: put(*one) for name, one in ends.items()} if made.baseline else None
    return {
        "change": {**told["change"], "layers": made.layers, "pictures": pictures, "problem": made.problem}
    }


def is_ours(path: Path) -> bool:
    """Whether a file is a script or a picture of a report."""
    if not path.is_file() or not NAMES.fullmatch(path.name):
        return False
    return is_marked_picture(MARK)(path) if path.suffix == ".jpg" else has_text(CALL)(path)


def _numbers(told: Table) -> set[int]:
    return {int(one["number"]) for region in told["alike"] for one in region["references"]}


def _data(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}" if jpeg else ""


def _write_text(file: IO[bytes], text: str) -> None:
    file.write(text.encode("utf-8", "backslashreplace"))  # names of folders may hold bytes that are no text
