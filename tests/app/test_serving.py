"""toolkit app as it is typed."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from drawn_photos import drawn_half
from PIL import Image
from places import ROOT

from toolkit.app import serve
from toolkit.errors import MissingExtraError


def hear_interrupts():
    """As at a terminal: what a shell starts in the background is deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(folder, *arguments):
    """The running command, and the address that it printed."""
    command = [sys.executable, "-m", "toolkit.cli", "app", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    running = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=None if os.name == "nt" else hear_interrupts,
    )  # fmt: skip
    # Both lines here: what is read ahead of them is lost to ``communicate``.
    where, how_to_close = running.stdout.readline(), running.stdout.readline()
    assert "Ctrl-C" in how_to_close
    return running, urlsplit(re.search(r"http://\S+", where)[0])


def asked(address, method, path, told=None):
    link = http.client.HTTPConnection(address.netloc, timeout=60)
    headers = {"Origin": f"http://{address.netloc}", "Content-Type": "application/json"}
    link.request(method, address.path + path, json.dumps(told or {}) if method == "POST" else None, headers)
    answer = link.getresponse()
    return answer.status, json.loads(answer.read())


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos").mkdir()
    Image.fromarray(drawn_half("left", 1)).save(tmp_path / "photos" / "P0001_FACE_L_S00_V00D00W00.jpg")
    return tmp_path


def test_the_command_serves_until_the_window_is_closed(folder):
    running, address = started(folder, str(folder), "--no-browser")
    assert address.hostname == "127.0.0.1"
    status, told = asked(address, "GET", "api/state")
    assert (status, told["roots"]) == (200, [str(folder.resolve())])
    assert asked(address, "POST", "api/study", {"photos": str(folder / "photos")})[0] == 200
    kept = folder / "photos - toolkit" / "study.json"
    if os.name == "posix":  # as all that the commands write, for its owner alone
        assert kept.stat().st_mode & 0o077 == 0
    assert asked(address, "POST", "api/close")[0] == 200
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (0, "")


@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise")
def test_ctrl_c_closes_it(folder):
    running, _ = started(folder, str(folder), "--no-browser")
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode in (0, 130) and "Traceback" not in err


def test_a_folder_that_is_none_is_one_line(tmp_path):
    command = [sys.executable, "-m", "toolkit.cli", "app", "nowhere"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert (
        done.stderr
        == f"toolkit: {tmp_path.resolve() / 'nowhere'}: there is no such folder: name one that exists\n"
    )


@pytest.mark.parametrize("module", ["fastapi", "uvicorn"])
def test_without_the_extra_the_command_that_mends_it_is_told(tmp_path, monkeypatch, module):
    for name in [
        name
        for name in sys.modules
        if name.startswith(("toolkit.app.building", "toolkit.app.routes", "toolkit.app.pages"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'hyperpigmentation-toolkit\[app\]'"):
        serve([tmp_path], browser=False)


def test_a_browser_is_led_to_the_window_by_an_address_that_works_once(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("toolkit.app.serving.Window.run", lambda window: None)
    told = []
    serve([tmp_path], tell=told.append)
    assert opened[0].startswith("http://127.0.0.1:") and "/start/" in opened[0]
    assert urlsplit(told[0]).path.strip("/") not in opened[0]
