"""The model folder: what is saved comes back, and what does not fit is refused before anything is used."""

import hashlib
import json
import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest

import toolkit.model
from toolkit.blend import DIFFICULTY, Blend, Interval, RisingCurve, TableBlend
from toolkit.errors import ModelError
from toolkit.index import ReferenceIndex, References
from toolkit.model import CARD, FILES, FORMAT, Model, load_model, read_card, save_model, starter_folder
from toolkit.modelcard import PAGES
from toolkit.records import REGIONS
from toolkit.settings import BlendSettings, EncoderSettings, IndexSettings, Settings
from toolkit.siamese import Encoder
from toolkit.siamese.inputs import CHANNELS

SETTINGS = Settings(
    encoder=EncoderSettings(channels=(4, 4), embedding=4, epochs=1),
    index=IndexSettings(neighbours=3),
    blend=BlendSettings(trees=5, min_child=2),
)


FIGURES = len(DIFFICULTY)
INTERVAL = Interval(2.0, 0.6, (0.1,) * FIGURES, (1.5,) * FIGURES, (0.2,) * FIGURES, 4.5)


def some_inputs(seed=0, n=16):
    inputs = np.random.default_rng(seed).normal(0, 1, (n, 16, 16, CHANNELS)).astype(np.float16)
    inputs[..., -1] = 1  # all skin
    return list(inputs)


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    inputs, grades = some_inputs(), np.arange(16) / 2
    encoder = Encoder(SETTINGS.encoder)
    subjects = np.array([f"S{i // 2}" for i in range(16)])
    photos = np.array([f"{i}é.jpg" for i in range(16)])
    bank = References(
        encoder.embed(inputs).embeddings, grades.astype(np.float32), subjects, photos, np.resize(REGIONS, 16)
    )
    side = TableBlend.fit(
        ("a", "b"), rng.normal(size=(16, 2)), grades, subjects, settings=SETTINGS.blend, seed=0
    )
    blend = Blend(side, RisingCurve(0.1, 1.2), (0.5, 0.25, 0.25), INTERVAL)
    index = ReferenceIndex.build(bank, SETTINGS.index)
    card = {"photos": 16, "note": "Grüße"}
    pictures = tuple(bytes([i]) * (i + 1) for i in range(16))
    return Model(SETTINGS, encoder, index, blend, card, thumbnails=pictures)


@pytest.fixture
def folder(model, tmp_path):
    save_model(model, tmp_path / "study")
    return tmp_path / "study"


def restamp(folder):
    """Make model.json agree with the files, as someone who tampers with a model would."""
    card = json.loads((folder / "model.json").read_text())
    card["files"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}
    (folder / "model.json").write_text(json.dumps(card))


# --- saved and loaded


def test_a_loaded_model_does_what_the_saved_one_did(model, folder):
    loaded = load_model(folder)
    assert loaded.settings == SETTINGS and loaded.card == model.card
    before, after = (m.encoder.embed(some_inputs(1)) for m in (model, loaded))
    np.testing.assert_allclose(after.embeddings, before.embeddings, atol=1e-5)
    np.testing.assert_allclose(after.scores, before.scores, atol=1e-4)
    np.testing.assert_allclose(after.pigment, before.pigment, atol=1e-5)
    query = before.embeddings, ["chin"] * 16, ["new"] * 16
    np.testing.assert_array_equal(loaded.index.features(*query), model.index.features(*query))
    table = np.random.default_rng(1).normal(size=(9, 2))
    before, after = (m.blend.side.predict(("a", "b"), table) for m in (model, loaded))
    np.testing.assert_allclose(after, before, atol=1e-9)
    assert (loaded.blend.shares, loaded.blend.interval) == (model.blend.shares, INTERVAL)
    assert loaded.thumbnails == model.thumbnails


def test_a_model_is_known_by_its_folder_and_hash(model, tmp_path):
    first = save_model(model, tmp_path / "one")
    second = save_model(model, str(tmp_path / "deeper" / "two"))
    assert len(first) == 64
    one, two = load_model(str(tmp_path / "one")), load_model(tmp_path / "deeper" / "two")
    assert (one.name, one.sha256) == ("one", first) and (two.name, two.sha256) == ("two", second)
    other = replace(model, blend=replace(model.blend, interval=replace(INTERVAL, factor=2.5)))
    assert save_model(other, tmp_path / "three") != first
    assert save_model(replace(model, thumbnails=()), tmp_path / "four") != first


def test_a_model_may_have_no_thumbnails(model, tmp_path):
    save_model(replace(model, thumbnails=()), tmp_path / "plain")
    assert load_model(tmp_path / "plain").thumbnails == ()


def test_a_moved_model_is_the_same_model(folder, tmp_path):
    before = load_model(folder)
    shutil.copytree(folder, tmp_path / "copy")
    after = load_model(tmp_path / "copy")
    assert (after.name, after.sha256) == ("copy", before.sha256)


def test_the_card_tells_versions_and_hashes(folder):
    card = read_card(folder)
    assert card["format"] == FORMAT == 4 and card["photos"] == 16 and set(card["files"]) == set(FILES)


def test_text_arrays_and_weights_only(folder):
    assert {path.name for path in folder.iterdir()} == {*FILES, *PAGES, CARD}
    for path in folder.iterdir():
        with pytest.raises(Exception):  # noqa: B017 - whatever pickle says, it is no pickle
            pickle.loads(path.read_bytes())
    for path in folder.glob("*.npz"):
        with np.load(path, allow_pickle=False) as arrays:
            assert all(array.dtype.kind in "fUiu" for array in arrays.values())


def test_others_may_read_a_saved_model(folder):
    assert folder.stat().st_mode & 0o777 == 0o755


def test_the_starter_model_is_the_default(folder, monkeypatch):
    assert starter_folder().name == "starter"
    monkeypatch.setattr(toolkit.model, "starter_folder", lambda: folder)
    assert load_model().name == "study"


# --- refused


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_refused_by_name(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ModelError, match=f"{name}: changed since the model was saved"):
        load_model(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_cut_file_is_refused_by_name(folder, name):
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match=f"{name}: changed since the model was saved"):
        load_model(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"{name}: missing"):
        load_model(folder)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("nowhere", "nowhere: there is no such folder: check the path"),
        ("", r"is no model \(model.json is missing\): name the folder that toolkit train wrote"),
        ("notes.txt", "notes.txt: is a file, and a model is a folder"),
        ("notes.txt/model", "there is no such folder"),
    ],
)
def test_no_model_there(tmp_path, place, told):
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(ModelError, match=told):
        load_model(tmp_path / place)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "3", '{"format": 4}', '{"format": 4, "files": {}}', '{"format": 4, "files": 3}'],
)
def test_a_damaged_card_is_refused(folder, text):
    (folder / "model.json").write_text(text)
    with pytest.raises(ModelError, match=r"model\.json: damaged") as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)


def test_a_card_that_is_no_text_is_refused(folder):
    (folder / "model.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match=r"model\.json: damaged"):
        load_model(folder)


@pytest.mark.parametrize("other", [1, 2, "4"])
def test_another_format_is_refused(folder, other):
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**card, "format": other}))
    with pytest.raises(ModelError, match=f"model format {other!r} is not 4; retrain it"):
        load_model(folder)


def test_settings_of_another_version_are_refused(folder):
    raw = json.loads((folder / "settings.json").read_text())
    raw["encoder"]["attention_heads"] = 8
    (folder / "settings.json").write_text(json.dumps(raw))
    restamp(folder)
    with pytest.raises(ModelError, match=r"settings\.encoder: unknown name 'attention_heads'"):
        load_model(folder)


def test_weights_that_do_not_fit_the_settings_are_refused(model, folder):
    wider = replace(SETTINGS, encoder=replace(SETTINGS.encoder, channels=(4, 8)))
    (folder / "settings.json").write_text(wider.to_json())
    restamp(folder)
    with pytest.raises(ModelError, match="trunk's weights do not fit the model's settings"):
        load_model(folder)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


@pytest.mark.parametrize(
    "name, array",
    [("references.npz", "embeddings"), ("encoder.npz", "trunk_000"), ("thumbnails.npz", "data")],
)
def test_a_pickle_among_the_arrays_is_not_executed(folder, name, array):
    np.savez(folder / name, **{array: np.array([Bomb()], object)})
    restamp(folder)
    with pytest.raises(ModelError, match=rf"{name}: .* cannot be read"):
        load_model(folder)


# --- what lies there already


def test_a_foreign_folder_is_not_overwritten(model, tmp_path):
    place = tmp_path / "photos"
    place.mkdir()
    (place / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(ModelError, match="exists and is not a model folder"):
        save_model(model, place)
    assert (place / "holiday.jpg").read_bytes() == b"mine"
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_file_is_not_overwritten(model, tmp_path):
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(ModelError, match="exists and is not a model folder"):
        save_model(model, tmp_path / "notes")
    assert (tmp_path / "notes").read_text() == "mine"


def test_an_empty_folder_may_be_filled_and_a_model_replaced_but_nothing_beside_it(model, tmp_path):
    (tmp_path / "study").mkdir()
    save_model(model, tmp_path / "study")
    (tmp_path / "study" / "notes.txt").write_text("mine")
    (tmp_path / "study" / "photos").mkdir()
    (tmp_path / "study" / "photos" / "P0001.jpg").write_bytes(b"a photograph")
    other = replace(model, card={"photos": 99})
    save_model(other, tmp_path / "study")
    assert load_model(tmp_path / "study").card == {"photos": 99}
    assert (tmp_path / "study" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "study" / "photos" / "P0001.jpg").read_bytes() == b"a photograph"
    assert {path.name for path in (tmp_path / "study").iterdir()} == {
        CARD,
        *FILES,
        *PAGES,
        "notes.txt",
        "photos",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


def test_a_save_that_fails_leaves_the_old_model(model, folder, monkeypatch):
    before = load_model(folder).sha256
    monkeypatch.setattr(Blend, "save", lambda self, where: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save_model(replace(model, card={}), folder)
    assert load_model(folder).sha256 == before
    assert [path.name for path in folder.parent.iterdir()] == ["study"]


def test_a_card_that_is_not_json_leaves_the_old_model(model, folder):
    before = load_model(folder).sha256
    with pytest.raises(TypeError):
        save_model(replace(model, card={"when": object()}), folder)
    assert load_model(folder).sha256 == before
    assert [path.name for path in folder.parent.iterdir()] == ["study"]


def test_the_current_folder_may_be_named(model, folder, monkeypatch):
    monkeypatch.chdir(folder)
    save_model(replace(model, card={"photos": 99}), ".")
    assert load_model(folder).card == {"photos": 99}


def test_a_link_to_a_model_may_be_named(model, folder, tmp_path):
    link = tmp_path / "latest"
    link.symlink_to(folder)
    save_model(replace(model, card={"photos": 99}), link)
    assert load_model(folder).card == {"photos": 99}
