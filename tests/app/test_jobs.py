"""Long work: one piece at a time, told as it goes, stopped as by Ctrl-C."""

import threading

import pytest

from toolkit.app.jobs import Job, Jobs
from toolkit.errors import GradesError, ToolkitError


def ended(jobs):
    jobs._thread.join(30)
    return jobs.told()


def test_work_is_told_as_it_goes_and_when_it_is_done():
    jobs, go, seen = Jobs(), threading.Event(), threading.Event()

    def work(tell):
        tell("grading", 0, 4)
        tell("grading", 1, 4)
        seen.set()
        go.wait(30)
        return {"graded": 4}

    assert jobs.told() is None
    jobs.start("grading", work)
    seen.wait(30)
    job = jobs.told()
    assert (job.kind, job.state, job.stage, job.done, job.total) == ("grading", "running", "grading", 1, 4)
    assert job.left_s == pytest.approx(3 * job.stage_s)
    go.set()
    done = ended(jobs)
    assert (done.state, done.result, done.left_s) == ("done", {"graded": 4}, None)


def test_one_at_a_time():
    jobs, go = Jobs(), threading.Event()
    jobs.start("grading", lambda tell: go.wait(30) and {})
    with pytest.raises(ToolkitError, match="grading is still running"):
        jobs.start("training", lambda tell: {})
    go.set()
    assert ended(jobs).number == 1
    jobs.start("training", lambda tell: {})
    assert ended(jobs).number == 2


def test_a_stop_reaches_the_work_where_it_next_tells_how_far_it_is():
    jobs, here, told = Jobs(), threading.Event(), []

    def work(tell):
        tell("grading", 0, 9)
        here.set()
        while True:
            told.append("a photo is kept")
            tell("grading", 1, 9)

    jobs.start("grading", work)
    here.wait(30)
    jobs.end()
    assert jobs.told().state == "stopped" and told


def test_what_the_work_kept_when_it_was_stopped_is_told():
    jobs = Jobs()
    jobs.start("grading", lambda tell: {"interrupted": True, "graded": 2})
    assert (ended(jobs).state, jobs.told().result["graded"]) == ("stopped", 2)


def test_what_went_wrong_is_one_line():
    def refused(tell):
        raise GradesError("a.xlsx: no row\nholds a grade")

    jobs = Jobs()
    jobs.start("training", refused)
    assert (ended(jobs).state, jobs.told().error) == ("failed", "a.xlsx: no row holds a grade")


def test_a_fault_of_our_own_leaves_the_window_standing(capsys):
    jobs = Jobs()
    jobs.start("training", lambda tell: 1 / 0)
    assert ended(jobs).error == "unexpected ZeroDivisionError: division by zero"
    assert "Traceback" in capsys.readouterr().err
    jobs.start("training", lambda tell: {})
    assert ended(jobs).state == "done"


def test_no_time_is_told_before_anything_is_known():
    assert Job(1, "grading", done=0, total=5, stage_s=3.0).left_s is None
    assert Job(1, "grading", state="stopping", done=2, total=5, stage_s=3.0).left_s is None
