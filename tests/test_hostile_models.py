"""Hostile or damaged models end in one line: no signal, no loop, no number that is none."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_photos import drawn_half
from graded_study import small_model
from PIL import Image
from test_model import restamp

from toolkit.booster import check_booster
from toolkit.errors import ModelError
from toolkit.landmarks import FaceFinder
from toolkit.model import FILES, load_model, read_card, starter_folder
from toolkit.modelcheck import check_model_files
from toolkit.photos import photo_files
from toolkit.pipeline import Grader, prepare, read_face

STARTER = (starter_folder() / "booster.txt").read_text()
FEATURES = int(STARTER.split("max_feature_idx=")[1].split("\n")[0]) + 1


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("hostile") / "model")


@pytest.fixture
def folder(saved, tmp_path):
    for path in saved.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def refused(folder: Path, name: str) -> str:
    restamp(folder)
    with pytest.raises(ModelError) as told:
        load_model(folder)
    assert "\n" not in str(told.value) and name in str(told.value)
    return str(told.value)


# ---- booster.txt


def test_the_starter_s_booster_is_sound():
    check_booster(STARTER, FEATURES)


def test_a_booster_of_single_leaves_is_sound():
    import lightgbm

    data = lightgbm.Dataset(np.random.default_rng(0).random((50, 4)), label=np.full(50, 3.0))
    booster = lightgbm.train({"objective": "huber", "verbosity": -1}, data, num_boost_round=2)
    check_booster(booster.model_to_string(), 4)


def line(text: str, key: str, change) -> str:
    """The text with the first line of this key changed."""
    head, rest = text.split(f"\n{key}=", 1)
    value, rest = rest.split("\n", 1)
    return f"{head}\n{key}={change(value)}\n{rest}"


def same_length(value: str, first: str) -> str:
    """The list with another first entry; the sizes of the trees stay true."""
    _, _, others = value.partition(" ")
    room = len(value) - len(others) - 1
    return f"{first:>{room}} {others}" if len(first) <= room else f"{first} {others}"


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("left_child", lambda value: value.replace("1", "0", 1)),
        ("right_child", lambda value: value.replace("2", "9", 1)),
        ("left_child", lambda value: value.replace("-1", "-9", 1)),
        ("split_feature", lambda value: "99" + value[2:]),
        ("split_feature", lambda value: "-1" + value[2:]),
        ("leaf_value", lambda value: "nan" + value[3:]),
        ("leaf_value", lambda value: "1e9" + value[3:]),
        ("threshold", lambda value: "inf" + value[3:]),
        ("num_leaves", lambda value: "9"),
        ("num_cat", lambda value: "1"),
        ("is_linear", lambda value: "1"),
        ("decision_type", lambda value: "1" + value[1:]),
        ("tree_sizes", lambda value: same_length(value, "9")),
        ("tree_sizes", lambda value: value + " 99999999"),
        ("max_feature_idx", lambda value: "2000000000"),
        ("num_class", lambda value: "0"),
        ("num_tree_per_iteration", lambda value: "999999"),
        ("objective", lambda value: "lambdarank"),
        ("leaf_value", lambda value: value.split(" ", 1)[1]),
    ],
)
def test_a_changed_booster_is_refused(key, change):
    changed = line(STARTER, key, change)
    assert changed != STARTER
    with pytest.raises(ValueError):
        check_booster(changed, FEATURES)


@pytest.mark.parametrize("children", [[1, -1, 1, -2], [1, 0, -1, -2], [-1, 1, -2, -3], [1, 2, 2, 1, -1, -2]])
def test_trees_that_run_in_a_circle_are_refused(children):
    from toolkit.booster import _check_children

    with pytest.raises(ValueError, match="tree 0"):
        _check_children(children, len(children) // 2 + 1, 0)


def test_a_hostile_booster_is_named(folder):
    text = (folder / "booster.txt").read_text()
    (folder / "booster.txt").write_text(text.replace("num_class=1", "num_class=0", 1))
    refused(folder, "booster.txt")
    (folder / "booster.txt").write_bytes(b"tree\n\xff\xfe")
    refused(folder, "booster.txt")
    (folder / "booster.txt").write_bytes(
        text.encode().replace(b"\n", b"\r\n")
    )  # LightGBM ends the process on it
    refused(folder, "booster.txt")


# ---- numbers


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("blend.json", ("curve", "scale"), float("nan")), ("blend.json", ("curve", "scale"), 0.0),
        ("blend.json", ("interval", "factor"), float("inf")), ("blend.json", ("interval", "usual"), -1.0),
        ("blend.json", ("shares", "curve"), 5.0), ("blend.json", ("ridge", "intercept"), float("-inf")),
        ("blend.json", ("ridge", "weights"), [1.0]), ("blend.json", ("interval", "centre"), [0.0]),
        ("blend.json", ("columns",), [{}]),
        ("settings.json", ("patch", "px_per_mm"), 1e6), ("settings.json", ("patch", "px_per_mm"), 0.0),
        ("settings.json", ("encoder", "px_per_mm"), float("nan")), ("settings.json", ("patch", "forehead_mm"), [-1.0, 4.0]),
        ("settings.json", ("encoder", "channels"), [10**8]), ("settings.json", ("index", "factory"), "IVF999999999,Flat"),
        ("settings.json", ("index", "class_edges"), [3.0, 0.0]), ("settings.json", ("photo", "max_megapixels"), 1e12),
        ("model.json", ("half_width",), float("nan")), ("model.json", ("subjects",), "many"),
        ("model.json", ("photographs",), 3), ("model.json", ("grade_step",), 0), ("model.json", ("grade_step",), "1"),
        ("model.json", ("scores",), {}), ("model.json", ("scores",), []), ("model.json", ("scores",), "good"),
    ],
)  # fmt: skip
def test_a_number_that_is_none_or_out_of_range_is_refused(folder, name, place, value):
    raw = json.loads((folder / name).read_text())
    inside = raw
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    (folder / name).write_text(json.dumps(raw))
    refused(folder, name)


NO_NUMBERS = ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e308", "1" + "0" * 400, "9" * 5000)


def numbers_in(value, place=()):
    """Where a number stands in read JSON; of a list the first and the last."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers_in(inner, (*place, key))
    elif isinstance(value, list):
        for at in sorted({0, len(value) - 1}) if value else ():
            yield from numbers_in(value[at], (*place, at))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield place


@pytest.mark.parametrize("name", ["blend.json", "settings.json", "model.json"])
def test_no_number_of_a_model_is_infinite_or_none_or_beyond_measure(folder, name):
    whole = json.loads((folder / name).read_text())
    places = set(numbers_in(whole))
    assert len(places) > 15
    for place in places:
        raw = json.loads(json.dumps(whole))
        inside = raw
        for key in place[:-1]:
            inside = inside[key]
        inside[place[-1]] = "@"
        for number in NO_NUMBERS:
            if (name, number) == ("model.json", "1e308") or (place[-1], number) == ("far", "Infinity"):
                continue  # the card's numbers are told, never used; no distance may be beyond all
            text = json.dumps(raw).replace('"@"', number)
            with pytest.raises(ModelError, match=name.split(".")[0]) as told:
                check_text(folder, name, text)
            assert "\n" not in str(told.value) and len(str(told.value)) < 400, place


def check_text(folder: Path, name: str, text: str) -> None:
    """What ``load_model`` does with one JSON file of a model, whatever its hash."""
    (folder / name).write_text(text)
    if name == "model.json":
        read_card(folder)
    else:
        check_model_files(folder)


def test_no_far_distance_is_allowed_to_be_infinite(folder):
    raw = json.loads((folder / "blend.json").read_text())
    raw["interval"]["far"] = float("inf")
    (folder / "blend.json").write_text(json.dumps(raw))
    restamp(folder)
    assert load_model(folder).blend.interval.far == float("inf")


# ---- arrays and FAISS


def rewritten(path: Path, **arrays: np.ndarray) -> None:
    with np.load(path) as held:
        kept = {name: held[name] for name in held.files}
    np.savez(path, **{**kept, **arrays})


def test_arrays_that_are_none_are_refused(folder):
    with np.load(folder / "references.npz") as held:
        n, vectors = len(held["grades"]), held["embeddings"]
    for changed in (
        {"grades": np.full(n, np.nan, np.float32)}, {"grades": np.full(n, 99, np.float32)},
        {"embeddings": np.full_like(vectors, np.inf)}, {"regions": np.full(n, "ear")},
        {"subjects": np.arange(n)}, {"embeddings": vectors.astype(np.int32)}, {"similarity": np.array([np.nan, 1])},
    ):  # fmt: skip
        whole = (folder / "references.npz").read_bytes()
        rewritten(folder / "references.npz", **changed)
        refused(folder, "references.npz")
        (folder / "references.npz").write_bytes(whole)
    rewritten(folder / "encoder.npz", trunk_000=np.full((3, 3, 4, 4), np.nan, np.float32))
    refused(folder, "encoder.npz")


def test_weights_that_give_no_grade_end_in_a_line(tmp_path):
    folder = shutil.copytree(starter_folder(), tmp_path / "model")
    with np.load(folder / "encoder.npz") as held:
        huge = {name: held[name] * np.float32(1e30) for name in held.files}
    rewritten(folder / "encoder.npz", **huge)
    restamp(folder)
    model = load_model(folder)
    path = tmp_path / "a.png"
    Image.fromarray(drawn_half("left")).save(path)
    _, face, quality = read_face(
        photo_files([path])[0], FaceFinder(None, model.settings.face), model.settings
    )
    with np.errstate(all="ignore"), pytest.raises(ModelError, match="give no grade"):
        list(Grader(model).grade([prepare(face, model.settings, quality)]))


def test_an_array_that_claims_more_than_it_holds_is_refused_before_it_is_made(folder):
    import zipfile

    with zipfile.ZipFile(folder / "thumbnails.npz", "w") as archive:
        text = b"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999,), }".ljust(117) + b"\n"
        archive.writestr("data.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"abc")
    assert "not an array" in refused(folder, "thumbnails.npz")


def test_a_faiss_file_of_another_type_size_metric_or_content_is_refused(folder):
    import faiss

    own = faiss.read_index(str(folder / "index.faiss"))
    d, n = own.d, own.ntotal
    vectors = own.reconstruct_n(0, n)
    others = [
        faiss.IndexFlatIP(d),
        faiss.IndexFlatL2(d + 1),
        faiss.IndexHNSWFlat(d, 8),
        faiss.IndexIDMap(faiss.IndexFlatL2(d)),
    ]
    for other in others[:3]:
        other.add(np.resize(vectors, (n, other.d)))
    others[3].add_with_ids(vectors, np.arange(n)[::-1] - 5)
    turned = faiss.IndexFlatL2(d)
    turned.add(vectors[::-1].copy())
    for other in (*others, turned):
        faiss.write_index(other, str(folder / "index.faiss"))
        refused(folder, "index.faiss")


# ---- the hash, and bytes at random


def test_the_card_is_in_the_hash(folder):
    before = load_model(folder).sha256
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**card, "landmarks": "dlib"}))
    assert load_model(folder).sha256 != before


FUZZ = """
import sys
from pathlib import Path
from toolkit.errors import ModelError
from toolkit.landmarks import FaceFinder
from toolkit.model import load_model
for folder in sys.argv[1:]:
    try:
        load_model(Path(folder))
        print("loaded")
    except ModelError as error:
        assert chr(10) not in str(error)
        print("refused")
"""


def test_random_damage_with_a_true_hash_ends_in_a_line_or_a_model(saved, tmp_path):
    rng = random.Random(7)
    folders = []
    for number in range(60):
        folder = tmp_path / str(number)
        folder.mkdir()
        for path in saved.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        name = FILES[number % len(FILES)]
        data = bytearray((folder / name).read_bytes())
        for _ in range(rng.choice([1, 3])):
            data[rng.randrange(len(data))] = rng.choice([0, 45, 48, 57, 255, rng.randrange(256)])
        (folder / name).write_bytes(data)
        restamp(folder)
        folders.append(str(folder))
    ran = subprocess.run([sys.executable, "-c", FUZZ, *folders], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr[-2000:]
    answers = [line for line in ran.stdout.splitlines() if line in ("refused", "loaded")]
    assert answers.count("refused") > 20 and len(answers) == 60


def test_a_booster_with_a_damaged_end_is_refused_at_once():
    with pytest.raises(ValueError, match="from beginning to end"):
        check_booster(STARTER.replace("end of parameters", "end of-parameters"), FEATURES)


@pytest.mark.parametrize("byte", ["\0", "\t", "\x7f", "\r"])
def test_a_character_that_is_no_plain_text_is_refused_before_lightgbm_loops(byte):
    place = STARTER.index("feature_names=") + len("feature_names=") + 3
    with pytest.raises(ValueError, match="not plain text"):
        check_booster(STARTER[:place] + byte + STARTER[place + 1 :], FEATURES)
