"""How the starter is made: who is who, and that nobody is graded by what has seen them."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.making import starter
from benchmarks.making.missed import mended
from benchmarks.making.trunk import mean_of
from benchmarks.phantoms import sitter_of
from toolkit.errors import TrainingError
from toolkit.prepared import Prepared
from toolkit.settings import EncoderSettings
from toolkit.siamese import Encoder

SMALL = EncoderSettings(channels=(4, 4, 4, 4), embedding=4)


def graded(number: int, subject: str) -> starter.Graded:
    photo = Prepared(f"{number}.jpg", side={"ita_deg": 30.0 + number})
    return starter.Graded(photo, float(number), subject, "stamps", "half", painted=True)


def test_people_are_painted_in_turn():
    assert [sitter_of(f"P{n:04}", ["a", "b", "c"]) for n in (1, 2, 3, 4, 31)] == ["a", "b", "c", "a", "a"]


def test_no_fold_of_the_severity_has_seen_its_people(tmp_path, monkeypatch):
    """Each photograph's one figure says who is on it; those of the trunk's own charts are people 1, 2 and 9."""
    trunk = tmp_path / "trunk.npz"
    who = ["1", "1", "2", "3", "4", "4"]
    photos = [graded(number, subject) for number, subject in enumerate(who)]
    known = np.array(["1", "2", "9"])
    np.savez(
        tmp_path / "trunk-severity.npz", inputs=known.astype(float)[:, None], grades=np.zeros(3), people=known
    )
    monkeypatch.setattr(starter, "FOLDS", 3)
    monkeypatch.setattr(starter, "severity_inputs_of", lambda start, photos: np.array(who, float)[:, None])
    monkeypatch.setattr(starter, "Encoder", lambda settings, weights, severity: severity)
    monkeypatch.setattr(
        starter.Severity, "fit", lambda inputs, grades, seed: {str(int(one)) for one in inputs[:, 0]}
    )
    monkeypatch.setattr(starter, "through_trunk", lambda encoder, photos: encoder)
    start = SimpleNamespace(settings=None, weights={})
    everybody, seen = starter.severity_learnt_on(photos, start, trunk, 1)
    assert everybody == {"1", "2", "3", "4", "9"}
    for photo, subject in zip(seen, who, strict=True):
        assert subject not in photo.trunk_output
        assert "9" in photo.trunk_output and len(photo.trunk_output) >= 3


def test_a_trunk_without_its_severity_is_refused(tmp_path):
    with pytest.raises(TrainingError, match=r"trunk-severity\.npz is missing"):
        starter.severity_learnt_on([graded(0, "1")], SimpleNamespace(), tmp_path / "trunk.npz", 1)


def test_kinds_are_told_by_what_is_painted_and_how_much_is_shown():
    photos = [graded(0, "1"), graded(1, "2")]
    photos[1] = starter.Graded(photos[1].photo, 1.0, "2", "dots", "full", painted=False)
    kinds = starter.kinds_of(photos)
    assert kinds["painted, half"].tolist() == [True, False]
    assert kinds["drawn, full"].tolist() == [False, True]
    assert not kinds["drawn, half"].any()


def test_the_mean_of_encoders_has_the_mean_of_their_weights(tmp_path):
    files = [tmp_path / f"{number}.npz" for number in (1, 2)]
    for number, file in enumerate(files, 1):
        encoder = Encoder(SMALL)
        encoder.trunk.set_weights([np.full_like(w, number) for w in encoder.trunk.get_weights()])
        encoder.save(file)
    mean = mean_of([Encoder.load(file, SMALL) for file in files]).in_keras()
    assert all((w == 1.5).all() for w in mean.trunk.get_weights())


def test_a_map_without_each_of_its_faults():
    planted, seen = np.zeros((2, 40, 60), np.float32)
    # One spot is seen at half its strength, one not at all, and something where nothing was planted.
    planted[5:11, 5:11], planted[5:11, 30:36] = 0.2, 0.1
    seen[5:11, 5:11], seen[30:34, 50:54] = 0.1, 0.3
    maps = mended(seen, planted)
    assert maps["as it is"] is seen and maps["planted"] is planted
    assert maps["at the right strength"][planted > 0].sum() == pytest.approx(planted.sum(), rel=1e-3)
    assert maps["at the right strength"][32, 52] == pytest.approx(0.3)
    assert maps["with what it missed"][7, 32] == pytest.approx(0.1)
    assert maps["with what it missed"][7, 7] == pytest.approx(0.1)
    assert not maps["without what is not there"][20:].any() and maps["without what is not there"][7, 7] > 0
