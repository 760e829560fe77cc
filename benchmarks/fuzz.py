#!/usr/bin/env python3
"""Damaged photographs, workbooks, model folders and results, at random: each must end in one line or in a result.

    scripts/fuzz PHOTOS [--minutes 60] [--seed 0] [--keep FOLDER]

PHOTOS is a folder of photographs of faces. A child process tries a batch of damaged copies at a time, so that a signal
or a hang is found too. Counts go to the terminal; what failed is kept in --keep with the reason.
"""

from __future__ import annotations

import argparse
import collections
import io
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

BATCH, LIMIT_S = 80, 400
# Headings and a row that fits a photograph, so that some workbooks can be joined.
TABLES = [
    (["SUBJID", "side", "VISIT", "Mottled hyperpigmentation"], ["P0001", "left", "Week 4", 3.5]),
    (["file", "grade"], ["a.jpg", 2]),
    (["Subject No.", "Side of Face", "Baseline", "Week 4"], ["P0001", "L", 3, 2.5]),
]
PICTURES = {"jpg": "JPEG", "png": "PNG", "tif": "TIFF", "webp": "WEBP", "bmp": "BMP", "gif": "GIF", "jp2": "JPEG2000", "avif": "AVIF"}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--try", dest="tried", type=Path, nargs="*", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.tried is not None:
        for path in wanted.tried:
            print(f"{path}\t{outcome(path)}", flush=True)
        return
    counts: collections.Counter[str] = collections.Counter()
    ends, round_ = time.monotonic() + 60 * wanted.minutes, 0
    while time.monotonic() < ends:
        with tempfile.TemporaryDirectory() as folder:
            rng = random.Random(f"{wanted.seed} {round_}")
            batch = [damaged(Path(folder) / str(n), wanted.photos, rng) for n in range(BATCH)]
            for path, found in tried(batch):
                kind = path.name.split(".")[0]
                counts[f"{kind}: {found.split(' | ')[0]}"] += 1
                if found.startswith("FAILED"):
                    keep(path, found, wanted.keep / f"{wanted.seed}-{round_}-{path.parent.name}")
        round_ += 1
        if round_ % 5 == 0:
            print(f"{round_ * BATCH} inputs, {dict(sorted(counts.items()))}", flush=True)
    for name, count in sorted(counts.items()):
        print(f"{count:6d}  {name}")


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
    from PIL import Image

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
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    heading, row = rng.choice(TABLES)
    sheet.append(heading)
    sheet.append(row)
    odd = ["P0001", "left", "Week 4", 3.5, None, "", -1, 1e300, True, "=A1", "x" * 40000, "\u200bP1", "nan", "2024-01-02", "#REF!"]  # fmt: skip
    for _ in range(rng.choice([0, 0, 1, 3, 7])):
        sheet.append(
            [rng.choice(odd) if rng.random() < 0.5 else rng.randrange(10) for _ in range(rng.randrange(6))]
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
    with (
        zipfile.ZipFile(buffer) as old,
        zipfile.ZipFile(path, "w") as new,
    ):  # damage that the checksums do not tell
        chosen = rng.choice(old.namelist())
        for name in old.namelist():
            new.writestr(name, bent(old.read(name), rng) if name == chosen else old.read(name))
    return path


def a_model(folder: Path, photos: Path, rng: random.Random) -> Path:
    from toolkit.model import CARD, FILES, read_card, starter_folder

    path = folder / "model"
    shutil.copytree(starter_folder(), path)
    name = rng.choice([CARD, *FILES])
    (path / name).write_bytes(bent((path / name).read_bytes(), rng))
    if rng.random() < 0.7 and name != CARD:
        restamp(path, read_card(path))
    return path


def restamp(path: Path, card: dict) -> None:
    """Give a changed model the hash that it needs to be believed."""
    import hashlib
    import json

    from toolkit.model import CARD

    card["files"] = {name: hashlib.sha256((path / name).read_bytes()).hexdigest() for name in card["files"]}
    (path / CARD).write_text(json.dumps(card))


def some_results(folder: Path, photos: Path, rng: random.Random) -> Path:
    from toolkit.photos import photo_files
    from toolkit.pipeline import PhotoResult
    from toolkit.records import PhotoFacts, PhotoGrade
    from toolkit.store import Options, open_store, store_path

    out = folder / "results.xlsx"
    with open_store(out) as store:
        store.begin(photo_files([folder / f"{n}.jpg" for n in range(30)]), Options(*"abcde"))
        for n in range(25):
            grade = PhotoGrade(f"{n}.jpg", PhotoFacts("P1"), 3.0, 2.0, 4.0, "3", {"chin": 3.0}, "ok", "x" * rng.randrange(900))  # fmt: skip
            store.put(n, f"{n:064}", PhotoResult(grade))
    path = store_path(out)
    path.write_bytes(bent(path.read_bytes(), rng))
    return path


# ---- trial


def outcome(path: Path) -> str:
    """ "ok", "refused: ..." in one line, or "FAILED | ..." with the traceback."""
    from toolkit.errors import ToolkitError

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
    from toolkit.landmarks import FaceFinder
    from toolkit.photos import photo_files
    from toolkit.pipeline import read_face
    from toolkit.settings import Settings

    settings = Settings()
    read_face(photo_files([path])[0], FaceFinder(None, settings.face), settings)


def try_workbook(path: Path) -> None:
    from toolkit.study import join_files

    join_files(["P0001_FACE_L_S00_V00D00W04.jpg", "P0002_FACE_R.jpg", "a.jpg"], path)


def try_model(path: Path) -> None:
    from toolkit.model import load_model

    load_model(path)


def try_results(path: Path) -> None:
    from toolkit.store import open_store
    from toolkit.study import facts_from_name

    with open_store(path.with_name("results.xlsx")) as store:
        store.drop_damaged()
        (
            list(store.grades(facts_from_name)),
            list(store.inputs()),
            store.missing(),
            store.qualities(),
            store.counts(),
        )
        for table in ("patches", "contributions", "evidence"):
            list(store.rows(table))


def tried(batch: list[Path]) -> list[tuple[Path, str]]:
    """The outcome of each, the children's signals and hangs among them."""
    found, left = [], list(batch)
    while left:
        command = [sys.executable, __file__, ".", "--try", *map(str, left)]
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


def keep(path: Path, why: str, place: Path) -> None:
    shutil.copytree(path.parent, place, dirs_exist_ok=True)
    (place / "why.txt").write_text(why + "\n", encoding="utf-8", errors="replace")


if __name__ == "__main__":
    main()
