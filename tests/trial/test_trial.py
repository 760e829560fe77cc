"""``toolkit trial``: against published figures, on made-up trials whose effect is known, and from files to outputs."""

import csv
import dataclasses
import html.parser
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from published_data import SLEEP_GAINED, orthodont, pastes, sleepstudy
from typer.testing import CliRunner

from toolkit.cli import app
from toolkit.errors import GradesError, ToolkitError
from toolkit.records import PhotoFacts, PhotoGrade
from toolkit.trial import Questions, Reading, analyse, read_trial
from toolkit.trial.arms import ordered_arms, read_arms
from toolkit.trial.exports import LONG_COLUMNS, event_name
from toolkit.trial.mixed import NotFittedError, fit_mixed
from toolkit.trial.model import SIDE, VISIT, fit_model
from toolkit.trial.precision import measurement_lines, sample_size
from toolkit.trial.records import ALL, SideGrade, TrialTable
from toolkit.trial.responders import responder_lines, share_difference, share_of
from toolkit.trial.sheets import COLUMNS
from toolkit.trial.visitorder import chosen_baseline, in_order, planned_day
from toolkit.trial.visits import difference_of, mean_of, visit_lines
from toolkit.workbook import write_results

SHEETS = ["Summary", "Visits", "Model", "Responders", "Missing", "Dictionary", "Run"]
VISITS = ("Baseline", "Week 4", "Week 8", "Week 12")
EFFECT = {"Vehicle": (0.0, 0.0, -0.1, -0.2), "Active": (0.0, 0.0, -0.5, -0.9)}
HOSTILE = '=HYPERLINK("http://x.example","<script>alert(1)</script>")'


# --- published figures -----------------------------------------------------------------------------------------


def effects(**columns):
    return {name: np.asarray(values, float) for name, values in columns.items()}


def errors_of(fit):
    return np.sqrt(np.diag(fit.covariance))


def test_a_random_intercept_as_nlme_fits_orthodont():
    """lme(distance ~ age * Sex, random = ~1 | Subject): REML."""
    child, girl, age, distance = zip(*orthodont(), strict=True)
    girl, age = np.array(girl), np.array(age)
    found = fit_mixed(
        np.array(distance), effects(one=np.ones(108), age=age, girl=girl, both=age * girl), ("child", child)
    )
    assert found.estimates == pytest.approx([16.340625, 0.784375, 1.032102, -0.304830], abs=1e-6)
    assert errors_of(found) == pytest.approx([0.9813122, 0.0775011, 1.5374208, 0.1214209], rel=1e-4)
    assert found.sds["child"] == pytest.approx(1.816214, rel=1e-4)
    assert found.sds["residual"] == pytest.approx(1.386382, rel=1e-4)
    assert found.log_likelihood == pytest.approx(-216.8786, abs=1e-4)
    assert (found.observations, found.groups) == (108, 27)


def test_a_random_intercept_as_lme4_fits_sleepstudy():
    """lmer(Reaction ~ Days + (1 | Subject)): REML."""
    person, day, time = zip(*sleepstudy(), strict=True)
    found = fit_mixed(np.array(time), effects(one=np.ones(180), day=day), ("person", person))
    assert found.estimates == pytest.approx([251.40510, 10.46729], rel=1e-6)
    assert errors_of(found) == pytest.approx([9.7467163, 0.8042214], rel=1e-3)
    assert found.sds["person"] == pytest.approx(37.12383, rel=1e-3)
    assert found.sds["residual"] == pytest.approx(30.99123, rel=1e-4)


def test_a_component_within_groups_as_lme4_fits_pastes():
    """lmer(strength ~ 1 + (1 | batch / cask)): REML, with the nesting that sides have in subjects."""
    batch, cask, strength = zip(*pastes(), strict=True)
    found = fit_mixed(np.array(strength), effects(one=np.ones(60)), ("batch", batch), {"cask": cask})
    assert found.estimates == pytest.approx([60.05333], rel=1e-6)
    assert errors_of(found) == pytest.approx([0.6768701], rel=1e-3)
    assert found.sds["batch"] == pytest.approx(1.28737, rel=1e-3)
    assert found.sds["cask"] == pytest.approx(2.90408, rel=1e-3)
    assert found.sds["residual"] == pytest.approx(0.82341, rel=1e-3)
    assert found.log_likelihood == pytest.approx(-123.4954, abs=1e-3)


@pytest.mark.parametrize(
    ("count", "total", "lower", "upper"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_shares_have_wilsons_interval(count, total, lower, upper):
    """Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3."""
    found = share_of(count, total)
    assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=5e-5)


@pytest.mark.parametrize(
    ("one", "other", "value", "lower", "upper"),
    [
        ((56, 70), (48, 80), 0.2, 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.6, 0.1705, 0.8090),
        ((10, 10), (0, 20), 1.0, 0.6791, 1.0),
        ((5, 56), (0, 29), 0.0893, -0.0381, 0.1926),
    ],
)
def test_differences_of_shares_have_newcombes_interval(one, other, value, lower, upper):
    """Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, method 10."""
    found = share_difference(other, one)
    assert (found.value, found.lower, found.upper) == pytest.approx((value, lower, upper), abs=5e-5)


def test_fishers_p_of_the_lady_tasting_tea():
    assert share_difference((1, 4), (3, 4)).p == pytest.approx(0.4857, abs=5e-5)


def test_welchs_t_of_students_sleep():
    """R: t.test(extra ~ group, data = sleep) gives p 0.07939, -3.3654832 to 0.2054832."""
    first, second = map(np.array, SLEEP_GAINED)
    found = difference_of(second, first)
    assert found.value == pytest.approx(-1.58)
    assert (found.lower, found.upper) == pytest.approx((-3.3654832, 0.2054832), abs=1e-6)
    assert found.p == pytest.approx(0.07939, abs=5e-6)
    one = mean_of(first)
    assert (one.lower, one.upper) == pytest.approx(
        (-0.5297804, 2.0297804), abs=1e-6
    )  # t.test(extra[group == 1])


def test_the_sample_size_that_textbooks_give():
    """64 an arm for half a standard deviation at 80 % power, 26 for 0.8 (Cohen 1992), 2 for the obvious."""
    grades = [SideGrade(f"s{n}", ALL, "left", "Baseline", 5.0) for n in range(3)]
    grades += [SideGrade(f"s{n}", ALL, "left", "Week 4", 4.0 + n) for n in range(3)]  # SD of change: 1
    table = TrialTable(Path("g"), "g", (ALL,), ("Baseline", "Week 4"), "Baseline", tuple(grades))
    sizes = [sample_size(table, "Week 4", effect, 0.8) for effect in (0.5, 0.8, 9.0, 1e-6)]
    assert [size.per_arm for size in sizes] == [64, 26, 2, None]
    assert sizes[0].sd == pytest.approx(1.0)
    assert sample_size(table, None, 0.5, 0.8) is None


# --- the model -------------------------------------------------------------------------------------------------


def made_up(
    rng, subjects=40, visits=VISITS, effect=EFFECT, *, noise=0.4, of_subject=0.5, of_visit=0.2, of_side=0.3
):
    """Grades of a trial: (subject, arm, side, visit, grade), arms in turn; ``of_visit`` both sides share."""
    rows = []
    arms = list(effect)
    for number in range(subjects):
        arm = arms[number % len(arms)]
        level, slope = rng.normal(5, 1), rng.normal(0, of_subject)
        shared = rng.normal(0, of_visit, len(visits))
        for side in ("left", "right"):
            aside = rng.normal(0, of_side)
            for place, visit in enumerate(visits):
                later = (slope + shared[place] if place else 0.0) + effect[arm][place]
                rows.append(
                    (f"P{number + 1:03}", arm, side, visit, level + aside + later + rng.normal(0, noise))
                )
    return rows


def table_of(rows, visits=VISITS, arms=("Vehicle", "Active"), baseline="Baseline"):
    return TrialTable(
        Path("made up"), "made up", arms, visits, baseline, tuple(SideGrade(*row) for row in rows)
    )


@pytest.fixture(scope="module")
def trial():
    return analyse(table_of(made_up(np.random.default_rng(1))))


def difference_at(lines, visit):
    return next(line.difference for line in lines if line.visit == visit and line.difference is not None)


@pytest.mark.parametrize(("visit", "truth"), [("Week 4", 0.0), ("Week 8", -0.4), ("Week 12", -0.7)])
def test_a_known_effect_lies_inside_its_intervals(trial, visit, truth):
    for lines in (trial.lines, trial.model.lines):
        found = difference_at(lines, visit)
        assert found.lower < truth < found.upper
        assert (found.p < 0.05) == (found.upper < 0 or found.lower > 0)
    assert list(trial.model.sds) == ["subject", SIDE, VISIT, "residual"]
    assert trial.model.sds["residual"] == pytest.approx(0.4, abs=0.08)
    assert trial.model.df == 37


@pytest.mark.slow
def test_intervals_cover_the_truth_and_chance_is_rarely_taken_for_an_effect():
    """Forty trials with no effect at week 4 and one at week 12: their 95 % intervals, by model and by Welch's t."""
    visits, effect = (
        ("Baseline", "Week 4", "Week 12"),
        {"Vehicle": (0.0, 0.0, -0.1), "Active": (0.0, 0.0, -0.8)},
    )
    covered, found = [], []
    for seed in range(40):
        table = table_of(made_up(np.random.default_rng(seed), visits=visits, effect=effect), visits)
        for lines in (visit_lines(table), fit_model(table).lines):
            at_12, at_4 = difference_at(lines, "Week 12"), difference_at(lines, "Week 4")
            covered.append(at_12.lower < -0.7 < at_12.upper)
            found.append(at_4.p < 0.05)
    for way in (0, 1):
        assert np.mean(covered[way::2]) >= 0.90
        assert np.mean(found[way::2]) <= 0.10


def test_least_squares_means_are_those_of_the_usual_parametrisation():
    """arm * visit + baseline * visit of statsmodels' own formulas, at the mean baseline; some visits are missing."""
    import pandas as pd
    from statsmodels.regression.mixed_linear_model import MixedLM

    rng = np.random.default_rng(4)
    rows = [row for row in made_up(rng) if row[3] == "Baseline" or rng.random() > 0.15]
    table = table_of(rows)
    model = fit_model(table)
    data = pd.DataFrame([dataclasses.asdict(change) for change in table.changes])
    fitted = MixedLM.from_formula(
        "change ~ C(arm) * C(visit) + base * C(visit)", groups="subject", re_formula="1", data=data,
        vc_formula={"side": "0 + C(side)", "visit": "0 + C(visit)"},
    ).fit(reml=True)  # fmt: skip
    asked = pd.DataFrame(
        [(line.arm, line.visit, data["base"].mean()) for line in model.lines],
        columns=["arm", "visit", "base"],
    )
    assert [line.mean.value for line in model.lines] == pytest.approx(
        fitted.predict(asked).tolist(), abs=2e-3
    )
    assert model.base == pytest.approx(data["base"].mean())
    assert model.log_likelihood == pytest.approx(fitted.llf, abs=1e-3)


@pytest.mark.parametrize(
    "options", [{}, {"of_subject": 0.0}, {"of_visit": 0.0}, {"of_side": 0.0, "of_visit": 0.0}]
)
def test_standard_errors_are_by_generalised_least_squares_even_where_a_variance_is_nothing(options):
    table = table_of(made_up(np.random.default_rng(8), subjects=12, **options))
    model = fit_model(table)
    rows, sds = table.changes, model.sds
    same = np.array([[a.subject == b.subject for b in rows] for a in rows])
    covariance = sds["residual"] ** 2 * np.eye(len(rows)) + sds["subject"] ** 2 * same
    for name, level in ((SIDE, "side"), (VISIT, "visit")):
        alike = np.array([[getattr(a, level) == getattr(b, level) for b in rows] for a in rows])
        covariance += sds.get(name, 0.0) ** 2 * (same & alike)
    cells = [(visit, arm) for visit in table.after for arm in table.arms]
    design = [[float((row.visit, row.arm) == cell) for cell in cells]
              + [(row.base - model.base) * (row.visit == visit) for visit in table.after] for row in rows]  # fmt: skip
    design = np.array(design)
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ np.linalg.solve(covariance, design))))
    assert [line.se for line in model.lines] == pytest.approx(errors[: len(cells)].tolist(), rel=1e-6)


def test_a_component_of_no_variance_is_left_out_and_said():
    table = table_of(made_up(np.random.default_rng(8), of_visit=0.0))
    model = fit_model(table)
    assert VISIT not in model.sds
    assert f"variance of {VISIT} estimated as 0: left out" in model.notes


def test_missing_visits_stay_out_of_the_rows_and_are_counted():
    rows = made_up(np.random.default_rng(2))
    gone = {("P001", "left", "Week 4"), ("P002", "right", "Week 12"), ("P003", "left", "Baseline")}
    gone |= {(f"P{n:03}", side, "Week 12") for n in (4, 5) for side in ("left", "right")}
    table = table_of([row for row in rows if (row[0], row[2], row[3]) not in gone])
    found = analyse(table)
    week = {line.arm: line for line in found.lines if line.visit == "Week 12"}
    assert (week["Vehicle"].subjects, week["Active"].subjects) == (19, 19)
    assert (week["Vehicle"].sides, week["Active"].sides) == (38, 37)
    assert found.model.observations == 240 - 6 - 3 == len(table.changes)
    assert found.model.subjects == 40
    assert not any(change.subject == "P003" and change.side == "left" for change in table.changes)
    truth = difference_at(found.model.lines, "Week 12")
    assert truth.lower < -0.7 < truth.upper


def test_a_visit_with_too_few_stays_out_of_the_model_but_in_the_table():
    rows = [row for row in made_up(np.random.default_rng(3)) if row[3] != "Week 12" or row[0] <= "P003"]
    found = analyse(table_of(rows))
    assert found.model.visits == ("Week 4", "Week 8")
    assert any("Week 12 not in the model" in note for note in found.model.notes)
    assert sum(line.visit == "Week 12" and line.subjects > 0 for line in found.lines) == 2
    assert found.last == "Week 8"


def test_one_arm_has_changes_but_no_differences():
    rows = [
        (subject, ALL, *rest)
        for subject, _, *rest in made_up(np.random.default_rng(5), effect={"x": (0, 0, -0.5, -0.9)})
    ]
    found = analyse(table_of(rows, arms=(ALL,)))
    assert all(line.difference is None for line in (*found.lines, *found.model.lines, *found.responders))
    last = found.model.lines[-1]
    assert last.mean.lower < -0.9 < last.mean.upper
    said = found.text()
    assert "At Week 12 the mean change is" in said and "without a second arm" in said
    assert "could have shown a change from baseline of" in said


def test_one_visit_has_means_and_says_that_there_is_no_change():
    rows = [row for row in made_up(np.random.default_rng(5)) if row[3] == "Baseline"]
    found = analyse(table_of(rows, ("Baseline",)))
    assert found.model is None and found.no_model == "there is no visit after baseline"
    assert [line.subjects for line in found.lines] == [20, 20] and found.lines[0].mean.value > 3
    assert "No change from Baseline can be told: there is one visit only." in found.text()
    assert found.size is None and not found.responders and not found.measurement


def test_two_visits_have_no_component_of_sides_and_no_error_of_measurement():
    rows = [row for row in made_up(np.random.default_rng(6)) if row[3] in ("Baseline", "Week 12")]
    found = analyse(table_of(rows, ("Baseline", "Week 12")))
    assert list(found.model.sds) == ["subject", "residual"]
    assert found.measurement == ()
    one_side = [row for row in rows if row[2] == "left"]
    found = analyse(table_of(one_side, ("Baseline", "Week 12")))
    assert found.model.method == "analysis of covariance, by least squares" and found.model.df == 40 - 3
    assert "(analysis of covariance)" in found.text()


def test_analysis_of_covariance_is_that_of_the_formula():
    import pandas as pd
    from statsmodels.regression.linear_model import OLS

    rows = [
        row
        for row in made_up(np.random.default_rng(6))
        if row[3] in ("Baseline", "Week 12") and row[2] == "left"
    ]
    table = table_of(rows, ("Baseline", "Week 12"))
    data = pd.DataFrame([dataclasses.asdict(change) for change in table.changes])
    fitted = OLS.from_formula("change ~ C(arm, Treatment('Vehicle')) + base", data).fit()
    name = "C(arm, Treatment('Vehicle'))[T.Active]"
    found = difference_at(fit_model(table).lines, "Week 12")
    assert (found.value, found.p) == pytest.approx((fitted.params[name], fitted.pvalues[name]))
    assert (found.lower, found.upper) == pytest.approx(tuple(fitted.conf_int().loc[name]))


def test_a_subject_with_one_side_counts_as_a_subject():
    rows = [row for row in made_up(np.random.default_rng(9)) if row[:3] != ("P001", "Vehicle", "right")]
    found = analyse(table_of(rows))
    line = next(line for line in found.lines if line.visit == "Week 4" and line.arm == "Vehicle")
    assert (line.subjects, line.sides, line.changed) == (20, 39, 20)
    assert found.model.subjects == 40 and found.model.observations == 237


@pytest.mark.parametrize(
    ("grades", "why"),
    [
        ({"s1": (5, 4), "s2": (5, 3), "s3": (4, 4)}, "do all arms have 2 subjects"),
        ({f"s{n}": (5, 4) for n in range(8)}, "every change from baseline is the same"),
        ({"s1": (5, 4), "s2": (5, 3), "s3": (4, 4), "s4": (6, 4)}, "too few for 2 arms|cannot be told apart"),
    ],
)
def test_where_no_model_fits_the_table_stands_and_the_reason_is_said(grades, why):
    rows = [
        SideGrade(subject, "AB"[number % 2], "left", visit, float(grade))
        for number, (subject, pair) in enumerate(grades.items())
        for visit, grade in zip(("Baseline", "Week 4"), pair, strict=True)
    ]
    table = TrialTable(Path("g"), "g", ("A", "B"), ("Baseline", "Week 4"), "Baseline", tuple(rows))
    with pytest.raises(NotFittedError, match=why):
        fit_model(table)
    found = analyse(table)
    assert found.model is None and "No mixed model" in found.text()
    assert found.lines[-1].subjects > 0


def test_arms_without_a_common_visit_are_not_compared():
    rows = [
        (f"{arm}{n}", arm, "left", visit, 5.0 - n / 2)
        for arm, later in (("1", "Week 4"), ("2", "Week 8"))
        for n in range(4)
        for visit in ("Baseline", later)
    ]
    said = analyse(table_of(rows, ("Baseline", "Week 4", "Week 8"), ("1", "2"))).text()
    assert "At Week 8 arm 2 and arm 1 cannot be compared: one has no change there." in said
    assert "No mixed model: at no visit do all arms have 2 subjects" in said


def test_a_baseline_that_does_not_vary_is_no_covariate():
    rows = [(*row[:4], 5.0 if row[3] == "Baseline" else row[4]) for row in made_up(np.random.default_rng(9))]
    model = fit_model(table_of(rows))
    assert not model.slopes and model.df == 38
    assert any("not adjusted for baseline" in note for note in model.notes)


def test_error_of_measurement_is_the_noise_of_a_side():
    table = table_of(made_up(np.random.default_rng(12), subjects=120, of_visit=0.3))
    both, residual = measurement_lines(table, fit_model(table))
    assert residual.sem == pytest.approx(0.4, abs=0.05)
    assert both.sem == pytest.approx(0.5, abs=0.05) and "share at a visit" in both.source
    assert residual.detectable_side == pytest.approx(1.96 * 2**0.5 * residual.sem)
    assert residual.detectable_mean == pytest.approx(residual.detectable_side / 2**0.5)


def test_error_of_measurement_by_retakes():
    table = dataclasses.replace(
        table_of(made_up(np.random.default_rng(1))), retakes=((4.0, 5.0), (3.0, 3.0), (6.0, 5.0, 4.0))
    )
    (line,) = measurement_lines(table, None)
    assert line.sem == pytest.approx(
        (2.5 / 4) ** 0.5
    )  # sums of squares 0.5, 0 and 2 on 1, 1 and 2 degrees of freedom
    assert "3 sides" in line.source


def test_responders_are_better_by_the_threshold_in_the_mean_of_their_sides():
    rows = []
    for subject, arm, left, right in (
        ("a", "V", 1.0, 1.0),
        ("b", "V", 0.5, 1.0),
        ("c", "A", 2.0, 0.5),
        ("d", "A", 0.1 + 0.2, 1.7),
    ):
        for side, change in (("left", left), ("right", right)):
            rows += [(subject, arm, side, "Baseline", 5.0), (subject, arm, side, "Week 4", 5.0 - change)]
    table = table_of(rows, ("Baseline", "Week 4"), ("V", "A"))
    assert [line.responders for line in responder_lines(table)] == [1, 2]
    assert [line.responders for line in responder_lines(table, 0.75)] == [2, 2]
    assert responder_lines(table)[1].difference.value == 0.5


# --- reading ---------------------------------------------------------------------------------------------------


def write(path, *rows):
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
        return path

    import openpyxl

    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def to_half(grade):
    return float(np.clip(np.round(2 * grade) / 2, 0, 9))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A trial of 40 subjects: grades long and wide, as results of the toolkit, and arms."""
    folder = tmp_path_factory.mktemp("trial")
    rows = [(*row[:4], to_half(row[4])) for row in made_up(np.random.default_rng(1))]
    write(
        folder / "grades.xlsx",
        ("SUBJID", "side", "VISIT", "Grade"),
        *((r[0], r[2], r[3], r[4]) for r in rows),
    )
    arms = {row[0]: row[1] for row in rows}
    write(
        folder / "arms.xlsx",
        ("A title",),
        (),
        ("Subject No.", "Age", "Treatment arm"),
        *((int(s[1:]), 40, a) for s, a in arms.items()),
    )
    by_side = {}
    for subject, _, side, visit, grade in rows:
        by_side.setdefault((subject, side), {})[visit] = grade
    write(
        folder / "wide.csv",
        ("Subject No.", "Side of Face", *VISITS),
        *((s, side, *(here[v] for v in VISITS)) for (s, side), here in by_side.items()),
    )
    write(
        folder / "two.csv", ("file", "Expert 1", "Expert 2"),
        *((file_name(row), row[4], to_half(row[4] + 1)) for row in rows),
    )  # fmt: skip
    results = [
        PhotoGrade(
            file_name(row), PhotoFacts(row[0], row[2], row[3]), grade=None if n == 1 else row[4] + 0.013
        )
        for n, row in enumerate(rows)
        if row[4] < 8.9
    ]
    write_results(folder / "results.xlsx", results, {}, {"model": "test"})
    return folder


def file_name(row):
    return f"{row[0]}_FACE_{row[2][0].upper()}_S00_V00D00W{int(row[3].split()[-1]) if ' ' in row[3] else 0:02}.jpg"


def toolkit(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_layouts_of_grades_give_the_same_trial(folder):
    reading = Reading(arms=folder / "arms.xlsx")
    tables = [read_trial(folder / name, reading) for name in ("grades.xlsx", "wide.csv")]
    tables.append(
        read_trial(folder / "two.csv", dataclasses.replace(reading, columns=[("grade", "Expert 1")]))
    )
    for table in tables:
        assert table.arms == ("Vehicle", "Active") and table.visits == VISITS and table.baseline == "Baseline"
        assert table.grades == tables[0].grades and len(table.grades) == 320
        assert any("joined by number alone" in note for note in table.notes)
    other = read_trial(folder / "two.csv", dataclasses.replace(reading, columns=[("grade", "Expert 2")]))
    assert other.grades != tables[0].grades and other.grader == "Expert 2, two.csv"


def test_results_of_the_toolkit_are_read_unrounded_and_known_as_such(folder):
    table = read_trial(folder / "results.xlsx", Reading(arms=folder / "arms.xlsx"))
    assert table.machine and table.grades[0].grade % 0.5 == pytest.approx(0.013)
    kinds = {gap.kind for gap in table.gaps}
    assert {"row without a grade", "missing visit"} <= kinds
    (missing,) = [gap for gap in table.gaps if gap.kind == "missing visit" and gap.subject == "P001"]
    assert (missing.side, missing.visit) == ("left", "Week 4")


def test_several_photographs_of_a_side_and_visit_are_averaged(tmp_path):
    rows = [(f"{s}_FACE_L_S{n:02}_V00D00W{week:02}.jpg", grade) for s in ("P1", "P2", "P3")
            for week, pair in ((0, (4, 5)), (4, (3, 3))) for n, grade in enumerate(pair)]  # fmt: skip
    table = read_trial(write(tmp_path / "g.csv", ("file", "grade"), *rows))
    assert [(one.visit, one.grade, one.photos) for one in table.grades[:2]] == [
        ("Baseline", 4.5, 2),
        ("Week 4", 3.0, 2),
    ]
    assert table.arms == (ALL,) and len(table.retakes) == 6
    assert any("several photographs: averaged" in note for note in table.notes)


def test_of_a_review_the_readers_grades_are_taken(tmp_path):
    header = (
        "photo",
        "subject",
        "side",
        "visit",
        "toolkit",
        "verdict",
        "grade",
        "reader",
        "comment",
        "reviewed_at",
    )
    rows = [
        (
            file_name((f"P{n}", "", "left", visit)),
            f"P{n}",
            "left",
            visit,
            4.2,
            "corrected",
            3 + n % 3,
            "Dr X",
            "",
            "",
        )
        for n in range(1, 9)
        for visit in ("Baseline", "Week 4")
    ]
    table = read_trial(write(tmp_path / "review.csv", header, *rows))
    assert table.grader == "Dr X, review.csv" and not table.machine
    assert {one.grade for one in table.grades} == {3.0, 4.0, 5.0}
    assert any("anchoring" in note for note in table.notes)


@pytest.mark.parametrize(
    "heading", ["arm", "Group", "TRT", "Treatment", "treatment arm", "TRT01P", "Study Arm"]
)
def test_headings_of_arms_are_recognised(tmp_path, heading):
    rows = read_arms(
        write(tmp_path / "a.csv", ("Subject ID", "Sex", heading), ("P1", "f", "A"), ("P2", "m", ""))
    )
    assert [(row.subject, row.arm) for row in rows] == [("P1", "A"), ("P2", "")]


def test_other_headings_of_arms_are_named(tmp_path, folder):
    path = write(
        tmp_path / "a.csv", ("Volunteer", "Cream"), *((f"P{n:03}", "AB"[n % 2]) for n in range(1, 41))
    )
    said = toolkit(
        "trial",
        folder / "grades.xlsx",
        "--arms",
        path,
        "--arm-column",
        "subject=Volunteer",
        "--arm-column",
        "arm=cream",
    )
    assert said.exit_code == 0, said.output
    assert "reference: A" in said.output


def test_who_has_no_arm_or_no_grades_is_named(tmp_path, folder):
    rows = [(f"P{n:03}", "Vehicle" if n % 2 else "active ") for n in range(1, 39)]
    rows += [("P039", ""), ("P077", "Active"), ("P078", "Third")]
    table = read_trial(
        folder / "grades.xlsx", Reading(arms=write(tmp_path / "a.csv", ("Subject", "Arm"), *rows))
    )
    gaps = {(gap.kind, gap.subject or gap.arm) for gap in table.gaps}
    assert gaps == {
        ("subject without an arm", "P039"), ("subject without an arm", "P040"), ("subject without grades", "P077"),
        ("subject without grades", "P078"), ("arm without grades", "Third"),
    }  # fmt: skip
    assert len(table.arm_of) == 38 and set(table.arms) == {"Vehicle", "active"}
    said = analyse(table).text()
    assert "subject without an arm, left out: 2 (P039, P040)" in said
    assert "arm without grades, left out: 1 (Third)" in said


def test_the_reference_is_the_placebo_or_the_first_or_the_one_that_is_named():
    assert ordered_arms(["B", "a", "Placebo cream"], None) == ("Placebo cream", "a", "B")
    assert ordered_arms(["Serum", "VEHICLE"], None)[0] == "VEHICLE"
    assert ordered_arms(["uncontrolled", "Active"], None)[0] == "Active"
    assert ordered_arms(["B", "a"], None) == ("a", "B")
    assert ordered_arms(["B", "a"], "b") == ("B", "a")
    with pytest.raises(GradesError, match="--reference c: no arm with grades has that name: use one of a, B"):
        ordered_arms(["B", "a"], "c")


def test_visits_stand_in_order_of_time():
    assert in_order(["Week 12", "Month 1", "Baseline", "Day 7", "Week 2", "Screening"]) == (
        ("Screening", "Baseline", "Day 7", "Week 2", "Month 1", "Week 12"), "",
    )  # fmt: skip
    assert in_order(["Visit 10", "Visit 2", "Baseline"])[0] == ("Baseline", "Visit 2", "Visit 10")
    order, remark = in_order(["Baseline", "End", "Week 4"])
    assert order == ("Baseline", "Week 4", "End") and remark.startswith("the time of End is not known")
    assert chosen_baseline(("Visit 1", "Visit 2"), None) == "Visit 1"
    assert chosen_baseline(("Screening", "Baseline", "Week 4"), "wk 4") == "Week 4"
    assert [planned_day(visit) for visit in ("Baseline", "Week 4", "Day 3", "Month 1", "End")] == [
        1,
        29,
        4,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("none.xlsx", "there is no such file"),
        ("grades.xlsx --arms none.csv", "none.csv: there is no such file: check its path"),
        (
            "grades.xlsx --arms grades.xlsx",
            r"no row reads as the header of a table of arms; its headings are: SUBJID",
        ),
        ("grades.xlsx --arms others.csv", r"none of its subjects \(X1, X2\) has a grade"),
        ("grades.xlsx --arms twice.csv", r"row 3 puts P001 in 'B', row 2 in 'A': keep one arm per subject"),
        ("grades.xlsx --arms both.csv", "columns 'Arm' and 'Group' both look like the arm"),
        ("grades.xlsx --arms nobody.csv", "row 2: has an arm but no subject"),
        ("grades.xlsx --arms empty.csv", "no row holds a subject"),
        (
            "grades.xlsx --arms arms.xlsx --arm-column arm=Absent",
            "no column 'Absent' for arm: check the spelling of --arm-column arm=Absent",
        ),
        ("grades.xlsx --arms arms.xlsx --arm-column dose=Age", "'dose' is none of subject, arm, sheet"),
        ("grades.xlsx --arms arms.xlsx --arm-column Age", "--arm-column Age: write it as role=name"),
        ("grades.xlsx --arm-column arm=Age", "--arm-column names a column of --arms"),
        ("grades.xlsx --reference Vehicle", "--reference names an arm: give the table of arms"),
        ("grades.xlsx --arms arms.xlsx --reference C", "no arm with grades has that name"),
        ("grades.xlsx --baseline wk3", "--baseline wk3: there is no such visit: use one of Baseline, Week 4"),
        ("grades.xlsx --column grade=Nothing", "no column 'Nothing' for grade"),
        ("two.csv --column", None),
        ("two.csv", "no row reads as the header"),
        ("two.csv --column grade=Expert_1 --column grade=Expert_2", "holds several graders"),
        ("novisit.csv", "no row with a grade tells its visit"),
        ("nosubject.csv", "no row with a grade tells its subject"),
        ("grades.xlsx --responder 0", "--responder 0: must be over 0"),
        ("grades.xlsx --power 1", "--power 1: must be between"),
        ("grades.xlsx --effect nan", "--effect nan: must be over 0"),
        ("grades.xlsx --out t.csv", "results are written as .xlsx"),
        ("grades.xlsx --report t.pdf", "results are written as .html"),
        ("grades.xlsx --long t.xlsx", "results are written as .csv"),
        ("grades.xlsx --long t.csv --redcap t.csv", "is named for two outputs"),
        ("grades.xlsx --out grades.xlsx --overwrite", "would overwrite an input"),
        ("grades.xlsx --arms arms.xlsx --out arms.xlsx --overwrite", "would overwrite an input"),
        ("wide.csv --long wide.csv --overwrite", "would overwrite an input"),
    ],
)
def test_what_cannot_be_done_is_one_line_that_names_the_fix(folder, monkeypatch, arguments, reason):
    if reason is None:
        assert toolkit("trial", *arguments.split()).exit_code == 2
        return
    write(folder / "others.csv", ("subject", "arm"), ("X1", "A"), ("X2", "B"))
    write(folder / "twice.csv", ("subject", "arm"), ("P001", "A"), ("p 1", "B"))
    write(folder / "both.csv", ("subject", "Arm", "Group"), ("P001", "A", "B"))
    write(folder / "nobody.csv", ("subject", "arm"), ("", "A"))
    write(folder / "empty.csv", ("subject", "arm"), ("", ""))
    write(folder / "novisit.csv", ("subject", "side", "grade"), ("P001", "left", 4))
    write(folder / "nosubject.csv", ("file", "grade"), ("a.jpg", 4))
    monkeypatch.chdir(folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    error = toolkit("trial", *(word.replace("Expert_", "Expert ") for word in arguments.split())).exception
    with pytest.raises(ToolkitError, match=reason):
        raise error
    assert "\n" not in str(error)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


# --- outputs ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def done(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    said = toolkit(
        *("trial", folder / "grades.xlsx", "--arms", folder / "arms.xlsx", "--out", out / "t.xlsx"),
        *("--report", out / "t.html", "--long", out / "long.csv", "--redcap", out / "redcap.csv"),
    )
    assert said.exit_code == 0, said.output
    return said.output, out


def opened(path):
    import openpyxl

    return openpyxl.load_workbook(path)


def sheet(path, title):
    rows = list(opened(path)[title].iter_rows(values_only=True))
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def rows_of(path):
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_the_terminal_says_what_was_found(done):
    said, out = done
    assert "320 grades of 40 subjects: Vehicle 20, Active 20; reference: Vehicle; baseline: Baseline" in said
    for words in ("At Week 12 the change is -", "on Active and -", "mixed model, adjusted for baseline",
                  "better than at Baseline by 1 grade or more", "subjects per arm at 80 % power", "SEM",
                  "Not validated for regulatory submission", "estimates with error", f"Workbook: {out / 't.xlsx'}",
                  f"Page: {out / 't.html'}"):  # fmt: skip
        assert words in said
    assert "\x1b" not in said


def test_the_workbook_has_its_sheets_and_a_meaning_for_every_column(done):
    book = opened(done[1] / "t.xlsx")
    assert book.sheetnames == SHEETS == list(COLUMNS)
    meanings = {
        (row["sheet"], row["column"]): row["meaning"] for row in sheet(done[1] / "t.xlsx", "Dictionary")
    }
    for title in SHEETS:
        for cell in next(book[title].iter_rows(max_row=1)):
            assert len(meanings.pop((title, cell.value))) > 2
    assert not meanings


def test_figures_of_the_workbook_are_those_of_the_functions(done, folder):
    path = done[1] / "t.xlsx"
    found = analyse(read_trial(folder / "grades.xlsx", Reading(arms=folder / "arms.xlsx")))
    for row, line in zip(sheet(path, "Visits"), found.lines, strict=True):
        assert (row["visit"], row["arm"], row["subjects"], row["sides"]) == (
            line.visit,
            line.arm,
            line.subjects,
            line.sides,
        )
        assert (row["mean"], row["sd"]) == pytest.approx((line.mean.value, line.sd))
        if line.difference:
            assert (row["difference_lower"], row["p"]) == pytest.approx(
                (line.difference.lower, line.difference.p)
            )
    model = sheet(path, "Model")
    means = [row for row in model if row["kind"] == "least-squares mean"]
    assert [row["estimate"] for row in means] == pytest.approx(
        [line.mean.value for line in found.model.lines]
    )
    assert {row["kind"] for row in model} == {
        "least-squares mean",
        "difference",
        "slope",
        "standard deviation",
    }
    shares = sheet(path, "Responders")
    assert [row["responders"] for row in shares] == [line.responders for line in found.responders]
    run = {row["item"]: row["value"] for row in sheet(path, "Run")}
    assert run["grades"] == "grades.xlsx" and len(run["arms, sha256"]) == 64 and "statsmodels" in run
    summary = sheet(path, "Summary")
    assert summary[0]["value"].startswith("At Week 12 the change is")
    assert any("Not validated for regulatory submission" in str(row["value"]) for row in summary)


def test_the_long_table_has_the_names_of_cdisc(done):
    rows = rows_of(done[1] / "long.csv")
    assert list(rows[0]) == list(LONG_COLUMNS) and len(rows) == 320
    first, second = rows[:2]
    assert (first["USUBJID"], first["ARM"], first["VISIT"], first["LAT"]) == (
        "P001",
        "Vehicle",
        "Baseline",
        "LEFT",
    )
    assert (first["ABLFL"], first["CHG"], first["VISITDY"], first["AVISITN"]) == ("Y", "", "1", "0")
    assert first["AVAL"] == first["BASE"] and first["STUDYID"] == ""
    assert (second["PARAMCD"], second["ABLFL"], second["VISITDY"]) == ("MHYP", "", "29")
    assert float(second["CHG"]) == pytest.approx(float(second["AVAL"]) - float(second["BASE"]))


def test_the_table_for_redcap_has_a_row_a_visit_and_a_column_a_side(done):
    rows = rows_of(done[1] / "redcap.csv")
    assert (
        list(rows[0]) == ["record_id", "redcap_event_name", "grade_left", "grade_right"] and len(rows) == 160
    )
    assert [row["redcap_event_name"] for row in rows[:4]] == [
        "baseline_arm_1", "week_4_arm_1", "week_8_arm_1", "week_12_arm_1",
    ]  # fmt: skip
    assert event_name("End of Study (ET)") == "end_of_study_et_arm_1"


class Parsed(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.texts, self.policy = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append(tag)
        self.addresses += [given[name] for name in ("src", "href", "data", "action") if name in given]
        self.addresses += [name for name in given if name.startswith("on")]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_is_one_file_that_runs_and_fetches_nothing(done):
    text = (done[1] / "t.html").read_text(encoding="utf-8")
    page = Parsed(text)
    assert not {"script", "iframe", "object", "link", "form"} & set(page.tags)
    assert page.policy.startswith("default-src 'none'")
    assert len(page.addresses) == page.tags.count("img") == 3
    assert all(address.startswith("data:image/svg+xml;base64,") for address in page.addresses)
    words = " ".join(" ".join(page.texts).split())
    for told in ("Not validated for regulatory submission", "estimates with error", "At Week 12 the change is",
                 "missing at random", "unstructured covariance", "Wilson", "Newcombe"):  # fmt: skip
        assert told in words
    assert "{{" not in text and "None" not in words


def test_one_json_object_holds_all_figures(folder):
    said = toolkit("trial", folder / "grades.xlsx", "--arms", folder / "arms.xlsx", "--json")
    record = json.loads(said.output)
    assert record["arms"] == ["Vehicle", "Active"] and record["subjects"] == 40
    assert record["model"]["lines"][1]["difference"]["p"] > 0
    assert set(record["model"]["sds"]) >= {"subject", "residual"}
    assert record["sample_size"]["per_arm"] > 1 and len(record["findings"]) >= 3


def test_hostile_names_stay_text(tmp_path):
    rows, arms = [], []
    for number in range(12):
        subject, arm = (HOSTILE if number == 0 else f"+{number}"), ("_<b>$x$" if number % 2 else HOSTILE)
        arms.append((subject, arm))
        for week in ("Baseline", "=1+1", "<img src=x onerror=y>"):
            rows += [(subject, side, week, (number * 7 + len(week)) % 18 / 2) for side in ("left", "right")]
    grades = write(tmp_path / "g.xlsx", ("subject", "side", "visit", "grade"))
    import openpyxl

    book = openpyxl.load_workbook(grades)
    for row in rows:
        book.active.append(row)
        for cell in book.active[book.active.max_row]:
            cell.data_type = "s" if isinstance(cell.value, str) else cell.data_type
    book.save(grades)
    table = write(
        tmp_path / "a.csv", ("subject", "arm"), *(("'" + s, a if a[0] != "=" else "'" + a) for s, a in arms)
    )
    out = tmp_path / "o"
    said = toolkit(
        *("trial", grades, "--arms", table, "--out", out / "t.xlsx", "--report", out / "t.html"),
        *("--long", out / "l.csv", "--redcap", out / "r.csv"),
    )
    assert said.exit_code == 0, (said.output, said.exception)
    for one in opened(out / "t.xlsx"):
        assert all(cell.data_type != "f" for row in one.iter_rows() for cell in row)
    text = (out / "t.html").read_text(encoding="utf-8")
    assert not {"script", "b"} & set(Parsed(text).tags) and Parsed(text).tags.count("img") == 3
    assert not any(name.startswith("on") for name in Parsed(text).addresses)
    for path in (out / "l.csv", out / "r.csv"):
        with path.open(newline="", encoding="utf-8-sig") as file:
            assert not any(cell[:1] in ("=", "+", "@") for row in csv.reader(file) for cell in row)


def test_outputs_are_made_again_but_not_over_an_edit(folder, tmp_path):
    paths = {"--out": "t.xlsx", "--report": "t.html", "--long": "l.csv", "--redcap": "r.csv"}
    named = [text for option, name in paths.items() for text in (option, tmp_path / name)]
    call = ["trial", folder / "grades.xlsx", "--arms", folder / "arms.xlsx", *named]
    assert toolkit(*call).exit_code == 0 and toolkit(*call).exit_code == 0
    for name in ("l.csv", "r.csv"):
        path = tmp_path / name
        edited = path.read_text(encoding="utf-8-sig").replace("P001", "P901")
        path.write_text(edited, encoding="utf-8-sig")
        error = toolkit(*call).exception
        assert isinstance(error, ToolkitError) and "was edited since" in str(error)
        assert toolkit(*call, "--overwrite").exit_code == 0
        assert "P901" not in path.read_text(encoding="utf-8-sig")


def test_an_export_of_redcap_itself_is_not_replaced(folder, tmp_path):
    own = write(
        tmp_path / "r.csv", ("record_id", "redcap_event_name", "grade_left"), ("1", "baseline_arm_1", "4")
    )
    error = toolkit("trial", folder / "grades.xlsx", "--redcap", own).exception
    assert isinstance(error, ToolkitError) and "is not what this command wrote" in str(error)


def test_questions_out_of_bounds_are_refused():
    with pytest.raises(ToolkitError, match="--power 2"):
        Questions(power=2)


def test_the_module_loads_nothing_heavy():
    code = (
        "import sys, toolkit.trial\n"
        "print(sorted({n.split('.')[0] for n in sys.modules} & {'scipy', 'pandas', 'openpyxl', 'statsmodels', "
        "'patsy', 'matplotlib', 'jinja2', 'cv2', 'tensorflow'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[1]
    )
    assert done.stdout.strip() == "[]", done.stderr
