"""How fast grading is, stage by stage and end to end, beside a plain decode of the same files.

    python -m benchmarks.speed                                       # 10, 100 and 1000 drawn half faces
    python -m benchmarks.speed --photos 100 --images my-study/       # on photographs of your own
    python -m benchmarks.speed --photos 10 --photos 100 --photos 1000 --photos 10000 --json figures.json

One run measures everything, so that its ratios hold on one machine in one state: leave the machine alone
meanwhile. The drawn photographs are 1600 pixels wide with everything but skin painted black; beyond the first
60 they are copies that differ in bytes, not in pixels. Prints Markdown tables.
"""

from __future__ import annotations

import os
import platform
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import cv2
import numpy as np
import typer

from benchmarks.command import Json, Work, folder_for, run, write_json
from benchmarks.speed.peers import encoders, loop_ms, on_gpu, plain_decode_ms, resnet_ms, seed_ms
from benchmarks.speed.photographs import photographs, usable
from benchmarks.speed.runs import graded, steady_ms, timed
from benchmarks.speed.stages import stages_ms
from benchmarks.speed.tables import show
from toolkit.commands.shared import default_workers


def measured(sets: dict[int, list[Path]], folder: Path, workers: int) -> dict[str, Any]:
    """All figures, by what they are."""

    def tell(what: str) -> None:
        print(f"... {what}", file=sys.stderr)

    cv2.setNumThreads(1)
    largest = sets[max(sets)]
    some = usable(largest)
    picture: Any = cv2.imread(str(some[0]))
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
    found["runs"], found["steady, ms"] = (
        [asdict(one) for one in runs],
        steady_ms(runs, lambda run: run.seconds),
    )
    found["steady, ms of processor time"] = steady_ms(runs, lambda run: run.cpu_s)
    tell("peers")
    found["loop, ms"], found["seed, ms"] = loop_ms(some), seed_ms(some)
    found["resnet, ms"], found["resnet, ms of processor time"] = resnet_ms(some)
    tell("encoders")
    found["encoders"], found["gpu"] = encoders(some[:20]), on_gpu()
    return found


def machine() -> str:
    """Processor, cores that may be used, Python."""
    name = platform.processor() or platform.machine()
    with suppress(OSError):
        models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
        name = models[0].split(":")[1].strip() if models else name
    return f"{name}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"


def main(
    photos: Annotated[list[int] | None, typer.Option(min=2, help="Sizes of the runs.")] = None,
    images: Annotated[
        Path | None, typer.Option(help="Photographs of your own in place of drawn ones.")
    ] = None,
    work: Work = None,
    workers: Annotated[int | None, typer.Option(min=1, help="By default one a core.")] = None,
    json_path: Json = None,
) -> None:
    """Draws, measures and prints."""
    sizes, count = sorted(set(photos or [10, 100, 1000])), workers or default_workers()
    with folder_for(work) as folder:
        found = measured({size: photographs(folder, size, images) for size in sizes}, folder, count)
    show(found)
    write_json(json_path, found)


if __name__ == "__main__":
    run(main, __doc__)
