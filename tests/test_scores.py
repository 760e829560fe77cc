import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.scores import icc_2_1, noise_floor, score, score_table, trivial_baselines, trivial_predictions
from toolkit.study import subject_folds

# Shrout and Fleiss 1979, table 2: six targets, four judges.
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
# Photos at each grade 0.5, 1, ... 7 of a clinical study.
CLINICAL = np.repeat(np.arange(1, 15) / 2, [10, 19, 76, 148, 196, 348, 261, 452, 379, 285, 108, 87, 18, 16])


def test_icc_is_shrout_and_fleiss():
    assert icc_2_1(SHROUT_FLEISS) == pytest.approx(0.2898, abs=5e-5)


def test_icc_agrees_with_an_analysis_of_variance_written_out():
    """Mean squares from the sums of squares about the grand mean, by loops."""
    x = np.random.default_rng(1).normal(4, 1, (12, 3)) + np.arange(3)
    n, k = x.shape
    grand = x.sum() / (n * k)
    rows = sum(k * (x[i].sum() / k - grand) ** 2 for i in range(n))
    cols = sum(n * (x[:, j].sum() / n - grand) ** 2 for j in range(k))
    total = sum((x[i, j] - grand) ** 2 for i in range(n) for j in range(k))
    bms, jms, ems = rows / (n - 1), cols / (k - 1), (total - rows - cols) / ((n - 1) * (k - 1))
    assert icc_2_1(x) == pytest.approx((bms - ems) / (bms + (k - 1) * ems + k * (jms - ems) / n))


def test_scores_by_hand():
    scores = score([1, 2, 3, 4], [1.5, 2, 2, 6])
    assert scores.n == 4
    assert scores.rmse == pytest.approx(np.sqrt((0.25 + 0 + 1 + 4) / 4))
    assert scores.mae == pytest.approx(3.5 / 4)
    assert scores.bias == pytest.approx(1.5 / 4)
    assert (scores.within_half, scores.within_one) == (0.5, 0.75)
    assert scores.spearman == pytest.approx(0.9486833)  # ranks 1 2 3 4 against 1 2.5 2.5 4
    # weighted disagreement in squared half steps: seen 1 + 0 + 4 + 16, by chance the mean over all pairs
    seen = (1 + 0 + 4 + 16) / 4
    chance = np.mean([(a - b) ** 2 for a in (2, 4, 6, 8) for b in (3, 4, 4, 12)])
    assert scores.kappa == pytest.approx(1 - seen / chance)


def test_perfect_agreement():
    scores = score([0, 4.5, 9], [0, 4.5, 9])
    assert (scores.rmse, scores.bias, scores.within_half, scores.kappa, scores.icc) == (0, 0, 1, 1, 1)
    assert scores.spearman == pytest.approx(1)


def test_a_difference_of_half_a_grade_counts_whatever_its_rounding():
    assert score([0.1 + 0.2, 3.0], [0.8, 2.0]).within_half == 0.5
    assert score([2.3], [1.3 - 1e-12]).within_one == 1


def test_constants_are_defined_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        constant = score([1, 2, 3], [2, 2, 2])
        same = score([2, 2], [2, 2])
        single = score([2], [3])
    assert (constant.kappa, constant.spearman) == (0, None)
    assert constant.icc == pytest.approx(0)
    assert (same.kappa, same.spearman, same.icc, same.rmse) == (None, None, None, 0)
    assert (single.kappa, single.spearman, single.icc, single.rmse) == (None, None, None, 1)


@given(st.lists(st.tuples(st.integers(0, 18), st.floats(-3, 12)), min_size=1, max_size=20))
def test_no_score_is_ever_nan(pairs):
    scores = score([half / 2 for half, _ in pairs], [p for _, p in pairs])
    figures = [value for value in vars(scores).values() if value is not None]
    assert np.isfinite(figures).all()
    assert scores.mae <= scores.rmse + 1e-9 and abs(scores.bias) <= scores.mae + 1e-9
    assert scores.within_half <= scores.within_one


@pytest.mark.parametrize(
    "truth, predicted", [([], []), ([1, 2], [1]), ([1, np.nan], [1, 2]), ([[1, 2]], [[1, 2]])]
)
def test_what_cannot_be_scored_is_refused(truth, predicted):
    with pytest.raises(ValueError, match="must be"):
        score(truth, predicted)


def test_trivial_answers_of_the_clinical_distribution():
    whole = np.arange(len(CLINICAL))
    scores = trivial_baselines(CLINICAL, [(whole, whole)])
    assert scores["always the mean"].rmse == pytest.approx(1.18, abs=0.005)
    commonest = scores["always the commonest"]
    assert commonest.within_half == pytest.approx(0.45, abs=0.005)
    assert commonest.within_one == pytest.approx(0.72, abs=0.005)


def test_trivial_answers_see_training_photos_only():
    truth = [1, 1, 2, 8, 8, 9]
    folds = [(np.array([0, 1, 2]), np.array([3, 4, 5])), (np.array([3, 4, 5]), np.array([0, 1]))]
    predictions = trivial_predictions(truth, folds)
    np.testing.assert_allclose(predictions["always the mean"], [25 / 3, 25 / 3, np.nan, 4 / 3, 4 / 3, 4 / 3])
    np.testing.assert_allclose(predictions["always the commonest"], [8, 8, np.nan, 1, 1, 1])
    assert trivial_baselines(truth, folds)["always the commonest"].n == 5


def test_trivial_answers_on_subject_folds_are_no_better_than_the_mean():
    subjects = [str(i // 8) for i in range(len(CLINICAL))]
    grades = np.random.default_rng(0).permutation(CLINICAL)
    scores = trivial_baselines(grades, subject_folds(subjects, list(grades), 5, seed=0))
    assert scores["always the mean"].rmse >= grades.std()
    assert scores["always the mean"].rmse == pytest.approx(1.18, abs=0.01)


def graders(n=20_000, k=3, bias=0.35, noise=0.45, seed=0):
    rng = np.random.default_rng(seed)
    latent = rng.choice(CLINICAL, n)
    return latent[:, None] + rng.normal(0, bias, k) + rng.normal(0, noise, (n, k)), latent


def test_noise_floor_of_known_noise():
    ratings, latent = graders(bias=0.0)
    floor = noise_floor(ratings, latent)
    assert floor.between_graders == pytest.approx(0.45 * np.sqrt(2), abs=0.01)
    assert floor.truth_vs_one == pytest.approx(0.45, abs=0.01)
    assert floor.truth_vs_mean == pytest.approx(0.45 / np.sqrt(3), abs=0.01)
    assert floor.icc == pytest.approx(1.18**2 / (1.18**2 + 0.45**2), abs=0.02)
    reckoned = noise_floor(ratings)
    assert reckoned.truth_vs_one == pytest.approx(floor.truth_vs_one, abs=0.01)
    assert reckoned.truth_vs_mean == pytest.approx(floor.truth_vs_mean, abs=0.01)
    assert floor.measured and not reckoned.measured


def test_noise_floor_with_missing_grades():
    floor = noise_floor([[1, 2, np.nan], [3, 3, np.nan], [np.nan] * 3], [1, 2, 3])
    assert floor.between_graders == pytest.approx(np.sqrt(0.5))
    assert floor.truth_vs_one == pytest.approx(np.sqrt((0 + 1 + 1 + 1) / 4))
    assert floor.icc is None
    with pytest.raises(ValueError, match="two graders"):
        noise_floor([[1, np.nan], [np.nan, 2]])
    with pytest.raises(ValueError, match="at least 2 graders"):
        noise_floor([[1], [2]])


def test_score_table_is_aligned_and_shows_what_is_undefined():
    rows = {"hybrid": score([1, 2, 3], [1, 2.2, 3.1]), "always the mean": score([1, 2, 3], [2, 2, 2])}
    text = score_table(rows, noise_floor([[1, 2], [3, 3], [4, 5]]))
    lines = text.splitlines()
    assert len(lines) == 5
    assert len({len(line) for line in lines[:4]}) == 1
    assert lines[0].split()[:3] == ["n", "RMSE", "MAE"]
    assert lines[2].split() == [
        "hybrid",
        "3",
        "0.13",
        "0.10",
        "+0.10",
        "100%",
        "100%",
        "1.00",
        "1.00",
        "0.99",
    ]
    assert lines[3].endswith("0.00         -      0.00")
    assert lines[4].startswith("noise floor: 2 graders differ by RMSE 0.82")


def test_few_subjects_support_less_than_what_is_aimed_at():
    from toolkit.scores import supported_coverage

    assert [round(supported_coverage(0.9, n), 3) for n in (1, 4, 8, 9, 100)] == [0.5, 0.8, 0.889, 0.9, 0.9]
    assert supported_coverage(0.9, None) == 0.9
