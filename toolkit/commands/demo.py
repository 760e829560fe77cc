"""From nothing to a graded study: draws a small study of phantoms, grades it, compares with the known grades."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from toolkit.commands.extraction import extract
from toolkit.commands.grading import grade_photos
from toolkit.commands.knowntruth import KnownTruth, compare_with_truth
from toolkit.commands.phantoms import make_phantoms
from toolkit.commands.results import ReportRequest
from toolkit.errors import ToolkitError
from toolkit.outputs import first_entry
from toolkit.progress import Progress, silent

_SEED = 2024


@dataclass(frozen=True)
class DemoRun:
    """What ``run_demo`` left in its folder. ``truth``: how well the known grades were met, None where no photo has a
    grade. ``interrupted``: the grading was stopped, and the same call goes on with it."""

    workbook: Path
    page: Path
    photos: Path
    overlays: Path
    truth: KnownTruth | None
    interrupted: bool


def run_demo(
    out: Path, subjects: int = 12, *, visits: int = 2, workers: int = 1, tell: Progress = silent
) -> DemoRun:
    """Draw phantoms, cut their patches, grade them with the starter model and compare with the known grades.

    What an earlier call left in the folder ``out`` is taken up, and nothing of it is deleted. Raises ToolkitError.
    """
    study = out / "study"
    if first_entry(out) is not None and not study.is_dir():
        raise ToolkitError(f"{out}: holds other files than a demo's: name a new folder")
    photos, page = study / "images", out / "report.html"
    if not (study / "truth.csv").is_file():
        make_phantoms(study, subjects, visits, "mixed", seed=_SEED, workers=workers, tell=tell)
    extract([photos], out / "patches", True, workers=workers, tell=tell)
    report = ReportRequest(page, expert_grades=study / "grades.xlsx")
    run = grade_photos([photos], out / "grades.xlsx", workers=workers, tell=tell, report=report)
    truth = None if run.interrupted else compare_with_truth(run.out, study / "truth.csv")
    return DemoRun(run.out, page, photos, out / "patches" / "overlays", truth, run.interrupted)
