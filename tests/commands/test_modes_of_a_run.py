"""A model grades photographs in its own light; others keep their row. And the run stands beside the training study."""

import json
import re

import pytest
from drawn_photos import drawn_half
from graded_study import small_model, write_photos
from PIL import Image
from typer.testing import CliRunner

from toolkit.api import Grader
from toolkit.cli import app
from toolkit.commands.grading import grade_photos
from toolkit.commands.results import ReportRequest
from toolkit.errors import ToolkitError

pytestmark = pytest.mark.slow
NOTE = "another mode: ultraviolet (uv) by its name; white light is graded"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """(folder, model, run): nine photographs of five people in white light, two of these visits in ultraviolet."""
    folder = tmp_path_factory.mktemp("modes")
    paths = write_photos(folder / "photos", 9)
    for number, path in enumerate(paths[:2]):
        Image.fromarray(drawn_half("left", 40 + number)).save(path.with_stem(f"{path.stem}_UV"))
    model = small_model(folder / "model")
    page = ReportRequest(folder / "r.html")
    return folder, model, grade_photos([folder / "photos"], folder / "g.xlsx", model, report=page, workers=1)


def sheet(folder, name):
    import pandas as pd

    return pd.read_excel(folder / "g.xlsx", sheet_name=name, keep_default_na=False)


def test_photographs_of_another_mode_keep_their_row_and_say_why(study):
    folder, _, run = study
    assert (run.photos, run.graded, run.others) == (9, 9, 2)
    rows = sheet(folder, "Grades").set_index("photo")
    uv = rows[rows.index.str.contains("_UV")]
    assert len(rows) == 11 and len(uv) == 2
    assert set(uv["grade"]) == {""} and set(uv["note"]) == {NOTE}
    assert "of other modes, and not graded: uv: 2 (white light is graded)" in run.remarks
    assert sheet(folder, "Inputs").set_index("photo")["sha256"].str.len().eq(64).all()


def test_they_are_no_failures(study):
    import openpyxl

    folder, _, _ = study
    summary = sheet(folder, "Summary")
    told = {cell for column in summary for cell in summary[column].astype(str)}
    assert "of other modes, not graded" in told and not any("_UV" in cell for cell in told)
    book = openpyxl.load_workbook(folder / "g.xlsx")["Grades"]
    fills = {row[0].value: row[0].fill.fgColor.rgb for row in book.iter_rows(min_row=2)}
    assert {fill for name, fill in fills.items() if "_UV" in name} == {"00000000"}
    call = [
        "grade",
        folder / "photos",
        "--model",
        folder / "model",
        "--out",
        folder / "g.xlsx",
        "--workers",
        1,
    ]
    done = CliRunner().invoke(app, list(map(str, call)))
    assert done.exit_code == 0, done.output
    assert "9 of 9 photos graded (9 of them in an earlier run)" in done.output


def test_the_page_shows_them_beside_the_graded_picture(study):
    folder, _, _ = study
    text = (folder / "r.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', text)[1])
    others = [number for number, one in enumerate(data["photos"]) if one["flag"] == "other"]
    assert [data["photos"][n]["mode"] for n in others] == ["uv", "uv"] and data["head"]["others"] == 2
    seen = json.loads(re.search(rf'id="photo-{others[0]}">(.*?)</script>', text)[1])
    assert seen["picture"].startswith("data:image/jpeg") and seen["problem"] == ""


def test_the_run_stands_beside_the_training_study(study):
    folder, _, run = study
    (line,) = [
        one for one in run.remarks if one.startswith("Photographs unlike the training study (5 subjects")
    ]
    run_sheet = sheet(folder, "Run").set_index("item")["value"]
    assert run_sheet["training study"] == line and run_sheet["mode of the model"] == "white"
    assert line in (folder / "r.html").read_text(encoding="utf-8")
    assert run.record()["unlike_training"]


def test_a_mode_is_graded_on_request_and_never_mixed(study, tmp_path):
    folder, model, _ = study
    run = grade_photos([folder / "photos"], tmp_path / "uv.csv", model, mode="UV", workers=1)
    by_name = {one.name: one for one in run.grades}
    assert (run.graded, run.others) == (2, 9)
    for name, one in by_name.items():
        assert (one.grade is not None) == ("_UV" in name)
        assert one.grade is None or "the model learnt from white light: the grade means little" in one.note
    # What was graded in one mode does not show up in a run of another.
    again = grade_photos([folder / "photos"], tmp_path / "uv.csv", model, workers=1, overwrite=True)
    assert {one.name for one in again.grades if one.grade is None} == {n for n in by_name if "_UV" in n}
    uv = sorted((folder / "photos").glob("*_UV*"))
    with pytest.raises(ToolkitError, match=r"no photograph is in white light by its name \(uv: 2\)"):
        grade_photos(uv, tmp_path / "n.csv", model)
    with pytest.raises(ToolkitError, match="holds grades of photographs of another mode"):
        grade_photos(uv, folder / "g.xlsx", model, mode="uv", append=True, workers=1)


def test_one_photograph_of_another_mode_gets_no_grade_either(study):
    folder, model, _ = study
    photo = next((folder / "photos").glob("*_UV*"))
    told = Grader(model).grade_photo(photo)
    assert told.grade is None and told.note == NOTE
    assert Grader(model, mode="uv").grade_photo(photo).grade is not None
