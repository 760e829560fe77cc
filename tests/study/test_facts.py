"""Who is on a photograph whose name does not tell: a table of facts, and what it is joined with, before any grading."""

import json

import pytest
from command_line import toolkit
from graded_study import write_photos

from toolkit.commands.joining import join_study
from toolkit.errors import GradesError, ToolkitError
from toolkit.study.facts import read_facts


def sheet(path, *rows):
    import openpyxl

    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


HEADER = ("Photo", "Subject", "Side", "Visit")


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("IMG_1.jpg", "IMG_2.jpg", "IMG_3.jpg", "P0001_FACE_L_S00_V00D00W04.jpg"):
        (folder / name).write_bytes(name.encode())
    return folder


def facts_of(study):
    return {file.name: (file.facts.subject, file.facts.side, file.facts.visit) for file in study.files}


def test_a_table_tells_who_is_on_each_photo_and_what_is_left_over_on_both_sides(photos, tmp_path):
    rows = [("IMG_1", "P7", "links", "BL"), ("img_2.JPG", "p 7", "R", "wk 4"), ("IMG_9.jpg", "P8", "L", "BL")]
    study = join_study([photos], sheet(tmp_path / "f.xlsx", HEADER, *rows))
    assert facts_of(study) == {
        "IMG_1.jpg": ("P7", "left", "Baseline"),
        "IMG_2.jpg": ("P7", "right", "Week 4"),
        "IMG_3.jpg": ("IMG_3", None, None),
        "P0001_FACE_L_S00_V00D00W04.jpg": ("P0001", "left", "Week 4"),
    }
    text = study.text()
    assert "IMG_1.jpg" in text and "facts row 2" in text and "its name" in text
    assert "nothing: a subject of its own" in text and "facts: 2 of 4 photos have a row" in text
    assert "photo without a row: IMG_3.jpg" in text and "row without a photo: row 4 (IMG_9.jpg)" in text


def test_names_tell_what_they_tell_and_the_table_adds_the_rest(photos, tmp_path):
    name = "P0001_FACE_L_S00_V00D00W04.jpg"
    path = sheet(tmp_path / "f.xlsx", ("File", "Date"), (name, "2024-03-01"), ("IMG_1.jpg", "2024-03-05"))
    told = facts_of(join_study([photos], path))
    assert told[name] == ("P0001", "left", "Week 4") and told["IMG_1.jpg"] == ("IMG_1", None, "2024-03-05")
    wrong = sheet(tmp_path / "w.xlsx", ("File", "Subject"), (name, "P0002"))
    with pytest.raises(GradesError, match=r"w\.xlsx: row 2 says subject P0002, .* says P0001: correct one"):
        join_study([photos], wrong)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            [("Subject", "Side"), ("P1", "L")],
            "no row reads as the header of a table of file names with subject",
        ),
        ([HEADER, ("IMG_1.jpg", "P1", "up", "BL")], r"row 2: side 'up' is none of .*--side-words left=up"),
        ([HEADER, (None, "P1", "L", "BL")], "row 2: names no photo"),
        ([HEADER, ("IMG_1.jpg", "P1", "L", "BL"), ("IMG_1.jpg", "P2", "L", "BL")], "row 3 repeats row 2"),
        ([HEADER], "no row names a photo"),
        ([HEADER, ("other.jpg", "P1", "L", "BL")], "none of 4 photos fits a row by name"),
    ],
)
def test_a_table_that_tells_too_little_is_refused_in_one_line(photos, tmp_path, rows, told):
    with pytest.raises(GradesError, match=told) as caught:
        join_study([photos], sheet(tmp_path / "f.xlsx", *rows))
    assert "\n" not in str(caught.value) and str(caught.value).startswith("f.xlsx: ")


def test_experts_are_joined_by_what_the_table_of_facts_tells(photos, tmp_path):
    facts = sheet(tmp_path / "f.xlsx", HEADER, ("IMG_1.jpg", "P7", "L", "BL"), ("IMG_2.jpg", "P7", "R", "BL"))
    experts = sheet(
        tmp_path / "e.xlsx", ("Subject", "Side", "Baseline", "Week 4"), ("P7", "R", 3, 2), ("P7", "L", 4, 1)
    )
    study = join_study([photos], facts, experts)
    assert study.experts.grades == {"IMG_1.jpg": 4.0, "IMG_2.jpg": 3.0}
    assert facts_of(study)["IMG_2.jpg"] == ("P7", "right", "Baseline")
    assert [row.get("expert grade") for row in study.rows()] == [4.0, 3.0, None, None]


def test_named_columns_go_to_the_table_that_has_them(photos, tmp_path):
    facts = sheet(tmp_path / "f.xlsx", ("Bild", "Proband", "Seite"), ("IMG_1.jpg", "P7", "vasen"))
    experts = sheet(tmp_path / "e.xlsx", ("Wer", "Wo", "Note"), ("P7", "vasen", 4))
    columns = [
        *(("file", "Bild"), ("subject", "Proband"), ("side", "Seite"), ("left", "vasen")),
        *(("subject", "Wer"), ("side", "Wo"), ("grade", "Note")),
    ]
    assert join_study([photos], facts, experts, columns).experts.grades == {"IMG_1.jpg": 4.0}
    with pytest.raises(GradesError, match="no column 'Nope' for grade"):
        join_study([photos], facts, experts, [*columns[:-1], ("grade", "Nope")])
    with pytest.raises(ToolkitError, match="add --facts or --expert-grades"):
        join_study([photos], columns=columns)


def test_rows_of_facts_have_no_grade(tmp_path):
    (row,) = read_facts(sheet(tmp_path / "f.xlsx", HEADER, ("a.jpg", "P1", "L", None))).rows
    assert row.grade != row.grade and (row.file, row.visit) == ("a.jpg", None)


def test_a_dry_run_shows_the_join_and_grades_nothing(photos, tmp_path):
    facts = sheet(tmp_path / "f.xlsx", HEADER, ("IMG_1.jpg", "P7", "izquierda", "BL"))
    words = ("grade", photos, "--out", tmp_path / "g.xlsx", "--facts", facts, "--dry-run")
    before = sorted(tmp_path.rglob("*"))
    done = toolkit(*words)
    assert done.status == 0 and done.out.endswith("\nNothing was graded.\n")
    assert "IMG_1.jpg" in done.out and "facts row 2" in done.out
    told = json.loads(toolkit(*words, "--json").out)
    assert told["photos"][0] == {
        **{"photo": "IMG_1.jpg", "subject": "P7", "side": "left", "visit": "Baseline"},
        "told by": "facts row 2",
    }
    assert told["photos_without_row"]["facts"][0] == "IMG_2.jpg"
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_grading_knows_what_the_table_tells(tmp_path):
    import openpyxl

    names = []
    for number, path in enumerate(write_photos(tmp_path / "photos", 4)):
        names.append(path.with_name(f"IMG_{number}.jpg"))
        path.rename(names[-1])
    rows = [(names[n].name, "P1", ("L", "R")[n % 2], f"2024-03-{1 + 13 * (n // 2):02}") for n in range(4)]
    facts = sheet(tmp_path / "f.xlsx", ("Image", "Subject", "Side", "Visit date"), *rows)
    done = toolkit(
        *("grade", tmp_path / "photos", "--out", tmp_path / "g.xlsx", "--facts", facts),
        *("--no-change", "--workers", 1, "--quiet"),
    )
    assert "f.xlsx: 4 of 4 photos have a row" in done.out
    book = openpyxl.load_workbook(tmp_path / "g.xlsx")
    _, *found = book["Grades"].iter_rows(values_only=True)
    assert [row[1:4] for row in found] == [("P1", ("left", "right")[n % 2], rows[n][3]) for n in range(4)]
    header, *sides = book["By visit"].iter_rows(values_only=True)
    assert header[:5] == ("subject", "side", "baseline_visit", "Baseline", "Day 13")
    assert [row[:2] for row in sides] == [("P1", "left"), ("P1", "right")]
