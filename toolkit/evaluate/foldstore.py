"""Answers of each method and fold on disk, so that a run that was cut short goes on where it stopped."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.evaluate.methods import PARTS, Answers, Outcome
from toolkit.evaluate.study import MeasuredStudy
from toolkit.files import make_folder, write_atomically
from toolkit.outputs import has_columns, has_text
from toolkit.workbook import Value, write_table

COLUMNS = (
    *("number", "photo", "subject", "side", "visit", "ita", "part"),
    *("grade", "predicted", "class", "predicted_class"),
)


def is_answer(path: Path) -> bool:
    """Whether a file is one that ``FoldStore`` keeps, or one that it does not write."""
    if path.suffix == ".csv":
        return has_columns(COLUMNS)(path)
    return path.suffix != ".json" or has_text('"key": ')(path)


class FoldStore:
    """A folder with NAME.csv (answers) and NAME.json (the key that they belong to, curve, figures, seconds)."""

    def __init__(self, folder: Path, study: MeasuredStudy) -> None:
        self.folder = folder
        self.study = study
        make_folder(folder, "--out")

    def load(self, name: str, key: str) -> tuple[Outcome, float] | None:
        """The outcome and the seconds it took; None where there is none of this key, or none whole."""
        try:
            note = json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8"))
            if note["key"] != key:
                return None
            with (self.folder / f"{name}.csv").open(newline="", encoding="utf-8-sig") as file:
                rows = list(csv.DictReader(file))
            if len(rows) != note["rows"]:
                return None
            return Outcome(self._answers(rows), note["history"], note["figures"]), float(note["seconds"])
        except (OSError, ValueError, KeyError, TypeError):  # missing, cut short or edited: learnt anew
            return None

    def save(self, name: str, key: str, outcome: Outcome, seconds: float) -> None:
        """The answers first, then the key: a run that stops between the two has saved nothing."""
        note = self.folder / f"{name}.json"
        note.unlink(missing_ok=True)
        rows = [row for part in PARTS for row in self._rows(part, outcome.answers[part])]
        write_table(self.folder / f"{name}.csv", rows, COLUMNS)
        text: dict[str, Any] = {
            "key": key,
            "rows": len(rows),
            "seconds": seconds,
            "figures": dict(outcome.figures),
            "history": outcome.history,
        }
        write_atomically(note, lambda file: file.write((json.dumps(text, indent=1) + "\n").encode()))

    def _rows(self, part: str, answers: Answers) -> list[dict[str, Value]]:
        study, labels = self.study, self.study.settings.index.class_labels()
        return [
            {
                "number": int(i),
                "photo": study.names[i],
                "subject": str(study.subjects[i]),
                "side": study.facts[i].side,
                "visit": study.facts[i].visit,
                "ita": round(float(study.tones[i]), 2),
                "part": part,
                "grade": float(study.grades[i]),
                "predicted": float(grade),
                "class": labels[study.classes[i]],
                "predicted_class": labels[number],
            }
            for i, grade, number in zip(answers.photos, answers.grades, answers.classes, strict=True)
        ]

    def _answers(self, rows: list[dict[str, str]]) -> Mapping[str, Answers]:
        labels = self.study.settings.index.class_labels()
        parts = {}
        for part in PARTS:
            some = [row for row in rows if row["part"] == part]
            parts[part] = Answers(
                np.array([int(row["number"]) for row in some], np.intp),
                np.array([float(row["predicted"]) for row in some]),
                np.array([labels.index(row["predicted_class"]) for row in some], np.intp),
            )
        return parts
