"""Walks the tutorial as a reader does: every command of docs/tutorial.md in order in a new folder, the review given on the
page in a headless Chromium. Prints the seconds of each command, and how the models do beside trivial answers; fails where
a command fails, or where a model is no better than always the mean without being called so.

python -m benchmarks.tutorial            # the tutorial's own study: about six minutes on two cores
python -m benchmarks.tutorial --work W   # keeps what was made
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.command import Work, folder_for, run
from benchmarks.guide import browser
from toolkit.errors import ToolkitError

ROOT = Path(__file__).parents[1]
TUTORIAL = ROOT / "docs" / "tutorial.md"
PAGE, REVIEW = Path("demo/new.html"), Path("demo/review.csv")
BETTER, TOO_SMALL = "smaller than the best of these", "do not use it"


def main(work: Work = None) -> None:
    """Walks, and prints what came of it."""
    with folder_for(work) as folder:
        for line, said in walk(folder, in_a_shell, on_the_page):
            told = re.findall(r"^(?:toolkit,|always the mean\b|.*\bRMSE +\d).*", said, flags=re.M)
            print("".join(f"          {one}\n" for one in told), end="")
            hold(line, said)


def lines_of(tutorial: str) -> list[str]:
    """The lines of all command blocks, in order."""
    blocks = re.findall(r"^```\n(.*?)^```", tutorial, flags=re.M | re.S)
    return [line for block in blocks for line in block.splitlines()]


def walk(
    folder: Path,
    call: Callable[[str, Path], str],
    review: Callable[[Path, Path], None],
    instead: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, str]]:
    """Each line of the tutorial with what it printed. ``call`` runs one in a folder; ``review`` takes a report page and
    leaves a review in a file; ``instead``: what to put in the place of words of the tutorial, so that its study is smaller.
    """
    tutorial = TUTORIAL.read_text(encoding="utf-8")
    for old, new in (instead or {}).items():
        if old not in tutorial:
            raise ToolkitError(f"{old}: the tutorial does not say so any more")
        tutorial = tutorial.replace(old, new)
    for line in lines_of(tutorial):
        if str(REVIEW) in line and not (folder / REVIEW).exists():
            review(folder / PAGE, folder / REVIEW)
        began = time.monotonic()
        said = call(line, folder)
        print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)
        yield line, said


def in_a_shell(line: str, folder: Path) -> str:
    """Run a line as it stands. Raises ToolkitError where it fails."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", line], cwd=folder, env=own, capture_output=True, text=True)
    if done.returncode:
        raise ToolkitError(f"{line}: exit status {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def on_the_page(page: Path, out: Path) -> None:
    """Review all photographs of a page in Chromium, and export."""
    with browser(page.as_uri()) as tab:
        with tab.expect_download() as waited:
            review_all(tab)
        waited.value.save_as(out)


def review_all(tab: Any) -> None:
    """By keys, as the tutorial tells: agree with a photo, correct the next by a grade, and so on; then export."""
    tab.wait_for_selector("svg.photo")
    tab.fill("#reader", "Dr Anna Berg")
    tab.keyboard.press("Enter")
    count = int(tab.inner_text("#progress").split()[2])
    for number in range(1, count + 1):
        tab.wait_for_selector(f"#place:has-text('{number} of {count}')")
        if number % 2:
            tab.keyboard.press("a")
        else:
            automatic = float(tab.inner_text(".figure .number"))
            tab.keyboard.press("c")
            tab.keyboard.type(f"{min(9, round(automatic) + 1):.1f}")
            tab.keyboard.press("Enter")
        tab.keyboard.press("j")
    tab.wait_for_selector(f"#progress:has-text('{count} of {count}')")
    tab.click("#export")


def errors(said: str, name: str) -> list[float]:
    """The RMSE that train printed for a method, in a list of one."""
    return [float(found) for found in re.findall(rf"^{name}\b.*?\s\d+\s+(\d+\.\d+)\s", said, flags=re.M)]


def hold(line: str, said: str) -> None:
    """Raise ToolkitError where a training does not say what its model is worth, or says it wrongly."""
    if not line.startswith("toolkit train "):
        return
    (own,), (mean,) = errors(said, "toolkit"), errors(said, "always the mean")
    if (BETTER in said) == (TOO_SMALL in said) or (BETTER in said and own >= mean):
        raise ToolkitError(f"{line}: RMSE {own}, always the mean {mean}, and it says:\n{said}")


if __name__ == "__main__":
    run(main, __doc__)
