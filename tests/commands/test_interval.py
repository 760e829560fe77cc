"""Prediction intervals: as often right as they say, wider where grading is harder, and never absurd."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from toolkit.blend import DIFFICULTY, Blend, Interval, RisingCurve, TableBlend, conformal_half_width
from toolkit.errors import ModelError
from toolkit.settings import BlendSettings

WIDTH = len(DIFFICULTY)
HARD = DIFFICULTY.index("disagreement")  # the figure that tells how hard a photo is, in these studies


def residuals_of(rng, subjects, photos=4, steepness=0.6):
    """(residuals, difficulty, subjects): errors grow with one figure of difficulty, which is partly the
    subject's own, as are the errors; the other figures say nothing."""
    owner = np.repeat(np.arange(subjects), photos)
    difficulty = rng.normal(0, 1, (len(owner), WIDTH))
    difficulty[:, HARD] = 0.7 * rng.standard_normal(subjects)[owner] + 0.7 * difficulty[:, HARD]
    noise = 0.6 * rng.standard_normal(subjects)[owner] + 0.8 * rng.standard_normal(len(owner))
    return 0.5 * np.exp(steepness * difficulty[:, HARD]) * noise, difficulty, owner


def fitted(seed=0, subjects=60, coverage=0.9, **options):
    return Interval.fit(*residuals_of(np.random.default_rng(seed), subjects, **options), coverage)


# --- as often right as it says


@pytest.fixture(scope="module")
def trials():
    """Twelve studies: whether photos of new subjects lie inside, how hard they are, how wide the intervals."""
    inside, hardness, widths, constant = [], [], [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        residuals, difficulty, owner = residuals_of(rng, 60)
        half_width = Interval.fit(residuals, difficulty, owner, 0.9).half_width
        new, new_difficulty, _ = residuals_of(rng, 400, photos=1)
        inside.append(np.abs(new) <= half_width(new_difficulty))
        constant.append(np.abs(new) <= conformal_half_width(residuals, owner, 0.9))
        hardness.append(new_difficulty[:, HARD])
        widths.append(half_width(new_difficulty))
    return [np.concatenate(parts) for parts in (inside, hardness, widths, constant)]


def test_nine_of_ten_new_subjects_lie_inside(trials):
    assert 0.88 < trials[0].mean() < 0.94


def test_hard_photos_are_not_left_out_as_with_one_width_for_all(trials):
    inside, hardness, _, constant = trials
    easy, hard = (hardness < np.quantile(hardness, 0.3)), (hardness > np.quantile(hardness, 0.7))
    assert constant[hard].mean() < 0.8 < inside[hard].mean()
    gap, constant_gap = (found[easy].mean() - found[hard].mean() for found in (inside, constant))
    assert -0.05 < gap < 0.7 * constant_gap


def test_harder_photos_have_wider_intervals(trials):
    _, hardness, widths, _ = trials
    assert widths[hardness > 1].mean() > 1.7 * widths[hardness < -1].mean()


@pytest.mark.parametrize("coverage", [0.6, 0.8, 0.95])
def test_the_coverage_aimed_at_is_met(coverage):
    inside = []
    for seed in range(8):
        half_width = fitted(seed, coverage=coverage).half_width
        new, difficulty, _ = residuals_of(np.random.default_rng(100 + seed), 400, photos=1)
        inside.append(np.mean(np.abs(new) <= half_width(difficulty)))
    assert coverage - 0.03 < np.mean(inside) < coverage + 0.05


def test_the_width_rises_with_what_is_hard_and_with_nothing_else():
    interval = fitted()
    steps = np.linspace(-2, 2, 9)
    for column in range(WIDTH):
        rows = np.tile(np.array(interval.centre), (9, 1))
        rows[:, column] += steps * interval.scale[column]
        widths = interval.half_width(rows)
        if column == HARD:
            assert (np.diff(widths) > 0).all() and widths[-1] > 2 * widths[0]
        else:
            assert np.ptp(widths) < 0.4 * widths[4]


def test_errors_that_nothing_foretells_have_nearly_one_width():
    interval = fitted(steepness=0.0, subjects=150)
    _, difficulty, _ = residuals_of(np.random.default_rng(1), 200)
    widths = interval.half_width(difficulty)
    assert widths.std() < 0.15 * widths.mean()


# --- never absurd


figures = st.one_of(st.floats(-1e6, 1e6), st.just(np.nan), st.just(np.inf), st.just(-np.inf))


@hypothesis_settings(max_examples=100)
@given(arrays(float, (3, WIDTH), elements=figures), st.floats(-5, 5))
def test_no_interval_is_far_from_the_usual(difficulty, weight):
    weights = tuple(weight * w for w in (1.0, -1.0, 0.5, 0.0, 2.0, 0.3, -0.7))
    interval = Interval(2.2, 0.7, (0.0,) * WIDTH, (1.0,) * WIDTH, weights, 5.0)
    widths = interval.half_width(difficulty)
    assert widths.shape == (3,) and np.isfinite(widths).all()
    assert (widths >= 2.2 * 0.7 * 0.5 - 1e-9).all() and (widths <= 2.2 * 0.7 * 2.5 + 1e-9).all()


def test_a_model_of_before_has_fewer_figures_of_difficulty():
    known = Interval(2.0, 0.7, (0.0,) * WIDTH, (1.0,) * WIDTH, (0.1,) * (WIDTH - 1) + (0.0,), 5.0)
    before = Interval(2.0, 0.7, (0.0,) * (WIDTH - 1), (1.0,) * (WIDTH - 1), (0.1,) * (WIDTH - 1), 5.0)
    rows = np.random.default_rng(1).normal(size=(5, WIDTH))
    np.testing.assert_allclose(before.half_width(rows), known.half_width(rows))


def test_both_limits_are_reached():
    interval = Interval(2.0, 0.7, (0.0,) * WIDTH, (1.0,) * WIDTH, (1.0,) * WIDTH, 5.0)
    widths = interval.half_width(np.array([[-9.0] * WIDTH, [0.0] * WIDTH, [9.0] * WIDTH]))
    np.testing.assert_allclose(widths, [0.7, 1.4, 3.5])


def test_the_unknown_counts_as_usual():
    interval = fitted()
    usual = interval.factor * interval.usual
    assert interval.half_width(np.full((1, WIDTH), np.nan))[0] == pytest.approx(usual)
    assert interval.half_width(np.array([interval.centre]))[0] == pytest.approx(usual)
    hard = np.full((1, WIDTH), np.nan)
    hard[0, HARD] = interval.centre[HARD] + 2 * interval.scale[HARD]
    assert interval.half_width(hard)[0] > 1.3 * usual


def test_difficulty_unknown_for_some_photos_or_for_all_does_not_disturb():
    residuals, difficulty, owner = residuals_of(np.random.default_rng(2), 60)
    whole = Interval.fit(residuals, difficulty, owner, 0.9)
    holes = difficulty.copy()
    holes[::7, HARD] = np.nan
    holes[:, 0] = np.nan  # no photo has any reference
    holes[3, 1] = np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        patchy = Interval.fit(residuals, holes, owner, 0.9)
        widths = patchy.half_width(holes)
    assert np.isfinite(widths).all() and patchy.weights[0] == 0
    assert patchy.weights[HARD] == pytest.approx(whole.weights[HARD], rel=0.3)
    assert widths.mean() == pytest.approx(whole.half_width(difficulty).mean(), rel=0.2)


def test_one_wild_figure_does_not_set_the_others_widths():
    residuals, difficulty, owner = residuals_of(np.random.default_rng(2), 60)
    one_more = [np.append(residuals, 0.1), np.vstack([difficulty, np.full(WIDTH, 4.0)]), np.append(owner, 60)]
    before, after = (
        Interval.fit(*study, 0.9).half_width(difficulty)
        for study in ((residuals, difficulty, owner), one_more)
    )
    assert after.mean() == pytest.approx(before.mean(), rel=0.05)


@pytest.mark.parametrize("photos", [1, 3, 6])
def test_few_photos_give_one_width(photos):
    residuals, difficulty, owner = residuals_of(np.random.default_rng(3), 6, photos)
    interval = Interval.fit(residuals, difficulty, owner, 0.9)
    assert interval.weights == (0.0,) * WIDTH
    widths = interval.half_width(np.random.default_rng(0).normal(0, 9, (50, WIDTH)))
    assert widths == pytest.approx(widths[0])
    assert 0.4 * np.abs(residuals).max() < widths[0] < 3 * np.abs(residuals).max()


def test_a_single_subject_has_the_largest_error_as_its_width():
    residuals, difficulty = np.array([0.4, -0.4]), np.zeros((2, WIDTH))
    interval = Interval.fit(residuals, difficulty, np.array(["a", "a"]), 0.9)
    assert interval.half_width(difficulty) == pytest.approx(0.4)


def test_no_error_at_all_is_not_believed():
    interval = Interval.fit(np.zeros(30), np.zeros((30, WIDTH)), np.arange(30), 0.9)
    assert np.isfinite(interval.half_width(np.ones((1, WIDTH)))).all() and interval.usual == 0.05


def test_fitting_repeats_and_does_not_depend_on_the_order():
    residuals, difficulty, owner = residuals_of(np.random.default_rng(4), 30)
    first, again = (Interval.fit(residuals, difficulty, owner, 0.9, seed=1) for _ in range(2))
    assert first == again
    order = np.random.default_rng(0).permutation(len(owner))
    mixed = Interval.fit(residuals[order], difficulty[order], owner[order], 0.9, seed=1)
    assert mixed.factor == pytest.approx(first.factor, rel=0.05)
    np.testing.assert_allclose(mixed.weights, first.weights, atol=1e-9)


# --- what is far


def test_far_is_where_hardly_any_known_photo_lies():
    residuals, difficulty, owner = residuals_of(np.random.default_rng(5), 50)
    column = DIFFICULTY.index("reference_distance")
    difficulty[:, column] = np.arange(200.0)
    assert Interval.fit(residuals, difficulty, owner, 0.9).far == pytest.approx(197.01)
    difficulty[100:, column] = np.nan
    assert Interval.fit(residuals, difficulty, owner, 0.9).far == pytest.approx(98.01)
    difficulty[:, column] = np.nan
    assert Interval.fit(residuals, difficulty, owner, 0.9).far == np.inf


# --- saving


@pytest.fixture(scope="module")
def blend():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(40, 2))
    patch = TableBlend.fit(
        ("a", "b"),
        table,
        table[:, 0] + 4,
        np.arange(40) // 2,
        settings=BlendSettings(trees=3, min_child=5),
        seed=0,
    )
    return Blend(patch, RisingCurve(0.1, 1.2), (0.5, 0.25, 0.25), fitted())


@pytest.mark.parametrize("far", [None, np.inf])
def test_saved_and_loaded_it_gives_the_same_widths(blend, tmp_path, far):
    interval = blend.interval if far is None else replace(blend.interval, far=far)
    replace(blend, interval=interval).save(tmp_path)
    loaded = Blend.load(tmp_path).interval
    assert loaded == interval
    difficulty = np.random.default_rng(6).normal(0, 3, (20, WIDTH))
    np.testing.assert_array_equal(loaded.half_width(difficulty), interval.half_width(difficulty))


@pytest.mark.parametrize("key", ["factor", "usual", "centre", "scale", "weights", "far"])
def test_an_interval_without_one_of_its_parts_is_refused(blend, tmp_path, key):
    blend.save(tmp_path)
    raw = json.loads((tmp_path / "blend.json").read_text())
    del raw["interval"][key]
    (tmp_path / "blend.json").write_text(json.dumps(raw))
    with pytest.raises(ModelError, match=key):
        Blend.load(tmp_path)
