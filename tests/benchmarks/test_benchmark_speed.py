"""The parts of benchmarks.speed that are not measurements."""

import time

import pytest
from drawn_photos import drawn_half
from PIL import Image

from benchmarks.speed.photographs import photographs, usable
from benchmarks.speed.runs import Run, steady_ms
from benchmarks.speed.stages import Stopwatch


def test_the_steady_rate_leaves_out_what_both_runs_spend_once():
    runs = [Run(n, 5 + 0.1 * n, 3.0, 8 + 0.2 * n, None) for n in (10, 100, 1000)]
    assert steady_ms(runs, lambda run: run.seconds) == pytest.approx(100)
    assert steady_ms(runs, lambda run: run.cpu_s) == pytest.approx(200)
    assert steady_ms(runs[:1], lambda run: run.seconds) == pytest.approx(600)


def test_time_is_added_up_by_stage_and_photo():
    class Owner:
        @staticmethod
        def work():
            time.sleep(0.01)  # takes no processor time
            began = time.process_time()
            while time.process_time() < began + 0.01:
                pass

    watch = Stopwatch()
    with watch.on(Owner, "work", "inner"):
        for _ in range(3):
            with watch.part("outer"):
                Owner.work()
                Owner.work()
            watch.lap()
    Owner.work()  # no longer counted
    assert len(watch.laps) == 3
    assert 20 <= watch.ms("inner") <= watch.ms("outer") + 0.5
    assert watch.ms("inner") < 30
    assert watch.ms("outer", "inner") < watch.ms("inner")


def test_copies_differ_in_bytes_and_not_in_pixels(tmp_path):
    (tmp_path / "mine").mkdir()
    Image.fromarray(drawn_half("left")).save(tmp_path / "mine" / "P0001_FACE_L_S00_V00D00W00.jpg")
    paths = photographs(tmp_path, 3, tmp_path / "mine")
    assert len({path.read_bytes() for path in paths}) == 3
    assert len({Image.open(path).tobytes() for path in paths}) == 1


def test_only_photographs_that_can_be_measured_are_timed(tmp_path):
    for name, picture in (("a.jpg", drawn_half("left") * 0), ("b.jpg", drawn_half("left"))):
        Image.fromarray(picture).save(tmp_path / name)
    assert [path.name for path in usable([tmp_path / "a.jpg", tmp_path / "b.jpg"])] == ["b.jpg"]
