"""What of the package's own code a grade depends on: results that other code has made are stale."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

# Modules and folders of the package. Commands, workbooks, pages and messages are not among them: no grade changes
# with these, and a study is not to be graded again for a word.
STAGES = (
    "blend", "booster.py", "chart", "colours.py", "colourtarget.py", "correction", "formats.py", "geometry.py", "images.py", "index.py", "jpeg.py", "judgement.py",
    "landmarks", "likeness.py", "meanface.py", "model.py", "ownphotos.py", "patches", "phototable.py", "pigment", "pipeline.py",
    "prepared.py", "quality", "quantiles.py", "reasons.py", "records", "settings.py", "siamese", "study/modes.py", "visible.py",
)  # fmt: skip


@cache
def code_hash() -> str:
    """The SHA-256 of the sources of the stages, as hexadecimal digits."""
    return sources_hash(*STAGES)


def sources_hash(*names: str) -> str:
    """The SHA-256 of the sources of these modules and folders of the package."""
    package = Path(__file__).parent
    sources: list[Path] = []
    for name in names:
        place = package / name
        sources += sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
