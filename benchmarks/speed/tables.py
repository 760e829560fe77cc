"""What is printed of the times, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.speed.runs import Run
from benchmarks.speed.stages import STAGES


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of texts."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows))


def show(found: dict[str, Any]) -> None:
    """All tables."""
    print(
        f"\nMachine: {found['machine']}; {found['workers']} processes; "
        f"photographs of {found['pixels']} pixels, {found['bytes'] / 1000:.0f} kB.\n"
    )
    stages = found["stages, ms"]
    total = sum(stages.values())
    rows = [[name, f"{stages[name]:.1f}", f"{stages[name] / total:.0%}"] for name in STAGES]
    print(markdown(["stage, processor time", "ms a photo", "share"], [*rows, ["sum", f"{total:.1f}", ""]]))
    rows = [
        [str(one.photos), f"{one.seconds:.1f}", f"{1000 * one.seconds / one.photos:.0f}",
         f"{one.first_s:.1f}", f"{one.cpu_s:.1f}", f"{one.peak_mb:.0f}" if one.peak_mb else "unknown"]
        for one in (Run(**run) for run in found["runs"])
    ]  # fmt: skip
    head = ["photos", "s in all", "ms a photo", "first result, s", "processor time, s", "peak memory, MB"]
    print("\n" + markdown(head, rows))
    print("\n" + markdown(["", "ms a photo", "photos a second", "times plain decode"], peers(found)))
    rows = [[name, *(f"{x:.2g}" for x in one.values())] for name, one in found["encoders"].items()]
    print("\n" + markdown(["encoder", *next(iter(found["encoders"].values()))], rows) + "\n")
    if found["gpu"]:
        rows = [[batch, f"{speed:.0f}"] for batch, speed in found["gpu"].items()]
        print(markdown(["batch on the GPU", "patches a second"], rows))
    print(f"`toolkit --help`: {found['help, s']:.2f} s; `import toolkit`: {found['import, s']:.2f} s.")


def peers(found: dict[str, Any]) -> list[list[str]]:
    """Grading beside a plain decode, a plain loop, and the seed's comparison."""
    decode = found["plain decode, ms"]
    lines = {
        "`toolkit grade`, steady": found["steady, ms"],
        "the same in processor time": found["steady, ms of processor time"],
        "plain full-size decode, OpenCV": decode,
        "plain loop over the stages, one process": found["loop, ms"],
        "the seed's comparison alone, one process": found["seed, ms"],
        "frozen ResNet50 at 224 x 224 in Keras, one process": found["resnet, ms"],
        "frozen ResNet50 in processor time": found["resnet, ms of processor time"],
    }
    return [[name, f"{ms:.1f}", f"{1000 / ms:.2g}", f"{ms / decode:.1f}"] for name, ms in lines.items()]
