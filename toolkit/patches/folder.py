"""A folder of patches: lossless PNG files (RGBA, alpha = measurable skin) and manifest.csv."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from toolkit.csvguard import guarded, unguarded
from toolkit.errors import PhotoError
from toolkit.files import write_atomically
from toolkit.records import REGIONS, Face, FacePatches, Patch

MANIFEST = "manifest.csv"
COLUMNS = (
    "photo",
    "sha256",
    "patch",
    "region",
    "side",
    "found_by",
    "score",
    "px_per_mm",
    "photo_px_per_mm",
    "skin_fraction",
    "quality",
    "note",
    "to_patch",
    "landmarks",
)
_MANIFEST_EVERY = 50


def manifest_photos(folder: Path) -> dict[str, str]:
    """The SHA-256 of each photo in the manifest of ``folder``, "" where it could not be read; none where there is no
    manifest. Raises PhotoError where that is damaged or of another make."""
    path = Path(folder) / MANIFEST
    rows = _read_manifest(path) if path.is_file() and path.stat().st_size else []
    return {row["photo"]: row["sha256"] for row in rows}


def save_patches(folder: Path, faces: Iterable[FacePatches]) -> Path:
    """Write every patch and the manifest; returns the manifest's path.

    The manifest has one row per patch and one row per dropped region (its ``patch`` empty, its ``note`` the
    reason), or one row for a photo with neither. ``photo_px_per_mm`` and ``landmarks`` are in pixels of
    the photograph, ``px_per_mm`` is the patch's own scale; ``note`` joins notes with "; ". Each file is
    written under another name and then renamed, and the manifest is renewed every 50 photos, so an
    interrupted run leaves whole files only. Text that a spreadsheet would take for a formula (it begins
    with = + - @, a tab or a return) is written after an apostrophe, which ``load_patches`` takes off
    again. ``faces`` may be a generator: nothing is kept but the manifest's rows.
    """
    folder = Path(folder)
    rows: list[dict[str, str]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, face in enumerate(faces, start=1):
            rows.extend(_save_one(folder, face))
            if number % _MANIFEST_EVERY == 0:
                _write_manifest(folder, rows)
        return _write_manifest(folder, rows)
    except OSError as error:
        raise PhotoError(
            f"{error.filename or folder}: cannot be written ({error.strerror or error})"
        ) from None


def _save_one(folder: Path, item: FacePatches) -> list[dict[str, str]]:
    face = item.face
    common = {"photo": item.name, "sha256": item.sha256, "quality": item.quality}
    if face:
        common |= {
            "side": face.side,
            "found_by": face.found_by,
            "score": f"{face.score:.3f}",
            "photo_px_per_mm": f"{face.px_per_mm:.4f}",
            "landmarks": _numbers(face.points),
        }
    note = "; ".join(item.notes)
    rows = []
    for patch in item.patches:
        name = f"{file_stem(item)}_{patch.region}.png"
        _write_png(folder / name, item, patch)
        own = {
            "patch": name,
            "region": patch.region,
            "px_per_mm": f"{patch.px_per_mm:g}",
            "skin_fraction": f"{patch.skin_fraction:.4f}",
            "to_patch": _numbers(patch.to_patch, 9),
            "note": note,
        }
        rows.append(common | own)
    for region, reason in item.dropped.items():
        rows.append(common | {"region": region, "note": reason if not note else f"{reason}; {note}"})
    return rows or [common | {"note": note}]


def _numbers(values: Any, digits: int = 7) -> str:
    return " ".join(f"{value:.{digits}g}" for value in np.ravel(values))


def file_stem(item: FacePatches) -> str:
    """A file name for any photo: plain letters of its stem, then a hash of its name and content."""
    stem = unicodedata.normalize("NFKD", re.split(r"[\\/]", item.name)[-1].rsplit(".", 1)[0])
    plain = re.sub(r"[^A-Za-z0-9-]+", "_", stem).strip("_-")[:60] or "photo"
    digest = hashlib.sha256(f"{item.name}\0{item.sha256}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"{plain}_{digest[:8]}"


def _write_png(path: Path, item: FacePatches, patch: Patch) -> None:
    rgba = np.dstack([patch.pixels, patch.skin.astype(np.uint8) * 255])
    text = PngImagePlugin.PngInfo()
    for key, value in (
        ("photo", item.name.encode("utf-8", "replace").decode()),
        ("sha256", item.sha256),
        ("region", patch.region),
        ("px_per_mm", f"{patch.px_per_mm:g}"),
        ("to_patch", _numbers(patch.to_patch, 9)),
    ):
        text.add_itxt(key, value)
    picture = Image.fromarray(rgba, "RGBA")
    write_atomically(
        path, lambda file: picture.save(file, format="PNG", pnginfo=text, compress_level=3), sync=False
    )


def _write_manifest(folder: Path, rows: list[dict[str, str]]) -> Path:
    path = folder / MANIFEST
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(row | {key: guarded(row[key]) for key in _TEXT_COLUMNS if key in row} for row in rows)
    # The byte order mark lets Excel read names that are not plain ASCII.
    data = text.getvalue().encode("utf-8-sig", "surrogateescape")
    write_atomically(path, lambda file: file.write(data))
    return path


_TEXT_COLUMNS = ("photo", "quality", "note")


def load_patches(folder: Path) -> list[FacePatches]:
    """What ``save_patches`` wrote, in the same order; ``face`` with its landmarks.

    A photo's notes and reasons come back as notes. Raises PhotoError naming the file when the manifest or
    a patch is missing, damaged or of another make.
    """
    path = Path(folder) / MANIFEST
    if not path.is_file():
        raise PhotoError(
            f"{path}: no manifest; make the folder with  toolkit extract-patches IMAGES --out {folder}"
        )
    photos: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in _read_manifest(path):
        photos.setdefault((row["photo"], row["sha256"]), []).append(row)
    return [_load_one(path, rows) for rows in photos.values()]


def _read_manifest(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise PhotoError(f"{path}: column {missing[0]!r} is missing; extract the patches again")
            rows = [{key: row[key] or "" for key in COLUMNS} for row in reader]
            return [row | {key: unguarded(row[key]) for key in _TEXT_COLUMNS} for row in rows]
    except (OSError, csv.Error) as error:
        raise PhotoError(f"{path}: cannot be read ({error}); extract the patches again") from None


def _load_one(manifest: Path, rows: list[dict[str, str]]) -> FacePatches:
    first = rows[0]
    try:
        face = None
        if first["landmarks"]:
            face = Face(
                points=np.array(first["landmarks"].split(), np.float64).reshape(68, 2),
                side=first["side"],  # type: ignore[arg-type]
                found_by=first["found_by"],
                score=float(first["score"]),
                px_per_mm=float(first["photo_px_per_mm"]),
            )
        patches = tuple(_load_patch(manifest.parent, row) for row in rows if row["patch"])
        dropped = {row["region"]: row["note"] for row in rows if row["region"] and not row["patch"]}
        return FacePatches(
            name=first["photo"],
            sha256=first["sha256"],
            patches=tuple(sorted(patches, key=lambda patch: REGIONS.index(patch.region))),
            face=face,
            dropped=dropped,
            quality=first["quality"] or "ok",
            notes=tuple(
                note for note in next((r for r in rows if r["patch"]), first)["note"].split("; ") if note
            ),
        )
    except (ValueError, KeyError) as error:
        raise PhotoError(
            f"{manifest}: the rows of {first['photo']} are damaged ({error}); extract again"
        ) from None


def _load_patch(folder: Path, row: dict[str, str]) -> Patch:
    path = folder / Path(row["patch"]).name  # never outside the folder, whatever the manifest says
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if image.mode != "RGBA":
                raise PhotoError(f"{path}: not a patch (an RGBA PNG was expected); extract the patches again")
            rgba = np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise PhotoError(f"{path}: cannot be read ({error}); extract the patches again") from None
    return Patch(
        region=row["region"],  # type: ignore[arg-type]
        pixels=np.ascontiguousarray(rgba[..., :3]),
        skin=rgba[..., 3] > 127,
        px_per_mm=float(row["px_per_mm"]),
        to_patch=np.array(row["to_patch"].split(), np.float64).reshape(2, 3),
    )
