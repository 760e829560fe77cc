"""Results in SQLite: what was put comes back, under whatever name; one run at a time; nothing foreign is touched."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import SimpleNamespace

import numpy as np
import pytest

from toolkit.errors import ToolkitError
from toolkit.photos import photo_files
from toolkit.records import (
    Contribution,
    Evidence,
    Face,
    FacePatches,
    Figures,
    Patch,
    PhotoFacts,
    PhotoGrade,
    PhotoResult,
    Quality,
)
from toolkit.salvage import read_only
from toolkit.store import NOT_REACHED, RunOptions, open_store, read_store, store_path
from toolkit.study import facts_from_name

OPTIONS = RunOptions("0.1.0", "c" * 64, "m" * 64, "learned", "l" * 64)
QUALITY = Quality(0.2, 0.0, 0.01, 180.0, 4.0, 0.8, 1.0, (0.3, -0.2))
RESULT = PhotoResult(
    PhotoGrade(
        "P1_FACE_X.jpg", PhotoFacts("P1", "left"), 3.1234567890123, 2.0, 4.5, "3.5", {"chin": 3.1}, "ok", "a note"
    ),
    (Figures("chin", {"load": 0.1, "itd": None}, 3.1),),
    QUALITY,
    (Contribution("chin", "load", 0.1, -0.25),),
    (Evidence("chin", 1, "P9_FACE_L.jpg", "chin", 3.5, 0.25, 7),),
)  # fmt: skip


def photos(*names):
    return photo_files([Path("photos") / name for name in names], names)


def grades(store):
    return list(store.grades(facts_from_name))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "deep" / "grades.xlsx"


def test_what_was_put_comes_back(out):
    with open_store(out) as store:
        store.begin(photos("P1_FACE_X.jpg", "other.jpg"), OPTIONS)
        assert store.is_empty and store.missing() == [0, 1]
        store.put(0, "aa", RESULT)
        assert grades(store) == [RESULT.grade, PhotoGrade("other.jpg", PhotoFacts("other"), note=NOT_REACHED)]
        of_photo = {"photo": "P1_FACE_X.jpg", "region": "chin"}
        assert list(store.rows("patches")) == [{**of_photo, "grade": 3.1, "load": 0.1, "itd": None}]
        assert list(store.rows("contributions")) == [
            {**of_photo, "figure": "load", "value": 0.1, "contribution": -0.25}
        ]
        assert [row["reference"] for row in store.rows("evidence")] == [7]
        details = store.details(0)
        assert (details.contributions, details.evidence) == (RESULT.contributions, RESULT.evidence)
        assert store.qualities() == [QUALITY, None]
        assert store.counts() == {"photos": 2, "graded": 1, "reached": 1}
    with read_store(store_path(out)) as store:
        assert grades(store)[0] == RESULT.grade
    assert sorted(path.name for path in out.parent.iterdir()) == ["grades.toolkit.sqlite"]


def test_a_photo_under_another_name_keeps_its_result(out):
    with open_store(out) as store:
        store.begin(photos("P1_FACE_X.jpg"), OPTIONS)
        store.put(0, "aa", RESULT)
        store.begin(photos("new.jpg", "P2_FACE_R_V00D00W04.jpg"), OPTIONS)
        assert not store.is_empty and store.missing() == [0, 1]
        store.claim([(0, "bb"), (1, "aa")])
        assert store.missing() == [0]
        new, kept = grades(store)
        assert new.note == NOT_REACHED
        assert (kept.name, kept.grade, kept.note) == ("P2_FACE_R_V00D00W04.jpg", RESULT.grade.grade, "a note")
        assert kept.facts == PhotoFacts("P2", "right", "Week 4")
        assert [row["photo"] for row in store.rows("evidence")] == ["P2_FACE_R_V00D00W04.jpg"]


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (RunOptions("0.1.0", "c" * 64, "m" * 64, "equal", "l" * 64), "{}"),
        (RunOptions("0.1.0", "c" * 64, "other", "learned", "l" * 64), "{}"),
        (RunOptions("0.2.0", "c" * 64, "m" * 64, "learned", "l" * 64), "{}"),
        (OPTIONS, '{"side": "left"}'),
    ],
)
def test_other_options_want_another_result(out, options, hint):
    with open_store(out) as store:
        store.begin(photos("P1_FACE_X.jpg"), OPTIONS)
        store.put(0, "aa", RESULT)
        store.begin(photos("P1_FACE_X.jpg"), options, [hint])
        store.claim([(0, "aa")])
        assert store.missing() == [0] and grades(store)[0].note == NOT_REACHED
        store.begin(photos("P1_FACE_X.jpg"), OPTIONS)  # and back
        store.claim([(0, "aa")])
        assert store.missing() == []


def test_a_failure_is_told_and_tried_again(out):
    with open_store(out) as store:
        store.begin(photos("a.jpg", "b.jpg"), OPTIONS)
        store.put_failure(0, "took longer than 60 s", "aa")
        assert [grade.note for grade in grades(store)] == ["took longer than 60 s", NOT_REACHED]
        assert store.missing() == [0, 1]
        assert store.counts()["reached"] == 1
        assert [row.sha256 for row in store.inputs()] == ["aa", ""]


def test_the_same_picture_twice_has_one_result_and_two_rows(out):
    with open_store(out) as store:
        store.begin(photos("a.jpg", "b.jpg"), OPTIONS)
        store.put(0, "aa", RESULT)
        store.put(1, "aa", RESULT)
        assert [(g.name, g.grade) for g in grades(store)] == [
            ("a.jpg", RESULT.grade.grade),
            ("b.jpg", RESULT.grade.grade),
        ]


def test_names_that_are_no_text_can_be_kept(out):
    name = os.fsdecode(b"caf\xe9.jpg")
    with open_store(out) as store:
        store.begin(photos(name), OPTIONS)
        store.put(0, "aa", RESULT)
        assert grades(store)[0].name == "caf\\udce9.jpg"


def test_where_the_face_lies_is_kept_for_pictures_of_it(out):
    skin = np.ones((4, 6), bool)
    patch = Patch(
        "chin", np.zeros((4, 6, 3), np.uint8), skin, 3.0, np.array([[1, 0, 2.5], [0, 1, -3]], float)
    )
    points = np.random.default_rng(0).uniform(0, 900, (68, 2))
    found = FacePatches("a", "aa", (patch,), Face(points, "left", "half", 1.2, 5.5), {"forehead": "hair"})
    with open_store(out) as store:
        store.begin(photos("a.jpg", "b.jpg"), OPTIONS)
        store.put(0, "aa", RESULT, found)
        kept = store.face(0)
        assert store.face(1) is None
    np.testing.assert_array_equal(kept["points"], points)
    (place,) = kept["patches"]
    assert place == {"region": "chin", "to_patch": patch.to_patch.tolist(), "px_per_mm": 3.0, "size": [4, 6]}
    assert kept["dropped"] == {"forehead": "hair"}


def test_nothing_but_text_and_numbers(out):
    with open_store(out) as store:
        store.begin(photos("a.jpg"), OPTIONS)
        store.put(0, "aa", RESULT)
    db = sqlite3.connect(store_path(out))
    for table in ("photos", "results"):
        for row in db.execute(f"SELECT * FROM {table}"):
            assert all(value is None or isinstance(value, str | int | float) for value in row)
    (packed,) = db.execute("SELECT patches FROM results").fetchone()
    assert json.loads(packed) == {
        "columns": ["region", "grade", "load", "itd"],
        "rows": [["chin", 3.1, 0.1, None]],
    }


def test_a_run_that_never_began_leaves_nothing(out):
    with pytest.raises(ToolkitError, match="no such model"), open_store(out):
        raise ToolkitError("no such model")
    assert not list(out.parent.iterdir())


# --- one run at a time ---------------------------------------------------------------------------

HOLD = """
import sys, time
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import SimpleNamespace
from toolkit.store import open_store
with open_store(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(out):
    process = subprocess.Popen([sys.executable, "-c", HOLD, out], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_two_runs_on_one_output_refuse_each_other(out, holder):
    with pytest.raises(ToolkitError, match=r"grades\.xlsx: another run writes it: wait") as told:
        open_store(out).__enter__()
    assert "\n" not in str(told.value)
    with pytest.raises(ToolkitError, match="another run writes it"), open_store(out.with_suffix(".csv")):
        pass  # another format of the same results
    with open_store(out.with_name("others.xlsx")) as store:
        assert store.is_empty


def test_a_killed_run_leaves_a_lock_that_holds_nobody(out, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    lock = store_path(out).with_suffix(".lock")
    assert lock.is_file()
    with open_store(out) as store:
        store.begin(photos("a.jpg"), OPTIONS)
        assert lock.is_file()
    assert not lock.exists()


def test_what_was_kept_is_read_after_a_kill_in_the_middle_of_a_write(out):
    with open_store(out) as store:
        store.begin(photos("a.jpg"), OPTIONS)
        store.put(0, "aa", RESULT)
    path = store_path(out)
    code = (
        "import os, sqlite3\n"
        f"db = sqlite3.connect({str(path)!r}, isolation_level='IMMEDIATE')\n"
        "db.execute('PRAGMA cache_size = 2')\n"
        "rows = ((f'{n:064}', 'x' * 500) for n in range(2000))\n"
        "db.executemany('INSERT INTO outputs VALUES (?, ?)', rows)\n"
        "os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert path.with_name(f"{path.name}-journal").stat().st_size > 0
    with read_store(path) as store:
        assert store.counts()["graded"] == 1 and store.written() == {}
    assert not path.with_name(f"{path.name}-journal").exists()


def test_a_run_reads_while_another_writes(out):
    with open_store(out) as store:
        store.begin(photos("a.jpg", "b.jpg"), OPTIONS)
        store.put(0, "aa", RESULT)
        with read_store(store_path(out)) as reader:
            assert reader.counts()["graded"] == 1
        store.put(1, "bb", RESULT)


# --- files that are not ours ---------------------------------------------------------------------


def test_a_damaged_store_is_named_and_left_alone(out):
    path = store_path(out)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database at all" * 100)
    with (
        pytest.raises(ToolkitError, match=r"grades\.toolkit\.sqlite: holds no results.*move it away"),
        open_store(out),
    ):
        pass
    assert path.read_bytes() == b"no database at all" * 100


def test_a_foreign_database_is_left_alone(out):
    path = store_path(out)
    path.parent.mkdir(parents=True)
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE results (mine TEXT)")
    db.close()
    with pytest.raises(ToolkitError, match="another program's"), open_store(out):
        pass
    assert sqlite3.connect(path).execute("SELECT * FROM results").description[0][0] == "mine"


def test_results_of_another_format_are_refused_and_kept(out):
    with open_store(out) as store:
        store.begin(photos("a.jpg"), OPTIONS)
        store.put(0, "aa", RESULT)
    db = sqlite3.connect(store_path(out))
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = store_path(out).read_bytes()
    with (
        pytest.raises(ToolkitError, match=r"another version of toolkit, format 99.*move it away"),
        open_store(out),
    ):
        pass
    assert store_path(out).read_bytes() == before


def test_a_file_in_the_place_of_the_lock_is_left_alone(out):
    lock = store_path(out).with_suffix(".lock")
    lock.parent.mkdir(parents=True)
    lock.write_text("my notes")
    with pytest.raises(ToolkitError, match="is not a lock of this command"), open_store(out):
        pass
    assert lock.read_text() == "my notes"


def test_no_store_to_read(tmp_path):
    with pytest.raises(ToolkitError, match="no such results"), read_store(tmp_path / "none.sqlite"):
        pass


def test_results_of_the_first_format_are_kept(out):
    with open_store(out) as store:
        store.begin(photos("a.jpg"), OPTIONS)
        store.put(0, "aa", RESULT)
    db = sqlite3.connect(store_path(out))
    db.execute("ALTER TABLE results DROP COLUMN pigment")  # it came with the second
    db.execute("DROP TABLE outputs")  # and this with the third
    db.execute("PRAGMA user_version = 1")
    db.close()
    for _ in range(2):
        with open_store(out) as store:
            store.begin(photos("a.jpg", "b.jpg"), OPTIONS)
            store.claim([(0, "aa")])
            assert store.missing() == [1]
            assert store.details(0).pigment == () and store.details(0).contributions
            store.put(1, "bb", RESULT)
            assert len(store.details(1).pigment) == len(RESULT.pigment)
            store._db.execute("DELETE FROM results WHERE sha256 = 'bb'").connection.commit()


# ---- damaged rows


def with_two(out):
    with open_store(out) as store:
        store.begin(photos("a.jpg", "b.jpg"), OPTIONS)
        store.put(0, "aa", RESULT)
        store.put(1, "bb", RESULT)
        assert store.drop_damaged() == 0 and store.missing() == []
    return sqlite3.connect(store_path(out))


@pytest.mark.parametrize(
    "damage",
    [
        "grade = 9.0", "grade = NULL", "note = 'another'", "patches = '[]'", "regions = '{\"chin\": 8}'", "side = NULL",
        "face = 'x'", "patches = CAST(X'ff00fe' AS TEXT)", "sha256 = 'ab'", "options = '{}'",
    ],
)  # fmt: skip
def test_a_damaged_row_costs_its_photo_a_new_grading_and_no_other(out, damage):
    db = with_two(out)
    with db:
        db.execute(f"UPDATE results SET {damage} WHERE sha256 = 'aa'")
    db.close()
    with open_store(out) as store:
        assert store.drop_damaged() == 1
        store.begin(photos("a.jpg", "b.jpg"), OPTIONS)
        store.claim([(0, "aa"), (1, "bb")])
        assert store.missing() == [0]
        store.put(0, "aa", RESULT)
        assert store.drop_damaged() == 0
        assert [one.grade for one in grades(store)] == [RESULT.grade.grade] * 2


def test_rows_of_a_version_without_checksums_are_believed(out):
    db = with_two(out)
    with db:
        db.execute("DROP TABLE checksums")
    db.close()
    with open_store(out) as store:
        assert store.drop_damaged() == 0
        store.begin(photos("a.jpg", "b.jpg"), OPTIONS)
        store.claim([(0, "aa"), (1, "bb")])
        assert store.missing() == []


# ---- damaged pages


def with_many(out, count=60):
    """A file of many pages; the names of its photos."""
    names = [f"{n:02}.jpg" for n in range(count)]
    with open_store(out) as store:
        store.begin(photos(*names), OPTIONS)
        for place, name in enumerate(names):
            store.put(place, name, RESULT)
        store.note_written({"grades.csv": "w" * 64})
    return names


def pages_of(path, name):
    """The numbers of the pages that hold a table, by their owners in SQLite's own account."""
    with sqlite3.connect(path) as db:
        size = db.execute("PRAGMA page_size").fetchone()[0]
        root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0]
    data = path.read_bytes()
    page = data[(root - 1) * size : root * size]
    if page[0] != 5:  # an inner page of a table's tree
        return size, root, [root]
    cells = int.from_bytes(page[3:5])
    places = [int.from_bytes(page[12 + 2 * n : 14 + 2 * n]) for n in range(cells)]
    leaves = [int.from_bytes(page[place : place + 4]) for place in places]
    return size, root, [*leaves, int.from_bytes(page[8:12])]


def flip(path, page, size):
    data = bytearray(path.read_bytes())
    at = slice((page - 1) * size, page * size)
    data[at] = bytes(255 - value for value in data[at])
    path.write_bytes(data)


@pytest.mark.parametrize("which", ["first", "middle", "last", "root", "index", "checksums", "outputs"])
def test_a_damaged_page_costs_its_rows_and_no_other(out, which):
    names, path = with_many(out), store_path(out)
    table = {"index": "photo_results", "checksums": "checksums", "outputs": "outputs"}.get(which, "results")
    size, root, leaves = pages_of(path, table)
    page = {"first": leaves[0], "middle": leaves[len(leaves) // 2], "last": leaves[-1]}.get(which, root)
    flip(path, page, size)
    before = path.read_bytes()
    with open_store(out) as store:
        assert store.salvaged.startswith("grades.toolkit.sqlite: the file was damaged, and is set aside as ")
        assert "\n" not in store.salvaged and store.drop_damaged() == 0
        store.begin(photos(*names), OPTIONS)
        store.claim(enumerate(names))
        missing = store.missing()
        kept = len(names) - len(missing)
        assert f"; {kept} of its results could be read" in store.salvaged
        assert kept == {"index": 60, "outputs": 60}.get(which, kept)
        assert which in ("root", "checksums") or 0.7 * len(names) < kept
        assert all(one.grade == RESULT.grade.grade for n, one in enumerate(grades(store)) if n not in missing)
        for place in missing:
            store.put(place, names[place], RESULT)
    assert path.with_name("grades.toolkit.damaged1.sqlite").read_bytes() == before
    with open_store(out) as store:
        assert store.salvaged == "" and store.drop_damaged() == 0 and store.missing() == []


@pytest.mark.parametrize("name", [b"photo_results", b"checksums"])
def test_a_damaged_name_in_the_files_own_table_of_contents_is_damage(out, name):
    with_many(out)
    path = store_path(out)
    data = path.read_bytes()
    place = data.index(name)
    path.write_bytes(data[:place] + b"\x9f" + data[place + 1 :])
    with open_store(out) as store:
        assert store.salvaged.startswith("grades.toolkit.sqlite: the file was damaged, and is set aside as ")


def test_a_file_cut_short_keeps_what_is_left(out):
    with_many(out)
    data = store_path(out).read_bytes()
    store_path(out).write_bytes(data[: len(data) * 3 // 4])
    with open_store(out) as store:
        assert "could be read and are kept" in store.salvaged


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (16, 1), (17, 64), (18, 0), (18, 3), (18, 255), (19, 0), (19, 3), (19, 255), (20, 7), (21, 65), (22, 0), (23, 255),
        (28, 255), (30, 3), (31, 1), (31, 255), (47, 5), (47, 255), (59, 2), (59, 255),
    ],
)  # fmt: skip
def test_a_wrong_byte_in_the_files_header_costs_no_row(out, at, value):
    names, path = with_many(out, 20), store_path(out)
    data = bytearray(path.read_bytes())
    data[at] = value
    path.write_bytes(data)
    with open_store(out) as store:
        assert store.salvaged.startswith("grades.toolkit.sqlite: the file was damaged, and is set aside as ")
        assert "; 20 of its results could be read" in store.salvaged
        store.begin(photos(*names), OPTIONS)
        store.claim(enumerate(names))
        assert store.missing() == [] and store.drop_damaged() == 0
    assert {one.name for one in path.parent.iterdir()} == {path.name, "grades.toolkit.damaged1.sqlite"}


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/home/a b/é#?.sqlite", "file:///home/a%20b/%C3%A9%23%3F.sqlite?mode=ro"),
        ("C:\\studies\\a.sqlite", "file:///C:/studies/a.sqlite?mode=ro"),
        ("\\\\server\\study\\a.sqlite", "file:////server/study/a.sqlite?mode=ro"),  # not file://server/...
    ],
)
def test_sqlite_is_asked_for_a_file_in_a_way_that_it_takes_on_any_system(path, address):
    pure = PurePosixPath(path) if path.startswith("/") else PureWindowsPath(path)
    assert read_only(SimpleNamespace(resolve=lambda: pure)) == address
