"""A receipt beside a table: its hash as it was written, and the hashes of the photographs in it.

By it a later run knows whether the table was edited since, and whether it is of other photographs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit.files import write_atomically
from toolkit.outputs import file_hash, has_text

_MARK = "toolkit receipt"


@dataclass(frozen=True)
class Receipt:
    """What is known of a table: its SHA-256, and the SHA-256 of each photo in it by name, "" where not known."""

    table: str
    photos: Mapping[str, str]


def receipt_path(table: Path) -> Path:
    """Where the receipt of a table stands: NAME.toolkit.json beside NAME.csv."""
    return table.with_suffix(".toolkit.json")


def is_receipt(path: Path) -> bool:
    """Whether a file is a receipt."""
    return has_text(_MARK)(path)


def read_receipt(table: Path) -> Receipt | None:
    """The receipt of a table; None where there is none, or none that can be read."""
    try:
        told = json.loads(receipt_path(table).read_text(encoding="utf-8"))
        return Receipt(
            str(told["table"]), {str(name): str(hashed) for name, hashed in told["photos"].items()}
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_receipt(table: Path, photos: Mapping[str, str]) -> None:
    """Write the receipt of a table that has just been written."""
    text = json.dumps({"kind": _MARK, "table": file_hash(table), "photos": dict(photos)}, indent=1) + "\n"
    write_atomically(receipt_path(table), lambda file: file.write(text.encode()))


def drop_receipt(table: Path) -> None:
    """Take a receipt away, while its table is written anew."""
    receipt_path(table).unlink(missing_ok=True)
