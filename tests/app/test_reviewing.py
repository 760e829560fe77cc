"""Reviews made in the window are files that every command reads."""

import csv

import pytest

from toolkit.app.reviewing import (
    COLUMNS,
    put_reviews,
    read_reviews,
    reader_of,
    remember,
    remembered,
    review_files,
    review_path,
)
from toolkit.errors import GradesError, ToolkitError
from toolkit.study import CLINICAL_SCALE, read_graders


def row(photo, verdict="corrected", grade="4.5", **more):
    return {"photo": photo, "toolkit": "4.20", "verdict": verdict, "grade": grade, "comment": "", "reviewed_at": "2026-11-27T06:29:26Z", **more}  # fmt: skip


def put(folder, reader, *rows):
    return put_reviews(folder, reader, rows, CLINICAL_SCALE, read=[])


def test_a_review_is_read_as_one_that_was_exported(tmp_path):
    path = put(tmp_path, "Anna B", row("a.jpg"), row("b.jpg", "agree", "4"))
    assert path.name == "review-Anna-B.csv"
    readers = dict(read_graders([path]))
    assert [(one.file, one.grade) for one in readers["Anna B"].rows] == [("a.jpg", 4.5), ("b.jpg", 4.0)]
    assert [one.grade for one in readers["toolkit"].rows] == [4.2, 4.2]


def test_only_what_changed_is_written_anew(tmp_path):
    put(tmp_path, "Anna", row("a.jpg"), row("b.jpg"))
    put(tmp_path, "Anna", row("c.jpg"), row("a.jpg", grade="2"))
    put(tmp_path, "Anna", {"photo": "b.jpg", "verdict": ""})
    assert {name: one["grade"] for name, one in read_reviews(tmp_path / "review-Anna.csv").items()} == {"a.jpg": "2", "c.jpg": "4.5"}  # fmt: skip


def test_a_review_of_nothing_is_no_review(tmp_path):
    path = put(tmp_path, "Anna", row("a.jpg"))
    assert review_files(tmp_path) == [path] and reader_of(path) == "Anna"
    put(tmp_path, "Anna", {"photo": "a.jpg", "verdict": ""})
    assert review_files(tmp_path) == [] and path.is_file()
    put(tmp_path, "Anna", row("a.jpg"))
    assert review_files(tmp_path) == [path]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [({"grade": "4.2"}, "multiple of 0.5"), ({"grade": "11"}, "0 to 9"), ({"verdict": "perhaps"}, "verdict"), ({"photo": ""}, "names no photo"),
     ({"verdict": "agree", "grade": "9"}, "agrees on 9")],
)  # fmt: skip
def test_what_the_commands_would_refuse_is_not_written(tmp_path, wrong, why):
    path = put(tmp_path, "Anna", row("a.jpg"))
    before = path.read_bytes()
    with pytest.raises(GradesError, match=why):
        put(tmp_path, "Anna", {**row("b.jpg"), **wrong})
    assert path.read_bytes() == before


def test_readers_of_like_names_have_a_file_each_or_are_told(tmp_path):
    put(tmp_path, "Anna B", row("a.jpg"))
    with pytest.raises(ToolkitError, match="holds the reviews of Anna B"):
        put(tmp_path, "Anna-B", row("a.jpg", grade="1"))
    for name in ("", "  ", "...", "/", "../"):
        with pytest.raises(ToolkitError, match="needs a name"):
            put(tmp_path, name, row("a.jpg"))
    assert review_path(tmp_path, "../../x").parent == tmp_path
    assert review_path(tmp_path, "Ödön 3").name == "review-Ödön-3.csv"


def test_another_file_of_that_name_is_left_alone(tmp_path):
    (tmp_path / "review-Anna.csv").write_text("my,own\n1,2\n")
    with pytest.raises(ToolkitError, match="not what this command wrote"):
        put(tmp_path, "Anna", row("a.jpg"))
    assert (tmp_path / "review-Anna.csv").read_text() == "my,own\n1,2\n"


def test_no_cell_is_a_formula(tmp_path):
    name = "=HYPERLINK(1).jpg"
    path = put(tmp_path, "Anna", row(name, comment="=1+1"))
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = list(csv.reader(file))
    assert tuple(cells[0]) == COLUMNS
    assert cells[1][0] == "'" + name and cells[1][8] == "'=1+1"
    assert list(read_reviews(path)) == [name]


def test_what_the_page_remembers_is_kept_for_each_reader(tmp_path):
    remember(tmp_path, "Anna", "toolkit-seen:x", ["a.jpg"], read=[])
    remember(tmp_path, "Anna", "toolkit-layers", {"patches": True}, read=[])
    assert remembered(tmp_path, "Anna") == {"toolkit-seen:x": ["a.jpg"], "toolkit-layers": {"patches": True}}
    assert remembered(tmp_path, "Ben") == {}
    (tmp_path / "review-Ben.page.json").write_text("{}")
    with pytest.raises(ToolkitError, match="not what this command wrote"):
        remember(tmp_path, "Ben", "toolkit-layers", 1, read=[])
    (tmp_path / "review-Anna.page.json").write_text('{"kind": "toolkit app page", "values": [')
    assert remembered(tmp_path, "Anna") == {}
    with pytest.raises(ToolkitError, match="remembers too much"):
        remember(tmp_path, "Anna", "toolkit-layers", "x" * 5_000_000, read=[])
