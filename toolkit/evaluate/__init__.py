"""Methods side by side on one study: the 2020 capstone's models, patches with an MLP, and the product itself.

All on the same folds, which never split a subject, beside trivial answers, with intervals over subjects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.evaluate.methods import METHODS, chosen_methods
from toolkit.evaluate.page import page
from toolkit.evaluate.progress import shown
from toolkit.evaluate.run import KIND, PAGE, WORKBOOK, Compared, CompareOptions, Step, Tell, compare
from toolkit.evaluate.sheets import Scored, score_all, sheets
from toolkit.evaluate.text import comparison_text
from toolkit.files import write_atomically
from toolkit.pool import Workers
from toolkit.study import Columns
from toolkit.workbook import write_sheets

__all__ = [
    "METHODS",
    "CompareOptions",
    "Compared",
    "Evaluation",
    "Scored",
    "Step",
    "chosen_methods",
    "compare",
    "evaluate",
    "score_all",
    "shown",
]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was compared, every method's scores by split, and the folder that holds the results."""

    compared: Compared
    scored: Mapping[str, Sequence[Scored]]
    out: Path

    def text(self) -> str:
        """The comparison as aligned plain text."""
        return comparison_text(self.compared, self.scored)


def evaluate(
    images: Sequence[Path],
    grades_file: Path | Sequence[Path],
    out: Path,
    options: CompareOptions,
    *,
    columns: Columns = None,
    landmark_model: Path | None = None,
    workers: Workers = 1,
    tell: Tell = lambda step: None,
    overwrite: bool = False,
) -> Evaluation:
    """Compare methods on a study; writes comparison.xlsx, report.html and the predictions of every fold into ``out``.

    Answers of a method and fold are kept under ``out`` as they come, and taken up by a later run with the same
    photographs, grades and options. ``workers``: processes that measure photographs, or a cluster
    (``toolkit.cluster.connect``), which also fits; its machines must see ``out``. ``overwrite``: also over files there
    that are no earlier comparison, never over what is read. Raises ToolkitError.
    """
    compared = compare(
        images,
        grades_file,
        out,
        options,
        columns=columns,
        landmark_model=landmark_model,
        workers=workers,
        tell=tell,
        overwrite=overwrite,
    )
    scored = score_all(compared)
    write_sheets(out / WORKBOOK, sheets(compared, scored), number_format="0.000", kind=KIND)
    text = page(compared, scored)
    write_atomically(out / PAGE, lambda file: file.write(text.encode()))
    return Evaluation(compared, scored, out)
