"""Graders of known bias, slope, noise and drift are told apart, and what cannot be told is not claimed."""

from dataclasses import replace

import numpy as np
import pytest

from toolkit.agreement.gradermodel import NotToldApartError, fit_graders
from toolkit.phantom import SimulatedGrader, grades_by

A, B, C = SimulatedGrader(0.4, 1.1), SimulatedGrader(-0.2, 0.9, 0.35), SimulatedGrader(-0.2, 1.0, 0.6)
MIDDLE = 3.8


def study(graders, subjects=40, photos=8, seed=0):
    """Latent grades (N,), subjects (N,), times (N,) and grades (N, k)."""
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(subjects), photos)
    latent = np.clip(
        np.repeat(rng.normal(4, 1.1, subjects), photos) + rng.normal(0, 0.4, len(owners)), 0.5, 8
    )
    time = np.tile(np.linspace(0, 1, photos), subjects)
    return latent, owners, time, grades_by(graders, latent, owners.astype(str).tolist(), rng, time=time)


def fitted(graders, time=False, **options):
    latent, owners, times, grades = study(graders, **options)
    at = np.repeat(times[:, None], len(graders), axis=1) if time else None
    return latent, grades, fit_graders(grades, owners, [f"g{j}" for j in range(len(graders))], at)


def rmse(found, truth):
    return float(np.sqrt(np.mean((found - truth) ** 2)))


def test_three_graders_are_told_apart():
    latent, _, model = fitted((A, B, C), seed=2)
    at = latent.mean() - MIDDLE
    for line, grader in zip(model.graders, (A, B, C), strict=True):
        bias = grader.bias + (grader.slope - 1) * at
        noise = np.sqrt(grader.noise**2 + grader.view**2 + 1 / 48)
        for estimate, truth in ((line.bias, bias), (line.slope, grader.slope), (line.noise, noise)):
            assert estimate.value == pytest.approx(truth, abs=0.1)
            assert estimate.lower < truth < estimate.upper
            assert estimate.upper - estimate.lower < 0.2
        assert line.drift is None and line.drift_p is None
    a, b, c = (line.weight for line in model.graders)
    assert 0.1 < c < min(a, b) and a + b + c == pytest.approx(1)
    assert model.told_apart and model.subjects == 40 and model.photos == 320


def test_with_many_photos_it_is_the_closed_form_of_three_graders():
    """Just identified, the likelihood meets the moments: k_a / k_b = cov_ac / cov_bc, s_a^2 = var_a - cov_ab cov_ac / cov_bc."""
    rng = np.random.default_rng(5)
    true = rng.normal(4.5, 1.2, 3000)
    grades = np.column_stack([4 + b + k * (true - 4) + rng.normal(0, s, len(true))
                              for b, k, s in ((0.5, 1.2, 0.5), (-0.3, 0.8, 0.9), (0.1, 1.0, 0.3))])  # fmt: skip
    model = fit_graders(grades, np.arange(len(true)), "abc")
    cov = np.cov(grades.T, bias=True)
    slopes = np.array([1 / cov[1, 2], 1 / cov[0, 2], 1 / cov[0, 1]])
    assert [line.slope.value for line in model.graders] == pytest.approx(3 * slopes / slopes.sum(), abs=5e-3)
    for j, (one, other) in enumerate(((1, 2), (0, 2), (0, 1))):
        noise = np.sqrt(cov[j, j] - cov[j, one] * cov[j, other] / cov[one, other])
        assert model.graders[j].noise.value == pytest.approx(noise, abs=5e-3)
    assert [line.bias.value for line in model.graders] == pytest.approx(
        grades.mean(axis=0) - grades.mean(), abs=5e-3
    )


def test_a_careless_grader_weighs_little_and_the_combined_grade_is_nearer_the_truth():
    latent, grades, model = fitted((A, B, replace(C, noise=1.5)), seed=1)
    combined, error = model.calibration.combined(grades)
    scale = MIDDLE + (latent - MIDDLE)  # biases average 0 and slopes 1
    assert model.graders[2].weight < 0.1
    assert rmse(combined, scale) < 0.75 * rmse(grades.mean(axis=1), scale)
    assert error == pytest.approx(model.error) and model.error < model.mean_error
    assert rmse(combined, scale) == pytest.approx(model.error, rel=0.25)


def test_missing_grades_are_no_harm_and_a_single_grade_is_freed_of_its_graders_bias():
    latent, owners, _, grades = study((A, B, C), seed=2)
    grades[np.random.default_rng(0).random(grades.shape) < 0.4] = np.nan
    grades[:3] = [[5, np.nan, np.nan], [np.nan, np.nan, np.nan], [np.nan, 9, np.nan]]
    model = fit_graders(grades, owners, "abc")
    assert [line.bias.value for line in model.graders] == pytest.approx([0.4, -0.2, -0.2], abs=0.15)
    combined, error = model.calibration.combined(grades)
    a = model.graders[0]
    centre = model.calibration.centre
    assert combined[0] == pytest.approx(centre + (5 - centre - a.bias.value) / a.slope.value)
    assert error[0] == pytest.approx(a.noise.value / a.slope.value)
    assert np.isnan(combined[1]) and np.isnan(error[1]) and combined[2] > 9  # B's slope is under 1
    several = np.isfinite(grades).sum(axis=1) > 1
    assert rmse(combined[several], latent[several]) < rmse(
        np.nanmean(grades[several], axis=1), latent[several]
    )


def test_of_two_graders_only_the_bias_is_told():
    _, grades, model = fitted((A, replace(C, noise=1.5)), seed=3)
    assert not model.told_apart
    difference = (grades[:, 0] - grades[:, 1]).mean()
    first, second = model.graders
    assert (first.bias.value, second.bias.value) == pytest.approx((difference / 2, -difference / 2), abs=0.01)
    assert first.slope.value == second.slope.value == 1 and first.slope.lower is None
    assert first.noise == second.noise and first.weight == second.weight == 0.5
    assert first.noise.value == pytest.approx(np.std(grades[:, 0] - grades[:, 1]) / np.sqrt(2), rel=0.02)
    # A grader who always says 4 would look perfect if noises were told apart here.
    constant = fit_graders(
        np.column_stack([grades[:, 0], np.full(len(grades), 4.0)]), np.repeat(np.arange(40), 8), "ab"
    )
    assert constant.graders[1].weight == 0.5


def test_pairs_in_a_chain_do_not_tell_slopes_from_noise_and_a_cycle_of_three_does():
    _, owners, _, grades = study((A, B, C), seed=4)
    third = np.arange(len(grades)) % 3
    chain, cycle = grades.copy(), grades.copy()
    chain[third == 0, 2], chain[third > 0, 0] = np.nan, np.nan
    for j in range(3):
        cycle[third == j, j] = np.nan
    assert not fit_graders(chain, owners, "abc").told_apart
    assert fit_graders(cycle, owners, "abc").told_apart


def test_a_drift_is_found_and_only_where_there_is_one():
    _, _, steady = fitted((A, B, C), time=True, seed=6)
    assert all(line.drift.lower < 0 < line.drift.upper and line.drift_p > 0.05 for line in steady.graders)
    _, _, model = fitted((replace(A, drift=0.9), B, C), time=True, seed=6)
    assert (
        model.graders[0].drift.lower < 0.6 < model.graders[0].drift.upper
    )  # against the mean of all, which rises by 0.3
    assert model.graders[0].drift_p < 0.001
    assert sum(line.drift.value for line in model.graders) == pytest.approx(0, abs=1e-6)


def test_a_grader_of_few_photos_stays_near_the_others():
    _, owners, _, grades = study((A, B, C, replace(C, bias=2, slope=0.3, noise=2)), seed=7)
    grades[3:, 3] = np.nan
    few = fit_graders(grades, owners, "abcd").graders[3]
    assert few.photos == 3 and 0.7 < few.slope.value < 1.3 and few.noise.value < 1.5
    assert few.slope.upper - few.slope.lower > 0.5 and few.bias.upper - few.bias.lower > 0.5


def test_intervals_allow_for_errors_that_photos_of_one_subject_share():
    view = 0.8
    graders = tuple(replace(one, view=view, noise=0.2) for one in (A, B, C))
    _, owners, _, grades = study(graders, subjects=20, photos=12, seed=8)
    together = fit_graders(grades, owners, "abc").graders[0].bias
    apart = fit_graders(grades, np.arange(len(grades)), "abc").graders[0].bias
    assert together.upper - together.lower > 2 * (apart.upper - apart.lower)


def test_copies_of_a_grader_and_photos_all_alike_end_in_figures():
    _, owners, _, grades = study((A, B), seed=9)
    for columns in ([0, 0], [0, 0, 1], [0, 0, 0]):
        model = fit_graders(grades[:, columns], owners, "abc"[: len(columns)])
        assert np.isfinite([[line.noise.value, line.bias.value, line.weight] for line in model.graders]).all()
        assert model.graders[0].noise.value == pytest.approx(0.06, abs=0.02)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda g: g[:, :1], "there is one grader"),
        (
            lambda g: np.where(np.arange(len(g))[:, None] < 10, g, [[np.nan] * 3]),
            "graded 10 photos of 2 subjects: at least",
        ),
        (lambda g: np.where([[True, True, False]], g, np.nan), "no photo in common"),
        (lambda g: np.full_like(g, 4.0), "all grades are the same"),
    ],
)
def test_what_tells_no_graders_apart_is_refused(change, why):
    _, owners, _, grades = study((A, B, C))
    with pytest.raises(NotToldApartError, match=why):
        fit_graders(change(grades), owners, "abc")


def test_grades_on_another_scale_give_the_same_graders():
    _, owners, times, grades = study((A, B, C), seed=10)
    at = np.repeat(times[:, None], 3, axis=1)
    plain, wide = (fit_graders(x, owners, "abc", at) for x in (grades, 100 + 10 * grades))
    for one, other in zip(plain.graders, wide.graders, strict=True):
        for name, factor in (("bias", 10), ("slope", 1), ("noise", 10), ("drift", 10)):
            for end in ("value", "lower", "upper"):
                got, expected = (getattr(getattr(line, name), end) for line in (other, one))
                assert got == pytest.approx(factor * expected, abs=1e-3)
        assert other.drift_p == pytest.approx(one.drift_p, abs=1e-4)
