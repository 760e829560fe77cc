"""How processes begin: copies of one that has loaded what they need, on Linux; anew elsewhere."""

import os
import subprocess
import sys

import pytest

from toolkit.pool import run_jobs
from toolkit.processes import process_context

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes begin anew")


def loaded(_: int) -> tuple[list[str], int, int]:
    heavy = ("tensorflow", "lightgbm", "dlib", "onnxruntime", "scipy.fftpack")
    return [name for name in heavy if name in sys.modules], os.getpid(), os.getppid()


def answers() -> list[tuple[list[str], int, int]]:
    return [found for _, found in run_jobs(loaded, range(8), 2)]


@ON_LINUX
def test_processes_begin_with_what_a_photograph_takes_and_nothing_of_training():
    for names, _, _ in answers():
        assert names == ["dlib", "onnxruntime", "scipy.fftpack"]


@ON_LINUX
def test_no_process_is_a_copy_of_this_one():
    for _, own, parent in answers():
        assert parent != os.getpid() and own != os.getpid()


def test_who_wants_processes_to_begin_anew_gets_them():
    code = (
        "import multiprocessing\n"
        "from toolkit.processes import process_context\n"
        "multiprocessing.set_start_method('spawn')\n"
        "print(process_context().get_start_method())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "spawn"


@ON_LINUX
def test_a_process_that_copies_are_made_of_is_made_anew_when_it_is_gone():
    before = {parent for _, _, parent in answers()}
    for pid in before:
        os.kill(pid, 9)
    after = {parent for _, _, parent in answers()}
    assert before.isdisjoint(after)
    assert process_context().get_start_method() == "forkserver"


@ON_LINUX
def test_ctrl_c_while_all_is_loaded_says_nothing():
    code = (
        "import os, signal, time\n"
        "from toolkit.processes import load_ahead\n"
        "signal.signal(signal.SIGINT, lambda *_: None)\n"
        "load_ahead()\n"
        "time.sleep(0.3)\n"
        "os.killpg(0, signal.SIGINT)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, start_new_session=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
