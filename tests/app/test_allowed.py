"""No path outside the allowed folders, by no way of writing it and by no link."""

import json
import os

import pytest
from app_window import opened
from drawn_photos import drawn_half
from PIL import Image

from toolkit.app.allowed import AllowedFolders, NotAllowedError
from toolkit.errors import ToolkitError

links = pytest.mark.skipif(os.name == "nt", reason="links need rights")


@pytest.fixture
def places(tmp_path):
    """An allowed folder with a study's photos, and beside it what nobody may see."""
    photos = tmp_path / "allowed" / "photos"
    photos.mkdir(parents=True)
    Image.fromarray(drawn_half("left", 1)).save(photos / "P0001_FACE_L_S00_V00D00W00.jpg")
    (tmp_path / "allowed" / "grades.csv").write_text("file,grade\nP0001_FACE_L_S00_V00D00W00.jpg,3\n")
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "grades.csv").write_text("file,grade\nP0001_FACE_L_S00_V00D00W00.jpg,3\n")
    Image.fromarray(drawn_half("left", 2)).save(secret / "hidden.jpg")
    return tmp_path


@pytest.fixture
def window(places):
    with opened([places / "allowed"]) as running:
        yield running


def chosen(window, places):
    answer = window.post("study", {"photos": str(places / "allowed" / "photos")})
    assert answer.status == 200, answer.body
    return answer.json["study"]


def outside(places):
    secret = places / "secret"
    return [
        str(secret), str(places), "/", "/etc", "..", "secret", str(places / "allowed" / ".." / "secret"),
        f"{places / 'allowed'}/../secret", f"{places / 'allowed'}x", f"{secret}\0", "C:\\Windows", "\\\\server\\share", "~",
    ]  # fmt: skip


def test_no_path_leads_outside(window, places):
    for path in outside(places):
        answer = window.get(
            "api/folder?path=" + path.replace("\0", "%00").replace(" ", "%20").replace("\\", "%5C")
        )
        assert answer.status == 403, path
        assert "lies outside" in answer.error
        assert window.post("study", {"photos": path}).status == 403
        assert window.post("study", {"folder": path}).status == 403
    chosen(window, places)
    for path in outside(places):
        assert window.post("workbook", {"path": path}).status == 403
        assert window.post("arms", {"path": path}).status == 403
        assert window.post("folder", {"parent": path, "name": "x"}).status == 403


def test_what_is_outside_looks_as_if_it_were_not_there(window, places):
    there, nowhere = places / "secret", places / "nothing"
    told = [window.get(f"api/folder?path={path}").error.replace(path.name, "X") for path in (there, nowhere)]
    assert told[0] == told[1]


@pytest.mark.parametrize("name", ["..", ".", "a/b", "../x", ".hidden", "", "a\0b"])
def test_a_new_folder_lies_where_it_is_shown(window, places, name):
    before = sorted(places.rglob("*"))
    assert window.post("folder", {"parent": str(places / "allowed"), "name": name}).status in (400, 403, 422)
    assert sorted(places.rglob("*")) == before


def test_a_new_folder_is_made_once(window, places):
    asked = {"parent": str(places / "allowed"), "name": "new one"}
    assert window.post("folder", asked).json["path"] == str(places / "allowed" / "new one")
    assert "cannot be made" in window.post("folder", asked).error


@links
def test_links_that_lead_out_are_neither_shown_nor_followed(window, places):
    allowed = places / "allowed"
    (allowed / "way out").symlink_to(places / "secret")
    (allowed / "table.csv").symlink_to(places / "secret" / "grades.csv")
    (allowed / "way in").symlink_to(allowed / "photos")
    names = [entry["name"] for entry in window.get(f"api/folder?path={allowed}").json["entries"]]
    assert sorted(names) == ["grades.csv", "photos", "way in"]
    assert window.get(f"api/folder?path={allowed}/way%20out").status == 403
    assert window.post("study", {"photos": str(allowed / "way out")}).status == 403
    chosen(window, places)
    assert window.post("workbook", {"path": str(allowed / "table.csv")}).status == 403


@links
def test_a_photo_that_is_a_link_out_is_refused(window, places):
    (places / "allowed" / "photos" / "b.jpg").symlink_to(places / "secret" / "hidden.jpg")
    answer = window.post("study", {"photos": str(places / "allowed" / "photos")})
    assert answer.status == 403 and "b.jpg: is a link that leads out" in answer.error


@links
def test_a_photo_that_became_a_link_is_refused_when_work_begins(window, places):
    chosen(window, places)
    (places / "allowed" / "photos" / "b.jpg").symlink_to(places / "secret" / "hidden.jpg")
    window.post("grade")
    assert "is a link that leads out" in window.wait()["error"]


@links
def test_a_workbook_that_became_a_link_is_not_read(window, places):
    chosen(window, places)
    workbook = places / "allowed" / "grades.csv"
    assert window.post("workbook", {"path": str(workbook)}).status == 200
    assert window.get("api/experts").status == 200
    workbook.unlink()
    workbook.symlink_to(places / "secret" / "grades.csv")
    assert window.get("api/experts").status == 403
    window.post("train")
    assert "is a link that leads out" in window.wait()["error"]


@links
@pytest.mark.parametrize(
    "name", ["results.xlsx", "report", "model", "agreement.xlsx", "trial.html", "study.json"]
)
def test_nothing_is_written_through_a_link_out(window, places, name):
    folder = places / "allowed" / "photos - toolkit"
    folder.mkdir()
    (folder / name).symlink_to(places / "secret" / "target")
    answer = window.post("study", {"photos": str(places / "allowed" / "photos")})
    assert answer.status == 403 and "leads out" in answer.error
    assert not (places / "secret" / "target").exists()


@links
def test_reviews_are_not_written_through_a_link_out(window, places):
    folder = places / chosen(window, places)["folder"]
    for name in ("review-Anna.csv", "review-Anna.page.json"):
        (folder / name).symlink_to(places / "secret" / name)
    row = {"photo": "a.jpg", "verdict": "corrected", "grade": "2"}
    assert window.post("review", {"reader": "Anna", "rows": [row]}).status == 403
    assert window.post("memory", {"reader": "Anna", "key": "toolkit-x", "value": 1}).status == 403
    assert sorted(path.name for path in (places / "secret").iterdir()) == ["grades.csv", "hidden.jpg"]


@links
def test_files_are_not_handed_out_through_a_link_out(window, places):
    folder = places / chosen(window, places)["folder"]
    (folder / "trial.html").symlink_to(places / "secret" / "grades.csv")
    (folder / "review-x.csv").symlink_to(places / "secret" / "grades.csv")
    (folder / "report").mkdir()
    (folder / "report" / "index.html").symlink_to(places / "secret" / "grades.csv")
    (folder / "report" / "photos").symlink_to(places / "secret")
    (places / "secret" / "00000.js").write_text("secret")
    for path in (
        "files/trial.html",
        "trial/",
        "files/review-x.csv",
        "report/?reader=a",
        "report/photos/00000.js",
    ):
        assert window.get(path).status == 404, path


@pytest.mark.parametrize(
    "path",
    ["files/study.json", "files/..%2fstudy.json", "files/%2e%2e/study.json", "files/results.toolkit.sqlite", "files/model",
     "report/../study.json", "report/..%2fstudy.json", "report/photos/../../study.json", "report/photos/00000.png",
     "report/index.html", "window/..%2froutes.py", "window/%2e%2e/routes.py", "window/", "window/x.py"],
)  # fmt: skip
def test_only_known_files_are_handed_out(window, places, path):
    chosen(window, places)
    assert window.get(path).status == 404


def test_what_an_earlier_study_names_outside_is_forgotten(window, places):
    study = chosen(window, places)
    kept = places / study["folder"] / "study.json"
    told = json.loads(kept.read_text(encoding="utf-8"))
    told |= {
        "workbook": "../../secret/grades.csv",
        "model": str(places / "secret"),
        "arms": "../../secret/grades.csv",
    }
    kept.write_text(json.dumps(told), encoding="utf-8")
    again = chosen(window, places)
    assert (again["workbook"], again["arms"], again["model"]) == (None, None, "starter")
    told["photos"] = "../../secret"
    kept.write_text(json.dumps(told), encoding="utf-8")
    assert window.post("study", {"folder": study["folder"]}).status == 403


def test_a_folder_that_is_none_is_told(tmp_path):
    with pytest.raises(ToolkitError, match="no such folder"):
        AllowedFolders([tmp_path / "nothing"])


def test_several_folders_are_the_beginning(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    allowed = AllowedFolders([tmp_path / "a", tmp_path / "b", tmp_path / "a"])
    listing = allowed.listing(None)
    assert [entry.path.name for entry in listing.entries] == ["a", "b"] and listing.path is None
    assert allowed.listing(tmp_path / "a").up is None
    with pytest.raises(NotAllowedError):
        allowed.path(str(tmp_path))
