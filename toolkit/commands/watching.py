"""A graded run beside the photographs that its model was trained on."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.model import Model
from toolkit.records import SIDE, PhotoGrade
from toolkit.store import Store
from toolkit.watch import StudyFigures, Watched, compare


def watch_run(store: Store, grades: Sequence[PhotoGrade], model: Model) -> Watched:
    """Compare the graded photographs of a run, whose ``grades`` are in its order, with the model's training study."""
    qualities = store.qualities()
    sides = {str(row["photo"]): row for row in store.rows("patches") if row["region"] == SIDE}
    graded = [(one, quality) for one, quality in zip(grades, qualities, strict=True) if one.grade is not None]
    rows = [sides.get(one.name, {}) for one, _ in graded]
    run = StudyFigures.of(
        [one.facts.subject for one, _ in graded],
        [quality for _, quality in graded],
        tones=[row.get("ita_deg") for row in rows],
        distances=[row.get("neighbour_distance") for row in rows],
        grades=[one.grade for one, _ in graded],
    )
    return compare(run, StudyFigures.of_card(model.card))
