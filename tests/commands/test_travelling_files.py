"""What files tell beyond the study, who may read them, what the exit status says, and what few subjects support."""

import os
import platform
import shutil
import stat
import zipfile
from dataclasses import replace

import pytest
from graded_study import small_model, write_photos
from typer.testing import CliRunner

from toolkit.cli import app
from toolkit.commands.intervals import coverage_told, supported, widths_told
from toolkit.errors import ToolkitError
from toolkit.model import load_model
from toolkit.store import open_store, read_store, store_path

posix = pytest.mark.skipif(os.name == "nt", reason="file modes and links of POSIX")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A folder with a model, three photographs and what ``toolkit grade`` made of them; and its exit status."""
    folder = tmp_path_factory.mktemp("travel")
    small_model(folder / "model")
    write_photos(folder / "photos", 3)
    return folder, grade(folder, "photos").exit_code


def grade(folder, photos, *more):
    command = [
        "grade",
        str(folder / photos),
        "--out",
        str(folder / "out" / "grades.xlsx"),
        "--model",
        str(folder / "model"),
    ]
    return CliRunner().invoke(
        app, [*more, *command, "--report", str(folder / "out" / "report.html"), "--workers", "1", "--quiet"]
    )


def test_the_exit_status_tells_all_some_or_none(study, tmp_path):
    folder, status = study
    assert status == 0
    shutil.copytree(folder / "model", tmp_path / "model")
    write_photos(tmp_path / "photos", 2)
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no picture")
    some = grade(tmp_path, "photos")
    assert some.exit_code == 3 and "2 of 3 photos graded" in some.output
    shutil.rmtree(tmp_path / "out")
    for path in (tmp_path / "photos").glob("P*.jpg"):
        path.unlink()
    assert grade(tmp_path, "photos").exit_code == 1
    for command in (["extract-patches", "--out"], ["features", "--out"]):
        name = str(tmp_path / ("cut" if "patches" in command[0] else "f.csv"))
        ran = CliRunner().invoke(
            app, [command[0], str(tmp_path / "photos"), command[1], name, "--workers", "1", "--quiet"]
        )
        assert ran.exit_code == 1


def test_no_absolute_path_or_host_name_travels(study):
    folder, _ = study
    told = (str(folder), platform.node() if len(platform.node()) > 5 else "")
    for path in (folder / "out").iterdir():
        texts = [path.read_bytes()]
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                texts = [archive.read(part) for part in archive.namelist()]
        for word in filter(None, told):
            assert not any(word.encode() in text for text in texts), (path.name, word)
    with read_store(store_path(folder / "out" / "grades.xlsx")) as store:
        assert [one.path for one in store.inputs()] == sorted(
            str(path) for path in (folder / "photos").iterdir()
        )


@posix
def test_outputs_are_their_owner_s_alone_unless_shared(study, tmp_path):
    folder, _ = study
    for path in (folder / "out").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name
    shutil.copytree(folder / "model", tmp_path / "model")
    shutil.copytree(folder / "photos", tmp_path / "photos")
    before = os.umask(0o022)
    try:
        assert grade(tmp_path, "photos", "--shared").exit_code == 0
        assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()} == {0o644}
        grade(tmp_path, "photos")
        assert os.umask(0o022) == 0o022  # of this process, as it was
    finally:
        os.umask(before)


@posix
@pytest.mark.parametrize("ending", [".toolkit.sqlite", ".toolkit.lock", ".toolkit.sqlite-journal"])
def test_results_are_written_through_no_link(tmp_path, ending):
    somebody = tmp_path / "somebody's"
    somebody.write_bytes(b"")
    (tmp_path / f"grades{ending}").symlink_to(somebody)
    with pytest.raises(ToolkitError, match="is a link"), open_store(tmp_path / "grades.xlsx"):
        pass
    assert somebody.read_bytes() == b""


def test_a_lock_left_by_a_killed_run_holds_nobody_back(tmp_path):
    (tmp_path / "grades.toolkit.lock").write_text("process 99999999 on elsewhere")
    with open_store(tmp_path / "grades.xlsx") as store:
        assert store.is_empty


def test_few_subjects_claim_no_ninety_percent(study):
    model = load_model(study[0] / "model")
    few = replace(model, card={**model.card, "subjects": 6})
    assert supported(few) == pytest.approx(6 / 7)
    assert (
        coverage_told(few)
        == "not the 90 % that more subjects would allow: 6 support 86 % at most, 9 are needed"
    )
    assert coverage_told(replace(model, card={**model.card, "subjects": 9})) == "90 % aimed at"


def test_intervals_of_one_width_say_why(study):
    model = load_model(study[0] / "model")
    interval = replace(model.blend.interval, weights=tuple(0.0 for _ in model.blend.interval.weights))
    alike = replace(model, blend=replace(model.blend, interval=interval))
    few = replace(alike, card={**model.card, "photos": 36})
    assert widths_told(few) == (
        "all of one width, but for the ends of the scale: telling which photos are harder takes 40 graded ones, and the "
        "model learnt from 36"
    )
    assert "nothing told harder photos" in widths_told(replace(alike, card={**model.card, "photos": 400}))
    interval = replace(interval, weights=(0.1, *interval.weights[1:]))
    wider = replace(model, blend=replace(model.blend, interval=interval))
    assert widths_told(wider) == "wider where grading is harder"


def test_a_model_that_keeps_pictures_of_faces_says_so(study):
    from toolkit.cli.lines import kept_pictures

    model = load_model(study[0] / "model")
    assert kept_pictures(replace(model, thumbnails=())) == []
    assert "--no-thumbnails" in kept_pictures(replace(model, thumbnails=(b"jpeg",)))[0]
