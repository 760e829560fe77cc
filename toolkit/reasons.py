"""Why a photograph has its grade: what the figures add to it, and which graded references it is like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from toolkit.index import Query, References
from toolkit.records import REGIONS, SIDE, Contribution, Evidence

Matrix = NDArray[np.float64]

USUAL, OTHERS, REGION_GRADE = "usual_grade", "other_figures", "region_grade"
_TOLD = 8  # figures of a side
_LEAST = 0.05  # grades: what is less does not move a grade as it is printed
_EVIDENCE = 3  # references told a patch
_NO_DISTANCE = 1e-6  # what is nearer is the same picture


def reasons_of_side(
    columns: Sequence[str], values: Matrix, added: Matrix, *, start: float, grade: float
) -> tuple[Contribution, ...]:
    """What a side's grade adds up from: the usual grade, the figures that move it most, the strongest first, and all
    others together. Their contributions sum to ``grade``.

    ``values`` and ``added`` (p,): the side's table, and what each of its figures adds to the grade ``start``.
    """
    order = np.argsort(-np.abs(added), kind="stable")[:_TOLD]
    told = [int(n) for n in order if abs(added[n]) >= _LEAST]
    reasons = [Contribution(SIDE, USUAL, None, start)]
    reasons += [Contribution(SIDE, columns[n], _known(values[n]), float(added[n])) for n in told]
    rest = grade - start - float(added[told].sum())
    if abs(rest) >= _LEAST:
        reasons.append(Contribution(SIDE, OTHERS, None, rest))
    return tuple(reasons)


def reasons_of_regions(region_grades: Matrix, weights: Matrix) -> tuple[Contribution, ...]:
    """The same for a grade that is the mean of its regions', weighed by ``weights`` (4,): what each adds."""
    share = np.where(np.isfinite(region_grades), weights, 0)
    share = share / max(float(share.sum()), 1e-9)
    reasons = [
        Contribution(region, REGION_GRADE, float(own), float(own * part))
        for region, own, part in zip(REGIONS, region_grades, share, strict=True)
        if np.isfinite(own)
    ]
    return tuple(sorted(reasons, key=lambda one: -abs(one.contribution)))


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def evidence_of(region: str, bank: References, query: Query, row: int) -> Iterator[Evidence]:
    """The nearest graded references of the patch in one ``row`` of a query, nearest first."""
    for place, number in enumerate(query.nearest[row][:_EVIDENCE].tolist(), 1):
        if number >= 0:
            yield Evidence(
                region, place, str(bank.photos[number]), str(bank.regions[number]), float(bank.grades[number]),
                float(query.distances[row, number]), number,
            )  # fmt: skip


def mean_of_evidence(evidence: Iterable[Evidence]) -> float | None:
    """The mean grade, 0-9, of the references in a photo's evidence, each weighed by one over its distance: what the
    sheet Evidence alone tells. None where there are none."""
    near = [(one.reference_grade, one.distance) for one in evidence]
    if not near:
        return None
    grades, distances = np.array(near).T
    return float(np.average(grades, weights=1 / np.maximum(distances, _NO_DISTANCE)))
