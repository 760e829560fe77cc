"""Whole runs that are killed, stopped, repeated, and given photographs that hang or crash what reads them."""

import os
import random
import signal
import struct
import subprocess
import sys
import time
import zlib
from multiprocessing import forkserver

import numpy as np
import pytest
from command_line import kept
from drawn_photos import drawn_face
from graded_study import small_model, write_photos
from PIL import Image
from places import ROOT

from toolkit.commands import grading, shared
from toolkit.commands.grading import grade_photos
from toolkit.index import ReferenceIndex
from toolkit.store import NOT_REACHED, open_store, read_store, store_path

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="signals")]
TIMES = ("started", "finished", "seconds")
PHOTOS = 12


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models") / "small")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "photos"
    write_photos(folder, PHOTOS)
    (folder / "broken.jpg").write_bytes((folder / "P0000_FACE_L_S00_V00D00W00.jpg").read_bytes()[:5000])
    return folder


@pytest.fixture(scope="module")
def undisturbed(photos, model, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed") / "grades.xlsx"
    run = grade_photos([photos], out, model)
    assert (run.photos, run.graded, run.earlier, run.interrupted) == (PHOTOS + 1, PHOTOS, 0, False)
    return out


def load(workbook):
    import openpyxl

    return openpyxl.load_workbook(workbook)


def cells(workbook):
    """{(sheet, cell): (value, fill)} of everything but the times of the run."""
    found = {}
    for sheet in load(workbook).worksheets:
        for row in sheet.iter_rows():
            if sheet.title == "Run" and row[0].value in TIMES:
                continue
            found |= {(sheet.title, c.coordinate): (c.value, c.fill.fgColor.rgb) for c in row}
    return found


def start(photos, out, model, *options):
    """The command in a process group of its own."""
    command = [
        sys.executable,
        "-m",
        "toolkit.cli",
        "grade",
        photos,
        "--out",
        out,
        "--model",
        model,
        "--workers",
        "1",
    ]
    return subprocess.Popen(
        [*map(str, command), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, cwd=ROOT, preexec_fn=_hear_interrupts,
    )  # fmt: skip


def _hear_interrupts():
    """As at a terminal: what a shell starts in the background, tests too, is deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for(out, process, results):
    deadline = time.monotonic() + 120
    while len(kept(out)) < results and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)


def group_ends(group):
    """Whether the last process of a group is gone within seconds."""
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_every_column_is_explained_and_every_photo_has_its_hash(undisturbed):
    book = load(undisturbed)
    _, *explained = book["Dictionary"].iter_rows(values_only=True)
    assert not [row for row in explained if not row[2]]
    assert {row[0] for row in explained} == set(book.sheetnames) - {"Summary", "Dictionary", "Glossary"}
    _, *inputs = book["Inputs"].iter_rows(values_only=True)
    assert len(inputs) == PHOTOS + 1
    assert all(size > 0 and len(sha256) == 64 for _, size, sha256 in inputs)
    told = dict(row[:2] for row in book["Run"].iter_rows(values_only=True))
    assert {"toolkit", "model sha256", "landmark model sha256", "machine", "numpy", "patch.px_per_mm"} <= set(
        told
    )


def test_killed_again_and_again_it_ends_like_an_undisturbed_run(photos, model, undisturbed, tmp_path):
    out = tmp_path / "grades.xlsx"
    chance = random.Random(os.getpid())
    before = {}
    for _ in range(3):
        process = start(photos, out, model)
        wait_for(out, process, len(before) + chance.randint(1, 2))
        time.sleep(chance.uniform(0, 0.6))
        process.kill()
        process.communicate()
        assert group_ends(process.pid)
        after = kept(out)
        assert before.items() <= after.items()  # kept, and not made again
        assert not out.exists() or process.returncode == 3  # one of the photos is broken
        before = after
    assert before
    process = start(photos, out, model)
    said, complaints = process.communicate(timeout=300)
    assert process.returncode == 3, complaints
    assert f"{PHOTOS} of {PHOTOS + 1} photos graded ({len(before)} of them in an earlier run) in " in said
    assert before.items() <= kept(out).items()
    assert cells(out) == cells(undisturbed)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grades.toolkit.sqlite", "grades.xlsx"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_writes_what_there_is_and_says_how_to_go_on(photos, model, undisturbed, tmp_path, number):
    out = tmp_path / "grades.xlsx"
    process = start(photos, out, model)
    wait_for(out, process, 2)
    os.killpg(process.pid, number)  # as the terminal does: to every process of the command
    said, complaints = process.communicate(timeout=60)
    assert process.returncode == 130, complaints
    assert "Traceback" not in complaints
    with read_store(store_path(out)) as store:
        graded, reached = store.counts()["graded"], store.counts()["reached"]
    assert said.splitlines()[-2:] == [
        f"Stopped: {graded} of {PHOTOS + 1} photos graded: {out}", "Rerun the command to resume."
    ]  # fmt: skip
    assert group_ends(process.pid)
    rows = list(load(out)["Grades"].iter_rows(min_row=2, values_only=True))
    assert len(rows) == PHOTOS + 1
    assert sum(row[-1] == NOT_REACHED for row in rows) == PHOTOS + 1 - reached > 0
    assert grade_photos([photos], out, model).earlier >= 2
    assert cells(out) == cells(undisturbed)


def copied(photos, folder):
    folder.mkdir()
    for path in photos.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_only_what_is_missing_is_read(photos, model, tmp_path, monkeypatch):
    asked = []
    grade_all = grading.grade_all
    monkeypatch.setattr(
        grading,
        "grade_all",
        lambda files, *rest, **more: asked.append(files) or grade_all(files, *rest, **more),
    )
    mine, out = copied(photos, tmp_path / "photos"), tmp_path / "grades.xlsx"
    some = sorted(mine.glob("P0000*"))
    grade_photos(some, out, model)
    first = {grade.name: grade.grade for grade in grade_photos(some, out, model).grades}
    assert [len(files) for files in asked] == [len(some), 0]
    # Moved and renamed, side and subject as before; one copied; one changed; one whose name tells another side.
    (mine / "week 4").mkdir()
    some[0].rename(mine / "week 4" / "P0000_FACE_L_S00_V00D00W04.jpg")
    (mine / "copy.jpg").write_bytes(some[1].read_bytes())
    moved = [mine / "week 4", mine / "copy.jpg", some[1]]
    run = grade_photos(moved, out, model)
    assert [file.name for file in asked[-1]] == [
        "copy.jpg"
    ]  # its name tells no side, so it is looked at anew
    assert run.earlier == 2
    renamed = run.grades[0]
    assert (renamed.name, renamed.facts.visit) == ("week 4/P0000_FACE_L_S00_V00D00W04.jpg", "Week 4")
    assert renamed.grade == first[some[0].name]
    some[1].write_bytes((mine / "P0001_FACE_L_S00_V00D00W04.jpg").read_bytes())
    grade_photos(moved, out, model)
    assert [file.path for file in asked[-1]] == [some[1]]
    grade_photos(moved, out, model, weights="equal")
    assert len(asked[-1]) == 3


def test_stopped_before_it_knows_what_is_done_it_leaves_the_workbook(
    photos, model, undisturbed, tmp_path, monkeypatch
):
    out = tmp_path / "grades.xlsx"
    for file in (undisturbed, store_path(undisturbed)):
        (tmp_path / file.name).write_bytes(file.read_bytes())

    def stopped(*rest, **more):
        raise KeyboardInterrupt
        yield

    with monkeypatch.context() as patched:
        patched.setattr(shared, "hash_all", stopped)
        with pytest.raises(KeyboardInterrupt):
            grade_photos([photos], out, model)
    assert out.read_bytes() == undisturbed.read_bytes()
    assert grade_photos([photos], out, model).earlier == PHOTOS + 1
    assert cells(out) == cells(undisturbed)


def test_another_run_on_the_same_output_is_refused_in_one_line(photos, model, tmp_path):
    out = tmp_path / "grades.xlsx"
    with open_store(out):
        process = start(photos, out, model)
        said, complaints = process.communicate(timeout=120)
    assert process.returncode == 1 and not said
    assert complaints == (f"toolkit: {out}: another run writes it: wait for it, or name another output\n")


# --- photographs that harm -----------------------------------------------------------------------

HARM = """
import os, signal
try:
    import toolkit.images as images
except ImportError:
    images = None
if images:
    read = images.read_photo
    def read_photo(path, settings):
        if "crash" in path.name:
            os.kill(os.getpid(), signal.SIGSEGV)
        while "hang" in path.name:
            pass
        return read(path, settings)
    images.read_photo = read_photo
"""


def begin_anew():
    """Ends the process that others are copies of: the next one reads its environment again."""
    forkserver._forkserver._stop()


def test_a_photo_that_hangs_and_one_that_crashes_are_named_and_tried_again(
    photos, model, tmp_path, monkeypatch
):
    mine = tmp_path / "photos"
    mine.mkdir()
    for name, photo in zip(("a-crash", "b", "c-hang", "d"), sorted(photos.glob("P*")), strict=False):
        (mine / f"{name}.jpg").write_bytes(photo.read_bytes())
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(HARM)
    with monkeypatch.context() as harm:
        harm.setenv("PYTHONPATH", f"{tmp_path / 'site'}{os.pathsep}{ROOT}")
        begin_anew()
        run = grade_photos([mine], tmp_path / "out.xlsx", model, limit_s=15)
    begin_anew()
    crash, b, hang, d = run.grades
    assert crash.grade is None and "its process ended unexpectedly 2 times (signal SIGSEGV)" in crash.note
    assert hang.grade is None and hang.note == "took longer than 15 s"
    assert b.grade is not None and d.grade is not None
    again = grade_photos([mine], tmp_path / "out.xlsx", model)
    assert (again.earlier, again.graded) == (2, 4)


def png_of(width, height):
    """The head of a PNG that claims to be that large, and little else."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def cartoon():
    y, x = np.mgrid[:400, :400]
    face = np.full((400, 400, 3), (70, 130, 200), np.uint8)
    face[(y - 200) ** 2 + (x - 200) ** 2 < 150**2] = (250, 220, 60)
    for left, top, size in ((140, 160, 20), (260, 160, 20), (200, 260, 45)):
        face[(y - top) ** 2 + (x - left) ** 2 < size**2] = (20, 20, 20)
    return face


@pytest.fixture(scope="module")
def bag(photos, tmp_path_factory):
    """Everything that a folder of photographs was ever seen to hold, and what its note says."""
    folder = tmp_path_factory.mktemp("bag")
    data = (photos / "P0000_FACE_L_S00_V00D00W00.jpg").read_bytes()
    grain = np.random.default_rng(0).integers(120, 200, (500, 400, 3)).astype(np.uint8)
    faces = np.hstack([drawn_face(seed)[0] for seed in (0, 1)])
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("no picture")
    (folder / "page.jpg").write_text("<html><body>Sign in to download</body></html>")
    (folder / "truncated.jpg").write_bytes(data[: len(data) // 3])
    (folder / "bomb.png").write_bytes(png_of(60_000, 60_000))
    (folder / "short.png").write_bytes(png_of(600, 600))
    (folder / "folder.jpg").mkdir()
    (folder / "dangling.jpg").symlink_to(folder / "gone.jpg")
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    os.mkfifo(folder / "pipe.jpg")
    Image.fromarray(grain).save(folder / "noise.jpg")
    Image.fromarray(cartoon()).save(folder / "cartoon.png")
    Image.new("RGB", (300, 300)).save(folder / "black.png")
    Image.new("RGB", (1, 1), (200, 150, 120)).save(folder / "dot.png")
    Image.fromarray(faces).save(folder / "two.jpg")
    for name in GOOD:
        (folder / name).write_bytes(data)
    return folder


GOOD = (
    "=1+1.jpg",
    "+a.jpg",
    "-a.jpg",
    "@a.jpg",
    "лицо-顔-👩.jpg",
    f"{'long' * 60}.jpg",
    "a'b\"c;d,e.jpg",
    " space .jpg",
)
BAD = {
    "empty.jpg": "the file is empty",
    "text.jpg": "not a picture",
    "page.jpg": "not a picture",
    "truncated.jpg": "damaged",
    "bomb.png": "far too many pixels",
    "short.png": "damaged",
    "folder.jpg": "Is a directory",
    "dangling.jpg": "cannot be read (No such file",
    "loop.jpg": "cannot be read (Too many levels of symbolic links)",
    "pipe.jpg": "the file is empty",
    "noise.jpg": "no face found",
    "cartoon.png": "",
    "black.png": "painted out",
    "dot.png": "",
}


def test_a_bag_of_bad_photos_is_graded_to_the_end(bag, model, tmp_path):
    started = time.monotonic()
    run = grade_photos([bag], tmp_path / "out.xlsx", model, limit_s=30)
    assert time.monotonic() - started < 120
    found = {grade.name: grade for grade in run.grades}
    assert set(found) == {*BAD, *GOOD, "two.jpg"}
    for name, reason in BAD.items():
        assert found[name].grade is None, name
        assert found[name].note and reason in found[name].note, (name, found[name].note)
        assert str(bag) not in found[name].note and "\n" not in found[name].note
    assert found["two.jpg"].grade is not None and "2 faces" in found["two.jpg"].note
    assert len({found[name].grade for name in GOOD}) == 1 and found[GOOD[0]].grade is not None
    sheet = load(tmp_path / "out.xlsx")["Grades"]
    names = {row[0].value: row[0] for row in sheet.iter_rows(min_row=2)}
    assert set(names) == set(found)
    assert all(cell.data_type == "s" for cell in names.values())
    again = grade_photos([bag], tmp_path / "out.xlsx", model, limit_s=30)
    unreadable = {"folder.jpg", "dangling.jpg", "loop.jpg", "pipe.jpg"}  # without bytes, tried again
    assert again.earlier == len(found) - len(unreadable)


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_photo_that_may_not_be_read_keeps_its_row(photos, model, tmp_path):
    (tmp_path / "secret.jpg").write_bytes((photos / "broken.jpg").read_bytes())
    (tmp_path / "secret.jpg").chmod(0)
    (grade,) = grade_photos([tmp_path / "secret.jpg"], tmp_path / "out.xlsx", model).grades
    assert grade.note == "cannot be read (Permission denied)"


def test_where_references_are_on_a_gpu_this_process_grades(photos, model, undisturbed, tmp_path, monkeypatch):
    monkeypatch.setattr(ReferenceIndex, "device", "gpu")
    out = tmp_path / "grades.xlsx"
    grade_photos([photos], out, model)
    assert cells(out) == cells(undisturbed)


def test_the_log_tells_every_photo_once(photos, model, tmp_path, caplog):
    caplog.set_level("INFO", logger="toolkit")
    grade_photos([photos], tmp_path / "grades.xlsx", model, workers=2)
    told = [record.getMessage() for record in caplog.records if ".jpg: " in record.getMessage()]
    assert sorted(line.split(": ")[0] for line in told) == sorted(path.name for path in photos.iterdir())
    assert sum(": grade " in line for line in told) == PHOTOS and any("damaged" in line for line in told)
