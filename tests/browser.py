"""A real headless Chromium for the tests of pages that are looked at in a browser.

A test asks for the fixture ``browser`` (tests/conftest.py), which skips it, with the reason, where there is no
Chromium; CHROMIUM=/path/to/chromium names one that is not on the path.

    def test_sorting(browser, tmp_path):
        page = browser.open(tmp_path / "report.html", width=900, dark=True)
        page.tab.click("th >> text=grade")                    # .tab is Playwright's page
        assert page.tab.locator("tbody tr").count() == 3
        file = page.download(lambda: page.tab.click("text=Export"))
        assert page.errors == [] and page.outside == []       # no script failed, nothing left the page
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
LOCAL = {"file", "data", "blob", "about"}
PATIENCE_MS = 15_000  # a click or a download that takes longer has failed


@dataclass
class Page:
    """A page in a tab of its own, with all that it asked for since it was opened.

    ``tab`` is Playwright's page. ``errors``: uncaught exceptions and what the console shows as an error.
    ``dialogs``: texts of alerts and the like, which are dismissed. ``requests``: every address asked for, the
    page's own first; ``outside`` are those that are no local file, nor of the server ``served`` of the test: they are
    refused, so nothing leaves.
    """

    tab: Any
    downloads: Path
    served: str = ""
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def outside(self) -> list[str]:
        return [address for address in self.requests if not is_inside(address, self.served)]

    def download(self, act: Callable[[], object]) -> Path:
        """The file that ``act`` (a click) makes the page save, under the name that the page gave it."""
        with self.tab.expect_download() as waited:
            act()
        file = self.downloads / waited.value.suggested_filename
        waited.value.save_as(file)
        return file

    def screenshot(self, path: Path, whole: bool = False) -> Path:
        """A PNG of what is seen, or of the whole page."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.tab.screenshot(path=path, full_page=whole)
        return path

    def pdf(self, path: Path) -> Path:
        """The page as it prints on A4, backgrounds left out as printers do unless told."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.tab.pdf(path=path, format="A4")
        return path

    def resize(self, width: int, height: int) -> None:
        self.tab.set_viewport_size({"width": width, "height": height})

    def emulate(self, dark: bool = False, printed: bool = False, still: bool = False) -> None:
        """Dark mode, the print style sheet, or a reader who wants no motion."""
        self.tab.emulate_media(
            color_scheme="dark" if dark else "light",
            media="print" if printed else "screen",
            reduced_motion="reduce" if still else "no-preference",
        )


class Browser:
    """Opens pages, each with storage of its own; ``close`` ends them all."""

    def __init__(self, chromium: Any, downloads: Path) -> None:
        self.version: str = chromium.version
        self._chromium, self._downloads = chromium, downloads
        self._contexts: list[Any] = []

    def open(
        self,
        target: Path | str,
        *,
        dark: bool = False,
        width: int = 1280,
        height: int = 800,
        scripts: bool = True,
        served: str = "",
    ) -> Page:
        """A local file, or an address, in a window of this size; ``scripts`` False: with JavaScript off; ``served``: what
        addresses of the test's own server begin with."""
        context = self._chromium.new_context(
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": height},
            accept_downloads=True,
            java_script_enabled=scripts,
            locale="en-GB",
        )
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.route(lambda address: not is_inside(address, served), lambda route: route.abort())
        self._downloads.mkdir(parents=True, exist_ok=True)
        page = Page(context.new_page(), self._downloads, served)
        _listen(page)
        page.tab.goto(target.resolve().as_uri() if isinstance(target, Path) else target)
        return page

    def close(self) -> None:
        while self._contexts:
            self._contexts.pop().close()


def is_inside(address: str, served: str) -> bool:
    """Whether an address leads to a local file, or to the test's own server."""
    return urlsplit(address).scheme in LOCAL or bool(served and address.startswith(served))


def _listen(page: Page) -> None:
    def said(message: Any) -> None:
        if message.type == "error":
            page.errors.append(message.text)

    def asked(dialog: Any) -> None:
        page.dialogs.append(dialog.message)
        dialog.dismiss()

    page.tab.on("console", said)
    page.tab.on("pageerror", lambda error: page.errors.append(str(error)))
    page.tab.on("dialog", asked)
    page.tab.context.on("request", lambda request: page.requests.append(request.url))
    page.tab.on("websocket", lambda socket: page.requests.append(socket.url))


def find_chromium() -> Path | None:
    """The Chromium that is installed here, if any."""
    named = os.environ.get("CHROMIUM")
    found = next(filter(None, map(shutil.which, [named] if named else CHROMIUMS)), None)
    return Path(found) if found else None


@contextmanager
def _started() -> Iterator[Any]:
    """A running Chromium, or the test is skipped."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'"
    )
    found = find_chromium()
    if found is None:
        pytest.skip("no Chromium: apt-get install chromium, or set CHROMIUM=/path/to/chromium")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, timeout=60_000)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One Chromium for the tests of a file: it takes a second or two to start."""
    with _started() as running:
        yield running


@pytest.fixture
def browser(chromium: Any, tmp_path: Path) -> Iterator[Browser]:
    """A ``Browser`` whose pages are closed after the test."""
    opened = Browser(chromium, tmp_path / "downloads")
    yield opened
    opened.close()


def until(tab: Any, expression: str) -> None:
    """Waits as wait_for_function does, which evaluates text in the page when it has to wait: this page forbids that."""
    ends = time.monotonic() + 30
    while not tab.evaluate(expression):
        assert time.monotonic() < ends, expression
        time.sleep(0.1)
