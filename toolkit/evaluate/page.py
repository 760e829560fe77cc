"""One self-contained HTML page: tables, pictures and words; nothing in it runs, nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.agreement.reliability import Estimate, koo_li
from toolkit.agreement.resample import RESAMPLES
from toolkit.evaluate import charts
from toolkit.evaluate.figures import GROUPINGS
from toolkit.evaluate.methods import METHODS, PARTS
from toolkit.evaluate.run import Compared
from toolkit.evaluate.sheets import Scored, meaning, run_rows

_COLUMNS = (
    ("rmse", "RMSE"), ("mae", "MAE"), ("bias", "bias"), ("within_half", "within 0.5"),
    ("within_one", "within 1.0"), ("kappa", "kappa, quadratic weights"), ("icc_2_1", "ICC(2,1)"),
    ("icc_3_1", "ICC(3,1)"), ("spearman", "Spearman"), ("rmse_gain", "RMSE gained on the mean"),
)  # fmt: skip
_SHARES = ("within_half", "within_one", "training", "validation", "test", "accuracy")
_SIGNED = ("bias", "rmse_gain", "loa_lower", "loa_upper")
_EXPLAINED = ("rmse", "mae", "bias", "within_half", "within_one", "kappa", "icc_2_1", "icc_3_1", "spearman",
              "rmse_gain")  # fmt: skip


def page(compared: Compared, scored: Mapping[str, Sequence[Scored]]) -> str:
    """The page's text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("page.html.j2").render(**_told(compared, scored))


def _told(compared: Compared, scored: Mapping[str, Sequence[Scored]]) -> dict[str, Any]:
    study, lines = compared.study, scored["subject"]
    titles = dict(_COLUMNS)
    return {
        "photos": len(study.names),
        "subjects": len(np.unique(study.subjects)),
        "folds": compared.options.folds,
        "resamples": RESAMPLES,
        "labels": study.settings.index.class_labels(),
        "chart": charts.comparison(
            [line.title for line in lines],
            [line.accuracy for line in lines],
            [line.scores for line in lines],
            [line.trivial for line in lines],
        ),
        "accuracy_parts": PARTS,
        "columns": [title for _, title in _COLUMNS],
        "lines": [_line(line) for line in lines],
        "distributions": charts.distributions(study),
        "methods": [_method(compared, line, lines) for line in lines],
        "groups": _groups(lines),
        "pairs": [line for line in lines if line.pairs],
        "leak": _leak(scored) if "photo" in scored else None,
        "left_out": dict(study.left_out),
        "joined": study.joined,
        "run": run_rows(compared),
        "meanings": [(titles[name], meaning(name)) for name in _EXPLAINED],
        "head_start": compared.encoder.startswith("starter"),
        "scratch": compared.options.baselines.weights == "none"
        and any("baselines" in METHODS[name].needs for name in compared.methods),
    }


def _line(line: Scored) -> dict[str, Any]:
    icc = line.scores["icc_2_1"]
    cells = {name: _figure(name, line.scores[name]) for name, _ in _COLUMNS}
    cells["icc_2_1"]["word"] = koo_li(icc.lower, icc.upper)
    return {
        "title": line.title,
        "name": line.name,
        "trivial": line.trivial,
        "accuracy": [_figure(part, line.accuracy[part]) for part in PARTS],
        "cells": list(cells.values()),
    }


def _method(compared: Compared, line: Scored, lines: Sequence[Scored]) -> dict[str, Any]:
    outcomes = compared.outcomes["subject"][line.name]
    trivial = [other for other in lines if other.trivial and other is not line]
    return {
        "title": line.title,
        "name": line.name,
        "about": METHODS[line.name].about,
        "trivial": line.trivial,
        "beside": [_line(line), *map(_line, trivial)],
        "agreement": charts.agreement(compared.study, line.answers, line.scores),
        "confusion": charts.confusions(line.confusion, compared.study.settings.index.class_labels()),
        "residuals": charts.residuals(line.groups),
        "curves": charts.learning_curves(outcomes),
        "limits": [_figure(name, line.scores[name]) for name in ("bias", "loa_lower", "loa_upper")],
        "seconds": line.seconds,
    }


def _groups(lines: Sequence[Scored]) -> list[dict[str, Any]]:
    """RMSE and bias of every method by level of each grouping."""
    found = []
    for grouping in GROUPINGS:
        of_lines = [[group for group in line.groups if group.grouping == grouping] for line in lines]
        rows = [
            {
                "level": levels[0].level,
                "photos": levels[0].photos,
                "subjects": levels[0].subjects,
                "cells": [(_figure("rmse", g.rmse), _figure("bias", g.bias)) for g in levels],
            }
            for levels in zip(*of_lines, strict=True)
        ]
        found.append({"title": grouping, "rows": rows, "methods": [line.title for line in lines]})
    return found


def _leak(scored: Mapping[str, Sequence[Scored]]) -> dict[str, Any]:
    honest, claimed = scored["subject"], scored["photo"]
    return {
        "chart": charts.leaks(
            [line.title for line in honest],
            [line.scores["rmse"] for line in honest],
            [line.scores["rmse"] for line in claimed],
        ),
        "rows": [
            {
                "title": line.title,
                "trivial": line.trivial,
                "cells": [
                    (_figure(name, line.scores[name]), _figure(name, wrong.scores[name]))
                    for name in ("rmse", "accuracy", "within_half", "icc_2_1", "spearman")
                ],
            }
            for line, wrong in zip(honest, claimed, strict=True)
        ],
    }


def _figure(name: str, estimate: Estimate) -> dict[str, str]:
    """A figure and its interval in words."""
    if estimate.value is None:
        return {"value": "-", "interval": "", "word": ""}
    interval = ""
    if estimate.lower is not None and estimate.upper is not None:
        interval = f"{_number(name, estimate.lower)} to {_number(name, estimate.upper)}"
    return {"value": _number(name, estimate.value), "interval": interval, "word": ""}


def _number(name: str, value: float) -> str:
    if name in _SHARES:
        return f"{value:.0%}"
    value = round(value, 2) + 0.0  # no minus before a rounded zero
    return f"{value:+.2f}" if name in _SIGNED and value else f"{value:.2f}"
