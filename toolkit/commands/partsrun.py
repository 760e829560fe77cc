"""Grades photographs into a folder of Parquet parts, of which ``toolkit merge`` makes workbook, summary and page."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.commands.colours import read_colours
from toolkit.commands.grading import hints_of, options_of
from toolkit.commands.joining import join_facts, split_columns
from toolkit.commands.onephoto import Graded, HowToGrade, grade_all
from toolkit.commands.othermodes import of_other_modes
from toolkit.commands.shared import hash_photos
from toolkit.info import versions
from toolkit.model import load_model
from toolkit.outputs import check_folder
from toolkit.photos import content_hash, find_photo_files, with_facts
from toolkit.pool import Workers
from toolkit.progress import Progress, reported, silent
from toolkit.records import PhotoFile
from toolkit.shares import Share, take
from toolkit.store import NOT_REACHED, PartsFolder, PhotoRow, RunRecord, open_parts
from toolkit.store.rows import file_size
from toolkit.study import Columns, known_mode
from toolkit.study.names import stored_text
from toolkit.workers import TIME_LIMIT_S


@dataclass(frozen=True)
class PartsRun:
    """What ``grade_into_parts`` did: of ``photos``, those of other modes not counted, ``done`` have a result, with a grade or the lasting reason why there
    is none, ``earlier`` of them from an earlier run."""

    out: Path
    photos: int
    done: int
    earlier: int
    interrupted: bool


def grade_into_parts(
    images: Sequence[Path],
    out: Path,
    model_folder: Path | None = None,
    weights: str = "learned",
    *,
    landmark_model: Path | None = None,
    workers: Workers = 1,
    tell: Progress = silent,
    limit_s: float = TIME_LIMIT_S,
    share: Share | None = None,
    mode: str | None = None,
    colour: str | Path | None = None,
    facts: Path | None = None,
    columns: Columns = None,
) -> PartsRun:
    """As ``grade_photos``, without a workbook: results go to the folder ``out`` as Parquet parts, a few hundred photos
    each. A run that is killed and called again does what is not yet in a part. ``facts`` and
    its ``columns`` as for ``grade_photos``; ``merge_parts`` needs them again."""
    colours = read_colours(colour)
    given = colours.without_charts(find_photo_files(images))
    of_facts, _ = split_columns(columns, facts, None)
    told = join_facts(given, facts, of_facts)
    files = colours.given_to(with_facts(given, told.facts if told else {}))
    check_folder(out, images, [file.path for file in files], "--out")
    model = load_model(model_folder)
    options = options_of(model, weights, landmark_model)
    mode = known_mode(mode) if mode else model.mode
    others = of_other_modes(files, mode, model)
    with open_parts(out) as parts:
        hashes, taken = [""] * len(files), None
        if share or not parts.is_empty:
            hashes = hash_photos([file.path for file in files], workers, tell, limit_s)
        if share:
            taken = take(share, [(file.name, sha256) for file, sha256 in zip(files, hashes, strict=True)])
            files, hashes = [files[n] for n in taken.places], [hashes[n] for n in taken.places]
            others = taken.within(others)
        hints = hints_of(files, model, others)
        parts.begin(RunRecord(versions(), taken, colours.source))
        photos = RunPhotos(parts, options.key(), files=files, hashes=hashes, hints=hints)
        for place, note in others.items():
            photos.keep(place, Graded(hashes[place] or content_hash(files[place].path), note=note))
        missing = [place for place in photos.missing() if place not in others]
        how = HowToGrade(model, model_folder, landmark_model, options, mode)
        graded = grade_all([files[n] for n in missing], how, workers, limit_s=limit_s, drawn=False)
        interrupted = False
        try:
            with contextlib.closing(graded):
                for number, one in reported(graded, len(missing), "grading", tell):
                    photos.keep(missing[number], one)
        except KeyboardInterrupt:
            interrupted = True
        parts.end(photos.rows())
    wanted = len(files) - len(others)
    left = sum(bool(note) for note in photos.notes) - len(others)
    return PartsRun(out, wanted, wanted - left, wanted - len(missing), interrupted)


class RunPhotos:
    """The photos of the run: of each its hash, and why there is no result, as long as there is none."""

    def __init__(
        self,
        parts: PartsFolder,
        options: str,
        *,
        files: Sequence[PhotoFile],
        hashes: Sequence[str],
        hints: Sequence[str],
    ) -> None:
        self._parts, self._files, self._hints, self._options = parts, files, hints, options
        self._hashes = list(hashes)
        known = [parts.has(sha256, options, hint) for sha256, hint in zip(hashes, hints, strict=True)]
        self.notes = ["" if one else NOT_REACHED for one in known]

    def missing(self) -> list[int]:
        """The places of those without a result."""
        return [place for place, note in enumerate(self.notes) if note]

    def keep(self, place: int, graded: Graded) -> None:
        """What came of one."""
        self._hashes[place], self.notes[place] = graded.sha256, graded.note
        if graded.cells is not None:
            self._parts.put(graded.sha256, self._options, self._hints[place], graded.cells)

    def rows(self) -> Iterator[PhotoRow]:
        """For the folder."""
        return (
            PhotoRow(
                stored_text(file.name), str(file.path.absolute()), file_size(file.path), sha256, self._options, hint,
                stored_text(note),
            )
            for file, sha256, hint, note in zip(self._files, self._hashes, self._hints, self.notes, strict=True)
        )  # fmt: skip
