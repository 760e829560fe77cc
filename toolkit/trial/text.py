"""A trial in words: figures as a biostatistician writes them, the findings in sentences, a table for the terminal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from toolkit.agreement.reliability import Estimate
from toolkit.texttable import aligned
from toolkit.trial.records import ALL, Contrast, Gap, TrialTable
from toolkit.trial.visits import VisitLine

if TYPE_CHECKING:
    from toolkit.trial import Trial

LIMITS = (
    "Not validated for regulatory submission: a tool for research, whose figures a statistician repeats in a validated "
    "system before they decide anything.",
    "Grades by machine are estimates with error, and the error may differ between arms if a product changes how skin "
    "shines or is photographed.",
)
_NAMED = 3


def number(value: float | None, signed: bool = False) -> str:
    """A figure in grades to two decimals, no minus before a rounded zero; "-" for None."""
    if value is None:
        return "-"
    value = round(value, 2) + 0.0
    return f"{value:+.2f}" if signed and value else f"{value:.2f}"


def share(value: float | None) -> str:
    """A share in per cent."""
    return "-" if value is None else f"{100 * value:.0f} %"


def interval(estimate: Estimate | Contrast, percent: bool = False, signed: bool = False) -> str:
    """The bounds of an interval; "" without one."""
    if estimate.lower is None or estimate.upper is None:
        return ""
    if percent:
        return f"{100 * estimate.lower:.0f} to {100 * estimate.upper:.0f} %"
    return f"{number(estimate.lower, signed)} to {number(estimate.upper, signed)}"


def p_value(p: float | None) -> str:
    """A p to three decimals."""
    if p is None:
        return "-"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _with_p(p: float | None) -> str:
    return "" if p is None else f", p {p_value(p)}" if p < 0.001 else f", p = {p_value(p)}"


def trial_text(trial: Trial) -> str:
    """The whole account for the terminal."""
    parts = [_who(trial.table), _table(trial.lines, trial.table.after), "\n".join(findings(trial))]
    notes = [f"note: {note}" for note in trial_notes(trial)]
    return "\n\n".join([*parts, *(["\n".join(notes)] if notes else []), " ".join(LIMITS)])


def _who(table: TrialTable) -> str:
    subjects = Counter(table.arm_of.values())
    arms = ", ".join(f"{arm} {subjects[arm]}" for arm in table.arms)
    total = f"{len(table.grades)} grades of {len(table.arm_of)} subjects"
    if table.arms == (ALL,):
        return f"{total}; no arms; baseline: {table.baseline}"
    return f"{total}: {arms}; reference: {table.reference}; baseline: {table.baseline}"


def _table(lines: Sequence[VisitLine], after: Sequence[str]) -> str:
    rows: list[tuple[str, ...]] = [
        ("visit", "arm", "subjects", "sides", "mean", "SD", "change", "95 %", "difference", "95 %", "p")
    ]
    for line in lines:
        compared = line.difference or Contrast(None)
        rows.append((
            line.visit, line.arm, str(line.subjects), str(line.sides), number(line.mean.value), number(line.sd),
            number(line.change.value, True) if line.visit in after else "", interval(line.change, signed=True),
            number(compared.value, True) if line.difference else "", interval(compared, signed=True),
            p_value(compared.p) if line.difference else "",
        ))  # fmt: skip
    return "\n".join(line.rstrip() for line in aligned(rows, rule=True))


def findings(trial: Trial) -> list[str]:
    """What was found, in sentences: the change at the last visit, responders, error and sample size."""
    return [
        *_change_told(trial),
        *_responders_told(trial),
        *_precision_told(trial),
        *_missing_told(trial.table),
    ]


def _change_told(trial: Trial) -> Iterator[str]:
    table, visit = trial.table, trial.last
    if visit is None:
        what = (
            "there is one visit only"
            if len(table.visits) == 1
            else "no side has a grade at baseline and later"
        )
        yield f"No change from {table.baseline} can be told: {what}."
        return
    model = trial.model if trial.model is not None and visit in trial.model.visits else None
    how = " (mixed model, adjusted for baseline)" if model and model.log_likelihood is not None else ""
    how = how or (" (analysis of covariance)" if model else " (means of subjects, not adjusted)")
    lines = {line.arm: line for line in (model.lines if model else trial.lines) if line.visit == visit}
    means = {arm: getattr(line, "mean" if model else "change") for arm, line in lines.items()}
    first = means[table.reference]
    for arm in table.arms[1:]:
        found = lines[arm].difference or Contrast(None)
        if found.value is None:
            yield f"At {visit} {_named(arm)} and {_named(table.reference)} cannot be compared: one has no change there."
            continue
        bounds = f" (95 % {interval(found, signed=True)})" if interval(found) else ""
        yield (
            f"At {visit} the change is {number(means[arm].value, True)} on {_named(arm)} and "
            f"{number(first.value, True)} on {_named(table.reference)}: difference {number(found.value, True)}{bounds}{_with_p(found.p)}{how}."
        )
    if len(table.arms) == 1:
        bounds = f" (95 % {interval(first, signed=True)})" if interval(first) else ""
        yield (
            f"At {visit} the mean change is {number(first.value, True)}{bounds}{how}; without a second arm it is not "
            "known what of it is the treatment."
        )
    if trial.model is None:
        yield f"No mixed model: {trial.no_model}."


def _named(arm: str) -> str:
    """An arm in a sentence: a mere number would read as a grade."""
    return f"arm {arm}" if re.fullmatch(r"[\d.,]+", arm) else arm


def _responders_told(trial: Trial) -> Iterator[str]:
    lines = {line.arm: line for line in trial.responders if line.visit == trial.last}
    if not lines:
        return
    grades = "1 grade" if trial.threshold == 1 else f"{trial.threshold:g} grades"
    better = f"better than at {trial.table.baseline} by {grades} or more"
    told = {
        arm: f"{line.responders} of {line.subjects} subjects{'' if arm == ALL else f' on {_named(arm)}'} ({share(line.share.value)})"
        for arm, line in lines.items()
    }
    reference = trial.table.reference
    if len(lines) == 1:
        yield f"At {trial.last}, {told[reference]} are {better}."
    for arm in trial.table.arms[1:]:
        found = lines[arm].difference or Contrast(None)
        compared = ""
        if found.value is not None and found.lower is not None and found.upper is not None:
            points = " to ".join(f"{100 * bound:.0f}" for bound in (found.lower, found.upper))
            compared = (
                f": difference {100 * found.value:.0f} points (95 % {points}){_with_p(found.p)} (Fisher)"
            )
        yield f"At {trial.last}, {told[arm]} and {told[reference]} are {better}{compared}."


def _precision_told(trial: Trial) -> Iterator[str]:
    if trial.measurement:
        line = trial.measurement[0]
        yield (
            f"Error of one side at one visit: SEM {number(line.sem)} ({line.source}); a change of one side by less than "
            f"{number(line.detectable_side)} is within it."
        )
    size = trial.size
    if size is None:
        return
    many = f"{size.per_arm:,} subjects per arm" if size.per_arm else "more than 100,000 subjects per arm"
    told = f"A difference of {size.effect:g} needs {many} at {100 * size.power:.0f} % power (SD of change {number(size.sd)})"
    if size.shown:
        what = "a change from baseline" if len(trial.table.arms) == 1 else "a difference"
        several = len(size.shown) > 1
        shown = ", ".join(number(effect) + (f" ({arm})" if several else "") for arm, effect in size.shown)
        told += f"; this trial could have shown {what} of {shown}"
    yield f"{told}."


def _missing_told(table: TrialTable) -> Iterator[str]:
    gaps = [gap for gap in table.gaps if gap.kind == "missing visit"]
    if gaps:
        visits = Counter(gap.visit for gap in gaps)
        where = ", ".join(f"{visit}: {visits[visit]}" for visit in table.visits if visits[visit])
        total = len(gaps) + len(table.grades)
        yield f"Missing: {len(gaps)} of {total} visits of a side ({where}); nothing is imputed."


def trial_notes(trial: Trial) -> list[str]:
    """What a reader should know of rows and model."""
    return [
        *gap_notes(trial.table.gaps),
        *trial.table.notes,
        *(f"model: {note}" for note in (trial.model.notes if trial.model else ())),
    ]


def gap_notes(gaps: Sequence[Gap]) -> list[str]:
    """A line a kind of gap that is not a missing visit, some of them named."""
    kinds: dict[str, list[Gap]] = {}
    for gap in gaps:
        if gap.kind != "missing visit":
            kinds.setdefault(gap.kind, []).append(gap)
    return [f"{kind}, left out: {_some(here)}" for kind, here in kinds.items()]


def _some(gaps: Sequence[Gap]) -> str:
    names = [gap.subject or gap.arm or gap.reason for gap in gaps]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)} ({', '.join(names[:_NAMED])}{more})"
