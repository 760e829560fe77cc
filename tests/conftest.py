"""Shared set-up of the tests."""

from hypothesis import settings

# A busy machine makes single examples slow: time is watched by the whole run, not by the example.
settings.register_profile("toolkit", deadline=None)
settings.load_profile("toolkit")
