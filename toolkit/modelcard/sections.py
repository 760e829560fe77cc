"""The parts of a model card, in words and tables, from what a model keeps of its training."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.modelcard.facts import DATA, MEAN, SCORES, UNKNOWN, is_clearly_better
from toolkit.scores import HEADINGS, supported_coverage
from toolkit.study.modes import WHITE, mode_title
from toolkit.tones import TONES

NOT_KEPT = "Not known: this model was made by a version that did not keep it. Train it again to have it here."
GRADERS = "one grader against another"
_FEW_SUBJECTS = 5  # a group of fewer was hardly tested
_TITLES = {"skin tone": "Skin tone", "sex": "Sex", "side": "Side", "visit": "Visit", "severity": "Severity"}
_COUNTED = ("grade", "side", "visit", "skin tone", "sex")

Card = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """Rows of text under headings."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """A part of the card: paragraphs, then points of a list, then tables."""

    title: str
    paragraphs: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()


def card_sections(name: str, sha256: str, card: Card, coverage: float) -> list[Section]:
    """All parts, in order. ``coverage``: what the intervals aim at, 0-1."""
    return [
        _about(name, card),
        _data(card),
        _scores(card),
        *_by_group(card),
        _intervals(card, coverage),
        Section("Limits", points=tuple(_limits(card))),
        _origin(sha256, card),
    ]


def _about(name: str, card: Card) -> Section:
    learnt = str(card.get("trained on", "the photographs and grades of one study"))
    return Section(
        f"Model {name}",
        (
            "Grades mottled hyperpigmentation (0-9) in clinical photographs of faces, with an interval for every grade. "
            "For research: it is no medical device.",
            f"Trained on {learnt}. {_light(card)}",
            *([f"Grades: {card['grades']}."] if isinstance(card.get("grades"), str) else []),
        ),
    )


def _light(card: Card) -> str:
    mode = str(card.get("mode", WHITE))
    return f"It grades photographs in {mode_title(mode)} alone; others keep their row without a grade."


def _data(card: Card) -> Section:
    counts = f"{card.get('photos', '?')} photographs of {card.get('subjects', '?')} subjects."
    if DATA not in card:
        return Section("Data", (counts, NOT_KEPT))
    tables = [
        Table((by, "photographs"), tuple((level, str(count)) for level, count in card[DATA][by].items()))
        for by in _COUNTED
        if by in card[DATA]
    ]
    return Section("Data", (counts,), tables=tuple(tables))


def _scores(card: Card) -> Section:
    if SCORES not in card:
        return Section("Scores", (NOT_KEPT,))
    told = card[SCORES]
    rows = (*(_score_row(name, one) for name, one in told["methods"].items()), _graders_row(card))
    return Section(
        "Scores",
        (
            f"On subjects that were never seen: {card.get('folds', '?')} folds, no subject on both sides of one. What "
            "does not beat the trivial answers (always the mean, always the commonest grade) has learnt nothing.",
            f"RMSE {_estimate(told['all']['rmse'])}, interval over subjects. {_floor(card)}",
        ),
        tables=(Table(("method", *HEADINGS), rows),),
    )


def _score_row(name: str, one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        name, f"{one['rmse']:.2f}", f"{one['mae']:.2f}", _signed(one["bias"]), f"{one['within_half']:.0%}",
        f"{one['within_one']:.0%}", _optional(one["kappa"]), _optional(one["spearman"]), _optional(one["icc"]),
    )  # fmt: skip


def _graders_row(card: Card) -> tuple[str, ...]:
    """One grader against another, in the same figures as the methods."""
    between = card[SCORES].get("between")
    if between is not None:
        return _score_row(GRADERS, between)
    return (f"{GRADERS}: not known, {_why_no_floor(card)}", *"-" * 8)


def _why_no_floor(card: Card) -> str:
    if isinstance(card.get("grades"), str):  # of phantoms
        return "no grader gave these grades"
    return "one grader" if card[SCORES].get("graders", 1) < 2 else "no photograph has two graders' grades"


def _floor(card: Card) -> str:
    floor = card[SCORES]["floor"]
    if floor is None:
        return f"Noise floor: not known, {_why_no_floor(card)}."
    return (
        f"Noise floor: {floor['graders']} graders differ from one another by RMSE {floor['between_graders']:.2f}; no "
        f"method can be expected to come nearer to one of them than about {floor['truth_vs_one']:.2f}, nor to their mean "
        f"than about {floor['truth_vs_mean']:.2f}."
    )


def _by_group(card: Card) -> Iterator[Section]:
    groups = card.get(SCORES, {}).get("groups", [])
    if not groups:
        return
    several = card[SCORES]["floor"] is not None
    headings = (
        "photographs", "subjects", "RMSE", "95 % interval", "always the mean", *([GRADERS] if several else []), "bias",
        "inside the interval",
    )  # fmt: skip
    tables = []
    for by in dict.fromkeys(one["by"] for one in groups):
        rows = tuple(_group_row(one, several) for one in groups if one["by"] == by)
        tables.append(Table((_TITLES.get(by, by), *headings), rows))
    yield Section(
        "Scores by group",
        (
            "Of the model, on subjects never seen. Severity is by the experts' grade: any method that regresses towards "
            "the middle is too high for low grades and too low for high ones.",
        ),
        tables=tuple(tables),
    )


def _group_row(one: Mapping[str, Any], several: bool) -> tuple[str, ...]:
    """``several``: with a cell for one grader against another."""
    rmse = one["rmse"]
    graders = (_optional(one["rmse_of_graders"]),) if several else ()
    return (
        one["level"], str(one["photos"]), str(one["subjects"]), f"{rmse['value']:.2f}", _between(rmse),
        f"{one['rmse_of_mean']:.2f}", *graders, _signed(one["bias"]), f"{one['inside']:.0%}",
    )  # fmt: skip


def _intervals(card: Card, coverage: float) -> Section:
    supported = supported_coverage(coverage, card.get("subjects"))
    paragraphs = [
        f"Made to hold the expert's grade in {_percent(supported)} of photographs like these, of subjects never seen."
    ]
    if supported < coverage:
        needed = math.ceil(coverage / (1 - coverage) - 1e-9)
        paragraphs.append(f"{_percent(coverage)} would need {needed} subjects.")
    if SCORES in card:
        told = card[SCORES]["all"]
        paragraphs.append(
            f"Of the training photographs, graded as unseen, {_percent(told['inside'])} lie inside; the grade +- "
            f"{told['half_width']:.2f} on average. By group: see above."
        )
    elif "half_width" in card:
        paragraphs.append(f"The grade +- {card['half_width']:.2f} on average.")
    return Section("Intervals", tuple(paragraphs))


def _limits(card: Card) -> Iterator[str]:
    """What the figures do not say, and what the model was not tested on, a line each."""
    yield (
        "All figures are of one study's own photographs. For photographs taken otherwise they may not hold: toolkit grade "
        "says where a run is unlike this study."
    )
    if SCORES in card:
        yield from _limits_of_scores(card[SCORES])
    if DATA in card:
        yield from _limits_of_data(card[DATA])
    yield "Whatever looks like pigment and is not recognised (hair, folds, shadows, redness) may be graded as pigment."


def _limits_of_scores(told: Mapping[str, Any]) -> Iterator[str]:
    rmse, mean = told["all"]["rmse"], told["methods"][MEAN]["rmse"]
    if not is_clearly_better(told):
        yield (
            f"It is not clearly better than always answering the mean (RMSE {_estimate(rmse)} against {mean:.2f}): do not "
            "use its grades."
        )
    few = [f"{one['level']} ({one['subjects']})" for one in told["groups"]
           if one["by"] in ("skin tone", "sex") and one["level"] != UNKNOWN and one["subjects"] < _FEW_SUBJECTS]  # fmt: skip
    if few:
        yield f"Hardly tested, with fewer than {_FEW_SUBJECTS} subjects: {', '.join(few)}."


def _limits_of_data(data: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    grades = [float(grade) for grade in data["grade"]]
    yield f"Grades under {min(grades):g} and over {max(grades):g} were not among the experts': there it extrapolates."
    unseen = [tone for tone in TONES if tone not in data["skin tone"]]
    if unseen:
        yield f"Skin tones that it never saw: {', '.join(unseen)}."
    if "sex" not in data:
        yield "Scores by sex are not known: no workbook said it (a column sex, or --column sex=NAME)."


def _origin(sha256: str, card: Card) -> Section:
    known = {
        "toolkit": card.get("toolkit"), "trained": card.get("created"), "seed": card.get("seed"),
        "landmarks": card.get("landmarks"), "network": card.get("trunk"), "model sha256": sha256,
        **{f"sha256 of {name}": value for name, value in card.get("files", {}).items()},
    }  # fmt: skip
    rows = tuple((name, str(value)) for name, value in known.items() if value is not None)
    return Section("Versions and files", tables=(Table(("item", "value"), rows),))


def _estimate(one: Mapping[str, float | None]) -> str:
    return f"{one['value']:.2f}" + (f" ({_between(one)})" if one["lower"] is not None else "")


def _between(one: Mapping[str, float | None]) -> str:
    return "" if one["lower"] is None else f"{one['lower']:.2f} to {one['upper']:.2f}"


def _signed(value: float) -> str:
    value = round(value, 2) + 0.0  # no minus before a rounded zero
    return f"{value:+.2f}" if value else "0.00"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _optional(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
