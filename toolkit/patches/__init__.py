"""Forehead, cheeks and chin cut from a photograph at one physical scale, with masks of measurable skin."""

from toolkit.patches.cut import cut_patches
from toolkit.patches.overlay import draw_overlay
from toolkit.patches.store import load_patches, save_patches

__all__ = ["cut_patches", "draw_overlay", "load_patches", "save_patches"]
