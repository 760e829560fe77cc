"""Makes a study of digital phantoms."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.files import write_atomically
from toolkit.landmarks import FaceFinder
from toolkit.outputs import counted
from toolkit.phantom import StudySummary, write_study
from toolkit.progress import Progress, silent
from toolkit.records import Photo
from toolkit.settings import Settings


def make_phantoms(
    out: Path,
    subjects: int,
    visits: int,
    style: str,
    *,
    seed: int,
    faces: Path | None = None,
    workers: int = 1,
    tell: Progress = silent,
    grades: Sequence[float] | None = None,
    save_maps: bool = False,
    painter: str = "mixed",
) -> StudySummary:
    """Write a study of phantoms; with ``faces``, painted on the photographs of that folder; ``grades`` fixes
    the latent grades of the subjects, in turn; ``save_maps`` adds the planted pigment as pictures; ``painter`` as for
    ``write_study``."""
    finder = FaceFinder(None, Settings().face)

    def find_points(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        return finder.find(Photo(Path("face"), pixels, np.ones(pixels.shape[:2], bool), "")).points

    made = write_study(
        out,
        subjects,
        visits,
        style,
        seed=seed,
        faces=faces,
        workers=workers,
        grades=grades,
        find_points=find_points,
        progress=partial(tell, "phantoms"),
        save_maps=save_maps,
        painter=painter,
    )
    _note_graders(out, made)
    return made


def _note_graders(out: Path, made: StudySummary) -> None:
    """Add to phantom.json what the simulated graders turned out to be, and the noise floor they set."""
    with (out / "truth.csv").open(newline="", encoding="utf-8") as file:
        truth = list(csv.DictReader(file))
    latent = np.array([float(row["latent_grade"]) for row in truth])
    names = [name for name in truth[0] if name.startswith("grader_")]
    given = {name: np.array([float(row[name]) for row in truth]) for name in names}
    note = json.loads((out / "phantom.json").read_text(encoding="utf-8"))
    note["graders"] = {
        name: {**_grader_figures(latent, given[name]), "simulated": asdict(grader)}
        for name, grader in zip(names, made.graders, strict=True)
    }
    note["noise_floor"] = {name: value for name, value in asdict(made).items() if name != "graders"}
    text = json.dumps(note, indent=2) + "\n"
    write_atomically(out / "phantom.json", lambda file: file.write(text.encode()))


def _grader_figures(latent: NDArray[np.float64], given: NDArray[np.float64]) -> dict[str, float | None]:
    """A grader against the known grades: mean difference, slope of its best line, SD about that line.

    The last two are None where the known grades are too few to hold a line (fewer than three).
    """
    bias = float(np.mean(given - latent))
    if len(set(latent.tolist())) < 3:
        return {"bias": bias, "slope": None, "error_sd": None}
    slope, offset = np.polyfit(latent, given, 1)
    error = given - (slope * latent + offset)
    return {
        "bias": bias,
        "slope": float(slope),
        "error_sd": float(np.sqrt(np.sum(error**2) / (len(error) - 2))),
    }


def phantom_report(out: Path, made: StudySummary) -> str:
    """What was made, the noise floor, and what each simulated grader is like."""
    graders = json.loads((out / "phantom.json").read_text(encoding="utf-8"))["graders"]
    lined = graders["grader_1"]["slope"] is not None
    best = f" ({made.floor_rmse:.2f} after its best straight line)" if lined else ""
    lines = [
        f"{counted(made.photos, 'photo')} of {counted(made.subjects, 'subject')}: {out}",
        f"Noise floor: RMSE {made.grader_rmse:.2f} of the workbook's grader against the known grade{best}, "
        f"{made.between_rmse:.2f} between two graders; always the mean scores {made.mean_rmse:.2f}.",
        "Simulated graders against the known grade (grader_1 is the workbook's):",
    ]
    for name, figures in graders.items():
        line = f"  {name}: bias {figures['bias']:+.2f}"
        if lined:
            line += f", slope {figures['slope']:.2f}, error SD {figures['error_sd']:.2f}"
        lines.append(line)
    return "\n".join(lines)
