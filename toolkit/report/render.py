"""The page's HTML: its template filled, and the one script and style that may run in it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolkit.glossary import page_terms
from toolkit.report.facts import Table
from toolkit.report.overview import Overview

PAGE_TAG = "toolkit grade --report"
FOLDER_TAG = "toolkit grade --report-dir"  # tells a folder of ours from any other
_HERE = Path(__file__).parent
_SCRIPT = (
    "page", "memory", "table", "filters", "photo", "picture", "change", "figures", "review", "reviewfile", "paper", "start",
)  # fmt: skip


def as_json(data: Any) -> str:
    """JSON that stands in a script element, or in a script, whatever it holds: plain ASCII in which no tag, comment
    or entity begins."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def rendered(data: Table, summary: Overview, photos: Sequence[str] | None) -> str:
    """The page; ``summary`` of its run; ``photos`` the JSON of each, None where they are files beside the page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    script = _script()
    style = (_HERE / "report.css").read_text(encoding="utf-8")
    beside = " 'self' file:" if photos is None else ""
    return environment.get_template("page.html.j2").render(
        generator=FOLDER_TAG if photos is None else PAGE_TAG,
        policy=(
            f"default-src 'none'; img-src data:{beside}; style-src {_allowed(style)}; "
            f"script-src {_allowed(script)}{beside}; base-uri 'none'; form-action 'none'"
        ),
        style=Markup(style),
        script=Markup(script),
        data=Markup(as_json(data)),
        photos=[Markup(photo) for photo in photos or ()],
        head=data["head"],
        page=data,
        overview=summary,
        terms=page_terms(),
    )


def _script() -> str:
    """The page's script: its parts one after another, in one scope of their own. Plain JavaScript without a library;
    whatever comes from files is set as text, never parsed as HTML."""
    parts = [(_HERE / "script" / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPT]
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "})();\n"


def _allowed(text: str) -> str:
    """How a security policy names an inline script or style by its content."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
