import csv
import datetime
import itertools
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import GradesError, TrainingError
from toolkit.records import PhotoFacts
from toolkit.study import (
    CLINICAL_SCALE,
    FREE_SCALE,
    GradeRow,
    GradeTable,
    Scale,
    facts_from_name,
    join_grades,
    parse_scale,
    read_graders,
    read_grades,
    refuse_shared,
    subject_folds,
    visit_label,
)
from toolkit.study.join import join_graders

LONG = ("SUBJID", "side", "VISITNUM", "VISIT", "Mottled hyperpigmentation")


def sheet(path, *rows, title="Sheet1"):
    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def table(*rows):
    return GradeTable(Path("grades.xlsx"), "long", rows)


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("P0001_FACE_L_S00_VCR_S2_V00D00W04...jpg", PhotoFacts("P0001", "left", "Week 4")),
        ("P0001_FACE_L_S00_V00D00W00.jpg", PhotoFacts("P0001", "left", "Baseline")),
        ("in/2019/P0042_FACE_R_S00_VCR_S2_V00D00W17_crop.JPG", PhotoFacts("P0042", "right", "Week 17")),
        ("C:\\study\\P0042_FACE_R_V03D00W00.png", PhotoFacts("P0042", "right", "Visit 3")),
        ("P0007_FACE_F_S00_V00D00W08.jpg", PhotoFacts("P0007", "both", "Week 8")),
        ("P0007_FACE_S00_V00D28W04.jpg", PhotoFacts("P0007", None, "Week 4")),
        ("P0007_FACE_L_V00D03W04.jpg", PhotoFacts("P0007", "left", "Week 4 Day 3")),
        ("P0007_FACE_L.jpg", PhotoFacts("P0007", "left", None)),
        ("p0007-face-left-V00D03W00.tif", PhotoFacts("p0007", "left", "Day 3")),
        ("SITE2_0007_FACE_L_V00D00W00.jpg", PhotoFacts("SITE2_0007", "left", "Baseline")),
        ("P0003_V00D00W12.jpg", PhotoFacts("P0003", None, "Week 12")),
        ("anna_left.jpg", PhotoFacts("anna_left")),
        ("IMG_0007.jpeg", PhotoFacts("IMG_0007")),
        ("surface_scan.png", PhotoFacts("surface_scan")),
        ("P0001_FACELIFT_01.png", PhotoFacts("P0001_FACELIFT_01")),
        (".hidden", PhotoFacts(".hidden")),
        ("", PhotoFacts("unnamed")),
    ],
)
def test_facts_from_name(name, facts):
    assert facts_from_name(name) == facts


@given(st.text(max_size=60))
def test_any_name_has_a_subject(name):
    assert facts_from_name(name).subject


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("BL", "Baseline"),
        ("Week 00", "Baseline"),
        ("W4", "Week 4"),
        ("wk 04", "Week 4"),
        ("4 weeks", "Week 4"),
        ("Day 28", "Day 28"),
        ("2", "Visit 2"),
        ("V02", "Visit 2"),
        ("month_3", "Month 3"),
        ("Early  termination", "Early termination"),
        ("week", "week"),
    ],
)
def test_visit_label(text, label):
    assert visit_label(text) == label


# --- workbooks -----------------------------------------------------------------------------------


def test_long_layout_under_title_rows(tmp_path):
    path = sheet(
        tmp_path / "g.xlsx",
        ("Study 1234: grades",),
        (),
        LONG,
        ("P0001", "Left", 1, "Baseline", 4.5),
        ("P0001", "Right", 1, "Baseline", 4),
        (None, None, None, None, None),
        ("P0002", "Left", 2, "Week 5", None),
    )
    grades = read_grades(path)
    assert grades.layout == "long"
    assert grades.rows == (
        GradeRow(4, 4.5, None, "P0001", "left", "Baseline"),
        GradeRow(5, 4.0, None, "P0001", "right", "Baseline"),
    )
    assert grades.blank_rows == (7,)


def test_wide_layout(tmp_path):
    path = sheet(
        tmp_path / "g.xlsx",
        ("Subject No.", "Initials", "Side of Face", "Baseline", "Week 4", "Week 17"),
        (1, "AB", "L", 3, 3.5, None),
        (1, "AB", "R", 2, "NA", 2.5),
    )
    grades = read_grades(path)
    assert grades.layout == "wide"
    assert [(r.row, r.subject, r.side, r.visit, r.grade) for r in grades.rows] == [
        (2, "1", "left", "Baseline", 3),
        (2, "1", "left", "Week 4", 3.5),
        (3, "1", "right", "Baseline", 2),
        (3, "1", "right", "Week 17", 2.5),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Photo,Grade\na.jpg,3.5\n'=b.jpg,4\n",
        "Photo;Grade\na.jpg;3,5\n=b.jpg;4,0\n",
        "Photo\tGrade\na.jpg\t3.5\n=b.jpg\t4\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_file_layout_in_csv(tmp_path, text, encoding):
    path = tmp_path / "g.csv"
    path.write_bytes(text.encode(encoding))
    grades = read_grades(path)
    assert grades.layout == "file"
    assert [(r.row, r.file, r.grade) for r in grades.rows] == [(2, "a.jpg", 3.5), (3, "=b.jpg", 4)]


@pytest.mark.parametrize(
    "text",
    [
        "file;grade\na,b,c.jpg;2,5\n",
        "Study X, part 1\n\nfile;grade\na,b,c.jpg;2,5\n",
        "Study X\nfile;grade;remark\na,b,c.jpg;2,5;,,,,,,,,,\n",
        '"file";"grade";"remark, if any, of, the grader"\n"a,b,c.jpg";"2,5";","\n',
        "file\tgrade\na,b,c.jpg\t2,5\n",
        'file,grade,remark\n"a,b,c.jpg",2.5,spot of 5";;;;;;\n',
    ],
)
def test_the_delimiter_is_that_of_the_header(tmp_path, text):
    (tmp_path / "g.csv").write_text(text)
    (row,) = read_grades(tmp_path / "g.csv").rows
    assert (row.file, row.grade) == ("a,b,c.jpg", 2.5)


def test_columns_can_be_named(tmp_path):
    path = sheet(
        tmp_path / "g.xlsx", ("Proband", "Seite", "Woche", "Fleckigkeit"), ("X1", "left", "Week 4", 2)
    )
    with pytest.raises(GradesError, match=r"g\.xlsx.*Proband, Seite.*name its columns"):
        read_grades(path)
    named = {"subject": "Proband", "side": "seite", "visit": "Woche", "grade": "Fleckigkeit"}
    assert read_grades(path, named).rows == (GradeRow(2, 2.0, None, "X1", "left", "Week 4"),)
    with pytest.raises(GradesError, match=r"g\.xlsx: no column 'Note' for grade; its headings are: Proband"):
        read_grades(path, {**named, "grade": "Note"})
    with pytest.raises(GradesError, match="unknown column role 'eye'"):
        read_grades(path, {"eye": "Seite"})


def test_a_numbered_week_column_and_a_visit_number(tmp_path):
    weeks = sheet(tmp_path / "w.xlsx", ("Subject", "Week", "Score"), ("A", 0, 1), ("A", 8, 2))
    assert [row.visit for row in read_grades(weeks).rows] == ["Baseline", "Week 8"]
    numbers = sheet(tmp_path / "n.xlsx", ("SUBJID", "VISITNUM", "grade"), ("A", 3, 1))
    assert read_grades(numbers).rows[0].visit == "Visit 3"


def test_the_grades_sheet_is_found_among_others(tmp_path):
    import openpyxl

    path = sheet(tmp_path / "g.xlsx", ("photo", "grade"), ("a.jpg", 3), title="Grades")
    book = openpyxl.load_workbook(path)
    book.create_sheet("Read me", 0).append(("Hyperpigmentation study",))
    book.create_sheet("Patches").append(("photo", "grade"))
    book.save(path)
    assert read_grades(path).rows[0].file == "a.jpg"
    book["Grades"].title = "Other"
    book.save(path)
    with pytest.raises(GradesError, match="'Other', 'Patches' all look like grades"):
        read_grades(path)
    assert read_grades(path, {"sheet": "Other"}).rows[0].grade == 3


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (9.5, "row 2: grade 9.5 is not within 0 to 9"),
        (-1, "not within"),
        (3.3, "not a multiple of 0.5"),
        ("high", "'high' is not a number"),
        (True, "not a number"),
        ("inf", "not within"),
    ],
)
def test_a_value_that_is_no_grade_names_its_row(tmp_path, value, reason):
    with pytest.raises(GradesError, match=reason) as caught:
        read_grades(sheet(tmp_path / "g.xlsx", ("file", "grade"), ("a.jpg", value)))
    assert "\n" not in str(caught.value) and "g.xlsx" in str(caught.value)


def test_a_date_is_explained(tmp_path):
    with pytest.raises(GradesError, match="row 2: grade 04 May is a date"):
        read_grades(sheet(tmp_path / "g.xlsx", ("file", "grade"), ("a.jpg", datetime.date(2020, 5, 4))))


def test_unrounded_grades_are_read_on_request(tmp_path):
    path = sheet(tmp_path / "g.xlsx", ("file", "grade"), ("a.jpg", 3.27))
    assert read_grades(path, step=None).rows[0].grade == 3.27


def test_repeats_and_contradictions_name_their_rows(tmp_path):
    rows = [LONG, ("P1", "L", 1, "Baseline", 4), ("p1", "left", 1, "Week 0", 4), ("P1", "L", 1, "BL", 5)]
    with pytest.raises(GradesError, match=r"row 3 repeats row 2; row 4 \(5\) contradicts row 2 \(4\)"):
        read_grades(sheet(tmp_path / "g.xlsx", *rows))
    visits = sheet(tmp_path / "v.xlsx", ("subject", "side", "grade"), ("P1", "left", 4), ("P1", "left", 3))
    with pytest.raises(
        GradesError, match="if they are of several visits, name their column, --column visit=NAME"
    ):
        read_grades(visits)
    files = sheet(tmp_path / "f.xlsx", ("file", "grade"), ("a/X.jpg", 3), ("A\\x.jpg", 3))
    with pytest.raises(GradesError, match="row 3 repeats row 2"):
        read_grades(files)
    wide = sheet(tmp_path / "w.xlsx", ("Subject", "Week 4", "W4"), ("A", 1, 2))
    with pytest.raises(GradesError, match="two columns are Week 4"):
        read_grades(wide)


def test_two_grade_columns_are_refused_until_one_is_named(tmp_path):
    path = sheet(tmp_path / "g.xlsx", ("file", "Grade", "Mottled hyperpigmentation"), ("a.jpg", 1, 2))
    with pytest.raises(GradesError, match="'Grade' and 'Mottled hyperpigmentation' both look like the grade"):
        read_grades(path)
    assert read_grades(path, {"grade": "Mottled hyperpigmentation"}).rows[0].grade == 2


def test_a_grade_without_a_subject_and_an_unknown_side_are_refused(tmp_path):
    path = sheet(
        tmp_path / "g.xlsx", LONG, ("P1", "L", 1, "BL", 4), (None, "R", 1, "BL", 4), ("P2", "top", 1, "BL", 4)
    )
    with pytest.raises(GradesError, match=r"row 3: has a grade but no subject.*row 4: side 'top'"):
        read_grades(path)


def test_many_faults_stay_one_line(tmp_path):
    path = sheet(tmp_path / "g.xlsx", ("file", "grade"), *((f"{i}.jpg", 10) for i in range(40)))
    with pytest.raises(GradesError, match="and 35 more: correct the workbook"):
        read_grades(path)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("g.xlsx", b"not a zip", "not a readable Excel workbook"),
        ("g.ods", b"", "from .xlsx, .xlsm, .csv, .tsv, .txt: save it as one of these"),
        ("g.csv", b"a\0b", "not a text file"),
        ("g.csv", b"", "first row: nothing"),
        ("g.csv", b"file,grade\n", "no row holds"),
    ],
)
def test_unreadable_files_are_explained(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(GradesError, match=reason) as caught:
        read_grades(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_the_size_that_a_sheet_claims_is_not_believed(tmp_path):
    path = sheet(tmp_path / "g.xlsx", ("file", "grade"), ("a.jpg", 3))
    claiming = tmp_path / "claiming.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(claiming, "w") as new:
        for item in old.namelist():
            new.writestr(item, old.read(item).replace(b'<dimension ref="A1:B2"', b'<dimension ref="A1:A1"'))
    assert claiming.read_bytes() != path.read_bytes()
    assert read_grades(claiming).rows[0].grade == 3


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(GradesError, match=r"none\.xlsx: there is no such file"):
        read_grades(tmp_path / "none.xlsx")


def test_a_named_column_in_another_script_is_not_taken_for_an_empty_header(tmp_path):
    path = sheet(tmp_path / "g.xlsx", ("", "file", "评分"), (7, "a.jpg", 3))
    assert read_grades(path, {"grade": "评分"}).rows == (GradeRow(2, 3.0, file="a.jpg"),)
    with pytest.raises(GradesError, match="no column '分数' for grade; its headings are: file, 评分"):
        read_grades(path, {"grade": "分数"})


# --- columns that were not understood ------------------------------------------------------------


def saved(path, *rows):
    """The rows as .xlsx or .csv."""
    if path.suffix == ".xlsx":
        return sheet(path, *rows)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


DATED = (
    ("SUBJID", "side", "Visit held", "Comment", "grade"),
    ("P1", "L", datetime.date(2020, 5, 4), None, 4),
    ("P1", "L", datetime.date(2020, 6, 4), "seen twice", 5),
)
HALVES = (("SUBJID", "Half", "VISIT", "grade"), ("P1", "Left", "BL", 4), ("P1", "Right", "BL", 5))


@pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            DATED,
            "rows 2 and 3 are of the same subject and side; the columns 'Visit held', 'Comment' were not read: if "
            "one of them tells visits apart, name it with --column visit='Visit held', "
            "else keep one row a photo (headings read: subject=SUBJID, side=side, grade=grade)",
        ),
        (
            HALVES,
            "rows 2 and 3 are of the same subject and visit; the column 'Half' was not read: if it tells sides "
            "apart, name it with --column side='Half', else keep one row a photo "
            "(headings read: subject=SUBJID, visit=VISIT, grade=grade)",
        ),
        (
            (("Subject", "Half", "Baseline", "Week 4"), ("1", "Left", 4, 3), ("1", "Right", 5, 2)),
            "rows 2 and 3 are of the same subject and visit; the column 'Half' was not read: if it tells sides "
            "apart, name it with --column side='Half', else keep one row a photo "
            "(headings read: subject=Subject, "
            "grades of visits=Baseline, Week 4)",
        ),
        (
            (("Subject", "Side", "Visit", "Baseline"), ("1", "L", "a", 4), ("1", "L", "b", 5)),
            "rows 2 and 3 are of the same subject, side and visit; the column 'Visit' was not read: keep one row "
            "a subject and side, and head each column of grades with its visit (headings read: subject=Subject, "
            "side=Side, grades of visits=Baseline)",
        ),
        (
            (
                ("SUBJID", "side", "Visit", "Week", "grade"),
                ("1", "L", "done", 0, 4),
                ("1", "L", "done", 4, 5),
            ),
            "rows 2 and 3 are of the same subject, side and visit; the column 'Week' was not read: if it tells "
            "visits apart, name it with --column visit='Week', else keep one row a photo "
            "(headings read: subject=SUBJID, side=side, "
            "visit=Visit, grade=grade)",
        ),
        (
            (("Folder", "file", "grade"), ("a", "x.jpg", 3), ("b", "x.jpg", 4)),
            "rows 2 and 3 are of the same file name; the column 'Folder' was not read: if it tells files apart, "
            "name it with --column file=NAME, or write folders before file names (headings read: file=file, "
            "grade=grade)",
        ),
        (
            (("SUBJID", "Image", "grade"), ("P1", "Left", 3), ("P2", "Left", 4)),
            "row 3 (4) contradicts row 2 (3): keep one row a photo (headings read: file=Image, subject=SUBJID, "
            "grade=grade)",
        ),
    ],
)
def test_rows_that_repeat_name_the_columns_that_were_not_read(tmp_path, suffix, rows, told):
    with pytest.raises(GradesError) as caught:
        read_grades(saved(tmp_path / f"g{suffix}", *rows))
    assert str(caught.value) == f"g{suffix}: {told}"


@pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
@pytest.mark.parametrize(
    ("role", "name"), [("subject", "Zzz"), ("visit", "Zzz"), ("side", "L"), ("grade", "")]
)
def test_a_named_column_that_is_not_there_is_told_before_anything_else(tmp_path, suffix, role, name):
    path = saved(tmp_path / f"g{suffix}", *DATED)
    for read in (lambda: read_grades(path, {role: name}), lambda: read_graders([path], [(role, name)])):
        with pytest.raises(
            GradesError, match=f"no column '{name}' for {role}.*its headings are: SUBJID, side, Visit"
        ):
            read()


def test_a_column_that_is_meant_for_one_of_several_files(tmp_path):
    one, other = saved(tmp_path / "one.csv", *HALVES), saved(tmp_path / "other.xlsx", *DATED)
    columns = [("side", "Half"), ("visit", "Visit held")]
    assert [row.visit for _, table in read_graders([one, other], columns) for row in table.rows] == [
        "Baseline", "Baseline", "2020-05-04", "2020-06-04"
    ]  # fmt: skip
    with pytest.raises(
        GradesError, match=r"no column 'Visit day' for visit: .* of other\.xlsx its headings are: SUB"
    ):
        read_graders([one, other], [("side", "Half"), ("visit", "Visit day")])


def test_a_named_column_that_another_sheet_has(tmp_path):
    import openpyxl

    path = sheet(tmp_path / "g.xlsx", *DATED, title="Grades")
    book = openpyxl.load_workbook(path)
    book.create_sheet("Plan", 0).append(("Subject", "When"))
    book.save(path)
    with pytest.raises(
        GradesError, match=r"no column 'When' for visit on sheet 'Grades' \(sheet 'Plan' has one\); its"
    ):
        read_grades(path, {"visit": "When"})


def test_a_column_of_visits_beside_columns_that_are_visits_is_refused(tmp_path):
    path = sheet(tmp_path / "g.xlsx", ("Subject", "Baseline", "Endpoint"), ("1", 4, 3))
    with pytest.raises(
        GradesError, match=r"\(Baseline\), so 'Endpoint' cannot be its column for visit: head"
    ):
        read_grades(path, {"visit": "Endpoint"})
    assert read_grades(path).doubts.startswith("the column 'Endpoint' was not read: head a column of grades")


def test_a_column_named_for_one_role_has_no_other(tmp_path):
    path = sheet(tmp_path / "g.xlsx", ("Photo", "grade"), ("P1", 3))
    assert read_grades(path, {"subject": "Photo"}).rows == (GradeRow(2, 3.0, None, "P1"),)


def test_unread_columns_that_seem_to_be_needed_are_told_where_no_row_repeats(tmp_path):
    for name, rows, doubt in (
        (
            "v.csv",
            DATED[:2],
            "'Visit held' was not read: if it tells visits apart, name it with --column visit='Visit",
        ),
        (
            "s.csv",
            HALVES[:2],
            "'Half' was not read: if it tells sides apart, name it with --column side='Half'",
        ),
        ("n.csv", (("SUBJID", "side", "When", "grade"), ("P1", "L", "wk 4", 1)), "--column visit='When'"),
    ):
        assert doubt in read_grades(saved(tmp_path / name, *rows)).doubts
    plain = saved(tmp_path / "p.csv", (*LONG, "Age", "Comment"), ("P1", "L", 1, "BL", 4, 44, "left eye shut"))
    assert read_grades(plain).doubts == ""


# --- scales and several graders ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("0-9/0.5", CLINICAL_SCALE),
        (" 0-4 ", Scale(0, 4, None)),
        ("1-5/1", Scale(1, 5, 1)),
        ("-3-3/0.25", Scale(-3, 3, 0.25)),
        ("FREE", FREE_SCALE),
    ],
)
def test_scales_as_users_write_them(text, scale):
    assert parse_scale(text) == scale
    assert parse_scale(str(scale)) == scale


@pytest.mark.parametrize("text", ["", "4", "4-0", "0-0", "0-9/0", "0-9/", "a-b", "0-inf", "0 to 9"])
def test_what_is_no_scale_is_refused(text):
    with pytest.raises(GradesError, match=r"--scale .*write LOW-HIGH, LOW-HIGH/STEP .* or free"):
        parse_scale(text)


@pytest.mark.parametrize(
    ("text", "value", "reason"),
    [
        ("0-9/0.5", 3.3, "row 2: grade 3.3 is not a multiple of 0.5: correct .* another scale than 0-9/0.5"),
        ("0-9/0.5", 12, "row 2: grade 12 is not within 0 to 9"),
        ("0-4", 4.5, "row 2: grade 4.5 is not within 0 to 4"),
        ("0-4/1", 2.5, "row 2: grade 2.5 is not a multiple of 1"),
        ("free", "inf", "row 2: grade inf is not a finite number"),
        ("0-4", 3.27, None),
        ("free", -120.25, None),
    ],
)
def test_grades_have_to_be_on_the_scale(tmp_path, text, value, reason):
    path = sheet(tmp_path / "g.xlsx", ("file", "grade"), ("a.jpg", value))
    if reason is None:
        ((name, grades),) = read_graders([path], scale=parse_scale(text))
        assert (name, grades.rows[0].grade) == ("g", value)
    else:
        with pytest.raises(GradesError, match=reason):
            read_graders([path], scale=parse_scale(text))


def test_own_results_need_no_half_steps_but_other_files_do(tmp_path):
    own = ("photo", "subject", "side", "visit", "grade", "grade_half_step", "lower", "upper", "severity")
    row = ("a.jpg", "P1", "left", "Baseline", 3.27, 3.5, 2.1, 4.4, "mild")
    results = sheet(tmp_path / "results.xlsx", own, row)
    ((_, grades),) = read_graders([results])
    assert grades.own_results and grades.rows[0].grade == 3.27
    assert not read_graders([results], [("grade", "grade_half_step")])[0][1].own_results
    with pytest.raises(GradesError, match=r"3\.27 is not a multiple"):  # an expert's workbook has half steps
        read_grades(results)
    expert = sheet(tmp_path / "expert.xlsx", own[:6], row[:6])
    with pytest.raises(GradesError, match=r"3\.27 is not a multiple"):
        read_graders([expert])


def test_several_graders_in_one_file_by_columns_and_by_sheets(tmp_path):
    import openpyxl

    path = sheet(tmp_path / "panel.xlsx", ("file", "Expert 1", "Expert 2"), ("a.jpg", 1, 2), title="First")
    book = openpyxl.load_workbook(path)
    for row in (("file", "Expert 1", "Expert 2"), ("a.jpg", 3, 4)):
        (book["Second"] if "Second" in book.sheetnames else book.create_sheet("Second")).append(row)
    book.save(path)
    other = sheet(tmp_path / "other.xlsx", ("file", "grade"), ("a.jpg", 5))
    columns = [("grade", "Expert 1"), ("grade", "Expert 2"), ("sheet", "First"), ("sheet", "Second")]
    found = {name: grades.rows[0].grade for name, grades in read_graders([path, other], columns)}
    assert found == {
        "First Expert 1": 1, "First Expert 2": 2, "Second Expert 1": 3, "Second Expert 2": 4, "other": 5
    }  # fmt: skip
    assert [name for name, _ in read_graders([path, other], columns[:3])] == ["Expert 1", "Expert 2", "other"]
    with pytest.raises(GradesError, match=r"no column 'Expert 3' for grade: .*--column grade=Expert 3"):
        read_graders([path, other], [*columns, ("grade", "Expert 3")])
    with pytest.raises(GradesError, match="no sheet 'Third'"):
        read_graders([path, other], [*columns, ("sheet", "Third")])
    with pytest.raises(GradesError, match="unknown column role 'eye'"):
        read_graders([path, other], [("eye", "file")])


def test_graders_are_told_apart_by_as_much_as_it_takes(tmp_path):
    (tmp_path / "b").mkdir()
    rows = (("file", "grade"), ("a.jpg", 1))
    paths = [sheet(tmp_path / "a.xlsx", *rows), sheet(tmp_path / "b" / "a.xlsx", *rows)]
    assert [name for name, _ in read_graders(paths)] == [str(path) for path in paths]
    (tmp_path / "a.csv").write_text("file,grade\na.jpg,1\n")
    assert [name for name, _ in read_graders([paths[0], tmp_path / "a.csv"])] == ["a.xlsx", "a.csv"]
    with pytest.raises(GradesError, match=r"a\.xlsx: is given twice"):
        read_graders([paths[0], paths[0]])


# --- join ----------------------------------------------------------------------------------------

PHOTO = "in/P0001_FACE_L_S00_V00D00W04.jpg"


def test_join_by_file_name_with_or_without_folder_suffix_and_case():
    rows = (
        GradeRow(2, 1.0, file="b/X.JPG"),
        GradeRow(3, 2.0, file="a/x.jpg"),
        GradeRow(4, 3.0, file="y"),
        GradeRow(5, 4.0, file="gone.jpg"),
        GradeRow(6, 5.0, file="dotted.v1"),
    )
    joined = join_grades(["a/x.jpg", "b/x.jpg", "c/y.png", "new.jpg", "dotted.v1.jpg"], table(*rows))
    assert joined.grades == {"a/x.jpg": 2.0, "b/x.jpg": 1.0, "c/y.png": 3.0, "dotted.v1.jpg": 5.0}
    assert joined.unmatched_photos == ("new.jpg",)
    assert joined.unmatched_rows == (rows[3],)
    assert joined.summary() == (
        "4 of 5 photos have a grade; no grade for new.jpg; no photo for row 5 (gone.jpg)"
    )


def test_the_same_path_goes_before_a_shorter_one():
    rows = table(GradeRow(2, 1.0, file="x.jpg"), GradeRow(3, 2.0, file="sub/x.jpg"))
    assert join_grades(["x.jpg", "sub/x.jpg"], rows).grades == {"x.jpg": 1.0, "sub/x.jpg": 2.0}


def test_order_does_not_matter():
    names = [f"P{i:04}_FACE_{s}_V00D00W{w:02}.jpg" for i in range(4) for s in "LR" for w in (0, 4)]
    rows = [
        GradeRow(n, float(n % 9), None, f.subject, f.side, f.visit)
        for n, f in enumerate(map(facts_from_name, names), start=2)
    ]
    rng = np.random.default_rng(0)
    expected = {name: row.grade for name, row in zip(names, rows, strict=True)}
    for _ in range(5):
        shuffled = table(*(rows[i] for i in rng.permutation(len(rows))))
        assert join_grades([names[i] for i in rng.permutation(len(names))], shuffled).grades == expected


def test_join_by_facts_needs_every_known_fact_to_agree():
    rows = (
        GradeRow(2, 1.0, None, "P0001", "left", "Week 4"),
        GradeRow(3, 2.0, None, "P0001", "right", "Week 4"),
        GradeRow(4, 3.0, None, "P0001", "left", "Week 5"),
    )
    joined = join_grades([PHOTO, "P0001_FACE_R_V00D00W08.jpg"], table(*rows))
    assert joined.grades == {PHOTO: 1.0}
    assert joined.unmatched_photos == ("P0001_FACE_R_V00D00W08.jpg",)


def test_a_row_without_side_or_visit_serves_one_side_and_visit_only():
    loose = table(GradeRow(2, 3.0, None, "p0001"))
    retakes = ["P0001_FACE_L_S1_V00D00W00.jpg", "P0001_FACE_L_S2_V00D00W00.jpg"]
    assert set(join_grades(retakes, loose).grades.values()) == {3.0}
    with pytest.raises(GradesError, match=r"row 2 fits both .*: add a column of sides or visits"):
        join_grades([*retakes, "P0001_FACE_R_S1_V00D00W00.jpg"], loose)


def test_a_photo_that_fits_two_rows_is_refused():
    rows = (GradeRow(2, 3.0, None, "anna", "left"), GradeRow(3, 4.0, None, "anna", "right"))
    with pytest.raises(GradesError, match=r"anna\.jpg fits rows 2, 3"):
        join_grades(["anna.jpg"], table(*rows))
    with pytest.raises(GradesError, match=r"row 2 fits both a/x\.jpg and b/x\.jpg: write the folder"):
        join_grades(["a/x.jpg", "b/x.jpg"], table(GradeRow(2, 3.0, file="x.jpg")))


def test_numbered_subjects_join_clinical_names_only():
    rows = table(GradeRow(2, 3.0, None, "1", "left", "Week 4"), GradeRow(3, 4.0, None, "7"))
    joined = join_grades([PHOTO, "IMG_0007.jpg"], rows)
    assert joined.grades == {PHOTO: 3.0}
    two_sites = [PHOTO, PHOTO.replace("P0001", "Q0001")]
    with pytest.raises(GradesError, match="none of 2 photos"):
        join_grades(two_sites, rows)


def test_visit_numbers_never_stand_in_for_weeks():
    names = ["P0001_FACE_L_V00D00W00.jpg", "P0001_FACE_L_V01D00W04.jpg"]
    weeks = table(
        GradeRow(2, 1.0, None, "P0001", "left", "Baseline"), GradeRow(3, 2.0, None, "P0001", "left", "Week 5")
    )
    assert join_grades(names, weeks).grades == {names[0]: 1.0}
    numbers = table(
        GradeRow(2, 1.0, None, "P0001", "left", "Visit 1"), GradeRow(3, 2.0, None, "P0001", "left", "Visit 2")
    )
    with pytest.raises(GradesError, match="none of 2 photos"):
        join_grades(names, numbers)


def test_visit_numbers_join_names_that_count_visits_alike():
    names = [f"P0001_FACE_L_V{visit:02}D00W00.jpg" for visit in (1, 2)]
    rows = [GradeRow(2 + n, float(n), None, "P0001", "left", f"Visit {n}") for n in (1, 2)]
    assert join_grades(names, table(*rows)).grades == {names[0]: 1.0, names[1]: 2.0}
    with pytest.raises(
        GradesError, match=r"in the names of photos but not in the workbook .*would fit row 3"
    ):
        join_grades(["P0001_FACE_L_V00D00W00.jpg", *names], table(*rows))
    with pytest.raises(GradesError, match="in the workbook but not in the names of photos"):
        join_grades(names, table(GradeRow(2, 0.0, None, "P0001", "left", "Baseline"), *rows))


def test_a_row_that_denies_the_name_is_refused():
    name = "P0001_FACE_L_V00D00W00.jpg"
    with pytest.raises(GradesError, match=r"row 2 says side right, .* says left"):
        join_grades([name], table(GradeRow(2, 1.0, name, "1", "right")))
    with pytest.raises(GradesError, match="row 2 says subject P0002"):
        join_grades([name], table(GradeRow(2, 1.0, name, "P0002")))
    assert join_grades([name], table(GradeRow(2, 1.0, name, "1", "left"))).grades == {name: 1.0}


def test_one_spelling_a_subject():
    rows = table(
        GradeRow(2, 1.0, "scan1.jpg", "anna", "left", "Baseline"),
        GradeRow(3, 2.0, "scan2.jpg", "Anna", "right"),
        GradeRow(4, 2.0, "scan3.jpg", "1"),
    )
    facts = join_grades(["scan1.jpg", "scan2.jpg", "scan3.jpg", PHOTO, "other.jpg"], rows).facts
    assert facts["scan1.jpg"] == PhotoFacts("anna", "left", "Baseline")
    assert facts["scan2.jpg"] == PhotoFacts("anna", "right")
    assert facts["scan3.jpg"].subject == facts[PHOTO].subject == "P0001"
    assert facts["other.jpg"] == PhotoFacts("other")


def test_nothing_fits_shows_what_was_read():
    with pytest.raises(
        GradesError, match=r"reads as P0001, left, Week 4, the workbook begins with row 2 \(Z9\)"
    ):
        join_grades([PHOTO], table(GradeRow(2, 1.0, None, "Z9")))
    with pytest.raises(GradesError, match="no photos"):
        join_grades([], table(GradeRow(2, 1.0, None, "Z9")))


def test_clinical_workbook_to_joined_grades(tmp_path):
    path = tmp_path / "g.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [LONG, ("P0001", "Left", 2, "Week 4", 4.5), ("P0001", "Right", 2, "Week 4", 3)]
        )
    joined = join_grades([PHOTO, PHOTO.replace("_L_", "_R_")], read_grades(path))
    assert list(joined.grades.values()) == [4.5, 3.0]


def test_facts_from_elsewhere_stand_in_for_the_name():
    given = {
        "IMG_1.jpg": PhotoFacts("1", "left", "Baseline"),
        "IMG_2.jpg": PhotoFacts("1", "right", "Baseline"),
    }
    rows = (
        GradeRow(2, 1.0, None, "P0001", "left", "Baseline"),
        GradeRow(3, 2.0, None, "P0001", "right", "Baseline"),
    )
    joined = join_grades(list(given), table(*rows), given)
    assert joined.grades == {"IMG_1.jpg": 1.0, "IMG_2.jpg": 2.0}
    assert joined.rows["IMG_2.jpg"] is rows[1]
    assert {facts.subject for facts in joined.facts.values()} == {"1"}
    with pytest.raises(GradesError, match=r"row 2 says side right, IMG_1\.jpg says left"):
        join_grades(["IMG_1.jpg"], table(GradeRow(2, 1.0, "IMG_1.jpg", "1", "right")), given)


def test_the_same_letters_and_number_are_one_subject(tmp_path):
    for spelling in ("P0001", "p0001", "P-0001", "p 1", "P1", "p.01", "P_001"):
        joined = join_grades([PHOTO], table(GradeRow(2, 3.0, None, spelling)))
        assert joined.grades == {PHOTO: 3.0} and joined.facts[PHOTO].subject == "P0001"
        assert "number alone" not in joined.summary()
    rows = (("Subject", "grade"), ("P0001", 3), ("p-1", 4))
    with pytest.raises(GradesError, match=r"row 3 \(4\) contradicts row 2 \(3\)"):
        read_grades(sheet(tmp_path / "g.xlsx", *rows))
    names = ["P0001_FACE_L_V00D00W00.jpg", "p-1_FACE_R_V00D00W00.jpg", "P_001_FACE_R_V00D00W04.jpg"]
    joined = join_grades(names, table(GradeRow(2, 3.0, None, "P1", "left", "Baseline")))
    assert {facts.subject for facts in joined.facts.values()} == {"P0001"}  # one fold


def test_other_letters_are_another_subject():
    with pytest.raises(
        GradesError, match=r"none of 1 photos.*Q0001 and P0001 are treated as different people: write"
    ):
        join_grades([PHOTO], table(GradeRow(2, 3.0, None, "Q0001", "left", "Week 4")))
    both = table(GradeRow(2, 3.0, None, "Q0001", "left"), GradeRow(3, 4.0, None, "P1", "left"))
    assert join_grades([PHOTO], both).grades == {PHOTO: 4.0}
    with pytest.raises(GradesError, match=r"row 2 says subject Q0001, .* says P0001"):
        join_grades([PHOTO], table(GradeRow(2, 1.0, PHOTO, "Q0001")))
    with pytest.raises(GradesError, match=r"begins with row 2 \(P1, left, Week 9\)$"):  # letters are not why
        join_grades(
            [PHOTO], table(GradeRow(2, 3.0, None, "P1", "left", "Week 9"), GradeRow(3, 1.0, None, "Q1"))
        )
    for stranger in ("Subject 1", "PP0001", "P0001A", "P1-1"):
        with pytest.raises(GradesError, match="none of 1 photos"):
            join_grades([PHOTO], table(GradeRow(2, 3.0, None, stranger)))


@pytest.mark.parametrize(
    ("photo", "row", "pair"),
    [("P0001", "1", "1 for P0001"), ("P0001", "0001", "0001 for P0001"), ("0001", "p-1", "0001 for p-1")],
)
def test_letters_may_be_left_out_where_no_two_subjects_share_the_number_and_it_is_said(photo, row, pair):
    name, other = PHOTO.replace("P0001", photo), PHOTO.replace("P0001", "Q0001")
    rows = table(GradeRow(2, 3.0, None, row, "left", "Week 4"))
    joined = join_grades([name, PHOTO.replace("P0001", "Q0002")], rows)
    assert joined.grades == {name: 3.0} and joined.facts[name].subject == photo
    assert joined.summary().endswith(f"subjects joined by number alone, for example {pair}")
    for names, grades in (
        ([name, other], rows),
        ([name], table(*rows.rows, GradeRow(3, 1.0, None, "Q1", "right"))),
    ):
        with pytest.raises(GradesError, match=r"none of \d photos.* are treated as different people"):
            join_grades(names, grades)


def test_a_number_is_never_two_people_through_several_workbooks():
    name = PHOTO.replace("P0001", "0001")
    tables = [
        table(GradeRow(2, grade, None, who, "left"))
        for who, grade in (("P0001", 1.0), ("Q0001", 8.0), ("1", 3.0))
    ]
    for order in itertools.permutations(tables):
        joined = join_graders([name], order)
        assert joined.grades == {name: 3.0} and len(joined.unfit) == 2
    assert join_graders([name], tables[::2]).grades == {name: 2.0}


def test_one_spelling_through_several_workbooks():
    files = GradeTable(
        Path("f.csv"), "file", (GradeRow(2, 1.0, "scan.jpg", "1"), GradeRow(3, 1.0, "other.jpg", "Q1"))
    )
    long = table(GradeRow(2, 3.0, None, "P0002", "left"), GradeRow(3, 3.0, None, "P0001", "right"))
    names = [
        "scan.jpg",
        "other.jpg",
        PHOTO,
        PHOTO.replace("P0001", "0002"),
        PHOTO.replace("P0001_FACE_L", "2_FACE_F"),
    ]
    told = {name: facts.subject for name, facts in join_graders(names, [long, files]).facts.items()}
    assert told == dict(zip(names, ["1", "Q1", "P0001", "0002", "0002"], strict=True))  # 1 may be P1 or Q1
    alone = GradeTable(Path("f.csv"), "file", files.rows[:1])
    facts = join_graders([names[0], *names[2:]], [long, alone]).facts
    assert [told.subject for told in facts.values()] == ["P0001", "P0001", "0002", "0002"]


# --- rows that several photographs share ----------------------------------------------------------

TWO = ["a/images/P0001_FACE_L_S00_V00D00W04.jpg", "b/images/P0001_FACE_L_S00_V00D00W04.jpg"]
OF_TWO = table(GradeRow(7, 3.0, None, "P0001", "left", "Week 4"))


def contents_of(contents):
    """Contents by name; whoever asks for another photograph's fails."""
    return contents.__getitem__


def test_a_row_that_fits_different_photographs_of_different_folders_is_refused():
    joined = join_grades([*TWO, "b/images/P0002_FACE_L_V00D00W04.jpg"], OF_TWO)
    with pytest.raises(GradesError) as caught:
        refuse_shared(joined, contents_of(dict(zip(TWO, "xy", strict=True))))
    assert str(caught.value) == (
        f"grades.xlsx: row 7 (P0001, left, Week 4) fits two photographs, {TWO[0]} and {TWO[1]}: give each study's "
        "photographs a run of their own, write folder and file name of each into the workbook, or add --retakes if "
        "they are retakes of one visit"
    )
    refuse_shared(joined, contents_of({}), retakes=True)


def test_retakes_in_a_folder_and_copies_of_photographs_may_share_a_row():
    retake = TWO[0].replace("S00", "S01")
    alone = join_grades([TWO[0], retake], OF_TWO)
    refuse_shared(alone, contents_of({}))  # nothing has to be read
    with pytest.raises(GradesError, match="fits two photographs"):  # the folders are not in the names
        refuse_shared(alone, contents_of({TWO[0]: "x", retake: "y"}), folder_of={TWO[0]: 1, retake: 2}.get)
    joined = join_grades([TWO[1], TWO[0], retake], OF_TWO)
    for of_copy in "xy":
        refuse_shared(joined, contents_of({TWO[0]: "x", retake: "y", TWO[1]: of_copy}))
    with pytest.raises(GradesError, match=f"{TWO[1]} and {TWO[0]}"):
        refuse_shared(joined, contents_of({TWO[0]: "x", retake: "y", TWO[1]: "z"}))


def test_the_rows_of_every_workbook_are_watched():
    by_file = GradeTable(
        Path("f.csv"), "file", tuple(GradeRow(n, 1.0, name) for n, name in enumerate(TWO, 2))
    )
    joined = join_graders(TWO, [by_file])
    refuse_shared(joined, contents_of({}))
    with pytest.raises(GradesError, match=r"grades\.xlsx: row 7 .* fits two photographs"):
        refuse_shared(join_graders(TWO, [by_file, OF_TWO]), contents_of(dict(zip(TWO, "xy", strict=True))))


# --- folds ---------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 18)), min_size=1, max_size=80),
    st.integers(2, 6),
    st.integers(0, 9),
)
def test_folds_are_disjoint_whole_and_never_empty(photos, folds, seed):
    subjects = [f"P{subject}" for subject, _ in photos]
    grades = [half / 2 for _, half in photos]
    if len(set(subjects)) < folds:
        with pytest.raises(TrainingError, match="add subjects"):
            subject_folds(subjects, grades, folds, seed)
        return
    made = subject_folds(subjects, grades, folds, seed)
    assert len(made) == folds
    assert sorted(np.concatenate([test for _, test in made])) == list(range(len(photos)))
    for train, test in made:
        assert len(train) and len(test) and len(train) + len(test) == len(photos)
        assert not {subjects[i] for i in train} & {subjects[i] for i in test}


def test_folds_balance_grades_and_repeat():
    rng = np.random.default_rng(3)
    subjects = np.repeat([f"P{i:03}" for i in range(60)], 4)
    grades = np.clip(np.repeat(rng.normal(3.8, 1.2, 60), 4) + rng.normal(0, 0.3, 240), 0, 9)
    made = subject_folds(list(subjects), list(grades), 5, seed=1)
    means = [grades[test].mean() for _, test in made]
    assert max(means) - min(means) < 0.4  # at random it is about 0.7
    assert {len(test) for _, test in made} == {48}
    again = subject_folds(list(subjects), list(grades), 5, seed=1)
    other = subject_folds(list(subjects), list(grades), 5, seed=2)
    assert all((a[1] == b[1]).all() for a, b in zip(made, again, strict=True))
    assert any(not np.array_equal(a[1], b[1]) for a, b in zip(made, other, strict=True))


@pytest.mark.parametrize("seed", range(8))
def test_the_last_subjects_go_to_the_smallest_folds(seed):
    made = subject_folds(["a", *"b" * 10, "c"], [1.0, *[2.0] * 10, 3.0], 2, seed)
    assert sorted(len(test) for _, test in made) == [2, 10]


def test_folds_refuse_what_they_cannot_split():
    with pytest.raises(TrainingError, match="3 graded subjects cannot be split into 5 folds"):
        subject_folds(["a", "b", "c"], [1, 2, 3], 5, 0)
    with pytest.raises(TrainingError, match=r"add subjects, or use at most --folds 3"):
        subject_folds(["a", "b", "c"], [1, 2, 3], 4, 0)
    with pytest.raises(TrainingError, match="of one subject: add subjects"):
        subject_folds(["a", "a", "a"], [1, 2, 3], 2, 0)
    with pytest.raises(TrainingError, match="at least 2"):
        subject_folds(["a", "b", "c"], [1, 2, 3], 1, 0)
    with pytest.raises(ValueError, match="finite"):
        subject_folds(["a", "b"], [1, float("nan")], 2, 0)
    with pytest.raises(ValueError, match="one length"):
        subject_folds(["a", "b"], [1], 2, 0)


def test_the_step_of_a_scale_for_models():
    from toolkit.study import step_of

    assert step_of("0-9/0.5") == 0.5 and step_of("0-4") is None and step_of("0-9/0.25") == 0.25
    for beyond in ("0-10", "free", "1-12/1"):
        with pytest.raises(GradesError, match="models grade 0-9"):
            step_of(beyond)


def test_quarter_grades_are_read_where_the_step_allows_them(tmp_path):
    table = tmp_path / "g.csv"
    table.write_text("file,grade\na.jpg,2.25\nb.jpg,3\n")
    with pytest.raises(GradesError):
        read_grades(table)
    assert [row.grade for row in read_grades(table, step=0.25).rows] == [2.25, 3.0]
