"""The encoder without TensorFlow: the same as the Keras models whose weights it has."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from drawn_photos import as_photo, chart_of, cut_of, drawn_half

from toolkit.landmarks import FaceFinder
from toolkit.model import load_model
from toolkit.pipeline import Grader, prepare, through_trunk
from toolkit.prepared import Prepared
from toolkit.records import FacePatches
from toolkit.settings import EncoderSettings
from toolkit.siamese import Encoder
from toolkit.siamese.exported import ExportedTrunk, head_of, head_shapes, trunk_graph, trunk_shapes
from toolkit.siamese.inputs import CHANNELS

SMALL = EncoderSettings(channels=(4, 6, 8), embedding=5)
OTHER = EncoderSettings(channels=(3, 5), embedding=4, map_gain=2.0)


def pictures(rng, *sizes):
    found = [rng.normal(0, 1, (*size, CHANNELS)).astype(np.float16) for size in sizes]
    for picture in found:
        picture[..., -1] = rng.random(picture.shape[:2]) > 0.3
    return found


def trained(settings, seed=0):
    """An encoder whose weights are all different, those of batch normalisation as well."""
    encoder, rng = Encoder(settings), np.random.default_rng(seed)
    for model in (encoder.trunk, encoder.head):
        model.set_weights(
            [(w + rng.normal(0, 0.1, w.shape)).astype(np.float32).clip(-3, 3) for w in model.get_weights()]
        )
        variances = [v for v in model.weights if "variance" in v.path]
        for variance in variances:
            variance.assign(rng.uniform(0.5, 2.0, variance.shape))
    return encoder


@pytest.mark.parametrize("settings", [SMALL, OTHER])
def test_shapes_are_those_of_the_keras_models(settings):
    encoder = Encoder(settings)
    assert [w.shape for w in encoder.trunk.get_weights()] == trunk_shapes(settings)
    assert [w.shape for w in encoder.head.get_weights()] == head_shapes(settings)


@pytest.mark.parametrize("settings", [SMALL, OTHER])
def test_the_trunk_sees_what_keras_sees(settings):
    encoder, rng = trained(settings), np.random.default_rng(1)
    run = ExportedTrunk(trunk_graph(encoder.trunk.get_weights(), settings))
    for shape in ((3, 16, 24), (1, 32, 8)):
        batch = np.stack(pictures(rng, *[shape[1:]] * shape[0])).astype(np.float32)
        pigment, *layers = run(batch)
        expected = encoder.trunk.predict_on_batch(batch)
        np.testing.assert_allclose(pigment, expected["pigment"][..., 0], rtol=1e-4, atol=1e-4)
        for layer, name in zip(layers, ("deepest", "last"), strict=True):
            np.testing.assert_allclose(np.moveaxis(layer, 1, -1), expected[name], rtol=1e-4, atol=1e-4)
        pooled, _ = encoder.look(list(batch))  # pooled by us, window by window
        np.testing.assert_allclose(pooled, expected["pooled"], rtol=1e-3, atol=1e-3)


def test_the_head_places_where_keras_places():
    encoder, rng = trained(SMALL), np.random.default_rng(2)
    pooled = rng.normal(0, 1, (7, head_shapes(SMALL)[0][0])).astype(np.float32)
    embedding, grade = head_of(encoder.head.get_weights(), pooled)
    expected = encoder.head.predict_on_batch(pooled)
    np.testing.assert_allclose(embedding, expected["embedding"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(grade, expected["grade"], rtol=1e-4, atol=1e-5)


def test_a_loaded_encoder_sees_sizes_in_any_order_and_can_be_saved_again(tmp_path):
    encoder, rng = trained(SMALL), np.random.default_rng(3)
    encoder.save(tmp_path / "encoder.npz")
    loaded = Encoder.load(tmp_path / "encoder.npz", SMALL)
    inputs = pictures(rng, (16, 24), (32, 8), (16, 24), (8, 8))
    found, expected = loaded.embed(inputs), encoder.embed(inputs)
    np.testing.assert_allclose(found.embeddings, expected.embeddings, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-3, atol=1e-3)
    for one, other, picture in zip(found.pigment, expected.pigment, inputs, strict=True):
        assert one.shape == picture.shape[:2] and not one[picture[..., -1] < 0.5].any()
        np.testing.assert_allclose(one, other, atol=1e-4)
    loaded.save(tmp_path / "again.npz")
    again = Encoder.load(tmp_path / "again.npz", SMALL)
    assert all(np.array_equal(again.weights[name], loaded.weights[name]) for name in loaded.weights)
    for one, other in zip(loaded.in_keras().trunk.get_weights(), encoder.trunk.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_no_patches_give_nothing():
    encoder = load_model().encoder
    pooled, maps = encoder.look([])
    assert pooled.shape == (0, head_shapes(encoder.settings)[0][0]) and maps == ()
    assert encoder.place(pooled)[0].shape == (0, encoder.settings.embedding)


def test_a_photo_grades_alike_seen_before_or_seen_by_the_grader():
    """What another process saw, and what Keras sees, give the same grade."""
    model = load_model()
    photo = as_photo(drawn_half("left", 5))
    face = FaceFinder(None, model.settings.face).find(photo)
    patches, dropped = cut_of(photo, face)
    name = "P0001_FACE_L_S00_V00D00W00.jpg"
    found = FacePatches(name, "", patches, face, dropped, chart=chart_of(photo, face))
    whole = prepare(found, model.settings)
    before = replace(whole, inputs=(), trunk_output=through_trunk(model.encoder, [whole]))
    in_keras = Grader(replace(model, encoder=model.encoder.in_keras()))
    (plain,), (seen,), (keras,) = (
        list(grader.grade([one]))
        for grader, one in ((Grader(model), whole), (Grader(model), before), (in_keras, whole))
    )
    assert seen.grade == plain.grade
    assert keras.grade.grade == pytest.approx(plain.grade.grade, abs=0.01)
    empty = Prepared("P0002_FACE_L_S00_V00D00W00.jpg", error="no face found")
    first, second = Grader(model).grade([empty, before])
    assert first.grade.grade is None and second.grade.grade == plain.grade.grade


def test_grading_loads_no_tensorflow(tmp_path):
    code = (
        "import sys, numpy as np\n"
        "from toolkit.model import load_model\n"
        "load_model().encoder.embed([np.ones((96, 224, 6), np.float16)])\n"
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_mixed_precision_learns_the_same_and_exports_the_same(monkeypatch):
    """As on a GPU: products in float16, weights and outputs in float32."""
    from toolkit.siamese import backend, pretrain

    rng = np.random.default_rng(4)
    inputs = pictures(rng, *[(16, 24)] * 8)
    maps = [np.maximum(0.05 * picture[..., 0].astype(np.float32), 0) for picture in inputs]
    losses = {}
    for gpu in (False, True):
        monkeypatch.setattr(backend, "has_gpu", lambda gpu=gpu: gpu)
        told = []
        encoder = pretrain(
            inputs,
            maps,
            SMALL,
            0,
            epochs=4,
            progress=lambda epoch, epochs, loss, told=told: told.append(loss),
        )
        losses[gpu] = told
    assert encoder.trunk.layers[1].dtype_policy.name == "mixed_float16"
    np.testing.assert_allclose(losses[True], losses[False], rtol=0.02)
    batch = np.stack(inputs).astype(np.float32)
    expected = encoder.trunk.predict_on_batch(batch)
    assert all(values.dtype == np.float32 for values in expected.values())
    pigment, *layers = ExportedTrunk(trunk_graph(encoder.trunk.get_weights(), SMALL))(batch)
    np.testing.assert_allclose(pigment, expected["pigment"][..., 0], atol=0.02)
    for layer, name in zip(layers, ("deepest", "last"), strict=True):
        np.testing.assert_allclose(np.moveaxis(layer, 1, -1), expected[name], atol=0.05)
