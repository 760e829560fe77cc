import csv
import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import GradesError, ToolkitError
from toolkit.records import PhotoFacts, PhotoGrade
from toolkit.study import read_grades
from toolkit.workbook import GRADE_COLUMNS, check_target, write_results, write_table, write_workbook

GOOD = PhotoGrade(
    "P0001_FACE_L_V00D00W04.jpg",
    PhotoFacts("P0001", "left", "Week 4"),
    grade=3.27,
    lower=2.0,
    upper=4.5,
    nearest_class="3.5",
    regions={"forehead": 3.1, "left_cheek": 3.6},
    quality="ok",
)
BLURRED = PhotoGrade(
    "b.jpg", PhotoFacts("b"), grade=8.8, lower=7.0, upper=9.0, quality="blurred", note="retake"
)
FAILED = PhotoGrade("c.jpg", PhotoFacts("c"), note="no face found")
PATCHES = [
    {"photo": "b.jpg", "region": "chin", "area_fraction": 0.1, "spots": 3},
    {"photo": "b.jpg", "region": "forehead", "area_fraction": float("nan"), "itd": np.float32(2.5)},
]
CONTRIBUTIONS = [
    {"photo": "b.jpg", "region": "chin", "figure": "net_load", "value": 0.2, "contribution": -0.75},
    {"photo": "b.jpg", "region": "chin", "figure": "ita_deg", "value": None, "contribution": 0.25},
]
EVIDENCE = [
    {"photo": "b.jpg", "region": "chin", "place": 1, "reference_photo": "r.jpg", "reference_grade": 4.5},
]
TABLES = {"Patches": PATCHES, "Contributions": CONTRIBUTIONS, "Evidence": EVIDENCE}
RUN = {"version": "0.1.0", "photos": 3, "seconds": 1.5}


def load(path):
    import openpyxl

    return openpyxl.load_workbook(path)


@pytest.fixture
def book(tmp_path):
    write_workbook(tmp_path / "out.xlsx", [GOOD, BLURRED, FAILED], TABLES, RUN)
    return load(tmp_path / "out.xlsx")


def test_sheets_with_the_rows_as_given(book):
    assert book.sheetnames == ["Grades", "Patches", "Contributions", "Evidence", "Run"]
    header, *rows = book["Grades"].iter_rows(values_only=True)
    assert header == GRADE_COLUMNS == (
        "photo", "subject", "side", "visit", "grade", "grade_half_step", "lower", "upper", "severity",
        "nearest_class", "forehead", "left_cheek", "right_cheek", "chin", "quality", "note",
    )  # fmt: skip
    assert rows[0] == (
        "P0001_FACE_L_V00D00W04.jpg", "P0001", "left", "Week 4", 3.27, 3.5, 2, 4.5, "mild", "3.5",
        3.1, 3.6, None, None, "ok", None,
    )  # fmt: skip
    assert [row[0] for row in rows] == [GOOD.name, BLURRED.name, FAILED.name]
    assert rows[2][4:9] == (None,) * 5 and rows[2][-1] == "no face found"


def test_patches_hold_every_feature_as_a_column(book):
    assert list(book["Patches"].iter_rows(values_only=True)) == [
        ("photo", "region", "area_fraction", "spots", "itd"),
        ("b.jpg", "chin", 0.1, 3, None),
        ("b.jpg", "forehead", None, None, 2.5),
    ]


def test_contributions_and_evidence_have_sheets_of_their_own(book):
    assert list(book["Contributions"].iter_rows(values_only=True)) == [
        ("photo", "region", "figure", "value", "contribution"),
        ("b.jpg", "chin", "net_load", 0.2, -0.75),
        ("b.jpg", "chin", "ita_deg", None, 0.25),
    ]
    assert list(book["Evidence"].iter_rows(values_only=True)) == [
        ("photo", "region", "place", "reference_photo", "reference_grade"),
        ("b.jpg", "chin", 1, "r.jpg", 4.5),
    ]
    for title in ("Contributions", "Evidence"):
        assert book[title].freeze_panes == "B2"
        assert book[title].auto_filter.ref == f"A1:E{len(TABLES[title]) + 1}"


def test_run_lists_items_and_explains_the_colours(book):
    rows = list(book["Run"].iter_rows(values_only=True))
    assert rows[:4] == [("item", "value"), ("version", "0.1.0"), ("photos", 3), ("seconds", 1.5)]
    assert [row[0] for row in rows[-2:]] == ["amber row of Grades", "red row of Grades"]


def test_looks(book):
    sheet = book["Grades"]
    assert sheet.freeze_panes == "B2"
    assert sheet.auto_filter.ref == "A1:P4"
    assert book["Patches"].auto_filter.ref == "A1:E3"
    assert sheet.column_dimensions["A"].width == len(GOOD.name) + 2
    assert [sheet[cell].number_format for cell in ("E2", "F2", "G2", "K2")] == ["0.00", "0.0", "0.0", "0.00"]
    (scaled,) = sheet.conditional_formatting
    assert str(scaled.sqref) == "E2:E4"
    fills = [sheet.cell(row, 1).fill for row in (2, 3, 4)]
    assert fills[0].fill_type is None
    assert [fill.fgColor.rgb[-6:] for fill in fills[1:]] == ["FFF2CC", "F8D7DA"]


@pytest.mark.parametrize("change", [{"note": "chin dropped"}, {"quality": "blurred"}])
def test_a_note_or_a_fault_of_quality_flags_the_row(tmp_path, change):
    write_workbook(tmp_path / "out.xlsx", [dataclasses.replace(GOOD, **change)], {}, RUN)
    assert load(tmp_path / "out.xlsx")["Grades"]["A2"].fill.fgColor.rgb[-6:] == "FFF2CC"


HOSTILE = ["=1+1", '=HYPERLINK("http://x","y")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "#N/A", "#REF!"]


def test_no_name_becomes_a_formula(tmp_path):
    path = tmp_path / "out.xlsx"
    grades = [PhotoGrade(name, PhotoFacts(name), note=name) for name in HOSTILE]
    rows = [{"photo": name, name: name} for name in HOSTILE]
    evidence = [{"photo": "a.jpg", "reference_photo": name, "reference_grade": 3.0} for name in HOSTILE]
    reasons = [{"photo": name, "figure": name, "contribution": -0.5} for name in HOSTILE]
    tables = {"Patches": rows, "Contributions": reasons, "Evidence": evidence}
    write_workbook(path, grades, tables, {name: name for name in HOSTILE})
    book = load(path)
    assert book.sheetnames == ["Grades", *tables, "Run"]
    for sheet in book.worksheets:
        cells = [cell for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]
        assert {cell.data_type for cell in cells} == {"s"}
        assert all(cell.quotePrefix for cell in cells if cell.value.startswith(tuple("=+-@\t")))
    assert book["Grades"]["A2"].value == "=1+1"
    assert book["Evidence"]["B2"].value == book["Contributions"]["B2"].value == "=1+1"
    assert book["Contributions"]["C2"].data_type == "n"


def test_no_csv_cell_begins_a_formula(tmp_path):
    write_table(tmp_path / "out.csv", [{"name": name, "value": -0.5} for name in HOSTILE])
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [f"'{n}" if n[0] in "=+-@\t\r" else n for n in HOSTILE]
    assert {row["value"] for row in rows} == {"-0.5"}


@given(st.text(st.characters(codec=None), max_size=40))
def test_any_text_can_be_written_and_read(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.xlsx"
    write_workbook(
        path, [PhotoGrade(text, PhotoFacts(text or "x"))], {"Patches": [{text: text}]}, {text: text}
    )
    value = load(path)["Grades"]["A2"].value or ""
    kept = "".join(
        c
        for c in text
        if c in "\t\n\r" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff")
    )
    assert value.replace("\r\n", "\n").replace("\r", "\n") == kept.replace("\r\n", "\n").replace("\r", "\n")


def test_long_text_is_cut_to_what_a_cell_holds(tmp_path):
    path = tmp_path / "out.xlsx"
    write_workbook(
        path, [PhotoGrade("a", PhotoFacts("a"), note="x" * 40_000)], {}, {"emoji": "\U0001f600" * 20_000}
    )
    book = load(path)
    assert len(book["Grades"]["P2"].value) == 32_767
    assert book["Run"]["B2"].value == "\U0001f600" * 16_383


def test_no_rows_at_all(tmp_path):
    write_workbook(tmp_path / "out.xlsx", [], {"Patches": [], "Evidence": []}, {})
    assert load(tmp_path / "out.xlsx").sheetnames == ["Grades", "Patches", "Evidence", "Run"]
    assert load(tmp_path / "out.xlsx")["Grades"].max_row == 1


def test_more_rows_than_excel_holds_are_refused(tmp_path, monkeypatch):
    class Many(list):
        def __len__(self):
            return 1_048_576

    with pytest.raises(
        ToolkitError, match=r"1,048,576 rows .* sheet Evidence .* write to out\.csv"
    ) as caught:
        write_workbook(tmp_path / "out.xlsx", [GOOD], {"Patches": PATCHES, "Evidence": Many()}, {})
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_failure_leaves_the_old_workbook_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "out.xlsx"
    write_workbook(path, [GOOD], {}, RUN)
    before = path.read_bytes()

    def locked(self, target):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", locked)
    with pytest.raises(ToolkitError, match=r"out\.xlsx: may not be written: close it in Excel"):
        write_workbook(path, [BLURRED], {}, RUN)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_fills_up_leaves_the_old_workbook(tmp_path, monkeypatch):
    path = tmp_path / "out.csv"
    write_table(path, [{"a": 1}])

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ToolkitError, match=r"out\.csv: cannot be written \(No space left"):
        write_table(path, [{"a": 2}])
    assert path.read_text("utf-8-sig").split() == ["a", "1"]
    assert list(tmp_path.iterdir()) == [path]


def test_targets_are_checked_before_the_work(tmp_path):
    check_target(tmp_path / "new" / "out.xlsx")
    assert (tmp_path / "new").is_dir() and not list((tmp_path / "new").iterdir())
    with pytest.raises(ToolkitError, match=r"out\.pdf: results are written as \.xlsx or \.csv"):
        check_target(tmp_path / "out.pdf")
    (tmp_path / "dir.xlsx").mkdir()
    with pytest.raises(ToolkitError, match="is a folder"):
        check_target(tmp_path / "dir.xlsx")
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolkitError, match=r"file.out\.xlsx: cannot be written"):
        check_target(tmp_path / "file" / "out.xlsx")


def test_a_link_keeps_pointing_to_its_file(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.xlsx"
    link.symlink_to(tmp_path / "real" / "out.xlsx")
    write_workbook(link, [GOOD], {}, RUN)
    assert link.is_symlink() and load(tmp_path / "real" / "out.xlsx")["Grades"].max_row == 2


def test_csv_results_by_suffix(tmp_path):
    write_results(tmp_path / "out.csv", [GOOD, FAILED], TABLES, RUN)
    tables = ("contributions", "evidence", "patches", "run")
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "out.csv",
        *(f"out_{name}.csv" for name in tables),
    ]
    evidence = (tmp_path / "out_evidence.csv").read_text("utf-8-sig").splitlines()
    assert evidence == ["photo,region,place,reference_photo,reference_grade", "b.jpg,chin,1,r.jpg,4.5"]
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    assert tuple(rows[0]) == GRADE_COLUMNS
    assert rows[1][4:6] == ["3.27", "3.5"] and rows[2][4:6] == ["", ""]
    with pytest.raises(ToolkitError, match=r"end the output's name so"):
        write_results(tmp_path / "out.txt", [GOOD], {}, RUN)


@pytest.mark.parametrize("name", ["out.xlsx", "out.csv"])
def test_results_can_be_read_as_grades(tmp_path, name):
    odd = PhotoGrade("=odd.jpg", PhotoFacts("=odd"), grade=2.0)
    write_results(tmp_path / name, [GOOD, odd, FAILED], TABLES, RUN)
    table = read_grades(tmp_path / name, step=None)
    assert [(row.file, row.grade) for row in table.rows] == [(GOOD.name, 3.27), ("=odd.jpg", 2.0)]
    assert table.blank_rows == (4,)
    halves = read_grades(tmp_path / name, {"grade": "grade_half_step"})
    assert halves.rows[0].grade == 3.5
    with pytest.raises(GradesError, match=r"3\.27 is not a multiple"):
        read_grades(tmp_path / name)
