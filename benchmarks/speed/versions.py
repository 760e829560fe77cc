"""Processor time a photo of two versions of the package, run in turn on the same photographs.

    git worktree add BEFORE COMMIT
    python -m benchmarks.speed.versions BEFORE
    python -m benchmarks.speed.versions BEFORE --python BEFORE/.venv/bin/python --faces FACES

Drawn phantoms as half faces and whole, and with --faces painted photographs. Each version grades four of them and all
of them, in one process, several times in turn; what a photo takes is the difference over their number, the least of all
times. The ratio holds also on a busy machine, the milliseconds do not. A few minutes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command import Faces, Work, folder_for, run
from benchmarks.speed.runs import children_cpu_s
from toolkit.commands.phantoms import make_phantoms
from toolkit.commands.shared import default_workers
from toolkit.errors import ToolkitError
from toolkit.images import find_photos

HERE = Path(__file__).parents[2]
FEW = 4


def studies(folder: Path, faces: Path | None, subjects: int) -> dict[str, Path]:
    """Folders of photographs, by what they show."""
    kinds: dict[str, tuple[str, Path | None]] = {"drawn half": ("half", None), "drawn whole": ("full", None)}
    if faces is not None:
        kinds |= {"painted half": ("half", faces), "painted whole": ("full", faces)}
    found = {}
    for seed, (name, (style, people)) in enumerate(kinds.items(), 5):
        study = folder / name.replace(" ", "-")
        if not (study / "truth.csv").exists():
            count = subjects if style == "half" else 2 * subjects  # as many photographs
            make_phantoms(study, count, 1, style, seed=seed, faces=people, workers=default_workers())
        found[name] = study / "images"
    return found


def few_of(photos: Path) -> Path:
    """A folder of the first few photographs of another."""
    few = photos.with_name("few")
    few.mkdir(exist_ok=True)
    for photo in find_photos([photos])[:FEW]:
        shutil.copy2(photo, few / photo.name)
    return few


def cpu_s(python: Path, checkout: Path, photos: Path, folder: Path) -> float:
    """Processor time of a grading run and its children, in seconds."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    command = [str(python), "-m", "toolkit.cli", "grade", str(photos), "--out", str(out / "grades.xlsx")]
    before = children_cpu_s()
    done = subprocess.run(
        [*command, "--workers", "1", "--quiet"], env={**os.environ, "PYTHONPATH": str(checkout)},
        capture_output=True, text=True, cwd=folder, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 3):  # 3: some photographs could not be graded
        raise ToolkitError(f"{checkout}: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
    return children_cpu_s() - before


def main(
    before: Annotated[Path, typer.Argument(help="Checkout of the other version.", exists=True)],
    python: Annotated[Path, typer.Option(help="The other version's Python.")] = Path(sys.executable),
    faces: Faces = None,
    subjects: Annotated[int, typer.Option(min=4, help="People of a kind.")] = 10,
    times: Annotated[int, typer.Option(min=1, help="Runs of each.")] = 3,
    work: Work = None,
) -> None:
    """Grades in turn and prints a row for each kind of photographs."""
    versions = {"before": (python.absolute(), before.absolute()), "now": (Path(sys.executable), HERE)}
    with folder_for(work) as folder:
        for name, photos in studies(folder.absolute(), faces, subjects).items():
            few, count = few_of(photos), len(find_photos([photos]))
            found: dict[str, list[float]] = {version: [] for version in versions}
            for _ in range(times):
                for version, (interpreter, checkout) in versions.items():
                    some, everything = (cpu_s(interpreter, checkout, one, folder) for one in (few, photos))
                    found[version].append(1000 * (everything - some) / (count - FEW))
            least = {version: min(ms) for version, ms in found.items()}
            print(
                f"{name:14} {count} photos  before {least['before']:.0f} ms of processor time a photo, "
                f"now {least['now']:.0f}: {least['now'] / least['before']:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    run(main, __doc__)
