"""benchmarks.studies and benchmarks.encoders on a small made-up study."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import encoders as experiments
from benchmarks import people
from benchmarks.phantoms import subject_of
from benchmarks.studies import grading, preparing, tables, training
from benchmarks.studies.study import Study, load_study, save_study, slim
from toolkit.phototable import FIGURE, PhotoTable
from toolkit.pigment import CLASSICAL_COLUMNS
from toolkit.pipeline import prepare
from toolkit.records import FaceChart, FacePatches, Patch
from toolkit.settings import BlendSettings, EncoderSettings, IndexSettings, Settings
from toolkit.siamese import Encoder
from toolkit.training import train

SETTINGS = Settings(
    encoder=replace(EncoderSettings(), epochs=2, channels=(4, 4, 4, 4), embedding=4, batch=16),
    index=IndexSettings(neighbours=5),
    blend=BlendSettings(trees=30),
)
SIZE = 48  # pixels at 3 px/mm


def face(rng, name, grade):
    """Two patches of skin with a dark dot for each half grade."""
    patches = []
    for region in ("left_cheek", "chin"):
        pixels = rng.normal([200, 150, 125], 2, (SIZE, SIZE, 3))
        for row, column in rng.integers(2, SIZE - 6, (round(2 * grade), 2)):
            pixels[row : row + 4, column : column + 4] *= [0.85, 0.75, 0.65]
        skin = np.ones((SIZE, SIZE), bool)
        patches.append(Patch(region, pixels.clip(0, 255).astype(np.uint8), skin, 3.0, np.eye(2, 3)))
    return FacePatches(name, "", tuple(patches))


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(0)
    latent = np.repeat(rng.permutation(np.linspace(0.5, 8, 16)), 2) + rng.uniform(-0.2, 0.2, 32)
    photos = [prepare(face(rng, f"set/{i:02}.jpg", grade), SETTINGS) for i, grade in enumerate(latent)]
    photos = [slim(one) for one in photos]
    rgb = [
        tuple(rng.integers(0, 255, (*picture.shape[:2], 3), np.uint8) for picture in one.inputs)
        for one in photos
    ]
    subjects = np.array([f"face:{i // 2:02}" for i in range(32)])
    graders = np.clip(np.round(2 * (latent[:, None] + rng.normal(0, 0.3, (32, 3)))) / 2, 0, 9)
    ita = rng.uniform(-40, 60, 32)
    return Study(
        tuple(photos),
        latent,
        graders,
        ita,
        subjects,
        tuple(rgb),
        np.column_stack([latent, latent]) / 100,
        ("lost.jpg: no face",),
    )


@pytest.fixture(scope="module")
def trained(study):
    import keras

    keras.utils.set_random_seed(0)
    return train(
        study.photos,
        study.graders[:, 0],
        study.subjects,
        SETTINGS,
        folds=3,
        seed=7,
        start=Encoder(SETTINGS.encoder),
    )


def test_a_study_comes_back_as_it_was_kept(study, tmp_path):
    path = tmp_path / "prepared.npz"
    save_study(path, study, "these settings")
    assert load_study(path, "other settings") is None
    back = load_study(path, "these settings")
    for name in ("latent", "graders", "ita", "subjects", "planted"):
        np.testing.assert_array_equal(getattr(back, name), getattr(study, name))
    assert back.lost == study.lost
    one, two = PhotoTable(study.photos), PhotoTable(back.photos)
    assert (one.photos, one.regions, one.columns) == (two.photos, two.regions, two.columns)
    np.testing.assert_array_equal(one.values, two.values)
    np.testing.assert_array_equal(one.photo, two.photo)
    np.testing.assert_array_equal(one.sides, two.sides)
    for mine, kept in zip(study.photos, back.photos, strict=True):
        assert mine.windows == kept.windows
        for name in ("inputs", "parts"):
            assert all(map(np.array_equal, getattr(mine, name), getattr(kept, name)))
    for mine, kept in zip(study.rgb, back.rgb, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(mine, kept, strict=True))


def test_kept_inputs_depend_on_what_makes_them_alone():
    longer = replace(SETTINGS, encoder=replace(SETTINGS.encoder, epochs=99, channels=(8, 8)))
    coarser = replace(SETTINGS, encoder=replace(SETTINGS.encoder, px_per_mm=1.0))
    smoother = replace(SETTINGS, pigment=replace(SETTINGS.pigment, smooth_mm=1.0))
    assert preparing.preparation(longer) == preparing.preparation(SETTINGS)
    assert preparing.preparation(coarser) != preparing.preparation(SETTINGS)
    assert preparing.preparation(smoother) != preparing.preparation(SETTINGS)


def test_a_blend_of_all_columns_is_the_product_s(study, trained):
    found = grading.graded_by_all(study, trained, SETTINGS, 7)
    np.testing.assert_allclose(found["blend"].grades, trained.predicted, atol=1e-9)


def test_the_planted_map_grades_up_to_the_grader_s_noise(study, trained):
    found = grading.graded_by_all(study, trained, SETTINGS, 7)["planted map"].grades
    assert np.sqrt(np.mean(np.square(found - study.latent))) < 0.6


def test_the_planted_figures_are_means_over_the_measured_skin():
    skin = np.zeros((8, 8), bool)
    skin[:4] = True
    nothing = np.zeros((8, 8), np.uint8)
    chart = FaceChart(
        np.zeros((8, 8, 3), np.uint8), skin, skin, nothing, nothing, 3.0, np.eye(2, 3), (0.0, 0.0)
    )
    planted = np.full((8, 8), 0.9, np.float32)
    planted[:4, :4], planted[:4, 4:] = 0.04, 0.16
    found = preparing.planted_figures(planted, FacePatches("x", "", (), chart=chart))
    assert found == pytest.approx((0.1, 0.3))


def test_features_alone_see_nothing_learnt(study, trained):
    """Learnt columns turned to noise change the blend, and not the features' grades."""
    values, columns = trained.values.copy(), trained.model.blend.side.columns
    others = [i for i, name in enumerate(columns) if name not in CLASSICAL_COLUMNS]
    values[:, others] = np.random.default_rng(1).normal(size=(len(values), len(others)))
    noisy = replace(trained, values=values)
    before, after = (grading.graded_by_all(study, one, SETTINGS, 7) for one in (trained, noisy))
    np.testing.assert_array_equal(before["features alone"].grades, after["features alone"].grades)
    for name in ("power, isotonic", "load, isotonic", "network's map"):
        assert not np.array_equal(before[name].grades, after[name].grades)


def test_widths_of_a_fold_are_calibrated_on_the_others(study, trained):
    """A fold that is graded badly widens the intervals of the others, not its own."""
    nothing = np.full((32, len(grading.DIFFICULTY)), np.nan)
    good = study.graders[:, 0] + 0.1
    bad, spoilt = good.copy(), trained.folds[0][1]
    bad[spoilt] += 3
    before, after = (grading.half_widths(study, trained, g, nothing, SETTINGS) for g in (good, bad))
    np.testing.assert_allclose(before[spoilt], after[spoilt])
    rest = np.setdiff1d(np.arange(32), spoilt)
    assert (after[rest] > before[rest] + 1).all()


def test_the_known_curve_is_the_phantoms_own(study, trained):
    from toolkit.phantom import grade_of_load

    columns = trained.model.blend.side.columns
    values = trained.values.copy()
    values[:, columns.index("net_mean")] = 0.02
    values[:, columns.index(FIGURE)] = np.linspace(0.1, 0.2, len(values))
    found = grading.graded_by_all(study, replace(trained, values=values), SETTINGS, 7)
    np.testing.assert_allclose(found["load, known curve"].grades, grade_of_load(0.02))


def test_figures_of_a_perfect_grader():
    truth = np.array([1.0, 2.0, 8.9])
    found = training.figures_of(truth, grading.Graded(truth, np.full(3, 0.5)))
    assert (found["RMSE"], found["within 0.5"], found["coverage"]) == (0, 1, 1)
    assert found["width"] == pytest.approx((1 + 1 + 0.6) / 3)  # no grade is over 9


def test_means_over_seeds_keep_the_shape():
    found = training.over_seeds([{"a": {"x": 1.0, "y": None}}, {"a": {"x": 3.0, "y": None}}])
    assert found == {"a": {"x": {"mean": 2.0, "SD": 1.0}, "y": None}}


def test_one_training_prints_every_method(study, trained, capsys, monkeypatch):
    monkeypatch.setattr(training, "train", lambda *arguments, **more: trained)
    found = training.figures_of_study(study, Encoder(SETTINGS.encoder), SETTINGS, 4, 1, lambda *x: None)
    tables.show_study("made up", found)
    tables.show_tones({"made up": found})
    text = capsys.readouterr().out
    for name in (
        "always the mean",
        "seed's argmax",
        "features alone",
        "load, isotonic",
        "embedding alone",
        "blend",
    ):
        assert f"\n{name} " in text
    assert sum(one["photos"]["mean"] for one in found["tones"].values()) == 32


def test_painted_photographs_are_one_subject_each():
    assert subject_of("P0001", "painted half", 22) == subject_of("P0023", "painted half", 22)
    assert subject_of("P0001", "painted half", 22) == subject_of("P0001", "painted whole", 22)
    assert subject_of("P0002", "painted half", 22) != subject_of("P0001", "painted half", 22)
    assert subject_of("P0001", "drawn half", 0) != subject_of("P0023", "drawn half", 0)


def test_only_people_are_painted_that_the_trunk_has_not_seen(tmp_path):
    faces = tmp_path / "faces"
    faces.mkdir()
    for number in range(7):
        (faces / f"{number}.jpg").write_bytes(b"picture")
    held_out = people.some_of(faces, tmp_path / "people", (*people.THIRD, *people.HELD_OUT))
    assert sorted(path.name for path in held_out.iterdir()) == ["2.jpg", "5.jpg"]


# --- experiments ---------------------------------------------------------------------------------


def given(study, **others):
    return experiments.Given(
        study, Encoder(SETTINGS.encoder), SETTINGS, others.get("backbone", Path("none.keras"))
    )


def test_colours_are_those_of_the_skin_alone(study):
    table = PhotoTable(experiments.in_colour(study).photos)
    picture, before = table.patch_inputs()[3], PhotoTable(study.photos).patch_inputs()[3]
    rgb = study.rgb[1][1]
    np.testing.assert_array_equal(picture[..., -1], before[..., -1])
    skin = picture[..., -1:].astype(float)
    np.testing.assert_allclose(picture[..., :3], (rgb - 127.0) / 128 * skin, atol=1e-3)
    assert picture.shape == before.shape


def test_flips_make_the_encoder_blind_to_mirror_images(study):
    inputs = PhotoTable(study.photos).patch_inputs()[:4]
    mirrored = [picture[:, ::-1] for picture in inputs]
    plain, flipped = given(study).kept(), given(study).kept(flips=True)
    assert np.abs(plain.look(inputs)[0] - plain.look(mirrored)[0]).max() > 1e-3
    features, maps = flipped.look(inputs)
    other_features, other_maps = flipped.look(mirrored)
    np.testing.assert_allclose(features, other_features, atol=1e-4)
    for one, other in zip(maps, other_maps, strict=True):
        np.testing.assert_allclose(one, other[:, ::-1], atol=1e-4)


def test_a_remembering_encoder_tells_pictures_apart(study):
    inputs = PhotoTable(study.photos).patch_inputs()[:4]
    encoder, plain = given(study).kept(), given(study).start
    first = encoder.look(inputs)[0]
    assert encoder.look(list(inputs))[0] is first
    assert not np.array_equal(encoder.look(inputs[::-1])[0], first)
    np.testing.assert_allclose(encoder.look(inputs)[0], encoder.trunk.predict_on_batch(
        np.stack(inputs).astype(np.float32))["pooled"], atol=1e-4)  # fmt: skip
    assert plain.trunk is not encoder.trunk


def test_a_missing_backbone_is_told(study):
    with pytest.raises(experiments.ToolkitError, match=r"none\.keras"):
        experiments.VARIANTS["backbone on RGB"](given(study))


def test_a_variant_trains(study):
    made = experiments.VARIANTS["kept trunk, pair loss"](given(study))
    assert made[2].encoder.loss == "pair"
    found = experiments.trained_figures(made, 2, 0, lambda *x: None)
    assert np.isfinite([found[part]["latent"] for part in ("embedding", "blend")]).all()


def test_from_scratch_keeps_no_trunk(study):
    for name, inputs in (("maps", study), ("RGB", experiments.in_colour(study))):
        made, start, _ = experiments.VARIANTS[f"from scratch on {name}"](given(study))
        assert start is None
        np.testing.assert_array_equal(made.photos[0].inputs[0], inputs.photos[0].inputs[0])
