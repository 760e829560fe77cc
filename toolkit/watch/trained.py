"""The figures of the photographs that a model was trained on, as those of a run are made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toolkit.index import ReferenceIndex
from toolkit.phototable import PhotoTable
from toolkit.prepared import TrunkOutput
from toolkit.siamese import Encoder
from toolkit.watch.figures import StudyFigures


def trained_figures(
    table: PhotoTable,
    output: TrunkOutput,
    encoder: Encoder,
    index: ReferenceIndex,
    *,
    subjects: NDArray[np.str_],
    grades: Sequence[float],
) -> StudyFigures:
    """Of n photographs, all usable: ``output`` of the trunk, ``subjects`` (n,), ``grades`` (n,) out of fold. References of
    a photograph's own subject do not answer for it: so its distance to them is what that of a new subject is."""
    embeddings, scores = encoder.place(output.pooled)
    similar = index.features(embeddings, table.regions, subjects[table.photo].tolist())
    values, columns = table.side_values(output, similar, scores), table.side_columns(index)
    tones, distances = (values[:, columns.index(name)].tolist() for name in ("ita_deg", "neighbour_distance"))
    qualities = [photo.quality for photo in table.usable]
    return StudyFigures.of(
        subjects.tolist(), qualities, tones=tones, distances=distances, grades=list(grades)
    )
