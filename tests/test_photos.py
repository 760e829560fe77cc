"""What is known of a photograph follows it, whether its name tells it or a study's workbook."""

import csv
from pathlib import Path

import numpy as np
import pytest
from graded_study import small_model, write_photos
from PIL import Image

from toolkit.commands.grading import grade_photos
from toolkit.commands.results import ReportRequest
from toolkit.errors import PhotoError
from toolkit.model import load_model
from toolkit.photos import content_hash, contents, find_photo_files, photo_files, with_facts
from toolkit.records import PhotoFacts, PhotoFile
from toolkit.store import read_store, store_path


def test_a_files_name_tells_its_facts_and_a_workbook_tells_more():
    clinical, silent = photo_files([Path("P0001_FACE_L_S00_V00D00W04.jpg"), Path("IMG_7.jpg")])
    assert clinical.facts == PhotoFacts("P0001", "left", "Week 4")
    assert silent == PhotoFile(Path("IMG_7.jpg"), "IMG_7.jpg", PhotoFacts("IMG_7"))
    known = PhotoFacts("P0009", "right", "Baseline")
    assert [file.facts for file in with_facts([clinical, silent], {"IMG_7.jpg": known})] == [
        clinical.facts,
        known,
    ]


def test_no_photographs_is_an_error_that_names_the_folder(tmp_path):
    with pytest.raises(PhotoError, match=str(tmp_path)):
        find_photo_files([tmp_path])


def test_a_photos_content_is_known_by_its_name(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"a")
    files = photo_files([tmp_path / "a.jpg", tmp_path / "gone.jpg"])
    assert contents(files)("a.jpg") == content_hash(tmp_path / "a.jpg") and contents(files)("gone.jpg") == ""


@pytest.mark.slow
def test_a_workbooks_subject_and_side_reach_references_and_face(tmp_path):
    """Under a silent name a photograph's own subject must not answer for it, once the workbook says who it is."""
    model_folder = small_model(tmp_path / "model")
    write_photos(tmp_path / "named", 1)
    (named,) = (tmp_path / "named").iterdir()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "IMG_1.jpg").write_bytes(named.read_bytes())
    bank = load_model(model_folder).index.references
    out, page = tmp_path / "grades.xlsx", tmp_path / "page.html"
    grade_photos([tmp_path / "photos"], out, model_folder)
    subject = str(bank.subjects[evidence(out)[0]["reference"]])
    with (tmp_path / "expert.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["file", "subject", "side", "grade"], ["IMG_1.jpg", subject, "Left", 3]])
    request = ReportRequest(page, expert_grades=tmp_path / "expert.csv")
    run = grade_photos([tmp_path / "photos"], out, model_folder, report=request)
    (grade,) = run.grades
    assert (grade.facts.subject, grade.facts.side) == (subject, "left")
    answered = {str(bank.subjects[line["reference"]]) for line in evidence(out)}
    assert answered and subject not in answered
    with read_store(store_path(out)) as store:
        assert [one.facts.subject for one in store.grades(lambda name: PhotoFacts(name))] == ["IMG_1.jpg"]


def evidence(out):
    with read_store(store_path(out)) as store:
        return list(store.rows("evidence"))


@pytest.mark.slow
def test_a_photo_on_its_side_is_graded_and_drawn_as_if_it_stood_upright(tmp_path):
    model = small_model(tmp_path / "model")
    write_photos(tmp_path / "named", 1)
    (named,) = (tmp_path / "named").iterdir()
    pixels = np.asarray(Image.open(named))
    (tmp_path / "photos").mkdir()
    for turns in range(4):
        Image.fromarray(np.rot90(pixels, turns)).save(tmp_path / "photos" / f"turned{turns}.png")
    out, page = tmp_path / "grades.xlsx", tmp_path / "page"
    run = grade_photos([tmp_path / "photos"], out, model, report=ReportRequest(None, page))
    plain, *turned = run.grades
    for one in turned:
        assert one.grade == pytest.approx(plain.grade, abs=0.1) and "did not stand upright" in one.note
        assert one.facts.side == plain.facts.side
    names = sorted(path for path in (page / "photos").glob("*.jpg") if path.stem.isdigit())
    drawn = [Image.open(path) for path in names]
    shades = [np.asarray(picture.convert("L").resize((60, 60)), float) for picture in drawn]
    assert len({picture.size for picture in drawn}) == 1 and np.abs(shades[1] - shades[0]).mean() < 3
