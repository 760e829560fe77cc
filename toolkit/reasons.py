"""Why a photograph has its grade: what the figures add to it, and which graded references it is like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from toolkit.index import Query, References
from toolkit.records import REGIONS

Row = dict[str, str | float | None]
Rows = tuple[Mapping[str, str | float | None], ...]
Matrix = NDArray[np.float64]

USUAL, OTHERS, REGION_GRADE = "usual_grade", "other_figures", "region_grade"
_TOLD = 8  # figures of a side
_LEAST = 0.005  # grades: what would be printed as 0.00 is no reason
_EVIDENCE = 3  # references told a patch


def reasons_of_side(
    photo: str, columns: Sequence[str], values: Matrix, added: Matrix, *, start: float, grade: float
) -> Rows:
    """What a side's grade adds up from: the usual grade, the figures that move it most, the strongest first, and all
    others together. Their contributions sum to ``grade``.

    ``values`` and ``added`` (p,): the side's table, and what each of its figures adds to the grade ``start``.
    """
    order = np.argsort(-np.abs(added), kind="stable")[:_TOLD]
    told = [int(n) for n in order if abs(added[n]) >= _LEAST]
    rows = [_row(photo, "side", USUAL, None, added=start)]
    rows += [_row(photo, "side", columns[n], _known(values[n]), added=float(added[n])) for n in told]
    rest = grade - start - float(added[told].sum())
    return (*rows, _row(photo, "side", OTHERS, None, added=rest)) if abs(rest) >= _LEAST else tuple(rows)


def reasons_of_regions(photo: str, region_grades: Matrix, weights: Matrix, grade: float) -> Rows:
    """The same for a grade that is the mean of its regions', weighed by ``weights`` (4,): what each adds."""
    share = np.where(np.isfinite(region_grades), weights, 0)
    share = share / max(float(share.sum()), 1e-9)
    rows = [
        _row(photo, region, REGION_GRADE, float(own), added=float(own * part))
        for region, own, part in zip(REGIONS, region_grades, share, strict=True)
        if np.isfinite(own)
    ]
    return tuple(sorted(rows, key=lambda row: -abs(float(row["contribution"] or 0))))


def _row(photo: str, region: str, figure: str, value: float | None, *, added: float) -> Row:
    return {"photo": photo, "region": region, "figure": figure, "value": value, "contribution": added}


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def evidence_of(photo: str, region: str, bank: References, found: Query, *, row: int) -> Iterator[Row]:
    """The nearest graded references of the patch in one ``row`` of a query, nearest first."""
    for place, number in enumerate(found.nearest[row][:_EVIDENCE], 1):
        if number >= 0:
            yield {
                "photo": photo,
                "region": region,
                "place": place,
                "reference_photo": str(bank.photos[number]),
                "reference_region": str(bank.regions[number]),
                "reference_grade": float(bank.grades[number]),
                "distance": float(found.distances[row, number]),
                "reference": int(number),
            }
