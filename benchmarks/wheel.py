"""Builds the wheel, installs it into a new environment as a user would, and runs the demo there: nothing of this
checkout is on its path. Needs git, and a package index; with --by pipx or --by uv that program as well.

python -m benchmarks.wheel                      # pip install, about a gigabyte
python -m benchmarks.wheel --by uv              # uv tool install
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.command import Work, folder_for, run
from toolkit.errors import ToolkitError

ROOT = Path(__file__).parents[1]
EXTRAS = "[cpu,app]"


class Installer(StrEnum):
    """What installs the wheel."""

    pip = "pip"
    pipx = "pipx"
    uv = "uv"


def main(
    by: Annotated[Installer, typer.Option(help="What installs it.")] = Installer.pip,
    subjects: Annotated[int, typer.Option(min=2, help="Phantom people of the demo.")] = 2,
    work: Work = None,
) -> None:
    """Builds, installs, runs; a line for each step with its seconds."""
    with folder_for(work) as folder:
        wheel = build(folder)
        command = install(by, wheel, folder)
        empty = folder / "a new folder"
        empty.mkdir(exist_ok=True)
        for arguments in (["--version"], ["info"], ["app", "--help"], ["demo", "--subjects", str(subjects)]):
            done = step([command, *arguments], empty, os.environ.copy())
            print(done if arguments[0] in ("--version", "demo") else "", end="")
        check(empty)


def build(folder: Path) -> Path:
    """The wheel of what git knows of this checkout, without what earlier builds left in it."""
    copy = folder / "source"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    step(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "dist", str(copy)],
        folder,
    )
    (wheel,) = (folder / "dist").glob("*.whl")
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB")
    return wheel


def install(by: Installer, wheel: Path, folder: Path) -> Path:
    """Install with what users have; where the command then is."""
    wanted, pins, places = f"{wheel}{EXTRAS}", str(ROOT / "constraints.txt"), folder / "installed"
    scripts = "Scripts" if os.name == "nt" else "bin"
    if by is Installer.pip:
        step([sys.executable, "-m", "venv", str(places)], folder)
        python = places / scripts / "python"
        step([str(python), "-m", "pip", "install", "--quiet", "-c", pins, wanted], folder)
        return places / scripts / "toolkit"
    if by is Installer.pipx:
        own = {"PIPX_HOME": str(places / "home"), "PIPX_BIN_DIR": str(places / scripts)}
        step(
            ["pipx", "install", "--quiet", "--pip-args", f"-c {pins}", wanted], folder, {**os.environ, **own}
        )
    else:
        own = {"UV_TOOL_DIR": str(places / "home"), "UV_TOOL_BIN_DIR": str(places / scripts)}
        step(
            ["uv", "tool", "install", "--quiet", "--constraints", pins, wanted], folder, {**os.environ, **own}
        )
    return places / scripts / "toolkit"


def check(folder: Path) -> None:
    """Raise ToolkitError where the demo left nothing that can be looked at."""
    for name in ("grades.xlsx", "report.html", "study/truth.csv"):
        if not (folder / "demo-output" / name).is_file():
            raise ToolkitError(f"{name}: the demo did not write it")
    print("The demo ran from the installed wheel.")


def step(command: list[str | Path], folder: Path, environment: dict[str, str] | None = None) -> str:
    """Run one command, without this checkout on its path; what it printed. Raises ToolkitError where it fails."""
    own = {**(environment or os.environ)}
    own.pop("PYTHONPATH", None)
    began = time.monotonic()
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, env=own, capture_output=True, text=True
    )
    shown = " ".join(Path(str(part)).name for part in command[:6])
    print(f"{time.monotonic() - began:6.1f} s  {shown}")
    if done.returncode:
        raise ToolkitError(f"{shown}: exit status {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    run(main, __doc__)
