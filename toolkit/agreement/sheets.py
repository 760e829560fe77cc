"""The sheets of the agreement workbook, as rows; every column has its meaning in the dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from toolkit.agreement.compare import ChangeAgreement, GroupAgreement, PairAgreement
from toolkit.agreement.graders import GraderStudy
from toolkit.agreement.gradersheets import COMBINED, columns_of_graders, combined_rows, grader_rows
from toolkit.agreement.ratings import Ratings
from toolkit.agreement.reliability import Estimate
from toolkit.agreement.resample import RESAMPLES
from toolkit.outputs import counted
from toolkit.scores import Scores
from toolkit.study import Scale
from toolkit.workbook import Value

Row = dict[str, Value]

_BY_SUBJECTS = "95 % interval: 2.5th and 97.5th percentile over resamples of subjects with replacement"
_BY_F = (
    "95 % interval by the F distribution (McGraw and Wong 1996), which treats photos as independent, and for "
    "ICC(2,1) the graders as a sample of all graders: wide where few graders differ by a bias"
)
MEANINGS: dict[str, str] = {
    "icc_2_1": "ICC(2,1): two-way random effects, absolute agreement, a single grader "
    "(Shrout and Fleiss 1979). 1 is perfect; a constant difference between graders lowers it",
    "icc_3_1": "ICC(3,1): two-way mixed effects, consistency, a single grader (Shrout and Fleiss 1979). "
    "A constant difference between graders does not lower it",
    "kappa": "Cohen's kappa with the weights that Summary names, of grades rounded to the scale's step "
    "(half steps where the scale has none)",
    "spearman": "Spearman's rank correlation: 1 where both graders rank photos alike",
    "rmse": "root mean square of the differences, in grades",
    "mae": "mean absolute difference, in grades",
    "bias": "mean of second minus first, in grades: Bland and Altman's bias",
    "within_half": "share of photos whose grades differ by at most 0.5, 0 to 1",
    "within_one": "share of photos whose grades differ by at most 1.0, 0 to 1",
    "loa_lower": "lower limit of agreement: bias - 1.96 SD of the differences second - first, the variance "
    "being that between subjects plus that within them (Bland and Altman 2007, true value varies)",
    "loa_upper": "upper limit of agreement: bias + 1.96 SD, as for the lower",
    "mean_first": "mean change from baseline by the first grader, in grades",
    "mean_second": "mean change from baseline by the second grader, in grades",
}
_COLUMNS: dict[str, dict[str, str]] = {
    "Summary": {
        "group": "what the line is about",
        "item": "what is counted or estimated",
        "value": "the figure, or text",
        "lower": f"lower bound; {_BY_SUBJECTS}; in lines 'by F', {_BY_F}",
        "upper": "upper bound of the same interval",
    },
    "Pairs": {
        "first": "first grader of the pair: the one that is taken for the reference",
        "second": "second grader; or, in the lines below a pair, a trivial answer that needs no photo: "
        "always the first grader's mean, or always its commonest grade",
        "kind": "'pair', or 'trivial' for what a trivial answer would score on the same photos",
        "photos": "photos that both graded",
        "subjects": "their subjects",
        "verdict": "ICC(2,1) in words by the outermost bounds of its two intervals: under 0.5 poor, to 0.75 "
        "moderate, to 0.9 good, over it excellent (Koo and Li 2016)",
    },
    "Graders": columns_of_graders(),
    "Combined": COMBINED,
    "Unmatched": {
        "photo": "a photo that at least one grader did not grade: its file name, or subject, side and visit; "
        "empty for rows whose grade is empty",
        "subject": "its subject",
        "side": "its side, the subject's own left or right",
        "visit": "its visit",
        "graded_by": "graders that graded it, with the row of their file",
        "not_graded_by": "graders that did not",
        "reason": "why it is listed",
    },
    "Changes": {
        "first": "first grader of the pair",
        "second": "second grader; or a trivial answer",
        "baseline": "the visit that changes are counted from",
        "changes": "changes from baseline: one a subject, side and later visit that both graded",
        "subjects": "their subjects",
    },
    "Dictionary": {
        "sheet": "sheet of this workbook",
        "column": "column of that sheet",
        "meaning": "what it holds",
    },
}  # fmt: skip
_PAIR_FIGURES = (
    *("icc_2_1", "icc_3_1", "kappa", "spearman", "rmse", "mae", "bias"),
    *("within_half", "within_one", "loa_lower", "loa_upper"),
)
_CHANGE_FIGURES = ("rmse", "mae", "bias", "spearman", "icc_2_1", "mean_first", "mean_second")


def summary_rows(
    ratings: Ratings,
    group: GroupAgreement,
    scale: Scale,
    resamples: int = RESAMPLES,
    *,
    weights: str = "quadratic",
) -> list[Row]:
    """Who graded what, and how all graders agree."""
    rows: list[Row] = [
        _line(
            "grader",
            name,
            f"{counted(int(np.isfinite(ratings.grades[:, i]).sum()), 'photo')} of {table.source.name}",
        )
        for i, (name, table) in enumerate(zip(ratings.graders, ratings.tables, strict=True))
    ]
    rows += [_line("note", "joined", note) for note in ratings.notes]
    rows += [
        _line("method", "scale of grades", str(scale)),
        _line("method", "resamples of subjects", resamples),
        _line("method", "weights of kappa", weights),
        _line("all graders", "photos graded by all", group.photos),
        _line("all graders", "subjects of these", group.subjects),
    ]
    for name, title in (("icc_2_1", "ICC(2,1)"), ("icc_3_1", "ICC(3,1)")):
        if name in group.estimates:
            rows.append(_line("all graders", title, group.estimates[name]))
            rows.append(_line("all graders", f"{title} by F", group.icc_by_f[name]))
    rows += [
        _line("all graders", "ICC(2,1) in words (Koo and Li 2016)", group.verdict or None),
        _line("all graders", "photos graded by two or more", group.alpha_photos),
        _line("all graders", "Krippendorff's alpha, interval", group.alpha),
        _line("all graders", "Krippendorff's alpha, ordinal, rounded grades", group.alpha_ordinal),
    ]
    if group.error is not None:
        error = group.error
        rows += [
            _line("all graders", "SEM, bias between graders counted: sqrt(between graders + residual variance)", error.agreement),
            _line("all graders", "minimal detectable change, bias between graders counted: 1.96 sqrt(2) SEM", error.detectable_agreement),
            _line("all graders", "SEM, bias set aside: sqrt(residual variance)", error.consistency),
            _line("all graders", "minimal detectable change, bias set aside: 1.96 sqrt(2) SEM", error.detectable_consistency),
        ]  # fmt: skip
    return rows


def _line(group: str, item: str, value: Value | Estimate) -> Row:
    if isinstance(value, Estimate):
        return {
            "group": group,
            "item": item,
            "value": value.value,
            "lower": value.lower,
            "upper": value.upper,
        }
    return {"group": group, "item": item, "value": value, "lower": None, "upper": None}


def pair_rows(pairs: Iterable[PairAgreement]) -> list[Row]:
    """One row per pair, and below it one row per trivial answer."""
    rows: list[Row] = []
    for pair in pairs:
        counts: Row = {"photos": pair.photos, "subjects": pair.subjects}
        row: Row = {"first": pair.first, "second": pair.second, "kind": "pair", **counts}
        row |= {"verdict": pair.verdict or None}
        for name in _PAIR_FIGURES:
            row |= _cells(name, pair.estimates.get(name, Estimate(None)))
            if name in ("icc_2_1", "icc_3_1"):
                by_f = pair.icc_by_f.get(name, Estimate(None))
                row |= {f"{name}_f_lower": by_f.lower, f"{name}_f_upper": by_f.upper}
        rows.append(row)
        rows += [
            {"first": pair.first, "second": name, "kind": "trivial", **counts, **trivial_figures(scores)}
            for name, scores in pair.trivial.items()
        ]
    return rows


def trivial_figures(scores: Scores) -> dict[str, float | None]:
    """Scores by the names that pairs use."""
    return {
        "icc_2_1": scores.icc,
        "kappa": scores.kappa,
        "spearman": scores.spearman,
        "rmse": scores.rmse,
        "mae": scores.mae,
        "bias": scores.bias,
        "within_half": scores.within_half,
        "within_one": scores.within_one,
    }


def change_rows(changes: Iterable[ChangeAgreement]) -> list[Row]:
    """One row per pair, and below it one row per trivial answer, which has an RMSE only."""
    rows: list[Row] = []
    for change in changes:
        counts: Row = {
            "baseline": change.baseline,
            "changes": change.changes,
            "subjects": change.subjects,
        }
        row: Row = {"first": change.first, "second": change.second, **counts}
        for name in _CHANGE_FIGURES:
            row |= _cells(name, change.estimates[name])
        rows.append(row)
        rows += [
            {"first": change.first, "second": name, **counts, "rmse": rmse}
            for name, rmse in change.trivial.items()
        ]
    return rows


def _cells(name: str, estimate: Estimate) -> Row:
    return {name: estimate.value, f"{name}_low": estimate.lower, f"{name}_high": estimate.upper}


def unmatched_rows(ratings: Ratings) -> list[Row]:
    """The photos that not every grader graded, and the rows without a grade."""
    rows: list[Row] = []
    given = ratings.entries >= 0
    for photo in np.flatnonzero(~given.all(axis=1)):
        facts = ratings.facts[photo]
        by = [_entry(ratings, int(photo), int(grader)) for grader in np.flatnonzero(given[photo])]
        without = [ratings.graders[grader] for grader in np.flatnonzero(~given[photo])]
        lonely = "graded by one only: in no pair" if len(by) == 1 else "not graded by all"
        rows.append(
            {
                "photo": ratings.photos[photo],
                "subject": facts.subject,
                "side": facts.side,
                "visit": facts.visit,
                "graded_by": "; ".join(by),
                "not_graded_by": "; ".join(without),
                "reason": lonely,
            }
        )
    for name, table in zip(ratings.graders, ratings.tables, strict=True):
        rows += [
            {"not_graded_by": name, "reason": f"{table.source.name} row {row} has no grade"}
            for row in table.blank_rows
        ]
    return rows


def _entry(ratings: Ratings, photo: int, grader: int) -> str:
    row = ratings.tables[grader].rows[ratings.entries[photo, grader]]
    return f"{ratings.graders[grader]} (row {row.row})"


def sheets(
    ratings: Ratings,
    group: GroupAgreement,
    pairs: Iterable[PairAgreement],
    changes: Sequence[ChangeAgreement],
    *,
    graders: GraderStudy,
    scale: Scale,
    resamples: int = RESAMPLES,
    weights: str = "quadratic",
) -> dict[str, tuple[list[str], list[Row]]]:
    """Columns and rows by sheet: Summary, Pairs, Graders, Combined, Unmatched, Changes, Dictionary."""
    made: dict[str, tuple[list[str], list[Row]]] = {
        "Summary": (
            list(_COLUMNS["Summary"]),
            [
                *summary_rows(ratings, group, scale, resamples, weights=weights),
                *(_line("note", "changes", change.no_better) for change in changes if change.no_better),
            ],
        ),
        "Pairs": (_pair_columns(), pair_rows(pairs)),
        "Graders": (list(_COLUMNS["Graders"]), grader_rows(graders)),
        "Combined": (list(_COLUMNS["Combined"]), combined_rows(ratings, graders)),
        "Unmatched": (list(_COLUMNS["Unmatched"]), unmatched_rows(ratings)),
        "Changes": (_change_columns(), change_rows(changes)),
    }
    columns = {name: found for name, (found, _) in made.items()} | {
        "Dictionary": list(_COLUMNS["Dictionary"])
    }
    made["Dictionary"] = (columns["Dictionary"], list(_dictionary(columns)))
    return made


def _pair_columns() -> list[str]:
    columns = list(_COLUMNS["Pairs"])
    for name in _PAIR_FIGURES:
        columns += [name, f"{name}_low", f"{name}_high"]
        columns += [f"{name}_f_lower", f"{name}_f_upper"] if name in ("icc_2_1", "icc_3_1") else []
    return columns


def _change_columns() -> list[str]:
    ends = ("", "_low", "_high")
    return [*_COLUMNS["Changes"], *(f"{name}{end}" for name in _CHANGE_FIGURES for end in ends)]


def _dictionary(columns: Mapping[str, Iterable[str]]) -> Iterator[Row]:
    for sheet, names in columns.items():
        for name in names:
            yield {"sheet": sheet, "column": name, "meaning": _meaning(sheet, name)}


def _meaning(sheet: str, column: str) -> str:
    if column in _COLUMNS[sheet]:
        return _COLUMNS[sheet][column]
    if column in MEANINGS:
        of_changes = "of the changes: " if sheet == "Changes" and not column.startswith("mean_") else ""
        return of_changes + MEANINGS[column]
    for ending, bound, how in (
        ("_f_lower", "lower", _BY_F), ("_f_upper", "upper", _BY_F),
        ("_low", "lower", _BY_SUBJECTS), ("_high", "upper", _BY_SUBJECTS),
    ):  # fmt: skip
        if column.endswith(ending):
            return f"{bound} bound of {column.removesuffix(ending)}; {how}"
    raise KeyError(column)
