"""The model card: what a model was trained on, how well it does, and where its limits are, for people to read.

Its parts are those of Mitchell et al., Model Cards for Model Reporting (FAT* 2019).
"""

from toolkit.modelcard.facts import SCORES, OutOfFold, card_facts, is_clearly_better
from toolkit.modelcard.pages import PAGES, is_card, write_pages
from toolkit.modelcard.sections import card_sections
from toolkit.modelcard.worth import STARTER, doubt_of_grades, doubt_told, is_starter, learnt_told, worth_words

__all__ = [
    "PAGES", "SCORES", "STARTER", "OutOfFold", "card_facts", "card_sections", "doubt_of_grades", "doubt_told", "is_card",
    "is_clearly_better", "is_starter", "learnt_told", "worth_words", "write_pages",
]  # fmt: skip
