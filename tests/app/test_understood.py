"""What is understood of a workbook, shown before anything is graded."""

import re

import pytest
from places import ROOT

from toolkit.app.understood import join, understand
from toolkit.photos import photo_files
from toolkit.study.layout import ROLES
from toolkit.tables import write_csv
from toolkit.workbook import write_sheets

LONG = [
    {
        "SUBJID": "P0001",
        "side": "left",
        "VISIT": "Baseline",
        "Mottled hyperpigmentation": 3.0,
        "comment": "x",
    },
    {
        "SUBJID": "P0001",
        "side": "right",
        "VISIT": "Baseline",
        "Mottled hyperpigmentation": 3.5,
        "comment": None,
    },
    {
        "SUBJID": "P0009",
        "side": "right",
        "VISIT": "Baseline",
        "Mottled hyperpigmentation": 1.0,
        "comment": None,
    },
]
FILES = photo_files(
    [
        "/x/P0001_FACE_L_S00_V00D00W00.jpg",
        "/x/P0001_FACE_R_S00_V00D00W00.jpg",
        "/x/P0002_FACE_L_S00_V00D00W00.jpg",
    ]
)


def read_as(understood):
    return {column.heading: column.read_as for column in understood.columns if column.read_as}


def test_headings_are_told_with_what_they_are_read_as(tmp_path):
    write_sheets(tmp_path / "a.xlsx", {"Notes": [{"a": 1}], "Grades": LONG})
    understood = understand(tmp_path / "a.xlsx", {})
    assert (understood.sheets, understood.sheet, understood.problem) == (("Notes", "Grades"), "Grades", "")
    assert read_as(understood) == {
        "SUBJID": "subject",
        "side": "side",
        "VISIT": "visit",
        "Mottled hyperpigmentation": "grade",
    }
    assert understood.columns[0].examples == ("P0001", "P0009")
    assert understood.columns[4].heading == "comment" and understood.columns[4].read_as == ""


def test_a_column_for_each_visit(tmp_path):
    write_csv(
        tmp_path / "a.csv", [{"Subject No.": "P0001", "Side of Face": "left", "Baseline": 3, "Week 4": 2}]
    )
    understood = understand(tmp_path / "a.csv", {})
    assert read_as(understood)["Week 4"] == "grade of Week 4"


def test_what_is_not_understood_keeps_its_headings_to_choose_from(tmp_path):
    write_csv(tmp_path / "a.csv", [{"Proband": "P0001", "side": "left", "Wert": 3}])
    understood = understand(tmp_path / "a.csv", {})
    assert "no row reads as the header" in understood.problem
    assert [column.heading for column in understood.columns] == ["Proband", "side", "Wert"]
    assert understood.columns[2].examples == ("3",)
    named = understand(tmp_path / "a.csv", {"subject": "Proband", "grade": "Wert"})
    assert named.problem == "" and read_as(named) == {"Proband": "subject", "side": "side", "Wert": "grade"}


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"no workbook")
    understood = understand(tmp_path / "a.xlsx", {})
    assert "is not a readable Excel workbook" in understood.problem and understood.columns == ()


def test_a_review_is_known(tmp_path):
    row = {
        "photo": "a.jpg",
        "toolkit": 3.2,
        "verdict": "agree",
        "grade": 3.0,
        "reader": "Anna",
        "comment": "",
        "reviewed_at": "",
    }
    write_csv(tmp_path / "a.csv", [row])
    understood = understand(tmp_path / "a.csv", {})
    assert understood.review and read_as(understood)["photo"] == "file"


def test_which_photo_has_which_row(tmp_path):
    write_csv(tmp_path / "a.csv", LONG)
    joined = join(FILES, tmp_path / "a.csv", {})
    assert [(photo.subject, photo.side, photo.row, photo.grade) for photo in joined.photos] == [
        ("P0001", "left", 2, 3.0),
        ("P0001", "right", 3, 3.5),
        ("P0002", "left", None, None),
    ]
    assert joined.graded == 2 and joined.rows == ("row 4 (P0009, right, Baseline)",)


def test_what_else_to_know_of_a_join_is_told(tmp_path):
    write_csv(tmp_path / "a.csv", [{"subject": "1", "side": "left", "grade": 3, "week of study": "x"}])
    assert any("joined by number alone" in line for line in join(FILES[:1], tmp_path / "a.csv", {}).remarks)


def test_a_join_that_is_refused_says_why(tmp_path):
    write_csv(tmp_path / "a.csv", [{**row, "SUBJID": "Q0007"} for row in LONG[:1]])
    assert "none of 3 photos fits a row" in join(FILES, tmp_path / "a.csv", {}).problem
    write_csv(tmp_path / "b.csv", [LONG[0], LONG[0]])
    assert "repeats row 2" in join(FILES, tmp_path / "b.csv", {}).problem


@pytest.mark.parametrize("count", [3000])
def test_of_a_large_study_the_first_are_shown(tmp_path, count, monkeypatch):
    monkeypatch.setattr("toolkit.app.understood._MOST_SHOWN", 100)
    write_csv(tmp_path / "a.csv", [{"file": f"{number}.jpg", "grade": 3.0} for number in range(count)])
    joined = join(photo_files([f"/x/{number}.jpg" for number in range(count // 2)]), tmp_path / "a.csv", {})
    assert (len(joined.photos), len(joined.rows), joined.graded) == (100, 100, count // 2)
    assert joined.more == count - 200


def test_the_window_has_a_name_for_every_list_of_columns():
    script = (ROOT / "toolkit" / "app" / "window" / "experts.js").read_text(encoding="utf-8")
    named = re.findall(r"(\w+): \"", re.search(r"^const ROLES = \{(.*)\};$", script, flags=re.M)[1])
    assert {*named, "sheet"} == set(ROLES)
