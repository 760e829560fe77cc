import itertools
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from toolkit.agreement import (
    Estimate,
    agree,
    compare_all,
    compare_changes,
    compare_pair,
    icc_absolute,
    icc_consistency,
    join_ratings,
    koo_li,
    krippendorff_alpha,
    measurement_error,
)
from toolkit.agreement.page import page
from toolkit.agreement.resample import (
    alpha_statistic,
    difference_statistics,
    draw_counts,
    icc_statistics,
    kappa_statistic,
    spearman_statistic,
)
from toolkit.agreement.sheets import sheets, unmatched_rows
from toolkit.errors import GradesError
from toolkit.phantom import simulate_graders
from toolkit.records import PhotoFacts
from toolkit.scores import icc_2_1, score
from toolkit.study import FREE_SCALE, GradeRow, GradeTable

# Shrout and Fleiss 1979, table 2: six targets, four judges.
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
# Krippendorff 2011, section D: four observers, twelve units.
NA = np.nan
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NA, NA, NA],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NA, 3],
        [NA, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NA],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NA],
    ]
).T
# Bland and Altman 2007: cardiac output of 12 subjects, 60 pairs, by two methods (RV, IC).
CARDIAC = {
    1: "7.83 6.57 7.42 5.62 7.89 6.90 7.12 6.57 7.88 6.35",
    2: "6.16 4.06 7.26 4.29 6.71 4.26 6.54 4.09",
    3: "4.75 4.71 5.24 5.50 4.86 5.08 4.78 5.02 6.05 6.01 5.42 5.67",
    4: "4.21 4.14 3.61 4.20 3.72 4.61 3.87 4.68 3.92 5.04",
    5: "3.13 3.03 2.98 2.86 2.85 2.77 3.17 2.46 3.09 2.32 3.12 2.43",
    6: "5.92 5.90 6.42 5.81 5.92 5.70 6.27 5.76",
    7: "7.13 5.09 6.62 4.63 6.58 4.61 6.93 5.09",
    8: "4.54 4.72 4.81 4.61 5.11 4.36 5.29 4.20 5.39 4.36 5.57 4.20",
    9: "4.48 3.17 4.92 3.12 3.97 2.96",
    10: "4.22 4.35 4.65 4.62 4.74 3.16 4.44 3.53 4.50 3.53",
    11: "6.78 7.20 6.07 6.09 6.52 7.00 6.42 7.10 6.41 7.40 5.76 6.80",
    12: "5.06 4.50 4.72 4.20 4.90 3.80 4.80 3.80 4.90 4.20 5.10 4.50",
}


def whole(subjects):
    """Counts of the study itself: every subject once."""
    return np.ones((1, max(subjects) + 1))


def table(name, *rows, layout="long", blank=()):
    return GradeTable(Path(name), layout, rows, blank)


def long_table(name, grades):
    """Rows (subject, side, visit) -> grade."""
    return table(name, *(GradeRow(n, g, None, *facts) for n, (facts, g) in enumerate(grades.items(), 2)))


def file_table(name, grades):
    rows = (GradeRow(n, g, file) for n, (file, g) in enumerate(grades.items(), 2))
    return table(name, *rows, layout="file")


def study(grades, subjects, visits=None):
    """Ratings from an array (photos, graders): photo i is of subject ``subjects[i]``, NaN is left out."""
    visits = visits if visits is not None else [f"Visit {i}" for i in range(1, len(grades) + 1)]
    facts = [(f"P{s}", "left", visit) for s, visit in zip(subjects, visits, strict=True)]
    tables = [
        (f"g{k}", long_table(f"g{k}.xlsx", {f: v for f, v in zip(facts, column, strict=True) if v == v}))
        for k, column in enumerate(np.asarray(grades, float).T)
    ]
    return join_ratings(tables)


# --- published examples --------------------------------------------------------------------------


def test_icc_is_shrout_and_fleiss_with_the_intervals_of_mcgraw_and_wong():
    absolute, consistent = icc_absolute(SHROUT_FLEISS), icc_consistency(SHROUT_FLEISS)
    assert absolute.value == pytest.approx(0.2898, abs=5e-5)
    assert (absolute.lower, absolute.upper) == pytest.approx((0.019, 0.761), abs=5e-4)
    assert consistent.value == pytest.approx(0.7148, abs=5e-5)
    assert (consistent.lower, consistent.upper) == pytest.approx((0.342, 0.946), abs=5e-4)


@pytest.mark.parametrize(
    ("metric", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_alpha_is_krippendorffs(metric, alpha):
    assert krippendorff_alpha(KRIPPENDORFF, metric) == pytest.approx(alpha, abs=5e-4)


def test_limits_of_agreement_are_bland_and_altmans():
    values = {subject: np.array(text.split(), float).reshape(-1, 2) for subject, text in CARDIAC.items()}
    subjects = np.concatenate([np.full(len(pairs), subject) for subject, pairs in values.items()])
    rv, ic = np.concatenate(list(values.values())).T
    assert len(rv) == 60
    found = difference_statistics(ic, rv, subjects - 1, whole(subjects - 1))
    assert found["bias"][0] == pytest.approx(0.6021667)
    assert found["loa_lower"][0] == pytest.approx(-1.3394565, abs=1e-6)
    assert found["loa_upper"][0] == pytest.approx(2.5437899, abs=1e-6)
    one_each = difference_statistics(
        ic, rv, np.arange(60), np.ones((1, 60))
    )  # ignoring subjects: SD 0.9610571
    assert (one_each["loa_upper"] - one_each["bias"])[0] == pytest.approx(1.96 * 0.9610571, abs=1e-6)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ((0.2, 0.49), "poor"),
        ((0.2, 0.5), "poor to moderate"),
        ((0.55, 0.7), "moderate"),
        ((0.6, 0.9), "moderate to good"),
        ((0.76, 0.95), "good to excellent"),
        ((0.91, 0.99), "excellent"),
        ((-0.3, 0.95), "poor to excellent"),
        ((None, None), ""),
    ],
)
def test_words_are_those_of_koo_and_li(bounds, words):
    assert koo_li(*bounds) == words


# --- independent implementations -----------------------------------------------------------------


def residual_squares(y, *factors):
    """Residual sum of squares of a least-squares fit on dummy variables, and its rank."""
    columns = [np.ones((len(y), 1))]
    columns += [(factor[:, None] == np.unique(factor)).astype(float) for factor in factors]
    design = np.hstack(columns)
    fitted = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return ((y - fitted) ** 2).sum(), np.linalg.matrix_rank(design)


@pytest.mark.parametrize("seed", range(3))
def test_icc_and_error_of_measurement_agree_with_variance_components_by_regression(seed):
    rng = np.random.default_rng(seed)
    n, k = 15, 3
    x = rng.normal(4, 1, (n, 1)) + rng.normal(0, 0.5, k) + rng.normal(0, 0.6, (n, k))
    y, target, rater = x.ravel(), np.repeat(np.arange(n), k), np.tile(np.arange(k), n)
    both, rank = residual_squares(y, target, rater)
    residual = both / (len(y) - rank)
    targets = (residual_squares(y, rater)[0] - both) / (n - 1)
    raters = (residual_squares(y, target)[0] - both) / (k - 1)
    of_targets, of_raters = (targets - residual) / k, (raters - residual) / n  # variance components
    assert icc_consistency(x).value == pytest.approx(of_targets / (of_targets + residual))
    assert icc_absolute(x).value == pytest.approx(of_targets / (of_targets + of_raters + residual))
    error = measurement_error(x)
    assert error.consistency == pytest.approx(np.sqrt(residual))
    assert error.agreement == pytest.approx(np.sqrt(max(of_raters, 0) + residual))
    assert error.detectable_agreement == pytest.approx(2.771859 * error.agreement)
    assert error.detectable_consistency == pytest.approx(2.771859 * error.consistency)


def drawn_study(seed, photos=60, groups=14):
    rng = np.random.default_rng(seed)
    subjects = np.sort(rng.integers(0, groups, photos))
    subjects = np.unique(subjects, return_inverse=True)[1]
    latent = rng.normal(4, 1, subjects.max() + 1)[subjects] + rng.normal(0, 0.5, photos)
    first = np.clip(np.round(2 * (latent + rng.normal(0, 0.4, photos))) / 2, 0, 9)
    second = np.clip(latent + 0.3 + rng.normal(0, 0.4, photos), 0, 9)
    return first, second, subjects


def every_statistic(first, second, subjects, counts):
    third = np.where(np.arange(len(first)) % 3 == 0, np.nan, first + 0.5)
    return {
        **difference_statistics(first, second, subjects, counts),
        **icc_statistics(np.column_stack([first, second, first - second]), subjects, counts),
        "kappa": kappa_statistic(first, second, 0.5, subjects, counts=counts),
        "spearman": spearman_statistic(first, second, subjects, counts),
        "alpha": alpha_statistic(np.column_stack([first, second, third]), subjects, counts),
    }


@pytest.mark.parametrize("seed", range(4))
def test_figures_are_those_of_scikit_learn_and_scipy(seed):
    first, second, subjects = drawn_study(seed)
    want, both = score(first, second), np.column_stack([first, second])
    counts = whole(subjects)
    found = every_statistic(first, second, subjects, counts)
    for name in ("rmse", "mae", "bias", "within_half", "within_one", "kappa", "spearman"):
        assert found[name][0] == pytest.approx(getattr(want, name), abs=1e-12), name
    icc = icc_statistics(both, subjects, counts)
    assert icc["icc_2_1"][0] == pytest.approx(want.icc)
    assert icc["icc_3_1"][0] == pytest.approx(icc_consistency(both).value)
    assert icc_absolute(both).value == icc_2_1(both)
    sparse = np.column_stack([first, second, np.where(subjects % 2, np.nan, first)])
    sparse[:5, 0] = np.nan
    assert alpha_statistic(sparse, subjects, counts)[0] == pytest.approx(krippendorff_alpha(sparse))


@pytest.mark.parametrize("seed", range(3))
def test_a_resample_is_the_study_with_subjects_copied_and_left_out(seed):
    """Counts give what the statistics give on photos that are really drawn, copies as new subjects."""
    first, second, subjects = drawn_study(seed)
    counts = draw_counts(subjects.max() + 1, 6, seed)
    assert (counts.sum(axis=1) == subjects.max() + 1).all()
    found = every_statistic(first, second, subjects, counts)
    for row, drawn in enumerate(counts):
        copies = [s for s, times in enumerate(drawn) for _ in range(int(times))]
        photos = np.concatenate([np.flatnonzero(subjects == s) for s in copies])
        owner = np.concatenate([np.full((subjects == s).sum(), new) for new, s in enumerate(copies)])
        a, b = first[photos], second[photos]
        third = np.where(photos % 3 == 0, np.nan, a + 0.5)
        want = {
            **difference_statistics(a, b, owner, whole(owner)),
            **icc_statistics(np.column_stack([a, b, a - b]), owner, whole(owner)),
            "kappa": [score(a, b).kappa],
            "spearman": [score(a, b).spearman],
            "alpha": [krippendorff_alpha(np.column_stack([a, b, third]))],
        }
        for name, values in want.items():
            assert found[name][row] == pytest.approx(values[0], abs=1e-9), name


def test_the_variance_of_differences_by_hand():
    """Two subjects, differences 0 2 and 4 4 5: between and within by one-way analysis of variance."""
    d, subjects = np.array([0, 2, 4, 4, 5.0]), np.array([0, 0, 1, 1, 1])
    within = (1 + 1 + 1 / 9 + 1 / 9 + 4 / 9) / 3
    between = 2 * (1 - 3) ** 2 + 3 * (13 / 3 - 3) ** 2
    size = (5**2 - (2**2 + 3**2)) / (1 * 5)
    deviation = np.sqrt((between - within) / size + within)
    found = difference_statistics(np.zeros(5), d, subjects, whole(subjects))
    assert found["loa_upper"][0] == pytest.approx(3 + 1.96 * deviation)
    assert found["loa_lower"][0] == pytest.approx(3 - 1.96 * deviation)


def test_intervals_hold_what_they_promise():
    """Over 200 made studies the intervals cover the known ICC about 95 times of 100.

    Photos of a subject share its severity, so the interval by F, which takes them for independent, fails.
    """
    rng = np.random.default_rng(0)
    subjects, photos, noise = 40, 12, 0.8
    owner = np.repeat(np.arange(subjects), photos)
    known = 1 / (1 + noise**2)
    by_f_single = by_f = by_subjects = 0
    for trial in range(200):
        single = rng.normal(0, 1, (subjects, 1)) + rng.normal(0, noise, (subjects, 2))
        found = icc_consistency(single)
        by_f_single += found.lower <= known <= found.upper
        severity = rng.normal(0, 1, subjects)[owner]
        x = severity[:, None] + rng.normal(0, noise, (len(owner), 2))
        found = icc_consistency(x)
        by_f += found.lower <= known <= found.upper
        drawn = icc_statistics(x, owner, draw_counts(subjects, 300, trial))["icc_3_1"]
        lower, upper = np.percentile(drawn[1:], (2.5, 97.5))
        by_subjects += lower <= known <= upper
    assert 0.91 <= by_f_single / 200 <= 0.99
    assert 0.88 <= by_subjects / 200 <= 0.99
    assert by_f / 200 < 0.8


# --- edges ---------------------------------------------------------------------------------------


def test_graders_that_agree_perfectly():
    grades = np.tile([[1.0], [2.5], [4.0], [4.0]], (1, 2))
    found = compare_pair(study(grades, [0, 0, 1, 2]), 0, 1)
    value = {name: estimate.value for name, estimate in found.estimates.items()}
    for name in ("icc_2_1", "icc_3_1", "kappa", "spearman", "within_half", "within_one"):
        assert value[name] == pytest.approx(1), name
    for name in ("rmse", "mae", "bias", "loa_lower", "loa_upper"):
        assert value[name] == pytest.approx(0, abs=1e-9), name
    assert measurement_error(grades).agreement == pytest.approx(0, abs=1e-9)
    assert icc_absolute(grades).lower is None
    text = agree(study(grades, [0, 0, 1, 2]), resamples=50).text()
    assert "is one a copy of the other?" in text
    assert "With 3 subjects, fewer than 20" in text


def test_constants_and_single_photos_are_undefined_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for grades in ([[3, 3], [3, 3], [3, 3]], [[3, 4], [3, 4]], [[3, 5]], [[3, 4], [4, 5]]):
            found = agree(study(grades, list(range(len(grades)))), resamples=50)
            assert found.text() and found.pairs[0].photos == len(grades)
        constant = compare_pair(study([[3, 3], [3, 3]], [0, 1]), 0, 1).estimates
        assert constant["icc_2_1"].value is None and constant["rmse"].value == 0
        shifted = compare_pair(study([[3, 4], [3, 4]], [0, 1]), 0, 1).estimates
        assert (shifted["icc_2_1"].value, shifted["kappa"].value, shifted["bias"].value) == (None, 0, 1)
        assert krippendorff_alpha([[NA, 1], [2, NA]]) is None and krippendorff_alpha([[2, 2]]) is None
        one = compare_pair(study([[3, 4], [4, 4], [1, 2]], [0, 0, 0]), 0, 1).estimates
        assert one["rmse"].value and one["rmse"].lower is None and one["loa_upper"].value is None


def test_constant_shift_lowers_agreement_but_not_consistency():
    x = np.array([[1, 2], [3, 4], [5, 6], [2, 3.0]])
    assert icc_consistency(x).value == pytest.approx(1)
    assert icc_absolute(x).value < 0.95
    with pytest.raises(ValueError, match="finite"):
        icc_consistency([[1, NA], [2, 3]])
    with pytest.raises(ValueError, match="metric must be"):
        krippendorff_alpha(KRIPPENDORFF, "cubic")


def test_kappa_off_the_clinical_scale():
    from sklearn.metrics import cohen_kappa_score

    rng = np.random.default_rng(4)
    first = rng.integers(-20, 140, 80).astype(float)
    second = first + rng.integers(-9, 10, 80)
    found = compare_pair(study(np.column_stack([first, second]), list(range(80))), 0, 1, FREE_SCALE)
    codes = [(2 * grades).astype(int) for grades in (first, second)]
    want = cohen_kappa_score(*codes, weights="quadratic", labels=range(-60, 320))
    assert found.estimates["kappa"].value == pytest.approx(want)


# --- what stands beside --------------------------------------------------------------------------


def test_trivial_answers_stand_beside_every_pair():
    grades = np.array([[2, 2.5], [2, 1], [4, 4], [4, 5], [2, 2], [9, 8.0]])
    pair = compare_pair(study(grades, range(6)), 0, 1)
    assert pair.trivial["always g0's mean"] == score(grades[:, 0], np.full(6, grades[:, 0].mean()))
    assert pair.trivial["always g0's commonest"] == score(grades[:, 0], np.full(6, 2.0))
    text = agree(study(grades, range(6)), resamples=50).text()
    assert "always the mean" in text and "always the commonest" in text


def test_the_verdict_is_by_the_outermost_bounds():
    found = compare_pair(study(np.column_stack(drawn_study(1)[:2]), drawn_study(1)[2]), 0, 1)
    both = (found.estimates["icc_2_1"], found.icc_by_f["icc_2_1"])
    assert found.verdict == koo_li(min(e.lower for e in both), max(e.upper for e in both))


def test_intervals_repeat_and_hold_the_value():
    ratings = study(np.column_stack(drawn_study(2)[:2]), drawn_study(2)[2])
    one, again, other = (compare_pair(ratings, 0, 1, seed=seed).estimates for seed in (0, 0, 1))
    assert one == again and one != other
    for name, estimate in one.items():
        assert estimate.lower < estimate.value < estimate.upper, name


def test_simulated_graders_are_seen_for_what_they_are():
    """Half-step graders: the pairs' figures are the known biases and errors."""
    rng = np.random.default_rng(5)
    subjects = np.repeat(np.arange(80), 6)
    latent = np.clip(rng.normal(3.8, 1.2, 80)[subjects] + rng.normal(0, 0.3, 480), 0.5, 8)
    graders = simulate_graders(latent, [str(s) for s in subjects], rng)
    found = agree(study(graders, subjects), resamples=200)
    for pair, (a, b) in zip(found.pairs, itertools.combinations(range(3), 2), strict=True):
        assert pair.subjects == 80 and pair.photos == 480
        bias = (graders[:, b] - latent).mean() - (graders[:, a] - latent).mean()
        assert pair.estimates["bias"].value == pytest.approx(bias)
        inside = (pair.estimates["loa_lower"].value, pair.estimates["loa_upper"].value)
        d = graders[:, b] - graders[:, a]
        assert 0.92 <= ((inside[0] <= d) & (d <= inside[1])).mean() <= 0.98
    known = np.sqrt(0.45**2 + 0.2**2 + 0.5**2 / 12)  # error, a grader's view of a subject, rounding
    assert found.group.error.consistency == pytest.approx(known, rel=0.05)


def test_a_large_study_takes_seconds():
    rng = np.random.default_rng(0)
    subjects = np.repeat(np.arange(400), 6)
    latent = np.clip(rng.normal(4, 1.2, 400)[subjects] + rng.normal(0, 0.4, 2400), 0, 9)
    continuous = np.clip(latent[:, None] + rng.normal(0, 0.5, (2400, 2)), 0, 9)
    ratings = study(continuous, subjects)
    start = time.perf_counter()
    agree(ratings)
    assert time.perf_counter() - start < 10


# --- joining -------------------------------------------------------------------------------------

LEFT, RIGHT = ("P0001", "left", "Baseline"), ("P0001", "right", "Baseline")
NAME = "P0001_FACE_L_S00_V00D00W00.jpg"


def cells(ratings):
    return {name: tuple(row) for name, row in zip(ratings.photos, ratings.grades.tolist(), strict=True)}


def test_two_workbooks_by_subject_side_and_visit_in_any_order():
    one = long_table("a.xlsx", {LEFT: 1.0, RIGHT: 2.0})
    two = long_table("b.xlsx", {("1", "right", "Baseline"): 2.5, ("1", "left", "Baseline"): 1.5})
    ratings = join_ratings([("a", one), ("b", two)])
    assert cells(ratings) == {"P0001, left, Baseline": (1, 1.5), "P0001, right, Baseline": (2, 2.5)}
    assert ratings.subjects.tolist() == [0, 0]


def test_results_with_file_names_join_workbooks_without():
    results = file_table("results.xlsx", {NAME: 3.3, NAME.replace("_L_", "_R_"): 4.4})
    ratings = join_ratings([("expert", long_table("e.xlsx", {LEFT: 3.0, RIGHT: 4.0})), ("toolkit", results)])
    assert ratings.graders == ("expert", "toolkit")
    assert cells(ratings) == {NAME: (3, 3.3), NAME.replace("_L_", "_R_"): (4, 4.4)}
    assert not ratings.notes


def test_subjects_in_columns_join_files_with_names_that_say_nothing():
    rows = (
        GradeRow(2, 3.3, "IMG_1.jpg", "1", "left", "Baseline"),
        GradeRow(3, 4.4, "IMG_2.jpg", "1", "right", "Baseline"),
    )
    named = table("r.xlsx", *rows, layout="file")
    ratings = join_ratings([("e", long_table("e.xlsx", {RIGHT: 4.0})), ("r", named)])
    assert cells(ratings)["IMG_2.jpg"] == (4, 4.4) and np.isnan(cells(ratings)["IMG_1.jpg"][0])
    plain = file_table("plain.csv", {"img_1": 1.0, "IMG_2.png": 2.0, "IMG_2.jpg": 2.5})
    ratings = join_ratings([("plain", plain), ("r", named)])
    assert cells(ratings)["img_1"] == (1, 3.3) and cells(ratings)["IMG_2.jpg"] == (2.5, 4.4)
    assert ratings.facts[ratings.photos.index("img_1")] == PhotoFacts("1", "left", "Baseline")


def test_other_file_names_join_by_subject_side_and_visit_and_it_is_said():
    crops = file_table("crops.xlsx", {NAME.replace(".jpg", "_crop.png"): 2.0})
    ratings = join_ratings([("a", file_table("a.xlsx", {NAME: 1.0})), ("b", crops)])
    assert cells(ratings) == {NAME: (1, 2)}
    assert "crops.xlsx: has no file name in common" in ratings.notes[0]
    strangers = file_table("s.xlsx", {"one.jpg": 2.0})
    with pytest.raises(GradesError, match=r"s\.xlsx: none of 1 photos fits a row by name"):
        join_ratings([("a", file_table("a.xlsx", {NAME: 1.0})), ("s", strangers)])


def test_retakes_share_an_experts_grade_but_count_once_between_experts():
    retake = NAME.replace("S00", "S01")
    graders = [
        ("a", long_table("a.xlsx", {LEFT: 1.0, RIGHT: 3.0})),
        ("b", long_table("b.xlsx", {LEFT: 2.0, RIGHT: 4.0})),
        ("run", file_table("r.xlsx", {NAME: 1.2, retake: 1.4, NAME.replace("_L_", "_R_"): 3.0})),
    ]
    ratings = join_ratings(graders)
    assert len(ratings.photos) == 3
    assert compare_pair(ratings, 0, 1).photos == 2
    assert compare_pair(ratings, 0, 2).photos == 3


def test_a_row_that_fits_photos_of_two_folders_is_refused_unless_they_are_retakes():
    run = file_table("r.xlsx", {f"a/{NAME}": 1.2, f"b/{NAME}": 7.4})
    graders = [("a", long_table("a.xlsx", {LEFT: 1.0})), ("run", run)]
    with pytest.raises(
        GradesError, match=r"a\.xlsx: row 2 .* fits two photographs, a/P0001.* and b/P0001.*--retakes"
    ):
        join_ratings(graders)
    assert len(join_ratings(graders, retakes=True).photos) == 2


def test_letters_of_subjects_are_left_out_only_where_all_graders_know_one_subject_of_the_number():
    week = ("P0001", "left", "Week 4")
    bare, lettered = (
        long_table("a.xlsx", {("1", *LEFT[1:]): 1.0}),
        long_table("b.xlsx", {LEFT: 2.0, week: 3.0}),
    )
    for graders in ([bare, lettered], [lettered, bare], [bare, lettered, lettered]):
        ratings = join_ratings([(str(number), table) for number, table in enumerate(graders)])
        assert len(ratings.photos) == 2 and ratings.subjects.tolist() == [0, 0]  # one subject at every visit
        assert "subjects joined by number alone, for example 1 for P0001" in ratings.notes
    other = long_table("c.xlsx", {("Q0001", *LEFT[1:]): 8.0})
    for graders in itertools.permutations([bare, lettered, other]):
        with pytest.raises(GradesError, match="treated as different people"):
            join_ratings([(str(number), table) for number, table in enumerate(graders)])
    with pytest.raises(GradesError, match="Q0001 and P0001 are treated as different people"):
        join_ratings([("b", lettered), ("c", other)])


def test_what_does_not_match_is_listed():
    one = table("a.xlsx", GradeRow(2, 1.0, "x.jpg"), GradeRow(3, 2.0, "y.jpg"), layout="file", blank=(4,))
    two = file_table("b.xlsx", {"x.jpg": 1.5, "z.jpg": 3.0})
    ratings = join_ratings([("a", one), ("b", two)])
    listed = {row.get("photo"): row for row in unmatched_rows(ratings)}
    assert set(listed) == {"y.jpg", "z.jpg", None}
    assert (listed["y.jpg"]["graded_by"], listed["y.jpg"]["not_graded_by"]) == ("a (row 3)", "b")
    assert listed["z.jpg"]["graded_by"] == "b (row 3)"
    assert listed[None]["reason"] == "a.xlsx row 4 has no grade"
    assert any("subject of 3 photos is not known" in note for note in ratings.notes)


def test_contradictions_and_ambiguity_are_refused_with_their_rows():
    says_left = table("a.xlsx", GradeRow(2, 1.0, "x.jpg", "1", "left"), layout="file")
    says_right = table("b.xlsx", GradeRow(7, 1.0, "x.jpg", "1", "right"), layout="file")
    with pytest.raises(GradesError, match=r"b\.xlsx: row 7 says side right, x\.jpg says left"):
        join_ratings([("a", says_left), ("b", says_right)])
    itself = table("a.xlsx", GradeRow(2, 1.0, NAME, "P0009"), layout="file")
    with pytest.raises(GradesError, match="row 2 says subject P0009"):
        join_ratings([("a", itself), ("b", says_right)])
    no_side = long_table("c.xlsx", {("P0001", None, "Baseline"): 1.0})
    with pytest.raises(GradesError, match=r"row 2 fits both .* add a column of sides or visits"):
        join_ratings([("a", long_table("a.xlsx", {LEFT: 1.0, RIGHT: 2.0})), ("c", no_side)])
    with pytest.raises(GradesError, match="needs two graders"):
        join_ratings([("a", says_left)])


def test_graders_that_share_nothing_with_each_other_but_with_a_third():
    graders = [
        ("a", file_table("a.xlsx", {"x.jpg": 1.0, "y.jpg": 2.0})),
        ("b", file_table("b.xlsx", {"x.jpg": 1.0, "z.jpg": 2.0})),
        ("c", file_table("c.xlsx", {"y.jpg": 2.0, "z.jpg": 3.0})),
    ]
    found = agree(join_ratings([graders[0], graders[1], graders[2]]), resamples=20)
    assert [pair.photos for pair in found.pairs] == [1, 1, 1]
    assert found.group.photos == 0 and found.group.alpha_photos == 3
    only = agree(
        join_ratings([graders[0], ("d", file_table("d.xlsx", {"x.jpg": 1.0})), graders[2]]), resamples=20
    )
    assert "c against d: no photo is graded by both" in only.text()


def test_all_graders_together():
    x = np.array(SHROUT_FLEISS, float)
    x = np.vstack([x, [5, NA, 4, NA]])
    group = compare_all(study(x, range(7)), FREE_SCALE, resamples=100)
    assert (group.graders, group.photos, group.alpha_photos) == (4, 6, 7)
    assert group.estimates["icc_2_1"].value == pytest.approx(0.2898, abs=5e-5)
    assert group.icc_by_f["icc_3_1"].upper == pytest.approx(0.946, abs=5e-4)
    assert group.alpha.value == pytest.approx(krippendorff_alpha(x))
    assert group.alpha_ordinal == pytest.approx(krippendorff_alpha(x, "ordinal"))


# --- changes -------------------------------------------------------------------------------------


def test_changes_from_baseline_by_hand():
    first = {
        ("A", "left", "Baseline"): 4, ("A", "left", "Week 4"): 3, ("A", "left", "Week 8"): 2,
        ("A", "right", "Baseline"): 5, ("A", "right", "Week 4"): 5,
        ("B", "left", "Baseline"): 3, ("B", "left", "Week 4"): 3.5, ("B", "left", "Week 8"): 1,
        ("C", "left", "Week 4"): 3,
    }  # fmt: skip
    second = {facts: grade + 1 for facts, grade in first.items()}
    second["A", "left", "Week 8"] = 2.5
    del second["B", "left", "Week 8"]
    ratings = join_ratings([("a", long_table("a.xlsx", first)), ("b", long_table("b.xlsx", second))])
    (change,) = compare_changes(ratings, resamples=50)
    assert (change.baseline, change.changes, change.subjects) == ("Baseline", 4, 2)
    # changes: a -1 -2 0 .5, b -1 -2.5 0 .5
    assert change.estimates["bias"].value == pytest.approx(-0.5 / 4)
    assert change.estimates["rmse"].value == pytest.approx(0.25)
    assert change.estimates["spearman"].value == pytest.approx(1)
    assert change.estimates["mean_first"].value == pytest.approx(-2.5 / 4)
    assert change.trivial["always no change"] == pytest.approx(np.sqrt((1 + 4 + 0.25) / 4))
    assert change.trivial["always a's mean change"] == pytest.approx(np.std([-1, -2, 0, 0.5]))


def test_the_lowest_visit_number_is_the_baseline_where_none_is_named():
    first = {("A", "left", f"Visit {n}"): float(n) for n in (10, 2, 3)}
    ratings = join_ratings([("a", long_table("a.xlsx", first)), ("b", long_table("b.xlsx", first))])
    (change,) = compare_changes(ratings, resamples=10)
    assert (change.baseline, change.changes, change.estimates["mean_first"].value) == ("Visit 2", 2, 4.5)


@pytest.mark.parametrize("visit", [None, "Week 4", "Baseline"])
def test_no_changes_without_a_baseline_and_a_later_visit(visit):
    grades = {(s, "left", visit): 3.0 for s in "AB"}
    ratings = join_ratings([("a", long_table("a.xlsx", grades)), ("b", long_table("b.xlsx", grades))])
    assert compare_changes(ratings) == []


def test_retakes_are_averaged_before_changes():
    later, retake = NAME.replace("W00", "W04"), NAME.replace("W00", "W04").replace("S00", "S01")
    run = file_table("r.xlsx", {NAME: 4.0, later: 2.0, retake: 3.0})
    expert = long_table("e.xlsx", {LEFT: 4.0, ("P0001", "left", "Week 4"): 3.0})
    (change,) = compare_changes(join_ratings([("e", expert), ("r", run)]), resamples=10)
    assert change.changes == 1
    assert change.estimates["mean_first"].value == -1 and change.estimates["mean_second"].value == -1.5


def test_one_subject_is_told_as_one_without_intervals():
    text = agree(study([[2, 2.5], [3, 3], [4, 4.5]], [0, 0, 0]), resamples=10).text()
    assert "3 photos of 1 subject\n" in text and "too narrow" not in text
    assert "One subject: how much subjects differ is not known, so there are no resampled intervals." in text


UP = list(range(10)) * 2
LATIN = [[1, 2, 3], [2, 3, 1], [3, 1, 2], [1, 3, 2], [2, 1, 3], [3, 2, 1]]


@pytest.mark.parametrize(
    "grades", [list(zip(UP, UP[9::-1] * 2, strict=True)), LATIN, [[2, 4], [4, 2]], [[0.1, 0.3], [0.3, 0.1]]]
)
def test_without_variance_between_photos_an_icc_is_undefined_and_has_no_words(grades):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = agree(study(grades, list(range(len(grades)))), resamples=50)
        text = found.text()
    for pair in found.pairs if len(grades[0]) == 2 else ():
        assert pair.verdict == "" and pair.estimates["icc_2_1"].value is None
        assert pair.icc_by_f["icc_2_1"] == pair.icc_by_f["icc_3_1"] == Estimate(None)
    assert found.group.verdict == "" and found.group.icc_by_f["icc_2_1"].value is None
    assert "nan" not in text and "good agreement" not in text


def test_no_words_for_bounds_that_are_no_numbers():
    assert koo_li(float("nan"), float("nan")) == koo_li(0.9, float("inf")) == ""


@pytest.mark.parametrize("weights", ["linear", "quadratic"])
def test_kappa_of_either_weights_is_scikit_learns(weights):
    from sklearn.metrics import cohen_kappa_score

    rng = np.random.default_rng(4)
    first = rng.integers(0, 8, 60) / 2
    second = np.clip(first + rng.integers(-2, 3, 60) / 2, 0, 9)
    ratings = study(np.column_stack([first, second]).tolist(), list(range(60)))
    found = agree(ratings, resamples=20, weights=weights)
    wanted = cohen_kappa_score(
        (2 * first).astype(int), (2 * second).astype(int), weights=weights, labels=range(19)
    )
    assert found.pairs[0].estimates["kappa"].value == pytest.approx(wanted)
    assert f"kappa, {weights} weights" in found.text()


# --- what figures do not mean ----------------------------------------------------------------------


def two_visits(*noise):
    """Ratings of eight sides at two visits, which change by 0 to 2 grades, by graders of so much ``noise``."""
    change = np.column_stack([np.zeros(8), np.linspace(2, 0, 8)]).ravel()
    latent = np.repeat(np.linspace(3, 7, 8), 2) - change
    rng = np.random.default_rng(2)
    grades = np.column_stack([latent + rng.normal(0, sd, 16) for sd in noise])
    return study(grades, np.repeat(range(8), 2), ["Baseline", "Week 4"] * 8)


def test_changes_that_err_more_than_the_mean_change_are_told_as_such_everywhere():
    found = agree(two_visits(0.1, 1.5), FREE_SCALE, resamples=20)
    (change,) = found.changes
    assert change.estimates["rmse"].value > min(change.trivial.values())
    assert "always g0's mean change" in change.no_better
    (line,) = [row for row in summary_of(found) if row["item"] == "changes"]
    assert line["value"] == change.no_better and change.no_better in found.text()
    assert "changes by g1 are no closer" in page(found)


def test_changes_that_are_close_are_not_called_so():
    found = agree(two_visits(0.1, 0.1), FREE_SCALE, resamples=20)
    assert found.changes[0].no_better == "" and "no closer" not in found.text() + page(found)


def summary_of(found):
    parts = (found.ratings, found.group, found.pairs, found.changes)
    return sheets(*parts, graders=found.graders, scale=found.scale)["Summary"][1]


def test_two_results_of_toolkit_are_no_two_graders():
    ratings = two_visits(0.3, 0.3, 0.3)
    graders = [
        (name, replace(table, own_results=name != "g0"))
        for name, table in zip(ratings.graders, ratings.tables, strict=True)
    ]
    both = agree(join_ratings(graders), FREE_SCALE, resamples=50)
    one = agree(join_ratings(graders[:2]), FREE_SCALE, resamples=50)
    assert [bool(pair.verdict) for pair in both.pairs] == [True, True, False]
    assert not both.group.verdict and one.group.verdict
    assert "no agreement of graders" in both.text() and "no agreement of graders" in page(both)
    assert "no agreement of graders" not in one.text()
