"""Shared set-up of the tests."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # one process a core already: threads would wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from browser import browser, chromium
from hypothesis import settings
from learning import few_steps_are_not_compiled
from safe_reports import pytest_report_to_serializable

# Fixtures: a real Chromium, how networks are taught; and a hook.
__all__ = ["browser", "chromium", "few_steps_are_not_compiled", "pytest_report_to_serializable"]

# A busy machine makes single examples slow: time is watched by the whole run, not by the example.
settings.register_profile("toolkit", deadline=None)
settings.load_profile("toolkit")
