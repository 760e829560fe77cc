"""What is said of a run beside the training study: a line for the terminal, rows for workbook and page."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.outputs import counted
from toolkit.watch.compare import Difference, Three, Watched

UNLIKE, LIKE = "unlike the training study", "like the training study"
ADVICE = (
    "Scores and intervals of the model were measured on photographs like those of its training study, and may not hold "
    "for these. Look at some of them before you use their grades."
)
_FEW = 8  # subjects of a run: of fewer only a large difference can be found
_SHIFTED = 0.5  # of the area between two distributions: beyond it one lies higher, under it wider or narrower


def told(watched: Watched) -> str:
    """One line."""
    if watched.reason:
        return f"Not compared with the training study: {watched.reason}"
    people = f"{counted(watched.subjects, 'subject')} here, {watched.study_subjects} in that study"
    if not watched.unlike:
        titles = ", ".join(dict.fromkeys(one.figure.title.partition(",")[0] for one in watched.lines))
        if watched.subjects < _FEW:
            return f"No difference from the training study found ({people}; of so few only a large one shows) in {titles}"
        return f"Photographs {LIKE} ({people}) in {titles}"
    return f"Photographs {UNLIKE} ({people}): " + "; ".join(in_words(one) for one in watched.unlike)


def in_words(one: Difference) -> str:
    """How the run differs in a figure, such as: photographs are sharper (0.32, there 0.40 to 0.55)."""
    figure = one.figure
    if abs(one.shift) >= _SHIFTED:
        what = figure.more if one.shift > 0 else figure.less
        return f"{what} ({_number(one, one.run[1])}{_unit(one)}, there {_range(one, one.study)})"
    wider = one.run[2] - one.run[0] > one.study[2] - one.study[0]
    what = f"{figure.title.partition(',')[0]} varies {'more' if wider else 'less'}"
    return f"{what} ({_range(one, one.run)}{_unit(one)}, there {_range(one, one.study)})"


@dataclass(frozen=True)
class WatchRow:
    """One figure as text: its title; the run's median and 5th to 95th percentile, then the study's; distance and p. What
    is unlike is told in words as its ``finding``."""

    cells: tuple[str, ...]
    finding: str


def watch_rows(watched: Watched) -> list[WatchRow]:
    """One row a figure."""
    rows = []
    for one in watched.lines:
        title = one.figure.title + (f", {one.figure.unit}" if one.figure.unit else "")
        of_both = [(_number(one, three[1]), _range(one, three)) for three in (one.run, one.study)]
        p = f"{one.p:.3f}" if one.p >= 0.001 else "under 0.001"
        cells = (title, *of_both[0], *of_both[1], f"{one.distance:.2f}", p)
        rows.append(WatchRow(cells, in_words(one) if one.unlike else ""))
    return rows


def _number(one: Difference, value: float) -> str:
    return f"{round(value, one.figure.decimals) + 0.0:.{one.figure.decimals}f}"


def _range(one: Difference, three: Three) -> str:
    return f"{_number(one, three[0])} to {_number(one, three[2])}"


def _unit(one: Difference) -> str:
    return f" {one.figure.unit}" if one.figure.unit else ""
