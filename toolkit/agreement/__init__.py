"""Agreement between any graders or runs: statistics with intervals, beside what trivial answers score."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.agreement.compare import (
    ChangeAgreement,
    GroupAgreement,
    PairAgreement,
    compare_all,
    compare_changes,
    compare_pair,
)
from toolkit.agreement.graders import VISITS, GraderStudy, study_graders
from toolkit.agreement.gradertext import grader_lines
from toolkit.agreement.page import MARK, page
from toolkit.agreement.ratings import Ratings, join_ratings
from toolkit.agreement.reliability import (
    Estimate,
    MeasurementError,
    icc_absolute,
    icc_consistency,
    koo_li,
    krippendorff_alpha,
    measurement_error,
)
from toolkit.agreement.report import report
from toolkit.agreement.resample import RESAMPLES
from toolkit.agreement.sheets import sheets
from toolkit.files import write_atomically
from toolkit.outputs import Output, check_outputs, has_text, is_stamped
from toolkit.study import CLINICAL_SCALE, Scale, read_graders
from toolkit.study.sheets import row_of_run
from toolkit.workbook import LEARNT, check_target, write_sheets

KIND = "agreement"  # of whose output a workbook is

__all__ = [
    "Agreement",
    "ChangeAgreement",
    "Estimate",
    "GraderStudy",
    "GroupAgreement",
    "MeasurementError",
    "PairAgreement",
    "Ratings",
    "agree",
    "compare_all",
    "compare_changes",
    "compare_files",
    "compare_pair",
    "icc_absolute",
    "icc_consistency",
    "join_ratings",
    "koo_li",
    "krippendorff_alpha",
    "learnt_note",
    "measurement_error",
    "study_graders",
]


@dataclass(frozen=True, eq=False)
class Agreement:
    """Everything that graders' workbooks say about how the graders agree."""

    ratings: Ratings
    pairs: tuple[PairAgreement, ...]
    group: GroupAgreement
    changes: tuple[ChangeAgreement, ...]
    graders: GraderStudy
    scale: Scale
    resamples: int
    weights: str = "quadratic"

    def text(self) -> str:
        """Aligned plain text, to read."""
        return report(
            self.ratings, self.group, self.pairs, self.changes, graders=grader_lines(self.graders),
            resamples=self.resamples, weights=self.weights,
        )  # fmt: skip

    def record(self) -> dict[str, Any]:
        """All figures, for ``toolkit.asjson``; intervals are of 95 %."""
        names = ("pairs", "group", "changes", "weights", "resamples")
        model, why = self.graders.model, self.graders.no_model
        told = {
            "graders": self.ratings.graders,
            "grader_model": model.graders if model else None,
            "no_model": why,
        }
        return told | {name: getattr(self, name) for name in names}

    def write(self, path: Path) -> None:
        """A workbook: sheets Summary, Pairs, Graders, Combined, Unmatched, Changes, Dictionary. Raises ToolkitError."""
        made = sheets(
            self.ratings,
            self.group,
            self.pairs,
            self.changes,
            graders=self.graders,
            scale=self.scale,
            resamples=self.resamples,
            weights=self.weights,
        )
        rows = {title: rows for title, (_, rows) in made.items()}
        columns = {title: names for title, (names, _) in made.items()}
        write_sheets(path, rows, columns, number_format="0.000", kind=KIND)

    def write_page(self, path: Path) -> None:
        """The page, one file. Raises ToolkitError."""
        text = page(self)
        write_atomically(path, lambda file: file.write(text.encode()))


def agree(
    ratings: Ratings,
    scale: Scale = CLINICAL_SCALE,
    resamples: int = RESAMPLES,
    seed: int = 0,
    *,
    weights: str = "quadratic",
    drift: str = VISITS,
) -> Agreement:
    """Compare every pair of graders, all of them together, and their changes from baseline.

    ``resamples`` of subjects for each 95 % interval; the same ``seed`` gives the same intervals. ``weights`` of
    kappa: quadratic or linear. ``drift`` as for ``study_graders``.
    """
    pairs = tuple(
        compare_pair(ratings, first, second, scale, resamples=resamples, seed=seed, weights=weights)
        for first, second in itertools.combinations(range(len(ratings.graders)), 2)
    )
    group = compare_all(ratings, scale, resamples, seed)
    changes = tuple(compare_changes(ratings, resamples, seed))
    graders = study_graders(ratings, drift, scale)
    return Agreement(ratings, pairs, group, changes, graders, scale, resamples, weights)


def learnt_note(results: Path) -> str:
    """That the model behind a workbook of results learnt from photos that it graded, so that agreement with experts on
    them is no test of it; "" of any other file."""
    told = row_of_run(results, LEARNT)
    return f"{results.name}: {told}" if told else ""


def compare_files(
    paths: Sequence[Path],
    columns: Sequence[tuple[str, str]] = (),
    scale: Scale = CLINICAL_SCALE,
    out: Path | None = None,
    *,
    report: Path | None = None,
    overwrite: bool = False,
    retakes: bool = False,
    weights: str = "quadratic",
    drift: str = VISITS,
) -> Agreement:
    """Compare the graders in workbooks, as ``read_graders`` reads and ``join_ratings`` joins them.

    ``out``: a workbook (.xlsx) to write, ``report``: a page (.html); with ``overwrite`` also over files that are no
    earlier comparison, never over one of ``paths``. Raises GradesError on files that cannot be read or joined, and
    ToolkitError, before any work, where an output could not be written. ``retakes`` as for ``join_ratings``, ``weights``
    and ``drift`` for ``agree``.
    """
    outputs = []
    if out is not None:
        check_target(out, (".xlsx",))
        outputs.append(Output(out, "--out", is_stamped(KIND)))
    if report is not None:
        check_target(report, (".html", ".htm"))
        outputs.append(Output(report, "--report", has_text(MARK)))
    check_outputs(outputs, map(Path, paths), overwrite)
    graders = read_graders(paths, columns, scale)
    ratings = join_ratings(graders, retakes)
    known = dict.fromkeys(note for _, table in graders if (note := learnt_note(table.source)))
    ratings = replace(ratings, notes=(*ratings.notes, *known))
    found = agree(ratings, scale, weights=weights, drift=drift)
    if out is not None:
        found.write(out)
    if report is not None:
        found.write_page(report)
    return found
