"""Draws the documents' pictures from phantoms: docs/phantoms.jpg, phantoms of grade 1, 3, 5, 6 and 8, half and whole, and
the patches found on them; docs/report.jpg, the report page of a small study in Chromium (CHROMIUM names another).

python -m benchmarks.pictures [phantoms] [report]
"""

from __future__ import annotations

import os
import shutil
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from benchmarks.command import run
from toolkit.commands.grading import grade_photos
from toolkit.commands.results import ReportRequest
from toolkit.landmarks import FaceFinder
from toolkit.patches import draw_overlay
from toolkit.phantom import write_study
from toolkit.photos import photo_files
from toolkit.pipeline import read_face
from toolkit.settings import Settings

GRADES = (1.0, 3.0, 5.0, 6.0, 8.0)
SEED = 12
TILE = 400
DOCS = Path(__file__).parents[1] / "docs"


class Name(StrEnum):
    """A picture of docs/."""

    phantoms = "phantoms"
    report = "report"


def main(names: Annotated[list[Name] | None, typer.Argument(help="All where none is named.")] = None) -> None:
    """Draws, and says where."""
    for name in names or Name:
        out = DOCS / f"{name}.jpg"
        {Name.phantoms: phantoms, Name.report: report}[name](out)
        print(out)


def phantoms(out: Path) -> None:
    """Phantoms, and the patches found on them."""
    settings = Settings()
    finder = FaceFinder(None, settings.face)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for style in ("half", "full"):
            study = Path(folder) / style
            write_study(study, len(GRADES), 1, style, seed=SEED, grades=GRADES)
            photos = sorted((study / "images").glob("*_FACE_[LF]_*.jpg"))
            read = [read_face(file, finder, settings) for file in photo_files(photos)]
            rows.append([photo.pixels for photo, _, _ in read])
        rows.append([draw_overlay(photo, one.face, one.patches) for photo, one, _ in read if one.face])
    tiles = [
        np.hstack([cv2.resize(p, (TILE, TILE), interpolation=cv2.INTER_AREA) for p in row]) for row in rows
    ]
    cv2.imwrite(str(out), np.vstack(tiles)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])


def report(out: Path) -> None:
    """The report page of a study of phantoms, two of whose photographs are reviewed."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        study, page = Path(folder) / "study", Path(folder) / "report.html"
        write_study(study, 6, 2, "half", seed=2024, grades=(1.5, 3.0, 4.0, 5.0, 6.0, 7.0))
        request = ReportRequest(page, expert_grades=study / "grades.xlsx")
        grade_photos([study / "images"], Path(folder) / "grades.xlsx", report=request)
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium")
        )
        tab = chromium.new_page(viewport={"width": 1400, "height": 900})
        tab.goto(page.as_uri())
        tab.wait_for_selector("svg.photo")
        tab.fill("#reader", "Reader A")
        tab.keyboard.press("Enter")
        tab.keyboard.press("a")
        tab.keyboard.press("j")
        tab.wait_for_selector("#place:has-text('2 of')")
        tab.select_option("#correct", "2.0")
        tab.click("tr[data-number='13']")
        tab.wait_for_selector("#place:has-text('14 of')")
        tab.wait_for_timeout(500)  # pictures are drawn
        out.write_bytes(tab.screenshot(type="jpeg", quality=85))
        chromium.close()


if __name__ == "__main__":
    run(main, __doc__)
