"""A console that cannot show a character ends no command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from drawn_photos import drawn_half
from PIL import Image
from places import ROOT


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    env = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "toolkit.cli", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, timeout=300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("снимки")
    (made / "photos").mkdir()
    Image.fromarray(drawn_half("left", 1)).save(made / "photos" / "фото.jpg")
    (made / "photos" / "сломано.jpg").write_bytes(b"no picture")
    (made / "photos" / "фильм.mov").write_bytes(b"no picture")
    (made / "оценка.csv").write_text("subject,grade\nП1,2\nП2,3\n", encoding="utf-8")
    (made / "два.csv").write_text("subject,grade\nП1,2\nП2,4\n", encoding="utf-16")
    return made


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("agreement оценка.csv два.csv --out согласие.xlsx", 0),
        ("features photos --out признаки.csv --workers 1 --quiet", None),
        ("extract-patches photos --out куски --workers 1 --quiet", None),
        ("phantom фантомы --subjects 1 --workers 1 --quiet", 0),
        ("train photos --grades нет.csv --out модель", 1),
        ("evaluate photos --grades нет.csv --out сравнение", 1),
        ("build-index куски --grades нет.csv --model модель", 1),
        ("grade photos --out оценки.csv --workers 1 --quiet", None),
        ("info", 0),
    ],
)
def test_no_command_ends_on_a_character(folder, command, status):
    ran = run(folder, *command.split())
    assert b"Traceback" not in ran.stderr and b"UnicodeEncodeError" not in ran.stderr
    if status is not None:
        assert ran.returncode == status, ran.stderr
    if command.startswith(("features", "grade")):
        assert b"\\u0444\\u0438\\u043b\\u044c\\u043c" in ran.stdout  # the film, named as well as can be
        assert (folder / command.split()[3]).is_file()
