"""The server's parts put together."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from toolkit.app import pages, routes
from toolkit.app.allowed import NotAllowedError
from toolkit.app.guard import Guard
from toolkit.app.session import Session
from toolkit.errors import ToolkitError

# FastAPI tells OpenTelemetry, where a machine has that set up, of every request: paths, names, the secret. Nothing goes out.
_NO_TELEMETRY: Any = {
    **dict.fromkeys(("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False),
    "exclude": lambda scope: True,
}


def build(session: Session, token: str, port: int, *, start: str = "") -> ASGIApp:
    """The application behind its guard; ``start`` as for ``Guard``."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, telemetry=_NO_TELEMETRY)
    app.state.session = session
    app.include_router(routes.router)
    app.include_router(pages.router)
    app.add_exception_handler(ToolkitError, _told)
    app.add_exception_handler(RequestValidationError, _not_understood)
    return Guard(app, token, port, start)


def _told(request: Request, error: Exception) -> JSONResponse:
    """Errors for users, in one line."""
    status = 403 if isinstance(error, NotAllowedError) else 400
    return JSONResponse({"error": " ".join(str(error).split())}, status)


def _not_understood(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse(
        {"error": "the window sent what its server does not understand: reload the page"}, 422
    )
