"""The Siamese encoder: its input, its losses against plain NumPy, and that it learns what it is shown."""

import copy
import os
from dataclasses import replace

import numpy as np
import pytest

from toolkit.errors import ModelError, TrainingError
from toolkit.pigment import map_skin
from toolkit.records import Patch, PigmentMaps
from toolkit.settings import EncoderSettings, Settings
from toolkit.siamese import (
    LOSSES,
    Encoder,
    backend,
    contrastive_loss,
    encoder_input,
    log_ratio_loss,
    pair_loss,
    pretrain,
    rank_n_contrast,
    train_encoder,
)
from toolkit.siamese.inputs import CHANNELS
from toolkit.siamese.training import _error_on_skin, _error_on_twins

MASK = CHANNELS - 1
SMALL = EncoderSettings(channels=(6, 8), embedding=16, epochs=20, batch=16)
THREE_SIZES = ((32, 48), (48, 32), (32, 64))


def dotted_inputs(n, seed, shapes=((32, 48),)):
    """n encoder inputs whose number of dots follows the grade, with noise, an edge and a corner masked out."""
    rng = np.random.default_rng(seed)
    grades = rng.integers(0, 13, n) / 2
    inputs = []
    for i, grade in enumerate(grades):
        height, width = shapes[i % len(shapes)]
        x = np.zeros((height, width, CHANNELS))
        x[..., :3] = rng.normal(0, 0.2, (height, width, 3))
        for _ in range(round(3 * grade)):
            row, column = rng.integers(1, height - 2), rng.integers(1, width - 2)
            x[row : row + 2, column : column + 2, :2] += 1.5
        x[..., MASK] = 1
        x[: height // 4, : rng.integers(1, width // 3)] = 0
        x[:, : rng.integers(0, width // 4)] = 0
        x = x[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
        inputs.append(x.astype(np.float16))
    return inputs, grades


def spearman(a, b):
    from scipy.stats import spearmanr

    return spearmanr(a, b)[0]


def planted(n, seed, shape=(32, 48)):
    """n encoder inputs with brown and red dots, and the green OD of the brown ones alone.

    Both kinds of dot show in the melanin channel; only a red one shows in that of erythema.
    """
    rng = np.random.default_rng(seed)
    inputs, maps = [], []
    y, x = np.mgrid[: shape[0], : shape[1]]
    for _ in range(n):
        skin = np.ones(shape, bool)
        skin[: rng.integers(2, shape[0] // 2), : rng.integers(2, shape[1] // 2)] = False
        brown, red = np.zeros(shape), np.zeros(shape)
        for layer, number in ((brown, rng.integers(0, 12)), (red, rng.integers(0, 12))):
            for row, column in rng.uniform(0, shape, (number, 2)):
                spot = (y - row) ** 2 + (x - column) ** 2 < rng.uniform(2, 9)
                layer[spot] = rng.uniform(0.1, 0.3)
        channels = np.dstack([0.5 * brown + 0.5 * red, brown + red, red])
        channels = 6 * channels + rng.normal(0, 0.1, channels.shape)
        picture = np.zeros((*shape, CHANNELS), np.float16)
        picture[..., :3] = channels * skin[..., None]
        picture[..., MASK] = skin
        inputs.append(picture)
        maps.append((brown * skin).astype(np.float32))
    return inputs, maps


def correlation_on_skin(predicted, truth, inputs):
    skins = [picture[..., MASK] > 0.5 for picture in inputs]
    flat = [
        np.concatenate([m[skin] for m, skin in zip(maps, skins, strict=True)]) for maps in (predicted, truth)
    ]
    return np.corrcoef(*flat)[0, 1]


@pytest.fixture(scope="module")
def trunk():
    """An encoder whose trunk has learnt planted pigment."""
    return pretrain(*planted(64, seed=0), SMALL, seed=0, epochs=20)


@pytest.fixture(scope="module")
def scratch():
    """Trunk and head trained together, from grades alone."""
    inputs, grades = dotted_inputs(160, seed=1)
    return train_encoder(inputs, grades, np.arange(160), replace(SMALL, epochs=30), seed=3)


@pytest.fixture(scope="module")
def trained(trunk):
    """A head on the kept trunk."""
    inputs, grades = dotted_inputs(160, seed=1, shapes=THREE_SIZES)
    settings = replace(SMALL, epochs=40)
    return train_encoder(inputs, grades, np.arange(160) // 16, settings, seed=3, start=trunk)


# --- the network's input


def maps_of(shape=(60, 90), px_per_mm=3.0):
    rng = np.random.default_rng(0)
    melanin, darkness, erythema = rng.normal(0, 0.6, (3, *shape)).astype(np.float32)
    skin = np.ones(shape, bool)
    skin[:30, :30] = False
    for values in (melanin, darkness, erythema):
        values[~skin] = 0
    return PigmentMaps(melanin, darkness, erythema, skin, px_per_mm)


def components_of(maps, level=(0.4, 0.9, 0.3)):
    """Melanin, darkness and erythema of even skin, with the deviations of the maps on it."""
    deviations = np.dstack([maps.melanin, maps.darkness, maps.erythema])
    return (deviations + np.array(level)).astype(np.float32)


def seen(maps, settings):
    return encoder_input(maps, components_of(maps), settings)


def test_encoder_input_has_the_networks_scale():
    x = seen(maps_of(), EncoderSettings(px_per_mm=2.0))
    assert x.shape == (40, 60, CHANNELS) and x.dtype == np.float16
    assert np.abs(x[..., :MASK]).max() == EncoderSettings().map_clip  # some values lie beyond the clip
    np.testing.assert_array_equal(x[:20, :20], 0)
    np.testing.assert_array_equal(x[20:, 20:, MASK], 1)


def test_encoder_input_at_equal_scale_is_the_maps_times_the_gain():
    maps = maps_of(px_per_mm=2.0)
    x = seen(maps, EncoderSettings(px_per_mm=2.0, map_gain=4.0, map_clip=2.0))
    for channel, name in enumerate(("melanin", "darkness", "erythema")):
        wanted = np.clip(4.0 * getattr(maps, name), -2, 2)
        np.testing.assert_allclose(x[..., channel], wanted, atol=2e-3)


def test_encoder_input_of_even_skin_is_even():
    maps = PigmentMaps(
        *(np.full((30, 30), v, np.float32) for v in (0.1, 0.2, -0.1)), np.ones((30, 30), bool), 3.0
    )
    x = seen(maps, EncoderSettings())
    np.testing.assert_allclose(x[..., :5], np.full((20, 20, 5), [0.6, 1.2, -0.6, 0, 0]), atol=2e-3)


def test_a_field_as_broad_as_its_surroundings_shows_against_plain_skin():
    flat = np.zeros((40, 60), np.float32)
    maps = PigmentMaps(flat, flat, flat, np.ones((40, 60), bool), 2.0)
    components = components_of(maps)
    components[:, :25, 0] += 0.1
    x = encoder_input(maps, components, EncoderSettings(px_per_mm=2.0))
    np.testing.assert_allclose(x[:, :25, 3], 0.6, atol=2e-3)
    np.testing.assert_allclose(x[:, 25:, 3], 0.0, atol=2e-3)
    assert not x[..., :3].any()


def test_cut_off_margins_are_given_back():
    maps = maps_of(shape=(40, 60), px_per_mm=2.0)
    with_margins = replace(maps, margins=((4, 8), (2, 6)))
    x = seen(with_margins, EncoderSettings(px_per_mm=2.0))
    assert x.shape == (52, 68, CHANNELS)
    np.testing.assert_array_equal(x[4:44, 2:62], seen(maps, EncoderSettings(px_per_mm=2.0)))
    assert not x[:4].any() and not x[:, :2].any() and not x[44:].any() and not x[:, 62:].any()


@pytest.mark.parametrize("region", ["forehead", "left_cheek", "chin"])
def test_the_default_patches_can_be_halved_as_often_as_the_network_does(region):
    settings = Settings()
    width, height = settings.patch.size_px(region)
    flat = np.zeros((height, width), np.float32)
    maps = PigmentMaps(flat, flat, flat, np.ones((height, width), bool), settings.patch.px_per_mm)
    height, width = seen(maps, settings.encoder).shape[:2]
    step = 2 ** (len(settings.encoder.channels) - 1)
    assert height % step == 0 and width % step == 0


# --- large pictures


def test_a_crop_lies_on_skin_and_is_whole_whatever_the_picture():
    from toolkit.siamese.training import _CROP_PX, _cut, _somewhere

    rng = np.random.default_rng(0)
    picture = np.zeros((400, 120, CHANNELS), np.float16)
    picture[300:, :, MASK] = 1
    for _ in range(20):
        window = _somewhere(picture, rng)
        crop = _cut(picture, window)
        assert crop.shape == (_CROP_PX, _CROP_PX, CHANNELS)
        assert crop[..., MASK].sum() >= 0.2 * picture[..., MASK].sum()
    assert _somewhere(picture[:100], rng) is None


# --- losses


def brute_rank_n_contrast(y, h, temperature):
    """Zha et al. 2023, equation 2, with loops; one value a sample."""
    n = len(y)
    s = -np.sqrt(((h[:, None] - h[None]) ** 2).sum(-1)) / temperature
    losses = np.zeros(n)
    for i in range(n):
        for j in range(n):
            if i != j:
                rivals = [k for k in range(n) if k != i and abs(y[i] - y[k]) >= abs(y[i] - y[j]) - 1e-9]
                losses[i] -= np.log(np.exp(s[i, j]) / np.exp(s[i, rivals]).sum()) / (n - 1)
    return losses


def brute_pair(y, h):
    """Mean binary cross-entropy of "the same half step" on sigmoid(1 - d), over the others."""
    n = len(y)
    losses = np.zeros(n)
    for i in range(n):
        for j in range(n):
            if i != j:
                p = 1 / (1 + np.exp(np.sqrt(((h[i] - h[j]) ** 2).sum()) - 1))
                losses[i] -= np.log(p if abs(y[i] - y[j]) < 0.25 else 1 - p) / (n - 1)
    return losses


def brute_contrastive(y, h, margin=2.0):
    """Hadsell, Chopra and LeCun 2006, equation 4 without its halves; the mean over the others."""
    n = len(y)
    losses = np.zeros(n)
    for i in range(n):
        for j in range(n):
            if i != j:
                d = np.sqrt(((h[i] - h[j]) ** 2).sum())
                losses[i] += (d**2 if abs(y[i] - y[j]) < 0.25 else max(margin - d, 0) ** 2) / (n - 1)
    return losses


def brute_log_ratio(y, h):
    """Kim et al. 2019, equation 5, for each anchor over all pairs of others, a pair with itself included."""
    n = len(y)
    losses = np.zeros(n)
    for a in range(n):
        others = [i for i in range(n) if i != a]
        for i in others:
            for j in others:
                d_i, d_j = (np.sqrt(((h[a] - h[k]) ** 2).sum()) + 1e-3 for k in (i, j))
                y_i, y_j = (abs(y[a] - y[k]) + 0.25 for k in (i, j))
                losses[a] += (np.log(d_i / d_j) - np.log(y_i / y_j)) ** 2 / (n - 1) ** 2
    return losses


def batch(seed, n=7):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 8, n) / 2, rng.normal(0, 1.5, (n, 3)).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_rank_n_contrast_against_loops(seed, temperature):
    y, h = batch(seed)  # half steps among few: with ties
    got = np.asarray(rank_n_contrast((y / 9)[:, None].astype(np.float32), h, temperature))
    np.testing.assert_allclose(got, brute_rank_n_contrast(y, h, temperature), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "loss, brute",
    [(pair_loss, brute_pair), (contrastive_loss, brute_contrastive), (log_ratio_loss, brute_log_ratio)],
)
def test_losses_against_loops(loss, brute, seed):
    y, h = batch(seed)
    got = np.asarray(loss((y / 9)[:, None].astype(np.float32), h))
    assert got.shape == (7,)
    np.testing.assert_allclose(got, brute(y, h), rtol=2e-3, atol=1e-3)


def test_the_contrastive_margin_leaves_pairs_beyond_it_alone():
    y = np.array([[0.0], [0.5]], np.float32)
    far, near = (np.array([[0.0], [d]], np.float32) for d in (2.5, 1.5))
    np.testing.assert_allclose(np.asarray(contrastive_loss(y, far)), 0, atol=1e-5)
    np.testing.assert_allclose(np.asarray(contrastive_loss(y, near)), 0.25, atol=1e-3)
    np.testing.assert_allclose(np.asarray(contrastive_loss(y, far, margin=3.0)), 0.25, atol=1e-3)


def test_distances_in_proportion_to_grades_have_no_log_ratio_loss():
    y = np.array([1, 2, 4, 7.5])
    h = np.zeros((4, 1), np.float32)
    h[:, 0] = y
    in_proportion = np.mean(log_ratio_loss((y / 9)[:, None].astype(np.float32), h))
    assert in_proportion < 0.05 < np.mean(log_ratio_loss((y / 9)[:, None].astype(np.float32), h[::-1]))
    # A ratio does not change with the scale of the embedding.
    assert np.mean(log_ratio_loss((y / 9)[:, None].astype(np.float32), 5 * h)) == pytest.approx(
        in_proportion, abs=0.01
    )


@pytest.mark.parametrize("name", LOSSES)
def test_losses_prefer_an_embedding_in_the_grades_order(name):
    y = np.array([0, 0, 1, 1, 2, 2], np.float32)[:, None] / 4
    ordered, shuffled = (np.array(h, np.float32)[:, None] for h in ([0, 0, 3, 3, 6, 6], [3, 0, 6, 3, 0, 6]))
    assert np.mean(LOSSES[name](y, ordered)) < 0.7 * np.mean(LOSSES[name](y, shuffled))


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_of_one_has_no_pairs_and_does_no_harm(name):
    one = np.asarray(LOSSES[name](np.array([[0.5]], np.float32), np.ones((1, 3), np.float32)))
    assert one.shape == (1,) and np.isfinite(one).all() and abs(one[0]) < 25


@pytest.mark.parametrize("name", LOSSES)
def test_losses_have_finite_gradients_where_embeddings_coincide(name):
    import tensorflow as tf

    h = tf.Variable(np.zeros((4, 3), np.float32))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(LOSSES[name](tf.constant([[0.1], [0.1], [0.5], [0.9]]), h))
    assert np.isfinite(np.asarray(tape.gradient(loss, h))).all()


# --- the trunk


def test_the_trunk_learns_planted_pigment_and_not_redness(trunk):
    inputs, truth = planted(30, seed=1)
    _, predicted = trunk.look(inputs)
    melanin = [picture[..., 0].astype(np.float32) for picture in inputs]
    untrained = correlation_on_skin(Encoder(SMALL).look(inputs)[1], truth, inputs)
    assert correlation_on_skin(predicted, truth, inputs) > 0.85
    assert correlation_on_skin(melanin, truth, inputs) < 0.7 and not untrained > 0.6
    # It measures: the load on skin is that which was planted.
    loads = [[m.mean() for m in maps] for maps in (predicted, truth)]
    assert np.corrcoef(*loads)[0, 1] > 0.9
    assert np.mean(loads[0]) == pytest.approx(np.mean(loads[1]), rel=0.3)


def test_more_contrast_is_more_pigment(trunk):
    inputs, _ = planted(20, seed=2)
    stronger = [picture.copy() for picture in inputs]
    for picture in stronger:
        picture[..., :MASK] *= 1.3
    plain, more = (np.mean([m.mean() for m in trunk.look(pictures)[1]]) for pictures in (inputs, stronger))
    assert 1.1 < more / plain < 1.6


def test_pooled_features_and_maps_of_mixed_sizes(trunk):
    inputs, _ = dotted_inputs(9, seed=3, shapes=THREE_SIZES)
    pooled, maps = trunk.look(inputs)
    assert pooled.shape == (9, 2 * (8 + 6 + 6)) and pooled.dtype == np.float32
    for picture, pigment in zip(inputs, maps, strict=True):
        assert pigment.shape == picture.shape[:2] and pigment.dtype == np.float32
        assert pigment.min() == 0 and (pigment[picture[..., MASK] == 0] == 0).all()
    assert max(pigment.max() for pigment in maps) > 0.05


def test_looking_does_not_depend_on_company_or_order(trunk):
    inputs, _ = dotted_inputs(70, seed=7, shapes=THREE_SIZES)  # more than a batch
    pooled, maps = trunk.look(inputs)
    turned, turned_maps = trunk.look(inputs[::-1])
    alone, one_map = trunk.look(inputs[5:6])
    np.testing.assert_allclose(turned[::-1], pooled, atol=1e-4)
    np.testing.assert_allclose(alone[0], pooled[5], atol=1e-4)
    np.testing.assert_allclose(one_map[0], maps[5], atol=1e-5)
    for one, same in zip(maps, turned_maps[::-1], strict=True):
        np.testing.assert_allclose(same, one, atol=1e-5)


def test_a_patch_without_skin_is_no_nan(trunk):
    pooled, maps = trunk.look([np.zeros((32, 48, CHANNELS), np.float16)])
    assert np.isfinite(pooled).all() and (maps[0] == 0).all()


def test_pretraining_repeats_for_one_seed():
    inputs, maps = planted(16, seed=4)
    first, again = (pretrain(inputs, maps, SMALL, 5, epochs=1).look(inputs)[0] for _ in range(2))
    np.testing.assert_allclose(first, again, atol=1e-4)


def test_pretraining_tells_its_epochs():
    told = []
    pretrain(*planted(4, seed=4), SMALL, 0, epochs=2, progress=lambda *now: told.append(now))
    assert [now[:2] for now in told] == [(1, 2), (2, 2)] and all(np.isfinite(now[2]) for now in told)


# --- learning


def test_a_trunk_learns_on_from_where_it_was():
    inputs, maps = planted(8, seed=11)

    def trainable(encoder):
        return [variable.numpy() for variable in encoder.trunk.trainable_weights]

    start = pretrain(inputs, maps, SMALL, 0, epochs=1)
    before = trainable(start)
    still = trainable(pretrain(inputs, maps, SMALL, 1, epochs=1, start=start, learning_rate=0.0))
    assert all(np.array_equal(a, b) for a, b in zip(before, still, strict=True))
    moved = trainable(pretrain(inputs, maps, SMALL, 1, epochs=1, start=start))
    assert not any(np.array_equal(a, b) for a, b in zip(before, moved, strict=True))


def test_what_is_said_of_twins_costs_when_it_differs():
    rng = np.random.default_rng(12)
    skin = np.ones((2, 16, 16, 1), np.float32)
    planted_map = np.repeat(rng.random((1, 16, 16, 1), np.float32), 2, axis=0)
    truth = np.concatenate([planted_map, skin], axis=-1)
    alike, apart = planted_map + 0.5, planted_map + np.float32([0.7, 0.3])[:, None, None, None]
    whole = [float(_error_on_twins(truth, said)) for said in (alike, apart)]
    own = [float(_error_on_skin(truth, said)) for said in (alike, apart)]
    assert whole[0] == pytest.approx(own[0]) and whole[1] > own[1] + 0.1


def test_a_trunk_learns_from_twins_too():
    inputs, maps = planted(8, seed=11)
    twins = [one * np.float16(0.5) for one in inputs]

    def weights(**how):
        encoder = pretrain(inputs, maps, SMALL, 0, epochs=1, **how)
        return encoder.trunk.trainable_weights[0].numpy()

    assert not np.array_equal(weights(), weights(twins=twins))


@pytest.mark.parametrize("which", ["scratch", "trained"])
def test_a_visible_signal_is_learnt_and_carries_over(which, request):
    encoder = request.getfixturevalue(which)
    inputs, grades = dotted_inputs(80, seed=2, shapes=THREE_SIZES if which == "trained" else THREE_SIZES[:1])
    found = encoder.embed(inputs)
    assert found.embeddings.shape == (80, 16) and found.embeddings.dtype == np.float32
    assert found.scores.shape == (80,) and found.scores.min() >= 0 and found.scores.max() <= 9
    assert spearman(found.scores, grades) > 0.8
    assert np.sqrt(np.mean((found.scores - grades) ** 2)) < 0.75 * grades.std()
    # Distance tells how grades differ, as the twin network is meant to.
    distance = np.linalg.norm(found.embeddings[:, None] - found.embeddings[None], axis=-1)
    pairs = np.triu_indices(80, 1)
    assert spearman(distance[pairs], np.abs(grades[:, None] - grades[None])[pairs]) > 0.5


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_trains(trunk, loss):
    inputs, grades = dotted_inputs(120, seed=1, shapes=THREE_SIZES)
    unseen, truth = dotted_inputs(60, seed=2, shapes=THREE_SIZES)
    settings = replace(SMALL, loss=loss, epochs=30)
    found = train_encoder(inputs, grades, np.arange(120), settings, seed=0, start=trunk).embed(unseen)
    assert spearman(found.scores, truth) > 0.7
    targets = (truth[:, None] / 9).astype(np.float32)
    value, shuffled = (np.mean(LOSSES[loss](y, found.embeddings)) for y in (targets, np.roll(targets, 7)))
    assert value < 0.93 * shuffled


def test_a_start_keeps_its_trunk_bit_for_bit_and_gets_a_new_head(trunk):
    before = copy.deepcopy(trunk.trunk.get_weights())
    old_head = copy.deepcopy(trunk.head.get_weights())
    inputs, grades = dotted_inputs(48, seed=4)
    encoder = train_encoder(inputs, grades, np.arange(48), replace(SMALL, epochs=2), seed=0, start=trunk)
    for weights in (encoder.trunk.get_weights(), trunk.trunk.get_weights()):
        assert len(weights) == len(before)
        assert all(np.array_equal(a, b) for a, b in zip(weights, before, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(trunk.head.get_weights(), old_head, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(encoder.head.get_weights(), old_head, strict=True))
    np.testing.assert_array_equal(encoder.look(inputs)[0], trunk.look(inputs)[0])


@pytest.mark.parametrize("kept", [True, False])
def test_training_repeats_for_one_seed(trunk, kept):
    inputs, grades = dotted_inputs(48, seed=4)
    settings, start = replace(SMALL, epochs=2), trunk if kept else None

    def fit(seed):
        return train_encoder(inputs, grades, np.arange(48), settings, seed=seed, start=start).embed(inputs)

    first, again = fit(5), fit(5)
    np.testing.assert_allclose(first.embeddings, again.embeddings, atol=1e-4)
    np.testing.assert_allclose(first.scores, again.scores, atol=1e-3)
    if kept:
        assert np.abs(first.embeddings - fit(6).embeddings).max() > 1e-2


def test_what_the_trunk_sees_may_be_given(trunk):
    inputs, grades = dotted_inputs(48, seed=4)
    settings = replace(SMALL, epochs=2)
    seen = trunk.look(inputs)[0]
    given, found = (
        train_encoder(inputs, grades, np.arange(48), settings, seed=0, start=trunk, pooled=pooled).place(seen)
        for pooled in (seen, None)
    )
    np.testing.assert_allclose(given[0], found[0], atol=1e-5)


@pytest.mark.parametrize("kept", [True, False])
def test_progress_counts_the_epochs(trunk, kept):
    inputs, grades = dotted_inputs(32, seed=4)
    told = []
    train_encoder(
        inputs, grades, np.arange(32) // 8, replace(SMALL, epochs=3, loss="pair"), seed=0,
        start=trunk if kept else None, progress=lambda *now: told.append(now),
    )  # fmt: skip
    assert [(a, b) for a, b, _ in told] == [(1, 3), (2, 3), (3, 3)]
    assert all(np.isfinite(loss) for *_, loss in told)


def test_a_last_batch_of_one_does_no_harm(trunk):
    inputs, grades = dotted_inputs(17, seed=6)
    inputs[0] = inputs[0][:16, :16]
    found = train_encoder(inputs, grades, np.arange(17), replace(SMALL, epochs=1), seed=0, start=trunk)
    assert np.isfinite(found.embed(inputs).embeddings).all()


def test_unknown_loss_and_equal_grades_are_refused():
    inputs, grades = dotted_inputs(8, seed=0)
    with pytest.raises(TrainingError, match="unknown loss 'triplet': choose one of rnc, pair, contrastive"):
        train_encoder(inputs, grades, np.arange(8), replace(SMALL, loss="triplet"), seed=0)
    with pytest.raises(TrainingError, match="same grade"):
        train_encoder(inputs, np.full(8, 4.0), np.arange(8), SMALL, seed=0)


# --- when to stop


@pytest.fixture
def fits(monkeypatch):
    """What every call of a Keras model's fit was given, and the history that it gave."""
    import keras

    seen, fit = [], keras.Model.fit

    def watched(self, x, y, **options):
        history = fit(self, x, y, **options)
        seen.append((x, options["validation_data"], history.history))
        return history

    monkeypatch.setattr(keras.Model, "fit", watched)
    return seen


def marked_by_subject(trunk, subjects, photos=4, seed=0):
    """Pooled features whose first column is the subject; a weak signal under much noise."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(subjects), photos)
    pooled = rng.normal(0, 1, (len(owner), trunk.trunk.output["pooled"].shape[-1])).astype(np.float32)
    grades = np.clip(4 + pooled[:, 1] + rng.normal(0, 1, len(owner)), 0, 9)
    pooled[:, 0] = owner
    return pooled, grades, np.array([f"S{i}" for i in owner])


def test_training_stops_by_subjects_that_it_does_not_learn_from(trunk, fits):
    pooled, grades, subjects = marked_by_subject(trunk, 30)
    told = []
    encoder = train_encoder(
        [], grades, subjects, replace(SMALL, epochs=150), seed=0, start=trunk, pooled=pooled,
        progress=lambda *now: told.append(now),
    )  # fmt: skip
    (learnt, (held, truth), history), *others = fits
    assert not others
    assert not set(learnt[:, 0]) & set(held[:, 0])
    assert len(set(held[:, 0])) == 5 and len(set(learnt[:, 0])) == 25  # one subject in six
    assert len(held) == 20 and len(learnt) == 100  # with all their photos
    by_subject = {(row[0], row[1]): grade for row, grade in zip(pooled, grades, strict=True)}
    np.testing.assert_allclose(
        9 * truth["grade"][:, 0], [by_subject[row[0], row[1]] for row in held], rtol=1e-5
    )
    # It stopped before it was told to, and kept its best.
    assert len(told) < 150
    errors = history["val_grade_loss"]
    kept = encoder.head.evaluate(held, truth, batch_size=SMALL.batch, verbose=0, return_dict=True)
    assert kept["grade_loss"] == pytest.approx(min(errors), rel=1e-3) and min(errors) < errors[-1]


def test_other_seeds_hold_out_other_subjects(trunk, fits):
    pooled, grades, subjects = marked_by_subject(trunk, 24)
    for seed in (0, 0, 1):
        train_encoder([], grades, subjects, replace(SMALL, epochs=1), seed=seed, start=trunk, pooled=pooled)
    held = [set(validation[0][:, 0]) for _, validation, _ in fits]
    assert held[0] == held[1] != held[2]


def test_few_subjects_are_all_learnt_from(trunk, fits):
    pooled, grades, subjects = marked_by_subject(trunk, 17)
    train_encoder([], grades, subjects, replace(SMALL, epochs=2), seed=0, start=trunk, pooled=pooled)
    ((learnt, validation, _),) = fits
    assert validation is None and len(learnt) == len(pooled)


# --- embedding


def test_embedding_does_not_depend_on_company_or_order(trained):
    inputs, _ = dotted_inputs(70, seed=7)
    together = trained.embed(inputs)
    alone = trained.embed(inputs[5:6])
    turned = trained.embed(inputs[::-1])
    for name in ("embeddings", "scores"):
        all_of_them = getattr(together, name)
        np.testing.assert_allclose(getattr(alone, name)[0], all_of_them[5], atol=1e-3)
        np.testing.assert_allclose(getattr(turned, name)[::-1], all_of_them, atol=1e-3)


def test_nothing_to_embed(trained):
    found = trained.embed([])
    assert found.embeddings.shape == (0, 16) and found.scores.shape == (0,) and found.pigment == ()


def test_a_mirrored_patch_embeds_nearby(trained):
    inputs, _ = dotted_inputs(40, seed=8)
    plain, mirrored = (trained.embed(xs).embeddings for xs in (inputs, [x[:, ::-1] for x in inputs]))
    moved = np.linalg.norm(plain - mirrored, axis=1)
    others = np.linalg.norm(plain[:, None] - plain[None], axis=-1)
    assert np.median(moved) < 0.3 * np.median(others[np.triu_indices(40, 1)])


def test_what_is_painted_out_does_not_matter(trained):
    rng = np.random.default_rng(9)
    pixels = rng.integers(120, 200, (48, 72, 3), np.uint8)
    skin = np.ones((48, 72), bool)
    skin[10:30, 20:40] = False
    inputs = []
    for fill in (0, 255, rng.integers(0, 256, (skin.size - skin.sum(), 3))):
        pixels[~skin] = fill
        maps = map_skin(Patch("chin", pixels.copy(), skin, 3.0, np.eye(2, 3)), Settings().pigment)
        inputs.append(encoder_input(maps.wide, maps.components, SMALL))
    pooled, maps = trained.look(inputs)
    embeddings, scores = trained.place(pooled)
    np.testing.assert_allclose(pooled, pooled[[0, 0, 0]], atol=1e-5)
    np.testing.assert_allclose(embeddings, embeddings[[0, 0, 0]], atol=1e-5)
    np.testing.assert_allclose(scores, scores[0], atol=1e-4)
    for pigment in maps:
        np.testing.assert_allclose(pigment, maps[0], atol=1e-6)
        assert (pigment[inputs[0][..., MASK] <= 0.5] == 0).all()


def test_how_much_is_painted_out_matters_less_than_what_is_shown(trained):
    inputs, _ = dotted_inputs(40, seed=8)
    plain = trained.embed(inputs).embeddings
    wider = trained.embed([np.pad(x, ((0, 0), (0, 48), (0, 0))) for x in inputs]).embeddings
    others = np.linalg.norm(plain[:, None] - plain[None], axis=-1)
    moved = np.linalg.norm(plain - wider, axis=1)
    assert np.median(moved) < 0.45 * np.median(others[np.triu_indices(40, 1)])


# --- saving


def test_saved_and_loaded_it_does_the_same(trained, tmp_path):
    inputs, _ = dotted_inputs(10, seed=10)
    path = tmp_path / "encoder.npz"
    trained.save(path)
    before, after = trained.embed(inputs), Encoder.load(path, SMALL).embed(inputs)
    # One runs in Keras, the other in ONNX Runtime, whose sums are rounded in another order.
    np.testing.assert_allclose(after.embeddings, before.embeddings, atol=1e-4)
    np.testing.assert_allclose(after.scores, before.scores, atol=1e-4)
    np.testing.assert_allclose(after.pigment, before.pigment, atol=1e-6)
    assert np.abs(Encoder(SMALL).embed(inputs).embeddings - before.embeddings).max() > 1e-2


def test_saved_weights_are_plain_arrays(trained, tmp_path):
    trained.save(tmp_path / "encoder.npz")
    with np.load(tmp_path / "encoder.npz", allow_pickle=False) as arrays:
        assert all(array.dtype == np.float32 for array in arrays.values())


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "noise", "folder", "lone array"])
def test_damaged_weights_are_refused(trained, tmp_path, damage):
    path = tmp_path / "encoder.npz"
    trained.save(path)
    whole = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage == "lone array":
        np.save(tmp_path / "one.npy", np.zeros(3))
        (tmp_path / "one.npy").rename(path)
    elif damage != "missing":
        path.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "noise": b"x" * 5000}[damage])
    with pytest.raises(ModelError, match=r"encoder\.npz: encoder weights cannot be read") as caught:
        Encoder.load(path, SMALL)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "other, part",
    [
        ({"channels": (6, 12)}, "trunk"),
        ({"channels": (6, 8, 8)}, "trunk"),
        ({"channels": (6,)}, "trunk"),
        ({"embedding": 8}, "head"),
    ],
)
def test_weights_of_other_settings_are_refused(trained, tmp_path, other, part):
    path = tmp_path / "encoder.npz"
    trained.save(path)
    with pytest.raises(ModelError, match=f"the {part}'s weights do not fit the model's settings"):
        Encoder.load(path, replace(SMALL, **other))


def test_the_default_network_is_small():
    encoder = Encoder(EncoderSettings())
    assert encoder.trunk.count_params() + encoder.head.count_params() < 500_000
    found = encoder.embed([np.zeros((80, 128, CHANNELS), np.float16)])
    assert found.embeddings.shape == (1, 32) and np.isfinite(found.embeddings).all()
    assert found.pigment[0].shape == (80, 128)


def test_what_tensorflow_writes_while_it_loads_is_left_out_and_all_else_is_passed_on(capfd):
    absl = "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    one_dnn = "I0000 00:00:1795758068.062809    8356 port.cc:153] oneDNN custom operations are on.\n"
    with backend._without_chatter():
        os.write(2, f"{absl}{one_dnn}E0000 00:00:1.5 8356 x.cc:1] no memory\nmine\n".encode())
    assert capfd.readouterr().err == "E0000 00:00:1.5 8356 x.cc:1] no memory\nmine\n"
