"""Photographs that the model learnt from, and a model that is not to be used: said wherever its grades are shown."""

import hashlib
from dataclasses import replace

import pytest
from graded_study import small_model, write_photos

from toolkit.agreement import compare_files
from toolkit.commands import grading
from toolkit.commands.grading import grade_photos
from toolkit.commands.results import ReportRequest
from toolkit.model import HASH_LENGTH, TRAINED_ON, load_model, save_model
from toolkit.study.sheets import row_of_run
from toolkit.tables import write_csv

pytestmark = pytest.mark.slow
SCORES = {
    "all": {"rmse": {"value": 1.21, "lower": 0.8, "upper": 1.9}, "rmse_of_mean": 1.34},
    "methods": {"always the mean": {"rmse": 1.34}, "always the commonest": {"rmse": 1.5}},
    "floor": None,
}
NO_TEST = "this is no test of it; on subjects never seen its error was 1.21 (RMSE)"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Three photos, two of them learnt from and graded by an expert, and the run of their model."""
    folder = tmp_path_factory.mktemp("learnt")
    paths = write_photos(folder / "photos", 3)
    known = load_model(small_model(folder / "model"))
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest()[:HASH_LENGTH] for path in paths[:2]]
    card = {**known.card, TRAINED_ON: hashes, "subjects": 6}
    save_model(replace(known, card=card), folder / "model")
    write_csv(
        folder / "grades.csv",
        [{"file": path.name, "grade": 2.0 + n} for n, path in enumerate(paths[:2])],
    )
    return folder


def graded(study, monkeypatch):
    """A run whose model's card has scores of a study that is too small."""

    def with_scores(folder):
        model = load_model(folder)
        return replace(model, card={**model.card, "scores": SCORES})

    monkeypatch.setattr(grading, "load_model", with_scores)
    report = ReportRequest(study / "page.html", None, study / "grades.csv")
    return grade_photos([study / "photos"], study / "results.xlsx", study / "model", report=report)


def test_learnt_photos_and_a_doubtful_model_are_told_everywhere(study, monkeypatch):
    run = graded(study, monkeypatch)
    page = (study / "page.html").read_text(encoding="utf-8")
    doubt = "A study of 6 subjects is too small to tell that this is more than chance: do not use it yet"
    assert f"grades.csv: the model learnt from 2 of these 2 photos: {NO_TEST}" in run.remarks
    assert f"Against the expert grades: the model learnt from 2 of these 2 photos: {NO_TEST}." in page
    assert any(line.startswith("the model: On people it never saw") and doubt in line for line in run.remarks)
    assert "The model: On people it never saw" in page and page.count(doubt) >= 2

    told = row_of_run(study / "results.xlsx", "against experts' grades")
    assert told == f"the model learnt from 2 of these 3 photos: {NO_TEST}"
    assert doubt in row_of_run(study / "results.xlsx", "worth of the model")
    assert row_of_run(study / "grades.csv", "model") == row_of_run(study / "results.xlsx", "none") == ""

    found = compare_files([study / "grades.csv", study / "results.xlsx"])
    assert f"note: results.xlsx: the model learnt from 2 of these 3 photos: {NO_TEST}" in found.text()
