"""Grading on many machines, tried on this one: the same results by every way, through every death, and its costs.

    python -m benchmarks.cluster --photos 60 --work W          # every way to grade, side by side
    python -m benchmarks.cluster --photos 60 --work W --kills 10   # kill -9 at random moments, driver included
    python -m benchmarks.cluster --rows 100000                  # one driver on stored results, without photographs

The first prints, for each way, photos a second, processor seconds a photo, the peak memory of all processes, and
whether every cell of the workbook is that of one process. The second prints a log of the deaths, and whether anything
was lost, done twice, or differs. The third prints what the driver itself costs.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import openpyxl
import typer

from benchmarks.command import Json, Work, folder_for, run, write_json
from benchmarks.speed.photographs import photographs
from benchmarks.speed.runs import children_cpu_s, clean, tree_mb
from toolkit.commands.onephoto import Graded
from toolkit.commands.partsrun import RunPhotos
from toolkit.photos import photo_files
from toolkit.pool import run_jobs
from toolkit.store import RunRecord, open_parts

WAYS = {
    "1 process": ["--workers", "1"],
    "2 processes": ["--workers", "2"],
    "Dask, local, 1 worker": ["--cluster", "local", "--workers", "1"],
    "Dask, local, 2 workers": ["--cluster", "local", "--workers", "2"],
}
OF_THE_RUN = ("started", "finished", "seconds", "workers", "merged parts")


def command(*arguments: object) -> list[str]:
    """A call of the command line."""
    return [sys.executable, "-m", "toolkit.cli", *map(str, arguments), "--quiet"]


def watched(calls: list[list[str]]) -> dict[str, float]:
    """Seconds, processor seconds and peak memory of calls, one after the other."""
    began, peak = time.perf_counter(), 0.0
    before = children_cpu_s()
    for call in calls:
        process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            peak = max(peak, tree_mb(process.pid))
            time.sleep(0.5)
        if process.returncode not in (0, 3):
            raise SystemExit(f"failed: {' '.join(call)}")
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "processor, s": children_cpu_s() - before, "peak, MB": peak}


def cells(workbook: Path) -> dict[tuple[str, str], Any]:
    """Every cell but those that tell of the run; those of the sheet Run by their items."""
    found: dict[tuple[str, str], Any] = {}
    for sheet in openpyxl.load_workbook(workbook, read_only=True).worksheets:
        for number, row in enumerate(sheet.iter_rows(values_only=True)):
            if sheet.title != "Run":
                found |= {(sheet.title, f"{number} {place}"): value for place, value in enumerate(row)}
            elif row and row[0] not in OF_THE_RUN:
                found["Run", str(row[0])] = row[1]
    return found


def every_way(images: Path, count: int, folder: Path) -> list[dict[str, Any]]:
    """Each way's costs, and whether its workbook is the first one's."""
    calls = {
        way: [command("grade", images, "--out", folder / f"way{number}.xlsx", *options)]
        for number, (way, options) in enumerate(WAYS.items())
    }
    shares = [folder / f"share{number}.xlsx" for number in (1, 2)]
    calls["2 shares, merged"] = [
        *(
            command("grade", images, "--out", share, "--workers", 1, "--part", f"{number}/2")
            for number, share in enumerate(shares, 1)
        ),
        command("merge", *shares, "--out", folder / "way4.xlsx", "--workers", 1),
    ]
    first: dict[tuple[str, str], Any] = {}
    found = []
    for number, (way, lines) in enumerate(calls.items()):
        for name in (f"way{number}.xlsx", *(share.name for share in shares)):
            clean(folder / name)
        costs = watched(lines)
        told = cells(folder / f"way{number}.xlsx")
        first = first or told
        found.append(
            {
                "way": way,
                **costs,
                "photos/s": count / costs["seconds"],
                "same cells": told == first,
                "cells": len(told),
            }
        )
        print(f"... {found[-1]}", file=sys.stderr)
    return found


# --- deaths ----------------------------------------------------------------------------------------


def results(out: Path) -> dict[str, int]:
    """{hash: row number} of what is kept; a result that is made again gets another row."""
    store = out.with_suffix(".toolkit.sqlite")
    if not store.is_file():
        return {}
    try:
        with sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True) as db:
            return dict(db.execute("SELECT sha256, rowid FROM results").fetchall())
    except sqlite3.Error:  # being written, or a write of a killed driver that is to be taken back
        return {}


def below(root: int) -> list[int]:
    """The processes that a process has started, and these in turn; not Python's own of multiprocessing."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError, ValueError):  # gone meanwhile
            continue
    found, new = set[int](), {root}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return [pid for pid in found if b"resource_tracker" not in _line(pid)]


def _line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b"resource_tracker"


def chaos(images: Path, folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """Grade on two workers while processes are killed at random moments, the driver among them; then to the end."""
    chance, out = random.Random(seed), folder / "chaos.xlsx"
    clean(out)
    call = command("grade", images, "--out", out, "--cluster", "local", "--workers", 2)
    kept: dict[str, int] = {}
    again, drivers, log = 0, 0, []
    began = time.monotonic()
    process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for number in range(kills):
        goal = len(results(out) or kept) + chance.randint(1, 3)
        while len(results(out)) < goal and process.poll() is None:
            time.sleep(0.1)
        time.sleep(chance.uniform(0, 1))
        if process.poll() is not None:
            break
        driver = chance.random() < 0.2 or number == kills - 1
        victim = process.pid if driver else chance.choice(below(process.pid))
        os.kill(victim, signal.SIGKILL)
        now = results(out)
        again += sum(now.get(sha256, row) != row for sha256, row in kept.items())
        kept |= now
        log.append(
            f"{time.monotonic() - began:6.1f} s: {len(kept):3} kept, killed {'the driver' if driver else 'a process of a worker'}"
        )
        print(log[-1], flush=True)
        if driver:
            drivers += 1
            process.wait()
            process = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    status = process.wait()
    now = results(out)
    again += sum(now.get(sha256, row) != row for sha256, row in kept.items())
    return {"kills": len(log), "of the driver": drivers, "status": status, "kept": len(now), "made again": again,
            "lost": len(kept.keys() - now.keys()), "log": log, "seconds": time.monotonic() - began}  # fmt: skip


# --- one driver ------------------------------------------------------------------------------------


def stored(number: int) -> Graded:
    """What a worker sends of a photo, as large as that of a half face."""
    text = f"{number:064}" * 60
    return Graded(
        f"{number:064x}", (4.0, 3.0, 5.0, "4.0", "left", "{}", "ok", "{}", "", text, text, text, text, text)
    )


def memory_mb() -> float:
    """Of this process, at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def one_driver(rows: int, folder: Path) -> Iterator[dict[str, Any]]:
    """What a driver costs that keeps results in Parquet parts, and one that hands jobs to Dask."""
    files = photo_files([Path(f"/photos/P{number:07}_FACE_L_V00D00W00.jpg") for number in range(rows)])
    yield {"stage": f"list of {rows:,} photos", "peak, MB": memory_mb()}
    began, wall = time.process_time(), time.perf_counter()
    with open_parts(folder / "run.parts") as parts:
        parts.begin(RunRecord())
        photos = RunPhotos(parts, "{}", files=files, hashes=[""] * rows, hints=["{}"] * rows)
        for number in range(rows):
            photos.keep(number, stored(number))
            if number in (rows // 10, rows // 2):
                yield {"stage": f"kept {number:,}", "peak, MB": memory_mb()}
        parts.end(photos.rows())
    used = time.process_time() - began
    yield {
        "stage": "kept in parts",
        "photos a processor second": rows / used,
        "photos/s": rows / (time.perf_counter() - wall),
        "peak, MB": memory_mb(),
    }
    jobs = min(rows, 4000)
    from benchmarks.cluster import stored as task  # by its own name: what is of __main__ cannot be sent
    from toolkit.cluster import connect

    with connect("local", 1) as cluster:
        began = time.process_time()
        done = sum(1 for _ in run_jobs(task, range(jobs), cluster))
        used = time.process_time() - began  # of the driver and its scheduler, which is in this process
    yield {
        "stage": f"{done:,} jobs through Dask",
        "photos a processor second": done / used,
        "peak, MB": memory_mb(),
    }


def main(
    photos: Annotated[int, typer.Option(min=2, help="How many.")] = 60,
    images: Annotated[
        Path | None, typer.Option(help="Photographs of your own in place of drawn ones.")
    ] = None,
    kills: Annotated[int, typer.Option(help="Kill so many processes at random moments.")] = 0,
    rows: Annotated[int, typer.Option(help="So many stored results through one driver.")] = 0,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 0,
    work: Work = None,
    json_path: Json = None,
) -> None:
    """Runs one of the three and prints it."""
    with folder_for(work) as folder:
        if rows:
            found: Any = []
            for one in one_driver(rows, folder):
                found.append(one)
                print(one, flush=True)
            write_json(json_path, found)
            return
        place = photographs(folder, photos, images)[0].parent
        found = every_way(place, photos, folder) if not kills else chaos(place, folder, kills, seed)
        if kills:
            clean(folder / "undisturbed.xlsx")
            watched([command("grade", place, "--out", folder / "undisturbed.xlsx")])
            told = [cells(folder / f"{name}.xlsx") for name in ("chaos", "undisturbed")]
            found["same cells as undisturbed"] = told[0] == told[1]
        for one in found if isinstance(found, list) else [found]:
            print(one)
        write_json(json_path, found)


if __name__ == "__main__":
    run(main, __doc__)
