"""The glossary of the documentation, as terms and what they mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_ENTRY = re.compile(r"\* \*\*(?P<term>.+?)\*\*:? ?(?P<meaning>.*)")
# What stands on the report page without a word of explanation.
_ON_THE_PAGE = (
    *("Region", "OD (optical density)", "Melanin index", "Erythema index", "ITA (individual typology angle)"),
    *(
        "Landmarks",
        "Chart",
        "Patch",
        "Threshold region (region of interest)",
        "Embedding",
        "Reference (prototype)",
        "FAISS",
        "LightGBM",
        "Ridge regression",
    ),
    *("Curve", "Blend", "Contribution", "Fold", "Conformal interval", "Coverage", "Out of range", "RMSE"),
    "Noise floor",
)
_MARKS = re.compile(r"\*\*|`|\[|\]\([^)]*\)")


@dataclass(frozen=True)
class Term:
    """A term of the ``part`` of the glossary with that heading, and its meaning, as plain text."""

    part: str
    term: str
    meaning: str


def glossary_file() -> Path:
    """Where the glossary lies: in the source tree, or inside the installed package."""
    here = Path(__file__).parent
    places = (here.parent / "docs" / "reference" / "glossary.md", here / "_docs" / "glossary.md")
    return next((place for place in places if place.is_file()), places[0])


def terms(like: str = "") -> list[Term]:
    """The terms in the order of the page, or those that have the text ``like`` in their name."""
    found, part = [], ""
    for line in glossary_file().read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            part = line.removeprefix("## ")
        elif entry := _ENTRY.fullmatch(line):
            found.append(Term(part, *(_MARKS.sub("", entry[name]) for name in ("term", "meaning"))))
    return [one for one in found if like.casefold() in one.term.casefold()]


def page_terms() -> dict[str, str]:
    """The meaning of each term that the report page uses."""
    return {one.term: one.meaning for one in terms() if one.term in _ON_THE_PAGE}
