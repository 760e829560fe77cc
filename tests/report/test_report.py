"""The report page without a browser: what it tells, what it draws and where, what it refuses, and what it lets run."""

import base64
import csv
import functools
import hashlib
import json
import os
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from drawn_photos import cut_of
from graded_study import small_model, write_photos
from PIL import Image
from typer.testing import CliRunner

from toolkit.cli import app
from toolkit.commands.grading import grade_photos
from toolkit.commands.results import ReportRequest, beside_expert
from toolkit.errors import GradesError, ToolkitError
from toolkit.geometry import apply_affine, invert_affine
from toolkit.images import read_photo
from toolkit.model import load_model, save_model
from toolkit.photos import photo_files
from toolkit.phototable import FIGURE
from toolkit.pigment import pigment_of_png, pigment_png
from toolkit.records import REGIONS, Face, PhotoFacts, PhotoGrade, interval_holds
from toolkit.report import ReportedRun, check_report, outlines, pictures
from toolkit.report import page as report_page
from toolkit.report.facts import head, photo_rows, run_hash, usual_figures, visits
from toolkit.report.pictures import Drawn, PictureJob, draw
from toolkit.report.words import Usual, in_words, is_known
from toolkit.report.writers import FolderWriter
from toolkit.settings import ReportSettings, Settings
from toolkit.store import GradeDetails, RunOptions, open_store, read_store, store_path

pytestmark = pytest.mark.slow
HOSTILE = "</script><script>document.title='taken'</script>.jpg"
TAG = "<img src=x onerror=document.title='taken'>.jpg"
PHOTOS = 6


@functools.cache  # one for all tests of the page, also those in a browser: it takes a while
def model_with_thumbnails(parent):
    """A small model with one picture per reference, its number as its grey, in a folder below ``parent``."""
    folder = small_model(parent / "report-model")
    model = load_model(folder)
    count = len(model.index.references.grades)
    pictures = (np.full((96, 80, 3), number % 256, np.uint8) for number in range(count))
    jpegs = tuple(cv2.imencode(".jpg", picture)[1].tobytes() for picture in pictures)
    save_model(replace(model, thumbnails=jpegs), folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return model_with_thumbnails(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Graded photographs, one that is none, and two whose names would run if they were taken for HTML."""
    folder = tmp_path_factory.mktemp("study") / "photos"
    paths = write_photos(folder, PHOTOS)
    (folder / "broken.jpg").write_bytes(paths[0].read_bytes()[:5000])
    for name in (HOSTILE, TAG):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(paths[1], folder / name)
    return folder


@pytest.fixture(scope="module")
def expert(tmp_path_factory):
    path = tmp_path_factory.mktemp("expert") / "expert.csv"
    rows = [("file", "subject", "visit", "grade"), (TAG, "<b>S1</b>", "<script>1</script>", 3.5)]
    rows += [
        (f"P{n // 2:04}_FACE_{'LRF'[n % 3]}_S00_V00D00W{4 * (n % 2):02}.jpg", "", "", 2 + n / 2)
        for n in range(PHOTOS)
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.fixture(scope="module")
def written(photos, model, expert, tmp_path_factory):
    """A run with both kinds of page: (folder of the outputs, what the run said)."""
    folder = tmp_path_factory.mktemp("out")
    request = ReportRequest(folder / "report.html", folder / "report", expert)
    return folder, grade_photos([photos], folder / "grades.xlsx", model, report=request, workers=2)


class Elements(HTMLParser):
    """Every start tag with its attributes, and the content of scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.contents = [], []
        self._inside = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag in ("script", "style"):
            self._inside = (tag, dict(attributes))
            self.contents.append([*self._inside, ""])

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside:
            self.contents[-1][2] += data


def page_of(path):
    return Elements(path.read_text("utf-8"))


def json_of(page, name):
    return next(json.loads(text) for _, attributes, text in page.contents if attributes.get("id") == name)


@pytest.fixture(scope="module")
def page(written):
    return page_of(written[0] / "report.html")


# --- the page ------------------------------------------------------------------------------------


def test_the_page_tells_what_the_workbook_tells(written, page, expert):
    data = json_of(page, "data")
    grades = written[1].grades
    assert [row["photo"] for row in data["photos"]] == [grade.name for grade in grades]
    for row, grade in zip(data["photos"], grades, strict=True):
        if grade.grade is None:
            assert row["grade"] is None and row["flag"] == "failed" and row["note"] == grade.note
            continue
        assert row["grade"] == pytest.approx(grade.grade, abs=0.005)
        assert (row["half"], row["severity"]) == (grade.half_step, grade.severity)
        assert row["lower"] <= row["grade"] <= row["upper"]
        assert set(row["regions"]) | set(row["missing"]) >= set(grade.regions)
    assert data["head"]["photos"] == len(grades) and data["head"]["graded"] == PHOTOS + 2
    assert data["expert"] == expert.name and data["head"]["expert"] == PHOTOS + 1
    assert any(
        f"expert.csv: {PHOTOS + 1} of {PHOTOS + 3} photos have a grade" in said for said in written[1].remarks
    )
    by_name = {row["photo"]: row for row in data["photos"]}
    assert by_name["P0002_FACE_R_S00_V00D00W00.jpg"]["expert"] == 4.0
    outside = [row for row in data["photos"] if row["expert"] is not None and row["grade"] is not None]
    outside = [row for row in outside if not interval_holds(row["lower"], row["upper"], row["expert"])]
    for row in data["photos"]:
        told = f"expert grade {row['expert'] or 0:g} outside the interval" in row["note"]
        assert told == (row in outside) and (row["flag"] == "flagged" or not told)
    assert (by_name[TAG]["subject"], by_name[TAG]["visit"]) == ("<b>S1</b>", "<script>1</script>")


def test_an_experts_grade_outside_the_interval_is_noted():
    grade = PhotoGrade("a.jpg", PhotoFacts("a"), 3.0, 2.0, 4.0, note="blurred")
    for expert in (None, 2.0, 3.3, 4.0):
        assert beside_expert(grade, expert) is grade
    shown = replace(grade, lower=3.46, upper=4.991)  # shown as 3.5 to 5.0
    assert beside_expert(shown, 5.0) is shown and beside_expert(shown, 3.5) is shown
    assert "3.4 outside" in beside_expert(shown, 3.4).note
    assert beside_expert(grade, 4.5).note == "blurred; expert grade 4.5 outside the interval"
    failed = PhotoGrade("b.jpg", PhotoFacts("b"), note="no face found")
    assert beside_expert(failed, 4.5) is failed


def test_a_photo_has_its_regions_reasons_and_references(written, page):
    rows = json_of(page, "data")["photos"]
    with read_store(store_path(written[1].out)) as store:
        for place, row in enumerate(rows):
            told, behind = json_of(page, f"photo-{place}"), store.details(place)
            assert {
                one["region"]: one["grade"] for one in told["regions"] if one["grade"] is not None
            } == row["regions"]
            assert len(told["reasons"]) == len(behind.contributions)
            assert (len(told["reasons"]) >= 2) == (row["grade"] is not None)
            assert all(reason["text"] and (reason["behind"] or reason["kind"]) for reason in told["reasons"])
            if row["grade"] is not None:
                added = sum(reason["added"] for reason in told["reasons"])
                assert added == pytest.approx(row["grade"], abs=0.06)
            shown = [one["number"] for region in told["alike"] for one in region["references"]]
            assert shown == [one.reference for one in behind.evidence]
            assert len(behind.pigment) == (1 if row["grade"] is not None else 0)


def test_references_are_the_models_pictures(page, model):
    references, thumbnails = json_of(page, "data")["references"], load_model(model).thumbnails
    assert references
    for number, source in references.items():
        assert base64.b64decode(source.removeprefix("data:image/jpeg;base64,")) == thumbnails[int(number)]


@pytest.mark.parametrize("kind", ["report.html", "report/index.html"])
def test_nothing_but_the_pages_own_script_may_run_and_nothing_is_fetched(written, kind):
    text = (written[0] / kind).read_text("utf-8")
    page = Elements(text)
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'" and "unsafe" not in policy and "http" not in policy
    for tag in ("script", "style"):
        own = [content for name, a, content in page.contents if name == tag and "type" not in a]
        assert len(own) == 1
        digest = base64.b64encode(hashlib.sha256(own[0].encode()).digest()).decode()
        assert f"'sha256-{digest}'" in rules[f"{tag}-src"]
    assert ("file:" in policy) == (kind != "report.html")
    assert {t for t, _ in page.tags} & {"img", "link", "iframe", "object", "embed", "base"} == set()
    assert not [a for _, a in page.tags if "src" in a or any(name.startswith("on") for name in a)]
    outside = [
        address for address in re.findall(r"https?://[^\"'\s]+", text) if "www.w3.org/2000/svg" not in address
    ]
    assert outside == []


def test_hostile_names_are_data(written):
    text = (written[0] / "report.html").read_text("utf-8")
    assert "document.title='taken'" in json_of(Elements(text), "data")["photos"][0]["photo"]
    for raw in ("</script><script>document", "<img src=x", "<b>S1</b>", "<script>1"):
        assert raw not in text
    for script in (written[0] / "report" / "photos").glob("*.js"):
        assert not set("<>&") & set(script.read_text("ascii"))


def test_the_folder_holds_what_the_file_holds(written, page):
    folder = written[0] / "report"
    assert (folder / "index.html").stat().st_size < 0.6 * (written[0] / "report.html").stat().st_size
    for place in range(len(json_of(page, "data")["photos"])):
        script = (folder / "photos" / f"{place:05}.js").read_text()
        told = json.loads(script.removeprefix(f"toolkitPhoto({place}, ").removesuffix(");\n"))
        inside = json_of(page, f"photo-{place}")
        for name in ("picture", "pigment"):
            assert bool(told[name]) == bool(inside[name])
            if told[name]:
                data = base64.b64encode((folder / told.pop(name)).read_bytes()).decode()
                assert inside.pop(name) == f"data:image/jpeg;base64,{data}"
        assert told == inside


def test_done_before_the_page_is_written_without_grading(photos, model, written, tmp_path, monkeypatch):
    from toolkit.commands import grading

    for file in (written[1].out, store_path(written[1].out)):
        shutil.copy(file, tmp_path / file.name)
    asked = []
    grade_all = grading.grade_all
    monkeypatch.setattr(
        grading,
        "grade_all",
        lambda files, *rest, **more: asked.extend(files) or grade_all(files, *rest, **more),
    )
    request = ReportRequest(tmp_path / "again.html")
    run = grade_photos([photos], tmp_path / "grades.xlsx", model, report=request)
    assert run.earlier == PHOTOS + 3 and not asked
    again = json_of(page_of(tmp_path / "again.html"), "data")
    first = json_of(page_of(written[0] / "report.html"), "data")
    assert again["hash"] == first["hash"] and not again["blind"]  # a review goes on
    assert [row["grade"] for row in again["photos"]] == [row["grade"] for row in first["photos"]]


def test_the_command_writes_the_page_and_says_where(photos, model, written, tmp_path):
    for file in (written[1].out, store_path(written[1].out)):
        shutil.copy(file, tmp_path / file.name)
    page, folder = tmp_path / "page.html", tmp_path / "folder"
    options = [
        "--out",
        tmp_path / "grades.xlsx",
        "--model",
        model,
        "--report",
        page,
        "--report-dir",
        folder,
        "--blind",
    ]
    done = CliRunner().invoke(app, ["grade", *map(str, [photos, *options]), "--workers", "1", "--quiet"])
    assert done.exit_code == 3, done.output
    assert f"Page: {page}\n" in done.output and f"Page: {folder / 'index.html'}\n" in done.output
    assert page.is_file() and (folder / "index.html").is_file()
    assert json_of(page_of(page), "data")["blind"]


def test_an_interrupted_run_writes_its_workbook_and_no_page(photos, model, tmp_path, monkeypatch):
    from toolkit.commands import grading

    def stopped(*rest, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr(grading, "grade_all", stopped)
    request = ReportRequest(tmp_path / "page.html")
    run = grade_photos([photos], tmp_path / "grades.xlsx", model, report=request)
    assert run.interrupted and run.out.is_file() and not (tmp_path / "page.html").exists()


def test_the_hash_is_of_what_was_graded_and_what_came_of_it():
    grade = PhotoGrade("a.jpg", PhotoFacts("a"), 3.0, 2.0, 4.0)
    rows = photo_rows([grade], ["aa"], {})
    base = run_hash(rows, "m")
    assert run_hash(photo_rows([grade], ["aa"], {"a.jpg": 2.0}), "m") == base
    others = [
        (rows, "n"),
        (photo_rows([grade], ["bb"], {}), "m"),
        (photo_rows([replace(grade, grade=3.1)], ["aa"], {}), "m"),
    ]
    assert len({base, *(run_hash(*other) for other in others)}) == 4


def test_a_model_without_thumbnails_says_so(photos, model, tmp_path):
    plain = tmp_path / "plain"
    save_model(replace(load_model(model), thumbnails=()), plain)
    request = ReportRequest(tmp_path / "r.html", tmp_path / "r")
    grade_photos(sorted(photos.glob("P0000*")), tmp_path / "g.xlsx", plain, report=request)
    data = json_of(page_of(tmp_path / "r.html"), "data")
    assert data["thumbnails"] is False and data["references"] == {}
    assert list((tmp_path / "r" / "references").iterdir()) == []


# --- pictures ------------------------------------------------------------------------------------


def drawn_of(written, photos, name, **changes):
    """(what is drawn of a graded photo, its patches, its face)."""
    with read_store(store_path(written[1].out)) as store:
        place, found = next((i, one) for i, one in enumerate(store.inputs()) if one.name == name)
        behind = store.details(place)
    job = replace(PictureJob(photos / name, found.sha256, behind.face, behind.pigment), **changes)
    record = behind.face
    face = Face(np.array(record["points"]), record["side"], "", 1.0, record["px_per_mm"])
    settings = Settings()
    return (
        draw(job, settings),
        cut_of(read_photo(job.path, settings.photo), face)[0],
        face,
    )


def decoded(jpeg):
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def subpaths(path):
    """The corners (n, 2) of every closed outline of a path, in pixels of the picture."""
    found = []
    for part in path.split("z")[:-1]:
        start, steps = re.fullmatch(r"M([\d -]+)l([\d -]+)", part).groups()
        numbers = [np.array(re.findall(r"-?\d+", text), float).reshape(-1, 2) for text in (start, steps)]
        found.append(np.cumsum(np.concatenate(numbers), axis=0) / 2)
    return found


@pytest.mark.parametrize("name", ["P0000_FACE_L_S00_V00D00W00.jpg", "P0001_FACE_F_S00_V00D00W00.jpg"])
def test_a_patch_of_the_page_is_the_patch_that_was_measured(written, photos, name):
    drawn, patches, _ = drawn_of(written, photos, name)
    sharp = decoded(drawn.jpeg)
    assert max(sharp.shape[:2]) <= ReportSettings().sharp_px
    size = drawn.layers["width"], drawn.layers["height"]  # of the view that the page shows it in
    picture = cv2.resize(sharp, size, interpolation=cv2.INTER_AREA)
    assert [one["region"] for one in drawn.layers["patches"]] == [patch.region for patch in patches]
    for one, patch in zip(drawn.layers["patches"], patches, strict=True):
        # As SVG draws it: pixels counted from their edges.
        matrix = np.array(one["matrix"]).reshape(3, 2).T
        centred = np.column_stack([matrix[:, :2], matrix @ [0.5, 0.5, 1] - 0.5])
        again = cv2.warpAffine(picture, centred, tuple(one["size"]), flags=cv2.INTER_LINEAR)
        inner = cv2.erode(patch.skin.astype(np.uint8), np.ones((9, 9))) > 0
        blurred = [cv2.GaussianBlur(image, (0, 0), 3).astype(float)[inner] for image in (again, patch.pixels)]
        assert np.abs(blurred[0] - blurred[1]).mean() < 3
        moved = np.roll(blurred[1], 1, axis=1)  # channels swapped: the test can fail
        assert np.abs(blurred[0] - moved).mean() > 10
        (outline,) = subpaths(one["outline"])
        corners = apply_affine(matrix, outline)
        assert np.abs(np.sort(corners[:, 0])[[0, -1]] - [0, one["size"][0]]).max() < 1.5


def test_what_is_left_out_is_hatched_and_nothing_else(written, photos):
    drawn, patches, _ = drawn_of(written, photos, "P0001_FACE_F_S00_V00D00W00.jpg")
    for one, patch in zip(drawn.layers["patches"], patches, strict=True):
        matrix = np.array(one["matrix"]).reshape(3, 2).T
        mask = np.zeros(patch.skin.shape, np.uint8)
        outlines = [
            np.round(apply_affine(matrix, outline)).astype(np.int32)
            for outline in subpaths(one["unmeasured"])
        ]
        cv2.fillPoly(mask, outlines, 1)  # even and odd, as in the page
        assert (mask.astype(bool) == ~patch.skin).mean() > 0.95


def test_spots_and_landmarks_lie_where_they_were_found(written, photos):
    drawn, _, face = drawn_of(written, photos, "P0001_FACE_F_S00_V00D00W00.jpg")
    layers = drawn.layers
    points = np.array(layers["landmarks"]).reshape(-1, 2) / 2
    assert len(points) == 68
    # The same similarity carries all landmarks: distances keep their proportions.
    ratio = np.linalg.norm(points[8] - points[27]) / np.linalg.norm(face.points[8] - face.points[27])
    assert np.linalg.norm(points[0] - points[16]) == pytest.approx(
        ratio * np.linalg.norm(face.points[0] - face.points[16]), rel=0.02
    )
    for kind, number in (("spots", "pigment"), ("classical", "classical")):
        found = subpaths(layers[kind])
        assert len(found) > 0 and layers["counts"][number] <= len(found) + layers["hidden"]
        for spot in found:
            assert (spot >= -2).all() and (spot <= np.array([layers["width"], layers["height"]]) + 2).all()
    assert 0 < layers["share"] < 1


def test_predicted_pigment_lies_where_the_network_saw_it(written, photos):
    name = "P0001_FACE_F_S00_V00D00W00.jpg"
    with read_store(store_path(written[1].out)) as store:
        place = next(i for i, one in enumerate(store.inputs()) if one.name == name)
        chart = store.details(place).face["chart"]
    plain, patches, _ = drawn_of(written, photos, name)
    one = next(i for i, patch in enumerate(patches) if patch.region == "left_cheek")
    to_chart = np.array(chart["to_chart"])
    corner = to_chart @ [*invert_affine(patches[one].to_patch)[:, 2], 1]  # of the patch, on the chart
    seen = np.zeros((chart["size"][0] * 2 // 3, chart["size"][1] * 2 // 3), np.float32)
    x, y = np.round(corner * 2 / 3).astype(int)
    seen[y + 40 : y + 46, x + 30 : x + 36] = 0.3  # at the scale of the network
    drawn, _, _ = drawn_of(written, photos, name, pigment=(pigment_png(seen),))
    bright = decoded(drawn.pigment)[..., 0]
    y, x = np.nonzero(bright > 128)
    matrix = np.array(drawn.layers["patches"][one]["matrix"]).reshape(3, 2).T
    at = apply_affine(matrix, [[2 * x.mean() + 1, 2 * y.mean() + 1]])[0]
    assert np.abs(at - [33 * 1.5, 43 * 1.5]).max() < 3
    assert (bright > 128).mean() < 0.01
    assert drawn.layers["counts"]["pigment"] == 1 != plain.layers["counts"]["pigment"]
    (spot,) = subpaths(drawn.layers["spots"])
    assert np.abs(spot.mean(axis=0) - [2 * x.mean(), 2 * y.mean()]).max() < 3


def test_a_half_face_is_cut_to_the_face(written, photos):
    drawn, _, _ = drawn_of(written, photos, "P0000_FACE_L_S00_V00D00W00.jpg")
    height, width = decoded(drawn.jpeg).shape[:2]
    with Image.open(photos / "P0000_FACE_L_S00_V00D00W00.jpg") as whole:
        assert width / height < 0.75 * whole.width / whole.height
    points = np.array(drawn.layers["landmarks"]).reshape(-1, 2) / 2
    assert 30 < len(points) < 68 and (points >= 0).all() and (points <= [width, height]).all()


@pytest.mark.parametrize(("side", "wanted"), [(3000, 1280), (900, 900), (400, 400)])
def test_a_picture_has_the_pixels_that_it_is_enlarged_to(tmp_path, side, wanted):
    """As many as the photograph has, up to 1280, whatever the size of the view that outlines are drawn in."""
    pixels = np.full((side, side // 2, 3), 180, np.uint8)
    pixels[: side // 4] = 60
    Image.fromarray(pixels).save(tmp_path / "a.png")
    sha256 = hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    drawn = draw(PictureJob(tmp_path / "a.png", sha256), Settings())
    picture = decoded(drawn.jpeg)
    assert picture.shape[:2] == (wanted, wanted // 2)
    assert drawn.layers["height"] == min(side, ReportSettings().picture_px)
    edge = np.flatnonzero(np.diff((picture[:, 5].mean(axis=1) > 120).astype(int)))
    assert abs((edge[0] + 1) / wanted - 0.25) < 0.002  # and shows the same as the view


def test_a_picture_is_bounded_however_rough_it_is():
    noise = np.random.default_rng(0).integers(0, 256, (1280, 1280, 3)).astype(np.uint8)
    shown = ReportSettings()
    assert len(outlines.jpeg(noise, shown)) <= shown.max_picture_bytes
    path, hidden = outlines.svg_path(
        [np.array([(x, 0), (x + 3, 0), (x, 3 + x)]) for x in range(0, 9000, 4)], 2000
    )
    assert len(path) <= 2000 and hidden > 0


def test_pictures_that_cannot_be_drawn_say_why(written, photos, tmp_path):
    sha256 = hashlib.sha256(b"no picture").hexdigest()
    (tmp_path / "text.jpg").write_text("no picture")
    settings = Settings()
    assert "No such file" in draw(PictureJob(tmp_path / "gone.jpg", "aa"), settings).problem
    assert draw(PictureJob(tmp_path / "text.jpg", sha256), settings).problem
    changed = draw(PictureJob(photos / "P0000_FACE_L_S00_V00D00W00.jpg", "aa"), settings)
    assert not changed.jpeg and "has changed since" in changed.problem
    Image.new("RGB", (300, 200), (200, 150, 120)).save(tmp_path / "plain.png")
    plain = hashlib.sha256((tmp_path / "plain.png").read_bytes()).hexdigest()
    drawn = draw(PictureJob(tmp_path / "plain.png", plain), settings)
    assert drawn.jpeg and drawn.layers == {"width": 300, "height": 200}  # no face: the picture alone


@pytest.mark.parametrize("error", [cv2.error("odd"), MemoryError(), ValueError("odd"), ToolkitError("odd")])
def test_a_photo_that_fails_to_be_drawn_ends_no_report(written, photos, monkeypatch, error):
    def fails(*rest, **more):
        raise error

    monkeypatch.setattr(pictures, "_pigment", fails)
    name = "P0000_FACE_L_S00_V00D00W00.jpg"
    drawn, _, _ = drawn_of(written, photos, name)
    said = (
        "odd"
        if isinstance(error, ToolkitError)
        else f"it cannot be drawn (unexpected {type(error).__name__})"
    )
    assert (drawn.jpeg, drawn.layers, drawn.problem) == (b"", {}, said)


def test_photos_without_a_result_are_not_opened(tmp_path, monkeypatch):
    """Drawn in slices, the real path of each; what timed out keeps its reason."""
    names = [f"{n}.jpg" for n in range(7)]
    monkeypatch.setattr(report_page, "_SLICE", 3)
    sizes, jobs, asked = [], [], []

    def draw_all(some, *rest):
        sizes.append(len(some))
        jobs.extend(some)
        yield from (draw(job, Settings()) for job in some)

    monkeypatch.setattr(report_page, "draw_all", draw_all)
    with open_store(tmp_path / "g.xlsx") as store:
        store.begin(photo_files([tmp_path / name for name in names]), RunOptions("", "", "", "", ""))
        for place in range(7):
            store.put_failure(place, f"took longer than {place} s")
        store.details = lambda place: asked.append(place) or GradeDetails()
        paths = [tmp_path / os.fsdecode(b"\xe9") / name for name in names]
        model = type("", (), {"settings": Settings()})
        study = ReportedRun(store, paths, list(store.grades(PhotoFacts)), model, {})
        drawn = list(report_page._draw_slices(study, list(store.inputs()), 1, 9.0))
    assert sizes == [3, 3, 1] and asked == list(range(7)) and [job.path for job in jobs] == paths
    assert [one.problem for _, one in drawn] == [f"took longer than {place} s" for place in range(7)]


def test_a_photo_whose_name_is_no_text_has_its_picture(photos, model, tmp_path):
    path = tmp_path / "photos" / os.fsdecode(b"P0000_FACE_L_\xe9.jpg")
    path.parent.mkdir()
    try:
        shutil.copy(photos / "P0000_FACE_L_S00_V00D00W00.jpg", path)
    except OSError:
        pytest.skip("this file system takes no such name")
    grade_photos([path], tmp_path / "g.xlsx", model, report=ReportRequest(tmp_path / "r.html"))
    told = json_of(page_of(tmp_path / "r.html"), "photo-0")
    assert told["problem"] == "" and told["picture"]


def test_a_map_of_pigment_survives_as_a_png():
    pigment = np.linspace(-0.1, 0.6, 600, dtype=np.float32).reshape(20, 30)
    again = pigment_of_png(pigment_png(pigment))
    np.testing.assert_allclose(again, np.clip(pigment, 0, 0.51), atol=0.0011)
    with pytest.raises(ValueError, match="no map"):
        pigment_of_png(b"GIF")


# --- words and figures ---------------------------------------------------------------------------


def test_the_usual_severity_gives_the_grade_that_contributions_count_from():
    model = load_model(None)
    usual = usual_figures(model)[FIGURE].centre
    assert float(model.blend.curve.predict(np.array(usual))) == pytest.approx(model.blend.curve.usual)


def test_word_and_number_of_the_severity_agree_however_near_the_usual():
    model = load_model(None)
    curve, usual = model.blend.curve, usual_figures(model)[FIGURE]
    for off in (-0.5, -0.09, -0.05, 0.05, 0.09, 0.5):  # standard deviations
        value = usual.centre + off * usual.spread
        added = float(curve.predict(np.array(value))) - curve.usual
        told, _ = in_words(FIGURE, "side", value, added, usual=usual)
        assert told.removeprefix("slightly ").startswith("more severe" if added > 0 else "milder")
        assert told.startswith("slightly") == (abs(off) < 0.1)


def test_every_figure_of_the_starter_model_has_words():
    columns = load_model(None).blend.side.columns
    assert [name for name in (*columns, "usual_grade") if not is_known(name)] == []


@pytest.mark.parametrize(
    ("figure", "region", "value", "contribution", "usual", "words"),
    [
        ("area_fraction_near", "left_cheek", 0.2, 0.6, Usual(0.1, 0.05), "more pigmented area on the left cheek than usual"),
        ("spots_per_cm2_fine", "chin", 1.0, 0.1, Usual(2.0, 0.5), "fewer spots on the chin than usual"),
        ("load_fine", "forehead", 0.1, 0.1, Usual(0.1001, 0.05), "slightly less darkness from spots on the forehead than usual"),
        ("load_fine", "forehead", 0.1, 0.1, Usual(0.1, 0.05), "darkness from spots on the forehead as usual"),
        ("net_mean", "side", 0.03, -0.2, None, "less pigment seen by the network over the whole side than usual"),
        ("net_share_050", "side", 0.1, 0.2, Usual(0.05, 0.02), "more area with over 0.05 OD of pigment over the whole side than usual"),
        ("jaw_net_mean_root", "side", 0.1, 0.2, Usual(0.05, 0.02), "more pigment seen by the network, faint spots included on the jaw over the whole side than usual"),
        ("usual_grade", "side", None, 3.5, None, "the usual grade, to which the others are added"),
        ("similarity_top5_>5", "chin", 0.1, -0.2, Usual(0.3, 0.1), "less close likeness to the 5 nearest references graded over 5 on the chin than usual"),
        ("melanin_band_0_5mm", "chin", 0.1, 0.2, Usual(0.05, 0.1), "stronger melanin detail of about 0.5 mm on the chin than usual"),
        ("neighbour_grade", "chin", None, 0.0, Usual(3, 1), "no grades of the nearest references to measure on the chin"),
        ("region_grade", "chin", 4.0, 0.4, None, "the grade of the chin, by its weight"),
        ("of_another_version", "chin", 1.0, 0.2, None, "higher of another version on the chin than usual"),
    ],
)  # fmt: skip
def test_contributions_in_words(figure, region, value, contribution, usual, words):
    assert in_words(figure, region, value, contribution, usual=usual)[0] == words


def test_visits_come_in_their_order():
    labels = ["Week 12", "Visit 2", "Week 4", "Day 3", "Screening", "Baseline", "", "Week 4 Day 30", "after"]
    found = visits([{"visit": label} for label in labels])
    assert [visit["label"] for visit in found] == [
        "Screening", "Baseline", "Day 3", "Week 4", "Week 4 Day 30", "Week 12", "Visit 2", "after"
    ]  # fmt: skip
    assert [visit["days"] for visit in found] == [None, 0, 3, 28, 30, 84, None, None]


def test_a_visit_may_have_any_number():
    labels = [f"{kind} {'9' * 5000}" for kind in ("Day", "Week 1 Day", "Visit")] + [
        "Visit 10",
        "Visit 9",
        "Day 007",
    ]
    found = visits([{"visit": label} for label in labels])
    assert [visit["label"] for visit in found[2:5]] == ["Visit 9", "Visit 10", labels[2]]
    assert {visit["label"]: visit["days"] for visit in found if visit["days"] is not None} == {"Day 007": 7}


def test_the_figures_at_the_head():
    grades = [
        PhotoGrade("a", PhotoFacts("a", "left"), 3.0, 2.0, 4.0, regions={"forehead": 3.0}, quality="ok"),
        PhotoGrade(
            "b",
            PhotoFacts("b", "both"),
            7.0,
            5.0,
            9.0,
            regions=dict.fromkeys(REGIONS, 7.0),
            quality="blurred",
        ),
        PhotoGrade("c", PhotoFacts("c"), note="no face found"),
    ]
    rows = photo_rows(grades, ["x", "y", ""], {"a": 2.0, "c": 1.0})
    told = head(rows)
    assert (told.photos, told.graded, told.flagged, told.expert) == (3, 2, 1, 1)
    assert told.severities == {"none": 0, "mild": 1, "moderate": 0, "severe": 1}
    assert (told.mean_interval, told.rmse, told.within_one) == (3.0, 1.0, 1.0)
    assert [row["missing"] for row in rows] == [["left_cheek", "chin"], [], []]
    assert head(photo_rows(grades[2:], [""], {})).mean_interval is None
    assert (told.learnt, head(rows, {"x", "y"}).learnt) == (0, 1)  # y has no expert's grade


# --- what is refused -------------------------------------------------------------------------------


def test_too_many_photos_for_one_file_are_refused_before_grading(tmp_path):
    check_report(tmp_path / "r.html", None, 400)
    with pytest.raises(ToolkitError, match=r"401 photos are too many .* \(400 at most\): use --report-dir"):
        check_report(tmp_path / "r.html", None, 401)
    check_report(None, tmp_path / "new" / "r", 5000)
    with pytest.raises(ToolkitError, match=r"written as \.html"):
        check_report(tmp_path / "r.pdf", None, 1)


def test_a_folder_that_is_no_report_is_left_alone(written, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("my page")
    (tmp_path / "file").write_text("")
    for name in ("mine", "file"):
        with pytest.raises(ToolkitError, match="holds no report"):
            check_report(None, tmp_path / name, 1)
    check_report(None, written[0] / "report", 1)  # ours is written anew


def test_a_page_and_a_folder_keep_out_of_each_others_way(written, tmp_path):
    folder = tmp_path / "r.html"
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    for file in (
        folder,
        folder / "index.html",
        folder / "x" / ".." / "index.html",
        tmp_path / "link" / "index.html",
    ):
        with pytest.raises(ToolkitError, match="--report-dir writes there too"):
            check_report(file, folder, 1)
    assert not folder.exists()
    with pytest.raises(ToolkitError, match="belongs to the report beside it"):
        check_report(written[0] / "report" / "index.html", None, 1)
    # A page of one file makes no folder ours: what lies beside it may be anyone's.
    (tmp_path / "mine" / "photos").mkdir(parents=True)
    (tmp_path / "mine" / "photos" / "00001.jpg").write_bytes(b"mine")
    shutil.copy(written[0] / "report.html", tmp_path / "mine" / "index.html")
    with pytest.raises(ToolkitError, match="holds no report"):
        check_report(None, tmp_path / "mine", 1)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "photos").write_text("")
    with pytest.raises(ToolkitError, match="photos: no folder can be made there"):
        FolderWriter(tmp_path / "other", ())


def test_a_folder_that_was_stopped_is_gone_on_with(photos, model, tmp_path, monkeypatch):
    def stopped(jobs, *rest):
        yield Drawn(outlines.encoded(np.zeros((8, 8, 3), np.uint8), 90))
        raise KeyboardInterrupt

    some, folder = sorted(photos.glob("P0000*")), tmp_path / "report"
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(report_page, "draw_all", stopped)
        grade_photos(some, tmp_path / "g.xlsx", model, report=ReportRequest(None, folder))
    assert (folder / "photos" / "00000.jpg").exists()
    assert "not finished" in (folder / "index.html").read_text()
    grade_photos(some, tmp_path / "g.xlsx", model, report=ReportRequest(None, folder))
    assert len(json_of(page_of(folder / "index.html"), "data")["photos"]) == len(some)


def test_an_earlier_report_leaves_nothing_behind(photos, model, written, tmp_path):
    folder = tmp_path / "report"
    shutil.copytree(written[0] / "report", folder)
    (folder / "photos" / "notes.txt").write_text("mine")
    some = sorted(photos.glob("P0000*"))
    grade_photos(some, tmp_path / "g.xlsx", model, report=ReportRequest(None, folder))
    names = {path.name for path in (folder / "photos").iterdir()}
    assert names == {
        "notes.txt",
        *(f"{n:05}{end}" for n in range(len(some)) for end in (".js", ".jpg", "p.jpg")),
    }


def test_reports_that_cannot_be_are_refused_before_anything_is_graded(photos, model, tmp_path):
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("file,grade\nother.jpg,3\n")
    cases = [
        (ReportRequest(None, photos / "report"), "lies among the photographs.*--report-dir"),
        (ReportRequest(None, None, wrong), "add --report"),
        (ReportRequest(blind=True), "--blind.*add --report"),
        (ReportRequest(None, None, None, [("grade", "score")]), "add --facts or --expert-grades"),
        (ReportRequest(tmp_path / "r.html", None, wrong), "wrong.csv"),
        (ReportRequest(tmp_path / "r.html", None, tmp_path / "none.xlsx"), "none.xlsx"),
    ]
    for request, message in cases:
        with pytest.raises((ToolkitError, GradesError), match=message):
            grade_photos([photos], tmp_path / "g.xlsx", model, report=request)
    assert not store_path(tmp_path / "g.xlsx").exists() and not (photos / "report").exists()
