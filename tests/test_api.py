"""The package from Python: its public names, what they do, and that every line of its page runs."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from graded_study import write_photos
from PIL import Image
from places import ROOT

import toolkit
from toolkit.asjson import to_json
from toolkit.commands.training import training_record

PAGE = ROOT / "docs" / "how-to" / "use-from-python.md"


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("api") / "photos", 6)


@pytest.fixture(scope="module")
def grader():
    return toolkit.Grader()


def test_the_public_names_are_these_and_no_others():
    assert dir(toolkit) == sorted(toolkit.__all__)
    assert sorted(toolkit.__all__) == [
        "Grader", "PhotoGrade", "Settings", "ToolkitError", "__version__", "grade", "load_model", "train",
    ]  # fmt: skip
    assert all(getattr(toolkit, name) for name in toolkit.__all__)
    assert (Path(toolkit.__file__).parent / "py.typed").exists()


def test_a_photograph_and_its_pixels_have_one_grade(grader, photos):
    of_file = grader.grade_photo(photos[0])
    pixels = np.asarray(Image.open(photos[0]))
    of_pixels = grader.grade_photo(pixels, name=photos[0].name)
    assert of_file.lower <= of_file.grade <= of_file.upper and of_file.grade == of_pixels.grade
    assert of_file.facts.subject == "P0000" and of_pixels.facts.subject == photos[0].name
    told = grader.grade_photo(pixels, subject="P7", side="left")
    assert (told.name, told.facts.subject, told.facts.side) == ("picture", "P7", "left")


def test_the_grade_is_that_of_the_command(grader, photos, tmp_path):
    (graded,) = toolkit.grade([photos[1]], tmp_path / "grades.xlsx", workers=1)
    assert grader.grade_photo(str(photos[1])).grade == graded.grade


@pytest.mark.parametrize(
    "pixels", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3)), np.zeros((0, 9, 3), np.uint8)]
)
def test_other_arrays_are_refused_by_their_shape(grader, pixels):
    with pytest.raises(toolkit.ToolkitError, match=re.escape(str(pixels.shape))):
        grader.grade_photo(pixels)


def test_too_many_pixels_are_refused(grader):
    with pytest.raises(toolkit.ToolkitError, match="too many"):
        grader.grade_photo(np.zeros((1, 200_000, 3), np.uint8))


@pytest.mark.slow
def test_every_line_of_the_page_runs(photos, tmp_path, monkeypatch, capsys):
    shutil.copytree(photos[0].parent, tmp_path / "photos")
    shutil.copy(photos[0], tmp_path / "face.jpg")
    (tmp_path / "notes.txt").write_text("no picture")
    with (tmp_path / "expert.csv").open("w", newline="") as file:
        rows = [[path.name, 2 + number / 2] for number, path in enumerate(photos)]
        csv.writer(file).writerows([["file", "grade"], *rows])
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    said = capsys.readouterr().out
    assert names["grade"].grade == names["same"].grade and len(names["grades"]) == 6
    told = json.loads(to_json(training_record(names["run"])))
    assert told["photos"] == 6 and any("mean" in name for name in told["scores"])
    assert "notes.txt" in said and names["model"].card["photos"] == 6
    import openpyxl

    # The row of the starter is what grading with it gives, though training reckons it from what it has at hand.
    book = openpyxl.load_workbook(tmp_path / "grades.xlsx", read_only=True)
    heads, *rows = book["Grades"].iter_rows(values_only=True)
    by_starter = sorted(row[heads.index("grade")] for row in rows if row[heads.index("photo")] != "notes.txt")
    assert sorted(names["run"].starter) == pytest.approx(by_starter, abs=1e-4)
