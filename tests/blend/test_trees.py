"""Trees walked by NumPy give what LightGBM gives."""

import numpy as np
import pytest

from toolkit.blend.trees import Booster
from toolkit.model import load_model, starter_folder


def table(rows, columns, seed, holes=0.2):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (rows, columns)) * np.exp(rng.normal(-1, 2, columns))
    values[rng.random(values.shape) < 0.1] = 0
    values[rng.random(values.shape) < holes] = np.nan
    return values


def grown(rng, holes, **parameters):
    """A booster grown on a table with ``holes`` of its values missing."""
    import lightgbm

    values = table(200, 5, seed=1, holes=holes)
    grades = np.nansum(values > 0, axis=1) + rng.normal(0, 0.3, 200)
    base = {"objective": "huber", "num_leaves": 7, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1}
    return lightgbm.train({**base, **parameters}, lightgbm.Dataset(values, label=grades), 40)


@pytest.mark.parametrize("holes", [0.0, 0.3])
@pytest.mark.parametrize("parameters", [{}, {"zero_as_missing": True}, {"use_missing": False}])
def test_trees_of_every_kind_of_missing_value(holes, parameters):
    booster = grown(np.random.default_rng(5), holes, **parameters)
    walked = Booster(booster.model_to_string())
    rows = table(300, 5, seed=2)
    np.testing.assert_allclose(walked.predict(rows), booster.predict(rows), atol=1e-12)


def test_the_starters_trees():
    booster = load_model(starter_folder()).blend.side.booster
    columns = booster.in_lightgbm.num_feature()
    rows = table(200, columns, seed=3)
    found = booster.predict(rows)
    np.testing.assert_allclose(found, booster.in_lightgbm.predict(rows), atol=1e-12)
    assert np.ptp(found) > 0.5


def test_a_single_leaf():
    booster = grown(np.random.default_rng(0), 0.0, min_data_in_leaf=150)
    text = booster.model_to_string()
    assert "num_leaves=1" in text
    walked = Booster(text)
    np.testing.assert_allclose(walked.predict(table(9, 5, seed=4)), booster.predict(table(9, 5, seed=4)))


def test_no_rows():
    walked = Booster(grown(np.random.default_rng(0), 0.0).model_to_string())
    assert walked.predict(np.zeros((0, 5))).shape == (0,)
