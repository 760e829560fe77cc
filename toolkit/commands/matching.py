"""Matches the colours of several cameras by the skin of people whom more than one of them has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.commands.colours import CAMERA, FIGURES, PHOTOS, PatternRow, read_patterns
from toolkit.commands.shared import check_table
from toolkit.correction.matching import CameraMatch, match_cameras, skin_light, spread_over_cameras
from toolkit.errors import ToolkitError
from toolkit.outputs import counted, has_columns, is_stamped
from toolkit.photos import find_photo_files
from toolkit.pipeline import read_face
from toolkit.pool import Workers, attempt
from toolkit.progress import Progress, reported, silent
from toolkit.receipt import drop_receipt, write_receipt
from toolkit.records import PhotoFile
from toolkit.settings import Settings
from toolkit.texttable import aligned
from toolkit.workbook import Value, check_target, write_table
from toolkit.workers import TIME_LIMIT_S, map_photos, the_finder

COLUMNS = (PHOTOS, CAMERA, "subjects", *FIGURES)
_KIND = "match-cameras"


@dataclass(frozen=True)
class MatchRun:
    """What ``match_study`` did: each camera's match; ``before`` and ``after``: standard deviation (ln light) of one side's
    skin over cameras; ``photos`` looked at, and why some could not be used."""

    matches: Mapping[str, CameraMatch]
    before: float
    after: float
    photos: int
    failures: tuple[str, ...]

    def text(self) -> str:
        """For the terminal."""
        head = ["camera", "subjects shared", *(name.replace("_", " ") for name in FIGURES)]
        rows = [
            [name, str(one.subjects), *(f"{value:.2f}" for value in (*one.gains, *one.powers))]
            for name, one in self.matches.items()
        ]
        spread = (
            f"The skin of one side of a face differs over cameras by {self.before:.3f} before and {self.after:.3f} after "
            "(standard deviation, ln light), on the photographs that this was learnt from."
        )
        return "\n".join([*aligned([head, *rows], rule=True), spread])


@dataclass(frozen=True)
class _Seen:
    """The skin of a photograph, or why there is none."""

    light: NDArray[np.float64] | None
    error: str = ""


def match_study(
    images: Sequence[Path],
    cameras: Path,
    out: Path,
    *,
    landmark_model: Path | None = None,
    workers: Workers = 1,
    tell: Progress = silent,
    overwrite: bool = False,
) -> MatchRun:
    """Learn a correction for each camera and write it as a table for ``--colour-match``.

    ``cameras``: a table of the columns ``photos`` and ``camera``, as for ``read_patterns``. Photographs in no row, and those
    without a face, have no say. Raises ToolkitError where too few people were seen by several cameras.
    """
    check_target(out)
    rows, files = read_patterns(cameras, (CAMERA,)), find_photo_files(images)
    _refuse_one_camera(cameras, rows)
    read = [*(file.path for file in files), cameras, *([landmark_model] if landmark_model else [])]
    is_own = is_stamped(_KIND) if out.suffix.casefold() == ".xlsx" else has_columns(COLUMNS)
    check_table(out, is_own, read, overwrite)
    named = [(file, name) for file in files if (name := _camera_of(file, rows, cameras))]
    settings = Settings()
    seen = map_photos(
        partial(_skin_of, settings=settings), [file for file, _ in named], settings, landmark_model,
        workers=workers, lost=lambda file, reason: _Seen(None, reason), limit_s=TIME_LIMIT_S,
    )  # fmt: skip
    found = list(reported(seen, len(named), "photographs", tell))
    usable = [
        (file, name, one.light)
        for (file, name), one in zip(named, found, strict=True)
        if one.light is not None
    ]
    lights, names = [light for _, _, light in usable], [name for _, name, _ in usable]
    people = [(file.facts.subject, file.facts.side or "") for file, _, _ in usable]
    if not usable:
        raise ToolkitError(
            f"{cameras.name}: no photograph with a face is named in it: check the column {PHOTOS}"
        )
    try:
        matches = match_cameras(lights, names, people)
    except ToolkitError as error:
        raise ToolkitError(f"{cameras.name}: {error}") from None
    drop_receipt(out)
    write_table(
        out, [_row(row, matches) for row in rows if row.cells[CAMERA] in matches], COLUMNS, kind=_KIND
    )
    write_receipt(out, {})
    failures = tuple(
        f"{f.name}: {one.error}" for (f, _), one in zip(named, found, strict=True) if one.light is None
    )
    return MatchRun(
        matches,
        spread_over_cameras(lights, names, people),
        spread_over_cameras([matches[n].applied(light) for light, n in zip(lights, names, strict=True)], names, people),
        len(named),
        failures,
    )  # fmt: skip


def _refuse_one_camera(table: Path, rows: Sequence[PatternRow]) -> None:
    """Raise ToolkitError, before photographs are read, where there is nothing to match."""
    cameras = {row.cells[CAMERA] for row in rows} - {""}
    if len(cameras) < 2:
        raise ToolkitError(
            f"{table.name}: names {counted(len(cameras), 'camera')}, and matching needs two that saw the same people: add "
            "the photos of another, or use a colour chart (--colour-chart)"
        )


def _camera_of(file: PhotoFile, rows: Sequence[PatternRow], table: Path) -> str:
    """The camera of a photograph, "" where no row names it; raises ToolkitError where rows name it differently."""
    own = [row for row in rows if row.names(file.path)]
    if len({row.cells[CAMERA] for row in own}) > 1:
        raise ToolkitError(
            f"{table.name}: rows {own[0].row} and {own[1].row} give {file.name} different cameras: write patterns that "
            "exclude each other"
        )
    return own[0].cells[CAMERA] if own else ""


def _skin_of(file: PhotoFile, settings: Settings) -> _Seen:
    def work() -> _Seen:
        _, face, _ = read_face(file, the_finder(), settings)
        if face.chart is None or not face.chart.skin.any():
            return _Seen(None, "too little skin is seen")
        return _Seen(skin_light(face.chart))

    return attempt(work, lambda reason: _Seen(None, reason), file.path)


def _row(row: PatternRow, matches: Mapping[str, CameraMatch]) -> dict[str, Value]:
    match = matches[row.cells[CAMERA]]
    figures = dict(zip(FIGURES, (*match.gains, *match.powers), strict=True))
    return {PHOTOS: row.photos, CAMERA: row.cells[CAMERA], "subjects": match.subjects, **figures}
