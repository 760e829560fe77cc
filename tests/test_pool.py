"""Jobs in processes that crash, hang and refuse to start: the job at fault is named and the others are done."""

import contextlib
import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from places import ROOT

from toolkit.errors import MissingExtraError, ToolkitError
from toolkit.pool import Lost, run_jobs

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals")


def odd(job):
    if job == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if job == "leave":
        os._exit(3)
    if job == "hang":
        while True:
            pass
    if job == "raise":
        raise ValueError("as it is")
    if job == "foreign":
        raise ForeignError(1, 2)
    if job == "extra":
        raise MissingExtraError("FAISS", "cpu")
    return job * 2


class ForeignError(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} {two}")


def who(job):
    time.sleep(0.05)
    return os.getpid()


def refuse():
    raise ToolkitError("no such landmark model")


def test_a_script_that_would_start_itself_again_is_told_so(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text("from toolkit.pool import run_jobs\nprint(dict(run_jobs(abs, [-1], 1)))\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 1 and done.stdout == ""
    assert (
        'mine.py: put the calls of toolkit under  if __name__ == "__main__":' in done.stderr.splitlines()[-1]
    )
    script.write_text(
        "from toolkit.pool import run_jobs\nif __name__ == '__main__':\n    print(dict(run_jobs(abs, [-1], 1)))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.stdout == "{0: 1}\n", done.stderr


@pytest.mark.parametrize("ordered", [True, False])
def test_crashes_and_hangs_are_named_and_the_others_done(ordered):
    jobs = ["crash", *"abc", "hang", *"def", "leave", "g"]
    done = list(run_jobs(odd, jobs, 2, limit_s=1.0, ordered=ordered))
    if ordered:
        assert [number for number, _ in done] == list(range(len(jobs)))
    done = dict(done)
    assert sorted(done) == list(range(len(jobs)))
    assert "ended unexpectedly 2 times (signal SIGSEGV)" in done[0].reason
    assert done[4] == Lost("took longer than 1 s")
    assert "exit status 3" in done[8].reason
    assert [done[n] for n in (1, 2, 3, 5, 6, 7, 9)] == ["aa", "bb", "cc", "dd", "ee", "ff", "gg"]


def test_processes_are_kept_for_job_after_job():
    pids = {pid for _, pid in run_jobs(who, range(8), 2)}
    assert 1 <= len(pids) <= 2 and os.getpid() not in pids


def test_what_a_task_raises_is_raised_here():
    with pytest.raises(ValueError, match=r"^as it is$"):
        list(run_jobs(odd, ["a", "raise", "b"], 1))
    with pytest.raises(MissingExtraError, match="FAISS is not installed"):
        list(run_jobs(odd, ["extra"], 1))
    with pytest.raises(RuntimeError, match="ForeignError: 1 2"):  # an error that does not survive pickling
        list(run_jobs(odd, ["foreign"], 1))


def test_a_start_that_fails_is_raised_once():
    with pytest.raises(ToolkitError, match="no such landmark model"):
        list(run_jobs(odd, ["a", "b"], 2, start=refuse))


def test_processes_that_cannot_start_end_the_run():
    with pytest.raises(ToolkitError, match=r"cannot start \(exit status 1\): use fewer --workers"):
        list(run_jobs(odd, ["a", "b"], 2, start=quit_at_once))


def quit_at_once():
    os._exit(1)


def killed_once(mark):
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_is_killed_while_it_starts_is_started_again(tmp_path):
    start = functools.partial(killed_once, tmp_path / "mark")
    assert sorted(run_jobs(odd, [1, 2, 3], 1, start=start)) == [(0, 2), (1, 4), (2, 6)]


def test_no_jobs_no_processes():
    assert list(run_jobs(odd, [], 4)) == []


def test_a_run_left_early_leaves_no_process_and_no_thread():
    threads = threading.active_count()
    results = run_jobs(time.sleep, [0, *[60] * 20], 2)
    assert next(results) == (0, None)
    started = time.monotonic()
    results.close()
    assert time.monotonic() - started < 10
    assert not multiprocessing.active_children() and threading.active_count() == threads


def test_results_not_yet_taken_hold_back_the_next_jobs(tmp_path):
    files = [tmp_path / str(number) for number in range(40)]
    results = run_jobs(touch, files, 1)
    next(results)
    time.sleep(1.0)
    assert len(list(tmp_path.iterdir())) <= 5
    results.close()


def touch(path):
    path.touch()


HOLD = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from test_pool import hang_and_tell
from toolkit.pool import run_jobs
if __name__ == "__main__":
    list(run_jobs(hang_and_tell, [sys.argv[2]] * 2, 2))
"""


def hang_and_tell(folder):
    open(os.path.join(folder, str(os.getpid())), "w").close()  # noqa: PTH118, PTH123
    time.sleep(600)


def test_workers_end_with_a_killed_parent(tmp_path):
    (tmp_path / "told").mkdir()
    script = tmp_path / "hold.py"
    script.write_text(HOLD)
    here = os.path.dirname(__file__)  # noqa: PTH120
    parent = subprocess.Popen([sys.executable, script, here, tmp_path / "told"])
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "told").iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    pids = [int(path.name) for path in (tmp_path / "told").iterdir()]
    assert len(pids) == 2
    parent.kill()
    parent.wait()
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in pids)


def alive(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
        return True
    return False
