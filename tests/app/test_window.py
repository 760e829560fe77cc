"""The window in a real Chromium: from an empty start to a reviewed study."""

import csv
import json
import re
import time
from functools import partial

import pytest
from app_window import opened
from browser import until
from graded_study import write_photos

from toolkit.app import work
from toolkit.study import facts_from_name, read_graders
from toolkit.tables import write_csv

pytestmark = pytest.mark.slow
PHOTOS = 6  # of three people
GRADING_MS = 240_000
BESIDE = "(() => { const one = document.querySelector('nav'); return one.scrollWidth - one.clientWidth; })()"


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """A folder with photographs and a workbook whose headings nobody knows, that has no row for one photo."""
    folder = tmp_path_factory.mktemp("Ärzte")
    names = [path.name for path in write_photos(folder / "photos", PHOTOS)]
    rows = []
    for number, name in enumerate(names[:-1]):
        facts = facts_from_name(name)
        rows.append(
            {
                "Proband": facts.subject,
                "side": facts.side,
                "VISIT": facts.visit,
                "Wert": number % 3 + 1.5,
                "Prüfer": "x",
            }
        )
    write_csv(folder / "workbook.csv", [*rows, {**rows[0], "Proband": "P0077"}])
    return folder


@pytest.fixture
def window(studies):
    with opened([studies]) as running:
        yield running


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file()
    }


def choose(tab, *path):
    """Click through the dialog to a folder or file."""
    for name in path:
        tab.locator("dialog .entry", has_text=name).first.click()


def step(tab, title):
    tab.locator(f'#steps button[title="{title}"]').click()
    tab.locator("#step h2", has_text=title).wait_for()


def is_ticked(tab, title):
    return "done" in (tab.locator(f'#steps button[title="{title}"]').get_attribute("class") or "")


def choose_photos(tab):
    tab.click("text=Choose a folder…")
    choose(tab, "photos")
    tab.click("text=Choose this folder")
    tab.locator(".facts", has_text=f"{PHOTOS} photos").wait_for()


def read_the_workbook(tab):
    """What is not understood is said, and put right from the lists."""
    tab.click("text=Next: experts")
    tab.click("text=Choose a workbook…")
    choose(tab, "workbook.csv")
    tab.locator("#read .problem", has_text="no row reads as the header").wait_for()
    assert "for example in the lists for “subject” and “grade”" in tab.inner_text("#read .problem")
    assert not is_ticked(tab, "Experts' grades")
    tab.locator("label", has_text="Subject").locator("select").select_option("Proband")
    tab.locator("#read .problem").wait_for()
    tab.locator("#read label").filter(has=tab.locator(".role", has_text=re.compile("^Grade$"))).locator(
        "select"
    ).select_option("Wert")
    tab.locator("h3", has_text="Which photo has which row").wait_for()
    tab.locator('#steps button.done[title="Experts\' grades"]').wait_for()
    read = tab.locator("#read").inner_text()
    assert f"{PHOTOS - 1} of {PHOTOS} photos have a grade" in read
    assert "1 row without a photo" in read and "P0077" in read
    assert "side (by its heading)" in read
    tab.locator("text=without a row (1)").click()
    assert tab.locator("#read .wide tbody").last.locator("tr").count() == 1


def grade(tab):
    """Stopped at once, nothing is graded; begun again, all is, and the window tells how far it is meanwhile."""
    step(tab, "Grade")
    tab.click("#step button.main")
    tab.click("#work button")
    tab.locator("text=Stopped.").wait_for(timeout=GRADING_MS)
    tab.locator("#step button.main").first.click()
    tab.locator("#work .told", has_text=re.compile(rf"Grading \d of {PHOTOS}")).wait_for(timeout=GRADING_MS)
    assert tab.locator("#work progress").get_attribute("max") == str(PHOTOS)
    tab.locator("b", has_text=f"{PHOTOS} of {PHOTOS} photos graded").wait_for(timeout=GRADING_MS)


def review(tab, reader):
    """Agree with one photo, correct another, comment on both; the file of the reader holds it at once."""
    step(tab, "Review")
    tab.fill("#reader", reader)
    tab.click("text=Begin")
    page = tab.frame_locator("iframe")
    page.locator("#agree").wait_for()
    page.locator(".photo").wait_for()  # the picture, which lies beside the page
    assert page.locator("#reader").input_value() == reader and page.locator("#reader").is_hidden()
    assert page.locator("h1").is_hidden()  # the window tells both
    assert tab.evaluate(BESIDE) <= 0  # no scrollbar under the steps
    assert not is_ticked(tab, "Review")
    page.locator("#agree").click()
    tab.locator('#steps button.done[title="Review"]').wait_for()  # without a reload, and the page stays
    page.locator("#comment").fill("=first")
    page.locator("#comment").blur()
    tab.keyboard.press("j")
    page.locator(".steps", has_text=f"2 of {PHOTOS}").wait_for()
    page.locator("#correct").select_option("6.5")
    tab.locator("#kept", has_text="2 reviewed").wait_for()
    page.locator("#correct").blur()
    tab.keyboard.press("j")
    page.locator(".steps", has_text=f"3 of {PHOTOS}").wait_for()
    page.locator("#comment").fill("no verdict yet")
    page.locator("#comment").blur()
    tab.locator('#kept[aria-busy="false"]').wait_for()
    return page


def come_back(tab, reader):
    """Another day all is where it was, from the study's folder alone."""
    until(tab, "!document.querySelector('[aria-busy=true]')")  # else the window asks before it goes
    tab.reload()
    step(tab, "Review")
    tab.fill("#reader", reader)
    tab.click("text=Begin")
    page = tab.frame_locator("iframe")
    page.locator("#progress", has_text=f"2 of {PHOTOS} reviewed").wait_for()
    page.locator(".photo").wait_for()
    until(tab, "document.activeElement.tagName === 'IFRAME'")  # not :focus, of which Chromiums differ
    for _ in range(2):
        tab.keyboard.press("j")  # no click before: the page has the keys
    page.locator(".steps", has_text=f"3 of {PHOTOS}").wait_for()
    assert page.locator("#comment").input_value() == "no verdict yet"


def read_blind(tab, reader):
    """Another reader begins blind, and stays so when coming back."""
    for tick in (True, False):
        tab.click("text=another reader…")
        tab.fill("#reader", reader)
        tab.set_checked("#blind", tick)
        tab.click("text=Begin")
        page = tab.frame_locator("iframe")
        page.locator(".grade", has_text="hidden until you give yours").wait_for()
        assert page.locator("#blind").is_checked() and page.locator(".figure").count() == 0
        if tick:  # it is written that this reader reads blind
            tab.locator('#kept[aria-busy="false"]').wait_for(state="attached")


def test_from_an_empty_start_to_a_reviewed_study(browser, window, studies):
    before = files_of(studies)
    page = browser.open(window.address, served=window.address)
    tab = page.tab
    tab.locator("h2", has_text="Photographs").wait_for()
    assert tab.locator("#steps button:disabled").count() == 6
    choose_photos(tab)
    read_the_workbook(tab)
    grade(tab)
    review(tab, "Anna Ö")
    results = studies / "photos - toolkit"
    kept = results / "review-Anna-Ö.csv"
    with kept.open(encoding="utf-8-sig", newline="") as file:
        rows = {row["photo"]: row for row in csv.DictReader(file)}
    assert sorted(row["verdict"] for row in rows.values()) == ["agree", "corrected"]
    assert next(row for row in rows.values() if row["verdict"] == "agree")["comment"] == "'=first"
    assert {name: len(table.rows) for name, table in read_graders([kept])} == {"Anna Ö": 2, "toolkit": 2}

    come_back(tab, "Anna Ö")
    read_blind(tab, "Ben")
    step(tab, "Agreement")
    tab.click("text=Readers of the report page")
    tab.locator("td", has_text="toolkit").first.wait_for(timeout=GRADING_MS)
    assert (results / "agreement.xlsx").is_file()
    step(tab, "Trial")
    tab.click("text=Analyse")
    tab.frame_locator("iframe").locator("h1").wait_for(timeout=GRADING_MS)
    assert (results / "trial.html").is_file()

    # Nothing is kept but in the study's folder, neither on the disk nor by the browser; and nothing has left.
    new = {name for name, time in files_of(studies).items() if before.get(name) != time}
    assert new and all(name.startswith("photos - toolkit/") for name in new)
    assert tab.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    assert tab.context.cookies() == []
    assert page.outside == [] and [text for text in page.errors if "autofocus" not in text] == []

    told = json.loads((results / "study.json").read_text(encoding="utf-8"))
    assert (told["photos"], told["workbook"], told["columns"]) == (
        "../photos",
        "../workbook.csv",
        {"subject": "Proband", "grade": "Wert"},
    )
    tab.click("#close")
    tab.locator("text=The window is closed.").wait_for()
    assert window.session.jobs.told().state == "done"


# The window's first choice of a column reaches the server late.
SLOW_ONCE = """(() => {
    const at_once = window.fetch;
    let late = true;
    window.fetch = async (...asked) => {
        if (late && asked[0] === "api/columns") {
            late = false;
            await new Promise((go) => setTimeout(go, 1000));
        }
        return at_once(...asked);
    };
})()"""


def test_of_two_choices_in_quick_succession_both_stay(browser, tmp_path):
    names = [path.name for path in write_photos(tmp_path / "photos", PHOTOS)]
    facts = [facts_from_name(name) for name in names]
    rows = [{"Proband": one.subject, "side": one.side, "VISIT": one.visit, "Wert": 1.5} for one in facts]
    write_csv(tmp_path / "workbook.csv", rows)
    with opened([tmp_path]) as window:
        tab = browser.open(window.address, served=window.address).tab
        choose_photos(tab)
        tab.evaluate(SLOW_ONCE)
        tab.click("text=Next: experts")
        tab.click("text=Choose a workbook…")
        choose(tab, "workbook.csv")
        tab.locator("#read .problem").wait_for()
        lists = tab.locator("#read .roles")
        lists.locator("label", has_text="Subject").locator("select").select_option("Proband")
        lists.locator("label", has_text=re.compile("^Grade")).locator("select").select_option("Wert")
        tab.locator("h3", has_text="Which photo has which row").wait_for()
        tab.locator('#steps button.done[title="Experts\' grades"]').wait_for()
        tab.wait_for_timeout(1200)  # whatever is late has come
        assert window.session.study.columns == {"subject": "Proband", "grade": "Wert"}


def test_training_says_in_words_what_it_is_worth(browser, window, studies, monkeypatch):
    monkeypatch.setattr(work, "train_study", partial(work.train_study, epochs=1, folds=2))
    page = browser.open(window.address, served=window.address)
    tab = page.tab
    choose_photos(tab)
    if not window.session.study.workbook:
        read_the_workbook(tab)
    step(tab, "Train")
    tab.click("#step button.main")
    tab.locator("h3", has_text="What it is worth").wait_for(timeout=GRADING_MS)
    told = tab.locator(".outcome").inner_text()
    assert "On people it never saw, the model is off by" in told
    assert "always the mean is off by" in told and "always the commonest grade by" in told
    assert "no subject is both learnt from and tested on" in told
    rows = tab.locator(".outcome tbody tr").all_inner_texts()
    assert [row.split("\t")[0] for row in rows][:1] == ["toolkit, subjects never seen"]
    assert (studies / "photos - toolkit" / "model" / "model.json").is_file()
    assert "do not use it" in told  # six photos of three people
    tab.click("text=Grade with it all the same")
    assert tab.input_value("select[name=model]") == "own"
    starter, doubt = tab.locator("#step > .caution").first, tab.locator("#step > .problem").first
    assert starter.is_hidden() and "do not use it" in doubt.inner_text()
    assert tab.locator("form button.main").count() == 0
    tab.select_option("select[name=model]", "starter")
    assert starter.is_visible() and doubt.is_hidden()
    tab.reload()  # what training said stays
    step(tab, "Train")
    assert "do not use it" in tab.locator("#step .problem").inner_text()


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_sticks_out_at_any_width(browser, window, width, dark):
    page = browser.open(window.address, served=window.address, width=width, dark=dark)
    tab = page.tab
    if window.session.study is None:
        choose_photos(tab)
    for title in tab.locator("#steps button:not(:disabled) span").all_inner_texts():
        tab.locator(f'#steps button[title="{title}"]').click()
        time.sleep(0.2)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, title
        assert (
            tab.evaluate(
                "(() => { const one = document.getElementById('step'); return one.scrollWidth - one.clientWidth; })()"
            )
            <= 0
        ), title
        assert width < 761 or tab.evaluate(BESIDE) <= 0, title
        assert (
            tab.locator("#steps [aria-current]").evaluate("node => node.getBoundingClientRect().right")
            <= width
        )
    tab.locator("#steps button").first.click()
    tab.click("text=Choose another folder…")
    tab.locator("dialog[open] .entries").wait_for()
    assert tab.locator("dialog").evaluate("node => node.getBoundingClientRect().right") <= width
    assert page.errors == []


def test_a_hostile_name_is_shown_as_it_is(browser, window, studies):
    name = "<img src=x onerror=alert(1)> & photos"
    (studies / name).mkdir(exist_ok=True)
    page = browser.open(window.address, served=window.address)
    page.tab.click("text=/Choose a.*folder…/")
    page.tab.locator("dialog .entry", has_text="onerror").wait_for()
    assert page.tab.locator("dialog .entry", has_text="onerror").inner_text().endswith(name)
    assert page.dialogs == [] and page.errors == []


def test_a_server_that_is_gone_is_told(browser, studies):
    with opened([studies]) as window:
        page = browser.open(window.address, served=window.address)
        page.tab.locator("h2").wait_for()
    page.tab.click("text=/Choose a.*folder…/")
    page.tab.locator("#message", has_text="does not answer").wait_for()
