"""The report page in a real Chromium: sorted, filtered, looked at and reviewed, and nothing of it runs or leaves that
should not."""

import csv
import io
import re
import shutil
from dataclasses import asdict
from urllib.parse import unquote

import cv2
import numpy as np
import pytest
from browser import until
from graded_study import write_photos
from test_report import HOSTILE, PHOTOS, TAG, model_with_thumbnails

from toolkit.commands.grading import grade_photos
from toolkit.commands.results import ReportRequest
from toolkit.records import SEVERITIES, SEVERITY_TOLD, PhotoFacts, PhotoGrade
from toolkit.report.facts import head, photo_rows, visits
from toolkit.report.overview import overview
from toolkit.report.pictures import Drawn
from toolkit.report.render import as_json, rendered
from toolkit.report.writers import FolderWriter
from toolkit.study import read_grades

pytestmark = pytest.mark.slow
FORMULA = "=2+3.jpg"


@pytest.fixture(scope="module")
def written(chromium, tmp_path_factory):
    """A run's page as a file and as a folder, with expert grades; without Chromium it is not even made."""
    folder = tmp_path_factory.mktemp("study")
    model = model_with_thumbnails(tmp_path_factory.getbasetemp())
    paths = write_photos(folder / "photos", PHOTOS)
    (folder / "photos" / "broken.jpg").write_bytes(paths[0].read_bytes()[:5000])
    for name in (HOSTILE, TAG, FORMULA):
        (folder / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "photos" / name).write_bytes(paths[1].read_bytes())
    rows = [("file", "subject", "visit", "grade"), (TAG, TAG, "<script>document.title='taken'</script>", 0)]
    rows += [(path.name, "", "", 9 if n == 2 else 4.5) for n, path in enumerate(paths)]
    with (folder / "expert.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    request = ReportRequest(folder / "report.html", folder / "report", folder / "expert.csv")
    run = grade_photos([folder / "photos"], folder / "grades.xlsx", model, report=request, workers=2)
    return folder, {grade.name: grade for grade in run.grades}


@pytest.fixture
def page(browser, written):
    opened = browser.open(written[0] / "report.html", width=1400, height=900)
    opened.tab.wait_for_selector("svg.photo")
    yield opened
    assert opened.errors == [] and opened.outside == [] and opened.dialogs == []


def column(page, name):
    return page.tab.locator(f"#table tbody .c-{name}").all_inner_texts()


def names(page):
    return page.tab.locator("#table tbody .name").evaluate_all("all => all.map(one => one.title)")


def current(page):
    return page.tab.inner_text(".photo-head .file")


def layer_shows(page, name):
    return page.tab.get_attribute(f"svg.photo .layer-{name}", "visibility") == "visible"


# --- table ---------------------------------------------------------------------------------------


def test_headings_sort(page, written):
    known = [grade.grade for grade in written[1].values() if grade.grade is not None]
    heading = page.tab.locator("th[data-column=grade]")
    heading.locator("button").click()
    shown = column(page, "grade")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert shown == [f"{grade:.1f}" for grade in sorted(known)] + ["–"]
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert column(page, "grade") == [f"{grade:.1f}" for grade in sorted(known, reverse=True)] + ["–"]
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "none" and names(page) == list(written[1])
    page.tab.click("th[data-column=visit] button")
    assert column(page, "visit")[:6] == ["Baseline"] * 3 + ["Week 4"] * 3


def test_filters_narrow_the_table(page, written):
    page.tab.fill("#search", "p0001 week")
    assert names(page) == ["P0001_FACE_L_S00_V00D00W04.jpg"]
    assert page.tab.inner_text("#count") == f"1 of {len(written[1])} photos"
    page.tab.fill("#search", "no such photo")
    assert "No photo fits" in page.tab.inner_text("#table tbody")
    page.tab.click("text=Clear filters")
    page.tab.select_option("#filter-side", "left")
    assert {written[1][name].facts.side for name in names(page)} == {"left"}
    page.tab.select_option("#filter-visit", "Week 4")
    assert names(page) == ["P0001_FACE_L_S00_V00D00W04.jpg"]
    page.tab.click("text=Clear filters")
    page.tab.select_option("#filter-state", "flagged")
    assert names(page) == [
        n for n, one in written[1].items() if one.grade is None or one.note or one.quality != "ok"
    ]
    page.tab.click("text=Clear filters")
    page.tab.click(".chip:has-text('not graded')")
    assert names(page) == ["broken.jpg"]
    severity = next(one.severity for one in written[1].values() if one.severity)
    page.tab.click(f".chip:has-text('{severity}')")  # either
    assert names(page) == [n for n, one in written[1].items() if one.severity in (None, severity)]


def test_disagreement_with_the_expert_filters(page, written):
    grades = written[1]
    expert = {
        name: 9 if "P0001_FACE_F_S00_V00D00W00" in name else 4.5 for name in grades if name.startswith("P")
    }
    expert[TAG] = 0
    for least in (0.5, 1, 2):
        page.tab.select_option("#filter-apart", f"{least:g}")
        apart = {n for n, grade in expert.items() if abs(grades[n].grade - grade) >= least - 1e-9}
        assert set(names(page)) == apart and TAG in apart


def test_keys_walk_the_filtered_order(page):
    page.tab.select_option("#filter-side", "left")
    page.tab.click("th[data-column=grade] button")
    order = names(page)
    page.tab.locator("#table tbody .name").first.click()
    walked = [current(page)]
    for _ in range(len(order)):
        page.tab.keyboard.press("j")
        page.tab.wait_for_timeout(30)
        walked.append(current(page))
    assert walked == [*order, order[-1]]
    page.tab.keyboard.press("ArrowUp")
    page.tab.wait_for_timeout(30)
    assert current(page) == order[-2]
    assert page.tab.inner_text("#place") == f"{len(order) - 1} of {len(order)}"
    page.tab.keyboard.press("/")
    page.tab.keyboard.type("jjaa")  # letters, not commands
    assert page.tab.input_value("#search") == "jjaa" and current(page) == order[-2]
    page.tab.keyboard.press("Escape")
    page.tab.keyboard.press("?")
    assert page.tab.is_visible("#help")
    page.tab.keyboard.press("Escape")
    assert not page.tab.is_visible("#help")


# --- the photo -------------------------------------------------------------------------------------


def test_layers_switch_one_by_one(page, browser, written):
    layers = ("landmarks", "patches", "spots", "rejected", "unmeasured", "pigment", "classical")
    assert [layer_shows(page, name) for name in layers] == [False, True, True, False, False, False, False]
    for key, name in enumerate(layers, 1):
        before = layer_shows(page, name)
        page.tab.keyboard.press(str(key))
        assert layer_shows(page, name) is not before
        assert page.tab.is_checked(f"#box-{name}") is not before
    page.tab.uncheck("#box-landmarks")
    assert not layer_shows(page, "landmarks")
    assert layer_shows(page, "pigment")
    page.tab.keyboard.press("0")
    assert not any(layer_shows(page, name) for name in layers)
    page.tab.keyboard.press("0")
    assert layer_shows(page, "pigment")
    page.tab.keyboard.press("j")
    page.tab.wait_for_timeout(50)
    assert layer_shows(page, "pigment") and not layer_shows(page, "patches")  # the next photo shows the same


def test_layers_are_drawn_over_the_picture(page):
    def colours():
        shot = np.frombuffer(page.tab.locator("svg.photo").screenshot(), np.uint8)
        return cv2.imdecode(shot, cv2.IMREAD_COLOR).astype(int)

    def settles(same):  # a busy machine paints late, and a few pixels painted anew may differ by a shade
        for _ in range(20):
            if (np.count_nonzero((colours() != bare).any(axis=2)) < 20) == same:
                return True
            page.tab.wait_for_timeout(100)
        return False

    for key in "23":  # off
        page.tab.keyboard.press(key)
    page.tab.wait_for_timeout(100)
    bare = colours()
    for key in "12356":
        page.tab.keyboard.press(key)
        assert settles(False), key
        page.tab.keyboard.press(key)
        assert settles(True), key


def test_a_photo_is_explained(page, written):
    name = "P0001_FACE_F_S00_V00D00W00.jpg"
    page.tab.click(f"button.name[title='{name}']")
    page.tab.wait_for_timeout(50)
    grade = written[1][name]
    assert page.tab.inner_text(".figure .number") == f"{grade.grade:.1f}"
    regions = page.tab.locator(".regions tr").all_inner_texts()
    assert len(regions) == 5 and f"{grade.regions['chin']:.1f}" in next(r for r in regions if "chin" in r)
    assert regions[-1].split("\t")[:2] == ["whole face", f"{grade.grade:.1f}"]
    added = page.tab.locator(".reasons tbody .number").all_inner_texts()
    assert 2 <= len(added) <= 10  # the usual grade, at most eight figures, all others
    figures = [float(text.replace("−", "-")) for text in added]
    assert all(abs(one) >= 0.05 for one in figures[1:])  # none that does not move the grade
    total = page.tab.inner_text(".reasons tfoot .number")
    assert total == f"{grade.grade:.2f}" and abs(sum(figures) - grade.grade) < 0.005 * (len(figures) + 1)
    page.tab.locator(".alike").scroll_into_view_if_needed()
    assert "than usual" in page.tab.inner_text(".reasons") or "as usual" in page.tab.inner_text(".reasons")
    assert page.tab.locator(".alike .thumb-own").count() == 4
    thumbs = page.tab.locator(".alike .thumb img")
    assert thumbs.count() == 12
    until(page.tab, "[...document.querySelectorAll('.alike .thumb img')].every((one) => one.complete)")
    assert thumbs.evaluate_all("all => all.every(one => one.complete && one.naturalWidth > 0)")
    label = page.tab.get_attribute(".big-scale", "aria-label")
    assert label == f"interval {grade.lower:.1f} to {grade.upper:.1f} on a scale of 0 to 9"


def test_a_photo_that_could_not_be_graded_says_why(page):
    page.tab.click("button.name[title='broken.jpg']")
    page.tab.wait_for_timeout(50)
    assert "Not graded" in page.tab.inner_text(".grade") and "No picture" in page.tab.inner_text(".picture")
    assert page.tab.is_disabled("#agree")
    assert "null" not in page.tab.inner_text("#detail")


# --- review --------------------------------------------------------------------------------------


def exported(page):
    if not page.tab.input_value("#reader"):
        page.tab.fill("#reader", "R")  # nothing is exported without one
    file = page.download(lambda: page.tab.click("#export"))
    return file, file.read_bytes()


def test_a_review_is_kept_and_exported_and_read_back(page, written, tmp_path):
    first, second = "P0000_FACE_L_S00_V00D00W00.jpg", "P0000_FACE_R_S00_V00D00W04.jpg"
    page.tab.fill("#reader", 'Dr. "A", =B')
    page.tab.click(f"button.name[title='{first}']")
    page.tab.keyboard.press("a")
    page.tab.click(f"button.name[title='{second}']")
    page.tab.wait_for_timeout(50)
    page.tab.keyboard.press("c")
    page.tab.keyboard.type("6.5")
    page.tab.fill("#comment", '=HYPERLINK(1), "naïve"')
    page.tab.keyboard.press("Tab")
    page.tab.click(f"button.name[title='{FORMULA}']")
    page.tab.wait_for_timeout(50)
    page.tab.select_option("#correct", "0.0")
    assert page.tab.inner_text("#progress") == f"3 of {len(written[1])} reviewed"

    page.tab.reload()
    page.tab.wait_for_selector("svg.photo")
    assert page.tab.inner_text("#progress") == f"3 of {len(written[1])} reviewed"
    assert page.tab.input_value("#reader") == 'Dr. "A", =B'
    assert current(page) == FORMULA and page.tab.input_value("#correct") == "0.0"

    file, data = exported(page)
    assert re.fullmatch(r"review-Dr-A-B-\d{4}-\d\d-\d\d\.csv", file.name)
    assert data.startswith(b"\xef\xbb\xbf") and data.count(b"\r\n") == 4 and data.endswith(b"\r\n")
    head, *rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert head == [
        "photo",
        "subject",
        "side",
        "visit",
        "toolkit",
        "verdict",
        "grade",
        "reader",
        "comment",
        "reviewed_at",
    ]
    rows = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    assert set(rows) == {first, second, "'" + FORMULA}
    grades = written[1]
    assert rows[first]["verdict"] == "agree" and float(rows[first]["grade"]) == grades[first].half_step
    assert rows[first]["toolkit"] == f"{grades[first].grade:.2f}"
    assert (rows[second]["verdict"], float(rows[second]["grade"])) == ("corrected", 6.5)
    assert rows[second]["comment"] == '\'=HYPERLINK(1), "naïve"' and rows[second]["reader"] == 'Dr. "A", =B'
    assert (rows[second]["subject"], rows[second]["side"], rows[second]["visit"]) == (
        "P0000",
        "right",
        "Week 4",
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", rows[second]["reviewed_at"])
    assert float(rows["'" + FORMULA]["grade"]) == 0
    back = read_grades(file)
    assert sorted((row.file, row.grade) for row in back.rows) == sorted(
        [(first, grades[first].half_step), (second, 6.5), (FORMULA, 0.0)]
    )


def test_a_review_goes_on_elsewhere(page, browser, written, tmp_path):
    page.tab.fill("#reader", "B")
    page.tab.click("button.name[title='P0000_FACE_L_S00_V00D00W00.jpg']")
    page.tab.keyboard.press("a")
    page.tab.click("button.name[title='P0000_FACE_R_S00_V00D00W04.jpg']")
    page.tab.wait_for_timeout(50)
    page.tab.select_option("#correct", "7.5")
    _, data = exported(page)
    extra = data + b"other.jpg,,,,1.00,agree,1,B,,2026-01-01T00:00:00Z\r\n"
    (tmp_path / "review.csv").write_bytes(extra)

    other = browser.open(written[0] / "report" / "index.html", width=1400)
    other.tab.wait_for_selector("svg.photo")
    assert other.tab.inner_text("#progress").startswith("0 of")
    other.tab.set_input_files("#import-file", tmp_path / "review.csv")
    other.tab.wait_for_selector("#message:has-text('taken over')")
    said = other.tab.inner_text("#message")
    assert said == "2 reviews taken over; 1 of photos that are not in this run."
    assert exported(other)[1] == data
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n")
    other.tab.set_input_files("#import-file", tmp_path / "wrong.csv")
    other.tab.wait_for_selector("#message:has-text('Not a review')")
    assert other.errors == []


def test_a_review_can_be_taken_back(page):
    page.tab.click("button.name[title='P0000_FACE_L_S00_V00D00W00.jpg']")
    page.tab.keyboard.press("a")
    assert page.tab.get_attribute("#agree", "aria-pressed") == "true"
    page.tab.select_option("#filter-state", "done")
    assert names(page) == ["P0000_FACE_L_S00_V00D00W00.jpg"]
    page.tab.click("#clear")
    assert page.tab.inner_text("#progress").startswith("0 of") and page.tab.is_disabled("#export")


HEAD = "photo,subject,side,visit,toolkit,verdict,grade,reader,comment,reviewed_at"
BIG = [f"P00000_FACE_L_S00_V00D00W{week:02}.jpg" for week in (0, 4, 8, 12)]  # of ``big_page``


def row_of(place, grade, reader, at="2026-01-01T00:00:00Z", comment="", verdict="corrected"):
    return f"{BIG[place]},,,,3.00,{verdict},{grade},{reader},{comment},{at}"


def imported(page, path, *rows, head=HEAD):
    """What the page says to a review of these rows."""
    path.write_text("\ufeff" + "\r\n".join([head, *rows]), encoding="utf-8", newline="")
    page.tab.wait_for_timeout(50)  # what it said before has come by now
    page.tab.evaluate("document.getElementById('message').textContent = ''")
    page.tab.set_input_files("#import-file", path)
    page.tab.wait_for_selector("#message:not(:empty)")
    return page.tab.inner_text("#message")


def rows_of(data):
    head, *rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def keep(page, reviews):
    """Add to what the browser holds, as another page could."""
    page.tab.evaluate(
        """(reviews) => { const key = Object.keys(localStorage).find((one) => one.startsWith("toolkit-review"));
        localStorage.setItem(key, JSON.stringify({...JSON.parse(localStorage.getItem(key)), ...reviews})); }""",
        reviews,
    )


@pytest.fixture
def small(browser, tmp_path):
    """A page of four photos that takes no grading."""
    opened = browser.open(big_page(tmp_path, 4), width=1400, height=900)
    opened.tab.wait_for_selector("#review")
    yield opened
    assert opened.errors == [] and opened.outside == []


def choose(page, place):
    page.tab.click(f"button.name[title='{BIG[place]}']")
    page.tab.wait_for_selector(f".photo-head .file:has-text('{BIG[place]}')")


def test_an_import_takes_nothing_of_ones_own_away(small, tmp_path):
    small.tab.fill("#reader", "Ada")
    choose(small, 0)
    small.tab.select_option("#correct", "4.0")
    choose(small, 1)
    small.tab.fill("#comment", "hair")
    small.tab.keyboard.press("Tab")
    said = imported(
        small, tmp_path / "r.csv",
        row_of(0, 8, "Bob", "2099-01-01T00:00:00Z"), row_of(1, 5, "Bob", comment="sun"), row_of(2, 6.0, "Bob"),
    )  # fmt: skip
    assert said == "2 reviews taken over; 1 left: another reader's stand here and are kept."
    rows = rows_of(exported(small)[1])
    told = [(rows[name]["grade"], rows[name]["reader"], rows[name]["comment"]) for name in BIG[:3]]
    assert told == [("4", "Ada", ""), ("5", "Bob", "hair / sun"), ("6", "Bob", "")]
    said = imported(
        small, tmp_path / "r.csv",
        row_of(0, 1, "ada ", "2001-01-01"), row_of(1, 7.5, "bob", "2026-01-02T00:00:00Z"), row_of(2, 7, "Bob"),
    )  # fmt: skip
    assert said == "1 reviews taken over; 2 left: those here are as new or newer."
    assert [one["grade"] for one in rows_of(exported(small)[1]).values()] == ["4", "7.5", "6"]
    choose(small, 0)
    assert (
        imported(small, tmp_path / "r.csv", row_of(0, 2, "Ada", "2099-01-01T00:00:00Z"))
        == "1 reviews taken over."
    )
    assert small.tab.input_value("#correct") == "2.0"


def test_a_comment_counts_as_a_change_and_none_is_lost_unsaid(small, tmp_path):
    imported(small, tmp_path / "r.csv", row_of(0, 4, ""))
    choose(small, 0)
    small.tab.fill("#comment", "hair")
    small.tab.keyboard.press("Tab")
    for place in (1, 2):
        choose(small, place)
        small.tab.fill("#comment", "look again")
        small.tab.keyboard.press("Tab")
    small.tab.fill("#reader", "Ada")  # typed after the reviews
    (row,) = rows_of(exported(small)[1]).values()
    assert (row["reader"], row["comment"]) == ("Ada", "hair") and row["reviewed_at"] > "2026-01-02"
    small.tab.wait_for_selector("#message:has-text('Not exported: 2 comments without a verdict.')")


def test_two_tabs_review_together(small, tmp_path):
    other = small.tab.context.new_page()
    other.goto(small.tab.url)
    other.wait_for_selector("#review")
    choose(small, 1)
    small.tab.keyboard.press("a")
    other.wait_for_selector("#progress:has-text('1 of 4')")
    assert other.locator("#table .mark.agree").count() == 1
    # Also a tab that has not heard of the other's work adds to it.
    other.evaluate("window.addEventListener('storage', (event) => event.stopImmediatePropagation(), true)")
    keep(small, {
        BIG[2]: {"verdict": "corrected", "grade": 6, "comment": "", "reader": "", "at": ""},
        BIG[3]: {"verdict": "corrected", "grade": "6", "comment": 3},
    })  # fmt: skip
    # What one tab writes reaches the other's process a moment later.
    until(other, "Object.values(localStorage).some((kept) => kept.includes('corrected'))")
    other.select_option("#correct", "2.0")
    small.tab.wait_for_selector("#progress:has-text('3 of 4')")
    assert [one["grade"] for one in rows_of(exported(small)[1]).values()] == ["2", "3", "6"]
    other.close()


def test_no_cell_of_an_export_is_a_formula(small, tmp_path):
    imported(
        small, tmp_path / "r.csv",
        row_of(0, 4, "=1+1", "=HYPERLINK(1)", "@x"), row_of(1, 4, "+B", "2026-13-45T00:00:00Z"),
        row_of(2, 4, "B", "2026-01-01T10:00:00+02:00"),
    )  # fmt: skip
    keep(small, {BIG[3]: {"verdict": "corrected", "grade": 6, "comment": "", "reader": "B", "at": "=2+3"}})
    rows = rows_of(exported(small)[1])
    assert [rows[name]["reviewed_at"] for name in BIG] == ["", "", "2026-01-01T10:00:00+02:00", "'=2+3"]
    assert not [cell for row in rows.values() for cell in row.values() if cell[:1] in tuple("=+-@")]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (BIG[0] + ',,,,3.00,corrected,4,B,"open', "row 3 has a quote that is not closed"),
        (BIG[0] + ',,,,3.00,corrected,4,B,"a"b,', "row 3 goes on after a closing quote"),
        (BIG[0] + ",,,,3.00,corrected,4", "row 3 has 7 cells, the heading 10"),
        (row_of(0, 4, "B") + ",more", "row 3 has 11 cells, the heading 10"),
        *((row_of(0, grade, "B"), "row 3 has no grade") for grade in (" ", "0x4", "4.25", "1e0", "9.5", "-0", "12")),
        (row_of(0, 4, "B", verdict="perhaps"), "row 3 is none of agree, corrected and blind"),
    ],
)  # fmt: skip
def test_a_damaged_review_is_refused_and_its_row_named(small, tmp_path, row, said):
    assert said in imported(small, tmp_path / "r.csv", row_of(1, 4, "B"), row)
    assert small.tab.inner_text("#progress").startswith("0 of")


def test_a_review_that_went_through_a_spreadsheet_is_read(small, tmp_path):
    rows = [
        row_of(place, grade, "B").replace(",", ";").replace("|", ",")
        for place, grade in ((0, "6|5"), (1, "4.0"))
    ]
    said = imported(small, tmp_path / "r.csv", *rows, "", ";" * 9, head=HEAD.replace(",", ";"))
    assert said == "2 reviews taken over."
    assert [one["grade"] for one in rows_of(exported(small)[1]).values()] == ["6.5", "4"]


def test_a_verdict_is_of_the_photo_on_screen(browser, tmp_path):
    """While the next photo's script is on its way, buttons act on the photo that they stand beside, keys on none."""
    folder = big_folder(tmp_path, 4)
    opened = browser.open("about:blank", width=1400, height=900)
    held = []
    opened.tab.route("**/photos/00002.js", lambda route: held.append(route))
    opened.tab.goto((folder / "index.html").as_uri())
    opened.tab.wait_for_selector("#review")
    choose(opened, 0)
    opened.tab.click(f"button.name[title='{BIG[2]}']")
    opened.tab.wait_for_selector("tr.current[data-number='2']")
    assert current(opened) == BIG[0]
    opened.tab.keyboard.press("a")
    opened.tab.keyboard.press("c")
    assert opened.tab.inner_text("#progress").startswith("0 of")
    opened.tab.select_option("#correct", "7.0")
    opened.tab.fill("#comment", "of the first")
    opened.tab.click("#search")
    assert opened.tab.get_attribute("#review", "class") == "review corrected"
    assert opened.tab.locator("tr[data-number='0'] .mark.corrected").count() == 1
    held[0].continue_()
    opened.tab.wait_for_selector(f".photo-head .file:has-text('{BIG[2]}')")
    assert opened.tab.input_value("#comment") == ""
    opened.tab.keyboard.press("Escape")
    opened.tab.keyboard.press("a")
    rows = rows_of(exported(opened)[1])
    assert [(name, one["grade"], one["comment"]) for name, one in rows.items()] == [
        (BIG[0], "7", "of the first"), (BIG[2], "3", "")
    ]  # fmt: skip
    assert opened.errors == []


def test_a_photo_without_a_layer_says_why(browser, tmp_path):
    grade = PhotoGrade("a.jpg", PhotoFacts("a"), note="unexpected OverflowError")
    dot = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
    told = TOLD | {"picture": dot, "layers": {"width": 9, "height": 9}, "problem": ""}
    opened = browser.open(written_page(tmp_path, [grade], told))
    opened.tab.wait_for_selector("svg.photo")
    assert opened.tab.inner_text(".layers") == "Nothing was measured here: unexpected OverflowError."


# --- safety ----------------------------------------------------------------------------------------


def test_hostile_names_are_shown_and_never_run(page):
    for name in (HOSTILE, TAG):
        page.tab.get_by_role("button", name=name, exact=True).click()
        page.tab.wait_for_timeout(50)
        assert current(page) == name
        page.tab.keyboard.press("a")
    assert page.tab.locator("td.c-visit", has_text="<script>").count() == 1
    assert "taken" not in page.tab.title()
    assert page.tab.evaluate("document.querySelectorAll('img[src=x], main script').length") == 0
    _, data = exported(page)
    assert HOSTILE in data.decode("utf-8-sig") and TAG in data.decode("utf-8-sig")


def test_the_page_may_not_reach_out(browser, written):
    opened = browser.open(written[0] / "report.html")
    opened.tab.wait_for_selector("svg.photo")
    assert all(address.startswith(("file:", "data:")) for address in opened.requests)
    assert [unquote(a) for a in opened.requests if a.startswith("file:")] == [
        (written[0] / "report.html").as_uri()
    ]
    tried = """async () => { const refused = [];
        document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
        const image = new Image(); image.src = "https://example.org/a.png";
        const script = document.createElement("script"); script.textContent = "document.title = 'taken'";
        document.body.append(script);
        await fetch("https://example.org/").catch(() => 0);
        await new Promise((done) => setTimeout(done, 200));
        return refused.sort(); }"""
    assert opened.tab.evaluate(tried) == ["connect-src", "img-src", "script-src-elem"]
    assert "taken" not in opened.tab.title()


def test_a_folder_opens_from_a_disk_and_loads_photos_as_they_are_opened(browser, written):
    opened = browser.open(written[0] / "report" / "index.html", width=1400, height=900)
    opened.tab.wait_for_selector("svg.photo")
    loaded = [address for address in opened.requests if address.endswith(".js")]
    assert 1 <= len(loaded) <= 2  # this photo and the next
    opened.tab.click("button.name[title='P0001_FACE_F_S00_V00D00W00.jpg']")
    opened.tab.wait_for_selector(".photo-head .file:has-text('P0001_FACE_F')")
    assert opened.tab.locator("svg.photo image").first.get_attribute("href").startswith("photos/")
    opened.tab.wait_for_load_state("networkidle")
    assert opened.tab.evaluate(
        "[...document.querySelectorAll('.thumb img')].every(one => one.complete && one.naturalWidth)"
    )
    assert opened.errors == [] and opened.outside == []


def test_a_missing_file_of_the_folder_is_named(browser, written, tmp_path):
    shutil.copytree(written[0] / "report", tmp_path / "report")
    (tmp_path / "report" / "photos" / "00000.js").unlink()
    opened = browser.open(tmp_path / "report" / "index.html")
    opened.tab.wait_for_selector(".picture.missing")
    assert "photos/00000.js beside this page is missing" in opened.tab.inner_text(".picture")


# --- size, paper, darkness, and without what it would like to have ---------------------------------


TOLD = {
    "regions": [],
    "reasons": [],
    "alike": [],
    "layers": {},
    "picture": "",
    "pigment": "",
    "problem": "moved",
}


def many(count):
    """Grades of ``count`` photos of four visits each."""
    return [
        PhotoGrade(
            f"P{n // 4:05}_FACE_L_S00_V00D00W{4 * (n % 4):02}.jpg",
            PhotoFacts(f"P{n // 4:05}", "left", f"Week {4 * (n % 4)}" if n % 4 else "Baseline"),
            3 + n % 40 / 10, 2.0, 8.0, regions={"forehead": 3.0}, quality="ok",
        )
        for n in range(count)
    ]  # fmt: skip


def facts_of(grades):
    rows = photo_rows(grades, [f"{n:064}" for n in range(len(grades))], {})
    return {
        "hash": "0", "head": asdict(head(rows)), "visits": visits(rows), "model": "m", "starter": False, "doubt": "", "learnt": "", "coverage": 0.9,
        "bands": [{"name": one.name, "low": one.low, "high": one.high} for one in SEVERITIES], "severities": SEVERITY_TOLD,
        "step": 0.5, "widths": "", "one_width": False, "watch": None, "shares": {}, "thumbnails": False, "expert": "", "pigment_top": 0.25, "written": "now", "run": {}, "photos": rows, "references": {},
    }  # fmt: skip


def summary_of(facts, card=None):
    return overview(facts["photos"], head(facts["photos"]), card or {})


def written_page(tmp_path, grades, told, **changed):
    path = tmp_path / "big.html"
    facts = facts_of(grades) | changed
    text = rendered(facts, summary_of(facts), [as_json(told)] * len(grades))
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("shares", "of_regions", "of_figures"),
    [
        ({"curve": 1.0, "booster": 0.0, "ridge": 0.0}, "do not move it", False),
        (
            {"curve": 0.75, "booster": 0.25, "ridge": 0.0},
            "are one part of what makes up 25 % of it",
            True,
        ),
    ],
)
def test_the_page_says_what_moves_the_grade(browser, tmp_path, shares, of_regions, of_figures):
    counts = {"pigment": 1, "classical": 95, "mole": 0, "blood": 0, "shadow": 0}
    told = TOLD | {
        "reasons": [{"text": "slightly more spots than usual", "behind": "", "added": -0.2, "kind": ""}],
        "picture": "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
        "pigment": "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
        "layers": {"width": 9, "height": 9, "patches": [], "counts": counts, "share": 0.01, "hidden": 0},
    }
    tab = browser.open(written_page(tmp_path, many(1), told, shares=shares)).tab
    layers = tab.inner_text(".layers")
    assert "spots that the network found: 1, 1.0 % of the skin" in layers
    assert "threshold regions (classical, for comparison): 95" in layers
    assert f"Threshold regions (7) {of_regions}." in layers
    assert ("Figures count together" in tab.inner_text(".reasons")) == of_figures


def big_page(tmp_path, count):
    """A page of ``count`` photos without pictures."""
    return written_page(tmp_path, many(count), TOLD)


def big_folder(tmp_path, count):
    """The same as a folder."""
    grades = many(count)
    facts = facts_of(grades)
    writer = FolderWriter(tmp_path / "folder", ())
    for place in range(count):
        writer.add(place, TOLD, Drawn(problem="moved"))
    writer.finish(facts, facts["photos"], summary_of(facts))
    return tmp_path / "folder"


def test_five_thousand_photos_stay_quick(browser, tmp_path):
    opened = browser.open(big_page(tmp_path, 5000), width=1400, height=900)
    opened.tab.wait_for_selector(".picture.missing")
    assert opened.tab.locator("#table tbody tr").count() < 120
    click = """() => { const start = performance.now();
        document.querySelector("th[data-column=grade] button").click();
        document.body.offsetHeight;
        return performance.now() - start; }"""
    assert opened.tab.evaluate(click) < 1000
    assert column(opened, "grade")[:2] == ["3.0", "3.0"]
    opened.tab.evaluate("document.getElementById('scroll').scrollTop = 60000")
    opened.tab.wait_for_timeout(100)
    assert len(names(opened)) < 120 and opened.tab.locator("tr[aria-rowindex='2010']").count() == 1
    opened.tab.fill("#search", "P01249")
    assert len(names(opened)) == 4
    assert opened.errors == []


def test_a_visit_of_the_plot_opens_its_photo(browser, tmp_path):
    opened = browser.open(big_page(tmp_path, 8), width=1400, height=900)
    opened.tab.wait_for_selector(".plot")
    spots = opened.tab.locator(".plot .visit")
    assert spots.count() == 4
    assert spots.nth(2).get_attribute("aria-label") == "Week 8: 3.2, interval 2.0 to 8.0"
    spots.nth(2).click()
    opened.tab.wait_for_timeout(50)
    assert current(opened) == "P00000_FACE_L_S00_V00D00W08.jpg"
    spots.nth(3).focus()
    opened.tab.keyboard.press("Enter")
    opened.tab.wait_for_timeout(50)
    assert current(opened) == "P00000_FACE_L_S00_V00D00W12.jpg"


# --- what a reader does by keys, and blind ---------------------------------------------------------


def focused(page):
    return page.tab.evaluate("document.activeElement.id")


def test_enter_saves_a_correction_and_the_keys_go_on(small):
    choose(small, 0)
    small.tab.keyboard.press("c")
    assert focused(small) == "correct"
    small.tab.keyboard.type("6.5")
    small.tab.keyboard.press("Enter")
    assert focused(small) != "correct" and small.tab.inner_text("#progress").startswith("1 of")
    small.tab.keyboard.press("j")
    small.tab.wait_for_selector(f".photo-head .file:has-text('{BIG[1]}')")
    small.tab.keyboard.press("c")
    small.tab.keyboard.type("4")
    small.tab.keyboard.press("j")  # no grade begins so: the page's, without Enter too
    small.tab.wait_for_selector(f".photo-head .file:has-text('{BIG[2]}')")
    small.tab.fill("#comment", "a hair")
    small.tab.press("#comment", "Enter")
    small.tab.keyboard.press("a")
    rows = rows_of(exported(small)[1])
    assert [(one["grade"], one["verdict"], one["comment"]) for one in rows.values()] == [
        ("6.5", "corrected", ""), ("4", "corrected", ""), ("3", "agree", "a hair")
    ]  # fmt: skip


def test_keys_that_the_help_promises_do_something(small):
    promised = small.tab.locator("#help .keys kbd").evaluate_all("all => all.map((one) => one.textContent)")
    assert promised == [
        "j",
        "↓",
        "k",
        "↑",
        "1",
        "7",
        "0",
        "z",
        "b",
        "o",
        "a",
        "c",
        "Enter",
        "x",
        "/",
        "Enter",
        "Esc",
        "?",
    ]
    choose(small, 1)
    small.tab.keyboard.press("x")
    assert small.tab.is_checked("tr[data-number='1'] .c-pick input")
    small.tab.keyboard.press("x")
    assert not small.tab.is_checked("tr[data-number='1'] .c-pick input")
    small.tab.keyboard.press("z")
    assert small.tab.locator(".look.large").count() == 1
    small.tab.keyboard.press("/")
    assert focused(small) == "search"
    small.tab.keyboard.press("Enter")
    assert focused(small) != "search"


def test_nothing_is_exported_without_a_reader(small):
    small.tab.keyboard.press("a")
    small.tab.click("#export")
    small.tab.wait_for_selector("#message:has-text('Type your name as the reader first')")
    assert focused(small) == "reader"
    small.tab.keyboard.type("Ada")
    assert [one["reader"] for one in rows_of(exported(small)[1]).values()] == ["Ada"]


def without_choices(block):
    """The text of a block but for its lists, which offer every grade."""
    return block.evaluate("""(one) => { const copy = one.cloneNode(true);
        copy.querySelectorAll("select").forEach((list) => list.remove());
        return copy.textContent; }""")


def test_blind_reading_hides_the_grade_until_one_is_given(page, written):
    name = "P0001_FACE_F_S00_V00D00W00.jpg"
    grade = written[1][name]
    page.tab.fill("#reader", "Ada")
    page.tab.check("#blind")
    page.tab.click(f"button.name[title='{name}']")
    page.tab.wait_for_selector(f".photo-head .file:has-text('{name}')")
    number = page.tab.get_attribute("tr.current", "data-number")
    row = page.tab.locator(f"tr[data-number='{number}']")

    def hidden():
        told = without_choices(page.tab.locator("#detail")) + row.inner_text()
        parts = page.tab.locator(
            "#detail :is(.figure, .big-scale, .regions, .reasons, .alike, .layers, .layer-spots, .expert)"
        )
        return (
            f"{grade.grade:.1f}" not in told
            and grade.severity not in told
            and not parts.count()
            and not row.locator("svg").count()
        )

    assert hidden() and page.tab.locator("#agree").count() == 0 and page.tab.is_hidden("#chips")
    page.tab.keyboard.press("a")
    page.tab.wait_for_selector("#message:has-text('give your grade first')")
    page.tab.keyboard.press("c")
    page.tab.keyboard.type("6")  # on the way to 6.5: not given yet
    assert hidden()
    page.tab.keyboard.type(".5")
    page.tab.keyboard.press("Enter")
    page.tab.wait_for_selector(".figure")
    assert page.tab.inner_text(".figure .number") == f"{grade.grade:.1f}"
    told = rows_of(exported(page)[1])[name]
    assert (told["verdict"], told["grade"], told["reader"]) == ("blind", "6.5", "Ada")
    assert told["toolkit"] == f"{grade.grade:.2f}"
    page.tab.select_option("#correct", "7.0")  # with the automatic grade in view
    assert rows_of(exported(page)[1])[name]["verdict"] == "corrected"
    page.tab.click("#clear")
    assert page.tab.locator(".figure").count() == 1  # what was seen stays seen


def test_a_photo_seen_before_is_not_read_blind(small):
    choose(small, 0)
    small.tab.check("#blind")
    assert small.tab.locator(".figure").count() == 1
    choose(small, 1)
    assert small.tab.locator(".figure").count() == 0
    assert column(small, "grade")[:2] == ["3.0", ""]
    small.tab.select_option("#correct", "2.0")
    small.tab.click("#give")
    small.tab.wait_for_selector(".figure")
    choose(small, 0)
    small.tab.select_option("#correct", "2.5")
    verdicts = {name: one["verdict"] for name, one in rows_of(exported(small)[1]).items()}
    assert verdicts == {BIG[0]: "corrected", BIG[1]: "blind"}
    small.tab.reload()
    small.tab.wait_for_selector("#review")
    assert small.tab.is_checked("#blind") and column(small, "grade")[2:] == ["", ""]


def test_a_page_that_opens_blind_is_read_blind_from_its_first_photo_on(browser, tmp_path):
    rows = [{"cells": ["automatic grade", "3.7"], "unlike": True}]  # which tells of the grades as well
    watch = {"line": "grades are higher", "unlike": True, "advice": "Look.", "rows": rows}
    told = {"blind": True, "watch": watch, "run": {"model": "m", "training study": watch["line"]}}
    opened = browser.open(written_page(tmp_path, many(4), TOLD, **told), width=1400)
    assert opened.tab.is_hidden(".watch")
    assert (
        opened.tab.locator(".run tr", has_text="higher").evaluate("row => getComputedStyle(row).display")
        == "none"
    )
    for number in range(4):
        choose(opened, number)
        assert opened.tab.locator(".figure").count() == 0 and column(opened, "grade")[number:] == [""] * (
            4 - number
        )
        opened.tab.select_option("#correct", "2.0")
        opened.tab.click("#give")
        opened.tab.wait_for_selector(".figure")
    assert [one["verdict"] for one in rows_of(exported(opened)[1]).values()] == ["blind"] * 4
    opened.tab.uncheck("#blind")  # the reader's own choice counts from now on
    assert opened.tab.is_visible(".watch")
    opened.tab.reload()
    opened.tab.wait_for_selector("#review")
    assert not opened.tab.is_checked("#blind")


def test_a_change_says_how_many_spots_of_either_visit_it_counts(browser, tmp_path):
    change = {
        "number": 0, "visit": "Baseline", "photo": "a.jpg", "grade_change": None, "pictures": None, "problem": "moved",
        "counts": {"gone": 4, "fainter": 0, "same": 23, "darker": 0, "new": 0}, "darkness_change": None,
        "baseline_od": 0.01, "later_od": 0.01, "common_cm2": 20,
    }  # fmt: skip
    opened = browser.open(written_page(tmp_path, many(4), TOLD | {"change": change}), width=1400)
    choose(opened, 1)
    told = opened.tab.inner_text(".change-words")
    assert "27 spots found at either visit: 4 gone; 23 the same, as far as two photographs can tell." in told


@pytest.mark.parametrize("blind", [True, False])
def test_blind_follows_what_the_page_keeps_and_not_what_the_browser_puts_back(small, blind):
    if not blind:
        small.tab.check("#blind")
    with small.tab.expect_popup() as waited:  # the same page in another tab, where the reader changes it
        small.tab.evaluate("window.open(location.href)")
    waited.value.wait_for_selector("#review")
    waited.value.set_checked("#blind", blind)
    waited.value.close()
    # As Firefox does late in the loading of a page, with what its box held before.
    small.tab.add_init_script(f"""addEventListener("load", () => {{
        const box = document.getElementById("blind");
        if (box) {{ box.checked = {str(not blind).lower()}; box.dispatchEvent(new Event("change", {{bubbles: true}})); }} }})""")
    for again in (small.tab.reload, lambda: (small.tab.goto("about:blank"), small.tab.go_back())):
        again()
        small.tab.wait_for_selector("#review")
        small.tab.wait_for_timeout(100)  # whatever comes after the loading
        assert small.tab.is_checked("#blind") == blind
        assert (column(small, "grade")[1:] == ["", "", ""]) == blind


@pytest.mark.parametrize(
    ("step", "some", "agreed"),
    [
        (0.5, ["0.5", "3.5"], "3.0"),
        (1, ["1.0", "9.0"], "3.0"),
        (0.25, ["0.25", "8.75"], "3.00"),
        (None, ["0.1", "4.3"], "3.0"),
    ],
)
def test_review_steps_follow_the_scale_of_the_study(browser, tmp_path, step, some, agreed):
    opened = browser.open(written_page(tmp_path, many(4), TOLD, step=step), width=1400)
    opened.tab.wait_for_selector("#review")
    offered = opened.tab.locator("#correct option").all_inner_texts()
    assert len(offered) == round(9 / (step or 0.1)) + 2 and set(some) <= set(offered)
    assert opened.tab.inner_text("#agree") == f"Agree with {agreed}"
    opened.tab.select_option("#correct", some[0])
    (row,) = rows_of(exported(opened)[1]).values()
    assert float(row["grade"]) == float(some[0])


# --- room ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [400, 1226, 1280])  # 1226 is what the window leaves of 1280
def test_the_page_fits_its_window(browser, written, width):
    opened = browser.open(written[0] / "report.html", width=width, height=800)
    opened.tab.wait_for_selector("svg.photo")
    assert opened.tab.evaluate("document.documentElement.scrollWidth") <= width
    for box in opened.tab.locator(".top :is(button, input, label, span)").all():
        if box.is_visible():
            place = box.bounding_box()
            assert place["x"] >= 0 and place["x"] + place["width"] <= width
    if width > 400:
        assert (
            opened.tab.evaluate(
                "(() => { const one = document.getElementById('scroll'); return one.scrollWidth - one.clientWidth; })()"
            )
            <= 0
        )
        cut = """() => [...document.querySelectorAll("#table thead th, #table td:is(.c-severity, .c-visit, .c-side, .c-grade, .c-difference, .c-review)")]
            .filter((one) => one.scrollWidth > one.clientWidth + 1 && !one.innerText.includes("<")).map((one) => one.innerText)"""
        assert opened.tab.evaluate(cut) == []


def test_a_long_name_is_cut_in_the_middle(browser, tmp_path):
    name = f"{'P0001_FACE_L_' * 12}V00D00W04.jpg"
    grades = [
        PhotoGrade(one, PhotoFacts(subject, "left", "Week 4"), 3.0, 2.0, 4.0, quality="ok")
        for one, subject in ((name, "P0001"), (f"{name[:-4]}_2.jpg", "P0001"), ("IMG_1.jpg", "P0002"))
    ]
    opened = browser.open(written_page(tmp_path, grades, TOLD), width=1280)
    # Subject, side and visit stand in the row; a name is told only where they do not tell photos apart.
    last = opened.tab.locator("#table .name").last
    assert last.inner_text() == "P0002" and last.get_attribute("title") == "IMG_1.jpg"
    cell = opened.tab.locator("#table .name").first
    assert cell.get_attribute("title") == name == cell.get_attribute("aria-label")
    start, end = cell.locator(".start"), cell.locator(".end")
    assert start.inner_text() + end.inner_text() == name and end.inner_text() == "0D00W04.jpg"
    box, last = cell.bounding_box(), end.bounding_box()
    assert last["x"] + last["width"] <= box["x"] + box["width"] + 1  # the end is in view
    assert start.evaluate("one => one.scrollWidth > one.clientWidth")


# --- paper -----------------------------------------------------------------------------------------


def pages_of(pdf):
    return len(re.findall(rb"/Type\s*/Page[^s]", pdf.read_bytes()))


def paper(page, choice):
    """Open what is to be printed, and wait for all its pages."""
    page.tab.click("#show-print")
    page.tab.click(f"#print-choices button:has(b:text-is('{choice}'))")
    page.tab.wait_for_selector("#print-now:not([disabled])", timeout=60_000)
    return page.tab.locator("#paper .sheet")


def nothing_is_cut(page):
    """Whether every page's content, as it is scaled, ends above its foot."""
    return page.tab.evaluate("""() => [...document.querySelectorAll("#paper .sheet")].every((sheet) => {
        const foot = sheet.querySelector("footer").getBoundingClientRect(), edge = sheet.getBoundingClientRect();
        return foot.bottom <= edge.bottom + 1 && [...sheet.querySelectorAll(".fit *")].every((one) => {
            const box = one.getBoundingClientRect();
            return box.bottom <= foot.top + 2 && (box.right <= edge.right + 2 || one.closest("svg")); }); })""")


def test_the_summary_of_a_run_is_two_pages(page, written, tmp_path):
    sheets = paper(page, "Summary of the run")
    assert sheets.count() == 2 and nothing_is_cut(page)
    first, second = sheets.all_inner_texts()
    graded = [one for one in written[1].values() if one.grade is not None]
    for severity in ("none", "mild", "moderate", "severe"):
        count = sum(one.severity == severity for one in graded)
        assert re.search(rf"{severity}\s+{count}\s+{100 * count / len(graded):.0f} %", first)
    assert "By visit and side" in first and "How sure" in first and "always their mean" in first
    assert "Photos to look at" in second and "broken.jpg" in second and "not a medical device" in second
    page.emulate(printed=True)
    assert page.tab.is_hidden(".paper-bar") and page.tab.is_hidden("main")
    assert pages_of(page.pdf(tmp_path / "summary.pdf")) == 2
    page.emulate()
    page.tab.click("#close-paper")
    assert page.tab.is_visible("main") and page.tab.is_hidden("#paper")


def test_chosen_photos_print_one_a_page(page, tmp_path):
    chosen = ["P0000_FACE_L_S00_V00D00W00.jpg", "P0001_FACE_F_S00_V00D00W00.jpg"]
    for name in chosen:
        page.tab.check(f"tr:has(button[title='{name}']) .c-pick input")
    sheets = paper(page, "Photos")
    assert [one.locator(".sheet-head p").inner_text() for one in sheets.all()] == chosen
    assert sheets.first.locator("svg.photo .layer-spots").get_attribute("visibility") == "visible"
    assert sheets.first.locator(".reasons tfoot").count() == 1 and nothing_is_cut(page)
    pdf = page.pdf(tmp_path / "photos.pdf")
    assert pages_of(pdf) == 2 and pdf.stat().st_size > 50_000  # pictures and all
    page.tab.keyboard.press("Escape")
    assert page.tab.is_hidden("#paper")


def test_a_subject_prints_on_one_page(page, tmp_path):
    page.tab.select_option("#filter-subject", "P0001")
    sheets = paper(page, "Subjects")
    assert sheets.count() == 1 and nothing_is_cut(page)
    count = sheets.locator(".card").count()
    assert count == sheets.locator("table.figures tbody tr").count() > 1
    assert pages_of(page.pdf(tmp_path / "subject.pdf")) == 1


def test_changes_of_a_subject_count_from_baseline_printed_or_not(small):
    for place in (1, 3):
        small.tab.check(f"tr:has(button[title='{BIG[place]}']) .c-pick input")
    rows = paper(small, "Subjects").locator("table.figures tbody tr").all_inner_texts()
    assert [row.split("\t")[1:3] + row.split("\t")[5:6] for row in rows] == [
        ["Week 4", "3.10", "+0.10"], ["Week 12", "3.30", "+0.30"]
    ]  # fmt: skip


def test_many_visits_and_flags_still_fit(browser, tmp_path):
    """A subject of twelve visits is a page, and a run of many visits, sides and flags is two."""
    note = "; ".join(
        ["forehead not measured: covered by hair", "one-sided light from a window at the left"] * 3
    )
    grades = [
        PhotoGrade(
            f"S1_{side}_{week:02}_{'long_' * 20}.jpg", PhotoFacts("S1", side, f"Week {week}"), 3.0, 2.0, 8.0,
            regions={"forehead": 3.0}, quality="blurred", note=f"{note}; {week}",
        )
        for side in ("left", "right") for week in range(12)
    ]  # fmt: skip
    opened = browser.open(written_page(tmp_path, grades, TOLD), width=1400, height=900)
    opened.tab.wait_for_selector("#review")
    for choice, count in (("Summary of the run", 2), ("Subjects", 1)):
        assert paper(opened, choice).count() == count and nothing_is_cut(opened)
        assert pages_of(opened.pdf(tmp_path / "paper.pdf")) == count
        opened.tab.click("#close-paper")
    assert opened.errors == []


def test_a_hidden_grade_is_not_printed(small, tmp_path):
    small.tab.check("#blind")
    small.tab.click("#show-print")
    assert "not offered while some are hidden" in small.tab.inner_text("#print-choices")
    assert "Summary of the run" not in small.tab.inner_text("#print-choices")
    small.tab.click("#print form button")
    small.tab.check(f"tr:has(button[title='{BIG[2]}']) .c-pick input")
    for choice in ("Photos", "Subjects"):
        told = paper(small, choice).first.inner_text()
        assert "3.2" not in told and "mild" not in told
        small.tab.click("#close-paper")


def test_it_prints_the_whole_table_and_the_photo(browser, tmp_path):
    opened = browser.open(big_page(tmp_path, 1000), width=1400, height=900)
    opened.tab.wait_for_selector(".picture.missing")
    opened.tab.evaluate(
        "window.dispatchEvent(new Event('beforeprint')); window.counted = document.querySelectorAll('#table tbody tr').length"
    )
    assert opened.tab.evaluate("window.counted") == 1000
    opened.emulate(printed=True)
    assert not opened.tab.is_visible("#search") and not opened.tab.is_visible("#agree")
    assert opened.tab.is_visible(".photo-head h2")
    assert opened.pdf(tmp_path / "page.pdf").stat().st_size > 50_000


@pytest.mark.parametrize("dark", [False, True])
def test_texts_have_contrast(browser, written, dark):
    """WCAG 2's AA: 4.5 to 1 between every text and what lies behind it."""
    opened = browser.open(written[0] / "report.html", dark=dark, width=1400, height=900)
    opened.tab.wait_for_selector("svg.photo")
    opened.tab.keyboard.press("a")
    poor = opened.tab.evaluate(CONTRAST)
    assert poor == []


CONTRAST = r"""() => {
  const parse = (text) => { const n = (text.match(/[\d.]+/g) || []).map(Number);
    return text.startsWith("color(srgb") ? [n[0] * 255, n[1] * 255, n[2] * 255, n[3] ?? 1] : [n[0], n[1], n[2], n[3] ?? 1]; };
  const light = ([r, g, b]) => { const f = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
  const ground = (node) => { for (let at = node; at; at = at.parentElement) { const c = parse(getComputedStyle(at).backgroundColor); if (c[3] > 0.99) return c; } return [255, 255, 255, 1]; };
  const poor = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim());
    if (!own || node.disabled || node.closest("dialog, script, style, [disabled], .skip, #message") || !node.getClientRects().length) continue;
    const ink = parse(node instanceof SVGElement ? getComputedStyle(node).fill : getComputedStyle(node).color);
    const [a, b] = [light(ink), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${node.tagName}.${node.className.baseVal ?? node.className} ${node.textContent.trim().slice(0, 20)} ${ratio.toFixed(2)}`);
  }
  return poor; }"""


def test_controls_have_names(page):
    nameless = page.tab.evaluate(
        """() => [...document.querySelectorAll("button, input, select, [role=button], svg[role=img]")].filter((one) =>
        !(one.getAttribute("aria-label") || one.innerText || (one.labels && [...one.labels].some((label) => label.innerText.trim())) || one.placeholder))
        .map((one) => one.outerHTML)"""
    )
    assert nameless == []


def test_without_storage_it_works_and_says_so(browser, written):
    opened = browser.open("about:blank")
    opened.tab.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('denied', 'SecurityError'); }})"
    )
    opened.tab.goto((written[0] / "report.html").as_uri())
    opened.tab.wait_for_selector("svg.photo")
    opened.tab.keyboard.press("a")
    opened.tab.wait_for_selector("#message:has-text('keeps nothing')")
    assert opened.tab.inner_text("#progress").startswith("1 of")
    assert opened.errors == []


def test_without_javascript_it_says_so(browser, written):
    opened = browser.open(written[0] / "report.html", scripts=False)
    assert "needs JavaScript" in opened.tab.inner_text(
        "noscript .caution"
    )  # not any other caution of the page


def test_no_thumbnails_are_no_broken_pictures(browser, written, tmp_path):
    text = (written[0] / "report.html").read_text("utf-8")
    text = re.sub(r'"references":\{[^}]*\}', '"references":{}', text).replace(
        '"thumbnails":true', '"thumbnails":false'
    )
    (tmp_path / "plain.html").write_text(text, encoding="utf-8")
    opened = browser.open(tmp_path / "plain.html")
    opened.tab.wait_for_selector(".alike")
    assert "keeps no pictures of its references" in opened.tab.inner_text(".alike")
    assert opened.tab.locator(".alike img").count() == 0 and opened.tab.locator(".no-thumb").count() > 0
