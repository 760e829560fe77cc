import csv
import dataclasses
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT

from toolkit.dictionary import describe
from toolkit.errors import GradesError, MissingExtraError, ToolkitError
from toolkit.glossary import _ON_THE_PAGE, page_terms
from toolkit.pigment import CLASSICAL_COLUMNS, LEARNT_COLUMNS, NET_COLUMNS, measure
from toolkit.records import Patch, PhotoFacts, PhotoGrade
from toolkit.settings import Settings
from toolkit.study import read_grades
from toolkit.workbook import (
    BY_VISIT,
    GRADE_COLUMNS,
    RESULT_SUFFIXES,
    Rows,
    check_target,
    table_path,
    visit_rows,
    write_results,
    write_table,
    write_workbook,
)

GOOD = PhotoGrade(
    "P0001_FACE_L_V00D00W04.jpg",
    PhotoFacts("P0001", "left", "Week 4"),
    grade=3.27,
    lower=2.0,
    upper=4.5,
    nearest_class="3.5",
    regions={"forehead": 3.1, "left_cheek": 3.6},
    quality="ok",
    visible_cm2=82.5,
    measured_cm2=76.0,
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
    sheets = ["Grades", "Patches", "Contributions", "Evidence", "Summary", "Run", "Dictionary", "Glossary"]
    assert book.sheetnames == sheets
    header, *rows = book["Grades"].iter_rows(values_only=True)
    assert header == GRADE_COLUMNS == (
        "photo", "subject", "side", "visit", "grade", "grade_half_step", "lower", "upper", "severity",
        "nearest_class", "forehead", "left_cheek", "right_cheek", "chin", "explanation", "visible_cm2", "measured_cm2",
        "quality", "note",
    )  # fmt: skip
    assert rows[0] == (
        "P0001_FACE_L_V00D00W04.jpg", "P0001", "left", "Week 4", 3.27, 3.5, 2, 4.5, "mild", "3.5",
        3.1, 3.6, None, None, None, 82.5, 76.0, "ok", None,
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
    assert sheet.auto_filter.ref == "A1:S4"
    assert book["Patches"].auto_filter.ref == "A1:E3"
    assert sheet.column_dimensions["A"].width == len(GOOD.name) + 2
    assert [sheet[cell].number_format for cell in ("E2", "F2", "G2", "K2")] == ["0.00", "0.0", "0.0", "0.00"]
    scaled = [str(found.sqref) for found in sheet.conditional_formatting]
    assert scaled == ["E2:E4", "K2:K4", "L2:L4", "M2:M4", "N2:N4"]
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
    assert book.sheetnames == ["Grades", *tables, "Summary", "Run", "Dictionary", "Glossary"]
    for sheet in book.worksheets:
        cells = [cell for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]
        assert {cell.data_type for cell in cells} == {"s"}
        assert all(cell.quotePrefix for cell in cells if cell.value.startswith(tuple("=+-@\t")))
    assert book["Grades"]["A2"].value == "=1+1"
    assert book["Evidence"]["B2"].value == book["Contributions"]["B2"].value == "=1+1"
    assert book["Contributions"]["C2"].data_type == "n"


MARKUP = [
    *("<r>x</r>", "<r></r>", "<r/>", "<r><t>x</t></r></is></c><c><f>1+1</f></c><c><is><r></r>", "a & <b>"),
    *("_x0041_.jpg", "=_x0041_x0042_", "__x000D_", "http://a.b/c", "mailto:a@b.c", " a ", "1e5", "TRUE"),
]


def test_text_is_neither_markup_nor_escape_nor_link(tmp_path):
    write_table(tmp_path / "out.xlsx", [{"text": text, text: 1} for text in MARKUP])
    sheet = load(tmp_path / "out.xlsx").active
    assert [cell.value for cell in sheet["A"]] == ["text", *MARKUP]
    assert [cell.value for cell in sheet[1]] == ["text", *MARKUP]
    assert not any(cell.hyperlink for cell in sheet["A"])
    assert [cell.value for cell in sheet["A"] if cell.quotePrefix] == ["=_x0041_x0042_"]
    assert {(cell.font.bold, cell.font.color.rgb[-6:]) for cell in sheet[1]} == {(True, "FFFFFF")}
    with zipfile.ZipFile(tmp_path / "out.xlsx") as archive:
        xml = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in xml and not re.search("_x[0-9A-F]{4}_", xml)  # Excel takes _x0041_ for an A


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
    assert len(book["Grades"]["S2"].value) == 32_767
    assert book["Run"]["B2"].value == "\U0001f600" * 16_383


def test_no_rows_at_all(tmp_path):
    write_workbook(tmp_path / "out.xlsx", [], {"Patches": [], "Evidence": []}, {})
    assert load(tmp_path / "out.xlsx").sheetnames[:3] == ["Grades", "Patches", "Evidence"]
    assert load(tmp_path / "out.xlsx")["Grades"].max_row == 1


def test_more_rows_than_excel_holds_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("toolkit.workbook.results.MAX_ROWS", 2)
    tables = {"Patches": PATCHES, "Evidence": EVIDENCE * 3}
    with pytest.raises(ToolkitError, match=r"3 rows .* sheet Evidence .* write to out\.csv") as caught:
        write_workbook(tmp_path / "out.xlsx", [GOOD], tables, {})
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_results_too_long_for_excel_go_beside_it(tmp_path, monkeypatch):
    monkeypatch.setattr("toolkit.workbook.results.MAX_ROWS", 2)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    said = write_results(tmp_path / "out.xlsx", [GOOD], {"Patches": PATCHES, "Evidence": EVIDENCE * 3}, RUN)
    assert (
        len(said) == 1
        and "Evidence: more than the 2 rows" in said[0]
        and said[0].endswith("out_evidence.csv")
    )
    assert len((tmp_path / "out_evidence.csv").read_text("utf-8-sig").splitlines()) == 4
    book = load(tmp_path / "out.xlsx")
    assert [row[0] for row in book["Evidence"].iter_rows(values_only=True)] == ["note", said[0]]
    assert book["Patches"].max_row == 3
    said = write_results(tmp_path / "all.xlsx", [GOOD, BLURRED, FAILED], {}, RUN)
    assert said[0].endswith("all_grades.csv")
    assert len(read_grades(tmp_path / "all_grades.csv", step=None).rows) == 2


def test_the_summary_counts_and_lists_what_to_look_at(tmp_path):
    later = dataclasses.replace(GOOD, name="d.jpg", facts=PhotoFacts("P0001", "left", "Week 12"), grade=5.0)
    again = dataclasses.replace(GOOD, name="e.jpg", grade=4.27)
    write_workbook(tmp_path / "out.xlsx", [BLURRED, GOOD, later, again, FAILED], {}, RUN)
    rows = list(load(tmp_path / "out.xlsx")["Summary"].iter_rows(values_only=True))
    left = {row[0]: row[1] for row in rows if row[0]}
    assert (left["in all"], left["graded"], left["  of them to look at"], left["not graded"]) == (5, 4, 1, 1)
    assert (left["none"], left["mild"], left["moderate"], left["severe"]) == (0, 1, 2, 1)
    assert (left["3.5"], left["4.5"], left["5.0"], left["9.0"], left["0.0"]) == (1, 1, 1, 1, 0)
    groups = [row[:7] for row in rows[rows.index(next(r for r in rows if r[0] == "Visit")) + 1 :] if row[0]]
    assert [group[:3] for group in groups] == [
        ("Week 4", "left", 2), ("Week 12", "left", 1), ("unknown", "unknown", 1),
    ]  # fmt: skip
    assert groups[0][3:] == (
        pytest.approx(3.77),
        pytest.approx(0.7071, abs=1e-4),
        pytest.approx(3.77),
        "3.3 to 4.3",
    )
    assert [row[8:] for row in rows[:4]] == [
        ("Photos to look at", "grade", "quality", "note"),
        ("c.jpg", None, None, "no face found"),
        ("b.jpg", 8.8, "blurred", "retake"),
        (None,) * 4,
    ]


def test_the_dictionary_explains_every_column(book):
    _, *rows = book["Dictionary"].iter_rows(values_only=True)
    explained = {(sheet, column): rest for sheet, column, *rest in rows}
    for sheet in ("Grades", "Patches", "Contributions", "Evidence", "Run"):
        for cell in next(book[sheet].iter_rows(max_row=1)):
            assert (sheet, cell.value) in explained
    assert all(explained["Grades", column][0] for column in GRADE_COLUMNS)
    assert explained["Grades", "grade"][1:] == ["grade", "0-9"]


def test_the_terms_of_the_page_are_in_the_glossary():
    assert set(page_terms()) == set(_ON_THE_PAGE) and all(page_terms().values())


def test_every_figure_of_a_patch_is_explained():
    rng = np.random.default_rng(0)
    pixels = rng.integers(120, 200, (60, 60, 3)).astype(np.uint8)
    patch = Patch("chin", pixels, np.ones((60, 60), bool), 3.0, np.eye(2, 3))
    figures, _ = measure(patch, Settings().pigment)
    names = [*figures, *LEARNT_COLUMNS, "similarity_<3", "similarity_top5_>5", "embedding_score"]
    assert not [name for name in names if not all(describe("Patches", name)[:2])]
    sides = [
        *CLASSICAL_COLUMNS,
        *NET_COLUMNS,
        "similarity_<3",
        "neighbour_distance",
        "embedding_score",
        "grade",
    ]
    assert not [name for name in sides if not all(describe("Sides", name)[:2])]
    assert describe("Patches", "load_near") != describe("Patches", "load_fine")
    assert describe("Patches", "loads_of_nonsense") == ("", "", "")


def test_figures_are_shown_by_their_size(tmp_path):
    rows = [{"photo": "a", "tiny": 0.012, "huge": 12345.6, "count": 3, "angle": -45.5, "mixed": "x"}]
    rows.append({"photo": "b", "mixed": 1.5})
    write_workbook(tmp_path / "out.xlsx", [], {"Patches": rows}, {})
    sheet = load(tmp_path / "out.xlsx")["Patches"]
    assert [cell.number_format for cell in sheet[2]][:5] == ["General", "0.00000", "0.0", "General", "0.00"]
    assert [cell.value for cell in sheet[2]] == list(rows[0].values())


def test_rows_are_walked_through_and_not_held(tmp_path):
    def grades():
        for number in range(3):
            yield dataclasses.replace(GOOD, name=f"{number}.jpg")

    tables = {"Patches": Rows(lambda: ({"photo": f"{n}.jpg", "load": n / 10} for n in range(3)))}
    write_workbook(tmp_path / "out.xlsx", Rows(grades), tables, RUN)
    book = load(tmp_path / "out.xlsx")
    for sheet in ("Grades", "Patches"):
        assert [cell.value for cell in book[sheet]["A"]] == ["photo", "0.jpg", "1.jpg", "2.jpg"]
        assert book[sheet].auto_filter.ref.endswith("4")


def test_parquet_results_by_suffix(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    write_results(tmp_path / "out.parquet", [GOOD, FAILED], TABLES, RUN)
    assert (tmp_path / "out_evidence.parquet").is_file() and (tmp_path / "out_run.parquet").is_file()
    table = parquet.read_table(tmp_path / "out.parquet")
    assert tuple(table.column_names) == GRADE_COLUMNS
    assert table["grade"].to_pylist() == [3.27, None] and table["note"].to_pylist() == [None, "no face found"]
    patches = parquet.read_table(tmp_path / "out_patches.parquet").to_pylist()
    assert patches[0]["spots"] == 3 and patches[1]["area_fraction"] is None


def test_parquet_without_pyarrow_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        MissingExtraError, match=r"pyarrow.*pip install 'hyperpigmentation-toolkit\[parquet\]'"
    ):
        check_target(tmp_path / "out.parquet", RESULT_SUFFIXES)


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_opens_the_workbook_and_reads_the_same(tmp_path):
    write_workbook(tmp_path / "out.xlsx", [GOOD, BLURRED, FAILED], TABLES, RUN)
    command = [
        "soffice",
        f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
        "--headless",
        "--convert-to",
    ]
    subprocess.run([*command, "csv", "--outdir", tmp_path, tmp_path / "out.xlsx"], check=True, timeout=120)
    lines = (tmp_path / "out.csv").read_text("utf-8").splitlines()
    assert lines[0] == ",".join(GRADE_COLUMNS)
    assert lines[1].startswith("P0001_FACE_L_V00D00W04.jpg,P0001,left,Week 4,3.27,3.5,2,4.5,mild")


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


@pytest.mark.parametrize("fails", ["rows", "archive"])
def test_a_workbook_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch, fails):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    walks = iter([[{"a": 1}], map(full, "a")])
    rows = Rows(lambda: next(walks)) if fails == "rows" else [{"a": 1}]
    if fails == "archive":
        monkeypatch.setattr("xlsxwriter.workbook.ZipFile", full)
    with pytest.raises(ToolkitError, match=r"out\.xlsx: cannot be written \(No space left"):
        write_table(tmp_path / "out.xlsx", rows)
    assert [*tmp_path.rglob("*")] == [tmp_path / "temporary"]


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
    with pytest.raises(ToolkitError, match=r"written as .xlsx or .csv or .parquet: end the output's name so"):
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


# --- By visit ------------------------------------------------------------------------------------


def at(subject, side, visit, grade):
    ends = (None, None) if grade is None else (max(grade - 1, 0), min(grade + 1, 9))
    return PhotoGrade(f"{subject}{side}{visit}{grade}.jpg", PhotoFacts(subject, side, visit), grade, *ends)


def test_a_row_a_subject_and_side_a_column_a_visit_and_the_change_from_baseline():
    grades = [
        *(at("P2", "left", "Week 10", 2.0), at("P2", "left", "Week 4", 3.0), at("P2", "left", "Week 4", 4.0)),
        *(at("P2", "left", "Baseline", 5.0), at("P2", "left", "Screening", 9.0)),
        *(at("P1", "right", "Week 4", 3.0), at("P1", "right", "Week 10", 4.5)),
        *(at("P3", None, "Baseline", None), at("P3", None, "Week 4", 1.0), at("P4", "left", None, 1.0)),
    ]
    first, second, third = visit_rows(grades)
    assert first == {
        **{"subject": "P2", "side": "left", "baseline_visit": "Baseline", "Screening": 9.0, "Baseline": 5.0},
        **{"Week 4": 3.5, "Week 10": 2.0, "change to Week 4": -1.5, "change to Week 10": -3.0},
    }
    assert list(first) == list(second) == list(third)
    assert (second["baseline_visit"], second["Week 4"], second["change to Week 10"]) == ("Week 4", 3.0, 1.5)
    assert second["change to Week 4"] is None and second["Baseline"] is None
    assert third["change to Week 4"] is None  # its baseline could not be graded
    assert visit_rows([at("P1", "left", "Week 4", 1.0)] * 2) == []


def test_a_visit_of_any_name_has_a_column_of_its_own():
    (row,) = visit_rows([at("P1", "left", "subject", 1.0), at("P1", "left", "change to x", 2.0)])
    assert row["subject"] == "P1" and row["visit subject"] == 1.0 and row["visit change to x"] == 2.0


def test_by_visit_is_written_with_signs_and_explained(tmp_path):
    rows = visit_rows([at("P1", "left", "Baseline", 5.0), at("P1", "left", "Week 4", 3.5)])
    write_workbook(tmp_path / "out.xlsx", [GOOD], {BY_VISIT: rows}, RUN)
    book = load(tmp_path / "out.xlsx")
    header, values = book["By visit"].iter_rows()
    assert [one.value for one in header] == [*rows[0]]
    assert [one.number_format for one in values[3:]] == ["0.00", "0.00", "+0.00;-0.00;0.00"]
    told = {row[1]: row[2] for row in book["Dictionary"].iter_rows(values_only=True) if row[0] == "By visit"}
    assert set(told) == set(rows[0]) and "less that at the baseline" in told["change to Week 4"]
    assert table_path(tmp_path / "out.csv", BY_VISIT).name == "out_by_visit.csv"


# --- on paper ------------------------------------------------------------------------------------


def test_long_text_goes_on_below_and_short_text_does_not(tmp_path):
    grade = dataclasses.replace(GOOD, note="long " * 30)
    write_workbook(tmp_path / "out.xlsx", [grade], {}, RUN)
    note, quality = (load(tmp_path / "out.xlsx")["Grades"][f"{letter}2"] for letter in "SR")
    assert note.alignment.wrap_text and not quality.alignment.wrap_text


def test_every_sheet_prints_on_pages_that_can_be_read(tmp_path):
    wide = [{f"column of many {n}": 1.0 for n in range(60)}]
    write_workbook(tmp_path / "out.xlsx", [GOOD, BLURRED], {"Patches": wide}, RUN)
    for sheet in load(tmp_path / "out.xlsx").worksheets:
        page, widths = sheet.page_setup, [one.width for one in sheet.column_dimensions.values()]
        assert page.orientation == "landscape" and sheet.sheet_properties.pageSetUpPr.fitToPage
        assert page.fitToHeight == 0 and sum(widths) / (page.fitToWidth or 1) <= 280
        assert sheet.print_area.split("!")[1].replace("$", "").startswith("A1:")
    assert load(tmp_path / "out.xlsx")["Grades"].print_area.endswith("$A$1:$S$3")
    assert load(tmp_path / "out.xlsx")["Patches"].page_setup.fitToWidth > 1


def test_the_glossary_is_that_of_the_documentation(book):
    _, *rows = book["Glossary"].iter_rows(values_only=True)
    assert {term: part for part, term, _ in rows}["Fold"] == "Validation"
    text = (ROOT / "docs" / "reference" / "glossary.md").read_text()
    assert len(rows) == text.count("\n* **") and not any("`" in row[2] or "**" in row[2] for row in rows)
