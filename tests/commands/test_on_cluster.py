"""Grading on a cluster: stopped, its driver killed, and taken up again, it ends like one machine's undisturbed run."""

import os
import signal
import subprocess
import sys
import time

import pytest
from command_line import kept
from graded_study import write_photos
from places import ROOT
from workbooks import cells

from toolkit.commands.grading import grade_photos

pytest.importorskip("distributed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="signals")]
PHOTOS = 8


def start(photos, out):
    command = [sys.executable, "-m", "toolkit.cli", "grade", photos, "--out", out, "--cluster", "local"]
    process = subprocess.Popen(
        [*map(str, command), "--workers", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, cwd=ROOT, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    before, deadline = len(kept(out)), time.monotonic() + 120
    while len(kept(out)) <= before and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return process


def test_stopped_and_killed_on_a_cluster_it_ends_like_one_machine(tmp_path):
    from toolkit.cluster import connect

    photos, out = tmp_path / "photos", tmp_path / "grades.xlsx"
    paths = write_photos(photos, PHOTOS)
    (photos / "broken.jpg").write_bytes(paths[0].read_bytes()[:5000])
    grade_photos([photos], tmp_path / "one.xlsx")
    process = start(photos, out)
    os.killpg(process.pid, signal.SIGINT)  # as the terminal does: to every process of the command
    said, complaints = process.communicate(timeout=60)
    assert process.returncode == 130 and "Rerun the command to resume." in said, complaints
    assert "Traceback" not in complaints
    first = kept(out)
    process = start(photos, out)
    process.kill()
    process.communicate(timeout=60)
    second = kept(out)
    assert first.items() <= second.items()
    with connect("local", 1) as cluster:
        run = grade_photos([photos], out, workers=cluster)
    assert (run.photos, run.graded, run.earlier) == (PHOTOS + 1, PHOTOS, len(second))
    assert second.items() <= kept(out).items()  # what was done is not done again
    assert cells(out) == cells(tmp_path / "one.xlsx")
