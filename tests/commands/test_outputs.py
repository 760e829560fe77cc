"""No command writes over what it reads, nor over anybody's file: one list of every path that is written, held by all.

``WRITTEN`` names each path that a command writes, moves or deletes, with a call that would write it. Each is tried
with a file of somebody else, an input, a link to an input and a second name of it in that place: the call is refused
before anything is done, and every file is what it was.
"""

import hashlib
import json
import os
import shutil
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from command_line import toolkit
from graded_study import small_model, write_photos
from PIL import Image

from toolkit.errors import ToolkitError
from toolkit.model import CARD, FILES
from toolkit.modelcard import PAGES
from toolkit.outputs import (
    Output,
    check_folder,
    check_outputs,
    first_entry,
    has_columns,
    is_marked_picture,
    is_stamped,
    marked_jpeg,
)
from toolkit.store import store_path
from toolkit.tables import write_csv
from toolkit.workbook import result_files, write_sheets

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="links need rights")]
PHOTOS = 8  # of four people


def hashes(folder: Path) -> dict[str, str]:
    """Every file below a folder, links as what they name."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(".lock")
    }


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A study with everything that commands read: photos, grades, patches, a model, another grader's table."""
    folder = tmp_path_factory.mktemp("study")
    paths = write_photos(folder / "photos", PHOTOS)
    rows = [{"file": path.name, "grade": number % 3 + 1.0} for number, path in enumerate(paths)]
    write_sheets(folder / "grades.xlsx", {"Grades": rows})
    write_csv(folder / "grades.csv", rows)
    write_csv(folder / "arms.csv", [{"subject": f"P000{n}", "arm": "AB"[n % 2]} for n in range(4)])
    small_model(folder / "model")
    done = toolkit("extract-patches", folder / "photos", "--out", folder / "patches", "--workers", 1)
    assert done.status == 0, done
    done = toolkit(
        *f"grade {folder}/photos --model {folder}/model --workers 1 --out {folder}/part.csv".split()
    )
    assert done.status == 0, done
    return folder


@pytest.fixture
def study(kept, tmp_path):
    shutil.copytree(kept, tmp_path / "s")
    return tmp_path / "s"


GRADE = "grade photos --model model --workers 1"
MERGE = "merge part.csv --model model --workers 1"
WRITTEN = {
    # a path that a command writes: (the call, what it reads that may stand there)
    "g.xlsx": (f"{GRADE} --out g.xlsx", "grades.xlsx"),
    "g.csv": (f"{GRADE} --out g.csv", "grades.csv"),
    "g_patches.csv": (f"{GRADE} --out g.csv", "grades.csv"),
    "g_change.csv": (f"{GRADE} --out g.csv", "grades.csv"),
    "g_by_visit.csv": (f"{GRADE} --out g.csv", "grades.csv"),
    "g_run.csv": (f"{GRADE} --out g.csv", "grades.csv"),
    "g_evidence.csv": (f"{GRADE} --out g.xlsx", "grades.csv"),  # where it is too long for a sheet
    "g.toolkit.sqlite": (f"{GRADE} --out g.xlsx", "model/booster.txt"),
    "g.toolkit.lock": (f"{GRADE} --out g.xlsx", None),
    "seen/P0000_FACE_L_S00_V00D00W00.jpg": (
        f"{GRADE} --out g.xlsx --overlays seen",
        "photos/P0000_FACE_L_S00_V00D00W00.jpg",
    ),
    "r.html": (f"{GRADE} --out g.xlsx --report r.html", None),
    "r/index.html": (f"{GRADE} --out g.xlsx --report-dir r", None),
    "m.xlsx": (f"{MERGE} --out m.xlsx", "part.csv"),
    "m_inputs.csv": (f"{MERGE} --out m.csv", "part_inputs.csv"),
    "m.toolkit.sqlite": (f"{MERGE} --out m.xlsx", "part.toolkit.sqlite"),
    "m.toolkit.lock": (f"{MERGE} --out m.xlsx", None),
    "m.html": (f"{MERGE} --out m.xlsx --report m.html", None),
    "m/index.html": (f"{MERGE} --out m.xlsx --report-dir m", None),
    "f.csv": ("features photos --out f.csv --workers 1", None),
    "f.xlsx": ("features photos --out f.xlsx --workers 1", None),
    "look/P0000_FACE_L_S00_V00D00W00.jpg": (
        "features photos --out f.csv --overlays look --workers 1",
        "photos/P0000_FACE_L_S00_V00D00W00.jpg",
    ),
    "p/manifest.csv": ("extract-patches photos --out p --workers 1", None),
    "p/overlays/P0000_FACE_L_S00_V00D00W00.jpg": (
        "extract-patches photos --out p --overlays --workers 1",
        "photos/P0000_FACE_L_S00_V00D00W00.jpg",
    ),
    "a.xlsx": ("agreement grades.xlsx grades.csv --out a.xlsx", "grades.xlsx"),
    "a.html": ("agreement grades.xlsx grades.csv --report a.html", "grades.xlsx"),
    "t.xlsx": ("trial grades.xlsx --arms arms.csv --out t.xlsx", "arms.csv"),
    "t.html": ("trial grades.xlsx --arms arms.csv --report t.html", "arms.csv"),
    "long.csv": ("trial grades.xlsx --arms arms.csv --long long.csv", "arms.csv"),
    "long.toolkit.json": ("trial grades.xlsx --arms arms.csv --long long.csv", "arms.csv"),
    "redcap.csv": ("trial grades.xlsx --arms arms.csv --redcap redcap.csv", "grades.xlsx"),
    "redcap.toolkit.json": ("trial grades.xlsx --arms arms.csv --redcap redcap.csv", "grades.xlsx"),
    "m/model.json": ("train photos --grades grades.xlsx --out m --workers 1", "grades.xlsx"),
    "m/booster.txt": ("train photos --grades grades.xlsx --out m --workers 1", "grades.xlsx"),
    "i/index.faiss": ("build-index patches --grades grades.xlsx --model model --out i", "grades.xlsx"),
    "e/comparison.xlsx": (
        "evaluate photos --grades grades.xlsx --out e --methods mean --workers 1",
        "grades.xlsx",
    ),
    "e/report.html": ("evaluate photos --grades grades.xlsx --out e --methods mean --workers 1", None),
    "e/folds/subject-mean-1.json": (
        "evaluate photos --grades grades.xlsx --out e --methods mean --workers 1",
        None,
    ),
    "e/folds/subject-mean-1.csv": (
        "evaluate photos --grades grades.xlsx --out e --methods mean --workers 1",
        None,
    ),
    "d/grades.xlsx": ("demo d --subjects 2 --workers 1", None),
    "n/images/P0001_FACE_L_S00_V00D00W00.jpg": ("phantom n --subjects 1 --workers 1", None),
    "n/grades.xlsx": ("phantom n --subjects 1 --workers 1", None),
    "n/truth.csv": ("phantom n --subjects 1 --workers 1", None),
    "n/phantom.json": ("phantom n --subjects 1 --workers 1", None),
}


def refused(folder, line, monkeypatch, *more):
    """The call is one line and status 1, and no file in the folder is another than before."""
    before = hashes(folder)
    monkeypatch.chdir(folder)
    done = toolkit(*line.split(), *more)
    assert done.status == 1, done
    assert done.err.startswith("toolkit: ") and done.err.count("\n") == 1, done.err
    after = hashes(folder)
    assert {name: after.get(name) for name in before} == before
    return done.err, set(after) - set(before)


@pytest.mark.parametrize("path", WRITTEN)
def test_somebody_elses_file_is_refused_before_any_work(study, path, monkeypatch):
    line, _ = WRITTEN[path]
    target = study / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("somebody's notes, under a name that a command would write")
    _, made = refused(study, line, monkeypatch)
    assert not made


@pytest.mark.parametrize("way", ["link", "second name"])
@pytest.mark.parametrize("path", [path for path, (_, source) in WRITTEN.items() if source])
def test_a_link_to_an_input_is_refused_whatever_the_user_says(study, path, way, monkeypatch):
    line, source = WRITTEN[path]
    target = study / path
    target.parent.mkdir(parents=True, exist_ok=True)
    (target.symlink_to if way == "link" else target.hardlink_to)(study / source)
    _, made = refused(study, line, monkeypatch)
    assert not made
    if "--overwrite" in toolkit(line.split()[0], "--help").out:
        if source == "grades.csv" or (source == "grades.xlsx" and line.startswith("grade")):
            line += " --report r.html --expert-grades " + source  # only then does the call read it
        refused(study, line, monkeypatch, "--overwrite")


AMONG = {
    "overlays over the photos": f"{GRADE} --out g.xlsx --overlays photos",
    "overlays below the photos": f"{GRADE} --out g.xlsx --overlays photos/seen",
    "overlays above the photos": f"{GRADE} --out g.xlsx --overlays .",
    "a page's folder among the photos": f"{GRADE} --out g.xlsx --report-dir photos/page",
    "pictures of features": "features photos --out f.csv --overlays photos --workers 1",
    "patches": "extract-patches photos --out photos --workers 1",
    "patches below": "extract-patches photos --out photos/patches --workers 1",
    "a comparison": "evaluate photos --grades grades.xlsx --out photos/e --methods mean --workers 1",
    "a model over the photos": "train photos --grades grades.xlsx --out photos --workers 1",
    "phantoms among the faces": "phantom photos/new --faces photos --subjects 1 --workers 1",
    "phantoms over the faces": "phantom photos --faces photos --subjects 1 --workers 1",
    "a merge over a part": f"{MERGE} --out part.csv",
    "a merge's page among the photos": f"{MERGE} --out m.xlsx --report-dir photos/page",
    "the experts' workbook": f"{GRADE} --out grades.xlsx --report r.html --expert-grades grades.xlsx",
    "a workbook that is not read": f"{GRADE} --out grades.xlsx",
    "features over the experts' workbook": "features photos --out grades.xlsx --workers 1",
    "a comparison over what it compares": "agreement grades.xlsx grades.csv --out grades.xlsx",
    "a trial over its grades": "trial grades.xlsx --arms arms.csv --out grades.xlsx",
    "a trial over its arms": "trial grades.xlsx --arms arms.csv --long arms.csv",
    "a model over the one that it starts from": "train photos --grades grades.xlsx --out model --encoder model",
}


@pytest.mark.parametrize("line", AMONG.values(), ids=AMONG)
def test_what_lies_among_inputs_or_is_one_is_refused(study, line, monkeypatch):
    _, made = refused(study, line, monkeypatch)
    assert not made


def test_photographs_given_one_by_one_are_not_replaced_by_their_overlays(study, monkeypatch):
    monkeypatch.chdir(study / "photos")
    photos = sorted(path.name for path in (study / "photos").iterdir())
    before = hashes(study)
    done = toolkit(
        "grade", *photos, "--model", "../model", "--out", "g.xlsx", "--overlays", ".", "--workers", 1
    )
    assert done.status == 1 and "lies among the photographs" in done.err
    assert hashes(study) == before


def test_the_starter_that_comes_with_toolkit_is_not_replaced(study, monkeypatch):
    from toolkit.model import starter_folder

    before = hashes(starter_folder())
    told, _ = refused(
        study, f"build-index patches --grades grades.xlsx --model {starter_folder()}", monkeypatch
    )
    assert "is the starter model" in told
    assert hashes(starter_folder()) == before


# --- whole runs ----------------------------------------------------------------------------------

RUNS = (
    f"{GRADE} --out out/g.xlsx --overlays out/seen --report out/r.html --report-dir out/r --expert-grades grades.xlsx",
    f"{GRADE} --out photos/g.xlsx",  # a workbook may lie beside the photographs
    f"{GRADE} --out out/g.csv --weights equal",
    "features photos --out out/f.csv --overlays out/look --workers 1",
    "features photos --out out/f.xlsx --workers 1",
    "extract-patches photos --out out/p --overlays --workers 1",
    "agreement grades.xlsx out/g.xlsx --out out/a.xlsx",
    "trial out/g.xlsx --arms arms.csv --out out/t.xlsx --report out/t.html --long out/l.csv --redcap out/rc.csv",
    "build-index patches --grades grades.csv --model model --out out/i",
    "train photos --grades grades.xlsx --out photos/m --folds 2 --encoder model --workers 1",  # holds no pictures
    "evaluate photos --grades grades.xlsx --out out/e --methods mean --folds 2 --workers 1",
    "phantom out/n --subjects 1 --style full --workers 1",
)


def test_every_input_is_the_same_after_a_whole_run_of_every_command_and_after_another(study, monkeypatch):
    """And each may be repeated: what it wrote before is its own."""
    before = hashes(study)
    monkeypatch.chdir(study)
    for line in RUNS:
        for repeated in (False, True):
            done = toolkit(*line.split())
            if repeated and line.startswith("phantom"):
                assert done.status == 1 and "needs a new folder" in done.err
                continue
            assert done.status == 0, (line, done)
        after = hashes(study)
        assert {name: after.get(name) for name in before} == before, line


def test_what_was_edited_is_no_longer_replaced_without_a_word(study, monkeypatch):
    import openpyxl

    monkeypatch.chdir(study)
    for line, target in (
        (f"{GRADE} --out g.xlsx", "g.xlsx"),
        (f"{GRADE} --out g.csv", "g.csv"),
        ("features photos --out f.xlsx --workers 1", "f.xlsx"),
        ("agreement grades.xlsx g.xlsx --out a.xlsx", "a.xlsx"),
        ("trial grades.xlsx --arms arms.csv --out t.xlsx", "t.xlsx"),
    ):
        assert toolkit(*line.split()).status == 0
        path = Path(target)
        if path.suffix == ".xlsx":
            book = openpyxl.load_workbook(path)
            book.worksheets[0]["A2"] = "a remark of mine"
            book.save(path)
        else:
            path.write_text(path.read_text(encoding="utf-8").replace("ok", "seen"), encoding="utf-8")
        told, _ = refused(study, line, monkeypatch)
        assert "was edited since" in told
        edited = path.read_bytes()
        assert toolkit(*line.split(), "--overwrite").status == 0
        assert path.read_bytes() != edited
        path.unlink()
        if line.startswith("grade"):
            store_path(path).unlink()
        if target == "g.csv":
            toolkit(*f"{GRADE} --out g.xlsx".split())  # for the comparison


# --- earlier results -----------------------------------------------------------------------------


def graded(path):
    """{photo: grade} of a workbook."""
    import pandas as pd

    table = pd.read_excel(path, sheet_name="Grades")
    return dict(zip(table["photo"], table["grade"], strict=True))


@pytest.fixture
def batches(study):
    """Photographs in two folders, as for two batches, the second with a name that the first has."""
    photos = sorted((study / "photos").iterdir())
    for name, some in (("one", photos[:2]), ("two", photos[2:4])):
        (study / name).mkdir()
        for path in some:
            shutil.copy(path, study / name / path.name)
    return study


def test_a_second_batch_is_told_what_it_would_drop_and_is_kept_on_request(batches, monkeypatch):
    monkeypatch.chdir(batches)
    calls = [f"grade {name} --model model --workers 1 --out g.xlsx".split() for name in ("one", "two")]
    assert toolkit(*calls[0]).status == 0
    first = graded("g.xlsx")
    told, _ = refused(batches, " ".join(calls[1]), monkeypatch)
    assert "g.xlsx: holds grades of 2 photos not among the 2 given (P0000_FACE_L" in told
    assert "--append" in told and "--overwrite" in told
    done = toolkit(*calls[1], "--append")
    assert done.status == 0 and "4 of 4 photos graded (2 of them in an earlier run)" in done.out
    both = graded("g.xlsx")
    assert list(both)[:2] == list(first) and len(both) == 4
    assert {name: both[name] for name in first} == first
    done = toolkit(*calls[1], "--append")  # a stopped run goes on so
    assert done.status == 0 and "4 of 4 photos graded (4 of them in an earlier run)" in done.out
    assert graded("g.xlsx") == both
    assert refused(batches, " ".join(calls[0]), monkeypatch)  # the second batch would be lost
    assert toolkit(*calls[1], "--overwrite").status == 0
    assert graded("g.xlsx") == {name: both[name] for name in both if name not in first}


def test_other_pictures_under_the_same_names_are_other_photographs(batches, monkeypatch):
    monkeypatch.chdir(batches)
    for path, other in zip(sorted(Path("two").iterdir()), sorted(Path("one").iterdir()), strict=True):
        path.rename(path.with_name(other.name))
    calls = [f"grade {name} --model model --workers 1 --out g.xlsx".split() for name in ("one", "two")]
    assert toolkit(*calls[0]).status == 0
    first = graded("g.xlsx")
    refused(batches, " ".join(calls[1]), monkeypatch)
    assert toolkit(*calls[1], "--append").status == 0
    both = graded("g.xlsx")
    assert {name: both[name] for name in first} == first
    assert set(both) - set(first) == {f"two/{name}" for name in first}


def test_photographs_that_were_moved_or_changed_in_place_are_the_same(batches, monkeypatch):
    monkeypatch.chdir(batches)
    call = ["grade", "one", "--model", "model", "--workers", "1", "--out", "g.xlsx"]
    assert toolkit(*call).status == 0
    one, two = sorted(Path("one").iterdir())
    (Path("one") / "moved").mkdir()
    one.rename(Path("one") / "moved" / one.name)
    two.write_bytes(two.read_bytes() + b"changed")
    assert toolkit(*call).status == 0
    assert set(graded("g.xlsx")) == {f"moved/{one.name}", two.name}


def test_without_its_store_a_workbook_still_tells_what_would_be_lost(batches, monkeypatch):
    monkeypatch.chdir(batches)
    for out in ("g.xlsx", "g.csv"):
        assert toolkit(*f"grade one --model model --workers 1 --out {out}".split()).status == 0
        store_path(Path(out)).unlink()
        refused(batches, f"grade two --model model --workers 1 --out {out}", monkeypatch)
        told, _ = refused(batches, f"grade two --model model --workers 1 --out {out} --append", monkeypatch)
        assert "nothing can be appended" in told
        assert toolkit(*f"grade one --model model --workers 1 --out {out}".split()).status == 0
        store_path(Path(out)).unlink()


def test_appending_under_another_model_grades_the_earlier_photos_anew_or_refuses(batches, monkeypatch):
    monkeypatch.chdir(batches)
    assert toolkit(*["grade", "one", "--model", "model", "--workers", "1", "--out", "g.xlsx"]).status == 0
    second = "grade two --model model --weights equal --workers 1 --out g.xlsx --append"
    shutil.move("one", "elsewhere")
    told, _ = refused(batches, second, monkeypatch)
    assert "nothing can be appended" in told and "its file is not" in told
    shutil.move("elsewhere", "one")
    assert toolkit(*second.split()).status == 0
    assert len(graded("g.xlsx")) == 4


@pytest.mark.parametrize("out", ["f.csv", "f.xlsx"])
def test_features_of_other_photographs_are_not_dropped(batches, out, monkeypatch):
    monkeypatch.chdir(batches)
    assert toolkit(*f"features one --out {out} --workers 1".split()).status == 0
    told, _ = refused(batches, f"features two --out {out} --workers 1", monkeypatch)
    assert "holds 2 photos not among the 2 given" in told
    assert toolkit(*f"features one two --out {out} --workers 1 --overwrite".split()).status == 0


def test_patches_of_other_photographs_are_not_dropped(batches, monkeypatch):
    monkeypatch.chdir(batches)
    assert toolkit(*["extract-patches", "one", "--out", "p", "--workers", "1"]).status == 0
    told, _ = refused(batches, "extract-patches two --out p --workers 1", monkeypatch)
    assert "holds 2 photos not among the 2 given" in told


def test_a_model_of_other_subjects_is_not_replaced(batches, monkeypatch):
    monkeypatch.chdir(batches)
    shutil.copytree("model", "start")
    call = "train photos --grades grades.xlsx --out model --encoder start --folds 2 --workers 1"
    told, _ = refused(batches, call, monkeypatch)
    assert "holds a model of other subjects" in told
    (batches / "model" / "notes.txt").write_text("mine")
    (batches / "model" / "P0001.jpg").write_bytes(b"a photograph")
    assert toolkit(*call.split(), "--overwrite").status == 0
    assert (batches / "model" / "notes.txt").read_text() == "mine"
    assert (batches / "model" / "P0001.jpg").read_bytes() == b"a photograph"
    assert {path.name for path in (batches / "model").iterdir()} == {
        CARD,
        *FILES,
        *PAGES,
        "notes.txt",
        "P0001.jpg",
    }


def test_a_web_models_card_makes_no_folder_a_model(study, monkeypatch):
    (study / "m").mkdir()
    (study / "m" / CARD).write_text(json.dumps({"format": "layers-model", "weightsManifest": []}))
    told, _ = refused(study, "train photos --grades grades.xlsx --out m --workers 1", monkeypatch)
    assert "is not a model folder" in told


def test_a_reports_folder_keeps_the_pictures_of_others(study, monkeypatch):
    monkeypatch.chdir(study)
    call = f"{GRADE} --out g.xlsx --report-dir r".split()
    assert toolkit(*call).status == 0
    Path("r/photos/notes.txt").write_text("mine")
    assert toolkit(*call).status == 0
    assert Path("r/photos/notes.txt").read_text() == "mine"
    Image.new("RGB", (9, 9)).save("r/photos/00000.jpg")
    told, made = refused(study, " ".join(call), monkeypatch)
    assert "r/photos/00000.jpg: is not part of a report" in told and not made
    shutil.rmtree("r/photos")
    Path("r/photos").symlink_to(study / "photos")
    told, made = refused(study, " ".join(call), monkeypatch)
    assert "is a link to elsewhere" in told and not made


# --- the check itself ----------------------------------------------------------------------------


@dataclass
class Place:
    folder: Path
    source: Path = field(init=False)

    def __post_init__(self):
        self.source = self.folder / "input.csv"
        self.source.write_text("photo,grade\n")

    def check(self, path, overwrite=False, own=False):
        check_outputs([Output(path, "--out", lambda _: own)], [self.source], overwrite)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_new_files_own_files_and_empty_ones_may_be_written(place):
    place.check(place.folder / "new.csv")
    (place.folder / "empty.csv").touch()
    place.check(place.folder / "empty.csv")
    (place.folder / "rowless.csv").write_bytes(b"\xef\xbb\xbf\r\n")
    place.check(place.folder / "rowless.csv")
    (place.folder / "own.csv").write_text("photo,grade\n")
    place.check(place.folder / "own.csv", own=True)


def test_an_input_is_known_by_whatever_path(place, monkeypatch):
    (place.folder / "sub").mkdir()
    monkeypatch.chdir(place.folder)
    for path in (place.source, Path("input.csv"), Path("sub/../input.csv"), Path("./input.csv")):
        for overwrite in (False, True):
            with pytest.raises(ToolkitError, match="would overwrite an input"):
                place.check(path, overwrite, own=True)
    with pytest.raises(ToolkitError, match="is a folder"):
        place.check(place.folder / "sub", overwrite=True)


def test_a_foreign_file_needs_a_word(place):
    (place.folder / "other.csv").write_text("something")
    with pytest.raises(ToolkitError, match="--overwrite"):
        place.check(place.folder / "other.csv")
    place.check(place.folder / "other.csv", overwrite=True)


@pytest.mark.parametrize("text", [b"1", b"\n", b"4.5\r\n", b"12345", b"\xef\xbb\xbf12"])
def test_a_short_file_is_somebodys_too(place, text):
    other = place.folder / "other.csv"
    other.write_bytes(text)
    with pytest.raises(ToolkitError, match="--overwrite"):
        place.check(other)
    place.check(other, overwrite=True)


def test_nothing_is_written_through_a_link_to_nothing(place):
    (place.folder / "nowhere.csv").symlink_to(place.folder / "none" / "a.csv")
    (place.folder / "circle").symlink_to("circle")
    (place.folder / "gone").symlink_to("none", target_is_directory=True)
    for path, where in (("nowhere.csv", "nowhere"), ("circle", "in a circle"), ("gone/a.csv", "nowhere")):
        for overwrite in (False, True):
            with pytest.raises(ToolkitError, match=f"is a link that leads {where}: remove it, or name"):
                place.check(place.folder / path, overwrite)


def test_a_link_to_a_file_is_written_through(place):
    from toolkit.tables import write_csv

    target, link = place.folder / "a.csv", place.folder / "link.csv"
    target.touch()
    link.symlink_to(target)
    place.check(link)
    write_csv(link, [{"photo": "a.jpg"}])
    assert link.is_symlink() and "a.jpg" in target.read_text(encoding="utf-8-sig")


def test_what_desktops_leave_makes_no_folder_somebodys(tmp_path):
    assert first_entry(tmp_path / "none") is None
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (tmp_path / name).touch()
    assert first_entry(tmp_path) is None
    (tmp_path / "x").touch()
    assert first_entry(tmp_path) == tmp_path / "x"


def test_folders_beside_the_photographs(tmp_path):
    photos = tmp_path / "study" / "photos"
    photos.mkdir(parents=True)
    one = photos / "a.jpg"
    check_folder(tmp_path / "out", [photos], [one], "--out")
    for folder, images in (
        (tmp_path / "study", [photos]),
        (photos, [photos]),
        (photos / "deep" / "er", [photos]),
        (photos, [one]),
        (photos / "deep", [one]),
    ):
        with pytest.raises(ToolkitError, match="lies among the photographs"):
            check_folder(folder, images, [one], "--out")
    (tmp_path / "link").symlink_to(photos, target_is_directory=True)
    with pytest.raises(ToolkitError, match="lies among the photographs"):
        check_folder(tmp_path / "link" / "new", [photos], [one], "--out")


def test_a_workbook_is_own_as_long_as_nobody_edits_it(tmp_path):
    import openpyxl

    path = tmp_path / "t.xlsx"
    write_sheets(path, {"Table": [{"photo": "a.jpg", "grade": 3.5}]}, kind="features")
    assert is_stamped("features")(path) and not is_stamped("grade")(path)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    book = openpyxl.load_workbook(path)
    assert book.active["B2"].value == 3.5
    book.save(path)
    assert not is_stamped("features")(path)
    path.write_text("no workbook")
    assert not is_stamped("features")(path)


def test_a_picture_tells_whose_it_is(tmp_path):
    path = tmp_path / "p.jpg"
    Image.fromarray(np.full((20, 30, 3), 90, np.uint8)).save(path, quality=90)
    assert not is_marked_picture("overlay")(path)
    plain = np.asarray(Image.open(path))
    path.write_bytes(marked_jpeg(path.read_bytes(), "overlay"))
    assert is_marked_picture("overlay")(path) and not is_marked_picture("report")(path)
    assert (np.asarray(Image.open(path)) == plain).all()
    path.write_text("no picture")
    assert not is_marked_picture("overlay")(path)


def test_a_table_tells_by_its_columns(tmp_path):
    path = tmp_path / "t.csv"
    write_csv(path, [{"photo": "a.jpg", "region": "chin", "load": 0.1}])
    assert has_columns(("photo", "region", "load"))(path)
    assert has_columns(("photo", "region"), more=True)(path)
    assert not has_columns(("photo", "region"))(path)
    assert not has_columns(("photo", "grade"), more=True)(path)
    path.write_bytes(b"\x00\xff" * 50)
    assert not has_columns(("photo",))(path)


@pytest.mark.parametrize("suffix", [".xlsx", ".csv", ".parquet"])
def test_every_file_of_results_is_on_the_list(tmp_path, suffix):
    from toolkit.workbook import write_results

    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    out = tmp_path / f"g{suffix}"
    tables = {
        "Patches": [{"photo": "a", "region": "chin", "grade": 1.0}],
        "Sides": [{"photo": "a", "region": "side", "grade": 1.0}],
        "Contributions": [{"photo": "a", "region": "chin", "figure": "x"}],
        "Evidence": [{"photo": "a", "region": "chin", "place": 1}],
        "Inputs": [{"photo": "a", "bytes": 1, "sha256": "0"}],
    }
    write_results(out, [], tables, {"toolkit": "1"})
    own = result_files(out)
    written = set(tmp_path.iterdir())
    assert written <= set(own)
    assert all(own[path](path) for path in written)


def test_the_list_of_written_paths_names_every_option_that_writes():
    """An option that is new has to be tried above as well."""
    said = {
        name: toolkit(name, "--help").out
        for name in ("grade", "features", "train", "evaluate", "agreement", "trial")
    }
    for option in ("--out", "--overlays", "--report", "--report-dir"):
        assert option in said["grade"]
        assert any(option in line for line, _ in WRITTEN.values())
    for option in ("--out", "--report", "--long", "--redcap"):
        assert option in said["trial"]
        assert any(option in line for line, _ in WRITTEN.values() if line.startswith("trial"))
    assert all("--overwrite" in text for text in said.values())


# --- what was lost without a word before ---------------------------------------------------------


def test_paths_are_those_of_the_folder_in_which_they_were_given(batches, monkeypatch):
    for path, other in zip(
        sorted((batches / "two").iterdir()), sorted((batches / "one").iterdir()), strict=True
    ):
        path.rename(path.with_name(other.name))
    for study in ("s1", "s2"):
        (batches / study).mkdir()
    (batches / "one").rename(batches / "s1" / "images")
    (batches / "two").rename(batches / "s2" / "images")
    call = ["grade", "images", "--model", batches / "model", "--workers", 1, "--out", "../g.xlsx"]
    monkeypatch.chdir(batches / "s1")
    assert toolkit(*call).status == 0
    monkeypatch.chdir(batches / "s2")
    done = toolkit(*call)
    assert done.status == 1 and "holds grades of 2 photos not among the 2 given" in done.err
    assert toolkit(*call, "--append").status == 0
    assert len(graded(batches / "g.xlsx")) == 4


def test_a_folder_filled_with_the_next_batch_is_another_set(batches, monkeypatch):
    monkeypatch.chdir(batches)
    call = "grade one --model model --workers 1 --out g.xlsx"
    assert toolkit(*call.split()).status == 0
    first = graded("g.xlsx")
    for path, other in zip(sorted(Path("one").iterdir()), sorted(Path("two").iterdir()), strict=True):
        path.write_bytes(other.read_bytes())
    refused(batches, call, monkeypatch)
    assert toolkit(*call.split(), "--append").status == 0
    assert len(graded("g.xlsx")) == 4
    assert set(first.values()) <= set(graded("g.xlsx").values())


def test_another_format_of_the_same_results_says_nothing_of_this_one(batches, monkeypatch):
    monkeypatch.chdir(batches)
    assert toolkit(*["grade", "one", "--model", "model", "--workers", "1", "--out", "g.xlsx"]).status == 0
    assert (
        toolkit(*["grade", "two", "--model", "model", "--workers", "1", "--out", "g.csv"]).status == 0
    )  # none is there to lose
    refused(batches, "grade two --model model --workers 1 --out g.xlsx", monkeypatch)
    Path("g.csv").write_text(
        Path("g.csv").read_text(encoding="utf-8").replace("ok", "seen"), encoding="utf-8"
    )
    assert toolkit(*["grade", "one", "--model", "model", "--workers", "1", "--out", "g.xlsx"]).status == 0
    told, _ = refused(batches, "grade two --model model --workers 1 --out g.csv", monkeypatch)
    assert "was edited since" in told


@pytest.mark.parametrize("out", ["f.csv", "f.xlsx"])
def test_features_know_other_pictures_of_the_same_names_and_edits(batches, out, monkeypatch):
    monkeypatch.chdir(batches)
    for path, other in zip(sorted(Path("two").iterdir()), sorted(Path("one").iterdir()), strict=True):
        path.rename(path.with_name(other.name))
    call = f"features one --out {out} --workers 1"
    assert toolkit(*call.split()).status == 0
    assert toolkit(*call.split()).status == 0
    told, _ = refused(batches, f"features two --out {out} --workers 1", monkeypatch)
    assert "holds 2 photos not among the 2 given" in told
    if out == "f.csv":
        lines = Path(out).read_text(encoding="utf-8-sig").splitlines()
        lines = [f"{line},{'my_comment' if number == 0 else 'mine'}" for number, line in enumerate(lines)]
        Path(out).write_text("\n".join(lines), encoding="utf-8-sig")
        told, _ = refused(batches, call, monkeypatch)
        assert "was edited since" in told


def test_a_manifest_with_remarks_is_kept(batches, monkeypatch):
    monkeypatch.chdir(batches)
    call = "extract-patches one --out p --workers 1"
    assert toolkit(*call.split()).status == 0
    assert toolkit(*call.split()).status == 0
    manifest = Path("p/manifest.csv")
    manifest.write_text(manifest.read_text(encoding="utf-8-sig") + "\r\nmy remark", encoding="utf-8-sig")
    told, _ = refused(batches, call, monkeypatch)
    assert "was edited since" in told


def test_a_model_of_other_photographs_of_equal_names_is_not_replaced(batches, monkeypatch):
    monkeypatch.chdir(batches)
    other = batches / "other"
    other.mkdir()
    for path in sorted(Path("photos").iterdir()):
        (other / path.name).write_bytes(path.read_bytes() + b"another file")
    call = "--grades grades.xlsx --encoder model --folds 2 --out m --workers 1"
    assert toolkit(*f"train photos {call}".split()).status == 0
    assert toolkit(*f"train photos {call}".split()).status == 0
    told, _ = refused(batches, f"train other {call}", monkeypatch)
    assert "other photographs of the same subjects" in told
    told, _ = refused(batches, "build-index patches --grades grades.xlsx --model m --out model", monkeypatch)
    assert "holds a model of other subjects" in told
    card = json.loads(Path("m/model.json").read_text())
    Path("m/model.json").write_text(json.dumps({**card, "format": 99}))
    told, _ = refused(batches, f"train photos {call}", monkeypatch)
    assert "--overwrite" in told


def test_rows_that_name_another_folder_are_of_other_photographs(batches, monkeypatch):
    monkeypatch.chdir(batches)
    shutil.copytree("photos", "s1/photos")
    rows = [{"file": f"s1/photos/{path.name}", "grade": 3.0} for path in sorted(Path("photos").iterdir())]
    write_sheets(Path("named.xlsx"), {"Grades": rows})
    call = f"{GRADE.replace('photos', '{}')} --out g.xlsx --report r.html --expert-grades named.xlsx"
    told, made = refused(batches, call.format("photos"), monkeypatch)
    assert "row 2 names s1/photos/" in told and not made
    assert toolkit(*call.format("s1/photos").split()).status == 0


def test_links_that_lead_in_a_circle_or_nowhere_are_one_line(study, monkeypatch):
    for name in ("loop.xlsx", "loop.csv", "loop.html", "loop"):
        (study / name).symlink_to(name)
    (study / "nowhere").symlink_to("none")
    for name in ("dead.xlsx", "dead.csv", "dead.html"):
        (study / name).symlink_to("no/folder/here")
    for line in (
        f"{GRADE} --out loop.xlsx --overwrite",
        f"{GRADE} --out g.xlsx --report loop.html",
        "features photos --out loop.csv --workers 1",
        "train photos --grades grades.xlsx --out loop --workers 1",
        "train photos --grades grades.xlsx --out nowhere --workers 1",
        "phantom loop --subjects 1",
        "phantom nowhere --subjects 1",
        f"{GRADE} --out nowhere",
        f"{GRADE} --out dead.xlsx",
        f"{GRADE} --out dead.csv --overwrite",
        f"{GRADE} --out nowhere/g.xlsx",
        f"{GRADE} --out g.xlsx --report dead.html",
        f"{GRADE} --out g.xlsx --report-dir nowhere",
        f"{GRADE} --out g.xlsx --overlays nowhere",
        "features photos --out dead.csv --workers 1",
        "extract-patches photos --out nowhere --workers 1",
        "agreement grades.xlsx grades.csv --out dead.xlsx",
        "trial grades.xlsx --out dead.xlsx",
        "trial grades.xlsx --report dead.html",
        "trial grades.xlsx --long dead.csv",
        "trial grades.xlsx --redcap loop.csv",
        "evaluate photos --grades grades.xlsx --out nowhere --methods mean --workers 1",
        "build-index patches --grades grades.xlsx --model model --out nowhere",
    ):
        _, made = refused(study, line, monkeypatch)
        assert not made, line


def test_a_message_is_one_line_whatever_the_names(study, monkeypatch):
    monkeypatch.chdir(study)
    done = toolkit("grade", "photos", "--model", "no\nne", "--out", "g.xlsx")
    assert done.status == 1 and done.err.count("\n") == 1
