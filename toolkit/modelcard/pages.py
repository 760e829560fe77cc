"""The model card as Markdown and as a page of its own; nothing in it runs, nothing is fetched."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from toolkit.modelcard.sections import Section, Table
from toolkit.outputs import has_text

MARKDOWN, PAGE = "model_card.md", "model_card.html"
PAGES = (MARKDOWN, PAGE)
MARK = "toolkit model card"
is_card = has_text(MARK)
_SPECIAL = re.compile(r"([\\`*_{}\[\]#|])")


def write_pages(folder: Path, sections: Sequence[Section]) -> None:
    """Write both into a folder."""
    (folder / MARKDOWN).write_text("\n".join(_markdown(sections)), encoding="utf-8")
    (folder / PAGE).write_text(_page(sections), encoding="utf-8")


def _markdown(sections: Sequence[Section]) -> Iterator[str]:
    yield f"<!-- {MARK} -->"
    for number, section in enumerate(sections):
        yield f"{'##' if number else '#'} {_escaped(section.title)}\n"
        for paragraph in section.paragraphs:
            yield f"{_escaped(paragraph)}\n"
        yield from (f"* {_escaped(point)}" for point in section.points)
        yield from ([""] if section.points else [])
        for table in section.tables:
            yield from _markdown_table(table)
            yield ""


def _markdown_table(table: Table) -> Iterator[str]:
    yield _line(table.headings)
    yield "|---" * len(table.headings) + "|"
    yield from map(_line, table.rows)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_escaped, cells)) + " |"


def _escaped(text: str) -> str:
    """Text that Markdown takes for text: visits and the like come from others' workbooks."""
    return _SPECIAL.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))


def _page(sections: Sequence[Section]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("page.html.j2").render(
        mark=MARK, title=sections[0].title, sections=sections
    )
