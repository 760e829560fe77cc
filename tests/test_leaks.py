"""Nothing that grades a photograph has learnt from it: each way in which that could fail, tried directly.

The grades of one fold are changed, and what was said of that fold out of fold must stay as it was.
"""

from dataclasses import replace

import numpy as np
import pytest
from made_up_study import SETTINGS, spots_make_the_grade, study, trunk

from toolkit import training
from toolkit.blend import DIFFICULTY, Interval, TableBlend, conformal_half_width, out_of_fold
from toolkit.evaluate import methods
from toolkit.evaluate.methods import METHODS, Context
from toolkit.evaluate.study import MeasuredStudy
from toolkit.index import class_of
from toolkit.phototable import PhotoTable
from toolkit.records import PhotoFacts
from toolkit.settings import BaselineSettings
from toolkit.study import subject_folds

BRIEFLY = replace(SETTINGS, encoder=replace(SETTINGS.encoder, epochs=2))
COLUMNS = (
    "net_severity",
    "neighbour_distance",
    "neighbour_spread",
    "ita_deg",
    "measured_cm2",
    "useful",
    "noise",
)


@pytest.fixture(scope="module")
def made():
    return study(spots_make_the_grade, subjects=12, visits=2)


@pytest.fixture(scope="module")
def folds(made):
    return subject_folds(list(made.subjects), made.grades, 3, 0)


def known_of(made, seed=0):
    """Figures of sides that tell the grade by halves, so that every share of the blend has something to gain."""
    rng = np.random.default_rng(seed)
    n = len(made.grades)
    severity = -np.log(1 - np.clip(made.grades + rng.normal(0, 1.2, n), 0.1, 8.8) / 9)
    useful = made.grades + rng.normal(0, 0.8, n)
    values = np.column_stack([severity, *rng.random((4, n)), useful, rng.normal(size=n)])
    return training._Known(COLUMNS, values, np.tile(severity[:, None], (1, 4)))


def fitted(made, folds, grades):
    graded = training._GradedTable(
        PhotoTable(made.prepared),
        grades,
        lambda photos: grades,
        made.subjects,
        SETTINGS,
        0,
        lambda *_: None,
        None,
        None,
    )
    return training._fit_blend(graded, known_of(made), folds)


@pytest.mark.parametrize("change", ["other grades", "grades that LightGBM would love"])
def test_the_grades_of_a_fold_do_not_move_what_is_said_of_it(made, folds, change):
    rng = np.random.default_rng(3)
    before = fitted(made, folds, made.grades)
    for _, held in folds:
        grades = made.grades.copy()
        grades[held] = (
            rng.permutation(grades[held]) if change == "other grades" else before.parts[held, 1].clip(0, 9)
        )
        after = fitted(made, folds, grades)
        for name in ("parts", "by_region"):
            np.testing.assert_array_equal(
                getattr(after, name)[held], getattr(before, name)[held], err_msg=name
            )
        # and it was no idle change: the others' answers, and the final blend, have moved
        others = np.setdiff1d(np.arange(len(grades)), held)
        assert not np.allclose(after.parts[others, 0], before.parts[others, 0])
        assert after.blend.curve != before.blend.curve


def test_shares_of_a_fold_are_chosen_on_the_others(made, folds, monkeypatch):
    """Of three shares one is taken, by answers that are out of fold themselves: a fold's own must not be among them."""
    asked = []

    def watching(predictions, grades, subjects):
        asked.append((predictions, grades, subjects))
        return (1.0, 0.0, 0.0)

    monkeypatch.setattr(training, "best_shares", watching)
    out = fitted(made, folds, made.grades)
    everybody = np.arange(len(made.grades))
    for (predictions, grades, subjects), learn in zip(
        asked, [*(learn for learn, _ in folds), everybody], strict=True
    ):
        np.testing.assert_array_equal(predictions, out.parts[learn])
        np.testing.assert_array_equal(grades, made.grades[learn])
        np.testing.assert_array_equal(subjects, made.subjects[learn])


def test_an_interval_is_not_believed_on_the_photographs_that_it_was_fitted_on():
    """Which photographs are hard is told by nothing here; a fit to so few finds reasons all the same, and on its own
    photographs these would hold."""
    wider = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        residuals = rng.standard_t(2, 40)
        difficulty = rng.normal(size=(40, len(DIFFICULTY)))
        subjects = np.repeat(np.arange(20), 2).astype(str)
        found = Interval.fit(residuals, difficulty, subjects, 0.9)
        own = replace(found, factor=1.0).expected_error(difficulty)
        wider.append(found.factor / conformal_half_width(residuals / own, subjects, 0.9))
    assert np.mean(wider) > 1.1


def measured(made, grades):
    """As ``evaluate`` sees a study."""
    n, names = len(grades), tuple(photo.name for photo in made.prepared)
    return MeasuredStudy(
        names, ("0",) * n, tuple(PhotoFacts(name) for name in names), tuple(made.prepared), grades,
        class_of(grades, SETTINGS.index.class_edges).astype(np.intp), made.subjects, np.zeros(n), (), (), BRIEFLY, "", {},
    )  # fmt: skip


@pytest.mark.parametrize("method", ["features", "hybrid"])
def test_what_a_method_says_of_new_people_does_not_hang_on_their_grades(made, folds, method):
    learn, test = folds[0]
    answers = []
    for shift in (0.0, 2.5):
        grades = made.grades.copy()
        grades[test] = np.clip(grades[test] + shift, 0, 9)
        context = Context(measured(made, grades), made.subjects, BaselineSettings(), trunk(), 0)
        answers.append(METHODS[method].run(context, learn, test).answers)
    for part in ("training", "validation", "test"):
        np.testing.assert_array_equal(answers[0][part].grades, answers[1][part].grades, err_msg=part)


def test_a_method_chooses_its_share_on_those_it_may_learn_from(made, folds, monkeypatch):
    asked = []
    monkeypatch.setattr(
        methods, "best_share", lambda boosted, ridge, grades: asked.append((boosted, grades)) or 0.5
    )
    learn, test = folds[0]
    context = Context(measured(made, made.grades), made.subjects, BaselineSettings(), None, 0)
    METHODS["features"].run(context, learn, test)
    ((boosted, grades),) = asked
    np.testing.assert_array_equal(grades, made.grades[learn].repeat(2))  # a cheek and a chin each
    in_sample = TableBlend.fit(
        (table := PhotoTable(made.prepared)).columns, table.values, made.grades[table.photo], table.photo,
        settings=SETTINGS.blend, seed=0,
    ).predict_both(table.columns, table.values)[0][np.isin(table.photo, learn)]  # fmt: skip
    error = np.abs(boosted - grades).mean()
    assert error > 1.5 * np.abs(in_sample - made.grades[table.photo[np.isin(table.photo, learn)]]).mean()


def test_every_row_is_answered_once_and_by_others():
    folds = [(np.array([2, 3]), np.array([0, 1])), (np.array([0, 1]), np.array([3, 2]))]
    told = out_of_fold(folds, lambda learn, held: held * 10 + learn.sum())
    np.testing.assert_array_equal(told, [5, 15, 21, 31])
    with pytest.raises(ValueError, match="no row may be learnt from"):
        out_of_fold(
            [(np.array([0, 1]), np.array([0])), (np.array([0]), np.array([1]))], lambda learn, held: held
        )
    for held in ([0, 0], [1, 2]):
        twice = [(np.array([5]), np.array([one])) for one in held]
        with pytest.raises(ValueError, match="held out by one fold"):
            out_of_fold(twice, lambda learn, held: held)
