"""Graded reference patches in a FAISS index: the nearest of them, and the similarity to each class.

Similarity is sigmoid(offset - scale * d), with d the Euclidean (L2) distance of two embeddings, as in a
Siamese network's last layer; scale and offset are fitted on the references. A patch is compared only with
references of its own kind (forehead, cheek, chin), and never with its own subject's.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import MissingExtraError, ModelError
from toolkit.records import REGIONS
from toolkit.settings import IndexSettings

_WORTH_THREADS = 10_000_000  # products of queries and references
_GPU_RANKS = 2048  # on a GPU, FAISS refuses to rank as many neighbours


@dataclass(frozen=True, eq=False)
class References:
    """n graded patches: ``embeddings`` (n, e) float32; ``grades`` (n,) float32 0-9; the subject, the photo
    and the region of each as (n,) arrays of text."""

    embeddings: NDArray[np.float32]
    grades: NDArray[np.float32]
    subjects: NDArray[np.str_]
    photos: NDArray[np.str_]
    regions: NDArray[np.str_]

    def __post_init__(self) -> None:
        n = len(self.embeddings)
        for name in ("grades", "subjects", "photos", "regions"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"{name} must have one value for each of {n} embeddings")

    def take(self, rows: NDArray) -> References:
        """The references of the given rows."""
        return References(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True, eq=False)
class Query:
    """Answers for q patches: ``features`` (q, len(columns)) float32; ``nearest`` (q, k) row numbers of the nearest
    references, nearest first, -1 where none is left; ``distances`` (q, n) float32 to all references."""

    features: NDArray[np.float32]
    nearest: NDArray[np.int64]
    distances: NDArray[np.float32]


def kind(region: str) -> str:
    """What a region is compared with: both cheeks are one kind."""
    return "cheek" if region.endswith("cheek") else region


def class_of(grades: NDArray, edges: Sequence[float]) -> NDArray[np.int64]:
    """Class numbers of grades: class c runs from edges[c] (included) to edges[c + 1]."""
    return np.clip(np.searchsorted(edges, np.asarray(grades) + 1e-6) - 1, 0, len(edges) - 1)


class ReferenceIndex:
    """References, searchable. ``columns`` names what ``features`` returns."""

    def __init__(
        self,
        references: References,
        settings: IndexSettings,
        similarity: tuple[float, float],
        stored: Any | None = None,
    ) -> None:
        self.references = references
        self.settings = settings
        self.similarity = similarity  # scale, offset
        self.classes = class_of(references.grades, settings.class_edges)
        self._kinds = np.array([kind(region) for region in references.regions])
        self._faiss = _on_gpus(stored or _faiss_index(references.embeddings, settings.factory))

    @classmethod
    def build(cls, references: References, settings: IndexSettings, seed: int = 0) -> ReferenceIndex:
        """Index the references and fit the similarity's scale and offset on their pairs."""
        if not len(references.grades):
            raise ModelError("no graded reference patches: nothing to build an index of")
        return cls(references, settings, _fit_similarity(references, seed))

    @property
    def device(self) -> str:
        """Where FAISS searches: "gpu" or "cpu"."""
        return "gpu" if "Gpu" in type(self._faiss).__name__ else "cpu"

    def class_counts(self) -> dict[str, int]:
        """How many references each class has."""
        counts = np.bincount(self.classes, minlength=len(self.settings.class_edges))
        return dict(zip(self.settings.class_labels(), counts.tolist(), strict=True))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        labels = self.settings.class_labels()
        top = self.settings.top_per_class
        return (
            *(f"similarity_{label}" for label in labels),
            *(f"similarity_top{top}_{label}" for label in labels),
            "expected_grade",
            "neighbour_grade",
            "neighbour_spread",
            "neighbour_distance",
        )

    def distances(
        self,
        embeddings: NDArray,
        regions: Sequence[str],
        subjects: Sequence[str],
        copied: Sequence[str] | None = None,
    ) -> NDArray[np.float32]:
        """Euclidean distance (q, n) of queries to all references; inf where the kind differs or the
        subject is the query's own, or one of whose photographs it is a copy (``copied``, "" for none)."""
        n = len(self.references.grades)
        # Threads that wait for one another take longer over a photo's few patches than the search itself.
        small = len(embeddings) * self.references.embeddings.size < _WORTH_THREADS
        _faiss().omp_set_num_threads(1 if small else os.cpu_count() or 1)
        squared, ids = self._faiss.search(np.ascontiguousarray(embeddings, np.float32), n)
        table = np.full((len(embeddings), n), np.inf, np.float32)
        rows, places = np.nonzero(ids >= 0)
        table[rows, ids[rows, places]] = np.sqrt(np.maximum(squared[rows, places], 0))
        table[np.array([kind(r) for r in regions])[:, None] != self._kinds[None]] = np.inf
        for own in (subjects, copied or ()):
            if len(own):
                table[np.asarray(own)[:, None] == self.references.subjects[None]] = np.inf
        return table

    def features(
        self, embeddings: NDArray, regions: Sequence[str], subjects: Sequence[str]
    ) -> NDArray[np.float32]:
        """Similarity features (q, len(columns)); NaN where a class, or the kind, has no reference."""
        return self.query(embeddings, regions, subjects).features

    def query(
        self,
        embeddings: NDArray,
        regions: Sequence[str],
        subjects: Sequence[str],
        copied: Sequence[str] | None = None,
    ) -> Query:
        """All that the references say of q patches, but those of the ``subjects`` and ``copied`` of ``distances``."""
        distances = self.distances(embeddings, regions, subjects, copied)
        scale, offset = self.similarity
        known = np.isfinite(distances)
        # As logarithms, because similarities to all that is far away are too small for their squares.
        log_similar = np.where(known, -np.logaddexp(0, scale * distances - offset), -np.inf)
        similar = np.where(known, np.exp(log_similar), np.nan)
        per_class, top = [], []
        for c in range(len(self.settings.class_edges)):
            of_class = similar[:, self.classes == c]
            per_class.append(_mean(of_class))
            top.append(_mean(-np.sort(-of_class, axis=1)[:, : self.settings.top_per_class]))
        highest = np.maximum(log_similar.max(axis=1, keepdims=True), np.finfo(np.float32).min)
        weights = np.exp(2 * (log_similar - highest))
        expected = weights @ self.references.grades / np.maximum(weights.sum(axis=1), 1)
        expected[~known.any(axis=1)] = np.nan
        near = self.nearest(distances)
        grades = np.where(near >= 0, self.references.grades[near], np.nan)
        reach = np.take_along_axis(distances, np.maximum(near, 0), axis=1)
        reach = np.where(near >= 0, reach, np.nan)
        neighbours = [_mean(grades), np.sqrt(_mean((grades - _mean(grades)[:, None]) ** 2)), _mean(reach)]
        features = np.column_stack([*per_class, *top, expected, *neighbours]).astype(np.float32)
        return Query(features, near, distances)

    def nearest(self, distances: NDArray) -> NDArray[np.int64]:
        """Row numbers (q, k) of the nearest references, nearest first, ties by row; -1 where none is left."""
        k = min(self.settings.neighbours, distances.shape[1])
        order = np.argsort(distances, axis=1, kind="stable")[:, :k]
        return np.where(np.isfinite(np.take_along_axis(distances, order, axis=1)), order, -1)

    def save(self, folder: Path) -> None:
        """Write index.faiss and references.npz."""
        faiss = _faiss()
        on_cpu = faiss.index_gpu_to_cpu(self._faiss) if self.device == "gpu" else self._faiss
        (folder / "index.faiss").write_bytes(faiss.serialize_index(on_cpu).tobytes())
        arrays = {name: getattr(self.references, name) for name in References.__dataclass_fields__}
        np.savez_compressed(folder / "references.npz", similarity=np.array(self.similarity), **arrays)

    @classmethod
    def load(cls, folder: Path, settings: IndexSettings) -> ReferenceIndex:
        """Raises ModelError naming the file that is missing or damaged."""
        path = folder / "references.npz"
        try:
            with np.load(path, allow_pickle=False) as arrays:
                references = References(*(arrays[name] for name in References.__dataclass_fields__))
                scale, offset = arrays["similarity"].tolist()
        except (OSError, EOFError, TypeError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ModelError(
                f"{path}: references cannot be read ({error}); run toolkit build-index"
            ) from None
        _check_references(path, references, (scale, offset))
        own = _faiss_index(references.embeddings, settings.factory)
        # FAISS trusts what it reads. The index of these references is known to the last byte, so its file is compared.
        if _faiss().serialize_index(own).tobytes() != _bytes_of(folder / "index.faiss"):
            raise ModelError(
                f"{folder}: index.faiss and references.npz do not belong together; run toolkit build-index"
            )
        return cls(references, settings, (scale, offset), own)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); run toolkit build-index") from None


def _check_references(path: Path, references: References, similarity: tuple[float, float]) -> None:
    """Refuse references that no training leaves: of other types or shapes, not finite, of no grade or region."""
    grades, vectors = references.grades, references.embeddings
    texts = (references.subjects, references.photos, references.regions)
    fit = (
        vectors.ndim == 2 and vectors.size > 0 and vectors.dtype == np.float32 and np.isfinite(vectors).all()
        and grades.shape == (len(vectors),) and grades.dtype == np.float32
        and all(text.shape == (len(vectors),) and text.dtype.kind == "U" for text in texts)
    )  # fmt: skip
    if (
        not fit
        or not ((grades >= 0) & (grades <= 9)).all()
        or set(references.regions.tolist()) - set(REGIONS)
    ):
        raise ModelError(f"{path}: references cannot be read (no graded patches); run toolkit build-index")
    if not np.isfinite(similarity).all():
        raise ModelError(
            f"{path}: references cannot be read (similarity is not finite); run toolkit build-index"
        )


def _faiss() -> Any:
    try:
        import faiss
    except ImportError:
        raise MissingExtraError("FAISS", "cpu") from None
    return faiss


def _on_gpus(index: Any) -> Any:
    """The index on all GPUs where FAISS has any and they can rank all references, else as it is."""
    faiss = _faiss()
    fits = index.ntotal < _GPU_RANKS and getattr(faiss, "get_num_gpus", lambda: 0)() > 0
    return faiss.index_cpu_to_all_gpus(index) if fits else index


def _faiss_index(embeddings: NDArray, factory: str) -> Any:
    faiss = _faiss()
    vectors = np.ascontiguousarray(embeddings, np.float32)
    index = faiss.index_factory(vectors.shape[1], factory, faiss.METRIC_L2)
    if not index.is_trained:
        index.train(vectors)
    index.add(vectors)
    return index


def _fit_similarity(references: References, seed: int, pairs: int = 20000) -> tuple[float, float]:
    """Scale and offset of the sigmoid: a logistic regression of "grades within half a step" on distance,
    over random pairs of references of different subjects and one kind."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(seed)
    kinds = np.array([kind(region) for region in references.regions])
    i, j = rng.integers(0, len(kinds), (2, pairs))
    usable = (kinds[i] == kinds[j]) & (references.subjects[i] != references.subjects[j])
    i, j = i[usable], j[usable]
    same = np.abs(references.grades[i] - references.grades[j]) <= 0.5
    if len(np.unique(same)) < 2:  # too few grades to tell pairs apart: the seed's plain sigmoid
        return 1.0, 1.0
    distance = np.linalg.norm(references.embeddings[i] - references.embeddings[j], axis=1)
    fitted = LogisticRegression(class_weight="balanced").fit(distance[:, None], same)
    return max(float(-fitted.coef_[0, 0]), 1e-3), float(fitted.intercept_[0])


def _mean(values: NDArray) -> NDArray:
    """Row means that pass over NaN; NaN for an empty row, without a warning."""
    known = np.isfinite(values)
    total = np.where(known, values, 0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)
