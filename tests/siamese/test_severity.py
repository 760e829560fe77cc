"""Severity: learnt from figures, told alike after saving, and refused when damaged."""

from dataclasses import replace

import numpy as np
import pytest

from toolkit.errors import ModelError
from toolkit.settings import EncoderSettings
from toolkit.siamese import Encoder, Severity

SMALL = EncoderSettings(channels=(4, 6), embedding=4)


def phantoms(n, seed=0):
    """Two figures that tell a grade together, one that tells nothing."""
    rng = np.random.default_rng(seed)
    grades = rng.uniform(0, 8.5, n)
    tone = rng.uniform(-1, 1, n)
    seen = grades * (1 + 0.3 * tone) / 9 + rng.normal(0, 0.02, n)
    return np.column_stack([seen, tone, rng.normal(0, 1, n)]), grades


@pytest.fixture(scope="module")
def severity():
    return Severity.fit(*phantoms(300), seed=1)


def test_it_tells_grades_of_phantoms_never_seen(severity):
    inputs, grades = phantoms(200, seed=9)
    error = severity.grades(inputs) - grades
    assert np.sqrt(np.mean(error**2)) < 0.3 * grades.std()
    np.testing.assert_allclose(9 * -np.expm1(-severity.figures(inputs)), severity.grades(inputs), rtol=1e-6)


def test_what_lies_far_beyond_the_phantoms_stays_within_the_scale(severity):
    for far in (1e3, -1e3):
        found = severity.grades(np.full((1, 3), far))
        assert 0 <= found[0] <= 8.7 and np.isfinite(severity.figures(np.full((1, 3), far))).all()


def test_no_sides_have_no_severity(severity):
    assert severity.grades(np.zeros((0, 3))).shape == (0,)


def test_a_saved_encoder_tells_the_same(severity, tmp_path):
    encoder = Encoder(SMALL, severity=severity)
    encoder.save(tmp_path / "encoder.npz")
    loaded = Encoder.load(tmp_path / "encoder.npz", SMALL)
    inputs, _ = phantoms(20, seed=3)
    np.testing.assert_array_equal(loaded.severity.grades(inputs), severity.grades(inputs))
    assert loaded.in_keras().severity is loaded.severity
    Encoder(SMALL).save(tmp_path / "without.npz")
    assert Encoder.load(tmp_path / "without.npz", SMALL).severity is None


@pytest.mark.parametrize(
    "change", [{"out": np.zeros((4, 5), np.float32)}, {"spread": np.full(3, np.nan, np.float32)}]
)
def test_damaged_weights_are_refused(severity, tmp_path, change):
    with pytest.raises(ValueError, match="must be finite and of shape"):
        replace(severity, **change)
    encoder = Encoder(SMALL, severity=severity)
    encoder.save(tmp_path / "encoder.npz")
    with np.load(tmp_path / "encoder.npz") as file:
        arrays = {name: file[name] for name in file.files}
    arrays |= {f"severity_{name}": value for name, value in change.items()}
    np.savez(tmp_path / "encoder.npz", **arrays)
    with pytest.raises(ModelError, match="severity"):
        Encoder.load(tmp_path / "encoder.npz", SMALL)
    del arrays["severity_out_bias"]
    np.savez(tmp_path / "encoder.npz", **arrays)
    with pytest.raises(ModelError, match="severity"):
        Encoder.load(tmp_path / "encoder.npz", SMALL)
