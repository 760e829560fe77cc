"""How each photograph's colours are to be corrected: by a chart in the frame, photographs of charts, or a match of cameras.

A study with several cameras, rooms or sessions names them in a table of two columns: ``photos``, names or folders as in a
shell (``site-A``, ``*_V02*``), and ``chart``, the photograph of a chart, ``in-frame``, or nothing where colours stay as they
are. ``toolkit match-cameras`` writes such a table with figures in place of charts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from toolkit.correction import correction_by, find_charts
from toolkit.correction.matching import CameraMatch
from toolkit.csvguard import unguarded
from toolkit.errors import PhotoError, ToolkitError
from toolkit.formats import TABLE_SUFFIXES
from toolkit.images import read_photo
from toolkit.model import Model
from toolkit.outputs import counted, some_of
from toolkit.records import IN_FRAME, Colour, ColourCorrection, PhotoFile
from toolkit.settings import PhotoSettings
from toolkit.study.layout import HEADER_SEARCH_ROWS, as_text, plain_heading
from toolkit.study.sheets import raw_sheets

PHOTOS, CHART, CAMERA = "photos", "chart", "camera"
CHANNELS = ("red", "green", "blue")
_KINDS = {"": "as they come", "chart": "corrected by a colour chart", "match": "matched between cameras"}
FIGURES = tuple(f"{channel}_{figure}" for figure in ("gain", "power") for channel in CHANNELS)


@dataclass(frozen=True)
class PatternRow:
    """A row of a table of photographs: ``photos`` as it is written, and the texts of its other cells by heading; ``row``
    counts from 1 as a spreadsheet shows it."""

    row: int
    photos: str
    cells: Mapping[str, str]

    def names(self, path: Path) -> bool:
        """Whether a photograph, or a folder that it lies in, is meant."""
        wanted = [part.casefold() for part in self.photos.replace("\\", "/").strip("/").split("/")]
        parts = [part.casefold() for part in path.absolute().parts]
        ends = range(len(wanted), len(parts) + 1)
        return any(all(map(fnmatchcase, parts[end - len(wanted) : end], wanted)) for end in ends)


@dataclass(frozen=True)
class Colours:
    """What was asked for: ``source``, as the user named it, "" for nothing; ``rules``, which row of a table gives which
    correction; ``files`` that were read for it; ``remarks`` on the charts, a line each."""

    source: str = ""
    rules: tuple[tuple[PatternRow, Colour | None], ...] = ()
    files: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What a model's card keeps: "" for colours as they come, "match", or "chart"."""
        if not self.source:
            return ""
        return "match" if any(row.cells.get("red_gain") for row, _ in self.rules) else "chart"

    def unlike(self, model: Model) -> list[str]:
        """A line where a model was trained on colours that were corrected in another way. Phantoms, on which the starter
        learnt, are seen by cameras round one of true colours."""
        own = str(model.card.get("colours", ""))
        if own == self.kind or str(model.card.get("trained on", "")).startswith("digital phantoms"):
            return []
        return [
            f"{model.name} was trained on colours {_KINDS.get(own, own)}, these are {_KINDS[self.kind]}: grades may differ"
        ]

    def without_charts(self, files: Sequence[PhotoFile]) -> list[PhotoFile]:
        """The photographs, less those of charts that lie among them."""
        charts = {os.path.realpath(path) for path in self.files}
        kept = [file for file in files if os.path.realpath(file.path) not in charts]
        if files and not kept:
            raise ToolkitError(
                f"{files[0].path}: is the colour chart itself: name photographs of faces as well"
            )
        return kept

    def given_to(self, files: Sequence[PhotoFile]) -> list[PhotoFile]:
        """Each photograph with its correction. Raises ToolkitError for one that no row of the table names, or that rows
        with different charts name: colours of one run are all corrected, or left alone on purpose."""
        if not self.source:
            return list(files)
        found, missing = [], []
        for file in files:
            path = (
                file.path if file.path != Path() else Path(file.name)
            )  # kept from a run before, its file unknown
            own = [(row, colour) for row, colour in self.rules if row.names(path)]
            if not own:
                missing.append(file.name)
                continue
            (first, colour), others = own[0], own[1:]
            for row, other in others:
                if other != colour:
                    raise ToolkitError(
                        f"{self.source}: rows {first.row} and {row.row} both name {file.name}, with different charts: "
                        "write patterns that exclude each other"
                    )
            found.append(replace(file, colour=colour))
        if missing:
            raise ToolkitError(
                f"{self.source}: {counted(len(missing), 'photo')} in no row ({some_of(missing)}): add a row; its chart may "
                "stay empty for colours that are to stay as they are"
            )
        return found


NO_COLOURS = Colours()


def read_colours(value: str | Path | None) -> Colours:
    """What ``--colour-chart`` and ``--colour-match`` say: "in-frame", a photograph of a chart, or a table. All charts are
    read and fitted here, before anything is graded; raises ToolkitError, one line with the file and the fix."""
    if value is None:
        return NO_COLOURS
    everything = PatternRow(0, "*", {})
    if str(value) == IN_FRAME:
        return Colours(IN_FRAME, ((everything, IN_FRAME),))
    path = Path(value)
    if path.suffix.casefold() in TABLE_SUFFIXES:
        return _of_table(path)
    found = _of_chart(path)
    return Colours(path.name, ((everything, found),), (path,), _remarks(found))


def _of_chart(path: Path) -> ColourCorrection:
    if not path.is_file():
        raise PhotoError(
            f"{path}: no such file: name a photograph of a colour chart, a table of them, or {IN_FRAME}"
        )
    charts = find_charts(read_photo(path, PhotoSettings()).pixels)
    if not charts:
        raise PhotoError(
            f"{path}: no colour chart found: photograph a ColorChecker of 24 patches, whole, sharp and from the front"
        )
    try:
        found, notes = correction_by(charts, path.name)
    except PhotoError as error:
        raise PhotoError(f"{path}: {error}") from None
    return replace(found, note="; ".join(notes))


def _remarks(found: ColourCorrection) -> tuple[str, ...]:
    """One line a chart: how far its patches lie from their reference, before and after."""
    if found.before is None or found.after is None:
        return ()
    text = f"{found.source}: {found.patches} of 24 patches, mean colour error {found.before:.1f} before, {found.after:.1f} after (CIEDE2000)"
    return (f"{text}; {found.note}" if found.note else text,)


def _of_table(path: Path) -> Colours:
    rows = read_patterns(path, (CHART,), FIGURES)
    rules: list[tuple[PatternRow, Colour | None]] = []
    charts: dict[str, ColourCorrection] = {}
    for row in rows:
        name = row.cells.get(CHART, "")
        if FIGURES[0] in row.cells:
            rules.append((row, _matched(path, row)))
        elif name in ("", IN_FRAME):
            rules.append((row, IN_FRAME if name else None))
        else:
            charts[name] = charts.get(name) or _of_chart(path.parent / name)
            rules.append((row, charts[name]))
    files = (path, *(path.parent / name for name in charts))
    remarks = [line for chart in charts.values() for line in _remarks(chart)]
    return Colours(path.name, tuple(rules), files, tuple(remarks))


def _matched(path: Path, row: PatternRow) -> ColourCorrection:
    try:
        values = [float(row.cells[name]) for name in FIGURES]
        match = CameraMatch((values[0], values[1], values[2]), (values[3], values[4], values[5]), 0)
        return match.correction(f"match of camera {row.cells.get(CAMERA) or path.name}")
    except ValueError:
        raise ToolkitError(
            f"{path.name}, row {row.row}: gains and powers must be numbers, powers over 0: make the table again with "
            "toolkit match-cameras"
        ) from None


def read_patterns(path: Path, wanted: Sequence[str], instead: Sequence[str] = ()) -> list[PatternRow]:
    """The rows of a table (.xlsx, .csv) with the column ``photos`` and those ``wanted``, or all of ``instead``; raises
    ToolkitError."""
    if not path.is_file():
        raise ToolkitError(f"{path}: no such file: check the path of the table")
    sheets = raw_sheets(path)
    for _, rows in sheets:
        for place, cells in enumerate(rows[:HEADER_SEARCH_ROWS]):
            plain = [plain_heading(as_text(cell)) for cell in cells]
            for columns in (wanted, instead):
                if columns and all(plain_heading(name) in plain for name in (PHOTOS, *columns)):
                    names = {name: plain.index(plain_heading(name)) for name in (PHOTOS, *columns)}
                    names |= {CAMERA: plain.index(CAMERA)} if CAMERA in plain else {}
                    return _rows(path, rows[place + 1 :], place + 2, names)
    filled = (
        texts for _, rows in sheets for cells in rows if any(texts := [as_text(cell) for cell in cells])
    )
    first = ", ".join(filter(None, next(filled, [])[:8])) or "nothing"
    other = ", or with those that toolkit match-cameras writes" if instead else ""
    raise ToolkitError(
        f"{path.name}: no row reads as the header of a table with the columns {PHOTOS} and {', '.join(wanted)}{other} "
        f"(first row: {first}): give its columns these headings"
    )


def _rows(
    path: Path, rows: Sequence[Sequence[Any]], first: int, names: Mapping[str, int]
) -> list[PatternRow]:
    found = []
    for number, cells in enumerate(rows, first):
        texts = {name: unguarded(as_text(cells[at])) if at < len(cells) else "" for name, at in names.items()}
        photos = texts.pop(PHOTOS)
        if photos:
            found.append(PatternRow(number, photos, texts))
    if not found:
        raise ToolkitError(f"{path.name}: no row names photographs: fill the column {PHOTOS}")
    return found
