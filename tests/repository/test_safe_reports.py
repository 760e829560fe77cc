"""A failing test is told, whatever its message holds, also by several processes."""

import subprocess
import sys

from places import ROOT

FAILS = r"""
def test_of_a_name_that_is_no_text():
    print("printed \udc80")
    assert "x\udcff.jpg" == "y"
"""


def test_half_a_character_in_a_message_stops_nothing(tmp_path):
    (tmp_path / "conftest.py").write_text("from safe_reports import pytest_report_to_serializable\n")
    (tmp_path / "test_fails.py").write_text(FAILS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "1", "--rootdir", ".", "-o", f"pythonpath={ROOT / 'tests'}"],
        cwd=tmp_path, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 1 and "1 failed" in done.stdout, done.stdout + done.stderr
    assert "INTERNALERROR" not in done.stdout + done.stderr
    assert r"x\udcff.jpg" in done.stdout and r"printed \udc80" in done.stdout
