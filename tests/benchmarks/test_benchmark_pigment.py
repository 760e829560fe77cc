"""What benchmarks.pigment reckons."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.people import TONES
from benchmarks.pigment.figures import average_precisions, change_figures
from benchmarks.pigment.measuring import Measured
from benchmarks.pigment.photographs import Photo, check_work, spread_grades
from toolkit.errors import ToolkitError


def test_every_tone_gets_grades_from_the_whole_range():
    grades = np.array(spread_grades(np.random.default_rng(0), 50, 5))
    assert grades.shape == (50, 2) and grades.min() >= 0 and grades.max() <= 9
    for tone in range(5):
        mine = grades[tone::5].mean(axis=1)
        assert mine.min() < 1.6 and mine.max() > 7.2
        assert mine.mean() == pytest.approx(4.4, abs=0.7)


def test_tones_are_cut_at_the_published_angles():
    def tone(ita):
        return Photo(Path("x"), "set", "spread", "one", 1.0, ita).tone

    assert [tone(ita) for ita in (60, 41, 28, 10, -30)] == [
        "light", "intermediate", "tan", "brown", "dark"
    ]  # fmt: skip
    for name, (low, high) in TONES.items():
        assert tone((low + high) / 2) == name


def test_a_change_is_counted_from_the_same_persons_calm_photograph():
    def photo(subject, variant, ita, x):
        found = Photo(Path("x"), "set", variant, subject, 1.0, ita)
        return Measured(found, {"x": x})

    shots = [photo("a", "calm", 50, 1.0), photo("a", "redness", 50, 1.5), photo("b", "calm", 0, 3.0),
             photo("b", "redness", 0, 2.0), photo("lost", "redness", 0, 9.0)]  # fmt: skip
    ridge = SimpleNamespace(predict=lambda table: table[:, 0])
    found = change_figures(shots, ["x"], {"a": ridge, "b": ridge, "lost": ridge})
    assert list(found) == ["redness"]
    assert found["redness"]["all"] == {"scenes": 2, "mean": -0.25, "mean absolute": 0.75}
    assert found["redness"]["light"]["mean"] == 0.5 and found["redness"]["brown"]["mean"] == -1.0


def test_pixels_of_a_perfect_map_have_precision_one():
    truth = np.array([0.0, 0.04, 0.06, 0.3, 0.0], np.float32)
    found = average_precisions(("good", "bad"), np.column_stack([truth, -truth, truth]))
    assert found["good"] == 1 and found["bad"] < 0.5
    assert average_precisions(("good",), np.zeros((4, 2), np.float32)) == {}


def test_kept_phantoms_of_other_arguments_are_refused_and_of_another_recipe_named(tmp_path, capsys):
    check_work(tmp_path, {"people": 20})
    check_work(tmp_path, {"people": 20})
    assert capsys.readouterr().err == ""
    with pytest.raises(ToolkitError, match="name another folder"):
        check_work(tmp_path, {"people": 30})
    note = tmp_path / "benchmark.json"
    note.write_text(note.read_text().replace('"recipe": "', '"recipe": "0'))
    check_work(tmp_path, {"people": 20})
    assert "another version" in capsys.readouterr().err
