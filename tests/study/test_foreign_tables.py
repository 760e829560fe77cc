"""Tables as other programs leave them: numbers with a point, dates, sums, odd characters, other encodings."""

import datetime
import io
import zipfile

import pytest
from command_line import toolkit

from toolkit.agreement import compare_files
from toolkit.errors import GradesError
from toolkit.records import PhotoFacts
from toolkit.study import join_grades, read_graders, read_grades
from toolkit.study.layout import as_text
from toolkit.study.names import folded, known_visit


def csv(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def workbook(path, rows):
    import openpyxl

    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def keys(table):
    return [(row.subject, row.side, row.visit, row.grade) for row in table.rows]


# ---- numbers


def test_whole_numbers_with_a_point_read_as_excel_cells_do(tmp_path):
    text = "SUBJID,side,VISITNUM,grade\n101.0,L,2.0,4.0\n102.0,R,0.0,3.5\n"
    rows = [["SUBJID", "side", "VISITNUM", "grade"], [101.0, "L", 2.0, 4.0], ["102.0", "R", "0.0", 3.5]]
    wanted = [("101", "left", "Visit 2", 4.0), ("102", "right", "Baseline", 3.5)]
    assert keys(read_grades(csv(tmp_path / "a.csv", text))) == wanted
    assert keys(read_grades(workbook(tmp_path / "a.xlsx", rows))) == wanted
    assert [as_text(one) for one in ("101.0", "101.50", "1.2.0", "v1.0", "007.0")] == [
        "101",
        "101.50",
        "1.2.0",
        "v1.0",
        "007",
    ]


def test_a_visit_with_a_point_is_a_visit_in_cells_and_headings(tmp_path):
    assert known_visit("Week 4.0") == "Week 4" and known_visit("4.0 weeks") is None
    wide = read_grades(csv(tmp_path / "w.csv", "subject,side,Baseline,Week 4.0\nP1,L,2,3\nP2,L,4,5\n"))
    assert [row.visit for row in wide.rows] == ["Baseline", "Week 4"] * 2


def test_a_wide_column_that_is_not_read_is_named(tmp_path):
    text = "subject,side,Baseline,Week 4,extra\nP1,L,2,3,4\nP2,L,4,5,6\n"
    files = [csv(tmp_path / name, text) for name in ("1.csv", "2.csv")]
    assert "the column 'extra' was not read" in compare_files(files).text()


# ---- dates


def test_a_date_among_subjects_is_refused_with_its_cell(tmp_path):
    rows = [["Subject", "Grade"], ["2-103", 1], [datetime.datetime(2024, 3, 1), 2]]
    with pytest.raises(GradesError, match=r"a\.xlsx: row 3: Subject is the date 2024-03-01.*as text"):
        read_grades(workbook(tmp_path / "a.xlsx", rows))


def test_a_date_among_visits_reads_as_in_csv(tmp_path):
    rows = [["subject", "visit", "grade"], ["P1", datetime.datetime(2024, 3, 1), 2]]
    text = "subject,visit,grade\nP1,2024-03-01,2\n"
    assert keys(read_grades(workbook(tmp_path / "a.xlsx", rows))) == keys(
        read_grades(csv(tmp_path / "a.csv", text))
    )


# ---- sums


@pytest.mark.parametrize("side", ["L", ""])
def test_rows_that_sum_up_are_set_aside_and_named(tmp_path, side):
    text = f"subject,side,grade\nP1,{side},2\nP2,{side},4\n\nMean,,3.0\nSD,,1.41\nN,,2\nTotal,,6\n"
    table = read_grades(csv(tmp_path / "a.csv", text))
    assert [row.subject for row in table.rows] == ["P1", "P2"]
    assert table.remarks == ("a.csv: rows 5 (Mean), 6 (SD), 7 (N), 8 (Total) sum up the table: set aside",)


def test_a_sum_labelled_in_another_column_is_one_and_a_subject_n_is_none(tmp_path):
    table = read_grades(csv(tmp_path / "a.csv", "subject,side,grade\nN,L,2\nP2,L,4\n,Mean,3\n"))
    assert [row.subject for row in table.rows] == ["N", "P2"]
    assert "row 4 (Mean)" in table.remarks[0]


@pytest.mark.parametrize("end", ["", "Mean,,,4\n"])
def test_sums_between_rows_are_set_aside_and_named(tmp_path, end):
    text = (
        "subject,side,visit,grade\nP1,L,Week 4,2\nP2,L,Week 4,4\nMean,,,3.0\nSD,,,1\nN,,,2\nP3,L,Week 4,2\n"
        "Mean of all subjects,,,2.67\nSD,,,1.15\nP4,L,Week 4,5\n"
    )
    table = read_grades(csv(tmp_path / "a.csv", text + end))
    assert [row.subject for row in table.rows] == ["P1", "P2", "P3", "P4"]
    rows = "4 (Mean), 5 (SD), 6 (N), 8 (Mean of all subjects), 9 (SD)" + (", 11 (Mean)" if end else "")
    assert table.remarks == (f"a.csv: rows {rows} sum up the table: set aside",)


def test_sums_between_rows_of_a_wide_table_and_of_one_of_files(tmp_path):
    wide = read_grades(
        csv(tmp_path / "w.csv", "subject,Baseline,Week 4\nP1,2,3\nMean,2.33,3\nSD,0.71,0\nP2,3,3\n")
    )
    assert {row.subject for row in wide.rows} == {"P1", "P2"} and "3 (Mean), 4 (SD)" in wide.remarks[0]
    files = read_grades(csv(tmp_path / "f.csv", "file,grade\na.jpg,2\nAverage,2.5\nb.jpg,3\n"))
    assert [row.file for row in files.rows] == ["a.jpg", "b.jpg"] and "3 (Average)" in files.remarks[0]


@pytest.mark.parametrize("name", ["N", "SD", "Max", "Min"])
@pytest.mark.parametrize("before", ["", "Mean,,3\n"])
@pytest.mark.parametrize("after", ["P3,L,5\n", ""])
def test_a_subject_whose_name_may_be_a_sums_stays(tmp_path, name, before, after):
    """With a side as the others have, it is a subject even beside a sum, and its photo gets its grade."""
    text = f"subject,side,grade\nP1,L,2\nP2,L,4\n{before}{name},L,2\n{after}"
    table = read_grades(csv(tmp_path / "a.csv", text))
    assert [row.subject for row in table.rows] == ["P1", "P2", name, *(["P3"] if after else [])]
    photo = f"{name}_FACE_L_S00_V00D00W00.jpg"
    assert join_grades([photo], table, {photo: PhotoFacts(name, "left", None)}).grades == {photo: 2.0}


def test_an_n_alone_without_sides_stays_a_subject(tmp_path):
    table = read_grades(csv(tmp_path / "a.csv", "subject,grade\nP1,2\nN,3\nP3,4\n"))
    assert [row.subject for row in table.rows] == ["P1", "N", "P3"] and not table.remarks


@pytest.mark.parametrize(
    "name", ["Std. Dev.", "Grand total", "Overall mean", "Average:", "n=32", "Mean of all subjects"]
)
def test_sums_of_several_words_are_set_aside(tmp_path, name):
    table = read_grades(csv(tmp_path / "a.csv", f"subject,side,grade\nP1,L,2\nP2,L,4\n{name},,3\n"))
    assert len(table.rows) == 2 and f"row 4 ({name})" in table.remarks[0]


@pytest.mark.parametrize("name", ["N101", "Group 2", "Photos"])
def test_a_subject_with_a_word_of_sums_is_none(tmp_path, name):
    table = read_grades(csv(tmp_path / "a.csv", f"subject,side,grade\nP1,L,2\nP2,L,4\n{name},L,3\n"))
    assert len(table.rows) == 3 and not table.remarks


def test_a_line_with_more_cells_than_headings_is_refused(tmp_path):
    with pytest.raises(GradesError, match=r"a.csv: row 3 has more cells .* write 4.5 for 4,5"):
        read_grades(csv(tmp_path / "a.csv", "subject,side,grade\nP1,L,2\nP2,L,4,5\n"))
    assert len(read_grades(csv(tmp_path / "b.csv", "subject,side,grade\nP1,L,2,\nP2,L,4,\n")).rows) == 2


def test_sums_are_told_by_the_command(tmp_path):
    one = csv(tmp_path / "one.csv", "subject,grade\nP1,2\nP2,4\nMean,3\n")
    two = csv(tmp_path / "two.csv", "subject,grade\nP1,2\nP2,3\n")
    assert "one.csv: row 4 (Mean) sums up the table: set aside" in compare_files([one, two]).text()


# ---- characters


@pytest.mark.parametrize(
    "odd",
    ["P\u201101", "P\u221201", "P\u200b-01", "\ufeffP-01", "P-01\u00a0", "P\u00ad-01", "\u200eP\uff0d01"],
)
def test_invisible_and_look_alike_characters_make_no_other_subject(tmp_path, odd):
    assert folded(odd) == "p-01" and as_text(odd) == "P-01"
    one = csv(tmp_path / "one.csv", f"subject,grade\n{odd},2\nP-02,3\n")
    two = csv(tmp_path / "two.csv", "subject,grade\nP-01,2\nP-02,3\n")
    assert compare_files([one, two]).pairs[0].photos == 2


def test_a_heading_with_invisible_characters_is_read(tmp_path):
    assert len(read_grades(csv(tmp_path / "a.csv", "\u200bsubject,gra\u00adde\nP1,2\n")).rows) == 1


# ---- encodings


@pytest.mark.parametrize("encoding", ["gb18030", "shift_jis", "mac_roman"])
def test_another_encoding_is_named_in_the_message(tmp_path, encoding):
    name = "Müller" if encoding == "mac_roman" else "患者番号"
    path = csv(tmp_path / "a.csv", f"subject,grade\n{name}1,2\n", encoding)
    with pytest.raises(GradesError, match=r"a\.csv: is not UTF-8 text \(line 2\).*'CSV UTF-8'"):
        read_grades(path)


def test_western_text_is_read_and_told(tmp_path):
    table = read_grades(csv(tmp_path / "a.csv", "subject,grade\nMüller,2\nPérez,3\nØrsted’s,4\n", "cp1252"))
    assert [row.subject for row in table.rows] == ["Müller", "Pérez", "Ørsted’s"]
    assert "read as Western European" in table.remarks[0]
    assert read_grades(csv(tmp_path / "b.csv", "subject,grade\nMüller,2\n", "utf-16")).remarks == ()


def test_a_join_that_fails_names_the_encoding(tmp_path):
    one = csv(tmp_path / "one.csv", "subject,grade\n患者101,2\n患者102,3\n")
    two = csv(tmp_path / "two.csv", "subject,grade\n患者101,2\n患者102,3\n", "big5")
    with pytest.raises(GradesError, match="'CSV UTF-8'"):
        compare_files([one, two])


def test_strict_open_xml_is_named(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [["subject", "grade"], ["P1", 2]])
    made = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w") as new:
        for part in old.infolist():
            strict = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
            new.writestr(
                part,
                old.read(part).replace(b"http://schemas.openxmlformats.org/spreadsheetml/2006/main", strict),
            )
    path.write_bytes(made.getvalue())
    with pytest.raises(GradesError, match=r"a\.xlsx: is saved as Strict Open XML"):
        read_grades(path)


# ---- sheets, headers of two rows, sides in other words


def book(path, **sheets):
    import openpyxl

    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        page = made.create_sheet(name)
        for row in rows:
            page.append(row)
    made.save(path)
    return path


GRADES = [["subject", "grade"], ["P1", 2], ["P2", 4]]


def test_of_several_sheets_the_one_that_was_read_is_named(tmp_path):
    path = book(tmp_path / "a.xlsx", Legend=[["what it means"]], Scores=GRADES, Empty=[])
    told = "a.xlsx: sheet 'Scores' was read, not 'Legend' (--sheet names another)"
    assert read_grades(path).notes == (told,)
    assert told in compare_files([path, csv(tmp_path / "b.csv", "subject,grade\nP1,2\nP2,3\n")]).text()
    assert read_grades(path, {"sheet": "Scores"}).notes == ()
    assert read_grades(book(tmp_path / "c.xlsx", Scores=GRADES, Empty=[])).notes == ()


def test_the_sheet_that_was_read_is_told_with_the_join_and_no_warning(tmp_path):
    path = book(tmp_path / "a.xlsx", Legend=[["what it means"]], Scores=GRADES)
    joined = join_grades(["P1_FACE_L_V00D00W00.jpg"], read_grades(path))
    assert "; a.xlsx: sheet 'Scores' was read" in joined.summary() and "warning" not in joined.summary()


def test_sheets_that_may_both_be_meant_are_named_with_the_option(tmp_path):
    path = book(tmp_path / "a.xlsx", First=GRADES, Second=GRADES)
    with pytest.raises(
        GradesError, match="sheets 'First', 'Second' all look like grades: name one, --sheet NAME"
    ):
        read_grades(path)


WIDE = [("P1", "left", "Baseline", 2.0), ("P1", "left", "Week 4", 3.0), ("P2", "right", "Baseline", 4.0)]
TWO_ROWS = {
    "subject and side above": [
        ["Subject", "Side", "Grade", None, "Remark"],
        [None, None, "Baseline", "Week 4", None],
    ],
    "subject and side below": [[None, None, "Grade", None, None], ["Subject", "Side", "BL", "W4", "Remark"]],
    "under a title": [
        ["Study 12"],
        [],
        ["Subject", "Side", "Mottled hyperpigmentation (0-9)", None, None],
        [None, None, "Baseline", "Week 4", None],
    ],
}


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
@pytest.mark.parametrize("header", TWO_ROWS.values(), ids=TWO_ROWS)
def test_a_merged_heading_over_visits_is_read(tmp_path, header, suffix):
    rows = [*header, ["P1", "L", 2, 3, "x"], ["P2", "R", 4, None, None]]
    if suffix == "xlsx":
        path = workbook(tmp_path / "a.xlsx", rows)
    else:
        lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
        path = csv(tmp_path / "a.csv", "\n".join(lines) + "\n")
    table = read_grades(path)
    assert table.layout == "wide" and keys(table) == WIDE
    assert [row.row for row in table.rows] == [len(header) + 1, len(header) + 1, len(header) + 2]


def test_of_several_merged_headings_that_of_the_grade_is_read_or_the_one_named(tmp_path):
    rows = [
        ["Subject", "Side", "Wrinkles", None, "Grade", None],
        [None, None, "Baseline", "Week 4", "Baseline", "Week 4"],
        ["P1", "L", 7, 8, 2, 3],
        ["P2", "R", 9, None, 4, None],
    ]
    path = workbook(tmp_path / "a.xlsx", rows)
    assert keys(read_grades(path)) == WIDE
    assert [row.grade for row in read_grades(path, {"grade": "Wrinkles"}).rows] == [7, 8, 9]


def test_a_merged_heading_over_what_are_no_visits_is_no_header_of_two_rows(tmp_path):
    rows = [["Subject", "Grade", None], [None, "first", "second"], ["P1", 2, 3]]
    with pytest.raises(GradesError, match="row 2: grade 'first' is not a number"):
        read_grades(workbook(tmp_path / "a.xlsx", rows))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        *(
            ("links", "rechts"),
            ("Linke Seite", "rechte Seite"),
            ("gauche", "droite"),
            ("Côté gauche", "DROIT"),
        ),
        *(("izquierda", "derecha"), ("Izquierdo", "derecho"), ("sinistra", "destra"), ("vänster", "höger")),
        *(("левая", "правая"), ("左", "右"), ("Left", "R")),
    ],
)
def test_sides_are_read_in_many_languages(tmp_path, left, right):
    table = read_grades(csv(tmp_path / "a.csv", f"subject,side,grade\nP1,{left},2\nP1,{right},3\n"))
    assert [row.side for row in table.rows] == ["left", "right"]


def test_other_words_and_codes_for_sides_can_be_named(tmp_path):
    path = csv(tmp_path / "a.csv", "subject,side,grade\nP1,Vasen,2\nP1,1,3\n")
    with pytest.raises(GradesError, match=r"side 'Vasen' is none of .*--side-words left=Vasen"):
        read_grades(path)
    named = [("left", "vasen"), ("right", "1")]
    ((_, table),) = read_graders([path], named)
    assert [row.side for row in table.rows] == ["left", "right"]
    # What is named goes before what is known.
    ((_, table),) = read_graders([csv(tmp_path / "b.csv", "subject,side,grade\nP1,L,2\n")], [("right", "L")])
    assert table.rows[0].side == "right"


def test_a_word_for_no_side_is_refused_on_the_command_line(tmp_path):
    path = csv(tmp_path / "a.csv", "subject,side,grade\nP1,Vasen,2\n")
    done = toolkit("agreement", path, path, "--side-words", "up=Vasen")
    assert done.status == 1 and "--side-words up=Vasen: begin with left=, right= or both=" in done.err


def test_a_sheet_and_words_are_named_on_the_command_line(tmp_path):
    rows = [["subject", "side", "grade"], ["P1", "vasen", 2], ["P2", "vasen", 4]]
    path = book(tmp_path / "a.xlsx", First=rows, Second=rows)
    other = csv(tmp_path / "b.csv", "subject,side,grade\nP1,L,2\nP2,L,3\n")
    done = toolkit("agreement", path, other, "--sheet", "Second", "--side-words", "left=vasen", "--json")
    assert done.status == 0 and '"photos": 2' in done.out


def test_only_faults_of_grades_advise_another_scale(tmp_path):
    rows = [["Subject", "Grade"], [datetime.datetime(2024, 3, 1), 2]]
    other = csv(tmp_path / "b.csv", "subject,grade\nP1,2\n")
    with pytest.raises(GradesError) as caught:
        compare_files([workbook(tmp_path / "a.xlsx", rows), other])
    assert str(caught.value).endswith("correct the workbook")
