"""A batch of photographs through network, references and blend: what each patch and each side is judged to be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.blend import combine
from toolkit.errors import ModelError
from toolkit.index import Query, class_of
from toolkit.model import Model
from toolkit.phototable import FIGURE, PhotoTable
from toolkit.prepared import Prepared, TrunkOutput
from toolkit.reasons import evidence_of, mean_of_evidence, reasons_of_regions, reasons_of_side
from toolkit.records import REGIONS, SIDE, Contribution, Evidence, Figures, half_step

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Judgement:
    """Of n patches of m photos: the tables of patches (n, p) and of sides (m, q) with their columns, what the
    references say, grades by the curve (m,) and of regions (m, 4), and the ``weights`` (4,) of these, if any; grades, half-widths and whether out of range (m,)."""

    model: Model
    table: PhotoTable
    output: TrunkOutput
    patch_values: Matrix
    values: Matrix
    query: Query
    by_curve: Matrix
    by_region: Matrix
    weights: Matrix | None
    grades: Matrix
    half_widths: Matrix
    far: NDArray[np.bool_]

    def rows(self, photo: int) -> list[int]:
        """The numbers of a photo's patches."""
        return np.flatnonzero(self.table.photo == photo).tolist()

    def figures(self, photo: int) -> Iterator[Figures]:
        """All that was measured of a photo's patches, and last of its side."""
        for row in self.rows(photo):
            region = self.table.regions[row]
            named = _named(self.table.patch_columns(self.model.index), self.patch_values[row])
            yield Figures(region, named, float(self.by_region[photo, REGIONS.index(region)]))
        named = _named(self.table.side_columns(self.model.index), self.values[photo])
        yield Figures(SIDE, named, float(self.by_curve[photo]))

    def evidence(self, photo: int) -> Iterator[Evidence]:
        """The nearest graded references of each of a photo's patches."""
        for row in self.rows(photo):
            yield from evidence_of(self.table.regions[row], self.model.index.references, self.query, row)

    def contributions(self, photo: int) -> tuple[Contribution, ...]:
        """What a photo's grade adds up from."""
        if self.weights is not None:
            return reasons_of_regions(self.by_region[photo], self.weights)
        columns, values = self.table.side_columns(self.model.index), self.values[photo : photo + 1]
        parts, by_curve, start = self.model.blend.contributions(values, self.by_curve[photo : photo + 1])
        added = parts[0].copy()
        added[columns.index(FIGURE)] += by_curve[0]
        return reasons_of_side(columns, values[0], added, start=start, grade=float(self.grades[photo]))

    def nearest_class(self, photo: int) -> str | None:
        """The class of the mean grade of a photo's ``evidence``, rounded to a half step; None where it has none."""
        grade = mean_of_evidence(self.evidence(photo))
        if grade is None:
            return None
        index = self.model.settings.index
        return index.class_labels()[int(class_of(np.array(half_step(grade)), index.class_edges))]


def judge(
    model: Model, photos: Sequence[Prepared], copied: Sequence[str], weights: Matrix | None
) -> Judgement:
    """Patches through network and references, sides through the blend; with ``weights`` (4,), the mean of the regions'
    grades. ``copied``: the subject of whose references a photo is a copy, "" where it is none."""
    table, index, blend = PhotoTable(photos), model.index, model.blend
    output = table.trunk_output(model.encoder)
    embeddings, scores = model.encoder.place(output.pooled)
    subjects = [photos[i].facts.subject for i in table.photo]
    query = index.query(embeddings, table.regions, subjects, [copied[i] for i in table.photo])
    columns, values = table.side_columns(index), table.side_values(output, query.features, scores)
    boosted, ridge = blend.side.predict_both(columns, values)
    by_curve = blend.curve.predict(values[:, columns.index(FIGURE)])
    by_region = blend.curve.predict(table.region_severity(output.figures))
    grades = blend.mixed(by_curve, boosted, ridge)
    if not np.isfinite(grades[table.places]).all():
        raise ModelError("the model's figures give no grade: restore the model folder or retrain")
    if weights is not None:
        grades = combine(by_region, weights)
    difficulty = table.difficulty(values, columns, np.abs(boosted - ridge), by_region, grades=grades)
    patch_values = table.patch_values(output, query.features, scores)
    half_widths = blend.interval.half_width(difficulty)
    far = difficulty[:, 0] > blend.interval.far
    return Judgement(
        model,
        table,
        output,
        patch_values,
        values,
        query,
        by_curve,
        by_region,
        weights,
        grades,
        half_widths,
        far,
    )


def _named(columns: Sequence[str], values: Matrix) -> dict[str, float | None]:
    return {name: float(x) if np.isfinite(x) else None for name, x in zip(columns, values, strict=True)}
