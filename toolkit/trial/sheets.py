"""The sheets of the trial's workbook, as rows; every column has its meaning in the dictionary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

import toolkit
from toolkit.agreement.reliability import Estimate
from toolkit.outputs import file_hash
from toolkit.trial.records import ALL, Contrast
from toolkit.trial.text import LIMITS, findings, trial_notes
from toolkit.workbook import Value

if TYPE_CHECKING:
    from toolkit.trial import Trial

Row = dict[str, Value]
_GRADES, _TEXT = ("grades", "0-9"), ("text", "")
_CHANGE = ("grades", "-9 to 9; negative is better")
_COUNT, _SHARE, _P = ("number", "0 and up"), ("share", "0-1"), ("p", "0-1")
_VISIT = ("visit, in order of time", *_TEXT)
_ARM = ("arm; the reference first", *_TEXT)
_WELCH = "by Welch's t on the means of subjects, not adjusted for baseline"
_NEWCOMBE = "Newcombe 1998, method 10"
COLUMNS: dict[str, dict[str, tuple[str, str, str]]] = {
    "Summary": {
        "group": ("what the line is about", *_TEXT),
        "item": ("what is told, counted or estimated", *_TEXT),
        "value": ("the figure, or text", "of the item", ""),
        "lower": ("lower bound of its 95 % interval", "of the item", ""),
        "upper": ("upper bound of the same", "of the item", ""),
        "p": ("two-sided p of no difference, not adjusted for several comparisons", *_P),
    },
    "Visits": {
        "visit": _VISIT,
        "arm": _ARM,
        "subjects": ("subjects with a grade at the visit", *_COUNT),
        "sides": ("sides of these with a grade", *_COUNT),
        "mean": ("mean grade of subjects, the sides of each averaged first", *_GRADES),
        "mean_lower": ("lower bound of its 95 % interval by t", *_GRADES),
        "mean_upper": ("upper bound of the same", *_GRADES),
        "sd": ("standard deviation of subjects' grades", *_GRADES),
        "changed": ("subjects with a grade of the same side at baseline too", *_COUNT),
        "change": ("mean change from baseline of these, each the mean of its sides", *_CHANGE),
        "change_lower": ("lower bound of its 95 % interval by t on the means of subjects", *_CHANGE),
        "change_upper": ("upper bound of the same", *_CHANGE),
        "change_sd": ("standard deviation of subjects' changes", *_GRADES),
        "difference": ("change of this arm less that of the reference", *_CHANGE),
        "difference_lower": (f"lower bound of its 95 % interval {_WELCH}", *_CHANGE),
        "difference_upper": ("upper bound of the same", *_CHANGE),
        "p": (f"two-sided p of no difference {_WELCH}", *_P),
    },
    "Model": {
        "kind": ("least-squares mean, difference (of such means, less the reference), slope or standard deviation", *_TEXT),
        "visit": ("visit, where the line is of one", *_TEXT),
        "arm": ("arm, where the line is of one", *_TEXT),
        "term": ("what is estimated, in words", *_TEXT),
        "subjects": ("subjects of the arm in the model at the visit", *_COUNT),
        "estimate": ("least-squares mean: change from baseline at the mean baseline of the model's rows; slope: change a grade of baseline", *_CHANGE),
        "se": ("standard error, by generalised least squares", *_GRADES),
        "df": ("degrees of freedom of t: subjects - arms - 1", *_COUNT),
        "lower": ("lower bound of the 95 % interval by t", *_CHANGE),
        "upper": ("upper bound of the same", *_CHANGE),
        "p": ("two-sided p that it is 0, by t; not adjusted for several comparisons", *_P),
    },
    "Responders": {
        "visit": _VISIT,
        "arm": _ARM,
        "subjects": ("subjects with a change from baseline at the visit", *_COUNT),
        "responders": ("subjects better by at least the grades that Run names, by the mean of their sides", *_COUNT),
        "share": ("responders among these subjects", *_SHARE),
        "share_lower": ("lower bound of its 95 % interval (Wilson 1927)", *_SHARE),
        "share_upper": ("upper bound of the same", *_SHARE),
        "difference": ("share of this arm less that of the reference", "share", "-1 to 1"),
        "difference_lower": (f"lower bound of its 95 % interval ({_NEWCOMBE})", "share", "-1 to 1"),
        "difference_upper": ("upper bound of the same", "share", "-1 to 1"),
        "p": ("two-sided p of Fisher's exact test", *_P),
    },
    "Missing": {
        "kind": ("what is missing or left out", *_TEXT),
        "subject": ("subject", *_TEXT),
        "arm": ("arm", *_TEXT),
        "side": ("side, the subject's own left or right", *_TEXT),
        "visit": ("visit", *_TEXT),
        "reason": ("why, and what follows", *_TEXT),
    },
    "Dictionary": {
        "sheet": ("sheet of this workbook", *_TEXT),
        "column": ("column of that sheet", *_TEXT),
        "meaning": ("what it holds", *_TEXT),
        "unit": ("its unit", *_TEXT),
        "range": ("what values it can have", *_TEXT),
    },
    "Run": {
        "item": ("what the row says: options, files and their hashes, versions", *_TEXT),
        "value": ("its value", *_TEXT),
    },
}  # fmt: skip


def sheets(trial: Trial) -> dict[str, tuple[list[str], list[Row]]]:
    """Columns and rows by sheet: Summary, Visits, Model, Responders, Missing, Dictionary, Run."""
    rows = {
        "Summary": summary_rows(trial),
        "Visits": visit_rows(trial),
        "Model": model_rows(trial),
        "Responders": responder_rows(trial),
        "Missing": missing_rows(trial),
        "Dictionary": list(_dictionary()),
        "Run": run_rows(trial),
    }
    return {title: (list(COLUMNS[title]), here) for title, here in rows.items()}


def summary_rows(trial: Trial) -> list[Row]:
    """The findings in words and figures, who was in it, and what is to be known of it."""
    table = trial.table
    counts = Counter(table.arm_of.values())
    rows = [_line("finding", f"{place}", text) for place, text in enumerate(findings(trial), 1)]
    rows += [_line("subjects", arm, counts[arm]) for arm in table.arms]
    if table.arms != (ALL,):
        rows.append(_line("trial", "reference arm", table.reference))
    rows += [
        _line("trial", "baseline visit", table.baseline),
        _line("trial", "visits", ", ".join(table.visits)),
        _line("trial", "grades", table.grader + (", as toolkit grade gave them" if table.machine else "")),
        _line(
            "missing",
            "visits of a side without a grade",
            sum(gap.kind == "missing visit" for gap in table.gaps),
        ),
    ]
    rows += list(_last_visit_rows(trial))
    rows += [
        _line("error of measurement", f"SEM of one side: {one.source}", one.sem) for one in trial.measurement
    ]
    rows += [
        _line(
            "error of measurement",
            f"minimal detectable change of one side: {one.source}",
            one.detectable_side,
        )
        for one in trial.measurement
    ]
    rows += [
        _line("error of measurement", f"minimal detectable change of the mean of two sides: {one.source}", one.detectable_mean)
        for one in trial.measurement if one.detectable_mean is not None
    ]  # fmt: skip
    if (size := trial.size) is not None:
        rows += [
            _line("sample size", f"SD of subjects' change at {size.visit}, pooled over arms", size.sd),
            _line("sample size", f"subjects per arm for a difference of {size.effect:g}, power {size.power:g}", size.per_arm),
        ]  # fmt: skip
        rows += [
            _line("sample size", f"smallest difference that could have been shown: {arm}", shown)
            for arm, shown in size.shown
        ]
    rows += [_line("note", "note", note) for note in trial_notes(trial)]
    return rows + [_line("limit", "limit", text) for text in LIMITS]


def _last_visit_rows(trial: Trial) -> Iterator[Row]:
    model = trial.model
    if model is not None and trial.last in model.visits:
        for line in model.lines:
            if line.visit == trial.last:
                yield _line(f"model at {line.visit}", f"least-squares mean change: {line.arm}", line.mean)
                if line.difference is not None:
                    yield _line(
                        f"model at {line.visit}", f"{line.arm} less {trial.table.reference}", line.difference
                    )
    elif trial.no_model:
        yield _line("model", "no model", trial.no_model)


def _line(group: str, item: str, value: Value | Estimate | Contrast) -> Row:
    if isinstance(value, Estimate | Contrast):
        bounds: Row = {"value": value.value, "lower": value.lower, "upper": value.upper}
        return {"group": group, "item": item, **bounds, "p": getattr(value, "p", None)}
    return {"group": group, "item": item, "value": value, "lower": None, "upper": None, "p": None}


def visit_rows(trial: Trial) -> list[Row]:
    """A row a visit and arm."""
    return [
        {
            "visit": line.visit, "arm": line.arm, "subjects": line.subjects, "sides": line.sides,
            **_cells("mean", line.mean), "sd": line.sd, "changed": line.changed, **_cells("change", line.change),
            "change_sd": line.change_sd, **_cells("difference", line.difference),
            "p": line.difference.p if line.difference else None,
        }
        for line in trial.lines
    ]  # fmt: skip


def model_rows(trial: Trial) -> list[Row]:
    """The least-squares means and their differences, the slopes of baseline, the standard deviations; or why none."""
    model = trial.model
    if model is None:
        return [{"kind": "no model", "term": trial.no_model}]
    reference = trial.table.reference
    rows: list[Row] = []
    for line in model.lines:
        place: Row = {"visit": line.visit, "arm": line.arm, "subjects": line.subjects}
        mean = Contrast(line.mean.value, line.mean.lower, line.mean.upper, None, line.se)
        rows.append(
            {
                "kind": "least-squares mean",
                **place,
                "term": "change from baseline",
                **_estimated(mean, model.df),
            }
        )
        if line.difference is not None:
            rows.append(
                {
                    "kind": "difference",
                    **place,
                    "term": f"less {reference}",
                    **_estimated(line.difference, model.df),
                }
            )
    rows += [
        {"kind": "slope", "term": title, **_estimated(found, model.df)}
        for title, found in model.slopes.items()
    ]
    rows += [{"kind": "standard deviation", "term": name, "estimate": sd} for name, sd in model.sds.items()]
    return rows


def _estimated(found: Contrast, df: int) -> Row:
    return {
        "estimate": found.value, "se": found.se, "df": df, "lower": found.lower, "upper": found.upper, "p": found.p,
    }  # fmt: skip


def responder_rows(trial: Trial) -> list[Row]:
    """A row a visit after baseline and arm."""
    return [
        {
            "visit": line.visit, "arm": line.arm, "subjects": line.subjects, "responders": line.responders,
            **_cells("share", line.share), **_cells("difference", line.difference),
            "p": line.difference.p if line.difference else None,
        }
        for line in trial.responders
    ]  # fmt: skip


def _cells(name: str, found: Estimate | Contrast | None) -> Row:
    found = found or Estimate(None)
    return {name: found.value, f"{name}_lower": found.lower, f"{name}_upper": found.upper}


def missing_rows(trial: Trial) -> list[Row]:
    """A row a thing that is missing or left out."""
    return [
        {"kind": gap.kind, "subject": gap.subject, "arm": None if gap.arm == ALL else gap.arm, "side": gap.side,
         "visit": gap.visit, "reason": gap.reason}
        for gap in trial.table.gaps
    ]  # fmt: skip


def run_rows(trial: Trial) -> list[Row]:
    """How the figures were made: files, options, the model, versions."""
    rows: dict[str, Value] = {}
    for role, path in trial.files.items():
        rows[role] = path.name
        rows[f"{role}, sha256"] = file_hash(path)
    rows |= {f"option {name}": value for name, value in trial.options.items()}
    if (model := trial.model) is not None:
        rows |= {
            "model": model.method,
            "model, formula": "change ~ arm x visit + baseline x visit; random: " + (", ".join(name for name in model.sds if name != "residual") or "none"),
            "model, subjects": model.subjects,
            "model, observations": model.observations,
            "model, visits": ", ".join(model.visits),
            "model, mean baseline": model.base,
            "model, degrees of freedom of t": model.df,
            "model, restricted log-likelihood": model.log_likelihood,
        }  # fmt: skip
    else:
        rows["model"] = f"none: {trial.no_model}"
    rows["toolkit"] = toolkit.__version__
    rows |= {name: version(name) for name in ("statsmodels", "scipy", "numpy")}
    return [{"item": item, "value": value} for item, value in rows.items()]


def meaning(sheet: str, column: str) -> str:
    """What a column holds."""
    return COLUMNS[sheet][column][0]


def _dictionary() -> Iterator[Row]:
    columns: Mapping[str, Mapping[str, tuple[str, str, str]]] = COLUMNS
    for sheet, named in columns.items():
        for column, told in named.items():
            yield {
                "sheet": sheet,
                "column": column,
                **dict(zip(("meaning", "unit", "range"), told, strict=True)),
            }
