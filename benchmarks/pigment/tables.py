"""What is printed of the pigment features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.people import TONES
from benchmarks.pigment.figures import PLANTED_OD
from benchmarks.pigment.photographs import LOADS
from benchmarks.tables import table_text

SEED_FEATURES = ("seed_area_fraction", "seed_mean")
BEST = 5  # single features shown a set
Columns = Sequence[tuple[str, str]]  # sets and loads


def show(figures: Mapping[str, Any]) -> None:
    """All tables."""
    sets = {name: value for name, value in figures.items() if name != "lost"}
    columns = [(name, load) for name in sets for load in LOADS]
    show_pixels(sets, columns)
    show_features(sets, columns)
    show_ridge(sets, columns)
    show_changes(sets)
    show_tones(sets, columns)
    rows = [[name, *(round(ms) for ms in value["milliseconds"].values())] for name, value in sets.items()]
    head = ["", *next(iter(sets.values()))["milliseconds"]]
    print(table_text("e. Milliseconds a photo (median, one core)", head, rows))
    if figures["lost"]:
        print(f"\n{len(figures['lost'])} photos without a measurement:", *figures["lost"], sep="\n  ")


def show_pixels(sets: Mapping[str, Any], columns: Columns) -> None:
    """Average precision, one row per map."""
    found = [sets[name][load]["pixels"] for name, load in columns]
    rows = [["prevalence", *(one["prevalence"] for one in found)]]
    maps = dict.fromkeys(map_name for one in found for map_name in one["average precision"])
    rows += [[map_name, *(one["average precision"].get(map_name) for one in found)] for map_name in maps]
    rows.append(["melanin, near : V - grey", *(one["melanin : seed"] for one in found)])
    title = f"a. Average precision by the pixel (planted green OD over {PLANTED_OD:g})"
    print(table_text(title, ["", *(f"{name}, {load}" for name, load in columns)], rows))


def show_features(sets: Mapping[str, Any], columns: Columns) -> None:
    """The seed's features, and the strongest."""
    rows = []
    for name, load in columns:
        found = sets[name][load]["spearman"]
        best = [f"{feature} {found[feature]:+.2f}" for feature in list(found)[:BEST]]
        seed = [found.get(feature) for feature in SEED_FEATURES]
        rows.append([f"{name}, {load}", sets[name][load]["photos"], *seed, *best])
    head = ["", "photos", *SEED_FEATURES, "best", *[""] * (BEST - 1)]
    print(table_text("b. Rank correlation of single features with the latent grade", head, rows))


def show_ridge(sets: Mapping[str, Any], columns: Columns) -> None:
    """A ridge on all features beside trivial answers and one grader."""
    rows = []
    for name, load in columns:
        one, joint = sets[name][load], sets["all sets"][load]["RMSE by set"]
        rows.append(
            [f"{name}, {load}", one["people"], one["features"], *one["ridge"].values(), joint.get(name)]
        )
    head = ["", "people", "features", *sets["all sets"]["spread"]["ridge"], "RMSE of a ridge on all sets"]
    title = "b. Ridge on all features, cross-validated by subject, against the latent grade"
    print(table_text(title, head, rows))


def show_changes(sets: Mapping[str, Any]) -> None:
    """Mean change, and in brackets mean absolute change."""
    groups = [
        (name, group)
        for name, value in sets.items()
        for group in (("all",) if name.startswith("painted") else ("all", *TONES))
        if any(group in one for one in value["spread"].get("changes", {}).values())
    ]
    if not groups:
        return
    changes = dict.fromkeys(c for name, _ in groups for c in sets[name]["spread"]["changes"])
    rows = []
    for name, group in groups:
        found = [sets[name]["spread"]["changes"].get(change, {}).get(group) for change in changes]
        cells = [f"{one['mean']:+.2f} ({one['mean absolute']:.2f})" if one else None for one in found]
        scenes = max(one["scenes"] for one in found if one)
        rows.append([f"{name}, {group}", scenes, *cells])
    title = "c. Change of the grade when one thing changes: mean (mean absolute)"
    print(table_text(title, ["", "scenes", *changes], rows))


def show_tones(sets: Mapping[str, Any], columns: Columns) -> None:
    """For whom it errs."""
    rows = [
        [f"{name}, {load}", tone, *one.values()]
        for name, load in columns
        for tone, one in sets[name][load]["tones"].items()
    ]
    head = ["", "tone", "photos", "bias", "RMSE", "melanin AP"]
    title = "d. The ridge's bias and RMSE, and the melanin map's precision, by skin tone"
    print(table_text(title, head, rows))
