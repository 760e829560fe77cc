"""Many prepared photographs side by side: a table of their patches and one of their sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toolkit.index import ReferenceIndex
from toolkit.pigment import CLASSICAL_COLUMNS, LEARNT_COLUMNS, NET_COLUMNS
from toolkit.prepared import Prepared, TrunkOutput, through_trunk
from toolkit.records import REGIONS
from toolkit.siamese import Encoder

FIGURE = "net_severity"  # of a side and of a patch: the curve grades by it
Matrix = NDArray[np.float64]


class PhotoTable:
    """The usable ones of many photographs: ``photo`` (n,) is each patch's photo, a row number of ``photos``."""

    def __init__(self, prepared: Sequence[Prepared]) -> None:
        self.photos = [photo.name for photo in prepared]
        self.photo = np.array([i for i, photo in enumerate(prepared) for _ in photo.features], dtype=np.int64)
        self.usable = [photo for photo in prepared if photo.features]
        self.places = [i for i, photo in enumerate(prepared) if photo.features]
        faces = [photo.face for photo in self.usable if photo.face]
        self.regions = [patch.region for face in faces for patch in face.patches]
        features = [row for photo in prepared for row in photo.features]
        self.columns = tuple(features[0]) if features else ()
        self.values = np.array([[row[c] for c in self.columns] for row in features]).reshape(
            len(features), len(self.columns)
        )
        self.sides = np.full((len(prepared), len(CLASSICAL_COLUMNS)), np.nan)
        for place, photo in zip(self.places, self.usable, strict=True):
            self.sides[place] = [(photo.side or {}).get(name, np.nan) for name in CLASSICAL_COLUMNS]

    def patch_inputs(self) -> list[NDArray[np.float16]]:
        """The network's view of each patch alone, for a network that learns from them."""
        return [picture for photo in self.usable for picture in photo.patch_inputs()]

    def trunk_output(self, encoder: Encoder) -> TrunkOutput:
        """What a trunk sees of the photographs, where that is not known already; ``sides`` one a photo."""
        known = (
            [photo.trunk_output or through_trunk(encoder, [photo]) for photo in self.usable]
            if any(photo.trunk_output for photo in self.usable)
            else [through_trunk(encoder, self.usable)]
        )
        sides = np.full((len(self.photos), len(NET_COLUMNS)), np.nan)
        sides[self.places] = np.concatenate([one.sides for one in known])
        return TrunkOutput(
            np.concatenate([one.pooled for one in known]),
            np.concatenate([one.figures for one in known]),
            sides,
            tuple(picture for one in known for picture in one.maps),
        )

    # --- columns

    def patch_columns(self, index: ReferenceIndex) -> tuple[str, ...]:
        """Names of ``patch_values``' columns."""
        return (*self.columns, *LEARNT_COLUMNS, *index.columns, "embedding_score")

    def patch_values(self, output: TrunkOutput, similar: NDArray, scores: NDArray) -> Matrix:
        """What is known of each patch (n, p): pigment features, figures of the predicted pigment, index features
        ``similar`` (n, q), embedding scores (n,)."""
        return np.column_stack([self.values, output.figures, similar, scores]).astype(np.float64)

    def side_columns(self, index: ReferenceIndex) -> tuple[str, ...]:
        """Names of ``side_values``' columns."""
        return (*CLASSICAL_COLUMNS, *NET_COLUMNS, *index.columns, "embedding_score")

    def side_values(self, output: TrunkOutput, similar: NDArray, scores: NDArray) -> Matrix:
        """What the blend sees of each side (photos, p): classical figures, figures of the predicted pigment, and what
        the references say of its patches, as their mean; NaN for the unknown."""
        of_patches = np.column_stack([similar, scores]).astype(np.float64)
        return np.column_stack([self.sides, output.sides, self._mean_of_patches(of_patches)])

    def _mean_of_patches(self, values: Matrix) -> Matrix:
        """Means (photos, q) of a table of patches (n, q), over what is known."""
        known = np.isfinite(values)
        totals, counts = (np.zeros((len(self.photos), values.shape[1])) for _ in range(2))
        np.add.at(totals, self.photo, np.where(known, values, 0))
        np.add.at(counts, self.photo, known)
        return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)

    # --- what follows from them

    def region_severity(self, figures: Matrix) -> Matrix:
        """How severe each region looks (photos, 4), in the order of REGIONS; NaN where there is no patch. ``figures``
        (n, q) of the map on each patch."""
        return self.by_photo(figures[:, LEARNT_COLUMNS.index(FIGURE)])

    def difficulty(
        self,
        values: Matrix,
        columns: Sequence[str],
        disagreement: Matrix,
        by_photo: Matrix,
        *,
        grades: Matrix,
    ) -> Matrix:
        """What makes a photo hard to grade (photos, len(DIFFICULTY)), NaN where unknown: columns of the sides' table,
        the ``disagreement`` (photos,) of its predictions, the deviation of its region grades ``by_photo`` (photos, 4),
        and its grade (photos,)."""
        distance, spread, ita, area = (
            values[:, columns.index(name)]
            for name in ("neighbour_distance", "neighbour_spread", "ita_deg", "measured_cm2")
        )
        counts = np.isfinite(by_photo).sum(axis=1)
        middle = np.nansum(by_photo, axis=1) / np.maximum(counts, 1)
        apart = np.sqrt(np.nansum((by_photo - middle[:, None]) ** 2, axis=1) / np.maximum(counts, 1))
        return np.column_stack([distance, spread, disagreement, apart, grades, ita, area])

    def by_photo(self, patchwise: Matrix) -> Matrix:
        """Values of patches (n,) laid out as (photos, 4) in the order of REGIONS; NaN where there is no patch."""
        grid = np.full((len(self.photos), len(REGIONS)), np.nan)
        grid[self.photo, [REGIONS.index(region) for region in self.regions]] = patchwise
        return grid
