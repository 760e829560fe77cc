"""The model card: what a model was trained on, how well it does, and where its limits are, for people to read.

Its parts are those of Mitchell et al., Model Cards for Model Reporting (FAT* 2019).
"""

from toolkit.modelcard.facts import SCORES, OutOfFold, card_facts, is_clearly_better
from toolkit.modelcard.pages import PAGES, is_card, write_pages
from toolkit.modelcard.sections import card_sections

__all__ = [
    "PAGES", "SCORES", "OutOfFold", "card_facts", "card_sections", "is_card", "is_clearly_better", "write_pages",
]  # fmt: skip
