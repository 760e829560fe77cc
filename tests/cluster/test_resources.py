"""Workers that have a resource, such as a GPU, and those that have none: who trains."""

import multiprocessing
import os
import re
import subprocess
import sys
import time

import pytest

from toolkit.cli.about import _of_worker
from toolkit.errors import ToolkitError
from toolkit.pool import run_jobs

pytest.importorskip("distributed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="signals")]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A scheduler with a worker that has nothing and does one job at a time."""
    from distributed import LocalCluster

    folder = tmp_path_factory.mktemp("dask")
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",
        local_directory=folder,
        memory_limit=0,
    ) as plain:
        yield plain.scheduler_address


@pytest.fixture(scope="module")
def graphic(address, tmp_path_factory):
    """The process of a worker that says it has a GPU, whatever the machine has."""
    command = (
        f"-m distributed.cli.dask_worker {address} --no-nanny --no-dashboard --nthreads 2 --memory-limit 0"
    )
    process = subprocess.Popen(
        [sys.executable, *command.split(), "--resources", "GPU=1"],
        cwd=tmp_path_factory.mktemp("worker"),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},  # it must find this file
    )
    yield process.pid
    process.terminate()
    process.wait(30)


def who(job):
    time.sleep(0.2)  # so that an idle worker would get some
    return multiprocessing.parent_process().pid


def test_without_a_worker_that_has_it_there_is_one_line(address, monkeypatch):
    import toolkit.cluster

    monkeypatch.setattr(toolkit.cluster, "_WAIT_S", 1)
    said = rf'^--resources GPU=1: no worker of {address} has that: start one, .* --resources "GPU=1"$'
    with pytest.raises(ToolkitError, match=said), toolkit.cluster.connect(address, resources={"GPU": 1}):
        pass


def test_heavy_jobs_go_only_where_the_resource_is_and_others_anywhere(address, graphic):
    from toolkit.cluster import connect

    with connect(address, resources={"GPU": 1}) as cluster:
        heavy = cluster.heavy()
        assert (cluster.count, heavy.count) == (3, 1)
        done = list(run_jobs(who, range(6), heavy))
        assert sorted(number for number, _ in done) == list(range(6))
        assert {pid for _, pid in done} == {graphic}
        assert {pid for _, pid in run_jobs(who, range(18), cluster)} > {graphic}
        told = cluster.nodes().values()
        assert sorted(str(node["resources"]) for node in told) == ["{'GPU': 1.0}", "{}"]
        lines = [", ".join(_of_worker(node)) for node in told]
        assert sum("resources GPU=1, " in line for line in lines) == 1
        assert all(re.search(r"\d NVIDIA GPUs?, ONNX Runtime with .*CPU", line) for line in lines)


@pytest.mark.parametrize(
    ("text", "found"), [("GPU=1", {"GPU": 1}), ("GPU=2 MEM=10e9", {"GPU": 2, "MEM": 10e9}), ("A=1,B=.5", {"A": 1, "B": 0.5})]
)  # fmt: skip
def test_resources_are_read_as_dask_reads_them(text, found):
    from toolkit.cluster import resources_of

    assert resources_of(text) == found


@pytest.mark.parametrize("text", ["", "GPU", "GPU=", "GPU=one", "GPU=0", "GPU=-1", "GPU=nan", "a=b=c"])
def test_what_is_no_resource_is_refused(text):
    from toolkit.cluster import resources_of

    with pytest.raises(ToolkitError, match="write it as dask worker --resources does"):
        resources_of(text)
