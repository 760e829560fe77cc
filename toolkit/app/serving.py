"""The window's server: on this machine alone, at an address that nobody can guess."""

from __future__ import annotations

import contextlib
import secrets
import socket
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.app.allowed import AllowedFolders
from toolkit.commands.shared import default_workers
from toolkit.errors import MissingExtraError, ToolkitError

if TYPE_CHECKING:
    import uvicorn

    from toolkit.app.session import Session

HERE = "127.0.0.1"


@dataclass(frozen=True)
class Window:
    """A window that can be opened: its ``server``, not yet running, and the ``session`` behind it. ``token`` makes its
    address; ``start`` is good for one look, by a browser that is then led there."""

    server: uvicorn.Server
    session: Session
    listening: socket.socket
    token: str
    start: str

    @property
    def address(self) -> str:
        """Where the window is."""
        return f"{self.session.origin}/{self.token}/"

    def run(self) -> None:
        """Serve until the window is closed. Work that is under way then is stopped as by Ctrl-C, and what there is of it is
        kept."""
        try:
            self.server.run(sockets=[self.listening])
        finally:
            self.session.jobs.end()


def serve(
    folders: Sequence[Path],
    port: int = 0,
    *,
    browser: bool = True,
    workers: int | None = None,
    tell: Callable[[str], None] = print,
) -> None:
    """Open the window, and serve it until it is closed by its button, by Ctrl-C or by a request to end.

    ``folders``: all that it may look into. ``port``: 0 takes a free one. ``tell``: what gets the address. Raises
    MissingExtraError without FastAPI and uvicorn, and ToolkitError where a folder or the port cannot be used.
    """
    with prepared(folders, port, workers) as window:
        tell(window.address)
        if browser:
            # Other users of this machine see what a browser is started with: that address works once, for this browser.
            webbrowser.open(f"{window.session.origin}/start/{window.start}")
        window.run()


@contextlib.contextmanager
def prepared(folders: Sequence[Path], port: int = 0, workers: int | None = None) -> Iterator[Window]:
    """A window that has only to be run; raises as ``serve`` does."""
    try:
        import uvicorn

        from toolkit.app.building import build
        from toolkit.app.session import Session
    except ImportError:
        raise MissingExtraError("FastAPI", "app") from None
    allowed = AllowedFolders(folders)
    with contextlib.closing(listen(port)) as listening:
        number = listening.getsockname()[1]
        session = Session(allowed, workers or default_workers(), f"http://{HERE}:{number}")
        token, start = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        app = build(session, token, number, start=start)
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, lifespan="off")
        )
        session.close = lambda: setattr(server, "should_exit", True)
        yield Window(server, session, listening, token, start)


def listen(port: int) -> socket.socket:
    """A socket that this machine alone can reach; raises ToolkitError where the port is taken."""
    listening = socket.socket()
    try:
        listening.bind((HERE, port))
        listening.listen()  # a browser that is quicker than the server waits
    except OSError as error:
        listening.close()
        raise ToolkitError(
            f"--port {port}: cannot be used ({error.strerror}): leave it out, or name another"
        ) from None
    return listening
