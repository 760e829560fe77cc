"""One self-contained HTML page of a trial: charts, tables and words; nothing in it runs, nothing is fetched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.agreement.reliability import Estimate
from toolkit.trial import charts
from toolkit.trial.records import ALL, Contrast
from toolkit.trial.sheets import run_rows
from toolkit.trial.text import LIMITS, findings, interval, number, p_value, share, trial_notes

if TYPE_CHECKING:
    from toolkit.trial import Trial

MARK = '<meta name="generator" content="toolkit trial">'
_MOST_MISSING = 60  # rows of the page; the workbook has them all


def page(trial: Trial) -> str:
    """The page's text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("page.html.j2").render(**_told(trial))


def _told(trial: Trial) -> dict[str, Any]:
    table = trial.table
    counts = Counter(table.arm_of.values())
    missing = [gap for gap in table.gaps if gap.kind == "missing visit"]
    return {
        "several": len(table.arms) > 1,
        "has_arms": table.arms != (ALL,),
        "arms": [{"name": arm, "subjects": counts[arm]} for arm in table.arms],
        "subjects": len(table.arm_of),
        "grades": len(table.grades),
        "reference": table.reference,
        "baseline": table.baseline,
        "visits": table.visits,
        "last": trial.last,
        "grader": table.grader,
        "machine": table.machine,
        "findings": findings(trial),
        "limits": LIMITS,
        "notes": trial_notes(trial),
        "means": charts.means(table, trial.lines, trial.model),
        "spaghetti": charts.spaghetti(table, trial.lines),
        "waterfall": None if trial.last is None else charts.waterfall(table, trial.last, trial.threshold),
        "lines": [_visit_cells(line, line.visit in table.after) for line in trial.lines],
        "model": _model(trial),
        "no_model": trial.no_model,
        "threshold": f"{trial.threshold:g}",
        "responders": [_responder_cells(line) for line in trial.responders],
        "measurement": [
            (one.source, number(one.sem), number(one.detectable_side), number(one.detectable_mean))
            for one in trial.measurement
        ],
        "size": trial.size,
        "shown": [(arm, number(shown)) for arm, shown in (trial.size.shown if trial.size else ())],
        "sd": number(trial.size.sd) if trial.size else "",
        "missing": missing[:_MOST_MISSING],
        "more_missing": max(len(missing) - _MOST_MISSING, 0),
        "missing_counts": _missing_counts(trial),
        "run": run_rows(trial),
    }


def _visit_cells(line: Any, later: bool) -> dict[str, Any]:
    return {
        "visit": line.visit, "arm": line.arm, "subjects": line.subjects, "sides": line.sides, "mean": _cell(line.mean),
        "sd": number(line.sd), "change": _cell(line.change if later else None, signed=True), "changed": line.changed if later else "",
        "difference": _cell(line.difference, signed=True), "p": p_value(line.difference.p) if line.difference else "",
    }  # fmt: skip


def _model(trial: Trial) -> dict[str, Any] | None:
    model = trial.model
    if model is None:
        return None
    return {
        "method": model.method,
        "mixed": model.log_likelihood is not None,
        "lines": [
            {
                "visit": line.visit, "arm": line.arm, "subjects": line.subjects, "mean": _cell(line.mean, signed=True),
                "difference": _cell(line.difference, signed=True),
                "p": p_value(line.difference.p) if line.difference else "",
            }
            for line in model.lines
        ],
        "slopes": [(title, _cell(found, signed=True), p_value(found.p)) for title, found in model.slopes.items()],
        "sds": [(name, number(sd)) for name, sd in model.sds.items()],
        "df": model.df, "base": number(model.base), "subjects": model.subjects, "observations": model.observations,
    }  # fmt: skip


def _responder_cells(line: Any) -> dict[str, Any]:
    return {
        "visit": line.visit, "arm": line.arm, "responders": f"{line.responders} of {line.subjects}",
        "share": _cell(line.share, percent=True), "difference": _cell(line.difference, percent=True),
        "p": p_value(line.difference.p) if line.difference else "",
    }  # fmt: skip


def _missing_counts(trial: Trial) -> list[tuple[str, Sequence[int]]]:
    """How many visits of a side each arm misses, by visit."""
    found: Mapping[tuple[str | None, str | None], int] = Counter(
        (gap.arm, gap.visit) for gap in trial.table.gaps if gap.kind == "missing visit"
    )
    return [(arm, [found.get((arm, visit), 0) for visit in trial.table.visits]) for arm in trial.table.arms]


def _cell(found: Estimate | Contrast | None, percent: bool = False, signed: bool = False) -> dict[str, str]:
    """A figure and its interval in words."""
    if found is None:
        return {"value": "", "interval": ""}
    value = share(found.value) if percent else number(found.value, signed)
    return {"value": value, "interval": interval(found, percent, signed)}
