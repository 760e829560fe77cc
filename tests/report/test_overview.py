"""The summary of a run: its counts, means and changes against sums made by hand."""

import pytest

from toolkit.records import PhotoFacts, PhotoGrade
from toolkit.report.facts import head, photo_rows
from toolkit.report.overview import overview
from toolkit.study.modes import OTHER_MODE


def grade(name, subject, value, side="left", visit="Baseline", **more):
    told = {
        "quality": "ok",
        "lower": None if value is None else value - 1,
        "upper": None if value is None else value + 1,
    }
    return PhotoGrade(name, PhotoFacts(subject, side, visit), value, **{**told, **more})


def summary(grades, expert=None, card=None):
    rows = photo_rows(grades, [f"{n:064}" for n in range(len(grades))], expert or {})
    return overview(rows, head(rows), card or {}), head(rows)


STUDY = [
    grade("a.jpg", "S1", 3.0), grade("b.jpg", "S1", 2.2, visit="Week 4"), grade("c.jpg", "S2", 5.0),
    grade("d.jpg", "S2", 4.8, visit="Week 4", note="expert grade 8 outside the interval"),
    grade("e.jpg", "S3", 7.1, visit="Week 4", note="expert grade 2.5 outside the interval; chin: no skin"),
    grade("f.jpg", "S4", None, quality="", note="no face found"),
]  # fmt: skip


def test_counts_distribution_and_middle():
    told, headline = summary(STUDY)
    assert told.subjects == 4 and headline.graded == 5
    assert [(bar.label, bar.photos, bar.share) for bar in told.severities] == [
        ("none", 0, 0), ("mild", 2, 0.4), ("moderate", 2, 0.4), ("severe", 1, 0.2)
    ]  # fmt: skip
    steps = {bar.label: (bar.photos, bar.severity) for bar in told.steps if bar.photos}
    assert steps == {"2": (1, "mild"), "3": (1, "mild"), "5": (2, "moderate"), "7": (1, "severe")}
    assert len(told.steps) == 19 and max(bar.height for bar in told.steps) == 1
    assert told.middle == pytest.approx((4.42, 4.8, 3.0, 5.0))


def test_changes_are_of_the_same_subject_and_side():
    told, _ = summary([*STUDY, grade("g.jpg", "S1", 6.0, side="right", visit="Week 4")])
    groups = {(one.visit, one.side): one for one in told.groups}
    assert [*groups] == [("Baseline", "left"), ("Week 4", "left"), ("Week 4", "right")]
    week = groups["Week 4", "left"]
    assert (week.photos, week.pairs, week.change) == (3, 2, pytest.approx((-0.8 - 0.2) / 2))
    assert week.mean == pytest.approx((2.2 + 4.8 + 7.1) / 3) and (week.low, week.high) == (2.2, 7.1)
    assert groups["Baseline", "left"].change is None and groups["Week 4", "right"].change is None


def test_flags_are_counted_by_reason_without_their_numbers():
    told, _ = summary(STUDY)
    assert dict(told.reasons) == {
        "expert grade outside the interval": 2, "chin: no skin": 1, "not graded: no face found": 1
    }  # fmt: skip
    assert [one.photo for one in told.listed] == ["f.jpg", "d.jpg", "e.jpg"]  # without a grade first
    assert "8 outside" in told.listed[1].reasons and told.listed[1].where == "S2 · left · Week 4"


def test_pictures_of_other_modes_are_not_to_be_looked_at():
    other = grade("uv.jpg", "S5", None, quality="", note=f"{OTHER_MODE}: ultraviolet")
    told, headline = summary([*STUDY, other])
    assert headline.others == 1 and "uv.jpg" not in {one.photo for one in told.listed}
    assert not [reason for reason, _ in told.reasons if "ultraviolet" in reason]


def test_lists_are_bounded_and_say_what_is_left_out():
    many = [grade(f"{n}.jpg", f"S{n}", 3.0, visit=f"Week {n}", note="look " * 60) for n in range(60)]
    told, _ = summary(many)
    assert len(told.groups) + told.more_groups == 60 and told.more_groups > 0
    assert len(told.listed) + told.more_listed == 60 and told.more_listed > 0
    assert all(len(one.reasons) < 120 for one in told.listed)


def test_experts_beside_the_trivial_answer():
    told, headline = summary(STUDY, {"a.jpg": 3.5, "c.jpg": 5.5, "d.jpg": 8, "f.jpg": 1})
    assert (told.inside, headline.expert) == (2, 3)
    assert headline.rmse == pytest.approx(((0.25 + 0.25 + 3.2**2) / 3) ** 0.5)
    assert headline.rmse_mean == pytest.approx(
        (((3.5 - 17 / 3) ** 2 + (5.5 - 17 / 3) ** 2 + (8 - 17 / 3) ** 2) / 3) ** 0.5
    )


def test_nothing_graded_is_no_error():
    told, headline = summary([STUDY[-1]])
    assert told.middle is None and told.groups == () and headline.mean_interval is None


def test_the_model_in_words():
    card = {
        "photos": 36, "subjects": 9, "created": "2026-11-27T05:00:00+00:00", "shares": {"curve": 1.0, "booster": 0.0, "ridge": 0.0},
        "out of fold RMSE": {"starter": 0.81, "always the mean": 2.03},
    }  # fmt: skip
    told = dict(summary(STUDY, card=card)[0].model)
    assert told["graded photos"] == "36 of 9 subjects, on 2026-11-27"
    assert told["a grade is"].startswith("100 % a rising curve") and "LightGBM" not in told["a grade is"]
    assert told["error"] == "RMSE 0.81 on subjects that it had not seen; always the mean 2.03"
    assert dict(summary(STUDY, card={})[0].model) == {}


def test_the_scores_of_a_studys_own_model():
    rmse = {"value": 0.95, "lower": 0.7, "upper": 1.24, "seed": 0}
    scores = {
        "all": {"rmse": rmse, "rmse_of_mean": 1.37},
        "floor": {"truth_vs_mean": 0.38, "between_graders": 0.76},
    }
    (told,) = summary(STUDY, card={"scores": scores})[0].model
    error = "RMSE 0.95 (95 % interval 0.70 to 1.24) on subjects that it had not seen; always the mean 1.37"
    assert told == (
        "error", f"{error}; one grader against another 0.76, so that no method can be expected under about 0.38"
    )  # fmt: skip
    (told,) = summary(STUDY, card={"scores": {**scores, "floor": None}})[0].model
    assert told == ("error", f"{error}; how far one grader lies from another is not known")
