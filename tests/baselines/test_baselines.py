"""The earlier models: each rule against plain loops, and each network on pictures that it must learn."""

import cv2
import numpy as np
import pytest

from toolkit.baselines import (
    Split,
    check_backbone,
    classes_by_similarity,
    classify,
    cyclical_rate,
    deep_features,
    grade_patches,
    load_backbone,
    match_pairs,
    rolled,
)
from toolkit.baselines import backbone as backbone_module
from toolkit.baselines.common import pictures
from toolkit.baselines.pairs import _pair_cross_entropy, pair_figures, references
from toolkit.baselines.patches_mlp import rolls_by_class
from toolkit.errors import TrainingError
from toolkit.settings import BaselineSettings

SIZE = 16


def silent(done, total):
    """Nobody watches."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A small "pretrained" network without top, made for pictures of 32 px."""
    import keras

    keras.utils.set_random_seed(1)
    x = picture = keras.layers.Input((32, 32, 3))
    for width in (8, 8):
        x = keras.layers.Conv2D(width, 3, strides=2, padding="same", activation="relu")(x)
    path = tmp_path_factory.mktemp("weights") / "tiny.keras"
    keras.models.Model(picture, x).save(path)
    return path


@pytest.fixture(scope="module")
def coloured(tmp_path_factory):
    """60 pictures of three classes, told apart by brightness."""
    folder, rng = tmp_path_factory.mktemp("png"), np.random.default_rng(0)
    classes = rng.permutation(np.arange(60) % 3)
    for number, c in enumerate(classes):
        pixels = rng.integers(0, 60, (SIZE, SIZE, 3)) + 80 * c
        cv2.imwrite(str(folder / f"{number:02}.png"), pixels.astype(np.uint8))
    return [folder / f"{number:02}.png" for number in range(60)], classes


def settings(tiny, **changes):
    plain = {"weights": str(tiny), "image_size": SIZE, "epochs": 8, "batch": 8, "high_learning_rate": 0.02}
    return BaselineSettings(**{**plain, "frozen_fraction": 0.0, "dropout": 0.1, "embedding": 8, **changes})


SPLIT = Split(np.arange(36), np.arange(36, 44), np.arange(44, 60))


def test_the_learning_rate_rises_and_falls_between_its_bounds():
    plain = BaselineSettings(
        low_learning_rate=1e-8, high_learning_rate=1e-4, half_cycle_epochs=2, rate_decay=1.0
    )
    rates = [cyclical_rate(step, plain, 10) for step in range(81)]
    assert rates[0] == rates[40] == rates[80] == pytest.approx(1e-8)
    assert rates[20] == rates[60] == pytest.approx(1e-4)
    assert rates[10] == pytest.approx((1e-4 + 1e-8) / 2)
    decayed = [cyclical_rate(step, BaselineSettings(rate_decay=0.99), 10) for step in range(81)]
    assert decayed[60] == pytest.approx(1e-8 + (1e-4 - 1e-8) * 0.99**60)


def test_the_seeds_network_is_what_it_was():
    plain = BaselineSettings()
    assert (plain.backbone, plain.batch, plain.dropout, plain.references) == ("resnet50", 32, 0.5, 100)
    assert (plain.low_learning_rate, plain.high_learning_rate) == (1e-8, 1e-4)
    model, frozen = load_backbone(BaselineSettings(weights="none", image_size=32))
    core = next(layer for layer in model.layers if layer.name == "resnet50")
    assert frozen == 0 and len(core.layers) == 175
    assert round(plain.frozen_fraction * len(core.layers)) == 160


def test_pixels_reach_the_network_from_minus_one_to_one(tiny):
    import keras

    model, _ = load_backbone(BaselineSettings(backbone="mobilenetv2", weights="none", image_size=32))
    scaled = keras.models.Model(
        model.input, next(x for x in model.layers if x.name.startswith("rescal")).output
    )
    ends = np.stack([np.zeros((32, 32, 3)), np.full((32, 32, 3), 255.0)])
    assert np.allclose(scaled.predict_on_batch(ends)[:, 0, 0, 0], [-1, 1], atol=1e-6)


def test_a_whole_model_fits_another_size_and_keeps_its_weights(tiny):
    import keras

    model, _ = load_backbone(settings(tiny))
    known = keras.models.load_model(tiny)
    pixels = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 3)).astype(np.float32)
    same, _ = load_backbone(settings(tiny, image_size=32))
    assert model.output_shape == (None, 4, 4, 8)
    expected = known.predict_on_batch((pixels - 127) / 128)
    assert np.allclose(same.predict_on_batch(pixels), expected, atol=1e-5)
    for one, other in zip(model.get_weights(), known.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_a_share_of_a_pretrained_networks_layers_is_frozen(tiny):
    model, frozen = load_backbone(settings(tiny, frozen_fraction=0.67))
    assert frozen == 2 and len(model.trainable_weights) == 2


def test_normalisation_stays_as_pretrained(tmp_path):
    import keras

    picture = keras.layers.Input((32, 32, 3))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(picture))
    keras.models.Model(picture, x).save(tmp_path / "normalised.keras")
    model, _ = load_backbone(
        BaselineSettings(weights=str(tmp_path / "normalised.keras"), image_size=32, frozen_fraction=0)
    )
    pixels = np.random.default_rng(0).integers(0, 255, (8, 32, 32, 3)).astype(np.float32)
    assert np.allclose(model(pixels, training=True), model(pixels, training=False), atol=1e-5)
    assert len(model.trainable_weights) == 2  # of the convolution
    scratch, _ = load_backbone(BaselineSettings(backbone="mobilenetv2", weights="none", image_size=32))
    learnt = {weight.path.rpartition("/")[2] for weight in scratch.trainable_weights}
    assert {"gamma", "beta"} <= learnt


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"backbone": "resnet51", "weights": "none"}, "--backbone resnet51: choose one of"),
        ({"weights": "nowhere.h5"}, "nowhere.h5: there is no such file of weights"),
        ({"weights": "pyproject.toml"}, "--backbone-weights none"),
    ],
)
def test_a_backbone_that_cannot_be_had(changes, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("no weights")
    with pytest.raises(TrainingError, match=told.replace(".", r"\.")) as error:
        check_backbone(BaselineSettings(image_size=32, **changes))
    assert "\n" not in str(error.value)


def test_without_a_network_the_error_says_what_to_do(monkeypatch):
    def resnet50(**options):
        raise Exception("URL fetch failure on https://example.org")

    monkeypatch.setattr(backbone_module, "_applications", lambda: {"resnet50": resnet50})
    with pytest.raises(TrainingError, match=r"URL fetch failure.*--backbone-weights FILE.*from scratch"):
        check_backbone(BaselineSettings())


def test_a_model_with_its_top_on_is_refused(tmp_path):
    import keras

    keras.Sequential([keras.layers.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(3)]).save(
        tmp_path / "top.keras"
    )
    with pytest.raises(TrainingError, match="save it without top"):
        check_backbone(BaselineSettings(weights=str(tmp_path / "top.keras"), image_size=32))


def test_pictures_come_as_given_or_flipped_in_new_order(coloured):
    paths, classes = coloured
    plain = BaselineSettings(image_size=SIZE, batch=60)
    ((pixels, targets),) = pictures(paths, classes, plain).as_numpy_iterator()
    stored = np.stack([cv2.imread(str(path))[..., ::-1] for path in paths])
    assert np.array_equal(pixels, stored) and np.array_equal(targets, classes)
    ((mixed, targets),) = pictures(paths, np.arange(60), plain, seed=3).as_numpy_iterator()
    assert sorted(targets) == list(range(60)) and not np.array_equal(targets, np.arange(60))
    as_is = np.array([np.array_equal(mixed[i], stored[t]) for i, t in enumerate(targets)])
    flipped = np.array([np.array_equal(mixed[i], stored[t][:, ::-1]) for i, t in enumerate(targets)])
    assert (as_is ^ flipped).all() and 10 < flipped.sum() < 50


def test_transfer_learning_learns_and_keeps_off_the_test_pictures(coloured, tiny):
    paths, classes = coloured
    told = []
    fitted = classify(
        paths, classes, 3, SPLIT, settings=settings(tiny), seed=0, tell=lambda *epoch: told.append(epoch)
    )
    assert (fitted.classes[SPLIT.test] == classes[SPLIT.test]).mean() > 0.8
    assert told == [(n, 8) for n in range(1, 9)]
    assert [point["epoch"] for point in fitted.history] == list(range(1, 9))
    assert all({"loss", "val_loss"} <= set(point) for point in fitted.history)
    wrong = classes.copy()
    wrong[SPLIT.test] = 0  # what the test pictures are must not matter
    again = classify(paths, wrong, 3, SPLIT, settings=settings(tiny), seed=0, tell=silent)
    assert np.array_equal(again.classes, fitted.classes)


def test_pairs_learn_and_tell_their_scores_beside_the_trivial(coloured, tiny):
    paths, classes = coloured
    fitted = match_pairs(paths, classes, 3, SPLIT, settings=settings(tiny), seed=0, tell=silent)
    assert (fitted.classes[SPLIT.test] == classes[SPLIT.test]).mean() > 0.7
    same = np.array([classes[i] == classes[j] for i in SPLIT.test for j in SPLIT.test if i < j])
    assert fitted.figures["always_different_accuracy"] == pytest.approx(1 - same.mean())
    assert fitted.figures["constant_probability_rmse"] == pytest.approx(same.std())


def test_pair_scores_against_plain_loops():
    rng = np.random.default_rng(0)
    embeddings, classes = rng.normal(size=(12, 3)), rng.integers(0, 3, 12)
    found = pair_figures(embeddings, classes, -2.0, 1.5, rng=rng)
    right, squares = [], []
    for i in range(12):
        for j in range(i + 1, 12):
            p = 1 / (1 + np.exp(2.0 * np.linalg.norm(embeddings[i] - embeddings[j]) - 1.5))
            right.append((p > 0.5) == (classes[i] == classes[j]))
            squares.append((p - (classes[i] == classes[j])) ** 2)
    assert found["pairs"] == 66
    assert found["pair_accuracy"] == pytest.approx(np.mean(right))
    assert found["pair_rmse"] == pytest.approx(np.sqrt(np.mean(squares)))


def test_the_capstones_scores_on_pairs_are_those_of_answering_different():
    counts = {0: 449, 1: 348, 2: 261, 3: 452, 4: 379, 5: 285, 6: 229}  # its photographs by class
    classes = np.repeat(list(counts), list(counts.values()))
    found = pair_figures(np.zeros((len(classes), 2)), classes, -1.0, -9.0, rng=np.random.default_rng(0))
    assert found["always_different_accuracy"] == pytest.approx(0.849, abs=0.01)
    assert found["constant_probability_rmse"] == pytest.approx(0.358, abs=0.01)


def test_the_class_of_highest_average_similarity_against_plain_loops():
    rng = np.random.default_rng(1)
    embeddings = rng.normal(size=(20, 4))
    banks = [rng.normal(size=(5, 4)), np.zeros((0, 4)), rng.normal(0.5, 1, (9, 4))]
    found = classes_by_similarity(embeddings, banks, -1.3, 0.4)
    for row, embedding in enumerate(embeddings):
        similar = [
            np.mean([1 / (1 + np.exp(1.3 * np.linalg.norm(embedding - r) - 0.4)) for r in bank])
            if len(bank)
            else -1
            for bank in banks
        ]
        assert found[row] == int(np.argmax(similar)) != 1


def test_at_most_so_many_references_a_class():
    classes = np.repeat([0, 1, 3], [150, 7, 100])
    banks = references(classes, 4, 100, np.random.default_rng(0))
    assert [len(bank) for bank in banks] == [100, 7, 0, 100]
    assert all((classes[bank] == c).all() and len(set(bank)) == len(bank) for c, bank in enumerate(banks))


def test_the_pair_loss_against_plain_loops():
    rng = np.random.default_rng(2)
    classes, logits = np.array([0, 0, 1, 2, 1], np.float32), rng.normal(size=(5, 5)).astype(np.float32)
    logits = (logits + logits.T) / 2
    same, different = [], []
    for i in range(5):
        for j in range(5):
            if i != j:
                p = 1 / (1 + np.exp(-logits[i, j]))
                (same if classes[i] == classes[j] else different).append(
                    -np.log(p if classes[i] == classes[j] else 1 - p)
                )
    found = np.asarray(_pair_cross_entropy(classes[:, None], logits)).mean()
    assert found == pytest.approx((np.mean(same) + np.mean(different)) / 2, rel=1e-4)


def test_patches_roll_along_their_own_axis():
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    assert np.array_equal(rolled(pixels, "forehead", 0.5), pixels[:, [3, 4, 5, 0, 1, 2]])
    for region in ("left_cheek", "right_cheek", "chin"):
        assert np.array_equal(rolled(pixels, region, 0.25), pixels[[3, 0, 1, 2]])
    assert np.array_equal(rolled(pixels, "chin", 0.0), pixels)


def test_rarer_grades_are_shown_more_often():
    classes = np.repeat([0, 1, 2], [40, 20, 2])
    assert rolls_by_class(classes, 4)[[0, 40, 60]].tolist() == [1, 2, 4]


def test_deep_features_are_those_of_the_rolled_patch(tiny):
    rng = np.random.default_rng(0)
    patches = [rng.integers(0, 255, (SIZE, SIZE, 3)).astype(np.uint8) for _ in range(5)]
    regions = ["forehead", "chin", "left_cheek", "right_cheek", "forehead"]
    found = deep_features(patches, regions, settings(tiny, rolls=2), silent)
    assert found.shape == (5, 2, 8)
    shifted = [rolled(patch, region, 0.5) for patch, region in zip(patches, regions, strict=True)]
    assert np.allclose(
        deep_features(shifted, regions, settings(tiny, rolls=2), silent)[:, 0], found[:, 1], atol=1e-5
    )


def test_patches_are_graded_by_the_plain_mean_of_a_photograph():
    rng = np.random.default_rng(0)
    grades = rng.integers(2, 13, 60) / 2
    photo = np.repeat(np.arange(60), 2)
    features = rng.normal(size=(120, 2, 6)).astype(np.float32)
    features[:, :, 0] += grades[photo, None]
    plain = BaselineSettings(epochs=30, batch=16, high_learning_rate=0.01, hidden=(16,), dropout=0.0, rolls=2)
    classes = (grades > 4).astype(int)
    fitted = grade_patches(features, photo, grades, classes, split=SPLIT, settings=plain, seed=0, tell=silent)
    error = fitted.grades[SPLIT.test] - grades[SPLIT.test]
    assert np.sqrt(np.mean(error**2)) < 0.7 * grades[SPLIT.test].std()
    assert ((fitted.grades >= 0) & (fitted.grades <= 9)).all()
    changed = grades.copy()
    changed[SPLIT.test] = 9.0
    again = grade_patches(features, photo, changed, classes, split=SPLIT, settings=plain, seed=0, tell=silent)
    assert np.allclose(again.grades, fitted.grades)
