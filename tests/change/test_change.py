"""Two visits of one side: laid over each other, compared spot by spot, told in the sheet Change and on the page."""

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from toolkit.change import (
    KINDS,
    PairChange,
    VisitChart,
    change_interval,
    compare_spots,
    find_pairs,
    register_charts,
    warped,
)
from toolkit.chart import make_chart
from toolkit.commands import finishing
from toolkit.commands.grading import grade_photos
from toolkit.commands.results import ReportRequest
from toolkit.geometry import compose_affine, invert_affine
from toolkit.images import painted_out
from toolkit.phantom import compose, draw_face, shoot
from toolkit.records import Face, Photo, PhotoFacts, PhotoGrade
from toolkit.report.changed import difference_picture
from toolkit.settings import Settings
from toolkit.store import open_store, store_path
from toolkit.study.visits import baseline_of, visit_days, visit_number, visit_order

SETTINGS = Settings()


def chart_of(scene, side="left", points=None):
    """A photograph's chart by its true landmarks, or by others, and the map from the canvas to it."""
    shot = shoot(scene, side)
    pixels = cv2.imdecode(np.frombuffer(shot.jpeg(), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    painted = painted_out(pixels, SETTINGS.photo)
    photo = Photo(Path("a.jpg"), np.ascontiguousarray(pixels), ~painted, "", halo_px=4)
    place = shot.points if points is None else points(shot.points)
    chart = make_chart(photo, Face(place, side, "truth", 1.0, 4.0), SETTINGS.chart)
    known = np.column_stack([scene.canvas.points, np.ones(68)])
    to_shot = np.linalg.lstsq(known, shot.points, rcond=None)[0].T
    return chart, compose_affine(to_shot, chart.to_chart)


@pytest.fixture(scope="module")
def scenes():
    """One person at two visits, much pigment at the first."""
    canvas = draw_face(np.random.default_rng(7), (1000, 980), span_px=400)
    return compose(canvas, {"left": [5.0, 3.0], "right": [5.0, 3.0]}, (5, 1))


def off_by(points):
    """Landmarks as a detector may have them: moved by 3 mm, turned by 2 degrees, 3 % larger."""
    middle = points.mean(axis=0)
    turn = cv2.getRotationMatrix2D((0, 0), 2, 1.03)[:, :2]
    return (points - middle) @ turn.T + middle + 3 * np.ptp(points[:, 0]) / 143.6


def true_places(first, second, shape):
    there = compose_affine(invert_affine(first), second)
    here = np.stack(np.meshgrid(np.arange(shape[1]), np.arange(shape[0])), axis=-1).reshape(-1, 2)
    return (here @ there[:, :2].T + there[:, 2]).reshape(*shape, 2)


def error_mm(found, baseline, later, truth):
    common = found.valid(baseline, later)
    return np.linalg.norm(found.places(baseline, later) - truth, axis=-1)[common] / baseline.px_per_mm


# --- registration --------------------------------------------------------------------------------


def test_another_session_is_laid_over_the_baseline(scenes):
    baseline, to_first = chart_of(scenes[0].session(1))
    later, to_second = chart_of(scenes[1].session(2), points=off_by)
    found = register_charts(baseline, later)
    truth = true_places(to_first, to_second, baseline.skin.shape)
    assert found.found and found.after > found.before
    start = np.linalg.norm(
        replace(found, shift_mm=0 * found.shift_mm).places(baseline, later) - truth, axis=-1
    )
    assert np.median(start[baseline.skin]) / baseline.px_per_mm > 2
    error = error_mm(found, baseline, later, truth)
    assert np.median(error) < 0.7 and np.percentile(error, 95) < 1.5


def bent(chart, most_mm):
    """A chart moved by smooth local shifts, and where its pixels went."""
    rng = np.random.default_rng(3)
    height, width = chart.skin.shape
    shift = cv2.GaussianBlur(rng.standard_normal((height, width, 2)).astype(np.float32), (0, 0), 45)
    shift *= most_mm * chart.px_per_mm / np.abs(shift).max()
    here = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
    back = here + shift
    pixels = cv2.remap(chart.pixels, back, None, cv2.INTER_CUBIC)
    pixels = np.clip(0.9 * pixels + rng.normal(0, 2, pixels.shape), 0, 255).astype(np.uint8)
    masks = [
        cv2.remap(m.astype(np.uint8), back, None, cv2.INTER_NEAREST) > 0 for m in (chart.skin, chart.visible)
    ]
    found = here.copy()
    for _ in range(20):
        found = here - cv2.remap(shift, found, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    blank = np.zeros_like(chart.regions)
    moved = replace(
        chart, pixels=pixels, skin=masks[0] & masks[1], visible=masks[1], regions=blank, reasons=blank
    )
    return moved, found


def test_a_known_warp_is_recovered(scenes):
    chart, _ = chart_of(scenes[0])
    moved, truth = bent(chart, 2.0)
    found = register_charts(chart, moved)
    error = error_mm(found, chart, moved, truth)
    assert found.found and np.median(error) < 0.7 and np.percentile(error, 95) < 1.0
    still = np.linalg.norm(truth - replace(found, shift_mm=0 * found.shift_mm).places(chart, chart), axis=-1)
    assert np.median(error) < np.median(still[chart.skin]) / chart.px_per_mm / 3


def test_another_person_is_not_registered(scenes):
    other = draw_face(np.random.default_rng(8), (1000, 980), span_px=400)
    stranger = compose(other, {"left": [4.0], "right": [4.0]}, (5, 2))[0]
    found = register_charts(chart_of(scenes[0])[0], chart_of(stranger)[0])
    assert not found.found and not found.shift_mm.any()


def test_charts_with_no_skin_in_common_are_not_registered(scenes):
    left, right = chart_of(scenes[0])[0], chart_of(scenes[0], "right")[0]
    found = register_charts(left, right)
    assert not found.found and found.after == 0
    bare = replace(left, skin=np.zeros_like(left.skin))
    assert not register_charts(bare, bare).found


# --- spots ---------------------------------------------------------------------------------------


def look(scene, session):
    """A chart with its planted pigment in place of a prediction."""
    chart, to_chart = chart_of(scene.session(session))
    planted = np.maximum(cv2.warpAffine(scene.pigment, to_chart, chart.skin.shape[::-1]), 0)
    return VisitChart(chart, np.where(chart.skin, planted, 0).astype(np.float32)), to_chart


def dotted(scene, places, od=0.25, mm=1.6):
    """The scene with round spots at places (n, 2) of its canvas."""
    pigment, scale = np.zeros_like(scene.pigment), scene.canvas.px_per_mm
    for x, y in places:
        cv2.circle(pigment, (round(x), round(y)), round(mm * scale), od, -1, cv2.LINE_AA)
    return replace(scene, pigment=cv2.GaussianBlur(pigment, (0, 0), 0.3 * scale))


@pytest.fixture(scope="module")
def spotted(scenes):
    """The same person with spots on the cheek, two of them at the first visit alone, two at the second."""
    points = scenes[0].canvas.points
    unit = scenes[0].canvas.px_per_mm
    cheek = (points[45] + points[54] + points[13]) / 3
    step = 8 * unit
    spots = [cheek + step * np.array([n % 3 - 1, n // 3 - 1]) for n in range(9)]
    return dotted(scenes[0], spots[:7]), dotted(scenes[1], spots[2:]), spots


def kinds_at(changes, baseline_map, spots):
    where = [np.round(baseline_map[:, :2] @ one + baseline_map[:, 2]).astype(int) for one in spots]
    labels = [changes.labels[y, x] for x, y in where]
    return [KINDS[changes.kinds[label - 1]] if label else "" for label in labels]


def test_removed_spots_are_gone_and_added_ones_new(spotted):
    (baseline, to_first), (later, _) = look(spotted[0], 1), look(spotted[1], 2)
    found = register_charts(baseline.chart, later.chart)
    changes = compare_spots(baseline, later, found, SETTINGS.pigment)
    told = kinds_at(changes, to_first, spotted[2])
    assert told == ["gone"] * 2 + ["same"] * 5 + ["new"] * 2
    assert changes.mask("gone").sum() > 0 and not (changes.mask("gone") & changes.mask("new")).any()
    assert not changes.difference[~changes.common].any()
    picture = difference_picture(changes.difference, changes.common, baseline.chart.px_per_mm).astype(int)
    gone, new = (picture[changes.mask(kind)].mean(axis=0) for kind in ("gone", "new"))
    assert gone[2] > gone[0] + 40 and new[0] > new[2] + 40  # blue, red
    plain = changes.common & (changes.labels == 0)
    assert np.median(np.abs(picture[plain] - 245)) < 40 and not picture[~changes.common].any()


def test_half_the_pigment_is_fainter_and_back_again_darker(spotted):
    (baseline, to_first), (later, to_second) = (
        look(spotted[0], 1),
        look(replace(spotted[0], pigment=0.5 * spotted[0].pigment), 2),
    )
    for first, second, way, kind in (
        (baseline, later, to_first, "fainter"),
        (later, baseline, to_second, "darker"),
    ):
        changes = compare_spots(first, second, register_charts(first.chart, second.chart), SETTINGS.pigment)
        assert kinds_at(changes, way, spotted[2][:7]) == [kind] * 7
        assert changes.darkness_change is not None and (changes.darkness_change < -0.2) == (kind == "fainter")


def test_the_same_skin_in_another_session_is_mostly_the_same(scenes):
    (baseline, _), (later, _) = look(scenes[0], 1), look(scenes[0], 4)
    changes = compare_spots(baseline, later, register_charts(baseline.chart, later.chart), SETTINGS.pigment)
    assert len(changes.kinds) > 20
    assert (changes.kinds == KINDS.index("same")).mean() > 0.9


def test_a_change_is_read_back_as_it_was_written(scenes):
    chart, later = chart_of(scenes[0])[0], chart_of(scenes[1].session(2), points=off_by)[0]
    found = register_charts(chart, later)
    from toolkit.change.pairs import _figures

    changes = compare_spots(
        VisitChart(chart, np.zeros(chart.skin.shape, np.float32)), VisitChart(later, np.zeros(later.skin.shape, np.float32)),
        found, SETTINGS.pigment,
    )  # fmt: skip
    told = PairChange.from_json(_figures(found, changes, chart.px_per_mm).to_json())
    assert told.found and np.array_equal(told.registration.shift_mm, found.shift_mm)
    assert np.array_equal(told.registration.places(chart, later), found.places(chart, later))
    assert warped(later.pixels, found.places(chart, later)).shape == chart.pixels.shape


# --- pairs ---------------------------------------------------------------------------------------


def facts(*rows):
    return [PhotoFacts(subject, side, visit) for subject, side, visit in rows]


def test_pairs_are_of_one_subject_and_side():
    some = facts(("a", "left", "Week 4"), ("a", "left", "Baseline"), ("a", "right", "Week 4"),
                 ("b", "left", "Week 4"), ("a", "left", "Screening"), ("a", "left", None), ("b", None, "Week 8"),
                 ("b", "left", "Week 12"), ("a", "left", "Week 10"))  # fmt: skip
    assert find_pairs(some, [True] * 9) == {0: 1, 7: 3, 8: 1}
    assert find_pairs(facts(("a", "left", "Week 4")), [True]) == {}
    retaken = facts(("a", "left", "Baseline"), ("a", "left", "Baseline"), ("a", "left", "Week 4"))
    assert find_pairs(retaken, [False, True, True]) == {2: 1}
    assert find_pairs(retaken, [False, False, True]) == {2: 0}


def test_the_order_of_visits():
    visits = ["Week 10", "Baseline", "Screening", "Week 2 Day 10", "Day 3", "Visit 12", "Visit 2"]
    ordered = ["Screening", "Baseline", "Day 3", "Week 2 Day 10", "Week 10", "Visit 2", "Visit 12"]
    assert sorted(visits, key=visit_order) == ordered
    assert baseline_of(visits) == "Baseline" and baseline_of(visits[3:]) == "Day 3"
    assert visit_days("Week " + "9" * 5000) is None and visit_number("Visit " + "9" * 5000) is None


def graded(grade, half):
    ends = (None, None) if half is None else (max(grade - half, 0), min(grade + half, 9))
    return PhotoGrade("a.jpg", PhotoFacts("a"), grade, *ends)


def test_the_interval_of_a_change_is_narrower_than_two_apart():
    lower, upper = change_interval(graded(4.0, 1.5), graded(5.0, 1.5))
    assert lower < -1 < upper and upper - lower < 2 * 1.5 * np.sqrt(2)
    cut = change_interval(graded(0.2, 1.5), graded(0.5, 1.5))  # the lower ends were cut off at 0
    assert cut[0] == -0.5 and cut[1] > 0
    assert change_interval(graded(4.0, None), graded(5.0, 1.5)) is None
    assert change_interval(PhotoGrade("a.jpg", PhotoFacts("a")), graded(5.0, 1.5)) is None


# --- a whole study -------------------------------------------------------------------------------


NAME = "P0001_FACE_L_S00_V{0:02}D00W{1:02}.jpg"
HOSTILE = "=cmd|x <img src=x onerror=document.title='taken'>"


@pytest.fixture(scope="module")
def photos(scenes, tmp_path_factory):
    """One side at three visits, the third broken; the other side at one."""
    folder = tmp_path_factory.mktemp("photos")
    for visit, (scene, week) in enumerate(zip(scenes, (0, 4), strict=True)):
        (folder / NAME.format(visit, week)).write_bytes(shoot(scene.session(visit), "left").jpeg())
    (folder / NAME.format(2, 8)).write_bytes((folder / NAME.format(0, 0)).read_bytes()[:4000])
    alone = shoot(scenes[0].session(5), "right").jpeg()
    (folder / "P0001_FACE_R_S00_V00D00W00.jpg").write_bytes(alone)
    return folder


@pytest.fixture(scope="module")
def written(photos, tmp_path_factory):
    """A graded study with its page."""
    out = tmp_path_factory.mktemp("graded")
    report = ReportRequest(out / "page.html", out / "page")
    grade_photos([photos], out / "grades.xlsx", report=report)
    return out


def sheet(path, title="Change"):
    import openpyxl

    book = openpyxl.load_workbook(path)
    if title not in book.sheetnames:
        return None
    head, *rows = book[title].iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in rows]


slow = pytest.mark.slow


@slow
def test_the_sheet_has_a_row_for_every_later_visit(written):
    rows = sheet(written / "grades.xlsx")
    assert [row["visit"] for row in rows] == ["Week 4", "Week 8"]
    good, broken = rows
    assert good["photo"] == NAME.format(1, 4) and good["baseline_photo"] == NAME.format(0, 0)
    assert good["subject"] == "P0001" and good["side"] == "left" and good["baseline_visit"] == "Baseline"
    assert good["grade_change"] == pytest.approx(good["grade"] - good["baseline_grade"], abs=1e-5)
    assert good["change_lower"] < good["grade_change"] < good["change_upper"]
    assert good["registration"] > 0.7 and good["common_cm2"] > 30 and good["note"] is None
    assert good["pigment_change_od"] < 0 and good["spots_gone"] + good["spots_fainter"] > 5
    assert good["spots_new"] + good["spots_darker"] < 0.2 * (good["spots_gone"] + good["spots_fainter"])
    assert broken["grade"] is None and broken["registration"] is None and broken["spots_gone"] is None
    assert broken["note"] and "baseline" not in broken["note"]
    told = {
        row["column"]: row["meaning"]
        for row in sheet(written / "grades.xlsx", "Dictionary")
        if row["sheet"] == "Change"
    }
    assert set(told) == set(good) and all(told.values())


@slow
def test_tables_hold_the_same_and_a_resumed_run_does_no_work(photos, written, tmp_path, monkeypatch):
    out = tmp_path / "grades.csv"
    grade_photos([photos], out)
    table = (tmp_path / "grades_change.csv").read_bytes()
    with (tmp_path / "grades_change.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["visit"] for row in rows] == ["Week 4", "Week 8"]
    assert int(rows[0]["spots_gone"]) == sheet(written / "grades.xlsx")[0]["spots_gone"]
    asked = []
    monkeypatch.setattr("toolkit.commands.changes.compare_all", _recording(asked))
    told = []
    grade_photos([photos], out, tell=lambda *progress: told.append(progress[0]))
    assert asked == [] and "comparing visits" not in told
    assert (tmp_path / "grades_change.csv").read_bytes() == table
    grade_photos([photos], out, change=False)
    assert not (tmp_path / "grades_change.csv").exists()
    assert (tmp_path / "grades_by_visit.csv").is_file()
    grade_photos([photos / NAME.format(0, 0)], out, overwrite=True)
    assert not (tmp_path / "grades_by_visit.csv").exists()  # it told of visits that are none of this run


def _recording(asked):
    def compare_all(jobs, *rest):
        asked.append(len(jobs))
        yield from ()

    return compare_all


@slow
def test_one_visit_has_no_sheet_and_no_cost(photos, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("toolkit.commands.changes.compare_all", _recording(asked))
    grade_photos([photos / NAME.format(0, 0)], tmp_path / "grades.xlsx")
    assert sheet(tmp_path / "grades.xlsx") is None and asked == []
    grade_photos([photos / NAME.format(0, 0)], tmp_path / "grades.csv")
    assert not (tmp_path / "grades_change.csv").exists()


@slow
def test_an_interrupted_comparison_is_gone_on_with(photos, written, tmp_path, monkeypatch):
    def stopped(jobs, *rest):
        raise KeyboardInterrupt
        yield

    with monkeypatch.context() as patch:
        patch.setattr("toolkit.commands.changes.compare_all", stopped)
        run = grade_photos([photos], tmp_path / "grades.xlsx")
    assert run.interrupted and "rerun the command" in sheet(tmp_path / "grades.xlsx")[0]["note"]
    again = grade_photos([photos], tmp_path / "grades.xlsx")
    assert not again.interrupted
    assert sheet(tmp_path / "grades.xlsx") == sheet(written / "grades.xlsx")


@slow
def test_a_damaged_change_is_made_again(photos, written, tmp_path):
    out = tmp_path / "grades.xlsx"
    grade_photos([photos], out)
    import sqlite3

    db = sqlite3.connect(store_path(out))
    assert db.execute("UPDATE changes SET change = '{}'").rowcount == 1
    db.commit()
    db.close()
    grade_photos([photos], out)
    assert sheet(out) == sheet(written / "grades.xlsx")


@slow
def test_a_photo_that_cannot_be_read_again_costs_its_row_alone(photos, tmp_path, monkeypatch):
    for path in photos.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    third = tmp_path / NAME.format(2, 8)
    third.write_bytes((tmp_path / NAME.format(1, 4)).read_bytes() + b"\0")  # the same picture, other bytes
    real = finishing._compare

    def spoil(*arguments):
        third.write_bytes(b"gone since it was graded")
        return real(*arguments)

    monkeypatch.setattr(finishing, "_compare", spoil)
    grade_photos([tmp_path], tmp_path / "grades.xlsx")
    good, spoilt = sheet(tmp_path / "grades.xlsx")
    assert good["spots_gone"] is not None and good["note"] is None
    assert spoilt["grade"] is not None and spoilt["spots_gone"] is None and spoilt["note"]
    with open_store(tmp_path / "grades.xlsx") as store:
        assert store._db.execute("SELECT count(*) FROM changes").fetchone() == (
            1,
        )  # only what is lasting is kept


@slow
def test_hostile_names_stay_text(photos, tmp_path):
    rows = [("file", "subject", "side", "visit", "grade")]
    (tmp_path / "in").mkdir()
    for name, taken, visit in (("=1+1.jpg", 0, "Baseline"), (f"{HOSTILE}.jpg", 4, "=2+2")):
        (tmp_path / "in" / name).write_bytes((photos / NAME.format(taken // 4, taken)).read_bytes())
        rows.append((name, HOSTILE, "left", visit, 4))
    with (tmp_path / "expert.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    request = ReportRequest(tmp_path / "page.html", None, tmp_path / "expert.csv")
    grade_photos([tmp_path / "in"], tmp_path / "grades.xlsx", report=request)
    import openpyxl

    cells = list(openpyxl.load_workbook(tmp_path / "grades.xlsx")["Change"].iter_rows(min_row=2))
    assert len(cells) == 1 and cells[0][2].value == HOSTILE and cells[0][4].value == "=2+2"
    assert all(cell.data_type != "f" for cell in cells[0])
    page = (tmp_path / "page.html").read_text()
    assert "<img src=x" not in page and "=cmd|x" in page


# --- the page ------------------------------------------------------------------------------------


@slow
@pytest.mark.parametrize("page", ["page.html", "page/index.html"])
def test_the_page_shows_both_visits_and_blinks(browser, written, page):
    opened = browser.open(written / page, width=1400, height=1000)
    opened.tab.wait_for_selector("svg.photo")
    assert opened.tab.locator("#change").count() == 0  # the baseline itself
    opened.tab.keyboard.press("j")
    opened.tab.wait_for_selector("#change .pair")
    row = sheet(written / "grades.xlsx")[0]
    words = opened.tab.inner_text("#change")
    assert (
        "Change from Baseline" in words and f" spots found at either visit: {row['spots_gone']} gone" in words
    )
    assert f"{row['common_cm2']:.0f} cm²" in words
    change = f"{row['baseline_grade']:.2f} → {row['grade']:.2f} ({row['grade_change']:+.2f}, interval"
    assert change.replace("-", "−") in words  # as the workbook shows them
    loaded = (
        "[...document.querySelectorAll('#change image')].map(one => one.getAttribute('href').length > 10)"
    )
    assert opened.tab.evaluate(loaded) == [True] * 4
    assert opened.tab.locator("#chart-before .l-gone").count() == 1
    over = opened.tab.locator("#chart-after .chart-baseline")
    assert over.get_attribute("visibility") == "hidden" and opened.tab.inner_text("#chart-shown") == "Week 4"
    opened.tab.focus("#blink")
    opened.tab.keyboard.press("Enter")
    assert opened.tab.get_attribute("#blink", "aria-pressed") == "true"
    assert opened.tab.inner_text("#chart-shown") == "Baseline"
    opened.tab.wait_for_selector("#chart-shown:text-is('Week 4')")
    opened.tab.wait_for_selector("#chart-shown:text-is('Baseline')")
    opened.tab.keyboard.press("b")  # stops
    assert opened.tab.inner_text("#chart-shown") == "Week 4"
    opened.tab.wait_for_timeout(900)
    assert opened.tab.inner_text("#chart-shown") == "Week 4"
    opened.tab.keyboard.press("o")
    assert opened.tab.get_attribute("#chart-before .change-marks", "visibility") == "hidden"
    assert not opened.tab.is_checked("#box-change")
    opened.tab.click("text=open the baseline photo")
    opened.tab.wait_for_selector("#change", state="detached")
    assert opened.errors == [] and opened.outside == [] and opened.dialogs == []


@slow
def test_blinking_is_by_hand_for_who_wants_no_motion(browser, written):
    opened = browser.open(written / "page.html")
    opened.emulate(still=True)
    opened.tab.wait_for_selector("svg.photo")
    opened.tab.keyboard.press("j")
    opened.tab.wait_for_selector("#blink")
    for shown in ("Baseline", "Week 4"):
        opened.tab.click("#blink")
        assert opened.tab.inner_text("#chart-shown") == shown
        opened.tab.wait_for_timeout(900)
        assert opened.tab.inner_text("#chart-shown") == shown
    opened.tab.keyboard.press("j")  # the broken one
    opened.tab.wait_for_selector("#change:has-text('Not compared')")
    assert opened.errors == []
