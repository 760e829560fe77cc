"""The Siamese encoder: its input, its losses against plain NumPy, and that it learns what it is shown."""

from dataclasses import replace

import numpy as np
import pytest

from toolkit.errors import ModelError, TrainingError
from toolkit.pigment import measure
from toolkit.records import Patch, PigmentMaps
from toolkit.settings import EncoderSettings, Settings
from toolkit.siamese import (
    Encoder,
    build_encoder,
    encoder_input,
    pair_loss,
    rank_n_contrast,
    train_encoder,
)

SMALL = EncoderSettings(channels=(8, 8, 8, 8), embedding=8, epochs=20, batch=16)
THREE_SIZES = ((32, 48), (48, 32), (32, 64))


def dotted_inputs(n, seed, shapes=((32, 48),)):
    """n encoder inputs whose number of dots follows the grade, with noise and a corner masked out."""
    rng = np.random.default_rng(seed)
    grades = rng.integers(0, 13, n) / 2
    inputs = []
    for i, grade in enumerate(grades):
        height, width = shapes[i % len(shapes)]
        x = rng.normal(0, 0.2, (height, width, 4))
        for _ in range(round(3 * grade)):
            row, column = rng.integers(1, height - 2), rng.integers(1, width - 2)
            x[row : row + 2, column : column + 2, :2] += 1.5
        x[..., 3] = 1
        x[: height // 4, : rng.integers(1, width // 3)] = 0
        inputs.append(x.astype(np.float16))
    return inputs, grades


def spearman(a, b):
    from scipy.stats import spearmanr

    return spearmanr(a, b)[0]


@pytest.fixture(scope="module")
def trained():
    inputs, grades = dotted_inputs(160, seed=1)
    return train_encoder(inputs, grades, SMALL, seed=3)


# --- the network's input


def maps_of(shape=(60, 90), px_per_mm=3.0):
    rng = np.random.default_rng(0)
    melanin, darkness, erythema = rng.normal(0, 0.3, (3, *shape)).astype(np.float32)
    skin = np.ones(shape, bool)
    skin[:30, :30] = False
    for values in (melanin, darkness, erythema):
        values[~skin] = 0
    return PigmentMaps(melanin, darkness, erythema, skin, px_per_mm)


def test_encoder_input_has_the_networks_scale():
    x = encoder_input(maps_of(), EncoderSettings(px_per_mm=2.0))
    assert x.shape == (40, 60, 4) and x.dtype == np.float16
    assert np.abs(x[..., :3]).max() == 3.0  # 0.3 x 6 reaches beyond the clip
    np.testing.assert_array_equal(x[:20, :20], 0)
    np.testing.assert_array_equal(x[20:, 20:, 3], 1)


def test_encoder_input_at_equal_scale_is_the_maps_times_the_gain():
    maps = maps_of(px_per_mm=2.0)
    x = encoder_input(maps, EncoderSettings(px_per_mm=2.0, map_gain=4.0, map_clip=2.0))
    for channel, name in enumerate(("melanin", "darkness", "erythema")):
        wanted = np.clip(4.0 * getattr(maps, name), -2, 2)
        np.testing.assert_allclose(x[..., channel], wanted, atol=2e-3)


def test_encoder_input_of_even_skin_is_even():
    maps = PigmentMaps(
        *(np.full((30, 30), v, np.float32) for v in (0.1, 0.2, -0.1)), np.ones((30, 30), bool), 3.0
    )
    x = encoder_input(maps, EncoderSettings())
    np.testing.assert_allclose(x[..., :3], np.full((20, 20, 3), [0.6, 1.2, -0.6]), atol=2e-3)


@pytest.mark.parametrize("region", ["forehead", "left_cheek", "chin"])
def test_the_default_patches_fit_four_halvings(region):
    settings = Settings()
    width, height = settings.patch.size_px(region)
    flat = np.zeros((height, width), np.float32)
    maps = PigmentMaps(flat, flat, flat, np.ones((height, width), bool), settings.patch.px_per_mm)
    height, width = encoder_input(maps, settings.encoder).shape[:2]
    assert height % 16 == 0 and width % 16 == 0


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
def test_pair_loss_against_loops(seed):
    y, h = batch(seed)
    got = np.asarray(pair_loss((y / 9)[:, None].astype(np.float32), h))
    np.testing.assert_allclose(got, brute_pair(y, h), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("loss", [rank_n_contrast, pair_loss])
def test_losses_prefer_an_embedding_in_the_grades_order(loss):
    y = np.array([0, 0, 1, 1, 2, 2], np.float32)[:, None] / 4
    ordered, shuffled = (np.array(h, np.float32)[:, None] for h in ([0, 0, 3, 3, 6, 6], [3, 0, 6, 3, 0, 6]))
    assert np.mean(loss(y, ordered)) < 0.7 * np.mean(loss(y, shuffled))


# --- learning


def test_a_visible_signal_is_learnt_and_carries_over(trained):
    inputs, grades = dotted_inputs(80, seed=2, shapes=THREE_SIZES)
    embeddings, scores = trained.embed(inputs)
    assert embeddings.shape == (80, 8) and embeddings.dtype == np.float32
    assert scores.shape == (80,) and scores.min() >= 0 and scores.max() <= 9
    assert spearman(scores, grades) > 0.8
    assert np.sqrt(np.mean((scores - grades) ** 2)) < 0.75 * grades.std()
    # Distance tells how grades differ, as the twin network is meant to.
    distance = np.linalg.norm(embeddings[:, None] - embeddings[None], axis=-1)
    pairs = np.triu_indices(80, 1)
    assert spearman(distance[pairs], np.abs(grades[:, None] - grades[None])[pairs]) > 0.5


def test_training_repeats_for_one_seed():
    inputs, grades = dotted_inputs(48, seed=4)
    settings = replace(SMALL, epochs=2)
    first, again, other = (train_encoder(inputs, grades, settings, seed).embed(inputs) for seed in (5, 5, 6))
    np.testing.assert_allclose(first[0], again[0], atol=1e-4)
    np.testing.assert_allclose(first[1], again[1], atol=1e-3)
    assert np.abs(first[0] - other[0]).max() > 1e-2


def test_progress_counts_the_epochs():
    inputs, grades = dotted_inputs(32, seed=4)
    told = []
    settings = replace(SMALL, epochs=3, loss="pair")
    train_encoder(inputs, grades, settings, 0, lambda epoch, epochs, loss: told.append((epoch, epochs, loss)))
    assert [(a, b) for a, b, _ in told] == [(1, 3), (2, 3), (3, 3)]
    assert all(np.isfinite(loss) for *_, loss in told)


@pytest.mark.parametrize("loss", ["rnc", "pair"])
def test_patches_of_several_sizes_train_together(loss):
    inputs, grades = dotted_inputs(160, seed=1, shapes=THREE_SIZES)
    unseen, truth = dotted_inputs(60, seed=2, shapes=THREE_SIZES)
    _, scores = train_encoder(inputs, grades, replace(SMALL, loss=loss, epochs=15), seed=0).embed(unseen)
    assert spearman(scores, truth) > 0.7


@pytest.mark.parametrize("loss", ["rnc", "pair"])
def test_a_batch_of_one_has_no_pairs_and_does_no_harm(loss):
    inputs, grades = dotted_inputs(17, seed=6)
    inputs[0] = inputs[0][:16, :16]
    embeddings, scores = train_encoder(inputs, grades, replace(SMALL, epochs=1, loss=loss), 0).embed(inputs)
    assert np.isfinite(embeddings).all() and np.isfinite(scores).all()


def test_unknown_loss_and_equal_grades_are_refused():
    inputs, grades = dotted_inputs(8, seed=0)
    with pytest.raises(TrainingError, match="unknown loss 'triplet': choose one of rnc, pair"):
        train_encoder(inputs, grades, replace(SMALL, loss="triplet"), 0)
    with pytest.raises(TrainingError, match="same grade"):
        train_encoder(inputs, np.full(8, 4.0), SMALL, 0)


# --- embedding


def test_embedding_does_not_depend_on_company_or_order(trained):
    inputs, _ = dotted_inputs(70, seed=7)
    together = trained.embed(inputs)
    alone = trained.embed(inputs[5:6])
    turned = trained.embed(inputs[::-1])
    for all_of_them, one, backwards in zip(together, alone, turned, strict=True):
        np.testing.assert_allclose(one[0], all_of_them[5], atol=1e-4)
        np.testing.assert_allclose(backwards[::-1], all_of_them, atol=1e-4)


def test_nothing_to_embed(trained):
    embeddings, scores = trained.embed([])
    assert embeddings.shape == (0, 8) and scores.shape == (0,)


def test_a_mirrored_patch_embeds_nearby(trained):
    inputs, _ = dotted_inputs(40, seed=8)
    plain, mirrored = (trained.embed(xs)[0] for xs in (inputs, [x[:, ::-1] for x in inputs]))
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
        _, maps = measure(Patch("chin", pixels.copy(), skin, 3.0, np.eye(2, 3)), Settings().pigment)
        inputs.append(encoder_input(maps, SMALL))
    embeddings, scores = trained.embed(inputs)
    np.testing.assert_allclose(embeddings, embeddings[[0, 0, 0]], atol=1e-5)
    np.testing.assert_allclose(scores, scores[0], atol=1e-4)


def test_how_much_is_painted_out_hardly_matters(trained):
    inputs, _ = dotted_inputs(40, seed=8)
    plain = trained.embed(inputs)[0]
    wider = trained.embed([np.pad(x, ((0, 0), (0, 48), (0, 0))) for x in inputs])[0]
    others = np.linalg.norm(plain[:, None] - plain[None], axis=-1)
    moved = np.linalg.norm(plain - wider, axis=1)
    assert np.median(moved) < 0.3 * np.median(others[np.triu_indices(40, 1)])


# --- saving


def test_saved_and_loaded_it_embeds_the_same(trained, tmp_path):
    inputs, _ = dotted_inputs(10, seed=10)
    path = tmp_path / "encoder.weights.h5"
    trained.save(path)
    loaded = Encoder.load(path, SMALL)
    for before, after in zip(trained.embed(inputs), loaded.embed(inputs), strict=True):
        np.testing.assert_allclose(after, before, atol=1e-5)
    fresh, _ = Encoder(SMALL).embed(inputs)
    assert np.abs(fresh - trained.embed(inputs)[0]).max() > 1e-2


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "noise", "folder"])
def test_damaged_weights_are_refused(trained, tmp_path, damage):
    path = tmp_path / "encoder.weights.h5"
    trained.save(path)
    whole = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "noise": b"x" * 5000}[damage])
    with pytest.raises(ModelError, match=r"encoder\.weights\.h5: encoder weights cannot be loaded"):
        Encoder.load(path, SMALL)


@pytest.mark.filterwarnings("ignore:Skipping nested container")
@pytest.mark.parametrize(
    "other", [{"channels": (8, 8, 8, 16)}, {"channels": (8, 8, 8, 8, 8)}, {"embedding": 16}]
)
def test_weights_of_other_settings_are_refused(trained, tmp_path, other):
    path = tmp_path / "encoder.weights.h5"
    trained.save(path)
    with pytest.raises(ModelError, match="cannot be loaded"):
        Encoder.load(path, replace(SMALL, **other))


def test_the_default_network_is_small():
    model = build_encoder(EncoderSettings())
    assert model.count_params() < 60_000
    out = model.predict_on_batch(np.zeros((2, 80, 128, 4), np.float32))
    assert out["embedding"].shape == (2, 32) and out["grade"].shape == (2, 1)
    assert np.isfinite(out["embedding"]).all()  # a patch without any skin is no NaN
