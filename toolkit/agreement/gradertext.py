"""What the model of graders says, in words and aligned lines."""

from __future__ import annotations

from toolkit.agreement.gradermodel import GraderLine
from toolkit.agreement.graders import GraderStudy
from toolkit.agreement.reliability import Estimate
from toolkit.agreement.report import figure, interval
from toolkit.texttable import aligned

_SURE = 0.05


def grader_lines(study: GraderStudy) -> list[str]:
    """The section of the terminal."""
    model = study.model
    if model is None:
        return [f"How each grader grades: not told apart: {study.no_model}"]
    head = ["", "photos", "bias", "95 %", "slope", "95 %", "noise SD", "95 %", "drift", "95 %", "p", "weight"]
    rows = [head, *(_cells(line) for line in model.graders)]
    if model.graders[0].drift is None:
        rows = [row[:8] + row[11:] for row in rows]
    title = (
        f"How each grader grades, on the scale of the graders' mean ({model.photos} photos of {model.subjects} subjects "
        "graded by two or more)"
    )
    return [
        title,
        *(f"  {line}".rstrip() for line in aligned(rows)),
        *(f"  {line}" for line in conclusions(study)),
    ]


def conclusions(study: GraderStudy) -> list[str]:
    """What follows from the figures, a sentence each."""
    model = study.model
    if model is None:
        return []
    lines = [
        f"error SD of a grade combined from all graders: {model.error:.2f}; of their plain mean: {model.mean_error:.2f}"
    ]
    if not model.told_apart:
        lines.append(
            "two graders (or pairs alone): a steeper slope cannot be told from more noise, nor whose noise it is: slopes are "
            "held at 1, the noise is that of both, and they weigh the same"
        )
    drifting = [line.name for line in model.graders if line.drift_p is not None and line.drift_p < _SURE]
    if drifting:
        lines.append(
            f"drifts against the other graders (p < {_SURE}, each for itself): {', '.join(drifting)}"
        )
    return lines


def p_value(p: float | None) -> str:
    """Three decimals; "-" for None."""
    return "-" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def _cells(line: GraderLine) -> list[str]:
    estimates = {
        "bias": line.bias,
        "slope": line.slope,
        "noise": line.noise,
        "drift": line.drift or Estimate(None),
    }
    told = [
        text for name, one in estimates.items() for text in (figure(name, one.value), interval(name, one))
    ]
    return [line.name, str(line.photos), *told, p_value(line.drift_p), f"{line.weight:.0%}"]
