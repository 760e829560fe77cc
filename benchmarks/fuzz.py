"""Damaged photographs, workbooks, model folders and results, at random: each ends in one line or a result.

    python -m benchmarks.fuzz PHOTOS --minutes 60 --seed 0 --keep FOLDER

PHOTOS is a folder of photographs of faces. A child process tries a batch of damaged copies at a time, so that
a signal or a hang is found too. Counts go to the terminal; what failed is kept in --keep with the reason.
"""

from __future__ import annotations

import collections
import hashlib
import io
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
from pathlib import Path
from typing import Annotated, Any

import openpyxl
import typer
from PIL import Image

from benchmarks.command import run
from toolkit.errors import ToolkitError
from toolkit.landmarks import FaceFinder
from toolkit.model import CARD, FILES, load_model, read_card, starter_folder
from toolkit.photos import photo_files
from toolkit.pipeline import PhotoResult, read_face
from toolkit.records import PhotoFacts, PhotoGrade
from toolkit.settings import Settings
from toolkit.store import RunOptions, open_store, store_path
from toolkit.study import facts_from_name, join_files

BATCH, LIMIT_S = 80, 400
# Headings and a row that fits a photograph, so that some workbooks can be joined.
TABLES = [
    (["SUBJID", "side", "VISIT", "Mottled hyperpigmentation"], ["P0001", "left", "Week 4", 3.5]),
    (["file", "grade"], ["a.jpg", 2]),
    (["Subject No.", "Side of Face", "Baseline", "Week 4"], ["P0001", "L", 3, 2.5]),
]
PICTURES = {"jpg": "JPEG", "png": "PNG", "tif": "TIFF", "webp": "WEBP", "bmp": "BMP", "gif": "GIF",
            "jp2": "JPEG2000", "avif": "AVIF"}  # fmt: skip
ODD = ["P0001", "left", "Week 4", 3.5, None, "", -1, 1e300, True, "=A1", "x" * 40000, "\u200bP1", "nan",
       "2024-01-02", "#REF!"]  # fmt: skip


# ---- damage


def damaged(folder: Path, photos: Path, rng: random.Random) -> Path:
    """A damaged input of some kind in an empty folder; its name begins with the kind."""
    folder.mkdir()
    kind = rng.choice(["photo"] * 5 + ["workbook"] * 3 + ["model", "results"])
    return {"photo": a_photo, "workbook": a_workbook, "model": a_model, "results": some_results}[kind](
        folder, photos, rng
    )


def bent(data: bytes, rng: random.Random) -> bytes:
    """Bytes changed, cut out, doubled, zeroed or cut off."""
    held = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        at = rng.choice([rng.randrange(len(held) + 1), rng.randrange(min(len(held), 400) + 1)])
        length = rng.choice([1, 1, 2, 4, 16, 200, 3000])
        how = rng.randrange(6)
        if how == 0:
            held[at : at + 1] = bytes([rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])])
        elif how == 1:
            held[at : at + 1] = bytes([(held[at : at + 1] or b"\0")[0] ^ (1 << rng.randrange(8))])
        elif how == 2:
            held[at : at + length] = bytes(min(length, max(len(held) - at, 0)))
        elif how == 3:
            del held[at : at + length]
        elif how == 4:
            held[at:at] = held[at : at + length]
        elif rng.random() < 0.2:
            del held[at:]
    return bytes(held)


def a_photo(folder: Path, photos: Path, rng: random.Random) -> Path:
    """One of the photographs in some format, bent."""
    files = sorted(path for path in photos.rglob("*") if path.suffix.lower() in (".jpg", ".png"))
    with Image.open(rng.choice(files)) as image:
        picture = image.convert(rng.choice(["RGB", "RGB", "RGB", "L"]))
    picture.thumbnail((500, 500))
    suffix = rng.choice(list(PICTURES))
    buffer = io.BytesIO()
    more = {"exif": picture.getexif()} if suffix in ("jpg", "png", "webp") else {}
    picture.save(buffer, PICTURES[suffix], **more)
    path = folder / f"photo.{suffix}"
    path.write_bytes(bent(buffer.getvalue(), rng))
    return path


def a_workbook(folder: Path, photos: Path, rng: random.Random) -> Path:
    """Grades and nonsense as CSV or as a workbook, bent as a file or inside."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    heading, row = rng.choice(TABLES)
    sheet.append(heading)
    sheet.append(row)
    for _ in range(rng.choice([0, 0, 1, 3, 7])):
        sheet.append(
            [rng.choice(ODD) if rng.random() < 0.5 else rng.randrange(10) for _ in range(rng.randrange(6))]
        )
    if rng.random() < 0.3:
        text = "\n".join(",".join("" if one is None else str(one) for one in row) for row in sheet.values)
        encoded = text.encode(rng.choice(["utf-8", "utf-16", "latin-1", "utf-8-sig"]), "replace")
        path = folder / "workbook.csv"
        path.write_bytes(bent(encoded, rng))
        return path
    buffer = io.BytesIO()
    book.save(buffer)
    path = folder / "workbook.xlsx"
    if rng.random() < 0.3:
        path.write_bytes(bent(buffer.getvalue(), rng))
        return path
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(path, "w") as new:
        chosen = rng.choice(old.namelist())
        for name in old.namelist():  # damage that the checksums do not tell
            new.writestr(name, bent(old.read(name), rng) if name == chosen else old.read(name))
    return path


def a_model(folder: Path, photos: Path, rng: random.Random) -> Path:
    """The starter model with one file bent, mostly with the hash that it needs to be believed."""
    path = folder / "model"
    shutil.copytree(starter_folder(), path)
    name = rng.choice([CARD, *FILES])
    (path / name).write_bytes(bent((path / name).read_bytes(), rng))
    if rng.random() < 0.7 and name != CARD:
        restamp(path, read_card(path))
    return path


def restamp(path: Path, card: dict) -> None:
    """Give a changed model the hash that it needs to be believed."""
    card["files"] = {name: hashlib.sha256((path / name).read_bytes()).hexdigest() for name in card["files"]}
    (path / CARD).write_text(json.dumps(card))


def some_results(folder: Path, photos: Path, rng: random.Random) -> Path:
    """A bent store of results."""
    out = folder / "results.xlsx"
    with open_store(out) as store:
        store.begin(photo_files([folder / f"{n}.jpg" for n in range(30)]), RunOptions(*"abcde"))
        for n in range(25):
            note = "x" * rng.randrange(900)
            grade = PhotoGrade(f"{n}.jpg", PhotoFacts("P1"), 3.0, 2.0, 4.0, "3", {"chin": 3.0}, "ok", note)
            store.put(n, f"{n:064}", PhotoResult(grade))
    path = store_path(out)
    path.write_bytes(bent(path.read_bytes(), rng))
    return path


# ---- trial


def outcome(path: Path) -> str:
    """ "ok", "refused: ..." in one line, or "FAILED | ..." with the traceback."""

    try:
        {"photo": try_photo, "workbook": try_workbook, "model": try_model, "results": try_results}[
            path.name.split(".")[0]
        ](path)
    except ToolkitError as error:
        return "FAILED | several lines" if "\n" in str(error) else "refused"
    except BaseException:
        return "FAILED | " + " / ".join(traceback.format_exc().splitlines()[-4:])
    return "ok"


def try_photo(path: Path) -> None:
    """Reads it up to the patches."""
    settings = Settings()
    read_face(photo_files([path])[0], FaceFinder(None, settings.face), settings)


def try_workbook(path: Path) -> None:
    """Joins it with some photographs."""
    join_files(["P0001_FACE_L_S00_V00D00W04.jpg", "P0002_FACE_R.jpg", "a.jpg"], path)


def try_model(path: Path) -> None:
    """Loads it."""
    load_model(path)


def try_results(path: Path) -> None:
    """Opens the store and reads all that it holds."""
    with open_store(path.with_name("results.xlsx")) as store:
        store.drop_damaged()
        list(store.grades(facts_from_name))
        list(store.inputs())
        for what in (store.missing, store.qualities, store.counts):
            what()
        for table in ("patches", "contributions", "evidence"):
            list(store.rows(table))


def outcomes(batch: list[Path]) -> list[tuple[Path, str]]:
    """The outcome of each, the children's signals and hangs among them."""
    found, left = [], list(batch)
    while left:
        tries = (word for path in left for word in ("--try", str(path)))
        command = [sys.executable, "-m", "benchmarks.fuzz", ".", *tries]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, errors="replace")
            said, end = ran.stdout, f"exit status {ran.returncode}"
        except subprocess.TimeoutExpired as late:
            said, end = (late.stdout or b"").decode(errors="replace"), f"longer than {LIMIT_S} s"
        lines = dict(line.split("\t", 1) for line in said.splitlines() if line.count("\t") == 1)
        done = [path for path in left if str(path) in lines]
        found += [(path, lines[str(path)]) for path in done]
        left = [path for path in left if str(path) not in lines]
        if left:
            found.append((left[0], f"FAILED | {end}"))
            left = left[1:]
    return found


def keep_input(path: Path, why: str, place: Path) -> None:
    """What failed, and the reason beside it."""
    shutil.copytree(path.parent, place, dirs_exist_ok=True)
    (place / "why.txt").write_text(why + "\n", encoding="utf-8", errors="replace")


# ---- the run


def main(
    photos: Annotated[Path, typer.Argument(help="Photographs of faces.")],
    minutes: float = 60,
    seed: int = 0,
    keep: Annotated[Path, typer.Option(help="Folder for what failed.")] = Path("fuzz-findings"),
    tried: Annotated[list[Path] | None, typer.Option("--try", hidden=True)] = None,
) -> None:
    """Damages and tries until the time is up; with --try, the child, tries these alone."""
    for path in tried or []:
        print(f"{path}\t{outcome(path)}", flush=True)
    if tried:
        return
    counts: collections.Counter[str] = collections.Counter()
    ends, number = time.monotonic() + 60 * minutes, 0
    while time.monotonic() < ends:
        with tempfile.TemporaryDirectory() as folder:
            rng = random.Random(f"{seed} {number}")
            batch = [damaged(Path(folder) / str(n), photos, rng) for n in range(BATCH)]
            for path, found in outcomes(batch):
                kind = path.name.split(".")[0]
                counts[f"{kind}: {found.split(' | ')[0]}"] += 1
                if found.startswith("FAILED"):
                    keep_input(path, found, keep / f"{seed}-{number}-{path.parent.name}")
        number += 1
        if number % 5 == 0:
            print(f"{number * BATCH} inputs, {dict(sorted(counts.items()))}", flush=True)
    for name, count in sorted(counts.items()):
        print(f"{count:6d}  {name}")


if __name__ == "__main__":
    run(main, __doc__)
