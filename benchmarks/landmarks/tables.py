"""What is printed of landmarks and patches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.landmarks.measuring import Result
from toolkit.errors import ToolkitError
from toolkit.images import find_photos, read_photo
from toolkit.landmarks import FaceFinder
from toolkit.records import REGIONS
from toolkit.settings import Settings


def show(results: Sequence[Result]) -> None:
    """The table of versions, notes, steps, times and what was lost."""
    by_version: dict[str, list[Result]] = {}
    for result in results:
        by_version.setdefault(result.version, []).append(result)
    show_versions(by_version)
    noted = [f"{r.subject} {r.version}: {'; '.join(r.notes)}" for r in results if r.notes]
    lowest = min((r.confidence for r in results if r.found), default=np.nan)
    print(f"\nlowest confidence {lowest:.3f}; {len(noted)} of {len(results)} noted: {noted}")
    steps = Counter(f"{r.version}: {r.found_by or 'not found'}" for r in results)
    print("\nfound by   " + ", ".join(f"{key} {count}" for key, count in steps.items()))
    show_times(by_version)
    for r in results:
        if not r.found:
            how = r.found_by or r.error
            print(f"lost: {r.subject} ({r.group}) {r.version} by {how} drift {r.drift:.1f}")


def show_versions(by_version: Mapping[str, Sequence[Result]]) -> None:
    """A row a version: how many are found, in each group; drift, error, and how patches repeat."""
    groups = sorted({result.group for rows in by_version.values() for result in rows})
    regions = [region[:9] for region in REGIONS]
    head = ["n", "found", *groups, "side ok", "drift %", "p95", "err %", *(f"IoU {r}" for r in regions),
            *(f"mm {r}" for r in regions)]  # fmt: skip
    print(f"{'version':24}" + "".join(f"{h:>13}" for h in head))
    for version, rows in by_version.items():
        found = [result for result in rows if result.found]
        expected = next((side for side in ("left", "right") if f"half_{side}" in version), "both")
        drift = [r.drift for r in found if np.isfinite(r.drift)]
        cells = [
            str(len(rows)), percent([r.found for r in rows]),
            *(percent([r.found for r in rows if r.group == group]) for group in groups),
            percent([r.side == expected for r in found]),
            number(drift, 50, 2), number(drift, 95, 2), number([r.nme for r in found], 50, 2),
            *(number([r.iou[name] for r in found if r.iou and name in r.iou], 50, 3) for name in REGIONS),
            *(number([r.shift_mm[name] for r in found if r.shift_mm and name in r.shift_mm], 50, 2)
              for name in REGIONS),
        ]  # fmt: skip
        print(f"{version:24}" + "".join(f"{cell:>13}" for cell in cells))


def show_times(by_version: Mapping[str, Sequence[Result]]) -> None:
    """Milliseconds of each stage."""
    head = "".join(f"{h:>9}" for h in ("read", "face", "patches", "quality", "all", "all p95"))
    print("\nmilliseconds (median)   " + head)
    for version, rows in by_version.items():
        times = [r.times for r in rows if r.times]
        if times:
            columns = [[1000 * one[key] for one in times] for key in times[0]]
            total = np.sum(columns, axis=0)
            cells = [*map(np.median, columns), np.median(total), np.percentile(total, 95)]
            print(f"  {version:22}" + "".join(f"{cell:9.1f}" for cell in cells))


def show_groups(results: Sequence[Result]) -> None:
    """The same by group of people: the plain photos' error, drift and patches of all half faces together."""
    head = ("people", "plain err %", "drift %", "p95", "err %", "patch mm", "p95")
    print("\ngroup, half faces together" + "".join(f"{h:>12}" for h in head))
    for group in sorted({result.group for result in results}):
        mine = [result for result in results if result.group == group and result.found]
        halves = [result for result in mine if result.version.startswith("half")]
        shifts = [shift for result in halves for shift in (result.shift_mm or {}).values()]
        drift = [result.drift for result in halves]
        cells = [
            str(len({result.subject for result in mine})),
            number([result.nme for result in mine if result.version == "plain"], 50, 2),
            number(drift, 50, 2),
            number(drift, 95, 2),
            number([result.nme for result in halves], 50, 2),
            number(shifts, 50, 2),
            number(shifts, 95, 2),
        ]
        print(f"{group:26}" + "".join(f"{cell:>12}" for cell in cells))


def show_others(faces: Path, finder: FaceFinder, settings: Settings) -> None:
    """Photographs without changes in the other folders: found, and with which notes."""
    print("\nother photographs, as they are")
    for folder in ("smiling", "canada", "average", "congress", "pose"):
        lost, confidence, notes = 0, [], []
        photos = find_photos([faces / folder]) if (faces / folder).is_dir() else []
        for path in photos:
            try:
                face = finder.find(read_photo(path, settings.photo))
            except ToolkitError:
                lost += 1
                continue
            notes += [f"{path.name}: {note}" for note in face.notes]
            confidence.append(face.confidence)
        lowest = f"{min(confidence):.3f}" if confidence else "-"
        told = f"{len(photos)} photos, {lost} lost, lowest confidence {lowest}, notes: {notes or 'none'}"
        print(f"  {folder:10} {told}")


def percent(flags: list[bool]) -> str:
    """The share that is so."""
    return f"{100 * np.mean(flags):.1f}" if flags else "-"


def number(values: list[float], percentile: float, digits: int) -> str:
    """A percentile."""
    return f"{np.percentile(values, percentile):.{digits}f}" if values else "-"
