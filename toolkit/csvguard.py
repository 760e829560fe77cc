"""Text in a CSV that a spreadsheet would take for a formula: an apostrophe stands before it."""

from __future__ import annotations

import re

FORMULA_STARTS = tuple("=+-@\t\r\n")
_START = re.compile(r"'*[=+\-@\t\r\n]")


def guarded(text: str) -> str:
    """Text as a CSV holds it: whatever it is, ``unguarded`` gives it back."""
    return f"'{text}" if _START.match(text) else text


def unguarded(text: str) -> str:
    """Text as it was before ``guarded``; an apostrophe that stands before no formula is part of a name."""
    return text[1:] if text.startswith("'") and _START.match(text) else text
