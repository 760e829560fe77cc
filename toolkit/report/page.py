"""The report page: one self-contained file, or a folder whose pictures are loaded when a photo is opened.

Names of files, workbooks and notes come from others: they reach the page as JSON in which no tag can begin, and the
page's script puts them there as text. The page's security policy lets only that script run, and lets nothing out.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Protocol

from toolkit.change import PairChange, PairJob, VisitPhoto
from toolkit.errors import ToolkitError
from toolkit.files import make_folder, write_atomically
from toolkit.model import Model
from toolkit.outputs import has_text, is_marked_picture, marked_jpeg
from toolkit.records import PhotoGrade
from toolkit.report.changed import ChangeJob
from toolkit.report.facts import (
    Table,
    change_facts,
    detail,
    head,
    photo_rows,
    run_hash,
    usual_figures,
    visits,
)
from toolkit.report.outlines import MARK
from toolkit.report.pictures import Drawn, PictureJob, draw_all
from toolkit.scores import supported_coverage
from toolkit.settings import ReportSettings
from toolkit.store import GradeDetails, InputRow, Store
from toolkit.tables import check_target

_HERE = Path(__file__).parent
_SCRIPT = (
    "page", "memory", "table", "filters", "photo", "picture", "change", "figures", "review", "reviewfile", "start",
)  # fmt: skip
_PAGE_TAG = "toolkit grade --report"
_FOLDER_TAG = "toolkit grade --report-dir"  # tells a folder of ours from any other
_CALL = "toolkitPhoto("  # what scripts of a folder begin with
_SLICE = 300  # photos whose landmarks and maps are in memory at a time
_NAMES = re.compile(r"\d{5,}[pbc]?\.(js|jpg)")  # of the files in these folders
_INDEX, _PHOTOS, _REFERENCES = "index.html", "photos", "references"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ReportedRun:
    """What a report is made of: a run's ``store``, the ``paths`` of its photographs and its ``grades``, both in its
    order, the ``model`` that gave them, ``run``: what is told of the run, as the workbook's sheet has it; ``expert``:
    an expert's grades by photo, and ``expert_source``, the name of their file. ``changes``: of a photo's place, that of its
    baseline and what became of the skin since."""

    store: Store
    paths: Sequence[Path]
    grades: Sequence[PhotoGrade]
    model: Model
    run: Mapping[str, str | int | float]
    expert: Mapping[str, float] = field(default_factory=dict)
    expert_source: str = ""
    changes: Mapping[int, tuple[int, PairChange]] = field(default_factory=dict)


def check_report(file: Path | None, folder: Path | None, photos: int) -> None:
    """Raise ToolkitError, before hours of work, where a report of so many photos could not be written."""
    if file is not None and folder is not None:
        whole = folder.resolve()
        if file.resolve() in (whole, whole / _INDEX):
            raise ToolkitError(f"{file}: --report-dir writes there too: name another file for --report")
    if file is not None:
        _check_file(file, photos)
    if folder is not None:
        _check_folder(folder)


def _check_file(file: Path, photos: int) -> None:
    check_target(file, (".html", ".htm"))
    most = ReportSettings().max_photos
    if photos > most:
        raise ToolkitError(
            f"{file}: {photos:,} photos are too many for a page of one file ({most} at most): use --report-dir"
        )
    if _is_tagged(file, _FOLDER_TAG):
        raise ToolkitError(f"{file}: belongs to the report beside it: name another file for --report")


def _check_folder(folder: Path) -> None:
    if (
        folder.exists()
        and not _is_tagged(folder / _INDEX, _FOLDER_TAG)
        and (folder.is_file() or any(folder.iterdir()))
    ):
        raise ToolkitError(f"{folder}: exists and holds no report: name another folder for --report-dir")
    for inner in (folder / _PHOTOS, folder / _REFERENCES):
        if inner.is_symlink():
            raise ToolkitError(f"{inner}: is a link to elsewhere: name another folder for --report-dir")
        for path in inner.iterdir() if inner.is_dir() else ():
            if _NAMES.fullmatch(path.name) and not _is_ours(path):
                raise ToolkitError(
                    f"{path}: is not part of a report: move it away, or name another --report-dir"
                )
    make_folder(folder, "--report-dir")


def is_page(file: Path) -> bool:
    """Whether a file is a page of one file that this module wrote."""
    return _is_tagged(file, _PAGE_TAG)


def _is_tagged(page: Path, tag: str) -> bool:
    """Whether a page is one that this module wrote under that tag."""
    return page.is_file() and has_text(f'content="{tag}"')(page)


def write_report(
    study: ReportedRun,
    file: Path | None,
    folder: Path | None,
    workers: int,
    *,
    limit_s: float,
    tell: Progress = lambda stage, done, total: None,
) -> None:
    """Write the report as one ``file``, as a ``folder`` with index.html, or both.

    Pictures are drawn anew from the photographs; one that has moved or changed since it was graded, takes longer than
    ``limit_s`` seconds or crashes keeps its row, and the page says why there is no picture.
    """
    inputs = list(study.store.inputs())
    rows = photo_rows(study.grades, [one.sha256 for one in inputs], study.expert)
    usual = usual_figures(study.model)
    writers: list[_Writer] = []
    if file is not None:
        writers.append(_FileWriter(file, study.model.thumbnails))
    if folder is not None:
        writers.append(_FolderWriter(folder, study.model.thumbnails))
    tell("drawing the page", 0, len(rows))
    with contextlib.closing(_draw_slices(study, inputs, workers, limit_s)) as pictures:
        for place, (row, (details, drawn)) in enumerate(zip(rows, pictures, strict=True)):
            told = detail(row, details, usual) | _change_told(study, place)
            for writer in writers:
                writer.add(place, told, drawn)
            tell("drawing the page", place + 1, len(rows))
    page = _page_facts(study, rows)
    for writer in writers:
        writer.finish(page, rows)


def _draw_slices(
    study: ReportedRun, inputs: Sequence[InputRow], workers: int, limit_s: float
) -> Generator[tuple[GradeDetails, Drawn], None, None]:
    """What is behind each grade and its pictures, in order; a slice at a time, so that memory does not grow with
    the study."""
    without = set(study.store.missing())
    for first in range(0, len(inputs), _SLICE):
        places = range(first, min(first + _SLICE, len(inputs)))
        details = [study.store.details(place) for place in places]
        jobs = [
            PictureJob(
                study.paths[place],
                inputs[place].sha256,
                one.face,
                one.pigment,
                (study.grades[place].note or "there is no result") if place in without else "",
                _change_job(study, inputs, place),
            )
            for place, one in zip(places, details, strict=True)
        ]
        with contextlib.closing(draw_all(jobs, study.model.settings, workers, limit_s)) as pictures:
            yield from zip(details, pictures, strict=True)


def _change_job(study: ReportedRun, inputs: Sequence[InputRow], place: int) -> ChangeJob | None:
    if place not in study.changes or not study.changes[place][1].found:
        return None
    baseline, change = study.changes[place]
    seen = []
    for one in (baseline, place):
        details = study.store.details(one)
        seen.append(VisitPhoto(study.paths[one], inputs[one].sha256, details.face, details.pigment))
    return ChangeJob(PairJob(*seen), change)


def _change_told(study: ReportedRun, place: int) -> Table:
    """What the page tells of a photo's change from baseline; nothing where it has none."""
    if place not in study.changes:
        return {}
    baseline, change = study.changes[place]
    return {"change": change_facts(baseline, study.grades[baseline], study.grades[place], change)}


def _page_facts(study: ReportedRun, rows: Sequence[Table]) -> Table:
    """What is told of the run as a whole."""
    return {
        "hash": run_hash(rows, study.model.sha256),
        "head": asdict(head(rows)),
        "visits": visits(rows),
        "model": study.model.name,
        "starter": str(study.model.card.get("trained on", "")).startswith("digital phantoms"),
        "coverage": supported_coverage(study.model.settings.blend.coverage, study.model.card.get("subjects")),
        "thumbnails": bool(study.model.thumbnails),
        "expert": study.expert_source,
        "pigment_top": ReportSettings().pigment_top_od,
        "written": datetime.now().astimezone().strftime("%d %B %Y, %H:%M").lstrip("0"),
        "run": {name: value for name, value in study.run.items() if "." not in name},
    }


# --- two kinds of page ---------------------------------------------------------------------------


class _Writer(Protocol):
    def add(self, place: int, told: Table, drawn: Drawn) -> None: ...

    def finish(self, page: Table, rows: Sequence[Table]) -> None: ...


_UNFINISHED = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="{_FOLDER_TAG}">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'">
<title>Report not finished</title>
</head>
<body><p>This report is not finished: wait for its command, or, if that was stopped, rerun the command.</p></body>
</html>
"""


class _FileWriter:
    """Everything in one file: pictures as data, each photo's facts as a block of JSON of its own."""

    def __init__(self, path: Path, thumbnails: Sequence[bytes]) -> None:
        self._path, self._thumbnails = path, thumbnails
        self._blocks: list[str] = []
        self._used: set[int] = set()

    def add(self, place: int, told: Table, drawn: Drawn) -> None:
        self._used |= _numbers(told)
        sources = {"picture": _data(drawn.jpeg), "pigment": _data(drawn.pigment)} | _with_change(
            told, drawn, lambda _, jpeg: _data(jpeg)
        )
        self._blocks.append(_json({**told, **sources, "layers": drawn.layers, "problem": drawn.problem}))

    def finish(self, page: Table, rows: Sequence[Table]) -> None:
        known = {n: _data(self._thumbnails[n]) for n in sorted(self._used) if n < len(self._thumbnails)}
        text = _render({**page, "photos": rows, "references": known}, self._blocks)
        write_atomically(self._path, lambda file: _write_text(file, text))


class _FolderWriter:
    """index.html with all that is numerical, and beside it a script and one picture per photo: a page that is opened
    from a disk may load these, and nothing else."""

    def __init__(self, folder: Path, thumbnails: Sequence[bytes]) -> None:
        self._folder, self._thumbnails = folder, thumbnails
        self._written: set[Path] = set()
        # First of all, so that a folder left half filled is known as ours and the same command can go on.
        write_atomically(folder / _INDEX, lambda file: _write_text(file, _UNFINISHED))
        for name in (_PHOTOS, _REFERENCES):
            make_folder(folder / name, "--report-dir")

    def add(self, place: int, told: Table, drawn: Drawn) -> None:
        sources = {
            "picture": self._put(f"{_PHOTOS}/{place:05}.jpg", drawn.jpeg),
            "pigment": self._put(f"{_PHOTOS}/{place:05}p.jpg", drawn.pigment),
            **_with_change(told, drawn, lambda end, jpeg: self._put(f"{_PHOTOS}/{place:05}{end}.jpg", jpeg)),
        }
        for number in _numbers(told):
            if number < len(self._thumbnails):
                marked = marked_jpeg(self._thumbnails[number], MARK)
                self._put(f"{_REFERENCES}/{number:05}.jpg", marked)
        everything = {**told, **sources, "layers": drawn.layers, "problem": drawn.problem}
        script = f"{_CALL}{place}, {_json(everything)});\n"
        self._put(f"{_PHOTOS}/{place:05}.js", script.encode())

    def _put(self, name: str, data: bytes) -> str:
        """Write a file once; its relative address, "" for no data."""
        path = self._folder / name
        if data and path not in self._written:
            write_atomically(path, lambda file: file.write(data), sync=False)
            self._written.add(path)
        return name if data else ""

    def finish(self, page: Table, rows: Sequence[Table]) -> None:
        text = _render({**page, "photos": rows, "references": None}, None)
        write_atomically(self._folder / _INDEX, lambda file: _write_text(file, text))
        for name in (_PHOTOS, _REFERENCES):  # of an earlier report with more photos
            for path in (self._folder / name).iterdir():
                if path not in self._written and _is_ours(path):
                    path.unlink()


def _with_change(told: Table, drawn: Drawn, put: Callable[[str, bytes], str]) -> Table:
    """A photo's change with its pictures, which ``put`` gives an address; nothing where there is none."""
    if "change" not in told:
        return {}
    made = drawn.change
    if made is None:
        return {"change": {**told["change"], "layers": {}, "pictures": None, "problem": drawn.problem}}
    pictures = {"baseline": put("b", made.baseline), "later": put("c", made.later)} if made.baseline else None
    return {
        "change": {**told["change"], "layers": made.layers, "pictures": pictures, "problem": made.problem}
    }


def _is_ours(path: Path) -> bool:
    """Whether a file is a script or a picture of a report."""
    if not path.is_file() or not _NAMES.fullmatch(path.name):
        return False
    return is_marked_picture(MARK)(path) if path.suffix == ".jpg" else has_text(_CALL)(path)


def _numbers(told: Table) -> set[int]:
    return {int(one["number"]) for region in told["alike"] for one in region["references"]}


def _data(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}" if jpeg else ""


def _write_text(file: IO[bytes], text: str) -> None:
    file.write(text.encode("utf-8", "backslashreplace"))  # names of folders may hold bytes that are no text


def _json(data: Any) -> str:
    """JSON that stands in a script element, or in a script, whatever it holds: plain ASCII in which no tag, comment
    or entity begins."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _render(data: Table, photos: Sequence[str] | None) -> str:
    """The page; ``photos`` the JSON of each, None where they are files beside the page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    script = _script()
    style = (_HERE / "report.css").read_text(encoding="utf-8")
    beside = " 'self' file:" if photos is None else ""
    return environment.get_template("page.html.j2").render(
        generator=_FOLDER_TAG if photos is None else _PAGE_TAG,
        policy=(
            f"default-src 'none'; img-src data:{beside}; style-src {_allowed(style)}; "
            f"script-src {_allowed(script)}{beside}; base-uri 'none'; form-action 'none'"
        ),
        style=Markup(style),
        script=Markup(script),
        data=Markup(_json(data)),
        photos=[Markup(photo) for photo in photos or ()],
        head=data["head"],
        page=data,
    )


def _script() -> str:
    """The page's script: its parts one after another, in one scope of their own. Plain JavaScript without a library;
    whatever comes from files is set as text, never parsed as HTML."""
    parts = [(_HERE / "script" / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPT]
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"


def _allowed(text: str) -> str:
    """How a security policy names an inline script or style by its content."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
