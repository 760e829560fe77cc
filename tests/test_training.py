"""Training on small made-up studies: no subject answers for itself, and what cannot be learnt is not learnt."""

from dataclasses import replace

import numpy as np
import pytest
from made_up_study import (
    SETTINGS,
    always_the_mean,
    rmse,
    spots_make_the_grade,
    study,
    the_subject_makes_the_grade,
    trunk,
    visible,
    watched,
)

from toolkit.blend import TableBlend
from toolkit.errors import TrainingError
from toolkit.model import load_model, save_model
from toolkit.phototable import PhotoTable
from toolkit.pigment import NET_COLUMNS
from toolkit.pipeline import Grader
from toolkit.prepared import Prepared
from toolkit.scores import trivial_baselines
from toolkit.study import subject_folds
from toolkit.training import rebuild_index, train


@pytest.fixture(scope="module")
def run():
    return visible()


# --- what can be learnt


def test_a_visible_grade_is_learnt_and_carries_over_to_unseen_subjects(run):
    assert np.isfinite(run.trained.predicted).all()
    assert rmse(run.trained.predicted, run.study.grades) < 0.4 * always_the_mean(
        run.trained, run.study.grades
    )


def test_intervals_are_as_wide_as_the_out_of_fold_errors(run):
    off = np.abs(run.trained.predicted - run.study.grades)
    assert run.trained.half_widths.shape == off.shape
    assert 0.85 <= np.mean(off <= run.trained.half_widths) <= 1
    assert run.trained.half_widths.max() < 2


def test_one_graders_grades_are_learnt_as_given(run):
    assert np.array_equal(run.trained.labels, run.study.grades)


def test_curve_booster_and_ridge_have_shares(run):
    shares = run.trained.model.blend.shares
    assert sum(shares) == pytest.approx(1) and min(shares) >= 0


# --- no subject answers for itself


def test_folds_keep_a_subject_together(run):
    for train_photos, test_photos in run.trained.folds:
        assert not set(run.study.subjects[train_photos]) & set(run.study.subjects[test_photos])
    tested = np.sort(np.concatenate([test for _, test in run.trained.folds]))
    np.testing.assert_array_equal(tested, np.arange(len(run.study.grades)))


def test_a_subjects_own_references_never_enter_its_features(run):
    *of_folds, of_card = run.asked
    assert len(of_folds) == 3  # one look-up a fold
    for bank, queries in of_folds:
        assert queries and not bank & queries
        assert bank | queries == set(run.study.subjects)
    # The card keeps each photo's distance to everybody else's references: of its own subject none answers.
    assert of_card == (set(run.study.subjects), set(run.study.subjects))


def test_a_fold_never_trains_the_encoder_that_embeds_it(run):
    *folds, everybody = run.encoders
    for (_, subjects, _, _), (train_photos, test_photos) in zip(folds, run.trained.folds, strict=True):
        assert len(subjects) == 2 * len(train_photos)
        assert set(subjects) == set(run.study.subjects[train_photos])
        assert not set(subjects) & set(run.study.subjects[test_photos])
    assert set(everybody[1]) == set(run.study.subjects)  # the last one is the model's


def test_every_encoder_starts_from_the_trunk_that_was_given(run):
    everything = trunk().look(PhotoTable(run.study.prepared).patch_inputs())[0]
    for _, subjects, start, pooled in run.encoders:
        assert start is trunk()
        mine = np.isin(run.study.subjects.repeat(2), np.unique(subjects))
        np.testing.assert_allclose(pooled, everything[mine], atol=1e-4)
    kept, given = run.trained.model.encoder.trunk.get_weights(), trunk().trunk.get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(kept, given, strict=True))
    assert run.trained.model.card["trunk"] == "kept"


def test_without_a_start_every_fold_learns_anew():
    made = study(spots_make_the_grade, subjects=6, visits=1)
    settings = replace(SETTINGS, encoder=replace(SETTINGS.encoder, epochs=1))
    run = watched(made, settings, folds=2)
    assert [(start, pooled) for _, _, start, pooled in run.encoders] == [(None, None)] * 3
    for (_, subjects, _, _), (train_photos, _) in zip(run.encoders[:2], run.trained.folds, strict=True):
        assert set(subjects) == set(made.subjects[train_photos])
    assert run.trained.model.card["trunk"] == "trained on this study"
    kept, given = run.trained.model.encoder.trunk.get_weights(), trunk().trunk.get_weights()
    assert not all(np.array_equal(a, b) for a, b in zip(kept, given, strict=True))


def test_a_kept_encoder_is_not_trained_at_all():
    made = study(spots_make_the_grade, subjects=6, visits=2)
    run = watched(made, folds=2, start=trunk(), keep_encoder=True)
    assert run.encoders == [] and run.trained.model.encoder is trunk()
    assert [bank & queries for bank, queries in run.asked[:-1]] == [set(), set()]
    assert {stage for stage, *_ in run.told} == {"fitting the curve to the experts"}


# --- who a subject is


@pytest.fixture(scope="module")
def identities():
    """Grade and appearance are both the subject's own, but have nothing to do with each other."""
    return study(the_subject_makes_the_grade)


@pytest.fixture(scope="module")
def taught_identities(identities):
    return watched(identities, folds=3, start=trunk())


def test_who_a_subject_is_cannot_be_learnt_as_its_grade(taught_identities, identities):
    trained, grades = taught_identities.trained, identities.grades
    trivial = trivial_baselines(grades, trained.folds)["always the mean"].rmse
    assert trivial == pytest.approx(always_the_mean(trained, grades))
    for predicted in (trained.predicted, trained.embedding, trained.argmax):
        assert rmse(predicted, grades) > 0.9 * trivial
    assert trained.half_widths.mean() > 1.2 * trivial  # and the interval says so


def test_a_split_by_photo_would_be_taken_in(identities):
    """The mark is there to be found: the same blend is fooled as soon as a subject is on both sides."""
    by_photo, by_subject = (blend_alone(identities, split) for split in (photo_folds, subjects_apart))
    trivial = identities.grades.std()
    assert by_photo < 0.7 * trivial and by_subject > 0.9 * trivial
    assert rmse(nearest_other_photo(identities), identities.grades) < 0.6 * trivial


def photo_folds(made):
    everybody = np.random.default_rng(0).permutation(len(made.grades))
    return [(np.setdiff1d(everybody, part), part) for part in np.array_split(everybody, 5)]


def subjects_apart(made):
    return subject_folds(list(made.subjects), made.grades, 5, 0)


def blend_alone(made, split):
    """RMSE of LightGBM and ridge on the patches' pigment features, with one kind of folds."""
    table = PhotoTable(made.prepared)
    predicted = np.zeros(len(made.grades))
    for train_photos, test_photos in split(made):
        rows, asked = (np.isin(table.photo, photos) for photos in (train_photos, test_photos))
        owners = table.photo[rows].astype(str) if split is photo_folds else made.subjects[table.photo[rows]]
        fitted = TableBlend.fit(
            table.columns,
            table.values[rows],
            made.grades[table.photo[rows]],
            owners,
            settings=SETTINGS.blend,
            seed=0,
        )
        grades = np.zeros(len(table.photo))
        grades[asked] = fitted.predict(table.columns, table.values[asked])
        predicted[test_photos] = np.nanmean(table.by_photo(grades)[test_photos], axis=1)
    return rmse(predicted, made.grades)


def nearest_other_photo(made):
    """The grade of the photo whose pigment features are nearest: mostly another visit of the same subject."""
    values = PhotoTable(made.prepared).values
    values = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-9)
    by_photo = values.reshape(len(made.grades), -1)
    distance = np.linalg.norm(by_photo[:, None] - by_photo[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    return made.grades[distance.argmin(axis=1)]


# --- the model that comes of it


def test_the_model_has_everybody_as_reference(run):
    bank = run.trained.model.index.references
    assert set(bank.subjects) == set(run.study.subjects)
    assert len(bank.grades) == 2 * len(run.study.grades)
    by_photo = dict(zip([p.name for p in run.study.prepared], run.study.grades, strict=True))
    for photo, grade in zip(bank.photos, bank.grades, strict=True):
        assert by_photo[photo] == grade


def test_the_card_tells_what_it_was_trained_on(run):
    card = run.trained.model.card
    assert (card["photos"], card["subjects"], card["folds"], card["seed"]) == (80, 20, 3, 0)
    assert sum(card["references"].values()) == 160
    assert card["half_width"] == pytest.approx(run.trained.half_widths.mean())
    assert tuple(card["shares"].values()) == run.trained.model.blend.shares
    assert card["curve"]["scale"] == run.trained.model.blend.curve.scale


def test_progress_tells_every_stage(run):
    stages = list(dict.fromkeys(stage for stage, _, _ in run.told))
    network = "training the network"
    folds = [f"{network} without fold {n} of 3" for n in (1, 2, 3)]
    assert stages == [*folds, "fitting the curve to the experts", f"{network} on all subjects"]
    epochs = SETTINGS.encoder.epochs
    assert run.told[0][1:] == (1, epochs) and run.told[-1][2] == epochs


def test_the_model_grades_new_photos_before_and_after_saving(run, tmp_path):
    new = study(spots_make_the_grade, subjects=6, visits=2, seed=9, first=100)
    save_model(run.trained.model, tmp_path / "model")
    before, after = (
        [result.grade for result in Grader(model).grade(new.prepared)]
        for model in (run.trained.model, load_model(tmp_path / "model"))
    )
    np.testing.assert_allclose([g.grade for g in after], [g.grade for g in before], atol=1e-3)
    np.testing.assert_allclose([g.upper for g in after], [g.upper for g in before], atol=1e-3)
    assert rmse([g.grade for g in before], new.grades) < 0.6 * new.grades.std()
    assert all(g.lower <= g.grade <= g.upper and set(g.regions) == {"left_cheek", "chin"} for g in before)


def test_other_references_through_the_same_encoder(run):
    new = study(spots_make_the_grade, subjects=4, visits=1, seed=5)
    pictured = replace(run.trained.model, thumbnails=(b"x",) * 160)
    model = rebuild_index(pictured, new.prepared, new.grades, new.subjects)
    assert set(model.index.references.subjects) == set(new.subjects)
    assert sum(model.card["references"].values()) == len(model.index.references.grades) == 8
    assert model.blend is run.trained.model.blend and model.encoder is run.trained.model.encoder
    assert model.thumbnails == ()  # pictures of the old references are none of the new
    assert len(run.trained.model.index.references.grades) == 160  # the old model is as it was


# --- what cannot be trained on


@pytest.fixture(scope="module")
def small():
    return study(spots_make_the_grade, subjects=4, visits=1)


def test_one_grade_only_is_refused(small):
    with pytest.raises(TrainingError, match="same grade"):
        train(small.prepared, [4.0] * 4, small.subjects, SETTINGS, folds=2)


def test_one_photograph_is_told_as_one(small):
    with pytest.raises(TrainingError, match="one photograph alone has a grade"):
        train(small.prepared[:1], [4.0], small.subjects[:1], SETTINGS, folds=2)


def test_fewer_subjects_than_folds_are_refused(small):
    with pytest.raises(TrainingError, match="4 graded subjects cannot be split into 5 folds"):
        train(small.prepared, small.grades, small.subjects, SETTINGS, folds=5)


def test_a_photo_without_patches_is_refused(small):
    prepared = [*small.prepared[:3], Prepared("bad.jpg", error="no face found")]
    with pytest.raises(TrainingError, match="without patches"):
        train(prepared, small.grades, small.subjects, SETTINGS, folds=2)


# --- the table of patches


def test_patches_are_laid_out_by_photo_and_region(small):
    prepared = [small.prepared[0], Prepared("bad.jpg", error="no face found"), small.prepared[1]]
    table = PhotoTable(prepared)
    np.testing.assert_array_equal(table.photo, [0, 0, 2, 2])
    assert table.regions == ["left_cheek", "chin"] * 2 and table.values.shape == (4, len(table.columns))
    nan = np.nan
    wanted = [[nan, 1, nan, 2], [nan] * 4, [nan, 3, nan, 4]]
    np.testing.assert_array_equal(table.by_photo(np.array([1.0, 2, 3, 4])), wanted)


class FakeIndex:
    columns = ("a", "b")


def test_what_is_known_is_named_column_by_column(small):
    table = PhotoTable(small.prepared[:2])
    seen = table.trunk_output(trunk())
    similar = np.arange(8.0).reshape(4, 2)
    for columns, values in (
        (table.patch_columns(FakeIndex()), table.patch_values(seen, similar, np.arange(4.0))),
        (table.side_columns(FakeIndex()), table.side_values(seen, similar, np.arange(4.0))),
    ):
        assert values.shape[1] == len(columns) and len(set(columns)) == len(columns)
    np.testing.assert_array_equal(values[:, -3:], [[1, 2, 0.5], [5, 6, 2.5]])  # means of a photo's patches
    inputs = table.patch_inputs()
    maps = trunk().look(inputs)[1]
    loads = [m[x[..., -1] > 0.5] for m, x in zip(maps, inputs, strict=True)]
    roots = [np.sqrt(np.concatenate(loads[2 * n : 2 * n + 2])).mean() for n in range(2)]
    np.testing.assert_allclose(values[:, columns.index("net_mean_root")], roots, rtol=1e-4)
    assert seen.sides.shape == (2, len(NET_COLUMNS))


def test_what_the_references_do_not_know_is_unknown(small):
    table = PhotoTable(small.prepared[:2])
    similar = np.array([[np.nan, 1], [np.nan, 3], [2, 4], [np.nan, 4]])
    values = table.side_values(table.trunk_output(trunk()), similar, np.zeros(4))
    np.testing.assert_array_equal(values[:, -3:-1], [[np.nan, 2], [2, 4]])


def test_difficulty_is_what_is_known_of_a_side():
    made = study(spots_make_the_grade, subjects=3, visits=1)
    table = PhotoTable([made.prepared[0], Prepared("bad.jpg", error="no face found"), made.prepared[1]])
    nan = np.nan
    columns = ("measured_cm2", "neighbour_distance", "neighbour_spread", "ita_deg")
    values = np.array([[80, 2, 1, 35], [nan, nan, nan, nan], [150, nan, 2, 20]], float)
    by_region = table.by_photo(np.array([2.0, 4.0, 5.0, 5.0]))
    got = table.difficulty(
        values, columns, np.array([0.2, nan, 0.2]), by_region, grades=np.array([3.0, nan, 5.0])
    )
    np.testing.assert_allclose(
        got, [[2, 1, 0.2, 1, 3, 35, 80], [nan, nan, nan, 0, nan, nan, nan], [nan, 2, 0.2, 0, 5, 20, 150]]
    )


def test_photos_that_could_all_not_be_used_are_reported(run):
    results = list(Grader(run.trained.model).grade([Prepared("bad.jpg", error="no face found")]))
    assert [(r.grade.name, r.grade.grade, r.grade.note) for r in results] == [
        ("bad.jpg", None, "no face found")
    ]


def test_an_empty_study_is_refused():
    with pytest.raises(TrainingError):
        train([], [], [], SETTINGS, folds=2)
