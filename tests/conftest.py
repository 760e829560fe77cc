"""Shared set-up of the tests."""

from browser import browser, chromium
from hypothesis import settings

__all__ = ["browser", "chromium"]  # fixtures: a real Chromium

# A busy machine makes single examples slow: time is watched by the whole run, not by the example.
settings.register_profile("toolkit", deadline=None)
settings.load_profile("toolkit")
