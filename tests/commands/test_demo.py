"""toolkit demo, on a Python without what only Linux has: see elsewhere/sitecustomize.py."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from places import ROOT

from toolkit.commands import demo

pytestmark = pytest.mark.slow
ELSEWHERE = {
    "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "elsewhere"), str(ROOT)]),
    "PYTHONWARNDEFAULTENCODING": "1",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "cp1252",
}


def elsewhere(folder, *arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **ELSEWHERE},
        capture_output=True,
        timeout=600,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("Übung é")


@pytest.fixture(scope="module")
def first(folder):
    return elsewhere(folder, "-m", "toolkit.cli", "demo", "--subjects", "2", "--workers", "2", "--quiet")


def test_the_stand_in_lacks_what_other_systems_lack(folder):
    code = (
        "import multiprocessing, os, signal\n"
        "print(multiprocessing.get_start_method(), hasattr(os, 'fork'), hasattr(signal, 'alarm'))\n"
        "import pwd"
    )
    done = elsewhere(folder, "-c", code)
    assert done.stdout.split() == [b"spawn", b"False", b"False"]
    assert b"ModuleNotFoundError" in done.stderr or b"ImportError" in done.stderr


def test_the_demo_needs_nothing_that_only_linux_has(folder, first):
    assert first.returncode == 0, first.stderr.decode(errors="replace")
    assert first.stderr == b""
    told = first.stdout.decode("cp1252")
    assert "6 of 6 photos graded" in told and "always this study's mean" in told
    out = folder / "demo-output"
    assert f"Workbook: {out / 'grades.xlsx'}" in told
    import openpyxl

    rows = list(openpyxl.load_workbook(out / "grades.xlsx")["Grades"].values)
    assert len(rows) == 7 and all(row[rows[0].index("grade")] is not None for row in rows[1:])
    assert (out / "report.html").stat().st_size > 100_000
    assert len(list((out / "patches" / "overlays").iterdir())) == 6


def test_a_demo_that_was_stopped_is_taken_up(folder, first, monkeypatch):
    """The phantoms that are there are neither drawn again nor taken for somebody else's."""
    called = []
    monkeypatch.setattr(demo, "make_phantoms", lambda *given, **more: called.append("phantoms"))
    monkeypatch.setattr(demo, "extract", lambda *given, **more: called.append("patches"))
    out = folder / "demo-output"
    stopped = SimpleNamespace(interrupted=True, out=out / "grades.xlsx")
    monkeypatch.setattr(demo, "grade_photos", lambda *given, **more: stopped)
    made = demo.run_demo(out)
    assert made.interrupted and made.truth is None and called == ["patches"]
    demo.run_demo(folder / "another")
    assert called == ["patches", "phantoms", "patches"]
