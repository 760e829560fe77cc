"""Records as the cells of a row, and back."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.pigment import pigment_png
from toolkit.records import (
    ColourCorrection,
    Face,
    FaceChart,
    FacePatches,
    PhotoFacts,
    PhotoGrade,
    PhotoResult,
    Quality,
)
from toolkit.study.names import stored_text


def result_cells(result: PhotoResult, face: FacePatches | None) -> tuple[str | float | None, ...]:
    """A result as the cells of its row, after those that tell whose it is (``RESULT_COLUMNS`` from the fourth)."""
    grade = result.grade
    return (
        grade.grade, grade.lower, grade.upper, grade.nearest_class, grade.facts.side,
        json.dumps(dict(grade.regions)), grade.quality,
        json.dumps(asdict(result.quality)) if result.quality else None,
        stored_text(grade.note), json.dumps(face_record(face)) if face else None,
        packed([{"region": one.region, "grade": one.grade, **one.values} for one in result.figures]),
        packed(map(asdict, result.contributions)), packed(map(asdict, result.evidence)),
        json.dumps([b64encode(pigment_png(one)).decode() for one in result.pigment]),
    )  # fmt: skip


def file_size(path: Path) -> int | None:
    """Bytes; None of a file that is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return None


def packed(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as JSON, their columns once."""
    rows = list(rows)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return json.dumps({"columns": columns, "rows": [[row.get(name) for name in columns] for row in rows]})


def unpacked(text: str) -> Iterator[dict[str, Any]]:
    """The rows that were ``packed``."""
    packed = json.loads(text)
    return (dict(zip(packed["columns"], row, strict=True)) for row in packed["rows"])


def quality_of(figures: str | None) -> Quality | None:
    """From JSON."""
    if figures is None:
        return None
    values = json.loads(figures)
    return Quality(**{**values, "cast": tuple(values["cast"])})


def grade_of(row: Sequence[Any], facts: PhotoFacts) -> PhotoGrade:
    """From the cells of a query of ``Store.grades``."""
    name, failure, found, grade, lower, upper, nearest, side, regions, quality, note, figures = row
    if found is None:
        return PhotoGrade(name, facts, note=failure)
    facts = replace(facts, side=facts.side or side)
    known = quality_of(figures)
    visible, measured = (known.visible_cm2, known.measured_cm2) if known else (None, None)
    return PhotoGrade(
        name, facts, grade, lower, upper, nearest, json.loads(regions), quality, note, visible, measured
    )


def face_record(patches: FacePatches) -> dict[str, Any]:
    """Landmarks, where patches and chart lie, and how colours were corrected, for JSON."""
    face = patches.face
    return {
        "points": face.points.tolist() if face else None,
        "side": face.side if face else None,
        "found_by": face.found_by if face else None,
        "score": face.score if face else None,
        "px_per_mm": face.px_per_mm if face else None,
        "quarter_turns": face.quarter_turns if face else 0,
        "patches": [
            {
                "region": p.region,
                "to_patch": p.to_patch.tolist(),
                "px_per_mm": p.px_per_mm,
                "size": p.skin.shape,
            }
            for p in patches.patches
        ],
        "dropped": dict(patches.dropped),
        "chart": _chart_record(patches.chart) if patches.chart else None,
        **({"colour": asdict(patches.colour)} if patches.colour else {}),
    }


def face_of_record(record: Mapping[str, Any] | None) -> Face | None:
    """The face of a ``face_record``, as it was found when the photo was graded."""
    if not record or not record["points"]:
        return None
    points = np.array(record["points"], np.float64)
    return Face(
        points, record["side"], record["found_by"], record["score"], record["px_per_mm"],
        quarter_turns=int(record.get("quarter_turns", 0)),
    )  # fmt: skip


def colour_of_record(record: Mapping[str, Any] | None) -> ColourCorrection | None:
    """The correction of a ``face_record``; None where colours stayed as they were."""
    return ColourCorrection.from_record(record["colour"]) if record and record.get("colour") else None


def _chart_record(chart: FaceChart) -> dict[str, Any]:
    return {"to_chart": chart.to_chart.tolist(), "px_per_mm": chart.px_per_mm, "size": chart.skin.shape}
