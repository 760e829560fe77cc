"""The pictures of a trial's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.agreement.reliability import Estimate
from toolkit.study.visits import visit_days
from toolkit.svg import GREY, INK, PALE, drawing, uri
from toolkit.trial.model import Model
from toolkit.trial.records import TrialTable
from toolkit.trial.visits import VisitLine, changes_of

_ARMS = ("#7a8794", "#1f5f8b", "#c26a2d", "#4c8a4c", "#8a4c86", "#8f7a1f", "#3c8a88", "#9c3b4b")
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
_LEAST_RANGE = 1.0  # in grades, that an axis shows: less is not worth a look
_COLUMNS = 3  # panels side by side
_MOST_LETTERS = 28


def means(table: TrialTable, lines: Sequence[VisitLine], model: Model | None) -> str:
    """The mean grade at each visit, and the mean change from baseline (of the model, where there is one), with 95 %
    intervals, by arm."""
    places = _places(table)
    with drawing(10, 3.7, 1, 2) as (figure, axes):
        left, right = axes[0]
        for arm in table.arms:
            _course(
                left, table, arm, {line.visit: line.mean for line in lines if line.arm == arm}, places=places
            )
            changes = {
                line.visit: line.change for line in lines if line.arm == arm and line.visit in table.after
            }
            if model is not None:
                changes = {line.visit: line.mean for line in model.lines if line.arm == arm}
            _course(right, table, arm, {table.baseline: Estimate(0.0), **changes}, places=places)
        right.axhline(0, color=GREY, lw=0.8, zorder=0)
        left.set(title="Mean grade", ylabel="grade (0-9)")
        right.set(title="Change from baseline" + (", mixed model" if model is not None and model.log_likelihood is not None else ""),
                  ylabel="change in grades (down is better)")  # fmt: skip
        for axis in (left, right):
            _visit_axis(axis, table, places)
        low, high = left.get_ylim()
        left.set_ylim(max(low, -0.3), min(high, 9.3))  # intervals of two or three subjects leave the scale
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 4))
        return uri(figure)


def _course(
    axis: Any, table: TrialTable, arm: str, found: Mapping[str, Estimate], *, places: Mapping[str, float]
) -> None:
    """One arm's line with whiskers, a little beside those of the other arms."""
    number = table.arms.index(arm)
    span = (max(places.values()) - min(places.values())) or 1.0
    aside = 0.012 * span * (number - (len(table.arms) - 1) / 2)
    known = [visit for visit in table.visits if visit in found and found[visit].value is not None]
    x = [places[visit] + aside for visit in known]
    colour = _colour(number)
    for at, visit in zip(x, known, strict=True):
        if found[visit].lower is not None:
            axis.plot([at, at], [found[visit].lower, found[visit].upper], color=colour, lw=1.2)
    axis.plot(
        x, [found[visit].value for visit in known], color=colour, marker=_MARKS[number % len(_MARKS)], ms=5, lw=1.6,
        label=_label(arm),
    )  # fmt: skip


def spaghetti(table: TrialTable, lines: Sequence[VisitLine]) -> str:
    """Each subject's mean grade over the visits, a panel an arm, with the arm's mean."""
    places = _places(table)
    columns = min(len(table.arms), _COLUMNS)
    rows = -(-len(table.arms) // columns)
    top = max((one.grade for one in table.grades), default=0.0)
    low = min((one.grade for one in table.grades), default=0.0)
    with drawing(10 if columns > 1 else 6, 3.3 * rows, rows, columns) as (figure, axes):
        for number, (arm, axis) in enumerate(zip(table.arms, axes.flat, strict=False)):
            courses: dict[str, list[tuple[float, float]]] = {}
            for visit in table.visits:
                for subject, grade in table.means.get((visit, arm), {}).items():
                    courses.setdefault(subject, []).append((places[visit], grade))
            for course in courses.values():
                axis.plot(
                    *zip(*course, strict=True), color=_colour(number), lw=0.7, alpha=0.45, marker=".", ms=3
                )
            mean = [
                (places[line.visit], line.mean.value)
                for line in lines
                if line.arm == arm and line.mean.value is not None
            ]
            if mean:
                axis.plot(*zip(*mean, strict=True), color=INK, lw=2.2)
            axis.set(
                title=f"{_label(arm)}, {len(courses)} subjects",
                ylabel="grade (0-9)",
                ylim=(low - 0.3, top + 0.3),
            )
            _visit_axis(axis, table, places)
        for axis in list(axes.flat)[len(table.arms) :]:
            axis.set_visible(False)
        return uri(figure)


def waterfall(table: TrialTable, visit: str, threshold: float) -> str:
    """The change of every subject from baseline to ``visit``, in order, with the line that responders reach."""
    changes = sorted(
        (
            (float(change), number)
            for number, arm in enumerate(table.arms)
            for change in changes_of(table, visit, arm)
        ),
        reverse=True,
    )
    with drawing(10, 3.3) as (figure, axes):
        axis = axes[0, 0]
        for number, arm in enumerate(table.arms):
            mine = [(place, change) for place, (change, of) in enumerate(changes) if of == number]
            axis.bar(
                [place for place, _ in mine],
                [change for _, change in mine],
                0.85,
                color=_colour(number),
                label=_label(arm),
            )
        for place, (change, number) in enumerate(changes):
            if change == 0:  # a bar of no height is no bar
                axis.plot([place], [0], marker="_", color=_colour(number), ms=9, mew=3)
        axis.axhline(0, color=INK, lw=0.8)
        axis.axhline(-threshold, color=INK, lw=0.8, ls="--")
        axis.annotate(
            f"responders: {threshold:g} or more better",
            (0.01, -threshold),
            xytext=(0, -3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="top",
            fontsize=8,
        )
        values = [change for change, _ in changes]
        axis.set(title=f"Change of each subject at {_label(visit)}", ylabel="change in grades (down is better)", xticks=[],
                 xlabel="subjects, worst change first")  # fmt: skip
        axis.set_ylim(
            min([*values, -threshold, -_LEAST_RANGE / 2]) - 0.25, max([*values, _LEAST_RANGE / 2]) + 0.25
        )
        axis.legend(loc="upper right")
        return uri(figure)


def _places(table: TrialTable) -> dict[str, float]:
    """Where each visit stands: at its day where all names tell one, else evenly."""
    days = {visit: visit_days(visit) for visit in table.visits}
    if all(day is not None for day in days.values()):
        return {visit: float(day or 0.0) for visit, day in days.items()}
    return {visit: float(place) for place, visit in enumerate(table.visits)}


def _visit_axis(axis: Any, table: TrialTable, places: Mapping[str, float]) -> None:
    long = sum(len(visit) for visit in table.visits) > 42 or len(table.visits) > 6
    axis.set_xticks([places[visit] for visit in table.visits])
    axis.set_xticklabels(
        [_label(visit) for visit in table.visits],
        rotation=45 if long else 0,
        ha="right" if long else "center",
        fontsize=8,
    )
    low, high = axis.get_ylim()
    if high - low < _LEAST_RANGE:
        middle = (high + low) / 2
        axis.set_ylim(middle - _LEAST_RANGE / 2, middle + _LEAST_RANGE / 2)
    axis.grid(axis="y", color=PALE, lw=0.6)
    axis.set_axisbelow(True)


def _colour(number: int) -> str:
    return _ARMS[number % len(_ARMS)]


def _label(text: str) -> str:
    """A name short enough for a chart; a legend passes over what begins with _, so a space stands before it."""
    text = text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 1] + "…"
    return f" {text}" if text.startswith("_") else text
