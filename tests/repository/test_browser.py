"""The browser that other tests look at pages with: it sees, saves, prints, and lets nothing out."""

import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from places import ROOT

PAGE = """<!doctype html><meta charset="utf-8"><title>A page</title>
<style>body {background: white} @media (prefers-color-scheme: dark) {body {background: black}}</style>
<h1>Grüße</h1><img src="beside.png">
<a download="table.csv" href="data:text/csv;charset=utf-8,%EF%BB%BFphoto%0A%C3%A9">Export</a>
<button onclick="document.title = innerWidth">Press</button>
<button id="fails" onclick="missing()">Fail</button>
<button id="calls" onclick="fetch('https://example.invalid/x').catch(() => 0); new Image().src = 'http://example.invalid/y'">
Call</button>
<button id="asks" onclick="alert('hello')">Ask</button>"""


def written(folder):
    (folder / "page.html").write_text(PAGE, encoding="utf-8")
    cv2.imwrite(str(folder / "beside.png"), cv2.UMat(4, 4, cv2.CV_8UC3).get())
    return folder / "page.html"


def test_a_page_is_seen_and_used(browser, tmp_path):
    page = browser.open(written(tmp_path), width=700, height=500)
    assert page.tab.inner_text("h1") == "Grüße"
    page.tab.click("text=Press")
    assert page.tab.title() == "700"
    page.resize(320, 600)
    page.tab.click("text=Press")
    assert page.tab.title() == "320"
    assert page.errors == [] and page.dialogs == []
    assert [Path(address).name for address in page.requests] == ["page.html", "beside.png"]
    assert page.outside == []


def test_a_download_arrives_byte_for_byte(browser, tmp_path):
    page = browser.open(written(tmp_path))
    file = page.download(lambda: page.tab.click("text=Export"))
    assert file.name == "table.csv"
    assert file.read_bytes() == b"\xef\xbb\xbfphoto\n\xc3\xa9"


def test_errors_and_dialogs_are_told(browser, tmp_path):
    page = browser.open(written(tmp_path))
    page.tab.click("#fails")
    page.tab.click("#asks")
    assert any("missing is not defined" in error for error in page.errors)
    assert page.dialogs == ["hello"]


def test_what_would_leave_is_told_and_refused(browser, tmp_path):
    page = browser.open(written(tmp_path))
    with page.tab.expect_event("requestfailed"):
        page.tab.click("#calls")
    page.tab.wait_for_timeout(200)
    assert set(page.outside) == {"https://example.invalid/x", "http://example.invalid/y"}


def test_dark_mode_prints_and_pictures(browser, tmp_path):
    file = written(tmp_path)
    dark, light = browser.open(file, dark=True), browser.open(file)
    pictures = [cv2.imread(str(page.screenshot(tmp_path / "seen.png"))) for page in (dark, light)]
    assert pictures[0].shape == (800, 1280, 3)
    assert pictures[0][-1, -1].max() == 0 and pictures[1][-1, -1].min() == 255
    dark.emulate(dark=False)
    assert cv2.imread(str(dark.screenshot(tmp_path / "seen.png")))[-1, -1].min() == 255
    assert light.pdf(tmp_path / "page.pdf").read_bytes().startswith(b"%PDF-")


def test_scripts_can_be_off(browser, tmp_path):
    page = browser.open(written(tmp_path), scripts=False)
    page.tab.click("text=Press")
    assert page.tab.title() == "A page"


def test_without_chromium_a_test_is_skipped_with_the_reason(tmp_path):
    tests = ROOT / "tests"
    (tmp_path / "conftest.py").write_text(
        f"import sys; sys.path.insert(0, {str(tests)!r})\nfrom browser import *"
    )
    (tmp_path / "test_page.py").write_text("def test_page(browser): raise AssertionError")
    command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", str(tmp_path)]
    run = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"CHROMIUM": "/nowhere/chromium"},
        check=False,
    )
    assert "1 skipped" in run.stdout and "apt-get install chromium" in run.stdout, run.stdout + run.stderr
    assert run.returncode == 0


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
@pytest.mark.parametrize(
    ("user", "said"), [("0", "could not be installed"), ("1000", "no right to install it")]
)
def test_continuous_integration_goes_on_where_chromium_cannot_be_installed(tmp_path, user, said):
    """With an apt-get that fails, or without the right to use it, the checks and tests still run."""
    commands = {
        ".ci/run": (ROOT / ".ci" / "run").read_text(),
        "scripts/check": "#!/bin/sh\necho checked\n",
        "scripts/test": "#!/bin/sh\necho tested\n",
        "bin/apt-get": "#!/bin/sh\nexit 100\n",
        "bin/id": f"#!/bin/sh\necho {user}\n",
    }
    for name, text in commands.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    for name in ("bash", "sh", "env", "dirname", "timeout"):  # none of the machine's own Chromium
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    command = [tmp_path / ".ci" / "run"]
    run = subprocess.run(
        command, capture_output=True, text=True, env={"PATH": str(tmp_path / "bin")}, check=False
    )
    assert run.returncode == 0, run.stderr
    assert said in run.stdout and run.stdout.endswith("checked\ntested\n")
