"""Who is answered, and who is not: each way in that a page, a program or a name of this machine might try."""

import http.client
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from app_window import opened
from fastapi.routing import APIRoute
from places import ROOT

from toolkit.app import pages, routes
from toolkit.app.guard import MAX_BODY_BYTES
from toolkit.app.serving import listen
from toolkit.errors import ToolkitError


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    folder = tmp_path_factory.mktemp("allowed")
    with opened([folder]) as running:
        yield running


def every_route():
    found = [
        (method, route.path)
        for route in (*routes.router.routes, *pages.router.routes)
        if isinstance(route, APIRoute)
        for method in route.methods
    ]
    assert len(found) > 20
    return found


def test_only_this_machine_can_reach_it(window):
    listening = listen(0)
    assert listening.getsockname()[0] == "127.0.0.1"
    listening.close()
    if os.name == "posix" and os.uname().sysname == "Linux":  # all of 127.* is this machine there
        with pytest.raises(OSError), socket.create_connection(("127.0.0.2", window.port), timeout=5):
            pass


def test_a_port_that_is_taken_is_told(window):
    with pytest.raises(ToolkitError, match=f"--port {window.port}: cannot be used"):
        listen(window.port)


@pytest.mark.parametrize(("method", "path"), every_route())
def test_nothing_is_answered_without_the_secret(window, method, path):
    body = json.dumps({})
    for before in ("", "/" + "x" * len(window.token), "/" + window.token[:-1], "/" + window.token + "x"):
        answer = window.raw(
            method, before + path, body, origin=window.origin, content_type="application/json"
        )
        assert answer.status == 404, before
        assert answer.json == {"error": "not found"}
    assert window.token not in str(answer.headers)


def test_the_secret_is_long_and_new_each_time(tmp_path):
    with opened([tmp_path]) as one, opened([tmp_path]) as other:
        assert len(one.token) >= 43 and one.token != other.token


def test_the_address_that_a_browser_is_started_with_works_once(tmp_path):
    with opened([tmp_path]) as window:
        assert window.raw("GET", "/start/another").status == 404
        first = window.raw("GET", f"/start/{window.start}")
        assert (first.status, first.headers["location"]) == (303, f"/{window.token}/")
        assert window.raw("GET", f"/start/{window.start}").status == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", "[::1]:{port}", ""]
)
def test_another_name_of_this_machine_is_not_answered(window, host):
    """A page of elsewhere whose name is made to lead here (DNS rebinding)."""
    link = http.client.HTTPConnection("127.0.0.1", window.port, timeout=30)
    link.putrequest("GET", f"/{window.token}/api/state", skip_host=True)
    link.putheader("Host", host.format(port=window.port))
    link.endheaders()
    assert link.getresponse().status == 421
    link.close()


def test_both_names_of_this_machine_are_answered(window):
    for host in (f"127.0.0.1:{window.port}", f"localhost:{window.port}"):
        assert window.get("api/state", host=host).status == 200


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "https://127.0.0.1:{port}", "http://127.0.0.1:1"]
)
def test_no_other_page_can_set_anything_going(window, origin):
    named = origin and origin.format(port=window.port)
    assert window.post("cancel", origin=named).status == 403
    if named:
        assert window.get("api/state", origin=named).status == 403


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"]
)
def test_forms_and_uploads_are_refused(window, kind):
    assert window.post("cancel", content_type=kind).status == 403


def test_what_another_site_lets_a_browser_ask_for_is_refused(window):
    for site in ("cross-site", "same-site"):
        assert window.get("api/state", sec_fetch_site=site).status == 403
        assert window.get("files/results.xlsx", sec_fetch_site=site).status == 403
    assert window.get("api/state", sec_fetch_site="same-origin").status == 200


def test_a_framed_page_cannot_ask_the_server(window):
    """A page made of files comes from nowhere ("null"): pictures of the report are all that it gets."""
    for path in ("api/state", "api/folder", "", "files/results.xlsx"):
        assert window.get(path, origin="null").status == 403, path
    assert window.get("report/photos/00000.js", origin="null").status != 403


def test_large_bodies_are_refused_before_they_are_read(window):
    answer = window.raw(
        "POST", f"/{window.token}/api/cancel", b"", origin=window.origin, content_type="application/json",
        content_length=str(MAX_BODY_BYTES + 1),
    )  # fmt: skip
    assert answer.status == 413
    assert window.post("study", {"photos": "x" * MAX_BODY_BYTES}).status == 413
    assert window.post("study", {"photos": "x" * 5000}).status == 422


def test_a_body_without_a_length_is_bounded_too(window):
    def chunks():
        yield b'{"photos": "'
        for _ in range(MAX_BODY_BYTES // 10_000 + 2):
            yield b"x" * 10_000
        yield b'"}'

    link = http.client.HTTPConnection("127.0.0.1", window.port, timeout=30)
    named = {"Origin": window.origin, "Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    try:
        link.request("POST", f"/{window.token}/api/study", chunks(), named, encode_chunked=True)
        status = link.getresponse().status
    except (http.client.HTTPException, OSError):  # it hung up
        status = 0
    link.close()
    assert status in (0, 400)
    assert window.get("api/state").status == 200


def test_web_sockets_are_not_answered(window):
    answer = window.get(
        "api/state", connection="Upgrade", upgrade="websocket", sec_websocket_version="13",
        sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==",
    )  # fmt: skip
    assert answer.status != 101


@pytest.mark.parametrize("path", ["", "window/start.js", "api/state", "api/nothing", "window/..%2fguard.py"])
def test_every_answer_says_what_a_page_may_do(window, path):
    headers = window.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers


def test_a_page_of_files_is_put_where_it_can_do_nothing(window):
    for path in ("report/photos/00000.js", "trial/"):
        policy = window.get(path).headers["content-security-policy"]
        assert policy.startswith("sandbox allow-scripts") and "allow-same-origin" not in policy
        assert "connect-src" not in policy and "default-src 'none'" in policy


def test_the_window_has_nothing_of_elsewhere():
    """Its parts are its own: no address of another server, no HTML made of text."""
    parts = [path for path in (Path(pages.__file__).parent / "window").iterdir() if path.suffix != ".svg"]
    assert len(parts) > 8
    for path in parts:
        text = path.read_text(encoding="utf-8")
        assert "http://" not in text and "https://" not in text, path
        assert "innerHTML" not in text and "insertAdjacentHTML" not in text and "eval(" not in text, path
        assert (
            "localStorage" not in text and "sessionStorage" not in text and "document.cookie" not in text
        ), path


def test_nothing_is_told_to_a_collector_of_telemetry(tmp_path):
    """A machine may have OpenTelemetry set up: requests hold paths and the secret."""
    code = f"""
import sys
sys.path[:0] = [{str(ROOT / "tests")!r}, {str(ROOT)!r}]
from pathlib import Path
from opentelemetry import metrics, trace
told = []
class Tracers(trace.TracerProvider):
    def get_tracer(self, *given, **more):
        told.append("tracer")
        return trace.NoOpTracer()
trace.set_tracer_provider(Tracers())
from app_window import opened
with opened([Path({str(tmp_path)!r})]) as window:
    assert window.get("api/state").status == 200
    window.post("study", {{"photos": "x"}})
print(told)
"""
    environment = {**os.environ, "FASTAPI_OTEL_AUTO_CONFIGURE": "true"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
