"""Who is answered: the page that was opened with the secret address, from this machine, and nobody else."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 1_000_000
REPORT = "/report/"  # what lies below it is shown in a frame that may do less than the window
TRIAL = "/trial/"
_OWN = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# A page made of files in the study's folder: an origin of its own, from which the window cannot be reached, and nothing
# goes out. The page's own policy forbids more.
_FRAMED = (
    "sandbox allow-scripts allow-downloads allow-modals; default-src 'none'; script-src 'self' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
}


class Guard:
    """Lets through, to ``app``, what is asked under the secret ``token`` of the window's own page on ``port``; takes the
    token off the path. All else is refused: other names of this machine (DNS rebinding), other pages (their Origin), large
    bodies. ``start``: a second secret, good for one look, that leads a browser to the window."""

    def __init__(self, app: ASGIApp, token: str, port: int, start: str = "") -> None:
        self._app, self._token, self._start = app, token, start
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no web socket is wanted
            return
        headers = Headers(scope=scope)
        if headers.get("host") not in self._hosts:
            await _refused(421, "this is not the address of the window")(scope, receive, send)
            return
        if self._is_start(scope["path"]):
            self._start = ""
            await JSONResponse(None, 303, {"location": f"/{self._token}/", **_ALWAYS})(scope, receive, send)
            return
        path = self._path(scope["path"])
        if path is None:
            await _refused(404, "not found")(scope, receive, send)
            return
        if not self._is_own_page(scope["method"], path, headers):
            await _refused(403, "only the window itself is answered")(scope, receive, send)
            return
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            await _refused(413, "the request is too large")(scope, receive, send)
            return
        inner = {**scope, "path": path, "raw_path": path.encode(), "root_path": ""}
        await self._app(inner, _bounded(receive), _with_headers(send, path))

    def _is_start(self, path: str) -> bool:
        return bool(self._start) and secrets.compare_digest(path.encode(), f"/start/{self._start}".encode())

    def _path(self, path: str) -> str | None:
        """The path after the token; None without it."""
        token, _, rest = path.removeprefix("/").partition("/")
        right = secrets.compare_digest(token.encode("utf-8", "replace"), self._token.encode())
        return f"/{rest}" if right and path.startswith(f"/{token}/") else None

    def _is_own_page(self, method: str, path: str, headers: Mapping[str, str]) -> bool:
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        own = {f"http://{host}" for host in self._hosts}
        if method not in ("GET", "HEAD"):
            return origin in own and headers.get("content-type", "").startswith("application/json")
        if path.startswith(
            (REPORT, TRIAL)
        ):  # what a framed page asks for comes from nowhere, as browsers tell it
            return origin in (None, "null") or origin in own
        return (origin is None or origin in own) and site in (None, "same-origin", "none")


def _bounded(receive: Receive) -> Receive:
    """A body that is said to have no length ends, as if the browser had gone, where it is too large."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return message if taken <= MAX_BODY_BYTES else {"type": "http.disconnect"}

    return bounded


def _with_headers(send: Send, path: str) -> Send:
    policy = _FRAMED if path.startswith((REPORT, TRIAL)) else _OWN
    added = {**_ALWAYS, "content-security-policy": policy}

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message["headers"] if name.decode() not in added]
            own = [(name.encode(), value.encode()) for name, value in added.items()]
            message = {**message, "headers": [*kept, *own]}
        await send(message)

    return sending


def _refused(status: int, reason: str) -> JSONResponse:
    return JSONResponse({"error": reason}, status, _ALWAYS)
