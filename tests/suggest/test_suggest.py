"""What to have graded next: unsure photographs far from all graded ones, few of a subject, in a workbook for an expert."""

from dataclasses import replace
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from toolkit.cli import app
from toolkit.commands import suggesting
from toolkit.commands.suggesting import suggest_photos
from toolkit.errors import ToolkitError
from toolkit.records import PhotoFacts, PhotoGrade
from toolkit.study import join_files
from toolkit.suggest import Ungraded, next_photos, read_results, reasons
from toolkit.watch import StudyFigures
from toolkit.watch.figures import KEPT
from toolkit.workbook import write_results

MODEL = "ab" * 32
EVIL = "=HYPERLINK(1)_FACE_L.jpg"


def the_study():
    """A hundred training photographs of grades about 3 and light skin."""
    rng = np.random.default_rng(0)
    values = np.full((100, 7), np.nan)
    values[:, 0], values[:, 5], values[:, 6] = (
        rng.normal(48, 3, 100),
        rng.normal(2, 0.1, 100),
        rng.normal(3, 0.5, 100),
    )
    return StudyFigures(np.repeat(np.arange(50), 2).astype(str), values)


def pool(places, half_widths=None, subjects=None, known=((0.0, 0.0),)):
    places = np.array(places, float)
    count = len(places)
    return Ungraded(
        places,
        np.array(known, float),
        np.ones(count) if half_widths is None else np.array(half_widths, float),
        np.array(subjects or [f"P{n}" for n in range(count)]),
    )


# --- the choice


def test_the_farthest_from_all_graded_and_chosen_comes_first():
    line = [(1, 0), (9, 0), (8.5, 0), (-6, 0), (0.1, 0)]
    assert list(next_photos(pool(line), 2)) == [1, 3, 0, 2, 4]


def test_what_the_model_is_unsure_of_comes_first():
    assert list(next_photos(pool([(3, 0), (-4, 0)], [3.0, 1.0]), 2)) == [0, 1]
    assert list(next_photos(pool([(3, 0), (-4, 0)], [1.0, 1.0]), 2)) == [1, 0]


def test_no_more_than_a_few_of_a_subject():
    places = [(10, 0), (0, 10), (-10, 0), (0, -1)]
    subjects = ["A", "A", "A", "B"]
    assert list(next_photos(pool(places, subjects=subjects), 1)) == [0, 3]
    assert sorted(next_photos(pool(places, subjects=subjects), 2))[-1] == 3
    assert len(list(next_photos(pool(places, subjects=subjects), 3))) == 4


def test_photographs_that_are_all_alike_are_each_listed_once():
    assert sorted(next_photos(pool([(0, 0)] * 5), 9)) == [0, 1, 2, 3, 4]


def test_an_axis_that_is_not_known_is_left_out():
    study = the_study()
    figures = np.array([(3.0, 20.0, np.nan), (3.0, 48.0, 2.0)])
    one = Ungraded.beside(study, figures, np.ones(2), np.array(["A", "B"]))
    assert one.places.shape == (2, 2) and one.known.shape == (100, 2)
    assert np.allclose(one.known.std(axis=0), 1)
    assert list(next_photos(one, 1)) == [0, 1]  # the darker skin is the farther
    study.values[:, 5] = np.nan
    assert Ungraded.beside(study, figures[1:], np.ones(1), np.array(["A"])).places.shape == (1, 2)


# --- results


RUN = {"model": "mine", "model sha256": MODEL}


def a_run():
    """(grades, rows of Sides) of photographs: usual ones, a severe one, two of dark skin, one blurred, one failed."""
    photos = [(f"P00{n:02}_FACE_{'LR'[n % 2]}_S00_V00D00W00.jpg", 3.0, 47.0, "ok") for n in range(12)]
    photos += [("P0020_FACE_L_S00_V00D00W00.jpg", 8.0, 48.0, "ok"), ("P0021_FACE_L_S00_V00D00W00.jpg", 3.0, -20.0, "ok"),
               ("P0021_FACE_R_S00_V00D00W00.jpg", 3.1, -21.0, "ok"), ("P0022_FACE_L_S00_V00D00W00.jpg", 8.0, -20.0, "blurred"),
               (EVIL, 1.0, 48.0, "ok")]  # fmt: skip
    grades = [
        PhotoGrade(
            name,
            PhotoFacts(name.split("_")[0], "right" if "FACE_R" in name else "left", "Baseline"),
            grade,
            max(grade - 1, 0),
            min(grade + 1.5, 9),
            quality=quality,
        )
        for name, grade, _, quality in photos
    ]
    sides = [
        {"photo": name, "region": "side", "ita_deg": tone, "neighbour_distance": 2.0}
        for name, _, tone, _ in photos
    ]
    return [*grades, PhotoGrade("broken.jpg", PhotoFacts("broken"), note="damaged")], sides


@pytest.fixture
def results(tmp_path):
    return written(tmp_path / "results.xlsx")


def written(path):
    grades, sides = a_run()
    inputs = [{"photo": one.name, "bytes": 1, "sha256": f"{n:02x}" * 32} for n, one in enumerate(grades)]
    write_results(path, grades, {"Sides": sides, "Inputs": inputs}, RUN)
    return path


@pytest.fixture
def model(monkeypatch):
    """A model that was trained on the photo number 0 of the run."""
    card = {KEPT: the_study().card(), "photographs": ["00" * 8]}
    found = SimpleNamespace(name="mine", sha256=MODEL, card=card)
    monkeypatch.setattr(suggesting, "load_model", lambda folder: found)
    return found


@pytest.mark.parametrize("suffix", [".xlsx", ".csv", ".parquet"])
def test_results_are_read_back(tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    photos, model_sha256 = read_results(written(tmp_path / f"r{suffix}"))
    assert model_sha256 == MODEL and len(photos) == 17
    severe = next(one for one in photos if one.grade == 8 and one.quality == "ok")
    assert (severe.subject, severe.side, severe.visit, severe.tone, severe.distance) == (
        "P0020",
        "left",
        "Baseline",
        48,
        2,
    )
    assert (severe.lower, severe.upper, severe.half_width) == (7, 9, 1)  # cut off at 9
    assert photos[0].sha256 == "00" * 32 and photos[-1].name == EVIL


def test_what_is_missing_comes_first_and_says_why(results, model, tmp_path):
    run = suggest_photos(results, tmp_path / "next.xlsx", number=3, per_subject=1)
    assert [one.photo.subject for one in run.chosen[:2]] == ["P0021", "P0020"]
    assert run.chosen[0].why == "few graded photographs are of brown skin: 0 of 100"
    assert run.chosen[1].why == "few graded photographs are about 8: 0 of 100"
    assert len(run.chosen) == 3 and run.ungraded == 15
    assert run.passed == {"the model was trained on": 1, "of poor quality": 1}


def test_the_expert_fills_in_a_sheet_without_automatic_grades_and_training_reads_it(results, model, tmp_path):
    import openpyxl

    out = tmp_path / "next.xlsx"
    run = suggest_photos(results, out, number=5)
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == ["Next", "Why"]
    rows = list(book["Next"].iter_rows(values_only=True))
    assert rows[0] == ("photo", "subject", "side", "visit", "grade") and {row[4] for row in rows[1:]} == {
        None
    }
    assert {row[0] for row in rows[1:]} == {one.photo.name for one in run.chosen} and rows[1:] == sorted(
        rows[1:]
    )
    assert [row[1] for row in book["Why"].iter_rows(min_row=2, values_only=True)] == [
        o.photo.name for o in run.chosen
    ]
    for number, row in enumerate(book["Next"].iter_rows(min_row=2)):
        row[4].value = number / 2
    book.save(out)
    names = [row[0] for row in rows[1:]]
    assert join_files(names, out).grades == {name: number / 2 for number, name in enumerate(names)}
    with pytest.raises(ToolkitError, match="was edited since"):
        suggest_photos(results, out)


def test_what_an_expert_graded_is_left_out(results, model, tmp_path):
    expert = tmp_path / "expert.csv"
    expert.write_text("subject,side,visit,grade\nP0021,left,Baseline,4\nP0021,right,Baseline,4\n")
    run = suggest_photos(results, tmp_path / "n.xlsx", number=99, grades=[expert])
    assert run.passed["graded by an expert"] == 2 and "P0021" not in {one.photo.subject for one in run.chosen}
    expert.write_text("subject,side,visit,grade\nP0777,left,Baseline,4\n")
    other = suggest_photos(results, tmp_path / "m.xlsx", number=99, grades=[expert])
    assert len(other.chosen) == 15 and "P0777" in other.remarks[0]


def test_what_cannot_be_answered_is_refused_in_a_line(results, model, tmp_path):
    out = tmp_path / "n.xlsx"
    model.sha256 = "cd" * 32
    with pytest.raises(ToolkitError, match="graded by another model than mine: name that one with --model"):
        suggest_photos(results, out)
    model.sha256, kept = MODEL, model.card.pop(KEPT)
    with pytest.raises(ToolkitError, match="keeps no figures of its training photographs: train it again"):
        suggest_photos(results, out)
    model.card |= {KEPT: kept, "photographs": [f"{n:02x}" * 8 for n in range(99)]}
    with pytest.raises(
        ToolkitError, match=r"no photograph is left to be graded \(17 the model was trained on\)"
    ):
        suggest_photos(results, out)
    with pytest.raises(ToolkitError, match="--column names columns of experts' grades"):
        suggest_photos(results, out, columns={"grade": "x"})
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    (tmp_path / "text.xlsx").write_text("a,b\n1,2\n")
    for odd, remedy in (
        ("x.csv", "x_sides.csv, which toolkit grade writes beside its grades, is missing"),
        ("text.xlsx", "is not a readable Excel workbook: name the one that toolkit grade wrote"),
        ("none.csv", "no such file: check its path"),
    ):
        with pytest.raises(ToolkitError, match=f"{odd}: {remedy}"):
            suggest_photos(tmp_path / odd, out)
    for odd in (tmp_path / "x.csv", tmp_path / "none.xlsx", tmp_path / "none.csv", tmp_path / "x.txt"):
        with pytest.raises(ToolkitError) as told:
            suggest_photos(odd, out)
        assert odd.stem in str(told.value) and "\n" not in str(told.value)
    assert not out.exists()


def test_the_command_says_how_many(results, model, tmp_path):
    call = ["suggest", str(results), "--out", str(tmp_path / "n.xlsx"), "--number", "4"]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    assert (
        "to have graded next, of 15; passed over: 1 the model was trained on, 1 of poor quality"
        in done.output
    )
    assert "Give the expert the sheet Next alone" in done.output
    import json

    told = json.loads(CliRunner().invoke(app, [*call, "--json"]).output)
    assert told["photos"][0]["photo"].startswith("P0021") and told["ungraded"] == 15


def test_reasons_in_words(results):
    photos, _ = read_results(results)
    study = the_study()
    usual = photos[1]
    assert reasons(usual, photos, study) == "stands for others like it"
    odd = replace(usual, upper=usual.grade + 3, distance=5.0)
    assert reasons(odd, photos, study) == (
        "wide interval: +- 3.0, usually 1.5; unlike the references: distance 5.00, usually 2.00"
    )
    assert len(list(islice(next_photos(pool([(1, 1)]), 1), 5))) == 1
