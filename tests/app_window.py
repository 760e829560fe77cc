"""A window's server for tests, in a thread of this process."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.app.serving import prepared
from toolkit.app.session import Session


@dataclass
class Answer:
    """What the server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return self.json["error"]


@dataclass
class Window:
    """A running server: its ``port`` and the secrets: ``token``, in its address, and ``start``, for one look."""

    port: int
    token: str
    start: str
    session: Session

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return f"{self.origin}/{self.token}/"

    def raw(self, method: str, path: str, body: Any = None, **headers: str | None) -> Answer:
        """A request as it is written here: nothing is added but the host."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
        link.request(method, path, body, named)
        answer = link.getresponse()
        told = Answer(
            answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        )
        link.close()
        return told

    def get(self, path: str, **headers: str | None) -> Answer:
        return self.raw("GET", f"/{self.token}/{path}", **headers)

    def post(self, path: str, told: Any = None, **headers: str | None) -> Answer:
        """A request as the window's own page sends it, but for the ``headers`` given."""
        own = {"origin": self.origin, "content_type": "application/json", **headers}
        return self.raw("POST", f"/{self.token}/api/{path}", json.dumps(told or {}), **own)

    def wait(self, seconds: float = 300) -> dict[str, Any]:
        """The job, once it has ended."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            job = self.get("api/job").json
            if job["state"] not in ("running", "stopping"):
                return job
            time.sleep(0.05)
        raise AssertionError(f"still {job}")


@contextmanager
def opened(folders: Sequence[Path]) -> Iterator[Window]:
    """A window that may look into these folders."""
    with prepared(folders, workers=1) as made:
        thread = threading.Thread(target=made.run)
        thread.start()
        while not made.server.started:
            time.sleep(0.01)
        try:
            yield Window(made.listening.getsockname()[1], made.token, made.start, made.session)
        finally:
            made.session.close()
            thread.join()
