"""Grades in words: one rule, wherever a grade is worded."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.dictionary import describe
from toolkit.records import SEVERITIES, SEVERITY_TOLD, PhotoFacts, PhotoGrade, half_step, severity_of

DOCUMENTS = Path(__file__).parents[2]
WORDS = [  # written out, so that the rule cannot change unseen
    *["none"], *["mild"] * 7, *["moderate"] * 6, *["severe"] * 5,
]  # fmt: skip


@pytest.mark.parametrize("step", range(19))
def test_every_half_step_has_its_word_up_to_where_the_next_begins(step):
    exact = step / 2
    for grade in (exact - 0.25, exact - 0.1, exact, exact + 0.1, exact + 0.2499):
        if 0 <= grade <= 9:
            assert half_step(grade) == exact and severity_of(grade) == WORDS[step]
            told = PhotoGrade("a", PhotoFacts("a"), grade=grade)
            assert (told.half_step, told.severity) == (exact, WORDS[step])


@given(st.floats(0, 9))
def test_the_bars_of_the_page_hold_the_grades_that_their_words_are_of(grade):
    band = next(one for one in SEVERITIES if one.name == severity_of(grade))
    assert band.low <= grade <= band.high
    assert grade < band.high or band.high == 9


def test_bars_meet_and_cover_the_scale():
    assert SEVERITIES[0].low == 0 and SEVERITIES[-1].high == 9
    assert all(a.high == b.low for a, b in itertools.pairwise(SEVERITIES))


def test_off_the_scale_there_is_no_word():
    with pytest.raises(ValueError, match="0-9"):
        severity_of(9.3)


@given(st.floats(0, 9))
def test_a_grade_as_printed_and_the_grade_itself_have_one_word(grade):
    printed = float(f"{grade:.1f}")
    if abs(2 * grade - round(2 * grade)) < 0.499:  # at x.25 itself a printed tenth may go either way
        assert severity_of(printed) == severity_of(grade) or abs(printed - grade) > 0.04


def test_help_dictionary_and_documents_say_the_same():
    assert SEVERITY_TOLD == "none 0, mild 0.5 to 3.5, moderate 4 to 6.5, severe 7 to 9"
    assert SEVERITY_TOLD in describe("Grades", "severity")
    for name in ("README.md", "docs/reference/glossary.md", "docs/reference/files.md"):
        text = (DOCUMENTS / name).read_text(encoding="utf-8")
        assert SEVERITY_TOLD in text, name
        assert "1-3 mild" not in text, name
