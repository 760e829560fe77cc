"""The pictures of the agreement page."""

from __future__ import annotations

from typing import Any

import numpy as np

from toolkit.agreement.graders import GraderStudy
from toolkit.svg import GREY, INK, PALE, drawing, uri

_COLOURS = ("#1f5f8b", "#c26a2d", "#4c8a4c", "#8a4c86", "#7a8794", "#8f7a1f", "#3c8a88", "#9c3b4b")
_MOST_LETTERS = 22


def graders(study: GraderStudy) -> str:
    """How far each grader lies from the true scale over all its grades, its noise, and its drift where it is known."""
    model = study.model
    if model is None:
        return ""
    names = [_label(line.name) for line in model.graders]
    lines = model.graders
    columns = 2 + (lines[0].drift is not None)
    with drawing(11, max(2.9, 1.9 + 0.3 * len(names)), 1, columns) as (figure, axes):
        _scale(axes[0, 0], study, names)
        _bars(axes[0, 1], names, [line.noise for line in lines], "SD of error, in grades")
        axes[0, 1].set_xlim(left=0)
        axes[0, 1].set_title("Noise")
        if columns > 2:
            axes[0, 2].axvline(0, color=GREY, lw=0.8)
            _bars(axes[0, 2], names, [line.drift for line in lines], "rise of bias, first to last")
            axes[0, 2].set_title("Drift")
        figure.legend(loc="outside upper center", ncols=min(len(names), 5))
        return uri(figure)


def _scale(axis: Any, study: GraderStudy, names: list[str]) -> None:
    """Each grader's grade less the true one, over the range of combined grades."""
    model = study.model
    if model is None:
        return
    low, high = np.nanpercentile(study.combined, (1, 99))
    at = np.array([low, high])
    found = model.calibration
    for number, name in enumerate(names):
        off = found.bias[number] + (found.slope[number] - 1) * (at - found.centre)
        axis.plot(at, off, color=_COLOURS[number % len(_COLOURS)], lw=1.8, label=name)
    axis.axhline(0, color=GREY, lw=0.8, zorder=0)
    top = max(abs(value) for value in axis.get_ylim())
    axis.set_ylim(-max(top, 0.5), max(top, 0.5))
    axis.set(
        title="Bias over the scale", xlabel="true grade, on the graders' mean", ylabel="grade given less true"
    )
    axis.grid(axis="y", color=PALE, lw=0.6)


def _bars(axis: Any, names: list[str], estimates: list[Any], title: str) -> None:
    places = list(range(len(names)))[::-1]
    for number, (place, estimate) in enumerate(zip(places, estimates, strict=True)):
        colour = _COLOURS[number % len(_COLOURS)]
        if estimate.lower is not None:
            axis.plot([estimate.lower, estimate.upper], [place, place], color=colour, lw=1.6)
        axis.plot([estimate.value], [place], marker="o", color=colour, ms=6)
    axis.set_yticks(places, names)
    axis.set_ylim(-0.7, len(names) - 0.3)
    axis.set_xlabel(title)
    axis.grid(axis="x", color=PALE, lw=0.6)
    axis.tick_params(axis="y", length=0, labelcolor=INK)


def _label(name: str) -> str:
    """A name short enough for a chart; a legend passes over what begins with _, so a space stands before it."""
    short = name if len(name) <= _MOST_LETTERS else name[: _MOST_LETTERS - 1] + "…"
    return f" {short}" if short.startswith("_") else short
