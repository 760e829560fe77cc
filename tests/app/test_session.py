"""What the window is told of a study: whose results these are, what its model is worth, whether its workbook is read."""

import json
import shutil

import pytest
from graded_study import write_photos

from toolkit.app.allowed import AllowedFolders
from toolkit.app.session import Session
from toolkit.model import CARD, model_hash, starter_folder
from toolkit.photos import find_photo_files
from toolkit.store import RunOptions, open_store
from toolkit.tables import write_csv


@pytest.fixture
def session(tmp_path):
    """A session with a study of two photos on screen."""
    write_photos(tmp_path / "photos", 2)
    made = Session(AllowedFolders([tmp_path]), 1, "http://127.0.0.1:1")
    made.choose(tmp_path / "photos", None)
    return made


def told(session):
    return session.told()["study"]


def graded_by(session, model):
    with open_store(session.study.results) as store:
        store.begin(find_photo_files([session.study.photos]), RunOptions("1", "", model, "", ""))


def test_results_of_a_model_that_was_retrained_are_known(session):
    own = session.study.own_model
    assert told(session)["graded_with"] == ""
    graded_by(session, model_hash(starter_folder()))
    assert told(session)["graded_with"] == "starter"
    shutil.copytree(starter_folder(), own)
    card = json.loads((own / CARD).read_text())
    (own / CARD).write_text(json.dumps({**card, "created": "2026-01-01"}))
    graded_by(session, model_hash(own))
    assert told(session)["graded_with"] == "own"
    (own / CARD).write_text(json.dumps({**card, "created": "2026-01-02"}))
    assert told(session)["graded_with"] == "before"


def test_what_training_said_is_told_later(session):
    own = session.study.own_model
    assert (told(session)["worth"], told(session)["doubt"]) == ("", False)
    shutil.copytree(starter_folder(), own)
    card = json.loads((own / CARD).read_text())
    card.pop("trained on")  # else it is the starter
    card["scores"]["all"]["rmse"] |= {"value": 1.2, "upper": 9.0}
    (own / CARD).write_text(json.dumps(card))
    assert told(session)["doubt"] and "do not use it yet" in told(session)["worth"]


def test_a_workbook_that_is_refused_ticks_no_step(session, tmp_path):
    assert told(session)["refused"] is False
    name = find_photo_files([session.study.photos])[0].name
    write_csv(tmp_path / "grades.csv", [{"Proband": name, "Wert": 3}])
    session.keep(type(session.study)(session.study.folder, session.study.photos, tmp_path / "grades.csv"))
    assert told(session)["refused"] is True
    write_csv(tmp_path / "grades.csv", [{"file": name, "grade": 3.5}])
    assert told(session)["refused"] is False and session.experts()["join"]["graded"] == 1
