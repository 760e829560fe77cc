"""What the report tells, from the store to JSON-ready tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from toolkit.change import PairChange, change_interval
from toolkit.model import HASH_LENGTH, Model
from toolkit.phototable import FIGURE
from toolkit.reasons import OTHERS, USUAL
from toolkit.records import (
    HIDDEN_CHEEK,
    REGIONS,
    SEVERITY_WORDS,
    ColourCorrection,
    Contribution,
    PhotoGrade,
)
from toolkit.report.words import REGION_NAMES, Usual, in_words
from toolkit.store import GradeDetails, colour_of_record
from toolkit.study.modes import mode_of
from toolkit.study.visits import visit_days, visit_order
from toolkit.summary import flag_of

Table = dict[str, Any]


def photo_rows(
    grades: Iterable[PhotoGrade], hashes: Sequence[str], expert: Mapping[str, float]
) -> list[Table]:
    """One row per photo, in the order given: what the page's table shows of it, and what it is filtered by.

    ``hashes`` SHA-256 of the photos' bytes; ``expert``: an expert's grades by the photo's name.
    """
    rows = []
    for grade, sha256 in zip(grades, hashes, strict=True):
        hidden = HIDDEN_CHEEK.get(grade.facts.side or "")
        told = {"grade": grade.grade, "note": grade.note, "quality": grade.quality}
        rows.append(
            {
                "photo": grade.name,
                "subject": grade.facts.subject,
                "side": grade.facts.side or "",
                "visit": grade.facts.visit or "",
                "grade": _rounded(grade.grade),
                "half": grade.half_step,
                "lower": _rounded(grade.lower),
                "upper": _rounded(grade.upper),
                "severity": grade.severity or "",
                "quality": grade.quality,
                "note": grade.note,
                "explanation": grade.explanation,
                "flag": flag_of(told),
                "mode": mode_of(grade.name),
                "regions": {region: _rounded(value) for region, value in grade.regions.items()},
                "missing": [
                    region for region in REGIONS
                    if grade.grade is not None and region not in grade.regions and region != hidden
                ],
                "expert": expert.get(grade.name),
                "sha256": sha256[:HASH_LENGTH],
            }
        )  # fmt: skip
    return rows


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6) + 0.0


def visits(rows: Iterable[Table]) -> list[Table]:
    """The study's visits in their order: ``label``, and ``days`` since baseline, None where it does not tell."""
    labels = sorted({row["visit"] for row in rows if row["visit"]}, key=visit_order)
    return [{"label": label, "days": visit_days(label)} for label in labels]


@dataclass(frozen=True)
class Headline:
    """The figures at the head of the page."""

    photos: int
    others: int
    graded: int
    flagged: int
    severities: Mapping[str, int]
    mean_interval: float | None
    expert: int
    rmse: float | None
    rmse_mean: float | None  # of always answering the mean of the expert's grades
    within_one: float | None
    learnt: int = 0  # of those with an expert's grade, how many the model learnt from


def head(rows: Sequence[Table], learnt: Collection[str] = ()) -> Headline:
    """Counts, the mean width of an interval, and how far the expert's grades are, where there are any; ``learnt``: the
    first digits of the SHA-256 of the photos that the model learnt from."""
    graded = [row for row in rows if row["grade"] is not None]
    experts = np.array([row["expert"] for row in graded if row["expert"] is not None])
    widths = [row["upper"] - row["lower"] for row in graded if row["upper"] is not None]
    apart = np.array([row["grade"] - row["expert"] for row in graded if row["expert"] is not None])
    return Headline(
        photos=sum(row["flag"] != "other" for row in rows),
        others=sum(row["flag"] == "other" for row in rows),
        graded=len(graded),
        flagged=sum(row["flag"] == "flagged" for row in rows),
        severities={name: sum(row["severity"] == name for row in rows) for name in SEVERITY_WORDS},
        mean_interval=float(np.mean(widths)) if widths else None,
        expert=len(apart),
        rmse=float(np.sqrt(np.mean(apart**2))) if len(apart) else None,
        rmse_mean=float(np.std(experts)) if len(experts) else None,
        within_one=float(np.mean(np.abs(apart) <= 1 + 1e-9)) if len(apart) else None,
        learnt=sum(row["expert"] is not None and row["sha256"] in learnt for row in graded),
    )


def run_hash(rows: Sequence[Table], model_sha256: str) -> str:
    """Names a run by what was graded, how, and what came of it: a review belongs to that and to nothing else."""
    graded = [
        [row["photo"], row["sha256"], None if row["grade"] is None else f"{row['grade']:.2f}"] for row in rows
    ]
    return hashlib.sha256(json.dumps([model_sha256, graded]).encode()).hexdigest()[:32]


def usual_figures(model: Model) -> dict[str, Usual]:
    """What is usual for each figure of a side among the photographs that the model was trained on. Of the severity it is
    what gives the usual grade, from which contributions count: the curve is bent, and the mean severity gives another."""
    ridge = model.blend.side.ridge
    knee, centre, scale = (np.array(values) for values in (ridge.knee, ridge.centre, ridge.scale))
    # The ridge keeps them compressed, as knee * asinh(figure / knee).
    middle, upper = knee * np.sinh(centre / knee), knee * np.sinh((centre + scale) / knee)
    pairs = zip(middle.tolist(), (upper - middle).tolist(), strict=True)
    usual = {name: Usual(*pair) for name, pair in zip(model.blend.side.columns, pairs, strict=True)}
    if model.blend.shares[0] and FIGURE in usual:
        usual[FIGURE] = replace(usual[FIGURE], centre=model.blend.curve.usual_figure)
    return usual


def detail(row: Table, details: GradeDetails, usual: Mapping[str, Usual]) -> Table:
    """What the page tells of one photo when it is opened: ``regions`` with their grades, or why there is none;
    ``reasons`` in words; ``alike``: each region's nearest references."""
    dropped = (details.face or {}).get("dropped", {})
    hidden = HIDDEN_CHEEK.get((details.face or {}).get("side") or "")
    alike: dict[str, list[Table]] = {}
    for one in details.evidence:
        reference = {
            "number": one.reference,
            "grade": one.reference_grade,
            "photo": one.reference_photo,
            "distance": _rounded(one.distance),
        }
        alike.setdefault(one.region, []).append(reference)
    return {
        "regions": [
            {
                "region": region,
                "name": REGION_NAMES[region],
                "grade": row["regions"].get(region),
                "reason": dropped.get(region, ""),
            }
            for region in REGIONS
            if region in row["regions"] or (region in dropped and region != hidden)
        ],
        "colour": _colour_words(colour_of_record(details.face)),
        "reasons": [_reason(one, usual) for one in details.contributions],
        "alike": [{"region": r, "name": REGION_NAMES[r], "references": some} for r, some in alike.items()],
    }


def _colour_words(colour: ColourCorrection | None) -> str:
    if colour is None:
        return ""
    by = colour.source
    if colour.before is not None and colour.after is not None:
        by += f": {colour.patches} of 24 patches, colour error {colour.before:.1f}, now {colour.after:.1f}"
    return f"shown and measured with corrected colours ({by})"


def _reason(one: Contribution, usual: Mapping[str, Usual]) -> Table:
    text, behind = in_words(one.figure, one.region, one.value, one.contribution, usual=usual.get(one.figure))
    kind = one.figure if one.figure in (USUAL, OTHERS) else ""
    return {"text": text, "behind": behind, "added": _rounded(one.contribution), "kind": kind}


def change_facts(place: int, baseline: PhotoGrade, later: PhotoGrade, change: PairChange) -> Table:
    """What the page tells of a change from baseline: ``number`` of the baseline photo on the page, its name, visit and
    grade, and the figures of the sheet Change, or the ``note`` that says why there are none."""
    both = baseline.grade is not None and later.grade is not None
    lower, upper = change_interval(later, baseline) or (None, None)
    told: Table = {
        "number": place,
        "photo": baseline.name,
        "visit": baseline.facts.visit or "",
        "grade": _rounded(baseline.grade),
        "grade_change": _rounded((later.grade or 0.0) - (baseline.grade or 0.0)) if both else None,
        "lower": _rounded(lower),
        "upper": _rounded(upper),
        "note": change.note,
    }
    if change.found:
        told |= {
            "common_cm2": round(change.common_cm2, 2),
            "registration": round(change.after, 3),
            "baseline_od": _rounded(change.baseline_od),
            "later_od": _rounded(change.later_od),
            "darkness_change": _rounded(change.darkness_change),
            "counts": dict(change.counts),
            "cm2": {kind: round(area, 3) for kind, area in change.cm2.items()},
        }
    return told
