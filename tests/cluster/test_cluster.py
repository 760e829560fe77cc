"""Jobs over a Dask cluster on this machine: done as by the pool, whatever happens to its workers."""

import multiprocessing
import os
import signal
import threading
import time

import pytest

from toolkit.errors import ToolkitError
from toolkit.pool import Lost, run_jobs
from toolkit.workers import map_photos

pytest.importorskip("distributed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="signals")]


@pytest.fixture(scope="module")
def cluster():
    from toolkit.cluster import connect

    with connect("local", 2) as found:
        yield found


def odd(job):
    """Crashes, hangs and leaves; anything else is done."""
    if job == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if job == "leave":
        os._exit(3)
    if job == "hang":
        while True:
            pass
    if job == "raise":
        raise ToolkitError("as it is")
    return job * 2


def slow(job):
    time.sleep(0.2)
    return job, multiprocessing.parent_process().pid


def test_crashes_and_hangs_are_named_and_the_others_done(cluster):
    jobs = ["a", "crash", "b", "hang", "leave", "c"]
    done = list(run_jobs(odd, jobs, cluster, limit_s=1.0, ordered=True))
    assert [number for number, _ in done] == list(range(6))
    results = [result for _, result in done]
    assert results[1] == Lost("its process ended unexpectedly 2 times (signal SIGSEGV)")
    assert results[3] == Lost("took longer than 1 s")
    assert results[4] == Lost("its process ended unexpectedly 2 times (exit status 3)")
    assert [results[number] for number in (0, 2, 5)] == ["aa", "bb", "cc"]


def test_what_a_task_or_a_start_raises_is_raised_here(cluster):
    with pytest.raises(ToolkitError, match=r"^as it is$"):
        list(run_jobs(odd, ["a", "raise"], cluster))
    with pytest.raises(ToolkitError, match=r"^no such model$"):
        list(run_jobs(odd, ["a"], cluster, start=refuse))
    assert list(run_jobs(odd, [], cluster)) == []


def refuse():
    raise ToolkitError("no such model")


def test_workers_that_are_killed_lose_no_job_and_do_none_twice(cluster):
    """The short form of ``python -m benchmarks.cluster --chaos``."""
    stop, killed = threading.Event(), []

    def kill():
        while not stop.wait(3.0) and len(killed) < 3:
            for one in pids(cluster)[:1]:
                os.kill(one, signal.SIGKILL)
                killed.append(one)

    killer = threading.Thread(target=kill)
    killer.start()
    done = list(run_jobs(slow, range(60), cluster))
    stop.set()
    killer.join()
    assert killed
    assert sorted(number for number, _ in done) == list(range(60))
    assert [result[0] for _, result in sorted(done)] == list(range(60))


def pids(cluster):
    """The processes of the workers that are there."""
    return list(cluster._client.run(os.getpid, on_error="ignore").values())


def test_jobs_wait_until_results_are_taken(cluster, tmp_path):
    results = run_jobs(touch, [tmp_path / str(number) for number in range(200)], cluster)
    next(results)
    time.sleep(2)
    assert len(list(tmp_path.iterdir())) <= 2 * 3 * 8
    results.close()


def touch(path):
    path.touch()


def test_photos_come_in_their_order(cluster):
    from toolkit.settings import Settings

    assert list(map_photos(abs, range(-9, 0), Settings(), None, workers=cluster)) == list(range(9, 0, -1))


def test_a_machine_unlike_the_drivers_is_refused_and_shown(cluster, monkeypatch):
    from toolkit.cluster import worker

    assert cluster.unlike() == {}
    monkeypatch.setattr(worker, "identity", lambda: {"toolkit": "9"})
    with pytest.raises(
        ToolkitError, match=r"^worker tcp://\S+ has toolkit .*, this machine 9: install the same"
    ):
        list(run_jobs(odd, ["a"], cluster))
    assert len(cluster.unlike()) == 2


def test_nobody_at_an_address_is_one_line(monkeypatch):
    import toolkit.cluster

    monkeypatch.setattr(toolkit.cluster, "_WAIT_S", 1)
    for address in ("tcp://127.0.0.1:9", "nonsense"):
        with (
            pytest.raises(ToolkitError, match=f"^--cluster {address}: no scheduler answers there"),
            toolkit.cluster.connect(address),
        ):
            pass
