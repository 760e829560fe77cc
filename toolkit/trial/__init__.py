"""The statistics of a trial on grades over visits: means, a mixed model, responders, and what the trial could show.

The statistics themselves are those of statsmodels and SciPy. Not validated for regulatory submission.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from toolkit.errors import ToolkitError
from toolkit.files import write_atomically
from toolkit.outputs import Output, check_outputs, has_text, is_stamped
from toolkit.trial.exports import is_own_long, is_own_redcap, table_outputs, write_long, write_redcap
from toolkit.trial.mixed import NotFittedError
from toolkit.trial.model import Model, fit_model
from toolkit.trial.page import MARK, page
from toolkit.trial.precision import MeasurementLine, SampleSize, measurement_lines, sample_size
from toolkit.trial.records import TrialTable
from toolkit.trial.responders import ResponderLine, responder_lines
from toolkit.trial.sheets import sheets
from toolkit.trial.tables import AS_FOUND, Reading, read_trial
from toolkit.trial.text import findings, trial_notes, trial_text
from toolkit.trial.visits import VisitLine, last_visit, visit_lines
from toolkit.workbook import Value, check_target, write_sheets

KIND = "trial"  # of whose output a workbook is

__all__ = [
    "Outputs",
    "Questions",
    "Reading",
    "Trial",
    "TrialTable",
    "analyse",
    "analyse_files",
    "read_trial",
]


@dataclass(frozen=True)
class Questions:
    """What is asked of a trial: ``responder`` is better by so many grades at least; the sample size for an ``effect`` in
    grades with ``power`` (0-1)."""

    responder: float = 1.0
    effect: float = 0.5
    power: float = 0.8

    def __post_init__(self) -> None:
        for name, value, fits in (
            ("responder", self.responder, 0 < self.responder <= 9),
            ("effect", self.effect, 0 < self.effect <= 9),
            ("power", self.power, 0.05 < self.power < 1),
        ):
            if not fits:
                bounds = "between 0.05 and 1" if name == "power" else "over 0 and at most 9 grades"
                raise ToolkitError(f"--{name} {value:g}: must be {bounds}")


@dataclass(frozen=True)
class Outputs:
    """What is to be written: a workbook, a page, a long table and one for REDCap."""

    workbook: Path | None = None
    report: Path | None = None
    long: Path | None = None
    redcap: Path | None = None

    def written(self) -> dict[str, Path]:
        """The files by the option that names them."""
        named = {
            "--out": self.workbook,
            "--report": self.report,
            "--long": self.long,
            "--redcap": self.redcap,
        }
        return {option: path for option, path in named.items() if path is not None}


@dataclass(frozen=True, eq=False)
class Trial:
    """Everything that grades and arms say. ``model`` is None where none could be fitted, and ``no_model`` says why;
    ``last``: the visit of the findings. ``files`` that were read, by role, and ``options``, for the record."""

    table: TrialTable
    questions: Questions
    lines: tuple[VisitLine, ...]
    model: Model | None
    no_model: str
    responders: tuple[ResponderLine, ...]
    measurement: tuple[MeasurementLine, ...]
    size: SampleSize | None
    files: Mapping[str, Path] = field(default_factory=dict)
    options: Mapping[str, Value] = field(default_factory=dict)

    @property
    def threshold(self) -> float:
        """Grades by which a responder is better."""
        return self.questions.responder

    @cached_property
    def last(self) -> str | None:
        """The visit that findings speak of; None where there is no change."""
        return last_visit(self.table)

    def text(self) -> str:
        """Aligned plain text, to read."""
        return trial_text(self)

    def record(self) -> dict[str, Any]:
        """All figures, for ``toolkit.asjson``; intervals are of 95 %."""
        table = self.table
        return {
            "arms": table.arms,
            "reference": table.reference,
            "baseline": table.baseline,
            "visits": table.visits,
            "subjects": len(table.arm_of),
            "findings": findings(self),
            "lines": self.lines,
            "model": self.model,
            "no_model": self.no_model,
            "responders": self.responders,
            "measurement": self.measurement,
            "sample_size": self.size,
            "missing": table.gaps,
            "notes": trial_notes(self),
        }

    def write(self, path: Path) -> None:
        """A workbook: sheets Summary, Visits, Model, Responders, Missing, Dictionary, Run. Raises ToolkitError."""
        made = sheets(self)
        rows = {title: rows for title, (_, rows) in made.items()}
        columns = {title: names for title, (names, _) in made.items()}
        write_sheets(path, rows, columns, number_format="0.000", kind=KIND)

    def write_page(self, path: Path) -> None:
        """The page, one file. Raises ToolkitError."""
        text = page(self)
        write_atomically(path, lambda file: file.write(text.encode()))


def analyse(
    table: TrialTable,
    questions: Questions = Questions(),
    files: Mapping[str, Path] | None = None,
    options: Mapping[str, Value] | None = None,
) -> Trial:
    """The statistics of a trial's grades."""
    model, why = None, ""
    if not table.after:
        why = "there is no visit after baseline"
    else:
        try:
            model = fit_model(table)
        except NotFittedError as error:
            why = str(error)
    return Trial(
        table,
        questions,
        visit_lines(table),
        model,
        why,
        responder_lines(table, questions.responder),
        measurement_lines(table, model),
        sample_size(table, last_visit(table), questions.effect, questions.power),
        files or {},
        options or {},
    )


def analyse_files(
    results: Path,
    reading: Reading = AS_FOUND,
    questions: Questions = Questions(),
    outputs: Outputs = Outputs(),
    *,
    overwrite: bool = False,
) -> Trial:
    """Read grades and arms, analyse them, and write what ``outputs`` names.

    With ``overwrite`` also over files that are no earlier outputs of this function, never over one that it reads. Raises
    GradesError on files that cannot be read or joined, and ToolkitError, before any work, where an output could not be
    written.
    """
    results = Path(results)
    files = {"grades": results} | ({"arms": reading.arms} if reading.arms else {})
    _check(outputs, files, overwrite)
    options: dict[str, Value] = {
        "reference": reading.reference or "default", "baseline": reading.baseline or "default",
        "scale": str(reading.scale), "responder": questions.responder, "effect": questions.effect,
        "power": questions.power,
        **{f"column {role}": name for role, name in reading.columns},
        **{f"arm column {role}": name for role, name in reading.arm_columns},
    }  # fmt: skip
    trial = analyse(read_trial(results, reading), questions, files, options)
    if outputs.workbook:
        trial.write(outputs.workbook)
    if outputs.report:
        trial.write_page(outputs.report)
    if outputs.long:
        write_long(outputs.long, trial.table)
    if outputs.redcap:
        write_redcap(outputs.redcap, trial.table)
    return trial


def _check(outputs: Outputs, files: Mapping[str, Path], overwrite: bool) -> None:
    """Refuse what could not be written, and two outputs in one place."""
    suffixes = {
        "--out": (".xlsx",),
        "--report": (".html", ".htm"),
        "--long": (".csv",),
        "--redcap": (".csv",),
    }
    written = outputs.written()
    for option, path in written.items():
        check_target(path, suffixes[option])
    places = [path.absolute() for path in written.values()]
    if len(set(places)) < len(places):
        twice = next(path for path in written.values() if places.count(path.absolute()) > 1)
        raise ToolkitError(f"{twice}: is named for two outputs: name a file for each")
    wanted = []
    for option, path in written.items():
        if option == "--out":
            wanted.append(Output(path, option, is_stamped(KIND)))
        elif option == "--report":
            wanted.append(Output(path, option, has_text(MARK)))
        else:
            is_own = is_own_long if option == "--long" else is_own_redcap
            wanted += table_outputs(path, option, is_own)
    check_outputs(wanted, files.values(), overwrite)
