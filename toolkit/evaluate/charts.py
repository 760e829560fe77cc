"""The pictures of the page of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.agreement.reliability import Estimate
from toolkit.evaluate.figures import GROUPINGS, GroupScore, Tested
from toolkit.evaluate.methods import PARTS, Outcome
from toolkit.evaluate.study import MeasuredStudy
from toolkit.svg import GREY, INK, PALE, drawing, uri

_PARTS = {"training": "#b9c4cd", "validation": "#7fa6c4", "test": "#1f5f8b"}
_TRIVIAL, _METHOD = "#a9a9a9", "#1f5f8b"
_FOLDS = ("#1f5f8b", "#c26a2d", "#4c8a4c", "#8a4c86", "#8f7a1f", "#3c8a88", "#9c3b4b", "#5a5f9c")
_LEAST_ERROR = 0.5  # in grades, that an axis of errors shows: less is not worth a look
_MOST_DOTS = 3000  # beyond these, dots are a picture within the picture


def comparison(
    titles: Sequence[str],
    accuracy: Sequence[Mapping[str, Estimate]],
    scores: Sequence[Mapping[str, Estimate]],
    trivial: Sequence[bool],
) -> str:
    """Accuracy on the classes in training, validation and test, and the RMSE in test, one line per method."""
    rows = np.arange(len(titles))[::-1]
    with drawing(11, 1.2 + 0.55 * len(titles), 1, 2) as (figure, axes):
        left, right = axes[0]
        for offset, part in zip((0.26, 0.0, -0.26), PARTS, strict=True):
            values = [found[part] for found in accuracy]
            shares = [100 * (value.value or 0) for value in values]
            left.barh(rows + offset, shares, 0.25, color=_PARTS[part], label=part)
            _whiskers(left, rows + offset, values, 100)
        left.set(yticks=rows, yticklabels=titles, xlim=(0, 100), xlabel="accuracy on the grade classes (%)")
        left.legend(loc="upper center", bbox_to_anchor=(0.5, 1.0 + 0.5 / len(titles)), ncols=3)
        errors = [found["rmse"] for found in scores]
        colours = [_TRIVIAL if is_trivial else _METHOD for is_trivial in trivial]
        right.barh(rows, [error.value or 0 for error in errors], 0.5, color=colours)
        _whiskers(right, rows, errors, 1)
        reference = errors[0].value
        if reference is not None:
            right.axvline(reference, color=INK, lw=1, ls="--")
            right.annotate(
                titles[0], (reference, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom"
            )
        right.set(yticks=rows, yticklabels=[], xlabel="RMSE in grades, subjects never seen (less is better)")
        return uri(figure)


def _whiskers(axis: Any, rows: NDArray, values: Sequence[Estimate], factor: float) -> None:
    for row, value in zip(rows, values, strict=True):
        if value.lower is not None and value.upper is not None:
            axis.plot([factor * value.lower, factor * value.upper], [row, row], color=INK, lw=1)


def distributions(study: MeasuredStudy) -> str:
    """How many photographs have each grade, and each class of grades."""
    labels = study.settings.index.class_labels()
    steps, counts = np.unique(study.grades, return_counts=True)
    grouped = np.bincount(study.classes, minlength=len(labels))
    with drawing(10, 2.8, 1, 2) as (figure, axes):
        before, after = axes[0]
        bars = before.bar([f"{step:g}" for step in steps], counts, color=_METHOD)
        before.bar_label(bars, fontsize=7)
        before.set(title="As graded", xlabel="grade", ylabel="photographs")
        before.tick_params(axis="x", labelsize=7)
        bars = after.bar(labels, grouped, color=_METHOD)
        after.bar_label(bars, fontsize=7)
        after.set(title="Grouped into classes", xlabel="class of grades", ylabel="photographs")
        return uri(figure)


def agreement(study: MeasuredStudy, answers: Tested, found: Mapping[str, Estimate]) -> str:
    """Predicted against graded, and Bland and Altman's plot of the same photographs."""
    rng = np.random.default_rng(0)
    truth, given = study.grades, answers.grades
    jitter = rng.uniform(-0.09, 0.09, (2, len(truth)))
    dots: dict[str, Any] = {
        "s": 9,
        "color": _METHOD,
        "alpha": 0.45,
        "lw": 0,
        "rasterized": len(truth) > _MOST_DOTS,
    }
    with drawing(10, 4.2, 1, 2) as (figure, axes):
        left, right = axes[0]
        left.plot([0, 9], [0, 9], color=GREY, lw=1)
        left.fill_between([0, 9], [-0.5, 8.5], [0.5, 9.5], color=PALE, alpha=0.5, lw=0)
        left.scatter(truth + jitter[0], given, **dots)
        steps = np.unique(truth)
        means = [given[truth == step].mean() for step in steps]
        left.plot(steps, means, color=INK, marker="o", ms=3, lw=1.2, label="mean prediction of a grade")
        left.set(title="Predicted against graded", xlabel="expert's grade", ylabel="predicted grade",
                 xlim=(-0.3, 9.3), ylim=(-0.3, 9.3), aspect="equal")  # fmt: skip
        left.legend(loc="lower right", fontsize=7)
        right.scatter((truth + given) / 2 + jitter[1], given - truth, **dots)
        for name, style in (("bias", "-"), ("loa_lower", "--"), ("loa_upper", "--")):
            _level(right, found[name], style)
        right.axhline(0, color=GREY, lw=0.8)
        right.set(title="Bland and Altman", xlabel="mean of expert's and predicted grade",
                  ylabel="predicted minus expert's", xlim=(-0.3, 9.3))  # fmt: skip
        return uri(figure)


def _level(axis: Any, value: Estimate, style: str) -> None:
    if value.value is None:
        return
    axis.axhline(value.value, color=INK, lw=1, ls=style)
    if value.lower is not None and value.upper is not None:
        axis.axhspan(value.lower, value.upper, color=PALE, alpha=0.6, lw=0)
    axis.annotate(
        f"{value.value:+.2f}", (1.0, value.value), xycoords=("axes fraction", "data"), ha="right", va="bottom",
        fontsize=8,
    )  # fmt: skip


def confusions(counts: NDArray[np.intp], labels: Sequence[str]) -> str:
    """The confusion matrix as counts, and each row as shares of the photographs of that class."""
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    with drawing(10, 4.3, 1, 2) as (figure, axes):
        for axis, cells, title in (
            (axes[0, 0], counts.astype(float), "Photographs"),
            (axes[0, 1], 100 * shares, "Per cent of each graded class"),
        ):
            top = max(float(cells.max()), 1e-9)
            axis.imshow(cells, cmap="Blues", vmin=0, vmax=top * 1.15)
            for (row, column), value in np.ndenumerate(cells):
                colour = "white" if value > 0.6 * top else INK
                axis.text(column, row, f"{value:.0f}", ha="center", va="center", color=colour, fontsize=8)
            axis.set(title=title, xticks=range(len(labels)), yticks=range(len(labels)), xticklabels=labels,
                     yticklabels=labels, xlabel="predicted class", ylabel="graded class")  # fmt: skip
            axis.spines[:].set_visible(False)
            axis.tick_params(length=0)
        return uri(figure)


def residuals(groups: Sequence[GroupScore]) -> str:
    """Mean error with its interval by grade, side, visit and skin tone; dots as large as there are photographs."""
    most = max(group.photos for group in groups)
    with drawing(10, 5.2, 2, 2) as (figure, axes):
        for axis, grouping in zip(axes.flat, GROUPINGS, strict=True):
            some = [group for group in groups if group.grouping == grouping]
            places = np.arange(len(some))
            for place, group in zip(places, some, strict=True):
                if group.bias.lower is not None and group.bias.upper is not None:
                    axis.plot([place, place], [group.bias.lower, group.bias.upper], color=INK, lw=1)
                size = 12 + 70 * group.photos / most
                axis.scatter([place], [group.bias.value], s=size, color=_METHOD, zorder=3, lw=0)
            axis.axhline(0, color=GREY, lw=0.8)
            low, high = axis.get_ylim()
            axis.set_ylim(min(low, -_LEAST_ERROR), max(high, _LEAST_ERROR))
            axis.set(title=f"By {grouping}", ylabel="predicted minus graded", xticks=places)
            axis.set_xlim(-0.6, len(some) - 0.4)
            long = max(len(group.level) for group in some) * len(some) > 60
            names = [_short(group.level) for group in some]
            axis.set_xticklabels(
                names, rotation=45 if long else 0, ha="right" if long else "center", fontsize=8
            )
        return uri(figure)


def _short(text: str, most: int = 24) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def learning_curves(outcomes: Sequence[Outcome]) -> str | None:
    """Loss by epoch of every fold, in training and validation; None for methods without epochs."""
    curves = [outcome.history for outcome in outcomes if outcome.history]
    if not curves:
        return None
    with drawing(10, 2.8, 1, 2) as (figure, axes):
        for axis, name, title in (
            (axes[0, 0], "loss", "Training loss"),
            (axes[0, 1], "val_loss", "Validation loss"),
        ):
            for fold, curve in enumerate(curves, 1):
                known = [point for point in curve if name in point]
                axis.plot(
                    [point["epoch"] for point in known], [point[name] for point in known],
                    color=_FOLDS[(fold - 1) % len(_FOLDS)], lw=1.2, marker="o", ms=2, label=f"fold {fold}",
                )  # fmt: skip
            axis.set(title=title, xlabel="epoch", ylabel="loss")
            _whole_ticks(axis)
        axes[0, 1].legend(fontsize=7, loc="upper right")
        return uri(figure)


def _whole_ticks(axis: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.xaxis.set_major_locator(MaxNLocator(integer=True))


def leaks(titles: Sequence[str], honest: Sequence[Estimate], claimed: Sequence[Estimate]) -> str:
    """RMSE by subject-disjoint folds beside what a split by photograph would have claimed."""
    rows = np.arange(len(titles))[::-1]
    with drawing(8, 1.0 + 0.4 * len(titles)) as (figure, axes):
        axis = axes[0, 0]
        sets: tuple[tuple[str, Sequence[Estimate], str, float], ...] = (
            ("split by photograph (wrong)", claimed, "#c26a2d", 0.12),
            ("no subject on both sides", honest, _METHOD, -0.12),
        )
        for label, values, colour, offset in sets:
            _whiskers(axis, rows + offset, values, 1)
            axis.scatter([v.value for v in values], rows + offset, color=colour, label=label, s=28, zorder=3)
        axis.set(yticks=rows, yticklabels=titles, xlabel="RMSE in grades")
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, 1.0 + 0.9 / max(len(titles), 2)), ncols=2)
        return uri(figure)
