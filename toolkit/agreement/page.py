"""One self-contained HTML page of how graders agree and how each of them grades; nothing in it runs, nothing is fetched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import toolkit
from toolkit.agreement import charts
from toolkit.agreement.compare import ChangeAgreement, PairAgreement
from toolkit.agreement.gradermodel import GraderLine
from toolkit.agreement.gradersheets import GRADERS
from toolkit.agreement.gradertext import conclusions, p_value
from toolkit.agreement.reliability import Estimate
from toolkit.agreement.report import TITLES, figure, interval
from toolkit.agreement.sheets import MEANINGS, trivial_figures

if TYPE_CHECKING:
    from toolkit.agreement import Agreement

MARK = '<meta name="generator" content="toolkit agreement">'
_PAIR_FIGURES = ("icc_2_1", "kappa", "spearman", "rmse", "bias", "within_half", "within_one")
_CHANGE_FIGURES = ("rmse", "bias", "spearman", "icc_2_1")


def page(found: Agreement) -> str:
    """The page's text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("page.html.j2").render(**_told(found))


def _told(found: Agreement) -> dict[str, Any]:
    ratings, group, study = found.ratings, found.group, found.graders
    given = ratings.entries >= 0
    return {
        "sources": [
            (name, int(given[:, i].sum()), table.source.name, table.own_results)
            for i, (name, table) in enumerate(zip(ratings.graders, ratings.tables, strict=True))
        ],
        "photos": len(ratings.photos),
        "subjects": len(np.unique(ratings.subjects)),
        "partly": int((~given.all(axis=1)).sum()),
        "notes": ratings.notes,
        "chart": charts.graders(study),
        "model": study.model,
        "no_model": study.no_model,
        "drift": study.drift,
        "graders": [_grader(line) for line in (study.model.graders if study.model else ())],
        "grader_meanings": [
            (name, GRADERS[name]) for name in ("bias", "slope", "noise_sd", "drift", "weight")
        ],
        "conclusions": conclusions(study),
        "figures": [TITLES[name] for name in _PAIR_FIGURES],
        "pairs": [row for pair in found.pairs for row in _pair(pair)],
        "group": group,
        "group_figures": [
            *((TITLES[name], _cell(name, one)) for name, one in group.estimates.items()),
            (f"Krippendorff's alpha ({group.alpha_photos} photos)", _cell("alpha", group.alpha)),
        ],
        "error": group.error,
        "change_figures": [TITLES[name] for name in _CHANGE_FIGURES],
        "changes": [row for change in found.changes for row in _change(change)],
        "no_better": [change.no_better for change in found.changes if change.no_better],
        "meanings": [(TITLES[name], MEANINGS[name]) for name in _PAIR_FIGURES],
        "resamples": found.resamples,
        "weights": found.weights,
        "scale": str(found.scale),
        "version": toolkit.__version__,
    }


def _grader(line: GraderLine) -> dict[str, Any]:
    return {
        "name": line.name, "photos": line.photos, "bias": _cell("bias", line.bias), "slope": _cell("slope", line.slope),
        "noise": _cell("noise", line.noise), "drift": _cell("drift", line.drift or Estimate(None)),
        "p": p_value(line.drift_p), "weight": f"{line.weight:.0%}",
    }  # fmt: skip


def _pair(pair: PairAgreement) -> list[dict[str, Any]]:
    """The pair, and below it what trivial answers score."""
    name = f"{pair.second} against {pair.first}"
    cells = [_cell(figure, pair.estimates.get(figure, Estimate(None))) for figure in _PAIR_FIGURES]
    rows = [
        {"name": name, "photos": pair.photos, "verdict": pair.verdict, "cells": cells, "limits": _limits(pair),
         "trivial": False}
    ]  # fmt: skip
    for title, scores in pair.trivial.items():
        constant = trivial_figures(scores)
        cells = [_cell(figure, Estimate(constant.get(figure))) for figure in _PAIR_FIGURES]
        rows.append(
            {
                "name": title,
                "photos": pair.photos,
                "verdict": "",
                "cells": cells,
                "limits": "",
                "trivial": True,
            }
        )
    return rows


def _limits(pair: PairAgreement) -> str:
    if not pair.estimates:
        return ""
    return " to ".join(figure(name, pair.estimates[name].value) for name in ("loa_lower", "loa_upper"))


def _change(change: ChangeAgreement) -> list[dict[str, Any]]:
    name = f"{change.second} against {change.first}"
    cells = [_cell(figure, change.estimates[figure]) for figure in _CHANGE_FIGURES]
    rows = [{"name": name, "changes": change.changes, "cells": cells, "trivial": False}]
    for title, rmse in change.trivial.items():
        empty: Sequence[dict[str, str]] = [_cell("rmse", Estimate(None))] * (len(_CHANGE_FIGURES) - 1)
        rows.append(
            {
                "name": title,
                "changes": change.changes,
                "cells": [_cell("rmse", Estimate(rmse)), *empty],
                "trivial": True,
            }
        )
    return rows


def _cell(name: str, estimate: Estimate) -> dict[str, str]:
    """A figure and its interval in words; nothing where undefined."""
    if estimate.value is None:
        return {"value": "", "interval": ""}
    told = interval(name, estimate)
    return {"value": figure(name, estimate.value), "interval": "" if told == "-" else told}
