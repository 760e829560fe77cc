"""Draws the pictures of the guide: each step in the window, on phantoms, in a headless Chromium (docs/pictures/).

python -m benchmarks.guide --work W            # about ten minutes; W keeps study and results for another time
python -m benchmarks.guide --work W --check S  # also to judge, in the folder S: light and dark, 1280 and 400 pixels wide
"""

from __future__ import annotations

import csv
import io
import itertools
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image

from benchmarks.command import Work, folder_for, run
from toolkit.app.serving import prepared
from toolkit.commands.phantoms import make_phantoms
from toolkit.commands.shared import default_workers
from toolkit.errors import ToolkitError
from toolkit.tables import write_csv

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
SUBJECTS, GRADED, SEED = 12, 10, 7
WAIT_MS = 3_600_000  # for training on a busy machine
LARGEST = 60_000  # bytes of a picture
Check = Annotated[
    Path | None,
    typer.Option(help="Folder for further pictures of each step, light and dark, wide and narrow."),
]

Only = Annotated[
    list[str] | None,
    typer.Option(help="Pictures to take, such as 4-grade, where W has what the steps before made."),
]


def main(work: Work = None, check: Check = None, only: Only = None) -> None:
    """Goes through the steps and takes a picture of each."""
    with folder_for(work) as folder:
        make_study(folder)
        with window(folder) as address, browser(address) as tab:
            for name, step in (
                ("1-photographs", photographs), ("2-experts", experts), ("3-train", train), ("4-grade", grade),
                ("5-review", review), ("6-agreement", agreement), ("7-trial", trial),
            ):  # fmt: skip
                wanted = not only or name in only
                if wanted or step is photographs:  # which open the study
                    step(tab)
                if wanted:
                    time.sleep(1)  # what is drawn settles
                    take(tab, name, check)


def make_study(folder: Path) -> None:
    """Phantoms, and a workbook of one simulated expert with a heading that nobody knows, without the last people."""
    study = folder / ".phantoms"
    if not (study / "truth.csv").is_file():
        make_phantoms(study, SUBJECTS, 2, "half", seed=SEED, workers=default_workers())
    if not (folder / "photographs").is_dir():
        shutil.copytree(study / "images", folder / "photographs")
    with (study / "truth.csv").open(newline="", encoding="utf-8") as file:
        truth = list(csv.DictReader(file))
    last = f"P{GRADED:04}"
    rows = [
        {"Subject No.": row["subject"], "Side of Face": row["side"], "Visit": row["visit"], "Investigator rating": float(row["grader_1"])}
        for row in truth
        if row["subject"] <= last
    ]  # fmt: skip
    write_csv(folder / "investigator.csv", rows)
    arms = {row["subject"]: "active" if int(row["subject"][1:]) % 2 else "vehicle" for row in truth}
    write_csv(folder / "arms.csv", [{"subject": name, "arm": arm} for name, arm in arms.items()])


@contextmanager
def window(folder: Path) -> Iterator[str]:
    """The address of a running window."""
    with prepared([folder]) as made:
        thread = threading.Thread(target=made.run)
        thread.start()
        try:
            yield made.address
        finally:
            made.session.close()
            thread.join()


@contextmanager
def browser(address: str) -> Iterator[Any]:
    """A tab with the window in it."""
    from playwright.sync_api import sync_playwright

    found = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "google-chrome"))), None
    )
    if found is None:
        raise ToolkitError("no Chromium: install it, or set CHROMIUM=/path/to/chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found)
        tab = chromium.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB")
        tab.set_default_timeout(WAIT_MS)
        tab.goto(address)
        yield tab
        chromium.close()


def take(tab: Any, name: str, check: Path | None) -> None:
    """The picture of a step, as good as its size allows; to judge, as it is in the light and in the dark, wide and narrow."""
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / f"{name}.jpg").write_bytes(small(tab.screenshot()))
    if check is None:
        return
    check.mkdir(parents=True, exist_ok=True)
    for width in (1280, 400):
        for scheme in ("light", "dark"):
            tab.set_viewport_size({"width": width, "height": 800})
            tab.emulate_media(color_scheme=scheme)
            time.sleep(0.5)
            tab.screenshot(path=check / f"{name}-{width}-{scheme}.png")
    tab.set_viewport_size({"width": 1280, "height": 800})
    tab.emulate_media(color_scheme="light")


def small(shot: bytes) -> bytes:
    """A PNG as a JPEG of at most ``LARGEST`` bytes: of less quality where that is enough, else of fewer pixels too."""
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    for width, quality in itertools.product((1280, 1000, 800), (80, 65, 50)):
        file = io.BytesIO()
        height = round(picture.height * width / picture.width)
        picture.resize((width, height), Image.Resampling.LANCZOS).save(
            file, "JPEG", quality=quality, optimize=True, progressive=True
        )
        if file.tell() <= LARGEST:
            return file.getvalue()
    raise ToolkitError(f"a picture of the window takes more than {LARGEST} bytes")


def to(tab: Any, title: str) -> None:
    """Show a step."""
    tab.locator(f'#steps button[title="{title}"]').click()
    tab.locator("#step h2", has_text=title).wait_for()


def choose(tab: Any, name: str) -> None:
    """Click on a line of the dialog."""
    tab.locator("dialog .entry").filter(has=tab.get_by_text(name, exact=True)).click()


def photographs(tab: Any) -> None:
    """A folder is chosen."""
    tab.click("text=Choose a folder…")
    choose(tab, "photographs")
    tab.click("text=Choose this folder")
    tab.locator(".facts").wait_for()


def experts(tab: Any) -> None:
    """A workbook is chosen, and the heading that was not understood named."""
    to(tab, "Experts' grades")
    if tab.locator("text=Choose a workbook…").count():
        tab.click("text=Choose a workbook…")
        choose(tab, "investigator.csv")
        tab.locator("label", has=tab.get_by_text("Grade", exact=True)).locator("select").select_option(
            "Investigator rating"
        )
    tab.locator("h3", has_text="Which photo has which row").wait_for()


def train(tab: Any) -> None:
    """A model of the study."""
    to(tab, "Train")
    tab.click("#step button.main")
    tab.locator("h3", has_text="What it is worth").wait_for()


def grade(tab: Any) -> None:
    """On its way: some photos are graded."""
    to(tab, "Grade")
    tab.click("#step button.main")
    tab.locator("#work .told", has_text=re.compile(r"Grading ([5-9]|\d\d) of")).wait_for()


def review(tab: Any) -> None:
    """The report page, with two photos reviewed."""
    tab.locator("#work progress").wait_for(state="detached")
    to(tab, "Review")
    tab.fill("#reader", "Dr Anna Berg")
    tab.click("text=Begin")
    page = tab.frame_locator("iframe")
    page.locator("#agree").click()
    page.locator("#table tbody tr").nth(1).click()
    page.locator("#correct").select_option("5.0")
    tab.locator("#kept", has_text="2 reviewed").wait_for()
    page.locator(".photo").wait_for()


def agreement(tab: Any) -> None:
    """The results beside the workbook."""
    to(tab, "Agreement")
    tab.click("text=Experts' workbook and the results")
    tab.locator("h3", has_text="Pairs of graders").wait_for()


def trial(tab: Any) -> None:
    """Two arms."""
    to(tab, "Trial")
    if tab.locator("text=Choose a table…").count():
        tab.click("text=Choose a table…")
        choose(tab, "arms.csv")
    tab.click("text=Analyse")
    tab.locator(".outcome li").first.wait_for()
    time.sleep(1)  # the step is drawn once more when its job has ended
    tab.locator(".outcome").scroll_into_view_if_needed()


if __name__ == "__main__":
    run(main, __doc__)
