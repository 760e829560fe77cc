"""The window's server: on this machine alone, at an address that nobody can guess."""

from __future__ import annotations

import contextlib
import secrets
import socket
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path

from starlette.types import ASGIApp

from toolkit.app.allowed import AllowedFolders
from toolkit.commands.shared import default_workers
from toolkit.errors import MissingExtraError, ToolkitError

HERE = "127.0.0.1"


def serve(
    folders: Sequence[Path],
    port: int = 0,
    *,
    browser: bool = True,
    workers: int | None = None,
    tell: Callable[[str], None] = print,
) -> None:
    """Open the window, and serve it until it is closed by its button, by Ctrl-C or by a request to end.

    ``folders``: all that it may look into. ``port``: 0 takes a free one. ``tell``: what gets the address. Work that is
    under way when the window closes is stopped as by Ctrl-C in the terminal, and what there is of it is kept. Raises
    MissingExtraError without FastAPI and uvicorn, and ToolkitError where a folder or the port cannot be used.
    """
    try:
        import uvicorn
    except ImportError:
        raise MissingExtraError("uvicorn", "app") from None
    from toolkit.app.building import build
    from toolkit.app.session import Session

    allowed = AllowedFolders(folders)
    with contextlib.closing(listen(port)) as listening:
        number = listening.getsockname()[1]
        origin = f"http://{HERE}:{number}"
        session = Session(allowed, workers or default_workers(), origin)
        token, start = secrets.token_urlsafe(32), secrets.token_urlsafe(32) if browser else ""
        app: ASGIApp = build(session, token, number, start=start)
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, lifespan="off")
        )
        session.close = lambda: setattr(server, "should_exit", True)
        tell(f"{origin}/{token}/")
        if browser:
            # Other users of this machine see what a browser is started with: that address works once, for this browser.
            webbrowser.open(f"{origin}/start/{start}")
        try:
            server.run(sockets=[listening])
        finally:
            session.jobs.end()


def listen(port: int) -> socket.socket:
    """A socket that this machine alone can reach; raises ToolkitError where the port is taken."""
    listening = socket.socket()
    try:
        listening.bind((HERE, port))
    except OSError as error:
        listening.close()
        raise ToolkitError(
            f"--port {port}: cannot be used ({error.strerror}): leave it out, or name another"
        ) from None
    return listening
