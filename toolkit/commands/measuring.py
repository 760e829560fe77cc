"""Measures the pigment of photographs, without any model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.commands.colours import read_colours
from toolkit.commands.results import labelled
from toolkit.commands.shared import check_pictures, check_table, hash_photos
from toolkit.csvguard import unguarded
from toolkit.earlier import refuse_other_photos
from toolkit.outputs import has_columns, holds_nothing, is_stamped
from toolkit.photos import find_photo_files
from toolkit.pool import Workers
from toolkit.progress import Progress, reported, silent
from toolkit.quality import study_labels
from toolkit.receipt import drop_receipt, read_receipt, write_receipt
from toolkit.records import PhotoGrade, PhotoResult
from toolkit.settings import Settings
from toolkit.tables import clean
from toolkit.workbook import Value, check_target, write_table
from toolkit.workers import TIME_LIMIT_S, measure_all

_FACTS = ("photo", "subject", "side", "visit", "region", "quality", "note")


@dataclass(frozen=True)
class FeaturesRun:
    """What ``measure_features`` did; ``features`` counts those of a patch, ``failures`` name each photo
    without a patch, and why."""

    photos: int
    found: int
    patches: int
    features: int
    failures: tuple[str, ...]


def measure_features(
    images: Sequence[Path],
    out: Path,
    overlays: Path | None = None,
    landmark_model: Path | None = None,
    *,
    workers: Workers = 1,
    tell: Progress = silent,
    overwrite: bool = False,
    colour: str | Path | None = None,
) -> FeaturesRun:
    """Write the pigment features of photographs as a table, one row per patch; photos that fail keep a row.

    ``overwrite``: also over a file that is no earlier table of these photographs, but never over one that is read.
    ``colour`` as for ``read_colours``.
    """
    out = Path(out)
    check_target(out)
    colours = read_colours(colour)
    files = colours.given_to(colours.without_charts(find_photo_files(images)))
    paths, names = [file.path for file in files], [file.name for file in files]
    read = [*paths, *colours.files, *([landmark_model] if landmark_model else [])]
    is_own = is_stamped("features") if out.suffix.casefold() == ".xlsx" else has_columns(_FACTS, more=True)
    check_table(out, is_own, read, overwrite)
    check_pictures(overlays, images, paths, names, read=read, overwrite=overwrite)
    photos = dict(zip(names, hash_photos(paths, workers, tell, TIME_LIMIT_S), strict=True))
    if not overwrite:
        receipt = read_receipt(out)
        refuse_other_photos(out, receipt.photos if receipt else _photos_in(out), photos)
    settings = Settings()
    measured = measure_all(files, settings, landmark_model, workers, overlays=overlays)
    results = list(reported(measured, len(paths), "measuring pigment", tell))
    labels = study_labels([result.quality for result in results], settings.quality)
    grades = labelled((result.grade for result in results), labels)
    rows = [row for pair in zip(grades, results, strict=True) for row in _feature_rows(*pair)]
    drop_receipt(out)
    write_table(out, rows, kind="features")
    write_receipt(out, {str(clean(name)): sha256 for name, sha256 in photos.items()})
    failures = tuple(f"{r.grade.name}: {r.grade.note}" for r in results if not r.figures)
    patches = [one for result in results for one in result.figures]
    features = len(patches[0].values) if patches else 0
    return FeaturesRun(len(paths), len(paths) - len(failures), len(patches), features, failures)


def _photos_in(table: Path) -> dict[str, str]:
    """The names of the photos in a table of features, none with a hash."""
    import pandas as pd

    if not table.is_file() or holds_nothing(table):
        return {}
    read = pd.read_excel if table.suffix.casefold() == ".xlsx" else pd.read_csv
    return {unguarded(str(name)): "" for name in read(table, usecols=[0], dtype=str).iloc[:, 0].dropna()}


def _feature_rows(grade: PhotoGrade, result: PhotoResult) -> list[dict[str, Value]]:
    """The rows of one photo, the facts first; one without figures where nothing could be measured."""
    facts = grade.facts
    values = (grade.name, facts.subject, facts.side, facts.visit, None, grade.quality, grade.note)
    first: dict[str, Value] = dict(zip(_FACTS, values, strict=True))
    if result.colour:
        first |= {"colour_correction": result.colour.source, "colour_error_after": result.colour.after}
    return [first | {"region": one.region, **one.values} for one in result.figures] or [first]
