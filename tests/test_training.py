"""Training on small made-up studies: no subject answers for itself, and what cannot be learnt is not learnt."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from toolkit import training
from toolkit.errors import TrainingError
from toolkit.index import ReferenceIndex
from toolkit.model import load_model, save_model
from toolkit.pipeline import Grader, PatchTable, Prepared, prepare
from toolkit.records import REGIONS, FacePatches, Patch
from toolkit.settings import BlendSettings, EncoderSettings, IndexSettings, Settings
from toolkit.training import rebuild_index, train

SETTINGS = Settings(
    encoder=replace(EncoderSettings(), epochs=3, channels=(8, 8, 8, 8), embedding=8, batch=16),
    index=IndexSettings(neighbours=5),
    blend=BlendSettings(trees=60),
)
SIZE = 48  # pixels at 3 px/mm: 16 mm
SKIN = np.array([0.60, 0.35, 0.24])  # linear light
MELANIN = np.array([0.61, 1.0, 1.52])  # optical density in R, G, B for each unit in green


@dataclass(frozen=True)
class Study:
    prepared: list[Prepared]
    grades: np.ndarray
    subjects: np.ndarray


def a_patch(region, density, light=1.0):
    """A patch of skin under a melanin map (SIZE, SIZE) in green OD; ``light`` may tint it."""
    linear = SKIN * light * np.exp(-density[..., None] * MELANIN)
    srgb = 255 * (1.055 * np.clip(linear, 0.0031308, 1) ** (1 / 2.4) - 0.055)
    skin = np.ones((SIZE, SIZE), bool)
    return Patch(region, srgb.astype(np.uint8), skin, 3.0, np.eye(2, 3))


def dots(rng, number):
    """Round spots of 1.3 mm and 0.3 OD at random places."""
    y, x = np.mgrid[:SIZE, :SIZE]
    density = np.zeros((SIZE, SIZE))
    for row, column in rng.uniform(3, SIZE - 3, (number, 2)):
        density[(y - row) ** 2 + (x - column) ** 2 < 4] = 0.3
    return density


def name_of(subject, visit):
    return f"P{subject:04}_FACE_L_S00_VCR_S2_V{visit:02}D00W{4 * visit:02}.jpg"


def study(draw, subjects=20, visits=4, regions=("left_cheek", "chin"), seed=0):
    """``draw(rng, subject's rng, subject's grade)`` gives a photo's grade and a function that draws a patch."""
    rng = np.random.default_rng(seed)
    # A subject's own level: evenly spread, in random order.
    levels = rng.permutation(np.round(np.linspace(1, 7, subjects) * 2) / 2)
    prepared, grades, owners = [], [], []
    for subject, level in enumerate(levels):
        for visit in range(visits):
            grade, draw_patch = draw(rng, np.random.default_rng(1000 + subject), level)
            patches = tuple(draw_patch(region) for region in regions)
            name = name_of(subject, visit)
            prepared.append(prepare(FacePatches(name, "0" * 64, patches), SETTINGS))
            grades.append(grade)
            owners.append(f"P{subject:04}")
    return Study(prepared, np.array(grades), np.array(owners))


def spots_make_the_grade(rng, own, level):
    grade = float(np.clip(level + rng.integers(-2, 3) / 2, 0, 9))

    def draw_patch(region):
        noise = rng.normal(0, 0.01, (SIZE, SIZE))
        return a_patch(region, dots(rng, round(2 * grade)) + noise, rng.lognormal(0, 0.05))

    return grade, draw_patch


def the_subject_makes_the_grade(rng, own, level):
    """No spots; each subject a tint and a faint texture of its own, the same on all its photos."""
    tint, mottle = own.normal(1, 0.04, 3), own.uniform(0, 0.03)
    texture = mottle * own.standard_normal((SIZE // 4, SIZE // 4)).repeat(4, 0).repeat(4, 1)

    def draw_patch(region):
        return a_patch(region, texture + rng.normal(0, 0.005, (SIZE, SIZE)), tint)

    return level, draw_patch


def rmse(predicted, grades):
    return float(np.sqrt(np.mean((np.asarray(predicted) - grades) ** 2)))


def always_the_mean(trained, grades):
    """RMSE of answering each fold with the mean of the others."""
    predicted = np.zeros(len(grades))
    for train_photos, test_photos in trained.folds:
        predicted[test_photos] = grades[train_photos].mean()
    return rmse(predicted, grades)


@dataclass(frozen=True)
class Run:
    study: Study
    trained: training.Trained
    asked: list  # (subjects of the references, subjects of the queries) of each look-up
    encoders: list  # number of patches that each encoder was trained on
    told: list


@pytest.fixture(scope="module")
def run():
    """A study whose grade is visible, trained with an eye on who is compared with whom."""
    made = study(spots_make_the_grade)
    asked, encoders, told = [], [], []
    look_up, train_encoder = ReferenceIndex.features, training.train_encoder

    def watched_features(self, embeddings, regions, subjects):
        asked.append((set(self.references.subjects), set(subjects)))
        return look_up(self, embeddings, regions, subjects)

    def watched_training(inputs, *rest):
        encoders.append(len(inputs))
        return train_encoder(inputs, *rest)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ReferenceIndex, "features", watched_features)
        patched.setattr(training, "train_encoder", watched_training)
        trained = train(
            made.prepared,
            made.grades,
            made.subjects,
            SETTINGS,
            folds=3,
            progress=lambda *now: told.append(now),
        )
    return Run(made, trained, asked, encoders, told)


# --- what can be learnt


def test_a_visible_grade_is_learnt_and_carries_over_to_unseen_subjects(run):
    assert np.isfinite(run.trained.predicted).all()
    assert rmse(run.trained.predicted, run.study.grades) < 0.5 * always_the_mean(
        run.trained, run.study.grades
    )


def test_the_interval_is_as_wide_as_the_out_of_fold_errors(run):
    off = np.abs(run.trained.predicted - run.study.grades)
    half_width = run.trained.model.blend.half_width
    assert 0.85 <= np.mean(off <= half_width) <= 1
    assert half_width < 2


def test_region_weights_are_shares(run):
    weights = run.trained.model.blend.weights
    assert tuple(weights) == REGIONS and sum(weights.values()) == pytest.approx(1)


# --- no subject answers for itself


def test_folds_keep_a_subject_together(run):
    for train_photos, test_photos in run.trained.folds:
        assert not set(run.study.subjects[train_photos]) & set(run.study.subjects[test_photos])
    tested = np.sort(np.concatenate([test for _, test in run.trained.folds]))
    np.testing.assert_array_equal(tested, np.arange(len(run.study.grades)))


def test_a_subjects_own_references_never_enter_its_features(run):
    assert len(run.asked) == 3  # one look-up a fold
    for bank, queries in run.asked:
        assert queries and not bank & queries
        assert bank | queries == set(run.study.subjects)


def test_a_fold_never_trains_the_encoder_that_embeds_it(run):
    patches = 2 * np.array([len(train_photos) for train_photos, _ in run.trained.folds])
    assert run.encoders == [*patches, 2 * len(run.study.grades)]  # the last one is everybody's


def test_who_a_subject_is_cannot_be_learnt_as_its_grade():
    """Grade and appearance are both the subject's own, but have nothing to do with each other."""
    made = study(the_subject_makes_the_grade)
    trained = train(made.prepared, made.grades, made.subjects, SETTINGS, folds=3)
    trivial = always_the_mean(trained, made.grades)
    assert rmse(trained.predicted, made.grades) > 0.9 * trivial
    # The mark is there to be found: whoever splits by photo is taken in by it.
    assert rmse(nearest_other_photo(made), made.grades) < 0.6 * trivial


def nearest_other_photo(made):
    """The grade of the photo whose pigment features are nearest: mostly another visit of the same subject."""
    values = PatchTable(made.prepared).values
    values = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-9)
    by_photo = values.reshape(len(made.grades), -1)
    distance = np.linalg.norm(by_photo[:, None] - by_photo[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    return made.grades[distance.argmin(axis=1)]


# --- the model that comes of it


def test_the_model_has_everybody_as_reference(run):
    model = run.trained.model
    assert set(model.index.references.subjects) == set(run.study.subjects)
    assert len(model.index.references.grades) == 2 * len(run.study.grades)
    by_photo = dict(zip([p.name for p in run.study.prepared], run.study.grades, strict=True))
    for photo, grade in zip(model.index.references.photos, model.index.references.grades, strict=True):
        assert by_photo[photo] == grade


def test_the_card_tells_what_it_was_trained_on(run):
    card = run.trained.model.card
    assert (card["photos"], card["subjects"], card["folds"], card["seed"]) == (80, 20, 3, 0)
    assert sum(card["references"].values()) == 160
    assert card["half_width"] == run.trained.model.blend.half_width


def test_progress_tells_every_stage(run):
    stages = list(dict.fromkeys(stage for stage, _, _ in run.told))
    assert stages == [*(f"encoder, fold {n} of 3" for n in (1, 2, 3)), "blend", "final encoder"]
    assert run.told[0][1:] == (1, 3) and run.told[-1][1:] == (3, 3)


def test_the_model_grades_new_photos_before_and_after_saving(run, tmp_path):
    new = study(spots_make_the_grade, subjects=6, visits=2, seed=9)
    save_model(run.trained.model, tmp_path / "model")
    before, after = (
        [result.grade for result in Grader(model).grade(new.prepared)]
        for model in (run.trained.model, load_model(tmp_path / "model"))
    )
    np.testing.assert_allclose([g.grade for g in after], [g.grade for g in before], atol=1e-3)
    assert rmse([g.grade for g in before], new.grades) < 0.6 * new.grades.std()
    assert all(g.lower <= g.grade <= g.upper and set(g.regions) == {"left_cheek", "chin"} for g in before)


def test_other_references_through_the_same_encoder(run):
    new = study(spots_make_the_grade, subjects=4, visits=1, seed=5)
    model = rebuild_index(run.trained.model, new.prepared, new.grades, new.subjects)
    assert set(model.index.references.subjects) == set(new.subjects)
    assert sum(model.card["references"].values()) == len(model.index.references.grades) == 8
    assert model.blend is run.trained.model.blend and model.encoder is run.trained.model.encoder
    assert len(run.trained.model.index.references.grades) == 160  # the old model is as it was


# --- what cannot be trained on


@pytest.fixture(scope="module")
def small():
    return study(spots_make_the_grade, subjects=4, visits=1)


def test_one_grade_only_is_refused(small):
    with pytest.raises(TrainingError, match="same grade"):
        train(small.prepared, [4.0] * 4, small.subjects, SETTINGS, folds=2)


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
    table = PatchTable(prepared)
    np.testing.assert_array_equal(table.photo, [0, 0, 2, 2])
    assert table.regions == ["left_cheek", "chin"] * 2 and table.values.shape == (4, len(table.columns))
    nan = np.nan
    wanted = [[nan, 1, nan, 2], [nan] * 4, [nan, 3, nan, 4]]
    np.testing.assert_array_equal(table.by_photo(np.array([1.0, 2, 3, 4])), wanted)
    values = table.blend_values(np.full((4, 2), 7.0), np.arange(4.0))
    assert values.shape == (4, len(table.blend_columns(("a", "b"))))
    np.testing.assert_array_equal(values[:, -5:], [[7, 7, i, 0, i % 2] for i in range(4)])


def test_photos_that_could_all_not_be_used_are_reported(run):
    results = list(Grader(run.trained.model).grade([Prepared("bad.jpg", error="no face found")]))
    assert [(r.grade.name, r.grade.grade, r.grade.note) for r in results] == [
        ("bad.jpg", None, "no face found")
    ]


def test_an_empty_study_is_refused():
    with pytest.raises(TrainingError):
        train([], [], [], SETTINGS, folds=2)
