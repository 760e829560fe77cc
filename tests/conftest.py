"""Shared set-up of the tests."""

from browser import browser, chromium
from hypothesis import settings
from safe_reports import pytest_report_to_serializable

__all__ = ["browser", "chromium", "pytest_report_to_serializable"]  # fixtures: a real Chromium; and a hook

# A busy machine makes single examples slow: time is watched by the whole run, not by the example.
settings.register_profile("toolkit", deadline=None)
settings.load_profile("toolkit")
