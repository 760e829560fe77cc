"""The comparison as aligned plain text, for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from toolkit.agreement.reliability import Estimate
from toolkit.evaluate.run import Compared
from toolkit.evaluate.sheets import Scored
from toolkit.outputs import counted
from toolkit.texttable import aligned

_HEADINGS = (
    "",
    "accuracy",
    "RMSE",
    "95 % interval",
    "MAE",
    "within 0.5",
    "within 1.0",
    "kappa",
    "ICC(2,1)",
    "Spearman",
)


def comparison_text(compared: Compared, scored: Mapping[str, Sequence[Scored]]) -> str:
    """One line per method; pairs' scores beside always answering "different"; what a split by photo would claim."""
    study = compared.study
    parts = [
        study.joined,
        f"{counted(len(study.names), 'photo')} of {counted(len(np.unique(study.subjects)), 'subject')}, {compared.options.folds} folds, "
        "no subject on both sides:",
        _table(scored["subject"]),
    ]
    parts += [_pairs(line) for line in scored["subject"] if line.pairs]
    if "photo" in scored:
        parts += ["A split by photo, which lets methods see the subjects they are tested on, would have claimed:",
                  _table(scored["photo"])]  # fmt: skip
    parts += [f"left out: {name}: {reason}" for name, reason in study.left_out.items()]
    return "\n".join(parts)


def _table(lines: Sequence[Scored]) -> str:
    return "\n".join(aligned([_HEADINGS, *map(_cells, lines)], rule=True))


def _cells(line: Scored) -> tuple[str, ...]:
    found, rmse = line.scores, line.scores["rmse"]
    interval = "-" if rmse.lower is None else f"{rmse.lower:.2f} to {rmse.upper:.2f}"
    shares = [_share(found[name]) for name in ("within_half", "within_one")]
    figures = [_figure(found[name]) for name in ("kappa", "icc_2_1", "spearman")]
    accuracy = _share(line.accuracy["test"])
    return (line.title, accuracy, _figure(rmse), interval, _figure(found["mae"]), *shares, *figures)


def _pairs(line: Scored) -> str:
    pairs = line.pairs
    return (
        f'On pairs (no score of grading): {line.name} {pairs["pair_accuracy"]:.1%} right, always "different" '
        f"{pairs['always_different_accuracy']:.1%}; RMSE {pairs['pair_rmse']:.3f}, constant probability "
        f"{pairs['constant_probability_rmse']:.3f}"
    )


def _figure(estimate: Estimate) -> str:
    return "-" if estimate.value is None else f"{round(estimate.value, 2) + 0.0:.2f}"


def _share(estimate: Estimate) -> str:
    return "-" if estimate.value is None else f"{estimate.value:.0%}"
