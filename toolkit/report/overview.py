"""The summary of a run, two pages on paper: how severe, how sure, what to look at, and what the model is."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.modelcard.facts import MEAN, SCORES
from toolkit.records import SEVERITIES, interval_holds, severity_of
from toolkit.report.facts import Headline, Table
from toolkit.study.visits import baseline_of, visit_order

_MOST_GROUPS, _MOST_REASONS, _MOST_LISTED = 14, 8, 18  # rows that leave two pages two pages
_LONGEST = 110  # letters of a listed photo's reasons
_UNKNOWN = "not known"
_SHARES = {
    "curve": "a rising curve of how severe the pigment looks to the network",
    "booster": "LightGBM on all figures of the side and its likeness to graded references",
    "ridge": "ridge regression on the same figures",
}


@dataclass(frozen=True)
class Bar:
    """``photos`` of one label; ``share`` of all graded, ``height`` of the highest bar, both 0 to 1; ``severity``: the
    word for it."""

    label: str
    photos: int
    share: float
    height: float
    severity: str


@dataclass(frozen=True)
class Group:
    """The photos of a visit and side: mean, standard deviation and range of their grades, and the mean ``change`` from
    baseline of ``pairs`` photos; None where there is none."""

    visit: str
    side: str
    photos: int
    mean: float
    sd: float | None
    low: float
    high: float
    change: float | None
    pairs: int


@dataclass(frozen=True)
class Listed:
    """A photo to look at: where it is from, its grade and why."""

    photo: str
    where: str
    grade: float | None
    reasons: str


@dataclass(frozen=True)
class Overview:
    """All that the summary tells; ``more_...``: how many rows did not fit. ``middle``: mean, median and the quartiles of
    the grades, None without any; ``inside``: how many expert grades lie in their intervals."""

    subjects: int
    severities: tuple[Bar, ...]
    steps: tuple[Bar, ...]
    middle: tuple[float, float, float, float] | None
    groups: tuple[Group, ...]
    more_groups: int
    reasons: tuple[tuple[str, int], ...]
    more_reasons: int
    listed: tuple[Listed, ...]
    more_listed: int
    inside: int
    model: tuple[tuple[str, str], ...]


def overview(rows: Sequence[Table], head: Headline, card: Mapping[str, Any]) -> Overview:
    """The summary of the rows of ``photo_rows``, whose figures are in ``head``, and of a model's card."""
    graded = [row for row in rows if row["grade"] is not None]
    groups = _groups(graded)
    flagged = [row for row in rows if row["flag"] in ("failed", "flagged")]
    reasons = Counter(reason for row in flagged for reason in set(_reasons(row)))
    listed = sorted(flagged, key=lambda row: row["flag"] != "failed")
    return Overview(
        subjects=len({row["subject"] for row in rows}),
        severities=_bars([(name, name, count) for name, count in head.severities.items()]),
        steps=_bars(_steps(graded)),
        middle=_middle([row["grade"] for row in graded]),
        groups=tuple(groups[:_MOST_GROUPS]),
        more_groups=max(len(groups) - _MOST_GROUPS, 0),
        reasons=tuple(reasons.most_common(_MOST_REASONS)),
        more_reasons=max(len(reasons) - _MOST_REASONS, 0),
        listed=tuple(_listed(row) for row in listed[:_MOST_LISTED]),
        more_listed=max(len(listed) - _MOST_LISTED, 0),
        inside=sum(
            row["expert"] is not None and interval_holds(row["lower"], row["upper"], row["expert"])
            for row in graded
        ),
        model=tuple(_model(card)),
    )


def _bars(counted: Sequence[tuple[str, str, int]]) -> tuple[Bar, ...]:
    counts = [photos for _, _, photos in counted]
    total, most = max(sum(counts), 1), max([*counts, 1])
    return tuple(
        Bar(label, photos, photos / total, photos / most, severity) for label, severity, photos in counted
    )


def _steps(graded: Sequence[Table]) -> list[tuple[str, str, int]]:
    counts = Counter(row["half"] for row in graded)
    return [
        (f"{n / 2:g}", severity_of(n / 2), counts[n / 2]) for n in range(round(2 * SEVERITIES[-1].last) + 1)
    ]


def _middle(grades: Sequence[float]) -> tuple[float, float, float, float] | None:
    if not grades:
        return None
    low, median, high = np.percentile(grades, (25, 50, 75)).tolist()
    return statistics.fmean(grades), median, low, high


def _groups(graded: Sequence[Table]) -> list[Group]:
    """By visit and side, visits in their order."""
    found: dict[tuple[str, str], list[Table]] = {}
    for row in graded:
        found.setdefault((row["visit"], row["side"]), []).append(row)
    change = _changes(graded)
    return [
        _group(visit, side, found[visit, side], change)
        for visit, side in sorted(found, key=lambda key: (not key[0], visit_order(key[0]), key[1]))
    ]


def _group(visit: str, side: str, rows: Sequence[Table], change: Mapping[str, float]) -> Group:
    grades = [row["grade"] for row in rows]
    changes = [change[row["photo"]] for row in rows if row["photo"] in change]
    return Group(
        visit=visit or _UNKNOWN,
        side=side or _UNKNOWN,
        photos=len(rows),
        mean=statistics.fmean(grades),
        sd=statistics.stdev(grades) if len(grades) > 1 else None,
        low=min(grades),
        high=max(grades),
        change=statistics.fmean(changes) if changes else None,
        pairs=len(changes),
    )


def _changes(graded: Sequence[Table]) -> dict[str, float]:
    """Of each photo of a later visit, its grade less the mean of its subject's side at baseline."""
    sides: dict[tuple[str, str], list[Table]] = {}
    for row in graded:
        if row["visit"]:
            sides.setdefault((row["subject"], row["side"]), []).append(row)
    found: dict[str, float] = {}
    for here in sides.values():
        first = baseline_of(row["visit"] for row in here)
        base = statistics.fmean(row["grade"] for row in here if row["visit"] == first)
        found |= {row["photo"]: row["grade"] - base for row in here if row["visit"] != first}
    return found


def _reasons(row: Table) -> list[str]:
    """Why a photo is to be looked at, without the numbers that differ from photo to photo."""
    quality = [] if row["quality"] in ("", "ok") else row["quality"].split("; ")
    notes = row["note"].split("; ") if row["note"] else []
    told = [re.sub(r"\s+\d[\d.,]*\b", "", part).strip() for part in (*quality, *notes)]
    return [f"not graded: {part}" for part in told] if row["flag"] == "failed" else told


def _listed(row: Table) -> Listed:
    where = " · ".join(filter(None, (row["subject"], row["side"], row["visit"])))
    told = "; ".join(part for part in (row["quality"], row["note"]) if part and part != "ok").replace(
        "_", " "
    )
    short = told if len(told) <= _LONGEST else f"{told[: _LONGEST - 1].rstrip()}…"
    return Listed(row["photo"], where, row["grade"], short)


def _model(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is known of a model, as (what, words)."""
    told = []
    if "trained on" in card:
        told.append(("learnt from", str(card["trained on"])))
    if "photos" in card:
        when = f", on {str(card['created'])[:10]}" if "created" in card else ""
        told.append(("graded photos", f"{card['photos']} of {card.get('subjects', '?')} subjects{when}"))
    shares = card.get("shares", {})
    parts = [
        f"{100 * share:.0f} % {_SHARES[name]}"
        for name, share in shares.items()
        if share > 0 and name in _SHARES
    ]
    if parts:
        told.append(("a grade is", "; ".join(parts)))
    told += [("error", error)] if (error := _error(card)) else []
    return told


def _error(card: Mapping[str, Any]) -> str:
    """The error that a card tells, beside that of the trivial answer and the noise floor; "" where it tells none."""
    if SCORES in card:
        whole, floor = card[SCORES]["all"], card[SCORES]["floor"]
        rmse = whole["rmse"]
        between = (
            "" if rmse["lower"] is None else f" (95 % interval {rmse['lower']:.2f} to {rmse['upper']:.2f})"
        )
        least = (
            f"; one grader against another {floor['between_graders']:.2f}, so that no method can be expected under about "
            f"{floor['truth_vs_mean']:.2f}"
            if floor
            else "; how far one grader lies from another is not known"
        )
        return f"RMSE {rmse['value']:.2f}{between} on subjects that it had not seen; {MEAN} {whole['rmse_of_mean']:.2f}{least}"
    scores = card.get("out of fold RMSE", {})
    if not scores or MEAN not in scores:
        return ""
    return (
        f"RMSE {next(iter(scores.values())):.2f} on subjects that it had not seen; {MEAN} {scores[MEAN]:.2f}"
    )
