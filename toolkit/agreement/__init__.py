"""Agreement between any graders or runs: statistics with intervals, beside what trivial answers score."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
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
from toolkit.outputs import Output, check_outputs, is_stamped
from toolkit.study import CLINICAL_SCALE, Scale, read_graders
from toolkit.workbook import check_target, write_sheets

KIND = "agreement"  # of whose output a workbook is

__all__ = [
    "Agreement",
    "ChangeAgreement",
    "Estimate",
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
    "measurement_error",
]


@dataclass(frozen=True, eq=False)
class Agreement:
    """Everything that graders' workbooks say about how the graders agree."""

    ratings: Ratings
    pairs: tuple[PairAgreement, ...]
    group: GroupAgreement
    changes: tuple[ChangeAgreement, ...]
    scale: Scale
    resamples: int
    weights: str = "quadratic"

    def text(self) -> str:
        """Aligned plain text, to read."""
        return report(
            self.ratings, self.group, self.pairs, self.changes, resamples=self.resamples, weights=self.weights
        )

    def record(self) -> dict[str, Any]:
        """All figures, for ``toolkit.asjson``; intervals are of 95 %."""
        names = ("pairs", "group", "changes", "weights", "resamples")
        return {"graders": self.ratings.graders, **{name: getattr(self, name) for name in names}}

    def write(self, path: Path) -> None:
        """A workbook: sheets Summary, Pairs, Unmatched, Changes, Dictionary. Raises ToolkitError."""
        made = sheets(
            self.ratings,
            self.group,
            self.pairs,
            self.changes,
            scale=self.scale,
            resamples=self.resamples,
            weights=self.weights,
        )
        rows = {title: rows for title, (_, rows) in made.items()}
        columns = {title: names for title, (names, _) in made.items()}
        write_sheets(path, rows, columns, number_format="0.000", kind=KIND)


def agree(
    ratings: Ratings,
    scale: Scale = CLINICAL_SCALE,
    resamples: int = RESAMPLES,
    seed: int = 0,
    *,
    weights: str = "quadratic",
) -> Agreement:
    """Compare every pair of graders, all of them together, and their changes from baseline.

    ``resamples`` of subjects for each 95 % interval; the same ``seed`` gives the same intervals. ``weights`` of
    kappa: quadratic or linear.
    """
    pairs = tuple(
        compare_pair(ratings, first, second, scale, resamples=resamples, seed=seed, weights=weights)
        for first, second in itertools.combinations(range(len(ratings.graders)), 2)
    )
    group = compare_all(ratings, scale, resamples, seed)
    changes = tuple(compare_changes(ratings, resamples, seed))
    return Agreement(ratings, pairs, group, changes, scale, resamples, weights)


def compare_files(
    paths: Sequence[Path],
    columns: Sequence[tuple[str, str]] = (),
    scale: Scale = CLINICAL_SCALE,
    out: Path | None = None,
    *,
    overwrite: bool = False,
    retakes: bool = False,
    weights: str = "quadratic",
) -> Agreement:
    """Compare the graders in workbooks, as ``read_graders`` reads and ``join_ratings`` joins them.

    ``out``: a workbook (.xlsx) to write; with ``overwrite`` also over a file that is no earlier comparison, never over
    one of ``paths``. Raises GradesError on files that cannot be read or joined, and ToolkitError, before any work,
    where ``out`` could not be written. ``retakes`` as for ``join_ratings``, ``weights`` for ``agree``.
    """
    if out is not None:
        check_target(out, (".xlsx",))
        check_outputs([Output(out, "--out", is_stamped(KIND))], map(Path, paths), overwrite)
    found = agree(join_ratings(read_graders(paths, columns, scale), retakes), scale, weights=weights)
    if out is not None:
        found.write(out)
    return found
