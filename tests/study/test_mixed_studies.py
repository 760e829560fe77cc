"""Commands that join photographs with grades, on two studies with the same file names: nobody's grade for another."""

import re
from pathlib import Path

import numpy as np
import pytest
from made_up_study import SIZE, a_patch
from typer.testing import CliRunner

from toolkit.cli import app
from toolkit.commands import grading, indexing, training
from toolkit.errors import ToolkitError
from toolkit.evaluate import run as evaluation
from toolkit.model import starter_folder
from toolkit.patches import save_patches
from toolkit.records import FacePatches

NAMES = [f"P000{subject}_FACE_{side}_S00_V00D00W00.jpg" for subject in (1, 2) for side in "LR"]
HEADER = "SUBJID,side,VISIT,grade"
FIRST = "row 2 (P0001, left, Baseline)"


@pytest.fixture
def toolkit(monkeypatch):
    """The command; "joined" is what it says where photographs and grades were joined and the work would begin."""

    def begin(*_args, **_options):
        raise ToolkitError("joined")

    monkeypatch.setattr(training, "_starting_point", begin)
    monkeypatch.setattr(indexing, "prepare", begin)
    monkeypatch.setattr(grading.Store, "begin", begin)
    monkeypatch.setattr(evaluation, "load_study", begin)
    return lambda *arguments: str(CliRunner().invoke(app, list(map(str, arguments))).exception)


@pytest.fixture
def studies(tmp_path) -> Path:
    """Folders a and b, each with images/ of the same names and grades.csv."""
    for study in "ab":
        (tmp_path / study / "images").mkdir(parents=True)
        for name in NAMES:
            (tmp_path / study / "images" / name).write_bytes(f"{study} {name}".encode())
        write_grades(tmp_path / study / "grades.csv", "P000")
    return tmp_path


def write_grades(path: Path, prefix: str) -> Path:
    lines = [f"{prefix}{subject},{side},Baseline,{subject + 2}" for subject in (1, 2) for side in "LR"]
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def commands(folder: Path, *images: Path) -> dict[str, list]:
    """Each command that joins photographs with grades, up to the option that names these."""
    patches = folder / "patches"
    if not patches.exists():
        files = [path for image in images for path in sorted(image.rglob("*.jpg"))]
        density = np.zeros((SIZE, SIZE))
        save_patches(
            patches,
            [
                FacePatches(str(path.relative_to(folder)), f"{number:064}", (a_patch("chin", density),))
                for number, path in enumerate(files)
            ],
        )
    return {
        "train": ["train", *images, "--out", folder / "model", "--grades"],
        "evaluate": ["evaluate", *images, "--out", folder / "out", "--methods", "mean", "--grades"],
        "grade": [
            "grade",
            *images,
            "--out",
            folder / "g.xlsx",
            "--report",
            folder / "r.html",
            "--expert-grades",
        ],
        "build-index": [
            "build-index",
            patches,
            "--model",
            starter_folder(),
            "--out",
            folder / "new",
            "--grades",
        ],
    }


@pytest.mark.parametrize("command", ["train", "evaluate", "grade", "build-index"])
def test_a_row_never_serves_two_studies_unless_they_are_retakes(toolkit, studies, command):
    arguments = commands(studies, studies / "a" / "images", studies / "b" / "images")[command]
    grades = studies / "a" / "grades.csv"
    before = {path: path.read_bytes() for path in studies.rglob("*") if path.is_file()}
    assert toolkit(*arguments, grades) == (
        f"{grades}: {FIRST} fits two photographs, a/images/{NAMES[0]} and b/images/{NAMES[0]}: give each study's "
        "photographs a run of their own, write folder and file name of each into the workbook, or add --retakes if "
        "they are retakes of one visit"
    )
    assert {path: path.read_bytes() for path in studies.rglob("*") if path.is_file()} == before
    assert toolkit(*arguments, grades, "--retakes") == "joined"


@pytest.mark.parametrize("command", ["train", "evaluate", "build-index"])
def test_nor_do_the_rows_of_two_workbooks(toolkit, studies, command):
    arguments = commands(studies, studies / "a" / "images", studies / "b" / "images")[command]
    grades = [studies / study / "grades.csv" for study in "ab"]
    assert f"{grades[0]}: {FIRST} fits two photographs" in toolkit(
        *arguments, grades[0], "--grades", grades[1]
    )
    files = studies / "files.csv"
    files.write_text("\n".join(["file,grade", *(f"{s}/images/{name},3" for s in "ab" for name in NAMES)]))
    assert toolkit(*arguments, files) == "joined"
    assert f"{grades[0]}: {FIRST} fits two photographs" in toolkit(*arguments, files, "--grades", grades[0])
    files.write_text("\n".join(["file,grade", *(f"{name},3" for name in NAMES)]))
    assert "row 2 fits both a/images/" in toolkit(*arguments, files)


@pytest.mark.parametrize("command", ["train", "evaluate", "grade"])
def test_copies_and_retakes_in_one_folder_need_no_option(toolkit, studies, command):
    for name in NAMES:
        (studies / "b" / "images" / name).write_bytes((studies / "a" / "images" / name).read_bytes())
    (studies / "a" / "images" / NAMES[0].replace("S00", "S01")).write_bytes(b"once more")
    arguments = commands(studies, studies / "a" / "images", studies / "b" / "images")[command]
    assert toolkit(*arguments, studies / "a" / "grades.csv") == "joined"


def test_one_name_for_two_photographs_in_a_folder_of_patches_is_refused(toolkit, studies):
    arguments = commands(studies, studies / "a" / "images")["build-index"]
    manifest = studies / "patches" / "manifest.csv"
    lines = manifest.read_text(encoding="utf-8-sig").splitlines()
    again = lines[1].replace(f"{0:064}", f"{9:064}")
    manifest.write_text("\n".join([*lines, again]) + "\n", encoding="utf-8-sig")
    told = toolkit(*arguments, studies / "a" / "grades.csv")
    assert (
        told
        == f"{studies / 'patches'}: a/images/{NAMES[0]} is the name of two photographs: keep the patches of each study in a folder of its own"
    )


@pytest.mark.parametrize("command", ["train", "evaluate", "grade", "build-index"])
def test_other_letters_are_another_subject_in_every_command(toolkit, studies, command):
    arguments = commands(studies, studies / "a" / "images")[command]
    told = toolkit(*arguments, write_grades(studies / "q.csv", "Q000"))
    assert re.search("none of 4 photos fits .*Q0001 and P0001 are treated as different people", told)
    for prefix in ("p-", "", "00"):
        assert toolkit(*arguments, write_grades(studies / "q.csv", prefix)) == "joined"


@pytest.mark.parametrize("command", ["train", "evaluate", "grade", "build-index"])
@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ([], r"the column 'Visit held' was not read: .* --column visit='Visit held'"),
        (
            ["--column", "subject=Zzz"],
            "no column 'Zzz' for subject: .* its headings are: SUBJID, side, Visit held",
        ),
        (["--column", "visit=Visit held"], "dates do not join Baseline: add a column of visits"),
    ],
)
def test_a_column_that_is_not_understood_is_named_in_every_command(toolkit, studies, command, columns, told):
    grades = studies / "dated.csv"
    grades.write_text("SUBJID,side,Visit held,grade\nP0001,L,2020-05-04,4\nP0001,L,2020-06-04,5\n")
    assert re.search(told, toolkit(*commands(studies, studies / "a" / "images")[command], grades, *columns))
