"""Small made-up studies of skin patches, and a model trained on one, for the tests of training and grading."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import pytest

from toolkit import training
from toolkit.index import ReferenceIndex
from toolkit.pipeline import prepare
from toolkit.prepared import Prepared
from toolkit.records import FacePatches, Patch
from toolkit.settings import BlendSettings, EncoderSettings, IndexSettings, Settings
from toolkit.siamese import Encoder, pretrain
from toolkit.study import facts_from_name

SETTINGS = Settings(
    encoder=replace(EncoderSettings(), epochs=12, channels=(4, 8), embedding=12, batch=32),
    index=IndexSettings(neighbours=5),
    blend=BlendSettings(trees=60),
)
SIZE = 48  # pixels at 3 px/mm: 16 mm
SKIN = np.array([0.60, 0.35, 0.24])  # linear light
MELANIN = np.array([0.61, 1.0, 1.52])  # optical density in R, G, B for each unit in green


@dataclass(frozen=True)
class Study:
    """Prepared photographs, their grades and their subjects."""

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


def face_of(name, patches):
    return FacePatches(name, "0" * 64, patches, facts=facts_from_name(name))


def study(draw, subjects=20, visits=4, regions=("left_cheek", "chin"), seed=0, first=0):
    """``draw(rng, subject's rng, subject's grade)`` gives a photo's grade and a function that draws a patch."""
    rng = np.random.default_rng(seed)
    # A subject's own level: evenly spread, in random order.
    levels = rng.permutation(np.round(np.linspace(1, 7, subjects) * 2) / 2)
    prepared, grades, owners = [], [], []
    for subject, level in enumerate(levels, first):
        for visit in range(visits):
            grade, draw_patch = draw(rng, np.random.default_rng(1000 + subject), level)
            patches = tuple(draw_patch(region) for region in regions)
            prepared.append(prepare(face_of(name_of(subject, visit), patches), SETTINGS, every_figure=True))
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


@cache
def trunk() -> Encoder:
    """An encoder that has seen planted spots: what a study starts from."""
    rng = np.random.default_rng(77)
    inputs, maps = [], []
    for number in rng.integers(0, 16, 48):
        density = dots(rng, number)
        patch = a_patch("chin", density + rng.normal(0, 0.01, density.shape), rng.lognormal(0, 0.05, 3))
        (picture,) = prepare(FacePatches("x.jpg", "0" * 64, (patch,)), SETTINGS).inputs
        rows = np.linspace(0, SIZE - 1, picture.shape[0]).round().astype(int)
        inputs.append(picture)
        maps.append(density[np.ix_(rows, rows)].astype(np.float32))
    return pretrain(inputs, maps, SETTINGS.encoder, seed=0, epochs=12)


@dataclass
class Run:
    """A training, with what was watched on the way."""

    study: Study
    trained: training.Trained
    asked: list = field(default_factory=list)  # (subjects of the references, of the queries) a look-up
    encoders: list = field(default_factory=list)  # (inputs, subjects, start, pooled) an encoder
    told: list = field(default_factory=list)


def watched(made, settings=SETTINGS, **options) -> Run:
    """``train`` on a study with an eye on who is compared with whom, and who learns from whom."""
    asked, encoders, told = [], [], []
    look_up, train_encoder = ReferenceIndex.features, training.train_encoder

    def watched_features(self, embeddings, regions, subjects):
        asked.append((set(self.references.subjects), set(subjects)))
        return look_up(self, embeddings, regions, subjects)

    def watched_training(inputs, grades, subjects, settings, seed, start, pooled, progress):
        encoders.append((inputs, subjects, start, pooled))
        return train_encoder(
            inputs, grades, subjects, settings, seed=seed, start=start, pooled=pooled, progress=progress
        )

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ReferenceIndex, "features", watched_features)
        patched.setattr(training, "train_encoder", watched_training)
        trained = training.train(
            made.prepared,
            made.grades,
            made.subjects,
            settings,
            progress=lambda *now: told.append(now),
            **options,
        )
    return Run(made, trained, asked, encoders, told)


@cache
def visible() -> Run:
    """A study whose grade is visible, trained on a kept trunk in three folds."""
    return watched(study(spots_make_the_grade), folds=3, start=trunk())


def rmse(predicted, grades):
    return float(np.sqrt(np.mean((np.asarray(predicted) - grades) ** 2)))


def always_the_mean(trained, grades):
    """RMSE of answering each fold with the mean of the others."""
    predicted = np.zeros(len(grades))
    for train_photos, test_photos in trained.folds:
        predicted[test_photos] = grades[train_photos].mean()
    return rmse(predicted, grades)
