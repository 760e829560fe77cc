"""What a model is worth, in sentences, from the scores that its card keeps: for every place that shows its grades."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit.modelcard.facts import MEAN, SCORES, is_clearly_better
from toolkit.outputs import counted

STARTER = "the starter as it is"
_COMMONEST = "always the commonest"
Card = Mapping[str, Any]


def is_starter(card: Card) -> bool:
    """Whether a model learnt from phantoms alone, on a scale of its own."""
    return str(card.get("trained on", "")).startswith("digital phantoms")


def worth_words(card: Card) -> str:
    """What the scores say, in a few sentences: the error on people never seen beside those of trivial answers and, where
    it errs no more, of the starter, and whether the study is too small for its grades to be used; "" of a card without
    scores."""
    if SCORES not in card:
        return ""
    scores = card[SCORES]
    own, mean, commonest = (_rmse(scores), *(scores["methods"][name]["rmse"] for name in (MEAN, _COMMONEST)))
    told = (
        f"On people it never saw, the model is off by {own:.2f} grades (RMSE); {MEAN} is off by {mean:.2f}, "
        f"{_COMMONEST} grade by {commonest:.2f}."
    )
    worth = (
        doubt_told(card)
        or f"Its error is {1 - own / min(mean, commonest):.0%} smaller than the best of these."
    )
    return f"{told} {worth}{_beaten(own, scores['methods'].get(STARTER))}"


def _beaten(own: float, starter: Mapping[str, Any] | None) -> str:
    if starter is None or round(starter["rmse"], 2) > round(own, 2):  # as they are shown
        return ""
    return (
        f" The starter as it is, which learnt from none of them, is off by no more ({starter['rmse']:.2f}): nothing shows "
        "that this training made it better."
    )


def doubt_told(card: Card) -> str:
    """Why a study's own model is not to be used, or not yet; "" where its scores do not say so, or there are none."""
    if SCORES not in card or is_starter(card):
        return ""
    scores = card[SCORES]
    if _rmse(scores) >= min(scores["methods"][name]["rmse"] for name in (MEAN, _COMMONEST)):
        return (
            "It is no better than an answer that needs no photograph: do not use it. The study is too small, or its "
            "grades are too alike."
        )
    if not is_clearly_better(scores):
        return (
            f"A study of {counted(card['subjects'], 'subject')} is too small to tell that this is more than chance: do "
            "not use it yet, and have more people graded."
        )
    return ""


def doubt_of_grades(card: Card) -> str:
    """``doubt_told`` with the errors before it, to stand above grades that such a model gave; "" without a doubt."""
    return worth_words(card) if doubt_told(card) else ""


def learnt_told(learnt: int, photos: int, card: Card) -> str:
    """That a model of this ``card`` learnt from so many of ``photos`` that are compared, which is then no test of it; ""
    where it learnt from none."""
    if not learnt:
        return ""
    error = ""
    if SCORES in card:
        error = f"; on subjects never seen its error was {_rmse(card[SCORES]):.2f} (RMSE)"
    return f"the model learnt from {learnt} of these {counted(photos, 'photo')}: this is no test of it{error}"


def _rmse(scores: Mapping[str, Any]) -> float:
    return float(scores["all"]["rmse"]["value"])
