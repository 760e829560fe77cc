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
