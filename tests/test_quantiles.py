"""Medians and percentiles are NumPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.quantiles import median, percentile


@given(
    st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=40), st.sampled_from([0, 5, 50, 90, 95, 100])
)
def test_median_and_percentile_are_numpys(values, percent):
    values = np.array(values, np.float32)
    assert median(values) == pytest.approx(float(np.median(values)), rel=1e-5, abs=1e-5)
    assert percentile(values, percent) == pytest.approx(
        float(np.percentile(values, percent)), rel=1e-5, abs=1e-5
    )


@pytest.mark.parametrize(
    "order",
    ["any", "rising", "falling", "ties", "alike", "far", "waves"],
)
@pytest.mark.parametrize("count", [10_000, 10_001, 23_456])
def test_order_statistics_of_many_values_are_exactly_those_of_a_sort(order, count):
    generator = np.random.default_rng(count)
    values = generator.normal(size=count).astype(np.float32)
    values = {
        "any": values,
        "rising": np.sort(values),
        "falling": np.sort(values)[::-1].copy(),
        "ties": np.maximum(values, 0.3),
        "alike": np.full(count, 2.5, np.float32),
        "far": np.where(np.arange(count) % 5 == 0, 1e6, values).astype(
            np.float32
        ),  # what a sample meets too often
        "waves": np.sin(np.arange(count, dtype=np.float32) * (2 * np.pi / 5)),
    }[order]
    ranked = np.sort(values)
    assert median(values) == float((ranked[(count - 1) // 2] + ranked[count // 2]) / 2)
    for percent in (0, 0.005, 1, 20, 50, 79.9, 80, 95, 99.999, 100):
        place = percent / 100 * (count - 1)
        low, high = ranked[int(place)], ranked[min(int(place) + 1, count - 1)]
        assert percentile(values, percent) == float(low + (high - low) * (place - int(place)))
