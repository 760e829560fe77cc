"""What is printed of studies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.tables import table_text


def cell(figure: Mapping[str, float] | None, spread: bool = False) -> str | None:
    """A mean over seeds; ``spread``: with its SD."""
    if figure is None:
        return None
    return f"{figure['mean']:.2f} ({figure['SD']:.2f})" if spread else f"{figure['mean']:.2f}"


def show_study(title: str, found: Mapping[str, Any]) -> None:
    """Two tables: against grader 1 and against the latent grade."""
    print(
        f"\n== {title}: {found['photos']} photos of {found['subjects']} subjects, "
        f"{len(found['lost'])} photos lost; training {found['training']['all']['seconds']['mean']:.0f} s"
    )
    for target, floor in (("grader", found["floor"]), ("latent", None)):
        rows = [
            [
                name,
                cell(one["RMSE"], spread=True),
                *([one["RMSE"]["mean"] / floor] if floor else []),
                *(cell(figure) for figure in list(one.values())[1:]),
            ]
            for name, one in found[target].items()
        ]
        head = ["", "RMSE (SD)", *(["/ floor"] if floor else []), *list(found[target]["blend"])[1:]]
        if floor:
            himself = found["grader 1 against latent"]
            text = "Against grader 1, who is learnt from. Floor (truth against one grader)"
            print(table_text(f"{text} {floor:.2f}; grader 1 himself {himself:.2f}", head, rows))
        else:
            print(table_text("Against the latent grade", head, rows), flush=True)


def show_tones(studies: Mapping[str, Mapping[str, Any]]) -> None:
    """Bias and errors of the blend by tone, one row per study and tone."""
    rows = [
        [
            f"{name}, {tone}",
            str(round(one["photos"]["mean"])),
            *(cell(figure) for figure in list(one.values())[1:]),
        ]
        for name, found in studies.items()
        for tone, one in found["tones"].items()
    ]
    if rows:
        head = ["", *next(one for found in studies.values() for one in found["tones"].values())]
        print(table_text("The blend by skin tone (ITA)", head, rows))


def show_curve(found: Mapping[str, Any]) -> None:
    """Errors by number of subjects."""
    methods = ["always the mean", "features alone", "load, isotonic", "embedding alone", "blend"]
    rows = [
        [f"{size}, {target}", *(cell(one[target][method]["RMSE"], spread=True) for method in methods)]
        for target in ("latent", "grader")
        for size, one in found.items()
    ]
    print(table_text("Learning curve: RMSE (SD) by subjects and truth", ["", *methods], rows))
