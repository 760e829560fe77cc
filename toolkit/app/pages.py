"""The window's own files, and those of the study that it shows or hands out."""

from __future__ import annotations

import json
import re
from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse, HTMLResponse, Response

from toolkit.app import reviewing
from toolkit.app.routes import Own
from toolkit.app.session import Session

_WINDOW = Path(__file__).parent / "window"
_MEDIA = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
}
_OF_REPORT = re.compile(r"(photos|references)/\d{5,}[pbc]?\.(js|jpg)")
_HANDED_OUT = re.compile(r"(results|agreement|trial)\.xlsx|trial\.html|review-[\w-]+\.csv")
router = APIRouter()


@router.get("/")
def index() -> Response:
    """The window."""
    return _file(_WINDOW / "index.html")


@router.get("/window/{name}")
def part(name: str) -> Response:
    """A script or style of the window."""
    return _file(_WINDOW / name) if re.fullmatch(r"[a-z]+\.(js|css|svg)", name) else _none()


@router.get("/report/")
def report(own: Own, reader: str, blind: bool = False) -> Response:
    """The report page, with what the reader has reviewed; it sends changes to the window, which writes them. ``blind``: it
    opens with every automatic grade hidden."""
    path = own.the_study().report / "index.html"
    if not own.allowed.holds(path) or not path.is_file():
        return _none()
    memory = reviewing.remembered(own.the_study().folder, reader)
    kept = {
        "origin": own.origin,
        "reader": reader.strip(),
        "reviews": _reviews(own, reader),
        "memory": memory,
        "blind": blind,
    }
    text = json.dumps(kept).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    page = path.read_text(encoding="utf-8")
    return HTMLResponse(
        page.replace("<body>", f'<body>\n<script type="application/json" id="kept">{text}</script>', 1)
    )


def _reviews(own: Session, reader: str) -> dict[str, dict[str, object]]:
    """A reader's reviews as the page remembers them."""
    path = reviewing.review_path(own.the_study().folder, reader)
    rows = reviewing.read_reviews(path) if own.allowed.holds(path) else {}
    return {
        photo: {
            "verdict": row["verdict"], "grade": float(row["grade"]), "comment": row["comment"], "reader": row["reader"],
            "at": row["reviewed_at"],
        }
        for photo, row in rows.items()
    }  # fmt: skip


@router.get("/report/{name:path}")
def part_of_report(own: Own, name: str) -> Response:
    """A picture or a photo's facts."""
    return _of_study(own, own.the_study().report / name) if _OF_REPORT.fullmatch(name) else _none()


@router.get("/trial/")
def trial(own: Own) -> Response:
    """The page of the trial."""
    return _of_study(own, own.the_study().trial_page)


@router.get("/files/{name}")
def handed_out(own: Own, name: str) -> Response:
    """A file of the study, to save elsewhere."""
    if not _HANDED_OUT.fullmatch(name):
        return _none()
    answer = _of_study(own, own.the_study().folder / name)
    answer.headers["content-disposition"] = f'attachment; filename="{name}"'
    return answer


def _of_study(own: Session, path: Path) -> Response:
    return _file(path) if own.allowed.holds(path) else _none()


def _file(path: Path) -> Response:
    media = _MEDIA.get(path.suffix, "application/octet-stream")
    return FileResponse(path, media_type=media) if path.is_file() else _none()


def _none() -> Response:
    raise HTTPException(404, "not found")
