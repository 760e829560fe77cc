"""The reference index against plain NumPy on a few hundred made-up references."""

import json
import zipfile
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from toolkit.errors import ModelError
from toolkit.index import ReferenceIndex, References, class_of, kind
from toolkit.records import REGIONS
from toolkit.settings import IndexSettings

SETTINGS = IndexSettings(neighbours=4, top_per_class=3)
EDGES = SETTINGS.class_edges


def made_up(n=120, seed=0, subjects=15):
    """References whose embeddings follow their grade, with noise."""
    rng = np.random.default_rng(seed)
    grades = (rng.integers(1, 15, n) / 2).astype(np.float32)
    embeddings = rng.normal(0, 0.5, (n, 5)).astype(np.float32)
    embeddings[:, 0] += grades
    owner = np.array([f"S{i:02}" for i in rng.integers(0, subjects, n)])
    photos = np.array([f"{s}-{i}.jpg" for i, s in enumerate(owner)])
    return References(embeddings, grades, owner, photos, rng.choice(REGIONS, n))


def queries(n=20, seed=1):
    """Embeddings, regions and subjects, of whom some are among the references and some are not."""
    some = made_up(n, seed, subjects=25)
    return some.embeddings, list(some.regions), list(some.subjects)


@pytest.fixture(scope="module")
def index():
    return ReferenceIndex.build(made_up(), SETTINGS)


def brute_distances(references, embeddings, regions, subjects):
    table = np.full((len(embeddings), len(references.grades)), np.inf)
    for q, (x, region, subject) in enumerate(zip(embeddings, regions, subjects, strict=True)):
        for r in range(table.shape[1]):
            same_kind = region.split("_")[-1] == references.regions[r].split("_")[-1]
            if same_kind and subject != references.subjects[r]:
                table[q, r] = np.sqrt(((x - references.embeddings[r]) ** 2).sum())
    return table


def brute_features(references, table, similarity, settings):
    """One row a query, in the order of ``columns``, from the definitions in words."""
    scale, offset = similarity
    edges = (*settings.class_edges, np.inf)
    rows = []
    for distances in table:
        known = np.flatnonzero(np.isfinite(distances))
        similar = {r: 1 / (1 + np.exp(scale * distances[r] - offset)) for r in known}
        mean, top = [], []
        for low, high in pairwise(edges):
            of_class = sorted((similar[r] for r in known if low <= references.grades[r] < high), reverse=True)
            mean.append(np.mean(of_class) if of_class else np.nan)
            top.append(np.mean(of_class[: settings.top_per_class]) if of_class else np.nan)
        weights = np.array([similar[r] ** 2 for r in known])
        expected = (weights * references.grades[known]).sum() / weights.sum() if len(known) else np.nan
        near = sorted(known, key=lambda r: (distances[r], r))[: settings.neighbours]
        grades = references.grades[near]
        spread = (grades.mean(), grades.std(), distances[near].mean()) if len(near) else (np.nan,) * 3
        rows.append([*mean, *top, expected, *spread])
    return np.array(rows)


# --- classes and kinds


@pytest.mark.parametrize(
    "grade, number",
    [
        (0, 0),
        (2.5, 0),
        (2.99, 0),
        (3, 1),
        (3.4, 1),
        (3.5, 2),
        (4, 3),
        (4.5, 4),
        (5, 5),
        (5.4, 5),
        (5.5, 6),
        (9, 6),
    ],
)
def test_a_class_includes_its_lower_edge(grade, number):
    assert class_of(np.array([grade]), EDGES) == [number]
    assert class_of(np.array([grade], np.float32), EDGES) == [number]


def test_grades_beyond_the_edges_go_to_the_outer_classes():
    np.testing.assert_array_equal(class_of(np.array([-1.0, 99.0]), EDGES), [0, 6])


def test_class_labels_are_the_seeds():
    assert IndexSettings().class_labels() == ("<3", "3", "3.5", "4", "4.5", "5", ">5")
    assert IndexSettings(class_edges=(0, 1, 3, 3.5)).class_labels() == ("<1", "1-2.5", "3", ">3")


def test_both_cheeks_are_one_kind():
    assert [kind(region) for region in REGIONS] == ["forehead", "cheek", "cheek", "chin"]


# --- against brute force


def test_distances_against_brute_force(index):
    query = queries()
    got = index.distances(*query)
    assert got.shape == (20, 120) and got.dtype == np.float32
    np.testing.assert_allclose(got, brute_distances(index.references, *query), rtol=1e-3, atol=1e-3)


def test_features_against_brute_force(index):
    query = queries()
    wanted = brute_features(
        index.references, brute_distances(index.references, *query), index.similarity, SETTINGS
    )
    got = index.features(*query)
    assert got.shape == (20, len(index.columns)) and got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, rtol=2e-3, atol=2e-3)
    assert np.isfinite(got).any(axis=0).all()


def test_columns_name_the_classes(index):
    assert index.columns[:2] == ("similarity_<3", "similarity_3")
    assert index.columns[7:9] == ("similarity_top3_<3", "similarity_top3_3")
    assert index.columns[14:] == (
        "expected_grade",
        "neighbour_grade",
        "neighbour_spread",
        "neighbour_distance",
    )


@hypothesis_settings(max_examples=25)
@given(
    n=st.integers(1, 30),
    subjects=st.integers(1, 4),
    seed=st.integers(0, 10_000),
    neighbours=st.integers(1, 40),
    top=st.integers(1, 8),
)
def test_any_bank_against_brute_force(n, subjects, seed, neighbours, top):
    """Small banks: classes, kinds and whole queries without a reference occur all the time."""
    settings = IndexSettings(neighbours=neighbours, top_per_class=top)
    bank = made_up(n, seed, subjects)
    index = ReferenceIndex(bank, settings, (1.3, 0.4))
    query = queries(6, seed + 1)
    wanted = brute_features(bank, brute_distances(bank, *query), (1.3, 0.4), settings)
    np.testing.assert_allclose(index.features(*query), wanted, rtol=2e-3, atol=2e-3)


def test_nearest_come_nearest_first_and_ties_go_by_row():
    same = np.zeros((6, 3), np.float32)
    same[4] = 0.5
    bank = References(
        same,
        np.arange(6, dtype=np.float32),
        np.array(list("aabbcc")),
        np.array(list("aabbcc")),
        np.array(["chin"] * 6),
    )
    index = ReferenceIndex(bank, IndexSettings(neighbours=5), (1.0, 1.0))
    near = index.nearest(index.distances(np.zeros((1, 3)), ["chin"], ["b"]))
    np.testing.assert_array_equal(near, [[0, 1, 5, 4, -1]])  # 2 and 3 are the subject's own


def test_many_ties_go_by_row():
    names = np.array([f"{i:03}" for i in range(200)])
    bank = References(
        np.zeros((200, 3), np.float32), np.ones(200, np.float32), names, names, np.array(["chin"] * 200)
    )
    index = ReferenceIndex(bank, IndexSettings(neighbours=50), (1.0, 1.0))
    distances = np.tile([1.0, 0.0], 100)[None]
    np.testing.assert_array_equal(index.nearest(distances), [np.arange(1, 101, 2)[:50]])


def test_a_query_is_of_one_piece(index):
    query = queries()
    found = index.query(*query)
    np.testing.assert_array_equal(found.features, index.features(*query))
    np.testing.assert_array_equal(found.distances, index.distances(*query))
    np.testing.assert_array_equal(found.nearest, index.nearest(found.distances))
    assert found.nearest.shape == (20, SETTINGS.neighbours)
    grades = index.references.grades
    columns = index.columns
    for row, near in enumerate(found.nearest):
        near = near[near >= 0]
        reach = found.distances[row, near]
        assert (np.diff(reach) >= 0).all()
        # No reference that was left out is nearer.
        assert np.delete(found.distances[row], near).min() >= reach.max()
        told = dict(zip(columns, found.features[row], strict=True))
        assert told["neighbour_grade"] == pytest.approx(grades[near].mean(), abs=1e-4)
        assert told["neighbour_spread"] == pytest.approx(grades[near].std(), abs=1e-4)
        assert told["neighbour_distance"] == pytest.approx(reach.mean(), abs=1e-4)


def test_class_similarities_against_plain_means(index):
    """The mean over all references of a class, and over its most similar three."""
    query = queries(6)
    table = brute_distances(index.references, *query)
    scale, offset = index.similarity
    features = index.features(*query)
    for c, (low, high) in enumerate(pairwise((*EDGES, np.inf))):
        of_class = (index.references.grades >= low) & (index.references.grades < high)
        for row, distances in enumerate(table):
            similar = [1 / (1 + np.exp(scale * d - offset)) for d in distances[of_class] if np.isfinite(d)]
            top = sorted(similar)[-3:]
            for got, wanted in ((features[row, c], similar), (features[row, 7 + c], top)):
                assert got == pytest.approx(np.mean(wanted), abs=2e-3) if wanted else np.isnan(got)


def test_exact_copies_are_told_apart_by_their_row():
    bank = made_up(40)
    twice = bank.take(np.repeat(np.arange(40), 2))
    index = ReferenceIndex(twice, IndexSettings(neighbours=6), (1.0, 1.0))
    near = index.query(*queries(10)).nearest
    pairs = near.reshape(10, 3, 2)
    full = (near >= 0).all(axis=1)
    assert full.sum() > 5
    np.testing.assert_array_equal(pairs[full, :, 1], pairs[full, :, 0] + 1)


@pytest.mark.parametrize("away", [5.0, 50.0, 5000.0])
@pytest.mark.filterwarnings("error")
def test_a_patch_far_from_every_reference_is_expected_to_be_as_the_nearest(away):
    grades = np.array([2.0, 6.0], np.float32)
    bank = References(
        np.array([[0.0], [1.0]], np.float32), grades, *(np.array(["a", "b"]),) * 2, np.array(["chin"] * 2)
    )
    index = ReferenceIndex(bank, IndexSettings(), (4.0, 1.0))
    features = index.features(np.array([[-away], [away]]), ["chin"] * 2, ["new"] * 2)
    expected = features[:, index.columns.index("expected_grade")]
    np.testing.assert_allclose(expected, [2, 6], atol=0.01)
    similarities = features[:, :14]
    assert np.nanmax(similarities) < 1e-6 and np.isfinite(similarities).any()


# --- what must never answer


def test_a_subjects_own_references_never_answer(index):
    bank = index.references
    distances = index.distances(bank.embeddings, list(bank.regions), list(bank.subjects))
    own = bank.subjects[:, None] == bank.subjects[None]
    assert np.isinf(distances[own]).all()
    near = index.nearest(distances)
    for row, found in enumerate(near):
        assert not (bank.subjects[found[found >= 0]] == bank.subjects[row]).any()


def test_a_subjects_own_grades_do_not_reach_its_features():
    bank = made_up()
    mine = bank.subjects == "S03"
    changed = References(
        bank.embeddings,
        np.where(mine, 9, bank.grades).astype(np.float32),
        bank.subjects,
        bank.photos,
        bank.regions,
    )
    query = bank.embeddings[mine], list(bank.regions[mine]), list(bank.subjects[mine])
    before, after = (ReferenceIndex(b, SETTINGS, (1.0, 1.0)).features(*query) for b in (bank, changed))
    np.testing.assert_array_equal(before, after)
    other = bank.embeddings[mine], list(bank.regions[mine]), ["someone else"] * mine.sum()
    assert not np.array_equal(
        *(ReferenceIndex(b, SETTINGS, (1.0, 1.0)).features(*other) for b in (bank, changed))
    )


def test_cheeks_answer_for_each_other_and_for_nothing_else(index):
    bank = index.references
    query = np.zeros((4, 5), np.float32)
    finite = np.isfinite(index.distances(query, list(REGIONS), ["new"] * 4))
    cheeks = np.isin(bank.regions, ["left_cheek", "right_cheek"])
    np.testing.assert_array_equal(finite[1], cheeks)
    np.testing.assert_array_equal(finite[2], cheeks)
    np.testing.assert_array_equal(finite[0], bank.regions == "forehead")
    np.testing.assert_array_equal(finite[3], bank.regions == "chin")


def test_a_query_without_any_reference_has_unknown_features():
    bank = made_up(30).take(np.arange(3))
    index = ReferenceIndex(bank, SETTINGS, (1.0, 1.0))
    missing = next(
        region for region in ("forehead", "chin", "left_cheek") if kind(region) not in map(kind, bank.regions)
    )
    assert np.isnan(index.features(np.zeros((1, 5), np.float32), [missing], ["new"])).all()


def test_no_queries_give_no_rows(index):
    assert index.features(np.zeros((0, 5), np.float32), [], []).shape == (0, len(index.columns))


# --- the similarity


def test_similarity_is_higher_within_a_class(index):
    bank = index.references
    assert index.similarity[0] > 0
    features = index.features(bank.embeddings, list(bank.regions), list(bank.subjects))
    own = features[np.arange(len(bank.grades)), index.classes]
    far = features[np.arange(len(bank.grades)), np.where(index.classes > 3, 0, 6)]
    assert np.nanmean(own > far) > 0.9
    assert np.nanmin(features[:, :14]) >= 0 and np.nanmax(features[:, :14]) <= 1
    expected = features[:, index.columns.index("expected_grade")]
    assert np.corrcoef(expected, bank.grades)[0, 1] > 0.9


def test_similarity_repeats_and_is_about_even_where_pairs_are(index):
    assert ReferenceIndex.build(made_up(), SETTINGS).similarity == index.similarity
    bank = made_up()
    rows = np.random.default_rng(0).integers(0, 120, (2, 4000))
    pairs = rows[:, bank.subjects[rows[0]] != bank.subjects[rows[1]]]
    distance = np.linalg.norm(bank.embeddings[pairs[0]] - bank.embeddings[pairs[1]], axis=1)
    same = np.abs(bank.grades[pairs[0]] - bank.grades[pairs[1]]) <= 0.5
    scale, offset = index.similarity
    similar = 1 / (1 + np.exp(scale * distance - offset))
    assert similar[same].mean() > 0.6 and similar[~same].mean() < 0.4


def test_one_subject_or_one_grade_fall_back_to_the_plain_sigmoid():
    bank = made_up()
    alone = References(bank.embeddings, bank.grades, np.array(["x"] * 120), bank.photos, bank.regions)
    even = References(bank.embeddings, np.full(120, 4, np.float32), bank.subjects, bank.photos, bank.regions)
    assert ReferenceIndex.build(alone, SETTINGS).similarity == (1.0, 1.0)
    assert ReferenceIndex.build(even, SETTINGS).similarity == (1.0, 1.0)


def test_no_references_are_refused():
    with pytest.raises(ModelError, match="no graded reference patches"):
        ReferenceIndex.build(made_up().take(np.zeros(0, int)), SETTINGS)


def test_references_must_be_of_one_length():
    bank = made_up(5)
    with pytest.raises(ValueError, match="grades must have one value for each of 5 embeddings"):
        References(bank.embeddings, bank.grades[:4], bank.subjects, bank.photos, bank.regions)


def test_class_counts(index):
    counts = index.class_counts()
    assert list(counts) == list(SETTINGS.class_labels()) and sum(counts.values()) == 120
    assert counts["<3"] == (index.references.grades < 3).sum()
    assert counts["4"] == (index.references.grades == 4).sum()
    json.dumps(counts)  # goes into the model's card


@pytest.mark.parametrize("factory", ["Flat", "HNSW16", "IVF4,Flat"])
def test_other_faiss_indexes_find_the_same_nearest(factory):
    bank = made_up()
    index = ReferenceIndex(bank, IndexSettings(factory=factory, neighbours=3), (1.0, 1.0))
    query = queries(10)
    found = index.distances(*query)
    wanted = brute_distances(bank, *query)
    known = np.isfinite(found)
    np.testing.assert_allclose(found[known], wanted[known], rtol=1e-3, atol=1e-3)
    assert known.sum() >= 0.2 * np.isfinite(wanted).sum()  # approximate ones may miss far references


@pytest.mark.parametrize("factory", ["HNSW16", "IVF4,Flat"])
def test_an_approximate_index_answers_sensibly(factory, tmp_path):
    bank = made_up(400)
    exact, rough = (
        ReferenceIndex.build(bank, IndexSettings(factory=name, neighbours=5)) for name in ("Flat", factory)
    )
    query = bank.embeddings[:60] + 0.05, list(bank.regions[:60]), list(bank.subjects[:60])
    found, truth = rough.query(*query), exact.query(*query)
    assert rough.similarity == exact.similarity
    kinds = np.array([kind(region) for region in bank.regions])
    for row, near in enumerate(found.nearest):
        near = near[near >= 0]
        assert len(near) and (bank.subjects[near] != query[2][row]).all()
        assert (kinds[near] == kind(query[1][row])).all()
        np.testing.assert_allclose(
            found.distances[row, near],
            np.linalg.norm(query[0][row] - bank.embeddings[near], axis=1),
            atol=1e-3,
        )
    common = [len(set(a) & set(b)) / 5 for a, b in zip(found.nearest, truth.nearest, strict=True)]
    assert np.mean(common) > 0.6
    for name in ("expected_grade", "neighbour_grade"):
        column = exact.columns.index(name)
        off = found.features[:, column] - truth.features[:, column]
        assert np.nanmedian(np.abs(off)) < 0.4
    rough.save(tmp_path)
    loaded = ReferenceIndex.load(tmp_path, rough.settings)
    np.testing.assert_array_equal(loaded.features(*query), found.features)


def test_where_an_approximate_index_finds_nothing_the_features_are_unknown(monkeypatch):
    """An index may give fewer hits than asked for, even none: FAISS fills up with -1."""
    index = ReferenceIndex(made_up(), IndexSettings(neighbours=3), (1.0, 1.0))

    class Poor:
        def search(self, vectors, k):
            squared, ids = np.full((len(vectors), k), np.inf, np.float32), np.full((len(vectors), k), -1)
            squared[0, 0], ids[0, 0] = 4.0, 7
            return squared, ids

    monkeypatch.setattr(index, "_faiss", Poor())
    region = str(index.references.regions[7])
    found = index.query(np.zeros((2, 5), np.float32), [region] * 2, ["new"] * 2)
    assert found.distances[0, 7] == 2 and np.isfinite(found.distances).sum() == 1
    np.testing.assert_array_equal(found.nearest, [[7, -1, -1], [-1, -1, -1]])
    assert np.isnan(found.features[1]).all()
    told = dict(zip(index.columns, found.features[0], strict=True))
    assert told["neighbour_grade"] == told["expected_grade"] == index.references.grades[7]
    assert told["neighbour_distance"] == 2 and told["neighbour_spread"] == 0


@pytest.mark.parametrize("n, device", [(120, "gpu"), (2047, "gpu"), (2048, "cpu"), (2500, "cpu")])
def test_more_references_than_a_gpu_can_rank_stay_on_the_cpu(monkeypatch, n, device):
    """FAISS raises "GPU index only supports min/max-K selection up to 2048" for more."""
    import faiss

    class GpuIndex:
        def __init__(self, index):
            self.index = index

        def search(self, vectors, k):
            if k >= 2048:
                raise RuntimeError(f"GPU index only supports min/max-K selection up to 2048 (requested {k})")
            return self.index.search(vectors, k)

    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1, raising=False)
    monkeypatch.setattr(faiss, "index_cpu_to_all_gpus", GpuIndex, raising=False)
    index = ReferenceIndex(made_up(n), SETTINGS, (1.0, 1.0))
    assert index.device == device
    assert np.isfinite(index.features(*queries(5))).any()


# --- saving


def test_saved_and_loaded_it_answers_the_same(index, tmp_path):
    index.save(tmp_path)
    loaded = ReferenceIndex.load(tmp_path, SETTINGS)
    assert loaded.similarity == index.similarity
    np.testing.assert_array_equal(loaded.features(*queries()), index.features(*queries()))
    for name in ("embeddings", "grades", "subjects", "photos", "regions"):
        np.testing.assert_array_equal(getattr(loaded.references, name), getattr(index.references, name))


@pytest.mark.parametrize(
    "name, damage",
    [
        *(("index.faiss", damage) for damage in ("missing", "empty", "cut", "noise")),
        *(("references.npz", damage) for damage in ("missing", "empty", "cut", "noise")),
    ],
)
def test_damaged_files_are_refused_by_name(index, tmp_path, name, damage):
    index.save(tmp_path)
    path = tmp_path / name
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "noise": b"x" * 999}[damage])
    told = "do not belong together" if (name, damage) != ("index.faiss", "missing") else "cannot be read"
    told = "cannot be read" if name == "references.npz" else told
    with pytest.raises(ModelError, match=rf"{name}.*{told}.*build-index") as caught:
        ReferenceIndex.load(tmp_path, SETTINGS)
    assert "\n" not in str(caught.value)


def test_files_of_two_models_are_refused(index, tmp_path):
    index.save(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    ReferenceIndex.build(made_up(60), SETTINGS).save(other)
    (other / "index.faiss").replace(tmp_path / "index.faiss")
    with pytest.raises(ModelError, match="do not belong together"):
        ReferenceIndex.load(tmp_path, SETTINGS)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


def test_pickled_objects_are_never_unpacked(index, tmp_path):
    index.save(tmp_path)
    path = tmp_path / "references.npz"
    with np.load(path) as arrays:
        kept = dict(arrays)
    np.savez(path, **{**kept, "subjects": np.array([Bomb()] * 120, object)})
    with pytest.raises(ModelError, match=r"references\.npz: references cannot be read"):
        ReferenceIndex.load(tmp_path, SETTINGS)


def test_a_missing_array_is_named(index, tmp_path):
    index.save(tmp_path)
    path = tmp_path / "references.npz"
    with np.load(path) as arrays:
        kept = {name: array for name, array in arrays.items() if name != "regions"}
    np.savez(path, **kept)
    with pytest.raises(ModelError, match=r"references\.npz: .*regions"):
        ReferenceIndex.load(tmp_path, SETTINGS)


def test_saved_files_hold_plain_arrays_only(index, tmp_path):
    index.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.faiss", "references.npz"]
    with zipfile.ZipFile(tmp_path / "references.npz") as archive:
        for name in archive.namelist():
            assert b"O" not in archive.read(name)[:60].split(b"descr")[1][:12]
