"""Visits that are told by dates."""

import datetime

import pytest

from toolkit.agreement import compare_changes, join_ratings
from toolkit.errors import GradesError
from toolkit.records import PhotoFacts
from toolkit.study import read_graders, read_grades
from toolkit.study.dates import date_of, iso_dates, visits_in_days
from toolkit.trial import analyse_files


@pytest.mark.parametrize(
    "texts",
    [
        ["2024-03-01", "2024-03-28"],
        ["01.03.2024", "28.03.2024"],
        ["1/3/2024", "28/3/2024"],
        ["3/1/2024", "3/28/2024"],
        ["01-Mar-2024", "28-Mar-2024"],
        ["01MAR2024", "28MAR2024"],
        ["1 March 2024", "28 March 2024"],
        ["2024-03-01 10:30", "2024-03-28T09:00:00"],
    ],
)
def test_dates_of_any_usual_form_are_read(texts):
    assert [iso_dates(texts)[text] for text in texts] == ["2024-03-01", "2024-03-28"]


@pytest.mark.parametrize("texts", [[], ["Baseline", "2024-03-01"], ["Visit 2"], ["31.02.2024"], ["1.3.24"]])
def test_what_is_no_date_is_none(texts):
    assert iso_dates(texts) == {}


def test_a_date_that_may_be_two_is_refused_and_the_form_shown():
    with pytest.raises(ValueError, match=r"^03/04/2024 may be 2024-04-03 or 2024-03-04: write dates so$"):
        iso_dates(["05/05/2024", "03/04/2024"])
    assert iso_dates(["05/05/2024"]) == {"05/05/2024": "2024-05-05"}


def test_a_subjects_first_date_is_its_baseline_and_the_others_are_days_after_it():
    facts = [
        *(PhotoFacts("P1", "left", "2024-03-28"), PhotoFacts("p-1", "right", "2024-03-01")),
        *(PhotoFacts("P2", "left", "2023-12-31"), PhotoFacts("P2", "left", "2024-01-01")),
        *(PhotoFacts("P3", "left", "2024-01-01"), PhotoFacts("P3", "left", "Week 4"), PhotoFacts("P4")),
    ]
    assert visits_in_days(facts) == [
        *("Day 27", "Baseline", "Baseline", "Day 1", "2024-01-01", "Week 4", None)
    ]
    assert date_of("Week 4") is date_of(None) is None


def table(path, *rows):
    path.write_text("\n".join(rows) + "\n")
    return path


def test_a_column_of_dates_is_read_where_rows_need_it_and_only_there(tmp_path):
    rows = ["Subject,Side,Date,Grade", "P1,L,01.03.2024,2", "P1,L,28.03.2024,3"]
    assert [row.visit for row in read_grades(table(tmp_path / "a.csv", *rows)).rows] == [
        "2024-03-01",
        "2024-03-28",
    ]
    alone = read_grades(table(tmp_path / "b.csv", rows[0], rows[1], "P2,L,28.03.2024,3"))
    assert [row.visit for row in alone.rows] == [None, None] and "Date" in alone.unread
    both = ["Subject,Side,VISITNUM,Date,Grade", "P1,L,1,01.03.2024,2", "P1,L,2,28.03.2024,3"]
    assert [row.visit for row in read_grades(table(tmp_path / "c.csv", *both)).rows] == ["Visit 1", "Visit 2"]


def test_dates_in_two_forms_are_one_visit_and_changes_are_counted_from_the_first(tmp_path):
    days = (datetime.date(2024, 3, 1), datetime.date(2024, 3, 29), datetime.date(2024, 4, 26))
    for name, form, step in (("a", "%d.%m.%Y", 0.5), ("b", "%d-%b-%Y", 1.0)):
        rows = [f"P{n},L,{day:{form}},{5 - step * i}" for n in range(3) for i, day in enumerate(days)]
        table(tmp_path / f"{name}.csv", "subject,side,visit,grade", *rows)
    ratings = join_ratings(read_graders([tmp_path / "a.csv", tmp_path / "b.csv"]))
    assert len(ratings.common([0, 1])) == 9
    assert {one.visit for one in ratings.facts} == {"Baseline", "Day 28", "Day 56"}
    (change,) = compare_changes(ratings, resamples=10)
    assert (change.baseline, change.changes) == ("Baseline", 6)
    assert change.estimates["mean_second"].value == pytest.approx(-1.5)


def test_a_trial_of_dates_is_told_in_days(tmp_path):
    rows = [
        f"P{n},L,{day},{grade}" for n in range(4) for day, grade in (("2024-03-01", 4), ("2024-03-29", 3))
    ]
    found = analyse_files(table(tmp_path / "a.csv", "subject,side,visit,grade", *rows))
    assert found.table.visits == ("Baseline", "Day 28")


def test_a_table_whose_dates_may_be_two_is_refused_by_name(tmp_path):
    path = table(tmp_path / "a.csv", "subject,visit,grade", "P1,03/04/2024,2", "P1,05/06/2024,3")
    with pytest.raises(GradesError, match=r"a\.csv: the visit 03/04/2024 may be 2024-04-03 or 2024-03-04"):
        read_grades(path)
