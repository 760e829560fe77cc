"""What a store tells of its run as a whole: by what versions of which packages, which share of the photographs, and
what their colours were corrected by."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field

from toolkit.shares import Share, Taken

# Beside the results, so that a version without it reads them all the same.
RUN_TABLE = """
CREATE TABLE IF NOT EXISTS run (
    item TEXT PRIMARY KEY, value TEXT NOT NULL  -- JSON
);
"""


@dataclass(frozen=True)
class RunRecord:
    """``versions`` of packages by name, empty where nobody noted them; the share ``taken``, None of a run of all;
    ``colours``, the chart or table that corrected them, as the user named it, "" where they stayed as they come."""

    versions: Mapping[str, str] = field(default_factory=dict)
    taken: Taken | None = None
    colours: str = ""

    def to_json(self) -> str:
        """As text."""
        taken = self.taken and {
            "number": self.taken.share.number,
            "of": self.taken.share.of,
            "photos": self.taken.photos,
            "whole": self.taken.whole,
            "places": self.taken.places,
        }
        return json.dumps({"versions": dict(self.versions), "taken": taken, "colours": self.colours})

    @classmethod
    def from_json(cls, text: str) -> RunRecord:
        """What ``to_json`` wrote."""
        told = json.loads(text)
        one = told["taken"]
        taken = one and Taken(
            Share(one["number"], one["of"]), one["photos"], one["whole"], tuple(one["places"])
        )
        return cls(told["versions"], taken, told.get("colours", ""))


def write_record(db: sqlite3.Connection, record: RunRecord) -> None:
    """Keep the record, in place of any before."""
    db.execute("INSERT OR REPLACE INTO run VALUES ('record', ?)", (record.to_json(),))


def read_record(db: sqlite3.Connection) -> RunRecord:
    """The record; an empty one where there is none."""
    try:
        found = db.execute("SELECT value FROM run WHERE item = 'record'").fetchone()
    except sqlite3.OperationalError:  # opened for reading, and written by a version without it
        found = None
    return RunRecord.from_json(found[0]) if found else RunRecord()
