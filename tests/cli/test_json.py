"""What commands print for programs."""

import json
from pathlib import Path

import numpy as np
import pytest
from drawn_photos import drawn_half
from graded_study import small_model
from PIL import Image
from typer.testing import CliRunner

from toolkit.asjson import plain, to_json
from toolkit.cli import app
from toolkit.records import PhotoFacts


def said(*arguments, status=0):
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == status, done.output
    return json.loads(done.stdout)


def test_records_arrays_and_odd_numbers_have_a_form():
    record = {
        "a": np.float64(1.5),
        2: (Path("x"), np.arange(2)),
        "facts": PhotoFacts("P1", "left"),
        "é": float("nan"),
    }
    assert plain(record) == {
        "a": 1.5,
        "2": ["x", [0, 1]],
        "facts": {"subject": "P1", "side": "left", "visit": None},
        "é": None,
    }
    assert to_json({"é": float("inf")}) == '{"é": null}'
    with pytest.raises(TypeError, match="object has no form"):
        plain(object())


def test_info():
    told = said("info", "--json")
    assert told["packages"]["numpy"] == np.__version__ and told["models"]


def test_agreement(tmp_path):
    for name, shift in (("first", 0), ("second", 1)):
        rows = [f"p{n}.jpg,{n % 7 + shift}" for n in range(20)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["file,grade", *rows]))
    (pair,) = said("agreement", tmp_path / "first.csv", tmp_path / "second.csv", "--json")["pairs"]
    assert pair["photos"] == 20 and pair["estimates"]["bias"]["value"] == 1.0


@pytest.mark.slow
def test_grade_keeps_its_exit_status(tmp_path):
    model = small_model(tmp_path / "model")
    (tmp_path / "photos").mkdir()
    Image.fromarray(drawn_half("left", 0)).save(tmp_path / "photos" / "P0001_FACE_L_S00_V00D00W00.jpg")
    (tmp_path / "photos" / "text.jpg").write_text("no picture")
    line = ["grade", tmp_path / "photos", "--out", tmp_path / "g.xlsx", "--model", model, "--json", "--quiet"]
    told = said(*line, status=3)
    good, bad = told["grades"]
    assert (told["photos"], told["graded"], told["interrupted"]) == (2, 1, False)
    assert good["facts"]["subject"] == "P0001" and good["lower"] <= good["grade"] <= good["upper"]
    assert bad["grade"] is None and "not a picture" in bad["note"]
