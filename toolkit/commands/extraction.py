"""Cuts the patches of photographs into a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.chart import save_chart
from toolkit.commands.colours import read_colours
from toolkit.commands.shared import check_pictures, check_table, hash_photos
from toolkit.earlier import refuse_other_photos
from toolkit.outputs import check_folder, has_columns
from toolkit.patches import COLUMNS, MANIFEST, file_stem, manifest_photos, save_patches
from toolkit.photos import find_photo_files
from toolkit.pool import Workers
from toolkit.progress import Progress, reported, silent
from toolkit.receipt import drop_receipt, write_receipt
from toolkit.records import FacePatches
from toolkit.settings import Settings
from toolkit.workers import TIME_LIMIT_S, cut_all


@dataclass(frozen=True)
class ExtractRun:
    """What ``extract`` did; ``failures`` name each photo without a patch, and why."""

    photos: int
    found: int
    patches: int
    failures: tuple[str, ...]


def extract(
    images: Sequence[Path],
    out: Path,
    overlays: bool = False,
    landmark_model: Path | None = None,
    *,
    workers: Workers = 1,
    tell: Progress = silent,
    overwrite: bool = False,
    chart: bool = False,
    colour: str | Path | None = None,
) -> ExtractRun:
    """Cut patches into a folder with a manifest; photos that fail keep their row.

    ``overwrite``: also over a manifest of other photographs, and over pictures that are no overlays; never over what
    is read. ``chart``: write the chart of each face beside them. ``colour`` as for ``read_colours``.
    """
    colours = read_colours(colour)
    files = colours.given_to(colours.without_charts(find_photo_files(images)))
    paths = [file.path for file in files]
    read = [*paths, *colours.files, *([landmark_model] if landmark_model else [])]
    check_folder(out, images, paths, "--out")
    manifest, names = out / MANIFEST, [file.name for file in files]
    check_table(manifest, has_columns(COLUMNS), read, overwrite)
    photos = hash_photos(paths, workers, tell, TIME_LIMIT_S) if manifest.is_file() else []
    if photos and not overwrite:
        refuse_other_photos(manifest, manifest_photos(out), dict(zip(names, photos, strict=True)))
    if overlays:
        check_pictures(out / "overlays", images, paths, names, read=read, overwrite=overwrite)
    found: list[tuple[str, int, str]] = []

    def counted() -> Iterator[FacePatches]:
        pictures = out / "overlays" if overlays else None
        faces = cut_all(files, Settings(), landmark_model, workers, overlays=pictures)
        for face in reported(faces, len(paths), "cutting patches", tell):
            reasons = "; ".join([*face.notes, *(f"{r}: {why}" for r, why in face.dropped.items())])
            found.append((face.name, len(face.patches), reasons))
            yield face
            if chart and face.chart:
                save_chart(face.chart, out, file_stem(face))

    drop_receipt(manifest)
    save_patches(out, counted())
    write_receipt(manifest, manifest_photos(out))
    failures = tuple(f"{name}: {reasons}" for name, count, reasons in found if not count)
    return ExtractRun(len(paths), len(paths) - len(failures), sum(count for _, count, _ in found), failures)
