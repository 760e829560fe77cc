"""Tables of figures in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toolkit.texttable import aligned


def table_text(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Aligned plain text: the first column to the left, figures to the right, with two decimals."""
    cells = [
        [f"{x:.2f}" if isinstance(x, float) else "-" if x is None else str(x) for x in row] for row in rows
    ]
    lines = aligned([list(head), *cells])
    return "\n".join(["", title, lines[0], "-" * len(lines[0]), *lines[1:]])
