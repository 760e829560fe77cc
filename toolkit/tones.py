"""Skin tones in words."""

from __future__ import annotations

TONES = ("very light", "light", "intermediate", "tan", "brown", "dark")
_OVER = (55.0, 41.0, 28.0, 10.0, -30.0)  # individual typology angle, degrees


def tone_name(ita: float) -> str:
    """Chardon's name of a skin tone by its ITA in degrees: "very light" over 55, ..., "dark" up to -30."""
    return next((name for bound, name in zip(_OVER, TONES, strict=False) if ita > bound), TONES[-1])
