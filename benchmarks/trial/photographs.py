"""The trial's photographs, made and graded as a user would; what is there already is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.trial.plan import VISITS, Plan, write_arms
from toolkit.commands.grading import grade_photos
from toolkit.errors import ToolkitError
from toolkit.phantom import write_study
from toolkit.progress import Progress


def draw_photographs(work: Path, plan: Plan, seed: int, workers: int, *, tell: Progress) -> Path:
    """The folder of the study; drawn unless an earlier run did. Raises ToolkitError where it is of another plan."""
    study = work / "study"
    if (study / "truth.csv").is_file():
        note = json.loads((study / "phantom.json").read_text(encoding="utf-8"))
        if note["courses"] != json.loads(json.dumps(plan.courses)) or note["seed"] != seed:
            raise ToolkitError(f"{work}: holds another trial: name another folder with --work")
    else:
        with clock(work, "photographs"):
            write_study(
                study, len(plan.arms), VISITS, "half", seed=seed, courses=plan.courses, workers=workers,
                progress=lambda done, total: tell("phantoms", done, total),
            )  # fmt: skip
    write_arms(work / "arms.csv", plan)
    return study


def grade_photographs(work: Path, study: Path, model: Path | None, workers: int, *, tell: Progress) -> Path:
    """The results workbook, with the sheet Change; photographs that have a grade are not graded again."""
    out = work / "results.xlsx"
    with clock(work, "grades and changes"):
        run = grade_photos([study / "images"], out, model, workers=workers, tell=tell)
    if run.interrupted:
        raise ToolkitError(f"{work}: stopped: rerun the command to resume")
    return out


@contextmanager
def clock(work: Path, step: str) -> Iterator[None]:
    """Adds the seconds that a step takes to those of earlier runs of it, in times.json."""
    started = time.monotonic()
    try:
        yield
    finally:
        known = times(work)
        known[step] = known.get(step, 0.0) + time.monotonic() - started
        (work / "times.json").write_text(json.dumps(known, indent=1))


def times(work: Path) -> dict[str, float]:
    """Seconds by step, over all runs in this folder."""
    path = work / "times.json"
    return json.loads(path.read_text()) if path.is_file() else {}
