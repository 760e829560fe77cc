#!/usr/bin/env python
"""How fast grading is, stage by stage and end to end, beside a plain decode of the same files.

    scripts/benchmark                                       # 10, 100 and 1000 drawn half faces
    scripts/benchmark --photos 100 --images my-study/       # on photographs of your own
    scripts/benchmark --photos 10 --photos 100 --photos 1000 --photos 10000 --json figures.json

One run measures everything, so that its ratios hold on one machine in one state: leave the machine alone meanwhile.
The drawn photographs are 1600 pixels wide with everything but skin painted black; beyond the first 60 they are
copies that differ in bytes, not in pixels. Prints Markdown tables.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import cv2
import numpy as np
import typer

import toolkit.landmarks.finder
import toolkit.phototable
import toolkit.pipeline
from toolkit.commands.phantoms import make_phantoms
from toolkit.commands.shared import default_workers
from toolkit.errors import ToolkitError
from toolkit.images import find_photos
from toolkit.index import ReferenceIndex
from toolkit.landmarks import FaceFinder
from toolkit.model import load_model
from toolkit.photos import photo_files
from toolkit.pipeline import Grader, Prepared, prepare, read_face, see
from toolkit.progress import progress_bars
from toolkit.siamese import Encoder
from toolkit.store import Options, open_store

DISTINCT = 60
STAGED = 40  # photos that are timed stage by stage
SEED_REFERENCES = 100  # of each class, that the 2020 capstone compares a photo with
SEED_CLASSES = 7
STAGES = ("decode", "detect", "landmarks", "patches", "features", "embedding", "index", "blend", "write")


# Photographs ------------------------------------------------------------------------------------------------


def photographs(work: Path, count: int, images: Path | None) -> list[Path]:
    """``count`` files in a folder of their own: distinct in bytes, and as far as they go in pixels."""
    folder = work / f"photos-{count}"
    if not folder.is_dir():
        folder.mkdir(parents=True)
        originals = find_photos([images]) if images else drawn(work / "phantoms")
        for number, original in zip(range(count), itertools.cycle(originals), strict=False):
            copy = folder / f"{number:05}-{original.name}"
            copy.write_bytes(original.read_bytes() + (b"" if number < len(originals) else b"%d" % number))
    return find_photos([folder])


def drawn(folder: Path) -> list[Path]:
    if not (folder / "truth.csv").is_file():
        with progress_bars(quiet=False) as tell:
            make_phantoms(
                folder, DISTINCT // 2, 1, "half", seed=7, faces=None, workers=default_workers(), tell=tell
            )
    return find_photos([folder / "images"])


# Plain decode -----------------------------------------------------------------------------------------------


def _one_thread() -> None:
    cv2.setNumThreads(1)


def _decoded(path: Path) -> int:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    return 0 if picture is None else picture.size


def plain_decode_ms(paths: Sequence[Path], workers: int) -> float:
    """Milliseconds a photo of OpenCV's full-size decode, over as many processes as grading has."""
    rounds = max(1, 400 // len(paths))
    with get_context("spawn").Pool(workers, _one_thread) as pool:
        pool.map(_decoded, paths, 8)
        began = time.perf_counter()
        for _ in range(rounds):
            pool.map(_decoded, paths, 8)
        return 1000 * (time.perf_counter() - began) / rounds / len(paths)


# Stage by stage ---------------------------------------------------------------------------------------------


class Stopwatch:
    """Time spent in functions, by name, added up until ``lap``."""

    def __init__(self) -> None:
        self._now: dict[str, float] = defaultdict(float)
        self.laps: list[dict[str, float]] = []

    @contextmanager
    def part(self, stage: str) -> Iterator[None]:
        """Times a block."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._now[stage] += time.perf_counter() - began

    @contextmanager
    def on(self, owner: Any, name: str, stage: str) -> Iterator[None]:
        """Times every call of ``owner.name`` within a block."""
        function = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.part(stage):
                return function(*args, **kwargs)

        setattr(owner, name, timed)
        try:
            yield
        finally:
            setattr(owner, name, function)

    def clear(self) -> None:
        self._now.clear()

    def lap(self) -> None:
        self.laps.append(dict(self._now))
        self.clear()

    def ms(self, stage: str, *without: str) -> float:
        return 1000 * median(lap[stage] - sum(lap[one] for one in without) for lap in self.laps)


def stages_ms(paths: Sequence[Path], work: Path) -> dict[str, float]:
    """Median milliseconds a photo of each stage, in one process with one thread, one photo after another."""
    model, watch = load_model(), Stopwatch()
    finder, grader = FaceFinder(None, model.settings.face), Grader(model)
    with open_store(work / "stages.xlsx") as store:
        options = Options("", "", "", "", "")
        store.begin(photo_files(paths), options)

        def whole(place: int, path: Path) -> None:
            _, face, quality = read_face(photo_files([path])[0], finder, model.settings)
            with watch.part("features"):
                photo = prepare(face, model.settings, quality)
            with watch.part("grade"):
                (result,) = grader.grade([photo])
            with watch.part("write"):
                store.put(place, face.sha256, result, face)

        whole(0, paths[0])  # loads what is loaded once
        with (
            watch.on(toolkit.pipeline, "read_photo", "decode"), watch.on(finder, "find", "find"),
            watch.on(toolkit.landmarks.finder, "refine", "landmarks"),
            watch.on(toolkit.pipeline, "make_chart", "chart"), watch.on(toolkit.pipeline, "cut_patches", "cut"),
            watch.on(toolkit.pipeline, "assess", "assess"), watch.on(toolkit.phototable, "see", "see"), watch.on(Encoder, "place", "place"),
            watch.on(ReferenceIndex, "query", "index"),
        ):  # fmt: skip
            watch.clear()
            for place, path in enumerate(paths):
                whole(place, path)
                watch.lap()
    (work / "stages.toolkit.sqlite").unlink(missing_ok=True)
    return {
        "decode": watch.ms("decode"),
        "detect": watch.ms("find", "landmarks"),
        "landmarks": watch.ms("landmarks"),
        "patches": watch.ms("cut") + watch.ms("assess"),
        "features": watch.ms("features"),
        "embedding": watch.ms("see") + watch.ms("place"),
        "index": watch.ms("index"),
        "blend": watch.ms("grade", "see", "place", "index"),
        "write": watch.ms("write"),
    }


# End to end -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """One run of ``toolkit grade``: seconds in all and to the first kept result, and the peak of all processes'
    resident memory in MB (None where /proc is missing)."""

    photos: int
    seconds: float
    first_s: float
    peak_mb: float | None


def graded(paths: Sequence[Path], work: Path, workers: int) -> Run:
    """``toolkit grade`` on a folder of photographs, watched from outside."""
    out = work / "end-to-end.xlsx"
    clean(out)
    command = [sys.executable, "-m", "toolkit.cli", "grade", str(paths[0].parent), "--out", str(out),
               "--workers", str(workers), "--quiet"]  # fmt: skip
    began, first, peak = time.perf_counter(), None, 0.0
    looked = began
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if first is None and kept(out.with_suffix(".toolkit.sqlite")):
            first = time.perf_counter() - began
        if (now := time.perf_counter()) > looked + 0.5:
            peak, looked = max(peak, tree_mb(process.pid)), now
        time.sleep(0.05)
    seconds = time.perf_counter() - began
    if process.returncode not in (0, 3):  # 3: some photographs could not be graded
        raise SystemExit(f"toolkit grade failed on {paths[0].parent}")
    clean(out)
    return Run(len(paths), seconds, first or seconds, peak or None)


def clean(out: Path) -> None:
    for path in out.parent.glob(f"{out.stem}*"):
        path.unlink()


def kept(store: Path) -> int:
    """Results in a store that another process writes to; 0 while it cannot be read."""
    with suppress(sqlite3.Error):
        connection = sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True, timeout=0)
        try:
            return int(connection.execute("SELECT count(*) FROM results").fetchone()[0])
        finally:
            connection.close()
    return 0


def tree_mb(root: int) -> float:
    """Resident memory of a process and all below it: what they share is counted once for each."""
    parents, resident = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            resident[int(entry.name)] = int((entry / "statm").read_text().split()[1])
    below, found = {root}, True
    while found:
        found = {pid for pid, parent in parents.items() if parent in below} - below
        below |= found
    return sum(resident.get(pid, 0) for pid in below) * os.sysconf("SC_PAGE_SIZE") / 1e6 if resident else 0.0


# Peers ------------------------------------------------------------------------------------------------------


def loop_ms(paths: Sequence[Path]) -> float:
    """Milliseconds a photo of a plain loop over the public stage functions, in one process."""
    model = load_model()
    finder, grader = FaceFinder(None, model.settings.face), Grader(model)

    def one(path: Path) -> None:
        _, face, quality = read_face(photo_files([path])[0], finder, model.settings)
        list(grader.grade([prepare(face, model.settings, quality)]))

    one(paths[0])
    began = time.perf_counter()
    for path in paths:
        one(path)
    return 1000 * (time.perf_counter() - began) / len(paths)


def seed_ms(paths: Sequence[Path]) -> float:
    """Milliseconds a photo of the seed's comparison alone: every patch goes through the network together with each
    of 100 references of 7 classes, two inputs a pair."""
    model = load_model()
    finder = FaceFinder(None, model.settings.face)
    prepared: list[Prepared] = []
    for path in paths[:10]:
        _, face, quality = read_face(photo_files([path])[0], finder, model.settings)
        prepared.append(prepare(face, model.settings, quality))
    patches = [one for photo in prepared for one in photo.patch_inputs()]
    pairs = SEED_REFERENCES * SEED_CLASSES
    alike = [[one for one in patches if one.shape == patch.shape] for patch in prepared[0].patch_inputs()]
    began = time.perf_counter()
    for patch, others in zip(prepared[0].patch_inputs(), alike, strict=True):
        references = list(itertools.islice(itertools.cycle(others), pairs))
        a, _ = model.encoder.place(model.encoder.look([patch] * pairs)[0])
        b, _ = model.encoder.place(model.encoder.look(references)[0])
        np.linalg.norm(a - b, axis=1)
    return 1000 * (time.perf_counter() - began)


# Encoders ---------------------------------------------------------------------------------------------------


def encoders(paths: Sequence[Path]) -> dict[str, dict[str, float]]:
    """ONNX Runtime against Keras: milliseconds a photo, and how far their grades differ."""
    model = load_model()
    finder = FaceFinder(None, model.settings.face)
    prepared = []
    for path in paths:
        _, face, quality = read_face(photo_files([path])[0], finder, model.settings)
        prepared.append(prepare(face, model.settings, quality))
    found, grades = {}, {}
    for name, encoder in (("ONNX Runtime", model.encoder), ("Keras on TensorFlow", model.encoder.in_keras())):
        for photo in prepared[:3]:
            see(encoder, [photo])
        began = time.perf_counter()
        for photo in prepared:
            see(encoder, [photo])
        each = 1000 * (time.perf_counter() - began) / len(prepared)
        grader = Grader(replace(model, encoder=encoder))
        grades[name] = np.array([float(result.grade.grade or 0) for result in grader.grade(prepared)])
        found[name] = {"ms a photo": each, "start, s": start_s("keras" in name.lower())}
    first, second = grades.values()
    for one in found.values():
        one["largest difference of a grade"] = float(np.abs(first - second).max())
    return found


def start_s(in_keras: bool) -> float:
    """Seconds from nothing to the first patch seen, in a fresh process."""
    code = (
        "import numpy as np; from toolkit.model import load_model; e = load_model().encoder; "
        f"e = e.in_keras() if {in_keras} else e; e.embed([np.ones((96, 224, 4), np.float16)])"
    )
    return timed([sys.executable, "-c", code])


def on_gpu(paths: Sequence[Path]) -> dict[str, float]:
    """Patches a second of the encoder in batches, where TensorFlow has a GPU; {} where not."""
    import tensorflow

    if not tensorflow.config.list_physical_devices("GPU"):
        return {}
    encoder = load_model().encoder.in_keras()
    picture = np.zeros((96, 224, 4), np.float32)
    found = {}
    for batch in (1, 16, 64, 256):
        pictures = np.stack([picture] * batch)
        encoder.trunk.predict_on_batch(pictures)
        began = time.perf_counter()
        for _ in range(20):
            encoder.trunk.predict_on_batch(pictures)
        found[str(batch)] = 20 * batch / (time.perf_counter() - began)
    return found


# Printing ---------------------------------------------------------------------------------------------------


def timed(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def markdown(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def machine() -> str:
    name = platform.processor() or platform.machine()
    with suppress(OSError):
        models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
        name = models[0].split(":")[1].strip() if models else name
    return f"{name}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"


def show(found: dict[str, Any]) -> None:
    """The tables of ``measured``."""
    print(f"\nMachine: {found['machine']}; {found['workers']} processes; photographs of {found['pixels']} pixels, "
          f"{found['bytes'] / 1000:.0f} kB.\n")  # fmt: skip
    stages = found["stages, ms"]
    rows = [[name, f"{stages[name]:.1f}", f"{stages[name] / sum(stages.values()):.0%}"] for name in STAGES]
    print(
        markdown(
            ["stage, one thread", "ms a photo", "share"], [*rows, ["sum", f"{sum(stages.values()):.1f}", ""]]
        )
    )
    rows = [
        [one.photos, f"{one.seconds:.1f}", f"{1000 * one.seconds / one.photos:.0f}", f"{one.first_s:.1f}",
         f"{one.peak_mb:.0f}" if one.peak_mb else "unknown"]
        for one in (Run(**run) for run in found["runs"])
    ]  # fmt: skip
    print("\n" + markdown(["photos", "s in all", "ms a photo", "first result, s", "peak memory, MB"], rows))
    print("\n" + markdown(["", "ms a photo", "photos a second", "times plain decode"], peers(found)))
    rows = [[name, *(f"{x:.2g}" for x in one.values())] for name, one in found["encoders"].items()]
    print("\n" + markdown(["encoder", *next(iter(found["encoders"].values()))], rows) + "\n")
    if found["gpu"]:
        print(
            markdown(
                ["batch on the GPU", "patches a second"], [[k, f"{v:.0f}"] for k, v in found["gpu"].items()]
            )
        )
    print(f"`toolkit --help`: {found['help, s']:.2f} s; `import toolkit`: {found['import, s']:.2f} s.")


def peers(found: dict[str, Any]) -> list[list[str]]:
    """Grading beside a plain decode, a plain loop, and the seed's comparison."""
    decode = found["plain decode, ms"]
    lines = {
        "`toolkit grade`, steady": found["steady, ms"],
        "plain full-size decode, OpenCV": decode,
        "plain loop over the stages, one process": found["loop, ms"],
        "the seed's comparison alone, one process": found["seed, ms"],
    }
    return [[name, f"{ms:.1f}", f"{1000 / ms:.2g}", f"{ms / decode:.1f}"] for name, ms in lines.items()]


def steady_ms(runs: Sequence[Run]) -> float:
    """Milliseconds a photo between the two largest runs: starting up and the last sheet's frame count in both."""
    if len(runs) < 2 or runs[-1].photos == runs[-2].photos:
        return 1000 * runs[0].seconds / runs[0].photos
    small, large = runs[-2:]
    return 1000 * (large.seconds - small.seconds) / (large.photos - small.photos)


def usable(paths: Sequence[Path]) -> list[Path]:
    """The first photographs that have a face and skin: stages can be timed on these alone."""
    settings, found = load_model().settings, []
    finder = FaceFinder(None, settings.face)
    for path in paths:
        with suppress(ToolkitError):
            if read_face(photo_files([path])[0], finder, settings)[1].patches:
                found.append(path)
        if len(found) == STAGED:
            break
    return found


def measured(sets: dict[int, list[Path]], folder: Path, workers: int) -> dict[str, Any]:
    """All figures, by what they are."""

    def tell(what: str) -> None:
        print(f"... {what}", file=sys.stderr)

    cv2.setNumThreads(1)
    largest = sets[max(sets)]
    some = usable(largest)
    picture = cv2.imread(str(some[0]))
    found: dict[str, Any] = {
        "machine": machine(), "workers": workers, "pixels": f"{picture.shape[1]} x {picture.shape[0]}",
        "bytes": float(np.mean([path.stat().st_size for path in some])),
    }  # fmt: skip
    tell("start-up")
    script = [sys.executable, "-m", "toolkit.cli", "--help"]
    found["help, s"] = median(timed(script) for _ in range(5))
    found["import, s"] = median(timed([sys.executable, "-c", "import toolkit"]) for _ in range(5))
    tell("plain decode")
    found["plain decode, ms"] = plain_decode_ms(largest[:400], workers)
    tell("stages")
    found["stages, ms"] = stages_ms(some, folder)
    runs = []
    for size, paths in sets.items():
        tell(f"toolkit grade, {size} photos")
        runs.append(graded(paths, folder, workers))
    found["runs"], found["steady, ms"] = [asdict(one) for one in runs], steady_ms(runs)
    tell("peers")
    found["loop, ms"], found["seed, ms"] = loop_ms(some), seed_ms(some)
    tell("encoders")
    found["encoders"], found["gpu"] = encoders(some[:20]), on_gpu(some)
    return found


def main(
    photos: Annotated[list[int] | None, typer.Option(min=2, help="Sizes of the runs.")] = None,
    images: Annotated[
        Path | None, typer.Option(help="Photographs of your own in place of drawn ones.")
    ] = None,
    work: Annotated[Path | None, typer.Option(help="Keep the photographs here.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="By default one a core.")] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write all figures to this file.")] = None,
) -> None:
    sizes, count = sorted(set(photos or [10, 100, 1000])), workers or default_workers()
    folder = work or Path(tempfile.mkdtemp(prefix="benchmark-"))
    try:
        found = measured({size: photographs(folder, size, images) for size in sizes}, folder, count)
    finally:
        if work is None:
            shutil.rmtree(folder)
    show(found)
    if json_path:
        json_path.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    typer.run(main)
